/*
 * cache/units/budget.c: how much may be loaded, and what goes first.
 *
 * The contents that are loaded stand in a list, by the time at which they were
 * used as far as the list knows. A call only notes the time in its content, so
 * the list is behind; whoever looks for the least recently used takes the first
 * one, puts it where it belongs if it was used since, and looks again. The
 * first that was not used since is the one: all others were used later. So
 * calls write to no list, and a search moves only what was used.
 *
 * What is pinned or held, or has a state that would be lost, is passed over.
 *
 * Threads: any that may wait; contents are evicted without the lock.
 */
#include "base/error.h"
#include "base/options.h"
#include "cache/context/internal.h"
#include "cache/units/units_own.h"

/* Behind all that were used earlier. Lock held. */
static void insert(mf_units *units, mf_content *c)
{
    c->listed_ms = atomic_load(&c->used_ms);
    mf_content *older = units->newest;
    while (older && older->listed_ms > c->listed_ms)
        older = older->older;
    c->older = older;
    c->newer = older ? older->newer : units->oldest;
    *(c->newer ? &c->newer->older : &units->newest) = c;
    *(older ? &older->newer : &units->oldest) = c;
}

static void take_out(mf_units *units, mf_content *c)
{
    *(c->older ? &c->older->newer : &units->oldest) = c->newer;
    *(c->newer ? &c->newer->older : &units->newest) = c->older;
    c->older = c->newer = NULL;
}

void mf_budget_add(mf_units *units, mf_content *c)
{
    units->loaded++;
    units->bytes += c->bytes;
    insert(units, c);
}

void mf_budget_remove(mf_units *units, mf_content *c)
{
    units->loaded--;
    units->bytes -= c->bytes;
    c->bytes = 0;
    take_out(units, c);
}

static int can_go(const mf_content *c)
{
    const mayfly_context *context = atomic_load(&c->context);
    return !c->pinned && !c->has_state && !c->building && !c->unloading &&
           mf_lease_sum(context) <= 0;
}

/* The least recently used that may go and was used before `before_ms`, with a
 * reference; NULL: none. Lock held. */
static mf_content *find_oldest(mf_units *units, uint64_t before_ms)
{
    mf_content *c = units->oldest;
    while (c && c->listed_ms < before_ms) {
        mf_content *newer = c->newer;
        if (atomic_load(&c->used_ms) != c->listed_ms) {
            take_out(units, c);
            insert(units, c);
        } else if (can_go(c)) {
            c->refs++;
            return c;
        }
        c = newer;
    }
    return NULL;
}

static int is_exceeded(const mf_units *units)
{
    const mayfly_cache_budget *b = &units->budget;
    return (b->bytes && units->bytes > b->bytes) ||
           (b->loaded && units->loaded > b->loaded);
}

/* Evicts one; 0 when there is none or it was in use after all. */
static int evict_oldest(mf_units *units, int only_exceeded, uint64_t before_ms)
{
    pthread_mutex_lock(&units->lock);
    mf_content *c = !only_exceeded || is_exceeded(units)
                        ? find_oldest(units, before_ms)
                        : NULL;
    pthread_mutex_unlock(&units->lock);
    if (!c)
        return 0;
    int code = mf_content_evict(c, NULL);
    mf_content_put(c);
    return code == 0;
}

void mf_budget_keep(mf_units *units)
{
    while (evict_oldest(units, 1, UINT64_MAX))
        ;
}

unsigned mf_units_tick(mf_units *units)
{
    pthread_mutex_lock(&units->lock);
    unsigned idle_ms = units->budget.idle_ms;
    pthread_mutex_unlock(&units->lock);
    if (!idle_ms)
        return 0;
    uint64_t now = mf_now_ms();
    while (now > idle_ms && evict_oldest(units, 0, now - idle_ms))
        ;
    mf_budget_keep(units); /* what was in use when it should have gone */
    return idle_ms / 4 + 1;
}

int mf_units_set_budget(mf_units *units, const mayfly_cache_budget *budget,
                        mayfly_error *err)
{
    int code = mf_units_may_wait(units, err);
    if (code != 0)
        return code;
    mayfly_cache_budget b = {.size = sizeof b};
    code = mf_options_read(&b, sizeof b, budget, "a cache budget", err);
    if (code != 0)
        return code;
    if (b.receipts > MF_RECEIPTS_MAX)
        return mf_error_set(err, MAYFLY_EINVAL, "at most %d receipts are kept",
                            MF_RECEIPTS_MAX);
    b.failure_ms = b.failure_ms ? b.failure_ms : MF_FAILURE_MS;
    b.receipts = b.receipts ? b.receipts : MF_RECEIPTS;
    pthread_mutex_lock(&units->lock);
    units->budget = b;
    pthread_mutex_unlock(&units->lock);
    mf_units_trim_past(units, b.receipts);
    mf_budget_keep(units);
    mf_units_tick(units);
    return 0;
}

void mf_units_get_budget(mf_units *units, mayfly_cache_budget *ret)
{
    pthread_mutex_lock(&units->lock);
    mf_options_write(ret, &units->budget, sizeof units->budget);
    pthread_mutex_unlock(&units->lock);
}

void mayfly_unit_set_pinned(mayfly_unit *unit, int pinned)
{
    if (!unit || mf_units_check(unit->units, NULL) != 0)
        return;
    pthread_mutex_lock(&unit->units->lock);
    int change = (pinned != 0) - unit->pinned;
    unit->pinned = pinned != 0;
    for (mf_version *v = unit->versions; change && v; v = v->next)
        v->content->pinned += change > 0 ? 1 : (size_t)-1;
    pthread_mutex_unlock(&unit->units->lock);
}

/* A version's content (0: the first), with a reference. Lock held. */
static mf_version *version_from(mayfly_unit *unit, uint64_t number)
{
    mf_version *v = unit->versions;
    while (number && v && v->number != number)
        v = v->next;
    if (v)
        v->content->refs++;
    return v;
}

/* The next older version's content after number `at`, with a reference. */
static mf_content *older_than(mayfly_unit *unit, uint64_t *at)
{
    mf_content *c = NULL;
    pthread_mutex_lock(&unit->units->lock);
    for (mf_version *v = unit->versions; v && !c; v = v->next) {
        if (v->number >= *at)
            continue;
        *at = v->number;
        c = v->content;
        c->refs++;
    }
    pthread_mutex_unlock(&unit->units->lock);
    return c;
}

int mayfly_unit_evict(mayfly_unit *unit, uint64_t version, mayfly_error *err)
{
    if (!unit)
        return mf_error_set(err, MAYFLY_EINVAL, "no unit");
    int code = mf_units_may_wait(unit->units, err);
    if (code != 0)
        return code;
    pthread_mutex_lock(&unit->units->lock);
    const mf_version *v = version_from(unit, version);
    mf_content *c = v ? v->content : NULL;
    uint64_t at = v ? v->number : 0;
    pthread_mutex_unlock(&unit->units->lock);
    if (!c)
        return mf_error_set(err, version ? MAYFLY_ENOTFOUND : MAYFLY_EUNLOADED,
                            "unit \"%s\" has no such version", unit->name);
    while (c) {
        int one = mf_content_evict(c, code == 0 ? err : NULL);
        mf_content_put(c);
        code = code ? code : one;
        c = version ? NULL : older_than(unit, &at);
    }
    return code;
}
