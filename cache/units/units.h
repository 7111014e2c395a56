/*
 * cache/units/units.h: names, versions, contents.
 *
 *     unit "greeter" ──► version 1 "1" ──┐
 *        (current) ────► version 2 "2" ──┼──► content ──► context, or none yet,
 *     unit "other" ────► version 1 "1" ──┘                or no more
 *
 * A content is a recipe and what was built by it. Versions of the same bytes
 * share one. How a recipe is read and built is the caller's: here it is an
 * opaque pointer with a key.
 *
 * Calls go from unit to version to content to context without a lock, in a
 * section of the grace, and come out with a lease. Everything else goes by the
 * lock of the units. mayfly/cache.h has what users are promised.
 */
#ifndef MF_CACHE_UNITS_H
#define MF_CACHE_UNITS_H

#include "base/grace.h"
#include "cache/context/context.h"

#include <mayfly/cache.h>

typedef struct mf_units mf_units; /* of one host */

/* What a version is made of, as the cache sees it. */
typedef struct mf_recipe {
    void *made;      /* the caller's; freed by `free_recipe` */
    const void *key; /* the bytes that make it what it is; they are of `made` */
    size_t key_len;
    size_t bytes;      /* that are kept as long as the version is there, ... */
    size_t blocks;     /* ... and blocks of the heap */
    const char *label; /* of the version; NULL: its number. Copied */
    int lazy;
    uint64_t deadline_ns; /* for waiting; 0: none */
} mf_recipe;

/* "/package.Service/Method". */
typedef int (*mf_method_fn)(void *state, const char *path, int streams);

typedef struct mf_units_options {
    mf_alloc *alloc;
    mf_grace *grace;
    void *host; /* whose cache it is */
    void (*ref_host)(void *host);
    void (*unref_host)(void *host);
    unsigned fork_generation;
    /* Builds a live context of that name; one thread at a time for a recipe.
     * `previous` is a context whose state may be handed over, or NULL. */
    int (*build)(void *host, void *made, const char *name,
                 mayfly_context *previous, mayfly_context **ret_context,
                 mayfly_error *err);
    /* See mf_unit_each_method. */
    int (*each_method)(void *host, void *made, mf_method_fn each, void *state,
                       mayfly_error *err);
    void (*free_recipe)(void *host, void *made);
    /* Whether a context has something that would be lost with it: it is not
     * evicted to make room. Under a lease. */
    int (*has_state)(void *host, mayfly_context *context);
    /* Whether this is a thread that must not wait. */
    int (*on_loop)(void *host);
} mf_units_options;

mf_units *mf_units_new(const mf_units_options *options); /* NULL: no memory */
void mf_units_free(mf_units *units); /* emptied before, no unit is left */

/* Removes every unit, without waiting, and takes no new one. */
void mf_units_close(mf_units *units);

/* A context of a version is unloaded: keeps its receipt. */
void mf_units_unloaded(mf_units *units, mayfly_context *context);

/* Evicts what was not used for the budget's idle_ms. Returns in how many
 * milliseconds there may be something to do again; 0: never by itself. */
unsigned mf_units_tick(mf_units *units);

/* Tells the heap that is in use by kind: arena "cache". */
void mf_units_census(mf_units *units, mf_census *c);

/* What the functions of mayfly/cache.h do, for a cache. */
int mf_units_set_budget(mf_units *units, const mayfly_cache_budget *budget,
                        mayfly_error *err);
void mf_units_get_budget(mf_units *units, mayfly_cache_budget *ret);
void mf_units_get_stats(mf_units *units, mayfly_cache_stats *ret);
void mf_units_each(mf_units *units, mayfly_unit *only, mayfly_version_fn each,
                   void *state);
int mf_units_each_receipt(mf_units *units, mayfly_history_fn each, void *state,
                          mayfly_error *err);

/* mayfly_unit_load and mayfly_unit_swap. The recipe's `made` is taken over
 * whatever is returned. */
int mf_units_load(mf_units *units, const char *name, const mf_recipe *recipe,
                  mayfly_unit **ret_unit, uint64_t *ret_version,
                  mayfly_error *err);
/* Whether there is a version of that content already. */
int mf_units_has(mf_units *units, const mf_recipe *recipe);
int mf_units_find(mf_units *units, const char *name, mayfly_unit **ret_unit,
                  mayfly_error *err);
int mf_unit_swap(mayfly_unit *unit, const mf_recipe *recipe,
                 const mayfly_swap_options *options, mayfly_swap *ret_swap,
                 mayfly_error *err);

/* A lease on the current version's context. */
enum { MF_UNIT_COLD = 1 };
/* 0, or MF_UNIT_COLD: it has to be built or waited for. Never blocks. */
int mf_unit_try_lease(mayfly_unit *unit, mayfly_context **ret_context);
/* The same, which builds or waits until `deadline_ns` (0: none). Errors: those
 * of mayfly_unit_context. */
int mf_unit_lease(mayfly_unit *unit, uint64_t deadline_ns,
                  mayfly_context **ret_context, mayfly_error *err);

/* Whether its current version was never built, nor is just now. */
int mf_unit_is_unbuilt(mayfly_unit *unit);

/* Calls back for each method of the current version's services, without
 * building it, until that returns other than 0, which is returned. Errors:
 * EUNLOADED. */
int mf_unit_each_method(mayfly_unit *unit, mf_method_fn each, void *state,
                        mayfly_error *err);

void *mf_unit_host(const mayfly_unit *unit);

/* The context of a version (0: the current one) with a reference, where it is
 * there; NULL: it is not, or there is no such version. */
mayfly_context *mf_unit_peek(mayfly_unit *unit, uint64_t version);

/*
 * Who is bound to a unit: a proxy, a service. `prepare` is called for each
 * version before calls can reach it, and once when it begins to follow, with a
 * lease held: it binds, and refuses what cannot be. `publish` is called when
 * that version has become current. Both may block; they must not begin or end
 * to follow, but for mf_unit_unfollow_within. One that `waits` follows a lazy
 * version that was never built without building it: `prepare` is called when
 * somebody builds it for this unit, or never. The struct is the follower's,
 * zeroed.
 */
typedef struct mf_follower {
    struct mf_follower *next, **link;
    int (*prepare)(struct mf_follower *follower, mayfly_context *context,
                   mayfly_error *err);
    void (*publish)(struct mf_follower *follower, mayfly_context *context);
    int waits;
} mf_follower;

/* Errors: what `prepare` or building answers, EUNLOADED. */
int mf_unit_follow(mayfly_unit *unit, mf_follower *follower, mayfly_error *err);
void mf_unit_unfollow(mayfly_unit *unit, mf_follower *follower);
/* For a follower's own `publish`. */
void mf_unit_unfollow_within(mf_follower *follower);

#endif
