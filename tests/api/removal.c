/*
 * Services that are taken off a server while it serves: what new calls get,
 * what calls under way get, and when what was kept for a service is given back.
 */
#include "dynamic.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

typedef struct rig {
    mayfly_host *host;
    hello_pair pair;
    mayfly_context *hello, *shop;
    mayfly_weak *weak_hello;
    sem_t parks, told;
    mayfly_call *parked;
    int status;
    char text[100];
    atomic_int n_released;
    hello_Greeter *greeter;
} rig;

static int begin(void **state)
{
    rig *r = calloc(1, sizeof *r);
    r->host = hello_host();
    r->pair = hello_connect(r->host);
    r->hello = hello_load(r->host, HELLO_V1, NULL);
    r->shop = shop_load(r->host);
    must(mayfly_weak_new(r->hello, &r->weak_hello, &err));
    must(hello_Greeter_new(r->hello, r->pair.channel, &r->greeter, &err));
    sem_init(&r->parks, 0, 0);
    sem_init(&r->told, 0, 0);
    *state = r;
    return 0;
}

static int end(void **state)
{
    rig *r = *state;
    hello_Greeter_free(r->greeter);
    hello_close(&r->pair);
    mayfly_weak_free(r->weak_hello);
    mayfly_context_unref(r->hello);
    mayfly_context_unref(r->shop);
    mayfly_host_free(r->host);
    sem_destroy(&r->parks);
    sem_destroy(&r->told);
    free(r);
    return 0;
}

static void on_release(void *state)
{
    rig *r = state;
    atomic_fetch_add(&r->n_released, 1);
}

static void wait_released(rig *r, int n)
{
    for (int i = 0; i < 20000 && atomic_load(&r->n_released) < n; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&r->n_released), n);
}

/* --- handlers --- */

static int say_hello(void *state, mayfly_call *call, const hello_Request *q,
                     hello_Reply *reply)
{
    (void)state;
    (void)call;
    reply->message = q->name;
    return 0;
}

static int park_typed(void *state, mayfly_call *call, const hello_Request *q,
                      hello_Reply *reply)
{
    rig *r = state;
    (void)q;
    (void)reply;
    must(mayfly_call_defer(call, &err));
    r->parked = call;
    sem_post(&r->parks);
    return 0;
}

static int echo_json(void *state, mayfly_call *call, mayfly_str request,
                     mayfly_str *ret_reply)
{
    (void)state;
    (void)call;
    (void)request;
    *ret_reply = mayfly_str_of("{}");
    return 0;
}

static int raw(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    return mayfly_call_reply(call, in, NULL);
}

static void serve_hello(rig *r)
{
    hello_Greeter_handlers on = {.SayHello = say_hello, .Lost = park_typed};
    must(hello_Greeter_serve(r->pair.server, r->hello, &on, r,
                             MAYFLY_SERVICE_OPTIONS(.release = on_release),
                             &err));
}

/* --- calls --- */

static void is_called(rig *r, const char *path, int status, const char *text)
{
    mayfly_call *call = hello_call(r->host);
    mayfly_bytes reply, nothing = {NULL, 0};
    mayfly_channel_call(r->pair.channel, path, call, nothing, &reply, NULL);
    mayfly_str said = mayfly_call_message(call);
    if (mayfly_call_status(call) != status || (text && !is_text(said, text)))
        fail_msg("%s: %s: %.*s", path,
                 mayfly_status_name(mayfly_call_status(call)), (int)said.len,
                 said.ptr ? said.ptr : "");
    mayfly_call_free(call);
}

static void on_told(void *state, mayfly_call *call, int code,
                    mayfly_bytes reply)
{
    rig *r = state;
    mayfly_str text = mayfly_call_message(call);
    (void)code;
    (void)reply;
    r->status = mayfly_call_status(call);
    snprintf(r->text, sizeof r->text, "%.*s", (int)text.len,
             text.ptr ? text.ptr : "");
    sem_post(&r->told);
}

/* A call to Lost that is under way. */
static mayfly_call *park(rig *r)
{
    mayfly_call *call = hello_call(r->host);
    mayfly_bytes nothing = {NULL, 0};
    must(mayfly_channel_start(r->pair.channel, "/hello.Greeter/Lost", call,
                              nothing, on_told, r, &err));
    sem_wait(&r->parks);
    return call;
}

/* --- what is taken off --- */

