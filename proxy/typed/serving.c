/*
 * proxy/typed/serving.c: what was served by one call of a user's, and its
 * routes.
 *
 * Each route has a reference to its service, which goes with the last of them:
 * the context or unit that it kept, and its handlers' state. Where later
 * versions of a unit may bring methods, names that were taken off are kept, so
 * that they do not.
 *
 * What stays true: a service follows its unit as long as it has a route, or
 * somebody makes it. Whoever ends it may have to wait for a version that is
 * being published; the routes see to it that this is no loop.
 *
 * Threads: any.
 */
#include "proxy/typed/serve.h"

#include "proxy/server/server.h"

#include "base/error.h"

#include <string.h>

/* --- life --- */

void mf_serving_end(mf_serving *service)
{
    if (service->release)
        service->release(service->state);
    while (service->off) {
        mf_off *off = service->off;
        service->off = off->next;
        mf_alloc_free(service->alloc, off);
    }
    pthread_mutex_destroy(&service->lock);
    mf_routes_unref(service->routes);
    mayfly_unit *unit = service->unit; /* what keeps the host goes last */
    mayfly_context *context = service->context;
    mf_alloc_free(service->alloc, service);
    mayfly_unit_unref(unit);
    mayfly_context_unref(context);
}

void mf_serving_unref(mf_serving *service)
{
    if (atomic_fetch_sub(&service->refs, 1) != 1)
        return;
    if (service->unit)
        mf_unit_unfollow(service->unit, &service->follower);
    mf_serving_end(service);
}

static void free_served(void *state)
{
    mf_served *s = state;
    mf_serving *service = s->service;
    mf_alloc *alloc = service->alloc;
    mf_counts_drop(s->count);
    mf_alloc_free(alloc, s);
    mf_serving_unref(service);
}

static const char *owner_of(const mf_serving *service)
{
    return service->unit ? mayfly_unit_name(service->unit)
                         : mayfly_context_name(service->context);
}

mf_serving *mf_serving_new(const mf_serving *from, mayfly_error *err)
{
    mf_alloc *alloc = &mf_server_host(from->server)->alloc;
    const char *name = from->name ? from->name : "";
    name += *name == '/';
    size_t n = strlen(name) + 1;
    mf_serving *service = mf_alloc_zero(alloc, sizeof *service + n);
    if (!service) {
        mf_error_nomem(err, "a service");
        return NULL;
    }
    *service = *from;
    memcpy(service->text, name, n);
    service->name = from->name ? service->text : NULL;
    service->alloc = alloc;
    service->host = mf_server_host(from->server);
    service->routes = mf_routes_ref(mf_server_routes(from->server));
    atomic_init(&service->refs, 1);
    pthread_mutex_init(&service->lock, NULL);
    mayfly_context_ref(service->context);
    mayfly_unit_ref(service->unit);
    return service;
}

/* --- what was taken off --- */

int mf_is_of(const char *path, const char *name)
{
    size_t n = strlen(name);
    return strncmp(path + 1, name, n) == 0 &&
           (path[1 + n] == '/' || path[1 + n] == '\0');
}

/* Lock held. */
static int is_off(const mf_serving *service, const char *path)
{
    const mf_off *off = service->off;
    while (off && !mf_is_of(path, off->name))
        off = off->next;
    return off != NULL;
}

/* Later versions do not bring it back. */
static int taken_off(void *state, const char *name, mayfly_error *err)
{
    const mf_served *s = state;
    mf_serving *service = s->service;
    int code = 0;
    if (*name == '/')
        name++;
    size_t n = strlen(name) + 1;
    pthread_mutex_lock(&service->lock);
    if (!is_off(service, s->path)) {
        mf_off *off = mf_alloc_new(service->alloc, sizeof *off + n);
        if (off) {
            memcpy(off->name, name, n);
            off->next = service->off;
            service->off = off;
        } else {
            code = mf_error_nomem(err, "taking off a service");
        }
    }
    pthread_mutex_unlock(&service->lock);
    return code;
}

static int is_wanted(void *state)
{
    const mf_served *s = state;
    pthread_mutex_lock(&s->service->lock);
    int off = is_off(s->service, s->path);
    pthread_mutex_unlock(&s->service->lock);
    return !off;
}

/* --- routes --- */

int mf_serving_route(mf_serving *service, const mf_served *what,
                     const char *path, mf_route_list *list, mayfly_error *err)
{
    size_t n = strlen(path) + 1;
    mf_served *s = mf_alloc_zero(service->alloc, sizeof *s + n);
    if (!s)
        return mf_error_nomem(err, "a route");
    *s = *what;
    if (mf_counts_add(service->host->counts, "route", owner_of(service),
                      &s->count) != 0) {
        mf_alloc_free(service->alloc, s);
        return mf_error_nomem(err, "a route");
    }
    memcpy(s->path, path, n);
    s->service = service;
    atomic_fetch_add(&service->refs, 1);
    mf_route route = {.path = s->path,
                      .blocking = service->blocking,
                      .hold = service->unit ? mf_served_hold : NULL,
                      .on_request = service->name ? mf_dynamic_request
                                                  : mf_served_request,
                      .state = s,
                      .release = free_served};
    if (service->unit && !service->layout) {
        route.taken_off = taken_off;
        route.is_wanted = is_wanted;
    }
    return mf_route_list_add(list, &route, err);
}
