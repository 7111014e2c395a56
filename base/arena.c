/*
 * base/arena.c: memory that is given back as a whole.
 *
 * A call or a schema makes many small pieces that all end together. They are
 * cut off the front of a chunk (the fast path is inline in arena.h); when it is
 * used up a larger one is taken. Requests that would waste a chunk get one of
 * their own, put behind the newest, whose rest stays in use.
 *
 * Always true: `at` and `end` are multiples of 16 inside the newest chunk, or
 * both NULL; every block is aligned to 16; `bytes` never passes `max_bytes`.
 * Failure leaves the arena as it was and says why in `code`.
 *
 * Under AddressSanitizer the bytes that are not handed out are poisoned.
 *
 * Threads: one at a time.
 */
#include "base/arena.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRST_CHUNK = 1024, CHUNK_MAX = 64 * 1024 };

struct mf_arena_chunk {
    mf_arena_chunk *older;
    size_t size; /* of the whole chunk, this head included; a multiple of 16 */
};

static uint8_t *chunk_start(mf_arena_chunk *c)
{
    return (uint8_t *)c + sizeof *c;
}

static uint8_t *chunk_end(mf_arena_chunk *c)
{
    return (uint8_t *)c + c->size;
}

static void chunk_free(mayfly_arena *a, mf_arena_chunk *c)
{
    MF_ARENA_UNPOISON(c, c->size);
    a->bytes -= c->size;
    mf_alloc_free(a->alloc, c);
}

/* Takes a chunk of `size` bytes, or of `least` when the bound is near. */
static mf_arena_chunk *chunk_new(mayfly_arena *a, size_t size, size_t least)
{
    if (a->max_bytes) {
        size_t left = a->bytes < a->max_bytes ? a->max_bytes - a->bytes : 0;
        if (least > left) {
            a->code = MAYFLY_ELIMIT;
            return NULL;
        }
        if (size > left)
            size = left & ~(size_t)15;
    }
    mf_arena_chunk *c = mf_alloc_new(a->alloc, size);
    if (!c) {
        a->code = MAYFLY_ENOMEM;
        return NULL;
    }
    c->size = size;
    a->bytes += size;
    MF_ARENA_POISON(chunk_start(c), size - sizeof *c);
    return c;
}

void mf_arena_init(mayfly_arena *a, mf_alloc *alloc, size_t first,
                   size_t max_bytes)
{
    memset(a, 0, sizeof *a);
    a->alloc = alloc;
    a->max_bytes = max_bytes;
    a->next = first ? (first + 15) & ~(size_t)15 : FIRST_CHUNK;
    if (a->next < 2 * sizeof(mf_arena_chunk))
        a->next = 2 * sizeof(mf_arena_chunk);
}

void mf_arena_done(mayfly_arena *a)
{
    while (a->chunk) {
        mf_arena_chunk *c = a->chunk;
        a->chunk = c->older;
        chunk_free(a, c);
    }
    a->at = NULL;
    a->end = NULL;
}

void mf_arena_reset(mayfly_arena *a)
{
    mf_arena_chunk *newest = a->chunk;
    if (!newest)
        return;
    while (newest->older) {
        mf_arena_chunk *c = newest->older;
        newest->older = c->older;
        chunk_free(a, c);
    }
    a->at = chunk_start(newest);
    a->end = chunk_end(newest);
    a->code = 0;
    MF_ARENA_POISON(a->at, (size_t)(a->end - a->at));
}

/* A block that has a chunk to itself. */
static void *alone(mayfly_arena *a, size_t size, size_t need)
{
    mf_arena_chunk *c = chunk_new(a, need, need);
    if (!c)
        return NULL;
    if (a->chunk) {
        c->older = a->chunk->older;
        a->chunk->older = c;
    } else {
        c->older = NULL;
        a->chunk = c;
        a->at = chunk_end(c);
        a->end = a->at;
    }
    MF_ARENA_UNPOISON(chunk_start(c), size);
    return chunk_start(c);
}

void *mf_arena_raw_slow(mayfly_arena *a, size_t size)
{
    if (size > SIZE_MAX / 2) {
        a->code = a->max_bytes ? MAYFLY_ELIMIT : MAYFLY_ENOMEM;
        return NULL;
    }
    if (size == 0)
        size = 1;
    size_t rounded = (size + 15) & ~(size_t)15;
    size_t need = rounded + sizeof(mf_arena_chunk);

    if (rounded <= (size_t)(a->end - a->at)) { /* a size of 0 comes here */
        uint8_t *p = a->at;
        a->at += rounded;
        MF_ARENA_UNPOISON(p, size);
        return p;
    }
    if (need > a->next / 2 && need > FIRST_CHUNK)
        return alone(a, size, need);
    size_t want = a->next > need ? a->next : need;
    mf_arena_chunk *c = chunk_new(a, want, need);
    if (!c)
        return NULL;
    if (a->next < CHUNK_MAX)
        a->next = a->next * 2 < CHUNK_MAX ? a->next * 2 : CHUNK_MAX;
    c->older = a->chunk;
    a->chunk = c;
    a->at = chunk_start(c) + rounded;
    a->end = chunk_end(c);
    MF_ARENA_UNPOISON(chunk_start(c), size);
    return chunk_start(c);
}

