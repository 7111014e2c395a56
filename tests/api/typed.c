/*
 * Typed clients and handlers of a host program over loopback: answered at once,
 * later, by a worker, refused; calls that wait and calls that do not; messages
 * without a call.
 */
#include "hello.h"

#include <pthread.h>
#include <stdlib.h>

/* --- handlers ---------------------------------------------------------------
 */

static int say_hello(void *state, mayfly_call *call, const hello_Request *q,
                     hello_Reply *r)
{
    mayfly_arena *arena = mayfly_call_arena(call);
    char text[200];
    if (state)
        atomic_fetch_add((atomic_int *)state, 1);
    if (q->name.len == 0)
        return mayfly_call_fail(call, MAYFLY_STATUS_INVALID_ARGUMENT,
                                "a name, please");
    int n = snprintf(text, sizeof text, "hello %.*s, %d", (int)q->name.len,
                     q->name.ptr, q->times);
    r->message = mayfly_arena_str(arena, text, (size_t)n);
    r->number = q->number;
    for (int i = 0; i < q->times; i++) {
        hello_Place *p = hello_Reply_add_places(r, arena);
        if (!p)
            return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
        p->city = i < (int)q->titles.n ? q->titles.items[i] : q->name;
        hello_Place_set_code(p, i);
    }
    return 0;
}

static void *answer_later(void *arg)
{
    mayfly_call *call = arg;
    hello_Reply r = {.message = MAYFLY_STR("later"), .number = 9};
    if (hello_Greeter_Lost_reply(call, &r, NULL) != 0)
        abort();
    return NULL;
}

/* Defers, and has another thread answer. A name of "finish" ends with a status.
 */
