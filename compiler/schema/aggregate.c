/*
 * compiler/schema/aggregate.c: aggregate values of options.
 *
 *     option (my.option) = { name: "x" inner { n: [1, 2] } [my.ext]: true };
 *
 * The text between the braces is protobuf's text format. A message is read
 * whole, each field's value in its wire form, then written with its fields by
 * number, so that the bytes are those any protobuf library writes: packed where
 * the field is, without fields that have no presence and are zero.
 *
 * Errors are told at the option's value, since that is where the text begins;
 * the name in them says which part. Depth is bounded by the limit on nesting.
 */
#include "compiler/schema/custom.h"

#include "compiler/schema/set.h"
#include "compiler/schema/symbols.h"

#include <stdio.h>
#include <string.h>

/* One value of one field, in the order of the text. */
typedef struct item {
    struct item *next;
    const mf_field *field;
    mf_scalar value; /* a message's bytes are its text */
} item;

/* "name", "[my.extension]" or "[type.googleapis.com/my.Type]". */
typedef struct field_name {
    char text[MF_NAME_MAX + 2];
    size_t slash; /* where the type begins; 0: none */
    bool is_extension;
} field_name;

typedef struct reader {
    mf_build *b;
    mf_draft_file *file;
    const mf_option *option;
    mf_lexer lex;
    mf_token token;
    unsigned depth;
    bool failed;
    field_name name; /* of the field at hand, until it is found */
} reader;

static bool read_message(reader *r, const mf_message *m, const char *close,
                         mf_buf *out);

static bool failed(reader *r, const char *format, const char *name)
{
    char text[300];
    snprintf(text, sizeof text, format, name);
    if (!r->failed)
        mf_build_error(
            r->b, r->file, MAYFLY_ESCHEMA,
            (mf_place){r->option->value_line, r->option->value_column},
            "the option (%.200s): %s", r->option->parts[0].name, text);
    r->failed = true;
    return false;
}

/* The text was lexed before; what was wrong with it was told. */
static void lexer_error(void *state, mf_place at, const char *text)
{
    (void)at;
    failed(state, "%s", text);
}

static bool at(const reader *r, const char *symbol)
{
    return r->token.len == strlen(symbol) && r->token.kind != MF_TOKEN_STRING &&
           memcmp(r->token.ptr, symbol, r->token.len) == 0;
}

/* A "#" begins a comment in the text format; the line's end is lost here, so
 * that it goes to the end of the text. */
static void next(reader *r)
{
    mf_lexer_next(&r->lex, &r->token);
    if (at(r, "#")) {
        mf_lexer_stop(&r->lex);
        mf_lexer_next(&r->lex, &r->token);
    }
}

static bool accept(reader *r, const char *symbol)
{
    if (!at(r, symbol))
        return false;
    next(r);
    return true;
}

static bool expect(reader *r, const char *symbol)
{
    return accept(r, symbol) || failed(r, "\"%s\" is missing", symbol);
}

static const mf_field *extension_of(reader *r, const mf_message *m,
                                    const char *name)
{
    mf_draft_file *hidden;
    const mf_draft_symbol *s =
        mf_symbols_resolve(r->b, r->file, m->full_name, name, false, &hidden);
    const mf_field *f =
        s && s->symbol.kind == MF_SYMBOL_FIELD ? s->symbol.of : NULL;
    return f && f->is_extension && f->parent == m && f->type ? f : NULL;
}

static bool read_name(reader *r)
{
    field_name *name = &r->name;
    size_t n = 0;
    name->slash = 0;
    name->is_extension = accept(r, "[");
    for (;;) {
        if (r->token.kind != MF_TOKEN_IDENT || n + r->token.len > MF_NAME_MAX)
            return failed(r, "a field's name is missing%s", "");
        memcpy(name->text + n, r->token.ptr, r->token.len);
        n += r->token.len;
        next(r);
        name->text[n] = '\0';
        if (!name->is_extension)
            return true;
        if (n < MF_NAME_MAX && accept(r, ".")) {
            name->text[n++] = '.';
        } else if (n < MF_NAME_MAX && !name->slash && accept(r, "/")) {
            name->text[n++] = '/';
            name->slash = n;
        } else {
            return expect(r, "]");
        }
    }
}

