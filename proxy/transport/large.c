/*
 * Large blocks in classes, four to a doubling, up to a bound for all of them;
 * what is smaller or larger, or does not fit the bound, is the heap's as
 * before. Idle time gives all of it back.
 *
 * What stays true: a kept block is in the list of the class that its size
 * names.
 */
#include "proxy/transport/large.h"

#include <stdint.h>
#include <string.h>

/* The class whose blocks hold `size` bytes, and their size; MF_LARGE_CLASSES:
 * there is none. */
static unsigned class_of(const mf_large *l, size_t size, size_t *ret_size)
{
    size_t base = l->smallest;
    for (unsigned i = 0; i < MF_LARGE_CLASSES; i++) {
        size_t room = base + base / 4 * (i % 4);
        if (size <= room) {
            *ret_size = room;
            return i;
        }
        if (i % 4 == 3)
            base *= 2;
    }
    return MF_LARGE_CLASSES;
}

static void *large_alloc(void *state, size_t size)
{
    mf_large *l = state;
    size_t room = size;
    if (size < l->smallest)
        return mf_alloc_new(l->heap, size);
    unsigned i = class_of(l, size, &room);
    void *block = NULL;
    if (i < MF_LARGE_CLASSES) {
        pthread_mutex_lock(&l->lock);
        block = l->kept[i];
        if (block) {
            memcpy(&l->kept[i], block, sizeof l->kept[i]);
            l->bytes -= room;
        }
        pthread_mutex_unlock(&l->lock);
    }
    return block ? block : mf_alloc_new(l->heap, room);
}

static void large_release(void *state, void *block)
{
    mf_large *l = state;
    if (!block)
        return;
    size_t room = 0, size = mf_alloc_size(block);
    unsigned i =
        size < l->smallest ? MF_LARGE_CLASSES : class_of(l, size, &room);
    if (i < MF_LARGE_CLASSES && room == size) {
        pthread_mutex_lock(&l->lock);
        int fits = l->bytes + size <= l->keep_max;
        if (fits) {
            memcpy(block, &l->kept[i], sizeof l->kept[i]);
            l->kept[i] = block;
            l->bytes += size;
        }
        pthread_mutex_unlock(&l->lock);
        if (fits && l->on_kept)
            l->on_kept(l->state);
        if (fits)
            return;
    }
    mf_alloc_free(l->heap, block);
}

static void *large_resize(void *state, void *block, size_t size)
{
    mf_large *l = state;
    if (!block)
        return large_alloc(state, size);
    size_t old = mf_alloc_size(block);
    if (old < l->smallest && size < l->smallest)
        return mf_alloc_resize(l->heap, block, size);
    if (size <= old)
        return block;
    void *moved = large_alloc(state, size);
    if (moved) {
        memcpy(moved, block, old);
        large_release(state, block);
    }
    return moved;
}

void mf_large_init(mf_large *l, mf_alloc *heap, size_t smallest,
                   size_t keep_max)
{
    mayfly_allocator table = {large_alloc, large_resize, large_release, l};
    memset(l, 0, sizeof *l);
    l->heap = heap;
    l->smallest = smallest;
    l->keep_max = keep_max;
    pthread_mutex_init(&l->lock, NULL);
    mf_alloc_init(&l->alloc, &table);
}

void mf_large_trim(mf_large *l)
{
    pthread_mutex_lock(&l->lock);
    for (unsigned i = 0; i < MF_LARGE_CLASSES; i++)
        while (l->kept[i]) {
            void *block = l->kept[i];
            memcpy(&l->kept[i], block, sizeof l->kept[i]);
            mf_alloc_free(l->heap, block);
        }
    l->bytes = 0;
    pthread_mutex_unlock(&l->lock);
}

size_t mf_large_kept(mf_large *l)
{
    pthread_mutex_lock(&l->lock);
    size_t bytes = l->bytes;
    pthread_mutex_unlock(&l->lock);
    return bytes;
}

void mf_large_done(mf_large *l)
{
    mf_large_trim(l);
    pthread_mutex_destroy(&l->lock);
}
