/*
 * cache/context/tombs.h: what stood where a context was.
 *
 * Threads: any.
 */
#ifndef MF_CACHE_TOMBS_H
#define MF_CACHE_TOMBS_H

#include "cache/context/context.h"

typedef struct mf_tombs mf_tombs; /* those of one host */

/* One unit's, between its end and what is written of it. */
typedef struct mf_tomb {
    uintptr_t low, high; /* all of its parts; high 0: nothing is known */
    uint64_t version;
    uint32_t table; /* what is in it: the cache's own */
} mf_tomb;

mf_tombs *mf_tombs_new(mf_alloc *alloc); /* NULL: no memory */
void mf_tombs_free(mf_tombs *t);         /* NULL is allowed */

/* Keeps the newest `max`, each for `age_ns` at the most. Errors: ENOMEM: there
 * is room for fewer. */
int mf_tombs_set(mf_tombs *t, size_t max, uint64_t age_ns);

/* Notes where a unit lies and what is in it, while it is there. Where there is
 * no room nothing is noted. Each one must be set. */
mf_tomb mf_tomb_prepare(mf_tombs *t, const mf_payload *payload,
                        const char *name, uint64_t version);
/* The unit is gone. */
void mf_tomb_set(mf_tombs *t, const mf_tomb *tomb);

/* Something else is in these ranges now: forget what was. */
void mf_tombs_clear(mf_tombs *t, const mf_payload *payload);

void mf_tombs_trim(mf_tombs *t); /* those that are too old */

/* Where the records lie: they have addresses that a later unit may get. */
void mf_tombs_memory(mf_tombs *t, const void **ret_at, size_t *ret_bytes);

/* What a fault handler finds; good until mf_tomb_leave. Async-signal-safe, also
 * against all of the above. */
typedef struct mf_tomb_view {
    const char *context;
    uint64_t version;
    uint64_t age_ns;
    const char *what;    /* "text", "codec tables", "constants", "data" */
    const char *name[2]; /* of the function or object, in two pieces; NULL */
    size_t offset;       /* from it, or from the begin of the part */
    int may_be_other;    /* not all names were kept: it may be a later one */
} mf_tomb_view;

int mf_tomb_enter(const void *address, mf_tomb_view *ret); /* 1: found */
void mf_tomb_leave(void); /* after each enter, found or not */

#endif