void *mf_arena_resize(mayfly_arena *a, void *block, size_t old, size_t size)
{
    if (!block)
        return mf_arena_raw(a, size);
    size_t had = (old + 15) & ~(size_t)15;
    uint8_t *p = block;
    if (had && p + had == a->at && size && size <= (size_t)(a->end - p)) {
        a->at = p + ((size + 15) & ~(size_t)15);
        MF_ARENA_UNPOISON(p, size);
        MF_ARENA_POISON(p + size, (size_t)(a->end - p) - size);
        return p;
    }
    if (size <= old)
        return block;
    void *moved = mf_arena_raw(a, size);
    if (moved && old)
        memcpy(moved, block, old);
    return moved;
}

char *mf_arena_strndup(mayfly_arena *a, const char *s, size_t n)
{
    if (n == SIZE_MAX)
        return NULL;
    char *copy = mf_arena_raw(a, n + 1);
    if (!copy)
        return NULL;
    if (n)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *mf_arena_strdup(mayfly_arena *a, const char *s)
{
    return mf_arena_strndup(a, s, strlen(s));
}

int mf_arena_nomem(const mayfly_arena *a, const char *what, mayfly_error *err)
{
    if (a->code == MAYFLY_ELIMIT)
        return mf_error_set(err, MAYFLY_ELIMIT,
                            "%s does not fit into the arena's %zu bytes", what,
                            a->max_bytes);
    return mf_error_nomem(err, what);
}

/* Formats once into a short buffer, again where that was too short. */
static char *arena_vprintf(mayfly_arena *a, size_t *ret_len,
                           const char *format, va_list args)
{
    char brief[256];
    char *text;
    va_list again;
    int n;

    va_copy(again, args);
    n = vsnprintf(brief, sizeof brief, format, args);
    if (n < 0)
        text = NULL;
    else if ((size_t)n < sizeof brief)
        text = mf_arena_strndup(a, brief, (size_t)n);
    else if ((text = mf_arena_raw(a, (size_t)n + 1)) != NULL)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    if (text)
        *ret_len = (size_t)n;
    return text;
}

char *mf_arena_printf(mayfly_arena *a, const char *format, ...)
{
    size_t len;
    va_list args;
    char *text;

    va_start(args, format);
    text = arena_vprintf(a, &len, format, args);
    va_end(args);
    return text;
}

mayfly_str mayfly_arena_printf(mayfly_arena *arena, const char *format, ...)
{
    mayfly_str s = {NULL, 0};
    va_list args;

    va_start(args, format);
    s.ptr = arena_vprintf(arena, &s.len, format, args);
    va_end(args);
    return s;
}

void mayfly_arena_free(mayfly_arena *arena)
{
    if (!arena)
        return;
    mf_alloc *alloc = arena->alloc;
    mf_arena_done(arena);
    mf_alloc_free(alloc, arena);
}

void *mayfly_arena_alloc(mayfly_arena *arena, size_t size)
{
    return mf_arena_alloc(arena, size);
}

mayfly_str mayfly_arena_str(mayfly_arena *arena, const char *ptr, size_t len)
{
    mayfly_str copy = {NULL, 0};
    char *text = mf_arena_strndup(arena, ptr, len);
    if (text) {
        copy.ptr = text;
        copy.len = len;
    }
    return copy;
}

void *mayfly_arena_add(mayfly_arena *arena, mayfly_array *array,
                       size_t item_size)
{
    if (array->n >= array->cap) {
        size_t cap = array->n < 4 ? 4 : array->n * 2;
        if (array->n > SIZE_MAX / 4 ||
            (item_size && cap > SIZE_MAX / item_size))
            return NULL;
        void *items;
        if (array->cap) {
            items = mf_arena_resize(arena, array->items, array->n * item_size,
                                    cap * item_size);
        } else { /* nothing yet, or items that are not the arena's */
            items = mf_arena_raw(arena, cap * item_size);
            if (items && array->n)
                memcpy(items, array->items, array->n * item_size);
        }
        if (!items)
            return NULL;
        array->items = items;
        array->cap = cap;
    }
    uint8_t *item = (uint8_t *)array->items + array->n * item_size;
    memset(item, 0, item_size);
    array->n++;
    return item;
}

size_t mayfly_arena_bytes(const mayfly_arena *arena)
{
    return arena->bytes;
}
