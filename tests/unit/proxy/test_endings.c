/* How calls over loopback end: deadlines, cancellation, peers and hosts that
 * go. */
#include "tests/unit/proxy/loopback.h"

#include "proxy/call/call.h"

static void obeys_deadlines(void **state)
{
    world *w = *state;
    mayfly_call_free(expect(w, "/test.T/Echo", "warm", 0, "warm"));
    for (int i = 0; i < 2; i++) {
        mayfly_call *call = new_call(w, 30);
        mayfly_bytes reply;
        atomic_store(&w->entered, 0);
        atomic_store(&w->saw_cancel, 0);
        assert_int_equal(mayfly_channel_call(w->channel, "/test.T/Wait", call,
                                             bytes("x"), &reply, NULL),
                         MAYFLY_ESTATUS);
        assert_int_equal(mayfly_call_status(call),
                         MAYFLY_STATUS_DEADLINE_EXCEEDED);
        assert_true(mayfly_call_time_left_ms(call) < 1);
        mayfly_call_free(call);
        /* The handler hears of it, unless the time had passed before it could
         * begin. */
        for (int n = 0; !atomic_load(&w->saw_cancel); n++) {
            if (n > 1000 && !atomic_load(&w->entered))
                break;
            nap();
        }
    }
}

static void cancels(void **state)
{
    world *w = *state;
    outcome o = {0};
    mayfly_call *call = new_call(w, 0);
    start(w, "/test.T/Wait", call, &o);
    while (!atomic_load(&w->entered))
        nap();
    mayfly_call_cancel(call);
    await(&o, 1);
    assert_int_equal(atomic_load(&o.code), MAYFLY_ESTATUS);
    assert_int_equal(atomic_load(&o.status), MAYFLY_STATUS_CANCELLED);
    while (!atomic_load(&w->saw_cancel))
        nap();
    mayfly_call_free(call);
    /* freed while it is under way: no callback */
    call = new_call(w, 0);
    start(w, "/test.T/Park", call, &o);
    mayfly_call_free(call);
    mayfly_call_free(expect(w, "/test.T/Echo", "on", 0, "on"));
    assert_int_equal(atomic_load(&o.n), 1);
    if (w->parked)
        mayfly_call_finish(w->parked, 0, mayfly_str_of(""), NULL);
    /* cancelled before it starts */
    call = new_call(w, 0);
    mayfly_call_cancel(call);
    mayfly_bytes reply;
    assert_int_equal(mayfly_channel_call(w->channel, "/test.T/Echo", call,
                                         bytes(""), &reply, NULL),
                     MAYFLY_ESTATUS);
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_CANCELLED);
    mayfly_call_free(call);
}

static void *cancel_soon(void *call)
{
    usleep(20000);
    mayfly_call_cancel(call);
    return NULL;
}

static void cancels_a_blocking_call(void **state)
{
    world *w = *state;
    mayfly_call_free(expect(w, "/test.T/Echo", "warm", 0, "warm"));
    mayfly_call *call = new_call(w, 0);
    pthread_t thread;
    mayfly_bytes reply;
    pthread_create(&thread, NULL, cancel_soon, call);
    assert_int_equal(mayfly_channel_call(w->channel, "/test.T/Wait", call,
                                         bytes("x"), &reply, NULL),
                     MAYFLY_ESTATUS);
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_CANCELLED);
    pthread_join(thread, NULL);
    mayfly_call_free(call);
}

static void a_refused_connection_is_unavailable(void **state)
{
    world *w = *state;
    struct timespec before, after;
    mayfly_call *call = new_call(w, 60000);
    mayfly_channel *channel;
    mayfly_bytes reply;
    char target[64];
    int port;
    mayfly_server *gone;
    assert_int_equal(mayfly_server_new(w->host, NULL, &gone, NULL), 0);
    assert_int_equal(mayfly_server_listen(gone, "127.0.0.1:0", &port, NULL), 0);
    mayfly_server_free(gone, 0);
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    assert_int_equal(mayfly_dial(w->host, target, NULL, &channel, NULL), 0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(
        mayfly_channel_call(channel, "/a.B/C", call, bytes(""), &reply, NULL),
        MAYFLY_ESTATUS);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_UNAVAILABLE);
    assert_true(after.tv_sec - before.tv_sec < 30); /* not after the timeout */
    mayfly_call_free(call);
    mayfly_channel_unref(channel);
    assert_int_equal(mayfly_dial(w->host, "nonsense", NULL, &channel, NULL),
                     MAYFLY_EINVAL);
}

