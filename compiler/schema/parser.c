/*
 * compiler/schema/parser.c: the parser's tokens, and the top level of a file.
 *
 * The parser accepts what protoc accepts of proto3 and makes drafts of it. It
 * knows nothing of other files and resolves no names. Rules that can be checked
 * on the spot (a field in a oneof has no label) are; the rest is for check.c.
 *
 * After an error the rest of the statement is skipped: to its `;`, over its
 * block, or to the `}` that ends the block it stands in. Recursion happens only
 * in blocks and is bounded by the limit on depth; skipping is a loop.
 */
#include "compiler/schema/parse.h"

#include <stdio.h>
#include <string.h>

enum { PACKAGE_MAX = 511 }; /* bytes, as in protoc */

static void lexer_error(void *state, mf_place at, const char *text)
{
    mf_parser *p = state;
    mf_parser_error(p, at, "%s", text);
}

void mf_parser_error(mf_parser *p, mf_place at, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mf_build_error(p->b, p->file, MAYFLY_ESCHEMA, at, "%s", text);
    if (p->file->n_errors >= MF_FILE_ERRORS_MAX)
        mf_lexer_stop(&p->lex);
}

void mf_parser_next(mf_parser *p)
{
    if (p->b->fatal)
        mf_lexer_stop(&p->lex);
    mf_lexer_next(&p->lex, &p->token);
}

bool mf_parser_at(const mf_parser *p, const char *text)
{
    size_t n = strlen(text);
    return p->token.len == n && memcmp(p->token.ptr, text, n) == 0 &&
           (p->token.kind == MF_TOKEN_IDENT ||
            p->token.kind == MF_TOKEN_SYMBOL);
}

bool mf_parser_accept(mf_parser *p, const char *text)
{
    if (!mf_parser_at(p, text))
        return false;
    mf_parser_next(p);
    return true;
}

bool mf_parser_unexpected(mf_parser *p, const char *what)
{
    if (p->b->fatal)
        return false;
    if (p->token.kind == MF_TOKEN_END)
        mf_parser_error(p, p->token.at,
                        "expected %s, found the end of the file", what);
    else if (p->token.kind == MF_TOKEN_STRING)
        mf_parser_error(p, p->token.at, "expected %s, found a string", what);
    else
        mf_parser_error(p, p->token.at, "expected %s, found %.*s", what,
                        (int)(p->token.len < 60 ? p->token.len : 60),
                        p->token.ptr);
    return false;
}

bool mf_parser_expect(mf_parser *p, const char *text)
{
    char what[32];
    if (mf_parser_accept(p, text))
        return true;
    snprintf(what, sizeof what, "\"%s\"", text);
    return mf_parser_unexpected(p, what);
}

bool mf_parser_ident(mf_parser *p, const char *what, mf_token *ret)
{
    if (p->token.kind != MF_TOKEN_IDENT)
        return mf_parser_unexpected(p, what);
    *ret = p->token;
    mf_parser_next(p);
    return true;
}

bool mf_parser_integer(mf_parser *p, const char *what, uint64_t max,
                       uint64_t *ret)
{
    if (p->token.kind != MF_TOKEN_INT)
        return mf_parser_unexpected(p, what);
    *ret = 0;
    if (!mf_token_u64(&p->token, ret) || *ret > max) {
        /* the statement goes on: the number is wrong, its form is not */
        mf_parser_error(p, p->token.at, "the number is out of range");
        *ret = 1;
    }
    mf_parser_next(p);
    return true;
}

/* Further literals behind the one in hand are appended to it. */
static bool read_strings(mf_parser *p, mf_buf *all)
{
    while (p->token.kind == MF_TOKEN_STRING) {
        uint8_t *room = mf_buf_room(all, p->token.len);
        if (!room)
            return false;
        all->len += mf_token_string(&p->token, (char *)room);
        mf_parser_next(p);
    }
    return true;
}

bool mf_parser_string(mf_parser *p, const char *what, mayfly_bytes *ret)
{
    mf_buf all;
    if (p->token.kind != MF_TOKEN_STRING)
        return mf_parser_unexpected(p, what);
    mf_buf_init(&all, mf_alloc_scratch(p->b->schema->alloc), 0);
    bool ok = read_strings(p, &all);
    if (!ok)
        mf_build_fatal(p->b, all.failed, "a string of the schema");
    char *text = ok ? mf_build_scratch(p->b, all.len + 1) : NULL;
    if (text) {
        memcpy(text, all.ptr ? (char *)all.ptr : "", all.len);
        *ret = (mayfly_bytes){(const uint8_t *)text, all.len};
    }
    mf_buf_done(&all);
    return text != NULL;
}

