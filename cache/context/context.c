/*
 * cache/context/context.c: the handle: made, published, referenced, freed.
 *
 * A context is made before its unit is compiled, so that the first snapshot
 * shows the process without it, and given the unit as its payload. From then on
 * the payload belongs to the context and goes when it is unloaded (unload.c);
 * the handle goes with its last reference, which unloads first where nobody
 * has. Between that and *live* only the payload's own code runs, which may take
 * leases: it may start threads, and may refuse to be loaded.
 *
 * A call that is under way holds a lease and no reference, so that calls share
 * no count. Where leases are left when the last reference goes, the context
 * refers to itself until the last of them has gone: so whoever holds either
 * keeps the handle.
 *
 * Threads: any. In a forked child the last reference frees nothing: the
 * parent's memory files are shared with it, and its locks may be held by
 * threads that the child does not have.
 */
#include "cache/context/internal.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/sync.h"

#include <string.h>

/* The allocator aligns to 16 only; the shards want lines of their own. */
static mayfly_context *new_aligned(mf_alloc *alloc, unsigned n_shards)
{
    void *block = mf_alloc_zero(alloc, sizeof(mayfly_context) +
                                           n_shards * sizeof(mf_lease_shard) +
                                           MF_CACHE_LINE);
    if (!block)
        return NULL;
    uintptr_t at = ((uintptr_t)block + MF_CACHE_LINE - 1) &
                   ~(uintptr_t)(MF_CACHE_LINE - 1);
    mayfly_context *c = (mayfly_context *)at;
    c->block = block;
    c->shards = (mf_lease_shard *)(c + 1);
    c->n_shards = n_shards;
    return c;
}

static void free_block(mayfly_context *c)
{
    mf_alloc *alloc = c->options.alloc;
    mf_alloc_free(alloc, c->snapshots.measured);
    mf_alloc_free(alloc, (char *)(uintptr_t)c->options.name);
    mf_alloc_free(alloc, c->block);
}

static void free_unlisted(mayfly_context *c)
{
    mf_sync_done(&c->lock, &c->changed);
    free_block(c);
}

void mf_context_free(mayfly_context *c)
{
    mf_weak_cut(c);
    mf_listeners_free(c);
    mf_registry_remove(c->options.registry, c);
    mf_context_unkeep(c);
}

void mf_context_keep(mayfly_context *context)
{
    atomic_fetch_add(&context->keeps, 1);
}

void mf_context_unkeep(mayfly_context *context)
{
    void *host = context->options.host;
    void (*unref_host)(void *) = context->options.unref_host;
    if (atomic_fetch_sub(&context->keeps, 1) != 1)
        return;
    free_unlisted(context);
    if (unref_host)
        unref_host(host); /* the allocator may go with it */
}

int mf_context_try_ref(mayfly_context *c)
{
    unsigned refs = atomic_load(&c->refs);
    while (refs != 0)
        if (atomic_compare_exchange_weak(&c->refs, &refs, refs + 1))
            return 1;
    return 0;
}

int mf_context_new(const mf_context_options *options,
                   mayfly_context **ret_context, mayfly_error *err)
{
    mayfly_context *c =
        new_aligned(options->alloc, mf_registry_shards(options->registry));
    if (!c)
        return mf_error_nomem(err, "a context");
    c->options = *options;
    c->options.name =
        mf_alloc_strdup(options->alloc, options->name ? options->name : "");
    if (options->measure_process)
        c->snapshots.measured =
            mf_alloc_zero(options->alloc, MF_PHASES * sizeof(mf_measured));
    if (!c->options.name ||
        (options->measure_process && !c->snapshots.measured) ||
        mf_sync_init(&c->lock, &c->changed) != 0) {
        free_block(c);
        return mf_error_nomem(err, "a context");
    }
    atomic_init(&c->refs, 1);
    atomic_init(&c->keeps, 1);
    atomic_init(&c->state, MAYFLY_COMPILING);
    mf_lease_close(c);
    int code = mf_registry_add(options->registry, c, err);
    if (code != 0) {
        free_unlisted(c);
        return code;
    }
    if (options->ref_host)
        options->ref_host(options->host);

    mf_snapshot before = {0};
    mf_snapshot_take(c, &before, "before");
    mf_snapshot_keep(c, MF_BEFORE, &before);
    mf_registry_baseline(
        options->registry, &before.process,
        options->arena_bytes ? options->arena_bytes(options->host) : 0);
    c->n_snapshots = 1;
    *ret_context = c;
    return 0;
}

