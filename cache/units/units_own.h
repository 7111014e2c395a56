/*
 * cache/units/units_own.h: what units consist of, for the files of cache/ that
 * make them: units.c (names), versions.c, swap.c (which is current), content.c
 * (building), budget.c (room), units_info.c (looking).
 *
 * Locks, in the order in which they are taken: a unit's `changing`, a unit's
 * `following`, the units' `lock`, a context's. Building and unloading happen
 * under none but `changing` and `following`.
 */
#ifndef MF_CACHE_UNITS_OWN_H
#define MF_CACHE_UNITS_OWN_H

#include "base/guest.h"
#include "base/map.h"
#include "base/table.h"
#include "cache/units/units.h"

#include <pthread.h>
#include <stdatomic.h>

enum { MF_FAILURE_MS = 1000, MF_RECEIPTS = 16, MF_RECEIPTS_MAX = 4096 };

typedef struct mf_content {
    mf_units *units;
    void *made; /* the recipe */
    const void *key;
    size_t key_len;
    size_t recipe_bytes, recipe_blocks;
    uint64_t fingerprint;
    char *name; /* of its context */
    /* A reference, read in sections of the grace; NULL: not there. Written
     * under the lock. */
    _Atomic(mayfly_context *) context;
    atomic_ullong used_ms; /* when it was used last, by a coarse clock */

    /* under the lock */
    size_t refs;        /* versions, and whoever waits or builds */
    size_t versions;    /* of them */
    size_t pinned;      /* versions of pinned units */
    int mapped;         /* it can be found by its key */
    int has_state;      /* its context's would be lost */
    int building;       /* by one thread: ... */
    pthread_t builder;  /* ... this */
    int unloading;      /* is being evicted */
    size_t bytes;       /* that its context holds */
    uint64_t listed_ms; /* `used_ms` when it was put into the list */
    struct mf_content *older, *newer; /* of those loaded, by `listed_ms` */
    mayfly_error *failure;            /* of the last build, remembered until */
    uint64_t failed_until_ms;
    uint64_t builds, evictions, build_us;
    mayfly_call_counts calls; /* of its contexts that are gone */
} mf_content;

typedef struct mf_version {
    struct mf_version *next; /* newest first */
    uint64_t number;
    char *label;
    mf_content *content; /* a reference */
    uint64_t added_ms;
} mf_version;

struct mayfly_unit {
    mf_units *units;
    atomic_uint refs;              /* the cache's own, and users' */
    _Atomic(mf_version *) current; /* read in sections; NULL: removed */
    char *name;

    pthread_mutex_t changing; /* one swap at a time */
    pthread_mutex_t following;
    mf_follower *followers; /* under `following` */

    /* under the units' lock */
    mf_version *versions;
    uint64_t numbers; /* given so far */
    int pinned;
    int removed;
    mayfly_unit *closing;    /* the next one that goes with the host */
    mayfly_call_counts gone; /* of versions that have left it */
};

struct mf_units {
    mf_units_options o;
    mf_table *names; /* to units */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a build or an eviction has ended */
    mf_map *contents;       /* by fingerprint */
    int closed;
    mayfly_cache_budget budget;  /* with the defaults filled in */
    mf_content *oldest, *newest; /* that are loaded */
    size_t loaded, bytes;        /* of these */
    size_t n_versions, recipe_bytes, recipe_blocks;
    mayfly_cache_stats counted; /* only what grows */

    pthread_mutex_t past_lock; /* guards what follows; none of the above is
                                  taken under it */
    mayfly_context **past;     /* unloaded ones, for their receipts: a ring, the
                                  newest     at past_at - 1 */
    size_t n_past, past_at, past_cap;
    int past_closed; /* no more are kept */
};

/* --- units.c --- */
uint64_t mf_now_ms(void); /* a coarse, cheap clock */
int mf_units_check(const mf_units *units, mayfly_error *err);
int mf_units_may_wait(const mf_units *units, mayfly_error *err);
/* With a reference; NULL: there is none of that name. */
mayfly_unit *mf_units_lookup(mf_units *units, const char *name);
/* The same, made where there is none. Errors: EINVAL (no name for a unit),
 * ECANCELLED (the host is being freed), ENOMEM. */
int mf_units_find_or_add(mf_units *units, const char *name,
                         mayfly_unit **ret_unit, mayfly_error *err);

/* --- versions.c --- */

/* Takes `changing` until `deadline_ns` (0: as long as it takes). 0, ETIMEDOUT,
 * or EINSIDE: this thread has it. */
