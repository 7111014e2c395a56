/*
 * proxy/dynamic_serve.c: handlers that need no header.
 *
 * A method of a loaded context is a route of the server, as with typed services
 * (serve.c); in place of the serve stub, which is compiled to a header's
 * structs, stand the two forms that any program can handle: dynamic messages
 * and JSON. A request takes a lease on the context, which is held until the
 * call is answered.
 *
 * What stays true: once a handler has deferred a call, nobody here looks at it
 * or at its arena any more. Whoever completes it answers in the form that it
 * was handed out in. A route keeps numbers rather than pointers into the unit.
 *
 * Threads: routes are called on loops and workers, replies come from any
 * thread.
 */
#include "proxy/dynamic.h"

#include "base/error.h"
#include "proxy/call.h"
#include "proxy/lease.h"
#include "proxy/message.h"

#include <string.h>

typedef struct handled {
    mf_alloc *alloc;
    mf_count *count;
    mayfly_context *context;           /* a reference */
    uint32_t request, response;        /* messages of the native plan */
    uint8_t streams;                   /* UNIMPLEMENTED */
    mayfly_dynamic_handler_fn dynamic; /* one of the two */
    mayfly_json_handler_fn json;
    void *state;
} handled;

static void free_handled(void *state)
{
    handled *h = state;
    mf_counts_drop(h->count);
    mayfly_context_unref(h->context);
    mf_alloc_free(h->alloc, h);
}

/* --- answering ---------------------------------------------------------------
 */

/* Sends what has been encoded; that nobody waits is no failure of a handler. */
static int send_reply(mayfly_call *call, int code, mayfly_bytes message,
                      mayfly_error *err)
{
    return code ? code : mf_call_reply_framed(call, message, err);
}

static int reply_dynamic(const handled *h, mayfly_call *call,
                         const mayfly_dynamic *reply, mayfly_error *err)
{
    mayfly_bytes message = {NULL, 0};
    int code = mf_dynamic_check_type(reply, h->context, h->response, err);
    if (code == 0)
        code = mf_dynamic_write(reply, MF_MESSAGE_HEAD, mayfly_call_arena(call),
                                &message, err);
    return send_reply(call, code, message, err);
}

static int reply_json(const handled *h, mayfly_call *call, mayfly_str reply,
                      mayfly_error *err)
{
    static const mayfly_str empty = MAYFLY_STR("{}");
    mayfly_bytes message = {NULL, 0};
    int code = mf_message_from_json(mf_context_unit(h->context), h->response,
                                    reply.len ? reply : empty, MF_MESSAGE_HEAD,
                                    mayfly_call_arena(call), &message, err);
    return send_reply(call, code, message, err);
}

/* --- handling ----------------------------------------------------------------
 */

/* Runs a dynamic handler. 0: answered, or deferred; else a status or a code. */
static int serve_dynamic(const handled *h, mayfly_call *call, mayfly_bytes in,
                         mayfly_error *err)
{
    mayfly_arena *arena = mayfly_call_arena(call);
    mayfly_dynamic *request;
    int code =
        mf_dynamic_read(h->context, h->request, arena, in, 1, &request, err);
    if (code != 0)
        return code;
    mayfly_dynamic *reply =
        mf_dynamic_wrap(h->context, h->response, arena, NULL, 1);
    if (!reply)
        return mf_arena_nomem(arena, "a reply", err);
    mf_inside note;
    mf_inside_enter(&note, h->context);
    code = h->dynamic(h->state, call, request, reply);
    mf_inside_leave(&note);
    if (mf_call_deferred(call))
        return 0;
    return code ? code : reply_dynamic(h, call, reply, err);
}

static int serve_json(const handled *h, mayfly_call *call, mayfly_bytes in,
                      mayfly_error *err)
{
    mayfly_str request, reply = {NULL, 0};
    int code = mf_message_to_json(mf_context_unit(h->context), h->request, in,
                                  0, mayfly_call_arena(call), &request, err);
    if (code != 0)
        return code;
    mf_inside note;
    mf_inside_enter(&note, h->context);
    code = h->json(h->state, call, request, &reply);
    mf_inside_leave(&note);
    if (mf_call_deferred(call))
        return 0;
    return code ? code : reply_json(h, call, reply, err);
}

static int on_request(void *state, mayfly_call *call, mayfly_bytes in)
{
    const handled *h = state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (h->streams)
        return mayfly_call_fail(call, MAYFLY_STATUS_UNIMPLEMENTED,
                                "this method streams");
    int code = mf_call_lease(call, h->context, &err);
    if (code == 0)
        code = h->dynamic ? serve_dynamic(h, call, in, &err)
                          : serve_json(h, call, in, &err);
    if (code == MAYFLY_ECANCELLED)
        return 0; /* nobody waits for it */
    if (code < 0)
        return mayfly_call_fail(call, mf_status_of_code(code), err.message);
    return code;
}

