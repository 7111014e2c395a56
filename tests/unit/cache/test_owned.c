/*
 * What a context's own code has started: counted, named by an unload that is
 * refused, asked to end by a forced one.
 */
#include "cache/context/owned.h"
#include "fake.h"

#include <string.h>

typedef struct thing {
    mf_owned owned;
    mayfly_context *context;
    int cancelled;
} thing;

static void ask(mf_owned *o)
{
    ((thing *)(void *)o)->cancelled++;
}

static void add(mayfly_context *c, thing *t, enum mf_owned_kind kind,
                const char *name)
{
    memset(t, 0, sizeof *t);
    t->context = c;
    t->owned.kind = kind;
    t->owned.holds = kind == MF_OWNED_RUN || kind == MF_OWNED_THREAD;
    t->owned.thread = 4711;
    t->owned.at_ns = mf_clock_ns();
    t->owned.cancel = kind == MF_OWNED_THREAD ? ask : NULL;
    strcpy(t->owned.name, name);
    if (t->owned.holds)
        assert_int_equal(mf_lease_take(c, NULL), 0);
    mf_owned_add(c, &t->owned);
}

static void end(thing *t)
{
    mf_owned_remove(t->context, &t->owned);
    if (t->owned.holds)
        mf_lease_drop(t->context);
}

static void count_one(void *state, const mf_owned *o)
{
    (void)o;
    ++*(int *)state;
}

static void test_counted(void **state)
{
    fake_host h;
    thing a, b, c;
    int n = 0;
    (void)state;
    fake_host_init(&h);
    mayfly_context *x = fake_live(&h, 100);
    add(x, &a, MF_OWNED_KEY, "a");
    add(x, &b, MF_OWNED_SIGNAL, "SIGUSR1");
    add(x, &c, MF_OWNED_KEY, "c");
    assert_int_equal(mf_owned_count(x, MF_OWNED_KEY), 2);
    assert_int_equal(mf_owned_count(x, MF_OWNED_SIGNAL), 1);
    assert_int_equal(mf_owned_count(x, MF_OWNED_TIMER), 0);
    mf_owned_each(x, count_one, &n);
    assert_int_equal(n, 3);
    end(&b);
    end(&a);
    assert_int_equal(mf_owned_count(x, MF_OWNED_KEY), 1);
    assert_int_equal(mf_owned_count(x, MF_OWNED_SIGNAL), 0);
    end(&c);
    assert_int_equal(mayfly_unload(x, NULL, NULL, NULL), 0);
    mayfly_context_unref(x);
    fake_host_done(&h);
}

static void test_named(void **state)
{
    fake_host h;
    thing run, thread, key;
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    fake_host_init(&h);
    mayfly_context *x = fake_live(&h, 100);
    add(x, &run, MF_OWNED_RUN, "main");
    add(x, &thread, MF_OWNED_THREAD, "worker");
    add(x, &key, MF_OWNED_KEY, "quiet");
    assert_int_equal(mayfly_unload(x, NULL, NULL, &err), MAYFLY_EBUSY);
    assert_non_null(strstr(err.message, "1 run: main (thread 4711, "));
    assert_non_null(strstr(err.message, "1 thread: worker (thread 4711, "));
    assert_null(strstr(err.message, "quiet"));
    assert_null(strstr(err.message, "call"));
    assert_int_equal(thread.cancelled, 0);
    assert_int_equal(mayfly_context_get_state(x), MAYFLY_LIVE);

    assert_int_equal(
        mayfly_unload(x, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, &err),
        MAYFLY_EBUSY);
    assert_int_equal(thread.cancelled, 1);
    assert_int_equal(mayfly_context_get_state(x), MAYFLY_UNLOADING);
    end(&key);
    end(&run);
    assert_int_equal(h.destroyed, 0);
    end(&thread);
    assert_int_equal(h.destroyed, 1);
    mayfly_context_unref(x);
    fake_host_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted),
        cmocka_unit_test(test_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
