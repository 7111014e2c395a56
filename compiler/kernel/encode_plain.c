/*
 * compiler/kernel/encode_plain.c: the scalar kernels for every processor.
 */
#include "compiler/kernel/encoder.h"

#define NAME(kernel) kernel
#define PDEP false
#include "compiler/kernel/encode_scalar.h"
