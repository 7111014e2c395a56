/*
 * mayfly/server.h: the server's side.
 *
 *     mayfly_server *server;
 *     mayfly_server_new(host, NULL, &server, &err);
 *     helloworld_Greeter_handlers on = {.SayHello = say_hello};
 *     helloworld_Greeter_serve(server, ctx, &on, my_state, NULL, &err);
 *     mayfly_server_listen(server, "127.0.0.1:50051", NULL, &err);
 *
 * A handler runs on a loop thread and must not block there, unless its service is
 * added with `.blocking = 1`: then it runs on the host's bounded worker pool.
 *
 * Threads: every function may be called from any thread.
 */
#ifndef MAYFLY_SERVER_H
#define MAYFLY_SERVER_H

#include <mayfly/call.h>
#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/host.h>
#include <mayfly/layout.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_server mayfly_server;

typedef struct mayfly_server_options {
    size_t size;              /* set by MAYFLY_SERVER_OPTIONS */
    size_t message_bytes_max; /* largest request accepted; 0: 4 MiB */
    unsigned connections_max; /* 0: 10,000 */
    unsigned streams_max;     /* calls under way per connection; 0: 100 */
    unsigned handlers_max;    /* calls under way in all; 0: 10,000. Past it a call
                                 is answered RESOURCE_EXHAUSTED */
    size_t metadata_bytes_max; /* per call; 0: 16 KiB */
} mayfly_server_options;

#define MAYFLY_SERVER_OPTIONS(...)      \
    (&(mayfly_server_options){          \
        .size = sizeof(mayfly_server_options), __VA_ARGS__ })

/* `options` may be NULL. Errors: EINVAL, ENOMEM, EFORKED. */
MAYFLY_API int mayfly_server_new(mayfly_host *host,
                                 const mayfly_server_options *options,
                                 mayfly_server **ret_server,
                                 mayfly_error *err);

/* Listens on "host:port" (port 0: a free one, told through `ret_port`, which may
 * be NULL) or "unix:PATH". May be called several times. Errors: EINVAL, EIO (the
 * address is in use, ...), ENOMEM, EFORKED. */
MAYFLY_API int mayfly_server_listen(mayfly_server *server, const char *address,
                                    int *ret_port, mayfly_error *err);

/* Stops accepting, lets calls under way finish for `grace_ms`, ends the rest with
 * UNAVAILABLE, frees the server. Blocks until no handler of it runs any more; on a
 * loop thread it does not wait, as mayfly_server_close. NULL is allowed. */
MAYFLY_API void mayfly_server_free(mayfly_server *server, unsigned grace_ms);

/* The same without waiting, from any thread. `done`, unless NULL, is called once,
 * when no handler runs any more: on a loop thread, or on the one that frees the
 * host meanwhile. */
MAYFLY_API void mayfly_server_close(mayfly_server *server, unsigned grace_ms,
                                    void (*done)(void *state), void *state);

typedef struct mayfly_service_options {
    size_t size;  /* set by MAYFLY_SERVICE_OPTIONS */
    int blocking; /* handlers may block: run them on workers */
    int reserved; /* 0 */
    void (*release)(void *state); /* called once with the handlers' state when all
                                     that was added with it is removed and no call
                                     has it any more, or the server is gone, on
                                     any thread; not where adding fails. NULL:
                                     nobody needs to know */
} mayfly_service_options;

#define MAYFLY_SERVICE_OPTIONS(...)      \
    (&(mayfly_service_options){          \
        .size = sizeof(mayfly_service_options), __VA_ARGS__ })

/*
 * A typed handler. `request` and `reply` are structs of the header's types in the
 * call's arena; `reply` is zeroed. Returns 0 to answer with `reply`, or a positive
 * status (MAYFLY_STATUS_NOT_FOUND, see mayfly_call_fail) to end the call with it.
 * After mayfly_call_defer the return value is ignored.
 */
typedef int (*mayfly_handler_fn)(void *state, mayfly_call *call,
                                 const void *request, void *reply);

/*
 * Serves service number `service` of a header's layout: `handlers` has one entry
 * per method, in the layout's order; NULL answers UNIMPLEMENTED. The table is
 * copied; `state` is borrowed until it is released (options), at the latest when
 * the server is freed. Each call holds a lease on the context. Errors: those of
 * mayfly_proxy_new, EEXIST (a method of it is served already; nothing is added
 * then).
 */
MAYFLY_API int mayfly_server_add(mayfly_server *server,
                                 mayfly_context *context,
                                 const mayfly_layout *layout, uint32_t service,
                                 const mayfly_handler_fn *handlers,
                                 void *state,
                                 const mayfly_service_options *options,
                                 mayfly_error *err);

/* Serves every service whose handlers (helloworld_Greeter_on_SayHello, ...) the
 * context's own source defines; missing ones answer UNIMPLEMENTED. With `state`
 * NULL they get the one that the source's mayfly_on_load gave (handlers.h).
 * Errors: as above; ENOTFOUND (the source defines no handler at all). */
MAYFLY_API int mayfly_server_add_context(mayfly_server *server,
                                         mayfly_context *context, void *state,
                                         const mayfly_service_options *options,
                                         mayfly_error *err);

/* A handler for messages as bytes. It answers with mayfly_call_reply, at once or,
 * after mayfly_call_defer, later; its return value is as a typed handler's, where
 * 0 without a reply ends the call with INTERNAL. */
typedef int (*mayfly_raw_handler_fn)(void *state, mayfly_call *call,
                                     mayfly_bytes request);

/* Serves one path ("/package.Service/Method"). Errors: EINVAL, EEXIST, ENOMEM. */
MAYFLY_API int mayfly_server_add_raw(mayfly_server *server, const char *path,
                                     mayfly_raw_handler_fn handler,
                                     void *state,
                                     const mayfly_service_options *options,
                                     mayfly_error *err);

/*
 * Takes what is served by a name off: a service, "package.Service", with all its
 * methods, or one method, "package.Service/Method" or its path, however it was
 * added. Requests that arrive from then on are answered UNIMPLEMENTED; calls under
 * way finish, deferred ones too. With the last of them what was kept for it goes:
 * the references to its context or unit, and `state` by the release of its options.
 *
 * Waits up to `wait_ms` for that; 0: not at all. The name can be added anew at
 * once. Methods that handlers of a unit's source gain with a later version do not
 * come back under a name that was removed.
 *
 * Errors: ENOTFOUND (nothing of that name is served), EBUSY (it is off, and calls
 * are under way still; the rest goes by itself), EONLOOP (`wait_ms` on a loop
 * thread), ENOMEM, EFORKED.
 */
MAYFLY_API int mayfly_server_remove(mayfly_server *server, const char *name,
                                    unsigned wait_ms, mayfly_error *err);

/* Answers with a message (copied) and status OK; completes a deferred call.
 * Errors: EINVAL (answered already), ENOMEM, ECANCELLED (nobody waits: a deferred
 * call is completed all the same). */
MAYFLY_API int mayfly_call_reply(mayfly_call *call, mayfly_bytes message,
                                 mayfly_error *err);

/* Completes a deferred typed call with a struct of the header's reply type: what
 * the generated `..._reply` functions call. `layout`, `service` and `method` are
 * those the handler was added with. Errors: as mayfly_call_reply, and EENCODE. */
MAYFLY_API int mayfly_call_reply_typed(mayfly_call *call,
                                       const mayfly_layout *layout,
                                       uint32_t service, uint32_t method,
                                       const void *reply, mayfly_error *err);

MAYFLY_END

#endif
