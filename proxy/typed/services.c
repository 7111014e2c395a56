/*
 * proxy/typed/services.c: services, added to servers.
 *
 * Each method of a service is a route. What was served by one call is one
 * mf_serving, which its routes keep; the last route that goes frees it. Which
 * methods those are is said by a header, by a name, or by what the source of a
 * context handles.
 *
 * A service of a unit follows it: a version is bound to the header before it
 * becomes current. Where no header says which methods there are, those that a
 * new version has and the old one had not become routes when it is current,
 * unless they were taken off; a route whose method is gone stays, and answers
 * UNIMPLEMENTED.
 *
 * What stays true: it follows as long as it has a route. Where the last one
 * goes while a version is being published, that ends it from within, for nobody
 * else can then.
 *
 * Threads: any.
 */
#include "proxy/typed/serve.h"

#include "proxy/server/route_list.h"
#include "proxy/server/server.h"

#include "base/error.h"
#include "base/owner.h"

#include <string.h>

/* The routes of a header's service. `bound` is of one context, or NULL. */
static int add_methods(mf_serving *service, const mayfly_handler_fn *handlers,
                       const mf_bound *bound, mayfly_error *err)
{
    const mayfly_service_layout *l =
        &service->layout->services[service->number];
    mf_route_list list = {.alloc = service->alloc};
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
            code = mf_serving_route(service, &s, text, &list, err);
        mf_buf_done(&path);
    }
    return mf_route_list_serve(&list, service->routes, code, err);
}

static int is_handled(const mf_unit *unit, uint32_t service)
{
    uint32_t first = mf_unit_method(unit->plan, service, 0);
    for (uint32_t m = 0; m < unit->plan->services[service].n_methods; m++)
        if (unit->handlers[first + m])
            return 1;
    return 0;
}

/* Whether a method of a context is one that is served without a header: by its
 * name, or because the context's source handles something of its service. */
static int covers(const mf_serving *service, const mf_unit *unit, uint32_t i,
                  uint32_t m)
{
    if (service->name)
        return mf_is_of(unit->plan->services[i].methods[m].path, service->name);
    return unit->handlers && is_handled(unit, i);
}

/* Calls back for each of them, until that fails. */
static int each_covered(mf_serving *service, const mf_unit *unit,
                        int (*each)(mf_serving *service, const mf_served *what,
                                    const char *path, void *state,
                                    mayfly_error *err),
                        void *state, mayfly_error *err)
{
    const mf_plan *plan = unit->plan;
    int code = 0;
    for (uint32_t i = 0; i < plan->n_services; i++) {
        for (uint32_t m = 0; code == 0 && m < plan->services[i].n_methods;
             m++) {
            mf_served s = {.handled = 1, .place = (uint64_t)i << 32 | m};
            if (covers(service, unit, i, m))
                code = each(service, &s, plan->services[i].methods[m].path,
                            state, err);
        }
    }
    return code;
}

static int list_one(mf_serving *service, const mf_served *what,
                    const char *path, void *list, mayfly_error *err)
{
    return mf_serving_route(service, what, path, list, err);
}

static int add_covered(mf_serving *service, const mf_unit *unit,
                       mayfly_error *err)
{
    mf_route_list list = {.alloc = service->alloc};
    int code = each_covered(service, unit, list_one, &list, err);
    return mf_route_list_serve(&list, service->routes, code, err);
}

/* One that a later version has, unless it is served already or was taken off.
 */
static int add_again(mf_serving *service, const mf_served *what,
                     const char *path, void *unused, mayfly_error *err)
{
    mf_route_list list = {.alloc = service->alloc};
    (void)unused;
    int code = mf_serving_route(service, what, path, &list, err);
    code = mf_route_list_serve(&list, service->routes, code, NULL);
    return code == MAYFLY_EEXIST || code == MAYFLY_ECANCELLED ? 0 : code;
}

/* Whether a context has something of what is asked for. Under a lease. */
static int check_covered(const mf_serving *service, mayfly_context *context,
                         mayfly_error *err)
{
    const mf_unit *unit = mf_context_unit(context);
    const mf_plan_method *one =
        service->name ? mf_plan_find_method(unit->plan, service->name) : NULL;
    if (one && (one->client_streaming || one->server_streaming))
        return mf_error_set(err, MAYFLY_EUNSUPPORTED, "\"%.200s\" streams",
                            service->name);
    for (uint32_t i = 0; i < unit->plan->n_services; i++)
        for (uint32_t m = 0; m < unit->plan->services[i].n_methods; m++)
            if (covers(service, unit, i, m))
                return 0;
    if (service->name)
        return mf_error_set(
            err, MAYFLY_ENOTFOUND, "context \"%s\" has no %s \"%.200s\"",
            mayfly_context_name(context),
            strchr(service->name, '/') ? "method" : "service", service->name);
    return mf_error_set(err, MAYFLY_ENOTFOUND,
                        unit->handlers
                            ? "the source of context \"%s\" defines no handler"
                            : "context \"%s\" has no source of handlers",
                        mayfly_context_name(context));
}

