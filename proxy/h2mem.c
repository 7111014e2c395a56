/*
 * proxy/h2mem.c: memory for an HTTP/2 session that does not fail in its midst.
 *
 * nghttp2 1.52 frees a frame twice when memory runs out while it queues one:
 * the stream keeps pointing at what the caller frees. So a small request that
 * cannot be had is met from a reserve that each session brings with it, and the
 * session is marked as starved; its owner sees that at the next call, and ends
 * it. What the reserve cannot hold fails as it would have.
 *
 * A block of the reserve is never used again: a starved session has not long to
 * live. Each is preceded by its size, for realloc.
 */
#include "proxy/h2mem.h"

#include <string.h>

enum { HEAD = 16 };

static int is_reserve(const mf_h2_memory *m, const void *block)
{
    return (uintptr_t)block >= (uintptr_t)m->reserve &&
           (uintptr_t)block < (uintptr_t)(m->reserve + MF_H2_RESERVE);
}

static void *take(mf_h2_memory *m, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    size_t left = MF_H2_RESERVE - m->used;

    m->starved = 1;
    if (size > MF_H2_RESERVE || rounded + HEAD > left)
        return NULL;
    uint8_t *block = m->reserve + m->used + HEAD;
    memcpy(block - HEAD, &size, sizeof size);
    m->used += rounded + HEAD;
    return block;
}

void *mf_h2_mem_malloc(size_t size, void *memory)
{
    mf_h2_memory *m = memory;
    void *block = mf_alloc_new(m->alloc, size);
    return block ? block : take(m, size);
}

void *mf_h2_mem_calloc(size_t n, size_t size, void *memory)
{
    if (size && n > SIZE_MAX / size)
        return NULL;
    void *block = mf_h2_mem_malloc(n * size, memory);
    if (block)
        memset(block, 0, n * size);
    return block;
}

void *mf_h2_mem_realloc(void *block, size_t size, void *memory)
{
    mf_h2_memory *m = memory;
    size_t old;

    if (!block)
        return mf_h2_mem_malloc(size, m);
    if (is_reserve(m, block)) {
        memcpy(&old, (uint8_t *)block - HEAD, sizeof old);
    } else {
        void *moved = mf_alloc_resize(m->alloc, block, size);
        if (moved)
            return moved;
        old = mf_alloc_size(block);
    }
    void *fresh = take(m, size);
    if (!fresh)
        return NULL;
    memcpy(fresh, block, old < size ? old : size);
    mf_h2_mem_free(block, m);
    return fresh;
}

void mf_h2_mem_free(void *block, void *memory)
{
    mf_h2_memory *m = memory;
    if (!is_reserve(m, block))
        mf_alloc_free(m->alloc, block);
}
