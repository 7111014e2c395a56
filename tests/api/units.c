/*
 * Units: versions side by side, swapped while calls are bound to them, refused
 * when they are no good, evicted and back again.
 */
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

static uint64_t load_as(mayfly_host *host, const char *name, const char *schema,
                        const char *handlers, const char *label,
                        mayfly_unit **ret_unit)
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

static int swap_to(mayfly_unit *unit, const char *schema, const char *handlers,
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

static mayfly_cache_stats stats_of(mayfly_host *host)
{
    mayfly_cache_stats stats = {.size = sizeof stats};
    mayfly_cache_get_stats(host, &stats);
    return stats;
}

/* What one call is answered with, or the name of its error. Static. */
static const char *say(mayfly_host *host, hello_Greeter *greeter)
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

static void begin(world *w, const char *handlers)
{
    w->host = hello_host();
    w->pair = hello_connect(w->host);
    load_as(w->host, "hello", HELLO_V1, handlers, NULL, &w->unit);
    must(mayfly_unit_serve_source(w->unit, w->pair.server, NULL, NULL, &err));
    must(hello_Greeter_follow(w->unit, w->pair.channel, &w->greeter, &err));
}

static void end(world *w)
{
    hello_Greeter_free(w->greeter);
    mayfly_unit_unref(w->unit);
    hello_close(&w->pair);
    mayfly_host_free(w->host);
}

/* --- names and contents --- */

static void content_is_a_version(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_unit *unit, *again, *other;
    assert_int_equal(load_as(host, "a", HELLO_V1, NULL, NULL, &unit), 1);
    assert_int_equal(load_as(host, "a", HELLO_V1, NULL, NULL, &again), 1);
    assert_ptr_equal(unit, again);
    mayfly_unit_unref(again);
    assert_int_equal(load_as(host, "a", HELLO_V2, NULL, "two", &again), 2);
    mayfly_unit_unref(again);
    assert_int_equal(mayfly_unit_version(unit), 1); /* until it is used */
    assert_string_equal(mayfly_unit_name(unit), "a");

    /* the same content under another name is the same context */
    mayfly_context *one = NULL, *same = NULL;
    load_as(host, "b", HELLO_V1, NULL, NULL, &other);
    must(mayfly_unit_context(unit, 0, 0, &one, &err));
    must(mayfly_unit_context(other, 1, 0, &same, &err));
    assert_ptr_equal(one, same);
    assert_string_equal(mayfly_context_name(one), "a@1");
    mayfly_context_unref(one);
    mayfly_context_unref(same);

    mayfly_cache_stats s = stats_of(host);
    assert_int_equal(s.units, 2);
    assert_int_equal(s.versions, 3);
    assert_int_equal(s.builds, 2);
    assert_int_equal(s.loaded, 2);
    assert_int_equal(s.hits, 1);
    assert_true(s.bytes > 0 && s.recipe_bytes > 0);

    uint64_t number = 0;
    must(mayfly_unit_find_version(unit, "two", &number, &err));
    assert_int_equal(number, 2);
    must_fail(mayfly_unit_find_version(unit, "three", &number, &err),
              MAYFLY_ENOTFOUND, "three");
    must(mayfly_unit_find(host, "b", &again, &err));
    assert_ptr_equal(again, other);
    mayfly_unit_unref(again);
    must_fail(mayfly_unit_find(host, "c", &again, &err), MAYFLY_ENOTFOUND,
              "\"c\"");
    mayfly_unit_unref(other);
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
}

/* Handlers have variables: every unit has its own. */
static void handlers_are_not_shared(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_unit *a, *b;
    mayfly_context *of_a = NULL, *of_b = NULL;
    load_as(host, "a", HELLO_V1, SAYS("x"), NULL, &a);
    load_as(host, "b", HELLO_V1, SAYS("x"), NULL, &b);
    must(mayfly_unit_context(a, 0, 0, &of_a, &err));
    must(mayfly_unit_context(b, 0, 0, &of_b, &err));
    assert_ptr_not_equal(of_a, of_b);
    mayfly_context_unref(of_a);
    mayfly_context_unref(of_b);
    mayfly_unit_unref(a);
    mayfly_unit_unref(b);
    mayfly_host_free(host);
}

static void bad_recipes(void **state)
{
    (void)state;
    const mayfly_source text = {"hello.proto", HELLO_V1, 0};
    const mayfly_source bad = {"hello.proto", "syntax = \"proto3\"; mess", 0};
    mayfly_host *host = hello_host();
    mayfly_unit *unit = NULL;
    must_fail(mayfly_unit_load(host, "a@1", MAYFLY_RECIPE(.schema = &text),
                               &unit, NULL, &err),
              MAYFLY_EINVAL, "\"@\"");
    must_fail(mayfly_unit_load(host, "", MAYFLY_RECIPE(.schema = &text), &unit,
                               NULL, &err),
              MAYFLY_EINVAL, "name");
    must_fail(mayfly_unit_load(host, "a",
                               MAYFLY_RECIPE(.schema = &text, .version = "@"),
                               &unit, NULL, &err),
              MAYFLY_EINVAL, "version");
    must_fail(mayfly_unit_load(host, "a", MAYFLY_RECIPE(.path = NULL), &unit,
                               NULL, &err),
              MAYFLY_EINVAL, "without a schema");
    must_fail(mayfly_unit_load(host, "a", MAYFLY_RECIPE(.schema = &bad), &unit,
                               NULL, &err),
              MAYFLY_ESCHEMA, "mess");
    must_fail(mayfly_unit_load(host, "a", MAYFLY_RECIPE(.path = "no.proto"),
                               &unit, NULL, &err),
              MAYFLY_ENOTFOUND, "no.proto");
    assert_null(unit);
    assert_int_equal(stats_of(host).units, 0);

    load_as(host, "a", HELLO_V1, NULL, "one", &unit);
    const mayfly_source other = {"hello.proto", HELLO_V2, 0};
    mayfly_unit *again;
    must_fail(mayfly_unit_load(
                  host, "a", MAYFLY_RECIPE(.schema = &other, .version = "one"),
                  &again, NULL, &err),
              MAYFLY_EEXIST, "\"one\"");
    assert_int_equal(stats_of(host).versions, 1);
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
}

/* A broken source is compiled once, not for everybody who asks. */
static void failures_are_remembered(void **state)
{
    (void)state;
    const mayfly_source text = {"hello.proto", HELLO_V1, 0};
    const mayfly_source broken = {"handlers.c", "int f(void) { return x; }", 0};
    const mayfly_recipe *recipe =
        MAYFLY_RECIPE(.schema = &text, .lazy = 1,
                      .load = MAYFLY_LOAD_OPTIONS(.handlers = &broken,
                                                  .n_handlers = 1));
    mayfly_host *host = hello_host();
    mayfly_unit *unit;
    mayfly_context *context = NULL;
    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.failure_ms = 60000),
                                 &err));
    must(mayfly_unit_load(host, "a", recipe, &unit, NULL, &err));
    for (int i = 0; i < 5; i++)
        must_fail(mayfly_unit_context(unit, 0, 0, &context, &err),
                  MAYFLY_ECOMPILE, "handlers.c");
    assert_null(context);
    assert_int_equal(stats_of(host).failures, 1);
    assert_int_equal(stats_of(host).refusals, 4);
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
}

