/*
 * compiler/schema/check_enum.c: the rules for enums.
 *
 * The subtlest is about names. JSON and some languages leave the enum's name
 * off the front of its values' names and write the rest in CamelCase, so two
 * values of different numbers must not become one name that way.
 */
#include "compiler/schema/check.h"

#include "compiler/schema/set.h"

#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* Where the value's name goes on after the enum's name; case and underscores do
 * not count. The whole name when it does not begin so, or nothing would remain.
 */
static const char *after_prefix(const char *value, const char *prefix)
{
    const char *at = value;
    for (;;) {
        while (*prefix == '_')
            prefix++;
        if (!*prefix)
            break;
        while (*at == '_')
            at++;
        if (!*at || lower(*at++) != lower(*prefix++))
            return value;
    }
    while (*at == '_')
        at++;
    return *at ? at : value;
}

static void check_names(mf_build *b, mf_draft_file *file,
                        const mf_draft_enum *d)
{
    mf_set seen;
    if (!mf_set_init(b, &seen, d->values.n))
        return;
    for (mf_draft_value *v = d->values.first; v; v = v->next) {
        size_t n = 0;
        bool up = true;
        const char *rest = after_prefix(v->value.name, d->made->name);
        char *key = mf_build_scratch(b, strlen(rest) + 1);
        if (!key)
            return;
        for (; *rest; rest++) {
            if (*rest != '_')
                key[n++] = up ? upper(*rest) : lower(*rest);
            up = *rest == '_';
        }
        const mf_draft_value *other = mf_set_add(&seen, key, n, v);
        if (other && other->value.number != v->value.number &&
            strcmp(other->value.name, v->value.name) != 0)
            mf_check_error(b, file, v->value.line, v->value.column,
                           "\"%s\" and \"%s\" are the same name without the "
                           "enum's name in front and in CamelCase",
                           other->value.name, v->value.name);
    }
}

static void check_numbers(mf_build *b, mf_draft_file *file,
                          const mf_draft_enum *d)
{
    bool aliased = false;
    mf_set seen;
    const mf_option *o =
        mf_options_find(d->made->options, MF_OPTION_ENUM_ALLOW_ALIAS);
    if (!mf_set_init(b, &seen, d->values.n))
        return;
    for (mf_draft_value *v = d->values.first; v; v = v->next) {
        const mf_draft_value *other =
            mf_set_add(&seen, &v->value.number, sizeof v->value.number, v);
        if (!other)
            continue;
        aliased = true;
        if (!d->made->allow_alias)
            mf_check_error(b, file, v->number_at.line, v->number_at.column,
                           "the number %d is taken by \"%s\" (see the option "
                           "allow_alias)",
                           v->value.number, other->value.name);
    }
    if (o && !o->value.u64)
        mf_check_error(b, file, o->line, o->column,
                       "allow_alias is only for setting to true");
    else if (o && !aliased)
        mf_check_error(b, file, o->line, o->column,
                       "allow_alias is set, and no number is used twice");
}

static void check_reserved(mf_build *b, mf_draft_file *file,
                           const mf_draft_enum *d)
{
    mf_range_index index;
    mf_set names;
    if (!d->reserved.n && !d->reserved_names.n)
        return;
    if (!mf_check_ranges(b, file, &d->reserved, &index) ||
        !mf_set_init(b, &names, d->reserved_names.n + d->values.n))
        return;
    for (mf_draft_name *r = d->reserved_names.first; r; r = r->next) {
        if (mf_set_add(&names, r->name, strlen(r->name), r))
            mf_check_error(b, file, r->at.line, r->at.column,
                           "the name \"%s\" is reserved twice", r->name);
    }
    for (mf_draft_value *v = d->values.first; v; v = v->next) {
        if (mf_range_has(&index, v->value.number))
            mf_check_error(b, file, v->number_at.line, v->number_at.column,
                           "the number %d is reserved", v->value.number);
        if (mf_set_add(&names, v->value.name, strlen(v->value.name), v))
            mf_check_error(b, file, v->value.line, v->value.column,
                           "the name \"%s\" is reserved", v->value.name);
    }
}

void mf_check_enum(mf_build *b, mf_draft_file *file, const mf_draft_enum *d)
{
    const mf_draft_value *first = d->values.first;
    if (!first) {
        mf_check_error(b, file, d->made->line, d->made->column,
                       "the enum \"%s\" has no values", d->made->name);
        return;
    }
    if (first->value.number != 0 && !file->proto2)
        mf_check_error(b, file, first->number_at.line, first->number_at.column,
                       "the first value of a proto3 enum is zero");
    check_numbers(b, file, d);
    check_reserved(b, file, d);
    if (!file->proto2)
        check_names(b, file, d);
}
