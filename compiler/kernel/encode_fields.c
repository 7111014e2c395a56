/*
 * compiler/kernel/encode_fields.c: strings, bytes, fixed-width and repeated
 * scalars.
 *
 * All but the single scalars make their own room for the whole field. Strings
 * are checked to be UTF-8 here, so that no message leaves that a peer would
 * refuse.
 */
#include "compiler/kernel/encoder.h"

/* Varints whose bytes surely need a length of two bytes at the most. */
enum { FEW = 16383 / 10 };

MF_INLINE uint8_t *write_bytes(mf_writer *w, uint8_t *p, uint64_t tag,
                               const mayfly_bytes *b)
{
    if (MF_UNLIKELY(b->len > INT32_MAX))
        return mf_writer_fail(w, MAYFLY_ELIMIT);
    p = MF_ROOM(w, p, b->len + MF_SCALAR_ROOM + MF_SLACK);
    if (MF_UNLIKELY(!p))
        return NULL;
    p = mf_write_tag(p, tag);
    if (MF_LIKELY(b->len < 0x80))
        *p++ = (uint8_t)b->len;
    else
        p = mf_write_varint(p, b->len, false);
    if (b->len)
        memcpy(p, b->ptr, b->len);
    return p + b->len;
}

MF_INLINE uint8_t *write_string(mf_writer *w, uint8_t *p, uint64_t tag,
                                const mayfly_bytes *b)
{
    if (MF_UNLIKELY(!mf_utf8_valid(b->ptr, b->len))) {
        w->bad = b->ptr;
        return mf_writer_fail(w, MAYFLY_EENCODE);
    }
    return write_bytes(w, p, tag, b);
}

uint8_t *mf_put_fixed32(uint8_t *p, uint64_t tag, const void *value)
{
    p = mf_write_tag(p, tag);
    mf_store32(p, mf_load32(value));
    return p + 4;
}

uint8_t *mf_put_fixed64(uint8_t *p, uint64_t tag, const void *value)
{
    p = mf_write_tag(p, tag);
    mf_store64(p, mf_load64(value));
    return p + 8;
}

/* These two are called without looking first, so they write in any case and say
 * afterwards whether it counts, without a branch. */
uint8_t *mf_put_real(uint8_t *p, uint64_t tag, const float *value)
{
    uint8_t *end = mf_put_fixed32(p, tag, value);
    size_t set = mf_load32(value) != 0;

    return p + ((size_t)(end - p) & (0 - set));
}

uint8_t *mf_put_precise(uint8_t *p, uint64_t tag, const double *value)
{
    uint8_t *end = mf_put_fixed64(p, tag, value);
    size_t set = mf_load64(value) != 0;

    return p + ((size_t)(end - p) & (0 - set));
}

uint8_t *mf_put_string(mf_writer *w, uint8_t *p, uint64_t tag,
                       const void *value)
{
    return write_string(w, p, tag, value);
}

uint8_t *mf_put_bytes(mf_writer *w, uint8_t *p, uint64_t tag, const void *value)
{
    return write_bytes(w, p, tag, value);
}

uint8_t *mf_put_strings(mf_writer *w, uint8_t *p, uint64_t tag,
                        const void *array)
{
    const mayfly_array *a = array;
    const mayfly_bytes *items = a->items;

    for (size_t i = 0; p && i < a->n; i++)
        p = write_string(w, p, tag, &items[i]);
    return p;
}

uint8_t *mf_put_byteses(mf_writer *w, uint8_t *p, uint64_t tag,
                        const void *array)
{
    const mayfly_array *a = array;
    const mayfly_bytes *items = a->items;

    for (size_t i = 0; p && i < a->n; i++)
        p = write_bytes(w, p, tag, &items[i]);
    return p;
}

uint8_t *mf_put_unknown(mf_writer *w, uint8_t *p, const void *value)
{
    const mayfly_bytes *b = value;

    if (MF_UNLIKELY(b->len > INT32_MAX))
        return mf_writer_fail(w, MAYFLY_ELIMIT);
    p = MF_ROOM(w, p, b->len + MF_SLACK);
    if (!p)
        return NULL;
    memcpy(p, b->ptr, b->len);
    return p + b->len;
}

/* An element as the number that its varint carries. */
MF_INLINE uint64_t varint_value(int type, const void *items, size_t i)
{
    switch (type) {
    case MAYFLY_TYPE_BOOL:
        return ((const uint8_t *)items)[i] != 0;
    case MAYFLY_TYPE_UINT32:
        return ((const uint32_t *)items)[i];
    case MAYFLY_TYPE_INT32:
    case MAYFLY_TYPE_ENUM:
        return (uint64_t)((const int32_t *)items)[i];
    case MAYFLY_TYPE_SINT32:
        return mf_to_zigzag(((const int32_t *)items)[i]);
    case MAYFLY_TYPE_SINT64:
        return mf_to_zigzag(((const int64_t *)items)[i]);
    default:
        return ((const uint64_t *)items)[i];
    }
}

