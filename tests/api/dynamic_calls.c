/*
 * Calls and handlers without a header: dynamic messages and JSON on both sides,
 * beside typed ones, answered at once and later.
 */
#include "dynamic.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct shop {
    mayfly_host *host;
    mayfly_context *context;
    hello_pair pair;
    sem_t done;
    atomic_int n;
    mayfly_call *parked;
} shop;

static int begin(void **state)
{
    shop *s = calloc(1, sizeof *s);
    s->host = hello_host();
    s->context = shop_load(s->host);
    s->pair = hello_connect(s->host);
    sem_init(&s->done, 0, 0);
    *state = s;
    return 0;
}

static int end(void **state)
{
    shop *s = *state;
    hello_close(&s->pair);
    mayfly_context_unref(s->context);
    mayfly_host_free(s->host);
    sem_destroy(&s->done);
    free(s);
    return 0;
}

/* Adds up the prices. */
static int on_buy(void *state, mayfly_call *call, const mayfly_dynamic *order,
                  mayfly_dynamic *receipt)
{
    shop *s = state;
    mayfly_str name = {NULL, 0};
    double one, total = 0;
    size_t n = 0;
    atomic_fetch_add(&s->n, 1);
    must(mayfly_dynamic_get_str(order, "customer.name", &name, &err));
    if (name.len == 0)
        return mayfly_call_fail(call, MAYFLY_STATUS_INVALID_ARGUMENT,
                                "who are you?");
    must(mayfly_dynamic_count(order, "prices", &n, &err));
    for (size_t i = 0; i < n; i++) {
        const mayfly_dynamic *entry = NULL;
        must(mayfly_dynamic_entry(order, "prices", i, &entry, &err));
        must(mayfly_dynamic_get_double(entry, "value", &one, &err));
        total += one;
    }
    must(mayfly_dynamic_set_str(receipt, "text", name, &err));
    must(mayfly_dynamic_set_double(receipt, "total", total, &err));
    must(mayfly_call_add_trailer(call, "n", mayfly_str_of("1"), &err));
    return 0;
}

static mayfly_dynamic *order_for(shop *s, mayfly_call *call, const char *name)
{
    mayfly_dynamic *order = NULL;
    must(mayfly_dynamic_new_for(s->context, "shop.Shop/Buy", MAYFLY_REQUEST,
                                mayfly_call_arena(call), &order, &err));
    must(mayfly_dynamic_set_str(order, "customer.name", mayfly_str_of(name),
                                &err));
    must(mayfly_dynamic_set_double(order, "prices[a]", 1.5, &err));
    must(mayfly_dynamic_set_double(order, "prices[b]", 2, &err));
    return order;
}

static void is_receipt(const mayfly_dynamic *m, const char *name, double total)
{
    mayfly_str text = {NULL, 0};
    double value = 0;
    must(mayfly_dynamic_get_str(m, "text", &text, &err));
    must(mayfly_dynamic_get_double(m, "total", &value, &err));
    assert_true(is_text(text, name));
    assert_true(value == total);
}

static void test_dynamic_on_both_sides(void **state)
{
    shop *s = *state;
    for (int blocking = 0; blocking < 2; blocking++) {
        mayfly_server *server = NULL;
        mayfly_channel *channel = NULL;
        char target[40];
        int port = 0;
        must(mayfly_server_new(s->host, NULL, &server, &err));
        must(mayfly_server_add_dynamic(
            server, s->context, "shop.Shop/Buy", on_buy, s,
            MAYFLY_SERVICE_OPTIONS(.blocking = blocking), &err));
        must(mayfly_server_listen(server, "127.0.0.1:0", &port, &err));
        snprintf(target, sizeof target, "127.0.0.1:%d", port);
        must(mayfly_dial(s->host, target, NULL, &channel, &err));

        mayfly_call *call = hello_call(s->host);
        mayfly_dynamic *receipt = NULL;
        must(mayfly_dynamic_call(s->context, channel, "shop.Shop/Buy", call,
                                 order_for(s, call, "ada"), &receipt, &err));
        is_receipt(receipt, "ada", 3.5);
        assert_true(is_text(mayfly_call_find(call, "n"), "1"));
        mayfly_call_free(call);

        call = hello_call(s->host);
        must_fail(mayfly_dynamic_call(s->context, channel, "/shop.Shop/Buy",
                                      call, order_for(s, call, ""), &receipt,
                                      &err),
                  MAYFLY_ESTATUS, "who are you?");
        mayfly_call_free(call);
        mayfly_channel_unref(channel);
        mayfly_server_free(server, 1000);
    }
    assert_int_equal(s->n, 4);
}

