/*
 * tests/api/bulk.h: folders of schemas, and what a job tells of them.
 */
#ifndef TESTS_API_BULK_H
#define TESTS_API_BULK_H

#include "hello.h"

#include "tests/support/tree.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* A file with one service, in a package of its own. */
static inline const char *schema_of(const char *package)
{
    static char text[1000];
    snprintf(text, sizeof text,
             "syntax = \"proto3\";\n"
             "package %s;\n"
             "service Store { rpc Get (Key) returns (Value); }\n"
             "message Key { string name = 1; int32 number = 2; }\n"
             "message Value { bytes data = 1; repeated int64 at = 2; }\n",
             package);
    return text;
}

#define WRONG                                                                  \
    "syntax = \"proto3\";\n"                                                   \
    "message A { string a = 1; Missing b = 2; }\n"                             \
    "message B { string a = 0; }\n"

/* What was told while a job ran. */
typedef struct told {
    size_t calls, total, failed, findings;
    size_t cancel_at;     /* the call that cancels; 0: none */
    pthread_t thread;     /* that all were told on */
    char last[TREE_PATH]; /* path of the last one */
    char finding[300];    /* the first one */
} told;

static inline int tell(void *state, const mayfly_bulk_progress *p)
{
    told *t = state;
    assert_true(pthread_equal(t->thread, pthread_self()));
    assert_int_equal(p->done, ++t->calls);
    assert_true(!t->total || t->total == p->total);
    t->failed += p->result->code != 0;
    assert_int_equal(p->failed, t->failed);
    t->total = p->total;
    snprintf(t->last, sizeof t->last, "%s", p->result->path);
    return t->calls == t->cancel_at;
}

static inline void tell_finding(void *state, const mayfly_diagnostic *d)
{
    told *t = state;
    assert_true(pthread_equal(t->thread, pthread_self()));
    if (!t->findings++)
        snprintf(t->finding, sizeof t->finding, "%s:%d: %s", d->file, d->line,
                 d->text);
}

static inline told told_here(void)
{
    return (told){.thread = pthread_self()};
}

static inline const mayfly_bulk_result *result_of(const mayfly_bulk *bulk,
                                                  const char *unit)
{
    size_t n;
    const mayfly_bulk_result *r = mayfly_bulk_results(bulk, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(r[i].unit, unit) == 0)
            return &r[i];
    fail_msg("no result of \"%s\"", unit);
    return NULL;
}

static inline mayfly_bulk_info info_of(const mayfly_bulk *bulk)
{
    mayfly_bulk_info info = {.size = sizeof info};
    mayfly_bulk_get_info(bulk, &info);
    return info;
}

static inline size_t units_of(mayfly_host *host)
{
    mayfly_cache_stats stats = {.size = sizeof stats};
    mayfly_cache_get_stats(host, &stats);
    return stats.units;
}

/* The unit's code works: a message goes through it. */
static inline void uses(mayfly_host *host, const char *name,
                        const char *message)
{
    mayfly_unit *unit = NULL;
    mayfly_context *context = NULL;
    mayfly_arena *arena = NULL;
    mayfly_bytes wire = {NULL, 0};
    must(mayfly_unit_find(host, name, &unit, &err));
    must(mayfly_unit_context(unit, 0, 0, &context, &err));
    must(mayfly_arena_new(host, 0, &arena, &err));
    must(mayfly_json_encode(context, message,
                            (mayfly_str)MAYFLY_STR("{\"name\": \"ada\"}"),
                            arena, &wire, &err));
    assert_int_equal(wire.len, 5);
    assert_memory_equal(wire.ptr, "\n\3ada", 5);
    mayfly_arena_free(arena);
    mayfly_context_unref(context);
    mayfly_unit_unref(unit);
}

#endif
