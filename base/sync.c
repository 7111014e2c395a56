/*
 * base/sync.c: a condition that waits by the monotonic clock, with its lock.
 *
 * The clock of the day may be set while somebody waits, so every wait with a
 * time goes by mf_clock_ns.
 */
#include "base/sync.h"

int mf_sync_init(pthread_mutex_t *lock, pthread_cond_t *changed)
{
    pthread_condattr_t attr;
    if (pthread_mutex_init(lock, NULL) != 0)
        return -1;
    if (pthread_condattr_init(&attr) != 0)
        goto no_attr;
    int bad = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
              pthread_cond_init(changed, &attr) != 0;
    pthread_condattr_destroy(&attr);
    if (!bad)
        return 0;
no_attr:
    pthread_mutex_destroy(lock);
    return -1;
}

void mf_sync_done(pthread_mutex_t *lock, pthread_cond_t *changed)
{
    pthread_cond_destroy(changed);
    pthread_mutex_destroy(lock);
}
