#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <stdio.h>
#include <stdlib.h>

static void must(int code, const mayfly_error *err)
{
    if (code != 0) {
        fprintf(stderr, "%s\n", err->message);
        exit(1);
    }
}

static const char handlers[] =
    "#include \"greeter.mf.h\"\n"
    "int helloworld_Greeter_on_SayHello(void *state,\n"
    "    mayfly_call *call, const helloworld_HelloRequest *q,\n"
    "    helloworld_HelloReply *r)\n"
    "{\n"
    "    r->message = mayfly_arena_printf(mayfly_call_arena(call),\n"
    "        \"hello %.*s\", (int)q->name.len, q->name.ptr);\n"
    "    return r->message.ptr ? 0 : MAYFLY_STATUS_INTERNAL;\n"
    "}\n";

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_server *server;
    mayfly_channel *ch;
    helloworld_Greeter *g = NULL;
    mayfly_call *call;
    mayfly_receipt *receipt;
    const mayfly_source source = {.name = "handlers.c",
                                  .text = handlers};
    char target[64];
    int port;

    must(mayfly_host_new(NULL, &host, &err), &err);
    must(mayfly_load_file(
             host, "greeter", "greeter.proto",
             MAYFLY_LOAD_OPTIONS(.handlers = &source, .n_handlers = 1),
             &ctx, &err),
         &err);
    must(mayfly_server_new(host, NULL, &server, &err), &err);
    must(mayfly_server_add_context(server, ctx, NULL, NULL, &err),
         &err);
    must(mayfly_server_listen(server, "127.0.0.1:0", &port, &err),
         &err);

    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    must(mayfly_dial(host, target, NULL, &ch, &err), &err);
    must(helloworld_Greeter_new(ctx, ch, &g, &err), &err);
    must(mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 10000),
                         &call, &err),
         &err);
    helloworld_HelloRequest request = {.name = MAYFLY_STR("ada")};
    helloworld_HelloReply *reply = NULL;
    must(helloworld_Greeter_SayHello(g, call, &request, &reply, &err),
         &err);
    printf("%.*s\n", (int)reply->message.len, reply->message.ptr);
    mayfly_call_free(call); /* and with it the reply */

    helloworld_Greeter_free(g);
    mayfly_channel_unref(ch);
    mayfly_server_free(server, 1000);
    must(mayfly_unload(ctx, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000),
                       &receipt, &err),
         &err);
    printf("%zu bytes retained\n", mayfly_receipt_retained(receipt));
    mayfly_receipt_free(receipt);
    mayfly_context_unref(ctx);
    mayfly_host_free(host);
    return 0;
}
