/*
 * proxy/typed/message.c: messages as bytes, structs and JSON, through a
 * context's unit.
 *
 * Every function takes a lease, does its work in the unit's code, and drops the
 * lease. What it hands out (structs, bytes, text) lies in the caller's arena
 * and in the caller's own bytes, never in the unit, so it outlives the context.
 *
 * Threads: any; the arena is the caller's.
 */
#include "proxy/typed/message.h"
#include "proxy/typed/bind.h"

#include "base/error.h"

static int codec_decode(void *state, uint32_t message, mayfly_bytes wire,
                        mayfly_arena *arena, void **ret, mayfly_error *err)
{
    const mf_unit *unit = state;
    return mf_decode(unit->tables, message, wire.ptr, wire.len, arena, ret,
                     err);
}

static int codec_encode(void *state, uint32_t message, const void *m,
                        mayfly_arena *arena, mayfly_bytes *ret,
                        mayfly_error *err)
{
    const mf_unit *unit = state;
    return mf_encode(unit->entry->encode[message], m, 0, arena, ret, err);
}

mf_json_codec mf_message_codec(const mf_unit *unit)
{
    return (mf_json_codec){.decode = codec_decode,
                           .encode = codec_encode,
                           .state = (void *)(uintptr_t)unit};
}

int mf_message_from_json(const mf_unit *unit, uint32_t message, mayfly_str json,
                         size_t head, mayfly_arena *arena,
                         mayfly_bytes *ret_wire, mayfly_error *err)
{
    mf_json_codec codec = mf_message_codec(unit);
    void *m;
    int code =
        mf_json_parse(unit->plan, message, json, 0, &codec, arena, &m, err);
    if (code != 0)
        return code;
    return mf_encode(unit->entry->encode[message], m, head, arena, ret_wire,
                     err);
}

int mf_message_to_json(const mf_unit *unit, uint32_t message, mayfly_bytes wire,
                       int pretty, mayfly_arena *arena, mayfly_str *ret_json,
                       mayfly_error *err)
{
    void *m;
    int code =
        mf_decode(unit->tables, message, wire.ptr, wire.len, arena, &m, err);
    return code ? code
                : mf_message_print(unit, message, m, pretty, arena, ret_json,
                                   err);
}

int mf_message_print(const mf_unit *unit, uint32_t message, const void *m,
                     int pretty, mayfly_arena *arena, mayfly_str *ret_json,
                     mayfly_error *err)
{
    mf_json_codec codec = mf_message_codec(unit);
    mf_buf text;
    mf_buf_init(&text, arena->alloc, 0);
    int code = mf_json_print(unit->plan, message, m,
                             pretty ? MF_JSON_PRETTY : 0, &codec, &text, err);
    if (code == 0) {
        mayfly_str s =
            mayfly_arena_str(arena, (const char *)text.ptr, text.len);
        if (s.ptr || text.len == 0)
            *ret_json = s;
        else
            code = mf_error_nomem(err, "JSON");
    }
    mf_buf_done(&text);
    return code;
}

static int check(const mayfly_context *context, const mayfly_arena *arena,
                 const void *ret, mayfly_error *err)
{
    if (!context || !arena || !ret)
        return mf_error_set(
            err, MAYFLY_EINVAL,
            "no context, no arena or nowhere to put the result");
    return 0;
}

/* Takes a lease and finds the code for message number `index` of a layout. On
 * failure no lease is held. */
static int lease_bound(mayfly_context *context, const mayfly_layout *layout,
                       uint32_t index, const mf_bound **ret, mayfly_error *err)
{
    int code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    code = mf_bind_message(context, layout, index, ret, err);
    if (code != 0)
        mf_lease_drop(context);
    return code;
}

/* The same for a message by its name, in the context's own unit. */
static int lease_named(mayfly_context *context, const char *type,
                       const mf_unit **ret_unit, uint32_t *ret_message,
                       mayfly_error *err)
{
    int code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    const mf_unit *unit = mf_context_unit(context);
    const mf_plan_message *m = type ? mf_plan_find(unit->plan, type) : NULL;
    if (!m) {
        mf_lease_drop(context);
        return mf_error_set(err, MAYFLY_ENOTFOUND, "no message \"%s\"",
                            type ? type : "");
    }
    *ret_unit = unit;
    *ret_message = m->index;
    return 0;
}

int mayfly_encode(mayfly_context *context, const mayfly_layout *layout,
                  uint32_t index, const void *message, mayfly_arena *arena,
                  mayfly_bytes *ret_wire, mayfly_error *err)
{
    const mf_bound *b;
    int code = check(context, arena, ret_wire, err);
    if (code == 0 && !message)
        code = mf_error_set(err, MAYFLY_EINVAL, "no message");
    if (code == 0)
        code = lease_bound(context, layout, index, &b, err);
    if (code != 0)
        return code;
    if (b->unit->strict)
        code = mf_check_presence(b->unit->plan, b->message, message, err);
    if (code == 0)
        code = mf_encode(b->unit->entry->encode[b->message], message, 0, arena,
                         ret_wire, err);
    mf_lease_drop(context);
    return code;
}

int mayfly_decode(mayfly_context *context, const mayfly_layout *layout,
                  uint32_t index, mayfly_bytes wire, mayfly_arena *arena,
                  void **ret_message, mayfly_error *err)
{
    const mf_bound *b;
    int code = check(context, arena, ret_message, err);
    if (code == 0)
        code = lease_bound(context, layout, index, &b, err);
    if (code != 0)
        return code;
    code = mf_decode(b->unit->tables, b->message, wire.ptr, wire.len, arena,
                     ret_message, err);
    mf_lease_drop(context);
    return code;
}

int mayfly_json_encode(mayfly_context *context, const char *type,
                       mayfly_str json, mayfly_arena *arena,
                       mayfly_bytes *ret_wire, mayfly_error *err)
{
    const mf_unit *unit;
    uint32_t message;
    int code = check(context, arena, ret_wire, err);
    if (code == 0)
        code = lease_named(context, type, &unit, &message, err);
    if (code != 0)
        return code;
    code = mf_message_from_json(unit, message, json, 0, arena, ret_wire, err);
    mf_lease_drop(context);
    return code;
}

int mayfly_json_decode(mayfly_context *context, const char *type,
                       mayfly_bytes wire, int pretty, mayfly_arena *arena,
                       mayfly_str *ret_json, mayfly_error *err)
{
    const mf_unit *unit;
    uint32_t message;
    int code = check(context, arena, ret_json, err);
    if (code == 0)
        code = lease_named(context, type, &unit, &message, err);
    if (code != 0)
        return code;
    code =
        mf_message_to_json(unit, message, wire, pretty, arena, ret_json, err);
    mf_lease_drop(context);
    return code;
}
