/*
 * cache/context/unload.c: closing, waiting, and dropping the payload, once.
 *
 * An unload sets the state, cancels calls where it was told to, and waits under
 * the context's lock until the leases sum up to zero or its time is up. Several
 * may wait at once: whichever sees zero first drops the payload, the others
 * find it unloaded. When the last soft one gives up, the context is live again,
 * as if nobody had asked; after a forced one it never is, and the lease that
 * goes last drops the payload on its own thread.
 *
 * What stays true: `destroying` is set under the lock by one thread in the life
 * of a context, so the payload is destroyed exactly once; the state is UNLOADED
 * only after it is gone and its last snapshot is taken. Listeners are told that
 * it closes by the thread that closed it, before anybody may destroy; and that
 * it is gone by the thread that destroyed. Until then (`ended`) the handle
 * stays: where the last reference goes meanwhile, that thread frees it.
 *
 * A context's own threads hold it, too, and give it back when they are asked:
 * that is done last, when nothing else does, so that calls which wait for their
 * work get it. They are not asked by an unload that does not wait for them.
 *
 * Threads: any. Payload and host are called without the lock.
 */
#include "cache/context/internal.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"
#include "base/sync.h"

enum { HOLDERS_TEXT_MAX = 4096, STOP_MS = 1000 };

/* What the arenas of the host hold beyond what they held before the first load:
 * counted by the arenas themselves, so a payload that forgets to give something
 * back shows. Only meaningful when no context is loaded. */
static size_t bytes_left(mayfly_context *c)
{
    mf_process unused;
    size_t before;
    if (!c->options.arena_bytes)
        return 0;
    mf_registry_get_baseline(c->options.registry, &unused, &before);
    size_t now = c->options.arena_bytes(c->options.host);
    return now > before ? now - before : 0;
}

/* Destroys a unit; what it was is remembered for whoever jumps there. */
static void destroy_payload(mayfly_context *c, const mf_payload *payload)
{
    mf_tombs *tombs = mf_registry_tombs(c->options.registry);
    mf_tomb tomb = mf_tomb_prepare(tombs, payload, c->options.name, c->version);
    payload->destroy(payload->unit);
    mf_tomb_set(tombs, &tomb);
}

/* Drops the payload and tells so. Lock held at entry and return, not in
 * between. Returns 1 when the caller is to free the handle, without the lock.
 */
static int destroy(mayfly_context *c)
{
    c->destroying = 1;
    pthread_mutex_unlock(&c->lock);

    uint64_t start = mf_clock_ns();
    mf_owned_end(c);
    mf_bindings_destroy(c, destroy_payload);
    destroy_payload(c, &c->payload);
    uint64_t took = mf_clock_ns() - start;
    mf_snapshot after = {0};
    mf_snapshot_take(c, &after, "unloaded");
    int none_left;
    uint64_t cycles = mf_registry_count_unload(c->options.registry, &none_left);
    size_t left = none_left ? bytes_left(c) : 0;
    if (c->options.touch)
        c->options.touch(c->options.host);

    pthread_mutex_lock(&c->lock);
    mf_snapshot_keep(c, MF_AFTER, &after);
    c->n_snapshots = MF_AFTER + 1;
    c->unload_ns = took;
    c->cycles = cycles;
    c->left_bytes = left;
    atomic_store(&c->state, MAYFLY_UNLOADED);
    pthread_cond_broadcast(&c->changed);
    mf_listeners_tell(c, MAYFLY_ON_UNLOADED);
    if (c->options.unloaded) {
        if (!c->self_ref) { /* the handle stays meanwhile, and may be kept */
            atomic_fetch_add(&c->refs, 1);
            c->self_ref = 1;
            c->free_after = 0;
        }
        pthread_mutex_unlock(&c->lock);
        c->options.unloaded(c->options.host, c);
        pthread_mutex_lock(&c->lock);
    }
    if (c->self_ref && atomic_fetch_sub(&c->refs, 1) == 1)
        c->free_after = 1;
    c->self_ref = 0;
    c->ended = 1;
    return c->free_after;
}

/* Closes it to new leases and tells so, unless that has been done. Lock held at
 * entry and return, not in between. */
static void close_down(mayfly_context *c)
{
    while (c->telling && atomic_load(&c->state) == MAYFLY_LIVE)
        pthread_cond_wait(&c->changed, &c->lock); /* *live again* first */
    if (atomic_load(&c->state) > MAYFLY_LIVE)
        return;
    atomic_store(&c->state, MAYFLY_UNLOADING);
    mf_lease_close(c);
    mf_listeners_tell(c, MAYFLY_ON_UNLOADING);
}

