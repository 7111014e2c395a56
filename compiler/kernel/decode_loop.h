/*
 * compiler/kernel/decode_loop.h: the decode loop; included once per variant.
 *
 * The including file defines DECODE, the function's name, and SQUEEZE, how a
 * varint's bits are pushed together. Not a header in the usual sense: it
 * defines the function.
 *
 * One load of eight bytes usually holds a field's tag and all or the start of
 * its value. The tag finds its entry (tables.h), the entry's kind is jumped on.
 * What does not fit this shape goes to decode_slow.c: nothing here is needed
 * for correctness but the checks that each pointer stays inside `end`.
 *
 * Pointers may pass `end` by the few bytes of a tag or a varint before they are
 * compared with it; bytes behind the input are never read (LOAD).
 */

/* Six bytes: what is left of a load behind a tag of two bytes. */
#define SIX_TOP_BITS 0x0000808080808080u

/* Eight bytes from p, zeros behind the input's end. */
#define LOAD(p)                                                                \
    (MF_LIKELY((p) <= d->last8) ? mf_load64(p) : mf_decode_tail8(d, p))

/* The varint at p, whose first bytes are `w`. NULL: failed. */
MF_INLINE const uint8_t *varint(mf_decoder *d, const uint8_t *p, uint64_t w,
                                uint64_t *ret)
{
    uint64_t stops = ~w & SIX_TOP_BITS;

    if (MF_UNLIKELY(!stops))
        return mf_decode_varint(d, p, ret);
    *ret = SQUEEZE(w & (stops ^ (stops - 1)));
    return p + ((unsigned)__builtin_ctzll(stops) >> 3) + 1;
}

/* The length at p, checked against `end`. NULL: failed. */
MF_INLINE const uint8_t *length(mf_decoder *d, const uint8_t *p,
                                const uint8_t *end, uint64_t w, size_t *ret)
{
    const uint8_t *start = p;

    if (MF_LIKELY(!(w & 0x80))) {
        *ret = w & 0x7f;
        p++;
    } else if (!(w & 0x8000)) {
        *ret = (w & 0x7f) | (w >> 1 & 0x3f80);
        p += 2;
    } else if (!(p = mf_decode_size(d, p, ret))) {
        return NULL;
    }
    if (MF_UNLIKELY((ptrdiff_t)*ret > end - p))
        return mf_decode_fail(d, MAYFLY_EDECODE, start,
                              "a length past the end");
    return p;
}

MF_INLINE const uint8_t *past_end(mf_decoder *d, const uint8_t *where)
{
    return mf_decode_fail(d, MAYFLY_EDECODE, where, "a value past the end");
}

MF_INLINE uint32_t zigzag32(uint64_t v, unsigned zigzag)
{
    uint32_t x = (uint32_t)v;

    return (x >> zigzag) ^ (0u - (x & zigzag));
}

MF_INLINE uint64_t zigzag64(uint64_t x, unsigned zigzag)
{
    return (x >> zigzag) ^ (0u - (x & (uint64_t)zigzag));
}

MF_INLINE void store_varint(void *at, uint64_t v, uint32_t size,
                            unsigned zigzag)
{
    if (size == 4)
        mf_store32(at, zigzag32(v, zigzag));
    else if (size == 8)
        mf_store64(at, zigzag64(v, zigzag));
    else
        *(uint8_t *)at = v != 0;
}

MF_INLINE bool check_text(mf_decoder *d, const mf_entry *e, const uint8_t *p,
                          size_t n)
{
    if (!(e->flags & MF_ENTRY_UTF8) || MF_LIKELY(mf_utf8_valid(p, n)))
        return true;
    mf_decode_fail(d, MAYFLY_EDECODE, p, "a string that is not UTF-8");
    return false;
}

/* A place for one more element; NULL: failed. */
MF_INLINE void *next_item(mf_decoder *d, mayfly_array *a, uint32_t size)
{
    if (MF_UNLIKELY(a->n == a->cap)) {
        size_t more = a->n ? a->n : size < 16 ? 8 : size <= 256 ? 4 : 1;

        if (!mf_decode_reserve(d, a, size, more))
            return NULL;
    }
    return (uint8_t *)a->items + a->n * size;
}

/* A varint of a run, whose first bytes must be loaded. */
MF_INLINE const uint8_t *next_varint(mf_decoder *d, const uint8_t *p,
                                     uint64_t *ret)
{
    return varint(d, p, LOAD(p), ret);
}

