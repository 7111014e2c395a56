/*
 * compiler/schema/lexer.c: proto text to tokens.
 *
 * The lexical rules are protoc's: comments of both C kinds that do not nest,
 * strings in either quote that end on their line, C escapes with \u and \U,
 * numbers that must be followed by something that is not a letter. The text may
 * hold any byte; a byte that fits no token is an error and is skipped.
 *
 * The lexer owns nothing and keeps no state but its place, so it costs one pass
 * over the text and no memory.
 */
#include "compiler/schema/lexer.h"

#include <string.h>

enum { SPACE = 1, LETTER = 2, DIGIT = 4, HEX = 8, OCTAL = 16 };

static unsigned class_of(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return (c <= '7' ? OCTAL : 0u) | DIGIT | HEX;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
        return ((c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? HEX : 0u) | LETTER;
    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return SPACE;
    return 0;
}

static bool at_class(const mf_lexer *lex, unsigned classes)
{
    return lex->at < lex->end && (class_of((unsigned char)*lex->at) & classes);
}

static bool at_char(const mf_lexer *lex, char c)
{
    return lex->at < lex->end && *lex->at == c;
}

static void skip_class(mf_lexer *lex, unsigned classes)
{
    while (at_class(lex, classes))
        lex->at++;
}

static mf_place place_of(const mf_lexer *lex)
{
    return (mf_place){lex->line, (int)(lex->at - lex->line_start) + 1};
}

static void error_here(mf_lexer *lex, const char *text)
{
    lex->error(lex->state, place_of(lex), text);
}

static void new_line(mf_lexer *lex)
{
    lex->line++;
    lex->line_start = lex->at;
}

/* Past the opening of a block comment. */
static void skip_block_comment(mf_lexer *lex, mf_place start)
{
    while (lex->at < lex->end) {
        char c = *lex->at++;
        if (c == '\n') {
            new_line(lex);
        } else if (c == '*' && at_char(lex, '/')) {
            lex->at++;
            return;
        } else if (c == '/' && at_char(lex, '*')) {
            lex->at--;
            error_here(lex, "a comment begins inside a comment; block comments "
                            "do not nest");
            lex->at++;
        }
    }
    lex->error(lex->state, start, "this comment has no end");
}

/* To the first byte of a token, or the end. */
static void skip_space(mf_lexer *lex)
{
    while (lex->at < lex->end) {
        unsigned char c = (unsigned char)*lex->at;
        if (c == '\n') {
            lex->at++;
            new_line(lex);
        } else if (class_of(c) & SPACE) {
            lex->at++;
        } else if (c == '/' && lex->end - lex->at > 1 && lex->at[1] == '/') {
            const char *nl =
                memchr(lex->at, '\n', (size_t)(lex->end - lex->at));
            lex->at = nl ? nl : lex->end;
        } else if (c == '/' && lex->end - lex->at > 1 && lex->at[1] == '*') {
            mf_place start = place_of(lex);
            lex->at += 2;
            skip_block_comment(lex, start);
        } else if (c < ' ' || c == 0x7f) {
            error_here(lex, "control character in the text");
            while (lex->at < lex->end && (unsigned char)*lex->at < ' ' &&
                   !(class_of((unsigned char)*lex->at) & SPACE))
                lex->at++;
            if (at_char(lex, 0x7f))
                lex->at++;
        } else if (c >= 0x80) {
            error_here(lex, "this character may stand only in strings and "
                            "comments");
            while (lex->at < lex->end && (unsigned char)*lex->at >= 0x80)
                lex->at++;
        } else {
            return;
        }
    }
}

static unsigned hex_value(char c)
{
    if (c <= '9')
        return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a') + 10;
}

/* `n` hexadecimal digits at `at`, all of them there and at most `max`. */
static bool hex_digits(const char *at, const char *end, int n, uint32_t max,
                       uint32_t *ret_value)
{
    uint32_t value = 0;
    if (end - at < n)
        return false;
    for (int i = 0; i < n; i++) {
        if (!(class_of((unsigned char)at[i]) & HEX))
            return false;
        value = value << 4 | hex_value(at[i]);
    }
    if (value > max)
        return false;
    *ret_value = value;
    return true;
}

/* Past the backslash. */
static void check_escape(mf_lexer *lex)
{
    uint32_t value;
    if (lex->at == lex->end)
        return;
    char c = *lex->at;
    if (c != '\0' && strchr("abfnrtv\\?'\"01234567", c)) {
        lex->at++; /* further octal digits are plain characters here */
    } else if (c == 'x' || c == 'X') {
        lex->at++;
        if (!at_class(lex, HEX))
            error_here(lex, "\\x needs hexadecimal digits");
    } else if (c == 'u') {
        lex->at++;
        if (!hex_digits(lex->at, lex->end, 4, UINT32_MAX, &value))
            error_here(lex, "\\u needs four hexadecimal digits");
    } else if (c == 'U') {
        lex->at++;
        if (!hex_digits(lex->at, lex->end, 8, 0x10ffff, &value))
            error_here(lex, "\\U needs eight hexadecimal digits, at most "
                            "0010ffff");
    } else {
        error_here(lex, "no such escape in a string");
    }
}

static void read_string(mf_lexer *lex)
{
    char quote = *lex->at++;
    while (lex->at < lex->end) {
        char c = *lex->at;
        if (c == '\n') {
            error_here(lex, "the string does not end on its line");
            return;
        }
        lex->at++;
        if (c == quote)
            return;
        if (c == '\\')
            check_escape(lex);
    }
    error_here(lex, "the string has no end");
}

static enum mf_token_kind read_number(mf_lexer *lex)
{
    bool is_float = false;
    mf_place at = place_of(lex);
    const char *start = lex->at;
    char first = *lex->at++;
    if (first == '0' && (at_char(lex, 'x') || at_char(lex, 'X'))) {
        lex->at++;
        if (!at_class(lex, HEX))
            error_here(lex, "0x needs hexadecimal digits");
        skip_class(lex, HEX);
    } else if (first == '0' && at_class(lex, DIGIT)) {
        skip_class(lex, OCTAL);
        if (at_class(lex, DIGIT)) {
            error_here(lex, "a number that begins with 0 is octal");
            skip_class(lex, DIGIT);
        }
    } else {
        is_float = first == '.';
        skip_class(lex, DIGIT);
        if (!is_float && at_char(lex, '.')) {
            is_float = true;
            lex->at++;
            skip_class(lex, DIGIT);
        }
        if (at_char(lex, 'e') || at_char(lex, 'E')) {
            is_float = true;
            lex->at++;
            if (at_char(lex, '+') || at_char(lex, '-'))
                lex->at++;
            if (!at_class(lex, DIGIT))
                error_here(lex, "the exponent has no digits");
            skip_class(lex, DIGIT);
        }
    }
    if (at_class(lex, LETTER))
        error_here(lex, "a space is needed between a number and a name");
    else if (at_char(lex, '.'))
        error_here(lex, is_float ? "a number has one decimal point at the most"
                                 : "only decimal numbers may have a point");
    if (lex->at - start > MF_NUMBER_MAX)
        lex->error(lex->state, at, "the number is too long");
    return is_float ? MF_TOKEN_FLOAT : MF_TOKEN_INT;
}

void mf_lexer_init(mf_lexer *lex, const char *text, size_t len,
                   void (*error)(void *state, mf_place at, const char *text),
                   void *state)
{
    *lex = (mf_lexer){text, text + len, text, 1, error, state};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        lex->at += 3;
        lex->line_start += 3;
    }
}

void mf_lexer_next(mf_lexer *lex, mf_token *ret_token)
{
    mf_token *t = ret_token;
    skip_space(lex);
    t->ptr = lex->at;
    t->at = place_of(lex);
    if (lex->at == lex->end) {
        t->kind = MF_TOKEN_END;
    } else if (at_class(lex, LETTER)) {
        t->kind = MF_TOKEN_IDENT;
        skip_class(lex, LETTER | DIGIT);
    } else if (at_class(lex, DIGIT)) {
        t->kind = read_number(lex);
    } else if (*lex->at == '.' && lex->end - lex->at > 1 &&
               (class_of((unsigned char)lex->at[1]) & DIGIT)) {
        t->kind = read_number(lex);
    } else if (*lex->at == '"' || *lex->at == '\'') {
        t->kind = MF_TOKEN_STRING;
        read_string(lex);
    } else {
        t->kind = MF_TOKEN_SYMBOL;
        lex->at++;
    }
    t->len = (size_t)(lex->at - t->ptr);
}

void mf_lexer_stop(mf_lexer *lex)
{
    lex->end = lex->at;
}
