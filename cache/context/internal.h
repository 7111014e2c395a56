/*
 * cache/context/internal.h: the context itself, for the files of cache/ only.
 *
 * Lock order: a registry's lock is never held together with a context's.
 * Nothing is called back (payload, host) while a context's lock is held, but a
 * payload's `parts` and `name`, which only read.
 */
#ifndef MF_CACHE_INTERNAL_H
#define MF_CACHE_INTERNAL_H

#include "cache/context/context.h"
#include "cache/context/tombs.h"
#include "cache/context/owned.h"

#include <mayfly/why.h>

#include <pthread.h>
#include <stdatomic.h>

enum { MF_CACHE_LINE = 64, MF_LEASE_SHARDS_MAX = 32 };

/* A shard's word is twice its count, and one more while it is closed. */
enum { MF_LEASE_CLOSED = 1, MF_LEASE_ONE = 2 };

/* What calls are counted by: how long they took, and those that failed. */
enum { MF_CALLS_FAILED = MAYFLY_LATENCIES, MF_CALL_COUNTERS };

/* One cache line. A lease may be dropped on another processor than it was taken
 * on, so one shard alone may be below zero; only the sum means something. The
 * rest of the line counts calls that have ended here (tally.c). */
typedef struct mf_lease_shard {
    _Alignas(MF_CACHE_LINE) atomic_long word;
    atomic_ullong calls_ns;
    atomic_uint calls[MF_CALL_COUNTERS];
} mf_lease_shard;

typedef struct mf_binding {
    struct mf_binding *next; /* older ones; never changes once published */
    const void *key1;
    uint32_t key2;
    mf_payload payload;
    mf_count *count;
} mf_binding;

enum { MF_KEPT_ROWS = 28 };
enum { MF_BEFORE = 0, MF_COMPILED, MF_DROPPED, MF_AFTER, MF_PHASES };

/* What the kernel said at one moment. */
typedef struct mf_measured {
    mf_process process;
    mf_map_kib map;
} mf_measured;

/* The snapshots of a context, in as little room as they need: there may be ten
 * thousands of contexts. See snapshot.c. */
typedef struct mf_kept_snapshots {
    struct mf_kept_moment {
        const char *phase;
        uint64_t at_ns;
        int has_process, has_map;
    } moments[MF_PHASES];
    mf_measured *measured; /* one per phase; NULL: never is */
    /* The census when it was compiled: a context has fewer kinds than a host.
     */
    uint32_t n_rows;
    uint32_t stay; /* rows of it that are there once the arena is dropped */
    mf_census_row rows[MF_KEPT_ROWS];
} mf_kept_snapshots;

struct mayfly_pin {
    mayfly_context *context; /* a reference, and a lease */
    mf_count *count;
    mayfly_pin *next, *prev; /* in the context's list, newest first */
    char *owner;
    char *file;
    int line;
    long thread; /* the kernel's number of it */
    uint64_t at_ns;
};

typedef struct mf_weak_link mf_weak_link;

/* Who wants to know of an unload. */
typedef struct mf_listener {
    struct mf_listener *next, *prev; /* newest first */
    uint64_t id;
    mayfly_listener_fn fn;
    void *state;
    char *owner;
    mf_count *count;
    int running; /* is called back just now */
    int awaited; /* a thread waits for that, and frees it */
    int dropped; /* was taken off from within: the teller frees it */
} mf_listener;

struct mayfly_context {
    /* Read by every call, written by none. */
    _Alignas(MF_CACHE_LINE) atomic_int state; /* enum mayfly_context_state;
                                                 written under the lock */
    unsigned n_shards;                        /* a power of two */
    mf_lease_shard *shards;         /* behind this struct, in its block */
    mf_context_options options;     /* `name` is the context's own copy */
    mf_payload payload;             /* stays from publish until destroyed */
    _Atomic(mf_binding *) bindings; /* added under the lock, read without */
    void *block; /* what the allocator gave; this struct is aligned within */

