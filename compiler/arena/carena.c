/*
 * compiler/arena/carena.c: the compile arena.
 *
 * libtcc's allocations are many, short-lived and of two sorts: a few pools and
 * tables that grow by doubling, and small blocks. A bump allocator that never
 * uses memory again needs almost twice what is alive at the fullest, because of
 * the doubling; with lists by size class it is about a seventh more. Size
 * classes are multiples of 16 up to 1 KiB, then four to each doubling.
 *
 * The addresses are reserved without access and opened in steps, so that the
 * memory counts against a host's commit limit only as far as it is used. A
 * reset keeps the first step open: the next compile finds its pages present,
 * which saves most of the cost of a small compile.
 *
 * What stays true: `top` only grows until a reset; every byte below it belongs
 * to exactly one block, alive or free, so what is alive and what is free add up
 * to it.
 */
#include "compiler/arena/carena.h"

#include "base/error.h"

#include <string.h>
#include <sys/mman.h>

enum {
    HEAD = 16,
    FINE = 64, /* classes of 16, 32, ... 1024 bytes */
    CLASSES = FINE + 4 * 32
};

#define STEP ((size_t)2 << 20)

typedef struct head {
    uint32_t class;
    uint32_t kind;
    size_t size; /* as asked for */
} head;

_Static_assert(sizeof(head) == HEAD, "a block's head is 16 bytes");

typedef struct free_block {
    head head;
    struct free_block *next;
} free_block;

struct mf_carena {
    mf_alloc *alloc;
    mf_carena_link link; /* the owner's */
    uint8_t *base;
    size_t reserved; /* bytes of addresses */
    size_t max;      /* bound, at most `reserved` */
    size_t open;     /* bytes that can be accessed */
    size_t dirty;    /* bytes that may not be zero */
    size_t top;      /* bytes given out */
    int full;
    free_block *lists[CLASSES];
    mf_kind_count live[MF_KINDS];
    size_t live_bytes;            /* in blocks that are not free */
    mf_kind_count peak[MF_KINDS]; /* `live` when it was the most */
    size_t peak_bytes;
    size_t most[MF_KINDS];    /* bytes, each kind by itself */
    size_t largest[MF_KINDS]; /* block ever */
};

static unsigned class_of(size_t size)
{
    if (size <= 1024)
        return size ? (unsigned)((size - 1) / 16) : 0;
    unsigned log = 63u - (unsigned)__builtin_clzll(size - 1);
    unsigned quarter = (unsigned)((size - 1) >> (log - 2)) & 3u;
    return FINE + (log - 10) * 4 + quarter;
}

static size_t class_bytes(unsigned class)
{
    if (class < FINE)
        return ((size_t) class + 1) * 16;
    unsigned log = 10 + (class - FINE) / 4;
    return ((size_t)1 << log) + (((size_t)(class - FINE) % 4 + 1) << (log - 2));
}

static head *head_of(void *block)
{
    return (head *)(void *)((uint8_t *)block - HEAD);
}

/* Opens the range up to `end` bytes. */
static int open_to(mf_carena *a, size_t end)
{
    if (end > a->max) {
        a->full = 1;
        return 0;
    }
    if (end <= a->open)
        return 1;
    size_t open = (end + STEP - 1) / STEP * STEP;
    if (open > a->reserved)
        open = a->reserved;
    if (mprotect(a->base + a->open, open - a->open, PROT_READ | PROT_WRITE) !=
        0) {
        a->full = 0;
        return 0;
    }
    a->open = open;
    return 1;
}

static void note_kind(mf_carena *a, unsigned kind, size_t block)
{
    if (a->live[kind].bytes > a->most[kind])
        a->most[kind] = a->live[kind].bytes;
    if (block > a->largest[kind])
        a->largest[kind] = block;
}

static void count_add(mf_carena *a, unsigned kind, size_t bytes)
{
    a->live[kind].blocks++;
    a->live[kind].bytes += bytes;
    a->live_bytes += bytes;
    note_kind(a, kind, bytes);
    /* A copy at each new peak would cost more than the allocation: within 1.5 %
     * it is left to the next one. */
    if (a->live_bytes > a->peak_bytes + a->peak_bytes / 64) {
        memcpy(a->peak, a->live, sizeof a->peak);
        a->peak_bytes = a->live_bytes;
    }
}

