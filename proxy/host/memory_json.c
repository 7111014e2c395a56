/*
 * proxy/host/memory_json.c: a memory report as a JSON object, for programs.
 *
 * docs/memory.md explains every member. Parts that were not asked for are not
 * there.
 */
#include "proxy/host/memory.h"

#include "base/json.h"

#include <string.h>

static void open_list(mf_json *j, const char *name)
{
    mf_json_name(j, name);
    mf_json_open(j, '[');
}

static void put_census(const mayfly_memory_report *r, mf_json *j)
{
    const mf_census *c = &r->census;
    mf_json_name(j, "arena_bytes");
    mf_json_open(j, '{');
    for (size_t i = 0; i < c->n; i++) {
        size_t first = 0;
        while (strcmp(c->rows[first].arena, c->rows[i].arena) != 0)
            first++;
        if (first == i)
            mf_json_put_u64(j, c->rows[i].arena,
                            mf_census_bytes(c, c->rows[i].arena));
    }
    mf_json_close(j, '}');
    open_list(j, "kinds");
    for (size_t i = 0; i < r->n_rows; i++) {
        const mayfly_memory_row *row = &r->rows[i];
        mf_json_open(j, '{');
        mf_json_put_str(j, "arena", row->arena);
        mf_json_put_str(j, "kind", row->kind);
        mf_json_put_u64(j, "blocks", row->blocks);
        mf_json_put_u64(j, "bytes", row->bytes);
        mf_json_put_u64(j, "largest", row->largest);
        mf_json_put_u64(j, "live", row->live);
        mf_json_put_u64(j, "peak", row->peak);
        mf_json_close(j, '}');
    }
    mf_json_close(j, ']');
}

static void put_map(const mayfly_memory_report *r, mf_json *j)
{
    mf_json_put_u64(j, "mappings", r->map.mappings);
    open_list(j, "map");
    for (int i = 0; i < MF_MAP_TYPES; i++) {
        const mf_map_sum *s = &r->map.sums[i];
        mf_json_open(j, '{');
        mf_json_put_str(j, "type", mf_map_type_name((enum mf_map_type)i));
        mf_json_put_u64(j, "count", s->count);
        mf_json_put_u64(j, "bytes", s->bytes);
        mf_json_put_u64(j, "resident_bytes", s->resident);
        mf_json_put_u64(j, "dirty_bytes", s->dirty);
        mf_json_close(j, '}');
    }
    mf_json_close(j, ']');
}

static void put_free(mf_json *j, size_t free, size_t parts, size_t largest)
{
    mf_json_put_u64(j, "free_bytes", free);
    mf_json_put_u64(j, "free_parts", parts);
    mf_json_put_u64(j, "free_largest", largest);
    mf_json_put_u64(j, "fragmentation_percent",
                    mf_report_fragmentation(free, largest));
}

static void put_space(const mayfly_memory_report *r, mf_json *j)
{
    const mf_zone_space *z = &r->zone;
    mf_json_name(j, "code_zone");
    mf_json_open(j, '{');
    mf_json_put_u64(j, "reserved_bytes", z->reserved);
    mf_json_put_u64(j, "used_bytes", z->used);
    mf_json_put_u64(j, "units", z->units);
    mf_json_put_u64(j, "chunks", z->chunks);
    mf_json_put_u64(j, "memory_file_bytes", z->backed);
    mf_json_put_u64(j, "tombstone_bytes", z->waiting);
    mf_json_put_u64(j, "tombstones", z->waiting_parts);
    put_free(j, z->free, z->free_parts, z->free_largest);
    mf_json_close(j, '}');
    mf_json_put_u64(j, "compile_arenas", r->n_arenas);
    open_list(j, "compile_arena");
    for (size_t i = 0; i < r->n_arenas && i < MF_REPORT_ARENAS; i++) {
        const mf_report_arena *a = &r->arenas[i];
        mf_json_open(j, '{');
        mf_json_put_str(j, "state",
                        a->busy     ? "at work"
                        : a->is_hot ? "hot"
                                    : "resident");
        mf_json_put_u64(j, "reserved_bytes", a->space.reserved);
        mf_json_put_u64(j, "open_bytes", a->space.open);
        mf_json_put_u64(j, "used_bytes", a->space.used);
        mf_json_put_u64(j, "live_bytes", a->space.live);
        put_free(j, a->space.free, a->space.free_blocks, a->space.free_largest);
        mf_json_close(j, '}');
    }
    mf_json_close(j, ']');
}

static void put_threads(const mayfly_memory_report *r, mf_json *j)
{
    mf_json_put_u64(j, "threads", r->n_threads);
    open_list(j, "thread");
    for (size_t i = 0; i < r->n_threads && i < MF_REPORT_THREADS; i++) {
        const mf_thread_info *t = &r->threads[i];
        mf_json_open(j, '{');
        mf_json_put_u64(j, "id", (uint64_t)t->id);
        mf_json_put_str(j, "name", t->name);
        mf_json_put_u64(j, "age_ms", t->age_ms);
        mf_json_put_u64(j, "cpu_ms", t->cpu_ms);
        mf_json_close(j, '}');
    }
    mf_json_close(j, ']');
}

void mf_report_write_json(const mayfly_memory_report *r, mf_buf *out)
{
    mf_json j;
    mf_json_init(&j, out, 1);
    mf_json_open(&j, '{');
    mf_json_put_str(&j, "of", r->of);
    if (r->name[0])
        mf_json_put_str(&j, "context", r->name);
    else
        mf_json_put_u64(&j, "contexts", r->contexts);
    if (r->parts & MAYFLY_MEMORY_CENSUS)
        put_census(r, &j);
    if (r->parts & MAYFLY_MEMORY_MAP) {
        put_map(r, &j);
        put_space(r, &j);
    }
    if (r->parts & MAYFLY_MEMORY_THREADS)
        put_threads(r, &j);
    if (r->parts & MAYFLY_MEMORY_DESCRIPTORS) {
        mf_json_name(&j, "descriptors");
        mf_json_open(&j, '{');
        for (int i = 0; i < MF_FD_KINDS; i++)
            mf_json_put_u64(&j, mf_fd_kind_name((enum mf_fd_kind)i),
                            r->descriptors[i]);
        mf_json_close(&j, '}');
    }
    mf_json_close(&j, '}');
}
