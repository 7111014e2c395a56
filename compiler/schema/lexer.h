/*
 * compiler/schema/lexer.h: proto text to tokens.
 *
 * A token is a piece of the text; nothing is copied. Errors in the text are
 * told to a callback, and the lexer goes on with the next character, so that a
 * file with a stray character is still parsed to its end.
 */
#ifndef MF_SCHEMA_LEXER_H
#define MF_SCHEMA_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A place in a file: both from 1, the column in bytes. */
typedef struct mf_place {
    int line;
    int column;
} mf_place;

enum mf_token_kind {
    MF_TOKEN_END,
    MF_TOKEN_IDENT,
    MF_TOKEN_INT,
    MF_TOKEN_FLOAT,
    MF_TOKEN_STRING, /* one literal, with its quotes; its escapes are valid */
    MF_TOKEN_SYMBOL  /* one character */
};

enum { MF_NUMBER_MAX = 255 }; /* bytes of a number token */

typedef struct mf_token {
    enum mf_token_kind kind;
    const char *ptr;
    size_t len;
    mf_place at;
} mf_token;

typedef struct mf_lexer {
    const char *at;
    const char *end;
    const char *line_start;
    int line;
    void (*error)(void *state, mf_place at, const char *text);
    void *state;
} mf_lexer;

/* Skips a byte order mark. */
void mf_lexer_init(mf_lexer *lex, const char *text, size_t len,
                   void (*error)(void *state, mf_place at, const char *text),
                   void *state);
void mf_lexer_next(mf_lexer *lex, mf_token *ret_token);
void mf_lexer_stop(mf_lexer *lex); /* only END from here on */

/* The bytes of a string token with its escapes resolved, never more than the
 * token has: `out` has room for token->len. Returns their count. */
size_t mf_token_string(const mf_token *token, char *out);

/* The value of an integer token (decimal, hexadecimal, octal); false when it
 * does not fit 64 bits. */
bool mf_token_u64(const mf_token *token, uint64_t *ret_value);

/* The value of an integer or float token, the same in every locale. */
double mf_token_double(const mf_token *token);

#endif
