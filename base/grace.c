/*
 * base/grace.c: counting readers on two sides.
 *
 * A section is counted where it begins and where it ends, in two counters that
 * only grow, on a cache line of the processor's own. Readers go to the side
 * that `side` names; whoever waits sends new ones to the other side and waits
 * until as many have left the first as have entered it.
 *
 * Why this is right:
 *   - leaves are added up before enters, so a section whose leave was seen has
 *     had its enter seen: equal sums mean that nobody is inside.
 *   - a reader may have read `side` just before it changed and count itself
 *     late, on the side that was waited for. It then loads pointers after the
 *     change that the waiter made visible first, so it holds nothing old; but
 *     the next wait must see it. So each wait empties both sides in turn.
 *
 * Thread-local registration (as in user-space RCU libraries) would make a
 * section cheaper by some nanoseconds, and needs hooks for fork and for the end
 * of threads, in a process that is not ours.
 */
#include "base/grace.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>

enum { LINE = 64, SHARDS_MAX = 32, SPINS = 64 };

typedef struct shard {
    _Alignas(LINE) atomic_ulong entered[2];
    atomic_ulong left[2];
} shard;

struct mf_grace {
    mf_alloc *alloc;
    void *block;
    pthread_mutex_t waiting; /* one at a time */
    unsigned n_shards;       /* a power of two */
    shard *shards;
    atomic_uint side; /* of those who enter */
};

mf_grace *mf_grace_new(mf_alloc *alloc)
{
    int processors = get_nprocs_conf();
    unsigned n = 1;
    while (n < SHARDS_MAX && (int)n < processors)
        n *= 2;
    mf_grace *g = mf_alloc_zero(alloc, sizeof *g);
    void *block = mf_alloc_zero(alloc, n * sizeof(shard) + LINE);
    if (!g || !block || pthread_mutex_init(&g->waiting, NULL) != 0) {
        mf_alloc_free(alloc, block);
        mf_alloc_free(alloc, g);
        return NULL;
    }
    g->alloc = alloc;
    g->block = block;
    g->n_shards = n;
    g->shards =
        (shard *)(((uintptr_t)block + LINE - 1) & ~(uintptr_t)(LINE - 1));
    return g;
}

void mf_grace_free(mf_grace *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->waiting);
    mf_alloc_free(g->alloc, g->block);
    mf_alloc_free(g->alloc, g);
}

static shard *shard_here(mf_grace *g)
{
    /* -1 where the kernel does not tell */
    return &g->shards[(unsigned)sched_getcpu() & (g->n_shards - 1)];
}

unsigned mf_grace_enter(mf_grace *g)
{
    unsigned side = atomic_load(&g->side);
    atomic_fetch_add(&shard_here(g)->entered[side], 1);
    return side;
}

void mf_grace_leave(mf_grace *g, unsigned side)
{
    atomic_fetch_add(&shard_here(g)->left[side], 1);
}

static int is_empty(mf_grace *g, unsigned side)
{
    unsigned long left = 0, entered = 0;
    for (unsigned i = 0; i < g->n_shards; i++)
        left += atomic_load(&g->shards[i].left[side]);
    for (unsigned i = 0; i < g->n_shards; i++)
        entered += atomic_load(&g->shards[i].entered[side]);
    return left == entered;
}

static void wait_empty(mf_grace *g, unsigned side)
{
    static const struct timespec pause = {.tv_nsec = 50000};
    for (unsigned i = 0; !is_empty(g, side); i++) {
        if (i < SPINS)
            sched_yield();
        else /* a reader was stopped within */
            nanosleep(&pause, NULL);
    }
}

void mf_grace_wait(mf_grace *g)
{
    pthread_mutex_lock(&g->waiting);
    for (int i = 0; i < 2; i++) {
        unsigned side = atomic_load(&g->side);
        atomic_store(&g->side, side ^ 1u);
        wait_empty(g, side);
    }
    pthread_mutex_unlock(&g->waiting);
}