void mf_context_attach(mayfly_context *context, const mf_payload *payload,
                       const mf_load_report *report)
{
    mayfly_context *c = context;
    mf_snapshot both[2] = {{0}};
    mf_snapshot *compiled = &both[0];
    mf_snapshot *dropped = &both[1];

    pthread_mutex_lock(&c->lock);
    c->payload = *payload;
    pthread_mutex_unlock(&c->lock);
    mf_tombs_clear(mf_registry_tombs(c->options.registry), payload);
    mf_context_census(c, &dropped->census);
    compiled->census = report->compiling;
    for (size_t i = 0; i < dropped->census.n; i++) {
        const mf_census_row *row = &dropped->census.rows[i];
        if (strcmp(row->arena, "compile") != 0) /* kept: it is in the report */
            mf_census_merge(&compiled->census, row);
    }
    /* The hot compile arena is still there at this point, dirty as it was. */
    mf_snapshot_measure(c, compiled, "compiled");
    mf_snapshot_take(c, dropped, "arena dropped");
    mf_snapshot_keep(c, MF_COMPILED, compiled);
    mf_snapshot_keep(c, MF_DROPPED, dropped);
    c->n_snapshots = MF_DROPPED + 1;

    c->load_ns = report->load_ns;
    c->generate_ns = report->generate_ns;
    c->compile_ns = report->compile_ns;
    pthread_mutex_lock(&c->lock);
    mf_lease_open(c);
    pthread_mutex_unlock(&c->lock);
}

void mf_context_open(mayfly_context *context)
{
    pthread_mutex_lock(&context->lock);
    atomic_store(&context->state, MAYFLY_LIVE);
    pthread_mutex_unlock(&context->lock);
}

void mf_context_publish(mayfly_context *context, const mf_payload *payload,
                        const mf_load_report *report)
{
    mf_context_attach(context, payload, report);
    mf_context_open(context);
}

int mf_context_is_there(const mayfly_context *c)
{
    return c->payload.unit && !c->destroying &&
           atomic_load(&c->state) != MAYFLY_UNLOADED;
}

void *mf_context_unit(const mayfly_context *context)
{
    return context->payload.unit;
}

void *mf_context_host(const mayfly_context *context)
{
    return context->options.host;
}

mayfly_context *mayfly_context_ref(mayfly_context *context)
{
    if (context)
        atomic_fetch_add(&context->refs, 1);
    return context;
}

void mayfly_context_unref(mayfly_context *context)
{
    if (!context || mf_fork_check(context->options.fork_generation, NULL) != 0)
        return;
    if (atomic_fetch_sub(&context->refs, 1) == 1 &&
        mf_context_finish_unref(context))
        mf_context_free(context);
}

const char *mf_state_name(enum mayfly_context_state state)
{
    static const char *const names[] = {"compiling", "live", "unloading",
                                        "unloaded"};
    return names[state];
}

const char *mayfly_context_name(const mayfly_context *context)
{
    return context->options.name;
}

uint64_t mayfly_context_version(const mayfly_context *context)
{
    return context->version;
}

enum mayfly_context_state
mayfly_context_get_state(const mayfly_context *context)
{
    return (enum mayfly_context_state)atomic_load(&context->state);
}
