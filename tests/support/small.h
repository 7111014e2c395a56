/*
 * tests/support/small.h: schemas of small services, one like the other, each in a
 * package of its own: a service of two methods, two messages of three fields.
 */
#ifndef TESTS_SUPPORT_SMALL_H
#define TESTS_SUPPORT_SMALL_H

#include <mayfly/mayfly.h>

#include <stdio.h>
#include <stdlib.h>

enum { SMALL_BYTES = 400 };

static inline void small_text(char text[SMALL_BYTES], size_t number)
{
    snprintf(text, SMALL_BYTES,
             "syntax = \"proto3\";\n"
             "package small%zu;\n"
             "service Store {\n"
             "  rpc Get (Key) returns (Value);\n"
             "  rpc Put (Value) returns (Key);\n"
             "}\n"
             "message Key { string name = 1; int32 version = 2; bool all = 3; "
             "}\n"
             "message Value { bytes data = 1; repeated int64 times = 2; double "
             "score = 3; }\n",
             number);
}

/* So many of them, to load as a job, called "small0" and so on. */
typedef struct small_services {
    size_t n;
    char (*texts)[SMALL_BYTES];
    char (*names)[32];
    mayfly_source *sources;
    mayfly_recipe *recipes;
    mayfly_bulk_item *items;
} small_services;

static inline small_services small_new(size_t n)
{
    small_services s = {.n = n,
                        .texts = calloc(n, sizeof *s.texts),
                        .names = calloc(n, sizeof *s.names),
                        .sources = calloc(n, sizeof *s.sources),
                        .recipes = calloc(n, sizeof *s.recipes),
                        .items = calloc(n, sizeof *s.items)};
    if (!s.texts || !s.names || !s.sources || !s.recipes || !s.items)
        exit(1);
    for (size_t i = 0; i < n; i++) {
        small_text(s.texts[i], i);
        snprintf(s.names[i], sizeof s.names[i], "small%zu", i);
        s.sources[i] = (mayfly_source){s.names[i], s.texts[i], 0};
        s.recipes[i] = *MAYFLY_RECIPE(.schema = &s.sources[i]);
        s.items[i] = (mayfly_bulk_item){.recipe = &s.recipes[i]};
    }
    return s;
}

static inline void small_free(small_services *s)
{
    free(s->texts);
    free(s->names);
    free(s->sources);
    free(s->recipes);
    free(s->items);
}

/* Loads them; ends the program where one of them is not. */
static inline void small_load(mayfly_host *host, const small_services *s,
                              unsigned threads)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_bulk *bulk;
    mayfly_bulk_info info = {.size = sizeof info};
    if (mayfly_bulk_load(host,
                         MAYFLY_BULK_OPTIONS(.items = s->items, .n_items = s->n,
                                             .threads = threads),
                         &bulk, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    mayfly_bulk_get_info(bulk, &info);
    mayfly_bulk_free(bulk);
    if (info.loaded != s->n) {
        fprintf(stderr, "%zu of %zu were loaded\n", info.loaded, s->n);
        exit(1);
    }
}

#endif
