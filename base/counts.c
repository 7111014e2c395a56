/*
 * base/counts.c: how many registrations of each kind an owner has.
 *
 * What is registered and never taken back is the slow leak that no cycle shows:
 * each one is small, and somebody owns it. So everything that stays until it is
 * taken back is counted under its owner's name, and the user, who knows how
 * many are right, may set a limit whose crossing is logged: once, for a log
 * that repeats itself grows as well. It is logged again only after the owner
 * had come down to half the limit.
 *
 * The table itself must not grow by names that were used once: an owner that
 * has nothing left is forgotten, with its peak.
 *
 * Threads: any. The log is called without the lock; the owner cannot be
 * forgotten meanwhile, for what was just registered is still there.
 */
#include "base/counts.h"

#include "base/map.h"

#include <pthread.h>
#include <string.h>

enum { OWNER_MAX = 120 };

struct mf_count {
    mf_counts *table;
    mayfly_registration r;
    int told; /* the crossing of the limit was logged */
    size_t key_len;
    char key[]; /* the owner, zero, the kind */
};

struct mf_counts {
    mf_alloc *alloc;
    const mf_log *log;
    pthread_mutex_t lock; /* for all below */
    mf_map *map;
    size_t limit;
};

mf_counts *mf_counts_new(mf_alloc *alloc, const mf_log *log)
{
    mf_counts *t = mf_alloc_zero(alloc, sizeof *t);
    if (!t)
        return NULL;
    t->alloc = alloc;
    t->log = log;
    t->map = mf_map_new(alloc);
    if (!t->map || pthread_mutex_init(&t->lock, NULL) != 0) {
        mf_map_free(t->map);
        mf_alloc_free(alloc, t);
        return NULL;
    }
    return t;
}

void mf_counts_free(mf_counts *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    mf_map_free(t->map);
    mf_alloc_free(t->alloc, t);
}

void mf_counts_set_limit(mf_counts *t, size_t limit)
{
    pthread_mutex_lock(&t->lock);
    t->limit = limit;
    for (mf_map_entry *e = mf_map_first(t->map); e; e = mf_map_next(e))
        ((mf_count *)mf_map_entry_value(e))->told = 0;
    pthread_mutex_unlock(&t->lock);
}

/* Lock held. NULL: no memory. */
static mf_count *find_or_make(mf_counts *t, const char *kind, const char *owner)
{
    char key[OWNER_MAX + 64];
    size_t n = strnlen(owner, OWNER_MAX), k = strnlen(kind, 60) + 1;
    memcpy(key, owner, n);
    key[n++] = 0;
    memcpy(key + n, kind, k - 1);
    key[n + k - 1] = 0;
    mf_count *c = mf_map_get(t->map, key, n + k);
    if (c)
        return c;
    c = mf_alloc_zero(t->alloc, sizeof *c + n + k);
    if (!c)
        return NULL;
    c->table = t;
    c->key_len = n + k;
    memcpy(c->key, key, n + k);
    c->r.owner = c->key;
    c->r.kind = kind;
    if (mf_map_put(t->map, c->key, c->key_len, c) != 0) {
        mf_alloc_free(t->alloc, c);
        return NULL;
    }
    return c;
}

int mf_counts_add(mf_counts *t, const char *kind, const char *owner,
                  mf_count **ret)
{
    if (!t) {
        *ret = NULL;
        return 0;
    }
    pthread_mutex_lock(&t->lock);
    mf_count *c = find_or_make(t, kind, owner);
    size_t crossed = 0, limit = t->limit;
    if (c) {
        c->r.count++;
        if (c->r.count > c->r.peak)
            c->r.peak = c->r.count;
        if (limit && c->r.count > limit && !c->told) {
            c->told = 1;
            crossed = c->r.count;
        }
    }
    pthread_mutex_unlock(&t->lock);
    if (!c)
        return MAYFLY_ENOMEM;
    if (crossed)
        mf_log_write(t->log, MAYFLY_LOG_WARNING, "registrations",
                     "\"%s\" has %zu registrations of kind \"%s\", the limit "
                     "is %zu",
                     c->r.owner, crossed, kind, limit);
    *ret = c;
    return 0;
}

void mf_counts_drop(mf_count *count)
{
    if (!count)
        return;
    mf_counts *t = count->table;
    pthread_mutex_lock(&t->lock);
    count->r.count--;
    if (count->r.count <= t->limit / 2)
        count->told = 0;
    if (count->r.count == 0) {
        mf_map_remove(t->map, count->key, count->key_len);
        mf_alloc_free(t->alloc, count);
    }
    pthread_mutex_unlock(&t->lock);
}

void mf_counts_each(mf_counts *t,
                    void (*each)(void *state, const mayfly_registration *r),
                    void *state)
{
    pthread_mutex_lock(&t->lock);
    for (mf_map_entry *e = mf_map_first(t->map); e; e = mf_map_next(e))
        each(state, &((mf_count *)mf_map_entry_value(e))->r);
    pthread_mutex_unlock(&t->lock);
}
