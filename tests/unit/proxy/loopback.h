/*
 * A channel and a server in one process, over loopback, by the public
 * functions: what test_calls.c and test_endings.c share.
 */
#ifndef TESTS_PROXY_LOOPBACK_H
#define TESTS_PROXY_LOOPBACK_H

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

static MAYFLY_UNUSED void nap(void)
{
    usleep(1000);
}

/* --- handlers --- */

static MAYFLY_UNUSED int on_echo(void *state, mayfly_call *call,
                                 mayfly_bytes in)
{
    (void)state;
    return mayfly_call_reply(call, in, NULL) == 0 ? 0 : MAYFLY_STATUS_INTERNAL;
}

static MAYFLY_UNUSED int on_fail(void *state, mayfly_call *call,
                                 mayfly_bytes in)
{
    (void)state;
    mayfly_str text = {(const char *)in.ptr, in.len};
    if (mayfly_call_add_trailer(call, "why", (mayfly_str)MAYFLY_STR("test"),
                                NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    mayfly_call_set_status(call, MAYFLY_STATUS_NOT_FOUND, text, NULL);
    return MAYFLY_STATUS_NOT_FOUND;
}

static MAYFLY_UNUSED int on_silent(void *state, mayfly_call *call,
                                   mayfly_bytes in)
{
    (void)state;
    (void)call;
    (void)in;
    return 0;
}

/* Answers with the request's metadata: as initial metadata and as trailers. */
static MAYFLY_UNUSED int on_mirror(void *state, mayfly_call *call,
                                   mayfly_bytes in)
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

static MAYFLY_UNUSED void *complete_later(void *state)
{
    world *w = state;
    usleep(5000);
    mayfly_bytes reply = {(const uint8_t *)"later", 5};
    assert_int_equal(mayfly_call_reply(w->parked, reply, NULL), 0);
    return NULL;
}

static MAYFLY_UNUSED int on_later(void *state, mayfly_call *call,
                                  mayfly_bytes in)
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
static MAYFLY_UNUSED int on_park(void *state, mayfly_call *call,
                                 mayfly_bytes in)
{
    world *w = state;
    (void)in;
    assert_int_equal(mayfly_call_defer(call, NULL), 0);
    w->parked = call;
    atomic_store(&w->entered, 1);
    return 0;
}

/* On a worker: waits until it is told to go on. */
static MAYFLY_UNUSED int on_wait(void *state, mayfly_call *call,
                                 mayfly_bytes in)
{
    world *w = state;
    atomic_fetch_add(&w->entered, 1);
    while (!atomic_load(&w->leave) && !mayfly_call_cancelled(call))
        nap();
    atomic_store(&w->saw_cancel, mayfly_call_cancelled(call));
    return mayfly_call_reply(call, in, NULL);
}

/* On a loop: a blocking call must be refused. */
static MAYFLY_UNUSED int on_nested(void *state, mayfly_call *call,
                                   mayfly_bytes in)
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
static MAYFLY_UNUSED int on_relay(void *state, mayfly_call *call,
                                  mayfly_bytes in)
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

static MAYFLY_UNUSED void add(world *w, const char *path,
                              mayfly_raw_handler_fn handler, int blocking)
{
    assert_int_equal(mayfly_server_add_raw(
                         w->server, path, handler, w,
                         MAYFLY_SERVICE_OPTIONS(.blocking = blocking), NULL),
                     0);
}

static MAYFLY_UNUSED void
open_world(world *w, const mayfly_host_options *host_options,
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

static MAYFLY_UNUSED void close_world(world *w)
{
    if (atomic_load(&w->has_completer))
        pthread_join(w->completer, NULL);
    mayfly_channel_unref(w->channel);
    mayfly_server_free(w->server, 0);
    mayfly_host_free(w->host);
}

static MAYFLY_UNUSED int setup(void **state)
{
    static world w;
    open_world(&w, NULL, NULL);
    *state = &w;
    return 0;
}

static MAYFLY_UNUSED int teardown(void **state)
{
    close_world(*state);
    return 0;
}

static MAYFLY_UNUSED mayfly_call *new_call(world *w, unsigned timeout_ms)
{
    mayfly_call *call;
    assert_int_equal(
        mayfly_call_new(w->host, MAYFLY_CALL_OPTIONS(.timeout_ms = timeout_ms),
                        &call, NULL),
        0);
    return call;
}

static MAYFLY_UNUSED mayfly_bytes bytes(const char *text)
{
    return (mayfly_bytes){(const uint8_t *)text, strlen(text)};
}

/* Calls and expects `status`; the reply must be `reply` when it is OK. */
static MAYFLY_UNUSED mayfly_call *expect(world *w, const char *path,
                                         const char *request, int status,
                                         const char *reply)
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

typedef struct outcome {
    atomic_int n;
    atomic_int code;
    atomic_int status;
} outcome;

static MAYFLY_UNUSED void on_done(void *state, mayfly_call *call, int code,
                                  mayfly_bytes reply)
{
    outcome *o = state;
    (void)reply;
    atomic_store(&o->code, code);
    atomic_store(&o->status, mayfly_call_status(call));
    atomic_fetch_add(&o->n, 1);
}

static MAYFLY_UNUSED void start(world *w, const char *path, mayfly_call *call,
                                outcome *o)
{
    assert_int_equal(mayfly_channel_start(w->channel, path, call, bytes("x"),
                                          on_done, o, NULL),
                     0);
}

static MAYFLY_UNUSED void await(outcome *o, int n)
{
    while (atomic_load(&o->n) < n)
        nap();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
