/*
 * proxy/host/memory.c: memory reports, put together.
 *
 * Each figure comes from whoever owns what it counts: units tell their kinds,
 * zone and compiler their space and ranges, the kernel the rest. Here they are
 * gathered, filtered and sorted, and written once, so that a report is plain
 * text afterwards and holds nothing but a reference to the host.
 *
 * What stays true of a host's census: the rows of the code arena add up to what
 * the zone counts as used, those of the compile arena to what the compiler
 * counts. What is in neither's list at that moment, a unit being made or a
 * context being unloaded, is a row of its own.
 *
 * Threads: any. No lock is held while /proc is read.
 */
#include "proxy/host/memory.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"
#include "cache/context/context.h"
#include "cache/units/units.h"
#include "proxy/host/host.h"
#include "proxy/host/user_pool.h"

#include <stdio.h>
#include <string.h>

enum {
    ALL_PARTS = MAYFLY_MEMORY_CENSUS | MAYFLY_MEMORY_MAP |
                MAYFLY_MEMORY_THREADS | MAYFLY_MEMORY_DESCRIPTORS,
    PAGE = 4096
};

/* --- the census --------------------------------------------------------------
 */

/* What the owner counts and no row tells. */
static void add_rest(mf_census *c, const char *arena, const char *kind,
                     size_t counted, size_t told)
{
    if (counted > told)
        mf_census_add(c, arena, kind, 1, counted - told);
}

static size_t bytes_of_kind(const mf_census *c, const char *arena,
                            const char *kind)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->rows[i].arena, arena) == 0 &&
            strcmp(c->rows[i].kind, kind) == 0)
            return c->rows[i].bytes;
    return 0;
}

typedef struct heap_sum {
    mf_census *census;
    size_t blocks, bytes; /* of the host's heap that other rows tell */
} heap_sum;

static void add_pools(void *state, const char *kind, size_t blocks,
                      size_t bytes, size_t peak)
{
    heap_sum *sum = state;
    mf_census_row row = {.arena = "pools",
                         .kind = kind,
                         .blocks = blocks,
                         .bytes = bytes,
                         .live = bytes,
                         .peak = peak};
    mf_census_merge(sum->census, &row);
    sum->blocks += blocks;
    sum->bytes += bytes;
}

static size_t less(size_t all, size_t part)
{
    return all > part ? all - part : 0;
}

static void add_bytes(void *state, const void *at, size_t bytes)
{
    (void)at;
    *(size_t *)state += bytes;
}

static void census_of_host(mayfly_host *host, mayfly_memory_report *r)
{
    mf_census *c = &r->census;
    r->contexts = mf_registry_census(host->contexts, c);
    add_rest(c, "code", "being made or unloaded",
             mf_zone_used(host->compiler.zone), mf_census_bytes(c, "code"));
    /* generated text is in heaps, beside the compiler's arenas */
    size_t told = mf_census_bytes(c, "compile") -
                  bytes_of_kind(c, "compile", "generated text");
    add_rest(c, "compile", "kept for the next compile",
             mf_cc_arena_bytes(host->compiler.cc), told);
    size_t work = 0;
    mf_work_each(&host->compiler.work, add_bytes, &work);
    add_rest(c, "compile", "kept for the next schema", work, 0);
    heap_sum told_elsewhere = {.census = c};
    mf_user_pools_total(host, add_pools, &told_elsewhere);
    mf_census cache = {0};
    mf_units_census(host->units, &cache);
    for (size_t i = 0; i < cache.n; i++) {
        mf_census_merge(c, &cache.rows[i]);
        told_elsewhere.blocks += cache.rows[i].blocks;
        told_elsewhere.bytes += cache.rows[i].bytes;
    }
    mf_census_add(c, "heap", "handles, calls, buffers",
                  less(atomic_load(&host->alloc.blocks), told_elsewhere.blocks),
                  less(atomic_load(&host->alloc.bytes), told_elsewhere.bytes));
}

static int is_wanted(const mf_census_row *row, const mayfly_memory_options *o)
{
    return (!o->arena || strcmp(row->arena, o->arena) == 0) &&
           (!o->kind || strstr(row->kind, o->kind)) &&
           row->bytes >= o->bytes_min && row->largest >= o->block_min &&
           (!o->bytes_max || row->bytes <= o->bytes_max);
}

static int by_number(size_t a, size_t b)
{
    return a == b ? 0 : a > b ? -1 : 1;
}

