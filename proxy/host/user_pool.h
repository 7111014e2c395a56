/*
 * proxy/host/user_pool.h: pools of users from the inside; for user_pool.c,
 * user_loan.c, memory.c and the host.
 */
#ifndef MF_PROXY_USER_POOL_H
#define MF_PROXY_USER_POOL_H

#include "base/arena.h"
#include "proxy/host/host.h"
#include "proxy/transport/pool.h"

#include <mayfly/pool.h>

enum mf_pool_kind {
    MF_POOL_OBJECTS,
    MF_POOL_BUFFERS,
    MF_POOL_ARENAS,
    MF_POOL_KINDS
};

/* In front of what is lent; 48 bytes. */
typedef struct mf_loan {
    mayfly_pool *pool;
    mayfly_call *call;     /* that it is tied to; NULL: none */
    struct mf_loan *next;  /* of that call's loans, or of those that are kept */
    struct mf_loan **link; /* in the call's list */
    size_t room;           /* of arenas: of the struct */
    uint32_t state;
    uint32_t is_large; /* its block is a large one */
} mf_loan;

struct mayfly_pool {
    mayfly_host *host;
    enum mf_pool_kind kind;
    atomic_uint refs; /* the user's, each loan's, and whoever trims */
    char *name;
    mayfly_object_hooks hooks;
    size_t object_bytes;
    mayfly_pool_options options; /* with the defaults filled in */
    struct mayfly_pool *next;    /* the host's list, under its lock */
    struct mayfly_pool **link;
    unsigned trimmed; /* likewise: the host's last trim that saw it */

    /* What it has taken. Any thread, for an arena takes what it needs by
     * itself; its bound and its peak are kept without the lock. */
    mf_alloc heap; /* in front of the host's */
    atomic_size_t bytes, bytes_peak, blocks;
    atomic_uint_fast64_t heap_takes, refused;

    pthread_mutex_t lock; /* for all that follows */
    mf_pool small;        /* blocks, by size: in slabs, */
    mf_large middle;      /* kept one by one, */
    mf_large large;       /* and those above options.large */
    mf_loan *kept;        /* whole objects and arenas; newest first */
    size_t kept_bytes;    /* of these */
    int is_freed;         /* nothing is kept any more */
    size_t loans, loans_peak;
    size_t lent_bytes, lent_bytes_peak, largest;
    uint64_t taken, made, n_large, returned;
};

/* --- user_loan.c --- */

/* Takes out what is kept; the caller frees it without the lock. Locked. */
mf_loan *mf_loans_unkeep(mayfly_pool *pool);
void mf_loans_drop(mf_loan *kept); /* a list; not locked */

/* The call's loans come back: it has ended. */
void mf_loans_return(mayfly_call *call);

/* --- user_pool.c --- */

void mf_user_pool_unref(mayfly_pool *pool); /* not locked */
void mf_user_pools_trim(mayfly_host *host);

/* Calls back with the totals of each kind that there are pools of. */
void mf_user_pools_total(mayfly_host *host,
                         void (*each)(void *state, const char *kind,
                                      size_t blocks, size_t bytes, size_t peak),
                         void *state);

#endif
