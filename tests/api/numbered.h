/*
 * tests/api/numbered.h: versions of hello.proto without end, of which each
 * tells its number twice: as text and as a number. So a caller sees which
 * version has answered, and whether it was one.
 *
 * Fields and methods come and go from one to the next; what hello.mf.h needs to
 * tell the number stays.
 */
#ifndef TESTS_API_NUMBERED_H
#define TESTS_API_NUMBERED_H

#include <mayfly/mayfly.h>

#include "hello.mf.h"

#include <stdio.h>
#include <string.h>

typedef struct numbered {
    char schema[1000], handlers[1000];
    mayfly_source of_schema, of_handlers;
    mayfly_load_options load;
    mayfly_recipe recipe;
} numbered;

/* The recipe of version `number` of unit number `unit`; it points into `n`. */
static inline const mayfly_recipe *numbered_recipe(numbered *n, int unit,
                                                   unsigned long number)
{
    snprintf(n->schema, sizeof n->schema,
             "syntax = \"proto3\";\npackage hello;\n"
             "service Greeter { rpc SayHello (Request) returns (Reply); %s }\n"
             "message Request { string name = 1; %s }\n"
             "message Place { string city = 1; }\n"
             "message Reply { %s string message = 1; int64 number = 5; }\n",
             number % 2 ? "rpc More (Request) returns (Reply);" : "",
             number % 3 ? "int64 number = 5;" : "string extra = 9;",
             number % 2 ? "repeated Place places = 2;" : "");
    snprintf(n->handlers, sizeof n->handlers,
             "#include \"hello.mf.h\"\n"
             "static int calls;\n"
             "int hello_Greeter_on_SayHello(void *state, mayfly_call *c,\n"
             "    const hello_Request *q, hello_Reply *r)\n"
             "{ r->message = mayfly_str_of(\"u%d/%lu\"); r->number = %lu;\n"
             "  calls++; return 0; }\n",
             unit, number, number);
    n->of_schema = (mayfly_source){"hello.proto", n->schema, 0};
    n->of_handlers = (mayfly_source){"handlers.c", n->handlers, 0};
    n->load =
        *MAYFLY_LOAD_OPTIONS(.handlers = &n->of_handlers, .n_handlers = 1);
    n->recipe = *MAYFLY_RECIPE(.schema = &n->of_schema, .load = &n->load);
    return &n->recipe;
}

/* "u1/4" with the number 4. */
static inline int numbered_is_one(int unit, const hello_Reply *r)
{
    char expected[40];
    int n = snprintf(expected, sizeof expected, "u%d/%lld", unit,
                     (long long)r->number);
    return r->message.len == (size_t)n &&
           memcmp(r->message.ptr, expected, (size_t)n) == 0;
}

#endif
