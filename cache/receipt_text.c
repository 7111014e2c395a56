/*
 * cache/receipt_text.c: a receipt as a table, for people.
 *
 *     context greeter: unloaded (cycle 1)
 *                               before    compiled  arena dropped    unloaded
 *     compile arena                  0     397,312              0           0
 *       token symbols                0       9,216              0           0
 *     ...
 *
 * One column per phase, one row per kind of memory that any phase had, sums
 * first. Bytes have thousands apart, for that is what a reader compares.
 */
#include "cache/internal.h"

#include <string.h>

enum { LABEL_WIDTH = 26, COLUMN_WIDTH = 14, NUMBER_MAX = 32 };

static void put_number(mf_buf *out, uint64_t n)
{
    char text[NUMBER_MAX];
    size_t at = sizeof text;
    text[--at] = 0;
    int digits = 0;
    do {
        if (digits && digits % 3 == 0)
            text[--at] = ',';
        text[--at] = (char)('0' + n % 10);
        n /= 10;
        digits++;
    } while (n);
    mf_buf_printf(out, "%*s", COLUMN_WIDTH, text + at);
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

/* Whether a phase before `phase` has that kind: then it has been shown. */
static int shown_before(const mf_receipt_view *v, int phase,
                        const mf_census_row *row)
{
    for (int i = 0; i < phase; i++)
        if (find_row(&v->phases[i].census, row->arena, row->kind))
            return 1;
    return 0;
}

static void put_kind(const mf_receipt_view *v, const mf_census_row *row,
                     mf_buf *out)
{
    put_label(out, "  ", row->kind);
    for (int i = 0; i < v->n_phases; i++) {
        const mf_census_row *r =
            find_row(&v->phases[i].census, row->arena, row->kind);
        put_number(out, r ? r->bytes : 0);
    }
    mf_buf_puts(out, "\n");
}

static void put_arena(const mf_receipt_view *v, const char *arena,
                      const char *label, mf_buf *out)
{
    put_label(out, "", label);
    for (int i = 0; i < v->n_phases; i++)
        put_number(out, mf_census_bytes(&v->phases[i].census, arena));
    mf_buf_puts(out, "\n");
    for (int i = 0; i < v->n_phases; i++) {
        const mf_census *c = &v->phases[i].census;
        for (size_t k = 0; k < c->n; k++)
            if (strcmp(c->rows[k].arena, arena) == 0 &&
                !shown_before(v, i, &c->rows[k]))
                put_kind(v, &c->rows[k], out);
    }
}

/* One number of the process per phase, by its place in mf_process. */
static void put_process(const mf_receipt_view *v, const char *label,
                        size_t offset, mf_buf *out)
{
    put_label(out, "", label);
    for (int i = 0; i < v->n_phases; i++) {
        uint64_t n;
        memcpy(&n, (const char *)&v->phases[i].process + offset, sizeof n);
        if (v->phases[i].has_process)
            put_number(out, n);
        else
            mf_buf_printf(out, "%*s", COLUMN_WIDTH, "-");
    }
    mf_buf_puts(out, "\n");
}

static void put_heading(const mf_receipt_view *v, mf_buf *out)
{
    static const char *const states[] = {"compiling", "live", "unloading",
                                         "unloaded"};
    mf_buf_printf(out, "context %s: %s", v->context, states[v->state]);
    if (v->cycles)
        mf_buf_printf(out, ", cycle %llu of this host",
                      (unsigned long long)v->cycles);
    if (v->resident)
        mf_buf_puts(out, ", compile arena kept (resident)");
    mf_buf_puts(out, "\n");
    put_label(out, "", "bytes");
    for (int i = 0; i < v->n_phases; i++)
        mf_buf_printf(out, "%*s", COLUMN_WIDTH, v->phases[i].phase);
    mf_buf_puts(out, "\n");
}

static void put_footing(const mf_receipt_view *v, mf_buf *out)
{
    mf_buf_printf(out, "times: load %llu us (generate %llu, compile %llu)",
                  (unsigned long long)(v->load_ns / 1000),
                  (unsigned long long)(v->generate_ns / 1000),
                  (unsigned long long)(v->compile_ns / 1000));
    if (v->state == MAYFLY_UNLOADED)
        mf_buf_printf(out, ", unload %llu us",
                      (unsigned long long)(v->unload_ns / 1000));
    mf_buf_printf(out, "\n%s: %zu bytes in arenas",
                  v->state == MAYFLY_UNLOADED ? "retained" : "held",
                  v->retained_bytes);
    if (v->has_process)
        mf_buf_printf(out,
                      ", %+lld KiB private dirty, %+lld mappings "
                      "since before the first load",
                      (long long)v->retained_dirty_kib,
                      (long long)v->retained_mappings);
    mf_buf_puts(out, "\n");
}

void mf_receipt_write_text(const mf_receipt_view *v, mf_buf *out)
{
    put_heading(v, out);
    put_arena(v, "compile", "compile arena", out);
    put_arena(v, "code", "code arena", out);
    put_arena(v, "schema", "schema", out);
    int measured = 0;
    for (int i = 0; i < v->n_phases; i++)
        measured |= v->phases[i].has_process;
    if (measured) {
        put_process(v, "private dirty (KiB)",
                    offsetof(mf_process, private_dirty_kib), out);
        put_process(v, "memory files (KiB)", offsetof(mf_process, memfd_kib),
                    out);
        put_process(v, "mappings", offsetof(mf_process, mappings), out);
        put_process(v, "descriptors", offsetof(mf_process, descriptors), out);
    }
    put_footing(v, out);
}