static const mf_field *find_field(reader *r, const mf_message *m)
{
    const field_name *name = &r->name;
    const mf_field *f = NULL;
    if (name->is_extension)
        f = extension_of(r, m, name->text);
    else
        mf_build_work(r->b, 16 * (size_t)m->n_fields);
    for (uint32_t i = 0; i < m->n_fields && !name->is_extension && !f; i++) {
        if (strcmp(m->fields[i].name, name->text) == 0 && m->fields[i].type)
            f = &m->fields[i];
    }
    if (!f)
        failed(r, "there is no field \"%.200s\"", name->text);
    return f;
}

/* The string literals in hand, side by side. */
static bool read_string(reader *r, mf_option *value)
{
    mf_lexer ahead = r->lex;
    mf_token t = r->token;
    size_t n = 0;
    for (; t.kind == MF_TOKEN_STRING; mf_lexer_next(&ahead, &t))
        n += t.len;
    char *text = mf_build_scratch(r->b, n + 1);
    if (!text)
        return false;
    n = 0;
    for (; r->token.kind == MF_TOKEN_STRING; next(r))
        n += mf_token_string(&r->token, text + n);
    value->kind = MF_OPTION_STRING;
    value->text = (mayfly_bytes){(const uint8_t *)text, n};
    return true;
}

static void set_integer(mf_option *value, const mf_token *t, bool negative)
{
    value->kind = negative ? MF_OPTION_NEGATIVE : MF_OPTION_UINT;
    if (!mf_token_u64(t, &value->value.u64) ||
        (negative && value->value.u64 > (uint64_t)1 << 63)) {
        value->kind = MF_OPTION_DOUBLE;
        value->value.f64 = mf_token_double(t);
        if (negative)
            value->value.f64 = -value->value.f64;
    } else if (negative) {
        value->value.u64 = 0 - value->value.u64;
    }
}

/* A scalar's tokens, as the value of an option is. */
static bool read_token(reader *r, mf_option *value)
{
    bool negative = accept(r, "-");
    mf_token t = r->token;
    if (t.kind == MF_TOKEN_STRING && !negative)
        return read_string(r, value);
    next(r);
    if (t.kind == MF_TOKEN_INT) {
        set_integer(value, &t, negative);
        return true;
    }
    if (t.kind == MF_TOKEN_FLOAT) {
        value->kind = MF_OPTION_DOUBLE;
        value->value.f64 = mf_token_double(&t);
        if (negative)
            value->value.f64 = -value->value.f64;
        return true;
    }
    if (t.kind != MF_TOKEN_IDENT)
        return failed(r, "a value is missing%s", "");
    char *text = mf_build_scratch(r->b, t.len + 1);
    if (!text)
        return false;
    memcpy(text, t.ptr, t.len);
    value->kind = MF_OPTION_IDENT;
    value->text = (mayfly_bytes){(const uint8_t *)text, t.len};
    if (!negative)
        return true;
    if (!mf_scalar_is_infinite_or_nan(text, &value->value.f64))
        return failed(r, "\"-\" stands before \"%.200s\"", text);
    value->kind = MF_OPTION_DOUBLE;
    value->value.f64 = -value->value.f64;
    return true;
}

/* A message's bytes, in scratch memory. */
static bool read_inner(reader *r, const mf_message *m, const char *name,
                       mayfly_bytes *ret)
{
    const char *close = at(r, "<") ? ">" : "}";
    mf_buf out;
    if (!accept(r, "<") && !accept(r, "{"))
        return failed(r, "\"%.200s\" takes { ... }", name);
    if (++r->depth > r->b->limits.depth)
        return failed(r, "it is nested too deep%s", "");
    mf_buf_init(&out, r->b->schema->alloc, r->b->limits.total_bytes);
    bool ok = read_message(r, m, close, &out);
    r->depth--;
    if (out.failed)
        mf_build_fatal(r->b, out.failed, "the value of an option");
    uint8_t *copy =
        ok && !out.failed ? mf_build_scratch(r->b, out.len + 1) : NULL;
    if (copy) {
        memcpy(copy, out.ptr ? out.ptr : copy, out.len);
        *ret = (mayfly_bytes){copy, out.len};
    }
    mf_buf_done(&out);
    return copy != NULL;
}

