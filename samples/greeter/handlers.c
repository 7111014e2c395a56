/*
 * The greeter's handlers as source: compiled into the context at run time.
 *
 *     mayfly serve -l 127.0.0.1:50051 greeter.proto handlers.c
 *     mayfly call --schema greeter.proto -d '{"name": "ada"}' \
 *         127.0.0.1:50051 helloworld.Greeter/SayHello
 *
 * "greeter.mf.h" is the schema's header; it is served from memory.
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

static int greet(mayfly_call *call, const helloworld_HelloRequest *request,
                 helloworld_HelloReply *reply)
{
    mayfly_arena *arena = mayfly_call_arena(call);
    int times = helloworld_HelloRequest_has_times(request) ? request->times : 1;
    size_t i;

    if (request->name.len == 0)
        return mayfly_call_fail(call, MAYFLY_STATUS_INVALID_ARGUMENT,
                                "whom should I greet?");
    if (times < 1 || times > 100)
        return mayfly_call_fail(call, MAYFLY_STATUS_OUT_OF_RANGE,
                                "times: 1 to 100");
    reply->message = mayfly_str_of("hello");
    for (; times > 0 && reply->message.ptr; times--) {
        for (i = 0; i < request->titles.n; i++)
            reply->message = mayfly_arena_printf(
                arena, "%.*s %.*s", (int)reply->message.len, reply->message.ptr,
                (int)request->titles.items[i].len,
                request->titles.items[i].ptr);
        reply->message = mayfly_arena_printf(
            arena, "%.*s %.*s", (int)reply->message.len, reply->message.ptr,
            (int)request->name.len, request->name.ptr);
    }
    return reply->message.ptr ? MAYFLY_STATUS_OK
                              : mayfly_call_fail(
                                    call, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
                                    "no memory for the greeting");
}

int helloworld_Greeter_on_SayHello(void *state, mayfly_call *call,
                                   const helloworld_HelloRequest *request,
                                   helloworld_HelloReply *reply)
{
    (void)state;
    return greet(call, request, reply);
}

/* SayHelloLater is left out: a method without a handler answers UNIMPLEMENTED.
 * greeter_server.c has it. */
