/*
 * base/json.c: writing JSON into a buffer.
 *
 * Receipts, listings and messages are written as JSON. The writer knows two
 * things: whether a comma is due and how deep it stands. What comes out is
 * always UTF-8: a byte that is none becomes U+FFFD. Failure is the buffer's.
 *
 * Threads: one at a time.
 */
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void mf_json_init(mf_json *j, mf_buf *out, int pretty)
{
    memset(j, 0, sizeof *j);
    j->out = out;
    j->pretty = pretty;
    j->fresh = 1;
}

static void new_line(mf_json *j)
{
    static const char spaces[] = "                                ";
    size_t left = (size_t)j->depth * 2;

    mf_buf_put_byte(j->out, '\n');
    while (left > 0) {
        size_t n = left < sizeof spaces - 1 ? left : sizeof spaces - 1;
        mf_buf_put(j->out, spaces, n);
        left -= n;
    }
}

/* What goes in front of a value or a key. */
static void lead(mf_json *j)
{
    if (j->named) {
        j->named = 0;
        return;
    }
    if (!j->fresh)
        mf_buf_put_byte(j->out, ',');
    if (j->pretty && j->depth > 0)
        new_line(j);
    j->fresh = 0;
}

/* The length of the UTF-8 sequence at `p`, whose first byte is not ASCII; 0
 * when there is none. */
static size_t sequence(const uint8_t *p, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

    if (p[0] < 0xc2 || p[0] > 0xf4 || n > left)
        return 0;
    uint32_t c = p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0u) != 0x80u)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    return n;
}

static void escape(mf_buf *out, uint8_t c)
{
    static const char names[] = "btn?fr"; /* from 8; 11 has no short form */
    char text[8] = {'\\', (char)c, 0};

    if (c >= 8 && c <= 13 && c != 11)
        text[1] = names[c - 8];
    else if (c < 0x20)
        snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
    mf_buf_puts(out, text);
}

static void quoted(mf_buf *out, const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t i = 0;
    size_t from = 0; /* what lies before it is written */

    mf_buf_put_byte(out, '"');
    while (i < len) {
        uint8_t c = p[i];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        size_t n = c < 0x80 ? 0 : sequence(p + i, len - i);
        if (n) {
            i += n;
            continue;
        }
        mf_buf_put(out, p + from, i - from);
        if (c < 0x80)
            escape(out, c);
        else
            mf_buf_puts(out, "\xef\xbf\xbd");
        from = ++i;
    }
    if (len > from)
        mf_buf_put(out, p + from, len - from);
    mf_buf_put_byte(out, '"');
}

void mf_json_open(mf_json *j, char bracket)
{
    lead(j);
    mf_buf_put_byte(j->out, (unsigned char)bracket);
    j->depth++;
    j->fresh = 1;
}

void mf_json_close(mf_json *j, char bracket)
{
    j->depth--;
    if (j->pretty && !j->fresh)
        new_line(j);
    mf_buf_put_byte(j->out, (unsigned char)bracket);
    j->fresh = 0;
    j->named = 0;
}

void mf_json_key(mf_json *j, const char *key, size_t len)
{
    lead(j);
    quoted(j->out, key, len);
    mf_buf_puts(j->out, j->pretty ? ": " : ":");
    j->named = 1;
}

void mf_json_name(mf_json *j, const char *key)
{
    mf_json_key(j, key, strlen(key));
}

void mf_json_str(mf_json *j, const char *text, size_t len)
{
    lead(j);
    quoted(j->out, text, len);
}

void mf_json_raw(mf_json *j, const char *token)
{
    lead(j);
    mf_buf_puts(j->out, token);
}

void mf_json_u64(mf_json *j, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    mf_json_raw(j, text);
}

void mf_json_i64(mf_json *j, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    mf_json_raw(j, text);
}

void mf_json_put_u64(mf_json *j, const char *name, uint64_t value)
{
    mf_json_name(j, name);
    mf_json_u64(j, value);
}

void mf_json_put_str(mf_json *j, const char *name, const char *text)
{
    mf_json_name(j, name);
    mf_json_str(j, text, strlen(text));
}

void mf_json_put_bool(mf_json *j, const char *name, int value)
{
    mf_json_name(j, name);
    mf_json_raw(j, value ? "true" : "false");
}
