/*
 * compiler/gen/copy.c: structs by a header's tables.
 *
 * A call that cannot be encoded yet, because the code that would do it has to
 * be built first, keeps its request by a copy. The tables are all that this
 * needs.
 *
 * A struct is copied as it is, then each pointer that counts becomes one to a
 * copy. What is not set may hold anything, and is left alone, as the encoder
 * leaves it alone.
 */
#include "compiler/gen/copy.h"

#include "base/error.h"
#include "compiler/gen/layout.h"
#include "compiler/kernel/codec.h"

static int fill(mayfly_arena *arena, const mayfly_layout *layout,
                const mayfly_message_layout *m, char *to, int depth,
                mayfly_error *err);

/* Makes `*at` point to a copy of its bytes. */
static int copy_bytes(mayfly_arena *arena, const void **at, size_t n,
                      mayfly_error *err)
{
    void *copy = n ? mf_arena_raw(arena, n) : NULL;
    if (n && !copy)
        return mf_arena_nomem(arena, "the copy of a request", err);
    *at = n ? memcpy(copy, *at, n) : NULL;
    return 0;
}

static int copy_text(mayfly_arena *arena, mayfly_str *text, mayfly_error *err)
{
    const void *at = text->ptr;
    int code = copy_bytes(arena, &at, text->len, err);
    text->ptr = at;
    return code;
}

static int is_set(const mayfly_field_layout *f, const char *of)
{
    const uint64_t *words = (const void *)of;
    switch (f->presence_kind) {
    case MAYFLY_HASBIT:
        return words[f->presence / 64] >> (f->presence % 64) & 1;
    case MAYFLY_ONEOF:
        return *(const uint32_t *)(const void *)(of + f->presence) == f->number;
    default:
        return 1; /* an empty text or no pointer is nothing to copy */
    }
}

/* One value in place; `inner` is the layout of its message. */
static int copy_value(mayfly_arena *arena, const mayfly_layout *layout,
                      const mayfly_message_layout *inner,
                      const mayfly_field_layout *f, char *at, int depth,
                      mayfly_error *err)
{
    _Static_assert(sizeof(mayfly_str) == sizeof(mayfly_bytes), "alike");
    if (f->type == MAYFLY_TYPE_STRING || f->type == MAYFLY_TYPE_BYTES)
        return copy_text(arena, (mayfly_str *)(void *)at, err);
    return inner ? fill(arena, layout, inner, at, depth + 1, err) : 0;
}

static int copy_array(mayfly_arena *arena, const mayfly_layout *layout,
                      const mayfly_message_layout *inner,
                      const mayfly_field_layout *f, mayfly_array *a, int depth,
                      mayfly_error *err)
{
    size_t size = inner ? inner->size : mf_layout_element_size(f->type), bytes;
    const void *items = a->items;
    if (__builtin_mul_overflow(a->n, size, &bytes))
        return mf_error_set(err, MAYFLY_ELIMIT, "an array of %zu", a->n);
    int code = copy_bytes(arena, &items, bytes, err);
    a->items = (void *)(uintptr_t)items;
    for (size_t i = 0; code == 0 && i < a->n; i++)
        code = copy_value(arena, layout, inner, f, (char *)a->items + i * size,
                          depth, err);
    return code;
}

static int copy_field(mayfly_arena *arena, const mayfly_layout *layout,
                      const mayfly_field_layout *f, char *to, int depth,
                      mayfly_error *err)
{
    const mayfly_message_layout *inner = NULL;
    char *at = to + f->offset;
    if (f->type == MAYFLY_TYPE_MESSAGE || f->cardinality == MAYFLY_MAP) {
        layout = f->import ? layout->imports[f->import - 1] : layout;
        inner = &layout->messages[f->message];
    }
    if (f->cardinality != MAYFLY_SINGULAR)
        return copy_array(arena, layout, inner, f, (mayfly_array *)(void *)at,
                          depth, err);
    if (!is_set(f, to))
        return 0;
    if (!inner)
        return copy_value(arena, layout, NULL, f, at, depth, err);
    const void **pointer = (const void **)(void *)at;
    if (!*pointer)
        return 0;
    int code = copy_bytes(arena, pointer, inner->size, err);
    return code == 0 ? fill(arena, layout, inner, (char *)(uintptr_t)*pointer,
                            depth + 1, err)
                     : code;
}

/* Below a struct that was copied as it is. */
static int fill(mayfly_arena *arena, const mayfly_layout *layout,
                const mayfly_message_layout *m, char *to, int depth,
                mayfly_error *err)
{
    if (depth > MF_DEPTH_MAX)
        return mf_error_set(err, MAYFLY_ELIMIT,
                            "messages are nested more deeply than %d",
                            MF_DEPTH_MAX);
    int code = copy_text(arena, (mayfly_str *)(void *)(to + m->unknown), err);
    for (uint32_t i = 0; code == 0 && i < m->n_fields; i++)
        code = copy_field(arena, layout, &m->fields[i], to, depth, err);
    return code;
}

int mf_layout_copy(mayfly_arena *arena, const mayfly_layout *layout,
                   uint32_t message, const void *from, void **ret_copy,
                   mayfly_error *err)
{
    const mayfly_message_layout *m = &layout->messages[message];
    int code = copy_bytes(arena, &from, m->size, err);
    if (code == 0)
        code = fill(arena, layout, m, (char *)(uintptr_t)from, 0, err);
    if (code == 0)
        *ret_copy = (void *)(uintptr_t)from;
    return code;
}
