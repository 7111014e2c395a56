/*
 * proxy/routes.h: which handler answers a path.
 *
 * Looked up by every request on every loop, added to now and then from any
 * thread: reading takes no lock. Routes are never removed while the server
 * lives.
 */
#ifndef MF_PROXY_ROUTES_H
#define MF_PROXY_ROUTES_H

#include "proxy/call.h"

typedef struct mf_routes mf_routes;

mf_routes *mf_routes_new(mf_alloc *alloc); /* NULL: no memory */
void mf_routes_free(mf_routes *routes);    /* releases the routes' states */

/* Adds a copy. Errors: EEXIST, ENOMEM. */
int mf_routes_add(mf_routes *routes, const mf_route *route, mayfly_error *err);
const mf_route *mf_routes_find(const mf_routes *routes, const char *path,
                               size_t len);

/* 1: some path of the same service is served ("/package.Service/"). */
int mf_routes_knows_service(const mf_routes *routes, const char *path,
                            size_t len);

#endif
