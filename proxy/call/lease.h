/* proxy/call/lease.h: a call that holds a context. */
#ifndef MF_PROXY_LEASE_H
#define MF_PROXY_LEASE_H

#include "cache/units/units.h"
#include "proxy/call/call.h"

/* Takes a lease and ties it to the call: it goes when the call is over, or with
 * mf_call_release. Errors: EUNLOADED, EFORKED. */
int mf_call_lease(mayfly_call *call, mayfly_context *context,
                  mayfly_error *err);

/* On the context that is current in a unit, where it can be had at once: 0, or
 * MF_UNIT_COLD. Never blocks. */
int mf_call_try_lease_unit(mayfly_call *call, mayfly_unit *unit,
                           mayfly_context **ret_context);

/* The same on the context that is current in a unit, built where it has to be,
 * which waits for the call's deadline at the most. Errors: those of
 * mayfly_unit_context. */
int mf_call_lease_unit(mayfly_call *call, mayfly_unit *unit,
                       mayfly_context **ret_context, mayfly_error *err);

#endif
