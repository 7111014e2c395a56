/*
 * compiler/unit_several.c: several units by one compile.
 *
 * A third to a half of a small unit's compile is what libtcc does for any
 * source: it sets itself up, reads the declarations that generated code is
 * written against, links. Units that are loaded together share that: their code
 * is parts of one source, and the image is cut into one per unit, each of which
 * is given back by itself.
 *
 * Only units without handler source can be parts: the others are programs, with
 * data of their own. Each part has its tables in front and its constants
 * behind, as a unit that was compiled alone.
 *
 * What stays true: either all units are made, or none, and every input is as it
 * was. Threads: any.
 */
#include "compiler/unit.h"

#include "base/error.h"
#include "compiler/gen/emit.h"

#include <string.h>

#define SOURCE_NAME "mayfly_units.c" /* in messages, which are defects */

enum { TABLE_ALIGN = 64 };

typedef struct builder {
    mf_compiler *compiler;
    mf_alloc *work;
    const mf_unit_input *inputs;
    size_t n;
    mf_buf source;
    mf_buf tables;     /* of all, one behind the other */
    mf_cc_part *parts; /* with offsets as tables, until all are there */
    size_t *source_at; /* where each part begins */
    uint64_t *generate_ns;
} builder;

static const char *serve_header(void *state, const char *name, size_t *ret_len)
{
    (void)state;
    return mf_kernel_header(name, ret_len);
}

/* The tables of one, filled up to where its code may begin. */
static int add_tables(builder *b, size_t i, mayfly_error *err)
{
    static const uint8_t zeros[TABLE_ALIGN];
    mf_buf one;
    mf_buf_init(&one, b->work, 0);
    int code = mf_tables_build(b->inputs[i].plan, &one, err);
    size_t pad = (TABLE_ALIGN - one.len % TABLE_ALIGN) % TABLE_ALIGN;
    if (code == 0 && one.len == 0)
        pad = TABLE_ALIGN; /* an object has a size */
    mf_buf_put(&one, zeros, pad);
    b->parts[i].table_bytes = one.len;
    mf_buf_put(&b->tables, one.ptr, one.len);
    if (code == 0)
        code = mf_buf_check(&one, "the tables of a unit", err);
    mf_buf_done(&one);
    return code;
}

static int generate(builder *b, mayfly_error *err)
{
    size_t n_symbols;
    const mayfly_symbol *symbols = mf_kernel_symbols(&n_symbols);
    mf_emit_parts(symbols, n_symbols, &b->source);
    int code = 0;
    for (size_t i = 0; code == 0 && i < b->n; i++) {
        uint64_t start = mf_clock_ns();
        b->source_at[i] = b->source.len;
        code = add_tables(b, i, err);
        if (code == 0)
            code = mf_emit_part(b->inputs[i].plan, (uint32_t)i,
                                b->parts[i].table_bytes, &b->source, err);
        b->parts[i].entry_bytes = sizeof(mf_unit_table);
        b->generate_ns[i] = mf_clock_ns() - start;
    }
    if (code == 0)
        code = mf_buf_check(&b->tables, "the tables of a unit", err);
    const uint8_t *at = b->tables.ptr;
    for (size_t i = 0; code == 0 && i < b->n; i++) {
        b->parts[i].tables = at;
        at += b->parts[i].table_bytes;
    }
    return code;
}

static int compile(builder *b, mf_cc_report *report, mayfly_error *err)
{
    const char *text = mf_buf_text(&b->source);
    if (!text)
        return mf_error_nomem(err, "the generated C");
    mayfly_source source = {SOURCE_NAME, text, b->source.len};
    mf_cc_input cc = {.sources = &source,
                      .n_sources = 1,
                      .include = serve_header,
                      .parts = b->parts,
                      .n_parts = b->n,
                      .warnings_are_errors = 1};
    return mf_cc_compile(b->compiler->cc, &cc, NULL, report, err);
}

