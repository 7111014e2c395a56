/*
 * A call that goes on while the program does something else, to a
 * server that is not there:
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <semaphore.h>
#include <stdio.h>

static sem_t ended;

static void done(void *state, mayfly_call *call, int code,
                 void *message)
{
    const helloworld_HelloReply *reply = message;
    (void)state;
    if (code == 0)
        printf("%.*s\n", (int)reply->message.len, reply->message.ptr);
    else
        printf("%s: %s\n", mayfly_error_name(code),
               mayfly_status_name(mayfly_call_status(call)));
    sem_post(&ended);
}

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_channel *ch;
    helloworld_Greeter *g;
    mayfly_call *call;
    helloworld_HelloRequest request = {.name = MAYFLY_STR("ada")};

    sem_init(&ended, 0, 0);
    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_file(host, "greeter", "greeter.proto", NULL, &ctx,
                         &err) != 0 ||
        mayfly_dial(host, "unix:nobody.socket", NULL, &ch, &err) != 0 ||
        helloworld_Greeter_new(ctx, ch, &g, &err) != 0 ||
        mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 5000),
                        &call, &err) != 0 ||
        helloworld_Greeter_SayHello_start(g, call, &request, done, NULL,
                                          &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    sem_wait(&ended);
    mayfly_call_free(call);
    helloworld_Greeter_free(g);
    mayfly_channel_unref(ch);
    mayfly_context_unref(ctx);
    mayfly_host_free(host);
    return 0;
}
