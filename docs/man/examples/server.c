/*
 * A service with a handler of the program's own, which counts; called
 * once by JSON:
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <stdio.h>

static int say_hello(void *state, mayfly_call *call,
                     const helloworld_HelloRequest *request,
                     helloworld_HelloReply *reply)
{
    int *count = state;
    if (request->name.len == 0)
        return mayfly_call_fail(call, MAYFLY_STATUS_INVALID_ARGUMENT,
                                "no name");
    reply->message = mayfly_arena_printf(
        mayfly_call_arena(call), "hello %.*s, you are number %d",
        (int)request->name.len, request->name.ptr, ++*count);
    return MAYFLY_STATUS_OK;
}

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_server *server;
    mayfly_channel *ch;
    mayfly_call *call;
    mayfly_str reply;
    int count = 0;
    int *my_state = &count;

    helloworld_Greeter_handlers on = {.SayHello = say_hello};
    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_file(host, "greeter", "greeter.proto", NULL, &ctx,
                         &err) != 0 ||
        mayfly_server_new(host, NULL, &server, &err) != 0 ||
        helloworld_Greeter_serve(server, ctx, &on, my_state, NULL,
                                 &err) != 0 ||
        mayfly_server_listen(server, "unix:greeter.socket", NULL,
                             &err) != 0 ||
        mayfly_dial(host, "unix:greeter.socket", NULL, &ch, &err) !=
            0 ||
        mayfly_call_new(host, NULL, &call, &err) != 0 ||
        mayfly_call_json(ctx, ch, "helloworld.Greeter/SayHello", call,
                         mayfly_str_of("{\"name\": \"ada\"}"), &reply,
                         &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%.*s\n", (int)reply.len, reply.ptr);
    mayfly_call_free(call);
    mayfly_channel_unref(ch);
    mayfly_server_free(server, 1000);
    mayfly_context_unref(ctx);
    mayfly_host_free(host);
    return 0;
}
