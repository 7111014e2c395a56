/*
 * base/procfs.h: reading /proc without disturbing what is read.
 *
 * Plain system calls into the caller's storage: nothing is allocated, and each
 * descriptor is closed by its close. Threads: each reader belongs to one.
 */
#ifndef MF_BASE_PROCFS_H
#define MF_BASE_PROCFS_H

#include <stddef.h>
#include <stdint.h>

/* A file, one line at a time. */
typedef struct mf_proc {
    int fd;
    size_t at, len; /* what of `bytes` has not been looked at */
    char bytes[4096];
} mf_proc;

int mf_proc_open(mf_proc *p, const char *path); /* 0: it cannot be read */
/* The next line without its end, cut to `size`; 0 at the end of the file. */
int mf_proc_line(mf_proc *p, char *line, size_t size);
void mf_proc_close(mf_proc *p);

/* The number behind `name`, e.g. "Pss:", when the line begins with it; 1 if it
 * does. */
int mf_proc_figure(const char *line, const char *name, uint64_t *ret);

/* The lines of a file; 0 where it cannot be read. */
uint64_t mf_proc_count_lines(const char *path);

/* A folder whose entries are numbers: /proc/self/fd, /proc/self/task. */
typedef struct mf_proc_dir {
    int fd; /* is not among the entries */
    long at, len;
    char entries[4096];
} mf_proc_dir;

int mf_proc_dir_open(mf_proc_dir *d, const char *path);
int mf_proc_dir_next(mf_proc_dir *d, int *ret_number);
void mf_proc_dir_close(mf_proc_dir *d);

#endif
