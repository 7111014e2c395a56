/*
 * A unit whose file is changed while it is called:
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <stdio.h>

static int say_hello(void *state, mayfly_call *call,
                     const helloworld_HelloRequest *request,
                     helloworld_HelloReply *reply)
{
    mayfly_unit *unit = state;
    reply->message = mayfly_arena_printf(
        mayfly_call_arena(call), "hello %.*s, by version %d",
        (int)request->name.len, request->name.ptr,
        (int)mayfly_unit_version(unit));
    return 0;
}

static int greet(mayfly_host *host, helloworld_Greeter *greeter,
                 mayfly_error *err)
{
    mayfly_call *call;
    helloworld_HelloRequest request = {.name = MAYFLY_STR("ada")};
    helloworld_HelloReply *reply;
    int code = mayfly_call_new(host, NULL, &call, err);
    if (code != 0)
        return code;
    code = helloworld_Greeter_SayHello(greeter, call, &request, &reply, err);
    if (code == 0)
        printf("%.*s\n", (int)reply->message.len, reply->message.ptr);
    mayfly_call_free(call);
    return code;
}

static int change_file(const char *path)
{
    FILE *file = fopen(path, "a");
    if (!file)
        return -1;
    fputs("message New { string text = 1; }\n", file);
    return fclose(file);
}

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_server *server;
    mayfly_channel *channel;
    mayfly_unit *unit;
    helloworld_Greeter *greeter;
    helloworld_Greeter_handlers on = {.SayHello = say_hello};

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_unit_load(host, "greeter",
                         MAYFLY_RECIPE(.path = "greeter.proto"), &unit, NULL,
                         &err) != 0 ||
        mayfly_server_new(host, NULL, &server, &err) != 0 ||
        helloworld_Greeter_serve_unit(unit, server, &on, unit, NULL,
                                      &err) != 0 ||
        mayfly_server_listen(server, "unix:cache.socket", NULL, &err) != 0 ||
        mayfly_dial(host, "unix:cache.socket", NULL, &channel, &err) != 0 ||
        helloworld_Greeter_follow(unit, channel, &greeter, &err) != 0 ||
        greet(host, greeter, &err) != 0 || change_file("greeter.proto") != 0 ||
        mayfly_unit_swap(unit, MAYFLY_RECIPE(.path = "greeter.proto"), NULL,
                         NULL, &err) != 0 ||
        greet(host, greeter, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    helloworld_Greeter_free(greeter);
    mayfly_channel_unref(channel);
    mayfly_server_free(server, 1000);
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
    return 0;
}
