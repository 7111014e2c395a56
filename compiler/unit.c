/*
 * compiler/unit.c: building a unit.
 *
 * The plan becomes C, the C becomes an image: generated source first, handler
 * source (if any) as further translation units of the same program, decode
 * tables behind the code. Handler source sees the schema's headers, made when
 * it asks for them, and mayfly's public ones, all from memory.
 *
 * Two heaps. One holds what the unit keeps: schema, plan, the arrays in its
 * struct. The other is what generating needs (text of source and headers,
 * tables before they are placed) and goes right after, or stays with a resident
 * unit.
 *
 * What stays true: a unit without handler source has no writable data and is
 * sealed whole. A warning in generated code is a defect of mayfly and reported
 * as one, whatever else is compiled with it; warnings in handler source are
 * passed on.
 *
 * Threads: any; one build is one thread's, and libtcc takes one at a time.
 */
#include "compiler/unit.h"

#include "base/error.h"
#include "compiler/gen/emit.h"

#include <string.h>

#define UNIT_NAME "mayfly_unit.c" /* the generated source, in messages */
#define ENTRY_NAME "mf_unit_entry"

enum { TABLES_MAX = 4, NAMES_STEP = 64, ENDS = 4 };

/* Where the lists of constructors and destructors begin and end. */
static const char *const ends[ENDS] = {"__init_array_start", "__init_array_end",
                                       "__fini_array_start",
                                       "__fini_array_end"};

/* One build at work. */
typedef struct builder {
    mf_compiler *compiler;
    const mf_unit_input *input;
    mf_alloc *work;     /* of the build */
    mf_alloc *keep;     /* of the unit */
    mayfly_arena arena; /* in `work`: header names */
    mf_buf source;
    mf_buf tables;
    mf_buf *headers; /* per file of the schema, empty until asked for */
    const char **header_names;
    const char **wanted; /* the entry, one handler per method, `ends` */
    void **addresses;
    mf_unit *unit;
    int defect;      /* a finding in the generated source */
    int header_code; /* why a header could not be made */
    mayfly_error header_error;
} builder;

uint32_t mf_unit_method(const mf_plan *plan, uint32_t service, uint32_t method)
{
    for (uint32_t i = 0; i < service; i++)
        method += plan->services[i].n_methods;
    return method;
}

static uint32_t count_methods(const mf_plan *plan)
{
    return mf_unit_method(plan, plan->n_services, 0);
}

/* The file of the schema that an include names, in whatever folder: a header that
 * was made earlier may lie beside the source that includes it, and has other
 * structs. The one that has most of the name; n_files: none. */
static uint32_t find_header(const builder *b, const char *name)
{
    const uint32_t n_files = b->input->plan->schema->n_files;
    size_t n = strlen(name), best = 0;
    uint32_t found = n_files;
    for (uint32_t i = 0; b->headers && i < n_files; i++) {
        const char *header = b->header_names[i];
        size_t len = strlen(header);
        if (len > n || len <= best || strcmp(name + n - len, header) != 0 ||
            (len < n && name[n - len - 1] != '/'))
            continue;
        best = len;
        found = i;
    }
    return found;
}

/* The header of a file of the schema. */
static const char *make_header(builder *b, uint32_t i, size_t *ret_len)
{
    mf_buf *text = &b->headers[i];
    if (text->len == 0)
        b->header_code =
            mf_emit_header(b->input->plan, b->input->plan->schema->files[i],
                           text, &b->header_error);
    const char *zero_terminated = mf_buf_text(text);
    if (b->header_code == 0)
        b->header_code = mf_buf_check(text, "a header", &b->header_error);
    if (b->header_code != 0)
        return NULL;
    *ret_len = text->len;
    return zero_terminated;
}

/* Finds an include: a header of the schema, what the caller knows, or one of
 * mayfly's own. */
