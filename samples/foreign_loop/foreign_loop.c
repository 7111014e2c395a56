/*
 * A program that has an event loop already: mayfly serves and calls on it, beside
 * the program's own timers and signals, without a thread of its own.
 *
 *     foreign_loop greeter.proto 127.0.0.1:50051 [COUNT]
 *
 * It prints the port it listens on. A timer of the program's greets the service ten
 * times a second, and a greeting that is asked for later is answered by another
 * timer, not by a thread. After COUNT greetings, or on SIGINT or SIGTERM, it takes
 * no more calls, lets those under way finish, unloads the schema, frees the host,
 * all within the loop, and ends when nothing is left on it.
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { TICK_MS = 100, GRACE_MS = 1000 };

typedef struct app {
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t interrupt, terminate;
    mayfly_host *host;
    mayfly_context *context;
    mayfly_server *server;
    mayfly_channel *channel;
    helloworld_Greeter *greeter;
    long asked, answered, wanted; /* greetings; 0 wanted: no end */
    int is_stopping;
} app;

/* --- the service --- */

static int say_hello(void *state, mayfly_call *call,
                     const helloworld_HelloRequest *request,
                     helloworld_HelloReply *reply)
{
    (void)state;
    reply->message =
        mayfly_arena_printf(mayfly_call_arena(call), "hello %.*s",
                            (int)request->name.len, request->name.ptr);
    if (!reply->message.ptr)
        return mayfly_call_fail(call, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
                                "no memory for the greeting");
    return MAYFLY_STATUS_OK;
}

/* A deferred call and the timer that will answer it. libuv has the timer until it
 * is closed, so this cannot lie in the call's arena. */
typedef struct later {
    uv_timer_t timer;
    mayfly_call *call;
} later;

static void free_later(uv_handle_t *timer)
{
    free(timer->data);
}

static void answer_later(uv_timer_t *timer)
{
    static const helloworld_HelloReply reply = {
        .message = MAYFLY_STR("hello, at last")
    };
    later *l = timer->data;

    /* good as well when the server has closed meanwhile */
    helloworld_Greeter_SayHelloLater_reply(l->call, &reply, NULL);
    uv_close((uv_handle_t *)timer, free_later);
}

static int say_hello_later(void *state, mayfly_call *call,
                           const helloworld_LaterRequest *request,
                           helloworld_HelloReply *reply)
{
    app *a = state;
    later *l = malloc(sizeof(*l));
    int32_t ms = request->delay_ms;

    (void)reply;
    if (!l || mayfly_call_defer(call, NULL) != 0) {
        free(l);
        return mayfly_call_fail(call, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
                                "no memory");
    }
    l->call = call;
    l->timer.data = l;
    uv_timer_init(&a->loop, &l->timer);
    uv_timer_start(&l->timer, answer_later, ms > 0 ? (uint64_t)ms : 0, 0);
    return MAYFLY_STATUS_OK;
}

/* --- the end, step by step --- */

static void host_closed(void *state)
{
    (void)state;
    puts("the host is gone");
}

static void server_closed(void *state)
{
    app *a = state;
    mayfly_error err = MAYFLY_ERROR_INIT;

    helloworld_Greeter_free(a->greeter);
    mayfly_channel_unref(a->channel); /* ends calls that are under way */
    if (mayfly_unload(a->context, NULL, NULL, &err) != 0)
        fprintf(stderr, "%s\n", err.message);
    mayfly_context_unref(a->context);
    mayfly_host_close(a->host, host_closed, a, NULL);
}

static void stop(app *a)
{
    if (a->is_stopping)
        return;
    a->is_stopping = 1;
    uv_close((uv_handle_t *)&a->tick, NULL);
    uv_close((uv_handle_t *)&a->interrupt, NULL);
    uv_close((uv_handle_t *)&a->terminate, NULL);
    mayfly_server_close(a->server, GRACE_MS, server_closed, a);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    stop(signal->data);
}

