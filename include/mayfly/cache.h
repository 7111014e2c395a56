/*
 * mayfly/cache.h: units, the names under which versions of a schema are kept.
 *
 * A context is one load. A unit is a name in a host's cache, "greeter", and the
 * versions of it that there are, "greeter@1", "greeter@2", any number, side by
 * side. One of them is current: proxies and services that are bound to the unit
 * take that one, call by call. A swap makes another version current by one
 * store: calls that are under way finish on theirs, new ones take the new one,
 * and the old one is unloaded when its last call has ended.
 *
 *     mayfly_unit *unit;
 *     mayfly_unit_load(host, "greeter", MAYFLY_RECIPE(.path = "greeter.proto"),
 *                      &unit, NULL, &err);
 *     helloworld_Greeter *greeter;
 *     helloworld_Greeter_follow(unit, channel, &greeter, &err);
 *     ...
 *     mayfly_unit_swap(unit, MAYFLY_RECIPE(.path = "greeter.proto"), NULL,
 *                      NULL, &err);
 *     ...
 *     mayfly_unit_unref(unit);
 *
 * Content. The cache copies what a version is made of: the text of its schema
 * files, of its handlers and of the headers that these include, its options. The
 * same content loaded again is the same version, and units of the same content
 * share one context, unless they have handlers, which have variables of their
 * own. So a version can be given back when room is short (a budget) or when it
 * was not used for a while, and comes back, the same as it was, with its next
 * call. That call waits for it;
 * one thread builds, others wait, each as long as its own deadline allows.
 *
 * What a version is called: a number from 1, and a label, which is the number
 * where none was given. Its context's name is "unit@label".
 *
 * Threads: every function may be called from any thread. Those that may build
 * or wait answer MAYFLY_EONLOOP on a loop thread, but starting a call. A thread that is at work on a
 * unit (in its `check`, or in a mayfly_on_load of what it builds) and changes or
 * builds the same again is answered MAYFLY_EINSIDE.
 */
#ifndef MAYFLY_CACHE_H
#define MAYFLY_CACHE_H

#include <mayfly/arena.h>
#include <mayfly/channel.h>
#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/host.h>
#include <mayfly/server.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_unit mayfly_unit;

/* What a version is made of. Everything is copied. */
typedef struct mayfly_recipe {
    size_t size;         /* set by MAYFLY_RECIPE */
    const char *version; /* its label; NULL: its number */
    const char *path;    /* of a .proto file, or ... */
    const mayfly_source *schema;     /* ... text in memory, or neither: then the
                                        handlers are C source without one */
    const mayfly_load_options *load; /* NULL: none. Its lists and texts are
                                        copied; callbacks and the addresses of
                                        symbols are used as long as the version
                                        is there, but `diagnostic`: only before
                                        the function returns */
    int lazy; /* read and checked now, compiled with its first use: a call. What
                 follows the unit is bound to it then, but for handlers that are
                 its source, which have to be compiled to be served */
    unsigned wait_ms; /* for a build of the same content by another thread;
                         0: as long as it takes */
} mayfly_recipe;

#define MAYFLY_RECIPE(...) \
    (&(mayfly_recipe){ .size = sizeof(mayfly_recipe), __VA_ARGS__ })

/*
 * Adds a version to the unit called `name`, which is made where there is none.
 * Where the unit has a version of this content, that is the one; the first one
 * becomes current, others wait to be used. A failed build is remembered for a
 * short time (failure_ms), in which the same content answers the same error at
 * once. `ret_version` (its number) may be NULL.
 *
 * Errors: those of mayfly_load_file; EEXIST (the label is another version's);
 * ETIMEDOUT (wait_ms), EONLOOP. The caller owns one reference to the unit.
 */
MAYFLY_API int mayfly_unit_load(mayfly_host *host, const char *name,
                                const mayfly_recipe *recipe,
                                mayfly_unit **ret_unit, uint64_t *ret_version,
                                mayfly_error *err);

/* The unit of that name, with a reference. Takes no lock. Errors: ENOTFOUND,
 * EFORKED. */
MAYFLY_API int mayfly_unit_find(mayfly_host *host, const char *name,
                                mayfly_unit **ret_unit, mayfly_error *err);

MAYFLY_API mayfly_unit *mayfly_unit_ref(mayfly_unit *unit);

/* The unit stays in the cache without references. NULL is allowed. */
MAYFLY_API void mayfly_unit_unref(mayfly_unit *unit);
MAYFLY_API const char *mayfly_unit_name(const mayfly_unit *unit);

/* Its current version's number; 0: it was removed. */
MAYFLY_API uint64_t mayfly_unit_version(const mayfly_unit *unit);

/* The number of the version with that label. Errors: ENOTFOUND. */
MAYFLY_API int mayfly_unit_find_version(mayfly_unit *unit, const char *label,
                                        uint64_t *ret_version,
                                        mayfly_error *err);

/* --- which version calls take ---------------------------------------------- */

