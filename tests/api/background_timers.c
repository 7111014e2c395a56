/*
 * Timers of a context: called again and again or once, on workers and loops,
 * stopped by an unload, by their owner, from within.
 */
#include "background.h"

static void test_again_and_again(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, TICKS);
    assert_int_equal(registered(host, "timer"), 1);
    wait_for(&it.ticks, 20);
    board_unload(c);
    int after = atomic_load(&it.ticks);
    assert_int_equal(registered(host, "timer"), 0);
    usleep(10000);
    assert_int_equal(atomic_load(&it.ticks), after);
    mayfly_host_free(host);
}

static void count_on_board(void *argument)
{
    atomic_fetch_add((atomic_int *)argument, 1);
}

/* The host's own function, for a context without source. */
static void test_once(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load(host, HELLO_V1, NULL);
    mayfly_timer *timer = NULL, *later = NULL;
    memset(&it, 0, sizeof it);
    must(mayfly_context_timer(c, NULL, count_on_board, &it.ticks, NULL, &err));
    wait_for(&it.ticks, 1);
    while (registered(host, "timer")) /* it has been forgotten by itself */
        usleep(500);
    must(mayfly_context_timer(
        c, MAYFLY_TIMER_OPTIONS(.after_ms = 3600000, .name = "an hour"),
        count_on_board, &it.ticks, &later, &err));
    must(mayfly_context_timer(c, MAYFLY_TIMER_OPTIONS(.after_ms = 1),
                              count_on_board, &it.ticks, &timer, &err));
    wait_for(&it.ticks, 2);
    while (registered(host, "timer") != 1)
        usleep(500);
    mayfly_timer_free(timer);
    board_unload(c);
    mayfly_host_free(host);
    mayfly_timer_free(later); /* a handle outlives all of that */
    assert_int_equal(atomic_load(&it.ticks), 2);
}

static void block_once(void *argument)
{
    (void)argument;
    block();
    usleep(20000); /* whoever does not wait is seen not to */
    ended();
}

static void *go_on_soon(void *unused)
{
    (void)unused;
    usleep(20000);
    atomic_store(&it.go_on, 1);
    return NULL;
}

/* Whoever stops a timer waits for a call under way; so does an unload. */
static void test_waited_for(void **state)
{
    (void)state;
    for (int unloads = 0; unloads < 2; unloads++) {
        mayfly_host *host = hello_host();
        mayfly_context *c = board_load(host, "int none;");
        mayfly_timer *timer = NULL;
        pthread_t helper;
        must(mayfly_context_timer(
            c, MAYFLY_TIMER_OPTIONS(.every_ms = 1, .name = "blocks"),
            block_once, NULL, &timer, &err));
        wait_for(&it.entered, 1);
        must_fail(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EBUSY,
                  "1 timer: blocks (thread ");
        mayfly_why_report *report = ask(c);
        must_find(report, MAYFLY_WHY_STARTED, "", "timer \"blocks\"");
        mayfly_why_free(report);
        assert_int_equal(pthread_create(&helper, NULL, go_on_soon, NULL), 0);
        if (unloads) {
            board_unload(c);
            assert_true(atomic_load(&it.ended) >= 1);
            mayfly_timer_free(timer);
        } else {
            mayfly_timer_free(timer);
            int n = atomic_load(&it.ended);
            assert_true(n >= 1);
            board_unload(c);
            assert_int_equal(atomic_load(&it.ended), n);
        }
        pthread_join(helper, NULL);
        mayfly_host_free(host);
    }
}

/* A timer that frees itself, in source. */
static void test_from_within(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(
        host, BOARD
        "static mayfly_timer *self; static int n;\n"
        "static void on_tick(void *a) { tick();\n"
        "  if (++n == 3) { mayfly_timer_free(self); ended(); } }\n"
        "static void begin(void *a)\n"
        "{ mayfly_context_timer(mayfly_self(),\n"
        "    MAYFLY_TIMER_OPTIONS(.after_ms = 1, .every_ms = 1), on_tick,"
        "\n    0, &self, 0); }\n" BOARD_LOAD
        "{ return mayfly_context_timer(mayfly_self(),\n"
        "    MAYFLY_TIMER_OPTIONS(.after_ms = 1), begin, 0, 0, err); }\n");
    wait_for(&it.ended, 1);
    while (registered(host, "timer"))
        usleep(500);
    board_unload(c);
    assert_int_equal(atomic_load(&it.ticks), 3);
    mayfly_host_free(host);
}

/* An unload that gives up leaves timers as they were, and what was due
 * meanwhile is made up for. */