static void test_by_name(void **state)
{
    rig *r = *state;
    mayfly_server *s = r->pair.server;
    serve_hello(r);
    must(mayfly_server_add_json(s, r->shop, "shop.Shop/Buy", echo_json, r,
                                MAYFLY_SERVICE_OPTIONS(.release = on_release),
                                &err));
    must(mayfly_server_add_raw(s, "/hello.GreeterTwo/X", raw, r,
                               MAYFLY_SERVICE_OPTIONS(.release = on_release),
                               &err));
    must_fail(mayfly_server_remove(s, "hello", 0, &err), MAYFLY_ENOTFOUND,
              "nothing of \"hello\" is served");
    must_fail(mayfly_server_remove(s, "hello.Greet", 0, &err), MAYFLY_ENOTFOUND,
              "hello.Greet");
    must_fail(mayfly_server_remove(s, "", 0, &err), MAYFLY_ENOTFOUND, "");
    must_fail(mayfly_server_remove(s, "/hello.Greeter/Say", 0, &err),
              MAYFLY_ENOTFOUND, "");
    is_called(r, "/hello.Greeter/SayHello", 0, NULL);

    must(mayfly_server_remove(s, "/hello.Greeter/SayHello", 10000, &err));
    is_called(r, "/hello.Greeter/SayHello", MAYFLY_STATUS_UNIMPLEMENTED,
              "unknown method");
    assert_int_equal(r->n_released, 0); /* the other method is there */
    must(mayfly_server_remove(s, "hello.Greeter", 10000, &err));
    assert_int_equal(r->n_released, 1);
    is_called(r, "/hello.Greeter/Lost", MAYFLY_STATUS_UNIMPLEMENTED,
              "unknown service");
    is_called(r, "/hello.GreeterTwo/X", 0, NULL);
    must_fail(mayfly_server_remove(s, "hello.Greeter", 0, &err),
              MAYFLY_ENOTFOUND, "");
    must(mayfly_server_remove(s, "hello.GreeterTwo/X", 10000, &err));
    must(mayfly_server_remove(s, "shop.Shop", 10000, &err));
    assert_int_equal(r->n_released, 3);

    serve_hello(r); /* anew */
    is_called(r, "/hello.Greeter/SayHello", 0, NULL);
}

/* Nothing of a service stays when a part of it cannot be added. */
static void test_all_or_none(void **state)
{
    rig *r = *state;
    mayfly_server *s = r->pair.server;
    hello_Greeter_handlers on = {.SayHello = say_hello};
    must(mayfly_server_add_raw(s, "/hello.Greeter/Lost", raw, r, NULL, &err));
    must_fail(hello_Greeter_serve(s, r->hello, &on, r,
                                  MAYFLY_SERVICE_OPTIONS(.release = on_release),
                                  &err),
              MAYFLY_EEXIST, "/hello.Greeter/Lost is served already");
    is_called(r, "/hello.Greeter/SayHello", MAYFLY_STATUS_UNIMPLEMENTED,
              "unknown method");
    must(mayfly_server_add_raw(s, "/shop.Shop/Look", raw, r, NULL, &err));
    must_fail(mayfly_server_add_json(
                  s, r->shop, "shop.Shop", echo_json, r,
                  MAYFLY_SERVICE_OPTIONS(.release = on_release), &err),
              MAYFLY_EEXIST, "/shop.Shop/Look");
    is_called(r, "/shop.Shop/Buy", MAYFLY_STATUS_UNIMPLEMENTED,
              "unknown method");
    must_fail(mayfly_server_add_raw(
                  s, "/shop.Shop/Look", raw, r,
                  MAYFLY_SERVICE_OPTIONS(.release = on_release), &err),
              MAYFLY_EEXIST, "");
    assert_int_equal(r->n_released, 0);
}

/* --- calls under way --- */

static void test_calls_under_way_finish(void **state)
{
    rig *r = *state;
    hello_Reply reply = {.number = 5};
    serve_hello(r);
    mayfly_call *call = park(r);
    must_fail(mayfly_server_remove(r->pair.server, "hello.Greeter", 20, &err),
              MAYFLY_EBUSY, "calls of 1 methods are under way still");
    is_called(r, "/hello.Greeter/Lost", MAYFLY_STATUS_UNIMPLEMENTED, NULL);
    assert_int_equal(r->n_released, 0);
    must(hello_Greeter_Lost_reply(r->parked, &reply, &err));
    sem_wait(&r->told);
    assert_int_equal(r->status, 0);
    mayfly_call_free(call);
    wait_released(r, 1);
}

/* The reference to the context is given back: where it is the last one, the
 * context is unloaded. */
