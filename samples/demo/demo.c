/*
 * The program behind `make demo`: the whole life of a context in a few lines.
 *
 *     demo greeter.proto handlers.c
 *
 * It loads a schema together with handler source, serves it on a free port of the
 * loopback, calls it through a typed proxy and as JSON, unloads it, calls once more
 * to show that a proxy outlives its code, and prints the receipt.
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct demo {
    mayfly_host *host;
    mayfly_context *context;
    mayfly_server *server;
    mayfly_channel *channel;
    helloworld_Greeter *greeter; /* the typed proxy */
    mayfly_receipt *receipt;
    mayfly_error err;
} demo;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    long size;

    if (!f)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 &&
        fseek(f, 0, SEEK_SET) == 0 &&
        (text = malloc((size_t)size + 1)) != NULL) {
        size_t n = fread(text, 1, (size_t)size, f);
        text[n] = '\0';
    }
    fclose(f);
    return text;
}

/* One typed call; prints the answer and how long it took. */
static int typed_call(demo *d)
{
    helloworld_HelloRequest request = {
        .name = MAYFLY_STR("Lovelace"),
        .titles = MAYFLY_ITEMS(mayfly_str, MAYFLY_STR("Countess"),
                               MAYFLY_STR("Ada")),
    };
    helloworld_HelloReply *reply;
    mayfly_call *call;
    double start = now_ms();
    int rc;

    rc = mayfly_call_new(d->host, MAYFLY_CALL_OPTIONS(.timeout_ms = 1000),
                         &call, &d->err);
    if (rc != 0)
        return rc;
    rc = helloworld_Greeter_SayHello(d->greeter, call, &request, &reply,
                                     &d->err);
    if (rc == 0)
        printf("  typed call    \"%.*s\"  (%.2f ms)\n",
               (int)reply->message.len, reply->message.ptr, now_ms() - start);
    mayfly_call_free(call);
    return rc;
}

static int json_call(demo *d)
{
    mayfly_str reply;
    mayfly_call *call;
    double start = now_ms();
    int rc;

    rc = mayfly_call_new(d->host, MAYFLY_CALL_OPTIONS(.timeout_ms = 1000),
                         &call, &d->err);
    if (rc != 0)
        return rc;
    rc = mayfly_call_json(d->context, d->channel, "helloworld.Greeter/SayHello",
                          call, mayfly_str_of("{\"name\": \"grace\"}"), &reply,
                          &d->err);
    if (rc == 0)
        printf("  JSON call     %.*s  (%.2f ms)\n", (int)reply.len, reply.ptr,
               now_ms() - start);
    mayfly_call_free(call);
    return rc;
}

static int load(demo *d, const char *schema, const char *handlers)
{
    mayfly_source source = { .name = handlers, .text = read_file(handlers) };
    double start = now_ms();
    int rc;

    if (!source.text) {
        fprintf(stderr, "cannot read %s\n", handlers);
        return MAYFLY_EIO;
    }
    rc = mayfly_load_file(
        d->host, "greeter", schema,
        MAYFLY_LOAD_OPTIONS(.handlers = &source, .n_handlers = 1),
        &d->context, &d->err);
    if (rc == 0)
        printf("  loaded        %s and %s, compiled in memory  (%.2f ms)\n",
               schema, handlers, now_ms() - start);
    free((char *)source.text);
    return rc;
}

static int run(demo *d, const char *schema, const char *handlers)
{
    char target[32];
    int port, rc;

    printf("mayfly: from a schema to a live call and back to zero bytes\n\n");
    if ((rc = mayfly_host_new(MAYFLY_HOST_OPTIONS(.measure_process = 1),
                              &d->host, &d->err)) ||
        (rc = load(d, schema, handlers)) ||
        (rc = mayfly_server_new(d->host, NULL, &d->server, &d->err)) ||
        (rc = mayfly_server_add_context(d->server, d->context, NULL, NULL,
                                        &d->err)) ||
        (rc = mayfly_server_listen(d->server, "127.0.0.1:0", &port, &d->err)))
        return rc;
    snprintf(target, sizeof(target), "127.0.0.1:%d", port);
    printf("  serving       helloworld.Greeter on %s\n", target);

    if ((rc = mayfly_dial(d->host, target, NULL, &d->channel, &d->err)) ||
        (rc = helloworld_Greeter_new(d->context, d->channel, &d->greeter,
                                     &d->err)) ||
        (rc = typed_call(d)) || (rc = json_call(d)))
        return rc;

    mayfly_server_free(d->server, 1000);
    d->server = NULL;
    rc = mayfly_unload(d->context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000),
                       &d->receipt, &d->err);
    if (rc != 0)
        return rc;
    printf("  unloaded      %zu bytes retained\n",
           mayfly_receipt_retained(d->receipt));
    if (typed_call(d) == 0)
        return MAYFLY_EINTERNAL; /* the code is gone: it must be refused */
    printf("  called again  refused: %s\n\n", d->err.message);
    fputs(mayfly_receipt_text(d->receipt), stdout);
    return 0;
}

int main(int argc, char **argv)
{
    demo d = { .err = MAYFLY_ERROR_INIT };
    int rc;

    if (argc != 3) {
        fprintf(stderr, "usage: demo SCHEMA HANDLERS.c\n");
        return 2;
    }
    rc = run(&d, argv[1], argv[2]);
    if (rc != 0)
        fprintf(stderr, "demo: %s\n", d.err.message);
    mayfly_receipt_free(d.receipt);
    helloworld_Greeter_free(d.greeter);
    mayfly_channel_unref(d.channel);
    mayfly_server_free(d.server, 0);
    mayfly_context_unref(d.context);
    mayfly_host_free(d.host);
    return rc != 0;
}