/* 0 for varints. */
static size_t fixed_size(int type)
{
    switch (type) {
    case MAYFLY_TYPE_FLOAT:
    case MAYFLY_TYPE_FIXED32:
    case MAYFLY_TYPE_SFIXED32:
        return 4;
    case MAYFLY_TYPE_DOUBLE:
    case MAYFLY_TYPE_FIXED64:
    case MAYFLY_TYPE_SFIXED64:
        return 8;
    default:
        return 0;
    }
}

/* All elements, one after the other; `tag` is 0 in a packed field. The switch
 * on the type is outside of the loops. */
MF_INLINE uint8_t *varints_of(int type, uint8_t *p, uint64_t tag,
                              const void *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (tag)
            p = mf_write_tag(p, tag);
        p = mf_write_varint(p, varint_value(type, items, i), false);
    }
    return p;
}

static uint8_t *write_varints(int type, uint8_t *p, uint64_t tag,
                              const void *items, size_t n)
{
    switch (type) {
    case MAYFLY_TYPE_BOOL:
        return varints_of(MAYFLY_TYPE_BOOL, p, tag, items, n);
    case MAYFLY_TYPE_UINT32:
        return varints_of(MAYFLY_TYPE_UINT32, p, tag, items, n);
    case MAYFLY_TYPE_INT32:
    case MAYFLY_TYPE_ENUM:
        return varints_of(MAYFLY_TYPE_INT32, p, tag, items, n);
    case MAYFLY_TYPE_SINT32:
        return varints_of(MAYFLY_TYPE_SINT32, p, tag, items, n);
    case MAYFLY_TYPE_SINT64:
        return varints_of(MAYFLY_TYPE_SINT64, p, tag, items, n);
    default:
        return varints_of(MAYFLY_TYPE_UINT64, p, tag, items, n);
    }
}

static size_t varints_size(int type, const void *items, size_t n)
{
    size_t size = 0;

    if (type == MAYFLY_TYPE_BOOL)
        return n;
    for (size_t i = 0; i < n; i++)
        size += mf_varint_size(varint_value(type, items, i));
    return size;
}

/* A packed field of few varints: written behind one byte for the length, which
 * is cheaper than adding up what they need first. */
static uint8_t *write_few(mf_writer *w, uint8_t *p, uint64_t tag, int type,
                          const mayfly_array *a)
{
    uint8_t *start;
    size_t n;

    p = MF_ROOM(w, p, a->n * 10 + MF_SCALAR_ROOM + MF_SLACK);
    if (!p)
        return NULL;
    start = mf_write_tag(p, tag);
    p = write_varints(type, start + 1, 0, a->items, a->n);
    n = (size_t)(p - start) - 1;
    if (n < 0x80) {
        *start = (uint8_t)n;
        return p;
    }
    memmove(start + 2, start + 1, n);
    start[0] = (uint8_t)((n & 0x7f) | 0x80);
    start[1] = (uint8_t)(n >> 7);
    return p + 1;
}

uint8_t *mf_put_packed(mf_writer *w, uint8_t *p, uint64_t tag, int type,
                       const void *array)
{
    const mayfly_array *a = array;
    size_t fixed = fixed_size(type), size;

    if (a->n == 0)
        return p;
    if (a->n > INT32_MAX)
        return mf_writer_fail(w, MAYFLY_ELIMIT);
    if (!fixed && a->n <= FEW)
        return write_few(w, p, tag, type, a);
    size = fixed ? a->n * fixed : varints_size(type, a->items, a->n);
    if (size > INT32_MAX)
        return mf_writer_fail(w, MAYFLY_ELIMIT);
    p = MF_ROOM(w, p, size + MF_SCALAR_ROOM + MF_SLACK);
    if (!p)
        return NULL;
    p = mf_write_varint(mf_write_tag(p, tag), size, false);
    if (!fixed)
        return write_varints(type, p, 0, a->items, a->n);
    memcpy(p, a->items, size);
    return p + size;
}

uint8_t *mf_put_repeated(mf_writer *w, uint8_t *p, uint64_t tag, int type,
                         const void *array)
{
    const mayfly_array *a = array;
    size_t fixed = fixed_size(type);
    const uint8_t *item = a->items;

    if (a->n == 0)
        return p;
    if (a->n > INT32_MAX / MF_SCALAR_ROOM)
        return mf_writer_fail(w, MAYFLY_ELIMIT);
    p = MF_ROOM(w, p, a->n * MF_SCALAR_ROOM + MF_SLACK);
    if (!p)
        return NULL;
    if (!fixed)
        return write_varints(type, p, tag, a->items, a->n);
    for (size_t i = 0; i < a->n; i++, item += fixed) {
        p = mf_write_tag(p, tag);
        memcpy(p, item, fixed);
        p += fixed;
    }
    return p;
}