static void count_remove(mf_carena *a, unsigned kind, size_t bytes)
{
    a->live[kind].blocks--;
    a->live[kind].bytes -= bytes;
    a->live_bytes -= bytes;
}

mf_carena *mf_carena_new(mf_alloc *alloc, size_t max_bytes)
{
    if (max_bytes > SIZE_MAX / 4)
        return NULL;
    mf_carena *a = mf_alloc_zero(alloc, sizeof *a);
    if (!a)
        return NULL;
    a->alloc = alloc;
    a->reserved = (max_bytes + STEP - 1) / STEP * STEP;
    a->max = max_bytes;
    void *base = mmap(NULL, a->reserved, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        mf_alloc_free(alloc, a);
        return NULL;
    }
    a->base = base;
    return a;
}

void mf_carena_free(mf_carena *a)
{
    if (!a)
        return;
    munmap(a->base, a->reserved);
    mf_alloc_free(a->alloc, a);
}

mf_carena_link *mf_carena_get_link(mf_carena *a)
{
    return &a->link;
}

int mf_carena_reset(mf_carena *a, size_t max_bytes)
{
    if (max_bytes > a->reserved)
        return 0;
    a->max = max_bytes;
    if (a->open > STEP) {
        /* One call instead of an madvise and an mprotect: new pages, no access.
         */
        size_t rest = a->open - STEP;
        if (mmap(a->base + STEP, rest, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                 0) != MAP_FAILED) {
            a->open = STEP;
            if (a->dirty > STEP)
                a->dirty = STEP;
        }
    }
    if (a->top > a->dirty)
        a->dirty = a->top < a->open ? a->top : a->open;
    a->top = 0;
    a->full = 0;
    a->live_bytes = 0;
    a->peak_bytes = 0;
    memset(a->lists, 0, sizeof a->lists);
    memset(a->live, 0, sizeof a->live);
    memset(a->peak, 0, sizeof a->peak);
    memset(a->most, 0, sizeof a->most);
    memset(a->largest, 0, sizeof a->largest);
    return 1;
}

static void *take(mf_carena *a, size_t size, unsigned kind, int *ret_clean)
{
    if (size > a->max) {
        a->full = 1;
        return NULL;
    }
    unsigned class = class_of(size);
    /* A class or two above: a table that was left behind when it doubled. */
    for (unsigned c = class; c < CLASSES && c <= class + 2; c++) {
        free_block *f = a->lists[c];
        if (!f)
            continue;
        a->lists[c] = f->next;
        f->head.kind = kind;
        f->head.size = size;
        count_add(a, kind, class_bytes(c) + HEAD);
        return (uint8_t *)f + HEAD;
    }
    size_t bytes = class_bytes(class) + HEAD;
    if (!open_to(a, a->top + bytes))
        return NULL;
    head *h = (head *)(void *)(a->base + a->top);
    *ret_clean = a->top >= a->dirty;
    a->top += bytes;
    h->class = class;
    h->kind = kind;
    h->size = size;
    count_add(a, kind, bytes);
    return (uint8_t *)h + HEAD;
}

void *mf_carena_take(mf_carena *a, size_t size, enum mf_block_kind kind)
{
    int clean = 0;
    return take(a, size, kind, &clean);
}

void *mf_carena_zero(mf_carena *a, size_t size, enum mf_block_kind kind)
{
    int clean = 0;
    void *block = take(a, size, kind, &clean);
    if (block && !clean)
        memset(block, 0, size);
    return block;
}

void mf_carena_give(mf_carena *a, void *block)
{
    if (!block)
        return;
    free_block *f = (free_block *)(void *)head_of(block);
    size_t bytes = class_bytes(f->head.class) + HEAD;
    count_remove(a, f->head.kind, bytes);
    f->head.kind = MF_KIND_FREE;
    f->next = a->lists[f->head.class];
    a->lists[f->head.class] = f;
}

void *mf_carena_resize(mf_carena *a, void *block, size_t size,
                       enum mf_block_kind kind)
{
    if (!block)
        return mf_carena_take(a, size, kind);
    head *h = head_of(block);
    size_t room = class_bytes(h->class);
    if (size <= room) {
        h->size = size;
        return block;
    }
    uint8_t *end = (uint8_t *)block + room;
    if (end == a->base + a->top && size <= a->max) {
        /* The last block grows in place. */
        unsigned class = class_of(size);
        size_t more = class_bytes(class) - room;
        if (!open_to(a, a->top + more))
            return NULL;
        count_remove(a, h->kind, room + HEAD);
        a->top += more;
        h->class = class;
        h->size = size;
        count_add(a, h->kind, class_bytes(class) + HEAD);
        return block;
    }
    void *moved = mf_carena_take(a, size, kind);
    if (!moved)
        return NULL;
    memcpy(moved, block, h->size);
    mf_carena_give(a, block);
    return moved;
}