/* Elements of [p, end), which is all of a packed field. */
MF_INLINE const uint8_t *packed_varints(mf_decoder *d, const mf_entry *e,
                                        mayfly_array *a, const uint8_t *p,
                                        const uint8_t *end, uint32_t size)
{
    unsigned zigzag = e->flags & MF_ENTRY_ZIGZAG;
    uint8_t *out;

    if (p == end)
        return p;
    if (end[-1] & 0x80)
        return mf_decode_fail(d, MAYFLY_EDECODE, end - 1,
                              "a packed field that ends within a varint");
    if (!mf_decode_reserve(d, a, size, mf_decode_count(p, end)))
        return NULL;
    out = (uint8_t *)a->items + a->n * size;
    while (p < end) {
        uint64_t w = LOAD(p), v;

        if (!(w & MF_TOP_BITS) && end - p >= 8) {
            for (unsigned i = 0; i < 8; i++, out += size)
                store_varint(out, w >> i * 8 & 0x7f, size, zigzag);
            p += 8;
            continue;
        }
        p = varint(d, p, w, &v);
        if (!p)
            return NULL;
        store_varint(out, v, size, zigzag);
        out += size;
    }
    a->n = (size_t)(out - (uint8_t *)a->items) / size;
    return p;
}

MF_INLINE const uint8_t *packed_fixed(mf_decoder *d, mayfly_array *a,
                                      const uint8_t *p, const uint8_t *end,
                                      uint32_t size)
{
    size_t bytes = (size_t)(end - p);

    if (bytes % size)
        return mf_decode_fail(d, MAYFLY_EDECODE, p,
                              "a packed field that ends within a value");
    if (bytes == 0)
        return p;
    if (!mf_decode_reserve(d, a, size, bytes / size))
        return NULL;
    memcpy((uint8_t *)a->items + a->n * size, p, bytes);
    a->n += bytes / size;
    return end;
}

static const uint8_t *packed(mf_decoder *d, const mf_entry *e, unsigned kind,
                             mayfly_array *a, const uint8_t *p,
                             const uint8_t *end)
{
    switch (kind) {
    case MF_KIND_PACK_VAR32:
        return packed_varints(d, e, a, p, end, 4);
    case MF_KIND_PACK_VAR64:
        return packed_varints(d, e, a, p, end, 8);
    case MF_KIND_PACK_BOOL:
        return packed_varints(d, e, a, p, end, 1);
    case MF_KIND_PACK_FIX32:
        return packed_fixed(d, a, p, end, 4);
    default:
        return packed_fixed(d, a, p, end, 8);
    }
}

/* Whether the same tag follows at p; then *p is moved behind it. */
MF_INLINE bool same_tag(mf_decoder *d, const mf_entry *e, const uint8_t **p,
                        const uint8_t *end, uint64_t *w)
{
    if (*p >= end)
        return false;
    *w = LOAD(*p);
    if (!e->has || (*w & e->has) != e->presence)
        return false;
    if (e->has == 0xff) {
        *w >>= 8;
        *p += 1;
    } else {
        *w >>= 16;
        *p += 2;
    }
    return true;
}

static const uint8_t *sub_message(mf_decoder *d, const mf_table *t,
                                  uint8_t *msg, const uint8_t *p, size_t n)
{
    if (MF_UNLIKELY(d->depth >= MF_DEPTH_MAX))
        return mf_decode_fail(d, MAYFLY_EDECODE, p, "nested too deeply");
    d->depth++;
    p = DECODE(d, t, msg, p, p + n);
    d->depth--;
    return p;
}

static const uint8_t *singular_message(mf_decoder *d, const mf_entry *e,
                                       uint8_t *at, const uint8_t *p, size_t n)
{
    const mf_table *t = (const void *)(d->tables + e->sub);
    void *sub;

    memcpy(&sub, at, sizeof(sub));
    if (MF_LIKELY(!sub)) {
        sub = mf_decode_take(d, t->size);
        if (MF_UNLIKELY(!sub))
            return NULL;
        memset(sub, 0, t->size);
        memcpy(at, &sub, sizeof(sub));
    }
    return sub_message(d, t, sub, p, n);
}

