/*
 * proxy/typed/bind.h: a header's tables bound to a context's unit.
 *
 * What stands between a typed call and compiled code: for each method of a
 * header's service the stub to call and the tables to call it with, whichever
 * unit they are in. Kept with the context (mf_context_add_binding); good under
 * a lease.
 */
#ifndef MF_PROXY_BIND_H
#define MF_PROXY_BIND_H

#include "cache/context/context.h"
#include "compiler/unit.h"
#include "proxy/host/host.h"

#include <mayfly/layout.h>

typedef struct mf_bound_method {
    const char *path;           /* "/helloworld.Greeter/SayHello" */
    const mf_method_stub *stub; /* NULL: the schema has lost this method */
    char *lost;                 /* its name in the header then; the binding's */
} mf_bound_method;

typedef struct mf_bound {
    mf_alloc *alloc;
    const mf_unit *unit; /* whose code it is */
    mf_unit *own;        /* the same, where it was built for this; or NULL */
    uint32_t message;    /* index in the unit's plan; of a message's binding */
    uint32_t n_methods;
    mf_bound_method methods[]; /* in the header's order; of a service's */
} mf_bound;

/* The binding of service number `service` of a layout, made on first use. Under
 * a lease. Errors: those of mayfly_proxy_new. */
int mf_bind_service(mayfly_context *context, const mayfly_layout *layout,
                    uint32_t service, const mf_bound **ret_bound,
                    mayfly_error *err);

/* The binding of message number `message` of a layout. */
int mf_bind_message(mayfly_context *context, const mayfly_layout *layout,
                    uint32_t message, const mf_bound **ret_bound,
                    mayfly_error *err);

/* A payload for the cache that is a unit as it is. */
mf_payload mf_unit_payload(mf_unit *unit);

/* What a stub needs for one jump. `writer` is the caller's, and is initialised
 * here; a message to be sent gets MF_MESSAGE_HEAD bytes of head room. */
void mf_stub_io_init(mf_stub_io *io, const mf_unit *unit, mf_writer *writer,
                     mayfly_call *call, mayfly_error *err);

#endif
