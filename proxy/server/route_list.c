/*
 * Routes on their way to a server.
 *
 * A service is several routes, and half of a service is nothing that anybody
 * wants: what cannot be added as a whole is not added. So they are collected
 * first, and whatever goes wrong, here or there, their states are given back in
 * one place.
 *
 * Threads: a list is one thread's.
 */
#include "proxy/server/route_list.h"

#include "base/error.h"

#include <string.h>

enum { FIRST_CAP = 8 };

static void release(const mf_route *route)
{
    if (route->release)
        route->release(route->state);
}

int mf_route_list_add(mf_route_list *list, const mf_route *route,
                      mayfly_error *err)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : FIRST_CAP;
        mf_route *items =
            mf_alloc_resize(list->alloc, list->items, cap * sizeof *items);
        if (!items) {
            release(route);
            return mf_error_nomem(err, "a route");
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->n++] = *route;
    return 0;
}

int mf_route_list_serve(mf_route_list *list, mf_routes *routes, int code,
                        mayfly_error *err)
{
    if (code == 0)
        code = mf_routes_add(routes, list->items, list->n, err);
    for (size_t i = 0; code != 0 && i < list->n; i++)
        release(&list->items[i]);
    mf_alloc_free(list->alloc, list->items);
    return code;
}
