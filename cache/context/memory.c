/*
 * cache/context/memory.c: what contexts hold, asked of them while they live.
 *
 * A unit is kept by a lease while it is counted, as by anybody; one that is
 * being made or unloaded just then is left out. The compile arena of a context
 * is gone soon after its load, so its kinds are those that the load told.
 *
 * Threads: any.
 */
#include "cache/context/internal.h"

#include <string.h>

static mf_census_row *find(mf_census *c, const mf_census_row *like)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->rows[i].arena, like->arena) == 0 &&
            strcmp(c->rows[i].kind, like->kind) == 0)
            return &c->rows[i];
    return NULL;
}

static int census_now(mayfly_context *c, mf_census *ret)
{
    if (mf_lease_take(c, NULL) != 0)
        return 0;
    mf_context_census(c, ret);
    mf_lease_drop(c);
    return 1;
}

void mf_context_memory(mayfly_context *context, mf_census *ret)
{
    mf_census now = {0};
    mf_snapshot compiled;
    census_now(context, &now);
    pthread_mutex_lock(&context->lock);
    mf_snapshot_recall(context, MF_COMPILED, &compiled);
    pthread_mutex_unlock(&context->lock);
    *ret = compiled.census;
    for (size_t i = 0; i < ret->n; i++)
        ret->rows[i].live = 0;
    for (size_t i = 0; i < now.n; i++) {
        const mf_census_row *row = &now.rows[i];
        mf_census_row *was = find(ret, row);
        if (!was) {
            mf_census_merge(ret, row);
        } else if (row->bytes > was->bytes) { /* bindings came */
            *was = *row;
        } else {
            was->live = row->live;
        }
    }
}

void mf_context_parts(const mayfly_context *c, mf_part_fn add, void *state)
{
    if (c->payload.parts)
        c->payload.parts(c->payload.unit, add, state);
    const mf_binding *b =
        atomic_load_explicit(&c->bindings, memory_order_acquire);
    for (; b; b = b->next)
        if (b->payload.parts)
            b->payload.parts(b->payload.unit, add, state);
}

size_t mf_registry_census(mf_registry *r, mf_census *census)
{
    size_t live = 0;
    mayfly_context *c = NULL;
    while ((c = mf_registry_next(r, c)))
        live += (size_t)census_now(c, census);
    return live;
}

void mf_registry_parts(mf_registry *r, mf_part_fn add, void *state)
{
    mayfly_context *c = NULL;
    while ((c = mf_registry_next(r, c)))
        if (mf_lease_take(c, NULL) == 0) {
            mf_context_parts(c, add, state);
            mf_lease_drop(c);
        }
}
