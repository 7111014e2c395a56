/*
 * Everything at once: threads that call, start, cancel and give up calls on
 * shared channels, channels and servers that come and go, a host that ends in
 * the midst. What counts is that nothing crashes, hangs or races, and that
 * every call that was started is told its end once.
 */
#include <mayfly/mayfly.h>

#include "tests/stress/parked.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { CALLERS = 6, ROUNDS = 500 };

typedef struct stress {
    mayfly_host *host;
    mayfly_server *server;
    mayfly_channel *channel; /* shared by all */
    char target[64];
    atomic_int stop;
    atomic_int started, told; /* calls that were not waited for */
    atomic_int odd;           /* answers that should not be */
    parked parked;
} stress;

static int on_echo(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    return mayfly_call_reply(call, in, NULL) == MAYFLY_EINVAL
               ? MAYFLY_STATUS_INTERNAL
               : 0;
}

static void on_done(void *state, mayfly_call *call, int code,
                    mayfly_bytes reply)
{
    stress *s = state;
    (void)reply;
    if (code != 0 && code != MAYFLY_ESTATUS)
        atomic_fetch_add(&s->odd, 1);
    mayfly_call_free(call);
    atomic_fetch_add(&s->told, 1);
}

static const char *const paths[] = {"/s.S/Echo", "/s.S/EchoWorker", "/s.S/Park",
                                    "/s.S/None"};

static void one_call(stress *s, mayfly_channel *channel, unsigned *seed)
{
    mayfly_call *call;
    mayfly_bytes reply, request = {(const uint8_t *)"request", 7};
    int what = rand_r(seed) % 8;
    const char *path = paths[rand_r(seed) % 4];
    unsigned timeout = rand_r(seed) % 4 ? 2000 : 1;
    if (mayfly_call_new(s->host, MAYFLY_CALL_OPTIONS(.timeout_ms = timeout),
                        &call, NULL) != 0)
        return;
    if (what < 4) {
        int rc =
            mayfly_channel_call(channel, path, call, request, &reply, NULL);
        if (rc != 0 && rc != MAYFLY_ESTATUS && rc != MAYFLY_ECANCELLED)
            atomic_fetch_add(&s->odd, 1);
        mayfly_call_free(call);
        return;
    }
    if (what < 7) { /* told by on_done, which frees it */
        atomic_fetch_add(&s->started, 1);
        if (mayfly_channel_start(channel, path, call, request, on_done, s,
                                 NULL) != 0) {
            atomic_fetch_sub(&s->started, 1);
            mayfly_call_free(call);
        }
        return;
    }
    /* given up while it is under way */
    if (mayfly_channel_start(channel, path, call, request, NULL, NULL, NULL) ==
        0)
        if (rand_r(seed) % 2)
            mayfly_call_cancel(call);
    mayfly_call_free(call);
}

static void *call_around(void *state)
{
    stress *s = state;
    unsigned seed = (unsigned)(uintptr_t)pthread_self();
    for (int i = 0; i < ROUNDS && !atomic_load(&s->stop); i++) {
        mayfly_channel *own;
        one_call(s, s->channel, &seed);
        if (i % 10 == 0 &&
            mayfly_dial(s->host, s->target, NULL, &own, NULL) == 0) {
            one_call(s, own, &seed);
            one_call(s, own, &seed);
            mayfly_channel_unref(own);
        }
    }
    return NULL;
}

static void serve(stress *s, const char *address)
{
    int port;
    assert_int_equal(mayfly_server_new(s->host, NULL, &s->server, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mayfly_server_add_raw(
                             s->server, paths[i], i == 2 ? park : on_echo,
                             i == 2 ? (void *)&s->parked : s,
                             MAYFLY_SERVICE_OPTIONS(.blocking = i == 1), NULL),
                         0);
    assert_int_equal(mayfly_server_listen(s->server, address, &port, NULL), 0);
    snprintf(s->target, sizeof s->target, "127.0.0.1:%d", port);
}

static void begin(stress *s, unsigned loops)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->parked.lock, NULL);
    assert_int_equal(
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.loops = loops, .workers = 2),
                        &s->host, NULL),
        0);
    serve(s, "127.0.0.1:0");
    assert_int_equal(mayfly_dial(s->host, s->target, NULL, &s->channel, NULL),
                     0);
}