/* --- adding --- */

static int check(const mayfly_server *server, const void *of,
                 const void *of_host, const mayfly_service_options *options,
                 mf_serving *ret, void (**ret_release)(void *state),
                 mayfly_error *err)
{
    *ret_release = NULL;
    if (!server || !of)
        return mf_error_set(err, MAYFLY_EINVAL, "no server or no context");
    if (mf_server_host(server) != of_host)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "context and server are of different hosts");
    mayfly_service_options o;
    int code = mf_service_options_read(options, &o, err);
    if (code == 0)
        ret->blocking = o.blocking != 0;
    *ret_release = o.release;
    return code;
}

/* The maker's reference goes. Who could not add a service keeps its state. */
static int added(mf_serving *service, int code, void (*release)(void *state))
{
    if (code == 0)
        service->release = release;
    mf_serving_unref(service);
    return code;
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
    void (*release)(void *state);
    int code =
        check(server, context, host_of(context), options, &from, &release, err);
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
        s = mf_serving_new(&from, err);
        code = s ? add_methods(s, handlers, bound, err) : MAYFLY_ENOMEM;
    }
    mf_lease_drop(context);
    return s ? added(s, code, release) : code;
}

/* What a context has of a name, or by its source. */
static int add_of_context(const mf_serving *from, void (*release)(void *state),
                          mayfly_error *err)
{
    int code = mf_lease_take(from->context, err);
    if (code != 0)
        return code;
    mf_serving *s = mf_serving_new(from, err);
    code = s ? check_covered(s, from->context, err) : MAYFLY_ENOMEM;
    if (code == 0)
        code = add_covered(s, mf_context_unit(from->context), err);
    mf_lease_drop(from->context);
    return s ? added(s, code, release) : code;
}

int mayfly_server_add_context(mayfly_server *server, mayfly_context *context,
                              void *state,
                              const mayfly_service_options *options,
                              mayfly_error *err)
{
    mf_serving from = {.server = server, .context = context, .state = state};
    void (*release)(void *state);
    int code =
        check(server, context, host_of(context), options, &from, &release, err);
    return code ? code : add_of_context(&from, release, err);
}

/* --- services of units --- */

static int prepare(mf_follower *follower, mayfly_context *context,
                   mayfly_error *err)
{
    const mf_serving *s = MF_OWNER(follower, mf_serving, follower);
    const mf_bound *unused;
    if (s->layout)
        return mf_bind_service(context, s->layout, s->number, &unused, err);
    /* a version without what a name says answers UNIMPLEMENTED */
    return s->name ? 0 : check_covered(s, context, err);
}

static void publish(mf_follower *follower, mayfly_context *context)
{
    mf_serving *s = MF_OWNER(follower, mf_serving, follower);
    unsigned refs = atomic_load(&s->refs);
    if (!atomic_load(&s->is_added))
        return; /* who adds it will see this version */
    while (refs && !atomic_compare_exchange_weak(&s->refs, &refs, refs + 1))
        ;
    if (!refs)
        return; /* the last of its routes has gone, and it soon */
    if (each_covered(s, mf_context_unit(context), add_again, NULL, NULL) != 0)
        mf_log_write(&s->host->log, MAYFLY_LOG_WARNING, "server",
                     "not every method of \"%s\" can be served",
                     mayfly_context_name(context));
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    mf_unit_unfollow_within(follower); /* all was taken off meanwhile */
    mf_serving_end(s);
}

/* Begins to follow; with a lease on the version that is current then. NULL:
 * that is a lazy one, for which nothing is built now. What source handles is
 * known when it is compiled. */
