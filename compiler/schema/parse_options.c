/*
 * compiler/schema/parse_options.c: option statements and bracketed options.
 *
 *     option (my.option).part = { a: 1 b: "x" };
 *     string name = 1 [deprecated = true, json_name = "n"];
 *
 * Values are kept as written; whether a known option likes its value is looked
 * at when options are resolved. `default` and `json_name` of a field are not
 * options in a descriptor, only in the text; they are handled here.
 */
#include "compiler/schema/parse.h"

#include <string.h>

enum { PARTS_MAX = 64 }; /* of one option's name */

/* "name.(my.extension).part" */
static bool parse_name(mf_parser *p, mf_option *option)
{
    mf_option_part parts[PARTS_MAX];
    uint32_t n = 0;
    do {
        const char *name;
        bool is_extension = mf_parser_accept(p, "(");
        mf_token ident;
        if (n == PARTS_MAX) {
            mf_parser_error(p, p->token.at,
                            "the option's name has too many parts");
            return false;
        }
        if (is_extension) {
            if (!mf_parser_dotted(p, "the name of an option", true, &name) ||
                !mf_parser_expect(p, ")"))
                return false;
            name = mf_build_text(p->b, name, strlen(name));
        } else {
            if (!mf_parser_ident(p, "the name of an option", &ident))
                return false;
            name = mf_build_text(p->b, ident.ptr, ident.len);
        }
        if (!name)
            return false;
        parts[n++] = (mf_option_part){name, is_extension};
    } while (mf_parser_accept(p, "."));
    mf_option_part *kept = mf_build_keep(p->b, n * sizeof *kept);
    if (!kept)
        return false;
    memcpy(kept, parts, n * sizeof *kept);
    option->parts = kept;
    option->n_parts = n;
    return true;
}

/* Past the opening brace, through the one that closes it: the tokens with one
 * space between them. */
static bool parse_aggregate(mf_parser *p, mf_option *option)
{
    mf_buf text;
    mf_buf_init(&text, p->b->schema->alloc, p->b->limits.file_bytes * 2);
    for (size_t open = 1;;) {
        if (p->token.kind == MF_TOKEN_END) {
            mf_buf_done(&text);
            return mf_parser_unexpected(p, "\"}\" at the end of the value");
        }
        if (mf_parser_at(p, "{"))
            open++;
        else if (mf_parser_at(p, "}") && --open == 0)
            break;
        if (text.len)
            mf_buf_put_byte(&text, ' ');
        mf_buf_put(&text, p->token.ptr, p->token.len);
        mf_parser_next(p);
    }
    mf_parser_next(p);
    if (text.failed)
        mf_build_fatal(p->b, text.failed, "the value of an option");
    else
        option->text.ptr = (const uint8_t *)mf_build_text(
            p->b, text.len ? (const char *)text.ptr : "", text.len);
    option->text.len = text.len;
    mf_buf_done(&text);
    return option->text.ptr != NULL;
}

static bool parse_value(mf_parser *p, mf_option *option)
{
    mayfly_bytes text;
    mf_place at = p->token.at;
    bool negative = mf_parser_accept(p, "-");
    mf_token token = p->token;
    option->value_line = token.at.line;
    option->value_column = token.at.column;
    if (negative &&
        (token.kind == MF_TOKEN_IDENT || token.kind == MF_TOKEN_STRING)) {
        mf_parser_error(p, at, "\"-\" stands only before a number");
        return false;
    }
    switch (token.kind) {
    case MF_TOKEN_IDENT:
        option->kind = MF_OPTION_IDENT;
        option->text.ptr =
            (const uint8_t *)mf_build_text(p->b, token.ptr, token.len);
        option->text.len = token.len;
        mf_parser_next(p);
        return option->text.ptr != NULL;
    case MF_TOKEN_INT:
        option->kind = negative ? MF_OPTION_NEGATIVE : MF_OPTION_UINT;
        if (!mf_parser_integer(p, "a value",
                               negative ? (uint64_t)1 << 63 : UINT64_MAX,
                               &option->value.u64))
            return false;
        if (negative)
            option->value.u64 = 0 - option->value.u64;
        return true;
    case MF_TOKEN_FLOAT:
        option->kind = MF_OPTION_DOUBLE;
        option->value.f64 = mf_token_double(&token);
        if (negative)
            option->value.f64 = -option->value.f64;
        mf_parser_next(p);
        return true;
    case MF_TOKEN_STRING:
        option->kind = MF_OPTION_STRING;
        if (!mf_parser_string(p, "a value", &text))
            return false;
        option->text.ptr = (const uint8_t *)mf_build_text(
            p->b, (const char *)text.ptr, text.len);
        option->text.len = text.len;
        return option->text.ptr != NULL;
    default:
        option->kind = MF_OPTION_AGGREGATE;
        if (!negative && mf_parser_accept(p, "{"))
            return parse_aggregate(p, option);
        return mf_parser_unexpected(p, "the value of the option");
    }
}

/* "name = value" */
static bool parse_assignment(mf_parser *p, mf_options **options)
{
    mf_option *option = mf_build_keep(p->b, sizeof *option);
    if (!option)
        return false;
    option->line = p->token.at.line;
    option->column = p->token.at.column;
    if (!parse_name(p, option) || !mf_parser_expect(p, "=") ||
        !parse_value(p, option))
        return false;
    if (!*options)
        *options = mf_build_keep(p->b, sizeof **options);
    if (!*options)
        return false;
    if ((*options)->last)
        (*options)->last->next = option;
    else
        (*options)->first = option;
    (*options)->last = option;
    return true;
}

static bool parse_json_name(mf_parser *p, mf_draft_field *field, mf_place at)
{
    mayfly_bytes name;
    mf_parser_next(p);
    if (!mf_parser_expect(p, "="))
        return false;
    mf_place value_at = p->token.at;
    if (!mf_parser_string(p, "a JSON name", &name))
        return false;
    if (field->json_given)
        mf_parser_error(p, at, "json_name is set twice");
    else if (field->extendee)
        mf_parser_error(p, at, "an extension has no json_name");
    else if (strlen((const char *)name.ptr) != name.len)
        mf_parser_error(p, value_at, "the JSON name holds a zero byte");
    field->json_given = true;
    field->field.json_name =
        mf_build_text(p->b, (const char *)name.ptr, name.len);
    return field->field.json_name != NULL;
}

/* proto2's; in proto3 an error that leaves the statement as it is. */
static bool parse_default(mf_parser *p, mf_draft_field *field, mf_place at)
{
    mf_option value = {0};
    mf_parser_next(p);
    if (!mf_parser_expect(p, "=") || !parse_value(p, &value))
        return false;
    if (!p->file->proto2)
        mf_parser_error(p, at, "proto3 has no default values");
    if (value.kind == MF_OPTION_IDENT)
        field->field.default_value = (const char *)value.text.ptr;
    return true;
}

bool mf_parse_option_statement(mf_parser *p, mf_options **options)
{
    return parse_assignment(p, options) && mf_parser_expect(p, ";");
}

bool mf_parse_option_list(mf_parser *p, mf_options **options,
                          mf_draft_field *field)
{
    do {
        mf_place at = p->token.at;
        bool ok;
        if (field && mf_parser_at(p, "json_name"))
            ok = parse_json_name(p, field, at);
        else if (field && mf_parser_at(p, "default"))
            ok = parse_default(p, field, at);
        else
            ok = parse_assignment(p, options);
        if (!ok)
            return false;
    } while (mf_parser_accept(p, ","));
    return mf_parser_expect(p, "]");
}
