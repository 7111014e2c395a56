/*
 * compiler/kernel/decode_pext.c: the decode loop for x86-64 processors with a
 * fast pext instruction (variant.h).
 */
#include "compiler/kernel/codec.h"
#include "compiler/kernel/decoder.h"

#if defined(__x86_64__)
#define DECODE mf_decode_pext
#define SQUEEZE mf_squeeze_pext
#include "compiler/kernel/decode_loop.h"
#endif
