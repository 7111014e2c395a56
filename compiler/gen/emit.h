/*
 * compiler/gen/emit.h: text made from a plan.
 *
 * The header is what user programs and handler source include; the unit is the
 * C that libtcc compiles: struct types, encode functions, client stubs, server
 * dispatchers. Nothing from a schema enters either but identifiers that names.c
 * has checked and literals that it has escaped.
 */
#ifndef MF_GEN_EMIT_H
#define MF_GEN_EMIT_H

#include "base/buf.h"
#include "compiler/gen/plan.h"

#include <mayfly/context.h>

/* The header of one file of the plan's schema. Its name: mf_header_name. */
int mf_emit_header(const mf_plan *plan, const mf_file *file, mf_buf *out,
                   mayfly_error *err);

/* "dir/greeter.mf.h" for "dir/greeter.proto". In the arena; NULL: no memory. */
const char *mf_header_name(mayfly_arena *arena, const char *import_name);

/*
 * The structs of one file's messages, or of all messages of the plan (`file`
 * NULL), with their typedefs and the typed arrays that repeated messages need
 * (helloworld_HelloRequest_array). Offsets are those of the plan.
 */
int mf_emit_structs(const mf_plan *plan, const mf_file *file, mf_buf *out,
                    mayfly_error *err);

/* The C type of a scalar, string or bytes. */
const char *mf_emit_scalar(unsigned type);

/* The unit's C, native or bound. It includes only <mayfly/stub.h>, which the
 * compiler serves from memory (compiler/kernel/stub.h). */
int mf_emit_unit(const mf_plan *plan, mf_buf *out, mayfly_error *err);

/* Several units as parts of one source (mf_cc_part): what it begins with, which
 * makes these functions known by their addresses; and a part. `table_bytes` is the
 * room of its tables, from 1. */
void mf_emit_parts(const mayfly_symbol *symbols, size_t n, mf_buf *out);
int mf_emit_part(const mf_plan *plan, uint32_t number, size_t table_bytes,
                 mf_buf *out, mayfly_error *err);

/* Services, methods, messages as text, for people; `symbol` NULL: all. */
int mf_emit_list(const mf_schema *schema, const char *symbol, mf_buf *out,
                 mayfly_error *err);

#endif
