/*
 * base/proclist.h: the threads of the process, and its descriptors by kind.
 *
 * Both only read /proc/self and allocate nothing. Any thread.
 */
#ifndef MF_BASE_PROCLIST_H
#define MF_BASE_PROCLIST_H

#include <stddef.h>
#include <stdint.h>

typedef struct mf_thread_info {
    int id; /* the kernel's number of it */
    char name[20];
    uint64_t age_ms;
    uint64_t cpu_ms; /* in user and kernel mode */
} mf_thread_info;

void mf_threads_each(void (*each)(void *state, const mf_thread_info *thread),
                     void *state);

enum mf_fd_kind {
    MF_FD_SOCKET,
    MF_FD_EVENTFD,
    MF_FD_EPOLL,
    MF_FD_MEMFD,
    MF_FD_PIPE,
    MF_FD_FILE,
    MF_FD_OTHER, /* devices, folders, timers, ... */
    MF_FD_KINDS
};

const char *mf_fd_kind_name(enum mf_fd_kind kind);
enum mf_fd_kind mf_fd_kind_of(int fd);
void mf_descriptors_count(uint64_t ret_counts[MF_FD_KINDS]);

#endif