/* Lock held. */
static int can_destroy(const mayfly_context *c)
{
    return atomic_load(&c->state) == MAYFLY_UNLOADING && !c->destroying &&
           !c->telling && mf_lease_sum(c) == 0;
}

void mf_context_end(mayfly_context *c)
{
    int last = 0;
    pthread_mutex_lock(&c->lock);
    if (can_destroy(c) && c->forced)
        last = destroy(c);
    pthread_mutex_unlock(&c->lock);
    if (last)
        mf_context_free(c);
}

/* Has another thread end it where this one must not be held up. The job has a
 * reference, taken while the lease still kept the handle. */
static int end_elsewhere(mayfly_context *c)
{
    const mf_context_options *o = &c->options;
    return o->end_later && o->on_loop && o->on_loop(o->host) &&
           o->end_later(o->host, c) == 0;
}

/* Whether all that is left can be asked to go. Lock held. */
static int can_ask(const mayfly_context *c)
{
    return atomic_load(&c->state) == MAYFLY_UNLOADING && !c->asked &&
           !c->telling && c->n_stoppable && mf_lease_sum(c) == c->n_stoppable;
}

/* Lock held. */
static void ask(mayfly_context *c)
{
    if (!can_ask(c))
        return;
    c->asked = 1;
    mf_owned_stop(c);
}

void mf_context_drop_closed(mayfly_context *c)
{
    if (mf_fork_check(c->options.fork_generation, NULL) != 0)
        return;
    int last = 0;
    pthread_mutex_lock(&c->lock);
    atomic_fetch_sub(&c->shards[0].word, MF_LEASE_ONE);
    if (can_destroy(c)) {
        if (c->waiters)
            pthread_cond_broadcast(&c->changed);
        else if (c->forced && !end_elsewhere(c))
            last = destroy(c);
    } else if (can_ask(c)) {
        if (c->waiters)
            pthread_cond_broadcast(&c->changed);
        else if (c->forced)
            ask(c);
    }
    pthread_mutex_unlock(&c->lock);
    if (last)
        mf_context_free(c);
}

int mf_context_finish_unref(mayfly_context *c)
{
    int last = 0;
    pthread_mutex_lock(&c->lock);
    if (c->ended || !c->payload.unit) {
        last = 1; /* gone, or its load has failed */
    } else if (c->destroying) {
        c->free_after = 1;
    } else {
        atomic_fetch_add(&c->refs, 1);
        c->self_ref = 1;
        c->forced = 1;
        close_down(c);
        if (can_destroy(c))
            last = destroy(c);
        else
            ask(c);
    }
    pthread_mutex_unlock(&c->lock);
    return last;
}

/* Who holds it, as an error. Lock not held. */
static int busy(mayfly_context *c, mayfly_error *err)
{
    mf_buf text;
    mf_buf_init(&text, c->options.alloc, HOLDERS_TEXT_MAX);
    pthread_mutex_lock(&c->lock);
    long held = mf_lease_sum(c);
    long other = held - (long)c->n_pins;
    if (c->n_pins)
        mf_pins_list(c, &text);
    int destroying = c->destroying, telling = c->telling;
    c->refused = 1;
    pthread_mutex_unlock(&c->lock);

    other -= (long)mf_owned_list_holders(c, &text);
    if (other > 0) {
        size_t before = text.len;
        mf_buf_printf(&text, "%s%ld call%s: ", before ? "; " : "", other,
                      other == 1 ? "" : "s");
        size_t at = text.len;
        if (c->options.list_calls)
            c->options.list_calls(c->options.host, c, &text);
        if (text.len == at) {
            text.len = before;
            mf_buf_printf(&text,
                          "%s%ld lease%s of calls or pins that begin or end",
                          before ? "; " : "", other, other == 1 ? "" : "s");
        }
    }
    if (destroying)
        mf_buf_puts(&text, "its memory is just being given back");
    else if (held <= 0 && telling)
        mf_buf_puts(&text, "its listeners are just being told");
    else if (held <= 0)
        mf_buf_puts(&text, "its last holder has just gone");
    text.failed = 0; /* what there was room for is told */
    const char *holders = mf_buf_text(&text);
    int code =
        mf_error_set(err, MAYFLY_EBUSY, "context \"%s\" is still in use: %s",
                     c->options.name, holders ? holders : "(no memory to say)");
    mf_buf_done(&text);
    return code;
}

/* Waits until the payload is gone or time is up. Lock held. Returns 0 when this
 * thread destroyed it, EUNLOADED when another did, EBUSY. `ret_last` as destroy
 * returns it. */
