/*
 * Unloading while something holds on: pins, calls under way, deferred answers,
 * proxies and routes that stay behind; soft, waiting, forced; in a forked
 * child.
 */
#include "hello.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A service whose calls stay open until the test says so. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    mayfly_call *call; /* deferred, waiting */
    int cancelled;     /* mayfly_call_cancelled was seen */
} gate;

static int hold(void *state, mayfly_call *call, const hello_Request *q,
                hello_Reply *r)
{
    gate *g = state;
    (void)q;
    (void)r;
    if (mayfly_call_defer(call, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    pthread_mutex_lock(&g->lock);
    g->call = call;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
    return 0;
}

static mayfly_call *take_held(gate *g)
{
    pthread_mutex_lock(&g->lock);
    while (!g->call)
        pthread_cond_wait(&g->changed, &g->lock);
    mayfly_call *call = g->call;
    g->call = NULL;
    pthread_mutex_unlock(&g->lock);
    return call;
}

typedef struct world {
    mayfly_host *host;
    mayfly_context *client, *serving; /* one schema, two contexts */
    hello_pair pair;
    hello_Greeter *greeter;
    gate gate;
    int code, status; /* of the last call that `caller` made */
} world;

static int begin(void **state)
{
    static world w;
    static const hello_Greeter_handlers on = {.SayHello = hold};
    memset(&w, 0, sizeof w);
    pthread_mutex_init(&w.gate.lock, NULL);
    pthread_cond_init(&w.gate.changed, NULL);
    w.host = hello_host();
    w.client = hello_load(w.host, HELLO_V1, NULL);
    w.serving = hello_load(w.host, HELLO_V1, NULL);
    w.pair = hello_connect(w.host);
    must(hello_Greeter_serve(w.pair.server, w.serving, &on, &w.gate, NULL,
                             &err));
    must(hello_Greeter_new(w.client, w.pair.channel, &w.greeter, &err));
    *state = &w;
    return 0;
}

static int end(void **state)
{
    world *w = *state;
    hello_Greeter_free(w->greeter);
    hello_close(&w->pair);
    mayfly_context_unref(w->client);
    mayfly_context_unref(w->serving);
    mayfly_host_free(w->host);
    return 0;
}

static void *caller(void *arg)
{
    world *w = arg;
    hello_Request q = {.name = MAYFLY_STR("ada")};
    hello_Reply *r = NULL;
    mayfly_call *call = NULL;
    mayfly_call_new(w->host, MAYFLY_CALL_OPTIONS(.timeout_ms = 60000), &call,
                    NULL);
    w->code = hello_Greeter_SayHello(w->greeter, call, &q, &r, NULL);
    w->status = mayfly_call_status(call);
    if (w->code == 0 && !is_text(r->message, "at last"))
        w->code = MAYFLY_EINTERNAL;
    mayfly_call_free(call);
    return NULL;
}

static void answer(mayfly_call *call)
{
    hello_Reply r = {.message = MAYFLY_STR("at last")};
    must(hello_Greeter_SayHello_reply(call, &r, &err));
}

static void test_calls_hold_and_are_named(void **state)
{
    world *w = *state;
    pthread_t thread;
    pthread_create(&thread, NULL, caller, w);
    mayfly_call *held = take_held(&w->gate);

    must_fail(mayfly_unload(w->client, NULL, NULL, &err), MAYFLY_EBUSY,
              "call /hello.Greeter/SayHello to 127.0.0.1:");
    must_fail(mayfly_unload(w->serving, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 20),
                            NULL, &err),
              MAYFLY_EBUSY, "call /hello.Greeter/SayHello from 127.0.0.1:");
    assert_int_equal(mayfly_context_get_state(w->client), MAYFLY_LIVE);
    assert_int_equal(mayfly_context_get_state(w->serving), MAYFLY_LIVE);
    answer(held);
    pthread_join(thread, NULL);
    assert_int_equal(w->code, 0);

    /* nothing holds them any more; the server's end may take a moment */
    must(mayfly_unload(w->client, NULL, NULL, &err));
    must(mayfly_unload(w->serving, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 30000),
                       NULL, &err));
}

static void *unload_both(void *arg)
{
    world *w = arg;
    must(mayfly_unload(w->serving, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 60000),
                       NULL, &err));
    must(mayfly_unload(w->client, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 60000), NULL,
                       &err));
    return NULL;
}

/* A call that was accepted before the unload began is answered, new ones are
 * refused meanwhile. */
