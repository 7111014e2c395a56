/*
 * cli/text.c: small texts that people type and read.
 *
 * Pure functions on zero-terminated text and bytes.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_duration(const char *text, unsigned *ret_ms)
{
    static const struct {
        const char *unit;
        unsigned long ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    unsigned long value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (unsigned long)(*p - '0');
        if (value > 1000000000)
            return -1;
    }
    if (p == text)
        return -1;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(p, units[i].unit) != 0)
            continue;
        if (value > 0xffffffff / units[i].ms)
            return -1;
        *ret_ms = (unsigned)(value * units[i].ms);
        return 0;
    }
    return -1;
}

/* --- indenting
 * ------------------------------------------------------------------ */

typedef struct sink {
    char *text; /* NULL: only count */
    size_t len;
} sink;

static void put(sink *s, char c)
{
    if (s->text)
        s->text[s->len] = c;
    s->len++;
}

static void new_line(sink *s, int depth)
{
    put(s, '\n');
    for (int i = 0; i < depth * 2; i++)
        put(s, ' ');
}

/* The JSON is the library's own, so it is well formed. */
static void indent(const char *json, size_t len, sink *out)
{
    int depth = 0, quoted = 0;
    for (size_t i = 0; i < len; i++) {
        char c = json[i];
        if (quoted) {
            put(out, c);
            if (c == '\\' && i + 1 < len)
                put(out, json[++i]);
            else if (c == '"')
                quoted = 0;
            continue;
        }
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
            continue;
        quoted = c == '"';
        if (c == '}' || c == ']') {
            char before = out->len && i ? json[i - 1] : '\0';
            depth--;
            if (before != '{' && before != '[')
                new_line(out, depth);
        }
        put(out, c);
        if (c == ':')
            put(out, ' ');
        if (c == '{' || c == '[')
            depth++;
        int closes = i + 1 < len && (json[i + 1] == '}' || json[i + 1] == ']');
        if (c == ',' || ((c == '{' || c == '[') && !closes))
            new_line(out, depth);
    }
}

char *cli_indent(const char *json, size_t len, size_t *ret_len)
{
    sink out = {NULL, 0};
    indent(json, len, &out);
    out.text = malloc(out.len + 1);
    if (!out.text)
        return NULL;
    out.len = 0;
    indent(json, len, &out);
    out.text[out.len] = '\0';
    *ret_len = out.len;
    return out.text;
}

/* --- base64, for metadata whose name ends in -bin
 * -------------------------------- */

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int cli_from_base64(const char *text, size_t n, unsigned char *out,
                    size_t *ret_len)
{
    size_t len = 0;
    unsigned bits = 0;
    for (int i = 0; i < 2 && n > 0 && text[n - 1] == '='; i++)
        n--;
    for (size_t i = 0; i < n; i++) {
        const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!at)
            return -1;
        bits = bits << 6 | (unsigned)(at - alphabet);
        if (i % 4 > 0)
            out[len++] = (unsigned char)(bits >> (3 - i % 4) * 2);
    }
    *ret_len = len;
    return n % 4 == 1 ? -1 : 0;
}

void cli_to_base64(const unsigned char *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        unsigned bits = (unsigned)bytes[i] << 16;
        if (left > 1)
            bits |= (unsigned)bytes[i + 1] << 8;
        if (left > 2)
            bits |= bytes[i + 2];
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    *out = '\0';
}

void cli_put_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            fprintf(stderr, "\\x%02x", c);
        else
            fputc(c, stderr);
    }
}

void cli_context_name(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t len = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    snprintf(out, size, "%.*s", (int)(len < size ? len : size), name);
}

/* Bytes of the UTF-8 sequence at `s`; 0: it is none. */
static size_t sequence_len(const unsigned char *s)
{
    size_t n = s[0] < 0x80                            ? 1
               : (s[0] & 0xe0) == 0xc0 && s[0] > 0xc1 ? 2
               : (s[0] & 0xf0) == 0xe0                ? 3
               : (s[0] & 0xf8) == 0xf0 && s[0] < 0xf5 ? 4
                                                      : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

void cli_put_json(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = sequence_len(s);
        if (n == 0)
            fputs("\\ufffd", to);
        else if (*s == '"' || *s == '\\')
            fprintf(to, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f)
            fprintf(to, "\\u%04x", *s);
        else
            fwrite(s, 1, n, to);
        s += n ? n : 1;
    }
    fputc('"', to);
}

int cli_is_text(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text, *end = s + len;
    while (s < end && *s) {
        size_t n = sequence_len(s);
        if (n == 0 || n > (size_t)(end - s))
            return 0;
        s += n;
    }
    return s == end;
}

const char *cli_grouped(uint64_t n, char out[CLI_NUMBER])
{
    char digits[CLI_NUMBER];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
    int at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}
