/*
 * tests/api/hello.h: a host, a context of hello.proto (in whatever version), a
 * server and a channel to it, for the typed tests.
 */
#ifndef TESTS_API_HELLO_H
#define TESTS_API_HELLO_H

#include <mayfly/mayfly.h>

#include "hello.mf.h"
#include "tests/support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* hello.proto as it is on disk. */
#define HELLO_V1                                                               \
    "syntax = \"proto3\";\n"                                                   \
    "package hello;\n"                                                         \
    "service Greeter { rpc SayHello (Request) returns (Reply);\n"              \
    "  rpc Lost (Request) returns (Reply); }\n"                                \
    "message Request { string name = 1; int32 times = 2;\n"                    \
    "  repeated string titles = 3; Place from = 4; int64 number = 5; }\n"      \
    "message Place { string city = 1; optional int32 code = 2; }\n"            \
    "message Reply { string message = 1; repeated Place places = 2;\n"         \
    "  map<string, int32> letters = 3; int64 number = 5; }\n"

#define must(expression)                                                       \
    do {                                                                       \
        mayfly_error err = MAYFLY_ERROR_INIT;                                  \
        if ((expression) != 0)                                                 \
            fail_msg("%s: %s", #expression, err.message);                      \
    } while (0)

/* The expression fails with `code`, and the message has `part` in it. */
#define must_fail(expression, expected, part)                                  \
    do {                                                                       \
        mayfly_error err = MAYFLY_ERROR_INIT;                                  \
        int code_ = (expression);                                              \
        if (code_ != (expected) || err.code != (expected) ||                   \
            !strstr(err.message, part))                                        \
            fail_msg("%s: %s, \"%s\"", #expression, mayfly_error_name(code_),  \
                     err.message);                                             \
    } while (0)

static inline int is_text(mayfly_str s, const char *text)
{
    return s.len == strlen(text) &&
           (s.len == 0 || memcmp(s.ptr, text, s.len) == 0);
}

static inline mayfly_host *hello_host(void)
{
    mayfly_host *host = NULL;
    must(mayfly_host_new(NULL, &host, &err));
    return host;
}

static inline mayfly_context *hello_load(mayfly_host *host, const char *text,
                                         const mayfly_load_options *options)
{
    const mayfly_source schema = {"hello.proto", text, 0};
    mayfly_context *context = NULL;
    must(mayfly_load_text(host, "hello", &schema, options, &context, &err));
    return context;
}

/* With one file of handlers. */
static inline mayfly_context *
hello_load_source(mayfly_host *host, const char *text, const char *source)
{
    const mayfly_source handlers[] = {{"handlers.c", source, 0}};
    return hello_load(
        host, text, MAYFLY_LOAD_OPTIONS(.handlers = handlers, .n_handlers = 1));
}

/* A server that listens, and a channel to it. Services are added by the caller,
 * before or after. */
typedef struct hello_pair {
    mayfly_server *server;
    mayfly_channel *channel;
} hello_pair;

static inline hello_pair hello_connect(mayfly_host *host)
{
    hello_pair p = {NULL, NULL};
    char target[64];
    int port = 0;
    must(mayfly_server_new(host, NULL, &p.server, &err));
    must(mayfly_server_listen(p.server, "127.0.0.1:0", &port, &err));
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    must(mayfly_dial(host, target, NULL, &p.channel, &err));
    return p;
}

static inline void hello_close(hello_pair *p)
{
    mayfly_channel_unref(p->channel);
    mayfly_server_free(p->server, 1000);
}

static inline mayfly_call *hello_call(mayfly_host *host)
{
    mayfly_call *call = NULL;
    must(mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 30000), &call,
                         &err));
    return call;
}

#endif