/* --- swaps --- */

static void calls_take_the_new_version(void **state)
{
    (void)state;
    world w;
    mayfly_swap swap;
    begin(&w, SAYS("one"));
    assert_string_equal(say(w.host, w.greeter), "one");
    must(swap_to(w.unit, HELLO_V2, SAYS("two"),
                 MAYFLY_SWAP_OPTIONS(.wait_ms = 5000), &swap, &err));
    assert_int_equal(swap.from, 1);
    assert_int_equal(swap.to, 2);
    assert_int_equal(swap.gone, 1);
    assert_non_null(swap.receipt);
    assert_int_equal(mayfly_receipt_retained(swap.receipt), 0);
    assert_non_null(strstr(mayfly_receipt_text(swap.receipt), "hello@1"));
    mayfly_receipt_free(swap.receipt);
    assert_string_equal(say(w.host, w.greeter), "two");

    /* the same once more is nothing to be done */
    must(swap_to(w.unit, HELLO_V2, SAYS("two"), NULL, &swap, &err));
    assert_int_equal(swap.from, 2);
    assert_int_equal(swap.to, 2);
    assert_int_equal(stats_of(w.host).versions, 1);
    assert_int_equal(stats_of(w.host).loaded, 1);
    end(&w);
}

static int refuse(void *state, mayfly_context *context, mayfly_error *err)
{
    (void)err;
    *(const char **)state = mayfly_context_name(context);
    return MAYFLY_ECANCELLED;
}

