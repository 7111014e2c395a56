/*
 * compiler/work.c: heaps for the work of a load, of which one is kept.
 *
 * The first heap that comes back stays; others, of loads at the same time, go.
 * A heap over a user's allocator is never kept: its memory would be blocks that
 * the user's allocator counts as taken.
 */
#include "compiler/work.h"

void mf_work_init(mf_work *w, mf_alloc *alloc)
{
    w->alloc = alloc;
    w->spare = NULL;
    w->keeps_none = 0;
    pthread_mutex_init(&w->lock, NULL);
}

void mf_work_done(mf_work *w)
{
    mf_heap_free(w->spare);
    w->spare = NULL;
    pthread_mutex_destroy(&w->lock);
}

/* The one that is kept, which is another's from now on; or NULL. */
static mf_heap *take_spare(mf_work *w)
{
    pthread_mutex_lock(&w->lock);
    mf_heap *heap = w->spare;
    w->spare = NULL;
    pthread_mutex_unlock(&w->lock);
    return heap;
}

mf_heap *mf_work_take(mf_work *w, int through)
{
    mf_heap *heap = through ? NULL : take_spare(w);
    return heap ? heap : mf_heap_new(w->alloc, through);
}

void mf_work_give(mf_work *w, mf_heap *heap)
{
    if (!heap)
        return;
    if (!w->keeps_none && mf_heap_reset(heap)) {
        pthread_mutex_lock(&w->lock);
        if (!w->spare) {
            w->spare = heap;
            heap = NULL;
        }
        pthread_mutex_unlock(&w->lock);
    }
    mf_heap_free(heap);
}

void mf_work_begin(mf_work *w, mf_heap *heap)
{
    mf_heap_set_scratch(heap, mf_work_take(w, 0));
}

void mf_work_end(mf_work *w, mf_heap *heap)
{
    mf_work_give(w, mf_heap_set_scratch(heap, NULL));
}

void mf_work_keep_none(mf_work *w)
{
    w->keeps_none = 1;
}

void mf_work_trim(mf_work *w)
{
    mf_heap_free(take_spare(w));
}

void mf_work_each(mf_work *w,
                  void (*add)(void *state, const void *at, size_t bytes),
                  void *state)
{
    pthread_mutex_lock(&w->lock);
    if (w->spare)
        mf_heap_each(w->spare, add, state);
    pthread_mutex_unlock(&w->lock);
}
