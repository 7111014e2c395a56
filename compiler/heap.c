/*
 * compiler/heap.c: a small allocator over mapped segments.
 *
 * Small blocks are cut from segments, one behind the other. One that is freed
 * goes to a list of its size class, or back if it was the last one cut; a large
 * one is a mapping of its own, which grows by being remapped. Nothing is ever
 * merged: a heap lives as long as one unit or one build, most blocks as long as
 * the heap, and at the end every mapping goes.
 *
 * What stays true: each block is preceded by a head of 16 bytes with its size,
 * and is aligned to 16. Segments are asked not to become huge pages, so that a
 * unit of some kilobytes does not dirty two megabytes.
 */
#include "compiler/heap.h"

#include <string.h>
#include <sys/mman.h>

enum {
    ALIGN = 16,
    SEGMENT_BYTES = 256 << 10,
    LARGE_BYTES = 64 << 10, /* from here on a mapping of its own */
    FINE_BYTES = 1024, /* classes are 16 apart up to here, then powers of 2 */
    FINE_CLASSES = FINE_BYTES / ALIGN,
    STEPS = 4,                          /* classes per doubling above */
    CLASSES = FINE_CLASSES + 6 * STEPS, /* up to 64 KiB */
    PAGE = 4096
};

typedef struct mapping { /* at the start of each mapping */
    struct mapping *next, *prev;
    size_t bytes;
    size_t pad;
} mapping;

typedef struct block { /* in front of each block */
    size_t size;       /* of the block with its head, rounded up to its class */
    struct block *next; /* in the list of free ones */
} block;

_Static_assert(sizeof(mapping) % ALIGN == 0, "blocks behind it are aligned");
_Static_assert(sizeof(block) == ALIGN, "blocks stay aligned");

struct mf_heap {
    mf_alloc alloc; /* what users see; its state is this heap */
    mf_alloc *base;
    int through;
    struct mf_heap *scratch; /* or NULL */
    mapping *segments;       /* newest first */
    mapping *large;
    uint8_t *at, *end; /* what is left of the newest segment */
    size_t used;       /* cut from segments, and in large mappings */
    block *free[CLASSES];
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) & ~(to - 1);
}

/* The class of a size, and the size that blocks of it have. */
static unsigned class_of(size_t *size)
{
    if (*size <= FINE_BYTES) {
        *size = round_up(*size, ALIGN);
        return (unsigned)(*size / ALIGN - 1);
    }
    size_t low = FINE_BYTES; /* low < size <= 2 * low */
    unsigned class = FINE_CLASSES;
    while (low * 2 < *size) {
        low *= 2;
        class += STEPS;
    }
    size_t step = low / STEPS;
    size_t n = (*size - low + step - 1) / step; /* 1 to STEPS */
    *size = low + n * step;
    return class + (unsigned)n - 1;
}

static mapping *map(size_t bytes, mapping **list)
{
    mapping *m = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED)
        return NULL;
    madvise(m, bytes, MADV_NOHUGEPAGE);
    m->bytes = bytes;
    m->next = *list;
    if (*list)
        (*list)->prev = m;
    *list = m;
    return m;
}

static void unmap(mapping *m, mapping **list)
{
    if (m->prev)
        m->prev->next = m->next;
    else
        *list = m->next;
    if (m->next)
        m->next->prev = m->prev;
    munmap(m, m->bytes);
}

static void *take_large(mf_heap *h, size_t size)
{
    size_t bytes = round_up(size + sizeof(mapping), PAGE);
    mapping *m = map(bytes, &h->large);
    if (!m)
        return NULL;
    h->used += bytes;
    block *b = (block *)(m + 1);
    b->size = bytes - sizeof(mapping);
    return b + 1;
}

static void *take_small(mf_heap *h, size_t size)
{
    unsigned class = class_of(&size);
    block *b = h->free[class];
    if (b) {
        h->free[class] = b->next;
        return b + 1;
    }
    if ((size_t)(h->end - h->at) < size) {
        mapping *m = map(SEGMENT_BYTES, &h->segments);
        if (!m)
            return NULL;
        h->at = (uint8_t *)(m + 1);
        h->end = (uint8_t *)m + SEGMENT_BYTES;
    }
    b = (block *)(void *)h->at;
    h->at += size;
    h->used += size;
    b->size = size;
    return b + 1;
}

static void *heap_take(void *state, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size += sizeof(block);
    return size >= LARGE_BYTES ? take_large(state, size)
                               : take_small(state, size);
}

static int is_large(const block *b)
{
    return b->size >
           LARGE_BYTES; /* no class is larger; rounding sees to more */
}

