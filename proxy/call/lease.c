/*
 * proxy/call/lease.c: a call's hold on a context.
 *
 * The lease keeps the code from encode to the end of decode, on a server from
 * the request to the answer. It keeps the handle as well, so the call may
 * outlive the proxy or the route that it came by without a reference: those
 * would be counted in one place, which all processors then write.
 */
#include "proxy/call/lease.h"

#include "base/census.h"

static void end_lease(void *context, mayfly_call *call)
{
    mf_lease_drop_call(context, mf_clock_ns() - call->held_ns,
                       mf_call_has_failed(call));
}

static void hold(mayfly_call *call, mayfly_context *context)
{
    call->held_ns = mf_clock_ns();
    mf_call_hold(call, context, end_lease, context);
}

int mf_call_lease(mayfly_call *call, mayfly_context *context, mayfly_error *err)
{
    int code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    hold(call, context);
    return 0;
}

/* 0: none. The time of a client's call that has not started begins here. */
static uint64_t deadline_of(const mayfly_call *call)
{
    if (call->deadline_ns || !call->timeout_ms)
        return call->deadline_ns;
    return mf_clock_ns() + (uint64_t)call->timeout_ms * 1000000;
}

int mf_call_try_lease_unit(mayfly_call *call, mayfly_unit *unit,
                           mayfly_context **ret_context)
{
    int code = mf_unit_try_lease(unit, ret_context);
    if (code == 0)
        hold(call, *ret_context);
    return code;
}

int mf_call_lease_unit(mayfly_call *call, mayfly_unit *unit,
                       mayfly_context **ret_context, mayfly_error *err)
{
    if (mf_call_try_lease_unit(call, unit, ret_context) == 0)
        return 0;
    uint64_t deadline = deadline_of(call);
    int code = mf_unit_lease(unit, deadline, ret_context, err);
    if (code != 0)
        return code;
    call->deadline_ns = deadline; /* what was waited is gone */
    hold(call, *ret_context);
    return 0;
}
