/*
 * Units: versions side by side, swapped while calls are bound to them, and
 * refused when they are no good.
 */
#include "units.h"

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

/* From within a change of the unit it cannot be changed again. */
static int swap_again(void *state, mayfly_context *context, mayfly_error *err)
{
    (void)context;
    return swap_to(state, HELLO_V1, SAYS("three"), NULL, NULL, err);
}

static void changes_do_not_nest(void **state)
{
    (void)state;
    world w;
    begin(&w, SAYS("one"));
    must_fail(
        swap_to(w.unit, HELLO_V2, SAYS("two"),
                MAYFLY_SWAP_OPTIONS(.check = swap_again, .check_state = w.unit),
                NULL, &err),
        MAYFLY_EINSIDE, "this very thread");
    assert_string_equal(say(w.host, w.greeter), "one");
    end(&w);
}

static mayfly_unit *asked;
static int answered;

static int ask(void)
{
    mayfly_context *context;
    answered = mayfly_unit_context(asked, 0, 0, &context, NULL);
    return 0;
}

/* Nor can a version wait for itself while it is loaded. */
static void a_version_does_not_wait_for_itself(void **state)
{
    (void)state;
    static const char asks[] =
        SAYS("one") "#include <mayfly/handlers.h>\n"
                    "int ask(void);\n"
                    "int mayfly_on_load(const mayfly_handover *from,\n"
                    "                   void **ret_state, mayfly_error *err)\n"
                    "{ return ask(); }\n";
    const mayfly_source text = {"hello.proto", HELLO_V1, 0};
    const mayfly_source source = {"handlers.c", asks, 0};
    const mayfly_symbol symbols[] = {{"ask", (const void *)(uintptr_t)ask}};
    mayfly_host *host = hello_host();
    mayfly_context *context = NULL;
    must(mayfly_unit_load(
        host, "asks",
        MAYFLY_RECIPE(.schema = &text, .lazy = 1,
                      .load = MAYFLY_LOAD_OPTIONS(.handlers = &source,
                                                  .n_handlers = 1,
                                                  .symbols = symbols,
                                                  .n_symbols = 1)),
        &asked, NULL, &err));
    must(mayfly_unit_context(asked, 0, 0, &context, &err));
    assert_int_equal(answered, MAYFLY_EINSIDE);
    mayfly_context_unref(context);
    mayfly_unit_unref(asked);
    mayfly_host_free(host);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_a_version),
        cmocka_unit_test(handlers_are_not_shared),
        cmocka_unit_test(bad_recipes),
        cmocka_unit_test(failures_are_remembered),
        cmocka_unit_test(calls_take_the_new_version),
        cmocka_unit_test(what_is_no_good_changes_nothing),
        cmocka_unit_test(changes_do_not_nest),
        cmocka_unit_test(a_version_does_not_wait_for_itself),
        cmocka_unit_test(back_and_forth),
        cmocka_unit_test(methods_come_and_go),
        cmocka_unit_test(calls_finish_on_their_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
