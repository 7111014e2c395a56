/*
 * compiler/schema/linker.c: from names to what they mean.
 *
 * Runs once per file, after all its imports are linked. Every name is resolved
 * even when others could not be, so that all errors are told; a field whose
 * type is not known keeps type 0, and later checks pass over it.
 */
#include "compiler/schema/symbols.h"

#include <string.h>

/* Tells why a name has no meaning here. */
static void not_found(mf_build *b, mf_draft_file *file, mf_place at,
                      const char *name, const mf_draft_file *hidden)
{
    if (hidden)
        mf_build_error(b, file, MAYFLY_ESCHEMA, at,
                       "\"%s\" is defined in \"%s\", which is not imported",
                       name, hidden->made->name);
    else
        mf_build_error(b, file, MAYFLY_ESCHEMA, at, "\"%s\" is not defined",
                       name);
}

static mf_message *resolve_message(mf_build *b, mf_draft_file *file,
                                   const char *scope, const char *name,
                                   mf_place at)
{
    mf_draft_file *hidden;
    const mf_draft_symbol *s =
        mf_symbols_resolve(b, file, scope, name, false, &hidden);
    if (s && s->symbol.kind == MF_SYMBOL_MESSAGE)
        return s->symbol.of;
    if (s)
        mf_build_error(b, file, MAYFLY_ESCHEMA, at, "\"%s\" is not a message",
                       name);
    else
        not_found(b, file, at, name, hidden);
    return NULL;
}

/* `scope`: the full name of the message, or of the package, it stands in. */
static void resolve_type(mf_build *b, mf_draft_file *file, const char *scope,
                         mf_draft_field *d)
{
    mf_draft_file *hidden;
    mf_field *f = d->made;
    if (!d->type_name)
        return;
    const mf_draft_symbol *s =
        mf_symbols_resolve(b, file, scope, d->type_name, true, &hidden);
    if (!s) {
        not_found(b, file, d->type_at, d->type_name, hidden);
    } else if (s->symbol.kind == MF_SYMBOL_MESSAGE) {
        f->type = MAYFLY_TYPE_MESSAGE;
        f->message = s->symbol.of;
        if (f->message->is_map_entry)
            mf_build_error(b, file, MAYFLY_ESCHEMA, d->type_at,
                           "\"%s\" is a map's entry; a map field makes its own",
                           d->type_name);
    } else if (s->symbol.kind == MF_SYMBOL_ENUM) {
        f->type = MAYFLY_TYPE_ENUM;
        f->enumeration = s->symbol.of;
    } else {
        mf_build_error(b, file, MAYFLY_ESCHEMA, d->type_at,
                       "\"%s\" is not a type", d->type_name);
    }
}

static void resolve_fields(mf_build *b, mf_draft_file *file, const char *scope,
                           mf_draft_field *d)
{
    for (; d && !b->fatal && file->n_errors < MF_FILE_ERRORS_MAX; d = d->next) {
        mf_field *f = d->made;
        resolve_type(b, file, scope, d);
        if (d->extendee)
            f->parent =
                resolve_message(b, file, scope, d->extendee, d->extendee_at);
        f->has_presence = f->label != MF_REPEATED &&
                          (f->proto3_optional || f->oneof || f->is_extension ||
                           f->type == MAYFLY_TYPE_MESSAGE || file->proto2);
    }
}

static void resolve_service(mf_build *b, mf_draft_file *file,
                            mf_draft_service *s)
{
    const char *scope = s->made->full_name;
    for (mf_draft_method *m = s->methods.first; m; m = m->next) {
        m->made->request =
            resolve_message(b, file, scope, m->request, m->request_at);
        m->made->response =
            resolve_message(b, file, scope, m->response, m->response_at);
    }
}

void mf_link_file(mf_build *b, mf_draft_file *file)
{
    mf_symbols_add_file(b, file);
    mf_symbols_set_view(b, file);
    for (mf_draft_message *m = file->messages.first; m; m = m->next) {
        resolve_fields(b, file, m->made->full_name, m->fields.first);
        resolve_fields(b, file, m->made->full_name, m->extensions.first);
    }
    resolve_fields(b, file, file->made->package, file->extensions.first);
    for (mf_draft_service *s = file->services.first; s; s = s->next)
        resolve_service(b, file, s);
}
