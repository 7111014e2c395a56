/*
 * proxy/program/background_thread.c: threads of a context.
 *
 * A thread holds a lease while its function runs. It is told to stop by the
 * context when nothing else holds that (cache/context/unload.c), returns, and
 * gives the lease back. Then it is parked, in mayfly's own code: the unload
 * goes on and ends it, or gives up and resumes it, which takes a lease and
 * calls the function again. So a refused unload leaves a context with all its
 * threads.
 *
 *     called ──► told to stop, returns ──► parked ──► ended, joined
 *        ▲                                   │
 *        └───────────────────────────────────┘ the unload has given up
 *
 * What stays true: who takes the record out has claimed it. A thread whose
 * function has returned by itself, or whose owner has dismissed it, does that
 * on its own, under its lease where it is not parked. One that is parked when
 * the context goes is taken out and joined by whoever ends that. Either way the
 * thread then touches nothing of the context's but the memory of its handle.
 *
 * Lock order: the context's lock, then a thread's. Threads: any.
 */
#include "proxy/program/background.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/owner.h"
#include "base/sync.h"

#include <mayfly/background.h>

#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

struct mayfly_thread {
    mf_owned owned; /* first */
    mf_alloc *alloc;
    atomic_uint refs;        /* the context's, the thread's own, the handle's */
    mayfly_host *host;       /* the context's */
    mayfly_context *context; /* its memory is kept */

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    pthread_t id;
    mayfly_thread_fn function; /* NULL once it has ended */
    void *argument;
    int stop;         /* the function is to return */
    int asked;        /* ... by an unload, since it was called */
    int dismissed;    /* ... by its owner: not to be called again */
    int woken;        /* a wait is to end */
    int parked;       /* the function has returned, the lease is given back */
    unsigned resumed; /* unloads that have given up */
    int gone;         /* the context is; or whoever has claimed the record */
    int done;         /* it will not be called any more */
};

