/*
 * proxy/serve.c: typed services.
 *
 * Each method of a service is a route of the server. A request takes a lease on
 * the context, which is held until the call is answered, deferred or not; the
 * serve stub decodes, makes a zeroed reply and calls the handler; the reply
 * stub encodes into the call's arena, and the transport sends it from there.
 *
 * Handlers come from a table of the host program, or are functions that the
 * context's own source defines. The latter lie in the context: their addresses
 * are used under a lease only, as everything of a binding.
 *
 * What stays true: once a handler has deferred a call, nobody here looks at it
 * or at its arena any more. A context that is being unloaded answers
 * UNAVAILABLE.
 *
 * Threads: routes are called on loops and workers, replies come from any
 * thread.
 */
#include "proxy/bind.h"
#include "proxy/call.h"
#include "proxy/lease.h"
#include "proxy/program.h"

#include "base/error.h"

#include <string.h>

#define NO_STUB UINT32_MAX

/* One method that is served: the route's state. It outlives the unit, so it
 * keeps no pointer into its code: whoever asks what points there would find it.
 */
typedef struct served {
    mf_alloc *alloc;
    mf_count *count;
    mayfly_context *context;     /* a reference */
    const mayfly_layout *layout; /* NULL: the unit's own source */
    uint32_t service, method;    /* in the layout, or in the unit's plan */
    const mf_unit *unit;         /* good under a lease */
    uint32_t stub;               /* in the unit's table; NO_STUB: the schema has
                                    lost the method, or it streams */
    int handled;                 /* 0: UNIMPLEMENTED */
    mayfly_handler_fn handler;   /* the host's; NULL: the unit's own */
    void *state;
    char path[]; /* "/package.Service/Method" */
} served;

static void free_served(void *state)
{
    served *s = state;
    mf_counts_drop(s->count);
    mayfly_context_unref(s->context);
    mf_alloc_free(s->alloc, s);
}

static const mf_method_stub *stub_of(const served *s)
{
    return &s->unit->entry->methods[s->stub];
}

static mayfly_handler_fn handler_of(const served *s)
{
    return s->handler
               ? s->handler
               : (mayfly_handler_fn)(uintptr_t)s->unit->handlers[s->stub];
}

/* What the unit's own handlers get: the server's state for them, or theirs. */
static void *state_of(const served *s)
{
    return s->state || s->handler || !s->unit->user
               ? s->state
               : mf_program_state(s->unit->user);
}

/* The number of a stub; one that streams cannot serve. */
static uint32_t stub_number(const mf_unit *unit, const mf_method_stub *stub)
{
    return stub && stub->serve ? (uint32_t)(stub - unit->entry->methods)
                               : NO_STUB;
}

static int answer(const served *s, mayfly_call *call, const void *reply,
                  mayfly_error *err)
{
    mf_stub_io io;
    mf_writer writer;
    mayfly_bytes message;
    int code = mf_unit_check_sent(s->unit, stub_of(s), 1, reply, err);
    if (code != 0)
        return code;
    mf_stub_io_init(&io, s->unit, &writer, call, err);
    code = stub_of(s)->reply(&io, reply);
    if (code == 0)
        code = mf_writer_take(&writer, &message, err);
    if (code == 0)
        code = mf_call_reply_framed(call, message, err);
    return code;
}

/* Runs the handler. 0: answered, or deferred; else a status to end with. */
static int serve(const served *s, mayfly_call *call, mayfly_bytes in,
                 mayfly_error *err)
{
    mf_stub_io io;
    mf_stub_io_init(&io, s->unit, NULL, call, err);
    io.in = in.ptr;
    io.in_len = in.len;
    io.state = state_of(s);
    io.handler = (void *)(uintptr_t)handler_of(s);
    mf_inside note;
    mf_inside_enter(&note, s->context);
    int code = s->unit->user
                   ? mf_program_serve(s->unit->user, stub_of(s), &io, err)
                   : stub_of(s)->serve(&io);
    mf_inside_leave(&note);
    if (mf_call_deferred(call))
        return 0;
    if (code == 0)
        code = answer(s, call, io.reply, err);
    if (code == MAYFLY_ECANCELLED)
        return 0; /* nobody waits for it */
    return code;
}

static int on_request(void *state, mayfly_call *call, mayfly_bytes in)
{
    const served *s = state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (!s->handled || s->stub == NO_STUB)
        return mayfly_call_fail(call, MAYFLY_STATUS_UNIMPLEMENTED,
                                "this method has no handler");
    int code = mf_call_lease(call, s->context, &err);
    if (code == 0)
        code = serve(s, call, in, &err);
    if (code < 0)
        return mayfly_call_fail(call, mf_status_of_code(code), err.message);
    return code;
}

static int add_route(mayfly_server *server, const served *what,
                     const char *path, int blocking, mayfly_error *err)
{
    mayfly_host *host = mf_server_host(server);
    mf_alloc *alloc = &host->alloc;
    size_t n = strlen(path) + 1;
    served *s = mf_alloc_new(alloc, sizeof *s + n);
    if (!s)
        return mf_error_nomem(err, "a route");
    *s = *what;
    if (mf_counts_add(host->counts, "route", mayfly_context_name(s->context),
                      &s->count) != 0) {
        mf_alloc_free(alloc, s);
        return mf_error_nomem(err, "a route");
    }
    s->alloc = alloc;
    memcpy(s->path, path, n);
    mayfly_context_ref(s->context);
    mf_route route = {.path = s->path,
                      .blocking = blocking,
                      .on_request = on_request,
                      .state = s,
                      .release = free_served};
    int code = mf_server_route(server, &route, err);
    if (code != 0)
        free_served(s);
    return code;
}

