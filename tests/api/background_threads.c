/*
 * Threads of a context: told to stop by an unload when nothing else holds it,
 * called again where it gives up, ended by themselves or by their owner.
 */
#include "background.h"

static void test_told_to_stop(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, WAITS);
    wait_for(&it.begun, 1);
    assert_int_equal(registered(host, "thread"), 1);
    must_fail(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EBUSY,
              "1 thread: waiter (thread ");
    mayfly_why_report *report = ask(c);
    must_find(report, MAYFLY_WHY_STARTED, "", "thread \"waiter\"");
    mayfly_why_free(report);
    /* an unload that does not wait does not disturb it */
    assert_int_equal(atomic_load(&it.ended), 0);
    board_unload(c);
    assert_int_equal(atomic_load(&it.begun), 1);
    assert_int_equal(atomic_load(&it.ended), 1);
    assert_int_equal(registered(host, "thread"), 0);
    mayfly_host_free(host);
}

static void polls(mayfly_thread *self, void *unused)
{
    (void)unused;
    begun();
    while (!mayfly_thread_stopping(self))
        usleep(500);
    ended();
}

static void deaf(mayfly_thread *self, void *unused)
{
    (void)self;
    (void)unused;
    block();
}

/* Nobody is told while something else holds the context. Told and refused all
 * the same, those that have stopped are called again. */
static void test_unload_gives_up(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, WAITS);
    mayfly_pin *pin;
    must(mayfly_context_thread(c, "polls", polls, NULL, NULL, &err));
    wait_for(&it.begun, 2);
    must(mayfly_pin_take(c, "test", &pin, &err));
    must_fail(
        mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 20), NULL, &err),
        MAYFLY_EBUSY, "2 threads");
    assert_int_equal(atomic_load(&it.ended), 0);
    mayfly_pin_free(pin);

    must(mayfly_context_thread(c, "deaf", deaf, NULL, NULL, &err));
    wait_for(&it.entered, 1);
    for (int round = 1; round <= 3; round++) {
        must_fail(
            mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 50), NULL, &err),
            MAYFLY_EBUSY, "deaf");
        assert_int_equal(mayfly_context_get_state(c), MAYFLY_LIVE);
        wait_for(&it.ended, 2 * round);
        wait_for(&it.begun, 2 * round + 2);
    }
    atomic_store(&it.go_on, 1);
    board_unload(c);
    assert_int_equal(atomic_load(&it.begun), 8);
    assert_int_equal(atomic_load(&it.ended), 8);
    mayfly_host_free(host);
}

static mayfly_call *deferred;
static atomic_int has_call;

static int defer(void *state, mayfly_call *call, const hello_Request *request,
                 hello_Reply *reply)
{
    (void)state, (void)request, (void)reply;
    mayfly_call_defer(call, NULL);
    deferred = call;
    atomic_store(&has_call, 1);
    return 0;
}

/* Answers what was deferred; by the order of an unload, it is still there. */
static void answers(mayfly_thread *self, void *unused)
{
    (void)unused;
    begun();
    while (!mayfly_thread_wait(self, 1)) {
        if (!atomic_load(&has_call) || !atomic_load(&it.go_on))
            continue;
        hello_Reply reply = {.number = 5};
        hello_Greeter_SayHello_reply(deferred, &reply, NULL);
        atomic_store(&has_call, 0);
    }
    ended();
}

static void on_done(void *state, mayfly_call *call, int code, void *reply)
{
    (void)call, (void)code, (void)reply;
    atomic_fetch_add((atomic_int *)state, 1);
}

static void *unload_in_thread(void *context)
{
    must(mayfly_unload(context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 60000), NULL,
                       &err));
    return NULL;
}

static void test_calls_first(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, "int none;");
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    hello_Greeter_handlers on = {.SayHello = defer};
    pthread_t unloader;
    must(hello_Greeter_serve(pair.server, c, &on, NULL, NULL, &err));
    must(hello_Greeter_new(c, pair.channel, &greeter, &err));
    must(mayfly_context_thread(c, NULL, answers, NULL, NULL, &err));
    wait_for(&it.begun, 1);
    hello_Request q = {.times = 1};
    mayfly_call *call = hello_call(host);
    must(hello_Greeter_SayHello_start(greeter, call, &q, on_done, &it.ticks,
                                      &err));
    wait_for(&has_call, 1);
    assert_int_equal(pthread_create(&unloader, NULL, unload_in_thread, c), 0);
    while (mayfly_context_get_state(c) != MAYFLY_UNLOADING)
        usleep(500);
    usleep(5000);
    assert_int_equal(atomic_load(&it.ended), 0);
    atomic_store(&it.go_on, 1);
    pthread_join(unloader, NULL);
    wait_for(&it.ticks, 1);
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_OK);
    assert_int_equal(atomic_load(&it.ended), 1);
    mayfly_call_free(call);
    hello_Greeter_free(greeter);
    hello_close(&pair);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

static void returns(mayfly_thread *self, void *unused)
{
    (void)self, (void)unused;
    begun();
}

/* The owner's handle: waits for the function, outlives the context. */
static void test_owner(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, "int none;");
    mayfly_thread *one = NULL, *two = NULL, *three = NULL;
    must(mayfly_context_thread(c, "one", polls, NULL, &one, &err));
    must(mayfly_context_thread(c, "two", returns, NULL, &two, &err));
    must(mayfly_context_thread(c, "three", polls, NULL, &three, &err));
    wait_for(&it.begun, 3);
    mayfly_thread_free(one);
    assert_int_equal(atomic_load(&it.ended), 1);
    while (registered(host, "thread") != 1) /* two has ended by itself */
        usleep(500);
    mayfly_thread_free(two);
    board_unload(c);
    assert_int_equal(atomic_load(&it.ended), 2);
    assert_int_equal(mayfly_thread_stopping(three), 1);
    assert_int_equal(mayfly_thread_wait(three, 1000), 1);
    mayfly_host_free(host);
    mayfly_thread_free(three);
    mayfly_thread_free(NULL);
}