int mf_unit_lock(mayfly_unit *unit, uint64_t deadline_ns, mayfly_error *err);
/* 0, or EUNLOADED: it was removed. Under `changing`. */
int mf_unit_check(const mayfly_unit *unit, mayfly_error *err);

/* NULL: there is none. Under `changing` or the units' lock. */
mf_version *mf_version_find(const mayfly_unit *unit, uint64_t number);

int mf_version_check_label(const char *label, mayfly_error *err);
/* A version that is not linked, or the unit's own of that content. The recipe
 * is taken over. Under `changing`. */
int mf_version_make(mayfly_unit *unit, const mf_recipe *recipe,
                    mf_version **ret_version, int *ret_known,
                    mayfly_error *err);
/* Has a version's context there, with what the current one hands over. 0 with a
 * lease. */
int mf_version_lease(mayfly_unit *unit, const mf_version *v,
                     uint64_t deadline_ns, mayfly_context **ret_context,
                     mayfly_error *err);
/* Into and out of the unit's list. Both locks are held. */
void mf_version_link(mayfly_unit *unit, mf_version *v);
void mf_version_unlink(mayfly_unit *unit, mf_version *v);
/* Frees a version that nobody can see any more. As mf_content_drop. */
int mf_version_end(mf_units *units, mf_version *v, uint64_t deadline_ns,
                   mayfly_context **ret_context);

/* Removes a unit. Waits for its contexts until `deadline_ns`; `ret_gone` is 0
 * when something still holds one. Errors: EUNLOADED (removed before), EINSIDE.
 */
int mf_unit_take_out(mayfly_unit *unit, uint64_t deadline_ns, int *ret_gone,
                     mayfly_error *err);

/* --- content.c --- */

/* The content of a recipe, which is taken over: a known one or a new one, with
 * the reference of a version. `name` is what its context will be called. NULL:
 * no memory. */
mf_content *mf_content_get(mf_units *units, const mf_recipe *recipe,
                           const char *name);
/* Drops that; the last reference retires the context. Where no other version
 * has it, waits for it until `deadline_ns`, and for those who are building or
 * looking for it just now. 1: there is no context any more. `ret_context` (or
 * NULL) gets the context that was retired, with a reference, or NULL. */
int mf_content_drop(mf_content *c, uint64_t deadline_ns,
                    mayfly_context **ret_context);
/* Drops the reference of a moment. */
void mf_content_put(mf_content *c);

/* Has its context there: builds it, or waits for who does. `unit`'s followers
 * are bound to it before it can be reached (NULL: nobody's). 0 with a lease. */
int mf_content_lease(mf_content *c, mayfly_unit *unit, mayfly_context *previous,
                     uint64_t deadline_ns, mayfly_context **ret_context,
                     mayfly_error *err);

/* Takes a lease where the context is there. In a section. */
int mf_content_try_lease(mf_content *c, mayfly_context **ret_context);

/* The same of a context that is there. Where it is closed just now, because
 * somebody tries to unload it, waits for what comes of that, until
 * `deadline_ns`. MF_UNIT_COLD: there is none. */
int mf_content_lease_there(mf_content *c, uint64_t deadline_ns,
                           mayfly_context **ret_context);

/* Unloads its context if nobody has a lease. 0, or EBUSY. Lock not held; the
 * caller has a reference. */
int mf_content_evict(mf_content *c, mayfly_error *err);

/* Binds all who follow the unit. A lease is held, and `following`. */
int mf_unit_prepare(mayfly_unit *unit, mayfly_context *context,
                    mayfly_error *err);

/* --- budget.c --- */

/* Into and out of the list of what is loaded. Lock held. */
void mf_budget_add(mf_units *units, mf_content *c);
void mf_budget_remove(mf_units *units, mf_content *c);
/* Evicts until the budget is kept, or nothing can go. Lock not held. */
void mf_budget_keep(mf_units *units);

/* --- units_info.c --- */

/* Gives the unit that a context's name begins with what a version of it has
 * counted; NULL: it is gone. Lock held; the unit is let go without it. */
mayfly_unit *mf_units_inherit(mf_units *units, const char *context_name,
                              const mayfly_call_counts *calls);

/* Keeps the newest so many receipts. */
void mf_units_trim_past(mf_units *units, size_t receipts);
/* Frees them all, and keeps no more. */
void mf_units_close_past(mf_units *units);

#endif
