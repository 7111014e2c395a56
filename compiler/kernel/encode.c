/*
 * compiler/kernel/encode.c: the writer, and what writes lengths.
 *
 * A generated encode function writes forward into the writer's block, which
 * grows in the call's arena. A sub-message's length is not known before it is
 * written, so one byte is left for it; only when it turns out to be 128 or more
 * is the sub-message moved up. A pass that computes all sizes first was slower
 * on every message measured.
 *
 * What stays true: p lies in [begin + head, end]; begin is NULL only before the
 * first block; a block is at most 2^31 - 1 bytes; once `code` is set no kernel
 * returns anything but NULL.
 *
 * Threads: one per writer.
 */
#include "compiler/kernel/encoder.h"

#include "base/arena.h"
#include "base/error.h"

enum { FIRST_ROOM = 256 };

uint8_t *mf_writer_fail(mf_writer *w, int code)
{
    if (w->code == 0)
        w->code = code;
    return NULL;
}

void mf_writer_init(mf_writer *w, mayfly_arena *arena, size_t head)
{
    memset(w, 0, sizeof(*w));
    w->arena = arena;
    w->head = head;
}

/* The first block: what is left of the arena's chunk if that is worth while;
 * what the message does not need goes back (finish). */
static uint8_t *start(mf_writer *w)
{
    mayfly_arena *arena = w->arena;
    size_t left = arena->at ? (size_t)(arena->end - arena->at) : 0;
    size_t size = w->head + FIRST_ROOM;

    if (left > size)
        size = left < INT32_MAX ? left & ~(size_t)15 : INT32_MAX / 16 * 16;
    w->begin = mf_arena_raw(arena, size);
    if (!w->begin)
        return mf_writer_fail(w, arena->code);
    w->end = w->begin + size;
    return w->begin + w->head;
}

uint8_t *mf_put_room(mf_writer *w, uint8_t *p, size_t n)
{
    mayfly_arena *arena = w->arena;
    size_t used, size, need;
    uint8_t *moved;

    if (!p || w->code)
        return NULL;
    used = (size_t)(p - w->begin);
    size = (size_t)(w->end - w->begin);
    if (size - used >= n)
        return p;
    need = used + n;
    if (n > INT32_MAX || need > INT32_MAX)
        return mf_writer_fail(w, MAYFLY_ELIMIT);
    need = need > size * 2 ? need : size * 2;
    need = need < INT32_MAX ? (need + 15) & ~(size_t)15 : INT32_MAX;
    moved = mf_arena_resize(arena, w->begin, size, need);
    if (!moved)
        return mf_writer_fail(w, arena->code);
    w->begin = moved;
    w->end = moved + need;
    return moved + used;
}

/* Runs a message's function and gives back what the block does not need. */
static int write_all(mf_writer *w, mf_encode_fn encode, const void *message)
{
    uint8_t *p = start(w);
    size_t used;

    if (p)
        p = encode(w, p, message);
    if (!p) {
        mf_writer_fail(w, MAYFLY_EINTERNAL);
        return w->code;
    }
    used = (size_t)(p - w->begin);
    mf_arena_resize(w->arena, w->begin, (size_t)(w->end - w->begin),
                    used ? used : 1);
    w->end = w->stop = p;
    return 0;
}

int mf_writer_take(mf_writer *w, mayfly_bytes *ret, mayfly_error *err)
{
    if (w->code == MAYFLY_EENCODE)
        return mf_error_set(err, w->code,
                            "message cannot be encoded: a string that is not "
                            "UTF-8");
    if (w->code == MAYFLY_ELIMIT && w->depth >= MF_DEPTH_MAX)
        return mf_error_set(err, w->code,
                            "limit exceeded: message nested more than %d deep",
                            MF_DEPTH_MAX);
    if (w->code == MAYFLY_ELIMIT)
        return mf_error_set(err, w->code,
                            "limit exceeded: the size of a message");
    if (w->code == MAYFLY_ENOMEM)
        return mf_error_nomem(err, "a message to send");
    if (w->code || !w->stop)
        return mf_error_set(err, MAYFLY_EINTERNAL, "no message was written");
    ret->ptr = w->begin;
    ret->len = (size_t)(w->stop - w->begin);
    return 0;
}

int mf_encode(mf_encode_fn encode, const void *message, size_t head,
              mayfly_arena *arena, mayfly_bytes *ret, mayfly_error *err)
{
    mf_writer w;

    mf_writer_init(&w, arena, head);
    write_all(&w, encode, message);
    return mf_writer_take(&w, ret, err);
}

int mf_stub_encode(mf_stub_io *io, mf_encode_fn encode, const void *message)
{
    mayfly_bytes bytes;

    if (write_all(io->writer, encode, message) == 0)
        return 0;
    return mf_writer_take(io->writer, &bytes, io->error);
}

/* Puts the length of what lies behind the byte at offset `at` there. */
static uint8_t *close_length(mf_writer *w, size_t at, uint8_t *p)
{
    size_t n = (size_t)(p - w->begin) - at - 1;
    uint8_t length[16];
    unsigned extra;

    if (MF_LIKELY(n < 0x80)) {
        w->begin[at] = (uint8_t)n;
        return p;
    }
    extra = mf_varint_size(n) - 1;
    p = MF_ROOM(w, p, extra + MF_SLACK);
    if (!p)
        return NULL;
    memmove(w->begin + at + 1 + extra, w->begin + at + 1, n);
    mf_write_varint(length, n, false);
    memcpy(w->begin + at, length, 1 + extra);
    return p + extra;
}

/* One message behind its tag. */
static uint8_t *write_message(mf_writer *w, uint8_t *p, uint64_t tag,
                              mf_encode_fn encode, const void *message)
{
    size_t at;

    p = MF_ROOM(w, p, MF_SCALAR_ROOM + MF_SLACK);
    if (MF_UNLIKELY(!p))
        return NULL;
    p = mf_write_tag(p, tag);
    at = (size_t)(p - w->begin);
    p = encode(w, p + 1, message);
    return MF_LIKELY(p) ? close_length(w, at, p) : NULL;
}

static uint8_t *nothing(mf_writer *w, uint8_t *p, const void *message)
{
    (void)w;
    (void)message;
    return p;
}

uint8_t *mf_put_message(mf_writer *w, uint8_t *p, uint64_t tag,
                        mf_encode_fn encode, const void *message)
{
    if (MF_UNLIKELY(w->depth >= MF_DEPTH_MAX))
        return mf_writer_fail(w, MAYFLY_ELIMIT);
    w->depth++;
    p = write_message(w, p, tag, message ? encode : nothing, message);
    if (MF_LIKELY(p))
        w->depth--;
    return p;
}

uint8_t *mf_put_messages(mf_writer *w, uint8_t *p, uint64_t tag,
                         mf_encode_fn encode, const void *array,
                         size_t element_size)
{
    const mayfly_array *a = array;
    const uint8_t *item = a->items;

    if (a->n == 0)
        return p;
    if (MF_UNLIKELY(w->depth >= MF_DEPTH_MAX))
        return mf_writer_fail(w, MAYFLY_ELIMIT);
    w->depth++;
    for (size_t i = 0; i < a->n; i++, item += element_size) {
        p = write_message(w, p, tag, encode, item);
        if (MF_UNLIKELY(!p))
            return NULL;
    }
    w->depth--;
    return p;
}
