/*
 * proxy/transport/loop.h: an event loop.
 *
 * A loop owns timers, watched descriptors and two buffers that its connections
 * share, because each is needed only while the loop is busy with one of them.
 * It has a thread of its own (loop_thread.c) or turns when somebody runs a
 * uv_loop_t that is not mayfly's (loop_foreign.c). Functions marked "loop" are
 * called on the loop's thread, in one of its callbacks.
 */
#ifndef MF_PROXY_LOOP_H
#define MF_PROXY_LOOP_H

#include "base/alloc.h"
#include "proxy/transport/pool.h"
#include "proxy/transport/timer.h"

#include <mayfly/error.h>

#include <pthread.h>
#include <stdatomic.h>

enum { MF_LOOP_BUFFER = 65536 };

typedef struct mf_task {
    struct mf_task *next;
    void (*run)(struct mf_task *task);
} mf_task;

struct uv_loop_s; /* a uv_loop_t */

typedef struct mf_watch mf_watch; /* a descriptor that a loop looks at */

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

typedef struct mf_loop_setup {
    mf_alloc *alloc;
    unsigned number; /* of the thread, for its name */
    unsigned idle_ms;
    /* runs on the loop when `activity` has not changed for `idle_ms` after it
     * last did */
    void (*idle)(mf_loop *loop);
    void *user;
} mf_loop_setup;

/* Starts the thread. Errors: ENOMEM, EIO. */
int mf_loop_new(const mf_loop_setup *setup, mf_loop **ret_loop,
                mayfly_error *err);

/* Runs what has been posted, then ends and joins the thread. Later posts fail.
 * The loop's memory stays until mf_loop_free. Not on the loop. */
void mf_loop_stop(mf_loop *loop);
void mf_loop_free(mf_loop *loop); /* stopped, or NULL */

/* --- on a loop that is not ours --- */

/*
 * A loop for somebody's uv_loop_t. Nothing is taken of that one before
 * mf_loop_attach, which makes handles on it: on the thread that runs it, or
 * before anybody does. Tasks may be posted before; they run when it turns.
 * Errors: ENOMEM; EIO (no descriptor).
 */
int mf_loop_new_foreign(const mf_loop_setup *setup, struct uv_loop_s *uv,
                        mf_loop **ret_loop, mayfly_error *err);
int mf_loop_attach(mf_loop *loop, mayfly_error *err);

/* Instead of mf_loop_stop: runs what has been posted, refuses more, and closes
 * the handles. `gone` runs when the last one is closed, in a later turn; the
 * loop may be freed there. Loop. */
void mf_loop_close(mf_loop *loop, void (*gone)(void *state), void *state);

/* One turn of somebody's loop; waits until something happens. On its thread,
 * when it does not run. */
void mf_loop_turn(struct uv_loop_s *uv);

int mf_loop_is_foreign(const mf_loop *loop);

/* A foreign loop's thread is the one that it turned on last; before that the
 * one that took it, at first by making it. `is_mine`: 1 on that thread, also
 * when the loop does not turn. */
void mf_loop_take(mf_loop *loop);
int mf_loop_is_mine(const mf_loop *loop);

/* As long as there is more than has been let go, uv_run does not return by
 * itself. Loop. */
void mf_loop_hold(mf_loop *loop);
void mf_loop_let_go(mf_loop *loop);

/* Looks again whether uv_run may return, for who has posted nothing because a
 * task was on its way. Any thread; what counts is the loop's. */
void mf_loop_notice(mf_loop *loop);

/* --- both --- */

/* Hands a task to the loop: it runs there once, in the order of posting.
 * Returns 0, or MAYFLY_ECANCELLED when the loop has stopped. Any thread. */
int mf_loop_post(mf_loop *loop, mf_task *task);

/* Runs the task at the end of this turn, before the loop sleeps. Loop. */
void mf_loop_later(mf_loop *loop, mf_task *task);

/* 1 in a callback of that loop. */
int mf_loop_is_current(const mf_loop *loop);

/* 1 in a callback of any host's loop. */
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
/* A loop that stops frees the watches that are left: afterwards they must not
 * be used, nor freed. */

#endif