static void on_done(void *state, mayfly_call *call, int code,
                    mayfly_dynamic *reply)
{
    shop *s = state;
    assert_int_equal(code, 0);
    is_receipt(reply, "bob", 3.5);
    mayfly_call_free(call);
    sem_post(&s->done);
}

static void test_started(void **state)
{
    shop *s = *state;
    must(mayfly_server_add_dynamic(s->pair.server, s->context, "shop.Shop/Buy",
                                   on_buy, s, NULL, &err));
    for (int i = 0; i < 10; i++) {
        mayfly_call *call = hello_call(s->host);
        must(mayfly_dynamic_start(s->context, s->pair.channel, "shop.Shop/Buy",
                                  call, order_for(s, call, "bob"), on_done, s,
                                  &err));
    }
    for (int i = 0; i < 10; i++)
        sem_wait(&s->done);
}

static void test_what_cannot_be_called(void **state)
{
    shop *s = *state;
    mayfly_call *call = hello_call(s->host);
    mayfly_dynamic *item = NULL, *reply = NULL;
    mayfly_context *other = shop_load(s->host);
    must(mayfly_dynamic_new(s->context, "shop.Item", mayfly_call_arena(call),
                            &item, &err));
    must_fail(mayfly_dynamic_call(s->context, s->pair.channel, "shop.Shop/Buy",
                                  call, item, &reply, &err),
              MAYFLY_EINVAL, "the message is a shop.Item, not a shop.Order");
    must_fail(mayfly_dynamic_call(other, s->pair.channel, "shop.Shop/Look",
                                  call, item, &reply, &err),
              MAYFLY_EINVAL, "another context");
    must_fail(mayfly_dynamic_call(s->context, s->pair.channel,
                                  "shop.Shop/Watch", call, item, &reply, &err),
              MAYFLY_EUNSUPPORTED, "streams");
    must_fail(mayfly_dynamic_call(s->context, s->pair.channel, "shop.Shop/Sell",
                                  call, item, &reply, &err),
              MAYFLY_ENOTFOUND, "shop.Shop/Sell");
    /* the call is as good as new */
    must_fail(mayfly_dynamic_call(s->context, s->pair.channel, "shop.Shop/Look",
                                  call, item, &reply, &err),
              MAYFLY_ESTATUS, "unknown service");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_UNIMPLEMENTED);
    must_fail(mayfly_dynamic_call(s->context, s->pair.channel, "shop.Shop/Look",
                                  call, item, &reply, &err),
              MAYFLY_EINVAL, "used before");
    mayfly_call_free(call);
    mayfly_context_unref(other);
}

/* --- JSON --- */

static int on_json(void *state, mayfly_call *call, mayfly_str request,
                   mayfly_str *ret_reply)
{
    mayfly_arena *arena = mayfly_call_arena(call);
    (void)state;
    if (is_text(request, "{}"))
        return 0; /* an empty reply */
    if (is_text(request, "{\"note\":\"wrong\"}")) {
        *ret_reply = mayfly_str_of("{\"text\":\n 5}");
        return 0;
    }
    *ret_reply = mayfly_arena_printf(arena, "{\"total\": 1e1, \"order\": %.*s}",
                                     (int)request.len, request.ptr);
    return 0;
}

static int call_json(shop *s, const char *json, char *out, size_t size,
                     mayfly_error *err)
{
    mayfly_call *call = hello_call(s->host);
    mayfly_str reply = {NULL, 0};
    int code = mayfly_call_json(s->context, s->pair.channel, "shop.Shop/Buy",
                                call, mayfly_str_of(json), &reply, err);
    snprintf(out, size, "%.*s", (int)reply.len, reply.ptr ? reply.ptr : "");
    if (code != 0)
        assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_INTERNAL);
    mayfly_call_free(call);
    return code;
}

