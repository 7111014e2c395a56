/*
 * A lazy unit is served and called through without being compiled, until the
 * first call does it: with a header and without one.
 */
#include "units.h"

#define LAZY                                                                   \
    "syntax = \"proto3\";\npackage u;\n"                                       \
    "service S { rpc A (M) returns (M); rpc B (M) returns (M); }\n"            \
    "service T { rpc C (M) returns (M); rpc Flow (stream M) returns (M); }\n"  \
    "message M { string one = 1; }\n"
#define LATER                                                                  \
    "syntax = \"proto3\";\npackage u;\n"                                       \
    "service S { rpc New (M) returns (M); rpc A (M) returns (M); }\n"          \
    "message M { string one = 1; }\n"

static mayfly_unit *load_lazily(mayfly_host *host, const char *name,
                                const char *file, const char *text)
{
    const mayfly_source schema = {file, text, 0};
    mayfly_unit *unit = NULL;
    must(mayfly_unit_load(host, name,
                          MAYFLY_RECIPE(.schema = &schema, .lazy = 1), &unit,
                          NULL, &err));
    return unit;
}

static int say_hello(void *state, mayfly_call *call, const hello_Request *q,
                     hello_Reply *r)
{
    (void)state, (void)call, (void)q;
    r->message = (mayfly_str)MAYFLY_STR("typed");
    return 0;
}

static void a_header_waits_for_its_code(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    hello_pair pair = hello_connect(host);
    hello_Greeter_handlers on = {.SayHello = say_hello};
    hello_Greeter *greeter = NULL;
    mayfly_unit *unit = load_lazily(host, "hello", "hello.proto", HELLO_V1);
    must(hello_Greeter_serve_unit(unit, pair.server, &on, NULL, NULL, &err));
    must(hello_Greeter_follow(unit, pair.channel, &greeter, &err));
    assert_int_equal(stats_of(host).builds, 0);
    assert_int_equal(stats_of(host).loaded, 0);
    assert_string_equal(say(host, greeter), "typed");
    assert_string_equal(say(host, greeter), "typed");
    assert_int_equal(stats_of(host).builds, 1);
    /* and is there for what follows later, and for a swap */
    must(swap_to(unit, HELLO_V2, NULL, NULL, NULL, &err));
    assert_string_equal(say(host, greeter), "typed");
    must_fail(swap_to(unit, HELLO_BROKEN, NULL, NULL, NULL, &err),
              MAYFLY_EINCOMPATIBLE, "name");
    hello_Greeter_free(greeter);
    mayfly_unit_unref(unit);
    hello_close(&pair);
    mayfly_host_free(host);
}

/* What does not fit is told by the first call. */
static void an_unfit_version_fails_when_it_is_built(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    mayfly_unit *unit = load_lazily(host, "hello", "hello.proto", HELLO_BROKEN);
    must(hello_Greeter_follow(unit, pair.channel, &greeter, &err));
    assert_string_equal(say(host, greeter),
                        mayfly_error_name(MAYFLY_EINCOMPATIBLE));
    assert_int_equal(stats_of(host).builds, 0);
    must(swap_to(unit, HELLO_V1, NULL, NULL, NULL, &err));
    hello_Greeter_free(greeter);
    mayfly_unit_unref(unit);
    hello_close(&pair);
    mayfly_host_free(host);
}

/* --- without a header --- */

static int echo(void *state, mayfly_call *call, mayfly_str request,
                mayfly_str *ret_reply)
{
    (void)state, (void)call;
    *ret_reply = request;
    return 0;
}

static int status_of(mayfly_host *host, const hello_pair *pair,
                     const char *path)
{
    mayfly_call *call = hello_call(host);
    mayfly_bytes reply, request = {(const uint8_t *)"\n\1a", 3};
    mayfly_channel_call(pair->channel, path, call, request, &reply, NULL);
    int status = mayfly_call_status(call);
    if (status == 0)
        assert_int_equal(reply.len, 3);
    mayfly_call_free(call);
    return status;
}

static void names_are_known_before_code(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    hello_pair pair = hello_connect(host);
    mayfly_unit *unit = load_lazily(host, "u", "u.proto", LAZY);
    must(mayfly_unit_serve_json(unit, pair.server, "u.S", echo, NULL, NULL,
                                &err));
    must(mayfly_unit_serve_json(unit, pair.server, "u.T/C", echo, NULL, NULL,
                                &err));
    must_fail(mayfly_unit_serve_json(unit, pair.server, "u.X", echo, NULL, NULL,
                                     &err),
              MAYFLY_ENOTFOUND, "no service \"u.X\"");
    must_fail(mayfly_unit_serve_json(unit, pair.server, "u.T/X", echo, NULL,
                                     NULL, &err),
              MAYFLY_ENOTFOUND, "no method \"u.T/X\"");
    must_fail(mayfly_unit_serve_json(unit, pair.server, "u.T/Flow", echo, NULL,
                                     NULL, &err),
              MAYFLY_EUNSUPPORTED, "streams");
    must_fail(mayfly_unit_serve_json(unit, pair.server, "u.S/A", echo, NULL,
                                     NULL, &err),
              MAYFLY_EEXIST, "u.S/A");
    assert_int_equal(stats_of(host).builds, 0);
    assert_int_equal(status_of(host, &pair, "/u.T/X"),
                     MAYFLY_STATUS_UNIMPLEMENTED);
    assert_int_equal(stats_of(host).builds, 0);
    assert_int_equal(status_of(host, &pair, "/u.S/B"), 0);
    assert_int_equal(stats_of(host).builds, 1);
    assert_int_equal(status_of(host, &pair, "/u.S/A"), 0);
    assert_int_equal(status_of(host, &pair, "/u.T/C"), 0);
    assert_int_equal(stats_of(host).builds, 1);

    /* what a later version has is served from then on */
    const mayfly_source later = {"u.proto", LATER, 0};
    must(mayfly_unit_swap(unit, MAYFLY_RECIPE(.schema = &later), NULL, NULL,
                          &err));
    assert_int_equal(status_of(host, &pair, "/u.S/New"), 0);
    assert_int_equal(status_of(host, &pair, "/u.S/A"), 0);
    assert_int_equal(status_of(host, &pair, "/u.S/B"),
                     MAYFLY_STATUS_UNIMPLEMENTED);
    mayfly_unit_unref(unit);
    hello_close(&pair);
    mayfly_host_free(host);
}