static void test_waiting_unload_loses_nothing(void **state)
{
    world *w = *state;
    pthread_t thread, unloader;
    pthread_create(&thread, NULL, caller, w);
    mayfly_call *held = take_held(&w->gate);
    pthread_create(&unloader, NULL, unload_both, w);
    while (mayfly_context_get_state(w->serving) != MAYFLY_UNLOADING)
        usleep(1000);

    hello_Request q = {.name = MAYFLY_STR("eve")};
    hello_Reply *r = NULL;
    mayfly_call *call = hello_call(w->host);
    must_fail(hello_Greeter_SayHello(w->greeter, call, &q, &r, &err),
              MAYFLY_ESTATUS, "");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_UNAVAILABLE);
    mayfly_call_free(call);
    assert_int_equal(mayfly_context_get_state(w->serving), MAYFLY_UNLOADING);

    answer(held);
    pthread_join(thread, NULL);
    pthread_join(unloader, NULL);
    assert_int_equal(w->code, 0);
    assert_int_equal(mayfly_context_get_state(w->serving), MAYFLY_UNLOADED);
    assert_int_equal(mayfly_context_get_state(w->client), MAYFLY_UNLOADED);
}

static void test_force_cancels(void **state)
{
    world *w = *state;
    pthread_t thread;
    pthread_create(&thread, NULL, caller, w);
    mayfly_call *held = take_held(&w->gate);
    must(mayfly_unload(w->client,
                       MAYFLY_UNLOAD_OPTIONS(.force = 1, .wait_ms = 30000),
                       NULL, &err));
    pthread_join(thread, NULL);
    assert_int_equal(w->code, MAYFLY_ESTATUS);
    assert_int_equal(w->status, MAYFLY_STATUS_CANCELLED);

    /* The server's call is cancelled too, but belongs to the one who deferred
     * it: its context goes when that one lets go. */
    int code = mayfly_unload(w->serving, MAYFLY_UNLOAD_OPTIONS(.force = 1),
                             NULL, NULL);
    if (code == MAYFLY_EBUSY)
        assert_int_equal(mayfly_context_get_state(w->serving),
                         MAYFLY_UNLOADING);
    else
        assert_int_equal(code, 0);
    while (!mayfly_call_cancelled(held))
        usleep(1000);
    mayfly_call_finish(held, MAYFLY_STATUS_CANCELLED, (mayfly_str){NULL, 0},
                       NULL);
    while (mayfly_context_get_state(w->serving) != MAYFLY_UNLOADED)
        usleep(1000);
}

static void test_proxy_stays_behind(void **state)
{
    world *w = *state;
    mayfly_receipt *receipt;
    must(mayfly_unload(w->client, NULL, &receipt, &err));
    assert_int_equal(mayfly_receipt_retained(receipt), 0);
    mayfly_receipt_free(receipt);
    hello_Request q = {.name = MAYFLY_STR("ada")};
    hello_Reply *r = NULL;
    for (int i = 0; i < 3; i++) {
        mayfly_call *call = hello_call(w->host);
        must_fail(hello_Greeter_SayHello(w->greeter, call, &q, &r, &err),
                  MAYFLY_EUNLOADED, "hello");
        must_fail(hello_Greeter_SayHello_start(
                      w->greeter, call, &q,
                      (mayfly_proxy_done_fn)(uintptr_t)abort, NULL, &err),
                  MAYFLY_EUNLOADED, "hello");
        mayfly_call_free(call);
    }
    hello_Greeter *other = NULL;
    must_fail(hello_Greeter_new(w->client, w->pair.channel, &other, &err),
              MAYFLY_EUNLOADED, "hello");
    mayfly_str json;
    mayfly_call *call = hello_call(w->host);
    must_fail(mayfly_call_json(w->client, w->pair.channel,
                               "hello.Greeter/SayHello", call,
                               mayfly_str_of("{}"), &json, &err),
              MAYFLY_EUNLOADED, "hello");
    mayfly_call_free(call);
}

static void test_pins_and_calls_together(void **state)
{
    world *w = *state;
    pthread_t thread;
    mayfly_pin *pin;
    must(mayfly_pin_take(w->client, "cache-warmer", &pin, &err));
    pthread_create(&thread, NULL, caller, w);
    mayfly_call *held = take_held(&w->gate);
    must_fail(mayfly_unload(w->client, NULL, NULL, &err), MAYFLY_EBUSY,
              "1 pin: cache-warmer (");
    must_fail(mayfly_unload(w->client, NULL, NULL, &err), MAYFLY_EBUSY,
              "1 call: call /hello.Greeter/SayHello to ");
    answer(held);
    pthread_join(thread, NULL);
    must_fail(mayfly_unload(w->client, NULL, NULL, &err), MAYFLY_EBUSY,
              "tests/api/unload.c:");
    mayfly_pin_free(pin);
    must(mayfly_unload(w->client, NULL, NULL, &err));
}

/* The handle's last reference goes while a call is under way. */
static void test_last_reference_with_a_call(void **state)
{
    world *w = *state;
    pthread_t thread;
    pthread_create(&thread, NULL, caller, w);
    mayfly_call *held = take_held(&w->gate);
    mayfly_context_unref(w->serving);
    mayfly_context_unref(w->client);
    answer(held);
    pthread_join(thread, NULL);
    assert_int_equal(w->code, 0);
    w->serving = w->client = NULL;
}

