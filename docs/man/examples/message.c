/*
 * JSON to bytes, bytes to a struct:
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <stdio.h>

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_arena *arena;
    mayfly_bytes wire;
    helloworld_HelloRequest *request;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_file(host, "greeter", "greeter.proto", NULL, &ctx,
                         &err) != 0 ||
        mayfly_arena_new(host, 0, &arena, &err) != 0 ||
        mayfly_json_encode(
            ctx, "helloworld.HelloRequest",
            mayfly_str_of("{\"name\": \"ada\", \"times\": 2}"), arena,
            &wire, &err) != 0 ||
        helloworld_HelloRequest_decode(ctx, wire, arena, &request,
                                       &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%zu bytes: %.*s, %d times\n", wire.len,
           (int)request->name.len, request->name.ptr, request->times);
    mayfly_arena_free(arena);
    mayfly_context_unref(ctx);
    mayfly_host_free(host);
    return 0;
}
