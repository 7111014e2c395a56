/*
 * Presets: what each keeps, that options hold against them, and that idle time
 * gives back what calls on open connections have left.
 */
#include "hello.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, WAIT_MS = 30000 };

static mayfly_host *new_host(int preset, unsigned workers, unsigned idle_ms)
{
    mayfly_host *host = NULL;
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.preset = preset,
                                             .workers = workers,
                                             .idle_ms = idle_ms),
                         &host, &err));
    return host;
}

static size_t reported(mayfly_host *host, const char *arena)
{
    mayfly_memory_report *r;
    must(mayfly_memory_report_host(
        host, MAYFLY_MEMORY_OPTIONS(.parts = MAYFLY_MEMORY_CENSUS), &r, &err));
    size_t bytes = mayfly_memory_report_bytes(r, arena);
    mayfly_memory_report_free(r);
    return bytes;
}

static void test_unknown(void **state)
{
    (void)state;
    mayfly_host *host = NULL;
    must_fail(mayfly_host_new(MAYFLY_HOST_OPTIONS(.preset = 3), &host, &err),
              MAYFLY_EINVAL, "preset");
    must_fail(mayfly_host_new(MAYFLY_HOST_OPTIONS(.preset = -1), &host, &err),
              MAYFLY_EINVAL, "preset");
    must_fail(mayfly_host_new(MAYFLY_HOST_OPTIONS(.reserved = 1), &host, &err),
              MAYFLY_EINVAL, "");
    assert_null(host);
}

/* Small keeps no compile arena at all, the others until the host is idle. */
static void test_compile_arenas(void **state)
{
    (void)state;
    static const int presets[] = {MAYFLY_SMALL, MAYFLY_BALANCED, MAYFLY_FAST};
    for (int i = 0; i < 3; i++) {
        mayfly_host *host = new_host(presets[i], 0, 3600000);
        mayfly_context *c = hello_load(host, HELLO_V1, NULL);
        if (presets[i] == MAYFLY_SMALL)
            assert_int_equal(reported(host, "compile"), 0);
        else
            assert_true(reported(host, "compile") > 0);
        must(mayfly_unload(c, NULL, NULL, &err));
        mayfly_context_unref(c);
        mayfly_host_free(host);
    }
}

/* --- how many handlers that block run at once --- */

typedef struct crowd {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned in, wanted; /* handlers; whoever is in waits for `wanted` */
    unsigned most;
} crowd;

static int on_crowd(void *state, mayfly_call *call, mayfly_bytes in)
{
    crowd *c = state;
    pthread_mutex_lock(&c->lock);
    if (++c->in > c->most)
        c->most = c->in;
    pthread_cond_broadcast(&c->changed);
    while (c->most < c->wanted)
        pthread_cond_wait(&c->changed, &c->lock);
    c->in--;
    pthread_mutex_unlock(&c->lock);
    return mayfly_call_reply(call, in, NULL) != 0;
}

static void on_done(void *state, mayfly_call *call, int code,
                    mayfly_bytes reply)
{
    (void)reply;
    mayfly_call_free(call);
    atomic_fetch_add((atomic_int *)state, code == 0 ? 1 : 1000);
}

/* As many as there are workers come together, and never more. */
static void check_workers(int preset, unsigned given, unsigned expected)
{
    enum { CALLS = 40 };
    mayfly_host *host = new_host(preset, given, 0);
    crowd c = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, expected,
               0};
    mayfly_server *server;
    mayfly_channel *ch;
    char target[32];
    int port;
    atomic_int done = 0;
    must(mayfly_server_new(host, NULL, &server, &err));
    must(mayfly_server_add_raw(server, "/t.T/Crowd", on_crowd, &c,
                               MAYFLY_SERVICE_OPTIONS(.blocking = 1), &err));
    must(mayfly_server_listen(server, "127.0.0.1:0", &port, &err));
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    must(mayfly_dial(host, target, NULL, &ch, &err));
    for (int i = 0; i < CALLS; i++) {
        mayfly_call *call;
        must(mayfly_call_new(host, NULL, &call, &err));
        must(mayfly_channel_start(ch, "/t.T/Crowd", call,
                                  (mayfly_bytes){NULL, 0}, on_done, &done,
                                  &err));
    }
    for (int i = 0; i < WAIT_MS && atomic_load(&done) < CALLS; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&done), CALLS);
    assert_int_equal(c.most, expected);
    mayfly_channel_unref(ch);
    mayfly_server_free(server, 0);
    mayfly_host_free(host);
}

static void test_workers(void **state)
{
    (void)state;
    check_workers(MAYFLY_SMALL, 0, 2);
    check_workers(MAYFLY_BALANCED, 0, 4);
    check_workers(MAYFLY_FAST, 0, 16);
    check_workers(MAYFLY_SMALL, 7, 7); /* what is said holds */
    check_workers(MAYFLY_FAST, 1, 1);
}

/* --- idle time --- */

typedef struct echo {
    mayfly_host *host;
    atomic_size_t heap; /* while a handler had its request in hand */
} echo;

static int on_echo(void *state, mayfly_call *call, mayfly_bytes in)
{
    echo *e = state;
    atomic_store(&e->heap, reported(e->host, "heap"));
    return mayfly_call_reply(call, in, NULL) != 0;
}

/* The server's connection stays open: nothing but time tells that it is idle.
 */
static void test_large_calls_leave_nothing(void **state)
{
    (void)state;
    mayfly_host *host = new_host(MAYFLY_BALANCED, 0, 20);
    mayfly_host *client = new_host(MAYFLY_BALANCED, 0, 20);
    echo e = {host, 0};
    mayfly_server *server;
    mayfly_channel *ch;
    char target[32];
    int port;
    uint8_t *message = calloc(1, MIB);
    must(mayfly_server_new(host, NULL, &server, &err));
    must(mayfly_server_add_raw(server, "/t.T/Echo", on_echo, &e, NULL, &err));
    must(mayfly_server_listen(server, "127.0.0.1:0", &port, &err));
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    must(mayfly_dial(client, target, NULL, &ch, &err));
    for (size_t n = 1; n <= MIB; n *= MIB) {
        mayfly_call *call;
        mayfly_bytes reply;
        must(mayfly_call_new(client, NULL, &call, &err));
        must(mayfly_channel_call(ch, "/t.T/Echo", call,
                                 (mayfly_bytes){message, n}, &reply, &err));
        mayfly_call_free(call);
    }
    assert_true(atomic_load(&e.heap) > MIB);
    size_t kept = reported(host, "heap");
    for (int i = 0; i < WAIT_MS && kept > MIB / 2; i++) {
        usleep(1000);
        kept = reported(host, "heap");
    }
    if (kept >= MIB / 2)
        fail_msg("%zu bytes of heap are left", kept);
    mayfly_channel_unref(ch);
    mayfly_server_free(server, 0);
    mayfly_host_free(client);
    mayfly_host_free(host);
    free(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_compile_arenas),
        cmocka_unit_test(test_workers),
        cmocka_unit_test(test_large_calls_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