static int lost(void *state, mayfly_call *call, const hello_Request *q,
                hello_Reply *r)
{
    pthread_t thread;
    (void)state;
    (void)r;
    if (mayfly_call_defer(call, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    if (is_text(q->name, "finish")) {
        mayfly_call_finish(call, MAYFLY_STATUS_NOT_FOUND,
                           mayfly_str_of("nobody here"), NULL);
        return 0;
    }
    if (is_text(q->name, "wrong")) {
        /* a reply of another method is refused, and the call still open */
        if (hello_Greeter_SayHello_reply(call, r, NULL) != MAYFLY_EINVAL)
            abort();
    }
    if (pthread_create(&thread, NULL, answer_later, call) != 0)
        abort();
    pthread_detach(thread);
    return 0;
}

/* --- a host with both sides --------------------------------------------------
 */

typedef struct world {
    mayfly_host *host;
    mayfly_context *context;
    hello_pair pair;
    hello_Greeter *greeter;
    atomic_int served;
} world;

static int begin_with(void **state, const mayfly_service_options *options)
{
    static world w;
    const hello_Greeter_handlers on = {.SayHello = say_hello, .Lost = lost};
    memset(&w, 0, sizeof w);
    w.host = hello_host();
    w.context = hello_load(w.host, HELLO_V1, NULL);
    w.pair = hello_connect(w.host);
    must(hello_Greeter_serve(w.pair.server, w.context, &on, &w.served, options,
                             &err));
    must(hello_Greeter_new(w.context, w.pair.channel, &w.greeter, &err));
    *state = &w;
    return 0;
}

static int begin(void **state)
{
    return begin_with(state, NULL);
}

static int begin_blocking(void **state)
{
    return begin_with(state, MAYFLY_SERVICE_OPTIONS(.blocking = 1));
}

static int end(void **state)
{
    world *w = *state;
    hello_Greeter_free(w->greeter);
    hello_close(&w->pair);
    must(mayfly_unload(w->context, NULL, NULL, &err));
    mayfly_context_unref(w->context);
    mayfly_host_free(w->host);
    return 0;
}

/* --- tests -------------------------------------------------------------------
 */

static void test_round_trip(void **state)
{
    world *w = *state;
    mayfly_str titles[] = {MAYFLY_STR("Dr"), MAYFLY_STR("Ms")};
    hello_Place from = {.city = MAYFLY_STR("Paris")};
    hello_Request q = {.name = MAYFLY_STR("ada"),
                       .times = 3,
                       .titles = {titles, 2, 0},
                       .from = &from,
                       .number = -5};
    for (int i = 0; i < 50; i++) {
        mayfly_call *call = hello_call(w->host);
        hello_Reply *r = NULL;
        must(hello_Greeter_SayHello(w->greeter, call, &q, &r, &err));
        assert_true(is_text(r->message, "hello ada, 3"));
        assert_int_equal(r->number, -5);
        assert_int_equal(r->places.n, 3);
        assert_true(is_text(r->places.items[1].city, "Ms"));
        assert_true(is_text(r->places.items[2].city, "ada"));
        assert_true(hello_Place_has_code(&r->places.items[0]));
        assert_int_equal(r->places.items[2].code, 2);
        assert_int_equal(mayfly_call_status(call), 0);
        mayfly_call_free(call);
    }
    assert_int_equal(w->served, 50);
}

static void test_status(void **state)
{
    world *w = *state;
    hello_Request q = {.times = 1};
    hello_Reply *r = NULL;
    mayfly_call *call = hello_call(w->host);
    must_fail(hello_Greeter_SayHello(w->greeter, call, &q, &r, &err),
              MAYFLY_ESTATUS, "a name, please");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_INVALID_ARGUMENT);
    assert_true(is_text(mayfly_call_message(call), "a name, please"));
    assert_null(r);
    /* a call is for one use */
    must_fail(hello_Greeter_SayHello(w->greeter, call, &q, &r, &err),
              MAYFLY_EINVAL, "");
    mayfly_call_free(call);
}

static void test_deferred(void **state)
{
    world *w = *state;
    hello_Request q = {.name = MAYFLY_STR("ada")};
    hello_Reply *r = NULL;
    for (int i = 0; i < 20; i++) {
        mayfly_call *call = hello_call(w->host);
        must(hello_Greeter_Lost(w->greeter, call, &q, &r, &err));
        assert_true(is_text(r->message, "later"));
        assert_int_equal(r->number, 9);
        mayfly_call_free(call);
    }
    mayfly_call *call = hello_call(w->host);
    q.name = mayfly_str_of("wrong");
    must(hello_Greeter_Lost(w->greeter, call, &q, &r, &err));
    mayfly_call_free(call);
    call = hello_call(w->host);
    q.name = mayfly_str_of("finish");
    must_fail(hello_Greeter_Lost(w->greeter, call, &q, &r, &err),
              MAYFLY_ESTATUS, "nobody here");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_NOT_FOUND);
    mayfly_call_free(call);
}

typedef struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int done, good;
} waiting;

static void on_reply(void *state, mayfly_call *call, int code, void *reply)
{
    waiting *w = state;
    const hello_Reply *r = reply;
    pthread_mutex_lock(&w->lock);
    w->done++;
    w->good += code == 0 && is_text(r->message, "hello bob, 0");
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    mayfly_call_free(call);
}

enum { MANY = 100 };

static void test_without_waiting(void **state)
{
    world *w = *state;
    waiting all = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    hello_Request q = {.name = MAYFLY_STR("bob")};
    for (int i = 0; i < MANY; i++) {
        mayfly_call *call = hello_call(w->host);
        must(hello_Greeter_SayHello_start(w->greeter, call, &q, on_reply, &all,
                                          &err));
    }
    pthread_mutex_lock(&all.lock);
    while (all.done < MANY)
        pthread_cond_wait(&all.changed, &all.lock);
    pthread_mutex_unlock(&all.lock);
    assert_int_equal(all.good, MANY);
}

/* The proxy and the user's context handle are gone before the answers come. */
static void test_started_calls_stand_alone(void **state)
{
    world *w = *state;
    waiting all = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    mayfly_context *own = hello_load(w->host, HELLO_V1, NULL);
    hello_Greeter *greeter = NULL;
    hello_Request q = {.name = MAYFLY_STR("bob")};
    must(hello_Greeter_new(own, w->pair.channel, &greeter, &err));
    for (int i = 0; i < MANY; i++) {
        mayfly_call *call = hello_call(w->host);
        must(hello_Greeter_SayHello_start(greeter, call, &q, on_reply, &all,
                                          &err));
    }
    hello_Greeter_free(greeter);
    mayfly_context_unref(own);
    pthread_mutex_lock(&all.lock);
    while (all.done < MANY)
        pthread_cond_wait(&all.changed, &all.lock);
    pthread_mutex_unlock(&all.lock);
    assert_int_equal(all.good, MANY);
}