static void what_is_no_good_changes_nothing(void **state)
{
    (void)state;
    world w;
    const char *seen = NULL;
    begin(&w, SAYS("one"));
    must_fail(swap_to(w.unit, HELLO_V1, "int f(void) { return x; }", NULL, NULL,
                      &err),
              MAYFLY_ECOMPILE, "handlers.c");
    must_fail(
        swap_to(w.unit, "syntax = \"proto3\"; mess", NULL, NULL, NULL, &err),
        MAYFLY_ESCHEMA, "mess");
    must_fail(swap_to(w.unit, HELLO_BROKEN, SAYS("broken"), NULL, NULL, &err),
              MAYFLY_EINCOMPATIBLE, "name");
    must_fail(swap_to(w.unit, HELLO_V2, NULL, NULL, NULL, &err),
              MAYFLY_ENOTFOUND, "no source of handlers");
    seen = NULL;
    must_fail(
        swap_to(w.unit, HELLO_V2, SAYS("two"),
                MAYFLY_SWAP_OPTIONS(.check = refuse, .check_state = &seen),
                NULL, &err),
        MAYFLY_ECANCELLED, "refused by the check");
    assert_non_null(seen);
    assert_int_equal(mayfly_unit_version(w.unit), 1);
    assert_string_equal(say(w.host, w.greeter), "one");
    mayfly_cache_stats s = stats_of(w.host);
    assert_int_equal(s.versions, 1);
    assert_int_equal(s.loaded, 1);
    assert_true(s.refused_swaps >= 4);
    assert_int_equal(s.swaps, 0);
    end(&w);
}

static void back_and_forth(void **state)
{
    (void)state;
    world w;
    mayfly_swap swap;
    begin(&w, SAYS("one"));
    must(swap_to(w.unit, HELLO_V1, SAYS("two"), MAYFLY_SWAP_OPTIONS(.keep = 1),
                 &swap, &err));
    assert_string_equal(say(w.host, w.greeter), "two");
    must(mayfly_unit_use(w.unit, 1, MAYFLY_SWAP_OPTIONS(.keep = 1), &swap,
                         &err));
    assert_int_equal(swap.from, 2);
    assert_int_equal(swap.to, 1);
    assert_string_equal(say(w.host, w.greeter), "one");
    must(mayfly_unit_evict(w.unit, 2, &err)); /* comes back when it is used */
    must(mayfly_unit_use(w.unit, 2, MAYFLY_SWAP_OPTIONS(.keep = 1), &swap,
                         &err));
    assert_string_equal(say(w.host, w.greeter), "two");
    must_fail(mayfly_unit_use(w.unit, 7, NULL, NULL, &err), MAYFLY_ENOTFOUND,
              "version 7");
    must_fail(mayfly_unit_drop(w.unit, 2, &err), MAYFLY_EBUSY, "current");
    must(mayfly_unit_drop(w.unit, 1, &err));
    must_fail(mayfly_unit_use(w.unit, 1, NULL, NULL, &err), MAYFLY_ENOTFOUND,
              "version 1");
    assert_int_equal(stats_of(w.host).loaded, 1);
    end(&w);
}

/* A method that only the new version handles is served from then on. */
static void methods_come_and_go(void **state)
{
    (void)state;
    world w;
    mayfly_str reply;
    static const char both[] =
        SAYS("two") "int hello_Greeter_on_Later(void *state, mayfly_call *c,\n"
                    "    const hello_Request *q, hello_Reply *r)\n"
                    "{ r->message = q->name; return 0; }\n";
    begin(&w, SAYS("one"));
    must(swap_to(w.unit, HELLO_V2, both, NULL, NULL, &err));
    for (int round = 0; round < 2; round++) {
        mayfly_call *call = hello_call(w.host);
        int code = mayfly_unit_call_json(
            w.unit, w.pair.channel, "hello.Greeter/Later", call,
            mayfly_str_of("{\"name\": \"ada\"}"), &reply, NULL);
        if (round == 0) {
            assert_int_equal(code, 0);
            assert_true(is_text(reply, "{\"message\":\"ada\"}"));
            /* and is not when the next one lacks the handler */
            must(swap_to(w.unit, HELLO_V2, SAYS("three"), NULL, NULL, &err));
        } else {
            assert_int_equal(code, MAYFLY_ESTATUS);
            assert_int_equal(mayfly_call_status(call),
                             MAYFLY_STATUS_UNIMPLEMENTED);
        }
        mayfly_call_free(call);
    }
    assert_string_equal(say(w.host, w.greeter), "three");
    end(&w);
}

