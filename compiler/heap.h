/*
 * compiler/heap.h: the memory of one unit's schema and plan, and of one build.
 *
 * Reading a schema and generating code takes thousands of small blocks. Taken
 * from malloc they would leave a fragmented heap behind that the process
 * allocator keeps, so each unit has a heap of its own, mapped, and given back
 * as a whole. It is an mf_alloc like any other to those who use it.
 *
 * Where the host was made with an allocator of the user's, that one is used,
 * block by block: then every block has to be freed before the heap.
 *
 * Threads: one at a time.
 */
#ifndef MF_COMPILER_HEAP_H
#define MF_COMPILER_HEAP_H

#include "base/alloc.h"

typedef struct mf_heap mf_heap;

/* `base` holds the heap's own struct, and all of it when `through` is not 0.
 * NULL: no memory. */
mf_heap *mf_heap_new(mf_alloc *base, int through);
void mf_heap_free(mf_heap *heap); /* NULL is allowed */

mf_alloc *mf_heap_alloc(mf_heap *heap);

/* From now on what is freed soon (mf_alloc_scratch) is taken from `work`; NULL:
 * from the heap itself. Returns the one that it was taken from before, or NULL. */
mf_heap *mf_heap_set_scratch(mf_heap *heap, mf_heap *work);

/* Forgets all blocks at once and keeps some memory for the next ones. 0: it takes
 * its blocks from its base and cannot forget them. */
int mf_heap_reset(mf_heap *heap);

/* Tells `add` the memory of its own mappings, of which there are none where
 * every block is taken from `base`. Only reads. */
void mf_heap_each(const mf_heap *heap,
                  void (*add)(void *state, const void *at, size_t bytes),
                  void *state);

/* Memory that the heap has in use, free blocks and heads included. */
size_t mf_heap_bytes(const mf_heap *heap);

#endif
