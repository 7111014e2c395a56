/* compiler/schema/parse_enum.c: enums and their values. */
#include "compiler/schema/parse.h"

static bool parse_value(mf_parser *p, mf_draft_enum *e)
{
    mf_token name;
    uint64_t number;
    mf_draft_value *v = mf_build_scratch(p->b, sizeof *v);
    if (!v || !mf_parser_ident(p, "the name of an enum value", &name) ||
        !mf_parser_expect(p, "="))
        return false;
    v->number_at = p->token.at;
    bool negative = mf_parser_accept(p, "-");
    if (!mf_parser_integer(p, "a number",
                           negative ? (uint64_t)INT32_MAX + 1 : INT32_MAX,
                           &number))
        return false;
    v->value.number = (int32_t)(negative ? -(int64_t)number : (int64_t)number);
    v->value.name = mf_build_text(p->b, name.ptr, name.len);
    v->value.line = name.at.line;
    v->value.column = name.at.column;
    if (!v->value.name)
        return false;
    if (name.len > MF_NAME_MAX) {
        mf_parser_error(p, name.at, "the name is too long");
        return false;
    }
    if (mf_parser_accept(p, "[") &&
        !mf_parse_option_list(p, &v->value.options, NULL))
        return false;
    MF_LIST_ADD(&e->values, v);
    return mf_parser_expect(p, ";");
}

static bool enum_statement(mf_parser *p, void *of)
{
    mf_draft_enum *e = of;
    if (mf_parser_accept(p, ";"))
        return true;
    if (mf_parser_accept(p, "option"))
        return mf_parse_option_statement(p, &e->made->options);
    if (mf_parser_accept(p, "reserved"))
        return mf_parse_reserved(p, true, &e->reserved, &e->reserved_names);
    return parse_value(p, e);
}

static bool close_enum(mf_build *b, mf_draft_enum *d)
{
    mf_enum *e = d->made;
    e->values = mf_build_keep(b, d->values.n * sizeof *e->values);
    e->reserved_ranges = mf_draft_ranges_keep(b, &d->reserved, true);
    e->reserved_names = mf_draft_names_keep(b, &d->reserved_names);
    if (!e->values || !e->reserved_ranges || !e->reserved_names)
        return false;
    for (mf_draft_value *v = d->values.first; v; v = v->next)
        e->values[e->n_values++] = v->value;
    e->n_reserved_ranges = d->reserved.n;
    e->n_reserved_names = d->reserved_names.n;
    return true;
}

bool mf_parse_enum(mf_parser *p, mf_draft_message *parent)
{
    mf_token name;
    if (!mf_parser_ident(p, "the name of an enum", &name))
        return false;
    mf_draft_enum *d = mf_build_scratch(p->b, sizeof *d);
    mf_enum *e = mf_build_keep(p->b, sizeof *e);
    if (!d || !e)
        return false;
    if (!mf_parser_name(
            p, parent ? parent->made->full_name : p->file->made->package, &name,
            &e->full_name, &e->name))
        return false;
    e->file = p->file->made;
    e->parent = parent ? parent->made : NULL;
    e->line = name.at.line;
    e->column = name.at.column;
    d->made = e;
    MF_LIST_ADD(&p->file->enums, d);
    if (parent)
        MF_LIST_ADD_BY(&parent->enums, d, next_sibling);
    else
        MF_LIST_ADD_BY(&p->file->top_enums, d, next_sibling);
    bool ok = mf_parser_block(p, "the enum", NULL, enum_statement, d);
    return close_enum(p->b, d) && ok;
}
