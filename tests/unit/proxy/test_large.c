/* Large blocks are handed out again, within a bound, and given back when asked.
 */
#include "proxy/transport/large.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * KIB };

static void hands_large_blocks_out_again(void **state)
{
    mf_alloc heap;
    mf_large large;
    (void)state;
    mf_alloc_init(&heap, NULL);
    mf_large_init(&large, &heap, 64 * KIB, 16 * MIB);
    uint8_t *a = mf_alloc_new(&large.alloc, MIB - 50);
    memset(a, 1, MIB - 50);
    mf_alloc_free(&large.alloc, a);
    assert_int_equal(atomic_load(&large.alloc.blocks), 0);
    assert_int_equal(atomic_load(&heap.blocks), 1); /* kept */
    uint8_t *b = mf_alloc_new(&large.alloc, MIB - 100);
    assert_ptr_equal(a, b);
    memset(b, 2, MIB - 100);
    uint8_t *small = mf_alloc_new(&large.alloc, KIB);
    mf_alloc_free(&large.alloc, small);
    assert_int_equal(atomic_load(&heap.blocks), 1); /* small ones are not */
    b = mf_alloc_resize(&large.alloc, b, 3 * MIB);
    for (int i = 0; i < MIB - 100; i++)
        assert_int_equal(b[i], 2);
    mf_alloc_free(&large.alloc, b);
    mf_large_trim(&large);
    assert_int_equal(atomic_load(&heap.blocks), 0);
    mf_large_done(&large);
}

static void keeps_within_a_bound(void **state)
{
    mf_alloc heap;
    mf_large large;
    void *blocks[100];
    (void)state;
    mf_alloc_init(&heap, NULL);
    mf_large_init(&large, &heap, 64 * KIB, 16 * MIB);
    for (int i = 0; i < 100; i++)
        blocks[i] = mf_alloc_new(&large.alloc, (size_t)(i + 1) * 20 * KIB);
    for (int i = 0; i < 100; i++)
        mf_alloc_free(&large.alloc, blocks[i]);
    assert_int_equal(atomic_load(&large.alloc.bytes), 0);
    assert_in_range(atomic_load(&heap.bytes), MIB, 17 * MIB);
    assert_null(mf_alloc_new(&large.alloc, SIZE_MAX - 8));
    mf_large_done(&large);
    assert_int_equal(atomic_load(&heap.bytes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_large_blocks_out_again),
        cmocka_unit_test(keeps_within_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
