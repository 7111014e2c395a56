/*
 * compiler/schema/symbols.c: names and what they mean.
 *
 * The table is the schema's `names`; its values are mf_draft_symbols, which
 * begin with the mf_symbol that others see and stay with the schema. The `file`
 * in them points to scratch memory and is only read while the schema is made.
 *
 * Names of packages are symbols too. A package belongs to every file that names
 * it; the symbol remembers only the first, so for packages visibility is asked
 * of the files.
 */
#include "compiler/schema/symbols.h"

#include <string.h>

/* A full name put together for a look-up. */
typedef struct name_path {
    char text[2 * MF_NAME_MAX + 4];
    size_t len;
} name_path;

static void path_set(name_path *path, const char *scope, size_t scope_len,
                     const char *name, size_t name_len)
{
    memcpy(path->text, scope, scope_len);
    if (scope_len)
        path->text[scope_len++] = '.';
    memcpy(path->text + scope_len, name, name_len);
    path->len = scope_len + name_len;
}

static void add(mf_build *b, mf_draft_file *file, enum mf_symbol_kind kind,
                void *of, const char *full, size_t len, mf_place at)
{
    mf_draft_symbol *known = mf_map_get(b->schema->names, full, len);
    if (known) {
        if (kind == MF_SYMBOL_PACKAGE &&
            known->symbol.kind == MF_SYMBOL_PACKAGE)
            return;
        if (known->file == file)
            mf_build_error(b, file, MAYFLY_ESCHEMA, at,
                           "\"%.*s\" is defined twice", (int)len, full);
        else
            mf_build_error(b, file, MAYFLY_ESCHEMA, at,
                           "\"%.*s\" is defined in \"%s\" already", (int)len,
                           full, known->file->made->name);
        return;
    }
    mf_draft_symbol *symbol = mf_build_keep(b, sizeof *symbol);
    if (!symbol)
        return;
    symbol->symbol.kind = kind;
    symbol->symbol.of = of;
    symbol->file = file;
    if (mf_map_put(b->schema->names, full, len, symbol) != 0)
        mf_build_fatal(b, MAYFLY_ENOMEM, "the names of the schema");
}

static void add_in(mf_build *b, mf_draft_file *file, enum mf_symbol_kind kind,
                   void *of, const char *scope, const char *name, mf_place at)
{
    name_path path;
    path_set(&path, scope, strlen(scope), name, strlen(name));
    add(b, file, kind, of, path.text, path.len, at);
}

static void add_fields(mf_build *b, mf_draft_file *file,
                       const mf_draft_field *d)
{
    for (; d; d = d->next)
        add(b, file, MF_SYMBOL_FIELD, d->made, d->made->full_name,
            strlen(d->made->full_name),
            (mf_place){d->made->line, d->made->column});
}

static void add_message(mf_build *b, mf_draft_file *file,
                        const mf_draft_message *d)
{
    mf_message *m = d->made;
    uint32_t i = 0;
    add(b, file, MF_SYMBOL_MESSAGE, m, m->full_name, strlen(m->full_name),
        (mf_place){m->line, m->column});
    add_fields(b, file, d->fields.first);
    add_fields(b, file, d->extensions.first);
    for (const mf_draft_oneof *o = d->oneofs.first; o; o = o->next)
        add_in(b, file, MF_SYMBOL_ONEOF, &m->oneofs[i++], m->full_name, o->name,
               o->at);
}

/* Values are siblings of their enum, as in C++. */
static void add_enum(mf_build *b, mf_draft_file *file, mf_enum *e)
{
    size_t scope = strlen(e->full_name) - strlen(e->name);
    char outer[MF_NAME_MAX + 1];
    add(b, file, MF_SYMBOL_ENUM, e, e->full_name, strlen(e->full_name),
        (mf_place){e->line, e->column});
    memcpy(outer, e->full_name, scope);
    outer[scope ? scope - 1 : 0] = '\0';
    for (uint32_t i = 0; i < e->n_values; i++)
        add_in(b, file, MF_SYMBOL_ENUM_VALUE, &e->values[i], outer,
               e->values[i].name,
               (mf_place){e->values[i].line, e->values[i].column});
}

static void add_service(mf_build *b, mf_draft_file *file, mf_service *s)
{
    add(b, file, MF_SYMBOL_SERVICE, s, s->full_name, strlen(s->full_name),
        (mf_place){s->line, s->column});
    for (uint32_t i = 0; i < s->n_methods; i++)
        add(b, file, MF_SYMBOL_METHOD, &s->methods[i], s->methods[i].full_name,
            strlen(s->methods[i].full_name),
            (mf_place){s->methods[i].line, s->methods[i].column});
}

