/*
 * cache/context/lease.c: counting who is inside.
 *
 * Every jump into compiled code is fenced by a lease, so it has to cost next to
 * nothing and must not make threads share a cache line. The count is therefore
 * spread over shards of a line each, one per processor; a thread takes the
 * shard of the processor that it runs on, so that two threads write the same
 * line only when one of them was moved in between.
 *
 * What stays true, and why no lease is missed:
 *   - a shard's word holds its count and whether it is closed, and both change
 *     by compare-and-swap: once all shards are closed no lease is taken any
 *     more, and those that are held can be added up.
 *   - a drop that finds its shard open changes the word and touches the context
 *     no more: it may be unloaded and freed in that very moment. A drop that
 *     finds it closed goes by the context's lock (unload.c), which is where the
 *     one that was the last sees so; until it has counted itself out there, it
 *     keeps the payload, and by that the handle.
 *   - shards are opened and closed under the lock.
 *
 * Nothing else of a context is written when a lease is taken or dropped. What a
 * call leaves behind is counted on the same line (tally.c).
 *
 * Threads: any; nothing here blocks but a drop on a context that is closed.
 */
#include "cache/context/internal.h"

#include "base/error.h"
#include "base/guest.h"

#include <sched.h>

_Static_assert(sizeof(mf_lease_shard) == MF_CACHE_LINE, "a line each");

static mf_lease_shard *shard_of(mayfly_context *c)
{
    int processor = sched_getcpu(); /* reads a word of the thread's */
    /* -1 where the kernel does not tell */
    return &c->shards[(unsigned)processor & (c->n_shards - 1)];
}

long mf_lease_sum(const mayfly_context *c)
{
    long sum = 0;
    for (unsigned i = 0; i < c->n_shards; i++)
        sum += atomic_load(&c->shards[i].word) & ~(long)MF_LEASE_CLOSED;
    return sum / MF_LEASE_ONE;
}

void mf_lease_open(mayfly_context *c)
{
    for (unsigned i = 0; i < c->n_shards; i++)
        atomic_fetch_and(&c->shards[i].word, ~(long)MF_LEASE_CLOSED);
}

void mf_lease_close(mayfly_context *c)
{
    for (unsigned i = 0; i < c->n_shards; i++)
        atomic_fetch_or(&c->shards[i].word, MF_LEASE_CLOSED);
}

static int refused(mayfly_context *c, mayfly_error *err)
{
    return mf_error_set(
        err, MAYFLY_EUNLOADED, "context \"%s\" is %s", c->options.name,
        atomic_load(&c->state) == MAYFLY_UNLOADING ? "being unloaded"
                                                   : "not live");
}

int mf_lease_take(mayfly_context *context, mayfly_error *err)
{
    int code = mf_fork_check(context->options.fork_generation, err);
    if (code != 0)
        return code;
    atomic_long *word = &shard_of(context)->word;
    long at = atomic_load_explicit(word, memory_order_relaxed);
    do {
        if (at & MF_LEASE_CLOSED)
            return refused(context, err);
    } while (!atomic_compare_exchange_weak(word, &at, at + MF_LEASE_ONE));
    return 0;
}

static void drop(mayfly_context *context, atomic_long *word)
{
    long at = atomic_load_explicit(word, memory_order_relaxed);
    do {
        if (at & MF_LEASE_CLOSED) {
            mf_context_drop_closed(context);
            return;
        }
    } while (!atomic_compare_exchange_weak(word, &at, at - MF_LEASE_ONE));
}

void mf_lease_drop(mayfly_context *context)
{
    drop(context, &shard_of(context)->word);
}

void mf_lease_drop_call(mayfly_context *context, uint64_t ns, int failed)
{
    mf_lease_shard *shard = shard_of(context);
    mf_tally_count(context, shard, ns, failed); /* it may be gone afterwards */
    drop(context, &shard->word);
}
