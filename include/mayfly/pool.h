/*
 * mayfly/pool.h: memory that is lent and comes back.
 *
 * What a handler needs for the length of a call (a buffer, a parser with its
 * tables, room for what it builds) costs more to make than to use again. A pool
 * lends objects of one size, buffers of any size, or arenas. A loan is given back
 * by hand, or it is tied to a call and comes back by itself when the call ends,
 * however it ends.
 *
 *     mayfly_pool *buffers;
 *     mayfly_pool_new_buffers(host, MAYFLY_POOL_OPTIONS(.name = "images"),
 *                             &buffers, &err);
 *
 * and in a handler, which then has nothing to give back:
 *
 *     void *work;
 *     if (mayfly_pool_take_buffer(buffers, 3 * in.len, call, &work, NULL,
 *                                 NULL) != 0)
 *         return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
 *
 * A pool is bounded in all that it has and in what it keeps for the next loan.
 * What it keeps goes when the host is idle (`idle_ms`), by mayfly_host_trim, or by
 * mayfly_pool_trim. Memory reports show pools as an arena of their own.
 *
 * Call ends: a client's call when it is freed, a server's when its answer has been
 * sent or nobody waits for it, and no handler has it in hand.
 *
 * Threads: any, also to give back what another thread took. A loan that is tied to
 * a call is taken, tied and given by whoever has the call in hand, as everything
 * of a call.
 */
#ifndef MAYFLY_POOL_H
#define MAYFLY_POOL_H

#include <mayfly/arena.h>
#include <mayfly/call.h>
#include <mayfly/error.h>
#include <mayfly/host.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_pool mayfly_pool;

typedef struct mayfly_pool_options {
    size_t size;       /* set by MAYFLY_POOL_OPTIONS */
    const char *name;  /* in lists and errors; copied; NULL: "pool" */
    size_t bytes_max;  /* all that the pool has, lent or kept; 0: no bound */
    size_t keep_max;   /* bytes kept for the next loan; 0: 1 MiB, or as
                          the host's preset says */
    size_t large;      /* loans of more bytes are kept apart; 0: 64 KiB, which is
                          at the most 256 KiB */
    size_t large_keep; /* bytes kept of those; 0: none, they are freed at once */
} mayfly_pool_options;

#define MAYFLY_POOL_OPTIONS(...)      \
    (&(mayfly_pool_options){          \
        .size = sizeof(mayfly_pool_options), __VA_ARGS__ })

/* What is done with objects. Each may be NULL; an object whose `init` is NULL
 * begins as zeroes. None is called with a lock held. They must stay callable until
 * the pool and its loans are gone: for functions of a context, free the pool in
 * mayfly_on_unload. */
typedef struct mayfly_object_hooks {
    /* A new object's memory: 0, or a negative code that taking it ends with. */
    int (*init)(void *state, void *object);
    /* Given back: makes it ready for the next loan. Whatever thread gives it. */
    void (*reset)(void *state, void *object);
    /* Before its memory goes. On any thread. */
    void (*done)(void *state, void *object);
    void *state;
} mayfly_object_hooks;

/* Pools of objects of `object_bytes` each, of buffers, and of arenas. `hooks` is
 * copied and may be NULL, as `options`. Free with mayfly_pool_free. Errors: EINVAL,
 * ENOMEM, EFORKED, ECANCELLED. */
MAYFLY_API int mayfly_pool_new_objects(mayfly_host *host, size_t object_bytes,
                                       const mayfly_object_hooks *hooks,
                                       const mayfly_pool_options *options,
                                       mayfly_pool **ret_pool,
                                       mayfly_error *err);
MAYFLY_API int mayfly_pool_new_buffers(mayfly_host *host,
                                       const mayfly_pool_options *options,
                                       mayfly_pool **ret_pool,
                                       mayfly_error *err);
MAYFLY_API int mayfly_pool_new_arenas(mayfly_host *host,
                                      const mayfly_pool_options *options,
                                      mayfly_pool **ret_pool,
                                      mayfly_error *err);

/* Gives back all that the pool keeps. Loans that are out stay good; each is freed
 * when it comes back, and the pool's handle must not be used any more. Before or
 * after the host is freed. NULL is allowed. */
MAYFLY_API void mayfly_pool_free(mayfly_pool *pool);

/*
 * --- loans: `call` is the one that the loan is tied to; NULL: none ---
 *
 * Errors: EINVAL (a pool of another kind, a call that is none), ELIMIT (the pool's
 * bytes_max, by its name), ENOMEM, what `init` said.
 */

/* As `init` and `reset` left it. Aligned to 16. */
MAYFLY_API int mayfly_pool_take_object(mayfly_pool *pool, mayfly_call *call,
                                       void **ret_object, mayfly_error *err);

/* At least `size` bytes of any content, aligned to 16; `ret_room`, unless NULL,
 * gets how many may be used. */
MAYFLY_API int mayfly_pool_take_buffer(mayfly_pool *pool, size_t size,
                                       mayfly_call *call, void **ret_buffer,
                                       size_t *ret_room, mayfly_error *err);

/* An empty arena. `max_bytes` bounds what it may take; 0: only the pool's bound.
 * Give it back; mayfly_arena_free is not for it. */
MAYFLY_API int mayfly_pool_take_arena(mayfly_pool *pool, size_t max_bytes,
                                      mayfly_call *call,
                                      mayfly_arena **ret_arena,
                                      mayfly_error *err);

/* Gives an object, a buffer or an arena back; a tied one before its call ends.
 * NULL is allowed. */
MAYFLY_API void mayfly_pool_give(void *loan);

/* Ties a loan to a call, instead of the one it was tied to; NULL: to none, it is
 * then given back by hand. */
MAYFLY_API void mayfly_pool_tie(void *loan, mayfly_call *call);

/* Gives back at once what is kept. */
MAYFLY_API void mayfly_pool_trim(mayfly_pool *pool);

/* --- figures --- */

typedef struct mayfly_pool_info {
    size_t size;       /* the caller sets it to the struct's */
    const char *name;  /* as long as the pool is not freed */
    const char *kind;  /* "objects", "buffers", "arenas"; static */
    size_t loans;      /* that are out, */
    size_t loans_peak; /* and the most at once */
    size_t lent_bytes; /* the room of objects and buffers that are out, */
    size_t lent_bytes_peak; /* and the most at once */
    size_t largest;    /* loan; of arenas, what one held when it came back */
    size_t kept_bytes; /* that wait for the next loan, beside empty slabs of
                          small blocks */
    size_t bytes;      /* all that the pool has taken from the host's heap, */
    size_t bytes_peak; /* and the most at once */
    uint64_t taken;    /* loans in all; */
    uint64_t made;     /* those that heap had to be taken for, */
    uint64_t large;    /* those above `large`, */
    uint64_t refused;  /* those that the bound did not allow, */
    uint64_t returned; /* and those that came back by the end of their call */
} mayfly_pool_info;

/* Nothing is stored beyond `ret_info->size`. */
MAYFLY_API void mayfly_pool_get_info(mayfly_pool *pool,
                                     mayfly_pool_info *ret_info);

/* Calls back for each pool of the host that is not freed. The info is good during
 * the callback, which must not call mayfly. Errors: EINVAL, EFORKED, ECANCELLED. */
MAYFLY_API int
mayfly_host_each_pool(mayfly_host *host,
                      void (*each)(void *state, const mayfly_pool_info *info),
                      void *state, mayfly_error *err);

MAYFLY_END

#endif
