/* Tables that are read without a lock, and the grace periods they rest on. */
#include "base/table.h"
#include "tests/support/fault.h"
#include "tests/support/test.h"

#include <mayfly/error.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { KEYS = 64, READERS = 3, ROUNDS = 3000 };

typedef struct thing {
    char key[16];
    int alive; /* cleared before it is freed */
} thing;

static void add_find_remove(void **state)
{
    mf_alloc a;
    static thing things[3000];
    (void)state;

    mf_alloc_init(&a, NULL);
    mf_grace *g = mf_grace_new(&a);
    mf_table *t = mf_table_new(&a, g);
    assert_null(mf_table_find(t, "none", 4));
    assert_null(mf_table_remove(t, "none", 4));
    for (int i = 0; i < 3000; i++) {
        snprintf(things[i].key, sizeof things[i].key, "key %d", i);
        assert_int_equal(
            mf_table_add(t, things[i].key, strlen(things[i].key), &things[i]),
            0);
        assert_int_equal(
            mf_table_add(t, things[i].key, strlen(things[i].key), &things[0]),
            MAYFLY_EEXIST);
        if (i % 3 == 0)
            assert_ptr_equal(
                mf_table_remove(t, things[i].key, strlen(things[i].key)),
                &things[i]);
    }
    assert_int_equal(mf_table_count(t), 2000);
    for (int i = 0; i < 3000; i++)
        assert_ptr_equal(mf_table_find(t, things[i].key, strlen(things[i].key)),
                         i % 3 == 0 ? NULL : &things[i]);
    assert_null(mf_table_find(t, "key", 3));
    mf_table_free(t);
    mf_table_free(NULL);
    mf_grace_free(g);
    mf_grace_free(NULL);
    assert_int_equal(atomic_load(&a.bytes), 0);
}

/* The same names come and go for ever: the room does not grow. */
static void gone_slots_are_used_again(void **state)
{
    mf_alloc a;
    size_t most = 0;
    (void)state;

    mf_alloc_init(&a, NULL);
    mf_grace *g = mf_grace_new(&a);
    mf_table *t = mf_table_new(&a, g);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(mf_table_add(t, "one", 3, &most), 0);
        assert_ptr_equal(mf_table_remove(t, "one", 3), &most);
        if (i == 100)
            most = atomic_load(&a.bytes);
        if (i > 100)
            assert_true(atomic_load(&a.bytes) <= most);
    }
    mf_table_free(t);
    mf_grace_free(g);
    assert_int_equal(atomic_load(&a.bytes), 0);
}

/* A table that was large is small again when little is left in it. */
static void room_goes_with_the_names(void **state)
{
    mf_alloc a;
    static thing things[3000];
    (void)state;

    mf_alloc_init(&a, NULL);
    mf_grace *g = mf_grace_new(&a);
    mf_table *t = mf_table_new(&a, g);
    size_t empty = atomic_load(&a.bytes);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3000; i++) {
            int n = snprintf(things[i].key, sizeof things[i].key, "key %d", i);
            assert_int_equal(
                mf_table_add(t, things[i].key, (size_t)n, &things[i]), 0);
        }
        assert_true(atomic_load(&a.bytes) > empty + 3000 * sizeof(void *));
        for (int i = 0; i < 3000; i++) {
            assert_ptr_equal(
                mf_table_remove(t, things[i].key, strlen(things[i].key)),
                &things[i]);
            if (i % 500 == 499) /* what is left is found after the moves */
                for (int k = i + 1; k < 3000; k++)
                    assert_ptr_equal(mf_table_find(t, things[k].key,
                                                   strlen(things[k].key)),
                                     &things[k]);
        }
        assert_int_equal(atomic_load(&a.bytes), empty);
    }
    mf_table_free(t);
    mf_grace_free(g);
}

static int count_to_two(void *state, void *value)
{
    (void)value;
    return ++*(int *)state == 2;
}

