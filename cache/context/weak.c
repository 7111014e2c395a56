/*
 * cache/context/weak.c: seeing a context without holding it.
 *
 * The weak handles of a context share a link, which knows the context as long
 * as its handle lives. The handle's end cuts it, under the link's lock; whoever
 * goes from weak to strong does so under the same lock, and only where there is
 * still a reference to add to.
 *
 * Who owns what: the context and each weak handle have a reference to the link,
 * and the link has one to the host, whose allocator all came from.
 *
 * Threads: any. A context's lock is never taken under the link's. In a forked
 * child nothing is freed.
 */
#include "cache/context/internal.h"

#include "base/error.h"
#include "base/guest.h"

struct mf_weak_link {
    atomic_uint refs;
    mf_alloc *alloc;
    unsigned fork_generation;
    void *host; /* a reference */
    void (*unref_host)(void *host);
    pthread_mutex_t lock;
    mayfly_context *context; /* NULL: its handle is freed */
};

/* What the user holds: counted one by one, so one by one allocated. */
struct mayfly_weak {
    mf_weak_link *link; /* a reference */
    mf_count *count;
};

static void unref_link(mf_weak_link *w)
{
    if (atomic_fetch_sub(&w->refs, 1) != 1)
        return;
    void *host = w->host;
    void (*unref_host)(void *) = w->unref_host;
    pthread_mutex_destroy(&w->lock);
    mf_alloc_free(w->alloc, w);
    if (unref_host)
        unref_host(host); /* the allocator may go with it */
}

void mf_weak_cut(mayfly_context *c)
{
    mf_weak_link *w = c->weak;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->context = NULL;
    pthread_mutex_unlock(&w->lock);
    unref_link(w);
}

/* The context's lock is held. */
static mf_weak_link *make(mayfly_context *c)
{
    const mf_context_options *o = &c->options;
    mf_weak_link *w = mf_alloc_zero(o->alloc, sizeof *w);
    if (!w || pthread_mutex_init(&w->lock, NULL) != 0) {
        mf_alloc_free(o->alloc, w);
        return NULL;
    }
    atomic_init(&w->refs, 1);
    w->alloc = o->alloc;
    w->fork_generation = o->fork_generation;
    w->host = o->host;
    w->unref_host = o->unref_host;
    w->context = c;
    if (o->ref_host)
        o->ref_host(o->host);
    return w;
}

int mayfly_weak_new(mayfly_context *context, mayfly_weak **ret_weak,
                    mayfly_error *err)
{
    if (!context || !ret_weak)
        return mf_error_set(err, MAYFLY_EINVAL, "no context");
    int code = mf_fork_check(context->options.fork_generation, err);
    if (code != 0)
        return code;
    mf_alloc *alloc = context->options.alloc;
    mayfly_weak *weak = mf_alloc_zero(alloc, sizeof *weak);
    if (!weak || mf_counts_add(context->options.counts, "weak handle",
                               context->options.name, &weak->count) != 0) {
        mf_alloc_free(alloc, weak);
        return mf_error_nomem(err, "a weak handle");
    }
    pthread_mutex_lock(&context->lock);
    if (!context->weak)
        context->weak = make(context);
    weak->link = context->weak;
    if (weak->link)
        atomic_fetch_add(&weak->link->refs, 1);
    pthread_mutex_unlock(&context->lock);
    if (!weak->link) {
        mf_counts_drop(weak->count);
        mf_alloc_free(alloc, weak);
        return mf_error_nomem(err, "a weak handle");
    }
    *ret_weak = weak;
    return 0;
}

int mayfly_weak_lock(mayfly_weak *weak, mayfly_context **ret_context,
                     mayfly_error *err)
{
    if (!weak || !ret_context)
        return mf_error_set(err, MAYFLY_EINVAL, "no weak handle");
    mf_weak_link *w = weak->link;
    int code = mf_fork_check(w->fork_generation, err);
    if (code != 0)
        return code;
    pthread_mutex_lock(&w->lock);
    mayfly_context *c = w->context;
    if (c && (atomic_load(&c->state) != MAYFLY_LIVE || !mf_context_try_ref(c)))
        c = NULL;
    pthread_mutex_unlock(&w->lock);
    if (!c)
        return mf_error_set(err, MAYFLY_EUNLOADED, "the context is not live");
    *ret_context = c;
    return 0;
}

int mayfly_weak_pin(mayfly_weak *weak, const char *owner, const char *file,
                    int line, mayfly_pin **ret_pin, mayfly_error *err)
{
    mayfly_context *c;
    int code = mayfly_weak_lock(weak, &c, err);
    if (code != 0)
        return code;
    code = mayfly_pin_new(c, owner, file, line, ret_pin, err);
    mayfly_context_unref(c);
    return code;
}

enum mayfly_context_state mayfly_weak_get_state(mayfly_weak *weak)
{
    mf_weak_link *w = weak->link;
    if (mf_fork_check(w->fork_generation, NULL) != 0)
        return MAYFLY_UNLOADED;
    pthread_mutex_lock(&w->lock);
    int state = w->context ? atomic_load(&w->context->state) : MAYFLY_UNLOADED;
    pthread_mutex_unlock(&w->lock);
    return (enum mayfly_context_state)state;
}

void mayfly_weak_free(mayfly_weak *weak)
{
    if (!weak || mf_fork_check(weak->link->fork_generation, NULL) != 0)
        return;
    mf_weak_link *w = weak->link;
    mf_counts_drop(weak->count);
    mf_alloc_free(w->alloc, weak);
    unref_link(w);
}
