/*
 * A microservice host with typed handlers: the schema is loaded when it starts.
 *
 *     greeter_server greeter.proto 127.0.0.1:50051
 *
 * It prints the port it listens on, serves until its standard input ends, then
 * unloads the schema and prints the receipt.
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int say_hello(void *state, mayfly_call *call,
                     const helloworld_HelloRequest *request,
                     helloworld_HelloReply *reply)
{
    mayfly_arena *arena = mayfly_call_arena(call);
    size_t i;

    (void)state;
    if (request->name.len == 0)
        return mayfly_call_fail(call, MAYFLY_STATUS_INVALID_ARGUMENT,
                                "whom should I greet?");
    reply->message =
        mayfly_arena_printf(arena, "hello %.*s", (int)request->name.len,
                            request->name.ptr);
    if (!reply->message.ptr)
        return mayfly_call_fail(call, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
                                "no memory for the greeting");
    for (i = 0; i < request->titles.n; i++) {
        helloworld_HelloReply_LettersEntry *entry =
            helloworld_HelloReply_add_letters(reply, arena);
        if (!entry)
            break;
        entry->key = request->titles.items[i];
        entry->value = (int32_t)request->titles.items[i].len;
    }
    return MAYFLY_STATUS_OK;
}

/* What a deferred call needs until it is answered. It lies in the call's arena, so
 * it goes when the call is completed. */
typedef struct later {
    mayfly_call *call;
    const helloworld_LaterRequest *request;
} later;

static void *answer_later(void *argument)
{
    later *l = argument;
    helloworld_HelloReply reply = { .message = MAYFLY_STR("hello, at last") };
    int32_t ms = l->request->delay_ms;
    struct timespec pause = { ms / 1000, (ms % 1000) * 1000000L };

    if (ms > 0)
        nanosleep(&pause, NULL);
    helloworld_Greeter_SayHelloLater_reply(l->call, &reply, NULL);
    return NULL;
}

static int say_hello_later(void *state, mayfly_call *call,
                           const helloworld_LaterRequest *request,
                           helloworld_HelloReply *reply)
{
    later *l = mayfly_arena_alloc(mayfly_call_arena(call), sizeof(*l));
    pthread_t thread;

    (void)state;
    (void)reply;
    if (!l)
        return mayfly_call_fail(call, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
                                "no memory");
    l->call = call;
    l->request = request;
    if (mayfly_call_defer(call, NULL) != 0)
        return mayfly_call_fail(call, MAYFLY_STATUS_INTERNAL, "cannot defer");
    if (pthread_create(&thread, NULL, answer_later, l) != 0)
        return mayfly_call_finish(call, MAYFLY_STATUS_UNAVAILABLE,
                                  mayfly_str_of("no thread"), NULL);
    pthread_detach(thread);
    return MAYFLY_STATUS_OK;
}

int main(int argc, char **argv)
{
    static const helloworld_Greeter_handlers handlers = {
        .SayHello = say_hello, .SayHelloLater = say_hello_later
    };
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host = NULL;
    mayfly_context *context = NULL;
    mayfly_server *server = NULL;
    mayfly_receipt *receipt = NULL;
    int port = 0, status = 1;

    if (argc != 3) {
        fprintf(stderr, "usage: greeter_server SCHEMA ADDRESS\n");
        return 2;
    }
    if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.measure_process = 1), &host,
                        &err) ||
        mayfly_load_file(host, "greeter", argv[1], NULL, &context, &err) ||
        mayfly_server_new(host, NULL, &server, &err) ||
        helloworld_Greeter_serve(server, context, &handlers, NULL, NULL,
                                 &err) ||
        mayfly_server_listen(server, argv[2], &port, &err))
        goto out;
    printf("listening on port %d\n", port);
    fflush(stdout);
    while (getchar() != EOF) {
    }
    mayfly_server_free(server, 1000);
    server = NULL;
    if (mayfly_unload(context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000),
                      &receipt, &err))
        goto out;
    fputs(mayfly_receipt_text(receipt), stdout);
    status = 0;
out:
    if (status != 0)
        fprintf(stderr, "%s\n", err.message);
    mayfly_receipt_free(receipt);
    mayfly_server_free(server, 0);
    mayfly_context_unref(context);
    mayfly_host_free(host);
    return status;
}
