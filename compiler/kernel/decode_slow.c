/*
 * compiler/kernel/decode_slow.c: what the decode loop leaves to others.
 *
 * The loop loads eight bytes at a time and handles the common shapes. Here are
 * the last bytes of the input, which must be read one by one because nothing
 * behind the input may be touched, varints of more than six bytes, tags and
 * lengths in unusual forms, unknown fields, and arrays that grow.
 *
 * What is accepted is decided here, and is what protobuf's own C++ accepts. Of
 * a tenth varint byte and of a fifth tag byte the bits that do not fit are
 * dropped. Tags and lengths take at most five bytes; lengths end at 2^31 - 1
 * less 16.
 *
 * Unknown fields are kept as they came. As long as they follow each other the
 * message points into the input; otherwise the pieces are joined in the arena,
 * in a block whose size is the power of two above the length, so that its room
 * is known without being stored and many small pieces cost no more than few
 * large ones.
 *
 * Threads: one per decoder.
 */
#include "compiler/kernel/decoder.h"

#include "compiler/kernel/codec.h"

enum { SIZE_MAX_WIRE = INT32_MAX - 16, JOIN_MIN = 64 };

const uint8_t *mf_decode_fail(mf_decoder *d, int code, const uint8_t *where,
                              const char *what)
{
    if (d->code == 0) {
        d->code = code ? code : MAYFLY_ENOMEM;
        d->where = where;
        d->what = what;
    }
    return NULL;
}

static const uint8_t *refuse(mf_decoder *d, const uint8_t *where,
                             const char *what)
{
    return mf_decode_fail(d, MAYFLY_EDECODE, where, what);
}

uint64_t mf_decode_tail8(const mf_decoder *d, const uint8_t *p)
{
    size_t left = p < d->end ? (size_t)(d->end - p) : 0;
    uint64_t v = 0;

    if (left >= 8)
        return mf_load64(p);
    if (left == 0)
        return 0;
    if (d->last8)
        return mf_load64(d->last8) >> (8 - left) * 8;
    for (size_t i = 0; i < left; i++)
        v |= (uint64_t)p[i] << i * 8;
    return v;
}

const uint8_t *mf_decode_varint(mf_decoder *d, const uint8_t *p, uint64_t *ret)
{
    const uint8_t *start = p;
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte;

        if (p >= d->end)
            return refuse(d, start, "it ends within a varint");
        byte = *p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = v;
            return p;
        }
    }
    return refuse(d, start, "a varint of more than 10 bytes");
}

const uint8_t *mf_decode_tag(mf_decoder *d, const uint8_t *p, uint32_t *ret)
{
    const uint8_t *start = p;
    uint32_t v = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte;

        if (p >= d->end)
            return refuse(d, start, "it ends within a tag");
        byte = *p++;
        v |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = v;
            return p;
        }
    }
    return refuse(d, start, "a tag of more than 5 bytes");
}

const uint8_t *mf_decode_size(mf_decoder *d, const uint8_t *p, size_t *ret)
{
    const uint8_t *start = p;
    size_t v = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte;

        if (p >= d->end)
            return refuse(d, start, "it ends within a length");
        byte = *p++;
        v |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (v > SIZE_MAX_WIRE)
                return refuse(d, start, "a length past 2^31");
            *ret = v;
            return p;
        }
    }
    return refuse(d, start, "a length of more than 5 bytes");
}

/* The value of a field that is no group. */
static const uint8_t *skip_value(mf_decoder *d, uint32_t tag,
                                 const uint8_t *start, const uint8_t *p)
{
    uint64_t v;
    size_t size;

    if (tag >> 3 == 0)
        return refuse(d, start, "field number 0");
    switch (tag & 7) {
    case 0:
        return mf_decode_varint(d, p, &v);
    case 1:
        size = 8;
        break;
    case 2:
        p = mf_decode_size(d, p, &size);
        break;
    case 5:
        size = 4;
        break;
    case 4:
        return refuse(d, start, "the end of a group that was not started");
    default:
        return refuse(d, start, "a wire type that does not exist");
    }
    if (p && (ptrdiff_t)size > d->end - p)
        return refuse(d, start, "a value past the end");
    return p ? p + size : NULL;
}