static int compare(const mayfly_memory_row *a, const mayfly_memory_row *b,
                   int sort)
{
    int code =
        sort == MAYFLY_MEMORY_BY_BYTES     ? by_number(a->bytes, b->bytes)
        : sort == MAYFLY_MEMORY_BY_BLOCKS  ? by_number(a->blocks, b->blocks)
        : sort == MAYFLY_MEMORY_BY_LARGEST ? by_number(a->largest, b->largest)
        : sort == MAYFLY_MEMORY_BY_LIVE    ? by_number(a->live, b->live)
        : sort == MAYFLY_MEMORY_BY_PEAK    ? by_number(a->peak, b->peak)
                                           : 0;
    if (code == 0)
        code = strcmp(a->arena, b->arena);
    return code ? code : strcmp(a->kind, b->kind);
}

/* A few dozen rows: each goes to its place. */
static void choose_rows(mayfly_memory_report *r, const mayfly_memory_options *o)
{
    for (size_t i = 0; i < r->census.n; i++) {
        const mf_census_row *from = &r->census.rows[i];
        if (!is_wanted(from, o))
            continue;
        mayfly_memory_row row = {from->arena, from->kind,    from->blocks,
                                 from->bytes, from->largest, from->live,
                                 from->peak};
        size_t at = r->n_rows++;
        while (at && compare(&row, &r->rows[at - 1], o->sort) < 0) {
            r->rows[at] = r->rows[at - 1];
            at--;
        }
        r->rows[at] = row;
    }
}

/* --- the process
 * --------------------------------------------------------------- */

static void add_zone_part(void *state, enum mf_zone_part part, const void *at,
                          size_t bytes)
{
    static const enum mf_map_type types[] = {
        [MF_ZONE_UNITS] = MF_MAP_CODE,
        [MF_ZONE_WAITING] = MF_MAP_TOMBS,
        [MF_ZONE_FREE] = MF_MAP_ZONE_FREE,
    };
    mf_map_ranges_add(state, at, bytes, types[part]);
}

typedef struct adding {
    mayfly_memory_report *report;
    mf_map_ranges *ranges;
} adding;

static void add_arena(void *state, const void *at, size_t bytes, int is_hot,
                      const mf_carena_space *space)
{
    adding *a = state;
    mayfly_memory_report *r = a->report;
    mf_map_ranges_add(a->ranges, at, bytes, MF_MAP_ARENAS);
    if (!r || r->n_arenas++ >= MF_REPORT_ARENAS)
        return;
    mf_report_arena *arena = &r->arenas[r->n_arenas - 1];
    arena->is_hot = is_hot;
    arena->busy = space == NULL;
    if (space)
        arena->space = *space;
}

static void add_work(void *state, const void *at, size_t bytes)
{
    mf_map_ranges_add(state, at, bytes, MF_MAP_ARENAS);
}

/* Of a unit's own records only whole mappings; the rest is in malloc's heap. */
static void add_unit_part(void *state, enum mf_part part, const void *at,
                          size_t bytes)
{
    if (part == MF_PART_OWN && (uintptr_t)at % PAGE == 0 && bytes % PAGE == 0)
        mf_map_ranges_add(state, at, bytes, MF_MAP_UNITS);
}

/* `r` may be NULL. */
static int read_map(mayfly_host *host, mayfly_context *own,
                    mayfly_memory_report *r, mf_map *ret)
{
    mf_map_ranges ranges;
    mf_map_ranges_init(&ranges, &host->alloc);
    adding a = {r, &ranges};
    mf_zone_each(host->compiler.zone, add_zone_part, &ranges);
    mf_cc_each_arena(host->compiler.cc, add_arena, &a);
    mf_work_each(&host->compiler.work, add_work, &ranges);
    mf_registry_parts(host->contexts, add_unit_part, &ranges);
    if (own)
        mf_context_parts(own, add_unit_part, &ranges);
    int code = ranges.failed ? MAYFLY_ENOMEM : 0;
    if (code == 0)
        mf_map_read(&ranges, ret);
    mf_map_ranges_done(&ranges);
    return code;
}

int mf_report_map(void *host, mayfly_context *own, mf_map *ret)
{
    return read_map(host, own, NULL, ret);
}

static void add_thread(void *state, const mf_thread_info *thread)
{
    mayfly_memory_report *r = state;
    if (r->n_threads++ < MF_REPORT_THREADS)
        r->threads[r->n_threads - 1] = *thread;
}

unsigned mf_report_fragmentation(size_t free, size_t largest)
{
    return free ? (unsigned)((double)(free - largest) * 100 / (double)free) : 0;
}

/* --- making
 * ---------------------------------------------------------------------- */

