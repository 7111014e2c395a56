/*
 * proxy/transport/loop_uv.h: a loop from the inside; for loop.c, loop_thread.c
 * and loop_foreign.c, which alone know libuv.
 *
 * loop.c is what happens in a turn. The two others are whose turns they are: a
 * thread of mayfly's own, or whoever runs a uv_loop_t that is not ours.
 */
#ifndef MF_PROXY_LOOP_UV_H
#define MF_PROXY_LOOP_UV_H

#include "proxy/transport/loop.h"

#include <semaphore.h>
#include <uv.h> /* nowhere else */

typedef struct mf_task_list {
    mf_task *first;
    mf_task **last;
} mf_task_list;

typedef struct mf_uv_loop {
    mf_loop base;  /* first: users hold a pointer to it */
    uv_loop_t *uv; /* `own`, or the foreign one */
    uv_async_t wake;
    uv_prepare_t before_sleep;
    uv_timer_t timer;
    uint64_t timer_at;    /* what it is set to; UINT64_MAX: not set */
    mf_task_list later;   /* for the end of this turn */
    pthread_mutex_t lock; /* for posted, stopped, is_attached */
    mf_task_list posted;
    mf_task_list running; /* taken from there */
    int stopped;          /* posts are refused */
    void (*idle)(mf_loop *loop);
    unsigned idle_ms;
    mf_timer idle_timer;
    uint64_t idle_seen; /* activity when the idle timer was set */
    mf_watch *watches;  /* that are not freed */
    unsigned n_open;    /* handles that libuv has not let go of */

    /* one with a thread of its own */
    uv_loop_t own;
    pthread_t thread;
    unsigned number; /* of the thread, for its name */
    sem_t started;
    atomic_int stopping;

    /* a foreign one */
    uint8_t is_foreign;
    uint8_t is_attached;       /* it has handles */
    uint8_t is_closing;        /* they are being closed */
    uint8_t keeps;             /* `wake` keeps uv_run from returning */
    unsigned holds;            /* what it has to do: mf_loop_hold */
    atomic_uint_fast64_t mine; /* the number of its thread */
    uv_check_t after_poll;
    void (*gone)(void *state); /* when all handles are closed */
    void *gone_state;
} mf_uv_loop;

static inline mf_uv_loop *mf_uv_of(const mf_loop *base)
{
    return (mf_uv_loop *)(void *)(uintptr_t)base; /* its first member */
}

/* --- loop.c --- */
mf_uv_loop *mf_uv_new(const mf_loop_setup *setup); /* NULL: no memory */
/* Its handles, on `uv`. 0, or -1 when there is no descriptor for them. */
int mf_uv_open(mf_uv_loop *l);
void mf_uv_drain(mf_uv_loop *l); /* runs what was posted, then refuses more */
void mf_uv_close(mf_uv_loop *l); /* handles and watches; `n_open` counts down */
void mf_uv_on_closed(uv_handle_t *handle); /* of the loop's own handles */

/* What is begun with mf_uv_enter, each callback of libuv's, ends with
 * mf_uv_leave of what that returned. */
const mf_loop *mf_uv_enter(mf_uv_loop *l);
void mf_uv_leave(mf_uv_loop *l, const mf_loop *before);
void mf_uv_run_posted(mf_uv_loop *l);
void mf_uv_run_later(mf_uv_loop *l);

/* --- loop_foreign.c --- */
void mf_uv_settle(mf_uv_loop *l); /* foreign: whether uv_run may return */
uint64_t mf_uv_this_thread(void); /* a number that no other thread ever has */

#endif