typedef MF_LIST_OF(item) item_list;

static bool read_value(reader *r, const mf_field *f, item_list *items)
{
    item *i = mf_build_scratch(r->b, sizeof *i);
    if (!i)
        return false;
    i->field = f;
    if (f->type == MAYFLY_TYPE_MESSAGE) {
        if (!read_inner(r, f->message, f->name, &i->value.text))
            return false;
    } else {
        mf_option value = {0};
        if (!read_token(r, &value))
            return false;
        mf_build_work(
            r->b, f->enumeration ? 16 * (size_t)f->enumeration->n_values : 0);
        const char *wanted = mf_scalar_of(f, &value, true, &i->value);
        if (wanted) {
            char what[200];
            snprintf(what, sizeof what, "\"%.100s\" takes %s", f->name, wanted);
            return failed(r, "%s", what);
        }
    }
    MF_LIST_ADD(items, i);
    return true;
}

/* ": value", "{ ... }", ": [value, ...]" */
static bool read_field(reader *r, const mf_field *f, item_list *items)
{
    bool colon = accept(r, ":");
    if (!colon && f->type != MAYFLY_TYPE_MESSAGE)
        return expect(r, ":");
    if (f->label != MF_REPEATED || !accept(r, "["))
        return read_value(r, f, items);
    if (accept(r, "]"))
        return true;
    do {
        if (!read_value(r, f, items))
            return false;
    } while (accept(r, ","));
    return expect(r, "]");
}

static bool add_bytes(reader *r, const mf_field *f, mayfly_bytes bytes,
                      item_list *items)
{
    item *i = mf_build_scratch(r->b, sizeof *i);
    if (!i)
        return false;
    i->field = f;
    i->value.text = bytes;
    MF_LIST_ADD(items, i);
    return true;
}

/* "[type.googleapis.com/my.Type] { ... }" in an Any. */
static bool read_any(reader *r, const mf_message *m, item_list *items)
{
    field_name *name = &r->name;
    static const char host[] = "type.googleapis.com/";
    const mf_field *url = mf_message_field(m, 1);
    const mf_field *value = mf_message_field(m, 2);
    mf_draft_file *hidden;
    mayfly_bytes inner;
    size_t n = strlen(name->text);
    char *text = mf_build_scratch(r->b, n + 1);
    if (!text)
        return false;
    memcpy(text, name->text, n);
    if (strcmp(m->full_name, "google.protobuf.Any") != 0 || !url || !value ||
        url->type != MAYFLY_TYPE_STRING || value->type != MAYFLY_TYPE_BYTES ||
        name->slash != sizeof host - 1 || strncmp(text, host, name->slash) != 0)
        return failed(r, "there is no field \"%.200s\"", text);
    name->text[name->slash - 1] = '.'; /* from here on: an absolute name */
    const mf_draft_symbol *s = mf_symbols_resolve(
        r->b, r->file, "", name->text + name->slash - 1, false, &hidden);
    if (!s || s->symbol.kind != MF_SYMBOL_MESSAGE)
        return failed(r, "there is no message for \"%.200s\"", text);
    accept(r, ":");
    return read_inner(r, s->symbol.of, text, &inner) &&
           add_bytes(r, url, (mayfly_bytes){(uint8_t *)text, n}, items) &&
           add_bytes(r, value, inner, items);
}

