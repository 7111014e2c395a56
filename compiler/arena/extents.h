/*
 * compiler/arena/extents.h: which parts of a range are free.
 *
 * A sorted array of free parts, neighbours merged; first fit. Owned by whoever
 * embeds it; one thread at a time.
 */
#ifndef MF_ARENA_EXTENTS_H
#define MF_ARENA_EXTENTS_H

#include "base/alloc.h"

typedef struct mf_extent {
    size_t at;
    size_t bytes;
} mf_extent;

typedef struct mf_extents {
    mf_alloc *alloc;
    mf_extent *items; /* by `at`; no two touch */
    size_t n;
    size_t cap;
    size_t reserved; /* places that promised gives may need */
} mf_extents;

void mf_extents_init(mf_extents *e, mf_alloc *alloc);
void mf_extents_done(mf_extents *e);

/* Adds the room that one more give may need, so that no give ever fails. 0 or
 * MAYFLY_ENOMEM. */
int mf_extents_promise(mf_extents *e);
void mf_extents_unpromise(mf_extents *e);

/* Takes `bytes`; 0 when no free part is large enough. */
int mf_extents_take(mf_extents *e, size_t bytes, size_t *ret_at);

/* Gives a part back; promised before. Keeps the promise. */
void mf_extents_give(mf_extents *e, size_t at, size_t bytes);

#endif
