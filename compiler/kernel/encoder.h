/*
 * compiler/kernel/encoder.h: writing tags and varints without branches.
 *
 * Shared by the files that define the encode kernels. The functions store whole
 * words and may touch MF_SLACK bytes behind what they say they wrote.
 */
#ifndef MF_KERNEL_ENCODER_H
#define MF_KERNEL_ENCODER_H

#include "compiler/kernel/codec.h"
#include "compiler/kernel/varint.h"

/* Notes the failure, the first one only, and returns NULL. */
uint8_t *mf_writer_fail(mf_writer *w, int code);

MF_INLINE uint8_t *mf_write_tag(uint8_t *p, uint64_t tag)
{
    mf_store64(p, tag);
    return p + (tag >> 56);
}

/* Groups of seven bits, from the low 56 bits, one to a byte. */
MF_INLINE uint64_t mf_spread_plain(uint64_t x)
{
    x = (x & 0x000000000fffffffu) | (x & 0x00fffffff0000000u) << 4;
    x = (x & 0x00003fff00003fffu) | (x & 0x0fffc0000fffc000u) << 2;
    return (x & 0x007f007f007f007fu) | (x & 0x3f803f803f803f80u) << 1;
}

#if defined(__x86_64__)
MF_INLINE uint64_t mf_spread_pdep(uint64_t x)
{
    uint64_t r;

    __asm__("pdepq %2, %1, %0"
            : "=r"(r)
            : "r"(x), "r"((uint64_t)0x7f7f7f7f7f7f7f7fu));
    return r;
}
#endif

/* A varint at p; touches 16 bytes. */
MF_INLINE uint8_t *mf_write_varint(uint8_t *p, uint64_t v, bool pdep)
{
    unsigned size = mf_varint_size(v);
    uint64_t spread;

#if defined(__x86_64__)
    spread = pdep ? mf_spread_pdep(v) : mf_spread_plain(v);
#else
    (void)pdep;
    spread = mf_spread_plain(v);
#endif
    if (MF_LIKELY(size <= 8)) {
        /* Top bits on all bytes but the last. */
        mf_store64(
            p, spread | (MF_TOP_BITS & (((uint64_t)1 << (size - 1) * 8) - 1)));
        return p + size;
    }
    mf_store64(p, spread | MF_TOP_BITS);
    p[8] = (uint8_t)(v >> 56 & 0x7f);
    p[9] = (uint8_t)(v >> 63);
    if (size == 10)
        p[8] |= 0x80;
    return p + size;
}

MF_INLINE uint64_t mf_to_zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

#endif
