/*
 * compiler/json/base64.c: bytes as text.
 *
 * Reading takes either alphabet character by character, so a mixture is
 * accepted too: that is what peers written in other languages accept. Padding
 * may be left out; where there is some, it must be the right amount. Bits
 * behind the last whole byte are ignored ("-_" is one byte). Anything else is
 * refused: a reader that skips strange characters hides damage.
 *
 * Pure functions; any thread.
 */
#include "compiler/json/base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

size_t mf_base64_length(size_t n)
{
    return (n + 2) / 3 * 4;
}

void mf_base64_encode(const uint8_t *bytes, size_t n, char *out)
{
    for (; n >= 3; n -= 3, bytes += 3) {
        *out++ = alphabet[bytes[0] >> 2];
        *out++ = alphabet[(bytes[0] & 3) << 4 | bytes[1] >> 4];
        *out++ = alphabet[(bytes[1] & 15) << 2 | bytes[2] >> 6];
        *out++ = alphabet[bytes[2] & 63];
    }
    if (n == 0)
        return;
    unsigned second = n == 2 ? bytes[1] : 0;
    *out++ = alphabet[bytes[0] >> 2];
    *out++ = alphabet[(bytes[0] & 3u) << 4 | second >> 4];
    *out++ = n == 2 ? alphabet[(second & 15) << 2] : '=';
    *out++ = '=';
}

bool mf_base64_decode(mayfly_str text, uint8_t *out, size_t *ret_len)
{
    size_t n = text.len, padding = 0, len = 0;
    while (padding < 2 && padding < n && text.ptr[n - 1 - padding] == '=')
        padding++;
    n -= padding;
    if (n % 4 == 1 || (padding > 0 && (n + padding) % 4 != 0))
        return false;
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        int value = value_of(text.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 == 0)
            continue;
        unsigned shift = (3 - (unsigned)(i % 4)) * 2;
        out[len++] = (uint8_t)(bits >> shift);
    }
    *ret_len = len;
    return true;
}
