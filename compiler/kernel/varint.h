/*
 * compiler/kernel/varint.h: varints by eight bytes at a time.
 *
 * A varint's bytes carry seven bits each; the top bit says that another
 * follows. Eight bytes are loaded at once, the first byte without a top bit is
 * found by counting zeros, and the groups of seven bits are pushed together, by
 * one pext where the processor has a fast one, else in three steps.
 */
#ifndef MF_KERNEL_VARINT_H
#define MF_KERNEL_VARINT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernels are written for little-endian machines"
#endif

#define MF_LIKELY(x) __builtin_expect(!!(x), 1)
#define MF_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define MF_INLINE static inline __attribute__((always_inline))

#define MF_TOP_BITS 0x8080808080808080u

MF_INLINE uint64_t mf_load64(const void *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

MF_INLINE uint32_t mf_load32(const void *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

MF_INLINE void mf_store64(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof(v));
}

MF_INLINE void mf_store32(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v));
}

/* The low seven bits of each byte, pushed together: 56 bits. */
MF_INLINE uint64_t mf_squeeze_plain(uint64_t x)
{
    x &= 0x7f7f7f7f7f7f7f7fu;
    x = (x & 0x007f007f007f007fu) | (x & 0x7f007f007f007f00u) >> 1;
    x = (x & 0x00003fff00003fffu) | (x & 0x3fff00003fff0000u) >> 2;
    return (x & 0x000000000fffffffu) | (x & 0x0fffffff00000000u) >> 4;
}

#if defined(__x86_64__)
/* Inline assembly, so that the rest of the file needs no target flags. */
MF_INLINE uint64_t mf_squeeze_pext(uint64_t x)
{
    uint64_t r;

    __asm__("pextq %2, %1, %0"
            : "=r"(r)
            : "r"(x), "r"((uint64_t)0x7f7f7f7f7f7f7f7fu));
    return r;
}
#endif

/* How many bytes v takes as a varint, without branches: 1 to 10. */
MF_INLINE unsigned mf_varint_size(uint64_t v)
{
    unsigned bits = 63u - (unsigned)__builtin_clzll(v | 1);

    return (bits * 9 + 73) / 64;
}

#endif
