/*
 * proxy/host/memory_text.c: a memory report as tables, for people.
 *
 * Columns are as wide as numbers of bytes get; sums come last. What the filters
 * left out is in the sums, and said.
 */
#include "proxy/host/memory.h"

#include <string.h>

static void put_number(mf_buf *out, uint64_t n)
{
    mf_buf_put_grouped(out, n, 14);
}

static void put_heads(mf_buf *out, const char *label, const char *const *heads)
{
    mf_buf_printf(out, "%-34s", label);
    for (; *heads; heads++)
        mf_buf_printf(out, " %13s", *heads);
    mf_buf_puts(out, "\n");
}

static void put_row(mf_buf *out, const char *arena, const char *kind,
                    const mayfly_memory_row *row)
{
    mf_buf_printf(out, "%-8s %-25s", arena, kind);
    put_number(out, row->blocks);
    put_number(out, row->bytes);
    put_number(out, row->largest);
    put_number(out, row->live);
    put_number(out, row->peak);
    mf_buf_puts(out, "\n");
}

/* One line per arena, whatever the filters let through. */
static void put_sums(const mf_census *c, mf_buf *out)
{
    for (size_t i = 0; i < c->n; i++) {
        const char *arena = c->rows[i].arena;
        mayfly_memory_row sum = {.arena = arena};
        size_t first = c->n;
        for (size_t k = 0; k < c->n; k++) {
            const mf_census_row *row = &c->rows[k];
            if (strcmp(row->arena, arena) != 0)
                continue;
            if (k < first)
                first = k;
            sum.blocks += row->blocks;
            sum.bytes += row->bytes;
            sum.live += row->live;
            sum.peak += row->peak;
            if (row->largest > sum.largest)
                sum.largest = row->largest;
        }
        if (first == i)
            put_row(out, arena, "(all)", &sum);
    }
}

static void put_census(const mayfly_memory_report *r, mf_buf *out)
{
    static const char *const heads[] = {"blocks", "bytes", "largest",
                                        "live",   "peak",  NULL};
    put_heads(out, "arena    kind", heads);
    for (size_t i = 0; i < r->n_rows; i++)
        put_row(out, r->rows[i].arena, r->rows[i].kind, &r->rows[i]);
    if (r->n_rows < r->census.n)
        mf_buf_printf(out, "(%zu kinds are left out)\n",
                      r->census.n - r->n_rows);
    put_sums(&r->census, out);
}

static void put_map(const mayfly_memory_report *r, mf_buf *out)
{
    static const char *const heads[] = {"count", "size KiB", "resident",
                                        "dirty", NULL};
    mf_buf_puts(out, "\n");
    put_heads(out, "mappings", heads);
    for (int i = 0; i < MF_MAP_TYPES; i++) {
        const mf_map_sum *s = &r->map.sums[i];
        if (!s->count)
            continue;
        mf_buf_printf(out, "%-34s", mf_map_type_name((enum mf_map_type)i));
        put_number(out, s->count);
        put_number(out, s->bytes / 1024);
        put_number(out, s->resident / 1024);
        put_number(out, s->dirty / 1024);
        mf_buf_puts(out, "\n");
    }
}

static void put_space(const mayfly_memory_report *r, mf_buf *out)
{
    const mf_zone_space *z = &r->zone;
    mf_buf_printf(out,
                  "\ncode zone: %zu units in %zu bytes, %zu chunks; free %zu "
                  "bytes in %zu parts, the largest %zu (fragmentation %u %%); "
                  "%zu bytes of tombstones in %zu parts\n",
                  z->units, z->used, z->chunks, z->free, z->free_parts,
                  z->free_largest,
                  mf_report_fragmentation(z->free, z->free_largest), z->waiting,
                  z->waiting_parts);
    for (size_t i = 0; i < r->n_arenas && i < MF_REPORT_ARENAS; i++) {
        const mf_report_arena *a = &r->arenas[i];
        const mf_carena_space *s = &a->space;
        if (a->busy) {
            mf_buf_puts(out, "compile arena: at work\n");
            continue;
        }
        mf_buf_printf(out,
                      "compile arena (%s): %zu bytes used, %zu live; free %zu "
                      "bytes in %zu blocks, the largest %zu (fragmentation %u "
                      "%%)\n",
                      a->is_hot ? "kept for the next compile" : "resident",
                      s->used, s->live, s->free, s->free_blocks,
                      s->free_largest,
                      mf_report_fragmentation(s->free, s->free_largest));
    }
    if (r->n_arenas > MF_REPORT_ARENAS)
        mf_buf_printf(out, "and %zu more compile arenas\n",
                      r->n_arenas - MF_REPORT_ARENAS);
}

static void put_threads(const mayfly_memory_report *r, mf_buf *out)
{
    mf_buf_printf(out, "\n%-10s %-17s %13s %13s\n", "thread", "name", "age ms",
                  "cpu ms");
    for (size_t i = 0; i < r->n_threads && i < MF_REPORT_THREADS; i++) {
        const mf_thread_info *t = &r->threads[i];
        mf_buf_printf(out, "%-10d %-17s", t->id, t->name);
        put_number(out, t->age_ms);
        put_number(out, t->cpu_ms);
        mf_buf_puts(out, "\n");
    }
    if (r->n_threads > MF_REPORT_THREADS)
        mf_buf_printf(out, "and %zu more\n", r->n_threads - MF_REPORT_THREADS);
}

void mf_report_write_text(const mayfly_memory_report *r, mf_buf *out)
{
    if (r->name[0])
        mf_buf_printf(out, "memory of context %s\n", r->name);
    else
        mf_buf_printf(out, "memory of a host with %zu live contexts\n",
                      r->contexts);
    if (r->parts & MAYFLY_MEMORY_CENSUS)
        put_census(r, out);
    if (r->parts & MAYFLY_MEMORY_MAP) {
        put_map(r, out);
        put_space(r, out);
    }
    if (r->parts & MAYFLY_MEMORY_THREADS)
        put_threads(r, out);
    if (r->parts & MAYFLY_MEMORY_DESCRIPTORS) {
        mf_buf_puts(out, "\ndescriptors:");
        for (int i = 0; i < MF_FD_KINDS; i++)
            mf_buf_printf(out, " %s %llu", mf_fd_kind_name((enum mf_fd_kind)i),
                          (unsigned long long)r->descriptors[i]);
        mf_buf_puts(out, "\n");
    }
}
