/*
 * End follows each begin exactly once: of calls that are answered later, that
 * are cancelled, given up, run out of time or lose their host; and interceptors
 * that are taken off go when the last of their calls has ended.
 */
#include "interceptors.h"

static void wait_for(atomic_int *n, int wanted)
{
    for (int i = 0; i < 20000 && atomic_load(n) < wanted; i++)
        usleep(1000);
    assert_int_equal(atomic_load(n), wanted);
}

/* --- answered later --- */

static void *reply_later(void *state)
{
    rig *r = state;
    must(mayfly_call_reply(take_parked(r), bytes_of("later"), &err));
    return NULL;
}

static void *finish_later(void *state)
{
    rig *r = state;
    must(mayfly_call_finish(take_parked(r), MAYFLY_STATUS_ABORTED,
                            mayfly_str_of("no"), &err));
    return NULL;
}

static void test_deferred(void **state)
{
    rig *r = *state;
    pthread_t thread;
    static seer x = {.name = 'x', .reply = "changed"};
    see_server(r, &x);
    pthread_create(&thread, NULL, reply_later, r);
    call_once(r, "/t.T/Park", "hi", 0);
    pthread_join(thread, NULL);
    assert_string_equal(r->reply, "changed");
    is_logged(r, "x begin\nx request hi\nhandler parks\nx reply later\n"
                 "x end OK\n");
    x.rescue = "saved";
    pthread_create(&thread, NULL, finish_later, r);
    call_once(r, "/t.T/Park", "hi", 1);
    pthread_join(thread, NULL);
    assert_string_equal(r->reply, "saved");
    is_logged(r, "x begin\nx request hi\nhandler parks\nx end ABORTED\n");
}

/* --- cancelled, late, given up --- */

static mayfly_call *start(rig *r, unsigned timeout_ms)
{
    mayfly_call *call = NULL;
    must(mayfly_call_new(r->host, MAYFLY_CALL_OPTIONS(.timeout_ms = timeout_ms),
                         &call, &err));
    must(mayfly_channel_start(r->pair.channel, "/t.T/Park", call,
                              bytes_of("hi"), on_told, r, &err));
    return call;
}

static void test_cancelled(void **state)
{
    rig *r = *state;
    static seer a = {.name = 'a'}, x = {.name = 'x'};
    see_channel(r, &a);
    see_server(r, &x);
    mayfly_call *call = start(r, 0), *parked = take_parked(r);
    mayfly_call_cancel(call);
    sem_wait(&r->told);
    assert_int_equal(r->status, MAYFLY_STATUS_CANCELLED);
    mayfly_call_free(call);
    assert_int_equal(a.n_ended, 1);
    assert_int_equal(x.n_ended, 0); /* its handler has the call */
    while (!mayfly_call_cancelled(parked))
        usleep(1000);
    must_fail(mayfly_call_reply(parked, bytes_of("too late"), &err),
              MAYFLY_ECANCELLED, "");
    assert_int_equal(x.n_ended, 1);
    is_logged(r, "a begin\na request hi\nx begin\nx request hi\n"
                 "handler parks\na end CANCELLED\nx end CANCELLED\n");
}

static void test_out_of_time(void **state)
{
    rig *r = *state;
    static seer a = {.name = 'a'}, x = {.name = 'x'};
    see_channel(r, &a);
    see_server(r, &x);
    mayfly_call *call = start(r, 100);
    sem_wait(&r->told);
    assert_int_equal(r->status, MAYFLY_STATUS_DEADLINE_EXCEEDED);
    mayfly_call_free(call);
    mayfly_call *parked = take_parked(r);
    while (!mayfly_call_cancelled(parked))
        usleep(1000);
    mayfly_call_finish(parked, MAYFLY_STATUS_ABORTED, mayfly_str_of(""), NULL);
    is_logged(r, "a begin\na request hi\nx begin\nx request hi\n"
                 "handler parks\na end DEADLINE_EXCEEDED\n"
                 "x end DEADLINE_EXCEEDED\n");
}

static void test_given_up(void **state)
{
    rig *r = *state;
    static seer a = {.name = 'a'};
    see_channel(r, &a);
    for (int i = 0; i < 20; i++) {
        mayfly_call *call = start(r, 0);
        mayfly_call *parked = i % 2 ? take_parked(r) : NULL;
        mayfly_call_free(call); /* nobody is told but the interceptor */
        wait_for(&a.n_ended, i + 1);
        if (parked)
            mayfly_call_finish(parked, 2, mayfly_str_of(""), NULL);
    }
    assert_int_equal(a.n_begun, 20);
    assert_int_equal(a.n_ended, 20);
}

static void test_no_server(void **state)
{
    rig *r = *state;
    static seer a = {.name = 'a', .rescue = "from a cache"};
    mayfly_channel *other = NULL;
    must(mayfly_dial(r->host, "127.0.0.1:1", NULL, &other, &err));
    a.rig = r;
    must(mayfly_channel_intercept(
        other, SEER, MAYFLY_INTERCEPT_OPTIONS(.state = &a), NULL, &err));
    mayfly_channel *kept = r->pair.channel;
    r->pair.channel = other;
    for (int i = 0; i < 2; i++) {
        call_once(r, "/t.T/Echo", "hi", i);
        assert_int_equal(r->code, 0);
        assert_string_equal(r->reply, "from a cache");
        is_logged(r, "a begin\na request hi\na end UNAVAILABLE\n");
    }
    r->pair.channel = kept;
    mayfly_channel_unref(other);
}

