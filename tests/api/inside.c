/*
 * Unloading where it cannot go on at once: from inside the context's own code,
 * against a handler that does not care, and beside other contexts that are
 * called meanwhile.
 */
#include "hello.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

/* What the handlers of these tests share. */
typedef struct world {
    mayfly_host *host;
    mayfly_context *client, *serving;
    hello_pair pair;
    hello_Greeter *greeter;
    atomic_int inside, leave; /* of a handler that holds on */
    int code, status;         /* of the last call of `caller` */
} world;

static world *the_world; /* for what handler source calls */

static int hold_on(void)
{
    atomic_store(&the_world->inside, 1);
    while (!atomic_load(&the_world->leave))
        usleep(500);
    return 7;
}

static const char source[] =
    "#include \"hello.mf.h\"\n"
    "int hold_on(void);\n"
    "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
    "    const hello_Request *q, hello_Reply *r)\n"
    "{\n"
    "    mayfly_context **own = state;\n"
    "    if (q->number)\n"
    "        r->number = hold_on();\n"
    "    else\n"
    "        r->number = mayfly_unload(*own,\n"
    "            MAYFLY_UNLOAD_OPTIONS(.force = 1), 0, 0);\n"
    "    return 0;\n"
    "}\n"
    "void hears(void *state, mayfly_context *own, int event) {}\n"
    "int try_it(mayfly_context *own)\n"
    "{\n"
    "    return mayfly_unload(own, 0, 0, 0);\n"
    "}\n";

/* The host's own handler, which runs under the context's lease. */
static int unloads(void *state, mayfly_call *call, const hello_Request *q,
                   hello_Reply *r)
{
    mayfly_context **own = state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)call;
    (void)q;
    r->number =
        mayfly_unload(*own, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, &err);
    if (!strstr(err.message, "inside its own code"))
        r->number = 0;
    return 0;
}

static mayfly_context *load_source(mayfly_host *host)
{
    const mayfly_symbol symbols[] = {
        {"hold_on", (const void *)(uintptr_t)hold_on}};
    const mayfly_source handlers[] = {{"handlers.c", source, 0}};
    return hello_load(host, HELLO_V1,
                      MAYFLY_LOAD_OPTIONS(.handlers = handlers, .n_handlers = 1,
                                          .symbols = symbols, .n_symbols = 1));
}

static void begin(world *w, const hello_Greeter_handlers *handlers)
{
    memset(w, 0, sizeof *w);
    the_world = w;
    w->host = hello_host();
    w->client = hello_load(w->host, HELLO_V1, NULL);
    w->serving =
        handlers ? hello_load(w->host, HELLO_V1, NULL) : load_source(w->host);
    w->pair = hello_connect(w->host);
    if (handlers)
        must(hello_Greeter_serve(w->pair.server, w->serving, handlers,
                                 &w->serving, NULL, &err));
    else
        must(mayfly_server_add_context(w->pair.server, w->serving, &w->serving,
                                       MAYFLY_SERVICE_OPTIONS(.blocking = 1),
                                       &err));
    must(hello_Greeter_new(w->client, w->pair.channel, &w->greeter, &err));
}

static void end(world *w)
{
    hello_Greeter_free(w->greeter);
    hello_close(&w->pair);
    mayfly_context_unref(w->client);
    mayfly_context_unref(w->serving);
    mayfly_host_free(w->host);
}

/* One call; the reply's number. */
static int64_t call_with(world *w, int64_t number)
{
    hello_Request q = {.number = number};
    hello_Reply *r = NULL;
    mayfly_call *call = hello_call(w->host);
    w->code = hello_Greeter_SayHello(w->greeter, call, &q, &r, NULL);
    w->status = mayfly_call_status(call);
    int64_t got = w->code == 0 ? r->number : -1000;
    mayfly_call_free(call);
    return got;
}

static void test_from_handler_source(void **state)
{
    (void)state;
    world w;
    mayfly_pin *pin = NULL;
    void *address = NULL;
    begin(&w, NULL);
    assert_int_equal(call_with(&w, 0), MAYFLY_EINSIDE);
    assert_int_equal(mayfly_context_get_state(w.serving), MAYFLY_LIVE);

    /* called without mayfly */
    must(mayfly_pin_take(w.serving, "test", &pin, &err));
    must(mayfly_pin_symbol(pin, "try_it", &address, &err));
    int (*try_it)(mayfly_context *) =
        (int (*)(mayfly_context *))(uintptr_t)address;
    assert_int_equal(try_it(w.serving), MAYFLY_EINSIDE);
    assert_int_equal(try_it(w.client), 0); /* another one: why not */

    /* nor can its code be told that it is gone */
    uint64_t id = 0;
    must(mayfly_pin_symbol(pin, "hears", &address, &err));
    must_fail(mayfly_context_listen(w.serving, "own",
                                    (mayfly_listener_fn)(uintptr_t)address,
                                    NULL, &id, &err),
              MAYFLY_EINVAL, "itself");
    mayfly_pin_free(pin);
    must(mayfly_unload(w.serving, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 30000), NULL,
                       &err));
    end(&w);
}

