/*
 * Units come and go: evicted and back again, unloaded, removed, built by one of
 * many threads, and gone with the host.
 */
#include "units.h"

/* --- room --- */

enum { UNITS = 6 };

static void load_many(mayfly_host *host, mayfly_unit **units)
{
    for (int i = 0; i < UNITS; i++) {
        char name[16], says[1000], word[8];
        snprintf(name, sizeof name, "u%d", i);
        snprintf(word, sizeof word, "n%d", i);
        snprintf(says, sizeof says,
                 "#include \"hello.mf.h\"\n"
                 "int hello_Greeter_on_SayHello(void *state, mayfly_call *c,\n"
                 "    const hello_Request *q, hello_Reply *r)\n"
                 "{ r->message.ptr = \"%s\"; r->message.len = 2; return 0; }\n",
                 word);
        load_as(host, name, HELLO_V1, says, NULL, &units[i]);
    }
}

static void note_loaded(void *state, const mayfly_version_info *info)
{
    *(int *)state += info->is_loaded;
}

static int is_loaded(mayfly_host *host, mayfly_unit *unit)
{
    int n = 0;
    must(mayfly_cache_each(host, unit, note_loaded, &n, &err));
    return n;
}

static void the_least_recently_used_goes(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_unit *units[UNITS];
    mayfly_context *context = NULL;
    load_many(host, units);
    assert_int_equal(stats_of(host).loaded, UNITS);
    for (int i = UNITS - 1; i >= 0; i--) { /* used in this order */
        must(mayfly_unit_context(units[i], 0, 0, &context, &err));
        mayfly_context_unref(context);
        usleep(12000); /* the clock of use ticks in milliseconds */
    }
    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.loaded = 2), &err));
    assert_int_equal(stats_of(host).loaded, 2);
    assert_int_equal(stats_of(host).evictions, UNITS - 2);
    for (int i = 0; i < UNITS; i++)
        assert_int_equal(is_loaded(host, units[i]), i < 2);

    mayfly_unit_set_pinned(units[0], 1);
    mayfly_unit_set_pinned(units[1], 1);
    must(mayfly_unit_context(units[5], 0, 0, &context, &err)); /* is back */
    mayfly_context_unref(context);
    assert_int_equal(is_loaded(host, units[0]), 1);
    assert_int_equal(is_loaded(host, units[1]), 1);
    mayfly_unit_set_pinned(units[0], 0);
    mayfly_unit_set_pinned(units[1], 0);
    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.bytes = 1), &err));
    assert_int_equal(stats_of(host).loaded, 0);
    assert_int_equal(stats_of(host).bytes, 0);

    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.idle_ms = 40),
                                 &err));
    must(mayfly_unit_context(units[3], 0, 0, &context, &err));
    mayfly_context_unref(context);
    for (int i = 0; i < 5000 && stats_of(host).loaded; i++)
        usleep(1000);
    assert_int_equal(stats_of(host).loaded, 0);
    for (int i = 0; i < UNITS; i++)
        mayfly_unit_unref(units[i]);
    mayfly_host_free(host);
}

/* What is held is not evicted; who holds it is told. */
static void what_is_held_stays(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_unit *unit;
    mayfly_context *context = NULL;
    mayfly_pin *pin = NULL;
    load_as(host, "a", HELLO_V1, NULL, NULL, &unit);
    must(mayfly_unit_context(unit, 0, 0, &context, &err));
    must(mayfly_pin_take(context, "a test", &pin, &err));
    must_fail(mayfly_unit_evict(unit, 0, &err), MAYFLY_EBUSY, "a test");
    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.bytes = 1), &err));
    assert_int_equal(stats_of(host).loaded, 1);
    mayfly_pin_free(pin);
    must(mayfly_unit_evict(unit, 0, &err));
    assert_int_equal(stats_of(host).loaded, 0);
    assert_int_equal(mayfly_context_get_state(context), MAYFLY_UNLOADED);
    mayfly_context_unref(context);
    must_fail(mayfly_unit_evict(unit, 9, &err), MAYFLY_ENOTFOUND, "version");
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
}

/* A source that has a state would lose it: it stays, unless it is asked for by
 * name. */
static void what_has_a_state_stays(void **state)
{
    (void)state;
    static const char keeps[] =
        SAYS("one") "#include <mayfly/handlers.h>\n"
                    "static int kept;\n"
                    "int mayfly_on_load(const mayfly_handover *from,\n"
                    "                   void **ret_state, mayfly_error *err)\n"
                    "{ *ret_state = &kept; return 0; }\n";
    mayfly_host *host = hello_host();
    mayfly_unit *unit, *other;
    load_as(host, "keeps", HELLO_V1, keeps, NULL, &unit);
    load_as(host, "other", HELLO_V1, NULL, NULL, &other);
    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.bytes = 1), &err));
    assert_int_equal(is_loaded(host, unit), 1);
    assert_int_equal(is_loaded(host, other), 0);
    must(mayfly_unit_evict(unit, 0, &err));
    assert_int_equal(is_loaded(host, unit), 0);
    mayfly_unit_unref(unit);
    mayfly_unit_unref(other);
    mayfly_host_free(host);
}