/* The server ends while calls are under way; a new one takes its place. */
static void survives_the_end_of_a_server(void **state)
{
    world *w = *state;
    outcome o = {0};
    mayfly_call *call = new_call(w, 0);
    start(w, "/test.T/Park", call, &o);
    while (!atomic_load(&w->entered))
        nap();
    mayfly_server_free(w->server, 10);
    w->server = NULL;
    await(&o, 1);
    assert_int_equal(atomic_load(&o.status), MAYFLY_STATUS_UNAVAILABLE);
    mayfly_call_free(call);
    /* the handler still has its end of the call */
    assert_int_equal(mayfly_call_cancelled(w->parked), 1);
    assert_int_equal(mayfly_call_reply(w->parked, bytes("x"), NULL),
                     MAYFLY_ECANCELLED);
    call = expect(w, "/test.T/Echo", "x", MAYFLY_STATUS_UNAVAILABLE, NULL);
    mayfly_call_free(call);
    assert_int_equal(mayfly_server_new(w->host, NULL, &w->server, NULL), 0);
    add(w, "/test.T/Echo", on_echo, 0);
    assert_int_equal(mayfly_server_listen(w->server, w->target, NULL, NULL), 0);
    mayfly_call_free(expect(w, "/test.T/Echo", "new", 0, "new"));
}

static void waits_for_calls_within_the_grace(void **state)
{
    world *w = *state;
    outcome o = {0};
    mayfly_call *call = new_call(w, 0);
    start(w, "/test.T/Later", call, &o);
    while (!atomic_load(&w->has_completer))
        nap();
    mayfly_server_free(w->server, 60000);
    w->server = NULL;
    await(&o, 1);
    assert_int_equal(atomic_load(&o.code), 0);
    mayfly_call_free(call);
}

/* Everything is still going on when the host goes. */
static void a_host_ends_what_is_under_way(void **state)
{
    world w;
    outcome o = {0};
    (void)state;
    open_world(&w, NULL, NULL);
    mayfly_call *parked = new_call(&w, 0), *waiting = new_call(&w, 0);
    start(&w, "/test.T/Park", parked, &o);
    while (!atomic_load(&w.entered))
        nap();
    atomic_store(&w.entered, 0);
    start(&w, "/test.T/Wait", waiting, &o);
    while (!atomic_load(&w.entered))
        nap();
    mayfly_host_free(w.host);
    await(&o, 2);
    assert_int_equal(atomic_load(&o.code), MAYFLY_ESTATUS);
    /* handles stay good for their ends */
    assert_int_equal(mayfly_call_reply(w.parked, bytes("x"), NULL),
                     MAYFLY_ECANCELLED);
    mayfly_call *late;
    assert_int_equal(mayfly_call_new(w.host, NULL, &late, NULL),
                     MAYFLY_ECANCELLED);
    mayfly_call_free(parked);
    mayfly_call_free(waiting);
    mayfly_channel_unref(w.channel);
    mayfly_server_free(w.server, 1000);
}

struct listing {
    int cancel_servers;
    int n_odd; /* no cmocka check may jump out of the callback */
};

static void cancel_found(void *state, const mf_call_info *info)
{
    struct listing *l = state;
    l->n_odd += !info->path[0] || !info->peer[0] ||
                info->age_ns > 3600 * (uint64_t)1000000000;
    if (info->is_server == l->cancel_servers)
        mf_call_request_cancel(info->call);
}

static void *call_until_told(void *state)
{
    world *w = state;
    while (!atomic_load(&w->leave)) {
        mayfly_call *call = new_call(w, 10000);
        mayfly_bytes reply;
        int rc = mayfly_channel_call(w->channel, "/test.T/Echo", call,
                                     bytes("x"), &reply, NULL);
        int status = mayfly_call_status(call);
        mayfly_str why = mayfly_call_message(call);
        if (rc != 0 && status != MAYFLY_STATUS_CANCELLED)
            fprintf(stderr, "%s: %.*s\n", mayfly_status_name(status),
                    (int)why.len, why.ptr);
        mayfly_call_free(call);
        if (rc != 0 && status != MAYFLY_STATUS_CANCELLED)
            return state;
    }
    return NULL;
}

/* Looking at the calls, and ending them, while they come and go. */
static void cancels_what_is_listed(void **state)
{
    world *w = *state;
    enum { N = 4 };
    pthread_t threads[N];
    for (int i = 0; i < N; i++)
        pthread_create(&threads[i], NULL, call_until_told, w);
    for (int i = 0; i < 300; i++) {
        struct listing l = {i % 2, 0};
        mf_calls_each(w->host, cancel_found, &l);
        assert_int_equal(l.n_odd, 0);
        usleep(100);
    }
    atomic_store(&w->leave, 1);
    for (int i = 0; i < N; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(obeys_deadlines),
        TEST(cancels),
        TEST(cancels_a_blocking_call),
        TEST(cancels_what_is_listed),
        TEST(a_refused_connection_is_unavailable),
        TEST(survives_the_end_of_a_server),
        TEST(waits_for_calls_within_the_grace),
        cmocka_unit_test(a_host_ends_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
