/*
 * cache/context/context.h: the life of one loaded unit.
 *
 * A context holds an opaque payload (the unit) with a destroy callback, and
 * counts who uses it. The handle is reference counted and outlives the payload.
 *
 *     compiling ──► live ──► unloading ──► unloaded
 *         │          ▲           │ ▲ (a soft unload whose wait ran out)
 *         │          └───────────┘ │
 *         └────────────────────────┘ (its code refused to be loaded)
 *
 * Leases are what keeps the payload: taken before any jump into it, dropped
 * after, in a few nanoseconds, counted in shards that are a cache line each.
 * Taking one on a context that is not live fails, before, during and after its
 * unload. Whoever takes a lease holds a reference to the handle while doing so;
 * afterwards the lease keeps both, code and handle, and no reference is needed
 * to drop it.
 */
#ifndef MF_CACHE_CONTEXT_H
#define MF_CACHE_CONTEXT_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/census.h"
#include "base/counts.h"

#include <mayfly/context.h>
#include <mayfly/error.h>

/* What a part of a payload's memory is, to whoever looks for pointers to it. */
enum mf_part {
    MF_PART_TEXT,      /* functions */
    MF_PART_TABLES,    /* codec tables */
    MF_PART_CONSTANTS, /* literals and what belongs to linking */
    MF_PART_DATA,      /* writable */
    MF_PART_OWN        /* mayfly's own record of it, which may point into the
                          parts above and holds nothing by that */
};

typedef void (*mf_part_fn)(void *state, enum mf_part part, const void *at,
                           size_t bytes);

typedef struct mf_payload {
    void *unit;
    void (*destroy)(void *unit);
    void (*census)(const void *unit, mf_census *c); /* or NULL */
    /* The address of what handler source calls `name`; NULL: not defined. */
    void *(*symbol)(const void *unit, const char *name); /* or NULL */
    /* Why code of other compilers cannot call it; NULL: it can. Or NULL. */
    const char *(*trouble)(const void *unit, const char *name);
    /* Tells `add` every part. With the context's lock held: only reads. NULL:
     * nothing is known. */
    void (*parts)(const void *unit, mf_part_fn add, void *state);
    /* The function or object at or next before an address of the unit, written
     * to `out` (`size` bytes) as text. The address where it begins; NULL: not
     * known. With the context's lock held: only reads. NULL: none has a name.
     */
    const void *(*name)(const void *unit, const void *address, char *out,
                        size_t size);
    /* Tells `each` every function and object that has a name, in two pieces.
     * NULL: none has. */
    void (*names)(const void *unit,
                  void (*each)(void *state, const char *prefix,
                               const char *text, const void *address),
                  void *state);
} mf_payload;

/* All contexts of one host, and the process as it was before the first load. */
typedef struct mf_registry mf_registry;

mf_registry *mf_registry_new(mf_alloc *alloc); /* NULL: no memory */
void mf_registry_free(mf_registry *r);         /* once no handle is left */

/* At the most so many contexts that are not unloaded; 0: any number. */
void mf_registry_set_max(mf_registry *r, size_t contexts);

/* How many unloaded units are remembered at the most, and how long. 0 or
 * ENOMEM.
 */
int mf_registry_set_tombs(mf_registry *r, size_t max, uint64_t age_ns);
void mf_registry_trim(mf_registry *r); /* forgets those that are too old */

/* Unloads every context, calls cancelled first, waiting `wait_ms` in all, and a
 * second for each that has threads of its own. What is still held then stays
 * *unloading* and goes with its last lease. Returns how many those are. No
 * context may be made meanwhile. */
size_t mf_registry_unload_all(mf_registry *r, unsigned wait_ms);

/* "live", and so on. */
const char *mf_state_name(enum mayfly_context_state state);

/* Contexts made and unloaded so far. */
void mf_registry_counts(mf_registry *r, uint64_t *ret_loads,
                        uint64_t *ret_unloads);

/* A context that is not unloaded. The name is good during the callback. */
typedef struct mf_context_info {
    const char *name;
    uint64_t load; /* which load of the host's it was */
    enum mayfly_context_state state;
    int is_version; /* of a unit that has it */
    size_t leases;
    mayfly_call_counts calls;
} mf_context_info;

void mf_registry_each(mf_registry *r,
                      void (*each)(void *state, const mf_context_info *info),
                      void *state);

/* The newest context of that name that is not unloaded, with a reference, or
 * NULL. */
mayfly_context *mf_registry_find(mf_registry *r, const char *name);

/* What live contexts hold by kind, together; how many they are. */
size_t mf_registry_census(mf_registry *r, mf_census *census);
/* All parts of all live contexts. `add` takes no lock of theirs. */
void mf_registry_parts(mf_registry *r, mf_part_fn add, void *state);
/* Those of one, which must stay meanwhile. */
void mf_context_parts(const mayfly_context *context, mf_part_fn add,
                      void *state);

/* One context by kind: the compile arena at its fullest, the rest as it is or,
 * after the unload, as it was; `live` is of now. */
void mf_context_memory(mayfly_context *context, mf_census *ret);

/* One call or open stream that holds a context. */
typedef struct mf_call_note {
    const char *path; /* the strings are good during the callback */
    const char *peer;
    uint64_t age_ns;
    int is_server;
} mf_call_note;

