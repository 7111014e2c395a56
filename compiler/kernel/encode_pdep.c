/*
 * compiler/kernel/encode_pdep.c: the scalar kernels for x86-64 processors with
 * a fast pdep instruction. Generated code is linked to these or to those of
 * encode_plain.c (symbols.c), so no call asks again.
 */
#include "compiler/kernel/encoder.h"
#include "compiler/kernel/variant.h"

#if defined(__x86_64__)
#define NAME(kernel) kernel##_pdep
#define PDEP true
#include "compiler/kernel/encode_scalar.h"
#endif
