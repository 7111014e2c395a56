/*
 * compiler/kernel/encode_fields.c: strings, bytes and repeated scalars.
 *
 * Each kernel makes its own room for the whole field. Strings are checked to be
 * UTF-8 here, so that no message leaves that a peer would refuse.
 */
#include "compiler/kernel/encoder.h"

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

uint8_t *mf_set_string(mf_writer *w, uint8_t *p, uint64_t tag,
                       const void *value)
{
    return write_string(w, p, tag, value);
}

uint8_t *mf_set_bytes(mf_writer *w, uint8_t *p, uint64_t tag, const void *value)
{
    return write_bytes(w, p, tag, value);
}

uint8_t *mf_put_string(mf_writer *w, uint8_t *p, uint64_t tag,
                       const void *value)
{
    const mayfly_bytes *b = value;

    return b->len ? write_string(w, p, tag, b) : p;
}

uint8_t *mf_put_bytes(mf_writer *w, uint8_t *p, uint64_t tag, const void *value)
{
    const mayfly_bytes *b = value;

    return b->len ? write_bytes(w, p, tag, b) : p;
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

    if (MF_LIKELY(b->len == 0))
        return p;
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

uint8_t *mf_put_packed(mf_writer *w, uint8_t *p, uint64_t tag, int type,
                       const void *array)
{
    const mayfly_array *a = array;
    size_t fixed = fixed_size(type), size;

    if (a->n == 0)
        return p;
    if (a->n > INT32_MAX)
        return mf_writer_fail(w, MAYFLY_ELIMIT);
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
