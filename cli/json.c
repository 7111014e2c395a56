/*
 * cli/json.c: reading JSON into a tree.
 *
 * The command sees the library's public headers only, which read JSON of
 * messages that a schema knows. What an admin socket answers has no schema; it
 * is read strictly here, since whoever listens there may be anybody.
 *
 * All nodes are one block: there are no more values in a text than it has
 * commas and opening brackets, and one. Strings lose their escapes in place.
 */
#include "cli/json.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

typedef struct reader {
    char *start, *at, *end;
    const char *copy;
    cli_json *nodes;
    size_t n;
} reader;

static void skip_space(reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
        r->at++;
}

/* Moves over a character that has to be there. 0 or -1. */
static int expect_here(reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return -1;
    r->at++;
    return 0;
}

/* The same behind space. */
static int expect(reader *r, char c)
{
    skip_space(r);
    return expect_here(r, c);
}

static int next_is(reader *r, char c)
{
    skip_space(r);
    return r->at < r->end && *r->at == c;
}

/* --- strings --- */

static int hex4(reader *r, unsigned *ret)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *d =
            r->at < r->end && *r->at ? strchr(digits, *r->at) : NULL;
        if (!d)
            return -1;
        value = value << 4 | ((unsigned)(d - digits) & 15);
    }
    *ret = value;
    return 0;
}

static char *put_utf8(char *to, unsigned c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xe0 | c >> 12);
        } else {
            *to++ = (char)(0xf0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 63));
        }
        *to++ = (char)(0x80 | (c >> 6 & 63));
    }
    *to++ = (char)(0x80 | (c & 63));
    return to;
}

/* Behind "\u": one unit, or two that make a character. */
static int read_unicode(reader *r, char **to)
{
    unsigned c, low;
    if (hex4(r, &c) != 0)
        return -1;
    if (c >= 0xd800 && c < 0xdc00) {
        if (expect_here(r, '\\') != 0 || expect_here(r, 'u') != 0 ||
            hex4(r, &low) != 0 || low < 0xdc00 || low > 0xdfff)
            return -1;
        c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
    } else if (c == 0 || (c >= 0xdc00 && c < 0xe000)) {
        return -1; /* no zero within a text */
    }
    *to = put_utf8(*to, c);
    return 0;
}

static int read_escape(reader *r, char **to)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *name = r->at < r->end && *r->at ? strchr(names, *r->at) : NULL;
    if (name) {
        *(*to)++ = values[name - names];
        r->at++;
        return 0;
    }
    return expect_here(r, 'u') == 0 ? read_unicode(r, to) : -1;
}

/* The text without its quotes and escapes, where it stood. */
static int read_string(reader *r, const char **ret, size_t *ret_len)
{
    if (expect(r, '"') != 0)
        return -1;
    char *start = r->at, *to = r->at;
    while (r->at < r->end && *r->at != '"') {
        char c = *r->at++;
        if ((unsigned char)c < 0x20)
            return -1;
        if (c != '\\')
            *to++ = c;
        else if (read_escape(r, &to) != 0)
            return -1;
    }
    if (expect(r, '"') != 0)
        return -1;
    *to = '\0'; /* in the place of the quote, or before it */
    *ret = start;
    *ret_len = (size_t)(to - start);
    return 0;
}

/* --- values --- */

static cli_json *read_value(reader *r, int depth);

static int read_list(reader *r, cli_json *of, char close, int depth)
{
    cli_json **link = &of->first;
    r->at++;
    if (next_is(r, close)) {
        r->at++;
        return 0;
    }
    for (;;) {
        const char *key = NULL;
        size_t len;
        if (of->kind == CLI_JSON_OBJECT &&
            (read_string(r, &key, &len) != 0 || expect(r, ':') != 0))
            return -1;
        cli_json *value = read_value(r, depth + 1);
        if (!value)
            return -1;
        value->key = key;
        *link = value;
        link = &value->next;
        if (next_is(r, close)) {
            r->at++;
            return 0;
        }
        if (expect(r, ',') != 0)
            return -1;
    }
}

/* What stands behind it ends it, so there is no room for a zero yet. */
static int read_number(reader *r, cli_json *v)
{
    v->kind = CLI_JSON_NUMBER;
    v->text = r->at;
    r->at += *r->at == '-';
    char *digits = r->at;
    while (r->at < r->end && *r->at && strchr("0123456789.eE+-", *r->at))
        r->at++;
    v->len = (size_t)(r->at - v->text);
    return r->at > digits && *digits >= '0' && *digits <= '9' ? 0 : -1;
}

static int read_word(reader *r, cli_json *v)
{
    static const struct {
        const char *word;
        enum cli_json_kind kind;
    } words[] = {{"null", CLI_JSON_NULL},
                 {"true", CLI_JSON_TRUE},
                 {"false", CLI_JSON_FALSE}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = strlen(words[i].word);
        if ((size_t)(r->end - r->at) < n ||
            memcmp(r->at, words[i].word, n) != 0)
            continue;
        v->kind = words[i].kind;
        r->at += n;
        return 0;
    }
    return -1;
}

static int fill(reader *r, cli_json *v, int depth)
{
    switch (*r->at) {
    case '{':
        v->kind = CLI_JSON_OBJECT;
        return read_list(r, v, '}', depth);
    case '[':
        v->kind = CLI_JSON_ARRAY;
        return read_list(r, v, ']', depth);
    case '"':
        v->kind = CLI_JSON_STRING;
        return read_string(r, &v->text, &v->len);
    default:
        if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
            return read_number(r, v);
        return read_word(r, v);
    }
}

static cli_json *read_value(reader *r, int depth)
{
    skip_space(r);
    if (r->at == r->end || depth > DEPTH_MAX)
        return NULL;
    cli_json *v = &r->nodes[r->n++];
    size_t from = (size_t)(r->at - r->start);
    if (fill(r, v, depth) != 0)
        return NULL;
    if (r->copy) {
        v->raw = r->copy + from;
        v->raw_len = (size_t)(r->at - r->start) - from;
    }
    return v;
}

cli_json *cli_json_read(char *text, size_t len, const char *copy)
{
    size_t most = 1;
    for (size_t i = 0; i < len; i++)
        most += text[i] == ',' || text[i] == '[' || text[i] == '{';
    cli_json *nodes = calloc(most, sizeof(*nodes));
    reader r = {.start = text,
                .at = text,
                .end = text + len,
                .copy = copy,
                .nodes = nodes};
    cli_json *root = nodes ? read_value(&r, 0) : NULL;
    skip_space(&r);
    if (root && r.at == r.end)
        return nodes; /* the root is the first */
    free(nodes);
    return NULL;
}

/* --- looking --- */

const cli_json *cli_json_get(const cli_json *of, const char *key)
{
    const cli_json *v = of && of->kind == CLI_JSON_OBJECT ? of->first : NULL;
    while (v && strcmp(v->key, key) != 0)
        v = v->next;
    return v;
}

uint64_t cli_json_number(const cli_json *of, const char *key)
{
    const cli_json *v = cli_json_get(of, key);
    /* ends at what is no digit: the text has a zero at its end */
    return v && v->kind == CLI_JSON_NUMBER ? strtoull(v->text, NULL, 10) : 0;
}

const char *cli_json_text(const cli_json *of, const char *key)
{
    const cli_json *v = cli_json_get(of, key);
    return v && v->kind == CLI_JSON_STRING ? v->text : "";
}

int cli_json_is(const cli_json *of, const char *key)
{
    const cli_json *v = cli_json_get(of, key);
    return v && v->kind == CLI_JSON_TRUE;
}
