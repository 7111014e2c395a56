/*
 * proxy/call/intercept_chain.c: what is installed on a server or a channel.
 *
 * Interceptors stand in a chain that never changes: adding and removing make
 * another one and publish it. A call takes the chain of the moment when it
 * begins and keeps it to its end, so begin and end are always of the same
 * interceptors, whatever is installed meanwhile.
 *
 * What stays true: a chain that was published is taken in a grace section, and
 * given up by its owner after a grace period, so nobody counts himself in on
 * one that is gone. An interceptor lives as long as some chain has it; the last
 * chain to go tells its owner, on whatever thread that is.
 *
 * Of an interceptor in a context's own source only the number of its name is
 * kept, for a pointer would be found by whoever asks what holds the context.
 *
 * Threads: any.
 */
#include "proxy/call/intercept.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"
#include "base/owner.h"
#include "proxy/channel/channel.h"
#include "proxy/server/server.h"

#include <string.h>

/* --- lives --- */

/* Waits where a version of its unit is being published. */
static void interceptor_end(mf_interceptor *i)
{
    mayfly_context *context = i->context; /* what keeps the host goes last */
    mayfly_unit *unit = i->unit;
    if (unit)
        mf_unit_unfollow(unit, &i->follower);
    if (i->release)
        i->release(i->state);
    mf_counts_drop(i->count);
    mf_alloc_free(i->alloc, i);
    mayfly_unit_unref(unit);
    mayfly_context_unref(context);
}

static void run_end(mf_task *task)
{
    interceptor_end(MF_OWNER(task, mf_interceptor, task));
}

