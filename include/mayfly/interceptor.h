/*
 * mayfly/interceptor.h: seeing calls on their way, and changing them.
 *
 * An interceptor stands between the network and the handlers of a server, or the
 * callers of a channel. It sees every call that goes by, whichever form the
 * messages have on either side of it (typed, JSON, dynamic, raw), at three points:
 *
 *   begin    once, when the call starts: before it is sent, or before its handler
 *   message  for each message: the request on its way in, the reply on its way out
 *   end      once, when its status is known
 *
 *     static int begin(void *state, void *memory, mayfly_call *call)
 *     {
 *         return mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "token",
 *                                     *(mayfly_str *)state, NULL);
 *     }
 *
 *     mayfly_channel_intercept(channel, MAYFLY_INTERCEPTOR(.begin = begin),
 *                              MAYFLY_INTERCEPT_OPTIONS(.state = &token), NULL,
 *                              &err);
 *
 * Order: those that were added first are outermost. Begin and request messages go
 * from the outermost to the innermost, reply messages and end the other way round.
 *
 * Answering in place of the handler or the network: begin or message give a reply
 * (mayfly_intercept_reply) or return a status. Whatever lies further in does not
 * see the call then; the reply goes through the message hooks of those further out,
 * and end is called for every interceptor whose begin was.
 *
 * End is called exactly once for each begin: also where begin itself has ended the
 * call, where a handler answers later, where the call is cancelled, its time passes
 * or its caller has given it up. Where nobody waits any more it is told CANCELLED
 * or DEADLINE_EXCEEDED, when the handler has come to its end.
 *
 * Threads: hooks of one call are called one after the other; those of different
 * calls at the same time. On a server on the thread of the handler, and for a
 * deferred call on the one that completes it; on a channel on the caller's thread,
 * and at the end of a call that was started on a loop thread, where they must not
 * block. The functions below that take a call are for use within a hook of it.
 *
 * A channel or server without interceptors pays one test of a pointer for this.
 * Channels that are shared by their target (channel.h) share their interceptors.
 */
#ifndef MAYFLY_INTERCEPTOR_H
#define MAYFLY_INTERCEPTOR_H

#include <mayfly/cache.h>
#include <mayfly/call.h>
#include <mayfly/channel.h>
#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/server.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

/*
 * The three hooks; each may be NULL. `state` is the interceptor's, `memory` is
 * `memory_bytes` of its own for each call, zeroed, in the call's arena.
 *
 * begin and message return 0 to go on, or a status (see mayfly_call_fail) to end
 * the call with; a negative code ends it with the status that fits.
 *
 * `*message` is the message without gRPC's prefix. To change it, point it to other
 * bytes that live as long as the call, such as in mayfly_call_arena. Only replies
 * of calls that end with OK come by.
 *
 * In end, mayfly_call_status and mayfly_call_message tell how the call ends, and
 * mayfly_call_set_status or mayfly_intercept_reply change it.
 */
typedef struct mayfly_interceptor {
    size_t size; /* set by MAYFLY_INTERCEPTOR */
    size_t memory_bytes;
    int (*begin)(void *state, void *memory, mayfly_call *call);
    int (*message)(void *state, void *memory, mayfly_call *call,
                   enum mayfly_direction direction, mayfly_bytes *message);
    void (*end)(void *state, void *memory, mayfly_call *call);
} mayfly_interceptor;

#define MAYFLY_INTERCEPTOR(...) \
    (&(mayfly_interceptor){ .size = sizeof(mayfly_interceptor), __VA_ARGS__ })

typedef struct mayfly_intercept_options {
    size_t size;       /* set by MAYFLY_INTERCEPT_OPTIONS */
    void *state;       /* for the hooks */
    const char *owner; /* counted under this name; copied; NULL: "interceptor",
                          or the context's name */
    void (*release)(void *state); /* called once, on any thread, when it was taken
                                     off and no call has it any more, or server or
                                     channel are gone; must not block */
    int outermost; /* in front of those that are there; 0: behind them */
    int optional;  /* of a context: calls pass it by when the context is not live;
                      0: they are ended with UNAVAILABLE */
} mayfly_intercept_options;

#define MAYFLY_INTERCEPT_OPTIONS(...) \
    (&(mayfly_intercept_options){     \
        .size = sizeof(mayfly_intercept_options), __VA_ARGS__ })

/*
 * Adds an interceptor for the calls that start from now on. The struct is copied.
 * `options` and `ret_id` may be NULL. On failure `release` is not called. Any
 * thread, also within a hook. Errors: EINVAL, ENOMEM, EFORKED.
 */
MAYFLY_API int mayfly_server_intercept(mayfly_server *server,
                                       const mayfly_interceptor *interceptor,
                                       const mayfly_intercept_options *options,
                                       uint64_t *ret_id, mayfly_error *err);
