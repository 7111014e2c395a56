/*
 * cache/lease.c: counting who is inside.
 *
 * Every jump into compiled code is fenced by a lease, so it has to cost next to
 * nothing and must not make threads share a cache line. The count is therefore
 * spread over shards of a line each; a thread picks its shard by its own
 * identity.
 *
 * What stays true, and why no lease is missed:
 *   - a taker adds itself, then reads the state; an unloader writes the state,
 * then reads the shards. Both are sequentially consistent, so at least one of
 * them sees the other: a taker that the unloader did not see sees the state,
 * and leaves again without having jumped.
 *   - a drop is only ever seen after its take: a taker that saw LIVE added
 * itself before the state was written, so whoever reads the shards after
 * writing the state sees its +1, whatever shard its -1 goes to. The sum is
 * never below the number of leases held; it may be above for a moment.
 *   - whoever lowers the count while the state is not LIVE wakes the unloader:
 * also a taker that was refused, for its short +1 may have been what made the
 *     unloader wait.
 *
 * Threads: any; nothing here blocks but the wake-up, which takes the context's
 * lock.
 */
#include "cache/internal.h"

#include "base/error.h"
#include "base/guest.h"

static mf_lease_shard *shard_of(mayfly_context *c)
{
    /* Thread descriptors lie far apart and are aligned; mix and take high bits.
     */
    uint64_t self = (uint64_t)(uintptr_t)pthread_self();
    uint64_t mixed = (self >> 6) * UINT64_C(0x9E3779B97F4A7C15);
    return &c->shards[mixed >> 61];
}

_Static_assert(MF_LEASE_SHARDS == 8, "shard_of takes three bits");
_Static_assert(sizeof(mf_lease_shard) == MF_CACHE_LINE, "a line each");

long mf_lease_sum(const mayfly_context *c)
{
    long sum = 0;
    for (int i = 0; i < MF_LEASE_SHARDS; i++)
        sum += atomic_load(&c->shards[i].held);
    return sum;
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
    atomic_fetch_add(&shard_of(context)->held, 1);
    if (atomic_load(&context->state) == MAYFLY_LIVE)
        return 0;
    mf_lease_drop(context);
    return refused(context, err);
}

void mf_lease_drop(mayfly_context *context)
{
    atomic_fetch_sub(&shard_of(context)->held, 1);
    if (atomic_load(&context->state) == MAYFLY_UNLOADING)
        mf_context_drained(context);
}