static void each_stops(void **state)
{
    mf_alloc a;
    int seen = 0;
    (void)state;

    mf_alloc_init(&a, NULL);
    mf_grace *g = mf_grace_new(&a);
    mf_table *t = mf_table_new(&a, g);
    assert_int_equal(mf_table_add(t, "a", 1, &a), 0);
    assert_int_equal(mf_table_add(t, "b", 1, &a), 0);
    assert_int_equal(mf_table_add(t, "c", 1, &a), 0);
    assert_int_equal(mf_table_each(t, count_to_two, &seen), 1);
    assert_int_equal(seen, 2);
    mf_table_free(t);
    mf_grace_free(g);
}

typedef struct shared {
    mf_alloc alloc;
    mf_grace *grace;
    mf_table *table;
    atomic_int stop, dead_seen;
    atomic_uint found;
} shared;

static void *read_all(void *state)
{
    shared *s = state;
    char key[16];
    for (unsigned i = 0; !atomic_load(&s->stop); i++) {
        int n = snprintf(key, sizeof key, "key %u", i % KEYS);
        unsigned side = mf_grace_enter(s->grace);
        const thing *one = mf_table_find(s->table, key, (size_t)n);
        if (one) {
            atomic_fetch_add(&s->found, 1);
            if (!one->alive || strcmp(one->key, key) != 0)
                atomic_store(&s->dead_seen, 1);
        }
        mf_grace_leave(s->grace, side);
    }
    return NULL;
}

static void change(shared *s, unsigned i)
{
    char key[16];
    int n = snprintf(key, sizeof key, "key %u", i % KEYS);
    thing *one = mf_table_remove(s->table, key, (size_t)n);
    if (one)
        one->alive = 0;
    mf_alloc_free(&s->alloc, one);
    one = mf_alloc_new(&s->alloc, sizeof *one);
    assert_non_null(one);
    memcpy(one->key, key, sizeof key);
    one->alive = 1;
    assert_int_equal(mf_table_add(s->table, one->key, (size_t)n, one), 0);
}

static void nobody_reads_what_is_freed(void **state)
{
    shared s = {.found = 0};
    pthread_t readers[READERS];
    char key[16];
    (void)state;

    mf_alloc_init(&s.alloc, NULL);
    s.grace = mf_grace_new(&s.alloc);
    s.table = mf_table_new(&s.alloc, s.grace);
    for (unsigned i = 0; i < KEYS; i++)
        change(&s, i);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &s), 0);
    for (unsigned i = 0; i < ROUNDS; i++)
        change(&s, i * 7);
    while (atomic_load(&s.found) == 0)
        sched_yield();
    atomic_store(&s.stop, 1);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_false(atomic_load(&s.dead_seen));
    for (unsigned i = 0; i < KEYS; i++) {
        int n = snprintf(key, sizeof key, "key %u", i);
        mf_alloc_free(&s.alloc, mf_table_remove(s.table, key, (size_t)n));
    }
    mf_table_free(s.table);
    mf_grace_free(s.grace);
    assert_int_equal(atomic_load(&s.alloc.bytes), 0);
}

static int fill(const mayfly_allocator *table, void *state)
{
    mf_alloc a;
    thing things[40];
    int code = 0;
    (void)state;

    mf_alloc_init(&a, table);
    mf_grace *g = mf_grace_new(&a);
    mf_table *t = g ? mf_table_new(&a, g) : NULL;
    if (!t)
        code = MAYFLY_ENOMEM;
    size_t added = 0;
    for (int i = 0; t && i < 40; i++) {
        int n = snprintf(things[i].key, sizeof things[i].key, "%d", i);
        int one = mf_table_add(t, things[i].key, (size_t)n, &things[i]);
        added += one == 0;
        code = one ? one : code;
    }
    if (t)
        assert_int_equal(mf_table_count(t), added);
    mf_table_free(t);
    mf_grace_free(g);
    return code;
}

static void lack_of_memory_is_an_error(void **state)
{
    (void)state;
    assert_true(fault_each(fill, NULL) > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_find_remove),
        cmocka_unit_test(gone_slots_are_used_again),
        cmocka_unit_test(room_goes_with_the_names),
        cmocka_unit_test(each_stops),
        cmocka_unit_test(nobody_reads_what_is_freed),
        cmocka_unit_test(lack_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