static const char *serve_header(void *state, const char *name, size_t *ret_len)
{
    builder *b = state;
    uint32_t i = find_header(b, name);
    if (i < b->input->plan->schema->n_files)
        return make_header(b, i, ret_len);
    const mf_unit_given *given = &b->input->given;
    if (given->include) {
        *ret_len = 0;
        const char *text = given->include(given->include_state, name, ret_len);
        if (text && *ret_len == 0)
            *ret_len = strlen(text);
        if (text)
            return text;
    }
    return mf_kernel_header(name, ret_len);
}

static void on_diagnostic(void *state, const mayfly_diagnostic *d)
{
    builder *b = state;
    const mayfly_source *wrappers = b->input->given.wrappers;
    if (d->file && (strcmp(d->file, UNIT_NAME) == 0 ||
                    (wrappers && strcmp(d->file, wrappers->name) == 0)))
        b->defect = 1;
    if (b->input->diagnostic)
        b->input->diagnostic(b->input->diagnostic_state, d);
}

/* Keeps a global of handler source, for pins to find. */
static int on_defined(void *state, const char *name, void *address,
                      const char *trouble)
{
    builder *b = state;
    mf_unit *u = b->unit;
    if (strcmp(name, ENTRY_NAME) == 0)
        return 0;
    if (u->n_names % NAMES_STEP == 0) {
        mf_unit_name *more = mf_alloc_resize(
            b->keep, u->names, (u->n_names + NAMES_STEP) * sizeof *more);
        if (!more)
            return MAYFLY_ENOMEM;
        u->names = more;
    }
    char *copy = mf_alloc_strdup(b->keep, name);
    char *why = trouble ? mf_alloc_strdup(b->keep, trouble) : NULL;
    if (!copy || (trouble && !why)) {
        mf_alloc_free(b->keep, copy);
        return MAYFLY_ENOMEM;
    }
    u->names[u->n_names++] = (mf_unit_name){copy, address, why};
    return 0;
}

/* What handler source needs beyond generated code: room for headers, and names.
 */
static int prepare_handlers(builder *b, mayfly_error *err)
{
    const mf_plan *plan = b->input->plan;
    uint32_t n_files = plan->schema->n_files;
    b->header_names = mf_alloc_zero(b->work, n_files * sizeof(char *));
    b->headers = mf_alloc_zero(b->work, n_files * sizeof(mf_buf));
    if (!b->header_names || !b->headers)
        return mf_error_nomem(err, "headers for handler source");
    for (uint32_t i = 0; i < n_files; i++) {
        mf_buf_init(&b->headers[i], b->work, 0);
        b->header_names[i] =
            mf_header_name(&b->arena, plan->schema->files[i]->name);
        if (!b->header_names[i])
            return mf_error_nomem(err, "headers for handler source");
    }
    b->unit->handlers =
        mf_alloc_zero(b->keep, (b->unit->n_methods + 1) * sizeof(void *));
    return b->unit->handlers ? 0 : mf_error_nomem(err, "a unit");
}

static int prepare_wanted(builder *b, mayfly_error *err)
{
    const mf_plan *plan = b->input->plan;
    size_t n = (size_t)b->unit->n_methods + 1 + ENDS;
    b->wanted = mf_alloc_zero(b->work, n * sizeof(char *));
    b->addresses = mf_alloc_zero(b->work, n * sizeof(void *));
    if (!b->wanted || !b->addresses)
        return mf_error_nomem(err, "a unit");
    b->wanted[0] = ENTRY_NAME;
    size_t at = 1;
    for (uint32_t s = 0; s < plan->n_services; s++)
        for (uint32_t m = 0; m < plan->services[s].n_methods; m++)
            b->wanted[at++] = plan->services[s].methods[m].handler_name;
    memcpy(b->wanted + at, ends, sizeof ends);
    return 0;
}