static int check(const mayfly_server *server, const mayfly_context *context,
                 const mayfly_service_options *options, int *ret_blocking,
                 mayfly_error *err)
{
    if (!server || !context)
        return mf_error_set(err, MAYFLY_EINVAL, "no server or no context");
    if (mf_server_host(server) != mf_context_host(context))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "context and server are of different hosts");
    mayfly_service_options o;
    int code = mf_service_options_read(options, &o, err);
    if (code == 0)
        *ret_blocking = o.blocking != 0;
    return code;
}

/* The path of a header's method: what the schema calls it, known or not. */
static int add_method(mayfly_server *server, served *s, const mf_bound *bound,
                      uint32_t m, int blocking, mayfly_error *err)
{
    const mayfly_service_layout *service = &s->layout->services[s->service];
    mf_buf path;
    mf_buf_init(&path, bound->alloc, 0);
    mf_buf_printf(&path, "/%s/%s", service->full_name,
                  service->methods[m].name);
    const char *text = mf_buf_text(&path);
    int code = mf_buf_check(&path, "a route", err);
    s->method = m;
    s->stub = stub_number(bound->unit, bound->methods[m].stub);
    if (code == 0)
        code = add_route(server, s, text, blocking, err);
    mf_buf_done(&path);
    return code;
}

int mayfly_server_add(mayfly_server *server, mayfly_context *context,
                      const mayfly_layout *layout, uint32_t service,
                      const mayfly_handler_fn *handlers, void *state,
                      const mayfly_service_options *options, mayfly_error *err)
{
    int blocking;
    int code = check(server, context, options, &blocking, err);
    if (code == 0 && !handlers)
        code = mf_error_set(err, MAYFLY_EINVAL, "no handlers");
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    const mf_bound *bound;
    code = mf_bind_service(context, layout, service, &bound, err);
    for (uint32_t m = 0; code == 0 && m < bound->n_methods; m++) {
        served s = {.context = context,
                    .layout = layout,
                    .service = service,
                    .unit = bound->unit,
                    .handled = handlers[m] != NULL,
                    .handler = handlers[m],
                    .state = state};
        code = add_method(server, &s, bound, m, blocking, err);
    }
    mf_lease_drop(context);
    return code;
}

/* The services of which the unit's source handles a method. */
static int add_own(mayfly_server *server, const mf_unit *unit, served *s,
                   int blocking, mayfly_error *err)
{
    int any = 0, code = 0;
    for (uint32_t i = 0; i < unit->plan->n_services; i++) {
        const mf_plan_service *service = &unit->plan->services[i];
        uint32_t first = mf_unit_method(unit->plan, i, 0);
        int handled = 0;
        for (uint32_t m = 0; m < service->n_methods; m++)
            handled |= unit->handlers[first + m] != NULL;
        any |= handled;
        for (uint32_t m = 0; handled && code == 0 && m < service->n_methods;
             m++) {
            s->service = i;
            s->method = m;
            s->stub = stub_number(unit, &unit->entry->methods[first + m]);
            s->handled = unit->handlers[first + m] != NULL;
            code =
                add_route(server, s, service->methods[m].path, blocking, err);
        }
    }
    if (!any)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "the source of context \"%s\" defines no handler",
                            mayfly_context_name(s->context));
    return code;
}

int mayfly_server_add_context(mayfly_server *server, mayfly_context *context,
                              void *state,
                              const mayfly_service_options *options,
                              mayfly_error *err)
{
    int blocking;
    int code = check(server, context, options, &blocking, err);
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    const mf_unit *unit = mf_context_unit(context);
    served s = {.context = context, .unit = unit, .state = state};
    if (unit->handlers)
        code = add_own(server, unit, &s, blocking, err);
    else
        code = mf_error_set(err, MAYFLY_ENOTFOUND,
                            "context \"%s\" has no source of handlers",
                            mayfly_context_name(context));
    mf_lease_drop(context);
    return code;
}

/* Whether a header's method is the one that the call came by. */
static int is_method(const served *s, const mayfly_layout *layout,
                     uint32_t service, uint32_t method)
{
    if (!layout || service >= layout->n_services ||
        method >= layout->services[service].n_methods)
        return 0;
    const mayfly_service_layout *l = &layout->services[service];
    size_t n = strlen(l->full_name);
    return strncmp(s->path + 1, l->full_name, n) == 0 &&
           s->path[1 + n] == '/' &&
           strcmp(s->path + n + 2, l->methods[method].name) == 0;
}

/* The reply's layout may be another than the handler's: each source file that
 * includes a header has tables of its own. The call holds a lease. */
static int answer_as(const served *s, mayfly_call *call,
                     const mayfly_layout *layout, uint32_t service,
                     uint32_t method, const void *reply, mayfly_error *err)
{
    const mf_bound *bound;
    int code = mf_bind_service(s->context, layout, service, &bound, err);
    if (code != 0)
        return code;
    served other = {.unit = bound->unit,
                    .stub = (uint32_t)(bound->methods[method].stub -
                                       bound->unit->entry->methods)};
    return answer(&other, call, reply, err);
}

int mayfly_call_reply_typed(mayfly_call *call, const mayfly_layout *layout,
                            uint32_t service, uint32_t method,
                            const void *reply, mayfly_error *err)
{
    if (!call || !reply)
        return mf_error_set(err, MAYFLY_EINVAL, "no call or no reply");
    const mf_route *route = mf_call_route(call);
    if (!route || route->on_request != on_request)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the call is not one of a typed handler");
    const served *s = route->state;
    if (!is_method(s, layout, service, method))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the call is one of %s, the reply is not", s->path);
    if (s->layout == layout)
        return answer(s, call, reply, err);
    return answer_as(s, call, layout, service, method, reply, err);
}
