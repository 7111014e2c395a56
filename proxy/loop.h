/*
 * proxy/loop.h: an event-loop thread.
 *
 * A loop owns its thread, timers, watched descriptors and two buffers that its
 * connections share, because each is needed only while the loop is busy with
 * one of them. Only loop.c knows libuv. Functions marked "loop" are called on
 * the loop's own thread.
 */
#ifndef MF_PROXY_LOOP_H
#define MF_PROXY_LOOP_H

#include "base/alloc.h"
#include "proxy/pool.h"
#include "proxy/timer.h"

#include <mayfly/error.h>

#include <pthread.h>
#include <stdatomic.h>

typedef struct mf_task {
    struct mf_task *next;
    void (*run)(struct mf_task *task);
} mf_task;

typedef struct mf_watch mf_watch; /* a descriptor that a loop looks at */

enum { MF_LOOP_BUFFER = 65536 };

/* The part of a loop that its users see. */
typedef struct mf_loop {
    mf_alloc *alloc;
    mf_timers timers;
    mf_pool pool;     /* of the loop's own connections */
    uint64_t now_ms;  /* monotonic, as of this turn */
    uint8_t *in;      /* MF_LOOP_BUFFER bytes, for one read at a time */
    uint8_t *out;     /* MF_LOOP_BUFFER bytes, for one write at a time */
    atomic_uint load; /* connections on it: new ones go to the least loaded */
    uint64_t
        activity; /* loop: counted up by whoever uses what idle time frees */
    void *user;   /* host.c's: the caches that live on this thread */
} mf_loop;

/* Starts the thread. `idle` runs on it when `activity` has not changed for
 * `idle_ms` after it last did. Errors: ENOMEM, EIO. */
int mf_loop_new(mf_alloc *alloc, unsigned number, unsigned idle_ms,
                void (*idle)(mf_loop *loop), void *user, mf_loop **ret_loop,
                mayfly_error *err);

/* Runs what has been posted, then ends and joins the thread. Later posts fail.
 * The loop's memory stays until mf_loop_free. Not on the loop. */
void mf_loop_stop(mf_loop *loop);
void mf_loop_free(mf_loop *loop); /* stopped, or NULL */

/* Hands a task to the loop: it runs there once, in the order of posting.
 * Returns 0, or MAYFLY_ECANCELLED when the loop has stopped. Any thread. */
int mf_loop_post(mf_loop *loop, mf_task *task);

/* Runs the task at the end of this turn, before the loop sleeps. Loop. */
void mf_loop_later(mf_loop *loop, mf_task *task);

/* 1 on the thread of that loop. */
int mf_loop_is_current(const mf_loop *loop);

/* 1 on a loop thread of any host: what must not block asks this. */
int mf_loop_on_any(void);

/* Timers of a loop. Loop. */
void mf_loop_set_timer(mf_loop *loop, mf_timer *timer, uint64_t at_ms,
                       void (*run)(mf_timer *timer));
void mf_loop_clear_timer(mf_loop *loop, mf_timer *timer);

/* Watching descriptors. Loop. `ready` gets the events that are; a failed
 * descriptor is both readable and writable. The watch does not own the
 * descriptor, and must be freed before it is closed. */
enum { MF_READABLE = 1, MF_WRITABLE = 2 };
int mf_watch_new(mf_loop *loop, int fd, void (*ready)(void *state, int events),
                 void *state, mf_watch **ret_watch, mayfly_error *err);
void mf_watch_set(mf_watch *watch, int events); /* 0: look away */
void mf_watch_free(mf_watch *watch);            /* NULL is allowed */
/* A loop that stops frees the watches that are left: afterwards they must not be
 * used, nor freed. */

#endif
