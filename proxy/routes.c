/*
 * Paths to handlers, read without a lock.
 *
 * An open-addressed table whose slots are set once. When it fills, a larger one
 * is made and published; the old one stays until the server goes, because a
 * loop may be reading it. The hash is keyed, so that peers cannot choose paths
 * that collide.
 *
 * What stays true: a table is at most half full, so a probe ends; a slot goes
 * from NULL to a route and never changes again.
 */
#include "proxy/routes.h"

#include "base/error.h"
#include "base/map.h"

#include <stdio.h>
#include <string.h>

typedef struct entry {
    mf_route route;
    size_t len; /* of the path */
    char path[];
} entry;

typedef struct table {
    struct table *older;
    size_t n, cap; /* cap is a power of two */
    _Atomic(entry *) slots[];
} table;

struct mf_routes {
    mf_alloc *alloc;
    pthread_mutex_t lock; /* for adding */
    _Atomic(table *) now;
};

enum { FIRST_CAP = 16 };

static table *table_new(mf_alloc *alloc, size_t cap, table *older)
{
    table *t = mf_alloc_zero(alloc, sizeof *t + cap * sizeof t->slots[0]);
    if (t) {
        t->cap = cap;
        t->older = older;
    }
    return t;
}

mf_routes *mf_routes_new(mf_alloc *alloc)
{
    mf_routes *r = mf_alloc_zero(alloc, sizeof *r);
    table *t = r ? table_new(alloc, FIRST_CAP, NULL) : NULL;
    if (!t) {
        mf_alloc_free(alloc, r);
        return NULL;
    }
    r->alloc = alloc;
    pthread_mutex_init(&r->lock, NULL);
    atomic_init(&r->now, t);
    return r;
}

void mf_routes_free(mf_routes *r)
{
    if (!r)
        return;
    table *t = atomic_load(&r->now);
    for (size_t i = 0; i < t->cap; i++) {
        entry *e = atomic_load(&t->slots[i]);
        if (e && e->route.release)
            e->route.release(e->route.state);
        mf_alloc_free(r->alloc, e);
    }
    while (t) {
        table *older = t->older;
        mf_alloc_free(r->alloc, t);
        t = older;
    }
    pthread_mutex_destroy(&r->lock);
    mf_alloc_free(r->alloc, r);
}

static entry *find(const table *t, const char *path, size_t len)
{
    for (size_t i = (size_t)mf_hash(path, len);; i++) {
        entry *e = atomic_load_explicit(&t->slots[i & (t->cap - 1)],
                                        memory_order_acquire);
        if (!e || (e->len == len && memcmp(e->path, path, len) == 0))
            return e;
    }
}

static void insert(table *t, entry *e)
{
    size_t i = (size_t)mf_hash(e->path, e->len);
    while (atomic_load(&t->slots[i & (t->cap - 1)]))
        i++;
    t->n++;
    atomic_store_explicit(&t->slots[i & (t->cap - 1)], e, memory_order_release);
}

/* A table with room for one more. Locked. */
static table *roomy(mf_routes *r)
{
    table *t = atomic_load(&r->now);
    if ((t->n + 1) * 2 <= t->cap)
        return t;
    table *larger = table_new(r->alloc, t->cap * 2, t);
    if (!larger)
        return NULL;
    for (size_t i = 0; i < t->cap; i++)
        if (atomic_load(&t->slots[i]))
            insert(larger, atomic_load(&t->slots[i]));
    atomic_store_explicit(&r->now, larger, memory_order_release);
    return larger;
}

int mf_routes_add(mf_routes *r, const mf_route *route, mayfly_error *err)
{
    int rc = 0;
    size_t len = strlen(route->path);
    entry *e = mf_alloc_zero(r->alloc, sizeof *e + len + 1);
    if (!e)
        return mf_error_nomem(err, "a route");
    memcpy(e->path, route->path, len + 1);
    e->len = len;
    e->route = *route;
    e->route.path = e->path;
    pthread_mutex_lock(&r->lock);
    if (find(atomic_load(&r->now), e->path, len)) {
        rc = mf_error_set(err, MAYFLY_EEXIST, "%s is served already",
                          route->path);
    } else {
        table *t = roomy(r);
        if (t)
            insert(t, e);
        else
            rc = mf_error_nomem(err, "a route");
    }
    pthread_mutex_unlock(&r->lock);
    if (rc != 0)
        mf_alloc_free(r->alloc, e);
    return rc;
}

const mf_route *mf_routes_find(const mf_routes *r, const char *path, size_t len)
{
    const table *t = atomic_load_explicit(&r->now, memory_order_acquire);
    const entry *e = find(t, path, len);
    return e ? &e->route : NULL;
}

int mf_routes_knows_service(const mf_routes *r, const char *path, size_t len)
{
    const table *t = atomic_load_explicit(&r->now, memory_order_acquire);
    while (len && path[len - 1] != '/')
        len--;
    for (size_t i = 0; i < t->cap; i++) {
        const entry *e =
            atomic_load_explicit(&t->slots[i], memory_order_acquire);
        if (e && e->len > len && memcmp(e->path, path, len) == 0)
            return 1;
    }
    return 0;
}
