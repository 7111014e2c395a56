/*
 * proxy/limits.c: where limits come from and whom they are given to.
 *
 * The compiler keeps those of compiling (source, arena, code of a unit, time,
 * nesting, includes, mappings), the zone that of all code, the list of contexts
 * their number. Each refuses by itself and names the limit; here they are read,
 * checked and handed on, at the start and whenever the user changes them.
 *
 * The host's own copy is only there to be shown; its lock guards it.
 *
 * Threads: any.
 */
#include "proxy/limits.h"

#include "base/error.h"
#include "cache/context.h"

int mf_limits_check(const mayfly_limits *limits, mayfly_error *err)
{
    if (limits && limits->size != sizeof *limits)
        return mf_error_set(err, MAYFLY_EINVAL, "limits of %zu bytes, not %zu",
                            limits->size, sizeof *limits);
    return 0;
}

int mf_limits_read(const mayfly_host_options *o, mayfly_limits *ret,
                   mayfly_error *err)
{
    int code = mf_limits_check(o->limits, err);
    if (code != 0)
        return code;
    mayfly_limits l = {.size = sizeof l};
    if (o->limits)
        l = *o->limits;
    if (!l.source_bytes)
        l.source_bytes = o->source_bytes_max;
    if (!l.compile_bytes)
        l.compile_bytes = o->compile_bytes_max;
    if (!l.code_bytes)
        l.code_bytes = o->code_bytes_max;
    if (!l.compile_ms)
        l.compile_ms = o->compile_ms_max;
    *ret = l;
    return 0;
}

mf_cc_limits mf_limits_of_compile(const mayfly_limits *limits)
{
    static const mayfly_limits none = {.size = sizeof none};
    const mayfly_limits *l = limits ? limits : &none;
    return (mf_cc_limits){.source_bytes = l->source_bytes,
                          .arena_bytes = l->compile_bytes,
                          .code_bytes = l->code_bytes,
                          .time_ms = l->compile_ms,
                          .include_depth = l->include_depth,
                          .includes = l->includes,
                          .mappings_spare = l->mappings_spare,
                          .nesting = l->nesting};
}

int mf_limits_apply(mayfly_host *host, const mayfly_limits *limits,
                    mayfly_error *err)
{
    mf_cc_limits compile = mf_limits_of_compile(limits);
    compile.code_bytes = 0; /* the zone's, of all units together */
    if (host->has_compiler) {
        int code =
            mf_zone_set_max(host->compiler.zone, limits->code_bytes, err);
        if (code != 0)
            return code;
        mf_cc_set_limits(host->compiler.cc, &compile);
        mf_registry_set_max(host->contexts, limits->contexts);
    }
    pthread_mutex_lock(&host->lock);
    host->limits = *limits;
    pthread_mutex_unlock(&host->lock);
    return 0;
}

int mayfly_host_set_limits(mayfly_host *host, const mayfly_limits *limits,
                           mayfly_error *err)
{
    if (!host || !limits)
        return mf_error_set(err, MAYFLY_EINVAL, "no host or no limits");
    int code = mf_host_check(host, err);
    if (code == 0)
        code = mf_limits_check(limits, err);
    return code == 0 ? mf_limits_apply(host, limits, err) : code;
}

void mayfly_host_get_limits(mayfly_host *host, mayfly_limits *ret_limits)
{
    pthread_mutex_lock(&host->lock);
    *ret_limits = host->limits;
    pthread_mutex_unlock(&host->lock);
}
