/*
 * Allocations failed while a server and a client talk: every call ends, with a
 * reply or an error, nothing leaks, and when memory is back calls succeed
 * again. With and without interceptors, whose begins and ends are counted.
 *
 * Loop threads allocate when they like, so which allocation fails is not the
 * same in every run; the sweep is wide enough to meet each.
 */
#include <mayfly/mayfly.h>

#include "tests/support/fault.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

static uint8_t payload[100000];

static int echo(void *state, mayfly_call *call, mayfly_bytes request)
{
    (void)state;
    mayfly_call_add_metadata(call, "side", (mayfly_str)MAYFLY_STR("server"),
                             NULL);
    mayfly_call_add_trailer(call, "end", (mayfly_str)MAYFLY_STR("yes"), NULL);
    if (mayfly_call_reply(call, request, NULL) != 0)
        return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
    return 0;
}

/* --- interceptors that change all there is --- */

static atomic_int n_begun, n_ended, n_released;
static int n_installed;

static int on_begin(void *state, void *memory, mayfly_call *call)
{
    atomic_fetch_add(&n_begun, 1);
    *(void **)memory = state;
    return mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "more-bin",
                                mayfly_str_of("x"), NULL);
}

static int on_message(void *state, void *memory, mayfly_call *call,
                      enum mayfly_direction direction, mayfly_bytes *message)
{
    mayfly_str copy = mayfly_arena_str(
        mayfly_call_arena(call), (const char *)message->ptr, message->len);
    (void)direction;
    if (!copy.ptr || *(void **)memory != state)
        return MAYFLY_ENOMEM;
    message->ptr = (const uint8_t *)copy.ptr;
    return 0;
}

static void on_end(void *state, void *memory, mayfly_call *call)
{
    size_t n;
    (void)state;
    (void)memory;
    atomic_fetch_add(&n_ended, 1);
    mayfly_intercept_metadata(call, MAYFLY_REQUEST_METADATA, &n);
    mayfly_intercept_add(call, MAYFLY_TRAILERS, "end", mayfly_str_of("too"),
                         NULL);
}

static void on_release(void *state)
{
    (void)state;
    atomic_fetch_add(&n_released, 1);
}

static const mayfly_interceptor changes = {.size = sizeof changes,
                                           .memory_bytes = 3000,
                                           .begin = on_begin,
                                           .message = on_message,
                                           .end = on_end};

/* One connection, one call. */
static int talk(mayfly_host *host, int port, int intercepted, mayfly_error *err)
{
    const mayfly_intercept_options with = {.size = sizeof with,
                                           .release = on_release};
    mayfly_channel *channel = NULL;
    mayfly_call *call = NULL;
    mayfly_bytes request = {payload, sizeof payload};
    mayfly_bytes reply = {NULL, 0};
    char target[32];
    int code;

    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    code = mayfly_dial(host, target, NULL, &channel, err);
    if (code == 0 && intercepted) {
        code = mayfly_channel_intercept(channel, &changes, &with, NULL, err);
        n_installed += code == 0;
    }
    if (code == 0)
        code = mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 2000),
                               &call, err);
    if (code == 0)
        code = mayfly_call_add_metadata(call, "side",
                                        (mayfly_str)MAYFLY_STR("client"), err);
    if (code == 0)
        code = mayfly_channel_call(channel, "/a.B/Echo", call, request, &reply,
                                   err);
    if (code == 0 && (reply.len != sizeof payload ||
                      memcmp(reply.ptr, payload, sizeof payload) != 0))
        code = MAYFLY_EINTERNAL;
    mayfly_call_free(call);
    mayfly_channel_unref(channel);
    return code;
}

/* Makes a host with a server, calls with failures from allocation `n` on, then
 * without. Returns how many allocations there were. */
static long once(long n, int for_ever, int intercepted)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_server *server;
    mayfly_host *host;
    int port = 0;
    fault f;

    fault_init(&f, 0, 0);
    mayfly_allocator table = fault_table(&f);
    assert_int_equal(
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = &table), &host, &err),
        0);
    assert_int_equal(mayfly_server_new(host, NULL, &server, &err), 0);
    assert_int_equal(
        mayfly_server_add_raw(server, "/a.B/Echo", echo, NULL, NULL, &err), 0);
    assert_int_equal(mayfly_server_listen(server, "127.0.0.1:0", &port, &err),
                     0);
    if (intercepted) {
        assert_int_equal(mayfly_server_intercept(
                             server, &changes,
                             MAYFLY_INTERCEPT_OPTIONS(.release = on_release),
                             NULL, &err),
                         0);
        n_installed++;
    }
    f.for_ever = for_ever;
    long before = atomic_load(&f.seen);
    f.fail_at = n ? before + n : 0;
    int code = talk(host, port, intercepted, &err);
    long seen = atomic_load(&f.seen) - before;
    if (code != 0 && code != MAYFLY_ENOMEM && code != MAYFLY_ESTATUS)
        fail_msg("allocation %ld: %s: %s", n, mayfly_error_name(code),
                 err.message);
    f.fail_at = 0;
    if (n)
        for (code = -1; code != 0;) { /* a connection may still be dying */
            code = talk(host, port, intercepted, &err);
            if (code != 0 && code != MAYFLY_ESTATUS)
                fail_msg("after allocation %ld failed: %s", n, err.message);
        }
    mayfly_server_free(server, 1000);
    mayfly_host_free(host);
    if (atomic_load(&f.live) != 0)
        fail_msg("allocation %ld: %ld blocks leaked", n, atomic_load(&f.live));
    return seen;
}

static void each_allocation_of_a_call(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7);
    for (int intercepted = 0; intercepted < 2; intercepted++) {
        long total = once(0, 0, intercepted);
        assert_true(total > 5);
        for (int for_ever = 0; for_ever < 2; for_ever++)
            for (long n = 1; n <= total + 2; n++)
                once(n, for_ever, intercepted);
    }
    assert_true(n_begun > 20);
    assert_int_equal(n_begun, n_ended);
    assert_int_equal(n_installed, n_released);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
