/*
 * compiler/gen/emit_encode.h: the encode function of one message as C.
 */
#ifndef MF_GEN_EMIT_ENCODE_H
#define MF_GEN_EMIT_ENCODE_H

#include "base/buf.h"
#include "compiler/gen/plan.h"

/* Defines mf_encode_NAME, an mf_encode_fn (compiler/kernel/stub.h). Errors:
 * EUNSUPPORTED (groups); a buffer that has failed is left to the caller. */
int mf_emit_encode(const mf_plan *plan, const mf_plan_message *m, mf_buf *out,
                   mayfly_error *err);

#endif
