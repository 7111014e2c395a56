/*
 * cache/context/receipt_text.c: a receipt as a table, for people.
 *
 *     context greeter: unloaded (cycle 1)
 *                               before    compiled  arena dropped    unloaded
 *     compile arena                  0     397,312              0           0
 *       token symbols                0       9,216              0           0
 *     ...
 *
 * One column per phase, one row per kind of memory that any phase had, sums
 * first. Bytes have thousands apart, for that is what a reader compares. Two
 * receipts side by side are the columns of both.
 */
#include "cache/context/internal.h"

#include <string.h>

enum { LABEL_WIDTH = 26, COLUMN_WIDTH = 14, COLUMNS_MAX = 2 * MF_PHASES };

/* The phases that are shown, of one receipt or of two. */
typedef struct columns {
    int n;
    const mf_snapshot *phase[COLUMNS_MAX];
} columns;

static void put_number(mf_buf *out, uint64_t n)
{
    mf_buf_put_grouped(out, n, COLUMN_WIDTH);
}

static void put_label(mf_buf *out, const char *indent, const char *label)
{
    mf_buf_printf(out, "%s%-*s", indent, LABEL_WIDTH - (int)strlen(indent),
                  label);
}

static const mf_census_row *find_row(const mf_census *c, const char *arena,
                                     const char *kind)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->rows[i].arena, arena) == 0 &&
            strcmp(c->rows[i].kind, kind) == 0)
            return &c->rows[i];
    return NULL;
}

/* Whether a column before `column` has that kind: then it has been shown. */
static int shown_before(const columns *c, int column, const mf_census_row *row)
{
    for (int i = 0; i < column; i++)
        if (find_row(&c->phase[i]->census, row->arena, row->kind))
            return 1;
    return 0;
}

/* A kind that no phase has bytes of is left out. */
static void put_kind(const columns *c, const mf_census_row *row, mf_buf *out)
{
    size_t bytes[COLUMNS_MAX], all = 0;
    for (int i = 0; i < c->n; i++) {
        const mf_census_row *r =
            find_row(&c->phase[i]->census, row->arena, row->kind);
        bytes[i] = r ? r->bytes : 0;
        all |= bytes[i];
    }
    if (!all)
        return;
    put_label(out, "  ", row->kind);
    for (int i = 0; i < c->n; i++)
        put_number(out, bytes[i]);
    mf_buf_puts(out, "\n");
}

static void put_arena(const columns *c, const char *arena, const char *label,
                      mf_buf *out)
{
    put_label(out, "", label);
    for (int i = 0; i < c->n; i++)
        put_number(out, mf_census_bytes(&c->phase[i]->census, arena));
    mf_buf_puts(out, "\n");
    for (int i = 0; i < c->n; i++) {
        const mf_census *census = &c->phase[i]->census;
        for (size_t k = 0; k < census->n; k++)
            if (strcmp(census->rows[k].arena, arena) == 0 &&
                !shown_before(c, i, &census->rows[k]))
                put_kind(c, &census->rows[k], out);
    }
}

/* One number of the process per phase, by its place in mf_process. */
static void put_process(const columns *c, const char *label, size_t offset,
                        mf_buf *out)
{
    put_label(out, "", label);
    for (int i = 0; i < c->n; i++) {
        uint64_t n;
        memcpy(&n, (const char *)&c->phase[i]->process + offset, sizeof n);
        if (c->phase[i]->has_process)
            put_number(out, n);
        else
            mf_buf_printf(out, "%*s", COLUMN_WIDTH, "-");
    }
    mf_buf_puts(out, "\n");
}

/* What is in memory, by what it is for; types that no phase has are left out.
 */
static void put_map(const columns *c, mf_buf *out)
{
    mf_buf_puts(out, "resident by type (KiB)\n");
    for (int t = 0; t < MF_MAP_TYPES; t++) {
        uint32_t all = 0;
        for (int i = 0; i < c->n; i++)
            all |= c->phase[i]->map.sums[t].resident;
        if (!all)
            continue;
        put_label(out, "  ", mf_map_type_name((enum mf_map_type)t));
        for (int i = 0; i < c->n; i++)
            put_number(out, c->phase[i]->map.sums[t].resident);
        mf_buf_puts(out, "\n");
    }
}

static const char *sort_of(const mf_receipt_view *v)
{
    return v->resident ? "resident" : "disposable";
}

