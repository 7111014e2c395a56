/*
 * proxy/admin/admin_stat.c: what a host holds and does, as an admin socket
 * tells it.
 *
 * Counts only grow: whoever wants to know how many per second asks twice, and
 * takes the host's own clock (`at_us`) for the time between.
 *
 * Units are told by version. A context that is no version of a unit any more
 * but is still held, or never was one, stands in a list of its own: what was
 * swapped out and does not go is there.
 *
 * Threads: those that answer.
 */
#include "proxy/admin/admin.h"

#include "base/census.h"
#include "base/error.h"
#include "cache/context/context.h"

#include <mayfly/cache.h>
#include <mayfly/memory.h>

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void put_calls(mf_json *j, const char *name, const mayfly_call_counts *n)
{
    int used = MAYFLY_LATENCIES; /* zeros at the end are not told */
    while (used > 0 && n->latency[used - 1] == 0)
        used--;
    mf_json_name(j, name);
    mf_json_open(j, '{');
    mf_json_put_u64(j, "calls", n->calls);
    mf_json_put_u64(j, "errors", n->errors);
    mf_json_put_u64(j, "us", n->ns / 1000);
    mf_json_name(j, "latency");
    mf_json_open(j, '[');
    for (int i = 0; i < used; i++)
        mf_json_u64(j, n->latency[i]);
    mf_json_close(j, ']');
    mf_json_close(j, '}');
}

static void put_version(void *state, const mayfly_version_info *v)
{
    mf_json *j = state;
    char fingerprint[20];
    snprintf(fingerprint, sizeof fingerprint, "%016llx",
             (unsigned long long)v->fingerprint);
    mf_json_open(j, '{');
    mf_json_put_str(j, "unit", v->unit);
    mf_json_put_str(j, "label", v->label);
    mf_json_put_u64(j, "version", v->version);
    mf_json_put_str(j, "fingerprint", fingerprint);
    mf_json_put_bool(j, "current", v->is_current);
    mf_json_put_bool(j, "pinned", v->is_pinned);
    mf_json_put_bool(j, "loaded", v->is_loaded);
    mf_json_put_bool(j, "lazy", v->is_lazy);
    mf_json_put_u64(j, "bytes", v->bytes);
    mf_json_put_u64(j, "recipe_bytes", v->recipe_bytes);
    mf_json_put_u64(j, "leases", v->leases);
    mf_json_put_u64(j, "age_ms", v->age_ms);
    mf_json_put_u64(j, "idle_ms", v->idle_ms);
    mf_json_put_u64(j, "builds", v->builds);
    mf_json_put_u64(j, "evictions", v->evictions);
    mf_json_put_u64(j, "build_us", v->build_us);
    put_calls(j, "calls", &v->calls);
    put_calls(j, "gone", &v->gone);
    mf_json_close(j, '}');
}

static void put_context(void *state, const mf_context_info *c)
{
    mf_json *j = state;
    if (c->is_version)
        return;
    mf_json_open(j, '{');
    mf_json_put_str(j, "context", c->name);
    mf_json_put_u64(j, "load", c->load);
    mf_json_put_str(j, "state", mf_state_name(c->state));
    mf_json_put_u64(j, "leases", c->leases);
    put_calls(j, "calls", &c->calls);
    mf_json_close(j, '}');
}

