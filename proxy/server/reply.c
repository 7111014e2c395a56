/*
 * What a handler does with its call: status, reply, later.
 *
 * What stays true: a call is answered once. `completed` is set by whoever comes
 * first, the handler or who completes the call that it has deferred; from then
 * on the call is the transport's, with the reference that it brings. Within an
 * interceptor's hook nothing of this is allowed but the status, for the answer
 * that passes there is the handler's.
 *
 * Threads: the handler's, or for a deferred call any one.
 */
#include "proxy/call/intercept.h"
#include "proxy/server/server.h"

#include "base/error.h"

const char *mayfly_call_peer(const mayfly_call *c)
{
    if (c->is_server)
        return c->conn->conn.peer;
    return mf_client_call_peer(c);
}

const mf_route *mf_call_route(const mayfly_call *c)
{
    return c->route;
}

/* A handler's call, or one that an interceptor has in hand. */
static int may_set_status(const mayfly_call *c)
{
    return c && (c->is_server || mf_intercept_is_inside(c));
}

int mayfly_call_set_status(mayfly_call *c, int status, mayfly_str message,
                           mayfly_error *err)
{
    if (!may_set_status(c) || status < 0 ||
        status > MAYFLY_STATUS_UNAUTHENTICATED)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "%d is no status that can be set here", status);
    char *copy = mf_arena_strndup(&c->arena, message.ptr, message.len);
    if (!copy)
        return mf_error_nomem(err, "a status message");
    c->status = status;
    c->text = (mayfly_str){copy, message.len};
    return 0;
}

int mayfly_call_fail(mayfly_call *c, int status, const char *message)
{
    if (status <= 0 || status > MAYFLY_STATUS_UNAUTHENTICATED)
        status = MAYFLY_STATUS_UNKNOWN;
    if (mayfly_call_set_status(c, status, mayfly_str_of(message), NULL) != 0 &&
        may_set_status(c))
        c->status = status; /* without its text */
    return status;
}

int mayfly_call_defer(mayfly_call *c, mayfly_error *err)
{
    if (!c || !c->is_server || c->is_deferred || c->is_answered ||
        mf_intercept_is_inside(c))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the call is deferred or answered already");
    c->is_deferred = 1;
    mf_call_ref(c); /* for whoever completes it */
    return 0;
}

int mf_call_deferred(const mayfly_call *c)
{
    return c->is_deferred;
}

/* A deferred call has its answer. */
static int complete(mayfly_call *c, mayfly_error *err)
{
    int gone = mayfly_call_cancelled(c);
    mf_server_call_conclude(c);
    return gone ? mf_error_set(err, MAYFLY_ECANCELLED,
                               "nobody waits for the answer any more")
                : 0;
}

int mf_call_reply_framed(mayfly_call *c, mayfly_bytes message,
                         mayfly_error *err)
{
    if (!c || !c->is_server || message.len < MF_MESSAGE_HEAD ||
        mf_intercept_is_inside(c))
        return mf_error_set(err, MAYFLY_EINVAL, "nothing to reply with");
    if (c->is_answered || atomic_exchange(&c->completed, 1))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the call was answered already");
    mf_call_seal(message);
    c->is_answered = 1;
    c->status = MAYFLY_STATUS_OK;
    c->message = message;
    if (c->is_deferred)
        return complete(c, err);
    return mayfly_call_cancelled(c)
               ? mf_error_set(err, MAYFLY_ECANCELLED,
                              "nobody waits for the answer any more")
               : 0;
}

int mayfly_call_reply(mayfly_call *c, mayfly_bytes message, mayfly_error *err)
{
    mayfly_bytes framed;
    if (!c || !c->is_server || c->is_answered || atomic_load(&c->completed))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the call was answered already");
    int rc = mf_call_frame(c, message, &framed, err);
    return rc ? rc : mf_call_reply_framed(c, framed, err);
}

int mayfly_call_finish(mayfly_call *c, int status, mayfly_str message,
                       mayfly_error *err)
{
    if (!c || !c->is_server || !c->is_deferred || mf_intercept_is_inside(c))
        return mf_error_set(err, MAYFLY_EINVAL, "the call is not deferred");
    if (atomic_exchange(&c->completed, 1))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the call was completed already");
    if (mayfly_call_set_status(c, status, message, NULL) != 0) {
        c->status = status >= 0 && status <= MAYFLY_STATUS_UNAUTHENTICATED
                        ? status
                        : MAYFLY_STATUS_UNKNOWN;
    }
    if (c->status == MAYFLY_STATUS_OK) { /* a unary call ends so with a reply */
        c->status = MAYFLY_STATUS_INTERNAL;
        c->text = mayfly_str_of("the handler gave no reply");
    }
    c->message.ptr = NULL;
    complete(c, NULL);
    return 0;
}
