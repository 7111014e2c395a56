/*
 * proxy/services.c: typed services, added to servers.
 *
 * Each method of a service is a route. What was served by one call is one
 * mf_serving, which its routes keep; the last route that goes frees it.
 *
 * A service of a unit follows it: a version is bound to the header before it
 * becomes current. Where the handlers are the unit's own source, the methods
 * that a new version handles and the old one did not become routes when it is
 * current; a route whose method is gone stays, and answers UNIMPLEMENTED.
 *
 * Threads: any.
 */
#include "proxy/serve.h"

#include "proxy/server.h"

#include "base/error.h"
#include "base/owner.h"

#include <string.h>

/* --- a service and its routes --- */

static void unref_service(mf_serving *service)
{
    if (atomic_fetch_sub(&service->refs, 1) != 1)
        return;
    if (service->unit)
        mf_unit_unfollow(service->unit, &service->follower);
    mayfly_unit_unref(service->unit);
    mayfly_context_unref(service->context);
    mf_alloc_free(service->alloc, service);
}

static void free_served(void *state)
{
    mf_served *s = state;
    mf_serving *service = s->service;
    mf_alloc *alloc = service->alloc;
    mf_counts_drop(s->count);
    mf_alloc_free(alloc, s);
    unref_service(service);
}

static const char *owner_of(const mf_serving *service)
{
    return service->unit ? mayfly_unit_name(service->unit)
                         : mayfly_context_name(service->context);
}

static int add_route(mf_serving *service, const mf_served *what,
                     const char *path, mayfly_error *err)
{
    mayfly_host *host = mf_server_host(service->server);
    size_t n = strlen(path) + 1;
    mf_served *s = mf_alloc_zero(service->alloc, sizeof *s + n);
    if (!s)
        return mf_error_nomem(err, "a route");
    *s = *what;
    if (mf_counts_add(host->counts, "route", owner_of(service), &s->count) !=
        0) {
        mf_alloc_free(service->alloc, s);
        return mf_error_nomem(err, "a route");
    }
    memcpy(s->path, path, n);
    s->service = service;
    atomic_fetch_add(&service->refs, 1);
    mf_route route = {.path = s->path,
                      .blocking = service->blocking,
                      .hold = service->unit ? mf_served_hold : NULL,
                      .on_request = mf_served_request,
                      .state = s,
                      .release = free_served};
    int code = mf_server_route(service->server, &route, err);
    if (code != 0)
        free_served(s);
    return code;
}

/* The routes of a header's service. `bound` is of one context, or NULL. */
static int add_methods(mf_serving *service, const mayfly_handler_fn *handlers,
                       const mf_bound *bound, mayfly_error *err)
{
    const mayfly_service_layout *l =
        &service->layout->services[service->number];
    int code = 0;
    for (uint32_t m = 0; code == 0 && m < l->n_methods; m++) {
        mf_served s = {.method = m,
                       .handled = handlers[m] != NULL,
                       .handler = handlers[m],
                       .bound = bound};
        mf_buf path;
        mf_buf_init(&path, service->alloc, 0);
        mf_buf_printf(&path, "/%s/%s", l->full_name, l->methods[m].name);
        const char *text = mf_buf_text(&path);
        code = mf_buf_check(&path, "a route", err);
        if (code == 0)
            code = add_route(service, &s, text, err);
        mf_buf_done(&path);
    }
    return code;
}

static int is_handled(const mf_unit *unit, uint32_t service)
{
    uint32_t first = mf_unit_method(unit->plan, service, 0);
    for (uint32_t m = 0; m < unit->plan->services[service].n_methods; m++)
        if (unit->handlers[first + m])
            return 1;
    return 0;
}

/* The services of which the unit's source handles a method. What is served
 * already is passed over where `again`. */
static int add_own(mf_serving *service, const mf_unit *unit, int again,
                   mayfly_error *err)
{
    const mf_plan *plan = unit->plan;
    int code = 0;
    for (uint32_t i = 0; i < plan->n_services; i++) {
        if (!is_handled(unit, i))
            continue;
        for (uint32_t m = 0; code == 0 && m < plan->services[i].n_methods;
             m++) {
            mf_served s = {.handled = 1, .place = (uint64_t)i << 32 | m};
            code = add_route(service, &s, plan->services[i].methods[m].path,
                             again ? NULL : err);
            if (again && code == MAYFLY_EEXIST)
                code = 0;
        }
    }
    return code;
}

/* Whether a context's source handles anything. Under a lease. */
static int check_own(mayfly_context *context, mayfly_error *err)
{
    const mf_unit *unit = mf_context_unit(context);
    if (!unit->handlers)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "context \"%s\" has no source of handlers",
                            mayfly_context_name(context));
    for (uint32_t i = 0; i < unit->plan->n_services; i++)
        if (is_handled(unit, i))
            return 0;
    return mf_error_set(err, MAYFLY_ENOTFOUND,
                        "the source of context \"%s\" defines no handler",
                        mayfly_context_name(context));
}

/* --- adding --- */

static int check(const mayfly_server *server, const void *of,
                 const void *of_host, const mayfly_service_options *options,
                 int *ret_blocking, mayfly_error *err)
{
    mayfly_service_options o;
    if (!server || !of)
        return mf_error_set(err, MAYFLY_EINVAL, "no server or no context");
    if (mf_server_host(server) != of_host)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "context and server are of different hosts");
    int code = mf_service_options_read(options, &o, err);
    if (code == 0)
        *ret_blocking = o.blocking != 0;
    return code;
}