/* A group up to its own end, without recursion. p is behind the start tag. */
static const uint8_t *skip_group(mf_decoder *d, uint32_t tag,
                                 const uint8_t *start, const uint8_t *p,
                                 const uint8_t *end)
{
    uint32_t open[MF_DEPTH_MAX];
    unsigned n = 0;

    if (tag >> 3 == 0)
        return refuse(d, start, "field number 0");
    do {
        if (tag) {
            if (d->depth + n >= MF_DEPTH_MAX)
                return refuse(d, start, "nested too deeply");
            open[n++] = tag + 1;
        }
        if (p >= end)
            return refuse(d, p, "it ends within a group");
        start = p;
        p = mf_decode_tag(d, p, &tag);
        if (!p)
            return NULL;
        if ((tag & 7) == 3 && tag >> 3)
            continue;
        if (tag == open[n - 1])
            n--;
        else if (!(p = skip_value(d, tag, start, p)))
            return NULL;
        tag = 0;
    } while (n > 0);
    return p;
}

static size_t join_room(size_t len)
{
    size_t room = JOIN_MIN;

    while (room < len)
        room *= 2;
    return room;
}

/* Adds bytes of the input to a message's unknown fields. */
static bool keep(mf_decoder *d, mayfly_bytes *unknown, const uint8_t *start,
                 size_t n)
{
    bool in_input;
    uint8_t *joined;

    if (unknown->len == 0) {
        unknown->ptr = start;
        unknown->len = n;
        return true;
    }
    in_input = unknown->ptr >= d->begin && unknown->ptr < d->end;
    if (in_input && unknown->ptr + unknown->len == start) {
        unknown->len += n;
        return true;
    }
    joined = (uint8_t *)(uintptr_t)unknown->ptr;
    if (in_input || join_room(unknown->len) < unknown->len + n) {
        joined = mf_decode_take(d, join_room(unknown->len + n));
        if (!joined)
            return false;
        memcpy(joined, unknown->ptr, unknown->len);
    }
    memcpy(joined + unknown->len, start, n);
    unknown->ptr = joined;
    unknown->len += n;
    return true;
}

const uint8_t *mf_decode_unknown(mf_decoder *d, const mf_table *t, uint8_t *msg,
                                 uint32_t tag, const uint8_t *start,
                                 const uint8_t *p, const uint8_t *end)
{
    if (p > end)
        return refuse(d, start, "it ends within a tag");
    p = (tag & 7) == 3 ? skip_group(d, tag, start, p, end)
                       : skip_value(d, tag, start, p);
    if (!p)
        return NULL;
    if (p > end)
        return refuse(d, start, "a value past the end");
    if (!(t->flags & MF_TABLE_ENTRY) &&
        !keep(d, (mayfly_bytes *)(void *)(msg + t->unknown), start,
              (size_t)(p - start)))
        return NULL;
    return p;
}

size_t mf_decode_count(const uint8_t *p, const uint8_t *end)
{
    size_t n = 0;

    for (; end - p >= 8; p += 8)
        n += (size_t)__builtin_popcountll(~mf_load64(p) & MF_TOP_BITS);
    for (; p < end; p++)
        n += *p < 0x80;
    return n;
}

bool mf_decode_reserve(mf_decoder *d, mayfly_array *a, size_t size, size_t more)
{
    size_t cap = a->cap;
    void *items;

    if (cap - a->n >= more)
        return true;
    if (more > INT32_MAX - a->n) {
        mf_decode_fail(d, MAYFLY_ELIMIT, d->end, "too many elements");
        return false;
    }
    cap = cap * 2 > a->n + more ? cap * 2 : a->n + more;
    items = mf_arena_resize(d->arena, a->cap ? a->items : NULL, a->cap * size,
                            cap * size);
    if (!items) {
        mf_decode_fail(d, d->arena->code, d->end, "its memory");
        return false;
    }
    a->items = items;
    a->cap = cap;
    return true;
}
