/*
 * base/alloc.c: the host's allocator table, and counted heap memory.
 *
 * A receipt says how much heap a context holds, and a test fails each
 * allocation in turn; both need every block to pass through one place. A block
 * is preceded by a head of 16 bytes that keeps its size, so that blocks stay
 * aligned to 16 and releasing needs no size from the caller.
 *
 * Always true: `bytes` and `blocks` are what is in use at this moment. A resize
 * that fails leaves the block as it was.
 *
 * Threads: any; the counters are atomic and the table's functions are the
 * user's promise.
 */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 16 };

static void *default_alloc(void *state, size_t size)
{
    (void)state;
    return malloc(size);
}

static void *default_resize(void *state, void *block, size_t size)
{
    (void)state;
    return realloc(block, size);
}

static void default_release(void *state, void *block)
{
    (void)state;
    free(block);
}

static void *head_of(void *block)
{
    return (uint8_t *)block - HEAD;
}

static void *block_at(void *head, size_t size)
{
    memcpy(head, &size, sizeof size);
    return (uint8_t *)head + HEAD;
}

static void raise(mf_alloc *a, size_t now)
{
    if (now > atomic_load_explicit(&a->high, memory_order_relaxed))
        atomic_store_explicit(&a->high, now, memory_order_relaxed);
}

static void count(mf_alloc *a, size_t bytes)
{
    raise(a, bytes + atomic_fetch_add_explicit(&a->bytes, bytes,
                                               memory_order_relaxed));
    atomic_fetch_add_explicit(&a->blocks, 1, memory_order_relaxed);
}

static void uncount(mf_alloc *a, size_t bytes)
{
    atomic_fetch_sub_explicit(&a->bytes, bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&a->blocks, 1, memory_order_relaxed);
}

void mf_alloc_init(mf_alloc *a, const mayfly_allocator *table)
{
    if (table) {
        a->table = *table;
    } else {
        a->table.alloc = default_alloc;
        a->table.resize = default_resize;
        a->table.release = default_release;
        a->table.state = NULL;
    }
    atomic_init(&a->bytes, 0);
    atomic_init(&a->blocks, 0);
    atomic_init(&a->high, 0);
    a->scratch = NULL;
}

mf_alloc *mf_alloc_scratch(mf_alloc *a)
{
    return a->scratch ? a->scratch : a;
}

void mf_alloc_wipe(mf_alloc *a, void *block)
{
    if (block)
        memset(block, 0, mf_alloc_size(block));
    mf_alloc_free(a, block);
}

size_t mf_alloc_high(mf_alloc *a)
{
    return atomic_exchange(&a->high, atomic_load(&a->bytes));
}

size_t mf_alloc_size(const void *block)
{
    size_t size;
    memcpy(&size, (const uint8_t *)block - HEAD, sizeof size);
    return size;
}

void *mf_alloc_new(mf_alloc *a, size_t size)
{
    if (size > SIZE_MAX - HEAD)
        return NULL;
    void *head = a->table.alloc(a->table.state, size + HEAD);
    if (!head)
        return NULL;
    count(a, size);
    return block_at(head, size);
}

void *mf_alloc_zero(mf_alloc *a, size_t size)
{
    void *block = mf_alloc_new(a, size);
    if (block)
        memset(block, 0, size);
    return block;
}

void *mf_alloc_resize(mf_alloc *a, void *block, size_t size)
{
    if (!block)
        return mf_alloc_new(a, size);
    if (size > SIZE_MAX - HEAD)
        return NULL;
    size_t old = mf_alloc_size(block);
    void *head = a->table.resize(a->table.state, head_of(block), size + HEAD);
    if (!head)
        return NULL;
    /* unsigned wrap-around makes one addition right for shrinking as well */
    size_t before = atomic_fetch_add_explicit(&a->bytes, size - old,
                                              memory_order_relaxed);
    raise(a, before + (size - old));
    return block_at(head, size);
}

void mf_alloc_free(mf_alloc *a, void *block)
{
    if (!block)
        return;
    uncount(a, mf_alloc_size(block));
    a->table.release(a->table.state, head_of(block));
}

char *mf_alloc_strndup(mf_alloc *a, const char *s, size_t n)
{
    if (n == SIZE_MAX)
        return NULL;
    char *copy = mf_alloc_new(a, n + 1);
    if (!copy)
        return NULL;
    if (n)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *mf_alloc_strdup(mf_alloc *a, const char *s)
{
    return mf_alloc_strndup(a, s, strlen(s));
}
