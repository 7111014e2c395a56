/*
 * compiler/schema/parse_field.c: fields, maps and extensions.
 *
 * A map field becomes what it is in a descriptor: a repeated field of a nested
 * message "NameEntry" with the fields key and value.
 */
#include "compiler/schema/parse.h"

#include <string.h>

static uint8_t scalar_type(const mf_token *t)
{
    static const struct {
        const char *name;
        uint8_t type;
    } types[] = {
        {"double", MAYFLY_TYPE_DOUBLE},     {"float", MAYFLY_TYPE_FLOAT},
        {"int64", MAYFLY_TYPE_INT64},       {"uint64", MAYFLY_TYPE_UINT64},
        {"int32", MAYFLY_TYPE_INT32},       {"fixed64", MAYFLY_TYPE_FIXED64},
        {"fixed32", MAYFLY_TYPE_FIXED32},   {"bool", MAYFLY_TYPE_BOOL},
        {"string", MAYFLY_TYPE_STRING},     {"group", MAYFLY_TYPE_GROUP},
        {"bytes", MAYFLY_TYPE_BYTES},       {"uint32", MAYFLY_TYPE_UINT32},
        {"sfixed32", MAYFLY_TYPE_SFIXED32}, {"sfixed64", MAYFLY_TYPE_SFIXED64},
        {"sint32", MAYFLY_TYPE_SINT32},     {"sint64", MAYFLY_TYPE_SINT64},
    };
    if (t->kind != MF_TOKEN_IDENT)
        return 0;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].name[0] == t->ptr[0] && strlen(types[i].name) == t->len &&
            memcmp(types[i].name, t->ptr, t->len) == 0)
            return types[i].type;
    }
    return 0;
}

/* A scalar's name or a type to be resolved. */
static bool parse_type(mf_parser *p, mf_draft_field *d)
{
    d->type_at = p->token.at;
    d->field.type = scalar_type(&p->token);
    if (d->field.type == MAYFLY_TYPE_GROUP) {
        mf_parser_error(p, p->token.at, "proto3 has no groups");
        return false;
    }
    if (d->field.type) {
        mf_parser_next(p);
        return true;
    }
    return mf_parser_dotted(p, "a type", true, &d->type_name);
}

bool mf_parse_message_type(mf_parser *p, const char *what, const char **ret)
{
    if (scalar_type(&p->token))
        return mf_parser_unexpected(p, what);
    return mf_parser_dotted(p, what, true, ret);
}

/* What the keywords optional, required and repeated say. */
static bool parse_label(mf_parser *p, mf_draft_field *d, bool in_oneof)
{
    mf_place at = p->token.at;
    d->field.label = MF_OPTIONAL;
    d->label_at = at;
    if (mf_parser_accept(p, "optional")) {
        d->field.proto3_optional = !p->file->proto2;
    } else if (mf_parser_accept(p, "repeated")) {
        d->field.label = MF_REPEATED;
    } else if (mf_parser_accept(p, "required")) {
        d->field.label = MF_REQUIRED;
        if (!p->file->proto2)
            mf_parser_error(p, at, "proto3 has no required fields");
    } else {
        return true;
    }
    d->label_given = true;
    if (in_oneof) {
        mf_parser_error(p, at, "a field of a oneof has no label");
        d->field.label = MF_OPTIONAL;
        d->field.proto3_optional = false;
    }
    return true;
}

/* Past "map": "<key, value>". The value's type goes to `value`. */
static bool parse_map_types(mf_parser *p, const mf_field_site *site,
                            mf_draft_field *d, mf_draft_field *key,
                            mf_draft_field *value)
{
    if (site->extendee)
        mf_parser_error(p, d->type_at, "an extension cannot be a map");
    else if (site->oneof)
        mf_parser_error(p, d->type_at, "a map cannot stand in a oneof");
    else if (d->label_given)
        mf_parser_error(p, d->label_at, "a map has no label");
    d->field.proto3_optional = false;
    d->field.label = MF_REPEATED;
    return mf_parser_expect(p, "<") && parse_type(p, key) &&
           mf_parser_expect(p, ",") && parse_type(p, value) &&
           mf_parser_expect(p, ">");
}

/* "foo_bar" to "FooBarEntry". */
static size_t entry_name(const mf_token *name, char *out)
{
    size_t n = 0;
    bool up = true;
    for (size_t i = 0; i < name->len; i++) {
        char c = name->ptr[i];
        if (c == '_') {
            up = true;
            continue;
        }
        out[n++] = up && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        up = false;
    }
    memcpy(out + n, "Entry", 5);
    return n + 5;
}