    _Alignas(MF_CACHE_LINE) atomic_uint refs;
    atomic_uint keeps;    /* of this memory: the handle's own, and of records */
    pthread_mutex_t lock; /* guards all below, and changes of `state` */
    pthread_cond_t changed; /* signalled when a lease goes while unloading */
    unsigned waiters;       /* unloads that wait */
    int forced;             /* never to be live again */
    int destroying;         /* the payload is being destroyed, once */
    int refused;            /* an unload answered EBUSY */
    int ended;              /* it is gone, and listeners have been told */
    int free_after;         /* the last reference went before that: whoever ends
                               it frees the handle */
    int self_ref;           /* one reference is the context's own, until its
                               payload is gone: the user's last one went while
                               something held a lease */
    mf_listener *listeners;
    mf_listener *tell_next; /* is called back next */
    uint64_t listener_ids;  /* numbers given so far */
    int telling;            /* listeners are being called back, by ... */
    pthread_t teller;
    mf_weak_link *weak; /* what weak handles share, or NULL; a reference */
    mayfly_pin *pins;
    size_t n_pins;
    uint32_t carried[MF_CALL_COUNTERS]; /* from the shards' counters, tally.c */
    mf_owned *owned; /* what its own code has started, newest first */
    size_t n_owned[MF_OWNED_KINDS];
    long
        n_stoppable; /* leases that are given back when their holder is asked */
    int asked;       /* they were */
    int n_snapshots;
    mf_kept_snapshots snapshots;
    uint64_t load_ns, generate_ns, compile_ns;
    uint64_t unload_ns; /* of dropping, without the wait before */
    uint64_t version;   /* which load of the host's this one is */
    uint64_t cycles;    /* which unload of the host's this one was */
    size_t left_bytes;  /* in arenas after the unload, where no other context
                           was there to hold them */

    mayfly_context *next, *prev;          /* in the registry, under its lock */
    _Atomic(struct mf_content *) content; /* that it was built for, as long as
                                             it is that one's; written under the
                                             units' lock */
};

/* lease.c */
void mf_lease_open(mayfly_context *c);  /* lock held */
void mf_lease_close(mayfly_context *c); /* lock held: no lease is taken after */

/* tally.c: one call that held a lease on this shard's line has ended. */
void mf_tally_count(mayfly_context *c, mf_lease_shard *shard, uint64_t ns,
                    int failed);
/* Adds what has been counted to `to`; taking it begins anew. */
void mf_tally_read(mayfly_context *c, mayfly_call_counts *to);
void mf_tally_take(mayfly_context *c, mayfly_call_counts *to);
void mf_tally_merge(mayfly_call_counts *to, const mayfly_call_counts *from);

/* unload.c: drops a lease of a context that is closed. */
void mf_context_drop_closed(mayfly_context *c);
/* unload.c: how long to wait where `wait_ms` is given: what has threads of its
 * own that are asked to stop gets a moment for it. */
unsigned mf_unload_ms(mayfly_context *c, unsigned wait_ms);
/* unload.c: the last reference went. Unloads where nobody has; where a lease
 * is left, the context refers to itself from here until that is dropped.
 * Returns 1 when nothing is left to do but to free the handle. */
int mf_context_finish_unref(mayfly_context *c);

/* context.c: it has a payload that is not being destroyed. Lock held. */
int mf_context_is_there(const mayfly_context *c);

/* context.c: ends the handle; its memory stays while somebody keeps it. */
void mf_context_free(mayfly_context *c);

/* owned.c: asks those to stop that can. Lock held. */
void mf_owned_stop(mayfly_context *c);
/* owned.c: an unload has given up. Lock held. */
void mf_owned_resume(mayfly_context *c);
/* owned.c: ends all that runs beside the calls; no lease is left. */
void mf_owned_end(mayfly_context *c);

/* listeners.c: calls all back. Lock held at entry and return, not in between.
 * One thread at a time. */