static void test_from_typed_handler(void **state)
{
    (void)state;
    static const hello_Greeter_handlers on = {.SayHello = unloads};
    world w;
    begin(&w, &on);
    assert_int_equal(call_with(&w, 0), MAYFLY_EINSIDE);
    assert_int_equal(mayfly_context_get_state(w.serving), MAYFLY_LIVE);
    must(mayfly_unload(w.serving, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 30000), NULL,
                       &err));
    end(&w);
}

static void *caller(void *arg)
{
    world *w = arg;
    call_with(w, 1);
    return NULL;
}

/* Its call is cancelled, its client answered, and it runs on: in text that is
 * still there. */
static void test_handler_ignores_cancellation(void **state)
{
    (void)state;
    world w;
    pthread_t thread;
    mayfly_weak *weak = NULL;
    begin(&w, NULL);
    must(mayfly_weak_new(w.serving, &weak, &err));
    pthread_create(&thread, NULL, caller, &w);
    while (!atomic_load(&w.inside))
        usleep(500);
    must_fail(mayfly_unload(w.serving, NULL, NULL, &err), MAYFLY_EBUSY,
              "call /hello.Greeter/SayHello from 127.0.0.1:");
    assert_int_equal(mayfly_weak_get_state(weak), MAYFLY_LIVE);
    must_fail(mayfly_unload(w.serving, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 20),
                            NULL, &err),
              MAYFLY_EBUSY, "call /hello.Greeter/SayHello from 127.0.0.1:");
    assert_int_equal(mayfly_weak_get_state(weak), MAYFLY_LIVE);
    for (int i = 0; i < 2; i++) {
        must_fail(
            mayfly_unload(w.serving,
                          MAYFLY_UNLOAD_OPTIONS(.wait_ms = 50, .force = 1),
                          NULL, &err),
            MAYFLY_EBUSY, "call /hello.Greeter/SayHello from 127.0.0.1:");
        assert_int_equal(mayfly_weak_get_state(weak), MAYFLY_UNLOADING);
    }
    pthread_join(thread, NULL); /* cancelled: the client does not wait */
    assert_int_equal(w.code, MAYFLY_ESTATUS);
    atomic_store(&w.leave, 1);
    while (mayfly_weak_get_state(weak) != MAYFLY_UNLOADED)
        usleep(500);
    mayfly_weak_free(weak);
    end(&w);
}

/* --- a context that is being unloaded is nobody else's matter --- */

static int echo(void *state, mayfly_call *call, const hello_Request *q,
                hello_Reply *r)
{
    (void)state;
    (void)call;
    r->number = q->number;
    return 0;
}

static const hello_Greeter_handlers echoes = {.SayHello = echo};

static void *unload_and_wait(void *arg)
{
    must(mayfly_unload(arg, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 600000), NULL,
                       &err));
    return NULL;
}

enum { CALLS = TEST_TSAN || TEST_ASAN ? 1000 : 10000 };

static void call_many(world *w)
{
    for (int64_t i = 1; i <= CALLS; i++)
        assert_int_equal(call_with(w, i), i);
}

static void test_paused_unload(void **state)
{
    (void)state;
    world w;
    pthread_t thread;
    mayfly_pin *pin = NULL;
    begin(&w, &echoes);
    mayfly_context *other = hello_load(w.host, HELLO_V1, NULL);
    must(mayfly_pin_take(other, "test", &pin, &err));
    pthread_create(&thread, NULL, unload_and_wait, other);
    while (mayfly_context_get_state(other) != MAYFLY_UNLOADING)
        sched_yield();
    call_many(&w);
    /* nor do loads and unloads wait */
    mayfly_context *third = hello_load(w.host, HELLO_V1, NULL);
    must(mayfly_unload(third, NULL, NULL, &err));
    mayfly_context_unref(third);
    assert_int_equal(mayfly_context_get_state(other), MAYFLY_UNLOADING);
    mayfly_pin_free(pin);
    pthread_join(thread, NULL);
    assert_int_equal(mayfly_context_get_state(other), MAYFLY_UNLOADED);
    mayfly_context_unref(other);
    end(&w);
}

static void stop_here(void *state, mayfly_context *context,
                      enum mayfly_context_event event)
{
    world *w = state;
    (void)context;
    if (event != MAYFLY_ON_UNLOADED)
        return;
    atomic_store(&w->inside, 1);
    while (!atomic_load(&w->leave))
        usleep(500);
}

/* The same where the unload stands in a listener. */
static void test_paused_listener(void **state)
{
    (void)state;
    world w;
    pthread_t thread;
    uint64_t id;
    begin(&w, &echoes);
    mayfly_context *other = hello_load(w.host, HELLO_V1, NULL);
    must(mayfly_context_listen(other, "test", stop_here, &w, &id, &err));
    pthread_create(&thread, NULL, unload_and_wait, other);
    while (!atomic_load(&w.inside))
        sched_yield();
    for (int64_t i = 1; i <= 100; i++)
        assert_int_equal(call_with(&w, i), i);
    atomic_store(&w.leave, 1);
    pthread_join(thread, NULL);
    mayfly_context_unref(other);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_handler_source),
        cmocka_unit_test(test_from_typed_handler),
        cmocka_unit_test(test_handler_ignores_cancellation),
        cmocka_unit_test(test_paused_unload),
        cmocka_unit_test(test_paused_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
