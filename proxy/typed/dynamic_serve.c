/*
 * proxy/typed/dynamic_serve.c: handlers that need no header.
 *
 * A method of a loaded context, or of the current version of a unit, is a route
 * of the server as with typed services (services.c); in place of the serve
 * stub, which is compiled to a header's structs, stand the two forms that any
 * program can handle: dynamic messages and JSON. A request takes a lease on the
 * context, which is held until the call is answered; the types of its messages
 * are found in that context.
 *
 * What stays true: once a handler has deferred a call, nobody here looks at it
 * or at its arena any more. Whoever completes it answers in the form that it
 * was handed out in.
 *
 * Threads: routes are called on loops and workers, replies come from any
 * thread.
 */
#include "proxy/typed/dynamic.h"

#include "base/error.h"
#include "proxy/typed/message.h"
#include "proxy/typed/serve.h"

#include <string.h>

/* The method of a call's route, in the context that the call holds. */
static const mf_plan_method *method_of(mf_served *s, const mayfly_context *c)
{
    const mf_plan *plan = ((const mf_unit *)mf_context_unit(c))->plan;
    uint32_t service, method;
    return mf_served_find(s, plan, &service, &method)
               ? &plan->services[service].methods[method]
               : NULL;
}

/* --- answering ---------------------------------------------------------------
 */

/* Sends what has been encoded; that nobody waits is no failure of a handler. */
static int send_reply(mayfly_call *call, int code, mayfly_bytes message,
                      mayfly_error *err)
{
    return code ? code : mf_call_reply_framed(call, message, err);
}

static int reply_dynamic(mayfly_context *c, const mf_plan_method *m,
                         mayfly_call *call, const mayfly_dynamic *reply,
                         mayfly_error *err)
{
    mayfly_bytes message = {NULL, 0};
    int code = mf_dynamic_check_type(reply, c, m->response, err);
    if (code == 0)
        code = mf_dynamic_write(reply, MF_MESSAGE_HEAD, mayfly_call_arena(call),
                                &message, err);
    return send_reply(call, code, message, err);
}

static int reply_json(mayfly_context *c, const mf_plan_method *m,
                      mayfly_call *call, mayfly_str reply, mayfly_error *err)
{
    static const mayfly_str empty = MAYFLY_STR("{}");
    mayfly_bytes message = {NULL, 0};
    int code = mf_message_from_json(mf_context_unit(c), m->response,
                                    reply.len ? reply : empty, MF_MESSAGE_HEAD,
                                    mayfly_call_arena(call), &message, err);
    return send_reply(call, code, message, err);
}

/* --- handling ----------------------------------------------------------------
 */

/* Runs a dynamic handler. 0: answered, or deferred; else a status or a code. */
static int serve_dynamic(const mf_serving *s, mayfly_context *c,
                         const mf_plan_method *m, mayfly_call *call,
                         mayfly_bytes in, mayfly_error *err)
{
    mayfly_arena *arena = mayfly_call_arena(call);
    mayfly_dynamic *request;
    int code = mf_dynamic_read(c, m->request, arena, in, 1, &request, err);
    if (code != 0)
        return code;
    mayfly_dynamic *reply = mf_dynamic_wrap(c, m->response, arena, NULL, 1);
    if (!reply)
        return mf_arena_nomem(arena, "a reply", err);
    mf_inside note;
    mf_inside_enter(&note, c);
    code = s->dynamic(s->state, call, request, reply);
    mf_inside_leave(&note);
    if (mf_call_deferred(call))
        return 0;
    return code ? code : reply_dynamic(c, m, call, reply, err);
}

static int serve_json(const mf_serving *s, mayfly_context *c,
                      const mf_plan_method *m, mayfly_call *call,
                      mayfly_bytes in, mayfly_error *err)
{
    mayfly_str request, reply = {NULL, 0};
    int code = mf_message_to_json(mf_context_unit(c), m->request, in, 0,
                                  mayfly_call_arena(call), &request, err);
    if (code != 0)
        return code;
    mf_inside note;
    mf_inside_enter(&note, c);
    code = s->json(s->state, call, request, &reply);
    mf_inside_leave(&note);
    if (mf_call_deferred(call))
        return 0;
    return code ? code : reply_json(c, m, call, reply, err);
}

