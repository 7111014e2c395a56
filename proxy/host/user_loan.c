/*
 * Lending and returning.
 *
 * A loan is a block with a head in front: whose it is, which call it is tied
 * to. Blocks come from the pieces that mayfly's own pools are made of: slabs
 * for small ones, lists of kept blocks for larger ones, and apart from both
 * what is above the pool's limit for large ones. Objects and arenas are kept as
 * they are, so that what it cost to make them is not lost: an object with what
 * its `init` made, an arena with its newest chunk.
 *
 * What stays true: `init`, `reset` and `done` run without the pool's lock. A
 * loan has a reference to its pool. What a pool that was freed lent is freed
 * when it comes back. A call's list of loans is touched by whoever has the call
 * in hand.
 */
#include "proxy/host/user_pool.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/owner.h"
#include "proxy/call/call.h"

enum {
    LENT = 0x4c454e54, /* anything else is no loan that is out */
    KEPT = 0x4b455054,
    SMALL_MAX = 2000 /* in slabs */
};

_Static_assert(sizeof(mf_loan) == 48, "loans stay aligned to 16");

/* What an arena pool lends lies behind the head, too. */
static void *of_loan(mf_loan *l)
{
    return l + 1;
}

static mf_loan *loan_of(void *lent)
{
    return (mf_loan *)lent - 1;
}

static mayfly_arena *arena_of(mf_loan *l)
{
    return of_loan(l);
}

/* --- blocks; locked --- */

static mf_loan *block_take(mayfly_pool *p, size_t room, int is_large)
{
    size_t size = sizeof(mf_loan) + room;
    mf_loan *l = is_large            ? mf_alloc_new(&p->large.alloc, size)
                 : size <= SMALL_MAX ? mf_pool_take(&p->small, size)
                                     : mf_alloc_new(&p->middle.alloc, size);
    if (l) {
        *l = (mf_loan){.pool = p, .room = room};
        l->is_large = (uint32_t)is_large;
    }
    return l;
}

static void block_give(mf_loan *l)
{
    mayfly_pool *p = l->pool;
    l->state = 0;
    if (l->is_large)
        mf_alloc_free(&p->large.alloc, l);
    else if (sizeof *l + l->room <= SMALL_MAX)
        mf_pool_give(&p->small, l);
    else
        mf_alloc_free(&p->middle.alloc, l);
}

/* One that is new; with a full pool what is kept makes room for it. Unlocks
 * meanwhile. */
static mf_loan *block_make(mayfly_pool *p, size_t room)
{
    int is_large = room > p->options.large;
    if (room > SIZE_MAX / 2)
        return NULL;
    mf_loan *l = block_take(p, room, is_large);
    if (l)
        return l;
    pthread_mutex_unlock(&p->lock);
    mayfly_pool_trim(p);
    pthread_mutex_lock(&p->lock);
    return block_take(p, room, is_large);
}

/* --- keeping; locked --- */

static size_t kept_size(mf_loan *l)
{
    return l->pool->kind == MF_POOL_ARENAS ? sizeof *l + arena_of(l)->bytes
                                           : sizeof *l + l->room;
}

/* 1 when it waits for the next loan. */
static int keep(mf_loan *l)
{
    mayfly_pool *p = l->pool;
    size_t size = kept_size(l);
    size_t max = size - sizeof *l > p->options.large ? p->options.large_keep
                                                     : p->options.keep_max;
    if (p->is_freed || size > max || p->kept_bytes > max - size)
        return 0;
    p->kept_bytes += size;
    l->next = p->kept;
    p->kept = l;
    l->state = KEPT;
    if (p->kind == MF_POOL_OBJECTS)
        MF_ARENA_POISON(of_loan(l), l->room);
    return 1;
}

/* A kept one, as it is when it is lent. */
static void unkept(mf_loan *l)
{
    if (l->pool->kind == MF_POOL_OBJECTS)
        MF_ARENA_UNPOISON(of_loan(l), l->room);
}

static mf_loan *take_kept(mayfly_pool *p)
{
    mf_loan *l = p->kept;
    if (!l)
        return NULL;
    p->kept = l->next;
    p->kept_bytes -= kept_size(l);
    unkept(l);
    return l;
}

