/*
 * An event-loop thread on libuv; the one file that knows it.
 *
 * A turn is: wait for descriptors and posted tasks, run what is ready and what
 * is due, then the tasks that were put off to the end of the turn (each
 * connection that has something to send drains once there, however many calls
 * it served).
 *
 * What stays true: everything but mf_loop_post, mf_loop_stop and mf_loop_free
 * happens on the loop's thread. Tasks run in the order of posting, also while
 * the loop stops, so what was posted before the stop has run when it is over.
 * libuv closes handles later: a watch's memory goes in its close callback.
 */
#include "proxy/loop.h"

#include "base/error.h"
#include "base/owner.h"
#include "proxy/workers.h"

#include <semaphore.h>
#include <uv.h> /* the one file that may */

typedef struct mf_task_list {
    mf_task *first;
    mf_task **last;
} task_list;

typedef struct loop {
    mf_loop base; /* first: users hold a pointer to it */
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t before_sleep;
    uv_timer_t timer;
    uint64_t timer_at; /* what it is set to; UINT64_MAX: not set */
    pthread_t thread;
    sem_t started;
    unsigned number;      /* of the thread, for its name */
    task_list later;      /* for the end of this turn */
    pthread_mutex_t lock; /* for posted and stopped */
    task_list posted;
    int stopped; /* posts are refused */
    atomic_int stopping;
    void (*idle)(mf_loop *loop);
    unsigned idle_ms;
    mf_timer idle_timer;
    uint64_t idle_seen; /* activity when the idle timer was set */
    uint8_t in[MF_LOOP_BUFFER];
    uint8_t out[MF_LOOP_BUFFER];
} loop;

struct mf_watch {
    uv_poll_t poll;
    loop *loop;
    void (*ready)(void *state, int events);
    void *state;
    int events;
};

/* Which loop runs on this thread: a fact about the thread, set once when it
 * starts. What must not block asks it, whichever host it belongs to. */
static _Thread_local const mf_loop *current;