typedef struct mayfly_swap_options {
    size_t size; /* set by MAYFLY_SWAP_OPTIONS */
    /* Looks at the version before it becomes current, on the thread that swaps;
     * it may call through `context`. Not 0: it is refused, with what it put into
     * `err`. NULL: none. */
    int (*check)(void *state, mayfly_context *context, mayfly_error *err);
    void *check_state;
    int keep;         /* the version that was current stays, to roll back to */
    unsigned wait_ms; /* for the old version to be gone; 0: not at all */
} mayfly_swap_options;

#define MAYFLY_SWAP_OPTIONS(...) \
    (&(mayfly_swap_options){ .size = sizeof(mayfly_swap_options), __VA_ARGS__ })

typedef struct mayfly_swap {
    uint64_t from, to; /* versions; the same: nothing was to be done */
    uint64_t build_us; /* reading, compiling, binding */
    uint64_t swap_us;  /* from the store until nobody could see the old one */
    int gone;          /* the old version's context is unloaded */
    mayfly_receipt *receipt; /* of that, where it is `gone`; to be freed */
} mayfly_swap;

/*
 * Loads a version and makes it current. It is bound to every header that the
 * unit's proxies and services were bound by before anybody sees it. A version
 * that cannot be read, compiled or bound, or that `check` refuses, changes
 * nothing: the error says why, and the old one goes on. Swaps of one unit happen
 * one after the other. `ret_swap` may be NULL.
 *
 * Errors: those of mayfly_unit_load and mayfly_proxy_new; EUNLOADED (the unit
 * was removed); what `check` returned.
 */
MAYFLY_API int mayfly_unit_swap(mayfly_unit *unit, const mayfly_recipe *recipe,
                                const mayfly_swap_options *options,
                                mayfly_swap *ret_swap, mayfly_error *err);

/* The same with a version that is there: back or forth. One that was evicted is
 * built again. Errors: ENOTFOUND (no such version), as above. */
MAYFLY_API int mayfly_unit_use(mayfly_unit *unit, uint64_t version,
                               const mayfly_swap_options *options,
                               mayfly_swap *ret_swap, mayfly_error *err);

/* Takes a version that is not current out of the unit; its context is unloaded
 * with its last lease. Errors: ENOTFOUND, EBUSY (it is current). */
MAYFLY_API int mayfly_unit_drop(mayfly_unit *unit, uint64_t version,
                                mayfly_error *err);

/* Takes the unit out of the cache with all its versions. Those whose calls are
 * under way are unloaded with the last one; what is bound to the unit answers
 * EUNLOADED. The name can be used anew at once. Waits up to `wait_ms` for the
 * contexts to be gone. Errors: EUNLOADED (removed before), EBUSY (removed, and
 * something still holds a context), EONLOOP. */
MAYFLY_API int mayfly_unit_remove(mayfly_unit *unit, unsigned wait_ms,
                                  mayfly_error *err);

/* --- using a version -------------------------------------------------------- */

/*
 * The context of a version (0: the current one) with a reference, built where it
 * is not there. It can be evicted as any other: pin it (mayfly_pin_new) for the
 * time that its code is needed. Errors: ENOTFOUND; what building answers;
 * ETIMEDOUT (`wait_ms`; 0: as long as it takes); EUNLOADED, EONLOOP.
 */
MAYFLY_API int mayfly_unit_context(mayfly_unit *unit, uint64_t version,
                                   unsigned wait_ms,
                                   mayfly_context **ret_context,
                                   mayfly_error *err);

/* mayfly_proxy_new, for the version that is current at each call: a field that
 * a later version changes in a way that the header cannot follow is refused by
 * the swap. A call waits for a version that has to be built, as long as it has
 * time; one that is started on a loop has its request copied, does not wait, and
 * tells `done` what went wrong. Errors: those of mayfly_proxy_new, and of
 * building. */
MAYFLY_API int mayfly_unit_proxy_new(mayfly_unit *unit,
                                     const mayfly_layout *layout,
                                     uint32_t service, mayfly_channel *channel,
                                     mayfly_proxy **ret_proxy,
                                     mayfly_error *err);

/* mayfly_server_add, likewise. */
MAYFLY_API int mayfly_unit_serve(mayfly_unit *unit, mayfly_server *server,
                                 const mayfly_layout *layout, uint32_t service,
                                 const mayfly_handler_fn *handlers, void *state,
                                 const mayfly_service_options *options,
                                 mayfly_error *err);

/* mayfly_server_add_context, likewise: the handlers are those of the version that
 * is current at each call. Methods that a later version handles are served from
 * then on; those that it does not handle answer UNIMPLEMENTED. */
MAYFLY_API int mayfly_unit_serve_source(mayfly_unit *unit,
                                        mayfly_server *server, void *state,
                                        const mayfly_service_options *options,
                                        mayfly_error *err);

/* mayfly_call_json, with the version that is current now. */
MAYFLY_API int mayfly_unit_call_json(mayfly_unit *unit, mayfly_channel *channel,
                                     const char *method, mayfly_call *call,
                                     mayfly_str request, mayfly_str *ret_reply,
                                     mayfly_error *err);