mf_loan *mf_loans_unkeep(mayfly_pool *p)
{
    mf_loan *list = p->kept;
    p->kept = NULL;
    p->kept_bytes = 0;
    return list;
}

/* Its memory goes. Not locked. */
static void drop(mf_loan *l)
{
    mayfly_pool *p = l->pool;
    if (p->kind == MF_POOL_OBJECTS && p->hooks.done)
        p->hooks.done(p->hooks.state, of_loan(l));
    else if (p->kind == MF_POOL_ARENAS)
        mf_arena_done(arena_of(l));
    pthread_mutex_lock(&p->lock);
    block_give(l);
    pthread_mutex_unlock(&p->lock);
}

void mf_loans_drop(mf_loan *kept)
{
    while (kept) {
        mf_loan *next = kept->next;
        unkept(kept);
        drop(kept);
        kept = next;
    }
}

/* --- lending --- */

static void tie(mf_loan *l, mayfly_call *call)
{
    if (l->call) {
        *l->link = l->next;
        if (l->next)
            l->next->link = l->link;
    }
    l->call = call;
    if (!call)
        return;
    l->next = call->loans;
    l->link = &call->loans;
    if (l->next)
        l->next->link = &l->next;
    call->loans = l;
}

/* Counts a loan that goes out. Locked. */
static void count(mayfly_pool *p, mf_loan *l)
{
    p->taken++;
    if (++p->loans > p->loans_peak)
        p->loans_peak = p->loans;
    if (p->kind == MF_POOL_ARENAS)
        return;
    p->lent_bytes += l->room;
    if (p->lent_bytes > p->lent_bytes_peak)
        p->lent_bytes_peak = p->lent_bytes;
    if (l->room > p->largest)
        p->largest = l->room;
    if (l->room > p->options.large)
        p->n_large++;
}

static int check(mayfly_pool *p, enum mf_pool_kind kind, const void *ret,
                 mayfly_error *err)
{
    if (!p || !ret)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no pool or nowhere to put the loan");
    if (p->kind != kind)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "pool \"%s\" lends something else", p->name);
    return mf_fork_check(p->host->made_under, err);
}

static int no_memory(mayfly_pool *p, uint64_t refused_before, mayfly_error *err)
{
    if (atomic_load(&p->refused) == refused_before)
        return mf_error_nomem(err, p->name);
    return mf_error_set(err, MAYFLY_ELIMIT,
                        "pool \"%s\" may have %zu bytes at the most", p->name,
                        p->options.bytes_max);
}

/* A kept one or a new one, counted; `*ret_is_new` tells which. */
static int lend(mayfly_pool *p, size_t room, mf_loan **ret_loan,
                int *ret_is_new, mayfly_error *err)
{
    uint64_t refused = atomic_load(&p->refused);
    pthread_mutex_lock(&p->lock);
    uint64_t takes = atomic_load(&p->heap_takes);
    mf_loan *l = take_kept(p);
    *ret_is_new = !l;
    if (!l)
        l = block_make(p, room);
    if (l) {
        l->state = LENT;
        l->call = NULL;
        count(p, l);
        /* whoever has an arena takes of the heap, too: only buffers ask it */
        int is_made = p->kind == MF_POOL_BUFFERS
                          ? atomic_load(&p->heap_takes) != takes
                          : *ret_is_new;
        p->made += is_made != 0;
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&p->lock);
    if (!l)
        return no_memory(p, refused, err);
    *ret_loan = l;
    return 0;
}

/* --- coming back --- */

static void uncount(mayfly_pool *p, const mf_loan *l)
{
    p->loans--;
    if (p->kind != MF_POOL_ARENAS)
        p->lent_bytes -= l->room;
}

/* Of an object whose `init` failed. */
static void take_back(mf_loan *l)
{
    mayfly_pool *p = l->pool;
    pthread_mutex_lock(&p->lock);
    uncount(p, l);
    block_give(l);
    pthread_mutex_unlock(&p->lock);
    mf_user_pool_unref(p);
}