static void put_cache(mf_json *j, mayfly_host *host)
{
    mayfly_cache_stats s = {.size = sizeof s};
    mayfly_cache_budget b = {.size = sizeof b};
    mayfly_cache_get_stats(host, &s);
    mayfly_cache_get_budget(host, &b);
    mf_json_name(j, "cache");
    mf_json_open(j, '{');
    mf_json_put_u64(j, "units", s.units);
    mf_json_put_u64(j, "versions", s.versions);
    mf_json_put_u64(j, "loaded", s.loaded);
    mf_json_put_u64(j, "bytes", s.bytes);
    mf_json_put_u64(j, "recipe_bytes", s.recipe_bytes);
    mf_json_put_u64(j, "hits", s.hits);
    mf_json_put_u64(j, "misses", s.misses);
    mf_json_put_u64(j, "builds", s.builds);
    mf_json_put_u64(j, "build_us", s.build_us);
    mf_json_put_u64(j, "failures", s.failures);
    mf_json_put_u64(j, "refusals", s.refusals);
    mf_json_put_u64(j, "evictions", s.evictions);
    mf_json_put_u64(j, "evict_us", s.evict_us);
    mf_json_put_u64(j, "swaps", s.swaps);
    mf_json_put_u64(j, "swap_us", s.swap_us);
    mf_json_put_u64(j, "refused_swaps", s.refused_swaps);
    mf_json_put_u64(j, "budget_bytes", b.bytes);
    mf_json_put_u64(j, "budget_loaded", b.loaded);
    mf_json_put_u64(j, "budget_idle_ms", b.idle_ms);
    mf_json_close(j, '}');
}

static int put_memory(mf_json *j, mayfly_host *host, mayfly_error *err)
{
    static const char *const arenas[] = {"code",  "compile", "schema",
                                         "cache", "heap",    "pools"};
    mayfly_memory_report *report;
    int code = mayfly_memory_report_host(
        host, MAYFLY_MEMORY_OPTIONS(.parts = MAYFLY_MEMORY_CENSUS), &report,
        err);
    if (code != 0)
        return code;
    mf_json_name(j, "memory");
    mf_json_open(j, '{');
    for (size_t i = 0; i < sizeof arenas / sizeof arenas[0]; i++)
        mf_json_put_u64(j, arenas[i],
                        mayfly_memory_report_bytes(report, arenas[i]));
    mf_json_close(j, '}');
    mayfly_memory_report_free(report);
    return 0;
}

static uint64_t micros(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static void put_process(mf_json *j)
{
    mf_process p;
    struct rusage use;
    mf_process_read(&p);
    getrusage(RUSAGE_SELF, &use);
    mf_json_name(j, "process");
    mf_json_open(j, '{');
    mf_json_put_u64(j, "pid", (uint64_t)getpid());
    mf_json_put_u64(j, "cpu_us", micros(use.ru_utime) + micros(use.ru_stime));
    mf_json_put_u64(j, "pss_kib", p.pss_kib);
    mf_json_put_u64(j, "private_dirty_kib", p.private_dirty_kib);
    mf_json_put_u64(j, "memory_files_kib", p.memfd_kib);
    mf_json_put_u64(j, "malloc_used_kib", p.malloc_used_kib);
    mf_json_put_u64(j, "malloc_kept_kib", p.malloc_retained_kib);
    mf_json_put_u64(j, "mappings", p.mappings);
    mf_json_put_u64(j, "threads", p.threads);
    mf_json_put_u64(j, "descriptors", p.descriptors);
    mf_json_close(j, '}');
}

int mf_admin_stat(mf_admin_reply *r, const mf_admin_request *q,
                  mayfly_error *err)
{
    mf_json *j = &r->json;
    mayfly_host *host = r->host;
    uint64_t loads, unloads;
    (void)q;
    mf_registry_counts(host->contexts, &loads, &unloads);
    mf_json_put_str(j, "version", mayfly_version());
    mf_json_put_u64(j, "at_us", mf_clock_ns() / 1000);
    mf_json_put_u64(j, "loads", loads);
    mf_json_put_u64(j, "unloads", unloads);
    put_cache(j, host);
    put_process(j);
    int code = put_memory(j, host, err);
    mf_json_name(j, "units");
    mf_json_open(j, '[');
    if (code == 0)
        code = mayfly_cache_each(host, NULL, put_version, j, err);
    mf_json_close(j, ']');
    mf_json_name(j, "contexts");
    mf_json_open(j, '[');
    if (code == 0)
        mf_registry_each(host->contexts, put_context, j);
    mf_json_close(j, ']');
    mf_json_name(j, "registrations");
    return code ? code : mf_registrations_write(host, j, err);
}