/* A swap before the first call: nothing was built of the first version, ever.
 */
static void a_lazy_version_may_never_be_built(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    hello_pair pair = hello_connect(host);
    mayfly_unit *unit = load_lazily(host, "u", "u.proto", LAZY);
    const mayfly_source later = {"u.proto", LATER, 0};
    must(mayfly_unit_serve_json(unit, pair.server, "u.S", echo, NULL, NULL,
                                &err));
    must(mayfly_unit_swap(unit, MAYFLY_RECIPE(.schema = &later), NULL, NULL,
                          &err));
    assert_int_equal(stats_of(host).builds, 1);
    assert_int_equal(status_of(host, &pair, "/u.S/New"), 0);
    assert_int_equal(status_of(host, &pair, "/u.S/B"),
                     MAYFLY_STATUS_UNIMPLEMENTED);
    must(mayfly_unit_remove(unit, 1000, &err));
    must_fail(mayfly_unit_serve_json(unit, pair.server, "u.T", echo, NULL, NULL,
                                     &err),
              MAYFLY_EUNLOADED, "removed");
    mayfly_unit_unref(unit);
    hello_close(&pair);
    mayfly_host_free(host);
}

/* Source has to be compiled for what it handles to be known. */
static void source_is_compiled_to_be_served(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    hello_pair pair = hello_connect(host);
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    const mayfly_source source = {"handlers.c", SAYS("source"), 0};
    mayfly_unit *unit = NULL;
    hello_Greeter *greeter = NULL;
    must(mayfly_unit_load(
        host, "hello",
        MAYFLY_RECIPE(.schema = &schema, .lazy = 1,
                      .load = MAYFLY_LOAD_OPTIONS(.handlers = &source,
                                                  .n_handlers = 1)),
        &unit, NULL, &err));
    must(hello_Greeter_follow(unit, pair.channel, &greeter, &err));
    assert_int_equal(stats_of(host).builds, 0);
    must(mayfly_unit_serve_source(unit, pair.server, NULL, NULL, &err));
    assert_int_equal(stats_of(host).builds, 1);
    assert_string_equal(say(host, greeter), "source");
    hello_Greeter_free(greeter);
    mayfly_unit_unref(unit);
    hello_close(&pair);
    mayfly_host_free(host);
}

/* --- following while it is built --- */

typedef struct crowd {
    mayfly_unit *unit;
    hello_pair *pair;
    mayfly_host *host;
    atomic_int failed;
} crowd;

static void *follow_and_call(void *state)
{
    crowd *c = state;
    for (int i = 0; i < 20; i++) {
        hello_Greeter *greeter = NULL;
        hello_Request q = {.name = MAYFLY_STR("ada")};
        hello_Reply *r = NULL;
        mayfly_call *call = hello_call(c->host);
        int code =
            hello_Greeter_follow(c->unit, c->pair->channel, &greeter, NULL);
        if (code == 0)
            code = hello_Greeter_SayHello(greeter, call, &q, &r, NULL);
        if (code != 0 || !is_text(r->message, "typed"))
            atomic_fetch_add(&c->failed, 1);
        mayfly_call_free(call);
        hello_Greeter_free(greeter);
    }
    return NULL;
}

static void many_follow_while_it_is_built(void **state)
{
    enum { THREADS = 4, TIMES = 5 };
    (void)state;
    for (int t = 0; t < TIMES; t++) {
        mayfly_host *host = hello_host();
        hello_pair pair = hello_connect(host);
        hello_Greeter_handlers on = {.SayHello = say_hello};
        pthread_t threads[THREADS];
        mayfly_unit *unit = load_lazily(host, "hello", "hello.proto", HELLO_V2);
        must(
            hello_Greeter_serve_unit(unit, pair.server, &on, NULL, NULL, &err));
        crowd c = {.unit = unit, .pair = &pair, .host = host};
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(
                pthread_create(&threads[i], NULL, follow_and_call, &c), 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(atomic_load(&c.failed), 0);
        assert_int_equal(stats_of(host).builds, 1);
        mayfly_unit_unref(unit);
        hello_close(&pair);
        mayfly_host_free(host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_waits_for_its_code),
        cmocka_unit_test(an_unfit_version_fails_when_it_is_built),
        cmocka_unit_test(names_are_known_before_code),
        cmocka_unit_test(a_lazy_version_may_never_be_built),
        cmocka_unit_test(source_is_compiled_to_be_served),
        cmocka_unit_test(many_follow_while_it_is_built),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