static void interceptor_drop(mf_interceptor *i)
{
    if (atomic_fetch_sub_explicit(&i->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (i->unit && mf_loop_on_any()) { /* which must not wait */
        mayfly_host *host = mf_unit_host(i->unit);
        i->task.run = run_end;
        if (mf_workers_push(host->workers, &i->task) == 0)
            return;
    }
    interceptor_end(i);
}

void mf_chain_drop(mf_chain *chain)
{
    if (!chain ||
        atomic_fetch_sub_explicit(&chain->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < chain->n; i++)
        interceptor_drop(chain->items[i]);
    mf_alloc_free(chain->alloc, chain);
}

mf_chain *mf_chain_take(mf_chains *s)
{
    mf_grace *grace = s->host->grace;
    unsigned side = mf_grace_enter(grace);
    mf_chain *chain = atomic_load_explicit(&s->now, memory_order_acquire);
    if (chain)
        atomic_fetch_add_explicit(&chain->refs, 1, memory_order_relaxed);
    mf_grace_leave(grace, side);
    return chain;
}

void mf_chains_init(mf_chains *s, mayfly_host *host)
{
    s->host = host;
    atomic_init(&s->now, NULL);
    pthread_mutex_init(&s->lock, NULL);
}

void mf_chains_done(mf_chains *s)
{
    if (!s->host)
        return;
    mf_chain_drop(atomic_load(&s->now));
    pthread_mutex_destroy(&s->lock);
}

/* --- changing --- */

/* Without its items. */
static mf_chain *chain_new(mf_alloc *alloc, size_t n)
{
    mf_chain *chain =
        mf_alloc_zero(alloc, sizeof *chain + n * sizeof chain->items[0]);
    if (!chain)
        return NULL;
    chain->alloc = alloc;
    atomic_init(&chain->refs, 1);
    return chain;
}

static void chain_add(mf_chain *chain, mf_interceptor *i)
{
    atomic_fetch_add_explicit(&i->refs, 1, memory_order_relaxed);
    chain->items[chain->n++] = i;
    chain->has_contexts |= i->context || i->unit;
}

static size_t find(const mf_chain *chain, uint64_t id)
{
    size_t i = 0;
    while (i < chain->n && chain->items[i]->id != id)
        i++;
    return i;
}

/* Nobody takes the old one any more once this returns. */
static void publish(mf_chains *s, mf_chain *fresh)
{
    mf_chain *old = atomic_exchange(&s->now, fresh);
    pthread_mutex_unlock(&s->lock);
    mf_grace_wait(s->host->grace);
    mf_chain_drop(old);
}

/* Takes the interceptor over on success. */
static int add(mf_chains *s, mf_interceptor *i, int outermost, uint64_t *ret_id,
               mayfly_error *err)
{
    pthread_mutex_lock(&s->lock);
    const mf_chain *old = atomic_load(&s->now);
    size_t n = old ? old->n : 0;
    mf_chain *fresh = chain_new(&s->host->alloc, n + 1);
    if (!fresh) {
        pthread_mutex_unlock(&s->lock);
        return mf_error_nomem(err, "an interceptor");
    }
    i->id = ++s->last_id;
    if (ret_id)
        *ret_id = i->id;
    if (outermost)
        chain_add(fresh, i);
    for (size_t k = 0; k < n; k++)
        chain_add(fresh, old->items[k]);
    if (!outermost)
        chain_add(fresh, i);
    publish(s, fresh);
    return 0;
}

static int take_off(mf_chains *s, uint64_t id, mayfly_error *err)
{
    mf_chain *fresh = NULL;
    pthread_mutex_lock(&s->lock);
    const mf_chain *old = atomic_load(&s->now);
    size_t at = old ? find(old, id) : 0;
    int code = 0;
    if (!old || at == old->n)
        code = mf_error_set(err, MAYFLY_ENOTFOUND, "no interceptor number %llu",
                            (unsigned long long)id);
    else if (old->n > 1 && !(fresh = chain_new(&s->host->alloc, old->n - 1)))
        code = mf_error_nomem(err, "a chain of interceptors");
    if (code != 0) {
        pthread_mutex_unlock(&s->lock);
        return code;
    }
    for (size_t k = 0; fresh && k < old->n; k++)
        if (k != at)
            chain_add(fresh, old->items[k]);
    publish(s, fresh);
    return 0;
}

/* --- making --- */

/* Reads the struct that a caller, or a context's source, has filled in. */
static int read_hooks(const mayfly_interceptor *given, mayfly_interceptor *ret,
                      mayfly_error *err)
{
    *ret = (mayfly_interceptor){.size = sizeof *ret};
    return mf_options_read(ret, sizeof *ret, given, "an interceptor", err);
}

/* A copy of `what`, with references; `name` is the global's, or NULL. */
static int make(mf_chains *s, const mayfly_intercept_options *o,
                const mf_interceptor *what, const char *name,
                mf_interceptor **ret, mayfly_error *err)
{
    mayfly_host *host = s->host;
    size_t n = name ? strlen(name) + 1 : 1;
    const char *owner = what->context ? mayfly_context_name(what->context)
                        : what->unit  ? mayfly_unit_name(what->unit)
                                      : "interceptor";
    mf_interceptor *i = mf_alloc_zero(&host->alloc, sizeof *i + n);
    if (!i)
        return mf_error_nomem(err, "an interceptor");
    *i = *what;
    if (mf_counts_add(host->counts, "interceptor", o->owner ? o->owner : owner,
                      &i->count) != 0) {
        mf_alloc_free(&host->alloc, i);
        return mf_error_nomem(err, "an interceptor");
    }
    if (name)
        memcpy(i->name, name, n);
    i->alloc = &host->alloc;
    i->state = o->state;
    i->is_optional = o->optional != 0;
    atomic_init(&i->refs, 0);
    if (i->context)
        mayfly_context_ref(i->context);
    if (i->unit)
        mayfly_unit_ref(i->unit);
    *ret = i;
    return 0;
}

/* Whether a version has it: asked when it begins to follow its unit, and before
 * a version becomes current. */
static int prepare(mf_follower *follower, mayfly_context *context,
                   mayfly_error *err)
{
    mf_interceptor *i = MF_OWNER(follower, mf_interceptor, follower);
    size_t unused;
    if (i->is_optional && i->is_installed)
        return 0; /* calls pass it by where it is not there */
    int code =
        mf_interceptor_find(mf_context_unit(context), i->name, &unused, err);
    i->is_installed |= code == 0;
    return code;
}

/* Makes one and adds it. */
static int install(mf_chains *s, const mayfly_intercept_options *o,
                   const mf_interceptor *what, const char *name,
                   uint64_t *ret_id, mayfly_error *err)
{
    mf_interceptor *i = NULL;
    int code = make(s, o, what, name, &i, err);
    if (code != 0)
        return code;
    i->follower.prepare = prepare;
    if (i->unit)
        code = mf_unit_follow(i->unit, &i->follower, err);
    if (code == 0) {
        i->release = o->release;
        code = add(s, i, o->outermost, ret_id, err);
    }
    if (code != 0) {
        i->release = NULL;
        interceptor_end(i);
    }
    return code;
}

static int read_options(const mf_chains *s,
                        const mayfly_intercept_options *given,
                        mayfly_intercept_options *ret, mayfly_error *err)
{
    *ret = (mayfly_intercept_options){.size = sizeof *ret};
    int code = mf_host_check(s->host, err);
    return code ? code
                : mf_options_read(ret, sizeof *ret, given, "intercept options",
                                  err);
}

static int install_hooks(mf_chains *s, const mayfly_interceptor *interceptor,
                         const mayfly_intercept_options *options,
                         uint64_t *ret_id, mayfly_error *err)
{
    mayfly_intercept_options o;
    mf_interceptor what = {.context = NULL};
    if (!s || !interceptor)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no server or channel, or no interceptor");
    int code = read_options(s, options, &o, err);
    if (code == 0)
        code = read_hooks(interceptor, &what.hooks, err);
    return code ? code : install(s, &o, &what, NULL, ret_id, err);
}

int mf_interceptor_find(const mf_unit *unit, const char *name, size_t *ret,
                        mayfly_error *err)
{
    mayfly_interceptor hooks;
    size_t i = 0;
    while (i < unit->n_names && strcmp(unit->names[i].name, name) != 0)
        i++;
    if (i == unit->n_names)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "the context's source defines no \"%.200s\"", name);
    if (read_hooks(unit->names[i].address, &hooks, NULL) != 0 ||
        (!hooks.begin && !hooks.message && !hooks.end))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "\"%.200s\" is no interceptor that has a hook",
                            name);
    *ret = i;
    return 0;
}

/* One of a context, or of a unit, by the global's name. */
static int install_global(mf_chains *s, mayfly_context *context,
                          mayfly_unit *unit, const char *name,
                          const mayfly_intercept_options *options,
                          uint64_t *ret_id, mayfly_error *err)
{
    mayfly_intercept_options o;
    mf_interceptor what = {.context = context, .unit = unit};
    if (!s || (!context && !unit) || !name)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no server or channel, context or name");
    if (s->host != (context ? mf_context_host(context) : mf_unit_host(unit)))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the context is of a different host");
    int code = read_options(s, options, &o, err);
    if (code == 0 && unit)
        return install(s, &o, &what, name, ret_id, err);
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    code =
        mf_interceptor_find(mf_context_unit(context), name, &what.global, err);
    if (code == 0)
        code = install(s, &o, &what, name, ret_id, err);
    mf_lease_drop(context);
    return code;
}

static int uninstall(mf_chains *s, uint64_t id, mayfly_error *err)
{
    if (!s)
        return mf_error_set(err, MAYFLY_EINVAL, "no server or channel");
    int code = mf_fork_check(s->host->made_under, err);
    return code ? code : take_off(s, id, err);
}

/* --- public --- */

int mayfly_server_intercept(mayfly_server *server,
                            const mayfly_interceptor *interceptor,
                            const mayfly_intercept_options *options,
                            uint64_t *ret_id, mayfly_error *err)
{
    return install_hooks(server ? &server->chains : NULL, interceptor, options,
                         ret_id, err);
}

int mayfly_channel_intercept(mayfly_channel *channel,
                             const mayfly_interceptor *interceptor,
                             const mayfly_intercept_options *options,
                             uint64_t *ret_id, mayfly_error *err)
{
    return install_hooks(channel ? &channel->chains : NULL, interceptor,
                         options, ret_id, err);
}

int mayfly_server_intercept_by(mayfly_server *server, mayfly_context *context,
                               const char *name,
                               const mayfly_intercept_options *options,
                               uint64_t *ret_id, mayfly_error *err)
{
    return install_global(server ? &server->chains : NULL, context, NULL, name,
                          options, ret_id, err);
}

int mayfly_channel_intercept_by(mayfly_channel *channel,
                                mayfly_context *context, const char *name,
                                const mayfly_intercept_options *options,
                                uint64_t *ret_id, mayfly_error *err)
{
    return install_global(channel ? &channel->chains : NULL, context, NULL,
                          name, options, ret_id, err);
}

int mayfly_unit_intercept_server(mayfly_unit *unit, mayfly_server *server,
                                 const char *name,
                                 const mayfly_intercept_options *options,
                                 uint64_t *ret_id, mayfly_error *err)
{
    return install_global(server ? &server->chains : NULL, NULL, unit, name,
                          options, ret_id, err);
}

int mayfly_unit_intercept_channel(mayfly_unit *unit, mayfly_channel *channel,
                                  const char *name,
                                  const mayfly_intercept_options *options,
                                  uint64_t *ret_id, mayfly_error *err)
{
    return install_global(channel ? &channel->chains : NULL, NULL, unit, name,
                          options, ret_id, err);
}

int mayfly_server_unintercept(mayfly_server *server, uint64_t id,
                              mayfly_error *err)
{
    return uninstall(server ? &server->chains : NULL, id, err);
}

int mayfly_channel_unintercept(mayfly_channel *channel, uint64_t id,
                               mayfly_error *err)
{
    return uninstall(channel ? &channel->chains : NULL, id, err);
}
