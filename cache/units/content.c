/*
 * cache/units/content.c: one recipe, and what is built by it.
 *
 * A content is built by one thread at a time; others wait for it, each until
 * its own deadline, and take what came out. A failure is remembered for a
 * while, in which it is answered at once, so that a broken schema under load is
 * not compiled for every call.
 *
 * What stays true:
 *   - the context pointer goes from NULL to a context that is live, and bound
 * to whoever follows the unit it was built for; and back to NULL before its
 *     reference is dropped, with a grace period in between.
 *   - eviction is a soft unload. Where a lease came in between, the context is
 *     live again, and nobody has noticed but those who had to wait.
 *   - a user may unload the context of a version as any other: that is an
 *     eviction, seen when somebody wants it again.
 *
 * Threads: any that may wait, but mf_content_try_lease, which never does.
 */
#include "base/error.h"
#include "base/sync.h"
#include "cache/context/internal.h"
#include "cache/units/units_own.h"

#include <string.h>
#include <time.h>

enum { POLL_NS = 1000000 }; /* while a user unloads what we want */

static void free_content(mf_content *c)
{
    mf_alloc *alloc = c->units->o.alloc;
    if (c->made)
        c->units->o.free_recipe(c->units->o.host, c->made);
    mf_alloc_free(alloc, c->failure);
    mf_alloc_free(alloc, c->name);
    mf_alloc_free(alloc, c);
}

static mf_content *new_content(mf_units *units, const mf_recipe *recipe,
                               const char *name)
{
    mf_content *c = mf_alloc_zero(units->o.alloc, sizeof *c);
    char *copy = mf_alloc_strdup(units->o.alloc, name);
    if (!c || !copy) {
        mf_alloc_free(units->o.alloc, copy);
        mf_alloc_free(units->o.alloc, c);
        return NULL;
    }
    c->units = units;
    c->name = copy;
    c->refs = 1;
    c->key = recipe->key;
    c->key_len = recipe->key_len;
    c->recipe_bytes = recipe->bytes;
    c->recipe_blocks = recipe->blocks;
    c->fingerprint = mf_hash(recipe->key, recipe->key_len);
    atomic_init(&c->used_ms, mf_now_ms());
    return c;
}

static int is_made_of(const mf_content *c, const mf_recipe *recipe)
{
    return c->key_len == recipe->key_len &&
           memcmp(c->key, recipe->key, recipe->key_len) == 0;
}

int mf_units_has(mf_units *units, const mf_recipe *recipe)
{
    uint64_t fingerprint = mf_hash(recipe->key, recipe->key_len);
    pthread_mutex_lock(&units->lock);
    const mf_content *known =
        mf_map_get(units->contents, &fingerprint, sizeof fingerprint);
    int has = known && is_made_of(known, recipe);
    pthread_mutex_unlock(&units->lock);
    return has;
}

mf_content *mf_content_get(mf_units *units, const mf_recipe *recipe,
                           const char *name)
{
    mf_content *fresh = new_content(units, recipe, name);
    if (!fresh) {
        units->o.free_recipe(units->o.host, recipe->made);
        return NULL;
    }
    mf_content *c = fresh;
    pthread_mutex_lock(&units->lock);
    mf_content *known = mf_map_get(units->contents, &fresh->fingerprint,
                                   sizeof fresh->fingerprint);
    if (known && is_made_of(known, recipe)) {
        c = known;
        c->refs++;
    } else if (!known) {
        fresh->mapped = mf_map_put(units->contents, &fresh->fingerprint,
                                   sizeof fresh->fingerprint, fresh) == 0;
        if (!fresh->mapped)
            c = NULL;
    }
    if (c == fresh) {
        fresh->made = recipe->made;
        units->recipe_bytes += fresh->recipe_bytes;
        units->recipe_blocks += fresh->recipe_blocks;
    }
    if (c)
        c->versions++;
    pthread_mutex_unlock(&units->lock);
    if (c != fresh) {
        units->o.free_recipe(units->o.host, recipe->made);
        free_content(fresh);
    }
    return c;
}

/* It has no context any more. Lock held; the caller has its reference. */
static mayfly_context *let_go(mf_content *c)
{
    mayfly_context *context = atomic_exchange(&c->context, NULL);
    if (context) {
        atomic_store(&context->content, NULL);
        mf_budget_remove(c->units, c);
    }
    return context;
}

/* The last reference went: takes it out. Lock held. */
static mayfly_context *take_out(mf_content *c)
{
    mf_units *units = c->units;
    if (c->mapped)
        mf_map_remove(units->contents, &c->fingerprint, sizeof c->fingerprint);
    units->recipe_bytes -= c->recipe_bytes;
    units->recipe_blocks -= c->recipe_blocks;
    return let_go(c);
}

