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
uint8_t *mf_put_fixed32_pdep(uint8_t *p, uint64_t tag, const void *value);
uint8_t *mf_put_fixed64_pdep(uint8_t *p, uint64_t tag, const void *value);
uint8_t *mf_set_varint_pdep(uint8_t *p, uint64_t tag, uint64_t value, int set);
uint8_t *mf_set_zigzag_pdep(uint8_t *p, uint64_t tag, int64_t value, int set);
uint8_t *mf_set_fixed32_pdep(uint8_t *p, uint64_t tag, const void *value,
                             int set);
uint8_t *mf_set_fixed64_pdep(uint8_t *p, uint64_t tag, const void *value,
                             int set);
#endif

#endif