/* --- room -------------------------------------------------------------------- */

/*
 * How much the cache may hold. What exceeds it is evicted, the least recently
 * used first, where nobody has a lease: the version stays, its context goes.
 * Looked at when something is built and, for idle_ms, once in a while.
 */
typedef struct mayfly_cache_budget {
    size_t size;       /* set by MAYFLY_CACHE_BUDGET */
    size_t bytes;      /* of code, tables and schemas; 0: no bound */
    size_t loaded;     /* contexts; 0: no bound */
    unsigned idle_ms;  /* evict what was not used for so long; 0: never */
    unsigned failure_ms; /* remember a failed build; 0: 1,000 */
    unsigned receipts; /* of unloaded versions that are kept; 0: 16 */
    int reserved;      /* 0 */
} mayfly_cache_budget;

#define MAYFLY_CACHE_BUDGET(...) \
    (&(mayfly_cache_budget){ .size = sizeof(mayfly_cache_budget), __VA_ARGS__ })

/* Changes it; what is too much goes at once. Errors: EINVAL, EFORKED, EONLOOP. */
MAYFLY_API int mayfly_cache_set_budget(mayfly_host *host,
                                       const mayfly_cache_budget *budget,
                                       mayfly_error *err);
MAYFLY_API void mayfly_cache_get_budget(mayfly_host *host,
                                        mayfly_cache_budget *ret_budget);

/* A pinned unit's versions are not evicted (nor kept from being swapped). */
MAYFLY_API void mayfly_unit_set_pinned(mayfly_unit *unit, int pinned);

/* Evicts a version's context now (0: all of the unit's). Errors: EBUSY (in use,
 * with the holders' names), ENOTFOUND, EUNLOADED, EONLOOP. */
MAYFLY_API int mayfly_unit_evict(mayfly_unit *unit, uint64_t version,
                                 mayfly_error *err);

/* --- looking at it ----------------------------------------------------------- */

typedef struct mayfly_cache_stats {
    size_t size; /* set by MAYFLY_CACHE_STATS, or by hand */
    size_t units, versions;
    size_t loaded;       /* contexts of them that are there */
    size_t bytes;        /* of these: code, tables, schemas */
    size_t recipe_bytes; /* of texts and options that are kept */
    uint64_t hits;       /* loads that found their version */
    uint64_t misses;     /* loads and calls that had to wait for a build */
    uint64_t builds, build_us; /* done, and the time they took */
    uint64_t failures;         /* builds that failed, ... */
    uint64_t refusals;         /* ... and answers from the memory of one */
    uint64_t evictions, evict_us;
    uint64_t swaps, swap_us; /* from the store until the old was out of sight */
    uint64_t refused_swaps;
} mayfly_cache_stats;

#define MAYFLY_CACHE_STATS(...) \
    (&(mayfly_cache_stats){ .size = sizeof(mayfly_cache_stats), __VA_ARGS__ })

/* `ret_stats->size` is set by the caller. */
MAYFLY_API void mayfly_cache_get_stats(mayfly_host *host,
                                       mayfly_cache_stats *ret_stats);

/* One version, as mayfly_cache_each tells it. */
typedef struct mayfly_version_info {
    const char *unit;
    const char *label;
    uint64_t version;
    uint64_t fingerprint; /* of its content, within this process */
    int is_current;
    int is_pinned;
    int is_loaded;
    int is_lazy;  /* was not built yet */
    size_t bytes; /* 0 when it is not loaded */
    size_t recipe_bytes;
    size_t leases;
    uint64_t age_ms;  /* since it was added */
    uint64_t idle_ms; /* since it was used */
    uint64_t builds, evictions;
    uint64_t build_us; /* of the last build */
    mayfly_call_counts calls; /* of this version, evictions notwithstanding */
    mayfly_call_counts gone;  /* of versions that have left the unit, all
                                 together: the same for each one of it */
} mayfly_version_info;

/* The strings are good during the callback, which must not call mayfly. */
typedef void (*mayfly_version_fn)(void *state, const mayfly_version_info *info);

/* Calls back for each version of each unit, or of one (`unit` not NULL). Errors:
 * EFORKED. */
MAYFLY_API int mayfly_cache_each(mayfly_host *host, mayfly_unit *unit,
                                 mayfly_version_fn each, void *state,
                                 mayfly_error *err);

/* Receipts of versions that were unloaded, the newest first; the newest
 * `receipts` of the budget are kept. The receipt is good during the callback,
 * which must not call the cache. Errors: EINVAL, ENOMEM, EFORKED. */
typedef void (*mayfly_history_fn)(void *state, const char *context_name,
                                  const mayfly_receipt *receipt);
MAYFLY_API int mayfly_cache_each_receipt(mayfly_host *host,
                                         mayfly_history_fn each, void *state,
                                         mayfly_error *err);

MAYFLY_END

#endif