static void test_json_handlers(void **state)
{
    shop *s = *state;
    char out[200];
    must(mayfly_server_add_json(s->pair.server, s->context, "shop.Shop/Buy",
                                on_json, s, NULL, &err));
    must(call_json(s, "{}", out, sizeof out, &err));
    assert_string_equal(out, "{}");
    must(call_json(s, "{\"i64\": 5, \"stock\": {\"x\": {}}}", out, sizeof out,
                   &err));
    assert_string_equal(
        out, "{\"total\":10,\"order\":{\"i64\":\"5\",\"stock\":{\"x\":{}}}}");
    must_fail(call_json(s, "{\"note\": \"wrong\"}", out, sizeof out, &err),
              MAYFLY_ESTATUS, "json:2:2");

    /* bytes that are no Order */
    mayfly_call *call = hello_call(s->host);
    mayfly_bytes reply, bad = {(const uint8_t *)"\xff", 1};
    must_fail(mayfly_channel_call(s->pair.channel, "/shop.Shop/Buy", call, bad,
                                  &reply, &err),
              MAYFLY_ESTATUS, "byte");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_INTERNAL);
    mayfly_call_free(call);
}

/* --- later --- */

static int park_dynamic(void *state, mayfly_call *call,
                        const mayfly_dynamic *request, mayfly_dynamic *reply)
{
    shop *s = state;
    (void)request;
    must_fail(mayfly_call_reply_dynamic(call, reply, &err), MAYFLY_EINVAL,
              "not deferred");
    must_fail(mayfly_call_reply_json(call, mayfly_str_of("{}"), &err),
              MAYFLY_EINVAL, "not one of a JSON handler");
    must(mayfly_dynamic_set_str(reply, "text", mayfly_str_of("late"), &err));
    must(mayfly_call_defer(call, &err));
    s->parked = call;
    sem_post(&s->done);
    return 0;
}

static int park_json(void *state, mayfly_call *call, mayfly_str request,
                     mayfly_str *ret_reply)
{
    shop *s = state;
    (void)request;
    (void)ret_reply;
    must(mayfly_call_defer(call, &err));
    s->parked = call;
    sem_post(&s->done);
    return 0;
}

static void *answer_later(void *state)
{
    shop *s = state;
    mayfly_dynamic *receipt = NULL, *order = NULL;
    mayfly_arena *arena;
    sem_wait(&s->done);
    mayfly_call *call = s->parked;
    arena = mayfly_call_arena(call);
    must(mayfly_dynamic_new(s->context, "shop.Order", arena, &order, &err));
    must(mayfly_dynamic_new(s->context, "shop.Receipt", arena, &receipt, &err));
    must(mayfly_dynamic_set_str(receipt, "text", mayfly_str_of("later"), &err));
    must_fail(mayfly_call_reply_dynamic(call, order, &err), MAYFLY_EINVAL,
              "a shop.Order, not a shop.Receipt");
    must(mayfly_call_reply_dynamic(call, receipt, &err));

    sem_wait(&s->done);
    call = s->parked;
    must_fail(mayfly_call_reply_json(call, mayfly_str_of("{\"no\": 1}"), &err),
              MAYFLY_EJSON, "no");
    must(mayfly_call_reply_json(call, mayfly_str_of("{\"count\": 9}"), &err));
    return NULL;
}