static int wait_and_destroy(mayfly_context *c, uint64_t deadline_ns,
                            int *ret_last)
{
    struct timespec until = mf_sync_until(deadline_ns);
    for (;;) {
        if (can_destroy(c)) {
            *ret_last = destroy(c);
            return 0;
        }
        if (atomic_load(&c->state) == MAYFLY_UNLOADED)
            return MAYFLY_EUNLOADED;
        if (mf_clock_ns() >= deadline_ns)
            return MAYFLY_EBUSY;
        ask(c);
        pthread_cond_timedwait(&c->changed, &c->lock, &until);
    }
}

int mf_context_retire(mayfly_context *c, uint64_t deadline_ns)
{
    int last = 0, gone = 1;
    pthread_mutex_lock(&c->lock);
    if (atomic_load(&c->state) != MAYFLY_UNLOADED) {
        c->waiters++;
        c->forced = 1;
        close_down(c);
        gone = wait_and_destroy(c, deadline_ns, &last) != MAYFLY_EBUSY;
        c->waiters--;
        if (!gone)
            ask(c);
    }
    pthread_mutex_unlock(&c->lock);
    if (last)
        mf_context_free(c);
    return gone;
}

unsigned mf_unload_ms(mayfly_context *c, unsigned wait_ms)
{
    const mf_context_options *o = &c->options;
    int on_loop = o->on_loop && o->on_loop(o->host);
    pthread_mutex_lock(&c->lock);
    int asks = c->n_stoppable != 0;
    pthread_mutex_unlock(&c->lock);
    return asks && !on_loop && wait_ms < STOP_MS ? STOP_MS : wait_ms;
}

void mf_context_abandon(mayfly_context *context)
{
    uint64_t wait_ns = (uint64_t)mf_unload_ms(context, 0) * 1000000;
    mf_context_retire(context, mf_clock_ns() + wait_ns);
    mayfly_context_unref(context);
}

static int unload(mayfly_context *c, const mayfly_unload_options *o,
                  mayfly_error *err)
{
    uint64_t deadline = mf_clock_ns() + (uint64_t)o->wait_ms * 1000000;
    pthread_mutex_lock(&c->lock);
    int state = atomic_load(&c->state);
    if (state != MAYFLY_LIVE && state != MAYFLY_UNLOADING) {
        pthread_mutex_unlock(&c->lock);
        return mf_error_set(err, MAYFLY_EUNLOADED, "context \"%s\" is not live",
                            c->options.name);
    }
    c->waiters++;
    if (o->force)
        c->forced = 1;
    close_down(c);
    if (o->force) {
        pthread_mutex_unlock(&c->lock);
        mf_owned_cancel(c);
        if (c->options.cancel_calls)
            c->options.cancel_calls(c->options.host, c);
        pthread_mutex_lock(&c->lock);
        ask(c);
    }
    int last = 0;
    int code = wait_and_destroy(c, deadline, &last);
    c->waiters--;
    if (code == MAYFLY_EBUSY && !c->forced && !c->waiters && !c->destroying) {
        atomic_store(&c->state, MAYFLY_LIVE);
        mf_lease_open(c);
        c->asked = 0;
        mf_owned_resume(c);
        mf_listeners_tell(c, MAYFLY_ON_LIVE_AGAIN);
    }
    pthread_mutex_unlock(&c->lock);
    if (last) /* its caller had no reference */
        mf_context_free(c);

    if (code == MAYFLY_EBUSY)
        return busy(c, err);
    if (code == MAYFLY_EUNLOADED)
        return mf_error_set(err, code,
                            "context \"%s\" was unloaded by another thread",
                            c->options.name);
    return 0;
}

int mayfly_unload(mayfly_context *context, const mayfly_unload_options *options,
                  mayfly_receipt **ret_receipt, mayfly_error *err)
{
    mayfly_unload_options o = {.size = sizeof o};
    if (!context)
        return mf_error_set(err, MAYFLY_EINVAL, "no context to unload");
    int code = mf_options_read(&o, sizeof o, options, "unload options", err);
    if (code == 0)
        code = mf_fork_check(context->options.fork_generation, err);
    if (code != 0)
        return code;
    code = mf_inside_check(context, err);
    if (code != 0)
        return code;
    if (o.wait_ms && context->options.on_loop &&
        context->options.on_loop(context->options.host))
        return mf_error_set(err, MAYFLY_EONLOOP,
                            "waiting for an unload on a loop thread");
    code = unload(context, &o, err);
    if (code != 0 || !ret_receipt)
        return code;
    return mayfly_context_receipt(context, ret_receipt, err);
}