static const uint8_t *repeated_messages(mf_decoder *d, const mf_entry *e,
                                        mayfly_array *a, const uint8_t *p,
                                        const uint8_t *end, uint64_t w)
{
    const mf_table *t = (const void *)(d->tables + e->sub);
    size_t n;

    do {
        uint8_t *item;

        p = length(d, p, end, w, &n);
        if (MF_UNLIKELY(!p || !(item = next_item(d, a, e->size))))
            return NULL;
        memset(item, 0, e->size);
        a->n++;
        p = sub_message(d, t, item, p, n);
        if (MF_UNLIKELY(!p))
            return NULL;
        if (t->flags & (MF_TABLE_FINISH | MF_TABLE_ENTRY) &&
            !mf_decode_finish(d, t, item))
            return NULL;
    } while (same_tag(d, e, &p, end, &w));
    return p;
}

static const uint8_t *repeated_bytes(mf_decoder *d, const mf_entry *e,
                                     mayfly_array *a, const uint8_t *p,
                                     const uint8_t *end, uint64_t w)
{
    do {
        mayfly_bytes *item;
        size_t n;

        p = length(d, p, end, w, &n);
        if (MF_UNLIKELY(!p || !(item = next_item(d, a, sizeof(*item))) ||
                        !check_text(d, e, p, n)))
            return NULL;
        item->ptr = p;
        item->len = n;
        a->n++;
        p += n;
    } while (same_tag(d, e, &p, end, &w));
    return p;
}

static const uint8_t *repeated_varints(mf_decoder *d, const mf_entry *e,
                                       mayfly_array *a, const uint8_t *p,
                                       const uint8_t *end, uint64_t w)
{
    do {
        void *item = next_item(d, a, e->size);
        uint64_t v;

        if (MF_UNLIKELY(!item || !(p = varint(d, p, w, &v))))
            return NULL;
        store_varint(item, v, e->size, e->flags & MF_ENTRY_ZIGZAG);
        a->n++;
    } while (same_tag(d, e, &p, end, &w));
    return p;
}

static const uint8_t *repeated_fixed(mf_decoder *d, const mf_entry *e,
                                     mayfly_array *a, const uint8_t *p,
                                     const uint8_t *end)
{
    uint64_t w;

    do {
        void *item = next_item(d, a, e->size);

        if (MF_UNLIKELY(!item))
            return NULL;
        if (MF_UNLIKELY((ptrdiff_t)e->size > end - p))
            return past_end(d, p);
        memcpy(item, p, e->size);
        a->n++;
        p += e->size;
    } while (same_tag(d, e, &p, end, &w));
    return p;
}

/* A field of elements, in any form. */
MF_INLINE const uint8_t *repeated(mf_decoder *d, const mf_entry *e,
                                  unsigned kind, mayfly_array *a,
                                  const uint8_t *p, const uint8_t *end,
                                  uint64_t w)
{
    size_t n;

    switch (kind) {
    case MF_KIND_REP_VAR32:
    case MF_KIND_REP_VAR64:
    case MF_KIND_REP_BOOL:
        return repeated_varints(d, e, a, p, end, w);
    case MF_KIND_REP_FIX32:
    case MF_KIND_REP_FIX64:
        return repeated_fixed(d, e, a, p, end);
    case MF_KIND_REP_BYTES:
        return repeated_bytes(d, e, a, p, end, w);
    case MF_KIND_REP_MESSAGE:
        return repeated_messages(d, e, a, p, end, w);
    default:
        p = length(d, p, end, w, &n);
        return MF_LIKELY(p) ? packed(d, e, kind, a, p, p + n) : NULL;
    }
}

/* Marks a field whose presence is no bit of word 0. */
static void set_presence(const mf_entry *e, uint8_t *msg)
{
    if (!(e->flags & MF_ENTRY_ONEOF)) {
        mf_store64(msg + e->presence, mf_load64(msg + e->presence) | e->has);
    } else if (mf_load32(msg + e->presence) != e->has) {
        /* Another member's bytes must not be taken for a message to merge into.
         */
        if (e->base == MF_KIND_MESSAGE)
            mf_store64(msg + e->offset, 0);
        mf_store32(msg + e->presence, (uint32_t)e->has);
    }
}

/* The tag of a repeated scalar's element outside a packed field. */
static uint32_t single_tag(const mf_entry *e)
{
    uint32_t wire_type = e->other == MF_KIND_REP_FIX64   ? 1
                         : e->other == MF_KIND_REP_FIX32 ? 5
                                                         : 0;

    return (e->tag & ~7u) | wire_type;
}

