/* Calls over loopback: what travels, who answers, how many at once. */
#include "tests/unit/proxy/loopback.h"

#include "tests/support/fault.h"

#include <netdb.h>

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

static void a_name_is_looked_up(void **state)
{
    world *w = *state;
    mayfly_channel *before = w->channel;
    struct addrinfo *found;
    char target[80];
    if (getaddrinfo("localhost", NULL, NULL, &found) != 0)
        skip(); /* a bare system knows no names at all */
    freeaddrinfo(found);
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

/* What calls leave behind for speed goes when it is asked for. */
static void trims(void **state)
{
    world w;
    fault f;
    enum { N = 200 };
    mayfly_call *calls[N];
    outcome o = {0};
    (void)state;
    fault_init(&f, 0, 0);
    mayfly_allocator table = fault_table(&f);
    open_world(&w, MAYFLY_HOST_OPTIONS(.allocator = &table, .idle_ms = 60000),
               NULL);
    mayfly_call_free(expect(&w, "/test.T/Echo", "warm", 0, "warm"));
    mayfly_host_trim(w.host);
    long before = atomic_load(&f.live);
    for (int i = 0; i < N; i++)
        start(&w, "/test.T/Echo", calls[i] = new_call(&w, 0), &o);
    await(&o, N);
    for (int i = 0; i < N; i++)
        mayfly_call_free(calls[i]);
    long after = atomic_load(&f.live);
    mayfly_host_trim(w.host);
    assert_true(atomic_load(&f.live) < after);
    /* the sessions' own tables may have grown */
    assert_in_range(atomic_load(&f.live), 1, before + 20);
    close_world(&w);
    assert_int_equal(atomic_load(&f.live), 0);
}

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
        TEST(starts_many_at_once),
        TEST(serves_many_threads),
        cmocka_unit_test(serves_on_several_loops),
        cmocka_unit_test(bounds_messages),
        TEST(a_name_is_looked_up),
        TEST(speaks_over_unix_sockets),
        cmocka_unit_test(trims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