/* The first of the objects behind a part's code. */
static uintptr_t first_constant(const mf_unit_table *entry)
{
    uintptr_t first = (uintptr_t)entry, encode = (uintptr_t)entry->encode,
              methods = (uintptr_t)entry->methods;
    if (methods && methods < first)
        first = methods;
    return encode && encode < first ? encode : first;
}

static void fill(const builder *b, size_t i, mf_unit *u)
{
    const mf_unit_input *in = &b->inputs[i];
    const mf_cc_part *p = &b->parts[i];
    mf_image *image = &u->image;
    *image = p->image;
    u->entry = p->entry;
    uintptr_t text = (uintptr_t)image->span.base + image->table_bytes;
    size_t text_bytes = first_constant(u->entry) - text;
    image->const_bytes = image->text_bytes - text_bytes;
    image->text_bytes = text_bytes;
    u->compiler = b->compiler;
    u->tables = image->tables;
    u->n_methods = u->entry->n_methods;
    u->limits = in->limits;
    u->strict = in->strict;
    u->heap = in->heap;
    u->plan = in->plan;
}

/* One unit's report: the compile's memory is all of it, its time a share by the
 * length of the source. */
static void tell(const builder *b, size_t i, const mf_cc_report *all,
                 mf_unit_report *ret)
{
    size_t end = i + 1 < b->n ? b->source_at[i + 1] : b->source.len;
    size_t bytes = end - b->source_at[i];
    ret->cc = *all;
    ret->cc.compile_ns = all->compile_ns * bytes / b->source.len;
    ret->cc.link_ns = all->link_ns * bytes / b->source.len;
    ret->generate_ns = b->generate_ns[i];
    ret->source_bytes = bytes;
}

static int prepare(builder *b, mf_unit **units, mayfly_error *err)
{
    b->parts = mf_alloc_zero(b->work, b->n * sizeof *b->parts);
    b->source_at = mf_alloc_zero(b->work, b->n * sizeof *b->source_at);
    b->generate_ns = mf_alloc_zero(b->work, b->n * sizeof *b->generate_ns);
    int good = b->parts && b->source_at && b->generate_ns;
    for (size_t i = 0; i < b->n; i++) {
        units[i] = mf_alloc_zero(b->compiler->alloc, sizeof *units[i]);
        good = good && units[i];
    }
    return good ? 0 : mf_error_nomem(err, "units");
}

static void builder_done(builder *b)
{
    mf_buf_done(&b->source);
    mf_buf_done(&b->tables);
    mf_alloc_wipe(b->work, b->parts);
    mf_alloc_free(b->work, b->source_at);
    mf_alloc_free(b->work, b->generate_ns);
}

int mf_unit_build_several(mf_compiler *c, const mf_unit_input *inputs, size_t n,
                          mf_unit **ret_units, mf_unit_report *ret_reports,
                          mayfly_error *err)
{
    mf_cc_report report;
    mf_heap *work = mf_work_take(&c->work, c->through);
    if (!work)
        return mf_error_nomem(err, "units");
    builder b = {
        .compiler = c, .work = mf_heap_alloc(work), .inputs = inputs, .n = n};
    mf_buf_init(&b.source, b.work, 0);
    mf_buf_init(&b.tables, b.work, 0);
    int code = prepare(&b, ret_units, err);
    if (code == 0)
        code = generate(&b, err);
    if (code == 0)
        code = compile(&b, &report, err);
    if (code == 0)
        mf_census_add(&report.census, "compile", "generated text", 1,
                      mf_heap_bytes(work));
    for (size_t i = 0; i < n; i++) {
        if (code != 0) {
            mf_alloc_free(c->alloc, ret_units[i]);
            ret_units[i] = NULL;
            continue;
        }
        fill(&b, i, ret_units[i]);
        tell(&b, i, &report, &ret_reports[i]);
    }
    builder_done(&b);
    mf_work_give(&c->work, work);
    return code;
}
