/*
 * compiler/arena/zone.h: the address range that compiled units live in.
 *
 * One range per host, reserved without memory. Memory comes in chunks, each
 * backed by one memory file that is only ever written with pwrite, so no page
 * is writable and executable at any time and no writable mapping of code
 * exists. Units in neighbouring pages of a chunk merge into one mapping of the
 * kernel's.
 *
 * Threads: any.
 */
#ifndef MF_ARENA_ZONE_H
#define MF_ARENA_ZONE_H

#include "base/alloc.h"
#include "base/census.h"

#include <mayfly/error.h>

typedef struct mf_zone mf_zone;

/* A unit's part of the zone: `code_bytes` of read-execute pages (text,
 * literals, tables), then `data_bytes` of private read-write pages, often none.
 * Multiples of the page size. */
typedef struct mf_span {
    uint8_t *base;
    size_t code_bytes;
    size_t data_bytes;
} mf_span;

/* `max_bytes` bounds what all units together may take. */
int mf_zone_new(mf_alloc *alloc, size_t max_bytes, mf_zone **ret_zone,
                mayfly_error *err);
void mf_zone_free(mf_zone *zone); /* every span must have been given back */

/* Changes that bound. Errors: EINVAL (more than the addresses that are
 * reserved). */
int mf_zone_set_max(mf_zone *zone, size_t max_bytes, mayfly_error *err);

/* Takes addresses; nothing can be read there yet. Errors: ELIMIT, ENOMEM. */
int mf_zone_take(mf_zone *zone, size_t code_bytes, size_t data_bytes,
                 mf_span *ret, mayfly_error *err);

/* Makes the span smaller, or moves its boundary between code and data; only
 * before it is filled. The two together must not be more than they were. */
void mf_zone_cut(mf_zone *zone, mf_span *span, size_t code_bytes,
                 size_t data_bytes);

/* Puts the unit's bytes in place: `code` becomes read-execute, `data` is copied
 * to fresh private pages. Errors: EIO (with the system's reason, e.g. where
 * executable memory is refused), ENOMEM. */
int mf_zone_fill(mf_zone *zone, const mf_span *span, const void *code,
                 const void *data, mayfly_error *err);

/* Cuts a filled span without data into `n` of these sizes, whole pages that add up
 * to its own, which are given back one by one. Errors: ENOMEM; then it is still
 * one. */
int mf_zone_split(mf_zone *zone, const mf_span *span, const size_t *bytes,
                  size_t n, mf_span *ret_spans, mayfly_error *err);

/* Gives memory and addresses back. The addresses are not used again at once. */
void mf_zone_give(mf_zone *zone, const mf_span *span);

/* How many given spans wait at the most before their addresses are used again,
 * and how long. What is over the new bounds ends at once. Errors: EINVAL,
 * ENOMEM (as many as before). */
int mf_zone_set_quarantine(mf_zone *zone, size_t spans, uint64_t age_ns,
                           mayfly_error *err);

/* Releases chunks in which nothing lives; what waits goes on waiting. */
void mf_zone_trim(mf_zone *zone);

/* Bytes in use and bytes of memory files. */
size_t mf_zone_used(const mf_zone *zone);
size_t mf_zone_backed(const mf_zone *zone);

/* The zone in numbers. */
typedef struct mf_zone_space {
    size_t reserved; /* addresses */
    size_t used;     /* by units, in whole pages */
    size_t units;
    size_t chunks;
    size_t chunk_bytes; /* used, waiting and free together */
    size_t backed;      /* of memory files */
    size_t waiting;     /* addresses of unloaded units, not yet used again */
    size_t waiting_parts;
    size_t free; /* in chunks */
    size_t free_parts;
    size_t free_largest;
} mf_zone_space;

void mf_zone_measure(const mf_zone *zone, mf_zone_space *ret);

enum mf_zone_part { MF_ZONE_UNITS, MF_ZONE_WAITING, MF_ZONE_FREE };
typedef void (*mf_zone_part_fn)(void *state, enum mf_zone_part part,
                                const void *at, size_t bytes);

/* Tells `add` every part of the range, no two of which overlap. `add` must not
 * call the zone. */
void mf_zone_each(const mf_zone *zone, mf_zone_part_fn add, void *state);

/* Whether an address lies in the zone. Async-signal-safe. */
int mf_zone_holds(const mf_zone *zone, const void *address);

#endif
