/*
 * compiler/schema/schema.c: loading files with their imports, and a schema's
 * life.
 *
 * Files are loaded depth first: a file's text is parsed, its imports are
 * loaded, then it is linked. So a file comes after all it imports, in the order
 * protoc writes, and a name can be looked up as soon as it is met. A file with
 * errors is not linked, nor is one that imports it: what it would say of
 * missing names is not the user's error.
 *
 * The schema is immutable and shared once mf_schema_parse has returned it;
 * until then it belongs to the call, and is dropped as a whole if anything
 * failed.
 */
#include "compiler/schema/build.h"
#include "compiler/schema/builtin.h"

#include <stdio.h>
#include <string.h>

static const mf_schema_limits default_limits = {
    .file_bytes = (size_t)16 << 20,
    .total_bytes = (size_t)256 << 20,
    .files = 4096,
    .depth = 64,
};

static mf_schema_limits limits_or_default(const mf_schema_limits *given)
{
    mf_schema_limits l = default_limits;
    if (given && given->file_bytes)
        l.file_bytes = given->file_bytes;
    if (given && given->total_bytes)
        l.total_bytes = given->total_bytes;
    if (given && given->files)
        l.files = given->files;
    if (given && given->depth)
        l.depth = given->depth;
    return l;
}

static mf_schema *schema_new(mf_alloc *alloc, size_t max_bytes)
{
    mf_schema *s = mf_alloc_zero(alloc, sizeof *s);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->alloc = alloc;
    mf_arena_init(&s->arena, alloc, 4096, max_bytes);
    s->names = mf_map_new(alloc);
    if (!s->names) {
        mf_alloc_free(alloc, s);
        return NULL;
    }
    return s;
}

static void schema_free(mf_schema *s)
{
    mf_map_free(s->names);
    mf_arena_done(&s->arena);
    mf_alloc_free(s->alloc, s);
}

/* The text of an import name: the source's, else a built-in one. */
static int open_text(mf_build *b, const char *name, mf_schema_text *ret,
                     bool *ret_builtin, mayfly_error *err)
{
    mayfly_error own = MAYFLY_ERROR_INIT;
    int code = b->source ? b->source->open(b->source->state, name, ret, &own)
                         : mf_error_set(&own, MAYFLY_ENOTFOUND,
                                        "\"%s\": not found", name);
    *ret_builtin = false;
    if (code == MAYFLY_ENOTFOUND) {
        ret->text = mf_builtin_text(name, &ret->len);
        ret->shown = name;
        ret->handle = NULL;
        if (ret->text) {
            *ret_builtin = true;
            return 0;
        }
    }
    if (code != 0)
        *err = own;
    return code;
}

/* An import that could not be had, told where it is asked for; a root file has
 * no such place. */
static void tell_missing(mf_build *b, mf_draft_file *from, mf_place at,
                         int code, const mayfly_error *why)
{
    if (code == MAYFLY_ENOMEM) {
        mf_build_fatal(b, code, "the text of a schema");
    } else if (from) {
        mf_build_error(b, from, code, at, "%s", why->message);
    } else {
        if (b->n_errors++ == 0)
            b->first = *why;
        if (b->diagnostic)
            b->diagnostic(
                b->diagnostic_state,
                &(mayfly_diagnostic){.file = "", .text = why->message});
    }
}

static mf_draft_file *file_new(mf_build *b, const char *name, const char *shown)
{
    mf_draft_file *d = mf_build_scratch(b, sizeof *d);
    mf_file *f = mf_build_keep(b, sizeof *f);
    if (!d || !f)
        return NULL;
    d->made = f;
    f->name = mf_build_text(b, name, strlen(name));
    f->package = "";
    f->syntax = "proto3";
    f->is_builtin = mf_builtin_is(name);
    d->proto2 = strcmp(name, MF_BUILTIN_DESCRIPTOR) == 0;
    char *copy = mf_build_scratch(b, strlen(shown) + 1);
    if (!f->name || !copy)
        return NULL;
    memcpy(copy, shown, strlen(shown));
    d->shown = copy;
    if (mf_map_put_str(b->by_name, name, d) != 0) {
        mf_build_fatal(b, MAYFLY_ENOMEM, "the files of the schema");
        return NULL;
    }
    return d;
}

