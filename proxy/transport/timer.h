/*
 * proxy/transport/timer.h: many deadlines, one clock.
 *
 * A pairing heap of timers that live in their owners: setting one allocates
 * nothing. Times are milliseconds of a monotonic clock that the caller passes
 * in. One thread at a time.
 */
#ifndef MF_PROXY_TIMER_H
#define MF_PROXY_TIMER_H

#include <stdint.h>

typedef struct mf_timer {
    uint64_t at_ms; /* when it is due */
    void (*run)(struct mf_timer *timer);
    struct mf_timer *child;   /* of those due later, the first */
    struct mf_timer *sibling; /* the next with the same parent */
    struct mf_timer *back; /* the sibling before, or the parent of the first */
    int is_set;
} mf_timer;

typedef struct mf_timers {
    mf_timer *first; /* due before all others; NULL: none is set */
} mf_timers;

/* A timer starts zeroed. Setting one that is set moves it. */
void mf_timer_set(mf_timers *timers, mf_timer *timer, uint64_t at_ms,
                  void (*run)(mf_timer *timer));
void mf_timer_clear(mf_timers *timers, mf_timer *timer); /* set or not */

/* Takes every timer out that is due at `now_ms` and runs it. One that is set
 * anew while they run waits for the next time, unless it lies in the past. */
void mf_timers_run(mf_timers *timers, uint64_t now_ms);

#endif
