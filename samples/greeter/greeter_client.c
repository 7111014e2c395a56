/*
 * A typed client: structs and calls from the generated header, codecs from the
 * schema that is loaded when it starts.
 *
 *     greeter_client greeter.proto 127.0.0.1:50051 ada [TITLE...]
 *
 * Prints the greeting; a failed call's status goes to standard error, and 64 plus
 * the status is the exit code.
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <stdio.h>
#include <stdlib.h>

/* Calls once and prints what came back. Returns the exit code. */
static int greet(helloworld_Greeter *greeter, mayfly_host *host, char **words,
                 size_t n_words)
{
    helloworld_HelloRequest request = { .name = mayfly_str_of(words[0]) };
    helloworld_HelloReply *reply = NULL;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_call *call = NULL;
    int status = 1;
    size_t i;

    if (mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 2000), &call,
                        &err) != 0 ||
        mayfly_call_add_metadata(call, "client", mayfly_str_of("greeter_client"),
                                 &err) != 0)
        goto out;
    for (i = 1; i < n_words; i++) {
        mayfly_str *title = helloworld_HelloRequest_add_titles(
            &request, mayfly_call_arena(call));
        if (title)
            *title = mayfly_str_of(words[i]);
    }
    status = helloworld_Greeter_SayHello(greeter, call, &request, &reply, &err);
    if (status == MAYFLY_ESTATUS) {
        status = 64 + mayfly_call_status(call);
        goto out;
    }
    if (status != 0)
        goto out;
    printf("%.*s\n", (int)reply->message.len, reply->message.ptr);
    for (i = 0; i < reply->letters.n; i++)
        printf("  %.*s: %d letters\n", (int)reply->letters.items[i].key.len,
               reply->letters.items[i].key.ptr,
               (int)reply->letters.items[i].value);
out:
    if (status != 0)
        fprintf(stderr, "%s\n", err.message);
    mayfly_call_free(call);
    return status < 0 ? 1 : status;
}

int main(int argc, char **argv)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host = NULL;
    mayfly_context *context = NULL;
    mayfly_channel *channel = NULL;
    helloworld_Greeter *greeter = NULL;
    int status = 1;

    if (argc < 4) {
        fprintf(stderr, "usage: greeter_client SCHEMA TARGET NAME [TITLE...]\n");
        return 2;
    }
    if (mayfly_host_new(NULL, &host, &err) ||
        mayfly_load_file(host, "greeter", argv[1], NULL, &context, &err) ||
        mayfly_dial(host, argv[2], NULL, &channel, &err) ||
        helloworld_Greeter_new(context, channel, &greeter, &err))
        fprintf(stderr, "%s\n", err.message);
    else
        status = greet(greeter, host, argv + 3, (size_t)argc - 3);
    helloworld_Greeter_free(greeter);
    mayfly_channel_unref(channel);
    mayfly_context_unref(context);
    mayfly_host_free(host);
    return status;
}
