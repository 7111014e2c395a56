/*
 * cache/units/units_info.c: what the cache holds, and what it has let go.
 *
 * Versions are told one by one with the units' lock held, which only those wait
 * for who build, evict or change. The handles of what was unloaded last are
 * kept in a ring: a receipt takes longer to write than a unit to unload, so it
 * is written when somebody asks for it.
 *
 * Threads: any.
 */
#include "base/error.h"
#include "base/options.h"
#include "cache/context/internal.h"
#include "cache/units/units_own.h"

#include <stdio.h>
#include <string.h>

/* --- receipts --- */

/* The newest of the ring for i of 0, and so on. past_lock held. */
static mayfly_context **past_at(const mf_units *units, size_t i)
{
    size_t cap = units->past_cap;
    return &units->past[(units->past_at + cap - 1 - i) % cap];
}

/* A ring of another size, with the newest of what is there. past_lock held. */
static int resize_past(mf_units *units, size_t cap)
{
    mayfly_context **ring = mf_alloc_zero(units->o.alloc, cap * sizeof *ring);
    if (!ring)
        return MAYFLY_ENOMEM;
    size_t n = units->n_past < cap ? units->n_past : cap;
    for (size_t i = 0; i < units->n_past; i++) {
        mayfly_context *c = *past_at(units, i);
        if (i < n)
            ring[n - 1 - i] = c;
        else
            mayfly_context_unref(c);
    }
    mf_alloc_free(units->o.alloc, units->past);
    units->past = ring;
    units->past_cap = cap;
    units->n_past = n;
    units->past_at = n % cap;
    return 0;
}

void mf_units_trim_past(mf_units *units, size_t receipts)
{
    pthread_mutex_lock(&units->past_lock);
    if (units->past_cap > receipts)
        resize_past(units, receipts); /* else it stays as large as it was */
    pthread_mutex_unlock(&units->past_lock);
}

void mf_units_close_past(mf_units *units)
{
    pthread_mutex_lock(&units->past_lock);
    for (size_t i = 0; i < units->past_cap; i++)
        mayfly_context_unref(units->past[i]);
    mf_alloc_free(units->o.alloc, units->past);
    units->past = NULL;
    units->n_past = units->past_cap = 0;
    units->past_closed = 1;
    pthread_mutex_unlock(&units->past_lock);
}

mayfly_unit *mf_units_inherit(mf_units *units, const char *context_name,
                              const mayfly_call_counts *calls)
{
    char name[256]; /* longer than any unit's */
    snprintf(name, sizeof name, "%.*s", (int)strcspn(context_name, "@"),
             context_name);
    mayfly_unit *unit = mf_units_lookup(units, name);
    if (unit)
        mf_tally_merge(&unit->gone, calls);
    return unit;
}

/* What a context has counted goes to its version, or to its unit where that has
 * left. */
static void inherit_calls(mf_units *units, mayfly_context *context)
{
    mayfly_call_counts calls = {0};
    mayfly_unit *unit = NULL;
    pthread_mutex_lock(&units->lock);
    mf_tally_take(context, &calls);
    mf_content *content = atomic_load(&context->content);
    if (content)
        mf_tally_merge(&content->calls, &calls);
    else
        unit = mf_units_inherit(units, mayfly_context_name(context), &calls);
    pthread_mutex_unlock(&units->lock);
    mayfly_unit_unref(unit);
}

void mf_units_unloaded(mf_units *units, mayfly_context *context)
{
    inherit_calls(units, context);
    mayfly_cache_budget budget = {.size = sizeof budget};
    mayfly_context *gone = NULL;
    mf_units_get_budget(units, &budget);
    pthread_mutex_lock(&units->past_lock);
    if (!units->past_closed &&
        (units->past_cap >= budget.receipts ||
         resize_past(units, budget.receipts) == 0 || units->past_cap)) {
        gone = units->past[units->past_at];
        units->past[units->past_at] = mayfly_context_ref(context);
        units->past_at = (units->past_at + 1) % units->past_cap;
        if (units->n_past < units->past_cap)
            units->n_past++;
    } /* without memory it is not told */
    pthread_mutex_unlock(&units->past_lock);
    mayfly_context_unref(gone);
}

int mf_units_each_receipt(mf_units *units, mayfly_history_fn each, void *state,
                          mayfly_error *err)
{
    int code = 0;
    pthread_mutex_lock(&units->past_lock);
    for (size_t i = 0; code == 0 && i < units->n_past; i++) {
        mayfly_context *c = *past_at(units, i);
        mayfly_receipt *receipt = NULL;
        code = mayfly_context_receipt(c, &receipt, err);
        if (code == 0)
            each(state, mayfly_context_name(c), receipt);
        mayfly_receipt_free(receipt);
    }
    pthread_mutex_unlock(&units->past_lock);
    return code;
}

/* --- counters --- */

typedef struct sum {
    size_t blocks, bytes;
} sum;

static void add_block(sum *s, const void *block)
{
    s->blocks += block != NULL;
    s->bytes += block ? mf_alloc_size(block) : 0;
}

static void add_content(sum *s, const mf_content *c)
{
    add_block(s, c);
    add_block(s, c->name);
    add_block(s, c->failure);
}

typedef struct sums {
    sum names, versions, contents;
} sums;