/* --- taken off --- */

static void test_taken_off_under_way(void **state)
{
    rig *r = *state;
    static seer a = {.name = 'a'}, x = {.name = 'x'}, y = {.name = 'y'};
    uint64_t of_a = see_channel(r, &a);
    uint64_t of_x = see_server(r, &x), of_y = see_server(r, &y);
    mayfly_call *call = start(r, 0), *parked = take_parked(r);
    must(mayfly_channel_unintercept(r->pair.channel, of_a, &err));
    must(mayfly_server_unintercept(r->pair.server, of_x, &err));
    must_fail(mayfly_server_unintercept(r->pair.server, of_x, &err),
              MAYFLY_ENOTFOUND, "no interceptor number");
    must_fail(mayfly_channel_unintercept(r->pair.channel, 77, &err),
              MAYFLY_ENOTFOUND, "77");
    call_once(r, "/t.T/Echo", "other", 0); /* which does not come by */
    assert_int_equal(a.n_begun, 1);
    assert_int_equal(x.n_begun, 1);
    assert_int_equal(y.n_begun, 2);
    assert_int_equal(a.n_released, 0);
    assert_int_equal(x.n_released, 0);
    must(mayfly_call_reply(parked, bytes_of("late"), &err));
    sem_wait(&r->told);
    assert_string_equal(r->reply, "late");
    assert_int_equal(a.n_ended, 1);
    assert_int_equal(x.n_ended, 1);
    assert_int_equal(y.n_ended, 2);
    mayfly_call_free(call);
    wait_for(&a.n_released, 1);
    wait_for(&x.n_released, 1);
    assert_int_equal(y.n_released, 0);
    must(mayfly_server_unintercept(r->pair.server, of_y, &err));
    assert_int_equal(y.n_released, 1);
}

/* A hook may take itself off. */
typedef struct once {
    mayfly_server *server;
    uint64_t id;
    atomic_int n, n_released;
} once;

static void count_release(void *state)
{
    once *o = state;
    atomic_fetch_add(&o->n_released, 1);
}

static int begin_once(void *state, void *memory, mayfly_call *call)
{
    once *o = state;
    (void)memory;
    (void)call;
    atomic_fetch_add(&o->n, 1);
    must(mayfly_server_unintercept(o->server, o->id, &err));
    assert_int_equal(o->n_released, 0); /* this call has it */
    return 0;
}

static void test_taken_off_by_itself(void **state)
{
    rig *r = *state;
    once o = {.server = r->pair.server};
    must(mayfly_server_intercept(
        o.server, MAYFLY_INTERCEPTOR(.begin = begin_once),
        MAYFLY_INTERCEPT_OPTIONS(.state = &o, .release = count_release), &o.id,
        &err));
    call_once(r, "/t.T/Echo", "hi", 0);
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_int_equal(o.n, 1);
    wait_for(&o.n_released, 1);
}

/* What is there when server, channel and host go. */
static void test_released_with_its_owner(void **state)
{
    rig *r = *state;
    static seer a = {.name = 'a'}, x = {.name = 'x'}, stray = {.name = 's'};
    see_channel(r, &a);
    see_server(r, &x);
    mayfly_call *call = start(r, 0), *parked = take_parked(r);
    mayfly_channel_unref(r->pair.channel);
    sem_wait(&r->told);
    assert_int_equal(r->status, MAYFLY_STATUS_CANCELLED);
    assert_int_equal(a.n_ended, 1);
    mayfly_call_free(call);
    wait_for(&a.n_released, 1);
    mayfly_server_free(r->pair.server, 0);
    assert_int_equal(x.n_released, 0);
    mayfly_call_finish(parked, 2, mayfly_str_of(""), NULL);
    assert_int_equal(x.n_ended, 1);
    wait_for(&x.n_released, 1);
    r->pair = hello_connect(r->host);
    /* one that cannot be added is not released */
    mayfly_intercept_options wrong = {
        .size = 5, .state = &stray, .release = seer_release};
    must_fail(mayfly_server_intercept(r->pair.server, SEER, &wrong, NULL, &err),
              MAYFLY_EINVAL, "intercept options");
    assert_int_equal(stray.n_released, 0);
}

static void test_the_host_ends_under_way(void **state)
{
    rig *r = *state;
    static seer a = {.name = 'a'}, x = {.name = 'x'};
    mayfly_call *calls[5];
    see_channel(r, &a);
    see_server(r, &x);
    for (int i = 0; i < 5; i++)
        calls[i] = start(r, 0);
    mayfly_host_free(r->host);
    for (int i = 0; i < 5; i++) {
        sem_wait(&r->told);
        mayfly_call_free(calls[i]);
    }
    finish_parked(r);
    assert_int_equal(a.n_begun, 5);
    assert_int_equal(a.n_ended, 5);
    assert_int_equal(x.n_ended, x.n_begun);
    mayfly_channel_unref(r->pair.channel);
    mayfly_server_free(r->pair.server, 0);
    assert_int_equal(a.n_released, 1);
    assert_int_equal(x.n_released, 1);
    r->host = hello_host();
    r->pair = hello_connect(r->host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_rig(test_deferred),
        on_rig(test_cancelled),
        on_rig(test_out_of_time),
        on_rig(test_given_up),
        on_rig(test_no_server),
        on_rig(test_taken_off_under_way),
        on_rig(test_taken_off_by_itself),
        on_rig(test_released_with_its_owner),
        on_rig(test_the_host_ends_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