static void test_unload_gives_up(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, TICKS);
    mayfly_pin *pin;
    must(mayfly_pin_take(c, "test", &pin, &err));
    must(mayfly_context_timer(c, MAYFLY_TIMER_OPTIONS(.after_ms = 10),
                              count_on_board, &it.begun, NULL, &err));
    must_fail(
        mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 60), NULL, &err),
        MAYFLY_EBUSY, "1 pin");
    wait_for(&it.begun, 1);
    wait_for(&it.ticks, atomic_load(&it.ticks) + 10);
    mayfly_pin_free(pin);
    board_unload(c);
    assert_int_equal(atomic_load(&it.begun), 1);
    mayfly_host_free(host);
}

static atomic_int loop_code;

static void on_loop(void *context)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    char *argv[] = {NULL};
    int status;
    atomic_store(&loop_code,
                 mayfly_context_run(context, 0, argv, &status, &err));
    tick();
}

static void test_on_a_loop(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, "int main(void) { return 0; }");
    must(mayfly_context_timer(c, MAYFLY_TIMER_OPTIONS(.on_loop = 1), on_loop, c,
                              NULL, &err));
    wait_for(&it.ticks, 1);
    assert_int_equal(atomic_load(&loop_code), MAYFLY_EONLOOP);
    must(mayfly_context_timer(c, NULL, on_loop, c, NULL, &err));
    wait_for(&it.ticks, 2);
    assert_int_equal(atomic_load(&loop_code), 0);
    board_unload(c);
    mayfly_host_free(host);
}

/* exit ends the call; the timer goes on. */
static void test_exit(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(
        host, BOARD
        "static int n;\n"
        "static void on_tick(void *a) { tick(); if (++n == 1) exit(3);\n"
        "  if (n == 2) pthread_exit(0); if (n == 3) abort(); ended(); "
        "}\n" BOARD_LOAD "{ return mayfly_context_timer(mayfly_self(),\n"
        "    MAYFLY_TIMER_OPTIONS(.every_ms = 1), on_tick, 0, 0, err); }\n");
    wait_for(&it.ended, 2);
    assert_true(atomic_load(&it.ticks) >= 5);
    board_unload(c);
    mayfly_host_free(host);
}

static void unload_it(void *context)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    atomic_store(&loop_code, mayfly_unload(context, NULL, NULL, &err));
    tick();
}

/* A forced unload does not wait; the call under way gives the last lease back.
 */
static void test_ended_by_its_own_call(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, TICKS);
    mayfly_timer *timer = NULL;
    must(mayfly_context_timer(c, MAYFLY_TIMER_OPTIONS(.every_ms = 1),
                              block_once, NULL, &timer, &err));
    wait_for(&it.entered, 1);
    must_fail(mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, &err),
              MAYFLY_EBUSY, "timer");
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADING);
    atomic_store(&it.go_on, 1);
    while (mayfly_context_get_state(c) != MAYFLY_UNLOADED)
        usleep(500);
    mayfly_timer_free(timer);
    assert_int_equal(atomic_load(&it.ended), 1);
    mayfly_context_unref(c);

    c = board_load(host, TICKS);
    must(mayfly_context_timer(c, NULL, unload_it, c, NULL, &err));
    while (!atomic_load(&loop_code))
        usleep(500);
    assert_int_equal(atomic_load(&loop_code), MAYFLY_EINSIDE);
    board_unload(c);
    mayfly_host_free(host);
}

static void test_refused(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, "int none;");
    must_fail(mayfly_context_timer(NULL, NULL, unload_it, NULL, NULL, &err),
              MAYFLY_EINVAL, "");
    must_fail(mayfly_context_timer(c, NULL, NULL, NULL, NULL, &err),
              MAYFLY_EINVAL, "");
    must(mayfly_unload(c, NULL, NULL, &err));
    must_fail(mayfly_context_timer(c, NULL, unload_it, NULL, NULL, &err),
              MAYFLY_EUNLOADED, "");
    mayfly_context_unref(c);
    mayfly_timer_free(NULL);
    mayfly_host_free(host);
}

/* A host that goes takes its contexts' timers with it. */
static void test_host_goes(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, TICKS);
    mayfly_timer *timer = NULL;
    must(mayfly_context_timer(c, MAYFLY_TIMER_OPTIONS(.every_ms = 1),
                              count_on_board, &it.begun, &timer, &err));
    wait_for(&it.ticks, 3);
    mayfly_host_free(host);
    int ticks = atomic_load(&it.ticks), n = atomic_load(&it.begun);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADED);
    usleep(5000);
    assert_int_equal(atomic_load(&it.ticks), ticks);
    assert_int_equal(atomic_load(&it.begun), n);
    mayfly_context_unref(c);
    mayfly_timer_free(timer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again_and_again),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_waited_for),
        cmocka_unit_test(test_from_within),
        cmocka_unit_test(test_unload_gives_up),
        cmocka_unit_test(test_on_a_loop),
        cmocka_unit_test(test_exit),
        cmocka_unit_test(test_ended_by_its_own_call),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_host_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
