/*
 * compiler/schema/parse_message.c: messages and oneofs.
 *
 * A message's parts are collected in lists and moved to arrays when its closing
 * brace is read: only then is it known how many there are. At that moment each
 * proto3 `optional` field gets its synthetic oneof, named as protoc names it:
 * "_field", with as many X in front as make it unlike all other names.
 */
#include "compiler/schema/parse.h"

#include <string.h>

/* The names that a synthetic oneof could meet: those that begin with _ or X. */
static bool note_name(mf_build *b, mf_map **names, const char *name)
{
    if (name[0] != '_' && name[0] != 'X')
        return true;
    if (!*names)
        *names = mf_map_new(b->schema->alloc);
    if (*names && mf_map_put_str(*names, name, b) == 0)
        return true;
    mf_build_fatal(b, MAYFLY_ENOMEM, "the names of a message");
    return false;
}

static const char *synthetic_name(mf_build *b, mf_map **names,
                                  const char *field)
{
    size_t n = strlen(field);
    size_t more = field[0] == '_' ? 0 : 1;
    char *name;
    for (;; more++) {
        name = mf_build_keep(b, n + more + 1);
        if (!name)
            return NULL;
        memset(name, 'X', more);
        if (field[0] != '_')
            name[more - 1] = '_';
        memcpy(name + more, field, n);
        if (!*names || !mf_map_get_str(*names, name))
            break;
    }
    if (*names && !note_name(b, names, name))
        return NULL;
    return name;
}

static bool add_synthetic_oneofs(mf_build *b, mf_draft_message *m)
{
    mf_map *names = NULL;
    bool ok = true;
    for (mf_draft_field *f = m->fields.first; ok && f; f = f->next)
        ok = note_name(b, &names, f->field.name);
    for (mf_draft_oneof *o = m->oneofs.first; ok && o; o = o->next)
        ok = note_name(b, &names, o->name);
    for (mf_draft_field *f = m->fields.first; ok && f; f = f->next) {
        if (!f->field.proto3_optional)
            continue;
        mf_draft_oneof *o = mf_build_scratch(b, sizeof *o);
        const char *name = synthetic_name(b, &names, f->field.name);
        ok = o && name;
        if (!ok)
            break;
        o->name = name;
        o->synthetic = true;
        o->at = (mf_place){f->field.line, f->field.column};
        MF_LIST_ADD(&m->oneofs, o);
        f->oneof = m->oneofs.n;
    }
    mf_map_free(names);
    return ok;
}

mf_field *mf_draft_fields_keep(mf_build *b, mf_draft_field *first, uint32_t n)
{
    mf_field *fields = mf_build_keep(b, n * sizeof *fields);
    if (!fields)
        return NULL;
    n = 0;
    for (mf_draft_field *d = first; d; d = d->next) {
        d->made = &fields[n];
        *d->made = d->field;
        d->made->index = n++;
    }
    return fields;
}

/* Each oneof with its fields, in the order of declaration. */
static bool keep_oneofs(mf_build *b, mf_draft_message *d)
{
    mf_message *m = d->made;
    uint32_t n = 0;
    m->oneofs = mf_build_keep(b, d->oneofs.n * sizeof *m->oneofs);
    if (!m->oneofs)
        return false;
    for (mf_draft_oneof *o = d->oneofs.first; o; o = o->next) {
        m->oneofs[n].name = o->name;
        m->oneofs[n].synthetic = o->synthetic;
        m->oneofs[n].options = o->options;
        m->oneofs[n++].parent = m;
    }
    m->n_oneofs = n;
    for (mf_draft_field *f = d->fields.first; f; f = f->next) {
        if (f->oneof)
            m->oneofs[f->oneof - 1].n_fields++;
    }
    for (n = 0; n < m->n_oneofs; n++) {
        mf_oneof *o = &m->oneofs[n];
        o->fields = mf_build_keep(b, o->n_fields * sizeof *o->fields);
        if (!o->fields)
            return false;
        o->n_fields = 0;
    }
    for (mf_draft_field *f = d->fields.first; f; f = f->next) {
        if (!f->oneof)
            continue;
        f->made->oneof = &m->oneofs[f->oneof - 1];
        f->made->oneof->fields[f->made->oneof->n_fields++] = f->made;
    }
    return true;
}

