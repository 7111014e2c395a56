/*
 * base/arena.h: the arena behind mayfly_arena, for use inside mayfly.
 *
 * A chain of chunks from an mf_alloc; bump allocation; freed as a whole. One
 * thread at a time. The public mayfly_arena functions are defined in
 * base/arena.c except mayfly_arena_new, which needs a host.
 */
#ifndef MF_BASE_ARENA_H
#define MF_BASE_ARENA_H

#include "base/alloc.h"

#include <mayfly/arena.h>

#include <stdint.h>
#include <string.h>

/* Under AddressSanitizer the bytes that are not handed out are poisoned. */
#if defined(__SANITIZE_ADDRESS__)
#define MF_ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MF_ARENA_POISONS 1
#endif
#endif
#ifdef MF_ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define MF_ARENA_POISON(p, n) __asan_poison_memory_region(p, n)
#define MF_ARENA_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define MF_ARENA_POISON(p, n) ((void)(p), (void)(n))
#define MF_ARENA_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

typedef struct mf_arena_chunk mf_arena_chunk;

struct mayfly_arena {
    mf_alloc *alloc;
    mf_arena_chunk *chunk; /* newest first */
    uint8_t *at;      /* next free byte of the newest chunk; aligned to 16 */
    uint8_t *end;     /* the room behind `at` is a multiple of 16 */
    size_t bytes;     /* taken from the allocator */
    size_t max_bytes; /* 0: no bound */
    size_t next;      /* size of the next chunk */
    int code; /* why an allocation failed: MAYFLY_ENOMEM or ELIMIT; or 0 */
};

/* `first` is the size of the first chunk (0: 1024); later ones double up to
 * 64 KiB; a larger request gets a chunk of its own. Takes nothing yet. */
void mf_arena_init(mayfly_arena *a, mf_alloc *alloc, size_t first,
                   size_t max_bytes);
void mf_arena_done(
    mayfly_arena *a); /* frees all; the arena can be used again */
void mf_arena_reset(mayfly_arena *a); /* frees all but the newest chunk */

/* What mf_arena_raw does when the newest chunk has no room for `size` bytes. */
void *mf_arena_raw_slow(mayfly_arena *a, size_t size);

/* `size` bytes, not zeroed; NULL: no memory. */
static inline void *mf_arena_raw(mayfly_arena *a, size_t size)
{
    size_t room = (size_t)(a->end - a->at);
    /* room is a multiple of 16, so what fits before rounding fits after it */
    if (size - 1 < room) {
        uint8_t *p = a->at;
        a->at = p + ((size + 15) & ~(size_t)15);
        MF_ARENA_UNPOISON(p, size);
        return p;
    }
    return mf_arena_raw_slow(a, size);
}

/* The same, zeroed. */
static inline void *mf_arena_alloc(mayfly_arena *a, size_t size)
{
    void *p = mf_arena_raw(a, size);
    if (p)
        memset(p, 0, size);
    return p;
}

char *mf_arena_strdup(mayfly_arena *a, const char *s);
char *mf_arena_strndup(mayfly_arena *a, const char *s, size_t n);
char *mf_arena_printf(mayfly_arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Moves `block` of `old` bytes to `size` bytes, in place where it is the newest
 * allocation and there is room; the new bytes are not zeroed. */
void *mf_arena_resize(mayfly_arena *a, void *block, size_t old, size_t size);

/* Why the last allocation failed, as an error that says what it was for: ENOMEM or
 * ELIMIT. */
int mf_arena_nomem(const mayfly_arena *a, const char *what, mayfly_error *err);

#endif
