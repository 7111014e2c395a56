/*
 * proxy/lease.c: a call's hold on a context.
 *
 * The lease keeps the code from encode to the end of decode, on a server from
 * the request to the answer. It keeps the handle as well, so the call may
 * outlive the proxy or the route that it came by without a reference: those
 * would be counted in one place, which all processors then write.
 */
#include "proxy/lease.h"

static void end_lease(void *context, mayfly_call *call)
{
    (void)call;
    mf_lease_drop(context);
}

int mf_call_lease(mayfly_call *call, mayfly_context *context, mayfly_error *err)
{
    int code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    mf_call_hold(call, context, end_lease, context);
    return 0;
}
