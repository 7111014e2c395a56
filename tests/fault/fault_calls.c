/*
 * Allocations failed while a server and a client talk: every call ends, with a
 * reply or an error, nothing leaks, and when memory is back calls succeed
 * again.
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

/* One connection, one call. */
static int talk(mayfly_host *host, int port, mayfly_error *err)
{
    mayfly_channel *channel = NULL;
    mayfly_call *call = NULL;
    mayfly_bytes request = {payload, sizeof payload};
    mayfly_bytes reply = {NULL, 0};
    char target[32];
    int code;

    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    code = mayfly_dial(host, target, NULL, &channel, err);
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
static long once(long n, int for_ever)
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
    f.for_ever = for_ever;
    long before = atomic_load(&f.seen);
    f.fail_at = n ? before + n : 0;
    int code = talk(host, port, &err);
    long seen = atomic_load(&f.seen) - before;
    if (code != 0 && code != MAYFLY_ENOMEM && code != MAYFLY_ESTATUS)
        fail_msg("allocation %ld: %s: %s", n, mayfly_error_name(code),
                 err.message);
    f.fail_at = 0;
    if (n)
        for (code = -1; code != 0;) { /* a connection may still be dying */
            code = talk(host, port, &err);
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
    long total = once(0, 0);
    assert_true(total > 5);
    for (int for_ever = 0; for_ever < 2; for_ever++)
        for (long n = 1; n <= total + 2; n++)
            once(n, for_ever);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
