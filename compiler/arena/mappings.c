/*
 * compiler/arena/mappings.c: the process keeps mappings to spare.
 *
 * The kernel allows a process so many mappings (vm.max_map_count) and no more:
 * at the bound malloc, stacks of threads and libraries fail, in the host's own
 * code and not in ours. So a compile is refused while there is still room.
 *
 * Counting means reading /proc/self/maps, which takes tens of milliseconds when
 * there are many. A count therefore allows for a part of what is left, and only
 * when that is used up it is made again: far from the bound it happens once in
 * hundreds of compiles, close to it each time. What the host itself maps
 * meanwhile comes out of the other parts.
 */
#include "compiler/arena/mappings.h"

#include "base/error.h"
#include "base/procfs.h"

enum {
    PER_COMPILE = 8, /* heap, arena and three kinds of pages, each of which may
                        split another mapping */
    SPARE = 4096,
    PART = 4, /* of what is left, that is given out at once */
    BUDGET_MAX = 4096,
    KERNEL_DEFAULT = 65530
};

static long kernel_bound(void)
{
    mf_proc p;
    char line[32];
    uint64_t n = 0;
    if (mf_proc_open(&p, "/proc/sys/vm/max_map_count")) {
        if (mf_proc_line(&p, line, sizeof line))
            mf_proc_figure(line, "", &n);
        mf_proc_close(&p);
    }
    return n && n < 1u << 30 ? (long)n : KERNEL_DEFAULT;
}

int mf_mappings_allow(mf_mappings *m, size_t spare, mayfly_error *err)
{
    if (atomic_fetch_sub(&m->budget, PER_COMPILE) >= PER_COMPILE)
        return 0;
    if (!spare)
        spare = SPARE;
    long bound = kernel_bound();
    long there = (long)mf_proc_count_lines("/proc/self/maps");
    long left = bound - there;
    left = (size_t)(left > 0 ? left : 0) > spare ? left - (long)spare : 0;
    long budget = left / PART < BUDGET_MAX ? left / PART : BUDGET_MAX;
    atomic_store(&m->budget, budget);
    if (left < PER_COMPILE)
        return mf_error_set(err, MAYFLY_ELIMIT,
                            "mappings: the process has %ld of the %ld that the "
                            "kernel allows, and %zu must be left to it",
                            there, bound, spare);
    return 0;
}

void mf_mappings_recount(mf_mappings *m)
{
    atomic_store(&m->budget, 0);
}
