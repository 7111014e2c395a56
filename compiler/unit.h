/*
 * compiler/unit.h: from a plan to running code, and back.
 *
 * A unit is a plan, the code and tables made for it, and where its functions
 * are. This is what the cache stores, as an opaque pointer with a destroy
 * callback, and what proxies and servers call through while they hold a lease.
 */
#ifndef MF_COMPILER_UNIT_H
#define MF_COMPILER_UNIT_H

#include "base/log.h"
#include "compiler/arena/cc.h"
#include "compiler/gen/plan.h"
#include "compiler/heap.h"
#include "compiler/kernel/codec.h"
#include "compiler/work.h"

/* One per host: libtcc, the code zone and the limits. */
typedef struct mf_compiler {
    mf_alloc *alloc;
    mf_log log;
    mf_zone *zone;
    mf_cc *cc;
    mf_work work;
    int through; /* heaps take every block from `alloc`: it is the user's own */
} mf_compiler;

typedef struct mf_unit_name { /* a global that handler source defines */
    const char *name;
    void *address;
    const char *trouble; /* why code of other compilers cannot call it; NULL */
} mf_unit_name;

typedef struct mf_unit {
    mf_compiler *compiler;
    mf_heap *heap; /* owned: plan, schema of a native unit, arrays below */
    mf_heap *work; /* what it was generated in, where that is kept (resident) */
    mf_plan *plan; /* owned */
    mf_image image;
    const mf_unit_table *entry; /* in the image */
    const void *tables;         /* in the image */
    uint32_t n_methods;         /* of all services, flattened */
    void **handlers; /* per flattened method: what handler source defines, or
                        NULL; NULL for a unit without handler source */
    mf_unit_name *names;
    size_t n_names;
    /* Constructors and destructors of handler source, for whoever runs it. */
    void (*const *begin)(void);
    void (*const *begin_end)(void);
    void (*const *end)(void);
    void (*const *end_end)(void);
    void *user; /* of whoever built it */
    int strict; /* see mf_unit_check_sent */
    mf_cc_limits
        limits; /* it was built under, and hold for what is bound to it */
} mf_unit;

/* What handler source is compiled with beside the schema's headers; all of it
 * may be left out. */
typedef struct mf_unit_given {
    const mayfly_source *wrappers; /* a source of mayfly's own; or NULL */
    const mayfly_symbol *wrapped;  /* what that one may use */
    size_t n_wrapped;
    const mayfly_symbol *exported; /* a further table for the source */
    size_t n_exported;
    const char *(*include)(void *state, const char *name, size_t *ret_len);
    void *include_state;
    const char *const *include_dirs;
    size_t n_include_dirs;
    int real_paths;      /* as mf_cc_input has it */
    const char *prelude; /* lines that each source begins with; or NULL */
    const void *(*resolve)(void *state, const char *name);
    void *resolve_state;
} mf_unit_given;

typedef struct mf_unit_input {
    mf_heap *heap; /* which the plan lives in; both taken over on success */
    mf_plan *plan;
    const mayfly_source *handlers; /* C source compiled with the unit */
    size_t n_handlers;
    const mayfly_symbol *symbols; /* what it may use, beside libc's list */
    size_t n_symbols;
    mf_unit_given given;
    int resident;
    int strict;          /* messages are looked at before they are encoded */
    mf_cc_limits limits; /* the host's own hold too */
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

/* Between the two a schema or a plan is made in the heap: what is freed at the end
 * is somewhere else, if that can be. */
void mf_compiler_begin(mf_compiler *c, mf_heap *heap);
void mf_compiler_end(mf_compiler *c, mf_heap *heap);

/* Errors: those of mf_cc_compile. In generated C they are EINTERNAL. Any
 * thread. */
int mf_unit_build(mf_compiler *c, const mf_unit_input *input,
                  mf_unit **ret_unit, mf_unit_report *ret_report,
                  mayfly_error *err);
void mf_unit_free(mf_unit *unit); /* NULL is allowed */

/* Several by one compile; arrays of `n`. Of the inputs only heap, plan, strict and
 * limits are used; the limits are not looked at, but hold for what is bound to the
 * unit. Nothing is taken over where this fails, whichever is the reason: each may
 * be built alone then. Errors: those of mf_unit_build. Any thread. */
int mf_unit_build_several(mf_compiler *c, const mf_unit_input *inputs, size_t n,
                          mf_unit **ret_units, mf_unit_report *ret_reports,
                          mayfly_error *err);

/* The flattened number of a service's method. */
uint32_t mf_unit_method(const mf_plan *plan, uint32_t service, uint32_t method);

/* Of a strict unit: the presence of a message that is about to be encoded by a
 * method's stub, its reply or its request, as mf_check_presence. Of any other:
 * 0.
 */
int mf_unit_check_sent(const mf_unit *unit, const mf_method_stub *stub,
                       int is_reply, const void *message, mayfly_error *err);

/* The address of what handler source calls `name`; NULL: it defines no such. */
void *mf_unit_symbol(const mf_unit *unit, const char *name);
/* Why code of other compilers cannot call that; NULL: it can. */
const char *mf_unit_trouble(const mf_unit *unit, const char *name);

/* What the unit's memory is made of, for whoever looks for pointers to it. */
enum mf_unit_part {
    MF_UNIT_TEXT,
    MF_UNIT_TABLES,
    MF_UNIT_CONSTANTS, /* literals, linkage */
    MF_UNIT_DATA,      /* writable */
    MF_UNIT_OWN /* not of the image: records of it, which point into it */
};

/* Tells `add` every part; only reads. */
void mf_unit_parts(const mf_unit *unit,
                   void (*add)(void *state, enum mf_unit_part part,
                               const void *at, size_t bytes),
                   void *state);

/* Tells `each` every function and object that has a name, which comes in two
 * pieces; those of handler source first. `address` may be NULL: made without.
 * Only reads. */
typedef void (*mf_unit_name_fn)(void *state, const char *prefix,
                                const char *text, const void *address);
void mf_unit_names(const mf_unit *unit, mf_unit_name_fn each, void *state);

/* Writes the name of the function or object at or next before `address` to
 * `out`; returns where it begins. NULL: the image has no such name. Functions
 * that handler source keeps to itself (static) have none and go by the name
 * before them. Only reads. */
const void *mf_unit_name_at(const mf_unit *unit, const void *address, char *out,
                            size_t size);

/* The unit's memory by kind: arenas "code", "schema", and "compile" if kept. */
void mf_unit_census(const mf_unit *unit, mf_census *c);

#endif
