/*
 * compiler/kernel/decode_plain.c: the decode loop for every processor.
 */
#include "compiler/kernel/codec.h"
#include "compiler/kernel/decoder.h"

#define DECODE mf_decode_plain
#define SQUEEZE mf_squeeze_plain
#include "compiler/kernel/decode_loop.h"
