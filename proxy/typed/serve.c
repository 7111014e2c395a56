/*
 * proxy/typed/serve.c: requests of typed services.
 *
 * A request takes a lease on the context, which is held until the call is
 * answered, deferred or not; the serve stub decodes, makes a zeroed reply and
 * calls the handler; the reply stub encodes into the call's arena, and the
 * transport sends it from there.
 *
 * Which context: the one that was served, or the current version of a unit. The
 * loop takes the lease on that where it can be had at once (mf_served_hold);
 * where it has to be built or waited for, the request goes to a worker. Under
 * the lease the method is looked up in that context.
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
#include "proxy/typed/serve.h"

#include "proxy/call/lease.h"
#include "proxy/program/program.h"

#include "base/error.h"

#include <string.h>

/* What answers a request, in one context. */
typedef struct target {
    const mf_unit *unit;
    const mf_method_stub *stub;
    mayfly_handler_fn handler;
} target;

/* --- where a method is --- */

static int has_path(const mf_plan *plan, uint32_t service, uint32_t method,
                    const char *path)
{
    return service < plan->n_services &&
           method < plan->services[service].n_methods &&
           strcmp(plan->services[service].methods[method].path, path) == 0;
}

/* A method of a plan by its path, looked for first where it was found last: one
 * version is mostly laid out as the other. */
int mf_served_find(mf_served *s, const mf_plan *plan, uint32_t *ret_service,
                   uint32_t *ret_method)
{
    uint64_t place = atomic_load_explicit(&s->place, memory_order_relaxed);
    *ret_service = (uint32_t)(place >> 32);
    *ret_method = (uint32_t)place;
    if (has_path(plan, *ret_service, *ret_method, s->path))
        return 1;
    for (uint32_t i = 0; i < plan->n_services; i++) {
        for (uint32_t m = 0; m < plan->services[i].n_methods; m++) {
            if (!has_path(plan, i, m, s->path))
                continue;
            *ret_service = i;
            *ret_method = m;
            atomic_store_explicit(&s->place, (uint64_t)i << 32 | m,
                                  memory_order_relaxed);
            return 1;
        }
    }
    return 0;
}

/* In the context's own source. */
static void find_own(mf_served *s, const mf_unit *unit, target *ret)
{
    uint32_t service, method;
    if (!unit->handlers || !mf_served_find(s, unit->plan, &service, &method))
        return;
    uint32_t at = mf_unit_method(unit->plan, service, method);
    ret->unit = unit;
    ret->stub = &unit->entry->methods[at];
    ret->handler = (mayfly_handler_fn)(uintptr_t)unit->handlers[at];
}

/* Under a lease. A target without a stub that serves, or without a handler, is
 * UNIMPLEMENTED. */
static int find(mf_served *s, mayfly_context *context, target *ret,
                mayfly_error *err)
{
    const mf_serving *service = s->service;
    const mf_bound *bound = s->bound;
    int code = 0;
    *ret = (target){NULL, NULL, NULL};
    if (!service->layout) {
        find_own(s, mf_context_unit(context), ret);
        return 0;
    }
    if (!bound)
        code = mf_bind_service(context, service->layout, service->number,
                               &bound, err);
    if (code == 0)
        *ret =
            (target){bound->unit, bound->methods[s->method].stub, s->handler};
    return code;
}

/* --- running --- */

/* What the unit's own handlers get: the server's state for them, or theirs. */
static void *state_of(const mf_served *s, const mf_unit *unit)
{
    void *state = s->service->state;
    return state || s->handler || !unit->user ? state
                                              : mf_program_state(unit->user);
}

