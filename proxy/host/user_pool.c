/*
 * Pools of users: making them, what they take of the heap, trimming, figures.
 *
 * A pool has an allocator of its own in front of the host's, so that every byte
 * it has, lent or kept, in an arena or in a slab, is counted in one place and
 * meets one bound. Reports take their figures from there.
 *
 * What stays true: a pool is in its host's list until its user frees it; its
 * memory goes with the last loan, and it has a reference to the host, whose
 * heap it is. The host's lock is taken before a pool's.
 */
#include "proxy/host/user_pool.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"

enum {
    MIDDLE_BYTES = 2048, /* smaller blocks are in slabs */
    SLAB_BYTES = 16 * 1024,
    LARGE = 64 * 1024,
    LARGE_MAX = 256 * 1024,
    NAME_MAX_BYTES = 64
};

static const char *const kind_names[MF_POOL_KINDS] = {"objects", "buffers",
                                                      "arenas"};

/* --- the heap behind a pool --- */

static void raise_to(atomic_size_t *peak, size_t value)
{
    size_t seen = atomic_load_explicit(peak, memory_order_relaxed);
    while (value > seen && !atomic_compare_exchange_weak(peak, &seen, value))
        ;
}

/* Counts `more` bytes, if they fit the bound. */
static int reserve(mayfly_pool *p, size_t more)
{
    size_t now = atomic_fetch_add(&p->bytes, more) + more;
    if (p->options.bytes_max && now > p->options.bytes_max) {
        atomic_fetch_sub(&p->bytes, more);
        atomic_fetch_add(&p->refused, 1);
        return -1;
    }
    raise_to(&p->bytes_peak, now);
    return 0;
}

static void *heap_alloc(void *state, size_t size)
{
    mayfly_pool *p = state;
    if (reserve(p, size) != 0)
        return NULL;
    void *block = mf_alloc_new(&p->host->alloc, size);
    if (!block) {
        atomic_fetch_sub(&p->bytes, size);
        return NULL;
    }
    atomic_fetch_add(&p->blocks, 1);
    atomic_fetch_add(&p->heap_takes, 1);
    return block;
}

static void heap_release(void *state, void *block)
{
    mayfly_pool *p = state;
    if (!block)
        return;
    atomic_fetch_sub(&p->bytes, mf_alloc_size(block));
    atomic_fetch_sub(&p->blocks, 1);
    mf_alloc_free(&p->host->alloc, block);
}

static void *heap_resize(void *state, void *block, size_t size)
{
    if (!block)
        return heap_alloc(state, size);
    void *moved = heap_alloc(state, size);
    if (moved) {
        size_t old = mf_alloc_size(block);
        memcpy(moved, block, old < size ? old : size);
        heap_release(state, block);
    }
    return moved;
}

/* --- life --- */

void mf_user_pool_unref(mayfly_pool *p)
{
    if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    mayfly_host *host = p->host;
    mf_pool_done(&p->small);
    mf_large_done(&p->middle);
    mf_large_done(&p->large);
    pthread_mutex_destroy(&p->lock);
    mf_alloc_free(&host->alloc, p->name);
    mf_alloc_free(&host->alloc, p);
    mf_host_unref(host);
}

static int read_options(const mayfly_host *host,
                        const mayfly_pool_options *given,
                        mayfly_pool_options *o, mayfly_error *err)
{
    *o = (mayfly_pool_options){.size = sizeof *o};
    int rc = mf_options_read(o, sizeof *o, given, "pool options", err);
    if (rc != 0)
        return rc;
    o->name = o->name ? o->name : "pool";
    o->keep_max = o->keep_max ? o->keep_max : host->tuning.pool_keep;
    o->large = o->large ? o->large : LARGE;
    if (o->large > LARGE_MAX)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "large blocks begin at %d bytes at the most",
                            LARGE_MAX);
    return 0;
}