static int add_unit(void *state, void *value)
{
    sums *s = state;
    const mayfly_unit *unit = value;
    add_block(&s->names, unit);
    add_block(&s->names, unit->name);
    for (const mf_version *v = unit->versions; v; v = v->next) {
        add_block(&s->versions, v);
        add_block(&s->versions, v->label);
        if (!v->content->mapped) /* of another's fingerprint: it is one's own */
            add_content(&s->contents, v->content);
    }
    return 0;
}

static void add_sum(mf_census *c, const char *kind, const sum *s,
                    size_t map_bytes, size_t map_blocks)
{
    mf_census_add(c, "cache", kind, s->blocks + map_blocks,
                  s->bytes + map_bytes);
}

static sum past_sum(mf_units *units)
{
    sum s = {0};
    pthread_mutex_lock(&units->past_lock);
    add_block(&s, units->past);
    for (size_t i = 0; i < units->n_past; i++) {
        const mayfly_context *c = *past_at(units, i);
        add_block(&s, c->block);
        add_block(&s, c->options.name);
        add_block(&s, c->snapshots.measured);
    }
    pthread_mutex_unlock(&units->past_lock);
    return s;
}

void mf_units_census(mf_units *units, mf_census *c)
{
    sums s = {0};
    size_t table_blocks, map_blocks;
    size_t table_bytes = mf_table_bytes(units->names, &table_blocks);
    pthread_mutex_lock(&units->lock);
    unsigned side = mf_grace_enter(units->o.grace);
    mf_table_each(units->names, add_unit, &s);
    mf_grace_leave(units->o.grace, side);
    const mf_map_entry *e = mf_map_first(units->contents);
    for (; e; e = mf_map_next(e))
        add_content(&s.contents, mf_map_entry_value(e));
    size_t map_bytes = mf_map_bytes(units->contents, &map_blocks);
    sum recipes = {units->recipe_blocks, units->recipe_bytes};
    pthread_mutex_unlock(&units->lock);
    sum past = past_sum(units);
    add_sum(c, "names", &s.names, table_bytes, table_blocks);
    add_sum(c, "versions", &s.versions, 0, 0);
    add_sum(c, "contents", &s.contents, map_bytes, map_blocks);
    add_sum(c, "recipes", &recipes, 0, 0);
    add_sum(c, "kept receipts", &past, 0, 0);
}

void mf_units_get_stats(mf_units *units, mayfly_cache_stats *ret)
{
    pthread_mutex_lock(&units->lock);
    mayfly_cache_stats s = units->counted;
    s.units = mf_table_count(units->names);
    s.versions = units->n_versions;
    s.loaded = units->loaded;
    s.bytes = units->bytes;
    s.recipe_bytes = units->recipe_bytes;
    pthread_mutex_unlock(&units->lock);
    mf_options_write(ret, &s, sizeof s);
}

/* --- versions --- */

typedef struct telling {
    mayfly_version_fn each;
    void *state;
    uint64_t now;
} telling;

static void tell(const telling *t, const mayfly_unit *unit, const mf_version *v)
{
    const mf_content *c = v->content;
    mayfly_context *context = atomic_load(&c->context);
    long leases = context ? mf_lease_sum(context) : 0;
    uint64_t used = atomic_load(&c->used_ms);
    mayfly_version_info info = {
        .unit = unit->name,
        .label = v->label,
        .version = v->number,
        .fingerprint = c->fingerprint,
        .is_current = atomic_load(&unit->current) == v,
        .is_pinned = unit->pinned,
        .is_loaded = context != NULL,
        .is_lazy = c->builds == 0,
        .bytes = c->bytes,
        .recipe_bytes = c->recipe_bytes,
        .leases = leases > 0 ? (size_t)leases : 0,
        .age_ms = t->now - v->added_ms,
        .idle_ms = t->now > used ? t->now - used : 0,
        .builds = c->builds,
        .evictions = c->evictions,
        .build_us = c->build_us,
        .calls = c->calls,
        .gone = unit->gone,
    };
    if (context)
        mf_tally_read(context, &info.calls);
    t->each(t->state, &info);
}

static int tell_unit(void *state, void *value)
{
    const mayfly_unit *unit = value;
    for (const mf_version *v = unit->versions; v; v = v->next)
        tell(state, unit, v);
    return 0;
}

void mf_units_each(mf_units *units, mayfly_unit *only, mayfly_version_fn each,
                   void *state)
{
    telling t = {each, state, mf_now_ms()};
    pthread_mutex_lock(&units->lock);
    if (only) {
        tell_unit(&t, only);
    } else {
        unsigned side = mf_grace_enter(units->o.grace);
        mf_table_each(units->names, tell_unit, &t);
        mf_grace_leave(units->o.grace, side);
    }
    pthread_mutex_unlock(&units->lock);
}

mayfly_context *mf_unit_peek(mayfly_unit *unit, uint64_t version)
{
    mayfly_context *context = NULL;
    pthread_mutex_lock(&unit->units->lock);
    const mf_version *v =
        version ? mf_version_find(unit, version) : atomic_load(&unit->current);
    if (v) /* the content's own reference goes after the lock was held */
        context = mayfly_context_ref(atomic_load(&v->content->context));
    pthread_mutex_unlock(&unit->units->lock);
    return context;
}
