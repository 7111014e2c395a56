#include "tests/support/fault.h"

#include "tests/support/test.h"

#include <stdlib.h>

static int refuse(fault *f)
{
    long n = atomic_fetch_add(&f->seen, 1) + 1;
    long at = atomic_load(&f->fail_at);
    if (!at || n < at || (n > at && !atomic_load(&f->for_ever)))
        return 0;
    atomic_fetch_add(&f->refused, 1);
    return 1;
}

static void *fault_alloc(void *state, size_t size)
{
    fault *f = state;
    if (refuse(f))
        return NULL;
    void *block = malloc(size);
    if (block)
        atomic_fetch_add(&f->live, 1);
    return block;
}

static void *fault_resize(void *state, void *block, size_t size)
{
    fault *f = state;
    if (refuse(f))
        return NULL;
    void *moved = realloc(block, size);
    if (moved && !block)
        atomic_fetch_add(&f->live, 1);
    return moved;
}

static void fault_release(void *state, void *block)
{
    fault *f = state;
    if (block)
        atomic_fetch_sub(&f->live, 1);
    free(block);
}

void fault_init(fault *f, long fail_at, int for_ever)
{
    atomic_init(&f->seen, 0);
    atomic_init(&f->live, 0);
    atomic_init(&f->refused, 0);
    atomic_init(&f->fail_at, fail_at);
    atomic_init(&f->for_ever, for_ever);
}

mayfly_allocator fault_table(fault *f)
{
    mayfly_allocator table = {fault_alloc, fault_resize, fault_release, f};
    return table;
}

long fault_each(fault_run_fn run, void *state)
{
    fault f;
    fault_init(&f, 0, 0);
    mayfly_allocator table = fault_table(&f);
    assert_int_equal(run(&table, state), 0);
    assert_int_equal(atomic_load(&f.live), 0);
    long total = atomic_load(&f.seen);

    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (long n = 1; n <= total; n++) {
            fault_init(&f, n, for_ever);
            int code = run(&table, state);
            if (code != 0 && code != MAYFLY_ENOMEM)
                fail_msg("allocation %ld of %ld failed: the code is %s", n,
                         total, mayfly_error_name(code));
            if (code == 0 && for_ever && atomic_load(&f.refused) > 0)
                fail_msg("allocations from %ld of %ld on failed, and the "
                         "work succeeded",
                         n, total);
            if (atomic_load(&f.live) != 0)
                fail_msg("allocation %ld of %ld failed: %ld blocks leaked", n,
                         total, atomic_load(&f.live));
        }
    }
    return total;
}
