/*
 * compiler/json/scan.c: the JSON tokenizer.
 *
 * JSON arrives from terminals, files and peers, so every byte is checked: text
 * between tokens is the four space characters and nothing else, strings are
 * UTF-8 without control characters, escaped surrogates come in pairs, numbers
 * follow the grammar to the letter (no leading zeros, no bare point, no NaN).
 * The scanner walks the text once and never looks behind `end`; the text needs
 * no terminating zero.
 *
 * A string without escapes is handed out as a piece of the text itself. One
 * with escapes is written out in the arena; it is never longer than what it was
 * written as, so one allocation of that size is enough.
 *
 * Brackets are counted, not remembered: whoever walks an object or an array
 * knows what it is in, and mf_scan_skip keeps one bit per open bracket in a
 * fixed array.
 *
 * Places are found by counting lines when an error is made: reading stays free
 * of book-keeping. Columns count bytes from 1.
 */
#include "compiler/json/scan.h"

#include "base/error.h"
#include "compiler/kernel/codec.h"

#include <stdarg.h>
#include <stdio.h>

static int fail_at(const mf_scan *s, const char *place, mayfly_error *err,
                   int code, const char *text)
{
    int line = 1;
    const char *line_start = s->start;
    for (const char *p = s->start; p < place; p++) {
        if (*p == '\n') {
            line++;
            line_start = p + 1;
        }
    }
    return mf_error_at(err, code, "json", line, (int)(place - line_start) + 1,
                       "%s", text);
}

int mf_scan_fail(const mf_scan *s, mayfly_error *err, int code,
                 const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return fail_at(s, s->token_at, err, code, text);
}

int mf_scan_fail_key(const mf_scan *s, mayfly_error *err, const char *format,
                     ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return fail_at(s, s->key_at, err, MAYFLY_EJSON, text);
}

const char *mf_scan_token_name(const mf_scan *s)
{
    switch (s->token) {
    case '{':
        return "an object";
    case '[':
        return "an array";
    case MF_TOKEN_STRING:
        return "a string";
    case MF_TOKEN_NUMBER:
        return "a number";
    case MF_TOKEN_TRUE:
        return "true";
    case MF_TOKEN_FALSE:
        return "false";
    case MF_TOKEN_NULL:
        return "null";
    case MF_TOKEN_END:
        return "the end of the text";
    case '}':
        return "\"}\"";
    case ']':
        return "\"]\"";
    case ',':
        return "\",\"";
    default:
        return "\":\"";
    }
}

/* Where text that is not UTF-8 stops being it. */
static const char *first_bad(const char *p, const char *end)
{
    size_t n = 0;
    while (n < 4 && n < (size_t)(end - p)) {
        if (mf_utf8_valid(p, ++n)) {
            p += n;
            n = 0;
        }
    }
    return p;
}

