/*
 * base/arena.h: the arena behind mayfly_arena, for use inside mayfly.
 *
 * A chain of chunks from an mf_alloc; bump allocation; freed as a whole. One
 * thread at a time. The public mayfly_arena functions are defined in base/arena.c
 * except mayfly_arena_new, which needs a host.
 */
#ifndef MF_BASE_ARENA_H
#define MF_BASE_ARENA_H

#include "base/alloc.h"

#include <mayfly/arena.h>

typedef struct mf_arena_chunk mf_arena_chunk;

struct mayfly_arena {
    mf_alloc *alloc;
    mf_arena_chunk *chunk; /* newest first */
    uint8_t *at;           /* next free byte of the newest chunk */
    uint8_t *end;
    size_t bytes;     /* taken from the allocator */
    size_t max_bytes; /* 0: no bound */
    size_t next;      /* size of the next chunk */
};

/* `first` is the size of the first chunk (0: 1024); later ones double up to
 * 64 KiB; a larger request gets a chunk of its own. Takes nothing yet. */
void mf_arena_init(mayfly_arena *a, mf_alloc *alloc, size_t first,
                   size_t max_bytes);
void mf_arena_done(mayfly_arena *a);  /* frees all; the arena can be used again */
void mf_arena_reset(mayfly_arena *a); /* frees all but the newest chunk */

void *mf_arena_alloc(mayfly_arena *a, size_t size); /* zeroed; NULL: no memory */
void *mf_arena_raw(mayfly_arena *a, size_t size);   /* not zeroed */
char *mf_arena_strdup(mayfly_arena *a, const char *s);
char *mf_arena_strndup(mayfly_arena *a, const char *s, size_t n);
char *mf_arena_printf(mayfly_arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Moves `block` of `old` bytes to `size` bytes, in place where it is the newest
 * allocation and there is room; the new bytes are not zeroed. */
void *mf_arena_resize(mayfly_arena *a, void *block, size_t old, size_t size);

#endif
