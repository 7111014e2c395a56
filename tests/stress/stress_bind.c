/*
 * Bindings made, used and destroyed at once: several threads bind a header to a
 * context of another version of its schema (so a unit has to be built), encode
 * and decode through it, take pins and receipts, while the context is unloaded.
 */
#include "tests/api/hello.h"

#include <pthread.h>
#include <sched.h>

enum { THREADS = 4, ROUNDS = 20 };

static const char schema[] =
    "syntax = \"proto3\"; package hello;\n"
    "service Greeter { rpc SayHello (Request) returns (Reply); }\n"
    "message Place { bytes extra = 9; int64 code = 2; string city = 1; }\n"
    "message Request { Place from = 4; string extra = 8;\n"
    "  repeated string titles = 3; string name = 1; }\n"
    "message Reply { repeated Place places = 2; string message = 1; }\n";

typedef struct shared {
    mayfly_host *host;
    mayfly_channel *channel;
    mayfly_context *context;
    atomic_int good, wrong;
} shared;

/* 0, or what the first step that failed answered. */
static int use(shared *s, mayfly_arena *arena)
{
    hello_Place from = {.city = MAYFLY_STR("Rome")};
    hello_Request q = {.name = MAYFLY_STR("ada"), .times = 7, .from = &from};
    hello_Request *back = NULL;
    hello_Greeter *greeter = NULL;
    mayfly_pin *pin = NULL;
    mayfly_receipt *receipt = NULL;
    mayfly_bytes wire;

    int code = hello_Greeter_new(s->context, s->channel, &greeter, NULL);
    if (code == 0)
        code = mayfly_pin_take(s->context, "stress", &pin, NULL);
    if (code == 0)
        code = hello_Request_encode(s->context, &q, arena, &wire, NULL);
    if (code == 0)
        code = hello_Request_decode(s->context, wire, arena, &back, NULL);
    if (code == 0 && (back->times != 7 || !is_text(back->from->city, "Rome")))
        code = MAYFLY_EINTERNAL;
    if (code == 0)
        code = mayfly_context_receipt(s->context, &receipt, NULL);
    mayfly_receipt_free(receipt);
    mayfly_pin_free(pin);
    hello_Greeter_free(greeter);
    return code;
}

static void *user(void *state)
{
    shared *s = state;
    int code;
    do {
        mayfly_arena *arena = NULL;
        code = mayfly_arena_new(s->host, 0, &arena, NULL);
        if (code == 0)
            code = use(s, arena);
        mayfly_arena_free(arena);
        atomic_fetch_add(&s->good, code == 0);
    } while (code == 0);
    /* a soft unload that has to wait refuses leases for that while */
    atomic_fetch_add(&s->wrong, code != MAYFLY_EUNLOADED);
    return NULL;
}

static void binding_under_unload(void **state)
{
    (void)state;
    shared s = {.host = hello_host()};
    must(mayfly_dial(s.host, "127.0.0.1:1", NULL, &s.channel, &err));
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        mayfly_receipt *receipt = NULL;
        s.context = hello_load(s.host, schema, NULL);
        atomic_store(&s.good, 0);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, user, &s), 0);
        while (atomic_load(&s.good) < round && !atomic_load(&s.wrong))
            sched_yield();
        must(mayfly_unload(s.context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 60000),
                           &receipt, &err));
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(mayfly_receipt_retained(receipt), 0);
        mayfly_receipt_free(receipt);
        mayfly_context_unref(s.context);
    }
    assert_int_equal(s.wrong, 0);
    mayfly_channel_unref(s.channel);
    mayfly_host_free(s.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binding_under_unload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