/* A user may unload a version's context as any other. */
static void an_unload_is_an_eviction(void **state)
{
    (void)state;
    world w;
    mayfly_context *context = NULL;
    begin(&w, SAYS("one"));
    for (int force = 0; force < 2; force++) {
        must(mayfly_unit_context(w.unit, 0, 0, &context, &err));
        must(mayfly_unload(
            context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000, .force = force),
            NULL, &err));
        mayfly_context_unref(context);
        assert_string_equal(say(w.host, w.greeter), "one");
    }
    end(&w);
}

/* --- many at once, and the end --- */

static void *load_same(void *host)
{
    const mayfly_source text = {"hello.proto", HELLO_V2, 0};
    mayfly_unit *unit = NULL;
    mayfly_context *context = NULL;
    int code = mayfly_unit_load(host, "same", MAYFLY_RECIPE(.schema = &text),
                                &unit, NULL, NULL);
    if (code == 0)
        code = mayfly_unit_context(unit, 0, 0, &context, NULL);
    mayfly_context_unref(context);
    mayfly_unit_unref(unit);
    return code == 0 ? host : NULL;
}

static void one_builds(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    mayfly_host *host = hello_host();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_same, host), 0);
    for (int i = 0; i < THREADS; i++) {
        void *good = NULL;
        pthread_join(threads[i], &good);
        assert_non_null(good);
    }
    assert_int_equal(stats_of(host).builds, 1);
    assert_int_equal(stats_of(host).versions, 1);
    mayfly_host_free(host);
}

static void a_removed_unit_is_a_handle(void **state)
{
    (void)state;
    world w;
    mayfly_unit *unit = NULL;
    mayfly_context *context = NULL;
    begin(&w, SAYS("one"));
    must(mayfly_unit_remove(w.unit, 5000, &err));
    assert_int_equal(mayfly_unit_version(w.unit), 0);
    assert_string_equal(say(w.host, w.greeter), "MAYFLY_EUNLOADED");
    must_fail(mayfly_unit_find(w.host, "hello", &unit, &err), MAYFLY_ENOTFOUND,
              "hello");
    must_fail(mayfly_unit_context(w.unit, 0, 0, &context, &err),
              MAYFLY_EUNLOADED, "removed");
    must_fail(swap_to(w.unit, HELLO_V2, NULL, NULL, NULL, &err),
              MAYFLY_EUNLOADED, "removed");
    must_fail(mayfly_unit_remove(w.unit, 0, &err), MAYFLY_EUNLOADED, "removed");
    load_as(w.host, "hello", HELLO_V1, NULL, NULL,
            &unit); /* the name is free */
    mayfly_unit_unref(unit);
    end(&w);
}

static void count_receipt(void *state, const char *name,
                          const mayfly_receipt *receipt)
{
    int *seen = state;
    assert_int_equal(mayfly_receipt_retained(receipt), 0);
    char expected[32];
    snprintf(expected, sizeof expected, "hello@%d", 7 - ++*seen);
    assert_string_equal(name, expected);
}

static void receipts_are_kept(void **state)
{
    (void)state;
    world w;
    int seen = 0;
    begin(&w, SAYS("1"));
    must(mayfly_cache_set_budget(w.host, MAYFLY_CACHE_BUDGET(.receipts = 4),
                                 &err));
    for (int i = 2; i <= 7; i++) {
        char says[800];
        mayfly_swap swap;
        snprintf(says, sizeof says, "%s/* %d */", SAYS("x"), i);
        must(swap_to(w.unit, HELLO_V1, says,
                     MAYFLY_SWAP_OPTIONS(.wait_ms = 5000), &swap, &err));
        assert_int_equal(swap.gone, 1);
        mayfly_receipt_free(swap.receipt);
    }
    must(mayfly_cache_each_receipt(w.host, count_receipt, &seen, &err));
    assert_int_equal(seen, 4); /* the newest */
    end(&w);
}

/* Handles outlive the host. */
static void the_host_goes_first(void **state)
{
    (void)state;
    world w;
    mayfly_unit *unit = NULL;
    begin(&w, SAYS("one"));
    hello_close(&w.pair);
    mayfly_host_free(w.host);
    assert_string_equal(mayfly_unit_name(w.unit), "hello");
    assert_int_equal(mayfly_unit_version(w.unit), 0);
    must_fail(swap_to(w.unit, HELLO_V2, NULL, NULL, NULL, &err),
              MAYFLY_ECANCELLED, "freed");
    must_fail(mayfly_unit_find(w.host, "hello", &unit, &err), MAYFLY_ECANCELLED,
              "freed");
    hello_Greeter_free(w.greeter);
    mayfly_unit_unref(w.unit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_recently_used_goes),
        cmocka_unit_test(what_is_held_stays),
        cmocka_unit_test(what_has_a_state_stays),
        cmocka_unit_test(an_unload_is_an_eviction),
        cmocka_unit_test(one_builds),
        cmocka_unit_test(a_removed_unit_is_a_handle),
        cmocka_unit_test(receipts_are_kept),
        cmocka_unit_test(the_host_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
