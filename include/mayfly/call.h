/*
 * mayfly/call.h: one call, on either side.
 *
 * A call is one request to one method: its deadline, metadata, status, trailers,
 * and an arena that holds all memory of it. A client makes one with
 * mayfly_call_new and frees it when the reply is no longer needed; a handler is
 * handed one. Streams use the same object.
 *
 * Threads: a client's call is used by one thread at a time, but
 * mayfly_call_cancel may be called from any. A handler's call likewise; after
 * mayfly_call_defer it belongs to whoever completes it.
 */
#ifndef MAYFLY_CALL_H
#define MAYFLY_CALL_H

#include <mayfly/arena.h>
#include <mayfly/error.h>
#include <mayfly/host.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_call mayfly_call;

/* https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
enum mayfly_status {
    MAYFLY_STATUS_OK = 0,
    MAYFLY_STATUS_CANCELLED = 1,
    MAYFLY_STATUS_UNKNOWN = 2,
    MAYFLY_STATUS_INVALID_ARGUMENT = 3,
    MAYFLY_STATUS_DEADLINE_EXCEEDED = 4,
    MAYFLY_STATUS_NOT_FOUND = 5,
    MAYFLY_STATUS_ALREADY_EXISTS = 6,
    MAYFLY_STATUS_PERMISSION_DENIED = 7,
    MAYFLY_STATUS_RESOURCE_EXHAUSTED = 8,
    MAYFLY_STATUS_FAILED_PRECONDITION = 9,
    MAYFLY_STATUS_ABORTED = 10,
    MAYFLY_STATUS_OUT_OF_RANGE = 11,
    MAYFLY_STATUS_UNIMPLEMENTED = 12,
    MAYFLY_STATUS_INTERNAL = 13,
    MAYFLY_STATUS_UNAVAILABLE = 14,
    MAYFLY_STATUS_DATA_LOSS = 15,
    MAYFLY_STATUS_UNAUTHENTICATED = 16
};

/* Which of a method's two messages. */
enum mayfly_direction { MAYFLY_REQUEST = 0, MAYFLY_REPLY = 1 };

/* "NOT_FOUND" for 5; "UNKNOWN" for a number that is no status. Static. */
MAYFLY_API const char *mayfly_status_name(int status);

typedef struct mayfly_call_options {
    size_t size;               /* set by MAYFLY_CALL_OPTIONS */
    unsigned timeout_ms;       /* from the start of the call; 0: no deadline */
    size_t message_bytes_max;  /* largest reply accepted; 0: 4 MiB */
    size_t arena_bytes_max;    /* all memory of the call; 0: 64 MiB + 16 times the
                                  largest message */
} mayfly_call_options;

#define MAYFLY_CALL_OPTIONS(...) \
    (&(mayfly_call_options){ .size = sizeof(mayfly_call_options), __VA_ARGS__ })

/* A client's call, for one use. `options` may be NULL. Errors: EINVAL, ENOMEM,
 * EFORKED. */
MAYFLY_API int mayfly_call_new(mayfly_host *host,
                               const mayfly_call_options *options,
                               mayfly_call **ret_call, mayfly_error *err);

/* Gives back all memory of the call, its reply included; cancels it when it is
 * still under way. NULL is allowed. Only for calls made with mayfly_call_new. */
MAYFLY_API void mayfly_call_free(mayfly_call *call);

/* Ends the call with CANCELLED on this side and tells the peer. A call that has
 * ended is left as it is. Any thread. */
MAYFLY_API void mayfly_call_cancel(mayfly_call *call);

/* The memory that lives as long as the call: build requests and replies here. */
MAYFLY_API mayfly_arena *mayfly_call_arena(mayfly_call *call);

/* --- what travels beside the message ------------------------------------- */

/* One metadata entry. Keys are lower case; a key that ends in "-bin" carries any
 * bytes (base64 on the wire only), others printable ASCII. */
typedef struct mayfly_metadata {
    mayfly_str key;
    mayfly_str value;
} mayfly_metadata;

/*
 * Adds an entry to what this side sends first: a client's request metadata, a
 * handler's initial metadata. Both strings are copied. Errors: EINVAL (a key or
 * value gRPC does not allow, a reserved "grpc-" key, or sent already), ENOMEM,
 * ELIMIT.
 */
MAYFLY_API int mayfly_call_add_metadata(mayfly_call *call, const char *key,
                                        mayfly_str value, mayfly_error *err);

/* A handler's: adds an entry to the trailers. Errors as above. */
MAYFLY_API int mayfly_call_add_trailer(mayfly_call *call, const char *key,
                                       mayfly_str value, mayfly_error *err);

/* What the peer sent first, in order of arrival: a handler sees the request's
 * metadata, a client the initial metadata of the answer. The array belongs to the
 * call. */
MAYFLY_API const mayfly_metadata *mayfly_call_metadata(const mayfly_call *call,
                                                       size_t *ret_n);

/* A client's: the trailers that came with the status. */
MAYFLY_API const mayfly_metadata *mayfly_call_trailers(const mayfly_call *call,
                                                       size_t *ret_n);

/* The first entry of that key, or an empty string with ptr NULL. Metadata first,
 * then trailers. */
MAYFLY_API mayfly_str mayfly_call_find(const mayfly_call *call,
                                       const char *key);

/* --- the end of a call ---------------------------------------------------- */

/* The status a client's call ended with (OK until then), and its message, decoded,
 * of any length. They belong to the call. At the end of an interceptor also what a
 * server's call is to end with. */
MAYFLY_API int mayfly_call_status(const mayfly_call *call);
MAYFLY_API mayfly_str mayfly_call_message(const mayfly_call *call);

/* A handler's, or an interceptor's on either side: the status to end with. The text
 * is copied; it is UTF-8. Errors: EINVAL (no such status), ENOMEM. Typical use in a handler:
 *     return mayfly_call_fail(call, MAYFLY_STATUS_NOT_FOUND, "no such user"); */
MAYFLY_API int mayfly_call_set_status(mayfly_call *call, int status,
                                      mayfly_str message, mayfly_error *err);

/* The same in one word for a handler's return: sets the status and returns it. */
MAYFLY_API int mayfly_call_fail(mayfly_call *call, int status,
                                const char *message);

/* --- a handler's call ------------------------------------------------------ */

/* "/helloworld.Greeter/SayHello". Zero-terminated. */
MAYFLY_API const char *mayfly_call_path(const mayfly_call *call);

/* "127.0.0.1:53122". Zero-terminated. */
MAYFLY_API const char *mayfly_call_peer(const mayfly_call *call);

/* Milliseconds left until the deadline: negative when it has passed, INT64_MAX
 * when there is none. */
MAYFLY_API int64_t mayfly_call_time_left_ms(const mayfly_call *call);

/* 1 when nobody waits for the answer any more: cancelled, past its deadline, or
 * the peer is gone. Any thread. */
MAYFLY_API int mayfly_call_cancelled(const mayfly_call *call);

/*
 * Keeps the call open after the handler returns. Whoever holds it then completes
 * it, once, from any thread, with the generated `..._reply` function or with
 * mayfly_call_finish. Request and call stay valid until then. Errors: EINVAL
 * (deferred or completed already).
 */
MAYFLY_API int mayfly_call_defer(mayfly_call *call, mayfly_error *err);

/* Completes a deferred call with a status and no message. The call is gone
 * afterwards. Errors: EINVAL (not deferred). */
MAYFLY_API int mayfly_call_finish(mayfly_call *call, int status,
                                  mayfly_str message, mayfly_error *err);

MAYFLY_END

#endif
