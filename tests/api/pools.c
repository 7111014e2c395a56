/*
 * Pools of objects, buffers and arenas: what comes back is used again, within
 * the bounds, and goes when the host is idle.
 */
#include "pools.h"

/* --- objects --- */

typedef struct hooks_seen {
    atomic_int init, reset, done;
    int init_code;
} hooks_seen;

static int on_init(void *state, void *object)
{
    hooks_seen *seen = state;
    if (seen->init_code)
        return seen->init_code;
    atomic_fetch_add(&seen->init, 1);
    memset(object, 7, OBJECT);
    return 0;
}

static void on_reset(void *state, void *object)
{
    hooks_seen *seen = state;
    assert_int_equal(((unsigned char *)object)[1], 7);
    atomic_fetch_add(&seen->reset, 1);
}

static void on_done(void *state, void *object)
{
    hooks_seen *seen = state;
    assert_int_equal(((unsigned char *)object)[1], 7);
    atomic_fetch_add(&seen->done, 1);
}

static void test_objects_are_made_once(void **state)
{
    (void)state;
    mayfly_host *host = new_host(0);
    hooks_seen seen = {0};
    mayfly_object_hooks hooks = {on_init, on_reset, on_done, &seen};
    mayfly_pool *pool;
    void *a, *b;
    must(mayfly_pool_new_objects(host, OBJECT, &hooks, NULL, &pool, &err));
    for (int i = 0; i < 10; i++) {
        must(mayfly_pool_take_object(pool, NULL, &a, &err));
        must(mayfly_pool_take_object(pool, NULL, &b, &err));
        assert_ptr_not_equal(a, b);
        ((unsigned char *)a)[0] = (unsigned char)i; /* stays with it */
        mayfly_pool_give(a);
        mayfly_pool_give(b);
    }
    assert_int_equal(atomic_load(&seen.init), 2);
    assert_int_equal(atomic_load(&seen.reset), 20);
    mayfly_pool_info info = info_of(pool);
    assert_int_equal(info.taken, 20);
    assert_int_equal(info.made, 2);
    assert_int_equal(info.loans, 0);
    assert_int_equal(info.loans_peak, 2);
    assert_int_equal(info.lent_bytes_peak, 2 * OBJECT);
    assert_int_equal(info.largest, OBJECT);
    assert_true(info.kept_bytes >= 2 * OBJECT);
    assert_string_equal(info.kind, "objects");
    assert_string_equal(info.name, "pool");
    mayfly_pool_trim(pool);
    assert_int_equal(atomic_load(&seen.done), 2);
    assert_int_equal(info_of(pool).kept_bytes, 0);
    assert_int_equal(info_of(pool).bytes, 0);
    /* one that cannot be made */
    seen.init_code = MAYFLY_EIO;
    assert_int_equal(mayfly_pool_take_object(pool, NULL, &a, &err), MAYFLY_EIO);
    assert_int_equal(info_of(pool).loans, 0);
    mayfly_pool_free(pool);
    assert_int_equal(atomic_load(&seen.init), atomic_load(&seen.done));
    /* without hooks they begin as zeroes */
    must(mayfly_pool_new_objects(host, 40 * KIB, NULL, NULL, &pool, &err));
    must(mayfly_pool_take_object(pool, NULL, &a, &err));
    for (int i = 0; i < 40 * KIB; i++)
        assert_int_equal(((unsigned char *)a)[i], 0);
    mayfly_pool_give(a);
    mayfly_pool_give(NULL);
    mayfly_pool_free(pool);
    mayfly_host_free(host);
}

/* --- buffers --- */

static void test_buffers_of_all_sizes(void **state)
{
    (void)state;
    mayfly_host *host = new_host(0);
    mayfly_pool *pool;
    must(mayfly_pool_new_buffers(
        host, MAYFLY_POOL_OPTIONS(.name = "b", .keep_max = 1024 * KIB), &pool,
        &err));
    for (int round = 0; round < 2; round++) {
        uint64_t made = info_of(pool).made;
        for (size_t size = 0; size <= 64 * KIB; size = size * 2 + 1)
            mayfly_pool_give(buffer(pool, size, NULL));
        for (size_t size = 3000; size <= 64 * KIB; size += 3000)
            mayfly_pool_give(buffer(pool, size, NULL));
        if (round) /* those of a slab or a class that is there */
            assert_int_equal(info_of(pool).made - made, TEST_ASAN ? 11 : 0);
    }
    assert_int_equal(info_of(pool).largest, 64 * KIB - 1);
    assert_int_equal(info_of(pool).loans, 0);
    assert_int_equal(info_of(pool).large, 0);
    mayfly_pool_trim(pool);
    assert_int_equal(info_of(pool).bytes, 0);
    mayfly_pool_free(pool);
    mayfly_host_free(host);
}

/* Large ones are freed at once, or kept apart within a bound of their own. */
static void test_large_blocks_apart(void **state)
{
    (void)state;
    mayfly_host *host = new_host(0);
    mayfly_pool *pool;
    for (int keeps = 0; keeps < 2; keeps++) {
        must(mayfly_pool_new_buffers(
            host,
            MAYFLY_POOL_OPTIONS(.large = 8 * KIB,
                                .large_keep = keeps ? 300 * KIB : 0),
            &pool, &err));
        mayfly_pool_give(buffer(pool, 8 * KIB, NULL));
        size_t before = info_of(pool).bytes;
        assert_int_equal(info_of(pool).large, 0);
        void *a = buffer(pool, 200 * KIB, NULL);
        void *b = buffer(pool, 200 * KIB, NULL);
        assert_true(info_of(pool).bytes - before >= 400 * KIB);
        mayfly_pool_give(a);
        mayfly_pool_give(b);
        assert_int_equal(info_of(pool).large, 2);
        if (keeps)
            assert_in_range(info_of(pool).bytes - before, 200 * KIB, 300 * KIB);
        else
            assert_int_equal(info_of(pool).bytes, before);
        uint64_t made = info_of(pool).made;
        mayfly_pool_give(buffer(pool, 200 * KIB, NULL));
        assert_int_equal(info_of(pool).made - made, keeps ? 0 : 1);
        mayfly_pool_free(pool);
    }
    assert_int_equal(
        mayfly_pool_new_buffers(host, MAYFLY_POOL_OPTIONS(.large = 257 * KIB),
                                &pool, &err),
        MAYFLY_EINVAL);
    mayfly_host_free(host);
}