static void test_forked_child(void **state)
{
    world *w = *state;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        mayfly_arena *arena = NULL;
        mayfly_context *c = NULL;
        mayfly_host *own = NULL;
        const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
        int bad = mayfly_unload(w->client, NULL, NULL, NULL) != MAYFLY_EFORKED;
        bad |= mayfly_load_text(w->host, "x", &schema, NULL, &c, NULL) !=
               MAYFLY_EFORKED;
        mayfly_context_unref(w->client);
#if defined(__SANITIZE_THREAD__) /* it does not allow threads from here on */
        _exit(bad);
#endif
        /* a host of the child's own works */
        bad |= mayfly_host_new(NULL, &own, NULL) != 0;
        bad |= mayfly_load_text(own, "x", &schema, NULL, &c, NULL) != 0;
        bad |= mayfly_arena_new(own, 0, &arena, NULL) != 0;
        hello_Request q = {.name = MAYFLY_STR("ada")};
        mayfly_bytes wire;
        bad |= hello_Request_encode(c, &q, arena, &wire, NULL) != 0;
        bad |= mayfly_unload(c, NULL, NULL, NULL) != 0;
        _exit(bad);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    /* and the parent's code is untouched */
    pthread_t thread;
    pthread_create(&thread, NULL, caller, w);
    answer(take_held(&w->gate));
    pthread_join(thread, NULL);
    assert_int_equal(w->code, 0);
}

/* Contexts with handlers in source, replaced while clients call: every call is
 * answered by one version or the other, or refused, never lost. */
enum { SWAPS = 20 };

typedef struct swapping {
    mayfly_host *host;
    mayfly_context *client;
    atomic_int port; /* of the server that is in charge */
    atomic_int stop;
    atomic_int good, unavailable, bad;
} swapping;

static void *swap_caller(void *arg)
{
    swapping *s = arg;
    while (!atomic_load(&s->stop)) {
        char target[64];
        mayfly_channel *channel = NULL;
        hello_Greeter *greeter = NULL;
        hello_Request q = {.name = MAYFLY_STR("ada"), .number = 5};
        hello_Reply *r = NULL;
        mayfly_call *call = hello_call(s->host);
        snprintf(target, sizeof target, "127.0.0.1:%d", atomic_load(&s->port));
        must(mayfly_dial(s->host, target, NULL, &channel, &err));
        must(hello_Greeter_new(s->client, channel, &greeter, &err));
        int code = hello_Greeter_SayHello(greeter, call, &q, &r, NULL);
        if (code == 0 && r->number == 10)
            atomic_fetch_add(&s->good, 1);
        else if (code == MAYFLY_ESTATUS &&
                 mayfly_call_status(call) == MAYFLY_STATUS_UNAVAILABLE)
            atomic_fetch_add(&s->unavailable, 1);
        else
            atomic_fetch_add(&s->bad, 1);
        mayfly_call_free(call);
        hello_Greeter_free(greeter);
        mayfly_channel_unref(channel);
    }
    return NULL;
}

static void test_swapping_handlers(void **state)
{
    (void)state;
    static const char source[] =
        "#include \"hello.mf.h\"\n"
        "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
        "    const hello_Request *q, hello_Reply *r)\n"
        "{ r->number = 2 * q->number; return 0; }\n";
    swapping s = {.host = hello_host()};
    pthread_t threads[2];
    mayfly_server *server = NULL;
    mayfly_context *serving = NULL;
    s.client = hello_load(s.host, HELLO_V1, NULL);
    for (int i = 0; i < SWAPS; i++) {
        mayfly_context *next = hello_load_source(s.host, HELLO_V1, source);
        mayfly_server *fresh = NULL;
        int port = 0;
        must(mayfly_server_new(s.host, NULL, &fresh, &err));
        must(mayfly_server_add_context(fresh, next, NULL, NULL, &err));
        must(mayfly_server_listen(fresh, "127.0.0.1:0", &port, &err));
        atomic_store(&s.port, port);
        for (int k = 0; i == 0 && k < 2; k++)
            pthread_create(&threads[k], NULL, swap_caller, &s);
        if (serving) { /* unloaded under fire, its server still there */
            must(mayfly_unload(serving, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 30000),
                               NULL, &err));
            mayfly_context_unref(serving);
            mayfly_server_free(server, 1000);
        }
        serving = next;
        server = fresh;
        int good = atomic_load(&s.good);
        while (atomic_load(&s.good) == good && !atomic_load(&s.bad))
            usleep(100);
    }
    atomic_store(&s.stop, 1);
    for (int k = 0; k < 2; k++)
        pthread_join(threads[k], NULL);
    assert_int_equal(s.bad, 0);
    assert_true(s.good >= SWAPS);
    mayfly_server_free(server, 1000);
    mayfly_context_unref(serving);
    mayfly_context_unref(s.client);
    mayfly_host_free(s.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_calls_hold_and_are_named, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_waiting_unload_loses_nothing,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_force_cancels, begin, end),
        cmocka_unit_test_setup_teardown(test_proxy_stays_behind, begin, end),
        cmocka_unit_test_setup_teardown(test_pins_and_calls_together, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_last_reference_with_a_call, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_forked_child, begin, end),
        cmocka_unit_test(test_swapping_handlers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
