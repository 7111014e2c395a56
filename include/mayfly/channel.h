/*
 * mayfly/channel.h: the client's side.
 *
 * A channel is one target and the connection to it, made when it is first needed
 * and again after it breaks. Many calls share it. A proxy is a service of a
 * context bound to a channel; generated headers wrap it with the service's own
 * functions.
 *
 *     mayfly_channel *ch;
 *     mayfly_dial(host, "127.0.0.1:50051", NULL, &ch, &err);
 *     helloworld_Greeter *g;
 *     helloworld_Greeter_new(ctx, ch, &g, &err);
 *
 * Threads: any. A function that blocks answers MAYFLY_EONLOOP on a loop thread.
 */
#ifndef MAYFLY_CHANNEL_H
#define MAYFLY_CHANNEL_H

#include <mayfly/call.h>
#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/host.h>
#include <mayfly/layout.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_channel mayfly_channel;
typedef struct mayfly_proxy mayfly_proxy;

typedef struct mayfly_channel_options {
    size_t size;                 /* set by MAYFLY_CHANNEL_OPTIONS */
    unsigned connect_timeout_ms; /* 0: 20,000 */
    const char *authority;       /* :authority; NULL: the target */
    int shared;                  /* hand out the channel that there is already */
    int reserved;                /* 0 */
} mayfly_channel_options;

#define MAYFLY_CHANNEL_OPTIONS(...)      \
    (&(mayfly_channel_options){          \
        .size = sizeof(mayfly_channel_options), __VA_ARGS__ })

/*
 * `target` is "host:port" or "unix:PATH". Returns at once; the first call
 * connects.
 *
 * With `.shared = 1` whoever dials the same target with the same options on the
 * same host gets the same channel, with one more reference: so parts of a program
 * that do not know of each other share a connection, also when each dials for a
 * single call. What makes channels distinct is the target as it is written, the
 * authority and the time-out, and `shared` itself: one that was dialled without
 * it is its owner's alone. A shared channel closes when its last reference goes,
 * by whichever of its holders; a holder's calls that are under way when it gives
 * up its own go on. What is set on it, as interceptors, holds for all of them.
 *
 * Errors: EINVAL (a target that cannot be read), ENOMEM, EFORKED.
 */
MAYFLY_API int mayfly_dial(mayfly_host *host, const char *target,
                           const mayfly_channel_options *options,
                           mayfly_channel **ret_channel, mayfly_error *err);

MAYFLY_API mayfly_channel *mayfly_channel_ref(mayfly_channel *channel);

/* The last reference closes the connection; calls under way end with CANCELLED.
 * NULL is allowed. */
MAYFLY_API void mayfly_channel_unref(mayfly_channel *channel);

/* What a channel is and does at the moment, and has done. */
typedef struct mayfly_channel_info {
    size_t size;           /* the caller sets it to the struct's */
    const char *target;    /* as dialled; */
    const char *authority; /* both as long as the channel is held */
    int is_shared;
    int is_connected;       /* there is a connection that takes calls */
    unsigned references;    /* the handles that are held */
    unsigned calls;         /* under way, and waiting for a connection */
    uint64_t dials;         /* by which it was handed out */
    uint64_t calls_started; /* in all */
    uint64_t connections;   /* made in all */
} mayfly_channel_info;

/* Nothing is stored beyond `ret_info->size`. */
MAYFLY_API void mayfly_channel_get_info(mayfly_channel *channel,
                                        mayfly_channel_info *ret_info);

/* Calls back for each channel of the host that is held. The info is good during
 * the callback, which must not call mayfly. Errors: EINVAL, EFORKED, ECANCELLED
 * (the host is being freed). */
MAYFLY_API int mayfly_host_each_channel(
    mayfly_host *host,
    void (*each)(void *state, const mayfly_channel_info *info), void *state,
    mayfly_error *err);

/*
 * A unary call with messages as bytes: sends `request` to `path`
 * ("/package.Service/Method") and waits for the end of the call. `ret_reply`
 * points into the call.
 *
 * Errors: ESTATUS (the call ended with a status other than OK: read it from the
 * call; a refused connection is UNAVAILABLE, a passed deadline DEADLINE_EXCEEDED),
 * EINVAL (a call used before, a bad path), EONLOOP, ENOMEM, EFORKED.
 */
MAYFLY_API int mayfly_channel_call(mayfly_channel *channel, const char *path,
                                   mayfly_call *call, mayfly_bytes request,
                                   mayfly_bytes *ret_reply, mayfly_error *err);

/* Called once on a loop thread when the call has ended; it must not block. `code`
 * is what the blocking form would have returned. `reply` belongs to the call. */
typedef void (*mayfly_channel_done_fn)(void *state, mayfly_call *call, int code,
                                       mayfly_bytes reply);

/* The same without waiting. The request is copied unless an error is returned, in
 * which case `done` is not called. */
MAYFLY_API int mayfly_channel_start(mayfly_channel *channel, const char *path,
                                    mayfly_call *call, mayfly_bytes request,
                                    mayfly_channel_done_fn done, void *state,
                                    mayfly_error *err);

/* A unary call with messages as JSON; `method` is "package.Service/Method".
 * Errors: those of mayfly_channel_call, mayfly_json_encode and
 * mayfly_json_decode; ENOTFOUND (no such method in the schema). */
MAYFLY_API int mayfly_call_json(mayfly_context *context,
                                mayfly_channel *channel, const char *method,
                                mayfly_call *call, mayfly_str request,
                                mayfly_str *ret_reply, mayfly_error *err);

/* --- proxies: what generated headers call ---------------------------------- */

/*
 * Binds service number `service` of a header's layout to a context and a channel.
 * The proxy references both and holds no lease between calls: the context can be
 * unloaded under it, calls then answer MAYFLY_EUNLOADED.
 *
 * Errors: EINVAL (context and channel are of different hosts), ENOTFOUND (the
 * schema has no such service), EINCOMPATIBLE (the field is
 * named), EUNLOADED, ECOMPILE, ELIMIT, ENOMEM, EFORKED.
 */
MAYFLY_API int mayfly_proxy_new(mayfly_context *context,
                                const mayfly_layout *layout, uint32_t service,
                                mayfly_channel *channel,
                                mayfly_proxy **ret_proxy, mayfly_error *err);

/* NULL is allowed. Calls under way go on. */
MAYFLY_API void mayfly_proxy_free(mayfly_proxy *proxy);

/* Calls method number `method` and waits. `*ret_reply` is a struct of the
 * header's reply type in the call's arena. Errors: those of mayfly_channel_call;
 * EUNLOADED; EENCODE; EDECODE; ENOTFOUND (the schema lost this method). */
MAYFLY_API int mayfly_proxy_call(mayfly_proxy *proxy, uint32_t method,
                                 mayfly_call *call, const void *request,
                                 void **ret_reply, mayfly_error *err);

/* `reply` is NULL unless `code` is 0. Called once, on a loop thread. */
typedef void (*mayfly_proxy_done_fn)(void *state, mayfly_call *call, int code,
                                     void *reply);

/* The same without waiting. */
MAYFLY_API int mayfly_proxy_start(mayfly_proxy *proxy, uint32_t method,
                                  mayfly_call *call, const void *request,
                                  mayfly_proxy_done_fn done, void *state,
                                  mayfly_error *err);

MAYFLY_END

#endif
