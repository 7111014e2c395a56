/*
 * tests/api/units.h: units of hello.proto in several versions, a server whose
 * handlers are their source, and a proxy that follows.
 */
#ifndef TESTS_API_UNITS_H
#define TESTS_API_UNITS_H

#include "hello.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define SAYS(text)                                                             \
    "#include \"hello.mf.h\"\n"                                                \
    "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"          \
    "    const hello_Request *q, hello_Reply *r)\n"                            \
    "{ r->message.ptr = \"" text "\"; r->message.len = sizeof(\"" text         \
    "\") - 1;\n"                                                               \
    "  return 0; }\n"

/* A field more, and one less. */
#define HELLO_V2                                                               \
    "syntax = \"proto3\";\n"                                                   \
    "package hello;\n"                                                         \
    "service Greeter { rpc Later (Request) returns (Reply);\n"                 \
    "  rpc SayHello (Request) returns (Reply); }\n"                            \
    "message Place { repeated int64 country = 9; string city = 1; }\n"         \
    "message Request { int64 number = 5; Place from = 4; string extra = 8;\n"  \
    "  string name = 1; }\n"                                                   \
    "message Reply { repeated Place places = 2; string message = 1; }\n"

/* `name` is a number here: what hello.mf.h sends cannot be read. */
#define HELLO_BROKEN                                                           \
    "syntax = \"proto3\";\n"                                                   \
    "package hello;\n"                                                         \
    "service Greeter { rpc SayHello (Request) returns (Reply); }\n"            \
    "message Request { int64 name = 1; }\n"                                    \
    "message Reply { string message = 1; }\n"

static inline uint64_t load_as(mayfly_host *host, const char *name,
                               const char *schema, const char *handlers,
                               const char *label, mayfly_unit **ret_unit)
{
    const mayfly_source text = {"hello.proto", schema, 0};
    const mayfly_source source = {"handlers.c", handlers, 0};
    uint64_t version = 0;
    must(mayfly_unit_load(
        host, name,
        MAYFLY_RECIPE(.schema = &text, .version = label,
                      .load =
                          MAYFLY_LOAD_OPTIONS(.handlers = &source,
                                              .n_handlers = handlers ? 1 : 0)),
        ret_unit, &version, &err));
    return version;
}

static inline int swap_to(mayfly_unit *unit, const char *schema,
                          const char *handlers,
                          const mayfly_swap_options *options, mayfly_swap *ret,
                          mayfly_error *err)
{
    const mayfly_source text = {"hello.proto", schema, 0};
    const mayfly_source source = {"handlers.c", handlers, 0};
    return mayfly_unit_swap(
        unit,
        MAYFLY_RECIPE(.schema = &text,
                      .load =
                          MAYFLY_LOAD_OPTIONS(.handlers = &source,
                                              .n_handlers = handlers ? 1 : 0)),
        options, ret, err);
}

static inline mayfly_cache_stats stats_of(mayfly_host *host)
{
    mayfly_cache_stats stats = {.size = sizeof stats};
    mayfly_cache_get_stats(host, &stats);
    return stats;
}

/* What one call is answered with, or the name of its error. Static. */
static inline const char *say(mayfly_host *host, hello_Greeter *greeter)
{
    static char said[200];
    hello_Request q = {.name = MAYFLY_STR("ada")};
    hello_Reply *r = NULL;
    mayfly_call *call = hello_call(host);
    int code = hello_Greeter_SayHello(greeter, call, &q, &r, NULL);
    if (code == 0)
        snprintf(said, sizeof said, "%.*s", (int)r->message.len,
                 r->message.ptr);
    else if (code == MAYFLY_ESTATUS)
        snprintf(said, sizeof said, "%s: %.*s",
                 mayfly_status_name(mayfly_call_status(call)),
                 (int)mayfly_call_message(call).len,
                 mayfly_call_message(call).ptr);
    else
        snprintf(said, sizeof said, "%s", mayfly_error_name(code));
    mayfly_call_free(call);
    return said;
}

/* A unit whose own source is served, and a proxy that follows it. */
typedef struct world {
    mayfly_host *host;
    hello_pair pair;
    mayfly_unit *unit;
    hello_Greeter *greeter;
} world;

static inline void begin(world *w, const char *handlers)
{
    w->host = hello_host();
    w->pair = hello_connect(w->host);
    load_as(w->host, "hello", HELLO_V1, handlers, NULL, &w->unit);
    must(mayfly_unit_serve_source(w->unit, w->pair.server, NULL, NULL, &err));
    must(hello_Greeter_follow(w->unit, w->pair.channel, &w->greeter, &err));
}

static inline void end(world *w)
{
    hello_Greeter_free(w->greeter);
    mayfly_unit_unref(w->unit);
    hello_close(&w->pair);
    mayfly_host_free(w->host);
}

#endif
