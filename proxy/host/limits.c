/*
 * proxy/host/limits.c: where limits come from and whom they are given to.
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
#include "proxy/host/limits.h"

#include "base/error.h"
#include "base/options.h"
#include "cache/context/context.h"

int mf_limits_check(const mayfly_limits *limits, mayfly_error *err)
{
    mayfly_limits unused = {.size = sizeof unused};
    return mf_options_read(&unused, sizeof unused, limits, "limits", err);
}

int mf_limits_read(const mayfly_host_options *o, mayfly_limits *ret,
                   mayfly_error *err)
{
    mayfly_limits l = {.size = sizeof l};
    int code = mf_options_read(&l, sizeof l, o->limits, "limits", err);
    if (code != 0)
        return code;
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
    mayfly_limits l = {.size = sizeof l};
    mf_options_read(&l, sizeof l, limits, "limits", NULL);
    return (mf_cc_limits){.source_bytes = l.source_bytes,
                          .arena_bytes = l.compile_bytes,
                          .code_bytes = l.code_bytes,
                          .time_ms = l.compile_ms,
                          .include_depth = l.include_depth,
                          .includes = l.includes,
                          .mappings_spare = l.mappings_spare,
                          .nesting = l.nesting};
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
    mayfly_limits l = {.size = sizeof l};
    int code = mf_host_check(host, err);
    if (code == 0)
        code = mf_options_read(&l, sizeof l, limits, "limits", err);
    return code == 0 ? mf_limits_apply(host, &l, err) : code;
}

void mayfly_host_get_limits(mayfly_host *host, mayfly_limits *ret_limits)
{
    pthread_mutex_lock(&host->lock);
    mf_options_write(ret_limits, &host->limits, sizeof host->limits);
    pthread_mutex_unlock(&host->lock);
}