bool mf_draft_message_close(mf_parser *p, mf_draft_message *d)
{
    mf_build *b = p->b;
    mf_message *m = d->made;
    uint32_t i = 0;
    if (!add_synthetic_oneofs(b, d))
        return false;
    m->fields = mf_draft_fields_keep(b, d->fields.first, d->fields.n);
    m->extensions =
        mf_draft_fields_keep(b, d->extensions.first, d->extensions.n);
    m->messages = mf_build_keep(b, d->messages.n * sizeof *m->messages);
    m->enums = mf_build_keep(b, d->enums.n * sizeof *m->enums);
    m->reserved_ranges = mf_draft_ranges_keep(b, &d->reserved, false);
    m->extension_ranges = mf_draft_ranges_keep(b, &d->extension_ranges, false);
    m->reserved_names = mf_draft_names_keep(b, &d->reserved_names);
    if (!m->fields || !m->extensions || !m->messages || !m->enums ||
        !m->reserved_ranges || !m->extension_ranges || !m->reserved_names ||
        !keep_oneofs(b, d))
        return false;
    m->n_fields = d->fields.n;
    m->n_extensions = d->extensions.n;
    m->n_messages = d->messages.n;
    m->n_enums = d->enums.n;
    m->n_reserved_ranges = d->reserved.n;
    m->n_extension_ranges = d->extension_ranges.n;
    m->n_reserved_names = d->reserved_names.n;
    for (i = 0; i < m->n_fields; i++)
        m->fields[i].parent = m;
    i = 0;
    for (mf_draft_message *n = d->messages.first; n; n = n->next_sibling)
        m->messages[i++] = n->made;
    i = 0;
    for (mf_draft_enum *e = d->enums.first; e; e = e->next_sibling)
        m->enums[i++] = e->made;
    return true;
}

mf_draft_message *mf_draft_message_add(mf_parser *p, mf_draft_message *parent,
                                       const mf_token *name)
{
    mf_draft_message *d = mf_build_scratch(p->b, sizeof *d);
    mf_message *m = mf_build_keep(p->b, sizeof *m);
    if (!d || !m)
        return NULL;
    if (!mf_parser_name(
            p, parent ? parent->made->full_name : p->file->made->package, name,
            &m->full_name, &m->name))
        return NULL;
    m->file = p->file->made;
    m->parent = parent ? parent->made : NULL;
    m->line = name->at.line;
    m->column = name->at.column;
    d->made = m;
    MF_LIST_ADD(&p->file->messages, d);
    if (parent)
        MF_LIST_ADD_BY(&parent->messages, d, next_sibling);
    else
        MF_LIST_ADD_BY(&p->file->top_messages, d, next_sibling);
    return d;
}

typedef struct oneof_at {
    mf_draft_oneof *oneof;
    mf_field_site site;
} oneof_at;

static bool oneof_statement(mf_parser *p, void *of)
{
    oneof_at *o = of;
    if (mf_parser_accept(p, "option"))
        return mf_parse_option_statement(p, &o->oneof->options);
    return mf_parse_field(p, &o->site);
}

static bool parse_oneof(mf_parser *p, mf_draft_message *m)
{
    mf_token name;
    if (!mf_parser_ident(p, "the name of a oneof", &name))
        return false;
    oneof_at at = {.site = {.message = m}};
    at.oneof = mf_build_scratch(p->b, sizeof *at.oneof);
    if (!at.oneof)
        return false;
    at.oneof->name = mf_build_text(p->b, name.ptr, name.len);
    at.oneof->at = name.at;
    if (!at.oneof->name)
        return false;
    MF_LIST_ADD(&m->oneofs, at.oneof);
    at.site.oneof = m->oneofs.n;
    return mf_parser_block(p, "the oneof", NULL, oneof_statement, &at);
}

static bool parse_extensions(mf_parser *p, mf_draft_message *m, mf_place at)
{
    if (!p->file->proto2)
        mf_parser_error(p, at, "proto3 has no extension ranges");
    return mf_parse_reserved(p, false, &m->extension_ranges, NULL);
}

static bool message_statement(mf_parser *p, void *of)
{
    mf_draft_message *m = of;
    mf_place at = p->token.at;
    if (mf_parser_accept(p, ";"))
        return true;
    if (mf_parser_accept(p, "message"))
        return mf_parse_message(p, m);
    if (mf_parser_accept(p, "enum"))
        return mf_parse_enum(p, m);
    if (mf_parser_accept(p, "oneof"))
        return parse_oneof(p, m);
    if (mf_parser_accept(p, "option"))
        return mf_parse_option_statement(p, &m->made->options);
    if (mf_parser_accept(p, "reserved"))
        return mf_parse_reserved(p, false, &m->reserved, &m->reserved_names);
    if (mf_parser_accept(p, "extensions"))
        return parse_extensions(p, m, at);
    if (mf_parser_accept(p, "extend"))
        return mf_parse_extend(p, m);
    return mf_parse_field(p, &(mf_field_site){.message = m});
}

bool mf_parse_message(mf_parser *p, mf_draft_message *parent)
{
    mf_token name;
    if (!mf_parser_ident(p, "the name of a message", &name))
        return false;
    mf_draft_message *m = mf_draft_message_add(p, parent, &name);
    if (!m)
        return false;
    bool ok = mf_parser_block(p, "the message", NULL, message_statement, m);
    return mf_draft_message_close(p, m) && ok;
}
