/*
 * proxy/program/background_timer.c: timers of a context.
 *
 * A timer is always on its way: posted to its loop to be set, set there, queued
 * on the workers, running, or waiting because the context is closed. Whoever
 * has it next carries one reference, so there is one of them at a time and the
 * function is never called twice at once.
 *
 * What stays true: it is called under a lease. Ending it waits for the call and
 * for that lease to be given back, except on the very thread that calls, where
 * giving the last lease back may be what ends it. Once it has ended, the
 * function and its argument are forgotten: they may be the context's.
 *
 * An unload that gives up resumes those that were due meanwhile. Between being
 * refused the lease and saying that it waits, that moment may pass; hence it
 * asks once more after it has said so.
 *
 * Lock order: the context's lock, a timer's, a loop's. Threads: any.
 */
#include "proxy/program/background.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"
#include "base/owner.h"
#include "base/sync.h"

#include <mayfly/background.h>

#include <string.h>

enum { RETRY_MS = 10 }; /* where no worker can be had */

struct mayfly_timer {
    mf_owned owned; /* first */
    mf_alloc *alloc;
    atomic_uint refs;
    mayfly_host *host;       /* the context's */
    mayfly_context *context; /* its memory is kept */
    mf_loop *loop;           /* where it is set */
    uint64_t every_ms;       /* 0: it is called once */
    int on_loop;
    mf_timer timer;
    mf_task set_task, clear_task, work_task;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    mayfly_timer_fn function; /* NULL: it has ended */
    void *argument;
    uint64_t due_ms;   /* as the loop counts time; 0: not known yet */
    uint64_t delay_ms; /* until it is due, where that does not follow from the
                          time before; ... */
    int late;          /* ... where that has passed already */
    int is_set;        /* on the loop */
    int waiting;       /* for an unload to end in one way or the other */
    int running;
    pthread_t runner;
};