/* With one reference; `from` is filled in but for alloc and counts. */
static mf_serving *new_service(const mf_serving *from, mayfly_error *err)
{
    mf_alloc *alloc = &mf_server_host(from->server)->alloc;
    mf_serving *service = mf_alloc_zero(alloc, sizeof *service);
    if (!service) {
        mf_error_nomem(err, "a service");
        return NULL;
    }
    *service = *from;
    service->alloc = alloc;
    atomic_init(&service->refs, 1);
    mayfly_context_ref(service->context);
    mayfly_unit_ref(service->unit);
    return service;
}

static mayfly_host *host_of(const mayfly_context *context)
{
    return context ? mf_context_host(context) : NULL;
}

int mayfly_server_add(mayfly_server *server, mayfly_context *context,
                      const mayfly_layout *layout, uint32_t service,
                      const mayfly_handler_fn *handlers, void *state,
                      const mayfly_service_options *options, mayfly_error *err)
{
    mf_serving from = {.server = server,
                       .context = context,
                       .layout = layout,
                       .number = service,
                       .state = state};
    int code =
        check(server, context, host_of(context), options, &from.blocking, err);
    if (code == 0 && !handlers)
        code = mf_error_set(err, MAYFLY_EINVAL, "no handlers");
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    const mf_bound *bound;
    mf_serving *s = NULL;
    code = mf_bind_service(context, layout, service, &bound, err);
    if (code == 0) {
        s = new_service(&from, err);
        code = s ? add_methods(s, handlers, bound, err) : MAYFLY_ENOMEM;
    }
    mf_lease_drop(context);
    if (s)
        unref_service(s);
    return code;
}

int mayfly_server_add_context(mayfly_server *server, mayfly_context *context,
                              void *state,
                              const mayfly_service_options *options,
                              mayfly_error *err)
{
    mf_serving from = {.server = server, .context = context, .state = state};
    int code =
        check(server, context, host_of(context), options, &from.blocking, err);
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    code = check_own(context, err);
    mf_serving *s = code == 0 ? new_service(&from, err) : NULL;
    if (code == 0)
        code = s ? add_own(s, mf_context_unit(context), 0, err) : MAYFLY_ENOMEM;
    mf_lease_drop(context);
    if (s)
        unref_service(s);
    return code;
}

/* --- services of units --- */

static int prepare(mf_follower *follower, mayfly_context *context,
                   mayfly_error *err)
{
    const mf_serving *s = MF_OWNER(follower, mf_serving, follower);
    const mf_bound *unused;
    return s->layout
               ? mf_bind_service(context, s->layout, s->number, &unused, err)
               : check_own(context, err);
}

static void publish(mf_follower *follower, mayfly_context *context)
{
    mf_serving *s = MF_OWNER(follower, mf_serving, follower);
    if (add_own(s, mf_context_unit(context), 1, NULL) != 0)
        mf_log_write(&mf_server_host(s->server)->log, MAYFLY_LOG_WARNING,
                     "server", "not every method of \"%s\" can be served",
                     mayfly_context_name(context));
}

/* Begins to follow; with a lease on the version that is current then. */
static int follow(mf_serving *s, mayfly_context **ret_context,
                  mayfly_error *err)
{
    s->follower.prepare = prepare;
    s->follower.publish = s->layout ? NULL : publish;
    int code = mf_unit_follow(s->unit, &s->follower, err);
    if (code == 0)
        code = mf_unit_lease(s->unit, 0, ret_context, err);
    return code;
}

int mayfly_unit_serve(mayfly_unit *unit, mayfly_server *server,
                      const mayfly_layout *layout, uint32_t service,
                      const mayfly_handler_fn *handlers, void *state,
                      const mayfly_service_options *options, mayfly_error *err)
{
    mf_serving from = {.server = server,
                       .unit = unit,
                       .layout = layout,
                       .number = service,
                       .state = state};
    mayfly_context *context;
    int code = check(server, unit, unit ? mf_unit_host(unit) : NULL, options,
                     &from.blocking, err);
    if (code == 0 && (!handlers || !layout))
        code = mf_error_set(err, MAYFLY_EINVAL, "no layout or no handlers");
    mf_serving *s = code == 0 ? new_service(&from, err) : NULL;
    if (!s)
        return code ? code : MAYFLY_ENOMEM;
    code = follow(s, &context, err);
    if (code == 0) {
        code = add_methods(s, handlers, NULL, err);
        mf_lease_drop(context);
    }
    unref_service(s);
    return code;
}

int mayfly_unit_serve_source(mayfly_unit *unit, mayfly_server *server,
                             void *state, const mayfly_service_options *options,
                             mayfly_error *err)
{
    mf_serving from = {.server = server, .unit = unit, .state = state};
    mayfly_context *context;
    int code = check(server, unit, unit ? mf_unit_host(unit) : NULL, options,
                     &from.blocking, err);
    mf_serving *s = code == 0 ? new_service(&from, err) : NULL;
    if (!s)
        return code ? code : MAYFLY_ENOMEM;
    code = follow(s, &context, err);
    if (code == 0) {
        code = add_own(s, mf_context_unit(context), 0, err);
        mf_lease_drop(context);
    }
    unref_service(s);
    return code;
}