static void test_deferred(void **state)
{
    shop *s = *state;
    pthread_t thread;
    must(mayfly_server_add_dynamic(s->pair.server, s->context, "shop.Shop/Buy",
                                   park_dynamic, s, NULL, &err));
    must(mayfly_server_add_json(s->pair.server, s->context, "shop.Shop/Look",
                                park_json, s, NULL, &err));
    pthread_create(&thread, NULL, answer_later, s);
    mayfly_str reply = {NULL, 0};
    mayfly_call *call = hello_call(s->host);
    must(mayfly_call_json(s->context, s->pair.channel, "shop.Shop/Buy", call,
                          mayfly_str_of("{}"), &reply, &err));
    assert_true(is_text(reply, "{\"text\":\"later\"}"));
    mayfly_call_free(call);
    call = hello_call(s->host);
    must(mayfly_call_json(s->context, s->pair.channel, "shop.Shop/Look", call,
                          mayfly_str_of("{}"), &reply, &err));
    assert_true(is_text(reply, "{\"count\":9}"));
    mayfly_call_free(call);
    pthread_join(thread, NULL);
}

/* The messages of a handler can be used although the context is being unloaded:
 * the call holds it. */
static int slow(void *state, mayfly_call *call, const mayfly_dynamic *request,
                mayfly_dynamic *reply)
{
    shop *s = state;
    mayfly_dynamic *other;
    (void)call;
    sem_post(&s->done);
    while (mayfly_context_get_state(s->context) == MAYFLY_LIVE)
        usleep(1000);
    must_fail(mayfly_dynamic_new(s->context, "shop.Order",
                                 mayfly_call_arena(call), &other, &err),
              MAYFLY_EUNLOADED, "");
    mayfly_str note = {NULL, 0};
    must(mayfly_dynamic_get_str(request, "note", &note, &err));
    must(mayfly_dynamic_set_str(reply, "text", note, &err));
    must(mayfly_dynamic_set_str(reply, "order.customer.name", note, &err));
    return 0;
}

static void *unload(void *state)
{
    shop *s = state;
    sem_wait(&s->done);
    must(mayfly_unload(s->context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 20000),
                       NULL, &err));
    return NULL;
}

static void test_unload_waits_for_the_call(void **state)
{
    shop *s = *state;
    pthread_t thread;
    mayfly_context *other = shop_load(s->host);
    must(mayfly_server_add_dynamic(s->pair.server, s->context, "shop.Shop/Buy",
                                   slow, s, NULL, &err));
    pthread_create(&thread, NULL, unload, s);
    mayfly_str reply = {NULL, 0};
    mayfly_call *call = hello_call(s->host);
    must(mayfly_call_json(other, s->pair.channel, "shop.Shop/Buy", call,
                          mayfly_str_of("{\"note\": \"n\"}"), &reply, &err));
    assert_true(is_text(
        reply, "{\"text\":\"n\",\"order\":{\"customer\":{\"name\":\"n\"}}}"));
    mayfly_call_free(call);
    pthread_join(thread, NULL);

    call = hello_call(s->host); /* the route is refused, not jumped to */
    must_fail(mayfly_call_json(other, s->pair.channel, "shop.Shop/Buy", call,
                               mayfly_str_of("{}"), &reply, &err),
              MAYFLY_ESTATUS, "");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_UNAVAILABLE);
    mayfly_call_free(call);
    mayfly_context_unref(other);
}

/* --- adding --- */

static int name_the_method(void *state, mayfly_call *call, mayfly_str request,
                           mayfly_str *ret_reply)
{
    (void)state;
    (void)request;
    const char *path = mayfly_call_path(call);
    *ret_reply = mayfly_arena_printf(
        mayfly_call_arena(call), "{\"%s\": \"%s\"}",
        strcmp(path, "/shop.Shop/Buy") == 0 ? "text" : "name", path);
    return 0;
}

static void test_a_whole_service(void **state)
{
    shop *s = *state;
    must(mayfly_server_add_json(s->pair.server, s->context, "shop.Shop",
                                name_the_method, NULL, NULL, &err));
    static const char *const methods[] = {"shop.Shop/Buy", "shop.Shop/Look"};
    for (int i = 0; i < 2; i++) {
        mayfly_call *call = hello_call(s->host);
        mayfly_str reply = {NULL, 0};
        must(mayfly_call_json(s->context, s->pair.channel, methods[i], call,
                              mayfly_str_of("{}"), &reply, &err));
        assert_non_null(strstr(reply.ptr, methods[i]));
        mayfly_call_free(call);
    }
    mayfly_call *call = hello_call(s->host);
    mayfly_bytes reply, nothing = {NULL, 0};
    must_fail(mayfly_channel_call(s->pair.channel, "/shop.Shop/Watch", call,
                                  nothing, &reply, &err),
              MAYFLY_ESTATUS, "this method streams");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_UNIMPLEMENTED);
    mayfly_call_free(call);
}

