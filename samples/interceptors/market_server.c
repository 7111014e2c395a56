/*
 * A server that lets in who has a token. The handlers know nothing of tokens: an
 * interceptor looks at them, and puts who it is in their place.
 *
 *     market_server market.proto 127.0.0.1:50051
 *
 * It prints the port it listens on, serves until its standard input ends, and says
 * how many calls it has let in and turned away.
 */
#include <mayfly/mayfly.h>

#include "market.mf.h"

#include <stdatomic.h>
#include <stdio.h>

/* --- the interceptor --- */

typedef struct gate {
    mayfly_str token;
    atomic_int let_in, turned_away;
} gate;

static int look_at_token(void *state, void *memory, mayfly_call *call)
{
    gate *g = state;
    mayfly_str token = mayfly_call_find(call, "token");

    (void)memory;
    if (token.len != g->token.len ||
        memcmp(token.ptr, g->token.ptr, token.len) != 0) {
        atomic_fetch_add(&g->turned_away, 1);
        return mayfly_call_fail(call, MAYFLY_STATUS_UNAUTHENTICATED,
                                token.ptr ? "not this token" : "no token");
    }
    atomic_fetch_add(&g->let_in, 1);
    mayfly_intercept_remove(call, MAYFLY_REQUEST_METADATA, "token", NULL);
    if (mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "user",
                             mayfly_str_of("ada"), NULL) != 0)
        return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
    return 0;
}

/* --- the handlers --- */

static int price(void *state, mayfly_call *call, const market_Stock *stock,
                 market_Quote *quote)
{
    atomic_int *cents = state;

    if (stock->symbol.len == 0)
        return mayfly_call_fail(call, MAYFLY_STATUS_INVALID_ARGUMENT,
                                "which stock?");
    quote->cents = atomic_fetch_add(cents, 1);
    return MAYFLY_STATUS_OK;
}

static int describe(void *state, mayfly_call *call, const market_Stock *stock,
                    market_About *about)
{
    mayfly_str user = mayfly_call_find(call, "user");

    (void)state;
    about->name = mayfly_arena_printf(
        mayfly_call_arena(call), "%.*s Incorporated, says %.*s",
        (int)stock->symbol.len, stock->symbol.ptr, (int)user.len, user.ptr);
    return about->name.ptr ? MAYFLY_STATUS_OK
                           : MAYFLY_STATUS_RESOURCE_EXHAUSTED;
}

int main(int argc, char **argv)
{
    static const market_Market_handlers handlers = { .Price = price,
                                                     .Describe = describe };
    static gate at_the_gate = { .token = MAYFLY_STR("sesame") };
    static atomic_int cents = 1000;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host = NULL;
    mayfly_context *context = NULL;
    mayfly_server *server = NULL;
    int port = 0, status = 1;

    if (argc != 3) {
        fprintf(stderr, "usage: market_server SCHEMA ADDRESS\n");
        return 2;
    }
    if (mayfly_host_new(NULL, &host, &err) ||
        mayfly_load_file(host, "market", argv[1], NULL, &context, &err) ||
        mayfly_server_new(host, NULL, &server, &err) ||
        market_Market_serve(server, context, &handlers, &cents, NULL, &err) ||
        mayfly_server_intercept(
            server, MAYFLY_INTERCEPTOR(.begin = look_at_token),
            MAYFLY_INTERCEPT_OPTIONS(.state = &at_the_gate), NULL, &err) ||
        mayfly_server_listen(server, argv[2], &port, &err)) {
        fprintf(stderr, "%s\n", err.message);
    } else {
        printf("listening on port %d\n", port);
        fflush(stdout);
        while (getchar() != EOF) {
        }
        status = 0;
    }
    mayfly_server_free(server, 1000);
    mayfly_context_unref(context);
    mayfly_host_free(host);
    if (status == 0)
        printf("let in %d, turned away %d\n", atomic_load(&at_the_gate.let_in),
               atomic_load(&at_the_gate.turned_away));
    return status;
}
