/* The counted allocator, arenas and buffers. */
#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "tests/support/fault.h"
#include "tests/support/test.h"

#include <string.h>

static void blocks_are_counted(void **state)
{
    mf_alloc a;
    (void)state;

    mf_alloc_init(&a, NULL);
    uint8_t *p = mf_alloc_new(&a, 100);
    uint8_t *q = mf_alloc_zero(&a, 7);
    assert_int_equal((uintptr_t)p % 16, 0);
    assert_int_equal((uintptr_t)q % 16, 0);
    for (int i = 0; i < 7; i++)
        assert_int_equal(q[i], 0);
    assert_int_equal(atomic_load(&a.bytes), 107);
    assert_int_equal(atomic_load(&a.blocks), 2);
    memset(p, 9, 100);
    p = mf_alloc_resize(&a, p, 5000);
    assert_int_equal(p[99], 9);
    assert_int_equal(atomic_load(&a.bytes), 5007);
    p = mf_alloc_resize(&a, p, 10);
    assert_int_equal(atomic_load(&a.bytes), 17);
    char *s = mf_alloc_strdup(&a, "text");
    assert_string_equal(s, "text");
    mf_alloc_free(&a, s);
    mf_alloc_free(&a, p);
    mf_alloc_free(&a, q);
    mf_alloc_free(&a, NULL);
    assert_int_equal(atomic_load(&a.bytes), 0);
    assert_int_equal(atomic_load(&a.blocks), 0);
    assert_int_equal(mf_alloc_high(&a), 5007);
    assert_int_equal(mf_alloc_high(&a), 0);
    assert_null(mf_alloc_new(&a, SIZE_MAX));
    assert_null(mf_alloc_new(&a, SIZE_MAX - 8));
    assert_null(mf_alloc_resize(&a, NULL, SIZE_MAX));
}

static void a_failed_resize_keeps_the_block(void **state)
{
    fault f;
    mf_alloc a;
    (void)state;

    fault_init(&f, 2, 0);
    mayfly_allocator table = fault_table(&f);
    mf_alloc_init(&a, &table);
    char *p = mf_alloc_strdup(&a, "kept");
    assert_null(mf_alloc_resize(&a, p, 1000));
    assert_string_equal(p, "kept");
    assert_int_equal(atomic_load(&a.bytes), 5);
    mf_alloc_free(&a, p);
    assert_int_equal(atomic_load(&f.live), 0);
}

