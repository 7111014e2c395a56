/* base/sync.h: a lock and a condition that waits by the monotonic clock. */
#ifndef MF_BASE_SYNC_H
#define MF_BASE_SYNC_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* 0, or -1: neither is made. */
int mf_sync_init(pthread_mutex_t *lock, pthread_cond_t *changed);
void mf_sync_done(pthread_mutex_t *lock, pthread_cond_t *changed);

/* A moment of mf_clock_ns, for pthread_cond_timedwait. */
static inline struct timespec mf_sync_until(uint64_t at_ns)
{
    return (struct timespec){.tv_sec = (time_t)(at_ns / 1000000000),
                             .tv_nsec = (long)(at_ns % 1000000000)};
}

#endif