static void put_title(const mf_receipt_view *v, mf_buf *out)
{
    mf_buf_printf(out, "context %s: %s", v->context, mf_state_name(v->state));
    if (v->cycles)
        mf_buf_printf(out, ", cycle %llu of this host",
                      (unsigned long long)v->cycles);
    if (v->resident)
        mf_buf_puts(out, ", compile arena kept (resident)");
    mf_buf_puts(out, "\n");
}

static void add_columns(columns *c, const mf_receipt_view *v)
{
    for (int i = 0; i < v->n_phases; i++)
        c->phase[c->n++] = &v->phases[i];
}

static void put_heads(const mf_receipt_view *v, const mf_receipt_view *beside,
                      const columns *c, mf_buf *out)
{
    if (beside) {
        put_label(out, "", "");
        for (int i = 0; i < c->n; i++)
            mf_buf_printf(out, "%*s", COLUMN_WIDTH,
                          i < beside->n_phases ? sort_of(beside) : sort_of(v));
        mf_buf_puts(out, "\n");
    }
    put_label(out, "", "bytes");
    for (int i = 0; i < c->n; i++)
        mf_buf_printf(out, "%*s", COLUMN_WIDTH, c->phase[i]->phase);
    mf_buf_puts(out, "\n");
}

static void put_footing(const mf_receipt_view *v, mf_buf *out)
{
    int gone = v->state == MAYFLY_UNLOADED;
    mf_buf_printf(out, "times: load %llu us (generate %llu, compile %llu)",
                  (unsigned long long)(v->load_ns / 1000),
                  (unsigned long long)(v->generate_ns / 1000),
                  (unsigned long long)(v->compile_ns / 1000));
    if (gone)
        mf_buf_printf(out, ", unload %llu us",
                      (unsigned long long)(v->unload_ns / 1000));
    mf_buf_printf(out, "\n%s: %zu bytes in arenas", gone ? "retained" : "held",
                  v->retained_bytes);
    if (v->has_process)
        mf_buf_printf(out,
                      ", %+lld KiB private dirty, %+lld mappings "
                      "since before the first load",
                      (long long)v->retained_dirty_kib,
                      (long long)v->retained_mappings);
    mf_buf_puts(out, "\n");
    if (!gone)
        return;
    mf_buf_printf(out, "verdict: %s: mayfly keeps %zu bytes",
                  v->retained_bytes ? "NOT CLEAN" : "clean", v->retained_bytes);
    if (v->has_process)
        mf_buf_printf(out,
                      "; the process allocator has %+lld KiB in use and keeps "
                      "%+lld KiB that are free",
                      (long long)v->malloc_used_kib,
                      (long long)v->malloc_retained_kib);
    mf_buf_puts(out, "\n");
}

void mf_receipt_write_text(const mf_receipt_view *v,
                           const mf_receipt_view *beside, mf_buf *out)
{
    columns c = {.n = 0};
    if (beside) {
        put_title(beside, out);
        add_columns(&c, beside);
    }
    put_title(v, out);
    add_columns(&c, v);
    put_heads(v, beside, &c, out);
    put_arena(&c, "compile", "compile arena", out);
    put_arena(&c, "code", "code arena", out);
    put_arena(&c, "schema", "schema", out);
    int measured = 0, mapped = 0;
    for (int i = 0; i < c.n; i++) {
        measured |= c.phase[i]->has_process;
        mapped |= c.phase[i]->has_map;
    }
    if (measured) {
        put_process(&c, "private dirty (KiB)",
                    offsetof(mf_process, private_dirty_kib), out);
        put_process(&c, "memory files (KiB)", offsetof(mf_process, memfd_kib),
                    out);
        put_process(&c, "mappings", offsetof(mf_process, mappings), out);
        put_process(&c, "threads", offsetof(mf_process, threads), out);
        put_process(&c, "descriptors", offsetof(mf_process, descriptors), out);
        put_process(&c, "malloc used (KiB)",
                    offsetof(mf_process, malloc_used_kib), out);
        put_process(&c, "malloc kept (KiB)",
                    offsetof(mf_process, malloc_retained_kib), out);
    }
    if (mapped)
        put_map(&c, out);
    if (beside) {
        mf_buf_printf(out, "%s: ", sort_of(beside));
        put_footing(beside, out);
        mf_buf_printf(out, "%s: ", sort_of(v));
    }
    put_footing(v, out);
    if (v->why)
        mf_buf_puts(out, mayfly_why_text(v->why));
}
