/*
 * base/process.c: the process as the kernel sees it.
 *
 * A receipt that only counted mayfly's own blocks would prove nothing, so a
 * snapshot can also hold what /proc/self says: proportional and dirty pages,
 * mappings, memory files, threads, descriptors, and what the process allocator
 * keeps. Reading must not disturb what is read: files are read with plain
 * system calls into the stack, nothing is allocated, every descriptor is
 * closed.
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

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MEMORY_FILES = 256 };

/* One line at a time of a file, through a buffer of fixed size; the rest of a
 * longer line is dropped. */
typedef struct reader {
    int fd;
    size_t at, len; /* what of `bytes` has not been looked at */
    char bytes[4096];
} reader;

typedef struct memory_file {
    unsigned long inode;
    uint64_t bytes;
} memory_file;

typedef struct memory_files {
    size_t n;
    uint64_t more; /* bytes of files past the table's end */
    memory_file file[MEMORY_FILES];
} memory_files;

static int reader_open(reader *r, const char *path)
{
    r->fd = open(path, O_RDONLY | O_CLOEXEC);
    r->at = 0;
    r->len = 0;
    return r->fd >= 0;
}

static int reader_byte(reader *r)
{
    if (r->at == r->len) {
        ssize_t n = read(r->fd, r->bytes, sizeof r->bytes);
        if (n <= 0)
            return -1;
        r->at = 0;
        r->len = (size_t)n;
    }
    return (unsigned char)r->bytes[r->at++];
}

/* The next line without its end into `line`; 0 at the end of the file. */
static int reader_line(reader *r, char *line, size_t size)
{
    size_t n = 0;
    int c = reader_byte(r);
    if (c < 0)
        return 0;
    for (; c >= 0 && c != '\n'; c = reader_byte(r))
        if (n + 1 < size)
            line[n++] = (char)c;
    line[n] = '\0';
    return 1;
}

/* The number behind "Name:" when the line begins with it. */
static void figure(const char *line, const char *name, uint64_t *ret)
{
    size_t n = strlen(name);
    if (strncmp(line, name, n) == 0)
        *ret = strtoull(line + n, NULL, 10);
}

static void read_figures(mf_process *p)
{
    reader r;
    char line[256];

    if (reader_open(&r, "/proc/self/smaps_rollup")) {
        while (reader_line(&r, line, sizeof line)) {
            figure(line, "Pss:", &p->pss_kib);
            figure(line, "Private_Dirty:", &p->private_dirty_kib);
        }
        close(r.fd);
    }
    if (reader_open(&r, "/proc/self/status")) {
        while (reader_line(&r, line, sizeof line))
            figure(line, "Threads:", &p->threads);
        close(r.fd);
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
    reader r;
    char line[512];

    if (!reader_open(&r, "/proc/self/maps"))
        return;
    while (reader_line(&r, line, sizeof line)) {
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
    close(r.fd);
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
    if (n < 7 || memcmp(target, "/memfd:", 7) != 0 || fstat(fd, &st) != 0)
        return;
    for (size_t i = 0; i < files->n; i++)
        if (files->file[i].inode == (unsigned long)st.st_ino)
            files->file[i].bytes = (uint64_t)st.st_size;
}

/* opendir would allocate, so the directory is read by the system call itself.
 */
static void read_descriptors(mf_process *p, memory_files *files)
{
    _Alignas(struct dirent64) char entries[4096];
    int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return;
    for (;;) {
        long n = syscall(SYS_getdents64, dir, entries, sizeof entries);
        if (n <= 0)
            break;
        for (long at = 0; at < n;) {
            unsigned short length;
            const char *name = entries + at + offsetof(struct dirent64, d_name);
            memcpy(&length, entries + at + offsetof(struct dirent64, d_reclen),
                   sizeof length);
            at += length;
            if (name[0] == '.')
                continue;
            int fd = atoi(name);
            if (fd == dir)
                continue;
            p->descriptors++;
            look_at_descriptor(fd, files);
        }
    }
    close(dir);
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