static bool entry_field(mf_parser *p, mf_draft_message *entry,
                        const mf_draft_field *type, const char *name,
                        uint32_t number)
{
    mf_draft_field *d = mf_build_scratch(p->b, sizeof *d);
    if (!d)
        return false;
    *d = *type;
    mf_token token = {MF_TOKEN_IDENT, name, strlen(name), type->type_at};
    if (!mf_parser_name(p, entry->made->full_name, &token, &d->field.full_name,
                        &d->field.name))
        return false;
    d->field.label = MF_OPTIONAL;
    d->field.number = number;
    d->field.json_name = d->field.name;
    d->number_at = type->type_at;
    d->field.line = type->type_at.line;
    d->field.column = type->type_at.column;
    MF_LIST_ADD(&entry->fields, d);
    return true;
}

/* The entry message of a map field whose name is known now. */
static bool add_entry(mf_parser *p, const mf_field_site *site,
                      mf_draft_field *d, const mf_token *name,
                      const mf_draft_field *key, const mf_draft_field *value)
{
    char text[MF_NAME_MAX + 8];
    if (!site->message || site->extendee)
        return true; /* refused before */
    if (name->len > MF_NAME_MAX) {
        mf_parser_error(p, name->at, "the name is too long");
        return false;
    }
    mf_token token = *name;
    token.ptr = text;
    token.len = entry_name(name, text);
    mf_draft_message *entry = mf_draft_message_add(p, site->message, &token);
    if (!entry)
        return false;
    entry->made->is_map_entry = true;
    if (!entry_field(p, entry, key, "key", 1) ||
        !entry_field(p, entry, value, "value", 2) ||
        !mf_draft_message_close(p, entry))
        return false;
    d->field.type = MAYFLY_TYPE_MESSAGE;
    d->field.is_map = true;
    d->field.message = entry->made;
    return true;
}

static void add_field(mf_parser *p, const mf_field_site *site,
                      mf_draft_field *d)
{
    if (!site->extendee)
        MF_LIST_ADD(&site->message->fields, d);
    else if (site->message)
        MF_LIST_ADD(&site->message->extensions, d);
    else
        MF_LIST_ADD(&p->file->extensions, d);
}

/* " = 1 [options];" */
static bool parse_rest(mf_parser *p, mf_draft_field *d)
{
    uint64_t number;
    if (!mf_parser_expect(p, "="))
        return false;
    d->number_at = p->token.at;
    if (!mf_parser_integer(p, "a field number", INT32_MAX, &number))
        return false;
    d->field.number = (uint32_t)number;
    if (mf_parser_accept(p, "[") &&
        !mf_parse_option_list(p, &d->field.options, d))
        return false;
    return mf_parser_expect(p, ";");
}

static bool name_field(mf_parser *p, const mf_field_site *site,
                       mf_draft_field *d, const mf_token *name)
{
    const char *scope =
        site->message ? site->message->made->full_name : p->file->made->package;
    if (!mf_parser_name(p, scope, name, &d->field.full_name, &d->field.name))
        return false;
    d->field.line = name->at.line;
    d->field.column = name->at.column;
    d->field.is_extension = site->extendee != NULL;
    d->extendee = site->extendee;
    d->extendee_at = site->extendee_at;
    d->oneof = site->oneof;
    return true;
}

bool mf_parse_field(mf_parser *p, const mf_field_site *site)
{
    mf_draft_field key = {0}, value = {0};
    bool is_map = false;
    mf_token name;
    mf_draft_field *d = mf_build_scratch(p->b, sizeof *d);
    if (!d || !parse_label(p, d, site->oneof != 0))
        return false;
    d->type_at = p->token.at;
    if (!mf_parser_accept(p, "map")) {
        if (!parse_type(p, d))
            return false;
    } else if (mf_parser_at(p, "<")) {
        is_map = true;
        if (!parse_map_types(p, site, d, &key, &value))
            return false;
    } else {
        d->type_name = "map"; /* a message of that name */
    }
    if (!mf_parser_ident(p, "a field name", &name) ||
        !name_field(p, site, d, &name))
        return false;
    if (is_map && !add_entry(p, site, d, &name, &key, &value))
        return false;
    bool ok = parse_rest(p, d);
    if (!d->field.json_name)
        d->field.json_name = mf_build_json_name(p->b, d->field.name);
    if (!d->field.json_name)
        return false;
    if (ok)
        add_field(p, site, d);
    return ok;
}

static bool extend_statement(mf_parser *p, void *of)
{
    return mf_parse_field(p, of);
}

bool mf_parse_extend(mf_parser *p, mf_draft_message *message)
{
    mf_field_site site = {.message = message, .extendee_at = p->token.at};
    if (!mf_parse_message_type(p, "the message to extend", &site.extendee))
        return false;
    return mf_parser_block(p, "extend", "a field", extend_statement, &site);
}