/* --- calls under way --- */

typedef struct deferred {
    _Atomic(mayfly_call *) call;
} deferred;

static int defer(void *state, mayfly_call *call, const hello_Request *q,
                 hello_Reply *r)
{
    deferred *d = state;
    (void)q;
    (void)r;
    if (mayfly_call_defer(call, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    atomic_store(&d->call, call);
    return 0;
}

static void *say_on_thread(void *state)
{
    world *w = state;
    hello_Request q = {.name = MAYFLY_STR("ada")};
    hello_Reply *r = NULL;
    mayfly_call *call = NULL;
    mayfly_call_new(w->host, NULL, &call, NULL);
    int code = hello_Greeter_SayHello(w->greeter, call, &q, &r, NULL);
    int good = code == 0 && is_text(r->message, "late");
    mayfly_call_free(call);
    return good ? w : NULL;
}

/* A host's handler, bound to a header of version 1, defers; meanwhile version 2
 * becomes current; the answer is made with the version that the call came by.
 */
static void calls_finish_on_their_version(void **state)
{
    (void)state;
    world w = {.host = hello_host()};
    deferred d = {NULL};
    hello_Greeter_handlers on = {.SayHello = defer};
    pthread_t thread;
    void *good = NULL;
    mayfly_context *old = NULL;
    mayfly_swap swap;
    w.pair = hello_connect(w.host);
    load_as(w.host, "hello", HELLO_V1, NULL, NULL, &w.unit);
    must(hello_Greeter_serve_unit(w.unit, w.pair.server, &on, &d, NULL, &err));
    must(hello_Greeter_follow(w.unit, w.pair.channel, &w.greeter, &err));
    assert_int_equal(pthread_create(&thread, NULL, say_on_thread, &w), 0);
    while (!atomic_load(&d.call))
        usleep(1000);
    must(mayfly_unit_context(w.unit, 0, 0, &old, &err));
    must(swap_to(w.unit, HELLO_V2, NULL, NULL, &swap, &err));
    assert_int_equal(swap.gone, 0);
    assert_int_equal(mayfly_context_get_state(old), MAYFLY_UNLOADING);
    hello_Reply reply = {.message = MAYFLY_STR("late")};
    must(hello_Greeter_SayHello_reply(atomic_load(&d.call), &reply, &err));
    pthread_join(thread, &good);
    assert_non_null(good);
    for (int i = 0; i < 2000; i++) { /* by the thread that dropped the lease */
        if (mayfly_context_get_state(old) == MAYFLY_UNLOADED)
            break;
        usleep(1000);
    }
    assert_int_equal(mayfly_context_get_state(old), MAYFLY_UNLOADED);
    mayfly_context_unref(old);
    end(&w);
}

/* --- room --- */

enum { UNITS = 6 };

static void load_many(mayfly_host *host, mayfly_unit **units)
{
    for (int i = 0; i < UNITS; i++) {
        char name[16], says[1000], word[8];
        snprintf(name, sizeof name, "u%d", i);
        snprintf(word, sizeof word, "n%d", i);
        snprintf(says, sizeof says,
                 "#include \"hello.mf.h\"\n"
                 "int hello_Greeter_on_SayHello(void *state, mayfly_call *c,\n"
                 "    const hello_Request *q, hello_Reply *r)\n"
                 "{ r->message.ptr = \"%s\"; r->message.len = 2; return 0; }\n",
                 word);
        load_as(host, name, HELLO_V1, says, NULL, &units[i]);
    }
}

static void note_loaded(void *state, const mayfly_version_info *info)
{
    *(int *)state += info->is_loaded;
}

static int is_loaded(mayfly_host *host, mayfly_unit *unit)
{
    int n = 0;
    must(mayfly_cache_each(host, unit, note_loaded, &n, &err));
    return n;
}

static void the_least_recently_used_goes(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_unit *units[UNITS];
    mayfly_context *context = NULL;
    load_many(host, units);
    assert_int_equal(stats_of(host).loaded, UNITS);
    for (int i = UNITS - 1; i >= 0; i--) { /* used in this order */
        must(mayfly_unit_context(units[i], 0, 0, &context, &err));
        mayfly_context_unref(context);
        usleep(12000); /* the clock of use ticks in milliseconds */
    }
    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.loaded = 2), &err));
    assert_int_equal(stats_of(host).loaded, 2);
    assert_int_equal(stats_of(host).evictions, UNITS - 2);
    for (int i = 0; i < UNITS; i++)
        assert_int_equal(is_loaded(host, units[i]), i < 2);

    mayfly_unit_set_pinned(units[0], 1);
    mayfly_unit_set_pinned(units[1], 1);
    must(mayfly_unit_context(units[5], 0, 0, &context, &err)); /* is back */
    mayfly_context_unref(context);
    assert_int_equal(is_loaded(host, units[0]), 1);
    assert_int_equal(is_loaded(host, units[1]), 1);
    mayfly_unit_set_pinned(units[0], 0);
    mayfly_unit_set_pinned(units[1], 0);
    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.bytes = 1), &err));
    assert_int_equal(stats_of(host).loaded, 0);
    assert_int_equal(stats_of(host).bytes, 0);

    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.idle_ms = 40),
                                 &err));
    must(mayfly_unit_context(units[3], 0, 0, &context, &err));
    mayfly_context_unref(context);
    for (int i = 0; i < 5000 && stats_of(host).loaded; i++)
        usleep(1000);
    assert_int_equal(stats_of(host).loaded, 0);
    for (int i = 0; i < UNITS; i++)
        mayfly_unit_unref(units[i]);
    mayfly_host_free(host);
}