/* Drops a reference; lock held, not at return. As mf_content_drop. */
static int put(mf_content *c, uint64_t deadline_ns,
               mayfly_context **ret_context)
{
    int last = --c->refs == 0;
    mayfly_context *context = last ? take_out(c) : NULL;
    /* what was counted since its last version has left */
    mayfly_unit *heir =
        last ? mf_units_inherit(c->units, c->name, &c->calls) : NULL;
    if (!last && !c->versions) /* who drops the last one may wait for that */
        pthread_cond_broadcast(&c->units->changed);
    pthread_mutex_unlock(&c->units->lock);
    mayfly_unit_unref(heir); /* the caller's reference keeps the host */
    if (ret_context)
        *ret_context = NULL;
    if (!last)
        return 0;
    int gone = 1;
    if (context) {
        gone = mf_context_retire(context, deadline_ns);
        if (ret_context)
            *ret_context = context;
        else
            mayfly_context_unref(context);
    }
    free_content(c);
    return gone;
}

void mf_content_put(mf_content *c)
{
    pthread_mutex_lock(&c->units->lock);
    put(c, 0, NULL);
}

int mf_content_drop(mf_content *c, uint64_t deadline_ns,
                    mayfly_context **ret_context)
{
    const struct timespec until = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                                   .tv_nsec = (long)(deadline_ns % 1000000000)};
    pthread_mutex_lock(&c->units->lock);
    c->versions--;
    while (!c->versions && c->refs > 1 && mf_clock_ns() < deadline_ns)
        pthread_cond_timedwait(&c->units->changed, &c->units->lock, &until);
    return put(c, deadline_ns, ret_context);
}

/* --- building --- */

static int is_remembered(int code)
{
    return code != MAYFLY_ENOMEM && code != MAYFLY_ECANCELLED &&
           code != MAYFLY_EFORKED;
}

/* Lock held. */
static void remember_failure(mf_content *c, const mayfly_error *err)
{
    mf_units *units = c->units;
    units->counted.failures++;
    if (!is_remembered(err->code))
        return;
    if (!c->failure)
        c->failure = mf_alloc_new(units->o.alloc, sizeof *c->failure);
    if (!c->failure)
        return; /* then it is built again */
    *c->failure = *err;
    c->failed_until_ms = mf_now_ms() + units->budget.failure_ms;
}

/* Lock held. */
static void take_in(mf_content *c, mayfly_context *context, uint64_t took_us)
{
    mf_units *units = c->units;
    mf_census census = {0};
    mf_context_census(context, &census);
    c->bytes =
        mf_census_bytes(&census, "code") + mf_census_bytes(&census, "schema");
    c->has_state = units->o.has_state(units->o.host, context);
    c->builds++;
    c->build_us = took_us;
    units->counted.builds++;
    units->counted.build_us += took_us;
    mf_alloc_free(units->o.alloc, c->failure);
    c->failure = NULL;
    atomic_store(&c->used_ms, mf_now_ms());
    atomic_store(&context->content, c);
    atomic_store(&c->context, context);
    mf_budget_add(units, c);
}

/* The builder's part; `building` is set. 0 with a lease. */
static int build(mf_content *c, mayfly_unit *unit, mayfly_context *previous,
                 mayfly_context **ret_context, mayfly_error *err)
{
    mf_units *units = c->units;
    mayfly_error local = MAYFLY_ERROR_INIT;
    mayfly_context *context = NULL;
    uint64_t start = mf_clock_ns();
    int leased = 0;
    int code = units->o.build(units->o.host, c->made, c->name, previous,
                              &context, &local);
    if (code == 0) {
        code = mf_lease_take(context, &local);
        leased = code == 0;
    }
    if (code == 0 && unit) {
        pthread_mutex_lock(&unit->following);
        code = mf_unit_prepare(unit, context, &local);
        pthread_mutex_unlock(&unit->following);
    }
    uint64_t took_us = (mf_clock_ns() - start) / 1000;

    pthread_mutex_lock(&units->lock);
    c->building = 0;
    if (code == 0)
        take_in(c, context, took_us);
    else
        remember_failure(c, &local);
    pthread_cond_broadcast(&units->changed);
    pthread_mutex_unlock(&units->lock);
    if (code != 0) {
        if (leased)
            mf_lease_drop(context);
        mayfly_context_unref(context);
        return mf_error_copy(err, &local);
    }
    *ret_context = context;
    mf_budget_keep(units); /* this one is in use */
    return 0;
}

int mf_content_try_lease(mf_content *c, mayfly_context **ret_context)
{
    mayfly_context *context = atomic_load(&c->context);
    if (!context || mf_lease_take(context, NULL) != 0)
        return MF_UNIT_COLD;
    uint64_t now = mf_now_ms();
    if (atomic_load_explicit(&c->used_ms, memory_order_relaxed) != now)
        atomic_store_explicit(&c->used_ms, now, memory_order_relaxed);
    *ret_context = context;
    return 0;
}

static int lease_if_there(mf_content *c, mayfly_context **ret_context)
{
    mf_grace *grace = c->units->o.grace;
    unsigned side = mf_grace_enter(grace);
    int code = mf_content_try_lease(c, ret_context);
    mf_grace_leave(grace, side);
    return code;
}