static void come_back(mf_loan *l, int by_call)
{
    mayfly_pool *p = l->pool;
    mayfly_host *host = p->host;
    size_t held = 0;
    l->state = 0;
    if (p->kind == MF_POOL_OBJECTS && p->hooks.reset)
        p->hooks.reset(p->hooks.state, of_loan(l));
    if (p->kind == MF_POOL_ARENAS) {
        held = arena_of(l)->bytes;
        mf_arena_reset(arena_of(l));
    }
    pthread_mutex_lock(&p->lock);
    uncount(p, l);
    p->returned += by_call != 0;
    if (held > p->largest)
        p->largest = held;
    if (held > p->options.large)
        p->n_large++;
    int is_block = p->kind == MF_POOL_BUFFERS, is_kept = 0;
    if (is_block)
        block_give(l);
    else
        is_kept = keep(l);
    pthread_mutex_unlock(&p->lock);
    if (!is_block && !is_kept)
        drop(l);
    mf_host_touch(host); /* what is kept goes when the host is idle */
    mf_user_pool_unref(p);
}

void mf_loans_return(mayfly_call *call)
{
    while (call->loans) {
        mf_loan *l = call->loans;
        tie(l, NULL);
        come_back(l, 1);
    }
}

/* --- public --- */

int mayfly_pool_take_object(mayfly_pool *p, mayfly_call *call,
                            void **ret_object, mayfly_error *err)
{
    mf_loan *l;
    int is_new, rc = check(p, MF_POOL_OBJECTS, ret_object, err);
    if (rc == 0)
        rc = lend(p, p->object_bytes, &l, &is_new, err);
    if (rc != 0)
        return rc;
    if (is_new && !p->hooks.init)
        memset(of_loan(l), 0, p->object_bytes);
    else if (is_new)
        rc = p->hooks.init(p->hooks.state, of_loan(l));
    if (rc != 0) {
        rc = mf_error_set(err, rc < 0 ? rc : MAYFLY_EINVAL,
                          "pool \"%s\": an object cannot be made", p->name);
        take_back(l);
        return rc;
    }
    tie(l, call);
    *ret_object = of_loan(l);
    return 0;
}

int mayfly_pool_take_buffer(mayfly_pool *p, size_t size, mayfly_call *call,
                            void **ret_buffer, size_t *ret_room,
                            mayfly_error *err)
{
    mf_loan *l;
    int is_new, rc = check(p, MF_POOL_BUFFERS, ret_buffer, err);
    if (rc == 0)
        rc = lend(p, size, &l, &is_new, err);
    if (rc != 0)
        return rc;
    tie(l, call);
    *ret_buffer = of_loan(l);
    if (ret_room)
        *ret_room = l->room;
    return 0;
}

int mayfly_pool_take_arena(mayfly_pool *p, size_t max_bytes, mayfly_call *call,
                           mayfly_arena **ret_arena, mayfly_error *err)
{
    mf_loan *l;
    int is_new, rc = check(p, MF_POOL_ARENAS, ret_arena, err);
    if (rc == 0)
        rc = lend(p, sizeof(mayfly_arena), &l, &is_new, err);
    if (rc != 0)
        return rc;
    mayfly_arena *a = arena_of(l);
    if (is_new)
        mf_arena_init(a, &p->heap, 0, max_bytes);
    else if (max_bytes && a->bytes > max_bytes)
        mf_arena_done(a);
    a->max_bytes = max_bytes;
    tie(l, call);
    *ret_arena = a;
    return 0;
}

/* NULL where it is not out: given twice, where that can still be seen. */
static mf_loan *lent(void *loan)
{
    mf_loan *l = loan ? loan_of(loan) : NULL;
    if (l && l->state == KEPT)
        mf_log_write(&l->pool->host->log, MAYFLY_LOG_ERROR, "pool",
                     "%s: a loan was given back twice", l->pool->name);
    if (!l || l->state != LENT ||
        mf_fork_check(l->pool->host->made_under, NULL) != 0)
        return NULL;
    return l;
}

void mayfly_pool_give(void *loan)
{
    mf_loan *l = lent(loan);
    if (!l)
        return;
    tie(l, NULL);
    come_back(l, 0);
}

void mayfly_pool_tie(void *loan, mayfly_call *call)
{
    mf_loan *l = lent(loan);
    if (l)
        tie(l, call);
}
