/*
 * Timers and threads begun and ended by several threads while others try to
 * unload their context, give up, and at last unload it. Whatever meets
 * whatever: a function is never called after its owner was told that it is not.
 */
#include <mayfly/mayfly.h>

#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { OWNERS = 3, ROUNDS = 12, EACH = 30 };

typedef struct owned {
    atomic_int over; /* its handle has been freed */
    atomic_int bad;  /* called all the same */
    atomic_long calls;
} owned;

typedef struct stress {
    mayfly_context *context;
    atomic_int owners; /* at work */
    owned owned[OWNERS][EACH];
} stress;

static void on_time(void *argument)
{
    owned *o = argument;
    atomic_fetch_add(&o->calls, 1);
    if (atomic_load(&o->over))
        atomic_store(&o->bad, 1);
}

static void work(mayfly_thread *self, void *argument)
{
    owned *o = argument;
    do
        on_time(o);
    while (!mayfly_thread_wait(self, 1));
    on_time(o);
}

/* Begins and ends one after the other; at the end the context is going. */
static void own(stress *s, owned *mine)
{
    for (int i = 0; i < EACH; i++) {
        owned *o = &mine[i];
        mayfly_timer *timer = NULL;
        mayfly_thread *thread = NULL;
        int code;
        if (i % 3 == 2)
            code = mayfly_context_thread(s->context, "worker", work, o, &thread,
                                         NULL);
        else
            code = mayfly_context_timer(
                s->context,
                MAYFLY_TIMER_OPTIONS(.every_ms = (unsigned)i % 3,
                                     .on_loop = i & 1),
                on_time, o, &timer, NULL);
        assert_true(code == 0 || code == MAYFLY_EUNLOADED);
        if (i % 5)
            usleep(300);
        mayfly_timer_free(timer);
        mayfly_thread_free(thread);
        atomic_store(&o->over, 1);
    }
}

static atomic_int turn;

static void *owner(void *state)
{
    stress *s = state;
    int number = atomic_fetch_add(&turn, 1) % OWNERS;
    own(s, s->owned[number]);
    atomic_fetch_sub(&s->owners, 1);
    return NULL;
}

/* Attempts that give up, with and without time for threads to stop. */
static void *disturb(void *state)
{
    stress *s = state;
    for (unsigned i = 0; atomic_load(&s->owners); i++) {
        mayfly_pin *pin = NULL;
        if (i & 1 && mayfly_pin_take(s->context, "disturb", &pin, NULL) != 0)
            return NULL;
        int code = mayfly_unload(
            s->context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = i % 3), NULL, NULL);
        mayfly_pin_free(pin);
        if (code != MAYFLY_EBUSY)
            return NULL; /* nothing was there just then: it is gone */
    }
    return NULL;
}

static void one_round(mayfly_host *host, int disturbed)
{
    static const mayfly_source source = {"s.c", "int none;", 0};
    stress *s = test_calloc(1, sizeof *s);
    pthread_t threads[OWNERS + 1];
    assert_int_equal(mayfly_load_source(host, "background", &source, 1, NULL,
                                        &s->context, NULL),
                     0);
    atomic_store(&s->owners, OWNERS);
    for (int i = 0; i < OWNERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, owner, s), 0);
    if (disturbed)
        assert_int_equal(pthread_create(&threads[OWNERS], NULL, disturb, s), 0);
    else
        mayfly_unload(s->context, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL,
                      NULL);
    for (int i = 0; i < OWNERS + disturbed; i++)
        pthread_join(threads[i], NULL);
    mayfly_unload(s->context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 60000), NULL,
                  NULL);
    assert_int_equal(mayfly_context_get_state(s->context), MAYFLY_UNLOADED);
    mayfly_context_unref(s->context);
    for (int i = 0; i < OWNERS; i++)
        for (int k = 0; k < EACH; k++)
            assert_int_equal(atomic_load(&s->owned[i][k].bad), 0);
    test_free(s);
}

static void begun_and_ended_while_it_goes(void **state)
{
    (void)state;
    mayfly_host *host;
    assert_int_equal(mayfly_host_new(NULL, &host, NULL), 0);
    for (int i = 0; i < ROUNDS; i++)
        one_round(host, i % 4 != 3);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begun_and_ended_while_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
