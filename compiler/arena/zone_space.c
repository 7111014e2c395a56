/*
 * compiler/arena/zone_space.c: how a zone's addresses are used.
 *
 * The zone in numbers, and part by part: units, addresses that wait after a
 * unit was unloaded, free parts of chunks, and what no chunk has. Every byte of
 * the range is in exactly one of these.
 *
 * Threads: any; nothing is changed.
 */
#include "compiler/arena/zone_own.h"

/* Only the lock is written. */
static mf_zone *lock(const mf_zone *zone)
{
    mf_zone *z = (mf_zone *)(uintptr_t)zone;
    pthread_mutex_lock(&z->lock);
    return z;
}

size_t mf_zone_used(const mf_zone *zone)
{
    mf_zone *z = lock(zone);
    size_t used = z->used;
    pthread_mutex_unlock(&z->lock);
    return used;
}

size_t mf_zone_backed(const mf_zone *zone)
{
    size_t bytes = 0;
    mf_zone *z = lock(zone);
    for (const mf_zone_chunk *c = z->chunks; c; c = c->next)
        bytes += c->file_bytes;
    pthread_mutex_unlock(&z->lock);
    return bytes;
}

int mf_zone_holds(const mf_zone *zone, const void *address)
{
    uintptr_t at = (uintptr_t)address;
    uintptr_t base = (uintptr_t)zone->base;
    return at >= base && at - base < zone->reserved;
}

void mf_zone_measure(const mf_zone *zone, mf_zone_space *ret)
{
    mf_zone *z = lock(zone);
    *ret = (mf_zone_space){.reserved = z->reserved,
                           .used = z->used,
                           .waiting = z->queue_bytes,
                           .waiting_parts = z->queue_n};
    for (const mf_zone_chunk *c = z->chunks; c; c = c->next) {
        ret->chunks++;
        ret->chunk_bytes += c->bytes;
        ret->units += c->live;
        ret->backed += c->file_bytes;
        ret->free_parts += c->free.n;
        for (size_t i = 0; i < c->free.n; i++) {
            ret->free += c->free.items[i].bytes;
            if (c->free.items[i].bytes > ret->free_largest)
                ret->free_largest = c->free.items[i].bytes;
        }
    }
    pthread_mutex_unlock(&z->lock);
}

/* The first part of a chunk that waits, at or behind `at`. */
static const mf_zone_waiting *waiting_from(const mf_zone *z,
                                           const mf_zone_chunk *c, size_t at)
{
    const mf_zone_waiting *first = NULL;
    for (size_t i = 0; i < z->queue_n; i++) {
        const mf_zone_waiting *w = &z->queue[(z->queue_at + i) % z->queue_room];
        if (w->chunk == c && w->at >= at && (!first || w->at < first->at))
            first = w;
    }
    return first;
}

/* A stretch of a chunk in which nothing is free: units, and what waits. */
static void each_of_stretch(const mf_zone *z, const mf_zone_chunk *c, size_t at,
                            size_t end, mf_zone_part_fn add, void *state)
{
    const uint8_t *base = z->base + c->at;
    while (at < end) {
        const mf_zone_waiting *w = waiting_from(z, c, at);
        size_t to = w && w->at < end ? w->at : end;
        if (to > at)
            add(state, MF_ZONE_UNITS, base + at, to - at);
        at = to;
        if (at < end) {
            add(state, MF_ZONE_WAITING, base + at, w->bytes);
            at += w->bytes;
        }
    }
}

static void each_of_chunk(const mf_zone *z, const mf_zone_chunk *c,
                          mf_zone_part_fn add, void *state)
{
    size_t at = 0;
    for (size_t i = 0; i < c->free.n; i++) {
        const mf_extent *free = &c->free.items[i];
        each_of_stretch(z, c, at, free->at, add, state);
        add(state, MF_ZONE_FREE, z->base + c->at + free->at, free->bytes);
        at = free->at + free->bytes;
    }
    each_of_stretch(z, c, at, c->bytes, add, state);
}

void mf_zone_each(const mf_zone *zone, mf_zone_part_fn add, void *state)
{
    mf_zone *z = lock(zone);
    add(state, MF_ZONE_FREE, z->base, z->page); /* which no chunk ever gets */
    for (const mf_zone_chunk *c = z->chunks; c; c = c->next)
        each_of_chunk(z, c, add, state);
    for (size_t i = 0; i < z->space.n; i++)
        add(state, MF_ZONE_FREE, z->base + z->space.items[i].at,
            z->space.items[i].bytes);
    pthread_mutex_unlock(&z->lock);
}
