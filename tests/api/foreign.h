/*
 * tests/api/foreign.h: a host on a uv_loop_t of the test's own, which serves
 * and calls itself.
 */
#ifndef TESTS_API_FOREIGN_H
#define TESTS_API_FOREIGN_H

#include <mayfly/mayfly.h>

#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

static mayfly_error err;

#define must(call) assert_int_equal(call, 0)

static inline mayfly_bytes text(const char *s)
{
    return (mayfly_bytes){(const uint8_t *)s, strlen(s)};
}

/* --- a host that serves itself --- */

typedef struct node {
    uv_loop_t *uv;
    mayfly_host *host;
    mayfly_server *server;
    mayfly_channel *channel; /* to the server */
    char target[32];
    pthread_t handler_thread;
    atomic_int in_park; /* a worker's handler is waiting for a call */
} node;

static inline int on_echo(void *state, mayfly_call *call, mayfly_bytes in)
{
    node *n = state;
    mayfly_call *inner;
    mayfly_bytes reply;
    n->handler_thread = pthread_self();
    /* a handler of this loop must not wait */
    if (mayfly_call_new(n->host, NULL, &inner, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    int rc =
        mayfly_channel_call(n->channel, "/t.T/Echo", inner, in, &reply, NULL);
    mayfly_call_free(inner);
    if (rc != MAYFLY_EONLOOP)
        return MAYFLY_STATUS_ABORTED;
    return mayfly_call_reply(call, in, NULL) == 0 ? 0 : MAYFLY_STATUS_INTERNAL;
}

/* Never answers by itself. */
static inline int on_silent(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    (void)in;
    mayfly_call **kept = state;
    *kept = call;
    return mayfly_call_defer(call, NULL);
}

/* On a worker: waits for another call of the same host. */
static inline int on_park(void *state, mayfly_call *call, mayfly_bytes in)
{
    node *n = state;
    mayfly_call *inner;
    mayfly_bytes reply;
    (void)call;
    if (mayfly_call_new(n->host, NULL, &inner, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    atomic_store(&n->in_park, 1);
    mayfly_channel_call(n->channel, "/t.T/Silent", inner, in, &reply, NULL);
    mayfly_call_free(inner);
    return MAYFLY_STATUS_UNAVAILABLE;
}

static mayfly_call *silent; /* the deferred one */

static inline void node_serve(node *n)
{
    int port;
    const mayfly_service_options *blocking =
        MAYFLY_SERVICE_OPTIONS(.blocking = 1);
    must(mayfly_server_new(n->host, NULL, &n->server, &err));
    must(mayfly_server_add_raw(n->server, "/t.T/Echo", on_echo, n, NULL, &err));
    must(mayfly_server_add_raw(n->server, "/t.T/Silent", on_silent, &silent,
                               NULL, &err));
    must(mayfly_server_add_raw(n->server, "/t.T/Park", on_park, n, blocking,
                               &err));
    must(mayfly_server_listen(n->server, "127.0.0.1:0", &port, &err));
    snprintf(n->target, sizeof n->target, "127.0.0.1:%d", port);
    must(mayfly_dial(n->host, n->target, NULL, &n->channel, &err));
}

static inline void node_new(node *n, uv_loop_t *uv, unsigned loops)
{
    memset(n, 0, sizeof *n);
    n->uv = uv;
    silent = NULL;
    must(mayfly_host_new(
        MAYFLY_HOST_OPTIONS(.uv_loop = uv, .loops = loops, .idle_ms = 20),
        &n->host, &err));
}

/* On a loop of its own. */
static inline void node_begin(node *n, uv_loop_t *uv, unsigned loops)
{
    must(uv_loop_init(uv));
    node_new(n, uv, loops);
    node_serve(n);
}

static inline void node_drop_handles(node *n)
{
    mayfly_channel_unref(n->channel);
    mayfly_server_free(n->server, 0);
    if (silent) /* its completer's */
        mayfly_call_finish(silent, MAYFLY_STATUS_CANCELLED,
                           (mayfly_str){NULL, 0}, NULL);
    silent = NULL;
}

static inline int call_blocking(node *n, const char *path, unsigned timeout_ms)
{
    mayfly_call *call;
    mayfly_bytes reply;
    must(mayfly_call_new(n->host, MAYFLY_CALL_OPTIONS(.timeout_ms = timeout_ms),
                         &call, &err));
    int rc =
        mayfly_channel_call(n->channel, path, call, text("hi"), &reply, &err);
    mayfly_call_free(call);
    return rc;
}

typedef struct started {
    node *n;
    int told;
    int code;
    void (*then)(struct started *s);
} started;

static inline void on_done(void *state, mayfly_call *call, int code,
                           mayfly_bytes reply)
{
    started *s = state;
    (void)reply;
    s->told++;
    s->code = code;
    mayfly_call_free(call);
    if (s->then)
        s->then(s);
}

static inline void start(started *s, const char *path)
{
    mayfly_call *call;
    must(mayfly_call_new(s->n->host, MAYFLY_CALL_OPTIONS(.timeout_ms = 60000),
                         &call, &err));
    must(mayfly_channel_start(s->n->channel, path, call, text("hi"), on_done, s,
                              &err));
}

static inline void count_handle(uv_handle_t *handle, void *state)
{
    (void)handle;
    ++*(int *)state;
}

static inline int handles(uv_loop_t *uv)
{
    int n = 0;
    uv_walk(uv, count_handle, &n);
    return n;
}

/* Nothing of a host is left. */
static inline void loop_close(uv_loop_t *uv)
{
    assert_int_equal(handles(uv), 0);
    must(uv_loop_close(uv));
}

#endif
