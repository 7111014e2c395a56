/*
 * cache/context/listeners.c: who wants to know of an unload.
 *
 * Unloading needs the owners of pointers to let go, so it tells them, and tells
 * them again when it is over: the header promises order, thread and number.
 *
 * What stays true: one thread tells at a time, from the newest listener to the
 * oldest, without the lock while it calls back; the list may change meanwhile,
 * so the next one to be told stands in the context and is moved on when it is
 * taken off. A listener that runs is freed by nobody but the thread that waits
 * for it or, taken off from within, by the teller. While listeners are told the
 * payload is not destroyed and the handle not freed (unload.c).
 *
 * A listener is known by a number, which goes stale harmlessly.
 *
 * Threads: any.
 */
#include "cache/context/internal.h"

#include "base/error.h"
#include "base/guest.h"

static void release(mayfly_context *c, mf_listener *l)
{
    mf_counts_drop(l->count);
    mf_alloc_free(c->options.alloc, l->owner);
    mf_alloc_free(c->options.alloc, l);
}

/* Lock held. */
static void unlink_listener(mayfly_context *c, mf_listener *l)
{
    if (c->tell_next == l)
        c->tell_next = l->next;
    if (l->prev)
        l->prev->next = l->next;
    else
        c->listeners = l->next;
    if (l->next)
        l->next->prev = l->prev;
}

void mf_listeners_tell(mayfly_context *c, enum mayfly_context_event event)
{
    mf_inside note;
    c->telling = 1;
    c->teller = pthread_self();
    c->tell_next = c->listeners;
    while (c->tell_next) {
        mf_listener *l = c->tell_next;
        c->tell_next = l->next;
        l->running = 1;
        pthread_mutex_unlock(&c->lock);
        mf_inside_enter(&note, c);
        l->fn(l->state, c, event);
        mf_inside_leave(&note);
        pthread_mutex_lock(&c->lock);
        l->running = 0;
        if (l->dropped)
            release(c, l);
        else if (l->awaited)
            pthread_cond_broadcast(&c->changed);
    }
    c->telling = 0;
    pthread_cond_broadcast(&c->changed);
}

void mf_listeners_free(mayfly_context *c)
{
    while (c->listeners) {
        mf_listener *l = c->listeners;
        unlink_listener(c, l);
        release(c, l);
    }
}

int mayfly_context_listen(mayfly_context *context, const char *owner,
                          mayfly_listener_fn listener, void *state,
                          uint64_t *ret_id, mayfly_error *err)
{
    if (!context || !listener || !ret_id)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no context, no listener or nowhere to put its "
                            "number");
    int code = mf_fork_check(context->options.fork_generation, err);
    if (code != 0)
        return code;
    mf_alloc *alloc = context->options.alloc;
    mf_listener *l = mf_alloc_zero(alloc, sizeof *l);
    if (l)
        l->owner = mf_alloc_strdup(alloc, owner ? owner : "(no name)");
    if (!l || !l->owner ||
        mf_counts_add(context->options.counts, "listener", l->owner,
                      &l->count) != 0) {
        if (l)
            release(context, l);
        return mf_error_nomem(err, "a listener");
    }
    l->fn = listener;
    l->state = state;

    pthread_mutex_lock(&context->lock);
    int live = atomic_load(&context->state) == MAYFLY_LIVE;
    int own = live && mf_inside_holds(context, (uintptr_t)listener);
    if (live && !own) {
        l->id = ++context->listener_ids;
        l->next = context->listeners;
        if (l->next)
            l->next->prev = l;
        context->listeners = l;
        *ret_id = l->id;
    }
    pthread_mutex_unlock(&context->lock);
    if (live && !own)
        return 0;
    release(context, l);
    if (own)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a listener that is code of context \"%s\" itself "
                            "could not be told that it is gone",
                            context->options.name);
    return mf_error_set(err, MAYFLY_EUNLOADED, "context \"%s\" is not live",
                        context->options.name);
}

int mayfly_context_unlisten(mayfly_context *context, uint64_t id,
                            mayfly_error *err)
{
    if (!context)
        return mf_error_set(err, MAYFLY_EINVAL, "no context");
    int code = mf_fork_check(context->options.fork_generation, err);
    if (code != 0)
        return code;
    pthread_mutex_lock(&context->lock);
    mf_listener *l = context->listeners;
    while (l && l->id != id)
        l = l->next;
    if (l) {
        unlink_listener(context, l);
        if (l->running && pthread_equal(context->teller, pthread_self())) {
            l->dropped = 1;
        } else {
            l->awaited = l->running;
            while (l->running)
                pthread_cond_wait(&context->changed, &context->lock);
            release(context, l);
        }
    }
    pthread_mutex_unlock(&context->lock);
    if (!l)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "context \"%s\" has no listener %llu",
                            context->options.name, (unsigned long long)id);
    return 0;
}