/* What is held is not evicted; who holds it is told. */
static void what_is_held_stays(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_unit *unit;
    mayfly_context *context = NULL;
    mayfly_pin *pin = NULL;
    load_as(host, "a", HELLO_V1, NULL, NULL, &unit);
    must(mayfly_unit_context(unit, 0, 0, &context, &err));
    must(mayfly_pin_take(context, "a test", &pin, &err));
    must_fail(mayfly_unit_evict(unit, 0, &err), MAYFLY_EBUSY, "a test");
    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.bytes = 1), &err));
    assert_int_equal(stats_of(host).loaded, 1);
    mayfly_pin_free(pin);
    must(mayfly_unit_evict(unit, 0, &err));
    assert_int_equal(stats_of(host).loaded, 0);
    assert_int_equal(mayfly_context_get_state(context), MAYFLY_UNLOADED);
    mayfly_context_unref(context);
    must_fail(mayfly_unit_evict(unit, 9, &err), MAYFLY_ENOTFOUND, "version");
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
}

/* A user may unload a version's context as any other. */
static void an_unload_is_an_eviction(void **state)
{
    (void)state;
    world w;
    mayfly_context *context = NULL;
    begin(&w, SAYS("one"));
    for (int force = 0; force < 2; force++) {
        must(mayfly_unit_context(w.unit, 0, 0, &context, &err));
        must(mayfly_unload(
            context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000, .force = force),
            NULL, &err));
        mayfly_context_unref(context);
        assert_string_equal(say(w.host, w.greeter), "one");
    }
    end(&w);
}

/* --- many at once, and the end --- */

static void *load_same(void *host)
{
    const mayfly_source text = {"hello.proto", HELLO_V2, 0};
    mayfly_unit *unit = NULL;
    mayfly_context *context = NULL;
    int code = mayfly_unit_load(host, "same", MAYFLY_RECIPE(.schema = &text),
                                &unit, NULL, NULL);
    if (code == 0)
        code = mayfly_unit_context(unit, 0, 0, &context, NULL);
    mayfly_context_unref(context);
    mayfly_unit_unref(unit);
    return code == 0 ? host : NULL;
}