static int generate(builder *b, mayfly_error *err)
{
    const mf_plan *plan = b->input->plan;
    b->unit->n_methods = count_methods(plan);
    int code = mf_emit_unit(plan, &b->source, err);
    if (code == 0)
        code = mf_tables_build(plan, &b->tables, err);
    if (code == 0)
        code = prepare_wanted(b, err);
    if (code == 0 && b->input->n_handlers)
        code = prepare_handlers(b, err);
    return code;
}

/* The translation units: generated source first, handler source last. NULL: no
 * memory. */
static mayfly_source *list_sources(builder *b, size_t *ret_n)
{
    const mf_unit_input *in = b->input;
    const char *text = mf_buf_text(&b->source);
    mayfly_source *all =
        mf_alloc_zero(b->work, (in->n_handlers + 2) * sizeof *all);
    if (!all || !text)
        return NULL;
    size_t n = 0;
    all[n++] = (mayfly_source){UNIT_NAME, text, b->source.len};
    if (in->given.wrappers)
        all[n++] = *in->given.wrappers;
    for (size_t i = 0; i < in->n_handlers; i++)
        all[n++] = in->handlers[i];
    *ret_n = n;
    return all;
}

static int compile(builder *b, mf_cc_report *report, mayfly_error *err)
{
    const mf_unit_input *in = b->input;
    const mf_unit_given *given = &in->given;
    mf_unit *u = b->unit;
    size_t n_sources;
    mayfly_source *sources = list_sources(b, &n_sources);
    if (!sources)
        return mf_error_nomem(err, "sources");

    const mayfly_symbol *tables[TABLES_MAX];
    size_t counts[TABLES_MAX], n_tables = 1;
    tables[0] = mf_kernel_symbols(&counts[0]);
    if (in->n_handlers) {
        tables[1] = in->symbols;
        counts[1] = in->n_symbols;
        tables[2] = given->wrapped;
        counts[2] = given->n_wrapped;
        tables[3] = given->exported;
        counts[3] = given->n_exported;
        n_tables = 4;
    }
    mf_cc_input cc = {
        .sources = sources,
        .n_sources = n_sources,
        .include = serve_header,
        .include_state = b,
        .include_dirs = given->include_dirs,
        .n_include_dirs = given->n_include_dirs,
        .real_paths = given->real_paths,
        .prelude = given->prelude,
        .prelude_from = n_sources - in->n_handlers,
        .system_includes = in->n_handlers != 0,
        .system_from = n_sources - in->n_handlers,
        .symbols = tables,
        .n_symbols = counts,
        .n_symbol_tables = n_tables,
        .resolve = given->resolve,
        .resolve_state = given->resolve_state,
        .wanted = b->wanted,
        .n_wanted = in->n_handlers ? (size_t)u->n_methods + 1 + ENDS : 1,
        .ret_addresses = b->addresses,
        .defined = in->n_handlers ? on_defined : NULL,
        .defined_state = b,
        .tables = b->tables.ptr,
        .table_bytes = b->tables.len,
        .mutable_data = in->n_handlers != 0,
        .warnings_are_errors = in->n_handlers == 0,
        .resident = in->resident,
        .limits = in->limits,
        .diagnostic = on_diagnostic,
        .diagnostic_state = b,
    };
    int code = mf_cc_compile(b->compiler->cc, &cc, &u->image, report, err);
    mf_alloc_free(b->work, sources);
    return code;
}

/* Errors in what mayfly wrote itself are mayfly's; a header that could not be
 * made is not one that is missing. */
static int blame(const builder *b, int code, mayfly_error *err)
{
    if (b->header_code != 0) {
        if (err)
            *err = b->header_error;
        return b->header_code;
    }
    int ours = b->defect || b->input->n_handlers == 0;
    if (!ours || (code != MAYFLY_ECOMPILE && code != MAYFLY_ELINK))
        return code;
    if (err)
        err->code = MAYFLY_EINTERNAL;
    return mf_error_wrap(err, MAYFLY_EINTERNAL, "in generated code");
}