void mf_listeners_tell(mayfly_context *c, enum mayfly_context_event event);
void mf_listeners_free(mayfly_context *c);

/* weak.c: the handle is about to be freed. */
void mf_weak_cut(mayfly_context *c);

/* inside.c: 0, or EINSIDE when this thread runs the context's code. */
int mf_inside_check(mayfly_context *c, mayfly_error *err);
/* Whether an address is in the text of the context. Lock held. */
int mf_inside_holds(const mayfly_context *c, uintptr_t address);

/* bindings.c: frees all bindings, their units by `destroy`. */
void mf_bindings_destroy(mayfly_context *c,
                         void (*destroy)(mayfly_context *c,
                                         const mf_payload *payload));
void mf_bindings_census(const mayfly_context *c, mf_census *census);

/* pins.c: appends the pins, newest first, as text. Lock held. */
void mf_pins_list(const mayfly_context *c, mf_buf *out);

/* snapshot.c: the moment and the process; the caller adds the census. */
void mf_snapshot_take(mayfly_context *c, mf_snapshot *s, const char *phase);
/* The same without giving back first what is kept for speed. */
void mf_snapshot_measure(mayfly_context *c, mf_snapshot *s, const char *phase);
/* Keeps a snapshot of a phase, and fills it in again. Only "compiled" and
 * "arena dropped", in this order, have a census. */
void mf_snapshot_keep(mayfly_context *c, int phase, const mf_snapshot *s);
void mf_snapshot_recall(const mayfly_context *c, int phase, mf_snapshot *ret);
/* All that the payload and its bindings hold. Needs the payload to stay. */
void mf_context_census(const mayfly_context *c, mf_census *census);

/* What a receipt shows: a copy, so that it can be written without the lock. */
typedef struct mf_receipt_view {
    const char *context;
    enum mayfly_context_state state;
    int resident;
    uint64_t cycles; /* 0 before the unload */
    int n_phases;
    mf_snapshot phases[MF_PHASES];
    uint64_t load_ns, generate_ns, compile_ns, unload_ns;
    size_t retained_bytes; /* in arenas, by the last phase */
    int has_process;       /* the two below are known */
    int64_t retained_mappings;
    int64_t retained_dirty_kib;
    int64_t malloc_used_kib; /* of the process allocator, since before the */
    int64_t malloc_retained_kib;  /* first load: in use; free but kept */
    const mayfly_why_report *why; /* what holds it, where an unload failed or
                                     waits; or NULL */
} mf_receipt_view;

/* receipt_text.c, receipt_json.c. `beside` is another receipt, which is shown
 * first; or NULL. */
void mf_receipt_write_text(const mf_receipt_view *v,
                           const mf_receipt_view *beside, mf_buf *out);
void mf_receipt_write_json(const mf_receipt_view *v,
                           const mf_receipt_view *beside, mf_buf *out);

/* registry.c */
int mf_registry_add(mf_registry *r, mayfly_context *c, mayfly_error *err);
void mf_registry_remove(mf_registry *r, mayfly_context *c);
/* The first caller's numbers stay: those before the first load. */
void mf_registry_baseline(mf_registry *r, const mf_process *process,
                          size_t arena_bytes);
void mf_registry_get_baseline(mf_registry *r, mf_process *ret_process,
                              size_t *ret_arena_bytes);
/* Walks the contexts, the first after NULL: each is returned with a reference,
 * and the one before gives its own up. NULL: there are no more. */
mayfly_context *mf_registry_next(mf_registry *r, mayfly_context *c);
/* Counts an unload. Returns its number, and whether every context is unloaded.
 */
uint64_t mf_registry_count_unload(mf_registry *r, int *ret_none_left);
unsigned mf_registry_shards(const mf_registry *r); /* for each context */
mf_tombs *mf_registry_tombs(const mf_registry *r);

/* context.c: adds a reference unless there is none left. */
int mf_context_try_ref(mayfly_context *c);

#endif
