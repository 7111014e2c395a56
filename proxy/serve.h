/*
 * proxy/serve.h: typed services from the inside; for services.c, which adds
 * them, and serve.c, which runs their requests.
 */
#ifndef MF_PROXY_SERVE_H
#define MF_PROXY_SERVE_H

#include "base/counts.h"
#include "cache/units.h"
#include "proxy/bind.h"
#include "proxy/call.h"

/* What was served by one call of a user's. Its routes keep it. */
typedef struct mf_serving {
    mf_alloc *alloc;
    atomic_uint refs;
    mayfly_server *server;   /* without a reference: it outlives its routes */
    mayfly_context *context; /* a reference; NULL: a unit's current one */
    mayfly_unit *unit;       /* a reference; NULL: one context's */
    mf_follower follower;    /* of the unit */
    const mayfly_layout
        *layout;     /* NULL: the handlers are the unit's own source */
    uint32_t number; /* of the service, in the layout */
    void *state;
    int blocking;
} mf_serving;

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
    mayfly_handler_fn handler; /* the host's; NULL: the unit's own */
    const mf_bound *bound;     /* of one context; good under a lease */
    char path[];               /* "/package.Service/Method" */
} mf_served;

/* The callbacks of its route. `hold` is for units. */
int mf_served_request(void *state, mayfly_call *call, mayfly_bytes in);
int mf_served_hold(void *state, mayfly_call *call);

#endif
