/*
 * compiler/kernel/codec.h: the gcc-compiled side of encoding and decoding.
 *
 * Decode is data run by a kernel: mf_tables_build turns a plan into one block
 * of position-independent tables, which is placed behind the unit's code and
 * goes with it. Encode is generated C that calls the kernels named in stub.h.
 *
 * Both take hostile input: every length is checked signed and against 2^31 - 1,
 * nesting is at most 100, strings are checked to be UTF-8 where the schema says
 * so.
 */
#ifndef MF_KERNEL_CODEC_H
#define MF_KERNEL_CODEC_H

#include "base/buf.h"
#include "compiler/gen/plan.h"
#include "compiler/kernel/stub.h"

#include <mayfly/context.h>

enum { MF_DEPTH_MAX = 100 };

/* Appends the tables of all messages of the plan; aligned to 16 within the
 * block. Position-independent: it may be copied anywhere aligned to 16. */
int mf_tables_build(const mf_plan *plan, mf_buf *out, mayfly_error *err);

/* Decodes a message of the plan's index into a new struct in the arena. Strings
 * point into `in`. Errors: EDECODE, ENOMEM, ELIMIT (arena bound). */
int mf_decode(const void *tables, uint32_t message, const uint8_t *in,
              size_t len, mayfly_arena *arena, void **ret_message,
              mayfly_error *err);

/*
 * Encodes with a generated function into memory of the arena, with `head` bytes
 * left free in front of the message (gRPC's 5-byte prefix). `ret->ptr` is the
 * first of the free bytes; `ret->len` counts them too. Errors: EENCODE, ENOMEM,
 * ELIMIT.
 */
int mf_encode(mf_encode_fn encode, const void *message, size_t head,
              mayfly_arena *arena, mayfly_bytes *ret, mayfly_error *err);

/*
 * The same in two steps, for callers that run a stub: a writer for io->writer,
 * and the bytes that it holds once `send` or `reply` has returned 0. A failed
 * writer gives its code and fills `err`.
 */
void mf_writer_init(mf_writer *w, mayfly_arena *arena, size_t head);
int mf_writer_take(mf_writer *w, mayfly_bytes *ret, mayfly_error *err);

/* Strict mode, before encoding: EENCODE, with the field's name, when a value is
 * not zero whose has-bit or case does not say that it is set. ELIMIT: nesting.
 */
int mf_check_presence(const mf_plan *plan, uint32_t message, const void *m,
                      mayfly_error *err);

/* Whether these bytes are UTF-8: no surrogates, nothing above U+10FFFF,
 * shortest forms only. */
bool mf_utf8_valid(const void *bytes, size_t n);

/* The functions that generated code may call, for the compiler's link step. */
const mayfly_symbol *mf_kernel_symbols(size_t *ret_n);

/* The text of stub.h and of the public headers, by include name
 * ("mayfly/stub.h", "mayfly/call.h"); NULL when there is no such header. Made
 * at build time. */
const char *mf_kernel_header(const char *include_name, size_t *ret_len);

#endif
