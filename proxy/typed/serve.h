/*
 * proxy/typed/serve.h: services from the inside; for services.c, which adds
 * them, serving.c, which is what lies behind their routes, serve.c, which runs
 * requests of typed handlers, and dynamic_serve.c, which runs those of handlers
 * without a header.
 */
#ifndef MF_PROXY_SERVE_H
#define MF_PROXY_SERVE_H

#include "base/counts.h"
#include "cache/units/units.h"
#include "proxy/typed/bind.h"
#include "proxy/call/call.h"
#include "proxy/server/route_list.h"

#include <mayfly/dynamic.h>

/* What was served by one call of a user's. Its routes keep it. */
typedef struct mf_serving {
    mf_alloc *alloc;
    atomic_uint refs;
    mayfly_server *server;   /* who is asked for it; not looked at later */
    mayfly_host *host;       /* the server's */
    mf_routes *routes;       /* likewise; a reference */
    mayfly_context *context; /* a reference; NULL: a unit's current one */
    mayfly_unit *unit;       /* a reference; NULL: one context's */
    mf_follower follower;    /* of the unit */
    atomic_int is_added;     /* later versions may add to it */
    /* One of three: a header's service, ... */
    const mayfly_layout *layout; /* or NULL */
    uint32_t number;             /* of the service, in the layout */
    /* ... what a name says, by a handler without a header, ... */
    const char
        *name; /* "package.Service" or "package.Service/Method"; or NULL */
    mayfly_dynamic_handler_fn dynamic;
    mayfly_json_handler_fn json;
    /* ... or else what the unit's own source handles. */
    void *state;
    void (*release)(void *state); /* when it is gone; NULL: nobody asks */
    int blocking;
    pthread_mutex_t lock; /* for what follows */
    struct mf_off *off;   /* names that were taken off: they do not come back */
    char text[];          /* the name */
} mf_serving;

/* A service, or a path without its slash. */
typedef struct mf_off {
    struct mf_off *next;
    char name[];
} mf_off;

/*
 * One method: a route's state. It outlives the code, so it keeps no pointer
 * into it: whoever asks what points there would find it.
 */
typedef struct mf_served {
    mf_serving *service; /* a reference */
    mf_count *count;
    uint32_t method;           /* in the layout */
    atomic_ullong place;       /* where a plan had it last: see serve.c */
    int handled;               /* 0: UNIMPLEMENTED */
    mayfly_handler_fn handler; /* the host's; NULL: the unit's own, or the
                                  service's */
    const mf_bound *bound;     /* of one context; good under a lease */
    char path[];               /* "/package.Service/Method" */
} mf_served;

/* --- serve.c --- */

/* The callbacks of its route. `hold` is for units. */
int mf_served_request(void *state, mayfly_call *call, mayfly_bytes in);
int mf_served_hold(void *state, mayfly_call *call);

/* Has the call hold the context that it is served by. */
int mf_served_lease(const mf_served *s, mayfly_call *call,
                    mayfly_context **ret_context, mayfly_error *err);

/* Where its path is in a plan; 0: nowhere. */
int mf_served_find(mf_served *s, const mf_plan *plan, uint32_t *ret_service,
                   uint32_t *ret_method);

/* --- dynamic_serve.c: the route's callback where there is a name --- */
int mf_dynamic_request(void *state, mayfly_call *call, mayfly_bytes in);

/* --- serving.c --- */

/* A copy with one reference, and references to context, unit and name. NULL: no
 * memory, said in `err`. */
mf_serving *mf_serving_new(const mf_serving *from, mayfly_error *err);
void mf_serving_unref(mf_serving *service); /* may wait */

/* The last reference was given up where it follows its unit no more. */
void mf_serving_end(mf_serving *service);

/* Makes a route of a copy of `what` and puts it into the list. ENOMEM. */
int mf_serving_route(mf_serving *service, const mf_served *what,
                     const char *path, mf_route_list *list, mayfly_error *err);

/* Whether a path ("/package.Service/Method") is of a name: "package.Service",
 * or the path without its slash. */
int mf_is_of(const char *path, const char *name);

/* --- services.c --- */

/* Serves what `from->name` says of `from->context` or `from->unit`. Errors:
 * those of mayfly_server_add_dynamic. */
int mf_serve_named(const mf_serving *from,
                   const mayfly_service_options *options, mayfly_error *err);

#endif