static void check(stress *s)
{
    assert_int_equal(atomic_load(&s->started), atomic_load(&s->told));
    assert_int_equal(atomic_load(&s->odd), 0);
    pthread_mutex_destroy(&s->parked.lock);
}

static void calls_of_all_kinds(void **state)
{
    static stress s;
    pthread_t callers[CALLERS], completer;
    (void)state;
    for (unsigned loops = 1; loops < 4; loops += 2) {
        begin(&s, loops);
        pthread_create(&completer, NULL, complete, &s.parked);
        for (int i = 0; i < CALLERS; i++)
            pthread_create(&callers[i], NULL, call_around, &s);
        for (int i = 0; i < CALLERS; i++)
            pthread_join(callers[i], NULL);
        mayfly_channel_unref(s.channel);
        mayfly_server_free(s.server, 1000);
        atomic_store(&s.stop, 1);
        atomic_store(&s.parked.stop, 1);
        pthread_join(completer, NULL);
        complete_parked(&s.parked);
        mayfly_host_free(s.host);
        check(&s);
    }
}

/* The server is replaced again and again under the callers. */
static void servers_come_and_go(void **state)
{
    static stress s;
    pthread_t callers[CALLERS], completer;
    (void)state;
    begin(&s, 2);
    pthread_create(&completer, NULL, complete, &s.parked);
    for (int i = 0; i < CALLERS; i++)
        pthread_create(&callers[i], NULL, call_around, &s);
    for (int i = 0; i < 10; i++) {
        char target[64];
        snprintf(target, sizeof target, "%s", s.target);
        usleep(2000);
        mayfly_server_free(s.server, i % 2 ? 5 : 0);
        int port;
        assert_int_equal(mayfly_server_new(s.host, NULL, &s.server, NULL), 0);
        assert_int_equal(
            mayfly_server_add_raw(s.server, paths[0], on_echo, &s, NULL, NULL),
            0);
        assert_int_equal(mayfly_server_listen(s.server, target, &port, NULL),
                         0);
    }
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    mayfly_channel_unref(s.channel);
    mayfly_server_free(s.server, 0);
    atomic_store(&s.stop, 1);
    atomic_store(&s.parked.stop, 1);
    pthread_join(completer, NULL);
    complete_parked(&s.parked);
    mayfly_host_free(s.host);
    check(&s);
}

/* The host ends while calls are started and completed. A context of use that
 * may not touch the host any more stops first: here, the callers hold
 * references. */
static void a_host_ends_in_the_midst(void **state)
{
    static stress s;
    pthread_t callers[CALLERS], completer;
    (void)state;
    for (int round = 0; round < 5; round++) {
        mayfly_call *keep; /* a handle: the host's memory stays */
        begin(&s, 2);
        assert_int_equal(mayfly_call_new(s.host, NULL, &keep, NULL), 0);
        pthread_create(&completer, NULL, complete, &s.parked);
        for (int i = 0; i < CALLERS; i++)
            pthread_create(&callers[i], NULL, call_around, &s);
        usleep(3000);
        mayfly_host_free(s.host);
        for (int i = 0; i < CALLERS; i++)
            pthread_join(callers[i], NULL);
        atomic_store(&s.stop, 1);
        atomic_store(&s.parked.stop, 1);
        pthread_join(completer, NULL);
        complete_parked(&s.parked);
        mayfly_channel_unref(s.channel);
        mayfly_server_free(s.server, 0);
        mayfly_call_free(keep);
        check(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_all_kinds),
        cmocka_unit_test(servers_come_and_go),
        cmocka_unit_test(a_host_ends_in_the_midst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
