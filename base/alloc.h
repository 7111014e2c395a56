/*
 * base/alloc.h: the host's allocator table, and counted heap memory.
 *
 * Every root object copies an mf_alloc. All heap memory of mayfly is taken
 * through one, so the bytes in use are known at any time and a test can fail
 * any allocation. Blocks carry their size (16 bytes before the block).
 */
#ifndef MF_BASE_ALLOC_H
#define MF_BASE_ALLOC_H

#include <mayfly/host.h>

#include <stdatomic.h>
#include <stddef.h>

typedef struct mf_alloc {
    mayfly_allocator table;
    atomic_size_t bytes;  /* in use, without the 16-byte heads */
    atomic_size_t blocks; /* in use */
    struct mf_alloc *scratch; /* see mf_alloc_scratch */
    atomic_size_t high;   /* the most bytes since mf_alloc_high, about */
} mf_alloc;

/* `table` NULL: malloc, realloc, free. */
void mf_alloc_init(mf_alloc *a, const mayfly_allocator *table);

/* Where to take what is freed again before the work at hand is over: `a` itself,
 * unless its owner has named another one, so that what stays lies close together.
 */
mf_alloc *mf_alloc_scratch(mf_alloc *a);

void *mf_alloc_new(mf_alloc *a, size_t size);  /* not zeroed; NULL: no memory */
void *mf_alloc_zero(mf_alloc *a, size_t size); /* zeroed */
void *mf_alloc_resize(mf_alloc *a, void *block, size_t size);
void mf_alloc_free(mf_alloc *a, void *block); /* NULL is allowed */
/* The same for what points into code: the bytes are cleared, so that freed memory
 * does not look as if it held the code. */
void mf_alloc_wipe(mf_alloc *a, void *block);
/* The most bytes that were in use since this was last asked; when many threads
 * allocate at once, a little less may be told. */
size_t mf_alloc_high(mf_alloc *a);
size_t mf_alloc_size(const void *block);      /* as it was asked for */
char *mf_alloc_strdup(mf_alloc *a, const char *s);
char *mf_alloc_strndup(mf_alloc *a, const char *s, size_t n);

#endif
