/*
 * proxy/typed/dynamic_call.c: a unary call whose messages have no header.
 *
 * As a typed call (stubs.c): the call takes a lease, the request is encoded
 * with gRPC's head room in front, the reply is decoded into the call's arena,
 * and the lease is dropped. The reply then takes leases of its own when it is
 * read.
 *
 * Threads: any; mayfly_dynamic_call blocks.
 */
#include "proxy/typed/dynamic.h"

#include "base/error.h"
#include "proxy/call/call.h"
#include "proxy/call/lease.h"

/* What a call that was started needs at its end; in its arena. */
typedef struct pending {
    mayfly_context *context; /* kept by the call's lease */
    uint32_t response;
    mayfly_dynamic_done_fn done;
    void *state;
} pending;

static int check(mayfly_context *context, mayfly_channel *channel,
                 const char *method, mayfly_call *call,
                 const mayfly_dynamic *request, int blocking, mayfly_error *err)
{
    if (!context || !channel || !method || !call || !request)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no context, channel, method, call or request");
    if (mf_channel_host(channel) != mf_context_host(context))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "context and channel are of different hosts");
    return mf_channel_check(channel, call, blocking, err);
}

static int encode(mayfly_context *context, const char *method,
                  mayfly_call *call, const mayfly_dynamic *request,
                  const char **ret_path, uint32_t *ret_response,
                  mayfly_bytes *ret_message, mayfly_error *err)
{
    const mf_unit *unit = mf_context_unit(context);
    const mf_plan_method *m = mf_plan_find_method(unit->plan, method);
    mayfly_arena *arena = mayfly_call_arena(call);
    if (!m)
        return mf_error_set(err, MAYFLY_ENOTFOUND, "no method \"%.200s\"",
                            method);
    if (m->client_streaming || m->server_streaming)
        return mf_error_set(err, MAYFLY_EUNSUPPORTED, "\"%.200s\" streams",
                            method);
    int code = mf_dynamic_check_type(request, context, m->request, err);
    if (code != 0)
        return code;
    *ret_response = m->response;
    *ret_path = mf_arena_strdup(arena, m->path);
    if (!*ret_path)
        return mf_arena_nomem(arena, "a call", err);
    return mf_dynamic_write(request, MF_MESSAGE_HEAD, arena, ret_message, err);
}

/* Takes the lease and encodes. On failure the call holds nothing. */
static int begin(mayfly_context *context, const char *method, mayfly_call *call,
                 const mayfly_dynamic *request, const char **ret_path,
                 uint32_t *ret_response, mayfly_bytes *ret_message,
                 mayfly_error *err)
{
    int code = mf_call_lease(call, context, err);
    if (code != 0)
        return code;
    code = encode(context, method, call, request, ret_path, ret_response,
                  ret_message, err);
    if (code != 0)
        mf_call_release(call);
    return code;
}

int mayfly_dynamic_call(mayfly_context *context, mayfly_channel *channel,
                        const char *method, mayfly_call *call,
                        const mayfly_dynamic *request,
                        mayfly_dynamic **ret_reply, mayfly_error *err)
{
    const char *path;
    uint32_t response;
    mayfly_bytes message, bytes;
    if (!ret_reply)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the reply");
    int code = check(context, channel, method, call, request, 1, err);
    if (code == 0)
        code = begin(context, method, call, request, &path, &response, &message,
                     err);
    if (code != 0)
        return code;
    code = mf_channel_call_framed(channel, path, call, message, &bytes, err);
    if (code == 0)
        code = mf_dynamic_read(context, response, mayfly_call_arena(call),
                               bytes, 0, ret_reply, err);
    mf_call_release(call);
    return code;
}

static void on_done(void *state, mayfly_call *call, int code,
                    mayfly_bytes bytes)
{
    const pending *p = state;
    mayfly_dynamic *reply = NULL;
    if (code == 0)
        code = mf_dynamic_read(p->context, p->response, mayfly_call_arena(call),
                               bytes, 0, &reply, NULL);
    mayfly_dynamic_done_fn done = p->done;
    void *user = p->state;
    mf_call_release(call);
    done(user, call, code, code == 0 ? reply : NULL);
}

int mayfly_dynamic_start(mayfly_context *context, mayfly_channel *channel,
                         const char *method, mayfly_call *call,
                         const mayfly_dynamic *request,
                         mayfly_dynamic_done_fn done, void *state,
                         mayfly_error *err)
{
    const char *path;
    uint32_t response;
    mayfly_bytes message;
    if (!done)
        return mf_error_set(err, MAYFLY_EINVAL, "nobody to call back");
    int code = check(context, channel, method, call, request, 0, err);
    if (code == 0)
        code = begin(context, method, call, request, &path, &response, &message,
                     err);
    if (code != 0)
        return code;
    pending *p = mf_arena_alloc(mayfly_call_arena(call), sizeof *p);
    if (!p) {
        mf_call_release(call);
        return mf_error_nomem(err, "a call");
    }
    *p = (pending){context, response, done, state};
    code =
        mf_channel_start_framed(channel, path, call, message, on_done, p, err);
    if (code != 0)
        mf_call_release(call);
    return code;
}
