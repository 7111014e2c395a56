/*
 * Proxies used while their context is unloaded, and after: from several
 * threads, again and again. Calls answer success or EUNLOADED, nothing else,
 * and the server loses nothing that it had begun.
 */
#include <mayfly/mayfly.h>

#include "samples/greeter/greeter.mf.h"

#include "tests/support/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, ROUNDS = 25, CALLS_PER_ROUND = 40 };

typedef struct stress {
    mayfly_host *host;
    mayfly_context *serving; /* what the server's handlers are bound to */
    mayfly_server *server;
    mayfly_channel *channel;
    helloworld_Greeter *greeter; /* of this round */
    atomic_long good, refused;   /* in this round */
    atomic_int first_bad;        /* a code that should not have been, or 0 */
    char message[MAYFLY_ERROR_MESSAGE_MAX];
} stress;

static const char path[] = "samples/greeter/greeter.proto";

static int say_hello(void *state, mayfly_call *call,
                     const helloworld_HelloRequest *request,
                     helloworld_HelloReply *reply)
{
    (void)state;
    reply->message =
        mayfly_arena_printf(mayfly_call_arena(call), "hello %.*s",
                            (int)request->name.len, request->name.ptr);
    return 0;
}

static void bad(stress *s, int code, const mayfly_error *err)
{
    int none = 0;
    if (atomic_compare_exchange_strong(&s->first_bad, &none, code))
        snprintf(s->message, sizeof s->message, "%s", err->message);
}

/* One typed call; its code. */
static int call_once(stress *s)
{
    const helloworld_HelloRequest request = {.name = MAYFLY_STR("ada")};
    helloworld_HelloReply *reply = NULL;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_call *call;
    int code = mayfly_call_new(s->host, NULL, &call, &err);

    if (code == 0) {
        code = helloworld_Greeter_SayHello(s->greeter, call, &request, &reply,
                                           &err);
        if (code == 0 && reply->message.len != strlen("hello ada"))
            code = MAYFLY_EINTERNAL;
        mayfly_call_free(call);
    }
    if (code == 0)
        atomic_fetch_add(&s->good, 1);
    else if (code == MAYFLY_EUNLOADED)
        atomic_fetch_add(&s->refused, 1);
    else
        bad(s, code, &err);
    return code;
}

/* Calls until the context is gone, and some more. */
static void *caller(void *state)
{
    stress *s = state;

    while (!atomic_load(&s->first_bad) && call_once(s) == 0)
        ;
    for (int i = 0; i < 20 && !atomic_load(&s->first_bad); i++)
        call_once(s);
    return NULL;
}

static void round_of(stress *s, int number)
{
    pthread_t threads[THREADS];
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_receipt *receipt = NULL;
    mayfly_context *context;

    atomic_store(&s->good, 0);
    atomic_store(&s->refused, 0);
    if (mayfly_load_file(s->host, "client", path, NULL, &context, &err) != 0 ||
        helloworld_Greeter_new(context, s->channel, &s->greeter, &err) != 0)
        fail_msg("round %d: %s", number, err.message);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, caller, s), 0);
    while (atomic_load(&s->good) < CALLS_PER_ROUND &&
           !atomic_load(&s->first_bad))
        sched_yield();
    int code = mayfly_unload(context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 60000),
                             &receipt, &err);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    if (code != 0)
        fail_msg("round %d: unload: %s", number, err.message);
    if (atomic_load(&s->first_bad))
        fail_msg("round %d: %s: %s", number,
                 mayfly_error_name(atomic_load(&s->first_bad)), s->message);
    assert_int_equal(mayfly_receipt_retained(receipt), 0);
    assert_true(atomic_load(&s->refused) >= 20 * THREADS);
    mayfly_receipt_free(receipt);
    helloworld_Greeter_free(s->greeter);
    assert_int_equal(mayfly_context_get_state(context), MAYFLY_UNLOADED);
    mayfly_context_unref(context);
}

static void unloading_under_callers(void **state)
{
    stress *s = *state;
    for (int i = 0; i < ROUNDS; i++)
        round_of(s, i);
}

/* Loads and unloads from several threads at once; each has its own context. */
static void *loader(void *state)
{
    stress *s = state;
    mayfly_error err = MAYFLY_ERROR_INIT;

    for (int i = 0; i < 10; i++) {
        mayfly_context *context;
        int code = mayfly_load_file(s->host, "own", path, NULL, &context, &err);
        if (code != 0) {
            bad(s, code, &err);
            return NULL;
        }
        if (i % 2) {
            code = mayfly_unload(context, NULL, NULL, &err);
            if (code != 0)
                bad(s, code, &err);
        }
        mayfly_context_unref(context);
    }
    return NULL;
}

static void loading_from_many_threads(void **state)
{
    stress *s = *state;
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, loader, s), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    if (atomic_load(&s->first_bad))
        fail_msg("%s: %s", mayfly_error_name(atomic_load(&s->first_bad)),
                 s->message);
}

static int set_up(void **state)
{
    static stress s;
    static const helloworld_Greeter_handlers on = {.SayHello = say_hello};
    mayfly_error err = MAYFLY_ERROR_INIT;
    char target[40];
    int port = 0;

    if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.loops = 2), &s.host, &err) != 0 ||
        mayfly_load_file(s.host, "server", path, NULL, &s.serving, &err) != 0 ||
        mayfly_server_new(s.host, NULL, &s.server, &err) != 0 ||
        helloworld_Greeter_serve(s.server, s.serving, &on, NULL, NULL, &err) !=
            0 ||
        mayfly_server_listen(s.server, "127.0.0.1:0", &port, &err) != 0) {
        print_error("%s\n", err.message);
        return -1;
    }
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    *state = &s;
    return mayfly_dial(s.host, target, NULL, &s.channel, &err);
}

static int tear_down(void **state)
{
    stress *s = *state;

    mayfly_channel_unref(s->channel);
    mayfly_server_free(s->server, 1000);
    mayfly_context_unref(s->serving);
    mayfly_host_free(s->host);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unloading_under_callers),
        cmocka_unit_test(loading_from_many_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
