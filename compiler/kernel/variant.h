/*
 * compiler/kernel/variant.h: which build of the kernels this processor runs
 * best.
 *
 * Nothing remembers the answer but what is made with it: decode tables carry
 * it, generated code is linked to the kernels of it.
 */
#ifndef MF_KERNEL_VARIANT_H
#define MF_KERNEL_VARIANT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether pext and pdep are there and fast. */
bool mf_has_fast_pext(void);

#if defined(__x86_64__)
uint8_t *mf_put_varint_pdep(uint8_t *p, uint64_t tag, uint64_t value);
uint8_t *mf_put_zigzag_pdep(uint8_t *p, uint64_t tag, int64_t value);
#endif

#endif