static void list_clear(task_list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static void list_push(task_list *l, mf_task *task)
{
    task->next = NULL;
    *l->last = task;
    l->last = &task->next;
}

static void list_run(mf_task *task)
{
    while (task) {
        mf_task *next = task->next;
        task->run(task);
        task = next;
    }
}

static void run_posted(loop *l)
{
    pthread_mutex_lock(&l->lock);
    mf_task *first = l->posted.first;
    list_clear(&l->posted);
    pthread_mutex_unlock(&l->lock);
    list_run(first);
}

static void run_later(loop *l)
{
    while (l->later.first) {
        mf_task *first = l->later.first;
        list_clear(&l->later);
        list_run(first);
    }
}

static void on_wake(uv_async_t *wake)
{
    loop *l = wake->data;
    l->base.now_ms = uv_now(&l->uv);
    run_posted(l);
}

static void on_timer(uv_timer_t *timer)
{
    loop *l = timer->data;
    l->timer_at = UINT64_MAX;
    l->base.now_ms = uv_now(&l->uv);
    mf_timers_run(&l->base.timers, l->base.now_ms);
}

static void idle_check(mf_timer *timer)
{
    loop *l = MF_OWNER(timer, loop, idle_timer);
    if (l->idle_seen == l->base.activity) {
        l->idle(&l->base);
        l->idle_seen = l->base.activity;
        return;
    }
    l->idle_seen = l->base.activity;
    mf_loop_set_timer(&l->base, timer, l->base.now_ms + l->idle_ms, idle_check);
}

/* The end of a turn. */
static void on_before_sleep(uv_prepare_t *prepare)
{
    loop *l = prepare->data;
    run_later(l);
    if (l->idle && l->base.activity != l->idle_seen && !l->idle_timer.is_set) {
        l->idle_seen = l->base.activity;
        mf_loop_set_timer(&l->base, &l->idle_timer, l->base.now_ms + l->idle_ms,
                          idle_check);
    }
    uint64_t due =
        l->base.timers.first ? l->base.timers.first->at_ms : UINT64_MAX;
    /* A timer that fires too early costs a turn; moving it for each call that
     * ends costs more. So it is only ever moved forward in time when it fires.
     */
    if (due < l->timer_at) {
        uint64_t now = uv_now(&l->uv);
        uv_timer_start(&l->timer, on_timer, due > now ? due - now : 0, 0);
        l->timer_at = due;
    }
    if (atomic_load(&l->stopping))
        uv_stop(&l->uv);
}

static void on_closed(uv_handle_t *handle)
{
    mf_watch *w = handle->data;
    mf_alloc_free(w->loop->base.alloc, w);
}

/* Also watches that nobody has freed: their owners find the loop stopped. */
static void close_any(uv_handle_t *handle, void *state)
{
    (void)state;
    if (!uv_is_closing(handle))
        uv_close(handle, handle->type == UV_POLL ? on_closed : NULL);
}

static void *run(void *state)
{
    loop *l = state;
    current = &l->base;
    mf_thread_name("mayfly-loop", l->number);
    /* What the process's allocator keeps per thread is made now: it belongs to
     * the host, not to whoever causes the first release here. */
    mf_alloc_free(l->base.alloc, mf_alloc_new(l->base.alloc, 1));
    l->base.now_ms = uv_now(&l->uv);
    sem_post(&l->started);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    /* What was posted before the stop still runs; then posting ends for good.
     */
    for (;;) {
        run_posted(l);
        run_later(l);
        pthread_mutex_lock(&l->lock);
        int empty = !l->posted.first;
        l->stopped = empty;
        pthread_mutex_unlock(&l->lock);
        if (empty)
            break;
    }
    if (l->idle)
        l->idle(&l->base);
    uv_walk(&l->uv, close_any, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    return NULL;
}

/* Closes the handles of a loop whose thread never ran. */
static void uv_undo(loop *l)
{
    uv_walk(&l->uv, close_any, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    uv_loop_close(&l->uv);
}

static int uv_setup(loop *l)
{
    if (uv_loop_init(&l->uv) != 0)
        return -1;
    l->wake.data = l->before_sleep.data = l->timer.data = l;
    if (uv_async_init(&l->uv, &l->wake, on_wake) != 0 ||
        uv_prepare_init(&l->uv, &l->before_sleep) != 0 ||
        uv_prepare_start(&l->before_sleep, on_before_sleep) != 0 ||
        uv_timer_init(&l->uv, &l->timer) != 0) {
        uv_undo(l);
        return -1;
    }
    return 0;
}

int mf_loop_new(mf_alloc *alloc, unsigned number, unsigned idle_ms,
                void (*idle)(mf_loop *loop), void *user, mf_loop **ret_loop,
                mayfly_error *err)
{
    loop *l = mf_alloc_zero(alloc, sizeof *l);
    if (!l)
        return mf_error_nomem(err, "an event loop");
    l->base.alloc = alloc;
    l->base.user = user;
    mf_pool_init(&l->base.pool, alloc, 16 * 1024);
    l->base.in = l->in;
    l->base.out = l->out;
    l->timer_at = UINT64_MAX;
    l->idle = idle;
    l->idle_ms = idle_ms;
    list_clear(&l->later);
    list_clear(&l->posted);
    pthread_mutex_init(&l->lock, NULL);
    if (uv_setup(l) != 0) {
        pthread_mutex_destroy(&l->lock);
        mf_alloc_free(alloc, l);
        return mf_error_set(err, MAYFLY_EIO, "no descriptor for a loop");
    }
    l->number = number;
    sem_init(&l->started, 0, 0);
    if (mf_thread_start(&l->thread, run, l) != 0) {
        sem_destroy(&l->started);
        uv_undo(l);
        pthread_mutex_destroy(&l->lock);
        mf_alloc_free(alloc, l);
        return mf_error_set(err, MAYFLY_EIO, "no thread for a loop");
    }
    while (sem_wait(&l->started) != 0)
        ; /* interrupted by a signal */
    sem_destroy(&l->started);
    *ret_loop = &l->base;
    return 0;
}

void mf_loop_stop(mf_loop *base)
{
    loop *l = (loop *)base;
    atomic_store(&l->stopping, 1);
    uv_async_send(&l->wake);
    pthread_join(l->thread, NULL);
    uv_loop_close(&l->uv);
}

void mf_loop_free(mf_loop *base)
{
    if (!base)
        return;
    loop *l = (loop *)base;
    pthread_mutex_destroy(&l->lock);
    mf_pool_done(&l->base.pool);
    mf_alloc_free(l->base.alloc, l);
}

int mf_loop_post(mf_loop *base, mf_task *task)
{
    loop *l = (loop *)base;
    pthread_mutex_lock(&l->lock);
    int refused = l->stopped;
    int first = !l->posted.first;
    if (!refused)
        list_push(&l->posted, task);
    /* under the lock, so that the handle cannot be closed meanwhile */
    if (!refused && first)
        uv_async_send(&l->wake);
    pthread_mutex_unlock(&l->lock);
    return refused ? MAYFLY_ECANCELLED : 0;
}

void mf_loop_later(mf_loop *base, mf_task *task)
{
    list_push(&((loop *)base)->later, task);
}

int mf_loop_is_current(const mf_loop *base)
{
    return current == base;
}

int mf_loop_on_any(void)
{
    return current != NULL;
}

void mf_loop_set_timer(mf_loop *base, mf_timer *timer, uint64_t at_ms,
                       void (*fn)(mf_timer *timer))
{
    mf_timer_set(&base->timers, timer, at_ms, fn);
}

void mf_loop_clear_timer(mf_loop *base, mf_timer *timer)
{
    mf_timer_clear(&base->timers, timer);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    mf_watch *w = poll->data;
    int ready = 0;
    w->loop->base.now_ms = uv_now(&w->loop->uv);
    if (status < 0) {
        ready = MF_READABLE | MF_WRITABLE;
        w->events = 0; /* libuv has stopped watching */
    } else {
        ready = (events & (UV_READABLE | UV_DISCONNECT) ? MF_READABLE : 0) |
                (events & UV_WRITABLE ? MF_WRITABLE : 0);
    }
    w->ready(w->state, ready);
}

int mf_watch_new(mf_loop *base, int fd, void (*ready)(void *state, int events),
                 void *state, mf_watch **ret_watch, mayfly_error *err)
{
    loop *l = (loop *)base;
    mf_watch *w = mf_alloc_zero(base->alloc, sizeof *w);
    if (!w)
        return mf_error_nomem(err, "a connection");
    if (uv_poll_init(&l->uv, &w->poll, fd) != 0) {
        mf_alloc_free(base->alloc, w);
        return mf_error_set(err, MAYFLY_EIO, "the descriptor cannot be polled");
    }
    w->poll.data = w;
    w->loop = l;
    w->ready = ready;
    w->state = state;
    *ret_watch = w;
    return 0;
}

void mf_watch_set(mf_watch *w, int events)
{
    if (events == w->events)
        return;
    w->events = events;
    if (events == 0) {
        uv_poll_stop(&w->poll);
        return;
    }
    uv_poll_start(&w->poll,
                  (events & MF_READABLE ? UV_READABLE : 0) |
                      (events & MF_WRITABLE ? UV_WRITABLE : 0),
                  on_poll);
}

void mf_watch_free(mf_watch *w)
{
    if (!w)
        return;
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_closed);
}