static void unref(mayfly_thread *t)
{
    if (atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    mayfly_context *context = t->context;
    mf_sync_done(&t->lock, &t->changed);
    mf_alloc_free(t->alloc, t);
    mf_context_unkeep(context);
}

/* Lock held. */
static void say_done(mayfly_thread *t)
{
    t->done = 1;
    t->function = NULL;
    t->argument = NULL;
    pthread_cond_broadcast(&t->changed);
}

/* --- what the context says --- */

static void stop(mf_owned *o)
{
    mayfly_thread *t = MF_OWNER(o, mayfly_thread, owned);
    pthread_mutex_lock(&t->lock);
    t->stop = 1;
    t->asked = 1;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static void resume(mf_owned *o)
{
    mayfly_thread *t = MF_OWNER(o, mayfly_thread, owned);
    pthread_mutex_lock(&t->lock);
    t->stop = t->dismissed;
    t->resumed++;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/* Of one that is parked, or about to be; the record is claimed by the caller.
 */
static void end(mf_owned *o)
{
    mayfly_thread *t = MF_OWNER(o, mayfly_thread, owned);
    pthread_mutex_lock(&t->lock);
    t->gone = 1;
    pthread_cond_broadcast(&t->changed);
    pthread_t id = t->id;
    pthread_mutex_unlock(&t->lock);
    if (pthread_equal(id, pthread_self()))
        pthread_detach(id); /* it gave the last lease back */
    else
        pthread_join(id, NULL);
    mf_owned_remove(t->context, o);
    pthread_mutex_lock(&t->lock);
    say_done(t);
    pthread_mutex_unlock(&t->lock);
    unref(t);
}

/* --- the thread's life --- */

static void call_function(void *state)
{
    mayfly_thread *t = state;
    pthread_mutex_lock(&t->lock);
    mayfly_thread_fn function = t->function;
    void *argument = t->argument;
    pthread_mutex_unlock(&t->lock);
    function(t, argument);
}

enum what { AGAIN, LEAVE, LEAVE_PARKED, JOINED };

/* What becomes of one that is parked. Lock held, but not all the time. */
static enum what wait_parked(mayfly_thread *t, unsigned resumed)
{
    while (!t->gone) {
        if (t->dismissed) {
            pthread_mutex_unlock(&t->lock);
            int mine = mf_owned_claim(t->context, &t->owned);
            pthread_mutex_lock(&t->lock);
            if (mine)
                return LEAVE_PARKED;
            while (!t->gone)
                pthread_cond_wait(&t->changed, &t->lock);
        } else if (resumed != t->resumed) {
            resumed = t->resumed;
            t->asked = 0;
            pthread_mutex_unlock(&t->lock);
            int code = mf_owned_take(t->context, &t->owned, NULL);
            pthread_mutex_lock(&t->lock);
            if (code == 0)
                return AGAIN;
        } else {
            pthread_cond_wait(&t->changed, &t->lock);
        }
    }
    return JOINED;
}

/* The lease is given back here, and taken again for AGAIN. */
static enum what park(mayfly_thread *t, unsigned resumed)
{
    mf_owned_drop(t->context, &t->owned);
    pthread_mutex_lock(&t->lock);
    t->parked = 1;
    pthread_cond_broadcast(&t->changed);
    enum what next = wait_parked(t, resumed);
    t->parked = 0;
    pthread_mutex_unlock(&t->lock);
    return next;
}

/* The function has returned, or was left. */
static enum what go_on(mayfly_thread *t, int left)
{
    pthread_mutex_lock(&t->lock);
    int was_told = t->asked && !t->dismissed && !left;
    int still = t->stop; /* else an unload has given up meanwhile */
    unsigned resumed = t->resumed;
    if (!still)
        t->asked = 0;
    pthread_mutex_unlock(&t->lock);
    if (!was_told)
        return LEAVE;
    return still ? park(t, resumed) : AGAIN;
}

/* The record is this thread's to take out. */
static void leave(mayfly_thread *t, enum what how)
{
    mf_owned_claim(t->context, &t->owned);
    mf_owned_remove(t->context, &t->owned);
    if (how == LEAVE)
        mf_lease_drop(t->context);
    pthread_mutex_lock(&t->lock);
    say_done(t);
    pthread_mutex_unlock(&t->lock);
    pthread_detach(pthread_self());
    unref(t); /* the context's */
}

static void *begin(void *state)
{
    mayfly_thread *t = state;
    enum what next = AGAIN;
    char name[16];
    pthread_mutex_lock(&t->lock); /* until its record is complete */
    pthread_mutex_unlock(&t->lock);
    snprintf(name, sizeof name, "%.15s", t->owned.name);
    pthread_setname_np(pthread_self(), name);
    mf_owned_set_thread(t->context, &t->owned, syscall(SYS_gettid));
    while (next == AGAIN)
        next = go_on(t, mf_background_call(t->context, call_function, t));
    if (next != JOINED)
        leave(t, next);
    unref(t);
    return NULL;
}

/* --- public --- */

static mayfly_thread *thread_new(mayfly_host *host, mayfly_context *context)
{
    mayfly_thread *t = mf_alloc_zero(&host->alloc, sizeof *t);
    if (!t || mf_sync_init(&t->lock, &t->changed) != 0) {
        mf_alloc_free(&host->alloc, t);
        return NULL;
    }
    t->alloc = &host->alloc;
    t->host = host;
    t->context = context;
    t->owned.kind = MF_OWNED_THREAD;
    t->owned.bytes = sizeof *t;
    t->owned.stop = stop;
    t->owned.resume = resume;
    t->owned.end = end;
    mf_context_keep(context);
    return t;
}

/* With the record's lease. */
static int start(mayfly_thread *t, mayfly_thread **ret_thread,
                 mayfly_error *err)
{
    mf_owned_add(t->context, &t->owned);
    int code = mf_owned_take(t->context, &t->owned, err);
    int taken = code == 0;
    if (taken) {
        pthread_mutex_lock(&t->lock);
        code = mf_thread_start(&t->id, begin, t);
        if (code == 0 && ret_thread)
            *ret_thread = t;
        pthread_mutex_unlock(&t->lock);
    }
    if (code == 0)
        return 0;
    if (taken)
        mf_error_set(err, code, "a thread cannot be started");
    mf_owned_claim(t->context, &t->owned);
    mf_owned_remove(t->context, &t->owned);
    if (taken)
        mf_lease_drop(t->context);
    return code;
}

int mayfly_context_thread(mayfly_context *context, const char *name,
                          mayfly_thread_fn function, void *argument,
                          mayfly_thread **ret_thread, mayfly_error *err)
{
    mayfly_host *host;
    int code = mf_background_check(context, function != NULL, &host, err);
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    mayfly_thread *t = thread_new(host, context);
    if (t) {
        t->function = function;
        t->argument = argument;
        mf_background_name(context, &t->owned, name,
                           (const void *)(uintptr_t)function);
        /* of the context, the thread's own, of the handle */
        atomic_init(&t->refs, ret_thread ? 3 : 2);
        code = start(t, ret_thread, err);
    } else {
        code = mf_error_nomem(err, "a thread");
    }
    if (code != 0 && t) {
        atomic_store(&t->refs, 1);
        unref(t);
    }
    mf_lease_drop(context);
    return code;
}

int mayfly_thread_stopping(mayfly_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    int stops = thread->stop;
    pthread_mutex_unlock(&thread->lock);
    return stops;
}

int mayfly_thread_wait(mayfly_thread *thread, unsigned timeout_ms)
{
    mayfly_thread *t = thread;
    struct timespec until =
        mf_sync_until(mf_clock_ns() + (uint64_t)timeout_ms * 1000000);
    int code = 0;
    pthread_mutex_lock(&t->lock);
    while (!t->stop && !t->woken && code == 0)
        code = timeout_ms == UINT_MAX
                   ? pthread_cond_wait(&t->changed, &t->lock)
                   : pthread_cond_timedwait(&t->changed, &t->lock, &until);
    t->woken = 0;
    int stops = t->stop;
    pthread_mutex_unlock(&t->lock);
    return stops;
}

void mayfly_thread_wake(mayfly_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    thread->woken = 1;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
}

void mayfly_thread_free(mayfly_thread *thread)
{
    mayfly_thread *t = thread;
    if (!t || mf_fork_check(t->host->made_under, NULL) != 0)
        return;
    pthread_mutex_lock(&t->lock);
    t->dismissed = 1;
    t->stop = 1;
    pthread_cond_broadcast(&t->changed);
    if (!pthread_equal(t->id, pthread_self()))
        while (!t->done && !t->parked)
            pthread_cond_wait(&t->changed, &t->lock);
    pthread_mutex_unlock(&t->lock);
    unref(t);
}
