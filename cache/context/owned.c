/*
 * cache/context/owned.c: the list of what a context's own code has started.
 *
 * A list, not a table: a context has a handful of these, and they are looked
 * through only when somebody asks what holds it. The counts are kept beside it,
 * since they are what a limit is compared with.
 *
 * Threads: any; the context's lock is held for each step, and while calling
 * back.
 */
#include "cache/context/owned.h"

#include "cache/context/internal.h"

#include "base/guest.h"

#include <sys/syscall.h>
#include <unistd.h>

enum { LISTED_MAX = 8 };

void mf_owned_add(mayfly_context *c, mf_owned *o)
{
    if (mf_counts_add(c->options.counts, mf_owned_kind_name(o->kind, 1),
                      c->options.name, &o->count) != 0)
        o->count = NULL;
    pthread_mutex_lock(&c->lock);
    o->prev = NULL;
    o->next = c->owned;
    if (c->owned)
        c->owned->prev = o;
    c->owned = o;
    c->n_owned[o->kind]++;
    pthread_mutex_unlock(&c->lock);
}

void mf_owned_remove(mayfly_context *c, mf_owned *o)
{
    pthread_mutex_lock(&c->lock);
    if (o->prev)
        o->prev->next = o->next;
    else
        c->owned = o->next;
    if (o->next)
        o->next->prev = o->prev;
    c->n_owned[o->kind]--;
    if (o->holds && o->stop)
        c->n_stoppable--;
    if (o->claimed)
        pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    mf_counts_drop(o->count);
}

int mf_owned_take(mayfly_context *c, mf_owned *o, mayfly_error *err)
{
    int code = mf_fork_check(c->options.fork_generation, err);
    if (code != 0)
        return code;
    pthread_mutex_lock(&c->lock); /* so that it is not closed in between */
    code = mf_lease_take(c, err);
    if (code == 0) {
        o->holds = 1;
        o->thread = syscall(SYS_gettid);
        o->at_ns = mf_clock_ns();
        c->n_stoppable += o->stop != NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return code;
}

void mf_owned_drop(mayfly_context *c, mf_owned *o)
{
    pthread_mutex_lock(&c->lock);
    o->holds = 0;
    c->n_stoppable -= o->stop != NULL;
    pthread_mutex_unlock(&c->lock);
    mf_lease_drop(c);
}

int mf_owned_claim(mayfly_context *c, mf_owned *o)
{
    pthread_mutex_lock(&c->lock);
    int first = !o->claimed;
    o->claimed = 1;
    pthread_mutex_unlock(&c->lock);
    return first;
}

void mf_owned_set_thread(mayfly_context *c, mf_owned *o, long thread)
{
    pthread_mutex_lock(&c->lock);
    o->thread = thread;
    pthread_mutex_unlock(&c->lock);
}

size_t mf_owned_count(mayfly_context *c, enum mf_owned_kind kind)
{
    pthread_mutex_lock(&c->lock);
    size_t n = c->n_owned[kind];
    pthread_mutex_unlock(&c->lock);
    return n;
}

const char *mf_owned_kind_name(enum mf_owned_kind kind, size_t n)
{
    static const char *const names[MF_OWNED_KINDS][2] = {
        [MF_OWNED_RUN] = {"run", "runs"},
        [MF_OWNED_THREAD] = {"thread", "threads"},
        [MF_OWNED_HANDLER] = {"exit handler", "exit handlers"},
        [MF_OWNED_KEY] = {"thread key", "thread keys"},
        [MF_OWNED_SIGNAL] = {"signal", "signals"},
        [MF_OWNED_TIMER] = {"timer", "timers"},
        [MF_OWNED_LIBRARY] = {"library", "libraries"},
    };
    return names[kind][n != 1];
}

void mf_owned_each(mayfly_context *c,
                   void (*each)(void *state, const mf_owned *o), void *state)
{
    pthread_mutex_lock(&c->lock);
    for (const mf_owned *o = c->owned; o; o = o->next)
        each(state, o);
    pthread_mutex_unlock(&c->lock);
}

/* The holders of one kind. Lock held. */
static size_t list_kind(const mayfly_context *c, enum mf_owned_kind kind,
                        mf_buf *out)
{
    uint64_t now = mf_clock_ns();
    size_t n = 0, shown = 0;
    for (const mf_owned *o = c->owned; o; o = o->next)
        n += o->kind == kind && o->holds;
    if (n == 0)
        return 0;
    mf_buf_printf(out, "%s%zu %s: ", out->len ? "; " : "", n,
                  mf_owned_kind_name(kind, n));
    for (const mf_owned *o = c->owned; o; o = o->next) {
        if (o->kind != kind || !o->holds)
            continue;
        if (shown == LISTED_MAX) {
            mf_buf_printf(out, ", and %zu more", n - shown);
            break;
        }
        mf_buf_printf(out, "%s%s (thread %ld, %llu ms)", shown ? ", " : "",
                      o->name, o->thread,
                      (unsigned long long)((now - o->at_ns) / 1000000));
        shown++;
    }
    return n;
}

size_t mf_owned_list_holders(mayfly_context *c, mf_buf *out)
{
    size_t n = 0;
    pthread_mutex_lock(&c->lock);
    for (int kind = 0; kind < MF_OWNED_KINDS; kind++)
        n += list_kind(c, (enum mf_owned_kind)kind, out);
    pthread_mutex_unlock(&c->lock);
    return n;
}

void mf_owned_cancel(mayfly_context *c)
{
    pthread_mutex_lock(&c->lock);
    for (mf_owned *o = c->owned; o; o = o->next)
        if (o->cancel)
            o->cancel(o);
    pthread_mutex_unlock(&c->lock);
}

void mf_owned_stop(mayfly_context *c)
{
    for (mf_owned *o = c->owned; o; o = o->next)
        if (o->stop && o->holds)
            o->stop(o);
}

void mf_owned_resume(mayfly_context *c)
{
    for (mf_owned *o = c->owned; o; o = o->next)
        if (o->resume)
            o->resume(o);
}

/* One that nobody ends yet. Lock held. */
static mf_owned *find_unclaimed(const mayfly_context *c, int *ret_any)
{
    mf_owned *o = c->owned;
    *ret_any = 0;
    while (o && (!o->end || o->claimed)) {
        *ret_any |= o->end != NULL;
        o = o->next;
    }
    return o;
}

void mf_owned_end(mayfly_context *c)
{
    int others = 1;
    pthread_mutex_lock(&c->lock);
    while (others) {
        mf_owned *o = find_unclaimed(c, &others);
        if (o) {
            others = 1;
            o->claimed = 1;
            pthread_mutex_unlock(&c->lock);
            o->end(o);
            pthread_mutex_lock(&c->lock);
        } else if (others) { /* whoever claimed it takes it out */
            pthread_cond_wait(&c->changed, &c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
}