static int answer(const target *t, mayfly_call *call, const void *reply,
                  mayfly_error *err)
{
    mf_stub_io io;
    mf_writer writer;
    mayfly_bytes message;
    int code = mf_unit_check_sent(t->unit, t->stub, 1, reply, err);
    if (code != 0)
        return code;
    mf_stub_io_init(&io, t->unit, &writer, call, err);
    code = t->stub->reply(&io, reply);
    if (code == 0)
        code = mf_writer_take(&writer, &message, err);
    if (code == 0)
        code = mf_call_reply_framed(call, message, err);
    return code;
}

/* Runs the handler. 0: answered, or deferred; else a status to end with. */
static int serve(const mf_served *s, const target *t,
                 const mayfly_context *context, mayfly_call *call,
                 mayfly_bytes in, mayfly_error *err)
{
    mf_stub_io io;
    mf_stub_io_init(&io, t->unit, NULL, call, err);
    io.in = in.ptr;
    io.in_len = in.len;
    io.state = state_of(s, t->unit);
    io.handler = (void *)(uintptr_t)t->handler;
    mf_inside note;
    mf_inside_enter(&note, context);
    int code = t->unit->user
                   ? mf_program_serve(t->unit->user, t->stub, &io, err)
                   : t->stub->serve(&io);
    mf_inside_leave(&note);
    if (mf_call_deferred(call))
        return 0;
    if (code == 0)
        code = answer(t, call, io.reply, err);
    if (code == MAYFLY_ECANCELLED)
        return 0; /* nobody waits for it */
    return code;
}

int mf_served_hold(void *state, mayfly_call *call)
{
    const mf_served *s = state;
    mayfly_context *context;
    return mf_call_try_lease_unit(call, s->service->unit, &context);
}

int mf_served_lease(const mf_served *s, mayfly_call *call,
                    mayfly_context **ret_context, mayfly_error *err)
{
    const mf_serving *service = s->service;
    *ret_context = mf_call_held(call);
    if (*ret_context)
        return 0;
    if (service->unit)
        return mf_call_lease_unit(call, service->unit, ret_context, err);
    *ret_context = service->context;
    return mf_call_lease(call, service->context, err);
}

int mf_served_request(void *state, mayfly_call *call, mayfly_bytes in)
{
    mf_served *s = state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *context;
    target t = {NULL, NULL, NULL};
    int code = 0;
    if (s->handled) {
        code = mf_served_lease(s, call, &context, &err);
        if (code == 0)
            code = find(s, context, &t, &err);
    }
    if (code == 0 && (!t.stub || !t.stub->serve || !t.handler))
        return mayfly_call_fail(call, MAYFLY_STATUS_UNIMPLEMENTED,
                                "this method has no handler");
    if (code == 0)
        code = serve(s, &t, context, call, in, &err);
    if (code < 0)
        return mayfly_call_fail(call, mf_status_of_code(code), err.message);
    return code;
}

/* --- answering later --- */

/* Whether a header's method is the one that the call came by. */
static int is_method(const mf_served *s, const mayfly_layout *layout,
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

int mayfly_call_reply_typed(mayfly_call *call, const mayfly_layout *layout,
                            uint32_t service, uint32_t method,
                            const void *reply, mayfly_error *err)
{
    if (!call || !reply)
        return mf_error_set(err, MAYFLY_EINVAL, "no call or no reply");
    const mf_route *route = mf_call_route(call);
    if (!route || route->on_request != mf_served_request)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the call is not one of a typed handler");
    const mf_served *s = route->state;
    if (!is_method(s, layout, service, method))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the call is one of %s, the reply is not", s->path);
    /* The reply's layout may be another than the handler's: each source file
     * that includes a header has tables of its own. The call holds a lease. */
    const mf_bound *bound = s->service->layout == layout ? s->bound : NULL;
    int code = 0;
    if (!bound)
        code =
            mf_bind_service(mf_call_held(call), layout, service, &bound, err);
    if (code != 0)
        return code;
    target t = {bound->unit, bound->methods[method].stub, NULL};
    if (!t.stub)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "the schema has no %s any more", s->path);
    return answer(&t, call, reply, err);
}
