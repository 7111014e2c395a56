/* The pool of small blocks: blocks do not overlap, and empty slabs go back. */
#include "proxy/transport/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 2000 };

static void fill(uint8_t *block, size_t size, int mark)
{
    for (size_t i = 0; i < size; i++)
        block[i] = (uint8_t)(mark + (int)i);
}

static void check(const uint8_t *block, size_t size, int mark)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(block[i], (uint8_t)(mark + (int)i));
}

static void keeps_blocks_apart(void **state)
{
    static uint8_t *blocks[N];
    static size_t sizes[N];
    mf_alloc alloc;
    mf_pool pool;
    (void)state;
    mf_alloc_init(&alloc, NULL);
    mf_pool_init(&pool, &alloc, 4096);
    srand(3);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < N; i++) {
            size_t size = (size_t)(rand() % (i % 10 ? 300 : 4000));
            if (blocks[i] && rand() % 2) {
                check(blocks[i], sizes[i], i);
                mf_pool_give(&pool, blocks[i]);
                blocks[i] = NULL;
            } else if (blocks[i]) {
                size_t both = size < sizes[i] ? size : sizes[i];
                blocks[i] = mf_pool_resize(&pool, blocks[i], size);
                assert_non_null(blocks[i]);
                check(blocks[i], both, i);
                fill(blocks[i], sizes[i] = size, i);
            } else {
                blocks[i] = mf_pool_take(&pool, size);
                assert_non_null(blocks[i]);
                assert_int_equal((uintptr_t)blocks[i] % 16, 0);
                fill(blocks[i], sizes[i] = size, i);
            }
        }
    }
    for (int i = 0; i < N; i++) {
        if (blocks[i])
            check(blocks[i], sizes[i], i);
        mf_pool_give(&pool, blocks[i]);
    }
    /* no more than a slab per class is kept for the next */
    assert_true(atomic_load(&alloc.blocks) <= MF_POOL_CLASSES);
    mf_pool_trim(&pool);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
    mf_pool_done(&pool);
}

static void takes_every_size(void **state)
{
    mf_alloc alloc;
    mf_pool pool;
    (void)state;
    mf_alloc_init(&alloc, NULL);
    mf_pool_init(&pool, &alloc, 4096);
    for (size_t size = 0; size < 3000; size++) {
        uint8_t *a = mf_pool_take(&pool, size), *b = mf_pool_take(&pool, size);
        fill(a, size, 1);
        fill(b, size, 2);
        check(a, size, 1);
        mf_pool_give(&pool, a);
        mf_pool_give(&pool, b);
    }
    assert_null(mf_pool_take(&pool, SIZE_MAX));
    mf_pool_done(&pool);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_blocks_apart),
        cmocka_unit_test(takes_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