bool mf_parser_dotted(mf_parser *p, const char *what, bool absolute,
                      const char **ret)
{
    char text[MF_NAME_MAX + 2];
    size_t n = 0;
    mf_token part = {0};
    mf_place at = p->token.at;
    if (absolute && mf_parser_accept(p, "."))
        text[n++] = '.';
    for (;;) {
        if (!mf_parser_ident(p, what, &part))
            return false;
        if (n + part.len > MF_NAME_MAX) {
            mf_parser_error(p, at, "the name is longer than %d bytes",
                            MF_NAME_MAX);
            return false;
        }
        memcpy(text + n, part.ptr, part.len);
        n += part.len;
        if (!mf_parser_accept(p, "."))
            break;
        text[n++] = '.';
    }
    char *copy = mf_build_scratch(p->b, n + 1);
    if (!copy)
        return false;
    memcpy(copy, text, n);
    *ret = copy;
    return true;
}

bool mf_parser_name(mf_parser *p, const char *scope, const mf_token *name,
                    const char **ret_full, const char **ret_name)
{
    if (strlen(scope) + name->len + 1 > MF_NAME_MAX) {
        mf_parser_error(p, name->at, "the full name is longer than %d bytes",
                        MF_NAME_MAX);
        return false;
    }
    *ret_full = mf_build_full_name(p->b, scope, name->ptr, name->len, ret_name);
    return *ret_full != NULL;
}

/* Past an opening brace: over everything to the brace that closes it. */
static void skip_block(mf_parser *p)
{
    for (size_t open = 1; open > 0 && p->token.kind != MF_TOKEN_END;) {
        if (mf_parser_at(p, "{"))
            open++;
        else if (mf_parser_at(p, "}"))
            open--;
        mf_parser_next(p);
    }
}

void mf_parser_skip_statement(mf_parser *p)
{
    while (p->token.kind != MF_TOKEN_END && !mf_parser_at(p, "}")) {
        if (mf_parser_accept(p, ";"))
            return;
        if (mf_parser_accept(p, "{")) {
            p->file->lost = true;
            skip_block(p);
            return;
        }
        mf_parser_next(p);
    }
}

bool mf_parser_block(mf_parser *p, const char *what, const char *first,
                     bool (*statement)(mf_parser *p, void *of), void *of)
{
    mf_place open = p->token.at;
    if (!mf_parser_expect(p, "{"))
        return false;
    if (p->depth >= p->b->limits.depth) {
        mf_build_error(p->b, p->file, MAYFLY_ELIMIT, open,
                       "blocks are nested more than %u deep",
                       p->b->limits.depth);
        p->file->lost = true;
        skip_block(p);
        return true;
    }
    if (first && mf_parser_at(p, "}"))
        return mf_parser_unexpected(p, first);
    p->depth++;
    while (!mf_parser_at(p, "}") && p->token.kind != MF_TOKEN_END) {
        if (!statement(p, of))
            mf_parser_skip_statement(p);
    }
    p->depth--;
    if (mf_parser_accept(p, "}"))
        return true;
    if (p->file->n_errors == 0 && !p->b->fatal)
        mf_parser_error(p, open, "%s has no closing brace", what);
    return false;
}

/* Refuses what is not proto3, by name. False: the file is not parsed further.
 */
static bool parse_syntax(mf_parser *p)
{
    mayfly_bytes syntax;
    mf_place at = p->token.at;
    const char *what = "proto2 (a file without a syntax line) is";
    if (mf_parser_accept(p, "syntax")) {
        what = "proto2 is";
        if (!mf_parser_expect(p, "="))
            return false;
        at = p->token.at;
        if (!mf_parser_string(p, "\"proto3\"", &syntax) ||
            !mf_parser_expect(p, ";"))
            return false;
        if (strcmp((const char *)syntax.ptr, "proto3") == 0)
            return true;
        if (strcmp((const char *)syntax.ptr, "proto2") != 0) {
            mf_parser_error(p, at, "unknown syntax \"%.60s\"",
                            (const char *)syntax.ptr);
            return false;
        }
        if (p->file->proto2) {
            p->file->made->syntax = "proto2";
            return true;
        }
    } else if (mf_parser_at(p, "edition")) {
        what = "editions are";
    }
    mf_build_error(p->b, p->file, MAYFLY_EUNSUPPORTED, at,
                   "%s not supported yet", what);
    return false;
}

static bool parse_package(mf_parser *p, mf_place at)
{
    const char *name;
    if (p->file->made->package[0]) {
        mf_parser_error(p, at, "a file has one package at the most");
        return false;
    }
    p->file->package_at = p->token.at;
    if (!mf_parser_dotted(p, "a package name", false, &name))
        return false;
    p->file->made->package = mf_build_text(p->b, name, strlen(name));
    if (!p->file->made->package) {
        p->file->made->package = "";
        return false;
    }
    if (strlen(name) > PACKAGE_MAX)
        mf_parser_error(p, p->file->package_at,
                        "the package's name is longer than %d bytes",
                        PACKAGE_MAX);
    size_t parts = 1;
    for (; *name; name++)
        parts += *name == '.';
    if (parts > p->b->limits.depth)
        mf_build_error(p->b, p->file, MAYFLY_ELIMIT, p->file->package_at,
                       "the package has more than %u parts",
                       p->b->limits.depth);
    return mf_parser_expect(p, ";");
}

