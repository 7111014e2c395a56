/*
 * Leases and pins from many threads while others unload. The payload is freed
 * heap memory afterwards, so a lease that does not hold is a use after free for
 * ASan and a race for TSan; without either, `alive` tells.
 */
#include "fake.h"

#include <pthread.h>

enum { TAKERS = 4, ROUNDS = 60 };

typedef struct shared {
    fake_host host;
    mayfly_context *context;
    atomic_int stop;
    atomic_int start;
    atomic_int unloads; /* mayfly_unload answered 0 */
    atomic_long taken;
    atomic_long wrong;
} shared;

static void *take_and_drop(void *arg)
{
    shared *s = arg;
    long taken = 0;
    while (!atomic_load(&s->start))
        ;
    for (;;) {
        int code = mf_lease_take(s->context, NULL);
        if (code == 0) {
            fake_unit *u = mf_context_unit(s->context);
            if (u->alive != FAKE_ALIVE)
                atomic_fetch_add(&s->wrong, 1);
            taken++;
            mf_lease_drop(s->context);
        } else if (code != MAYFLY_EUNLOADED) {
            atomic_fetch_add(&s->wrong, 1);
        }
        if (atomic_load(&s->stop))
            break;
    }
    atomic_fetch_add(&s->taken, taken);
    return NULL;
}

static void *unload_waiting(void *arg)
{
    shared *s = arg;
    while (!atomic_load(&s->start))
        ;
    if (mayfly_unload(s->context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 10000), NULL,
                      NULL) == 0)
        atomic_fetch_add(&s->unloads, 1);
    return NULL;
}

static void *pin_and_free(void *arg)
{
    shared *s = arg;
    while (!atomic_load(&s->start))
        ;
    while (!atomic_load(&s->stop)) {
        mayfly_pin *pin;
        if (mayfly_pin_take(s->context, "pinner", &pin, NULL) == 0)
            mayfly_pin_free(pin);
    }
    return NULL;
}

/* Two unloads at once, against takers: one of them does it, once. */
static void test_unload_under_fire(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        shared s = {0};
        pthread_t takers[TAKERS], unloaders[2], pinner;
        fake_host_init(&s.host);
        s.context = fake_live(&s.host, 10);
        for (int i = 0; i < TAKERS; i++)
            assert_int_equal(
                pthread_create(&takers[i], NULL, take_and_drop, &s), 0);
        assert_int_equal(pthread_create(&pinner, NULL, pin_and_free, &s), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(
                pthread_create(&unloaders[i], NULL, unload_waiting, &s), 0);
        atomic_store(&s.start, 1);
        for (int i = 0; i < 2; i++)
            pthread_join(unloaders[i], NULL);
        assert_int_equal(mayfly_context_get_state(s.context), MAYFLY_UNLOADED);
        atomic_store(&s.stop, 1);
        for (int i = 0; i < TAKERS; i++)
            pthread_join(takers[i], NULL);
        pthread_join(pinner, NULL);
        assert_int_equal(s.unloads, 1);
        assert_int_equal(s.host.destroyed, 1);
        assert_int_equal(s.wrong, 0);
        mayfly_context_unref(s.context);
        fake_host_done(&s.host);
    }
}

/* Soft unloads that cannot succeed leave the context live, takers or not. */
static void test_soft_unloads_come_back(void **state)
{
    (void)state;
    shared s = {0};
    pthread_t takers[TAKERS];
    fake_host_init(&s.host);
    s.context = fake_live(&s.host, 10);
    mayfly_pin *pin;
    assert_int_equal(mayfly_pin_take(s.context, "holder", &pin, NULL), 0);
    for (int i = 0; i < TAKERS; i++)
        assert_int_equal(pthread_create(&takers[i], NULL, take_and_drop, &s),
                         0);
    atomic_store(&s.start, 1);
    for (int i = 0; i < 200; i++)
        assert_int_equal(mayfly_unload(s.context, NULL, NULL, NULL),
                         MAYFLY_EBUSY);
    assert_int_equal(mayfly_context_get_state(s.context), MAYFLY_LIVE);
    atomic_store(&s.stop, 1);
    for (int i = 0; i < TAKERS; i++)
        pthread_join(takers[i], NULL);
    assert_int_equal(s.wrong, 0);
    assert_int_equal(s.host.destroyed, 0);
    mayfly_pin_free(pin);
    mayfly_context_unref(s.context);
    assert_int_equal(s.host.destroyed, 1);
    fake_host_done(&s.host);
}

