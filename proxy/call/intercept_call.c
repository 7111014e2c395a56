/*
 * proxy/call/intercept_call.c: what a hook may do with its call.
 *
 * The two sides keep metadata in different forms: what is to be sent in the
 * form of the wire, where the values of "-bin" keys are base64, and what has
 * come decoded. Hooks see both decoded.
 *
 * What stays true: all of it is refused outside of a hook, where call and arena
 * may be somebody else's.
 *
 * Threads: that of the hook.
 */
#include "proxy/call/intercept.h"

#include "base/error.h"
#include "compiler/json/base64.h"

#include <string.h>

static int check(const mayfly_call *c, mayfly_error *err)
{
    if (!c || !mf_intercept_is_inside(c))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "not within an interceptor's hook");
    return 0;
}

/* --- metadata ----------------------------------------------------------------
 */

typedef struct block {
    mf_meta *list;
    int is_wire; /* what is to be sent */
} block;

static block find_block(mayfly_call *c, enum mayfly_metadata_kind kind)
{
    switch (kind) {
    case MAYFLY_REQUEST_METADATA:
        return c->is_server ? (block){&c->in, 0} : (block){&c->out, 1};
    case MAYFLY_REPLY_METADATA:
        return c->is_server ? (block){&c->out, 1} : (block){&c->in, 0};
    case MAYFLY_TRAILERS:
        return c->is_server ? (block){&c->out_trailers, 1}
                            : (block){&c->in_trailers, 0};
    }
    return (block){NULL, 0};
}

/* The block that a hook wants to change. */
static int block_to_change(mayfly_call *c, enum mayfly_metadata_kind kind,
                           block *ret, mayfly_error *err)
{
    int code = check(c, err);
    if (code != 0)
        return code;
    *ret = find_block(c, kind);
    if (!ret->list)
        return mf_error_set(err, MAYFLY_EINVAL, "no such kind of metadata");
    if (!c->is_server && ret->is_wire &&
        atomic_load(&c->phase) >= MF_CALL_STARTED)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the request's metadata has been sent already");
    return 0;
}

/* A copy of a list with the values of binary keys decoded. NULL: no memory. */
static const mayfly_metadata *decoded(mayfly_call *c, const mf_meta *list)
{
    mayfly_metadata *items = mf_arena_raw(&c->arena, list->n * sizeof *items);
    if (!items)
        return NULL;
    for (size_t i = 0; i < list->n; i++) {
        items[i] = list->items[i];
        if (!mf_key_is_bin(items[i].key))
            continue;
        size_t len = items[i].value.len;
        uint8_t *bytes = mf_arena_raw(&c->arena, len + 1);
        if (!bytes || !mf_base64_decode(items[i].value, bytes, &len))
            return NULL;
        items[i].value = (mayfly_str){(const char *)bytes, len};
    }
    return items;
}

const mayfly_metadata *mayfly_intercept_metadata(mayfly_call *c,
                                                 enum mayfly_metadata_kind kind,
                                                 size_t *ret_n)
{
    *ret_n = 0;
    if (check(c, NULL) != 0)
        return NULL;
    block b = find_block(c, kind);
    if (!b.list || b.list->n == 0)
        return NULL;
    const mayfly_metadata *items =
        b.is_wire ? decoded(c, b.list) : b.list->items;
    if (items)
        *ret_n = b.list->n;
    return items;
}

int mayfly_intercept_add(mayfly_call *c, enum mayfly_metadata_kind kind,
                         const char *key, mayfly_str value, mayfly_error *err)
{
    block b;
    if (!key)
        return mf_error_set(err, MAYFLY_EINVAL, "no key");
    int code = block_to_change(c, kind, &b, err);
    if (code == 0)
        code = mf_meta_check(key, value, kind == MAYFLY_TRAILERS, err);
    if (code != 0)
        return code;
    return b.is_wire ? mf_meta_send(c, b.list, key, value, err)
                     : mf_meta_put(c, b.list, key, value, err);
}

int mayfly_intercept_remove(mayfly_call *c, enum mayfly_metadata_kind kind,
                            const char *key, mayfly_error *err)
{
    block b;
    if (!key)
        return mf_error_set(err, MAYFLY_EINVAL, "no key");
    int code = block_to_change(c, kind, &b, err);
    if (code != 0)
        return code;
    size_t len = strlen(key), n = 0;
    for (size_t i = 0; i < b.list->n; i++) {
        const mayfly_metadata *m = &b.list->items[i];
        if (m->key.len != len || memcmp(m->key.ptr, key, len) != 0)
            b.list->items[n++] = *m;
    }
    b.list->n = n;
    return 0;
}

/* --- message, times ----------------------------------------------------------
 */

int mayfly_intercept_reply(mayfly_call *c, mayfly_bytes message,
                           mayfly_error *err)
{
    int code = check(c, err);
    if (code != 0)
        return code;
    if (message.len > UINT32_MAX)
        return mf_error_set(err, MAYFLY_ELIMIT, "a message of %zu bytes",
                            message.len);
    uint8_t *copy = mf_arena_raw(&c->arena, message.len + 1);
    if (!copy)
        return mf_arena_nomem(&c->arena, "a message", err);
    if (message.len)
        memcpy(copy, message.ptr, message.len);
    c->intercept->reply = (mayfly_bytes){copy, message.len};
    c->intercept->is_answered = 1;
    c->status = MAYFLY_STATUS_OK;
    c->text = (mayfly_str){NULL, 0};
    return 0;
}

void mayfly_intercept_times(const mayfly_call *c, uint64_t *ret_begun_ns,
                            uint64_t *ret_ended_ns)
{
    int is_there = c && c->intercept;
    if (ret_begun_ns)
        *ret_begun_ns = is_there ? c->intercept->begun_ns : 0;
    if (ret_ended_ns)
        *ret_ended_ns = is_there ? c->intercept->ended_ns : 0;
}

int mayfly_intercept_is_server(const mayfly_call *c)
{
    return c && c->is_server;
}
