/*
 * Calls are counted where they end: by context, by version, and by unit when
 * the version has left.
 */
#include "units.h"

#define FAILS                                                                  \
    "#include \"hello.mf.h\"\n"                                                \
    "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"          \
    "    const hello_Request *q, hello_Reply *r)\n"                            \
    "{ return mayfly_call_fail(call, 5, \"nobody\"); }\n"

typedef struct told {
    uint64_t version; /* that is asked for */
    mayfly_call_counts calls, gone;
    int found;
} told;

static void keep(void *state, const mayfly_version_info *info)
{
    told *t = state;
    if (info->version != t->version)
        return;
    t->calls = info->calls;
    t->gone = info->gone;
    t->found = 1;
}

static told counts_of(const world *w, uint64_t version)
{
    told t = {.version = version};
    must(mayfly_cache_each(w->host, w->unit, keep, &t, &err));
    assert_true(t.found);
    return t;
}

/* The call ends on the server's side a moment after its answer was read. */
static mayfly_call_counts wait_for(mayfly_context *context, uint64_t calls)
{
    mayfly_call_counts n;
    for (int i = 0; i < 20000; i++) {
        mayfly_context_get_calls(context, &n);
        if (n.calls >= calls)
            break;
        usleep(500);
    }
    assert_int_equal(n.calls, calls);
    return n;
}

static mayfly_context *context_of(const world *w)
{
    mayfly_context *context = NULL;
    must(mayfly_unit_context(w->unit, 0, 0, &context, &err));
    return context;
}

/* One call, by both sides. */
static mayfly_context *say_once(const world *w, const char *answer)
{
    assert_string_equal(say(w->host, w->greeter), answer);
    mayfly_context *context = context_of(w);
    wait_for(context, 2);
    return context;
}

static void both_sides_count(void **state)
{
    (void)state;
    world w;
    begin(&w, SAYS("x"));
    mayfly_context *context = context_of(&w);
    for (int i = 0; i < 5; i++)
        assert_string_equal(say(w.host, w.greeter), "x");
    mayfly_call_counts n = wait_for(context, 10);
    assert_int_equal(n.errors, 0);
    assert_true(n.ns > 0);
    uint64_t sum = 0;
    for (int i = 0; i < MAYFLY_LATENCIES; i++)
        sum += n.latency[i];
    assert_int_equal(sum, 10);

    /* a pin is no call */
    mayfly_pin *pin = NULL;
    must(mayfly_pin_take(context, "test", &pin, &err));
    mayfly_pin_free(pin);
    wait_for(context, 10);
    mayfly_context_unref(context);
    end(&w);
}

static void failures_are_counted(void **state)
{
    (void)state;
    world w;
    begin(&w, FAILS);
    mayfly_context *context = context_of(&w);
    assert_string_equal(say(w.host, w.greeter), "NOT_FOUND: nobody");
    assert_int_equal(wait_for(context, 2).errors, 2);

    /* a method without a handler */
    mayfly_call *call = hello_call(w.host);
    mayfly_str reply;
    assert_int_equal(
        mayfly_unit_call_json(w.unit, w.pair.channel, "hello.Greeter/Lost",
                              call, (mayfly_str)MAYFLY_STR("{}"), &reply, NULL),
        MAYFLY_ESTATUS);
    mayfly_call_free(call);
    assert_int_equal(wait_for(context, 4).errors, 4);

    /* what could not be encoded was a call that failed */
    call = hello_call(w.host);
    assert_int_equal(mayfly_unit_call_json(
                         w.unit, w.pair.channel, "hello.Greeter/SayHello", call,
                         (mayfly_str)MAYFLY_STR("{\"x\":1}"), &reply, NULL),
                     MAYFLY_EJSON);
    mayfly_call_free(call);
    assert_int_equal(wait_for(context, 5).errors, 5);
    mayfly_context_unref(context);
    end(&w);
}

/* A handler that answers when nobody waits for it any more. */
static int late(void *state, mayfly_call *call, const hello_Request *q,
                hello_Reply *r)
{
    (void)q;
    (void)r;
    while (!mayfly_call_cancelled(call))
        usleep(500);
    atomic_fetch_add((atomic_int *)state, 1);
    return 0;
}

static void late_answers_are_failures(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *context = hello_load(host, HELLO_V1, NULL);
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    atomic_int ran = 0;
    must(hello_Greeter_serve(pair.server, context,
                             &(hello_Greeter_handlers){.SayHello = late}, &ran,
                             MAYFLY_SERVICE_OPTIONS(.blocking = 1), &err));
    must(hello_Greeter_new(context, pair.channel, &greeter, &err));
    mayfly_call *call = NULL;
    hello_Reply *reply;
    must(mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 1000), &call,
                         &err));
    assert_int_equal(hello_Greeter_SayHello(greeter, call, &(hello_Request){0},
                                            &reply, NULL),
                     MAYFLY_ESTATUS);
    mayfly_call_free(call);
    mayfly_call_counts n = wait_for(context, 2);
    assert_int_equal(n.errors, 2);
    assert_true(n.ns >= 50 * 1000000);
    assert_int_equal(atomic_load(&ran), 1);
    hello_Greeter_free(greeter);
    hello_close(&pair);
    mayfly_context_unref(context);
    mayfly_host_free(host);
}

