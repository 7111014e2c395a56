/* tests/stress/parked.h: a handler that defers its calls, and a thread that
 * completes them some time. */
#ifndef TESTS_STRESS_PARKED_H
#define TESTS_STRESS_PARKED_H

#include <mayfly/mayfly.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { PARKED_MAX = 4096 };

typedef struct parked {
    pthread_mutex_t lock;
    mayfly_call *calls[PARKED_MAX];
    int n;
    atomic_int stop;
} parked;

/* A raw handler; `state` is the list. */
static inline int park(void *state, mayfly_call *call, mayfly_bytes in)
{
    parked *p = state;
    (void)in;
    int kept = 0;
    if (mayfly_call_defer(call, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    pthread_mutex_lock(&p->lock);
    if (p->n < PARKED_MAX) {
        p->calls[p->n++] = call;
        kept = 1;
    }
    pthread_mutex_unlock(&p->lock);
    if (!kept)
        mayfly_call_finish(call, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
                           mayfly_str_of("full"), NULL);
    return 0;
}

/* Completes those that are there, with a reply of seven bytes. */
static inline void complete_parked(parked *p)
{
    for (;;) {
        pthread_mutex_lock(&p->lock);
        mayfly_call *call = p->n ? p->calls[--p->n] : NULL;
        pthread_mutex_unlock(&p->lock);
        if (!call)
            return;
        mayfly_bytes reply = {(const uint8_t *)"request", 7};
        mayfly_call_reply(call, reply, NULL);
    }
}

/* A thread's function: goes on until `stop`. */
static inline void *complete(void *state)
{
    parked *p = state;
    while (!atomic_load(&p->stop)) {
        complete_parked(p);
        usleep(200);
    }
    return NULL;
}

#endif
