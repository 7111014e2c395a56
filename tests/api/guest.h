/*
 * tests/api/guest.h: a host with everything going on, for the tests of how
 * mayfly behaves in somebody else's process: a loaded schema, a server with an
 * echo and a channel to it.
 */
#ifndef TESTS_API_GUEST_H
#define TESTS_API_GUEST_H

#include <mayfly/mayfly.h>

#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

typedef struct guest {
    mayfly_host *host;
    mayfly_context *context;
    mayfly_server *server;
    mayfly_channel *channel;
    int port;
    char target[64];
} guest;

/* What guest_start loads. */
#define GUEST_SCHEMA                                                           \
    "syntax = \"proto3\";\n"                                                   \
    "package guest;\n"                                                         \
    "message Note { string text = 1; }\n"                                      \
    "service Desk { rpc Leave(Note) returns (Note); }\n"

static inline int guest_echo(void *state, mayfly_call *call,
                             mayfly_bytes request)
{
    (void)state;
    return mayfly_call_reply(call, request, NULL) == 0 ? 0 : 13;
}

static inline int guest_load(mayfly_host *host, mayfly_context **ret_context,
                             mayfly_error *err)
{
    const mayfly_source schema = {"guest.proto", GUEST_SCHEMA, 0};
    return mayfly_load_text(host, "guest", &schema, NULL, ret_context, err);
}

/* 0, or the code of the first step that failed, with its message in `err`. */
static inline int guest_start(guest *g, const mayfly_host_options *options,
                              mayfly_error *err)
{
    int code;

    memset(g, 0, sizeof *g);
    code = mayfly_host_new(options, &g->host, err);
    if (code == 0)
        code = guest_load(g->host, &g->context, err);
    if (code == 0)
        code = mayfly_server_new(g->host, NULL, &g->server, err);
    if (code == 0)
        code = mayfly_server_add_raw(g->server, "/guest.Desk/Leave", guest_echo,
                                     NULL, NULL, err);
    if (code == 0)
        code = mayfly_server_listen(g->server, "127.0.0.1:0", &g->port, err);
    if (code != 0)
        return code;
    snprintf(g->target, sizeof g->target, "127.0.0.1:%d", g->port);
    return mayfly_dial(g->host, g->target, NULL, &g->channel, err);
}

/* One call with `n` bytes. The code of the call; `ret_status` its gRPC status.
 */
static inline int guest_call(mayfly_host *host, mayfly_channel *channel,
                             size_t n, int *ret_status, mayfly_error *err)
{
    static uint8_t bytes[2 << 20];
    mayfly_bytes request = {bytes, n};
    mayfly_bytes reply = {NULL, 0};
    mayfly_call *call;
    int code;

    code = mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 20000),
                           &call, err);
    if (code != 0)
        return code;
    code = mayfly_channel_call(channel, "/guest.Desk/Leave", call, request,
                               &reply, err);
    if (ret_status)
        *ret_status = mayfly_call_status(call);
    if (code == 0 && reply.len != n)
        code = MAYFLY_EINTERNAL;
    mayfly_call_free(call);
    return code;
}

static inline void guest_stop(guest *g)
{
    mayfly_channel_unref(g->channel);
    mayfly_server_free(g->server, 1000);
    mayfly_unload(g->context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000), NULL,
                  NULL);
    mayfly_context_unref(g->context);
    mayfly_host_free(g->host);
}

#define must(expression, err)                                                  \
    do {                                                                       \
        if ((expression) != 0)                                                 \
            fail_msg("%s: %s", #expression, (err).message);                    \
    } while (0)

#endif