static int follow(mf_serving *s, mayfly_context **ret_context,
                  mayfly_error *err)
{
    s->follower.prepare = prepare;
    s->follower.publish = s->layout ? NULL : publish;
    s->follower.waits = s->layout || s->name;
    *ret_context = NULL;
    int code = mf_unit_follow(s->unit, &s->follower, err);
    if (code == 0 && !(s->follower.waits && mf_unit_is_unbuilt(s->unit)))
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
    void (*release)(void *state);
    mayfly_context *context;
    int code = check(server, unit, unit ? mf_unit_host(unit) : NULL, options,
                     &from, &release, err);
    if (code == 0 && (!handlers || !layout))
        code = mf_error_set(err, MAYFLY_EINVAL, "no layout or no handlers");
    mf_serving *s = code == 0 ? mf_serving_new(&from, err) : NULL;
    if (!s)
        return code ? code : MAYFLY_ENOMEM;
    code = follow(s, &context, err);
    if (code == 0) {
        code = add_methods(s, handlers, NULL, err);
        if (context)
            mf_lease_drop(context);
    }
    return added(s, code, release);
}

/* Adds what the version has that was current when it began to follow, and what
 * one has that became so meanwhile. */
static int add_versions(mf_serving *s, mayfly_context *context,
                        mayfly_error *err)
{
    mayfly_context *now;
    int code = check_covered(s, context, err);
    if (code == 0)
        code = add_covered(s, mf_context_unit(context), err);
    if (code != 0)
        return code;
    atomic_store(&s->is_added, 1);
    if (mf_unit_lease(s->unit, 0, &now, NULL) != 0)
        return 0; /* removed, or it cannot be built: then nobody has it */
    if (now != context)
        code = each_covered(s, mf_context_unit(now), add_again, NULL, err);
    mf_lease_drop(now);
    return code;
}

typedef struct unbuilt {
    mf_serving *service;
    mf_route_list list;
    int found;
    mayfly_error *err;
} unbuilt;

static int add_unbuilt_one(void *state, const char *path, int streams)
{
    unbuilt *u = state;
    const mf_served what = {.handled = 1}; /* its place is found by the path */
    if (!mf_is_of(path, u->service->name))
        return 0;
    u->found = 1;
    if (streams && strcmp(path + 1, u->service->name) == 0)
        return mf_error_set(u->err, MAYFLY_EUNSUPPORTED, "\"%.200s\" streams",
                            u->service->name);
    return mf_serving_route(u->service, &what, path, &u->list, u->err);
}

/* What a lazy version is going to have of a name, and what one has that was
 * built or became current meanwhile. */
static int add_unbuilt(mf_serving *s, mayfly_error *err)
{
    unbuilt u = {.service = s, .list = {.alloc = s->alloc}, .err = err};
    mayfly_context *now;
    int code = mf_unit_each_method(s->unit, add_unbuilt_one, &u, err);
    if (code == 0 && !u.found)
        code = mf_error_set(
            err, MAYFLY_ENOTFOUND, "unit \"%s\" has no %s \"%.200s\"",
            mayfly_unit_name(s->unit),
            strchr(s->name, '/') ? "method" : "service", s->name);
    code = mf_route_list_serve(&u.list, s->routes, code, err);
    if (code != 0)
        return code;
    atomic_store(&s->is_added, 1);
    if (mf_unit_try_lease(s->unit, &now) != 0)
        return 0;
    code = each_covered(s, mf_context_unit(now), add_again, NULL, err);
    mf_lease_drop(now);
    return code;
}

/* What the current version of a unit has of a name, or by its source. */
static int add_of_unit(const mf_serving *from, void (*release)(void *state),
                       mayfly_error *err)
{
    mayfly_context *context;
    mf_serving *s = mf_serving_new(from, err);
    if (!s)
        return MAYFLY_ENOMEM;
    int code = follow(s, &context, err);
    if (code == 0 && context) {
        code = add_versions(s, context, err);
        mf_lease_drop(context);
    } else if (code == 0) {
        code = add_unbuilt(s, err);
    }
    return added(s, code, release);
}

int mayfly_unit_serve_source(mayfly_unit *unit, mayfly_server *server,
                             void *state, const mayfly_service_options *options,
                             mayfly_error *err)
{
    mf_serving from = {.server = server, .unit = unit, .state = state};
    void (*release)(void *state);
    int code = check(server, unit, unit ? mf_unit_host(unit) : NULL, options,
                     &from, &release, err);
    return code ? code : add_of_unit(&from, release, err);
}

int mf_serve_named(const mf_serving *of, const mayfly_service_options *options,
                   mayfly_error *err)
{
    mf_serving from = *of;
    void (*release)(void *state);
    int code = from.unit
                   ? check(from.server, from.unit, mf_unit_host(from.unit),
                           options, &from, &release, err)
                   : check(from.server, from.context, host_of(from.context),
                           options, &from, &release, err);
    if (code != 0)
        return code;
    return from.unit ? add_of_unit(&from, release, err)
                     : add_of_context(&from, release, err);
}
