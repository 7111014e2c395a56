/*
 * base/procfs.c: files and folders of /proc, read with plain system calls.
 *
 * stdio and opendir would allocate, and so change what a receipt is about to
 * show. A reader is a few kilobytes of the caller's stack.
 *
 * Threads: any; a reader belongs to one.
 */
#include "base/procfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int mf_proc_open(mf_proc *p, const char *path)
{
    p->fd = open(path, O_RDONLY | O_CLOEXEC);
    p->at = 0;
    p->len = 0;
    return p->fd >= 0;
}

static int fill(mf_proc *p)
{
    ssize_t n = read(p->fd, p->bytes, sizeof p->bytes);
    p->at = 0;
    p->len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

int mf_proc_line(mf_proc *p, char *line, size_t size)
{
    size_t n = 0;
    int any = 0;
    while (p->at < p->len || fill(p)) {
        char c = p->bytes[p->at++];
        any = 1;
        if (c == '\n')
            break;
        if (n + 1 < size)
            line[n++] = c;
    }
    line[n] = '\0';
    return any;
}

void mf_proc_close(mf_proc *p)
{
    close(p->fd);
}

int mf_proc_figure(const char *line, const char *name, uint64_t *ret)
{
    size_t n = strlen(name);
    if (strncmp(line, name, n) != 0)
        return 0;
    *ret = strtoull(line + n, NULL, 10);
    return 1;
}

uint64_t mf_proc_count_lines(const char *path)
{
    mf_proc p;
    uint64_t lines = 0;
    if (!mf_proc_open(&p, path))
        return 0;
    while (fill(&p)) {
        const char *at = p.bytes, *end = p.bytes + p.len;
        while ((at = memchr(at, '\n', (size_t)(end - at)))) {
            at++;
            lines++;
        }
    }
    mf_proc_close(&p);
    return lines;
}

int mf_proc_dir_open(mf_proc_dir *d, const char *path)
{
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d->at = 0;
    d->len = 0;
    return d->fd >= 0;
}

int mf_proc_dir_next(mf_proc_dir *d, int *ret_number)
{
    for (;;) {
        if (d->at >= d->len) {
            d->at = 0;
            d->len =
                syscall(SYS_getdents64, d->fd, d->entries, sizeof d->entries);
            if (d->len <= 0)
                return 0;
        }
        const char *entry = d->entries + d->at;
        const char *name = entry + offsetof(struct dirent64, d_name);
        unsigned short length;
        memcpy(&length, entry + offsetof(struct dirent64, d_reclen),
               sizeof length);
        d->at += length;
        if (name[0] < '0' || name[0] > '9')
            continue;
        *ret_number = atoi(name);
        if (*ret_number != d->fd)
            return 1;
    }
}

void mf_proc_dir_close(mf_proc_dir *d)
{
    close(d->fd);
}
