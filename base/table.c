/*
 * base/table.c: an open-addressed table whose slots are set once.
 *
 * A slot goes from empty to an entry and from there to `gone`, never back, so a
 * reader that probes past it finds what it would have found before. When slots
 * run out, a fresh array without the gone ones is made and published, and the
 * old one is freed when its readers have left; likewise when few slots are left
 * in use.
 *
 * What stays true: an array is at most half full, gone slots counted, so a
 * probe ends.
 */
#include "base/table.h"

#include "base/map.h"

#include <mayfly/error.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

typedef struct entry {
    const void *key; /* the value's */
    size_t len;
    uint64_t hash;
    void *value;
} entry;

typedef struct slots {
    size_t used; /* entries and gone ones */
    size_t cap;  /* a power of two */
    _Atomic(entry *) slot[];
} slots;

struct mf_table {
    mf_alloc *alloc;
    mf_grace *grace;
    pthread_mutex_t lock; /* for changes */
    atomic_size_t n;
    _Atomic(slots *) now;
};

/* An array shrinks when less than one slot in SPARSE is used. */
enum { FIRST_CAP = 16, SPARSE = 16 };

static entry gone; /* its address marks a slot */

static slots *slots_new(mf_alloc *alloc, size_t cap)
{
    slots *s = mf_alloc_zero(alloc, sizeof *s + cap * sizeof s->slot[0]);
    if (s)
        s->cap = cap;
    return s;
}

mf_table *mf_table_new(mf_alloc *alloc, mf_grace *grace)
{
    mf_table *t = mf_alloc_zero(alloc, sizeof *t);
    slots *s = t ? slots_new(alloc, FIRST_CAP) : NULL;
    if (!s || pthread_mutex_init(&t->lock, NULL) != 0) {
        mf_alloc_free(alloc, s);
        mf_alloc_free(alloc, t);
        return NULL;
    }
    t->alloc = alloc;
    t->grace = grace;
    atomic_init(&t->now, s);
    return t;
}

void mf_table_free(mf_table *t)
{
    if (!t)
        return;
    slots *s = atomic_load(&t->now);
    for (size_t i = 0; i < s->cap; i++) {
        entry *e = atomic_load(&s->slot[i]);
        if (e != &gone)
            mf_alloc_free(t->alloc, e);
    }
    mf_alloc_free(t->alloc, s);
    pthread_mutex_destroy(&t->lock);
    mf_alloc_free(t->alloc, t);
}

/* The slot that holds a key, or the empty one where the probe ended. */
static _Atomic(entry *) *probe(slots *s, uint64_t hash, const void *key,
                               size_t len)
{
    for (size_t i = (size_t)hash;; i++) {
        _Atomic(entry *) *at = &s->slot[i & (s->cap - 1)];
        entry *e = atomic_load_explicit(at, memory_order_acquire);
        if (!e || (e != &gone && e->hash == hash && e->len == len &&
                   memcmp(e->key, key, len) == 0))
            return at;
    }
}

void *mf_table_find(const mf_table *t, const void *key, size_t len)
{
    slots *s = atomic_load(&t->now);
    const entry *e = atomic_load_explicit(probe(s, mf_hash(key, len), key, len),
                                          memory_order_acquire);
    /* it may have gone since */
    return e && e != &gone ? e->value : NULL;
}

/* A fresh array with room for one more, a quarter full, and no gone slots.
 * Locked; `ret_old` is to be freed once its readers have left. NULL: no memory.
 */
static slots *renew(mf_table *t, slots **ret_old)
{
    slots *s = atomic_load(&t->now);
    size_t cap = FIRST_CAP;
    while (cap < (atomic_load(&t->n) + 1) * 4)
        cap *= 2;
    slots *fresh = slots_new(t->alloc, cap);
    if (!fresh)
        return NULL;
    for (size_t i = 0; i < s->cap; i++) {
        entry *e = atomic_load(&s->slot[i]);
        if (!e || e == &gone)
            continue;
        atomic_store(probe(fresh, e->hash, e->key, e->len), e);
        fresh->used++;
    }
    atomic_store(&t->now, fresh);
    *ret_old = s;
    return fresh;
}

/* The array, or where it is full a fresh one. */
static slots *roomy(mf_table *t, slots **ret_old)
{
    slots *s = atomic_load(&t->now);
    return (s->used + 1) * 2 <= s->cap ? s : renew(t, ret_old);
}

int mf_table_add(mf_table *t, const void *key, size_t len, void *value)
{
    entry *e = mf_alloc_new(t->alloc, sizeof *e);
    if (!e)
        return MAYFLY_ENOMEM;
    *e = (entry){key, len, mf_hash(key, len), value};
    slots *old = NULL;
    int code = 0;
    pthread_mutex_lock(&t->lock);
    if (atomic_load(probe(atomic_load(&t->now), e->hash, key, len))) {
        code = MAYFLY_EEXIST;
    } else {
        slots *s = roomy(t, &old);
        if (s) {
            atomic_store(probe(s, e->hash, key, len), e);
            s->used++;
            atomic_fetch_add(&t->n, 1);
        } else {
            code = MAYFLY_ENOMEM;
        }
    }
    pthread_mutex_unlock(&t->lock);
    if (old) {
        mf_grace_wait(t->grace);
        mf_alloc_free(t->alloc, old);
    }
    if (code != 0)
        mf_alloc_free(t->alloc, e);
    return code;
}

void *mf_table_remove(mf_table *t, const void *key, size_t len)
{
    pthread_mutex_lock(&t->lock);
    _Atomic(entry *) *at =
        probe(atomic_load(&t->now), mf_hash(key, len), key, len);
    entry *e = atomic_load(at);
    slots *old = NULL;
    if (e) {
        atomic_store(at, &gone);
        size_t left = atomic_fetch_sub(&t->n, 1) - 1;
        size_t cap = atomic_load(&t->now)->cap;
        if (cap > FIRST_CAP && left < cap / SPARSE)
            renew(t, &old); /* without memory it stays as it is */
    }
    pthread_mutex_unlock(&t->lock);
    if (!e)
        return NULL;
    void *value = e->value;
    mf_grace_wait(t->grace);
    mf_alloc_free(t->alloc, old);
    mf_alloc_free(t->alloc, e);
    return value;
}

int mf_table_each(const mf_table *t, int (*each)(void *state, void *value),
                  void *state)
{
    slots *s = atomic_load(&t->now);
    int code = 0;
    for (size_t i = 0; code == 0 && i < s->cap; i++) {
        entry *e = atomic_load_explicit(&s->slot[i], memory_order_acquire);
        if (e && e != &gone)
            code = each(state, e->value);
    }
    return code;
}

size_t mf_table_count(const mf_table *t)
{
    return atomic_load(&t->n);
}

size_t mf_table_bytes(mf_table *t, size_t *ret_blocks)
{
    pthread_mutex_lock(&t->lock);
    const slots *s = atomic_load(&t->now);
    size_t n = atomic_load(&t->n);
    size_t bytes = sizeof *t + sizeof *s + s->cap * sizeof s->slot[0] +
                   n * sizeof(entry);
    pthread_mutex_unlock(&t->lock);
    *ret_blocks = 2 + n;
    return bytes;
}
