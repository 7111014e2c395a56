/*
 * proxy/typed/calljson.c: a unary call without a header.
 *
 * JSON becomes the native struct of the request, the struct becomes wire bytes
 * with gRPC's head room in front, and the same backwards for the reply. The
 * call holds its lease throughout.
 *
 * Threads: any but loop threads: it blocks.
 */
#include "proxy/call/call.h"
#include "proxy/call/lease.h"
#include "proxy/typed/message.h"

#include "base/error.h"

static int call_leased(const mf_unit *unit, mayfly_channel *channel,
                       const char *method, mayfly_call *call,
                       mayfly_str request, mayfly_str *ret_reply,
                       mayfly_error *err)
{
    const mf_plan_method *m = mf_plan_find_method(unit->plan, method);
    if (!m)
        return mf_error_set(err, MAYFLY_ENOTFOUND, "no method \"%.200s\"",
                            method);
    if (m->client_streaming || m->server_streaming)
        return mf_error_set(err, MAYFLY_EUNSUPPORTED, "\"%s\" streams", method);
    mayfly_arena *arena = mayfly_call_arena(call);
    const char *path = mf_arena_strdup(arena, m->path);
    if (!path)
        return mf_error_nomem(err, "a call");

    mayfly_bytes message, reply;
    int code = mf_message_from_json(unit, m->request, request, MF_MESSAGE_HEAD,
                                    arena, &message, err);
    if (code == 0)
        code =
            mf_channel_call_framed(channel, path, call, message, &reply, err);
    if (code == 0)
        code = mf_message_to_json(unit, m->response, reply, 0, arena, ret_reply,
                                  err);
    return code;
}

static int check(const void *of, const void *of_host, mayfly_channel *channel,
                 const char *method, mayfly_call *call, mayfly_error *err)
{
    if (!of || !channel || !method || !call)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no context, channel, method or call");
    if (mf_channel_host(channel) != of_host)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "context and channel are of different hosts");
    return mf_channel_check(channel, call, 1, err);
}

int mayfly_call_json(mayfly_context *context, mayfly_channel *channel,
                     const char *method, mayfly_call *call, mayfly_str request,
                     mayfly_str *ret_reply, mayfly_error *err)
{
    if (!ret_reply)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the reply");
    int code = check(context, context ? mf_context_host(context) : NULL,
                     channel, method, call, err);
    if (code == 0)
        code = mf_call_lease(call, context, err);
    if (code != 0)
        return code;
    code = call_leased(mf_context_unit(context), channel, method, call, request,
                       ret_reply, err);
    mf_call_release(call);
    return code;
}

int mayfly_unit_call_json(mayfly_unit *unit, mayfly_channel *channel,
                          const char *method, mayfly_call *call,
                          mayfly_str request, mayfly_str *ret_reply,
                          mayfly_error *err)
{
    mayfly_context *context;
    if (!ret_reply)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the reply");
    int code = check(unit, unit ? mf_unit_host(unit) : NULL, channel, method,
                     call, err);
    if (code == 0)
        code = mf_call_lease_unit(call, unit, &context, err);
    if (code != 0)
        return code;
    code = call_leased(mf_context_unit(context), channel, method, call, request,
                       ret_reply, err);
    mf_call_release(call);
    return code;
}