typedef struct nested {
    world *w;
    waiting *all;
    int blocking_code, unload_code;
} nested;

static void on_loop(void *state, mayfly_call *call, int code, void *reply)
{
    nested *n = state;
    mayfly_call *second = NULL;
    hello_Request q = {.name = MAYFLY_STR("bob")};
    hello_Reply *r = NULL;
    mayfly_call_new(n->w->host, NULL, &second, NULL);
    n->blocking_code =
        hello_Greeter_SayHello(n->w->greeter, second, &q, &r, NULL);
    mayfly_call_free(second);
    n->unload_code = mayfly_unload(
        n->w->context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 5), NULL, NULL);
    on_reply(n->all, call, code, reply);
}

static void test_blocking_on_a_loop(void **state)
{
    world *w = *state;
    waiting all = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    nested n = {.w = w, .all = &all};
    hello_Request q = {.name = MAYFLY_STR("bob")};
    mayfly_call *call = hello_call(w->host);
    must(hello_Greeter_SayHello_start(w->greeter, call, &q, on_loop, &n, &err));
    pthread_mutex_lock(&all.lock);
    while (all.done < 1)
        pthread_cond_wait(&all.changed, &all.lock);
    pthread_mutex_unlock(&all.lock);
    assert_int_equal(n.blocking_code, MAYFLY_EONLOOP);
    assert_int_equal(n.unload_code, MAYFLY_EONLOOP);
    assert_int_equal(mayfly_context_get_state(w->context), MAYFLY_LIVE);
}

static void test_json(void **state)
{
    world *w = *state;
    mayfly_call *call = hello_call(w->host);
    mayfly_str reply;
    must(mayfly_call_json(
        w->context, w->pair.channel, "hello.Greeter/SayHello", call,
        mayfly_str_of("{\"name\": \"eve\", \"times\": 1, \"number\": \"7\"}"),
        &reply, &err));
    assert_true(is_text(reply,
                        "{\"message\":\"hello eve, 1\",\"places\":[{\"city\":"
                        "\"eve\",\"code\":0}],\"number\":\"7\"}"));
    mayfly_call_free(call);

    call = hello_call(w->host);
    must_fail(mayfly_call_json(w->context, w->pair.channel,
                               "hello.Greeter/Nothing", call,
                               mayfly_str_of("{}"), &reply, &err),
              MAYFLY_ENOTFOUND, "Nothing");
    must_fail(mayfly_call_json(w->context, w->pair.channel,
                               "hello.Greeter/SayHello", call,
                               mayfly_str_of("{\"name\": 5}"), &reply, &err),
              MAYFLY_EJSON, "");
    mayfly_call_free(call);
}

static void test_hosts_do_not_mix(void **state)
{
    world *w = *state;
    mayfly_host *other = hello_host();
    mayfly_context *c = hello_load(other, HELLO_V1, NULL);
    const hello_Greeter_handlers none = {NULL, NULL};
    hello_Greeter *greeter = NULL;
    mayfly_str reply;
    must_fail(hello_Greeter_new(c, w->pair.channel, &greeter, &err),
              MAYFLY_EINVAL, "hosts");
    must_fail(hello_Greeter_serve(w->pair.server, c, &none, NULL, NULL, &err),
              MAYFLY_EINVAL, "hosts");
    mayfly_call *call = hello_call(w->host);
    must_fail(mayfly_call_json(c, w->pair.channel, "hello.Greeter/SayHello",
                               call, mayfly_str_of("{}"), &reply, &err),
              MAYFLY_EINVAL, "hosts");
    mayfly_call_free(call);
    mayfly_context_unref(c);
    mayfly_host_free(other);
}