static mayfly_pool *make(mayfly_host *host, enum mf_pool_kind kind,
                         const mayfly_pool_options *o)
{
    mayfly_pool *p = mf_alloc_zero(&host->alloc, sizeof *p);
    if (!p)
        return NULL;
    p->name = mf_alloc_strndup(&host->alloc, o->name,
                               strnlen(o->name, NAME_MAX_BYTES));
    if (!p->name) {
        mf_alloc_free(&host->alloc, p);
        return NULL;
    }
    p->host = mf_host_ref(host);
    p->kind = kind;
    p->options = *o;
    p->options.name = p->name;
    atomic_init(&p->refs, 1);
    pthread_mutex_init(&p->lock, NULL);
    mayfly_allocator table = {heap_alloc, heap_resize, heap_release, p};
    mf_alloc_init(&p->heap, &table);
    mf_pool_init(&p->small, &p->heap, SLAB_BYTES);
    /* objects and arenas are kept whole */
    int keeps_blocks = kind == MF_POOL_BUFFERS;
    mf_large_init(&p->middle, &p->heap, MIDDLE_BYTES,
                  keeps_blocks ? o->keep_max : 0);
    mf_large_init(&p->large, &p->heap, o->large,
                  keeps_blocks ? o->large_keep : 0);
    return p;
}

