/* Hash tables and the keyed hash. */
#include "base/map.h"
#include "tests/support/fault.h"
#include "tests/support/test.h"

#include <mayfly/error.h>

#include <stdio.h>
#include <string.h>

static void *number(size_t n)
{
    return (void *)(uintptr_t)n;
}

static void put_get_remove(void **state)
{
    mf_alloc a;
    char key[32];
    (void)state;

    mf_alloc_init(&a, NULL);
    mf_map *m = mf_map_new(&a);
    assert_null(mf_map_get_str(m, "none"));
    assert_null(mf_map_remove_str(m, "none"));
    assert_null(mf_map_first(m));
    for (size_t i = 1; i <= 5000; i++) {
        snprintf(key, sizeof key, "key %zu", i);
        assert_int_equal(mf_map_put_str(m, key, number(i)), 0);
        memset(key, 'x', sizeof key); /* keys are copied */
    }
    assert_int_equal(mf_map_count(m), 5000);
    for (size_t i = 1; i <= 5000; i++) {
        snprintf(key, sizeof key, "key %zu", i);
        assert_ptr_equal(mf_map_get_str(m, key), number(i));
    }
    assert_int_equal(mf_map_put_str(m, "key 7", number(70)), 0);
    assert_ptr_equal(mf_map_get_str(m, "key 7"), number(70));
    assert_int_equal(mf_map_count(m), 5000);
    assert_ptr_equal(mf_map_remove_str(m, "key 7"), number(70));
    assert_null(mf_map_get_str(m, "key 7"));
    assert_int_equal(mf_map_count(m), 4999);
    mf_map_free(m);
    mf_map_free(NULL);
    assert_int_equal(atomic_load(&a.bytes), 0);
}

static void keys_are_bytes(void **state)
{
    mf_alloc a;
    size_t len;
    (void)state;

    mf_alloc_init(&a, NULL);
    mf_map *m = mf_map_new(&a);
    assert_int_equal(mf_map_put(m, "a\0b", 3, number(1)), 0);
    assert_int_equal(mf_map_put(m, "a\0c", 3, number(2)), 0);
    assert_int_equal(mf_map_put(m, "", 0, number(3)), 0);
    assert_ptr_equal(mf_map_get(m, "a\0b", 3), number(1));
    assert_ptr_equal(mf_map_get(m, "a\0c", 3), number(2));
    assert_ptr_equal(mf_map_get(m, "a", 1), NULL);
    assert_ptr_equal(mf_map_get(m, NULL, 0), number(3));
    const mf_map_entry *e = mf_map_first(m);
    assert_memory_equal(mf_map_entry_key(e, &len), "a\0b", 4);
    assert_int_equal(len, 3);
    mf_map_free(m);
}

static void iteration_is_in_order_of_insertion(void **state)
{
    mf_alloc a;
    char key[32];
    (void)state;

    mf_alloc_init(&a, NULL);
    mf_map *m = mf_map_new(&a);
    for (size_t i = 1; i <= 1000; i++) {
        snprintf(key, sizeof key, "%zu", i);
        assert_int_equal(mf_map_put_str(m, key, number(i)), 0);
    }
    size_t n = 0;
    for (mf_map_entry *e = mf_map_first(m), *next; e; e = next) {
        next = mf_map_next(e);
        assert_ptr_equal(mf_map_entry_value(e), number(++n));
        if (n % 2)
            mf_map_remove_str(m, mf_map_entry_key(e, NULL));
    }
    assert_int_equal(n, 1000);
    assert_int_equal(mf_map_count(m), 500);
    for (mf_map_entry *e = mf_map_first(m); e; e = mf_map_next(e))
        assert_int_equal((uintptr_t)mf_map_entry_value(e) % 2, 0);
    while (mf_map_first(m))
        mf_map_remove_str(m, mf_map_entry_key(mf_map_first(m), NULL));
    assert_int_equal(mf_map_put_str(m, "after", number(1)), 0);
    assert_ptr_equal(mf_map_get_str(m, "after"), number(1));
    mf_map_free(m);
    assert_int_equal(atomic_load(&a.bytes), 0);
}

/* uthash as it comes would end the process at the first of these. */
static int fill(const mayfly_allocator *table, void *state)
{
    mf_alloc a;
    char key[32];
    int failed = 0;
    size_t in = 0;
    (void)state;

    mf_alloc_init(&a, table);
    mf_map *m = mf_map_new(&a);
    if (!m)
        return MAYFLY_ENOMEM;
    for (size_t i = 1; i <= 600; i++) {
        snprintf(key, sizeof key, "%zu", i);
        int code = mf_map_put_str(m, key, number(i));
        if (code == 0)
            in++;
        else
            failed = code;
        /* a key that could not be put is not there; the others all are */
        assert_ptr_equal(mf_map_get_str(m, key), code ? NULL : number(i));
    }
    assert_int_equal(mf_map_count(m), in);
    for (mf_map_entry *e = mf_map_first(m); e; e = mf_map_next(e))
        in--;
    assert_int_equal(in, 0);
    mf_map_free(m);
    return failed;
}

static void lack_of_memory_is_an_error(void **state)
{
    (void)state;
    assert_true(fault_each(fill, NULL) > 600);
}

/* The vector published with the algorithm: bytes 0..14 under key 0..15. */
static void siphash(void **state)
{
    uint8_t bytes[15];
    const uint64_t key[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    assert_true(mf_siphash(key, bytes, 15) == 0xa129ca6149be45e5u);
    assert_true(mf_siphash(key, bytes, 0) == 0x726fdb47dd0e0e31u);
    assert_true(mf_hash("a", 1) == mf_hash("a", 1));
    assert_true(mf_hash("a", 1) != mf_hash("b", 1));
    const uint64_t zero[2] = {0, 0};
    assert_true(mf_hash("a", 1) != mf_siphash(zero, "a", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_get_remove),
        cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(iteration_is_in_order_of_insertion),
        cmocka_unit_test(lack_of_memory_is_an_error),
        cmocka_unit_test(siphash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