static void heap_give(void *state, void *p)
{
    mf_heap *h = state;
    if (!p)
        return;
    block *b = (block *)p - 1;
    if (is_large(b)) {
        mapping *m = (mapping *)(void *)b - 1;
        h->used -= m->bytes;
        unmap(m, &h->large);
        return;
    }
    size_t size = b->size;
    if ((uint8_t *)b + size == h->at) { /* the last one cut */
        h->at = (uint8_t *)b;
        h->used -= size;
        return;
    }
    unsigned class = class_of(&size);
    b->next = h->free[class];
    h->free[class] = b;
}

/* ThreadSanitizer does not see it: what it knows of the old addresses stays,
 * and is held against whoever gets them next. */
#ifdef __SANITIZE_THREAD__
static void *move_mapping(mapping *m, size_t old, size_t bytes)
{
    void *moved = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (moved == MAP_FAILED)
        return moved;
    memcpy(moved, m, old < bytes ? old : bytes);
    munmap(m, old);
    return moved;
}
#else
static void *move_mapping(mapping *m, size_t old, size_t bytes)
{
    return mremap(m, old, bytes, MREMAP_MAYMOVE);
}
#endif

static void *resize_large(mf_heap *h, block *b, size_t size)
{
    mapping *m = (mapping *)(void *)b - 1;
    size_t old = m->bytes;
    size_t bytes = round_up(size + sizeof(block) + sizeof(mapping), PAGE);
    mapping *moved = move_mapping(m, old, bytes);
    if (moved == MAP_FAILED)
        return NULL;
    moved->bytes = bytes;
    if (moved->prev)
        moved->prev->next = moved;
    else
        h->large = moved;
    if (moved->next)
        moved->next->prev = moved;
    h->used += bytes;
    h->used -= old;
    b = (block *)(moved + 1);
    b->size = bytes - sizeof(mapping);
    return b + 1;
}

static void *heap_resize(void *state, void *p, size_t size)
{
    if (!p)
        return heap_take(state, size);
    block *b = (block *)p - 1;
    if (size > SIZE_MAX / 2)
        return NULL;
    if (size + sizeof(block) <= b->size)
        return p;
    if (is_large(b))
        return resize_large(state, b, size);
    void *moved = heap_take(state, size);
    if (!moved)
        return NULL;
    memcpy(moved, p, b->size - sizeof(block));
    heap_give(state, p);
    return moved;
}

mf_heap *mf_heap_new(mf_alloc *base, int through)
{
    mf_heap *h = mf_alloc_zero(base, sizeof *h);
    if (!h)
        return NULL;
    h->base = base;
    h->through = through;
    mayfly_allocator own = {heap_take, heap_resize, heap_give, h};
    mf_alloc_init(&h->alloc, through ? &base->table : &own);
    return h;
}

void mf_heap_free(mf_heap *heap)
{
    if (!heap)
        return;
    while (heap->large)
        unmap(heap->large, &heap->large);
    while (heap->segments)
        unmap(heap->segments, &heap->segments);
    mf_alloc_free(heap->base, heap);
}

mf_alloc *mf_heap_alloc(mf_heap *heap)
{
    return &heap->alloc;
}

mf_heap *mf_heap_set_scratch(mf_heap *heap, mf_heap *work)
{
    mf_heap *before = heap->scratch;
    heap->scratch = work;
    heap->alloc.scratch = work ? &work->alloc : NULL;
    return before;
}

int mf_heap_reset(mf_heap *heap)
{
    if (heap->through)
        return 0;
    mapping *first = heap->segments;
    while (heap->large)
        unmap(heap->large, &heap->large);
    while (first && first->next)
        unmap(first->next, &first->next);
    heap->at = first ? (uint8_t *)(first + 1) : NULL;
    heap->end = first ? (uint8_t *)first + SEGMENT_BYTES : NULL;
    heap->used = 0;
    memset(heap->free, 0, sizeof heap->free);
    mf_alloc_init(&heap->alloc, &heap->alloc.table);
    return 1;
}

void mf_heap_each(const mf_heap *heap,
                  void (*add)(void *state, const void *at, size_t bytes),
                  void *state)
{
    for (const mapping *m = heap->segments; m; m = m->next)
        add(state, m, m->bytes);
    for (const mapping *m = heap->large; m; m = m->next)
        add(state, m, m->bytes);
}

size_t mf_heap_bytes(const mf_heap *heap)
{
    return heap->through ? atomic_load(&heap->alloc.bytes) : heap->used;
}