static void *drop_one(void *arg)
{
    mf_lease_drop(arg);
    return NULL;
}

/* A lease taken here and dropped there; the unload wakes up for it. */
static void test_dropped_elsewhere(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        fake_host h;
        fake_host_init(&h);
        mayfly_context *c = fake_live(&h, 10);
        assert_int_equal(mf_lease_take(c, NULL), 0);
        pthread_t other;
        assert_int_equal(pthread_create(&other, NULL, drop_one, c), 0);
        assert_int_equal(mayfly_unload(c,
                                       MAYFLY_UNLOAD_OPTIONS(.wait_ms = 10000),
                                       NULL, NULL),
                         0);
        pthread_join(other, NULL);
        mayfly_context_unref(c);
        fake_host_done(&h);
    }
}

/* The last lease of a forced unload goes on many threads at once: one destroys.
 */
static void test_forced_last_leases(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        fake_host h;
        fake_host_init(&h);
        mayfly_context *c = fake_live(&h, 10);
        pthread_t droppers[TAKERS];
        for (int k = 0; k < TAKERS; k++)
            assert_int_equal(mf_lease_take(c, NULL), 0);
        assert_int_equal(
            mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, NULL),
            MAYFLY_EBUSY);
        for (int k = 0; k < TAKERS; k++)
            assert_int_equal(pthread_create(&droppers[k], NULL, drop_one, c),
                             0);
        for (int k = 0; k < TAKERS; k++)
            pthread_join(droppers[k], NULL);
        assert_int_equal(h.destroyed, 1);
        assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADED);
        mayfly_context_unref(c);
        fake_host_done(&h);
    }
}

static const int layouts[4];

static void *bind_all(void *arg)
{
    shared *s = arg;
    while (!atomic_load(&s->start))
        ;
    for (unsigned i = 0; i < 64; i++) {
        if (mf_lease_take(s->context, NULL) != 0)
            break;
        const int *key = &layouts[i % 4];
        fake_unit *u = mf_context_binding(s->context, key, i / 4);
        if (!u) {
            mf_payload p = fake_payload(fake_unit_new(&s->host, 8));
            u = mf_context_add_binding(s->context, key, i / 4, &p, NULL);
        }
        if (!u || u->alive != FAKE_ALIVE ||
            mf_context_binding(s->context, key, i / 4) != u)
            atomic_fetch_add(&s->wrong, 1);
        mf_lease_drop(s->context);
    }
    return NULL;
}

static void test_bindings_are_unique(void **state)
{
    (void)state;
    shared s = {0};
    pthread_t binders[TAKERS];
    fake_host_init(&s.host);
    s.context = fake_live(&s.host, 10);
    for (int i = 0; i < TAKERS; i++)
        assert_int_equal(pthread_create(&binders[i], NULL, bind_all, &s), 0);
    atomic_store(&s.start, 1);
    for (int i = 0; i < TAKERS; i++)
        pthread_join(binders[i], NULL);
    assert_int_equal(s.wrong, 0);
    assert_int_equal(fake_arena_bytes(&s.host), 10 + 64 * 8);
    mayfly_context_unref(s.context);
    assert_int_equal(fake_arena_bytes(&s.host), 0);
    fake_host_done(&s.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unload_under_fire),
        cmocka_unit_test(test_soft_unloads_come_back),
        cmocka_unit_test(test_dropped_elsewhere),
        cmocka_unit_test(test_forced_last_leases),
        cmocka_unit_test(test_bindings_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
