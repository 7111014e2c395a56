/*
 * base/process.c: the process as the kernel sees it.
 *
 * A receipt that only counted mayfly's own blocks would prove nothing, so a
 * snapshot can also hold what /proc/self says: proportional and dirty pages,
 * mappings, memory files, threads, descriptors, and what the process allocator
 * keeps. Reading must not disturb what is read: procfs.c reads into the
 * stack and allocates nothing.
 *
 * A memory file (memfd) is counted once, by its size, because pages that were
 * written through a descriptor show in no mapping's figures. The size is asked
 * of an open descriptor for the file or of its mapping; where neither may be
 * asked, the furthest mapped byte stands for it.
 *
 * Threads: any. Other threads may map and open meanwhile; each figure is then
 * from a slightly different moment.
 */
#include "base/census.h"
#include "base/procfs.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMORY_FILES = 256 };

typedef struct memory_file {
    unsigned long inode;
    uint64_t bytes;
} memory_file;

typedef struct memory_files {
    size_t n;
    uint64_t more; /* bytes of files past the table's end */
    memory_file file[MEMORY_FILES];
} memory_files;

static void read_figures(mf_process *p)
{
    mf_proc r;
    char line[256];

    if (mf_proc_open(&r, "/proc/self/smaps_rollup")) {
        while (mf_proc_line(&r, line, sizeof line)) {
            mf_proc_figure(line, "Pss:", &p->pss_kib);
            mf_proc_figure(line, "Private_Dirty:", &p->private_dirty_kib);
        }
        mf_proc_close(&r);
    }
    if (mf_proc_open(&r, "/proc/self/status")) {
        while (mf_proc_line(&r, line, sizeof line))
            mf_proc_figure(line, "Threads:", &p->threads);
        mf_proc_close(&r);
    }
}

static void memory_file_seen(memory_files *files, unsigned long inode,
                             uint64_t bytes)
{
    for (size_t i = 0; i < files->n; i++) {
        memory_file *f = &files->file[i];
        if (f->inode != inode)
            continue;
        if (bytes > f->bytes)
            f->bytes = bytes;
        return;
    }
    if (files->n == MEMORY_FILES) {
        files->more += bytes;
        return;
    }
    files->file[files->n].inode = inode;
    files->file[files->n].bytes = bytes;
    files->n++;
}

/* Counts mappings and finds the memory files among them. */
static void read_mappings(mf_process *p, memory_files *files)
{
    mf_proc r;
    char line[512];

    if (!mf_proc_open(&r, "/proc/self/maps"))
        return;
    while (mf_proc_line(&r, line, sizeof line)) {
        unsigned long from, to, offset, inode;
        int name_at = 0;
        p->mappings++;
        if (sscanf(line, "%lx-%lx %*s %lx %*s %lu %n", &from, &to, &offset,
                   &inode, &name_at) != 4 ||
            strncmp(line + name_at, "/memfd:", 7) != 0)
            continue;
        char path[80];
        struct stat st;
        uint64_t bytes = (uint64_t)offset + (to - from);
        snprintf(path, sizeof path, "/proc/self/map_files/%lx-%lx", from, to);
        if (stat(path, &st) == 0)
            bytes = (uint64_t)st.st_size;
        memory_file_seen(files, inode, bytes);
    }
    mf_proc_close(&r);
}

/* An entry of /proc/self/fd: corrects the size of a memory file that is mapped.
 */
static void look_at_descriptor(int fd, memory_files *files)
{
    char path[40];
    char target[16];
    struct stat st;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, target, sizeof target);
    if (n < 7 || memcmp(target, "/memfd:", 7) != 0 || stat(path, &st) != 0)
        return;
    for (size_t i = 0; i < files->n; i++)
        if (files->file[i].inode == (unsigned long)st.st_ino)
            files->file[i].bytes = (uint64_t)st.st_size;
}

static void read_descriptors(mf_process *p, memory_files *files)
{
    mf_proc_dir dir;
    int fd;
    if (!mf_proc_dir_open(&dir, "/proc/self/fd"))
        return;
    while (mf_proc_dir_next(&dir, &fd)) {
        p->descriptors++;
        p->by_kind[mf_fd_kind_of(fd)]++;
        look_at_descriptor(fd, files);
    }
    mf_proc_dir_close(&dir);
}

void mf_process_read(mf_process *ret)
{
    memory_files files;
    uint64_t bytes;

    files.n = 0;
    files.more = 0;
    memset(ret, 0, sizeof *ret);
    read_figures(ret);
    read_mappings(ret, &files);
    read_descriptors(ret, &files);
    bytes = files.more;
    for (size_t i = 0; i < files.n; i++)
        bytes += files.file[i].bytes;
    ret->memfd_kib = bytes / 1024;
    struct mallinfo2 heap = mallinfo2();
    ret->malloc_used_kib = (heap.uordblks + heap.hblkhd) / 1024;
    ret->malloc_retained_kib = heap.fordblks / 1024;
}
