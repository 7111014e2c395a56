/*
 * compiler/kernel/decode.c: wire bytes in, a struct out.
 *
 * Sets up a decoder, runs the loop that the tables name, and turns a failure
 * into an error that says where: "byte 17: a length past the end". Everything
 * the message needs comes from the caller's arena; what a failed decode took
 * stays there until the arena goes.
 *
 * Threads: any, with an arena of one's own; tables are only read.
 */
#include "compiler/kernel/codec.h"
#include "compiler/kernel/decoder.h"

#include "base/error.h"

static const uint8_t *run(mf_decoder *d, const mf_tables *tables,
                          const mf_table *t, uint8_t *msg)
{
#if defined(__x86_64__)
    if (tables->variant == MF_VARIANT_PEXT)
        return mf_decode_pext(d, t, msg, d->begin, d->end);
#endif
    (void)tables;
    return mf_decode_plain(d, t, msg, d->begin, d->end);
}

static int report(const mf_decoder *d, mayfly_error *err)
{
    if (d->code == MAYFLY_EDECODE)
        return mf_error_set(err, d->code, "byte %zu: %s",
                            (size_t)(d->where - d->begin), d->what);
    if (d->code == MAYFLY_ELIMIT)
        return mf_error_set(err, d->code,
                            "limit exceeded: a message of %zu bytes: %s",
                            (size_t)(d->end - d->begin), d->what);
    return mf_error_nomem(err, "a message");
}

int mf_decode(const void *tables, uint32_t message, const uint8_t *in,
              size_t len, mayfly_arena *arena, void **ret_message,
              mayfly_error *err)
{
    static const uint8_t nothing[1];
    const mf_tables *head = tables;
    const mf_table *t;
    mf_decoder d = {0};
    uint8_t *msg;

    if (head->magic != MF_TABLES_MAGIC || message >= head->n_messages)
        return mf_error_set(err, MAYFLY_EINVAL, "no such message in the unit");
    if (len > INT32_MAX)
        return mf_error_set(err, MAYFLY_ELIMIT,
                            "limit exceeded: a message of %zu bytes", len);
    d.begin = len ? in : nothing;
    d.end = d.begin + len;
    d.last8 = len >= 8 ? d.end - 8 : NULL;
    d.tables = tables;
    d.arena = arena;
    t = (const mf_table *)(const void *)(d.tables + head->offsets[message]);
    msg = mf_decode_take(&d, t->size);
    if (!msg)
        return report(&d, err);
    memset(msg, 0, t->size);
    if (!run(&d, head, t, msg) ||
        (t->flags & MF_TABLE_FINISH && !mf_decode_finish(&d, t, msg)))
        return report(&d, err);
    *ret_message = msg;
    return 0;
}

int mf_stub_decode(mf_stub_io *io, uint32_t message, void **ret_message)
{
    return mf_decode(io->tables, message, io->in, io->in_len, io->arena,
                     ret_message, io->error);
}

int mf_stub_new(mf_stub_io *io, size_t size)
{
    mayfly_arena *arena = io->arena;
    void *reply = mf_arena_alloc(arena, size);

    if (!reply)
        return mf_error_set(io->error, arena->code, "no memory for a reply");
    io->reply = reply;
    return 0;
}
