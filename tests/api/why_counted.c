/*
 * What holds a context and is counted: pins, and calls that were deferred.
 */
#include "why.h"

#include <pthread.h>

typedef struct world {
    mayfly_host *host;
    mayfly_context *context;
} world;

static int begin(void **state)
{
    static world w;
    w.host = hello_host();
    w.context = hello_load(w.host, HELLO_V1, NULL);
    *state = &w;
    return 0;
}

static int end(void **state)
{
    world *w = *state;
    mayfly_context_unref(w->context);
    mayfly_host_free(w->host);
    return 0;
}

static void test_pin(void **state)
{
    world *w = *state;
    mayfly_pin *pin = NULL, *more[80];
    must(mayfly_pin_new(w->context, "a cache", "app.c", 12, &pin, &err));
    mayfly_why_report *r = ask(w->context);
    must_find(r, MAYFLY_WHY_PIN, "", "pin \"a cache\" (app.c:12, thread ");
    assert_int_equal(mayfly_why_total(r, MAYFLY_WHY_DEFINITE), 1);
    assert_non_null(strstr(mayfly_why_text(r),
                           "definite\n  pin \"a cache\" (app.c:12, thread "));
    mayfly_why_free(r);

    /* a refused unload's receipt says the same */
    mayfly_receipt *receipt = NULL;
    must(mayfly_context_receipt(w->context, &receipt, &err));
    assert_null(strstr(mayfly_receipt_text(receipt), "a cache"));
    assert_null(strstr(mayfly_receipt_json(receipt), "\"why\""));
    mayfly_receipt_free(receipt);
    must_fail(mayfly_unload(w->context, NULL, NULL, &err), MAYFLY_EBUSY,
              "a cache");
    must(mayfly_context_receipt(w->context, &receipt, &err));
    assert_non_null(strstr(mayfly_receipt_text(receipt),
                           "\ndefinite\n  pin \"a cache\" (app.c:12, "));
    assert_non_null(strstr(mayfly_receipt_json(receipt), "\"kind\": \"pin\""));
    mayfly_receipt_free(receipt);

    /* many: listed up to a bound, all counted */
    for (int i = 0; i < 80; i++)
        must(mayfly_pin_take(w->context, "many", &more[i], &err));
    r = ask(w->context);
    must_count(r, MAYFLY_WHY_PIN, 81);
    assert_non_null(strstr(mayfly_why_text(r), "  and 17 more\n"));
    mayfly_why_free(r);
    for (int i = 0; i < 80; i++)
        mayfly_pin_free(more[i]);
    mayfly_pin_free(pin);
}

typedef struct deferred {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int in; /* 1: was deferred, 2: is over */
    mayfly_call *call;
} deferred;

static int defer(void *state, mayfly_call *call, const hello_Request *q,
                 hello_Reply *r)
{
    deferred *d = state;
    (void)q;
    (void)r;
    if (mayfly_call_defer(call, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    pthread_mutex_lock(&d->lock);
    d->call = call;
    d->in = 1;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    return 0;
}

static void on_done(void *state, mayfly_call *call, int code, void *reply)
{
    deferred *p = state;
    (void)call;
    (void)code;
    (void)reply;
    pthread_mutex_lock(&p->lock);
    p->in = 2;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void test_deferred_call(void **state)
{
    world *w = *state;
    static const hello_Greeter_handlers on = {.SayHello = defer};
    deferred d = {.in = 0};
    pthread_mutex_init(&d.lock, NULL);
    pthread_cond_init(&d.changed, NULL);
    hello_pair pair = hello_connect(w->host);
    hello_Greeter *greeter = NULL;
    must(hello_Greeter_serve(pair.server, w->context, &on, &d, NULL, &err));
    must(hello_Greeter_new(w->context, pair.channel, &greeter, &err));
    hello_Request q = {.name = MAYFLY_STR("ada")};
    mayfly_call *call = hello_call(w->host);
    must(mayfly_proxy_start((mayfly_proxy *)greeter, 0, call, &q, on_done, &d,
                            &err));
    pthread_mutex_lock(&d.lock);
    while (!d.in)
        pthread_cond_wait(&d.changed, &d.lock);
    pthread_mutex_unlock(&d.lock);
    mayfly_why_report *r = ask(w->context);
    must_find(r, MAYFLY_WHY_CALL, "", "call /hello.Greeter/SayHello from 127.");
    must_find(r, MAYFLY_WHY_CALL, "", "call /hello.Greeter/SayHello to 127.");
    assert_int_equal(mayfly_why_total(r, MAYFLY_WHY_DEFINITE), 2);
    must_count(r, MAYFLY_WHY_HEAP, 0);
    mayfly_why_free(r);

    hello_Reply reply = {.number = 1};
    must(hello_Greeter_SayHello_reply(d.call, &reply, &err));
    pthread_mutex_lock(&d.lock);
    while (d.in != 2)
        pthread_cond_wait(&d.changed, &d.lock);
    pthread_mutex_unlock(&d.lock);
    mayfly_call_free(call);
    hello_Greeter_free(greeter);
    hello_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pin, begin, end),
        cmocka_unit_test_setup_teardown(test_deferred_call, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
