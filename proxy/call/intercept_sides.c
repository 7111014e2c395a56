/*
 * proxy/call/intercept_sides.c: a server's and a client's calls, handed to a
 * chain.
 *
 * A server's reply lies in the call framed, to be sent as it is; so does a
 * client's request. Where a hook puts another message in its place, that one is
 * copied behind room for its prefix. What a client has received is bytes
 * without a frame and stays where it is.
 *
 * Threads: that of the call at the time.
 */
#include "proxy/call/intercept.h"

static mayfly_bytes unframed(mayfly_bytes message)
{
    return (mayfly_bytes){message.ptr + MF_MESSAGE_HEAD,
                          message.len - MF_MESSAGE_HEAD};
}

/* Frames a message anew where it is not the one that is framed already. 0 or
 * the status of a failure. */
static int reframe(mayfly_call *c, mayfly_bytes wanted)
{
    mayfly_bytes have =
        c->message.ptr ? unframed(c->message) : (mayfly_bytes){NULL, 0};
    if (wanted.ptr == have.ptr && wanted.len == have.len)
        return 0;
    if (mf_call_frame(c, wanted, &c->message, NULL) == 0)
        return 0;
    c->status = MAYFLY_STATUS_RESOURCE_EXHAUSTED;
    c->text = mayfly_str_of("no memory for an interceptor's message");
    return c->status;
}

/* --- a server's --- */

void mf_intercept_answer(mayfly_call *c)
{
    mayfly_bytes reply = {NULL, 0};
    if (mayfly_call_cancelled(c)) { /* nothing of it will be sent */
        c->status = mayfly_call_time_left_ms(c) < 0
                        ? MAYFLY_STATUS_DEADLINE_EXCEEDED
                        : MAYFLY_STATUS_CANCELLED;
        c->text = (mayfly_str){NULL, 0};
    }
    if (c->status == MAYFLY_STATUS_OK && c->message.ptr)
        reply = unframed(c->message);
    mf_intercept_end(c, &reply);
    if (!reply.ptr || reframe(c, reply) != 0)
        c->message.ptr = NULL;
    else
        mf_call_seal(c->message);
}

/* --- a client's --- */

int mf_intercept_request(mf_chains *s, mayfly_call *c)
{
    mayfly_bytes request = unframed(c->message);
    return mf_intercept_begin(s, c, &request) || reframe(c, request) != 0;
}

void mf_intercept_result(mayfly_call *c)
{
    static const uint8_t nothing[1];
    mayfly_bytes reply = c->reply;
    if (!reply.ptr)
        reply.ptr = nothing;
    mf_intercept_end(c, &reply);
    c->reply = reply;
    c->code = c->status == MAYFLY_STATUS_OK ? 0 : MAYFLY_ESTATUS;
}
