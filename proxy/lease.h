/* proxy/lease.h: a call that holds a context. */
#ifndef MF_PROXY_LEASE_H
#define MF_PROXY_LEASE_H

#include "cache/context.h"
#include "proxy/call.h"

/* Takes a lease and ties it to the call: it goes when the call is over, or with
 * mf_call_release. Errors: EUNLOADED, EFORKED. */
int mf_call_lease(mayfly_call *call, mayfly_context *context,
                  mayfly_error *err);

#endif