static void test_twice_and_unknown(void **state)
{
    world *w = *state;
    const hello_Greeter_handlers none = {NULL, NULL};
    must_fail(hello_Greeter_serve(w->pair.server, w->context, &none, NULL, NULL,
                                  &err),
              MAYFLY_EEXIST, "hello.Greeter");
    must_fail(
        mayfly_server_add_context(w->pair.server, w->context, NULL, NULL, &err),
        MAYFLY_ENOTFOUND, "hello");

    hello_pair other = hello_connect(w->host);
    hello_Greeter *greeter = NULL;
    must(
        hello_Greeter_serve(other.server, w->context, &none, NULL, NULL, &err));
    must(hello_Greeter_new(w->context, other.channel, &greeter, &err));
    mayfly_call *call = hello_call(w->host);
    hello_Request q = {.name = MAYFLY_STR("bob")};
    hello_Reply *r = NULL;
    must_fail(hello_Greeter_SayHello(greeter, call, &q, &r, &err),
              MAYFLY_ESTATUS, "");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_UNIMPLEMENTED);
    mayfly_call_free(call);
    hello_Greeter_free(greeter);
    hello_close(&other);
}

/* What does not decode is INTERNAL, and the connection lives on. */
static void test_garbage_request(void **state)
{
    world *w = *state;
    static const uint8_t garbage[] = {0x0a, 0x20, 'x'};
    mayfly_call *call = hello_call(w->host);
    mayfly_bytes reply;
    must_fail(mayfly_channel_call(w->pair.channel, "/hello.Greeter/SayHello",
                                  call, (mayfly_bytes){garbage, 3}, &reply,
                                  &err),
              MAYFLY_ESTATUS, "");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_INTERNAL);
    mayfly_call_free(call);
    assert_int_equal(w->served, 0);
    test_round_trip(state);
}

static void test_bad_utf8_is_not_sent(void **state)
{
    world *w = *state;
    hello_Request q = {.name = MAYFLY_STR("\xff")};
    hello_Reply *r = NULL;
    mayfly_call *call = hello_call(w->host);
    must_fail(hello_Greeter_SayHello(w->greeter, call, &q, &r, &err),
              MAYFLY_EENCODE, "UTF-8");
    assert_int_equal(w->served, 0);
    q.name = mayfly_str_of("ada"); /* the call has not been used yet */
    must(hello_Greeter_SayHello(w->greeter, call, &q, &r, &err));
    assert_true(is_text(r->message, "hello ada, 0"));
    mayfly_call_free(call);
}

static void test_messages(void **state)
{
    world *w = *state;
    mayfly_arena *arena;
    mayfly_bytes wire;
    hello_Request q = {.name = MAYFLY_STR("zoe"), .times = 4}, *back = NULL;
    must(mayfly_arena_new(w->host, 0, &arena, &err));
    must(hello_Request_encode(w->context, &q, arena, &wire, &err));
    assert_int_equal(wire.len, 7);
    must(hello_Request_decode(w->context, wire, arena, &back, &err));
    assert_true(is_text(back->name, "zoe"));
    assert_int_equal(back->times, 4);
    wire.len--;
    must_fail(hello_Request_decode(w->context, wire, arena, &back, &err),
              MAYFLY_EDECODE, "");
    mayfly_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, begin, end),
        cmocka_unit_test_setup_teardown(test_round_trip, begin_blocking, end),
        cmocka_unit_test_setup_teardown(test_status, begin, end),
        cmocka_unit_test_setup_teardown(test_deferred, begin, end),
        cmocka_unit_test_setup_teardown(test_deferred, begin_blocking, end),
        cmocka_unit_test_setup_teardown(test_without_waiting, begin, end),
        cmocka_unit_test_setup_teardown(test_started_calls_stand_alone, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_blocking_on_a_loop, begin, end),
        cmocka_unit_test_setup_teardown(test_json, begin, end),
        cmocka_unit_test_setup_teardown(test_hosts_do_not_mix, begin, end),
        cmocka_unit_test_setup_teardown(test_twice_and_unknown, begin, end),
        cmocka_unit_test_setup_teardown(test_garbage_request, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_utf8_is_not_sent, begin, end),
        cmocka_unit_test_setup_teardown(test_messages, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
