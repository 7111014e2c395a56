/*
 * cache/context.h: the life of one loaded unit.
 *
 * A context holds an opaque payload (the unit) with a destroy callback, and counts
 * who uses it. The handle is reference counted and outlives the payload.
 *
 *     compiling ──► live ──► unloading ──► unloaded
 *                    ▲           │ (a soft unload whose wait ran out)
 *                    └───────────┘
 *
 * Leases are what keeps the payload: taken before any jump into it, dropped after,
 * in a few nanoseconds, counted in shards that are a cache line each. Taking one
 * on a context that is not live fails, before, during and after its unload: the
 * taker counts itself in, then looks at the state; the unloader sets the state,
 * then looks at the counts.
 */
#ifndef MF_CACHE_CONTEXT_H
#define MF_CACHE_CONTEXT_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/census.h"

#include <mayfly/context.h>
#include <mayfly/error.h>

typedef struct mf_payload {
    void *unit;
    void (*destroy)(void *unit);
    void (*census)(const void *unit, mf_census *c);
} mf_payload;

typedef struct mf_context_options {
    mf_alloc *alloc;
    const char *name;
    int measure_process;
    void *host; /* opaque: who made it (proxy/ reads it back) */
    void (*unref_host)(void *host); /* called when the handle is freed */
    /* Names the holders that are not pins ("call /a.B/C from 127.0.0.1:1, 12 ms")
     * into `out`, and cancels them when asked; both may be NULL. */
    void (*list_calls)(void *host, mayfly_context *c, mf_buf *out);
    void (*cancel_calls)(void *host, mayfly_context *c);
    unsigned fork_generation;
} mf_context_options;

/* Makes a context in the state COMPILING and takes its first snapshot. */
int mf_context_new(const mf_context_options *options,
                   mayfly_context **ret_context, mayfly_error *err);

/* COMPILING to LIVE. `compiled` is the snapshot's census taken while the compile
 * arena was at its fullest; a second snapshot, "arena dropped", is taken here. */
void mf_context_publish(mayfly_context *context, const mf_payload *payload,
                        const mf_snapshot *compiled);

/* 0 with a lease held, or MAYFLY_EUNLOADED / EFORKED. Any thread; never blocks. */
int mf_lease_take(mayfly_context *context, mayfly_error *err);
void mf_lease_drop(mayfly_context *context); /* any thread */

/* Both only under a lease. */
void *mf_context_unit(const mayfly_context *context);
void *mf_context_host(const mayfly_context *context);

/* Further units bound to the same context (a header's layout): kept in a list,
 * destroyed with it. Lookup takes no lock. Adding may lose against another thread:
 * the unit that is kept is returned, the other destroyed. */
void *mf_context_binding(const mayfly_context *context, const void *key1,
                         uint32_t key2);
void *mf_context_add_binding(mayfly_context *context, const void *key1,
                             uint32_t key2, const mf_payload *payload,
                             mayfly_error *err);

#endif