typedef struct mf_context_options {
    mf_alloc *alloc;
    const char *name;
    mf_registry *registry;
    mf_counts *counts; /* where registrations are counted; NULL: nowhere */
    int measure_process;
    int resident; /* only told in the receipt */
    void *host;   /* opaque: who made it (proxy/ reads it back) */
    void (*ref_host)(void *host); /* called once per handle and receipt made */
    void (*unref_host)(void *host); /* called when such a one is freed */
    /* Names the holders that are not pins ("call /a.B/C from 127.0.0.1:1, 12
     * ms") into `out`, and cancels them when asked; both may be NULL. */
    void (*list_calls)(void *host, mayfly_context *c, mf_buf *out);
    /* The same one by one, all of them, for `why`; or NULL. `each` takes no
     * lock of the host's. */
    void (*each_call)(void *host, mayfly_context *c,
                      void (*each)(void *state, const mf_call_note *call),
                      void *state);
    void (*cancel_calls)(void *host, mayfly_context *c);
    /* Whether this is a thread that must not wait; NULL: none is. */
    int (*on_loop)(void *host);
    /* Told after a payload is gone: there may be something to trim; or NULL. */
    void (*touch)(void *host);
    /* Ends it (mf_context_end) on a thread that may be held up, with a
     * reference of its own, which it takes before it returns; not 0: it cannot.
     * The context's lock is held. NULL: every thread may. */
    int (*end_later)(void *host, mayfly_context *c);
    /* Told once when the payload is gone, after listeners; may keep the handle
     * by a reference. NULL: nobody is. */
    void (*unloaded)(void *host, mayfly_context *c);
    /* Gives back what is kept for speed, before the process is measured; NULL:
     * nothing is. */
    void (*trim)(void *host);
    /* The process's mappings by type. `own` is a context that is not live yet
     * and has its unit already, or NULL. NULL: not told in receipts. */
    int (*map)(void *host, mayfly_context *own, mf_map *ret);
    /* Bytes that compile and code arenas hold for all contexts together,
     * without what is kept for speed: a count of its own, which a receipt is
     * checked against once no context is left. NULL: not told. */
    size_t (*arena_bytes)(void *host);
    unsigned fork_generation;
} mf_context_options;

/* Makes a context in the state COMPILING and takes its first snapshot. */
int mf_context_new(const mf_context_options *options,
                   mayfly_context **ret_context, mayfly_error *err);

/* Closes a context to new leases for good, without cancelling any. Waits for
 * those there are until `deadline_ns`; past it, the last lease unloads it. 1:
 * it is unloaded, or another thread is at it. */
int mf_context_retire(mayfly_context *context, uint64_t deadline_ns);

/* Unloads one that is closed for good and that nothing holds. */
void mf_context_end(mayfly_context *context);

/* Leases that are held: exact only when it is closed. */
long mf_lease_sum(const mayfly_context *context);

/* What a load tells of itself, for the receipt. */
typedef struct mf_load_report {
    mf_census compiling; /* the compile arena at its fullest: arena "compile" */
    uint64_t load_ns;    /* all of it */
    uint64_t generate_ns;
    uint64_t compile_ns;
} mf_load_report;

/* Gives it its payload. It stays COMPILING, but its own code may run from now
 * on and take leases. Two snapshots are taken here: "compiled", with the
 * compile arena's census as told and the process as it is now, so the compile
 * arena should still be there; and "arena dropped", after the host's trim. */
void mf_context_attach(mayfly_context *context, const mf_payload *payload,
                       const mf_load_report *report);
/* COMPILING, with a payload, to LIVE. */
void mf_context_open(mayfly_context *context);
/* Instead of that: unloads it, forced, and gives up the reference. Threads of
 * its own get a moment to stop. */
void mf_context_abandon(mayfly_context *context);
/* Both. */
void mf_context_publish(mayfly_context *context, const mf_payload *payload,
                        const mf_load_report *report);

/* 0 with a lease held, or MAYFLY_EUNLOADED / EFORKED. Any thread; never blocks.
 */
int mf_lease_take(mayfly_context *context, mayfly_error *err);
void mf_lease_drop(mayfly_context *context); /* any thread */
/* The same where a call held it for so long: that is counted, too. */
void mf_lease_drop_call(mayfly_context *context, uint64_t ns, int failed);

/* A note on the stack that this thread is about to run user code in the name of
 * a context: a handler, whether the host's or of the context's own source. From
 * there the context cannot be unloaded. Notes nest; each is left on its thread.
 */
typedef struct mf_inside {
    const mayfly_context *context;
    struct mf_inside *outer;
} mf_inside;

void mf_inside_enter(mf_inside *note, const mayfly_context *context);
void mf_inside_leave(const mf_inside *note);

/* Keeps the memory of the handle, and nothing else of it: for who may come late
 * to take something out of its lists. */
void mf_context_keep(mayfly_context *context);
void mf_context_unkeep(mayfly_context *context);

void *mf_context_unit(const mayfly_context *context); /* only under a lease */
void *mf_context_host(const mayfly_context *context);

/* Further units bound to the same context (a header's layout): kept in a list,
 * destroyed with it. Lookup takes no lock. Adding may lose against another
 * thread: the unit that is kept is returned, the other destroyed. Only under a
 * lease. */
void *mf_context_binding(const mayfly_context *context, const void *key1,
                         uint32_t key2);
void *mf_context_find_binding(const mayfly_context *context,
                              int (*match)(void *state, const void *unit),
                              void *state); /* the newest that matches */
void *mf_context_add_binding(mayfly_context *context, const void *key1,
                             uint32_t key2, const mf_payload *payload,
                             mayfly_error *err);

#endif