static void evictions_keep_counts(void **state)
{
    (void)state;
    world w;
    begin(&w, SAYS("x"));
    mayfly_context *context = say_once(&w, "x");
    must(mayfly_unit_evict(w.unit, 1, &err));
    mayfly_context_unref(context);
    told t = counts_of(&w, 1);
    assert_int_equal(t.calls.calls, 2);
    assert_int_equal(t.gone.calls, 0);

    context = say_once(&w, "x"); /* built again: its own begin with it */
    assert_int_equal(counts_of(&w, 1).calls.calls, 4);

    /* one that a user unloads goes on counting, too */
    must(mayfly_unload(context, NULL, NULL, &err));
    mayfly_context_unref(context);
    context = say_once(&w, "x");
    assert_int_equal(counts_of(&w, 1).calls.calls, 6);
    mayfly_context_unref(context);
    end(&w);
}

static void swaps_hand_counts_over(void **state)
{
    (void)state;
    world w;
    begin(&w, SAYS("one"));
    mayfly_context *context = say_once(&w, "one");
    must(swap_to(w.unit, HELLO_V1, SAYS("two"),
                 MAYFLY_SWAP_OPTIONS(.wait_ms = 10000), NULL, &err));
    told t = counts_of(&w, 2);
    assert_int_equal(t.calls.calls, 0);
    assert_int_equal(t.gone.calls, 2);
    wait_for(context, 0); /* handed over */
    mayfly_context_unref(context);

    /* kept versions keep theirs; a dropped one hands over */
    context = say_once(&w, "two");
    must(swap_to(w.unit, HELLO_V1, SAYS("three"),
                 MAYFLY_SWAP_OPTIONS(.keep = 1), NULL, &err));
    assert_int_equal(counts_of(&w, 2).calls.calls, 2);
    must(mayfly_unit_drop(w.unit, 2, &err));
    assert_int_equal(counts_of(&w, 3).gone.calls, 4);
    mayfly_context_unref(context);
    end(&w);
}

/* Answers when it is told to. */
static mayfly_call *_Atomic deferred;

static int defer(void *state, mayfly_call *call, const hello_Request *q,
                 hello_Reply *r)
{
    (void)state;
    (void)q;
    (void)r;
    mayfly_call_defer(call, NULL);
    atomic_store(&deferred, call);
    return 0;
}

static void *call_once(void *greeter)
{
    mayfly_call *call = NULL;
    hello_Reply *reply;
    mayfly_host *host = ((void **)greeter)[0];
    if (mayfly_call_new(host, NULL, &call, NULL) == 0)
        hello_Greeter_SayHello(((void **)greeter)[1], call, &(hello_Request){0},
                               &reply, NULL);
    mayfly_call_free(call);
    return NULL;
}

/* A call that ends after its version has left counts for the unit. */
static void stragglers_are_counted(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_unit *unit = NULL;
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    load_as(host, "hello", HELLO_V1, NULL, NULL, &unit);
    must(hello_Greeter_serve_unit(unit, pair.server,
                                  &(hello_Greeter_handlers){.SayHello = defer},
                                  NULL, NULL, &err));
    must(hello_Greeter_follow(unit, pair.channel, &greeter, &err));
    pthread_t thread;
    void *with[] = {host, greeter};
    assert_int_equal(pthread_create(&thread, NULL, call_once, with), 0);
    while (!atomic_load(&deferred))
        usleep(500);
    must(swap_to(unit, HELLO_V2, NULL, NULL, NULL, &err));
    world w = {.host = host, .unit = unit};
    assert_int_equal(counts_of(&w, 2).gone.calls, 0);
    hello_Reply reply = {.message = MAYFLY_STR("late")};
    must(hello_Greeter_SayHello_reply(atomic_load(&deferred), &reply, &err));
    pthread_join(thread, NULL);
    uint64_t counted = 0;
    for (int i = 0; i < 20000 && counted != 2; i++) {
        counted = counts_of(&w, 2).gone.calls;
        usleep(500);
    }
    assert_int_equal(counted, 2);
    assert_int_equal(counts_of(&w, 2).gone.errors, 0);
    hello_Greeter_free(greeter);
    mayfly_unit_unref(unit);
    hello_close(&pair);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_count),
        cmocka_unit_test(failures_are_counted),
        cmocka_unit_test(late_answers_are_failures),
        cmocka_unit_test(evictions_keep_counts),
        cmocka_unit_test(swaps_hand_counts_over),
        cmocka_unit_test(stragglers_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
