/*
 * base/proclist.c: the threads of the process, and its descriptors by kind.
 *
 * Threads come from /proc/self/task: name, start and time used are in each
 * one's `stat`. A name may have spaces and brackets, so the fields are counted
 * from the last bracket. What a descriptor is, is told by where its link in
 * /proc/self/fd points to.
 *
 * Threads: any. One that ends meanwhile is left out.
 */
#include "base/proclist.h"

#include "base/procfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Numbers of fields behind the name's bracket, from 1. */
enum { STAT_UTIME = 12, STAT_STIME = 13, STAT_START = 20, STAT_LEN = 1024 };

static uint64_t uptime_ms(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_BOOTTIME, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int read_thread(int id, mf_thread_info *t)
{
    mf_proc p;
    char path[64], line[STAT_LEN];
    uint64_t ticks[3] = {0};
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
    if (!mf_proc_open(&p, path))
        return 0;
    int got = mf_proc_line(&p, line, sizeof line);
    mf_proc_close(&p);
    char *from = strchr(line, '('), *to = strrchr(line, ')');
    if (!got || !from || !to || to < from)
        return 0;
    memset(t, 0, sizeof *t);
    t->id = id;
    *to = '\0';
    snprintf(t->name, sizeof t->name, "%s", from + 1);
    int field = 0;
    for (char *at = to + 1; at && field < STAT_START; at = strchr(at, ' ')) {
        at++;
        field++;
        if (field == STAT_UTIME)
            ticks[0] = strtoull(at, NULL, 10);
        else if (field == STAT_STIME)
            ticks[1] = strtoull(at, NULL, 10);
        else if (field == STAT_START)
            ticks[2] = strtoull(at, NULL, 10);
    }
    uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK), now = uptime_ms();
    uint64_t start = ticks[2] * 1000 / hz;
    t->cpu_ms = (ticks[0] + ticks[1]) * 1000 / hz;
    t->age_ms = now > start ? now - start : 0;
    return 1;
}

void mf_threads_each(void (*each)(void *state, const mf_thread_info *thread),
                     void *state)
{
    mf_proc_dir d;
    mf_thread_info t;
    int id;
    if (!mf_proc_dir_open(&d, "/proc/self/task"))
        return;
    while (mf_proc_dir_next(&d, &id))
        if (read_thread(id, &t))
            each(state, &t);
    mf_proc_dir_close(&d);
}

const char *mf_fd_kind_name(enum mf_fd_kind kind)
{
    static const char *const names[MF_FD_KINDS] = {
        "socket", "eventfd", "epoll", "memfd", "pipe", "file", "other"};
    return names[kind];
}

enum mf_fd_kind mf_fd_kind_of(int fd)
{
    static const struct {
        const char *begin;
        enum mf_fd_kind kind;
    } links[] = {
        {"socket:", MF_FD_SOCKET},
        {"anon_inode:[eventfd]", MF_FD_EVENTFD},
        {"anon_inode:[eventpoll]", MF_FD_EPOLL},
        {"/memfd:", MF_FD_MEMFD},
        {"pipe:", MF_FD_PIPE},
    };
    char path[40], to[32];
    struct stat st;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, to, sizeof to);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        size_t len = strlen(links[i].begin);
        if (n >= (ssize_t)len && memcmp(to, links[i].begin, len) == 0)
            return links[i].kind;
    }
    /* by its path: the descriptor may be another thread's, and closed by now */
    if (stat(path, &st) != 0)
        return MF_FD_OTHER;
    if (S_ISFIFO(st.st_mode))
        return MF_FD_PIPE;
    return S_ISREG(st.st_mode) ? MF_FD_FILE : MF_FD_OTHER;
}

void mf_descriptors_count(uint64_t ret_counts[MF_FD_KINDS])
{
    mf_proc_dir d;
    int fd;
    memset(ret_counts, 0, MF_FD_KINDS * sizeof ret_counts[0]);
    if (!mf_proc_dir_open(&d, "/proc/self/fd"))
        return;
    while (mf_proc_dir_next(&d, &fd))
        ret_counts[mf_fd_kind_of(fd)]++;
    mf_proc_dir_close(&d);
}
