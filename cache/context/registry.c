/*
 * cache/context/registry.c: the contexts of one host.
 *
 * Knows every handle that has not been freed, so that a host can unload them
 * all, and the process as it was before the first load, which is what a receipt
 * counts "retained" against: counted against an earlier cycle, a leak of the
 * first load would never show.
 *
 * The registry does not own its contexts. A handle leaves the list when its
 * last reference goes, under the lock; whoever walks the list takes a reference
 * first and passes over those that have none left.
 *
 * Threads: any.
 */
#include "cache/context/internal.h"

#include "base/error.h"

#include <string.h>
#include <sys/sysinfo.h>

struct mf_registry {
    mf_alloc *alloc;
    mf_tombs *tombs;
    uint64_t loads;    /* contexts made so far */
    unsigned n_shards; /* of each context's lease count */
    pthread_mutex_t lock;
    mayfly_context *first;
    int has_baseline;
    mf_process baseline;   /* before the first load */
    size_t baseline_bytes; /* in arenas, likewise */
    uint64_t unloads;      /* contexts unloaded so far */
    size_t n_loaded;       /* handles that are not unloaded */
    size_t max;            /* bound of these; 0: none */
};

mf_registry *mf_registry_new(mf_alloc *alloc)
{
    mf_registry *r = mf_alloc_zero(alloc, sizeof *r);
    if (!r)
        return NULL;
    r->alloc = alloc;
    int processors = get_nprocs_conf(); /* reads files: once per host */
    r->n_shards = 1;
    while (r->n_shards < MF_LEASE_SHARDS_MAX && (int)r->n_shards < processors)
        r->n_shards *= 2;
    r->tombs = mf_tombs_new(alloc);
    if (!r->tombs || pthread_mutex_init(&r->lock, NULL) != 0) {
        mf_tombs_free(r->tombs);
        mf_alloc_free(alloc, r);
        return NULL;
    }
    return r;
}

void mf_registry_free(mf_registry *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    mf_tombs_free(r->tombs);
    mf_alloc_free(r->alloc, r);
}

mf_tombs *mf_registry_tombs(const mf_registry *r)
{
    return r->tombs;
}

int mf_registry_set_tombs(mf_registry *r, size_t max, uint64_t age_ns)
{
    return mf_tombs_set(r->tombs, max, age_ns);
}

void mf_registry_trim(mf_registry *r)
{
    mf_tombs_trim(r->tombs);
}

unsigned mf_registry_shards(const mf_registry *r)
{
    return r->n_shards;
}

void mf_registry_set_max(mf_registry *r, size_t contexts)
{
    pthread_mutex_lock(&r->lock);
    r->max = contexts;
    pthread_mutex_unlock(&r->lock);
}

int mf_registry_add(mf_registry *r, mayfly_context *c, mayfly_error *err)
{
    pthread_mutex_lock(&r->lock);
    if (r->max && r->n_loaded >= r->max) {
        size_t n = r->n_loaded, max = r->max;
        pthread_mutex_unlock(&r->lock);
        return mf_error_set(err, MAYFLY_ELIMIT,
                            "contexts: the host has %zu and may have %zu", n,
                            max);
    }
    c->prev = NULL;
    c->next = r->first;
    if (r->first)
        r->first->prev = c;
    r->first = c;
    r->n_loaded++;
    c->version = ++r->loads;
    pthread_mutex_unlock(&r->lock);
    return 0;
}

void mf_registry_remove(mf_registry *r, mayfly_context *c)
{
    pthread_mutex_lock(&r->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        r->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    if (atomic_load(&c->state) == MAYFLY_COMPILING) /* its load failed */
        r->n_loaded--;
    pthread_mutex_unlock(&r->lock);
}

void mf_registry_baseline(mf_registry *r, const mf_process *process,
                          size_t arena_bytes)
{
    pthread_mutex_lock(&r->lock);
    if (!r->has_baseline) {
        r->baseline = *process;
        r->baseline_bytes = arena_bytes;
    }
    r->has_baseline = 1;
    pthread_mutex_unlock(&r->lock);
}

void mf_registry_get_baseline(mf_registry *r, mf_process *ret_process,
                              size_t *ret_arena_bytes)
{
    pthread_mutex_lock(&r->lock);
    *ret_process = r->baseline;
    *ret_arena_bytes = r->baseline_bytes;
    pthread_mutex_unlock(&r->lock);
}

uint64_t mf_registry_count_unload(mf_registry *r, int *ret_none_left)
{
    pthread_mutex_lock(&r->lock);
    uint64_t n = ++r->unloads;
    *ret_none_left = --r->n_loaded == 0;
    pthread_mutex_unlock(&r->lock);
    return n;
}

/* The first context at or behind `c` that still has a reference, with one more.
 */
static mayfly_context *ref_from(mayfly_context *c)
{
    while (c && !mf_context_try_ref(c))
        c = c->next;
    return c;
}

mayfly_context *mf_registry_next(mf_registry *r, mayfly_context *c)
{
    pthread_mutex_lock(&r->lock);
    mayfly_context *next = ref_from(c ? c->next : r->first);
    pthread_mutex_unlock(&r->lock);
    mayfly_context_unref(c);
    return next;
}

void mf_registry_counts(mf_registry *r, uint64_t *ret_loads,
                        uint64_t *ret_unloads)
{
    pthread_mutex_lock(&r->lock);
    *ret_loads = r->loads;
    *ret_unloads = r->unloads;
    pthread_mutex_unlock(&r->lock);
}

void mf_registry_each(mf_registry *r,
                      void (*each)(void *state, const mf_context_info *info),
                      void *state)
{
    mayfly_context *c = NULL;
    while ((c = mf_registry_next(r, c))) {
        long leases = mf_lease_sum(c);
        mf_context_info info = {.name = mayfly_context_name(c),
                                .load = mayfly_context_version(c),
                                .state = mayfly_context_get_state(c),
                                .is_version = atomic_load(&c->content) != NULL,
                                .leases = leases > 0 ? (size_t)leases : 0};
        mf_tally_read(c, &info.calls);
        if (info.state != MAYFLY_UNLOADED)
            each(state, &info);
    }
}

mayfly_context *mf_registry_find(mf_registry *r, const char *name)
{
    mayfly_context *c = NULL;
    while ((c = mf_registry_next(r, c)))
        if (strcmp(mayfly_context_name(c), name) == 0 &&
            mayfly_context_get_state(c) != MAYFLY_UNLOADED)
            break;
    return c;
}

size_t mf_registry_unload_all(mf_registry *r, unsigned wait_ms)
{
    uint64_t deadline = mf_clock_ns() + (uint64_t)wait_ms * 1000000;
    size_t held = 0;

    mayfly_context *c = mf_registry_next(r, NULL);
    while (c) {
        uint64_t now = mf_clock_ns();
        unsigned left =
            now < deadline ? (unsigned)((deadline - now) / 1000000) : 0;
        if (mayfly_context_get_state(c) != MAYFLY_UNLOADED &&
            mayfly_unload(
                c,
                MAYFLY_UNLOAD_OPTIONS(.wait_ms = mf_unload_ms(c, left),
                                      .force = 1),
                NULL, NULL) == MAYFLY_EBUSY)
            held++;
        c = mf_registry_next(r, c);
    }
    return held;
}
