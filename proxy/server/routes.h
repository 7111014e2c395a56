/*
 * proxy/server/routes.h: which handler answers a path.
 *
 * Looked up by every request on every loop, in a section of the host's grace;
 * added to and taken from by any thread. A route that is taken off lives on
 * until the calls that came by it have ended.
 */
#ifndef MF_PROXY_ROUTES_H
#define MF_PROXY_ROUTES_H

#include "proxy/call/call.h"

typedef struct mf_routes mf_routes;

mf_routes *mf_routes_new(mayfly_host *host); /* NULL: no memory */
mf_routes *mf_routes_ref(mf_routes *routes);
void mf_routes_unref(mf_routes *routes); /* NULL is allowed */

/* The server ends: releases the states of those that are left, which no call
 * has any more, and takes no new ones. */
void mf_routes_close(mf_routes *routes);

/* What mf_server_route does. ECANCELLED also where it is closed. Any thread. */
int mf_routes_add(mf_routes *routes, const mf_route *list, size_t n,
                  mayfly_error *err);

/* In a section, on a loop. Whoever keeps what it returns is in the list of
 * calls with it (mf_calls_add) before the section ends. */
const mf_route *mf_routes_find(const mf_routes *routes, const char *path);

/* 1: some path of the same service is served ("/package.Service/"). In a
 * section. */
int mf_routes_knows_service(const mf_routes *routes, const char *path);

/* Takes the route of that path, or those of a service, "package.Service", off.
 * Waits up to `wait_ms` until their calls have ended and their states are
 * released. Errors: ENOTFOUND, ENOMEM; EBUSY (off, and calls are under way
 * still). Any thread; a loop's without waiting. */
int mf_routes_remove(mf_routes *routes, const char *name, unsigned wait_ms,
                     mayfly_error *err);

/* A call has ended that was told to count (mayfly_call.holds_route). */
void mf_route_drop(const mf_route *route);

#endif