static int enter(mayfly_pool *p, mayfly_error *err)
{
    mayfly_host *host = p->host;
    pthread_mutex_lock(&host->lock);
    int rc = mf_host_check(host, err);
    if (rc == 0) {
        p->trimmed = host->pools_trimmed;
        p->next = host->pools;
        p->link = &host->pools;
        if (p->next)
            p->next->link = &p->next;
        host->pools = p;
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int new_pool(mayfly_host *host, enum mf_pool_kind kind,
                    size_t object_bytes, const mayfly_object_hooks *hooks,
                    const mayfly_pool_options *options, mayfly_pool **ret_pool,
                    mayfly_error *err)
{
    mayfly_pool_options o;
    if (!host || !ret_pool)
        return mf_error_set(err, MAYFLY_EINVAL, "a pool needs a host");
    int rc = mf_host_check(host, err);
    if (rc == 0)
        rc = read_options(host, options, &o, err);
    if (rc != 0)
        return rc;
    mayfly_pool *p = make(host, kind, &o);
    if (!p)
        return mf_error_nomem(err, "a pool");
    p->object_bytes = object_bytes;
    if (hooks)
        p->hooks = *hooks;
    rc = enter(p, err);
    if (rc != 0)
        mf_user_pool_unref(p);
    else
        *ret_pool = p;
    return rc;
}

/* --- trimming --- */

void mayfly_pool_trim(mayfly_pool *p)
{
    if (!p || mf_fork_check(p->host->made_under, NULL) != 0)
        return;
    pthread_mutex_lock(&p->lock);
    mf_loan *kept = mf_loans_unkeep(p);
    pthread_mutex_unlock(&p->lock);
    mf_loans_drop(kept);
    pthread_mutex_lock(&p->lock);
    mf_pool_trim(&p->small);
    mf_large_trim(&p->middle);
    mf_large_trim(&p->large);
    pthread_mutex_unlock(&p->lock);
}

/* One that this trim has not seen yet, with a reference. */
static mayfly_pool *next_to_trim(mayfly_host *host, unsigned number)
{
    pthread_mutex_lock(&host->lock);
    mayfly_pool *p = host->pools;
    while (p && p->trimmed == number)
        p = p->next;
    if (p) {
        p->trimmed = number;
        atomic_fetch_add(&p->refs, 1);
    }
    pthread_mutex_unlock(&host->lock);
    return p;
}

/* Without the host's lock, for users' `done` runs. */
void mf_user_pools_trim(mayfly_host *host)
{
    mayfly_pool *p;
    pthread_mutex_lock(&host->lock);
    unsigned number = ++host->pools_trimmed;
    pthread_mutex_unlock(&host->lock);
    while ((p = next_to_trim(host, number)) != NULL) {
        mayfly_pool_trim(p);
        mf_user_pool_unref(p);
    }
}

/* --- figures --- */

static void read_info(mayfly_pool *p, mayfly_pool_info *ret)
{
    pthread_mutex_lock(&p->lock);
    *ret = (mayfly_pool_info){
        .size = sizeof *ret,
        .name = p->name,
        .kind = kind_names[p->kind],
        .loans = p->loans,
        .loans_peak = p->loans_peak,
        .lent_bytes = p->lent_bytes,
        .lent_bytes_peak = p->lent_bytes_peak,
        .largest = p->largest,
        .kept_bytes = p->kept_bytes + mf_large_kept(&p->middle) +
                      mf_large_kept(&p->large),
        .bytes = atomic_load(&p->bytes),
        .bytes_peak = atomic_load(&p->bytes_peak),
        .taken = p->taken,
        .made = p->made,
        .large = p->n_large,
        .refused = atomic_load(&p->refused),
        .returned = p->returned,
    };
    pthread_mutex_unlock(&p->lock);
}

void mf_user_pools_total(mayfly_host *host,
                         void (*each)(void *state, const char *kind,
                                      size_t blocks, size_t bytes, size_t peak),
                         void *state)
{
    size_t n[MF_POOL_KINDS] = {0}, blocks[MF_POOL_KINDS] = {0};
    size_t bytes[MF_POOL_KINDS] = {0}, peak[MF_POOL_KINDS] = {0};
    pthread_mutex_lock(&host->lock);
    for (mayfly_pool *p = host->pools; p; p = p->next) {
        n[p->kind]++;
        blocks[p->kind] += atomic_load(&p->blocks);
        bytes[p->kind] += atomic_load(&p->bytes);
        peak[p->kind] += atomic_load(&p->bytes_peak);
    }
    pthread_mutex_unlock(&host->lock);
    for (unsigned i = 0; i < MF_POOL_KINDS; i++)
        if (n[i])
            each(state, kind_names[i], blocks[i], bytes[i], peak[i]);
}

/* --- public --- */

int mayfly_pool_new_objects(mayfly_host *host, size_t object_bytes,
                            const mayfly_object_hooks *hooks,
                            const mayfly_pool_options *options,
                            mayfly_pool **ret_pool, mayfly_error *err)
{
    if (object_bytes == 0 || object_bytes > SIZE_MAX / 2)
        return mf_error_set(err, MAYFLY_EINVAL, "objects of %zu bytes",
                            object_bytes);
    return new_pool(host, MF_POOL_OBJECTS, object_bytes, hooks, options,
                    ret_pool, err);
}

int mayfly_pool_new_buffers(mayfly_host *host,
                            const mayfly_pool_options *options,
                            mayfly_pool **ret_pool, mayfly_error *err)
{
    return new_pool(host, MF_POOL_BUFFERS, 0, NULL, options, ret_pool, err);
}

int mayfly_pool_new_arenas(mayfly_host *host,
                           const mayfly_pool_options *options,
                           mayfly_pool **ret_pool, mayfly_error *err)
{
    return new_pool(host, MF_POOL_ARENAS, 0, NULL, options, ret_pool, err);
}

void mayfly_pool_free(mayfly_pool *p)
{
    if (!p || mf_fork_check(p->host->made_under, NULL) != 0)
        return;
    pthread_mutex_lock(&p->host->lock);
    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    pthread_mutex_unlock(&p->host->lock);
    pthread_mutex_lock(&p->lock);
    p->is_freed = 1;
    pthread_mutex_unlock(&p->lock);
    mayfly_pool_trim(p);
    mf_user_pool_unref(p);
}

void mayfly_pool_get_info(mayfly_pool *p, mayfly_pool_info *ret_info)
{
    mayfly_pool_info info;
    if (!p || !ret_info)
        return;
    read_info(p, &info);
    mf_options_write(ret_info, &info, sizeof info);
}

int mayfly_host_each_pool(mayfly_host *host,
                          void (*each)(void *state,
                                       const mayfly_pool_info *info),
                          void *state, mayfly_error *err)
{
    if (!host || !each)
        return mf_error_set(err, MAYFLY_EINVAL, "no host or no callback");
    int rc = mf_host_check(host, err);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&host->lock);
    for (mayfly_pool *p = host->pools; p; p = p->next) {
        mayfly_pool_info info;
        read_info(p, &info);
        each(state, &info);
    }
    pthread_mutex_unlock(&host->lock);
    return 0;
}
