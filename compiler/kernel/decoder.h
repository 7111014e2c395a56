/*
 * compiler/kernel/decoder.h: the state of one decode, and its slow paths.
 *
 * The loop (decode_loop.h, built once per enum mf_variant) handles what is
 * common; everything here is out of line: the last bytes of the input, long
 * varints, unknown fields, growing arrays, maps. The bytewise functions are
 * also the definition of what is accepted: the tests compare the loop with
 * them.
 */
#ifndef MF_KERNEL_DECODER_H
#define MF_KERNEL_DECODER_H

#include "base/arena.h"
#include "compiler/kernel/tables.h"
#include "compiler/kernel/varint.h"

#include <mayfly/error.h>
#include <mayfly/types.h>

#include <stdbool.h>

typedef struct mf_decoder {
    const uint8_t *begin; /* the whole input */
    const uint8_t *end;
    const uint8_t *last8; /* the last place to load 8 bytes from; NULL: none */
    const uint8_t *tables;
    mayfly_arena *arena;
    unsigned depth; /* messages and groups that are open, without the first */
    int code;       /* 0 or the failure */
    const uint8_t *where; /* of it, in the input */
    const char *what;     /* static */
} mf_decoder;

/* Decodes fields into `msg` until `end`. NULL: failed. */
typedef const uint8_t *(*mf_decode_fn)(mf_decoder *d, const mf_table *t,
                                       uint8_t *msg, const uint8_t *p,
                                       const uint8_t *end);

const uint8_t *mf_decode_plain(mf_decoder *d, const mf_table *t, uint8_t *msg,
                               const uint8_t *p, const uint8_t *end);
#if defined(__x86_64__)
const uint8_t *mf_decode_pext(mf_decoder *d, const mf_table *t, uint8_t *msg,
                              const uint8_t *p, const uint8_t *end);
#endif

/* Notes the failure, the first one only, and returns NULL. */
const uint8_t *mf_decode_fail(mf_decoder *d, int code, const uint8_t *where,
                              const char *what);

/* Up to 8 bytes from p, zeros behind the input's end. */
uint64_t mf_decode_tail8(const mf_decoder *d, const uint8_t *p);

/* Bytewise; none reads past d->end. NULL: failed. */
const uint8_t *mf_decode_varint(mf_decoder *d, const uint8_t *p, uint64_t *ret);
const uint8_t *mf_decode_tag(mf_decoder *d, const uint8_t *p, uint32_t *ret);
const uint8_t *mf_decode_size(mf_decoder *d, const uint8_t *p, size_t *ret);

/* A field that the tables do not have: skips it, and keeps its bytes from
 * `start` (its tag) on. p is behind the tag. */
const uint8_t *mf_decode_unknown(mf_decoder *d, const mf_table *t, uint8_t *msg,
                                 uint32_t tag, const uint8_t *start,
                                 const uint8_t *p, const uint8_t *end);

/* Counts the varints in [p, end). */
size_t mf_decode_count(const uint8_t *p, const uint8_t *end);

/* Makes room in the array for `more` elements of `size` bytes. */
bool mf_decode_reserve(mf_decoder *d, mayfly_array *a, size_t size,
                       size_t more);

/* When a message that nothing can be merged into any more is complete: drops
 * map entries whose key comes again, gives entries their default value. */
bool mf_decode_finish(mf_decoder *d, const mf_table *t, uint8_t *msg);

/* Memory of the arena; not zeroed. NULL: failed. */
MF_INLINE void *mf_decode_take(mf_decoder *d, size_t size)
{
    void *p = mf_arena_raw(d->arena, size);

    if (MF_UNLIKELY(!p))
        mf_decode_fail(d, d->arena->code, d->end, "its memory");
    return p;
}

#endif