static void arena_blocks(void **state)
{
    mf_alloc alloc;
    mayfly_arena a;
    volatile size_t most = SIZE_MAX; /* the compiler must not see it */
    uint8_t *seen[400];
    (void)state;

    mf_alloc_init(&alloc, NULL);
    mf_arena_init(&a, &alloc, 0, 0);
    assert_int_equal(mayfly_arena_bytes(&a), 0);
    for (size_t i = 0; i < 400; i++) {
        size_t n = i % 50 == 49 ? 5000 : i;
        seen[i] = mf_arena_alloc(&a, n);
        assert_non_null(seen[i]);
        assert_int_equal((uintptr_t)seen[i] % 16, 0);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(seen[i][k], 0);
        memset(seen[i], (int)i, n);
    }
    for (size_t i = 0; i < 400; i++) { /* nothing overlaps */
        size_t n = i % 50 == 49 ? 5000 : i;
        for (size_t k = 0; k < n; k++)
            assert_int_equal(seen[i][k], (uint8_t)i);
    }
    assert_int_equal(mayfly_arena_bytes(&a), atomic_load(&alloc.bytes));
    size_t full = mayfly_arena_bytes(&a);
    mf_arena_reset(&a);
    assert_true(mayfly_arena_bytes(&a) > 0);
    assert_true(mayfly_arena_bytes(&a) < full);
    uint8_t *again = mf_arena_alloc(&a, 64);
    assert_int_equal(again[63], 0);
    mf_arena_done(&a);
    assert_int_equal(atomic_load(&alloc.bytes), 0);
    assert_non_null(mf_arena_alloc(&a, 1)); /* can be used again */
    mf_arena_done(&a);
    assert_null(mf_arena_alloc(&a, most));
    assert_null(mf_arena_alloc(&a, most - 20));
    assert_int_equal(a.code, MAYFLY_ENOMEM);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

static void arena_bound(void **state)
{
    mf_alloc alloc;
    mayfly_arena a;
    (void)state;

    mf_alloc_init(&alloc, NULL);
    mf_arena_init(&a, &alloc, 256, 10000);
    size_t got = 0;
    while (mf_arena_alloc(&a, 100))
        got += 100;
    assert_int_equal(a.code, MAYFLY_ELIMIT);
    assert_true(got > 7000);
    assert_true(mayfly_arena_bytes(&a) <= 10000);
    assert_null(mf_arena_alloc(&a, 20000));
    assert_true(atomic_load(&alloc.bytes) <= 10000);
    mf_arena_done(&a);
}

static void arena_resize(void **state)
{
    mf_alloc alloc;
    mayfly_arena a;
    (void)state;

    mf_alloc_init(&alloc, NULL);
    mf_arena_init(&a, &alloc, 4096, 0);
    char *p = mf_arena_strdup(&a, "abc");
    assert_ptr_equal(mf_arena_resize(&a, p, 4, 40), p); /* newest: in place */
    memset(p + 4, 1, 36);
    char *q = mf_arena_alloc(&a, 8);
    char *moved = mf_arena_resize(&a, p, 40, 80);
    assert_ptr_not_equal(moved, p);
    assert_string_equal(moved, "abc");
    assert_int_equal(moved[39], 1);
    assert_ptr_equal(mf_arena_resize(&a, moved, 80, 10), moved);
    char *next = mf_arena_alloc(&a, 8); /* what was shrunk away is used again */
    assert_int_equal(next - moved, 16);
    moved = mf_arena_resize(&a, q, 8, 100000); /* past any chunk */
    assert_non_null(moved);
    moved[99999] = 1;
    assert_null(mf_arena_resize(&a, moved, 100000, SIZE_MAX - 4));
    char *text = mf_arena_printf(&a, "%0500d|%s", 1, "x");
    assert_int_equal(strlen(text), 502);
    assert_string_equal(text + 500, "|x");
    assert_string_equal(mf_arena_printf(&a, "%d", 5), "5");
    mf_arena_done(&a);
}

static void public_arrays(void **state)
{
    mf_alloc alloc;
    mayfly_arena a;
    int32_t on_stack[3] = {1, 2, 3};
    mayfly_int32_array ints = {on_stack, 3, 0};
    (void)state;

    mf_alloc_init(&alloc, NULL);
    mf_arena_init(&a, &alloc, 0, 0);
    for (int i = 4; i <= 1000; i++) {
        int32_t *item =
            mayfly_arena_add(&a, (mayfly_array *)(void *)&ints, sizeof *item);
        assert_int_equal(*item, 0);
        *item = i;
    }
    assert_int_equal(ints.n, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(ints.items[i], i + 1);
    assert_int_equal(on_stack[2], 3);
    mayfly_array huge = {ints.items, SIZE_MAX / 2, SIZE_MAX / 2};
    assert_null(mayfly_arena_add(&a, &huge, 16));
    mayfly_str s = mayfly_arena_str(&a, "hello", 4);
    assert_int_equal(s.len, 4);
    assert_memory_equal(s.ptr, "hell", 4);
    s = mayfly_arena_str(&a, NULL, 0);
    assert_non_null(s.ptr);
    mf_arena_done(&a);
    mayfly_arena_free(NULL);
}

static int use_arena(const mayfly_allocator *table, void *state)
{
    mf_alloc alloc;
    mayfly_arena a;
    mayfly_array items = {NULL, 0, 0};
    (void)state;

    mf_alloc_init(&alloc, table);
    mf_arena_init(&a, &alloc, 64, 0);
    int code = 0;
    for (int i = 0; i < 300; i++) {
        size_t n = items.n;
        void *item = mayfly_arena_add(&a, &items, 24);
        if (!item) {
            assert_int_equal(items.n, n);
            assert_int_equal(a.code, MAYFLY_ENOMEM);
            code = MAYFLY_ENOMEM;
        }
        if (!mf_arena_printf(&a, "%*d", i * 3, i))
            code = MAYFLY_ENOMEM;
    }
    mf_arena_done(&a);
    return code;
}

static int use_buf(const mayfly_allocator *table, void *state)
{
    mf_alloc alloc;
    mf_buf b;
    (void)state;

    mf_alloc_init(&alloc, table);
    mf_buf_init(&b, &alloc, 0);
    for (int i = 0; i < 300; i++)
        mf_buf_printf(&b, "%*d,", i, i);
    mf_buf_text(&b);
    int code = mf_buf_check(&b, "the text", NULL);
    mf_buf_done(&b);
    return code;
}

static void every_failure(void **state)
{
    (void)state;
    assert_true(fault_each(use_arena, NULL) > 5);
    assert_true(fault_each(use_buf, NULL) > 5);
}

static void buffers(void **state)
{
    mf_alloc alloc;
    mf_buf b;
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;

    mf_alloc_init(&alloc, NULL);
    mf_buf_init(&b, &alloc, 0);
    assert_string_equal(mf_buf_text(&b), "");
    mf_buf_puts(&b, "one");
    mf_buf_put_byte(&b, '-');
    mf_buf_printf(&b, "%0300d", 7);
    assert_int_equal(b.len, 304);
    assert_string_equal(mf_buf_text(&b) + 302, "07");
    mf_buf_clear(&b);
    assert_int_equal(b.len, 0);
    mf_buf_done(&b);
    assert_int_equal(atomic_load(&alloc.bytes), 0);

    mf_buf_init(&b, &alloc, 10);
    mf_buf_puts(&b, "0123456789");
    assert_string_equal(mf_buf_text(&b), "0123456789"); /* the zero is extra */
    mf_buf_put_byte(&b, 'x');
    assert_int_equal(b.failed, MAYFLY_ELIMIT);
    assert_int_equal(b.len, 10);
    assert_null(mf_buf_text(&b));
    assert_int_equal(mf_buf_check(&b, "the name", &err), MAYFLY_ELIMIT);
    assert_non_null(strstr(err.message, "the name"));
    mf_buf_clear(&b);
    mf_buf_printf(&b, "%s", "0123456789");
    assert_string_equal(mf_buf_text(&b), "0123456789");
    mf_buf_clear(&b);
    assert_null(mf_buf_room(&b, SIZE_MAX));
    mf_buf_done(&b);

    mf_buf_init(&b, &alloc, 400);
    mf_buf_printf(&b, "%0400d", 1); /* formatted in place, up to the maximum */
    assert_int_equal(mf_buf_check(&b, "x", NULL), 0);
    assert_int_equal(b.len, 400);
    mf_buf_printf(&b, "%0300d", 1);
    assert_int_equal(b.failed, MAYFLY_ELIMIT);
    mf_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_counted),
        cmocka_unit_test(a_failed_resize_keeps_the_block),
        cmocka_unit_test(arena_blocks),
        cmocka_unit_test(arena_bound),
        cmocka_unit_test(arena_resize),
        cmocka_unit_test(public_arrays),
        cmocka_unit_test(buffers),
        cmocka_unit_test(every_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