/* Of lists that the source does not have, begin and end are the same. */
static void link_ends(mf_unit *u, void *const *at)
{
    if (at[0] && at[1]) {
        u->begin = at[0];
        u->begin_end = at[1];
    }
    if (at[2] && at[3]) {
        u->end = at[2];
        u->end_end = at[3];
    }
}

static int build(builder *b, mf_unit_report *report, mayfly_error *err)
{
    mf_unit *u = b->unit;
    uint64_t start = mf_clock_ns();
    int code = generate(b, err);
    if (code != 0)
        return code;
    report->generate_ns = mf_clock_ns() - start;
    report->source_bytes = b->source.len;

    code = compile(b, &report->cc, err);
    if (code != 0)
        return blame(b, code, err);
    u->entry = b->addresses[0];
    u->tables = u->image.tables;
    for (uint32_t i = 0; u->handlers && i < u->n_methods; i++)
        u->handlers[i] = b->addresses[i + 1];
    if (b->input->n_handlers)
        link_ends(u, b->addresses + u->n_methods + 1);
    if (!u->entry || b->defect) {
        mf_cc_release(b->compiler->cc, &u->image);
        return mf_error_set(err, MAYFLY_EINTERNAL, "in generated code: %s",
                            u->entry ? "a warning" : "no entry");
    }
    return 0;
}

static void builder_done(builder *b)
{
    const mf_schema *schema = b->input->plan->schema;
    for (uint32_t i = 0; b->headers && i < schema->n_files; i++)
        mf_buf_done(&b->headers[i]);
    mf_buf_done(&b->source);
    mf_buf_done(&b->tables);
    mf_arena_done(&b->arena);
    mf_alloc_free(b->work, b->headers);
    mf_alloc_free(b->work, b->header_names);
    mf_alloc_free(b->work, b->wanted);
    mf_alloc_wipe(b->work, b->addresses);
}

static void free_arrays(mf_unit *u, mf_alloc *keep)
{
    for (size_t i = 0; i < u->n_names; i++) {
        mf_alloc_free(keep, (char *)(uintptr_t)u->names[i].name);
        mf_alloc_free(keep, (char *)(uintptr_t)u->names[i].trouble);
    }
    mf_alloc_wipe(keep, u->names);
    mf_alloc_wipe(keep, u->handlers);
}

int mf_unit_build(mf_compiler *c, const mf_unit_input *input,
                  mf_unit **ret_unit, mf_unit_report *ret_report,
                  mayfly_error *err)
{
    mf_unit_report unasked;
    if (!ret_report)
        ret_report = &unasked;
    memset(ret_report, 0, sizeof *ret_report);
    mf_unit *u = mf_alloc_zero(c->alloc, sizeof *u);
    mf_heap *work = mf_work_take(&c->work, c->through);
    if (!u || !work) {
        mf_alloc_free(c->alloc, u);
        mf_work_give(&c->work, work);
        return mf_error_nomem(err, "a unit");
    }
    builder b = {.compiler = c,
                 .input = input,
                 .work = mf_heap_alloc(work),
                 .keep = mf_heap_alloc(input->heap),
                 .unit = u};
    mf_arena_init(&b.arena, b.work, 0, 0);
    mf_buf_init(&b.source, b.work, 0);
    mf_buf_init(&b.tables, b.work, 0);

    int code = build(&b, ret_report, err);
    if (code == 0)
        mf_census_add(&ret_report->cc.census, "compile", "generated text", 1,
                      mf_heap_bytes(work));
    int keep_work = code == 0 && input->resident && !c->through;
    if (!keep_work) {
        builder_done(&b);
        mf_work_give(&c->work, work);
    }
    if (code != 0) {
        free_arrays(u, b.keep);
        mf_alloc_free(c->alloc, u);
        return code;
    }
    u->work = keep_work ? work : NULL;
    u->compiler = c;
    u->limits = input->limits;
    u->strict = input->strict;
    u->heap = input->heap;
    u->plan = input->plan;
    *ret_unit = u;
    return 0;
}

