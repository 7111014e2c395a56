/*
 * compiler/work.h: heaps for the work of a load.
 *
 * Reading a schema and generating code leave nothing behind that stays, but
 * take memory of which every page costs a fault. So one heap is kept with its
 * memory for the next load, and given back with the hot compile arena when the
 * host is idle.
 *
 * Threads: any; a heap that was taken is one thread's.
 */
#ifndef MF_COMPILER_WORK_H
#define MF_COMPILER_WORK_H

#include "compiler/heap.h"

#include <pthread.h>

typedef struct mf_work {
    mf_alloc *alloc;
    pthread_mutex_t lock;
    mf_heap *spare; /* empty; or NULL */
    int keeps_none;
} mf_work;

void mf_work_init(mf_work *w, mf_alloc *alloc);
void mf_work_done(mf_work *w); /* every heap was given back */

/* `through`: as mf_heap_new. NULL: no memory. */
mf_heap *mf_work_take(mf_work *w, int through);
/* Whatever is left in the heap is forgotten. NULL is allowed. */
void mf_work_give(mf_work *w, mf_heap *heap);

/* Until mf_work_end, what is taken from `heap` and freed soon is in a heap of
 * work, so that no holes are left in the one that stays; where there is no
 * memory for that one, in `heap`. For heaps that are not `through`. */
void mf_work_begin(mf_work *w, mf_heap *heap);
void mf_work_end(mf_work *w, mf_heap *heap);

/* Nothing is kept from now on. Before the first is taken. */
void mf_work_keep_none(mf_work *w);

/* Gives back what is kept. */
void mf_work_trim(mf_work *w);

/* Tells `add` the mappings of what is kept. */
void mf_work_each(mf_work *w,
                  void (*add)(void *state, const void *at, size_t bytes),
                  void *state);

#endif
