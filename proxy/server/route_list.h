/*
 * proxy/server/route_list.h: routes on their way to a server, which takes all
 * of them or none.
 *
 * The list owns the states of its routes until they are served.
 */
#ifndef MF_PROXY_ROUTE_LIST_H
#define MF_PROXY_ROUTE_LIST_H

#include "proxy/server/routes.h"

typedef struct mf_route_list {
    mf_alloc *alloc;
    mf_route *items;
    size_t n, cap;
} mf_route_list;

/* Adds one, whose path lives as long as its state. On failure the state is
 * released. ENOMEM. */
int mf_route_list_add(mf_route_list *list, const mf_route *route,
                      mayfly_error *err);

/* Serves them where `code` is 0, or releases their states; frees the list.
 * Returns `code`, or what mf_server_route answers. */
int mf_route_list_serve(mf_route_list *list, mf_routes *routes, int code,
                        mayfly_error *err);

#endif