/* Opens, parses and closes; NULL when there is no such file. */
static mf_draft_file *read_file(mf_build *b, const char *name,
                                mf_draft_file *from, mf_place at)
{
    mf_schema_text text = {0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    bool builtin;
    if (b->n_opened >= b->limits.files) {
        mf_build_fatal(b, MAYFLY_ELIMIT, "too many files in one schema");
        return NULL;
    }
    b->n_opened++;
    int code = open_text(b, name, &text, &builtin, &err);
    if (code != 0) {
        tell_missing(b, from, at, code, &err);
        return NULL;
    }
    mf_draft_file *d = file_new(b, name, text.shown ? text.shown : name);
    if (d && text.len > b->limits.file_bytes)
        mf_build_error(b, d, MAYFLY_ELIMIT, (mf_place){1, 1},
                       "the file is longer than %zu bytes",
                       b->limits.file_bytes);
    else if (d)
        mf_parse_file(b, d, text.text, text.len);
    if (!builtin && b->source->close)
        b->source->close(b->source->state, &text);
    return d;
}

static void finish_imports(mf_build *b, mf_draft_file *d)
{
    mf_file *f = d->made;
    f->imports = mf_build_keep(b, d->imports.n * sizeof *f->imports);
    f->import_kinds = mf_build_keep(b, d->imports.n);
    if (!f->imports || !f->import_kinds)
        return;
    for (mf_draft_import *i = d->imports.first; i; i = i->next) {
        f->imports[f->n_imports] = i->file->made;
        f->import_kinds[f->n_imports++] = i->kind;
    }
}

/* Names the files of a cycle, as far as the text goes. */
static void tell_cycle(mf_build *b, mf_draft_file *from, mf_place at,
                       const mf_draft_file *to)
{
    mf_build_error(b, from, MAYFLY_ESCHEMA, at,
                   from == to ? "the file imports itself"
                              : "\"%s\" imports this file, which imports it",
                   to->made->name);
}

/* Loads a file and all it imports, unless that was done. Recursion is as deep
 * as imports are, which is bounded. */
static mf_draft_file *load(mf_build *b, const char *name, mf_draft_file *from,
                           mf_place at, unsigned depth)
{
    mf_draft_file *d = mf_map_get_str(b->by_name, name);
    if (d) {
        if (d->loading)
            tell_cycle(b, from, at, d);
        return d;
    }
    if (depth > b->limits.depth) {
        mf_build_error(b, from, MAYFLY_ELIMIT, at,
                       "imports are nested more than %u deep", b->limits.depth);
        return NULL;
    }
    d = read_file(b, name, from, at);
    if (!d || b->fatal)
        return NULL;
    bool linkable = !d->lost;
    d->loading = true;
    for (mf_draft_import *i = d->imports.first; i && !b->fatal; i = i->next) {
        if (d->n_errors < MF_FILE_ERRORS_MAX)
            i->file = load(b, i->name, d, i->at, depth + 1);
        if (!i->file || i->file->failed)
            linkable = false;
    }
    d->loading = false;
    MF_LIST_ADD(&b->files, d);
    if (!linkable || b->fatal) {
        d->failed = true;
    } else {
        finish_imports(b, d);
        mf_link_file(b, d);
        mf_resolve_options(b, d);
        mf_check_file(b, d);
    }
    return d;
}

/* The schema's lists of all files, messages and enums. */
static void finish(mf_build *b)
{
    mf_schema *s = b->schema;
    uint32_t n_messages = 0, n_enums = 0;
    for (mf_draft_file *f = b->files.first; f; f = f->next) {
        n_messages += f->messages.n;
        n_enums += f->enums.n;
    }
    s->files = mf_build_keep(b, b->files.n * sizeof *s->files);
    s->messages = mf_build_keep(b, n_messages * sizeof *s->messages);
    s->enums = mf_build_keep(b, n_enums * sizeof *s->enums);
    if (!s->files || !s->messages || !s->enums)
        return;
    for (mf_draft_file *f = b->files.first; f; f = f->next) {
        s->files[s->n_files++] = f->made;
        for (mf_draft_message *m = f->messages.first; m; m = m->next) {
            m->made->index = s->n_messages;
            s->messages[s->n_messages++] = m->made;
        }
        for (mf_draft_enum *e = f->enums.first; e; e = e->next)
            s->enums[s->n_enums++] = e->made;
    }
}

static int result(mf_build *b, mayfly_error *err)
{
    if (!b->fatal && !b->n_errors)
        return 0;
    if (!b->fatal && b->n_errors > 1) {
        size_t n = strlen(b->first.message);
        snprintf(b->first.message + n, sizeof b->first.message - n,
                 " (and %u more)", b->n_errors - 1);
    }
    if (err)
        *err = b->first;
    return b->first.code;
}

int mf_schema_parse(mf_alloc *alloc, const mf_schema_source *source,
                    const char *const *import_names, size_t n,
                    const mf_schema_limits *limits,
                    mayfly_diagnostic_fn diagnostic, void *diagnostic_state,
                    mf_schema **ret_schema, mayfly_error *err)
{
    mf_build b = {.limits = limits_or_default(limits),
                  .source = source,
                  .diagnostic = diagnostic,
                  .diagnostic_state = diagnostic_state};
    b.schema = schema_new(alloc, b.limits.total_bytes);
    if (!b.schema)
        return mf_error_nomem(err, "the schema");
    mf_alloc *scratch = mf_alloc_scratch(alloc);
    mf_arena_init(&b.scratch, scratch, 8192, b.limits.total_bytes);
    b.by_name = mf_map_new(scratch);
    if (!b.by_name)
        mf_build_fatal(&b, MAYFLY_ENOMEM, "the files of the schema");
    for (size_t i = 0; i < n && !b.fatal; i++) {
        mf_draft_file *d = load(&b, import_names[i], NULL, (mf_place){0, 0}, 1);
        if (d)
            d->made->is_root = true;
    }
    if (!b.fatal && !b.n_errors)
        finish(&b);
    int code = result(&b, err);
    mf_map_free(b.by_name);
    mf_map_free(b.extensions);
    mf_arena_done(&b.scratch);
    if (code != 0) {
        schema_free(b.schema);
        return code;
    }
    *ret_schema = b.schema;
    return 0;
}

mf_schema *mf_schema_ref(mf_schema *schema)
{
    atomic_fetch_add_explicit(&schema->refs, 1, memory_order_relaxed);
    return schema;
}

void mf_schema_unref(mf_schema *schema)
{
    if (schema &&
        atomic_fetch_sub_explicit(&schema->refs, 1, memory_order_acq_rel) == 1)
        schema_free(schema);
}

const mf_symbol *mf_schema_find(const mf_schema *schema, const char *name)
{
    return mf_map_get_str(schema->names, name);
}

const mf_message *mf_schema_message(const mf_schema *schema, const char *name)
{
    const mf_symbol *s = mf_schema_find(schema, name);
    return s && s->kind == MF_SYMBOL_MESSAGE ? s->of : NULL;
}

const mf_service *mf_schema_service(const mf_schema *schema, const char *name)
{
    const mf_symbol *s = mf_schema_find(schema, name);
    return s && s->kind == MF_SYMBOL_SERVICE ? s->of : NULL;
}

const mf_field *mf_message_field(const mf_message *m, uint32_t number)
{
    /* fields are mostly numbered 1, 2, 3, ... in the order of declaration */
    if (number - 1 < m->n_fields && m->fields[number - 1].number == number)
        return &m->fields[number - 1];
    for (uint32_t i = 0; i < m->n_fields; i++) {
        if (m->fields[i].number == number)
            return &m->fields[i];
    }
    return NULL;
}