int mf_dynamic_request(void *state, mayfly_call *call, mayfly_bytes in)
{
    mf_served *s = state;
    const mf_serving *service = s->service;
    const mf_plan_method *m = NULL;
    mayfly_context *context;
    mayfly_error err = MAYFLY_ERROR_INIT;
    int code = mf_served_lease(s, call, &context, &err);
    if (code == 0) {
        m = method_of(s, context);
        if (!m || m->client_streaming || m->server_streaming)
            return mayfly_call_fail(call, MAYFLY_STATUS_UNIMPLEMENTED,
                                    m ? "this method streams"
                                      : "the schema lacks this method");
        code = service->dynamic
                   ? serve_dynamic(service, context, m, call, in, &err)
                   : serve_json(service, context, m, call, in, &err);
    }
    if (code == MAYFLY_ECANCELLED)
        return 0; /* nobody waits for it */
    if (code < 0)
        return mayfly_call_fail(call, mf_status_of_code(code), err.message);
    return code;
}

/* --- answering later ---------------------------------------------------------
 */

/* The method of a call that its handler has deferred in this form. */
static int find_deferred(mayfly_call *call, int is_json,
                         const mf_plan_method **ret, mayfly_error *err)
{
    const mf_route *route = call ? mf_call_route(call) : NULL;
    mf_served *s =
        route && route->on_request == mf_dynamic_request ? route->state : NULL;
    if (!s || is_json != (s->service->json != NULL))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the call is not one of a %s handler",
                            is_json ? "JSON" : "dynamic");
    if (!mf_call_deferred(call))
        return mf_error_set(err, MAYFLY_EINVAL, "the call is not deferred");
    *ret = method_of(s, mf_call_held(call));
    return 0;
}

int mayfly_call_reply_dynamic(mayfly_call *call, const mayfly_dynamic *reply,
                              mayfly_error *err)
{
    const mf_plan_method *m;
    if (!reply)
        return mf_error_set(err, MAYFLY_EINVAL, "no reply");
    int code = find_deferred(call, 0, &m, err);
    return code ? code : reply_dynamic(mf_call_held(call), m, call, reply, err);
}

int mayfly_call_reply_json(mayfly_call *call, mayfly_str reply,
                           mayfly_error *err)
{
    const mf_plan_method *m;
    int code = find_deferred(call, 1, &m, err);
    return code ? code : reply_json(mf_call_held(call), m, call, reply, err);
}

/* --- adding ------------------------------------------------------------------
 */

static int add(mf_serving *from, const char *name,
               const mayfly_service_options *options, mayfly_error *err)
{
    if (!name || (!from->dynamic && !from->json))
        return mf_error_set(err, MAYFLY_EINVAL, "no name or no handler");
    from->name = name;
    return mf_serve_named(from, options, err);
}

int mayfly_server_add_dynamic(mayfly_server *server, mayfly_context *context,
                              const char *method,
                              mayfly_dynamic_handler_fn handler, void *state,
                              const mayfly_service_options *options,
                              mayfly_error *err)
{
    mf_serving from = {.server = server,
                       .context = context,
                       .dynamic = handler,
                       .state = state};
    return add(&from, method, options, err);
}

int mayfly_server_add_json(mayfly_server *server, mayfly_context *context,
                           const char *method, mayfly_json_handler_fn handler,
                           void *state, const mayfly_service_options *options,
                           mayfly_error *err)
{
    mf_serving from = {
        .server = server, .context = context, .json = handler, .state = state};
    return add(&from, method, options, err);
}

int mayfly_unit_serve_dynamic(mayfly_unit *unit, mayfly_server *server,
                              const char *method,
                              mayfly_dynamic_handler_fn handler, void *state,
                              const mayfly_service_options *options,
                              mayfly_error *err)
{
    mf_serving from = {
        .server = server, .unit = unit, .dynamic = handler, .state = state};
    return add(&from, method, options, err);
}

int mayfly_unit_serve_json(mayfly_unit *unit, mayfly_server *server,
                           const char *method, mayfly_json_handler_fn handler,
                           void *state, const mayfly_service_options *options,
                           mayfly_error *err)
{
    mf_serving from = {
        .server = server, .unit = unit, .json = handler, .state = state};
    return add(&from, method, options, err);
}
