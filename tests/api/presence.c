/*
 * Strict presence: a context that is loaded with it refuses messages in which a
 * member was assigned that has a setter, in requests, replies and messages by
 * themselves, for the schema's own layout and another one. Others send what is
 * set, and nothing more.
 */
#include "hello.h"

/* The same on the wire, but another layout: a unit is built for the header. */
#define HELLO_WIDER                                                            \
    "syntax = \"proto3\";\n"                                                   \
    "package hello;\n"                                                         \
    "service Other { rpc A (Place) returns (Place); }\n"                       \
    "service Greeter { rpc Lost (Request) returns (Reply);\n"                  \
    "  rpc SayHello (Request) returns (Reply); }\n"                            \
    "message Place { repeated int64 country = 9; optional int32 code = 2;\n"   \
    "  string city = 1; }\n"                                                   \
    "message Request { Place from = 4; string name = 1; }\n"                   \
    "message Reply { string more = 9; repeated Place places = 2; }\n"

/* Gives the place it was asked for, `code` set or only assigned. */
static int say_hello(void *state, mayfly_call *call, const hello_Request *q,
                     hello_Reply *r)
{
    hello_Place *p = hello_Reply_add_places(r, mayfly_call_arena(call));
    (void)state;
    if (!p)
        return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
    if (is_text(q->name, "assign"))
        p->code = 5;
    else
        hello_Place_set_code(p, 5);
    return 0;
}

typedef struct world {
    mayfly_host *host;
    mayfly_context *context;
    hello_pair pair;
    hello_Greeter *greeter;
} world;

static void begin(world *w, const char *schema, int strict)
{
    static const hello_Greeter_handlers on = {.SayHello = say_hello};
    w->host = hello_host();
    w->context = hello_load(w->host, schema,
                            MAYFLY_LOAD_OPTIONS(.strict_presence = strict));
    w->pair = hello_connect(w->host);
    must(
        hello_Greeter_serve(w->pair.server, w->context, &on, NULL, NULL, &err));
    must(hello_Greeter_new(w->context, w->pair.channel, &w->greeter, &err));
}

static void end(world *w)
{
    hello_Greeter_free(w->greeter);
    hello_close(&w->pair);
    mayfly_context_unref(w->context);
    mayfly_host_free(w->host);
}

/* One call; its code, and the text of the error. */
static int call(world *w, const char *name, hello_Place *from, int *ret_has,
                mayfly_error *err)
{
    const hello_Request q = {.name = mayfly_str_of(name), .from = from};
    hello_Reply *r = NULL;
    mayfly_call *one = hello_call(w->host);
    int code = hello_Greeter_SayHello(w->greeter, one, &q, &r, err);
    *ret_has = code == 0 && r->places.n == 1 &&
               hello_Place_has_code(&r->places.items[0]);
    mayfly_call_free(one);
    return code;
}

static void check_strict(const char *schema)
{
    world w;
    int has;
    hello_Place assigned = {.code = 7}, set = {.city = MAYFLY_STR("Rome")};
    hello_Place_set_code(&set, 0);
    begin(&w, schema, 1);
    must(call(&w, "set", &set, &has, &err));
    assert_true(has);
    must_fail(call(&w, "set", &assigned, &has, &err), MAYFLY_EENCODE,
              "field hello.Place.code has a value but is not set");
    must_fail(call(&w, "assign", &set, &has, &err), MAYFLY_ESTATUS,
              "field hello.Place.code has a value but is not set");
    must(call(&w, "set", NULL, &has, &err)); /* it goes on */
    assert_true(has);

    mayfly_arena *arena = NULL;
    mayfly_bytes wire;
    must(mayfly_arena_new(w.host, 0, &arena, &err));
    must(hello_Place_encode(w.context, &set, arena, &wire, &err));
    must_fail(hello_Place_encode(w.context, &assigned, arena, &wire, &err),
              MAYFLY_EENCODE, "hello.Place.code");
    mayfly_arena_free(arena);
    end(&w);
}

static void test_strict(void **state)
{
    (void)state;
    check_strict(HELLO_V1);
}

static void test_strict_for_another_layout(void **state)
{
    (void)state;
    check_strict(HELLO_WIDER);
}

static void test_by_default(void **state)
{
    world w;
    int has;
    hello_Place assigned = {.code = 7};
    (void)state;
    begin(&w, HELLO_V1, 0);
    must(call(&w, "assign", &assigned, &has, &err));
    assert_false(has);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_strict_for_another_layout),
        cmocka_unit_test(test_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