/* A field that is not repeated, and a oneof, are set once. */
static bool check_once(reader *r, const item_list *items)
{
    mf_set seen;
    if (!mf_set_init(r->b, &seen, items->n))
        return false;
    for (item *i = items->first; i; i = i->next) {
        const void *key = i->field->oneof ? (const void *)i->field->oneof
                                          : (const void *)i->field;
        if (i->field->label == MF_REPEATED)
            continue;
        const void **slot = mf_build_scratch(r->b, sizeof *slot);
        if (!slot)
            return false;
        *slot = key;
        if (mf_set_add(&seen, slot, sizeof *slot, i))
            return failed(r, "\"%.200s\" is set twice", i->field->name);
    }
    return true;
}

/* Merges two lists that are in order; of equals, those of `a` come first. */
static item *merge(item *a, item *b)
{
    item *first = NULL, **tail = &first;
    while (a && b) {
        item **from = b->field->number < a->field->number ? &b : &a;
        *tail = *from;
        tail = &(*from)->next;
        *from = *tail;
    }
    *tail = a ? a : b;
    return first;
}

/* By number, keeping the order of those of one number. */
static item *sort(item *items)
{
    item *sorted[33] = {0}; /* lists of 1, 2, 4, ... items, later ones first */
    item *all = NULL;
    while (items) {
        item *one = items;
        items = items->next;
        one->next = NULL;
        int k = 0;
        for (; k < 32 && sorted[k]; k++) {
            one = merge(sorted[k], one);
            sorted[k] = NULL;
        }
        sorted[k] = merge(sorted[k], one);
    }
    for (int k = 0; k < 33; k++)
        all = merge(sorted[k], all);
    return all;
}

static void put_items(const item *i, mf_buf *out, bool is_entry)
{
    while (i) {
        const mf_field *f = i->field;
        if (f->packed) {
            size_t start = mf_wire_begin(out, f->number);
            for (; i && i->field == f; i = i->next)
                mf_scalar_put(out, f, &i->value);
            mf_wire_end(out, start);
            continue;
        }
        if (is_entry || f->has_presence || f->label == MF_REPEATED ||
            !mf_scalar_is_zero(&i->value)) {
            mf_wire_tag(out, f->number, mf_scalar_wire_type(f));
            mf_scalar_put(out, f, &i->value);
        }
        i = i->next;
    }
}

/* A map's entry always has both of its fields. */
static bool complete_entry(reader *r, const mf_message *m, item_list *items)
{
    for (uint32_t k = 0; k < m->n_fields; k++) {
        bool has = false;
        for (const item *i = items->first; i; i = i->next)
            has = has || i->field == &m->fields[k];
        item *i = has ? NULL : mf_build_scratch(r->b, sizeof *i);
        if (i) {
            i->field = &m->fields[k];
            MF_LIST_ADD(items, i);
        }
    }
    return !r->b->fatal;
}

static bool read_member(reader *r, const mf_message *m, item_list *items)
{
    if (!read_name(r))
        return false;
    if (r->name.slash)
        return read_any(r, m, items);
    const mf_field *f = find_field(r, m);
    return f && !r->b->fatal && read_field(r, f, items);
}

static bool read_message(reader *r, const mf_message *m, const char *close,
                         mf_buf *out)
{
    item_list items = {0};
    while (!(close ? at(r, close) : r->token.kind == MF_TOKEN_END)) {
        if (!read_member(r, m, &items))
            return false;
        if (!accept(r, ","))
            accept(r, ";");
    }
    if (close && !expect(r, close))
        return false;
    if (!check_once(r, &items) ||
        (m->is_map_entry && !complete_entry(r, m, &items)))
        return false;
    put_items(sort(items.first), out, m->is_map_entry);
    return true;
}

bool mf_aggregate(mf_build *b, mf_draft_file *file, const mf_message *m,
                  const mf_option *o, mf_buf *out)
{
    reader r = {.b = b, .file = file, .option = o};
    mf_lexer_init(&r.lex, (const char *)o->text.ptr, o->text.len, lexer_error,
                  &r);
    next(&r);
    return read_message(&r, m, NULL, out) && !r.failed;
}