void mf_unit_free(mf_unit *unit)
{
    if (!unit)
        return;
    mf_compiler *c = unit->compiler;
    mf_cc_release(c->cc, &unit->image);
    free_arrays(unit, mf_heap_alloc(unit->heap));
    mf_plan_free(unit->plan);
    mf_heap_free(unit->heap);
    mf_heap_free(unit->work);
    mf_alloc_wipe(c->alloc, unit);
}

int mf_unit_check_sent(const mf_unit *unit, const mf_method_stub *stub,
                       int is_reply, const void *message, mayfly_error *err)
{
    if (!unit->strict)
        return 0;
    const mf_plan_service *s = unit->plan->services;
    uint32_t number = (uint32_t)(stub - unit->entry->methods);
    for (; number >= s->n_methods; s++)
        number -= s->n_methods;
    const mf_plan_method *m = &s->methods[number];
    return mf_check_presence(unit->plan, is_reply ? m->response : m->request,
                             message, err);
}

static const mf_unit_name *find_name(const mf_unit *unit, const char *name)
{
    for (size_t i = 0; i < unit->n_names; i++)
        if (strcmp(unit->names[i].name, name) == 0)
            return &unit->names[i];
    return NULL;
}

void *mf_unit_symbol(const mf_unit *unit, const char *name)
{
    const mf_unit_name *found = find_name(unit, name);
    return found ? found->address : NULL;
}

const char *mf_unit_trouble(const mf_unit *unit, const char *name)
{
    const mf_unit_name *found = find_name(unit, name);
    return found ? found->trouble : NULL;
}

void mf_unit_census(const mf_unit *unit, mf_census *c)
{
    const mf_schema *schema = unit->plan->schema;
    mf_alloc *keep = mf_heap_alloc(unit->heap);
    size_t live = atomic_load(&keep->bytes), all = mf_heap_bytes(unit->heap);
    size_t plan = unit->plan->arena.bytes;
    size_t descriptors = schema->alloc == keep ? schema->arena.bytes : 0;

    mf_cc_census(&unit->image, c);
    if (descriptors)
        mf_census_add(c, "schema", "descriptors", 1, descriptors);
    mf_census_add(c, "schema", "plan", 1, plan);
    if (live > plan + descriptors)
        mf_census_add(c, "schema", "names", atomic_load(&keep->blocks),
                      live - plan - descriptors);
    if (all > live)
        mf_census_add(c, "schema", "heads, free blocks", 1, all - live);
    if (unit->work)
        mf_census_add(c, "compile", "generated text", 1,
                      mf_heap_bytes(unit->work));
}

int mf_compiler_init(mf_compiler *c, mf_alloc *alloc, const mf_log *log,
                     const mf_cc_limits *limits, size_t code_bytes_max,
                     mayfly_error *err)
{
    memset(c, 0, sizeof *c);
    c->alloc = alloc;
    c->log = *log;
    int code = mf_zone_new(alloc, code_bytes_max, &c->zone, err);
    if (code != 0)
        return code;
    code = mf_cc_new(alloc, c->zone, &c->cc, err);
    if (code != 0) {
        mf_zone_free(c->zone);
        c->zone = NULL;
        return code;
    }
    mf_cc_set_limits(c->cc, limits);
    mf_work_init(&c->work, alloc);
    return 0;
}

void mf_compiler_begin(mf_compiler *c, mf_heap *heap)
{
    if (!c->through)
        mf_work_begin(&c->work, heap);
}

void mf_compiler_end(mf_compiler *c, mf_heap *heap)
{
    if (!c->through)
        mf_work_end(&c->work, heap);
}

void mf_compiler_done(mf_compiler *c)
{
    if (!c->cc)
        return;
    mf_work_done(&c->work);
    mf_cc_free(c->cc);
    mf_zone_free(c->zone);
    c->cc = NULL;
    c->zone = NULL;
}
