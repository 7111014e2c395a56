/* A channel and a server in one process, over loopback, by the public
 * functions. */
#include <mayfly/mayfly.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct world {
    mayfly_host *host;
    mayfly_server *server;
    mayfly_channel *channel;
    char target[64];
    pthread_t completer; /* of the deferred call */
    atomic_int has_completer;
    mayfly_call *parked;
    atomic_int entered; /* a handler that waits has begun */
    atomic_int leave;   /* and may go on */
    atomic_int saw_cancel;
} world;

static void nap(void)
{
    usleep(1000);
}

/* --- handlers --- */

static int on_echo(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    return mayfly_call_reply(call, in, NULL) == 0 ? 0 : MAYFLY_STATUS_INTERNAL;
}

static int on_fail(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    mayfly_str text = {(const char *)in.ptr, in.len};
    if (mayfly_call_add_trailer(call, "why", (mayfly_str)MAYFLY_STR("test"),
                                NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    mayfly_call_set_status(call, MAYFLY_STATUS_NOT_FOUND, text, NULL);
    return MAYFLY_STATUS_NOT_FOUND;
}

static int on_silent(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    (void)call;
    (void)in;
    return 0;
}

/* Answers with the request's metadata: as initial metadata and as trailers. */
static int on_mirror(void *state, mayfly_call *call, mayfly_bytes in)
{
    size_t n;
    (void)state;
    const mayfly_metadata *m = mayfly_call_metadata(call, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(m[i].key.ptr, "user-agent") == 0)
            continue;
        if (mayfly_call_add_metadata(call, m[i].key.ptr, m[i].value, NULL) ||
            mayfly_call_add_trailer(call, m[i].key.ptr, m[i].value, NULL))
            return MAYFLY_STATUS_INTERNAL;
    }
    return mayfly_call_reply(call, in, NULL);
}

static void *complete_later(void *state)
{
    world *w = state;
    usleep(5000);
    mayfly_bytes reply = {(const uint8_t *)"later", 5};
    assert_int_equal(mayfly_call_reply(w->parked, reply, NULL), 0);
    return NULL;
}

static int on_later(void *state, mayfly_call *call, mayfly_bytes in)
{
    world *w = state;
    (void)in;
    assert_int_equal(mayfly_call_defer(call, NULL), 0);
    assert_int_equal(mayfly_call_defer(call, NULL), MAYFLY_EINVAL);
    w->parked = call;
    assert_int_equal(pthread_create(&w->completer, NULL, complete_later, w), 0);
    atomic_store(&w->has_completer, 1);
    return MAYFLY_STATUS_INTERNAL; /* not looked at */
}

/* Keeps the call until the test completes it. */
static int on_park(void *state, mayfly_call *call, mayfly_bytes in)
{
    world *w = state;
    (void)in;
    assert_int_equal(mayfly_call_defer(call, NULL), 0);
    w->parked = call;
    atomic_store(&w->entered, 1);
    return 0;
}

/* On a worker: waits until it is told to go on. */
static int on_wait(void *state, mayfly_call *call, mayfly_bytes in)
{
    world *w = state;
    atomic_fetch_add(&w->entered, 1);
    while (!atomic_load(&w->leave) && !mayfly_call_cancelled(call))
        nap();
    atomic_store(&w->saw_cancel, mayfly_call_cancelled(call));
    return mayfly_call_reply(call, in, NULL);
}

/* On a loop: a blocking call must be refused. */
static int on_nested(void *state, mayfly_call *call, mayfly_bytes in)
{
    world *w = state;
    mayfly_call *inner;
    mayfly_bytes reply;
    assert_int_equal(mayfly_call_new(w->host, NULL, &inner, NULL), 0);
    int rc = mayfly_channel_call(w->channel, "/test.T/Echo", inner, in, &reply,
                                 NULL);
    mayfly_call_free(inner);
    return rc == MAYFLY_EONLOOP ? mayfly_call_reply(call, in, NULL)
                                : MAYFLY_STATUS_INTERNAL;
}

/* On a worker: a blocking call within a call. */
static int on_relay(void *state, mayfly_call *call, mayfly_bytes in)
{
    world *w = state;
    mayfly_call *inner;
    mayfly_bytes reply;
    if (mayfly_call_new(w->host, NULL, &inner, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    int rc = mayfly_channel_call(w->channel, "/test.T/Echo", inner, in, &reply,
                                 NULL);
    if (rc == 0)
        rc = mayfly_call_reply(call, reply, NULL);
    mayfly_call_free(inner);
    return rc ? MAYFLY_STATUS_INTERNAL : 0;
}

/* --- the world --- */

static void add(world *w, const char *path, mayfly_raw_handler_fn handler,
                int blocking)
{
    assert_int_equal(mayfly_server_add_raw(
                         w->server, path, handler, w,
                         MAYFLY_SERVICE_OPTIONS(.blocking = blocking), NULL),
                     0);
}

static void open_world(world *w, const mayfly_host_options *host_options,
                       const mayfly_server_options *server_options)
{
    int port;
    mayfly_error err = MAYFLY_ERROR_INIT;
    memset(w, 0, sizeof *w);
    assert_int_equal(mayfly_host_new(host_options, &w->host, &err), 0);
    assert_int_equal(
        mayfly_server_new(w->host, server_options, &w->server, &err), 0);
    add(w, "/test.T/Echo", on_echo, 0);
    add(w, "/test.T/EchoWorker", on_echo, 1);
    add(w, "/test.T/Fail", on_fail, 0);
    add(w, "/test.T/Silent", on_silent, 0);
    add(w, "/test.T/Mirror", on_mirror, 0);
    add(w, "/test.T/Later", on_later, 0);
    add(w, "/test.T/Park", on_park, 0);
    add(w, "/test.T/Wait", on_wait, 1);
    add(w, "/test.T/Nested", on_nested, 0);
    add(w, "/test.T/Relay", on_relay, 1);
    assert_int_equal(
        mayfly_server_listen(w->server, "127.0.0.1:0", &port, &err), 0);
    snprintf(w->target, sizeof w->target, "127.0.0.1:%d", port);
    assert_int_equal(mayfly_dial(w->host, w->target, NULL, &w->channel, &err),
                     0);
}

static void close_world(world *w)
{
    if (atomic_load(&w->has_completer))
        pthread_join(w->completer, NULL);
    mayfly_channel_unref(w->channel);
    mayfly_server_free(w->server, 0);
    mayfly_host_free(w->host);
}

static int setup(void **state)
{
    static world w;
    open_world(&w, NULL, NULL);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    close_world(*state);
    return 0;
}

static mayfly_call *new_call(world *w, unsigned timeout_ms)
{
    mayfly_call *call;
    assert_int_equal(
        mayfly_call_new(w->host, MAYFLY_CALL_OPTIONS(.timeout_ms = timeout_ms),
                        &call, NULL),
        0);
    return call;
}

static mayfly_bytes bytes(const char *text)
{
    return (mayfly_bytes){(const uint8_t *)text, strlen(text)};
}

/* Calls and expects `status`; the reply must be `reply` when it is OK. */
static mayfly_call *expect(world *w, const char *path, const char *request,
                           int status, const char *reply)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_call *call = new_call(w, 0);
    mayfly_bytes got = {0};
    int rc =
        mayfly_channel_call(w->channel, path, call, bytes(request), &got, &err);
    if (rc != 0 && status == 0)
        fprintf(stderr, "%s: %s\n", path, err.message);
    assert_int_equal(rc, status ? MAYFLY_ESTATUS : 0);
    assert_int_equal(mayfly_call_status(call), status);
    if (status == 0) {
        assert_int_equal(got.len, strlen(reply));
        assert_memory_equal(got.ptr, reply, got.len);
    }
    return call;
}

/* --- tests --- */

static void echoes(void **state)
{
    for (int i = 0; i < 100; i++)
        mayfly_call_free(expect(*state, "/test.T/Echo", "hello", 0, "hello"));
    mayfly_call_free(expect(*state, "/test.T/Echo", "", 0, ""));
    mayfly_call_free(expect(*state, "/test.T/EchoWorker", "w", 0, "w"));
}

static void tells_status_and_trailers(void **state)
{
    const char *text = "no such user: \xc3\xa4 100% \n";
    mayfly_call *call =
        expect(*state, "/test.T/Fail", text, MAYFLY_STATUS_NOT_FOUND, NULL);
    mayfly_str got = mayfly_call_message(call);
    assert_int_equal(got.len, strlen(text));
    assert_memory_equal(got.ptr, text, got.len);
    size_t n;
    const mayfly_metadata *m = mayfly_call_trailers(call, &n);
    assert_int_equal(n, 1);
    assert_string_equal(m[0].key.ptr, "why");
    assert_string_equal(m[0].value.ptr, "test");
    assert_string_equal(mayfly_call_find(call, "why").ptr, "test");
    assert_null(mayfly_call_find(call, "not there").ptr);
    mayfly_call_free(call);
}

static void carries_long_status_texts(void **state)
{
    size_t n = 60000;
    char *text = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i % 26);
    text[n] = '\0';
    mayfly_call *call =
        expect(*state, "/test.T/Fail", text, MAYFLY_STATUS_NOT_FOUND, NULL);
    mayfly_str got = mayfly_call_message(call);
    assert_int_equal(got.len, n);
    assert_memory_equal(got.ptr, text, n);
    mayfly_call_free(call);
    free(text);
}

static void carries_large_messages(void **state)
{
    world *w = *state;
    size_t n = 1 << 20;
    uint8_t *big = malloc(n);
    for (size_t i = 0; i < n; i++)
        big[i] = (uint8_t)(i * 7 + i / 256);
    for (int i = 0; i < 5; i++) {
        mayfly_call *call = new_call(w, 0);
        mayfly_bytes reply;
        assert_int_equal(mayfly_channel_call(w->channel, "/test.T/Echo", call,
                                             (mayfly_bytes){big, n}, &reply,
                                             NULL),
                         0);
        assert_int_equal(reply.len, n);
        assert_memory_equal(reply.ptr, big, n);
        mayfly_call_free(call);
    }
    free(big);
}

static void carries_metadata_both_ways(void **state)
{
    world *w = *state;
    mayfly_call *call = new_call(w, 0);
    mayfly_str ascii = MAYFLY_STR("v a l u e");
    mayfly_str binary = MAYFLY_STR("\0\xff\x80 bin");
    mayfly_bytes reply;
    assert_int_equal(mayfly_call_add_metadata(call, "x-a", ascii, NULL), 0);
    assert_int_equal(mayfly_call_add_metadata(call, "x-bin", binary, NULL), 0);
    assert_int_equal(mayfly_call_add_metadata(call, "x-a", binary, NULL),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_call_add_metadata(call, "grpc-x", ascii, NULL),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_call_add_metadata(call, "Upper", ascii, NULL),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_call_add_trailer(call, "x-t", ascii, NULL),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_channel_call(w->channel, "/test.T/Mirror", call,
                                         bytes("x"), &reply, NULL),
                     0);
    for (int trailers = 0; trailers < 2; trailers++) {
        size_t n;
        const mayfly_metadata *m = trailers ? mayfly_call_trailers(call, &n)
                                            : mayfly_call_metadata(call, &n);
        assert_int_equal(n, 2);
        assert_string_equal(m[0].key.ptr, "x-a");
        assert_string_equal(m[0].value.ptr, "v a l u e");
        assert_string_equal(m[1].key.ptr, "x-bin");
        assert_int_equal(m[1].value.len, binary.len);
        assert_memory_equal(m[1].value.ptr, binary.ptr, binary.len);
    }
    assert_int_equal(mayfly_call_add_metadata(call, "x-b", ascii, NULL),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_channel_call(w->channel, "/test.T/Echo", call,
                                         bytes("x"), &reply, NULL),
                     MAYFLY_EINVAL);
    mayfly_call_free(call);
}

static void refuses_unknown_methods(void **state)
{
    world *w = *state;
    mayfly_call *call = expect(w, "/test.T/Nope", "", 12, NULL);
    assert_string_equal(mayfly_call_message(call).ptr, "unknown method");
    mayfly_call_free(call);
    call = expect(w, "/test.Nope/Nope", "", 12, NULL);
    assert_string_equal(mayfly_call_message(call).ptr, "unknown service");
    mayfly_call_free(call);
    call = new_call(w, 0);
    mayfly_bytes reply;
    assert_int_equal(mayfly_channel_call(w->channel, "no path", call, bytes(""),
                                         &reply, NULL),
                     MAYFLY_EINVAL);
    mayfly_call_free(call);
    assert_int_equal(mayfly_server_add_raw(w->server, "/test.T/Echo", on_echo,
                                           NULL, NULL, NULL),
                     MAYFLY_EEXIST);
    assert_int_equal(
        mayfly_server_add_raw(w->server, "Echo", on_echo, NULL, NULL, NULL),
        MAYFLY_EINVAL);
}

static void a_handler_without_reply_is_an_error(void **state)
{
    mayfly_call_free(expect(*state, "/test.T/Silent", "", 13, NULL));
}

static void completes_deferred_calls_from_a_thread(void **state)
{
    mayfly_call_free(expect(*state, "/test.T/Later", "", 0, "later"));
}

static void refuses_blocking_on_a_loop(void **state)
{
    mayfly_call_free(expect(*state, "/test.T/Nested", "n", 0, "n"));
    mayfly_call_free(expect(*state, "/test.T/Relay", "r", 0, "r"));
}

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

typedef struct outcome {
    atomic_int n;
    atomic_int code;
    atomic_int status;
} outcome;

static void on_done(void *state, mayfly_call *call, int code,
                    mayfly_bytes reply)
{
    outcome *o = state;
    (void)reply;
    atomic_store(&o->code, code);
    atomic_store(&o->status, mayfly_call_status(call));
    atomic_fetch_add(&o->n, 1);
}

static void start(world *w, const char *path, mayfly_call *call, outcome *o)
{
    assert_int_equal(mayfly_channel_start(w->channel, path, call, bytes("x"),
                                          on_done, o, NULL),
                     0);
}

static void await(outcome *o, int n)
{
    while (atomic_load(&o->n) < n)
        nap();
}

static void starts_many_at_once(void **state)
{
    world *w = *state;
    enum { N = 300 };
    mayfly_call *calls[N];
    outcome o = {0};
    for (int i = 0; i < N; i++)
        start(w, "/test.T/Echo", calls[i] = new_call(w, 0), &o);
    await(&o, N);
    assert_int_equal(atomic_load(&o.code), 0);
    for (int i = 0; i < N; i++)
        mayfly_call_free(calls[i]);
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

enum { THREADS = 16, CALLS = 200 };

/* Returns NULL, or its argument when something was wrong. */
static void *call_many(void *state)
{
    world *w = state;
    for (int i = 0; i < CALLS; i++) {
        mayfly_call *call = new_call(w, 10000);
        mayfly_bytes reply;
        const char *path = i % 8 ? "/test.T/Echo" : "/test.T/EchoWorker";
        char text[32];
        int n = snprintf(text, sizeof text, "%d", i);
        if (mayfly_channel_call(w->channel, path, call, bytes(text), &reply,
                                NULL) != 0 ||
            reply.len != (size_t)n || memcmp(reply.ptr, text, reply.len) != 0)
            return state;
        mayfly_call_free(call);
    }
    return NULL;
}

static void serves_many_threads(void **state)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, call_many, *state);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static void serves_on_several_loops(void **state)
{
    world w;
    (void)state;
    open_world(&w, MAYFLY_HOST_OPTIONS(.loops = 3, .workers = 2), NULL);
    for (int i = 0; i < 6; i++) {
        mayfly_channel *before = w.channel;
        mayfly_call_free(expect(&w, "/test.T/Echo", "a", 0, "a"));
        assert_int_equal(mayfly_dial(w.host, w.target, NULL, &w.channel, NULL),
                         0);
        mayfly_channel_unref(before);
    }
    serves_many_threads((void *[]){&w});
    close_world(&w);
}

static void bounds_messages(void **state)
{
    world w;
    uint8_t big[2000] = {0};
    mayfly_bytes reply, request = {big, sizeof big};
    (void)state;
    open_world(&w, NULL, MAYFLY_SERVER_OPTIONS(.message_bytes_max = 1000));
    mayfly_call *call = new_call(&w, 0);
    assert_int_equal(mayfly_channel_call(w.channel, "/test.T/Echo", call,
                                         request, &reply, NULL),
                     MAYFLY_ESTATUS);
    assert_int_equal(mayfly_call_status(call),
                     MAYFLY_STATUS_RESOURCE_EXHAUSTED);
    mayfly_call_free(call);
    assert_int_equal(
        mayfly_call_new(w.host, MAYFLY_CALL_OPTIONS(.message_bytes_max = 100),
                        &call, NULL),
        0);
    request.len = 500;
    assert_int_equal(mayfly_channel_call(w.channel, "/test.T/Echo", call,
                                         request, &reply, NULL),
                     MAYFLY_ESTATUS);
    assert_int_equal(mayfly_call_status(call),
                     MAYFLY_STATUS_RESOURCE_EXHAUSTED);
    mayfly_call_free(call);
    mayfly_call_free(expect(&w, "/test.T/Echo", "on", 0, "on"));
    close_world(&w);
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

static void a_name_is_looked_up(void **state)
{
    world *w = *state;
    mayfly_channel *before = w->channel;
    char target[80];
    snprintf(target, sizeof target, "localhost:%s",
             strrchr(w->target, ':') + 1);
    assert_int_equal(mayfly_dial(w->host, target, NULL, &w->channel, NULL), 0);
    mayfly_call_free(expect(w, "/test.T/Echo", "l", 0, "l"));
    mayfly_channel_unref(w->channel);
    w->channel = before;
}

static void speaks_over_unix_sockets(void **state)
{
    world *w = *state;
    mayfly_channel *before = w->channel;
    char target[80];
    snprintf(target, sizeof target, "unix:/tmp/mayfly-test-%d", (int)getpid());
    assert_int_equal(mayfly_server_listen(w->server, target, NULL, NULL), 0);
    assert_int_equal(mayfly_dial(w->host, target, NULL, &w->channel, NULL), 0);
    mayfly_call *call = expect(w, "/test.T/Echo", "u", 0, "u");
    assert_string_equal(mayfly_call_peer(call), target);
    mayfly_call_free(call);
    mayfly_channel_unref(w->channel);
    w->channel = before;
    assert_int_equal(mayfly_server_listen(w->server, target, NULL, NULL),
                     MAYFLY_EIO);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(echoes),
        TEST(tells_status_and_trailers),
        TEST(carries_long_status_texts),
        TEST(carries_large_messages),
        TEST(carries_metadata_both_ways),
        TEST(refuses_unknown_methods),
        TEST(a_handler_without_reply_is_an_error),
        TEST(completes_deferred_calls_from_a_thread),
        TEST(refuses_blocking_on_a_loop),
        TEST(obeys_deadlines),
        TEST(starts_many_at_once),
        TEST(cancels),
        TEST(cancels_a_blocking_call),
        TEST(serves_many_threads),
        cmocka_unit_test(serves_on_several_loops),
        cmocka_unit_test(bounds_messages),
        TEST(a_refused_connection_is_unavailable),
        TEST(a_name_is_looked_up),
        TEST(speaks_over_unix_sockets),
        TEST(survives_the_end_of_a_server),
        TEST(waits_for_calls_within_the_grace),
        cmocka_unit_test(a_host_ends_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