/* The route's state of a call that its handler has deferred in this form. */
static int find_deferred(mayfly_call *call, int is_json, const handled **ret,
                         mayfly_error *err)
{
    const mf_route *route = call ? mf_call_route(call) : NULL;
    const handled *h =
        route && route->on_request == on_request ? route->state : NULL;
    if (!h || is_json != (h->json != NULL))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the call is not one of a %s handler",
                            is_json ? "JSON" : "dynamic");
    if (!mf_call_deferred(call))
        return mf_error_set(err, MAYFLY_EINVAL, "the call is not deferred");
    *ret = h;
    return 0;
}

int mayfly_call_reply_dynamic(mayfly_call *call, const mayfly_dynamic *reply,
                              mayfly_error *err)
{
    const handled *h = NULL;
    if (!reply)
        return mf_error_set(err, MAYFLY_EINVAL, "no reply");
    int code = find_deferred(call, 0, &h, err);
    return code ? code : reply_dynamic(h, call, reply, err);
}

int mayfly_call_reply_json(mayfly_call *call, mayfly_str reply,
                           mayfly_error *err)
{
    const handled *h = NULL;
    int code = find_deferred(call, 1, &h, err);
    return code ? code : reply_json(h, call, reply, err);
}

/* --- adding ------------------------------------------------------------------
 */

static int add_route(mayfly_server *server, const handled *what,
                     const mf_plan_method *m, int blocking, mayfly_error *err)
{
    mayfly_host *host = mf_server_host(server);
    handled *h = mf_alloc_new(&host->alloc, sizeof *h);
    if (!h)
        return mf_error_nomem(err, "a route");
    *h = *what;
    if (mf_counts_add(host->counts, "route", mayfly_context_name(h->context),
                      &h->count) != 0) {
        mf_alloc_free(&host->alloc, h);
        return mf_error_nomem(err, "a route");
    }
    h->alloc = &host->alloc;
    h->request = m->request;
    h->response = m->response;
    h->streams = m->client_streaming || m->server_streaming;
    mayfly_context_ref(h->context);
    mf_route route = {.path = m->path,
                      .blocking = blocking,
                      .on_request = on_request,
                      .state = h,
                      .release = free_handled};
    int code = mf_server_route(server, &route, err);
    if (code != 0)
        free_handled(h);
    return code;
}

/* Every method of the service of that name. */
static int add_service(mayfly_server *server, const handled *what,
                       const mf_plan *plan, const char *name, int blocking,
                       mayfly_error *err)
{
    for (uint32_t i = 0; i < plan->n_services; i++) {
        const mf_plan_service *s = &plan->services[i];
        int code = 0;
        if (strcmp(s->full_name, name) != 0)
            continue;
        for (uint32_t m = 0; code == 0 && m < s->n_methods; m++)
            code = add_route(server, what, &s->methods[m], blocking, err);
        return code;
    }
    return mf_error_set(err, MAYFLY_ENOTFOUND,
                        "the context has no service \"%.200s\"", name);
}

static int add_method(mayfly_server *server, const handled *what,
                      const mf_plan *plan, const char *name, int blocking,
                      mayfly_error *err)
{
    const mf_plan_method *m = mf_plan_find_method(plan, name);
    if (!m)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "the context has no method \"%.200s\"", name);
    if (m->client_streaming || m->server_streaming)
        return mf_error_set(err, MAYFLY_EUNSUPPORTED, "\"%.200s\" streams",
                            name);
    return add_route(server, what, m, blocking, err);
}

static int add(mayfly_server *server, const handled *what, const char *name,
               const mayfly_service_options *options, mayfly_error *err)
{
    mayfly_service_options o;
    mayfly_context *context = what->context;
    if (!server || !context || !name || (!what->dynamic && !what->json))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no server, context, method or handler");
    if (mf_server_host(server) != mf_context_host(context))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "context and server are of different hosts");
    int code = mf_service_options_read(options, &o, err);
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    const mf_plan *plan = ((const mf_unit *)mf_context_unit(context))->plan;
    code = strchr(name, '/')
               ? add_method(server, what, plan, name, o.blocking != 0, err)
               : add_service(server, what, plan, name, o.blocking != 0, err);
    mf_lease_drop(context);
    return code;
}

int mayfly_server_add_dynamic(mayfly_server *server, mayfly_context *context,
                              const char *method,
                              mayfly_dynamic_handler_fn handler, void *state,
                              const mayfly_service_options *options,
                              mayfly_error *err)
{
    handled h = {.context = context, .dynamic = handler, .state = state};
    return add(server, &h, method, options, err);
}

int mayfly_server_add_json(mayfly_server *server, mayfly_context *context,
                           const char *method, mayfly_json_handler_fn handler,
                           void *state, const mayfly_service_options *options,
                           mayfly_error *err)
{
    handled h = {.context = context, .json = handler, .state = state};
    return add(server, &h, method, options, err);
}