/* Four hex digits, or -1. */
static int hex4(const char *p, const char *end)
{
    if (end - p < 4)
        return -1;
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* Checks the escape whose backslash is at *at, moves *at behind it, and returns
 * its character; -1 with an error. */
static int64_t read_escape(const mf_scan *s, const char **at, mayfly_error *err)
{
    const char *p = *at;
    if (s->end - p < 2)
        return fail_at(s, p, err, MAYFLY_EJSON, "the string does not end");
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (p[1] != 'u') {
        const char *name = p[1] ? strchr(names, p[1]) : NULL;
        if (!name)
            return fail_at(s, p, err, MAYFLY_EJSON,
                           "a backslash before a character that has no escape");
        *at = p + 2;
        return values[name - names];
    }
    int unit = hex4(p + 2, s->end);
    if (unit < 0)
        return fail_at(s, p, err, MAYFLY_EJSON,
                       "\\u needs four hexadecimal digits");
    if (unit < 0xd800 || unit > 0xdfff) {
        *at = p + 6;
        return unit;
    }
    int low = -1;
    if (unit < 0xdc00 && s->end - p >= 8 && p[6] == '\\' && p[7] == 'u')
        low = hex4(p + 8, s->end);
    if (low < 0xdc00 || low > 0xdfff)
        return fail_at(s, p, err, MAYFLY_EJSON,
                       "half of a surrogate pair without the other half");
    *at = p + 12;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/* Writes a checked string with escapes out in the arena. */
static int unescape(mf_scan *s, const char *from, const char *to,
                    mayfly_error *err)
{
    char *text = mf_arena_raw(s->arena, (size_t)(to - from));
    if (!text)
        return mf_arena_nomem(s->arena, "a JSON string", err);
    char *out = text;
    while (from < to) {
        if (*from != '\\') {
            *out++ = *from++;
            continue;
        }
        int64_t c = read_escape(s, &from, err);
        if (c < 0)
            return MAYFLY_EJSON; /* it was checked: cannot be */
        out = put_utf8(out, (uint32_t)c);
    }
    s->text = (mayfly_str){text, (size_t)(out - text)};
    return 0;
}

static int read_string(mf_scan *s, mayfly_error *err)
{
    const char *from = s->at + 1, *p = from;
    bool escaped = false;
    for (;;) {
        if (p == s->end)
            return fail_at(s, s->at, err, MAYFLY_EJSON,
                           "the string does not end");
        uint8_t c = (uint8_t)*p;
        if (c == '"')
            break;
        if (c == '\\') {
            if (read_escape(s, &p, err) < 0)
                return MAYFLY_EJSON;
            escaped = true;
        } else if (c < 0x20) {
            return fail_at(s, p, err, MAYFLY_EJSON,
                           "a control character in a string must be escaped");
        } else {
            p++;
        }
    }
    if (!mf_utf8_valid(from, (size_t)(p - from)))
        return fail_at(s, first_bad(from, p), err, MAYFLY_EJSON,
                       "the string is not UTF-8");
    s->token = MF_TOKEN_STRING;
    s->at = p + 1;
    if (escaped && !s->skipping)
        return unescape(s, from, p, err);
    s->text = (mayfly_str){from, (size_t)(p - from)};
    return 0;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static int read_number(mf_scan *s, mayfly_error *err)
{
    const char *p = s->at, *end = s->end;
    if (*p == '-')
        p++;
    const char *digits = p;
    p = skip_digits(p, end);
    bool good = p > digits && (*digits != '0' || p == digits + 1);
    if (good && p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        good = p > digits;
    }
    if (good && p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        p = skip_digits(p, end);
        good = p > digits;
    }
    if (!good)
        return fail_at(s, s->at, err, MAYFLY_EJSON,
                       "this is not a JSON number");
    s->token = MF_TOKEN_NUMBER;
    s->text = (mayfly_str){s->at, (size_t)(p - s->at)};
    s->at = p;
    return 0;
}

static int read_word(mf_scan *s, mayfly_error *err)
{
    static const struct {
        const char *word;
        size_t len;
        int token;
    } words[] = {{"true", 4, MF_TOKEN_TRUE},
                 {"false", 5, MF_TOKEN_FALSE},
                 {"null", 4, MF_TOKEN_NULL}};
    const char *p = s->at;
    while (p < s->end && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
        p++;
    size_t len = (size_t)(p - s->at);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (len == words[i].len && memcmp(s->at, words[i].word, len) == 0) {
            s->token = words[i].token;
            s->at = p;
            return 0;
        }
    }
    return fail_at(s, s->at, err, MAYFLY_EJSON,
                   "expected a value: an object, an array, a string, a "
                   "number, true, false or null");
}

static int next(mf_scan *s, mayfly_error *err)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' ||
                              *s->at == '\t' || *s->at == '\r'))
        s->at++;
    s->token_at = s->at;
    if (s->at == s->end) {
        s->token = MF_TOKEN_END;
        return 0;
    }
    switch (*s->at) {
    case '{':
    case '[':
        if (s->depth == MF_SCAN_DEPTH_MAX)
            return fail_at(s, s->at, err, MAYFLY_ELIMIT,
                           "brackets are nested too deep");
        s->depth++;
        s->token = *s->at++;
        return 0;
    case '}':
    case ']':
        if (s->depth > 0)
            s->depth--;
        s->token = *s->at++;
        return 0;
    case ',':
    case ':':
        s->token = *s->at++;
        return 0;
    case '"':
        return read_string(s, err);
    default:
        if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
            return read_number(s, err);
        return read_word(s, err);
    }
}

