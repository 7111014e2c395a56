/* The heap of a unit: what it gives is memory, and all of it goes back. */
#include "base/census.h"
#include "compiler/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCKS = 400, STEPS = 30000 };

typedef struct live {
    unsigned char *at;
    size_t size;
    unsigned char mark;
} live;

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *seed >> 33;
}

/* Mostly small, some on both sides of every border. */
static size_t some_size(uint64_t *seed)
{
    uint64_t r = next_random(seed);
    switch (r % 50) {
    case 0:
        return (64 << 10) - 200 + r / 50 % 400;
    case 1:
        return 1000 + r / 50 % 200000;
    default:
        return r / 50 % 700;
    }
}

static void check(const live *b)
{
    for (size_t i = 0; i < b->size; i++)
        if (b->at[i] != b->mark)
            fail_msg("byte %zu of %zu is lost", i, b->size);
    assert_int_equal((uintptr_t)b->at % 16, 0);
}

static void churn(mf_alloc *a)
{
    static live blocks[BLOCKS];
    memset(blocks, 0, sizeof blocks);
    uint64_t seed = 7;
    for (int i = 0; i < STEPS; i++) {
        live *b = &blocks[next_random(&seed) % BLOCKS];
        if (b->at)
            check(b);
        size_t size = some_size(&seed);
        if (b->at && next_random(&seed) % 3 == 0) {
            mf_alloc_free(a, b->at);
            b->at = NULL;
            b->size = 0;
            continue;
        }
        size_t kept = size < b->size ? size : b->size;
        unsigned char *at = mf_alloc_resize(a, b->at, size);
        assert_non_null(at);
        b->at = at;
        b->size = kept;
        check(b);
        b->size = size;
        b->mark = (unsigned char)i;
        memset(at, b->mark, size);
    }
    for (int i = 0; i < BLOCKS; i++)
        mf_alloc_free(a, blocks[i].at);
    assert_int_equal(atomic_load(&a->blocks), 0);
}

static void test_churn(void **state)
{
    (void)state;
    mf_alloc base;
    mf_alloc_init(&base, NULL);
    mf_heap *h = mf_heap_new(&base, 0);
    assert_non_null(h);
    churn(mf_heap_alloc(h));
    mf_heap_free(h);
    assert_int_equal(atomic_load(&base.blocks), 0);
    mf_heap_free(NULL);
}

static void test_through_the_users_allocator(void **state)
{
    (void)state;
    mf_alloc base;
    mf_alloc_init(&base, NULL);
    mf_heap *h = mf_heap_new(&base, 1);
    assert_non_null(h);
    churn(mf_heap_alloc(h));
    assert_int_equal(mf_heap_bytes(h), 0);
    mf_heap_free(h);
    assert_int_equal(atomic_load(&base.blocks), 0);
}

/* Dropped with everything in it: neither dirty memory nor mappings remain. */
static void test_dropped_as_a_whole(void **state)
{
    (void)state;
    mf_alloc base;
    mf_alloc_init(&base, NULL);
    mf_process before, full, after;
    mf_process_read(&before);
    mf_heap *h = mf_heap_new(&base, 0);
    assert_non_null(h);
    mf_alloc *a = mf_heap_alloc(h);
    for (int i = 0; i < 40000; i++) {
        char *p = mf_alloc_new(a, 100);
        assert_non_null(p);
        memset(p, 1, 100);
    }
    char *p = mf_alloc_new(a, 4 << 20);
    assert_non_null(p);
    memset(p, 1, 4 << 20);
    assert_true(mf_heap_bytes(h) > (8u << 20));
    mf_process_read(&full);
    mf_heap_free(h);
    mf_process_read(&after);
    assert_true(full.private_dirty_kib > before.private_dirty_kib + 7000);
    assert_true(after.private_dirty_kib <= before.private_dirty_kib + 64);
    assert_true(after.mappings <= before.mappings + 1);
}

static void test_absurd_sizes(void **state)
{
    (void)state;
    mf_alloc base;
    mf_alloc_init(&base, NULL);
    mf_heap *h = mf_heap_new(&base, 0);
    assert_non_null(h);
    mf_alloc *a = mf_heap_alloc(h);
    assert_null(mf_alloc_new(a, SIZE_MAX - 16));
    assert_null(mf_alloc_new(a, SIZE_MAX / 2 - 100));
    void *p = mf_alloc_new(a, 1 << 20);
    assert_non_null(p);
    assert_null(mf_alloc_resize(a, p, SIZE_MAX / 2 - 100));
    memset(p, 1, 1 << 20);
    mf_heap_free(h);
}

/* A heap of work is used again as it is; what is over goes. */
static void test_work_is_kept(void **state)
{
    (void)state;
    mf_alloc base;
    mf_work work;
    mf_alloc_init(&base, NULL);
    mf_work_init(&work, &base);
    mf_heap *first = mf_work_take(&work, 0);
    mf_heap *second = mf_work_take(&work, 0);
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    churn(mf_heap_alloc(first));
    mf_work_give(&work, first);
    mf_work_give(&work, second);
    assert_ptr_equal(mf_work_take(&work, 0), first);
    assert_int_equal(mf_heap_bytes(first), 0);
    churn(mf_heap_alloc(first));
    mf_work_give(&work, first);

    mf_heap *through = mf_work_take(&work, 1); /* of the user's: never kept */
    assert_ptr_not_equal(through, first);
    mf_work_give(&work, through);
    mf_work_give(&work, NULL);
    assert_ptr_equal(mf_work_take(&work, 0), first);
    mf_work_give(&work, first);
    mf_work_trim(&work);
    assert_int_equal(atomic_load(&base.blocks), 0);
    mf_work_trim(&work);
    mf_work_done(&work);
}

/* What is freed soon is in the work's heap, and leaves no holes in the other. */
static void test_scratch_is_elsewhere(void **state)
{
    (void)state;
    mf_alloc base;
    mf_work work;
    mf_alloc_init(&base, NULL);
    mf_work_init(&work, &base);
    mf_heap *h = mf_heap_new(&base, 0);
    mf_alloc *a = mf_heap_alloc(h);
    assert_ptr_equal(mf_alloc_scratch(a), a);
    mf_work_begin(&work, h);
    mf_alloc *scratch = mf_alloc_scratch(a);
    assert_ptr_not_equal(scratch, a);
    assert_non_null(mf_alloc_new(scratch, 5000));
    assert_non_null(mf_alloc_new(a, 100));
    mf_work_end(&work, h);
    assert_ptr_equal(mf_alloc_scratch(a), a);
    assert_true(mf_heap_bytes(h) < 200);
    mf_heap_free(h);
    mf_work_done(&work);
    assert_int_equal(atomic_load(&base.blocks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_churn),
        cmocka_unit_test(test_through_the_users_allocator),
        cmocka_unit_test(test_dropped_as_a_whole),
        cmocka_unit_test(test_absurd_sizes),
        cmocka_unit_test(test_work_is_kept),
        cmocka_unit_test(test_scratch_is_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