static int read_options(const mayfly_memory_options *given,
                        mayfly_memory_options *ret, unsigned usual,
                        mayfly_error *err)
{
    *ret = (mayfly_memory_options){.size = sizeof *ret};
    int code = mf_options_read(ret, sizeof *ret, given, "memory options", err);
    if (code != 0)
        return code;
    if (ret->parts & ~(unsigned)ALL_PARTS)
        return mf_error_set(err, MAYFLY_EINVAL, "parts of a report: %#x",
                            ret->parts);
    if (ret->sort < 0 || ret->sort > MAYFLY_MEMORY_BY_KIND)
        return mf_error_set(err, MAYFLY_EINVAL, "no such order: %d", ret->sort);
    if (!ret->parts)
        ret->parts = usual;
    return 0;
}

static int finish(mayfly_host *host, mayfly_memory_report *r,
                  const mayfly_memory_options *o, mayfly_error *err)
{
    int code = 0;
    r->parts = o->parts;
    choose_rows(r, o);
    if (o->parts & MAYFLY_MEMORY_MAP) {
        mf_zone_measure(host->compiler.zone, &r->zone);
        code = read_map(host, NULL, r, &r->map);
    }
    if (code != 0)
        return mf_error_nomem(err, "a memory report");
    if (o->parts & MAYFLY_MEMORY_THREADS)
        mf_threads_each(add_thread, r);
    if (o->parts & MAYFLY_MEMORY_DESCRIPTORS)
        mf_descriptors_count(r->descriptors);
    mf_report_write_text(r, &r->text);
    mf_report_write_json(r, &r->json);
    mf_buf_text(&r->text);
    mf_buf_text(&r->json);
    code = mf_buf_check(&r->text, "a memory report", err);
    return code != 0 ? code : mf_buf_check(&r->json, "a memory report", err);
}

static int make(mayfly_host *host, mayfly_context *context,
                const mayfly_memory_options *options,
                mayfly_memory_report **ret_report, mayfly_error *err)
{
    mayfly_memory_options o;
    int code = read_options(options, &o,
                            context ? MAYFLY_MEMORY_CENSUS : ALL_PARTS, err);
    if (code != 0)
        return code;
    mayfly_memory_report *r = mf_alloc_zero(&host->alloc, sizeof *r);
    if (!r)
        return mf_error_nomem(err, "a memory report");
    r->alloc = &host->alloc;
    r->keeps = mf_host_ref(host);
    mf_buf_init(&r->text, r->alloc, 0);
    mf_buf_init(&r->json, r->alloc, 0);
    r->of = context ? "context" : "host";
    if (context) {
        snprintf(r->name, sizeof r->name, "%s", mayfly_context_name(context));
        mf_context_memory(context, &r->census);
    } else {
        census_of_host(host, r);
    }
    code = finish(host, r, &o, err);
    if (code != 0) {
        mayfly_memory_report_free(r);
        return code;
    }
    *ret_report = r;
    return 0;
}

/* --- public
 * ---------------------------------------------------------------------- */

int mayfly_memory_report_host(mayfly_host *host,
                              const mayfly_memory_options *options,
                              mayfly_memory_report **ret_report,
                              mayfly_error *err)
{
    if (!host || !ret_report)
        return mf_error_set(err, MAYFLY_EINVAL, "no host for a report");
    int code = mf_host_check(host, err);
    return code == 0 ? make(host, NULL, options, ret_report, err) : code;
}

int mayfly_memory_report_context(mayfly_context *context,
                                 const mayfly_memory_options *options,
                                 mayfly_memory_report **ret_report,
                                 mayfly_error *err)
{
    if (!context || !ret_report)
        return mf_error_set(err, MAYFLY_EINVAL, "no context for a report");
    mayfly_host *host = mf_context_host(context);
    int code = mf_fork_check(host->made_under, err);
    return code == 0 ? make(host, context, options, ret_report, err) : code;
}

const mayfly_memory_row *
mayfly_memory_report_rows(const mayfly_memory_report *report, size_t *ret_n)
{
    *ret_n = report->n_rows;
    return report->rows;
}

size_t mayfly_memory_report_bytes(const mayfly_memory_report *report,
                                  const char *arena)
{
    size_t n = 0;
    for (size_t i = 0; i < report->census.n; i++)
        if (!arena || strcmp(report->census.rows[i].arena, arena) == 0)
            n += report->census.rows[i].bytes;
    return n;
}

const char *mayfly_memory_report_text(const mayfly_memory_report *report)
{
    return (const char *)report->text.ptr;
}

const char *mayfly_memory_report_json(const mayfly_memory_report *report)
{
    return (const char *)report->json.ptr;
}

void mayfly_memory_report_free(mayfly_memory_report *report)
{
    if (!report)
        return;
    mayfly_host *host = report->keeps;
    mf_buf_done(&report->text);
    mf_buf_done(&report->json);
    mf_alloc_free(report->alloc, report);
    mf_host_unref(host);
}
