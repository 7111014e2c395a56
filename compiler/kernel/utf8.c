/*
 * compiler/kernel/utf8.c: is this text UTF-8?
 *
 * Most text is ASCII, so sixteen bytes at a time are looked at for a top bit.
 * From the first byte that has one the sequences are checked one by one, by the
 * ranges of the Unicode standard's table of well-formed sequences (no
 * surrogates, shortest forms, nothing above U+10FFFF), and ASCII runs in
 * between are skipped again.
 */
#include "compiler/kernel/codec.h"
#include "compiler/kernel/varint.h"

/* How long the sequence at p is; 0: it is none. `left` is at least 1. */
static size_t sequence(const uint8_t *p, size_t left)
{
    uint8_t first = p[0], low = 0x80, high = 0xbf;
    size_t n;

    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    n = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (n > left)
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

static bool check_mixed(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        size_t n;

        while (end - p >= 8 && !(mf_load64(p) & MF_TOP_BITS))
            p += 8;
        if (p == end)
            break;
        n = sequence(p, (size_t)(end - p));
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

bool mf_utf8_valid(const void *bytes, size_t n)
{
    const uint8_t *p = bytes, *end;

    if (n == 0)
        return true;
    end = p + n;
    if (n >= 8) {
        /* The last eight bytes overlap those before, so that no rest is left.
         */
        const uint8_t *last = end - 8;
        uint64_t seen = mf_load64(last);

        for (; last - p >= 8; p += 16) {
            seen |= mf_load64(p) | mf_load64(p + 8);
            if (MF_UNLIKELY(seen & MF_TOP_BITS))
                return check_mixed(bytes, end);
        }
        if (p < last)
            seen |= mf_load64(p);
        return MF_LIKELY(!(seen & MF_TOP_BITS)) || check_mixed(bytes, end);
    }
    if (n >= 4) {
        uint32_t seen = mf_load32(p) | mf_load32(end - 4);

        return MF_LIKELY(!(seen & (uint32_t)MF_TOP_BITS)) ||
               check_mixed(p, end);
    }
    return check_mixed(p, end);
}
