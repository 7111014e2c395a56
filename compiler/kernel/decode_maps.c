/*
 * compiler/kernel/decode_maps.c: completing messages that hold maps.
 *
 * On the wire a map is a repeated field of entries; of entries with the same
 * key the last one counts. So entries are appended as they come, and when
 * nothing can be added any more the earlier ones are dropped: once for each
 * map, since doing it whenever a message ends would let a sub-message that
 * comes in ten thousand pieces cost the square of that. "Nothing can be added"
 * is known for the outermost message, elements of repeated fields, and map
 * entries; singular sub-messages below those are visited from there
 * (MF_ENTRY_FINISH marks the ways that lead to a map).
 *
 * An entry without a value has the default value: for messages that is an empty
 * message, so that users need not look for NULL.
 *
 * Few entries are compared with each other; many go through a table with a
 * keyed hash, because the keys are chosen by the peer.
 */
#include "compiler/kernel/decoder.h"

#include "base/map.h"

enum { COMPARE_MAX = 8, KEY = 1, VALUE = 2 };

/* A map's array and where the keys are in its entries. */
struct map {
    mayfly_array *array;
    size_t size;         /* of an entry */
    const mf_entry *key; /* how the key lies in it */
};

static uint8_t *item(const struct map *m, size_t i)
{
    return (uint8_t *)m->array->items + i * m->size;
}

static mayfly_bytes key_of(const struct map *m, size_t i)
{
    uint8_t *at = item(m, i) + m->key->offset;
    mayfly_bytes key = {at, m->key->size};

    if (m->key->base == MF_KIND_BYTES)
        memcpy(&key, at, sizeof(key));
    return key;
}

static bool same_key(const struct map *m, mayfly_bytes a, size_t i)
{
    mayfly_bytes b = key_of(m, i);

    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Moves the entry to the front of those that are kept. */
static void hold(const struct map *m, size_t *first, size_t i)
{
    --*first;
    if (*first != i)
        memcpy(item(m, *first), item(m, i), m->size);
}

static size_t compare_all(const struct map *m)
{
    size_t first = m->array->n;

    for (size_t i = m->array->n; i-- > 0;) {
        mayfly_bytes key = key_of(m, i);
        size_t k = first;

        while (k < m->array->n && !same_key(m, key, k))
            k++;
        if (k == m->array->n)
            hold(m, &first, i);
    }
    return first;
}

/* Slots hold the entry's distance from the end, from 1; 0 is free. */
static size_t hash_all(const struct map *m, uint32_t *slots, size_t mask)
{
    size_t n = m->array->n, first = n;

    for (size_t i = n; i-- > 0;) {
        mayfly_bytes key = key_of(m, i);
        size_t at = (size_t)mf_hash(key.ptr, key.len) & mask;

        while (slots[at] && !same_key(m, key, n - slots[at]))
            at = (at + 1) & mask;
        if (slots[at])
            continue;
        hold(m, &first, i);
        slots[at] = (uint32_t)(n - first);
    }
    return first;
}

static bool drop_repeated_keys(mf_decoder *d, const struct map *m)
{
    size_t n = m->array->n, first, slots_n = 16, bytes;
    uint32_t *slots;

    if (n < 2)
        return true;
    if (n <= COMPARE_MAX) {
        first = compare_all(m);
    } else {
        while (slots_n < n * 2)
            slots_n *= 2;
        bytes = slots_n * sizeof(*slots);
        slots = mf_decode_take(d, bytes);
        if (!slots)
            return false;
        memset(slots, 0, bytes);
        first = hash_all(m, slots, slots_n - 1);
        mf_arena_resize(d->arena, slots, bytes, 1);
    }
    if (first > 0)
        memmove(item(m, 0), item(m, first), (n - first) * m->size);
    m->array->n = n - first;
    return true;
}

/* An entry's missing message becomes an empty one. */
static bool give_value(mf_decoder *d, const mf_table *t, uint8_t *msg)
{
    const mf_entry *e = mf_table_find(t, VALUE);
    uint32_t size;
    void *value;

    if (!e || e->base != MF_KIND_MESSAGE)
        return true;
    memcpy(&value, msg + e->offset, sizeof(value));
    if (value)
        return true;
    size = ((const mf_table *)(const void *)(d->tables + e->sub))->size;
    value = mf_decode_take(d, size);
    if (!value)
        return false;
    memset(value, 0, size);
    memcpy(msg + e->offset, &value, sizeof(value));
    return true;
}

bool mf_decode_finish(mf_decoder *d, const mf_table *t, uint8_t *msg)
{
    if (t->flags & MF_TABLE_ENTRY && !give_value(d, t, msg))
        return false;
    for (uint32_t i = 0; i < t->n_direct + t->n_sparse; i++) {
        const mf_entry *e = &t->entries[i];
        const mf_table *sub = (const void *)(d->tables + e->sub);
        uint8_t *at = msg + e->offset;
        void *below;

        if (e->flags & MF_ENTRY_MAP) {
            struct map m = {(mayfly_array *)(void *)at, e->size,
                            mf_table_find(sub, KEY)};

            if (m.key && !drop_repeated_keys(d, &m))
                return false;
        } else if (e->flags & MF_ENTRY_FINISH) {
            if (e->flags & MF_ENTRY_ONEOF &&
                mf_load32(msg + e->presence) != e->has)
                continue;
            memcpy(&below, at, sizeof(below));
            if (below && !mf_decode_finish(d, sub, below))
                return false;
        }
    }
    return true;
}