static void unref(mayfly_timer *t)
{
    if (atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    mayfly_context *context = t->context;
    mf_sync_done(&t->lock, &t->changed);
    mf_alloc_free(t->alloc, t);
    mf_context_unkeep(context);
}

static void run(mayfly_timer *t);

static void on_work(mf_task *task)
{
    run(MF_OWNER(task, mayfly_timer, work_task));
}

/* To its loop, to be set there. A loop that has stopped takes nothing. */
static void post_set(mayfly_timer *t)
{
    if (mf_loop_post(t->loop, &t->set_task) != 0)
        unref(t);
}

static void on_due(mf_timer *timer)
{
    mayfly_timer *t = MF_OWNER(timer, mayfly_timer, timer);
    pthread_mutex_lock(&t->lock);
    t->is_set = 0;
    pthread_mutex_unlock(&t->lock);
    if (t->on_loop) {
        run(t);
        return;
    }
    t->work_task.run = on_work;
    if (mf_workers_push(t->host->workers, &t->work_task) == 0)
        return;
    pthread_mutex_lock(&t->lock);
    t->delay_ms = RETRY_MS;
    pthread_mutex_unlock(&t->lock);
    post_set(t);
}

/* On the loop. */
static void on_set(mf_task *task)
{
    mayfly_timer *t = MF_OWNER(task, mayfly_timer, set_task);
    uint64_t now = t->loop->now_ms;
    pthread_mutex_lock(&t->lock);
    if (t->delay_ms || !t->due_ms)
        t->due_ms = now + t->delay_ms;
    else
        t->due_ms += t->every_ms;
    if (t->late || t->due_ms < now)
        t->due_ms = now;
    t->delay_ms = 0;
    t->late = 0;
    int ended = !t->function;
    t->is_set = !ended;
    if (!ended)
        mf_loop_set_timer(t->loop, &t->timer, t->due_ms, on_due);
    pthread_mutex_unlock(&t->lock);
    if (ended)
        unref(t);
}

/* It is set no longer: the loop does not carry it any more. */
static void unset(mayfly_timer *t)
{
    pthread_mutex_lock(&t->lock);
    int was_set = t->is_set;
    t->is_set = 0;
    pthread_mutex_unlock(&t->lock);
    if (was_set)
        unref(t);
}

/* On the loop. */
static void on_clear(mf_task *task)
{
    mayfly_timer *t = MF_OWNER(task, mayfly_timer, clear_task);
    mf_loop_clear_timer(t->loop, &t->timer);
    unset(t);
    unref(t);
}

/* --- its end --- */

/* The record is claimed by the caller. */
static void end(mf_owned *o)
{
    mayfly_timer *t = MF_OWNER(o, mayfly_timer, owned);
    pthread_mutex_lock(&t->lock);
    t->function = NULL;
    t->argument = NULL;
    while (t->running && !pthread_equal(t->runner, pthread_self()))
        pthread_cond_wait(&t->changed, &t->lock);
    int carried = t->waiting;
    t->waiting = 0;
    pthread_mutex_unlock(&t->lock);
    mf_owned_remove(t->context, o);
    if (carried)
        unref(t);

    t->clear_task.run = on_clear;
    atomic_fetch_add(&t->refs, 1);
    if (mf_loop_post(t->loop, &t->clear_task) != 0) {
        unset(t); /* it has stopped: nobody looks at its timers any more */
        unref(t);
    }
    unref(t); /* the context's */
}

/* The context's lock is held. */
static void resume(mf_owned *o)
{
    mayfly_timer *t = MF_OWNER(o, mayfly_timer, owned);
    pthread_mutex_lock(&t->lock);
    int carried = t->waiting;
    t->waiting = 0;
    t->late = 1;
    pthread_mutex_unlock(&t->lock);
    if (carried)
        post_set(t);
}

/* --- a call --- */

typedef struct call {
    mayfly_timer_fn function;
    void *argument;
} call;

static void call_function(void *state)
{
    const call *c = state;
    c->function(c->argument);
}

/* Says that it waits. 1 when it need not: with a lease, and still its turn. */
static int wait_for_lease(mayfly_timer *t)
{
    pthread_mutex_lock(&t->lock);
    int ended = !t->function;
    t->waiting = !ended;
    pthread_mutex_unlock(&t->lock);
    if (ended) {
        unref(t);
        return 0;
    }
    if (mf_owned_take(t->context, &t->owned, NULL) != 0)
        return 0;
    pthread_mutex_lock(&t->lock);
    int mine = t->waiting;
    t->waiting = 0;
    pthread_mutex_unlock(&t->lock);
    if (!mine)
        mf_owned_drop(t->context, &t->owned);
    return mine;
}

/* 1 with a lease; 0: whoever ends or resumes it carries it on. */
static int take_lease(mayfly_timer *t)
{
    if (mf_owned_take(t->context, &t->owned, NULL) == 0)
        return 1;
    atomic_fetch_add(&t->refs, 1);
    int mine = wait_for_lease(t);
    unref(t);
    return mine;
}

/* 1: to be called. */
static int begin(mayfly_timer *t, call *ret_call)
{
    pthread_mutex_lock(&t->lock);
    t->running = t->function != NULL;
    t->runner = pthread_self();
    *ret_call = (call){t->function, t->argument};
    int begun = t->running;
    pthread_mutex_unlock(&t->lock);
    return begun;
}

/* 1: once more. */
static int finish(mayfly_timer *t)
{
    pthread_mutex_lock(&t->lock);
    t->running = 0;
    pthread_cond_broadcast(&t->changed);
    int again = t->every_ms && t->function;
    pthread_mutex_unlock(&t->lock);
    return again;
}

static void run(mayfly_timer *t)
{
    call c;
    if (!take_lease(t))
        return;
    if (begin(t, &c))
        mf_background_call(t->context, call_function, &c);
    c = (call){0};
    mf_owned_drop(t->context, &t->owned);
    int again = finish(t);
    if (!again && mf_owned_claim(t->context, &t->owned))
        end(&t->owned);
    if (again)
        post_set(t);
    else
        unref(t);
}

/* --- public --- */

static mayfly_timer *timer_new(mayfly_host *host, mayfly_context *context,
                               const mayfly_timer_options *o)
{
    mayfly_timer *t = mf_alloc_zero(&host->alloc, sizeof *t);
    if (!t || mf_sync_init(&t->lock, &t->changed) != 0) {
        mf_alloc_free(&host->alloc, t);
        return NULL;
    }
    t->alloc = &host->alloc;
    t->host = host;
    t->context = context;
    t->loop = mf_host_least_loaded(host);
    t->every_ms = o->every_ms;
    t->delay_ms = o->after_ms;
    t->on_loop = o->on_loop;
    t->set_task.run = on_set;
    t->owned.kind = MF_OWNED_TIMER;
    t->owned.bytes = sizeof *t;
    t->owned.resume = resume;
    t->owned.end = end;
    mf_context_keep(context);
    return t;
}

int mayfly_context_timer(mayfly_context *context,
                         const mayfly_timer_options *options,
                         mayfly_timer_fn function, void *argument,
                         mayfly_timer **ret_timer, mayfly_error *err)
{
    mayfly_timer_options o = {.size = sizeof o};
    mayfly_host *host;
    int code = mf_background_check(context, function != NULL, &host, err);
    if (code == 0)
        code = mf_options_read(&o, sizeof o, options, "timer options", err);
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    mayfly_timer *t = timer_new(host, context, &o);
    if (!t) {
        mf_lease_drop(context);
        return mf_error_nomem(err, "a timer");
    }
    t->function = function;
    t->argument = argument;
    mf_background_name(context, &t->owned, o.name,
                       (const void *)(uintptr_t)function);
    /* of the context, of the way to its loop, of the handle */
    atomic_init(&t->refs, ret_timer ? 3 : 2);
    mf_owned_add(context, &t->owned);
    if (ret_timer)
        *ret_timer = t;
    post_set(t);
    mf_lease_drop(context);
    return 0;
}

void mayfly_timer_free(mayfly_timer *timer)
{
    if (!timer || mf_fork_check(timer->host->made_under, NULL) != 0)
        return;
    if (mf_owned_claim(timer->context, &timer->owned)) {
        end(&timer->owned);
    } else { /* somebody else ends it: its function is waited for */
        pthread_mutex_lock(&timer->lock);
        timer->function = NULL;
        timer->argument = NULL;
        while (timer->running && !pthread_equal(timer->runner, pthread_self()))
            pthread_cond_wait(&timer->changed, &timer->lock);
        pthread_mutex_unlock(&timer->lock);
    }
    unref(timer);
}
