/*
 * What happens in a turn of a loop.
 *
 * A turn is: wait for descriptors and posted tasks, run what is ready and what
 * is due, then the tasks that were put off to the end of the turn (each
 * connection that has something to send drains once there, however many calls
 * it served).
 *
 * What stays true: everything but mf_loop_post is for the loop's thread. Tasks
 * run in the order of posting, also while the loop ends, so what was posted
 * before has run when it is over. libuv closes handles later: a watch's memory
 * goes in its close callback. Only handles that are the loop's own are touched,
 * for a foreign uv_loop_t has others.
 */
#include "proxy/transport/loop_uv.h"

#include "base/error.h"
#include "base/owner.h"

struct mf_watch {
    uv_poll_t poll;
    mf_uv_loop *loop;
    void (*ready)(void *state, int events);
    void *state;
    int events;
    mf_watch *next; /* the loop's list */
    mf_watch **link;
};

/* Which loop this thread is in a callback of: a fact about the thread, and for
 * good on a thread that is a loop's own. What must not block asks it, whichever
 * host the loop belongs to. */
static _Thread_local const mf_loop *current;

static void list_clear(mf_task_list *l)
{
    l->first = NULL;
    l->last = &l->first;
}

static void list_push(mf_task_list *l, mf_task *task)
{
    task->next = NULL;
    *l->last = task;
    l->last = &task->next;
}

/* Runs all, also those that are pushed meanwhile. A task may do the same. */
static void list_run(mf_task_list *l)
{
    while (l->first) {
        mf_task *task = l->first;
        l->first = task->next;
        if (!l->first)
            l->last = &l->first;
        task->run(task);
    }
}

/* --- turns --- */

const mf_loop *mf_uv_enter(mf_uv_loop *l)
{
    const mf_loop *before = current;
    current = &l->base;
    l->base.now_ms = uv_now(l->uv);
    if (l->is_foreign)
        mf_loop_take(&l->base);
    return before;
}

void mf_uv_leave(mf_uv_loop *l, const mf_loop *before)
{
    current = before;
    if (l->is_foreign)
        mf_uv_settle(l);
}

void mf_uv_run_posted(mf_uv_loop *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->posted.first) {
        *l->running.last = l->posted.first;
        l->running.last = l->posted.last;
        list_clear(&l->posted);
    }
    pthread_mutex_unlock(&l->lock);
    list_run(&l->running);
}

void mf_uv_run_later(mf_uv_loop *l)
{
    list_run(&l->later);
}

static void on_wake(uv_async_t *wake)
{
    mf_uv_loop *l = wake->data;
    const mf_loop *before = mf_uv_enter(l);
    mf_uv_run_posted(l);
    mf_uv_leave(l, before);
}

static void on_timer(uv_timer_t *timer)
{
    mf_uv_loop *l = timer->data;
    const mf_loop *before = mf_uv_enter(l);
    l->timer_at = UINT64_MAX;
    mf_timers_run(&l->base.timers, l->base.now_ms);
    mf_uv_leave(l, before);
}

static void idle_check(mf_timer *timer)
{
    mf_uv_loop *l = MF_OWNER(timer, mf_uv_loop, idle_timer);
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
    mf_uv_loop *l = prepare->data;
    const mf_loop *before = mf_uv_enter(l);
    mf_uv_run_later(l);
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
        uint64_t now = uv_now(l->uv);
        uv_timer_start(&l->timer, on_timer, due > now ? due - now : 0, 0);
        l->timer_at = due;
    }
    if (!l->is_foreign && atomic_load(&l->stopping))
        uv_stop(l->uv);
    mf_uv_leave(l, before);
}

/* --- life --- */

