/*
 * proxy/program/background.c: calling a context's code beside its calls.
 *
 * A context with C source has a program, whose frames exit comes back to; one
 * without has only the note that this thread is inside of it.
 *
 * Threads: any that holds a lease on the context.
 */
#include "proxy/program/background.h"

#include "base/error.h"
#include "compiler/unit.h"
#include "proxy/program/program.h"

#include <stdio.h>

int mf_background_check(mayfly_context *context, int has_function,
                        mayfly_host **ret_host, mayfly_error *err)
{
    if (!context || !has_function)
        return mf_error_set(err, MAYFLY_EINVAL, "no context or no function");
    *ret_host = mf_context_host(context);
    return mf_host_check(*ret_host, err);
}

void mf_background_name(mayfly_context *context, mf_owned *o, const char *name,
                        const void *function)
{
    const mf_unit *unit = mf_context_unit(context);
    if (name)
        snprintf(o->name, sizeof o->name, "%s", name);
    else if (!mf_unit_name_at(unit, function, o->name, sizeof o->name))
        snprintf(o->name, sizeof o->name, "(no name)");
}

int mf_background_call(mayfly_context *context, void (*call)(void *state),
                       void *state)
{
    const mf_unit *unit = mf_context_unit(context);
    if (unit->user)
        return mf_program_call(unit->user, call, state);
    mf_inside note;
    mf_inside_enter(&note, context);
    call(state);
    mf_inside_leave(&note);
    return 0;
}