static bool parse_import(mf_parser *p, mf_place at)
{
    mayfly_bytes name;
    uint8_t kind = MF_IMPORT_PLAIN;
    if (mf_parser_accept(p, "public"))
        kind = MF_IMPORT_PUBLIC;
    else if (mf_parser_accept(p, "weak"))
        kind = MF_IMPORT_WEAK;
    mf_place name_at = p->token.at;
    if (!mf_parser_string(p, "the name of a file", &name))
        return false;
    if (strlen((const char *)name.ptr) != name.len) {
        mf_parser_error(p, name_at, "the name of a file holds a zero byte");
        return false;
    }
    if (p->file->imports.n >= p->b->limits.files) {
        mf_build_error(p->b, p->file, MAYFLY_ELIMIT, at, "more than %u imports",
                       p->b->limits.files);
        return false;
    }
    for (mf_draft_import *i = p->file->imports.first; i; i = i->next) {
        if (strcmp(i->name, (const char *)name.ptr) == 0) {
            mf_parser_error(p, at, "\"%.200s\" is imported twice", i->name);
            return false;
        }
    }
    mf_draft_import *import = mf_build_scratch(p->b, sizeof *import);
    if (!import)
        return false;
    import->name = (const char *)name.ptr;
    import->kind = kind;
    import->at = at;
    MF_LIST_ADD(&p->file->imports, import);
    return mf_parser_expect(p, ";");
}

static bool parse_top_statement(mf_parser *p)
{
    mf_place at = p->token.at;
    if (mf_parser_accept(p, ";"))
        return true;
    if (mf_parser_accept(p, "message"))
        return mf_parse_message(p, NULL);
    if (mf_parser_accept(p, "enum"))
        return mf_parse_enum(p, NULL);
    if (mf_parser_accept(p, "service"))
        return mf_parse_service(p);
    if (mf_parser_accept(p, "extend"))
        return mf_parse_extend(p, NULL);
    if (mf_parser_accept(p, "import"))
        return parse_import(p, at);
    if (mf_parser_accept(p, "package"))
        return parse_package(p, at);
    if (mf_parser_accept(p, "option"))
        return mf_parse_option_statement(p, &p->file->made->options);
    return mf_parser_unexpected(
        p, "a statement (message, enum, service, import, ...)");
}

/* Moves the file's own lists to where they stay. */
static bool close_file(mf_parser *p)
{
    mf_draft_file *d = p->file;
    mf_file *f = d->made;
    uint32_t i = 0;
    f->messages = mf_build_keep(p->b, d->top_messages.n * sizeof *f->messages);
    f->enums = mf_build_keep(p->b, d->top_enums.n * sizeof *f->enums);
    f->services = mf_build_keep(p->b, d->services.n * sizeof *f->services);
    f->extensions =
        mf_draft_fields_keep(p->b, d->extensions.first, d->extensions.n);
    if (!f->messages || !f->enums || !f->services || !f->extensions)
        return false;
    for (mf_draft_message *m = d->top_messages.first; m; m = m->next_sibling)
        f->messages[i++] = m->made;
    i = 0;
    for (mf_draft_enum *e = d->top_enums.first; e; e = e->next_sibling)
        f->enums[i++] = e->made;
    i = 0;
    for (mf_draft_service *s = d->services.first; s; s = s->next) {
        s->made = &f->services[i++];
        *s->made = s->service;
        for (uint32_t k = 0; k < s->made->n_methods; k++)
            s->made->methods[k].service = s->made;
    }
    f->n_messages = d->top_messages.n;
    f->n_enums = d->top_enums.n;
    f->n_services = d->services.n;
    f->n_extensions = d->extensions.n;
    return true;
}

void mf_parse_file(mf_build *b, mf_draft_file *file, const char *text,
                   size_t len)
{
    mf_parser p = {.b = b, .file = file};
    mf_lexer_init(&p.lex, text, len, lexer_error, &p);
    mf_parser_next(&p);
    if (parse_syntax(&p)) {
        while (p.token.kind != MF_TOKEN_END) {
            if (parse_top_statement(&p))
                continue;
            mf_parser_skip_statement(&p);
            if (mf_parser_at(&p, "}")) {
                mf_parser_error(&p, p.token.at, "this brace closes nothing");
                mf_parser_next(&p);
            }
        }
        close_file(&p);
    } else {
        file->lost = true;
    }
    file->partial = file->n_errors > 0;
}