int mf_carena_full(const mf_carena *a)
{
    return a->full;
}

void mf_carena_settle(mf_carena *a, void *block, enum mf_block_kind kind)
{
    head *h = head_of(block);
    size_t bytes = class_bytes(h->class) + HEAD;
    if (h->kind != MF_KIND_POOLS)
        return;
    h->kind = kind;
    a->live[MF_KIND_POOLS].blocks--;
    a->live[MF_KIND_POOLS].bytes -= bytes;
    a->live[kind].blocks++;
    a->live[kind].bytes += bytes;
    note_kind(a, kind, bytes);
    /* The peak may have been noted when the block was taken. */
    if (a->peak[MF_KIND_POOLS].bytes >= bytes) {
        a->peak[MF_KIND_POOLS].blocks--;
        a->peak[MF_KIND_POOLS].bytes -= bytes;
        a->peak[kind].blocks++;
        a->peak[kind].bytes += bytes;
    }
}

void mf_carena_range(const mf_carena *a, const void **ret_at, size_t *ret_bytes)
{
    *ret_at = a->base;
    *ret_bytes = a->open;
}

size_t mf_carena_peak(const mf_carena *a)
{
    return a->top;
}

void mf_carena_reserved(const mf_carena *a, const void **ret_at,
                        size_t *ret_bytes)
{
    *ret_at = a->base;
    *ret_bytes = a->reserved;
}

size_t mf_carena_hot(const mf_carena *a)
{
    size_t top = a->top > a->dirty ? a->top : a->dirty;
    return top < a->open ? top : a->open;
}

void mf_carena_measure(const mf_carena *a, mf_carena_space *ret)
{
    *ret = (mf_carena_space){.reserved = a->reserved,
                             .open = a->open,
                             .used = a->top,
                             .live = a->live_bytes,
                             .free = a->top - a->live_bytes};
    for (unsigned c = 0; c < CLASSES; c++) {
        for (const free_block *f = a->lists[c]; f; f = f->next) {
            size_t bytes = class_bytes(c) + HEAD;
            ret->free_blocks++;
            if (bytes > ret->free_largest)
                ret->free_largest = bytes;
        }
    }
}

void mf_carena_census(const mf_carena *a, mf_census *c)
{
    static const char *const names[MF_KINDS] = {
        [MF_KIND_OTHER] = "other",
        [MF_KIND_TOKENS] = "token table",
        [MF_KIND_TOKSYMS] = "token symbols",
        [MF_KIND_MACROS] = "macro strings",
        [MF_KIND_POOLS] = "pools",
        [MF_KIND_SYMBOLS] = "symbol pools",
        [MF_KIND_CSTRINGS] = "c strings",
        [MF_KIND_SECTIONS] = "section data",
        [MF_KIND_INCLUDES] = "include buffers",
        [MF_KIND_PARSER] = "parser",
        [MF_KIND_STATE] = "state",
        [MF_KIND_TEXT] = "source text",
        [MF_KIND_IMAGE] = "image",
        [MF_KIND_FREE] = "free blocks",
    };
    size_t rest = a->top;
    mf_carena_space space;
    for (int k = 0; k < MF_KINDS; k++) {
        if (k == MF_KIND_FREE || !a->most[k] || k == MF_KIND_POOLS)
            continue;
        mf_census_row row = {"compile",        names[k],      a->peak[k].blocks,
                             a->peak[k].bytes, a->largest[k], a->live[k].bytes,
                             a->most[k]};
        mf_census_merge(c, &row);
        rest -= a->peak[k].bytes;
    }
    mf_carena_measure(a, &space);
    mf_census_row row = {.arena = "compile",
                         .kind = names[MF_KIND_FREE],
                         .blocks = space.free_blocks,
                         .bytes = rest,
                         .largest = space.free_largest,
                         .live = space.free,
                         .peak = rest > space.free ? rest : space.free};
    if (row.peak)
        mf_census_merge(c, &row);
}