static void test_the_context_is_given_back(void **state)
{
    rig *r = *state;
    hello_Greeter_handlers on = {.Lost = park_typed};
    mayfly_context *c = hello_load(r->host, HELLO_V1, NULL), *seen;
    mayfly_weak *weak = NULL;
    hello_Reply reply = {.number = 5};
    must(mayfly_weak_new(c, &weak, &err));
    must(hello_Greeter_serve(r->pair.server, c, &on, r, NULL, &err));
    mayfly_context_unref(c);
    mayfly_call *call = park(r);
    must(mayfly_server_remove(r->pair.server, "hello.Greeter", 0, &err));
    must(mayfly_weak_lock(weak, &seen, &err)); /* the call has it */
    mayfly_context_unref(seen);
    must(hello_Greeter_Lost_reply(r->parked, &reply, &err));
    sem_wait(&r->told);
    mayfly_call_free(call);
    for (int i = 0; i < 20000 && mayfly_weak_get_state(weak) != MAYFLY_UNLOADED;
         i++)
        usleep(1000);
    assert_int_equal(mayfly_weak_get_state(weak), MAYFLY_UNLOADED);
    mayfly_weak_free(weak);
}

static void *reply_soon(void *state)
{
    rig *r = state;
    hello_Reply reply = {.number = 5};
    usleep(20000);
    must(hello_Greeter_Lost_reply(r->parked, &reply, &err));
    return NULL;
}

static void test_waited_for(void **state)
{
    rig *r = *state;
    pthread_t thread;
    serve_hello(r);
    mayfly_call *call = park(r);
    pthread_create(&thread, NULL, reply_soon, r);
    must(mayfly_server_remove(r->pair.server, "hello.Greeter", 20000, &err));
    assert_int_equal(r->n_released, 1);
    pthread_join(thread, NULL);
    sem_wait(&r->told);
    mayfly_call_free(call);
}

/* --- from within --- */

static int remove_itself(void *state, mayfly_call *call, mayfly_bytes in)
{
    rig *r = state;
    must_fail(mayfly_server_remove(r->pair.server, "t.T/Once", 1000, &err),
              MAYFLY_EONLOOP, "");
    must(mayfly_server_remove(r->pair.server, "t.T/Once", 0, &err));
    must_fail(mayfly_server_remove(r->pair.server, "t.T/Once", 0, &err),
              MAYFLY_ENOTFOUND, "");
    assert_int_equal(r->n_released, 0);
    return mayfly_call_reply(call, in, NULL);
}

static int remove_itself_on_a_worker(void *state, mayfly_call *call,
                                     mayfly_bytes in)
{
    rig *r = state;
    must_fail(mayfly_server_remove(r->pair.server, "t.T/Worker", 20, &err),
              MAYFLY_EBUSY, "");
    assert_int_equal(r->n_released, 1);
    return mayfly_call_reply(call, in, NULL);
}

static void test_by_its_own_handler(void **state)
{
    rig *r = *state;
    must(mayfly_server_add_raw(r->pair.server, "/t.T/Once", remove_itself, r,
                               MAYFLY_SERVICE_OPTIONS(.release = on_release),
                               &err));
    must(mayfly_server_add_raw(
        r->pair.server, "/t.T/Worker", remove_itself_on_a_worker, r,
        MAYFLY_SERVICE_OPTIONS(.blocking = 1, .release = on_release), &err));
    is_called(r, "/t.T/Once", 0, NULL);
    is_called(r, "/t.T/Once", MAYFLY_STATUS_UNIMPLEMENTED, "unknown method");
    wait_released(r, 1);
    is_called(r, "/t.T/Worker", 0, NULL);
    is_called(r, "/t.T/Worker", MAYFLY_STATUS_UNIMPLEMENTED, "unknown service");
    wait_released(r, 2);
}

/* The server goes before the call that came by a route that is off. */
static void test_the_server_goes_first(void **state)
{
    rig *r = *state;
    serve_hello(r);
    mayfly_call *call = park(r);
    must(mayfly_server_remove(r->pair.server, "hello.Greeter", 0, &err));
    mayfly_server_free(r->pair.server, 0);
    sem_wait(&r->told);
    assert_int_equal(r->status, MAYFLY_STATUS_UNAVAILABLE);
    mayfly_call_free(call);
    assert_int_equal(r->n_released, 0);
    mayfly_call_finish(r->parked, 2, mayfly_str_of(""), NULL);
    wait_released(r, 1);
    must(mayfly_server_new(r->host, NULL, &r->pair.server, &err));
}

/* One that is never taken off is released with its server. */
static void test_released_with_the_server(void **state)
{
    rig *r = *state;
    serve_hello(r);
    mayfly_server_free(r->pair.server, 0);
    wait_released(r, 1);
    must(mayfly_server_new(r->host, NULL, &r->pair.server, &err));
}

#define each(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(test_by_name),
        each(test_all_or_none),
        each(test_calls_under_way_finish),
        each(test_the_context_is_given_back),
        each(test_waited_for),
        each(test_by_its_own_handler),
        each(test_the_server_goes_first),
        each(test_released_with_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