static mayfly_thread *parked;

static void frees_the_other(mayfly_thread *self, void *unused)
{
    (void)unused;
    begun();
    while (!mayfly_thread_wait(self, 1000))
        ;
    usleep(2000);
    mayfly_thread_free(parked); /* it may be parked, or on its way */
    ended();
}

/* A thread is dismissed while an unload goes on. */
static void test_dismissed_when_parked(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    for (int gives_up = 0; gives_up < 2; gives_up++) {
        mayfly_context *c = board_load(host, "int none;");
        must(mayfly_context_thread(c, "parked", polls, NULL, &parked, &err));
        must(mayfly_context_thread(c, "frees", frees_the_other, NULL, NULL,
                                   &err));
        wait_for(&it.begun, 2);
        if (gives_up) {
            must(mayfly_context_thread(c, "deaf", deaf, NULL, NULL, &err));
            wait_for(&it.entered, 1);
            must_fail(mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 50),
                                    NULL, &err),
                      MAYFLY_EBUSY, "deaf");
            wait_for(&it.ended, 2);
            while (registered(host, "thread") != 2)
                usleep(500);
            parked = NULL;
            wait_for(&it.begun, 3); /* the other is called again */
            atomic_store(&it.go_on, 1);
        }
        board_unload(c);
        assert_int_equal(registered(host, "thread"), 0);
        assert_int_equal(atomic_load(&it.ended), gives_up ? 3 : 2);
    }
    mayfly_host_free(host);
}

/* In source: woken, freed from within, left by exit. */
static void test_in_source(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(
        host, BOARD
        "static mayfly_thread *sleeper, *other;\n"
        "static void sleep_long(mayfly_thread *t, void *a)\n"
        "{ if (a != &sleeper || mayfly_thread_wait(t, (unsigned)-1)) return;\n"
        "  ended(); mayfly_thread_free(t);\n"
        "  if (mayfly_thread_stopping(t)) ended(); }\n"
        "static void leaves(mayfly_thread *t, void *a) { begun(); exit(1); }\n"
        "static void gone(mayfly_thread *t, void *a)\n"
        "{ begun(); pthread_exit(0); }\n" BOARD_LOAD
        "{ mayfly_context *c = mayfly_self();\n"
        "  if (mayfly_context_thread(c, 0, sleep_long, &sleeper, &sleeper, err)"
        "\n   || mayfly_context_thread(c, 0, leaves, 0, &other, err)\n"
        "   || mayfly_context_thread(c, 0, gone, 0, 0, err)) return 1;\n"
        "  mayfly_thread_wake(sleeper); mayfly_thread_free(other); return 0; "
        "}");
    wait_for(&it.ended, 2);
    wait_for(&it.begun, 2);
    while (registered(host, "thread"))
        usleep(500);
    board_unload(c);
    mayfly_host_free(host);
}

/* What does not wait: a forced unload, the last reference, the end of the host,
 * a refusal to be loaded. All of it goes when the threads have ended. */
static void test_nobody_waits(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, WAITS);
    wait_for(&it.begun, 1);
    mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, NULL);
    while (mayfly_context_get_state(c) != MAYFLY_UNLOADED)
        usleep(500);
    mayfly_context_unref(c);

    mayfly_weak *weak;
    c = board_load(host, WAITS);
    must(mayfly_weak_new(c, &weak, &err));
    mayfly_context_unref(c);
    while (mayfly_weak_get_state(weak) != MAYFLY_UNLOADED)
        usleep(500);
    mayfly_weak_free(weak);

    must(mayfly_host_set_limits(host, MAYFLY_LIMITS(.contexts = 1), &err));
    memset(&it, 0, sizeof it);
    must_fail(board_try(host,
                        BOARD
                        "static void work(mayfly_thread *t, void *a)\n"
                        "{ begun(); mayfly_thread_wait(t, 60000);\n"
                        "  ended(); }\n" BOARD_LOAD
                        "{ mayfly_context_thread(mayfly_self(), 0, work,\n"
                        "    0, 0, err); return 7; }",
                        &c, &err),
              MAYFLY_EREFUSED, "answered 7");
    wait_for(&it.ended, 1);
    mayfly_error err = MAYFLY_ERROR_INIT;
    while (board_try(host, WAITS, &c, &err) != 0)
        usleep(500);
    wait_for(&it.begun, 2);
    mayfly_host_free(host); /* gives them a moment */
    assert_int_equal(atomic_load(&it.ended), 2);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADED);
    mayfly_context_unref(c);
}

static void test_refused(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = board_load(host, "int none;");
    must_fail(mayfly_context_thread(NULL, NULL, polls, NULL, NULL, &err),
              MAYFLY_EINVAL, "");
    must_fail(mayfly_context_thread(c, NULL, NULL, NULL, NULL, &err),
              MAYFLY_EINVAL, "");
    must(mayfly_unload(c, NULL, NULL, &err));
    must_fail(mayfly_context_thread(c, NULL, polls, NULL, NULL, &err),
              MAYFLY_EUNLOADED, "");
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_to_stop),
        cmocka_unit_test(test_unload_gives_up),
        cmocka_unit_test(test_calls_first),
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_dismissed_when_parked),
        cmocka_unit_test(test_in_source),
        cmocka_unit_test(test_nobody_waits),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