/* Reads the tag at p; `w` becomes the first bytes behind it. NULL: failed. */
MF_INLINE const uint8_t *read_tag(mf_decoder *d, const uint8_t *p,
                                  uint64_t *ret_w, uint32_t *ret_tag)
{
    uint64_t w = LOAD(p);
    uint32_t tag = (uint32_t)w & 0xff;

    if (MF_LIKELY(tag < 0x80)) {
        *ret_w = w >> 8;
        *ret_tag = tag;
        return p + 1;
    }
    if (MF_LIKELY(!(w & 0x8000))) {
        *ret_w = w >> 16;
        *ret_tag = (tag & 0x7f) | ((uint32_t)w >> 1 & 0x3f80);
        return p + 2;
    }
    p = mf_decode_tag(d, p, ret_tag);
    *ret_w = p ? LOAD(p) : 0;
    return p;
}

const uint8_t *DECODE(mf_decoder *d, const mf_table *t, uint8_t *msg,
                      const uint8_t *p, const uint8_t *end)
{
    uint64_t has = 0; /* word 0, stored once */

    while (p < end) {
        const uint8_t *start = p;
        uint64_t w, v, bit;
        uint32_t tag;
        const mf_entry *e;
        unsigned kind;
        uint8_t *at;
        size_t n;

        p = read_tag(d, p, &w, &tag);
        if (MF_UNLIKELY(!p))
            return NULL;
        e = MF_LIKELY(tag >> 3 < t->n_direct) ? &t->entries[tag >> 3]
                                              : mf_table_find(t, tag >> 3);
        if (MF_LIKELY(e && e->tag == tag)) {
            kind = e->kind;
        } else if (e && e->other && tag == single_tag(e)) {
            kind = e->other;
        } else {
            p = mf_decode_unknown(d, t, msg, tag, start, p, end);
            if (!p)
                return NULL;
            continue;
        }
        at = msg + e->offset;
        bit = e->has;
    again:
        switch (kind) {
        case MF_KIND_PRESENCE:
            set_presence(e, msg);
            bit = 0;
            kind = e->base;
            goto again;
        case MF_KIND_VAR32:
            p = varint(d, p, w, &v);
            if (MF_UNLIKELY(!p))
                return NULL;
            mf_store32(at, zigzag32(v, e->flags & MF_ENTRY_ZIGZAG));
            has |= bit;
            break;
        case MF_KIND_VAR64:
            p = varint(d, p, w, &v);
            if (MF_UNLIKELY(!p))
                return NULL;
            mf_store64(at, zigzag64(v, e->flags & MF_ENTRY_ZIGZAG));
            has |= bit;
            break;
        case MF_KIND_BOOL:
            p = varint(d, p, w, &v);
            if (MF_UNLIKELY(!p))
                return NULL;
            *at = v != 0;
            has |= bit;
            break;
        case MF_KIND_FIX32:
            if (MF_UNLIKELY(end - p < 4))
                return past_end(d, p);
            mf_store32(at, mf_load32(p));
            p += 4;
            has |= bit;
            break;
        case MF_KIND_FIX64:
            if (MF_UNLIKELY(end - p < 8))
                return past_end(d, p);
            mf_store64(at, mf_load64(p));
            p += 8;
            has |= bit;
            break;
        case MF_KIND_BYTES:
            p = length(d, p, end, w, &n);
            if (MF_UNLIKELY(!p || !check_text(d, e, p, n)))
                return NULL;
            ((mayfly_bytes *)(void *)at)->ptr = p;
            ((mayfly_bytes *)(void *)at)->len = n;
            p += n;
            has |= bit;
            break;
        case MF_KIND_MESSAGE:
            p = length(d, p, end, w, &n);
            if (MF_UNLIKELY(!p))
                return NULL;
            p = singular_message(d, e, at, p, n);
            break;
        default:
            p = repeated(d, e, kind, (mayfly_array *)(void *)at, p, end, w);
            break;
        }
        if (MF_UNLIKELY(!p || p > end))
            return p ? past_end(d, start) : NULL;
    }
    if (t->flags & MF_TABLE_HAS)
        mf_store64(msg, mf_load64(msg) | has);
    return p;
}