static void test_bounded(void **state)
{
    (void)state;
    mayfly_host *host = new_host(0);
    mayfly_pool *pool;
    void *b;
    must(mayfly_pool_new_buffers(
        host, MAYFLY_POOL_OPTIONS(.name = "narrow", .bytes_max = 100 * KIB),
        &pool, &err));
    /* what is kept makes room for what does not fit beside it */
    mayfly_pool_give(buffer(pool, 60 * KIB, NULL));
    assert_true(info_of(pool).kept_bytes >= 60 * KIB);
    b = buffer(pool, 50 * KIB, NULL);
    assert_true(info_of(pool).kept_bytes == 0);
    void *none = NULL;
    assert_int_equal(
        mayfly_pool_take_buffer(pool, 60 * KIB, NULL, &none, NULL, &err),
        MAYFLY_ELIMIT);
    assert_non_null(strstr(err.message, "narrow"));
    assert_null(none);
    assert_true(info_of(pool).refused > 0);
    assert_int_equal(
        mayfly_pool_take_buffer(pool, SIZE_MAX - 8, NULL, &none, NULL, &err),
        MAYFLY_ENOMEM);
    mayfly_pool_give(b);
    mayfly_pool_give(buffer(pool, 60 * KIB, NULL));
    assert_true(info_of(pool).bytes_peak <= 100 * KIB);
    mayfly_pool_free(pool);
    /* not more is kept than was said */
    must(mayfly_pool_new_objects(host, 10 * KIB, NULL,
                                 MAYFLY_POOL_OPTIONS(.keep_max = 35 * KIB),
                                 &pool, &err));
    void *objects[10];
    for (int i = 0; i < 10; i++)
        must(mayfly_pool_take_object(pool, NULL, &objects[i], &err));
    for (int i = 0; i < 10; i++)
        mayfly_pool_give(objects[i]);
    assert_in_range(info_of(pool).kept_bytes, 30 * KIB, 35 * KIB);
    mayfly_pool_free(pool);
    mayfly_host_free(host);
}

/* --- arenas --- */

static void test_arenas(void **state)
{
    (void)state;
    mayfly_host *host = new_host(0);
    mayfly_pool *pool;
    mayfly_arena *a, *again;
    must(mayfly_pool_new_arenas(
        host, MAYFLY_POOL_OPTIONS(.name = "work", .large = 100 * KIB), &pool,
        &err));
    must(mayfly_pool_take_arena(pool, 0, NULL, &a, &err));
    for (int i = 0; i < 100; i++)
        assert_non_null(mayfly_arena_alloc(a, 200));
    size_t held = mayfly_arena_bytes(a);
    mayfly_pool_give(a);
    assert_int_equal(info_of(pool).largest, held);
    must(mayfly_pool_take_arena(pool, 0, NULL, &again, &err));
    assert_ptr_equal(again, a);
    assert_true(mayfly_arena_bytes(again) > 0); /* its newest chunk */
    char *zeroes = mayfly_arena_alloc(again, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zeroes[i], 0);
    mayfly_pool_give(again);
    /* a bound of this loan's, below what was kept */
    must(mayfly_pool_take_arena(pool, 2000, NULL, &a, &err));
    assert_non_null(mayfly_arena_alloc(a, 900));
    assert_null(mayfly_arena_alloc(a, 2000));
    mayfly_pool_give(a);
    /* one whose newest chunk is large is not kept */
    must(mayfly_pool_take_arena(pool, 0, NULL, &a, &err));
    must(mayfly_pool_take_arena(pool, 0, NULL, &again, &err));
    assert_non_null(mayfly_arena_alloc(again, 150 * KIB));
    mayfly_pool_give(again);
    assert_int_equal(info_of(pool).large, 1);
    assert_int_equal(info_of(pool).kept_bytes, 0);
    mayfly_pool_give(a);
    mayfly_pool_trim(pool);
    assert_int_equal(info_of(pool).bytes, 0);
    mayfly_pool_free(pool);
    mayfly_host_free(host);
}

static void test_idle_time_gives_back(void **state)
{
    (void)state;
    mayfly_host *host = new_host(10);
    hooks_seen seen = {0};
    mayfly_object_hooks hooks = {on_init, on_reset, on_done, &seen};
    mayfly_pool *pool;
    void *o;
    must(mayfly_pool_new_objects(host, OBJECT, &hooks, NULL, &pool, &err));
    must(mayfly_pool_take_object(pool, NULL, &o, &err));
    mayfly_pool_give(o);
    for (int i = 0; i < 30000 && info_of(pool).bytes; i++)
        usleep(1000);
    assert_int_equal(info_of(pool).bytes, 0);
    assert_int_equal(atomic_load(&seen.done), 1);
    mayfly_pool_free(pool);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_are_made_once),
        cmocka_unit_test(test_buffers_of_all_sizes),
        cmocka_unit_test(test_large_blocks_apart),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_arenas),
        cmocka_unit_test(test_idle_time_gives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