/* --- the client --- */

static void greeted(void *state, mayfly_call *call, int code, void *message)
{
    app *a = state;
    const helloworld_HelloReply *reply = message;

    if (code == 0)
        printf("%.*s\n", (int)reply->message.len, reply->message.ptr);
    else
        printf("no greeting: %s\n",
               mayfly_status_name(mayfly_call_status(call)));
    fflush(stdout);
    mayfly_call_free(call);
    a->answered++;
    if (a->answered == a->wanted)
        stop(a);
}

/* A blocking call would stop the loop here, and is refused; this one tells its
 * end to `greeted`. */
static void on_tick(uv_timer_t *timer)
{
    app *a = timer->data;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_call *call;
    char name[32];
    helloworld_HelloRequest request = { .times = 1 };

    if (a->asked == a->wanted && a->wanted)
        return;
    snprintf(name, sizeof(name), "number %ld", a->asked + 1);
    request.name = mayfly_str_of(name);
    if (mayfly_call_new(a->host, MAYFLY_CALL_OPTIONS(.timeout_ms = 5000),
                        &call, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return;
    }
    if (helloworld_Greeter_SayHello_start(a->greeter, call, &request, greeted,
                                          a, &err) == 0) {
        a->asked++;
        return;
    }
    fprintf(stderr, "%s\n", err.message);
    mayfly_call_free(call);
}

/* --- start --- */

static int serve(app *a, const char *schema, const char *address,
                 mayfly_error *err)
{
    static const helloworld_Greeter_handlers handlers = {
        .SayHello = say_hello, .SayHelloLater = say_hello_later
    };
    char target[64];
    int port = 0;

    if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.uv_loop = &a->loop), &a->host,
                        err) ||
        mayfly_load_file(a->host, "greeter", schema, NULL, &a->context, err) ||
        mayfly_server_new(a->host, NULL, &a->server, err) ||
        helloworld_Greeter_serve(a->server, a->context, &handlers, a, NULL,
                                 err) ||
        mayfly_server_listen(a->server, address, &port, err))
        return -1;
    snprintf(target, sizeof(target), "127.0.0.1:%d", port);
    if (mayfly_dial(a->host, target, NULL, &a->channel, err) ||
        helloworld_Greeter_new(a->context, a->channel, &a->greeter, err))
        return -1;
    printf("listening on port %d\n", port);
    fflush(stdout);
    return 0;
}

/* What could not begin: the loop does not run, so the host may be freed here. */
static void give_up(app *a)
{
    helloworld_Greeter_free(a->greeter);
    mayfly_channel_unref(a->channel);
    mayfly_server_free(a->server, 0); /* does not wait on the loop's thread */
    mayfly_context_unref(a->context);
    mayfly_host_free(a->host); /* turns the loop */
    uv_loop_close(&a->loop);
}

int main(int argc, char **argv)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    app a = { .wanted = argc == 4 ? atol(argv[3]) : 0 };

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: foreign_loop SCHEMA ADDRESS [COUNT]\n");
        return 2;
    }
    if (uv_loop_init(&a.loop) != 0)
        return 1;
    if (serve(&a, argv[1], argv[2], &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        give_up(&a);
        return 1;
    }
    a.tick.data = a.interrupt.data = a.terminate.data = &a;
    uv_timer_init(&a.loop, &a.tick);
    uv_timer_start(&a.tick, on_tick, 0, TICK_MS);
    uv_signal_init(&a.loop, &a.interrupt);
    uv_signal_init(&a.loop, &a.terminate);
    uv_signal_start(&a.interrupt, on_signal, SIGINT);
    uv_signal_start(&a.terminate, on_signal, SIGTERM);

    uv_run(&a.loop, UV_RUN_DEFAULT); /* until nothing is left on it */
    if (uv_loop_close(&a.loop) != 0) {
        fprintf(stderr, "something was left on the loop\n");
        return 1;
    }
    puts("the loop is empty");
    return 0;
}
