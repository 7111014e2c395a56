/*
 * compiler/unit.h: from a plan to running code, and back.
 *
 * A unit is a plan, the code and tables made for it, and where its functions are.
 * This is what the cache stores, as an opaque pointer with a destroy callback, and
 * what proxies and servers call through while they hold a lease.
 */
#ifndef MF_COMPILER_UNIT_H
#define MF_COMPILER_UNIT_H

#include "base/log.h"
#include "compiler/arena/cc.h"
#include "compiler/gen/plan.h"
#include "compiler/kernel/codec.h"

/* One per host: libtcc, the code zone and the limits. */
typedef struct mf_compiler {
    mf_alloc *alloc;
    mf_log log;
    mf_zone *zone;
    mf_cc *cc;
    mf_cc_limits limits;
} mf_compiler;

typedef struct mf_unit {
    mf_compiler *compiler;
    mf_plan *plan; /* owned */
    mf_image image;
    const mf_unit_table *entry; /* in the image */
    const void *tables;         /* in the image */
    void **handlers; /* per flattened method: what handler source defines, or NULL */
} mf_unit;

typedef struct mf_unit_input {
    mf_plan *plan; /* taken over on success */
    const mayfly_source *handlers; /* C source compiled with the unit */
    size_t n_handlers;
    const mayfly_symbol *symbols;
    size_t n_symbols;
    int resident;
    mayfly_diagnostic_fn diagnostic;
    void *diagnostic_state;
} mf_unit_input;

typedef struct mf_unit_report {
    mf_cc_report cc;
    uint64_t generate_ns;
    size_t source_bytes; /* of generated C */
} mf_unit_report;

int mf_compiler_init(mf_compiler *c, mf_alloc *alloc, const mf_log *log,
                     const mf_cc_limits *limits, size_t code_bytes_max,
                     mayfly_error *err);
void mf_compiler_done(mf_compiler *c);

/* Errors: those of mf_cc_compile. In generated C they are EINTERNAL. */
int mf_unit_build(mf_compiler *c, const mf_unit_input *input,
                  mf_unit **ret_unit, mf_unit_report *ret_report,
                  mayfly_error *err);
void mf_unit_free(mf_unit *unit);

/* The unit's memory by kind: arenas "code", "schema", and "compile" if kept. */
void mf_unit_census(const mf_unit *unit, mf_census *c);

#endif
