/*
 * cache/context/receipt_json.c: a receipt as a JSON object, for programs.
 *
 * Every member is named and explained in docs/receipts.md. What was not
 * measured is null, so that nobody takes it for zero.
 */
#include "cache/context/internal.h"

#include "base/json.h"

/* A number that is only known where the process was measured. */
static void put_measured(mf_json *j, const char *name, int known, int64_t value)
{
    mf_json_name(j, name);
    if (known)
        mf_json_i64(j, value);
    else
        mf_json_raw(j, "null");
}

static void put_kinds(mf_json *j, const mf_census *c)
{
    mf_json_name(j, "kinds");
    mf_json_open(j, '[');
    for (size_t i = 0; i < c->n; i++) {
        mf_json_open(j, '{');
        mf_json_put_str(j, "arena", c->rows[i].arena);
        mf_json_put_str(j, "kind", c->rows[i].kind);
        mf_json_put_u64(j, "blocks", c->rows[i].blocks);
        mf_json_put_u64(j, "bytes", c->rows[i].bytes);
        mf_json_put_u64(j, "largest", c->rows[i].largest);
        mf_json_put_u64(j, "live", c->rows[i].live);
        mf_json_put_u64(j, "peak", c->rows[i].peak);
        mf_json_close(j, '}');
    }
    mf_json_close(j, ']');
}

static void put_descriptors(mf_json *j, const mf_snapshot *s)
{
    mf_json_name(j, "descriptor_kinds");
    if (!s->has_process) {
        mf_json_raw(j, "null");
        return;
    }
    mf_json_open(j, '{');
    for (int i = 0; i < MF_FD_KINDS; i++)
        mf_json_put_u64(j, mf_fd_kind_name((enum mf_fd_kind)i),
                        s->process.by_kind[i]);
    mf_json_close(j, '}');
}

static void put_map(mf_json *j, const mf_snapshot *s)
{
    mf_json_name(j, "map");
    if (!s->has_map) {
        mf_json_raw(j, "null");
        return;
    }
    mf_json_open(j, '[');
    for (int i = 0; i < MF_MAP_TYPES; i++) {
        const struct mf_map_kib_sum *sum = &s->map.sums[i];
        if (!sum->count)
            continue;
        mf_json_open(j, '{');
        mf_json_put_str(j, "type", mf_map_type_name((enum mf_map_type)i));
        mf_json_put_u64(j, "count", sum->count);
        mf_json_put_u64(j, "size_kib", sum->size);
        mf_json_put_u64(j, "resident_kib", sum->resident);
        mf_json_put_u64(j, "dirty_kib", sum->dirty);
        mf_json_close(j, '}');
    }
    mf_json_close(j, ']');
}

static void put_phase(mf_json *j, const mf_snapshot *s, uint64_t start_ns)
{
    const mf_process *p = &s->process;
    int known = s->has_process;
    mf_json_open(j, '{');
    mf_json_put_str(j, "name", s->phase);
    mf_json_put_u64(j, "at_us", (s->at_ns - start_ns) / 1000);
    mf_json_put_u64(j, "compile_arena_bytes",
                    mf_census_bytes(&s->census, "compile"));
    mf_json_put_u64(j, "code_arena_bytes", mf_census_bytes(&s->census, "code"));
    mf_json_put_u64(j, "schema_bytes", mf_census_bytes(&s->census, "schema"));
    put_measured(j, "private_dirty_kib", known, (int64_t)p->private_dirty_kib);
    put_measured(j, "pss_kib", known, (int64_t)p->pss_kib);
    put_measured(j, "mappings", known, (int64_t)p->mappings);
    put_measured(j, "memory_file_kib", known, (int64_t)p->memfd_kib);
    put_measured(j, "threads", known, (int64_t)p->threads);
    put_measured(j, "descriptors", known, (int64_t)p->descriptors);
    put_measured(j, "malloc_used_kib", known, (int64_t)p->malloc_used_kib);
    put_measured(j, "malloc_retained_kib", known,
                 (int64_t)p->malloc_retained_kib);
    put_descriptors(j, s);
    put_map(j, s);
    put_kinds(j, &s->census);
    mf_json_close(j, '}');
}

static void put_times(mf_json *j, const mf_receipt_view *v)
{
    mf_json_name(j, "times_us");
    mf_json_open(j, '{');
    mf_json_put_u64(j, "load", v->load_ns / 1000);
    mf_json_put_u64(j, "generate", v->generate_ns / 1000);
    mf_json_put_u64(j, "compile", v->compile_ns / 1000);
    mf_json_put_u64(j, "unload", v->unload_ns / 1000);
    mf_json_close(j, '}');
}

static void put_retained(mf_json *j, const mf_receipt_view *v)
{
    mf_json_name(j, "retained");
    mf_json_open(j, '{');
    mf_json_put_u64(j, "arena_bytes", v->retained_bytes);
    put_measured(j, "mappings", v->has_process, v->retained_mappings);
    put_measured(j, "private_dirty_kib", v->has_process, v->retained_dirty_kib);
    mf_json_close(j, '}');
}

/* What mayfly keeps, and apart from it what the process allocator does. */
static void put_verdict(mf_json *j, const mf_receipt_view *v)
{
    mf_json_name(j, "verdict");
    mf_json_open(j, '{');
    mf_json_name(j, "clean");
    if (v->state == MAYFLY_UNLOADED)
        mf_json_raw(j, v->retained_bytes ? "false" : "true");
    else
        mf_json_raw(j, "null");
    mf_json_put_u64(j, "retained_by_mayfly_bytes", v->retained_bytes);
    mf_json_name(j, "process_allocator");
    mf_json_open(j, '{');
    put_measured(j, "used_kib", v->has_process, v->malloc_used_kib);
    put_measured(j, "retained_kib", v->has_process, v->malloc_retained_kib);
    mf_json_close(j, '}');
    mf_json_close(j, '}');
}

static void put_members(mf_json *j, const mf_receipt_view *v)
{
    mf_json_put_str(j, "context", v->context);
    mf_json_put_str(j, "state", mf_state_name(v->state));
    mf_json_put_bool(j, "resident", v->resident);
    mf_json_put_u64(j, "cycles", v->cycles);
    mf_json_name(j, "phases");
    mf_json_open(j, '[');
    for (int i = 0; i < v->n_phases; i++)
        put_phase(j, &v->phases[i], v->phases[0].at_ns);
    mf_json_close(j, ']');
    put_times(j, v);
    put_retained(j, v);
    put_verdict(j, v);
}

void mf_receipt_write_json(const mf_receipt_view *v,
                           const mf_receipt_view *beside, mf_buf *out)
{
    mf_json j;
    mf_json_init(&j, out, 1);
    mf_json_open(&j, '{');
    put_members(&j, v);
    if (v->why) {
        mf_json_name(&j, "why");
        mf_json_raw(&j, mayfly_why_json(v->why));
    }
    if (beside) {
        mf_json_name(&j, "beside");
        mf_json_open(&j, '{');
        put_members(&j, beside);
        mf_json_close(&j, '}');
    }
    mf_json_close(&j, '}');
}