static void one_builds(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    mayfly_host *host = hello_host();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_same, host), 0);
    for (int i = 0; i < THREADS; i++) {
        void *good = NULL;
        pthread_join(threads[i], &good);
        assert_non_null(good);
    }
    assert_int_equal(stats_of(host).builds, 1);
    assert_int_equal(stats_of(host).versions, 1);
    mayfly_host_free(host);
}

static void a_removed_unit_is_a_handle(void **state)
{
    (void)state;
    world w;
    mayfly_unit *unit = NULL;
    mayfly_context *context = NULL;
    begin(&w, SAYS("one"));
    must(mayfly_unit_remove(w.unit, 5000, &err));
    assert_int_equal(mayfly_unit_version(w.unit), 0);
    assert_string_equal(say(w.host, w.greeter), "MAYFLY_EUNLOADED");
    must_fail(mayfly_unit_find(w.host, "hello", &unit, &err), MAYFLY_ENOTFOUND,
              "hello");
    must_fail(mayfly_unit_context(w.unit, 0, 0, &context, &err),
              MAYFLY_EUNLOADED, "removed");
    must_fail(swap_to(w.unit, HELLO_V2, NULL, NULL, NULL, &err),
              MAYFLY_EUNLOADED, "removed");
    must_fail(mayfly_unit_remove(w.unit, 0, &err), MAYFLY_EUNLOADED, "removed");
    load_as(w.host, "hello", HELLO_V1, NULL, NULL,
            &unit); /* the name is free */
    mayfly_unit_unref(unit);
    end(&w);
}

static void count_receipt(void *state, const char *name,
                          const mayfly_receipt *receipt)
{
    int *seen = state;
    assert_int_equal(mayfly_receipt_retained(receipt), 0);
    char expected[32];
    snprintf(expected, sizeof expected, "hello@%d", 7 - ++*seen);
    assert_string_equal(name, expected);
}

static void receipts_are_kept(void **state)
{
    (void)state;
    world w;
    int seen = 0;
    begin(&w, SAYS("1"));
    must(mayfly_cache_set_budget(w.host, MAYFLY_CACHE_BUDGET(.receipts = 4),
                                 &err));
    for (int i = 2; i <= 7; i++) {
        char says[800];
        mayfly_swap swap;
        snprintf(says, sizeof says, "%s/* %d */", SAYS("x"), i);
        must(swap_to(w.unit, HELLO_V1, says,
                     MAYFLY_SWAP_OPTIONS(.wait_ms = 5000), &swap, &err));
        assert_int_equal(swap.gone, 1);
        mayfly_receipt_free(swap.receipt);
    }
    must(mayfly_cache_each_receipt(w.host, count_receipt, &seen, &err));
    assert_int_equal(seen, 4); /* the newest */
    end(&w);
}

/* Handles outlive the host. */
static void the_host_goes_first(void **state)
{
    (void)state;
    world w;
    mayfly_unit *unit = NULL;
    begin(&w, SAYS("one"));
    hello_close(&w.pair);
    mayfly_host_free(w.host);
    assert_string_equal(mayfly_unit_name(w.unit), "hello");
    assert_int_equal(mayfly_unit_version(w.unit), 0);
    must_fail(swap_to(w.unit, HELLO_V2, NULL, NULL, NULL, &err),
              MAYFLY_ECANCELLED, "freed");
    must_fail(mayfly_unit_find(w.host, "hello", &unit, &err), MAYFLY_ECANCELLED,
              "freed");
    hello_Greeter_free(w.greeter);
    mayfly_unit_unref(w.unit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_a_version),
        cmocka_unit_test(handlers_are_not_shared),
        cmocka_unit_test(bad_recipes),
        cmocka_unit_test(failures_are_remembered),
        cmocka_unit_test(calls_take_the_new_version),
        cmocka_unit_test(what_is_no_good_changes_nothing),
        cmocka_unit_test(back_and_forth),
        cmocka_unit_test(methods_come_and_go),
        cmocka_unit_test(calls_finish_on_their_version),
        cmocka_unit_test(the_least_recently_used_goes),
        cmocka_unit_test(what_is_held_stays),
        cmocka_unit_test(an_unload_is_an_eviction),
        cmocka_unit_test(one_builds),
        cmocka_unit_test(a_removed_unit_is_a_handle),
        cmocka_unit_test(receipts_are_kept),
        cmocka_unit_test(the_host_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
