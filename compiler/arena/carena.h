/*
 * compiler/arena/carena.h: the compile arena, memory that libtcc works in.
 *
 * One range of addresses, reserved without memory, opened from its beginning as
 * far as it is used. Blocks carry their size and kind; what is freed goes to a
 * list of its size class and is used again. Nothing of it needs to be freed
 * block by block: the arena is reset or freed as a whole.
 *
 * Threads: one at a time.
 */
#ifndef MF_ARENA_CARENA_H
#define MF_ARENA_CARENA_H

#include "base/alloc.h"
#include "base/census.h"

/* What a block is for. kinds.awk tells which function of libtcc asks for which.
 */
enum mf_block_kind {
    MF_KIND_OTHER,
    MF_KIND_TOKENS,   /* the table of all tokens */
    MF_KIND_TOKSYMS,  /* the tokens themselves: names */
    MF_KIND_MACROS,   /* token strings: macro bodies, inline functions */
    MF_KIND_POOLS,    /* one of the two before, not yet known which */
    MF_KIND_SYMBOLS,  /* C symbols: variables, types, fields */
    MF_KIND_CSTRINGS, /* growing strings */
    MF_KIND_SECTIONS, /* code, data, ELF symbols, relocations being made */
    MF_KIND_INCLUDES, /* open files' buffers, what is known of includes */
    MF_KIND_PARSER,   /* switch tables, inline functions, arguments */
    MF_KIND_STATE,    /* options and paths */
    MF_KIND_TEXT,     /* source text read from files */
    MF_KIND_IMAGE,    /* the linked image before it goes to the zone */
    MF_KIND_FREE,     /* free blocks */
    MF_KINDS
};

typedef struct mf_kind_count {
    size_t blocks;
    size_t bytes; /* with the blocks' heads and rounding */
} mf_kind_count;

/* The arena's addresses, and what is free in it: blocks that were given back,
 * and how large the largest is. */
typedef struct mf_carena_space {
    size_t reserved; /* addresses */
    size_t open;     /* can be accessed */
    size_t used;     /* up to the end of the last block ever taken */
    size_t live;     /* in blocks, with their heads */
    size_t free;     /* used - live */
    size_t free_blocks;
    size_t free_largest;
} mf_carena_space;

typedef struct mf_carena mf_carena;

/* For a list that the arena's owner keeps. */
typedef struct mf_carena_link {
    mf_carena *next, *prev;
    int resting; /* nobody works in it */
} mf_carena_link;

/* NULL: no memory or no addresses. `max_bytes` bounds it. */
mf_carena *mf_carena_new(mf_alloc *alloc, size_t max_bytes);
void mf_carena_free(mf_carena *a);
mf_carena_link *mf_carena_get_link(mf_carena *a);

/* Forgets all blocks. Memory beyond what a small compile uses goes back to the
 * system; the rest stays hot. The bound is set anew; 0: the addresses that are
 * reserved do not suffice for it and the arena is as it was. */
int mf_carena_reset(mf_carena *a, size_t max_bytes);

/* NULL: the bound is reached, or no memory (see mf_carena_full). */
void *mf_carena_take(mf_carena *a, size_t size, enum mf_block_kind kind);
void *mf_carena_zero(mf_carena *a, size_t size, enum mf_block_kind kind);
void *mf_carena_resize(mf_carena *a, void *block, size_t size,
                       enum mf_block_kind kind);
void mf_carena_give(mf_carena *a, void *block);

/* Whether the last NULL came from the bound rather than from the system. */
int mf_carena_full(const mf_carena *a);

/* A block taken as MF_KIND_POOLS is of this kind. */
void mf_carena_settle(mf_carena *a, void *block, enum mf_block_kind kind);

/* Bytes from the beginning to the end of the last block ever taken. */
size_t mf_carena_peak(const mf_carena *a);
/* Where it lies, for whoever looks through the process's memory. */
void mf_carena_range(const mf_carena *a, const void **ret_at,
                     size_t *ret_bytes);
/* All its addresses, open or not; they never change. */
void mf_carena_reserved(const mf_carena *a, const void **ret_at,
                        size_t *ret_bytes);
/* Bytes that a reset arena keeps hot. */
size_t mf_carena_hot(const mf_carena *a);

void mf_carena_measure(const mf_carena *a, mf_carena_space *ret);

/* Adds what was alive when most was alive, and the rest up to the peak as free
 * blocks: the rows of arena "compile" add up to the peak. */
void mf_carena_census(const mf_carena *a, mf_census *c);

#endif
