/*
 * cache/context/tally.c: how many calls held a context, and for how long.
 *
 * Counted where a call gives its lease back, on the line that is written then
 * anyway: a sum of nanoseconds, how many calls took how long (powers of four),
 * how many failed. So a call costs two or three additions more and no further
 * cache line.
 *
 * A line has no room for wide counters. A counter that has come to half of its
 * range is carried over to the context, once in two thousand million calls of
 * that processor.
 *
 * What stays true: a counter is only made smaller under the context's lock, and
 * what it loses there is in `carried`, or with whoever took it, before the lock
 * is let go; so under the lock no call is missed and none is there twice. The
 * sum of nanoseconds may be one call ahead or behind.
 *
 * Threads: any; whoever counts holds a lease.
 */
#include "cache/context/internal.h"

#include "base/guest.h"

#include <string.h>

enum { FIRST_BITS = 12 }; /* the first bound is 2^12 ns, each further 4 times */

static const uint32_t half = 1u << 31;

static unsigned place_of(uint64_t ns)
{
    if (ns >> FIRST_BITS == 0)
        return 0;
    unsigned bits = 63 - (unsigned)__builtin_clzll(ns);
    unsigned at = (bits - FIRST_BITS) / 2 + 1;
    return at < MAYFLY_LATENCIES ? at : MAYFLY_LATENCIES - 1;
}

static void carry(mayfly_context *c, mf_lease_shard *shard, unsigned counter)
{
    pthread_mutex_lock(&c->lock);
    if (atomic_load(&shard->calls[counter]) >= half) { /* nobody took it */
        atomic_fetch_sub(&shard->calls[counter], half);
        c->carried[counter]++;
    }
    pthread_mutex_unlock(&c->lock);
}

static void count_one(mayfly_context *c, mf_lease_shard *shard,
                      unsigned counter)
{
    if (atomic_fetch_add_explicit(&shard->calls[counter], 1,
                                  memory_order_relaxed) == half - 1)
        carry(c, shard, counter);
}

void mf_tally_count(mayfly_context *c, mf_lease_shard *shard, uint64_t ns,
                    int failed)
{
    atomic_fetch_add_explicit(&shard->calls_ns, ns, memory_order_relaxed);
    if (failed)
        count_one(c, shard, MF_CALLS_FAILED);
    count_one(c, shard, place_of(ns));
}

static void add(mayfly_call_counts *to, unsigned counter, uint64_t n)
{
    if (counter == MF_CALLS_FAILED) {
        to->errors += n;
    } else {
        to->latency[counter] += n;
        to->calls += n;
    }
}

void mf_tally_read(mayfly_context *c, mayfly_call_counts *to)
{
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < MF_CALL_COUNTERS; i++)
        add(to, i, (uint64_t)c->carried[i] * half);
    for (unsigned s = 0; s < c->n_shards; s++) {
        to->ns += atomic_load(&c->shards[s].calls_ns);
        for (unsigned i = 0; i < MF_CALL_COUNTERS; i++)
            add(to, i, atomic_load(&c->shards[s].calls[i]));
    }
    pthread_mutex_unlock(&c->lock);
}

void mf_tally_take(mayfly_context *c, mayfly_call_counts *to)
{
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < MF_CALL_COUNTERS; i++)
        add(to, i, (uint64_t)c->carried[i] * half);
    memset(c->carried, 0, sizeof c->carried);
    for (unsigned s = 0; s < c->n_shards; s++) {
        to->ns += atomic_exchange(&c->shards[s].calls_ns, 0);
        for (unsigned i = 0; i < MF_CALL_COUNTERS; i++)
            add(to, i, atomic_exchange(&c->shards[s].calls[i], 0));
    }
    pthread_mutex_unlock(&c->lock);
}

void mf_tally_merge(mayfly_call_counts *to, const mayfly_call_counts *from)
{
    to->calls += from->calls;
    to->errors += from->errors;
    to->ns += from->ns;
    for (unsigned i = 0; i < MAYFLY_LATENCIES; i++)
        to->latency[i] += from->latency[i];
}

void mayfly_context_get_calls(mayfly_context *context,
                              mayfly_call_counts *ret_counts)
{
    memset(ret_counts, 0, sizeof *ret_counts);
    if (mf_fork_check(context->options.fork_generation, NULL) == 0)
        mf_tally_read(context, ret_counts);
}
