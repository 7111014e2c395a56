/*
 * compiler/schema/literal.c: the values of string and number tokens.
 *
 * The lexer has found the tokens well-formed or has told an error, in which
 * case a value is still made (of what can be made sense of) and used for
 * nothing.
 */
#include "compiler/schema/lexer.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* Up to `max` digits of `base`. */
static const char *read_digits(const char *at, const char *end, int base,
                               int max, uint32_t *ret_value)
{
    uint32_t value = 0;
    for (; max > 0 && at < end && digit_value(*at) < base; max--, at++)
        value = value * (uint32_t)base + (uint32_t)digit_value(*at);
    *ret_value = value;
    return at;
}

/* A code point as UTF-8; lone surrogates as their three bytes. */
static size_t put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Past "\u" or "\U": a code point, of two halves where a \u surrogate pair is
 * written. */
static const char *read_unicode(const char *at, const char *end, int digits,
                                uint32_t *ret_value)
{
    uint32_t low;
    at = read_digits(at, end, 16, digits, ret_value);
    if (*ret_value >= 0xd800 && *ret_value < 0xdc00 && end - at >= 6 &&
        at[0] == '\\' && at[1] == 'u') {
        const char *past = read_digits(at + 2, end, 16, 4, &low);
        if (past == at + 6 && low >= 0xdc00 && low < 0xe000) {
            *ret_value =
                0x10000 + ((*ret_value - 0xd800) << 10 | (low - 0xdc00));
            return past;
        }
    }
    return at;
}

/* Past the backslash, which is not the last byte. */
static const char *read_escape(const char *at, const char *end, char *out,
                               size_t *ret_n)
{
    static const char plain[] = "abfnrtv\\?'\"";
    static const char value[] = "\a\b\f\n\r\t\v\\?'\"";
    uint32_t code;
    char c = *at;
    const char *found = c ? strchr(plain, c) : NULL;
    *ret_n = 1;
    if (found) {
        out[0] = value[found - plain];
        return at + 1;
    }
    if (c >= '0' && c <= '7') {
        at = read_digits(at, end, 8, 3, &code);
        out[0] = (char)(code & 0xff);
        return at;
    }
    if (c == 'x' || c == 'X') {
        at = read_digits(at + 1, end, 16, 2, &code);
        out[0] = (char)code;
        return at;
    }
    if (c == 'u' || c == 'U') {
        at = read_unicode(at + 1, end, c == 'u' ? 4 : 8, &code);
        if (code > 0x10ffff)
            code = 0xfffd;
        *ret_n = put_utf8(code, out); /* never longer than what was read */
        return at;
    }
    out[0] = c;
    return at + 1;
}

size_t mf_token_string(const mf_token *token, char *out)
{
    const char *at = token->ptr + 1;
    const char *end = token->ptr + token->len;
    size_t n = 0;
    if (token->len < 2)
        return 0;
    if (end[-1] == token->ptr[0])
        end--;
    while (at < end) {
        size_t k = 1;
        if (*at == '\\' && end - at > 1)
            at = read_escape(at + 1, end, out + n, &k);
        else
            out[n] = *at++;
        n += k;
    }
    return n;
}

bool mf_token_u64(const mf_token *token, uint64_t *ret_value)
{
    const char *at = token->ptr;
    const char *end = at + token->len;
    uint64_t value = 0;
    unsigned base = 10;
    if (token->len > 1 && at[0] == '0') {
        base = (at[1] | 0x20) == 'x' ? 16 : 8;
        at += base == 16 ? 2 : 1;
    }
    for (; at < end; at++) {
        unsigned digit = (unsigned)digit_value(*at);
        if (digit >= base || value > (UINT64_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    *ret_value = value;
    return true;
}

double mf_token_double(const mf_token *token)
{
    char text[MF_NUMBER_MAX + 1];
    uint64_t whole;
    if (token->kind == MF_TOKEN_INT && mf_token_u64(token, &whole))
        return (double)whole;
    size_t n = token->len < sizeof text ? token->len : sizeof text - 1;
    memcpy(text, token->ptr, n);
    text[n] = '\0';
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c)
        return NAN;
    double value = strtod_l(text, NULL, c);
    freelocale(c);
    return value;
}
