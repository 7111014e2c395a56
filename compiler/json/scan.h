/*
 * compiler/json/scan.h: JSON text, token by token (RFC 8259, strictly).
 *
 * The reader pulls: it holds one token at a time, and the functions for objects
 * and arrays walk their parts. Whoever reads a value finds its first token in
 * the scanner and leaves the scanner on its last.
 *
 *     if (mf_scan_start(&s, text, arena, err) == 0 && s.token == '{') {
 *         bool first = true;
 *         while ((rc = mf_scan_member(&s, &first, &key, err)) > 0)
 *             ... read the value, or mf_scan_skip(&s, err) ...
 *     }
 *     mf_scan_end(&s, err)
 *
 * Nothing here recurses. A failed scanner must not be used again.
 */
#ifndef MF_JSON_SCAN_H
#define MF_JSON_SCAN_H

#include "base/arena.h"

#include <mayfly/error.h>

#include <stdbool.h>

/* Messages lie in messages 100 deep (MF_DEPTH_MAX), which makes 101 of them;
 * each may bring its own brackets and those of an array or map within. */
enum { MF_SCAN_DEPTH_MAX = 202 };

enum mf_token {
    MF_TOKEN_END = 0,
    MF_TOKEN_STRING = 's',
    MF_TOKEN_NUMBER = 'n',
    MF_TOKEN_TRUE = 't',
    MF_TOKEN_FALSE = 'f',
    MF_TOKEN_NULL = '0'
    /* and { } [ ] , : as themselves */
};

typedef struct mf_scan {
    const char *start; /* of the text */
    const char *at;    /* behind the token */
    const char *end;
    const char *token_at; /* the token's first byte */
    const char *key_at;   /* the newest member's name */
    int token;            /* enum mf_token */
    unsigned depth;       /* brackets open */
    bool skipping;        /* nobody reads the strings */
    mayfly_str text;      /* a string's value, a number's characters */
    mayfly_arena
        *arena; /* for strings with escapes; others point into the text */
} mf_scan;

/* Reads the first token. Errors of all: EJSON, ELIMIT (brackets), ENOMEM. */
int mf_scan_start(mf_scan *s, mayfly_str text, mayfly_arena *arena,
                  mayfly_error *err);

/* On '{', or on the last token of a member's value: 1 with the next member's
 * key and the scanner on the value's first token; 0 with the scanner on '}'. */
int mf_scan_member(mf_scan *s, bool *first, mayfly_str *ret_key,
                   mayfly_error *err);

/* The same for '['. */
int mf_scan_element(mf_scan *s, bool *first, mayfly_error *err);

/* Skips the value that begins at the token, to its last token. */
int mf_scan_skip(mf_scan *s, mayfly_error *err);

/* Nothing but space may follow. */
int mf_scan_end(mf_scan *s, mayfly_error *err);

/* EJSON (or `code`) at the place of the token. */
int mf_scan_fail(const mf_scan *s, mayfly_error *err, int code,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same at the newest member's name, before its value is read. */
int mf_scan_fail_key(const mf_scan *s, mayfly_error *err, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));

/* "an object", "a string", ...: for messages. */
const char *mf_scan_token_name(const mf_scan *s);

#endif