/* Whether it will never be live again. */
static int is_ended(mayfly_context *context)
{
    pthread_mutex_lock(&context->lock);
    int state = atomic_load(&context->state);
    int ended = state == MAYFLY_UNLOADED ||
                (state == MAYFLY_UNLOADING && context->forced);
    pthread_mutex_unlock(&context->lock);
    return ended;
}

/* Somebody else has unloaded the context, or does so by force. Lock held;
 * returns it, to be let go after a grace. */
static mayfly_context *forget_unloaded(mf_content *c)
{
    mayfly_context *context = atomic_load(&c->context);
    if (!context || c->unloading || !is_ended(context))
        return NULL;
    c->evictions++;
    return let_go(c);
}

/* Waits for a change, or a moment where it is not the cache that makes it. Lock
 * held. 0 or ETIMEDOUT. */
static int wait_change(mf_content *c, uint64_t deadline_ns)
{
    uint64_t now = mf_clock_ns();
    if (deadline_ns && now >= deadline_ns)
        return MAYFLY_ETIMEDOUT;
    uint64_t until = deadline_ns;
    if (!c->building && !c->unloading && (!until || until > now + POLL_NS))
        until = now + POLL_NS;
    struct timespec at = mf_sync_until(until);
    if (until)
        pthread_cond_timedwait(&c->units->changed, &c->units->lock, &at);
    else
        pthread_cond_wait(&c->units->changed, &c->units->lock);
    return 0;
}

int mf_content_lease_there(mf_content *c, uint64_t deadline_ns,
                           mayfly_context **ret_context)
{
    for (;;) {
        if (lease_if_there(c, ret_context) == 0)
            return 0;
        pthread_mutex_lock(&c->units->lock);
        mayfly_context *context = atomic_load(&c->context);
        int is_closing = context && (c->unloading || !is_ended(context));
        int late = is_closing && wait_change(c, deadline_ns) != 0;
        pthread_mutex_unlock(&c->units->lock);
        if (!is_closing || late)
            return MF_UNIT_COLD;
    }
}

/* One step of the slow way, lock held. Sets `ret_build` when it is this
 * thread's to build; `ret_old` is to be let go after a grace. */
static int step(mf_content *c, uint64_t deadline_ns, int *ret_build,
                mayfly_context **ret_old, mayfly_error *err)
{
    *ret_old = forget_unloaded(c);
    if (c->failure && mf_now_ms() < c->failed_until_ms) {
        c->units->counted.refusals++;
        return mf_error_copy(err, c->failure);
    }
    if (!atomic_load(&c->context) && !c->building && !c->unloading) {
        c->building = *ret_build = 1;
        c->builder = pthread_self();
        c->units->counted.misses++;
        return 0;
    }
    if (c->building && pthread_equal(c->builder, pthread_self()))
        return mf_error_set(err, MAYFLY_EINSIDE,
                            "\"%s\" is being built by this very thread",
                            c->name);
    if (*ret_old || wait_change(c, deadline_ns) == 0)
        return 0;
    return mf_error_set(err, MAYFLY_ETIMEDOUT,
                        "\"%s\" is still being %s by another thread", c->name,
                        c->building ? "built" : "unloaded");
}

int mf_content_lease(mf_content *c, mayfly_unit *unit, mayfly_context *previous,
                     uint64_t deadline_ns, mayfly_context **ret_context,
                     mayfly_error *err)
{
    int to_build = 0;
    while (lease_if_there(c, ret_context) != 0) {
        mayfly_context *old;
        pthread_mutex_lock(&c->units->lock);
        int code = step(c, deadline_ns, &to_build, &old, err);
        pthread_mutex_unlock(&c->units->lock);
        if (old) {
            mf_grace_wait(c->units->o.grace);
            mayfly_context_unref(old);
        }
        if (code != 0)
            return code;
        if (to_build)
            return build(c, unit, previous, ret_context, err);
    }
    return 0;
}

/* --- evicting --- */

int mf_content_evict(mf_content *c, mayfly_error *err)
{
    mf_units *units = c->units;
    pthread_mutex_lock(&units->lock);
    mayfly_context *context = atomic_load(&c->context);
    int wait = c->building || c->unloading;
    if (context && !wait) {
        c->unloading = 1;
        mayfly_context_ref(context);
    }
    pthread_mutex_unlock(&units->lock);
    if (wait)
        return mf_error_set(err, MAYFLY_EBUSY,
                            "\"%s\" is just being built or unloaded", c->name);
    if (!context)
        return 0;
    uint64_t start = mf_clock_ns();
    int code = mayfly_unload(context, NULL, NULL, err);
    int gone = code == 0 || code == MAYFLY_EUNLOADED;
    uint64_t took_us = (mf_clock_ns() - start) / 1000;

    pthread_mutex_lock(&units->lock);
    c->unloading = 0;
    if (gone) {
        let_go(c);
        c->evictions++;
        units->counted.evictions++;
        units->counted.evict_us += took_us;
    }
    pthread_cond_broadcast(&units->changed);
    pthread_mutex_unlock(&units->lock);
    if (gone) {
        mf_grace_wait(units->o.grace);
        mayfly_context_unref(context);
    }
    mayfly_context_unref(context);
    return gone ? 0 : code;
}