void mf_symbols_add_file(mf_build *b, mf_draft_file *file)
{
    const char *package = file->made->package;
    for (const char *dot = package; *package && dot;) {
        dot = strchr(dot, '.');
        size_t len = dot ? (size_t)(dot - package) : strlen(package);
        add(b, file, MF_SYMBOL_PACKAGE, file->made, package, len,
            file->package_at);
        if (dot)
            dot++;
    }
    for (mf_draft_message *m = file->messages.first; m; m = m->next)
        add_message(b, file, m);
    for (mf_draft_enum *e = file->enums.first; e; e = e->next)
        add_enum(b, file, e->made);
    for (mf_draft_service *s = file->services.first; s; s = s->next)
        add_service(b, file, s->made);
    add_fields(b, file, file->extensions.first);
}

void mf_symbols_set_view(mf_build *b, mf_draft_file *file)
{
    mf_draft_file *todo = NULL; /* seen, its public imports not yet */
    b->stamp++;
    file->seen = b->stamp;
    for (mf_draft_import *i = file->imports.first; i; i = i->next) {
        if (i->file->seen == b->stamp)
            continue;
        i->file->seen = b->stamp;
        i->file->todo = todo;
        todo = i->file;
    }
    while (todo && !b->fatal) {
        mf_draft_file *at = todo;
        todo = at->todo;
        for (mf_draft_import *i = at->imports.first; i; i = i->next) {
            mf_build_work(b, sizeof *i);
            if (i->kind != MF_IMPORT_PUBLIC || i->file->seen == b->stamp)
                continue;
            i->file->seen = b->stamp;
            i->file->todo = todo;
            todo = i->file;
        }
    }
}

static bool is_in_package(const mf_draft_file *file, const char *name,
                          size_t len)
{
    const char *package = file->made->package;
    return strncmp(package, name, len) == 0 &&
           (package[len] == '\0' || package[len] == '.');
}

static const mf_draft_symbol *find(mf_build *b, mf_draft_file *file,
                                   const char *name, size_t len,
                                   mf_draft_file **ret_hidden)
{
    mf_build_work(b, len);
    const mf_draft_symbol *s = mf_map_get(b->schema->names, name, len);
    if (!s || s->file->seen == b->stamp)
        return s;
    if (s->symbol.kind == MF_SYMBOL_PACKAGE) {
        if (is_in_package(file, name, len))
            return s;
        for (mf_draft_file *f = b->files.first; f; f = f->next) {
            mf_build_work(b, sizeof *f);
            if (f->seen == b->stamp && is_in_package(f, name, len))
                return s;
        }
    }
    *ret_hidden = s->file;
    return NULL;
}

static bool is_aggregate(const mf_draft_symbol *s)
{
    return s->symbol.kind == MF_SYMBOL_PACKAGE ||
           s->symbol.kind == MF_SYMBOL_MESSAGE ||
           s->symbol.kind == MF_SYMBOL_ENUM ||
           s->symbol.kind == MF_SYMBOL_SERVICE;
}

static bool is_type(const mf_draft_symbol *s)
{
    return s->symbol.kind == MF_SYMBOL_MESSAGE ||
           s->symbol.kind == MF_SYMBOL_ENUM;
}

const mf_draft_symbol *mf_symbols_resolve(mf_build *b, mf_draft_file *file,
                                          const char *scope, const char *name,
                                          bool types_only,
                                          mf_draft_file **ret_hidden)
{
    name_path path;
    size_t len = strlen(name);
    size_t first = strcspn(name, ".");
    size_t scope_len = strlen(scope);
    *ret_hidden = NULL;
    if (name[0] == '.')
        return find(b, file, name + 1, len - 1, ret_hidden);
    while (scope_len && !b->fatal) {
        path_set(&path, scope, scope_len, name, first);
        const mf_draft_symbol *s =
            find(b, file, path.text, path.len, ret_hidden);
        if (s && first < len && is_aggregate(s)) {
            path_set(&path, scope, scope_len, name, len);
            return find(b, file, path.text, path.len, ret_hidden);
        }
        if (s && first == len && (!types_only || is_type(s)))
            return s;
        while (scope_len > 0 && scope[scope_len - 1] != '.')
            scope_len--;
        if (scope_len > 0)
            scope_len--;
    }
    return find(b, file, name, len, ret_hidden);
}