/* Whether the token begins a value. */
static int check_value(const mf_scan *s, mayfly_error *err)
{
    switch (s->token) {
    case MF_TOKEN_END:
    case '}':
    case ']':
    case ',':
    case ':':
        return mf_scan_fail(s, err, MAYFLY_EJSON, "expected a value, found %s",
                            mf_scan_token_name(s));
    default:
        return 0;
    }
}

static int next_value(mf_scan *s, mayfly_error *err)
{
    int rc = next(s, err);
    return rc != 0 ? rc : check_value(s, err);
}

/* Moves over what stands between the parts of an object or array. Returns 1 on
 * the first token of a part, 0 on the closing bracket. */
static int next_part(mf_scan *s, bool *first, int close, mayfly_error *err)
{
    int rc = next(s, err);
    if (rc != 0)
        return rc;
    if (s->token == close)
        return 0;
    if (*first) {
        *first = false;
        return 1;
    }
    if (s->token != ',')
        return mf_scan_fail(s, err, MAYFLY_EJSON,
                            "expected \",\" or \"%c\", found %s", close,
                            mf_scan_token_name(s));
    rc = next(s, err);
    return rc != 0 ? rc : 1;
}

int mf_scan_member(mf_scan *s, bool *first, mayfly_str *ret_key,
                   mayfly_error *err)
{
    int rc = next_part(s, first, '}', err);
    if (rc <= 0)
        return rc;
    if (s->token != MF_TOKEN_STRING)
        return mf_scan_fail(s, err, MAYFLY_EJSON,
                            "expected a member's name in quotes, found %s",
                            mf_scan_token_name(s));
    mayfly_str key = s->text;
    s->key_at = s->token_at;
    rc = next(s, err);
    if (rc != 0)
        return rc;
    if (s->token != ':')
        return mf_scan_fail(s, err, MAYFLY_EJSON, "expected \":\", found %s",
                            mf_scan_token_name(s));
    rc = next_value(s, err);
    if (rc != 0)
        return rc;
    *ret_key = key;
    return 1;
}

int mf_scan_element(mf_scan *s, bool *first, mayfly_error *err)
{
    int rc = next_part(s, first, ']', err);
    if (rc <= 0)
        return rc;
    rc = check_value(s, err);
    return rc != 0 ? rc : 1;
}

/* mf_scan_skip without telling the strings. */
static int skip(mf_scan *s, mayfly_error *err)
{
    uint8_t is_object[MF_SCAN_DEPTH_MAX] = {0};
    bool first = true;
    unsigned open = 0;
    for (;;) {
        if (s->token == '{' || s->token == '[') {
            is_object[open++] = s->token == '{';
            first = true;
        }
        while (open > 0) {
            mayfly_str key;
            int rc = is_object[open - 1] ? mf_scan_member(s, &first, &key, err)
                                         : mf_scan_element(s, &first, err);
            if (rc < 0)
                return rc;
            if (rc > 0)
                break;
            open--;
            first = false;
        }
        if (open == 0)
            return 0;
    }
}

int mf_scan_skip(mf_scan *s, mayfly_error *err)
{
    s->skipping = true;
    int rc = skip(s, err);
    s->skipping = false;
    return rc;
}

int mf_scan_end(mf_scan *s, mayfly_error *err)
{
    int rc = next(s, err);
    if (rc != 0)
        return rc;
    if (s->token != MF_TOKEN_END)
        return mf_scan_fail(s, err, MAYFLY_EJSON,
                            "expected the end of the text, found %s",
                            mf_scan_token_name(s));
    return 0;
}

int mf_scan_start(mf_scan *s, mayfly_str text, mayfly_arena *arena,
                  mayfly_error *err)
{
    const char *start = text.ptr ? text.ptr : "";
    *s = (mf_scan){.start = start,
                   .at = start,
                   .end = start + text.len,
                   .token_at = start,
                   .arena = arena};
    return next_value(s, err);
}
