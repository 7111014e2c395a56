/*
 * proxy/host/quarantine.c: how long addresses of unloaded contexts wait.
 *
 * The zone keeps the addresses, the cache what stood there; both get the same
 * bounds, so that what waits can be named.
 *
 * Threads: any.
 */
#include "proxy/host/quarantine.h"

#include "base/error.h"
#include "cache/context/context.h"

static int set(mayfly_host *host, size_t units, unsigned age_ms,
               mayfly_error *err)
{
    uint64_t age_ns = (uint64_t)age_ms * 1000000;
    int code = mf_zone_set_quarantine(host->compiler.zone, units, age_ns, err);
    if (code == 0 && mf_registry_set_tombs(host->contexts, units, age_ns) != 0)
        code = mf_error_nomem(err, "the quarantine");
    return code;
}

int mf_quarantine_begin(mayfly_host *host, mayfly_error *err)
{
    const mayfly_host_options *o = &host->options;
    return set(host, o->quarantine_max, o->quarantine_ms, err);
}

int mayfly_host_set_quarantine(mayfly_host *host, size_t units, unsigned age_ms,
                               mayfly_error *err)
{
    if (!host)
        return mf_error_set(err, MAYFLY_EINVAL, "no host");
    int code = mf_host_check(host, err);
    return code == 0 ? set(host, units, age_ms, err) : code;
}