/* The buffers are not cleared: what is never used costs no memory. */
mf_uv_loop *mf_uv_new(const mf_loop_setup *setup)
{
    mf_alloc *alloc = setup->alloc;
    mf_uv_loop *l = mf_alloc_zero(alloc, sizeof *l);
    uint8_t *buffers = l ? mf_alloc_new(alloc, 2 * MF_LOOP_BUFFER) : NULL;
    if (!buffers) {
        mf_alloc_free(alloc, l);
        return NULL;
    }
    l->base.alloc = alloc;
    l->base.user = setup->user;
    mf_pool_init(&l->base.pool, alloc, 16 * 1024);
    l->base.in = buffers;
    l->base.out = buffers + MF_LOOP_BUFFER;
    l->timer_at = UINT64_MAX;
    l->idle = setup->idle;
    l->idle_ms = setup->idle_ms;
    l->number = setup->number;
    list_clear(&l->later);
    list_clear(&l->posted);
    list_clear(&l->running);
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

int mf_uv_open(mf_uv_loop *l)
{
    l->wake.data = l->before_sleep.data = l->timer.data = l;
    if (uv_async_init(l->uv, &l->wake, on_wake) != 0)
        return -1;
    /* these do not fail */
    uv_prepare_init(l->uv, &l->before_sleep);
    uv_prepare_start(&l->before_sleep, on_before_sleep);
    uv_timer_init(l->uv, &l->timer);
    l->n_open = 3;
    return 0;
}

void mf_uv_drain(mf_uv_loop *l)
{
    int empty;
    do {
        mf_uv_run_posted(l);
        mf_uv_run_later(l);
        pthread_mutex_lock(&l->lock);
        empty = !l->posted.first;
        l->stopped = empty;
        pthread_mutex_unlock(&l->lock);
    } while (!empty);
    if (l->idle)
        l->idle(&l->base);
}

static void closed_one(mf_uv_loop *l)
{
    if (--l->n_open == 0 && l->gone)
        l->gone(l->gone_state); /* which may free it */
}

void mf_uv_on_closed(uv_handle_t *handle)
{
    closed_one(handle->data);
}

/* Also watches that nobody has freed: their owners find the loop stopped. */
void mf_uv_close(mf_uv_loop *l)
{
    while (l->watches)
        mf_watch_free(l->watches);
    uv_close((uv_handle_t *)&l->wake, mf_uv_on_closed);
    uv_close((uv_handle_t *)&l->before_sleep, mf_uv_on_closed);
    uv_close((uv_handle_t *)&l->timer, mf_uv_on_closed);
}

void mf_loop_free(mf_loop *base)
{
    if (!base)
        return;
    mf_uv_loop *l = mf_uv_of(base);
    pthread_mutex_destroy(&l->lock);
    mf_pool_done(&l->base.pool);
    mf_alloc_free(l->base.alloc, l->base.in);
    mf_alloc_free(l->base.alloc, l);
}

/* --- tasks, timers --- */

int mf_loop_post(mf_loop *base, mf_task *task)
{
    mf_uv_loop *l = mf_uv_of(base);
    pthread_mutex_lock(&l->lock);
    int refused = l->stopped;
    int first = !l->posted.first;
    if (!refused)
        list_push(&l->posted, task);
    /* under the lock, so that the handle cannot be closed meanwhile */
    if (!refused && first && (!l->is_foreign || l->is_attached))
        uv_async_send(&l->wake);
    int is_mine = mf_loop_is_mine(base);
    pthread_mutex_unlock(&l->lock);
    /* Nobody but its thread may say that there is something to do; on any other
     * the loop may be gone by now. */
    if (is_mine)
        mf_uv_settle(l);
    return refused ? MAYFLY_ECANCELLED : 0;
}

void mf_loop_later(mf_loop *base, mf_task *task)
{
    list_push(&mf_uv_of(base)->later, task);
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

/* --- watches --- */

static void on_watch_closed(uv_handle_t *handle)
{
    mf_watch *w = handle->data;
    mf_uv_loop *l = w->loop;
    mf_alloc_free(l->base.alloc, w);
    closed_one(l);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    mf_watch *w = poll->data;
    mf_uv_loop *l = w->loop;
    int ready = 0;
    const mf_loop *before = mf_uv_enter(l);
    if (status < 0) {
        ready = MF_READABLE | MF_WRITABLE;
        w->events = 0; /* libuv has stopped watching */
    } else {
        ready = (events & (UV_READABLE | UV_DISCONNECT) ? MF_READABLE : 0) |
                (events & UV_WRITABLE ? MF_WRITABLE : 0);
    }
    w->ready(w->state, ready);
    mf_uv_leave(l, before);
}

int mf_watch_new(mf_loop *base, int fd, void (*ready)(void *state, int events),
                 void *state, mf_watch **ret_watch, mayfly_error *err)
{
    mf_uv_loop *l = mf_uv_of(base);
    mf_watch *w = mf_alloc_zero(base->alloc, sizeof *w);
    if (!w)
        return mf_error_nomem(err, "a connection");
    if (uv_poll_init(l->uv, &w->poll, fd) != 0) {
        mf_alloc_free(base->alloc, w);
        return mf_error_set(err, MAYFLY_EIO, "the descriptor cannot be polled");
    }
    if (l->is_foreign) /* what keeps uv_run is counted by itself */
        uv_unref((uv_handle_t *)&w->poll);
    w->poll.data = w;
    w->loop = l;
    w->ready = ready;
    w->state = state;
    w->next = l->watches;
    w->link = &l->watches;
    if (w->next)
        w->next->link = &w->next;
    l->watches = w;
    l->n_open++;
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
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}