static void test_what_cannot_be_added(void **state)
{
    shop *s = *state;
    mayfly_server *server = s->pair.server;
    mayfly_host *other = hello_host();
    mayfly_context *foreign = shop_load(other);
    must_fail(mayfly_server_add_json(server, s->context, "shop.Shop/Sell",
                                     on_json, s, NULL, &err),
              MAYFLY_ENOTFOUND, "no method \"shop.Shop/Sell\"");
    must_fail(mayfly_server_add_json(server, s->context, "shop.Mall", on_json,
                                     s, NULL, &err),
              MAYFLY_ENOTFOUND, "no service \"shop.Mall\"");
    must_fail(mayfly_server_add_json(server, s->context, "shop.Shop/Watch",
                                     on_json, s, NULL, &err),
              MAYFLY_EUNSUPPORTED, "streams");
    must_fail(mayfly_server_add_json(server, foreign, "shop.Shop/Buy", on_json,
                                     s, NULL, &err),
              MAYFLY_EINVAL, "different hosts");
    must_fail(mayfly_server_add_json(server, s->context, "shop.Shop/Buy", NULL,
                                     s, NULL, &err),
              MAYFLY_EINVAL, "handler");
    must(mayfly_server_add_json(server, s->context, "shop.Shop/Buy", on_json, s,
                                NULL, &err));
    must_fail(mayfly_server_add_dynamic(server, s->context, "/shop.Shop/Buy",
                                        on_buy, s, NULL, &err),
              MAYFLY_EEXIST, "/shop.Shop/Buy");
    must(mayfly_unload(s->context, NULL, NULL, &err));
    must_fail(mayfly_server_add_json(server, s->context, "shop.Shop/Look",
                                     on_json, s, NULL, &err),
              MAYFLY_EUNLOADED, "");
    mayfly_context_unref(foreign);
    mayfly_host_free(other);
}

/* --- beside typed ones --- */

static int say_hello(void *state, mayfly_call *call,
                     const mayfly_dynamic *request, mayfly_dynamic *reply)
{
    mayfly_str name = {NULL, 0};
    (void)state;
    must(mayfly_dynamic_get_str(request, "name", &name, &err));
    must(mayfly_dynamic_set_str(reply, "message",
                                mayfly_arena_printf(mayfly_call_arena(call),
                                                    "hello %.*s", (int)name.len,
                                                    name.ptr),
                                &err));
    must(mayfly_dynamic_set_int(reply, "letters[\"a\"]", 2, &err));
    return 0;
}

static void test_a_typed_client(void **state)
{
    shop *s = *state;
    mayfly_context *c = hello_load(s->host, HELLO_V1, NULL);
    hello_Greeter *greeter = NULL;
    hello_Reply *r = NULL;
    hello_Request q = {.name = MAYFLY_STR("ada")};
    must(mayfly_server_add_dynamic(s->pair.server, c, "hello.Greeter/SayHello",
                                   say_hello, NULL, NULL, &err));
    must(hello_Greeter_new(c, s->pair.channel, &greeter, &err));
    mayfly_call *call = hello_call(s->host);
    must(hello_Greeter_SayHello(greeter, call, &q, &r, &err));
    assert_true(is_text(r->message, "hello ada"));
    assert_int_equal(r->letters.n, 1);
    assert_int_equal(r->letters.items[0].value, 2);
    mayfly_call_free(call);
    hello_Greeter_free(greeter);
    mayfly_context_unref(c);
}

#define each(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(test_dynamic_on_both_sides),
        each(test_started),
        each(test_what_cannot_be_called),
        each(test_json_handlers),
        each(test_deferred),
        each(test_unload_waits_for_the_call),
        each(test_a_whole_service),
        each(test_what_cannot_be_added),
        each(test_a_typed_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