MAYFLY_API int mayfly_channel_intercept(mayfly_channel *channel,
                                        const mayfly_interceptor *interceptor,
                                        const mayfly_intercept_options *options,
                                        uint64_t *ret_id, mayfly_error *err);

/*
 * The same for an interceptor that a context's C source defines, as a global of
 * that name:
 *
 *     const mayfly_interceptor audit = { .size = sizeof audit, .begin = ... };
 *
 * Each call holds a lease on the context from begin to end. Once the context is
 * closed to leases, calls are refused or pass it by (options.optional). exit and
 * abort in a hook end the call with INTERNAL. Where options have no state the hooks
 * get the one of the source's mayfly_on_load. Errors: as above; ENOTFOUND (no such
 * global), EINVAL (the global is no interceptor or has no hook; context and server or
 * channel are of different hosts), EUNLOADED.
 */
MAYFLY_API int mayfly_server_intercept_by(
    mayfly_server *server, mayfly_context *context, const char *name,
    const mayfly_intercept_options *options, uint64_t *ret_id,
    mayfly_error *err);
MAYFLY_API int mayfly_channel_intercept_by(
    mayfly_channel *channel, mayfly_context *context, const char *name,
    const mayfly_intercept_options *options, uint64_t *ret_id,
    mayfly_error *err);

/*
 * The same for a unit (cache.h): each call takes the version that is current when
 * it begins. A version without the interceptor does not become current, or, where
 * it is optional, is passed by. A version that has to be built is waited for: on a
 * server by a worker; a call that is started on a loop thread cannot wait and ends
 * with INTERNAL (mayfly_unit_set_pinned keeps a unit built). Errors: as above, and
 * those of building.
 */
MAYFLY_API int mayfly_unit_intercept_server(
    mayfly_unit *unit, mayfly_server *server, const char *name,
    const mayfly_intercept_options *options, uint64_t *ret_id,
    mayfly_error *err);
MAYFLY_API int mayfly_unit_intercept_channel(
    mayfly_unit *unit, mayfly_channel *channel, const char *name,
    const mayfly_intercept_options *options, uint64_t *ret_id,
    mayfly_error *err);

/* Takes one off by its number. Calls that have begun with it end with it. Errors:
 * ENOTFOUND (no such number, or taken off before), ENOMEM, EFORKED. */
MAYFLY_API int mayfly_server_unintercept(mayfly_server *server, uint64_t id,
                                         mayfly_error *err);
MAYFLY_API int mayfly_channel_unintercept(mayfly_channel *channel, uint64_t id,
                                          mayfly_error *err);

/* --- within a hook ---------------------------------------------------------- */

enum mayfly_metadata_kind {
    MAYFLY_REQUEST_METADATA = 0,
    MAYFLY_REPLY_METADATA = 1, /* what the server sends first */
    MAYFLY_TRAILERS = 2        /* what it sends with the status */
};

/* The metadata of that kind, as the handler or caller has or will have it; values
 * of "-bin" keys are not encoded. Good until something of the kind is changed.
 * NULL: none, or no memory. */
MAYFLY_API const mayfly_metadata *mayfly_intercept_metadata(
    mayfly_call *call, enum mayfly_metadata_kind kind, size_t *ret_n);

/* Adds an entry; removes all of that key, however many there are. Both strings are
 * copied. Errors: EINVAL (a key or value gRPC does not allow, a reserved "grpc-"
 * key; request metadata that a client has sent already; not within a hook), ENOMEM,
 * ELIMIT. */
MAYFLY_API int mayfly_intercept_add(mayfly_call *call,
                                    enum mayfly_metadata_kind kind,
                                    const char *key, mayfly_str value,
                                    mayfly_error *err);
MAYFLY_API int mayfly_intercept_remove(mayfly_call *call,
                                       enum mayfly_metadata_kind kind,
                                       const char *key, mayfly_error *err);

/* The call ends with OK and this message (copied), whatever it was to end with.
 * Errors: EINVAL (not within a hook), ENOMEM, ELIMIT. */
MAYFLY_API int mayfly_intercept_reply(mayfly_call *call, mayfly_bytes message,
                                      mayfly_error *err);

/* When the call came to its interceptors, and when its end did (0 before), by
 * CLOCK_MONOTONIC in nanoseconds. */
MAYFLY_API void mayfly_intercept_times(const mayfly_call *call,
                                       uint64_t *ret_begun_ns,
                                       uint64_t *ret_ended_ns);

/* 1 on a server's call, 0 on a client's. */
MAYFLY_API int mayfly_intercept_is_server(const mayfly_call *call);

MAYFLY_END

#endif
