/*
 * A program built against version 1 of a schema while version 2 is loaded:
 * fields and methods added, removed, renumbered, retyped, moved in memory; as a
 * client and as a handler, with the other side speaking version 2 from source.
 */
#include "hello.h"

/* What version 1 does not know is `extra`, `mood`, `Place.country` and `Later`;
 * gone are `times`, `Reply.letters` and `Lost`; the order of the rest, and so
 * the native layout, is another one. int32 code becomes int64: the same on the
 * wire. */
#define HELLO_V2                                                               \
    "syntax = \"proto3\";\n"                                                   \
    "package hello;\n"                                                         \
    "service Greeter { rpc Later (Request) returns (Reply);\n"                 \
    "  rpc SayHello (Request) returns (Reply); }\n"                            \
    "message Place { repeated int64 country = 9; optional int64 code = 2;\n"   \
    "  string city = 1; }\n"                                                   \
    "enum Mood { CALM = 0; WILD = 7; }\n"                                      \
    "message Request { int64 number = 5; Place from = 4; string extra = 8;\n"  \
    "  repeated string titles = 3; string name = 1; Mood mood = 6; }\n"        \
    "message Reply { repeated Place places = 2; bytes blob = 17;\n"            \
    "  string message = 1; int64 number = 5; Request echo = 6; }\n"

/* Speaks version 2: answers with what it saw, new fields included. */
static const char source_v2[] =
    "#include \"hello.mf.h\"\n"
    "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
    "    const hello_Request *q, hello_Reply *r)\n"
    "{\n"
    "    hello_Place *p;\n"
    "    r->message = q->name; r->number = q->number + q->mood;\n"
    "    p = hello_Reply_add_places(r, mayfly_call_arena(call));\n"
    "    p->city = q->extra;\n"
    "    hello_Place_set_code(p, q->from ? q->from->code : -1);\n"
    "    r->echo = (hello_Request *)q;\n"
    "    r->blob.ptr = (const uint8_t *)\"blob\"; r->blob.len = 4;\n"
    "    return 0;\n"
    "}\n";

/* Is built against version 1. Sends back what it got: message, and unknown
 * fields inside of `from`. */
static int say_hello(void *state, mayfly_call *call, const hello_Request *q,
                     hello_Reply *r)
{
    (void)state;
    r->message = q->name;
    r->number = q->number;
    if (q->from) {
        hello_Place *p = hello_Reply_add_places(r, mayfly_call_arena(call));
        if (!p)
            return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
        *p = *q->from;
    }
    return 0;
}

static int lost(void *state, mayfly_call *call, const hello_Request *q,
                hello_Reply *r)
{
    (void)state;
    (void)call;
    (void)q;
    (void)r;
    return 0;
}

static void test_client(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load_source(host, HELLO_V2, source_v2);
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    must(mayfly_server_add_context(pair.server, c, NULL, NULL, &err));
    must(hello_Greeter_new(c, pair.channel, &greeter, &err));

    hello_Place from = {.city = MAYFLY_STR("Rome")};
    hello_Place_set_code(&from, 39);
    hello_Request q = {
        .name = MAYFLY_STR("ada"), .times = 12, .number = 1000, .from = &from};
    for (int i = 0; i < 3; i++) {
        mayfly_call *call = hello_call(host);
        hello_Reply *r = NULL;
        must(hello_Greeter_SayHello(greeter, call, &q, &r, &err));
        assert_true(is_text(r->message, "ada"));
        assert_int_equal(r->number, 1000);
        assert_int_equal(r->places.n, 1);
        assert_int_equal(r->places.items[0].code, 39);
        assert_int_equal(r->letters.n, 0);
        /* `blob` and `echo` are unknown here, and kept */
        assert_true(r->mayfly_unknown_fields.len > 6);
        mayfly_call_free(call);
    }
    /* The method that the schema has lost */
    mayfly_call *call = hello_call(host);
    hello_Reply *r = NULL;
    must_fail(hello_Greeter_Lost(greeter, call, &q, &r, &err), MAYFLY_ENOTFOUND,
              "\"Lost\"");
    mayfly_call_free(call);
    hello_Greeter_free(greeter);
    hello_close(&pair);
    must(mayfly_unload(c, NULL, NULL, &err));
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

static void test_handler(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load(host, HELLO_V2, NULL);
    hello_pair pair = hello_connect(host);
    const hello_Greeter_handlers on = {.SayHello = say_hello, .Lost = lost};
    must(hello_Greeter_serve(pair.server, c, &on, NULL, NULL, &err));

    /* a client of version 2: unknown fields of the nested message come back */
    mayfly_call *call = hello_call(host);
    mayfly_str reply;
    must(mayfly_call_json(
        c, pair.channel, "hello.Greeter/SayHello", call,
        mayfly_str_of("{\"name\": \"eve\", \"mood\": \"WILD\", \"number\": 6,"
                      "\"from\": {\"city\": \"Oslo\", \"code\": 47,"
                      "\"country\": [1, 2]}}"),
        &reply, &err));
    assert_non_null(strstr(reply.ptr, "\"message\":\"eve\""));
    assert_non_null(strstr(reply.ptr, "\"country\":[\"1\",\"2\"]"));
    assert_non_null(strstr(reply.ptr, "\"code\":\"47\""));
    mayfly_call_free(call);

    call = hello_call(host);
    must_fail(mayfly_call_json(c, pair.channel, "hello.Greeter/Later", call,
                               mayfly_str_of("{}"), &reply, &err),
              MAYFLY_ESTATUS, "");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_UNIMPLEMENTED);
    mayfly_call_free(call);
    hello_close(&pair);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

static void refuse(mayfly_host *host, const char *schema, int code,
                   const char *part)
{
    mayfly_context *c = hello_load(host, schema, NULL);
    hello_pair pair = hello_connect(host);
    const hello_Greeter_handlers on = {.SayHello = say_hello};
    hello_Greeter *greeter = NULL;
    must_fail(hello_Greeter_new(c, pair.channel, &greeter, &err), code, part);
    assert_null(greeter);
    must_fail(hello_Greeter_serve(pair.server, c, &on, NULL, NULL, &err), code,
              part);
    hello_close(&pair);
    must(mayfly_unload(c, NULL, NULL, &err));
    mayfly_context_unref(c);
}

static void test_incompatible(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    /* int64 to string: not the same on the wire */
    refuse(host,
           "syntax = \"proto3\"; package hello;\n"
           "service Greeter { rpc SayHello (Request) returns (Reply); }\n"
           "message Request { string number = 5; }\n"
           "message Reply { string message = 1; }\n",
           MAYFLY_EINCOMPATIBLE, "number");
    /* deep inside of the reply */
    refuse(host,
           "syntax = \"proto3\"; package hello;\n"
           "service Greeter { rpc SayHello (Request) returns (Reply); }\n"
           "message Request { }\n"
           "message Place { bytes code = 2; }\n"
           "message Reply { repeated Place places = 2; }\n",
           MAYFLY_EINCOMPATIBLE, "code");
    refuse(host,
           "syntax = \"proto3\"; package hello;\n"
           "service Other { rpc SayHello (R) returns (R); } message R {}\n",
           MAYFLY_ENOTFOUND, "hello.Greeter");
    /* a message that the service does not reach may be anything */
    mayfly_context *c = hello_load(
        host,
        "syntax = \"proto3\"; package hello;\n"
        "service Greeter { rpc SayHello (Request) returns (Reply); }\n"
        "message Request { string name = 1; } message Reply { }\n"
        "message Place { bytes city = 2; bytes code = 3; }\n",
        NULL);
    hello_Request q = {.name = MAYFLY_STR("x")};
    mayfly_arena *arena;
    mayfly_bytes wire;
    must(mayfly_arena_new(host, 0, &arena, &err));
    must(hello_Request_encode(c, &q, arena, &wire, &err));
    assert_int_equal(wire.len, 3);
    mayfly_arena_free(arena);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

/* One header, one schema, bound by two proxies and by messages: nothing more is
 * compiled than what one of them needs. */
static void test_bound_once(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load(host, HELLO_V2, NULL);
    hello_pair pair = hello_connect(host);
    hello_Greeter *one = NULL, *two = NULL;
    mayfly_receipt *first = NULL, *second = NULL;
    must(hello_Greeter_new(c, pair.channel, &one, &err));
    must(mayfly_context_receipt(c, &first, &err));
    must(hello_Greeter_new(c, pair.channel, &two, &err));
    must(mayfly_context_receipt(c, &second, &err));
    assert_int_equal(mayfly_receipt_retained(first),
                     mayfly_receipt_retained(second));
    mayfly_receipt_free(first);
    mayfly_receipt_free(second);
    hello_Greeter_free(one);
    hello_Greeter_free(two);
    hello_close(&pair);
    must(mayfly_unload(c, NULL, &first, &err));
    assert_int_equal(mayfly_receipt_retained(first), 0);
    mayfly_receipt_free(first);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

/* A unit for the header's layout that cannot be built is an error of the
 * binding, and the context is as before. */
static void test_no_room_for_a_binding(void **state)
{
    (void)state;
    mayfly_host *host = NULL;
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.code_bytes_max = 8192), &host,
                         &err));
    mayfly_context *c = hello_load(host, HELLO_V2, NULL);
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    for (int i = 0; i < 2; i++)
        must_fail(hello_Greeter_new(c, pair.channel, &greeter, &err),
                  MAYFLY_ELIMIT, "code");
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_LIVE);
    hello_close(&pair);
    must(mayfly_unload(c, NULL, NULL, &err));
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client),
        cmocka_unit_test(test_handler),
        cmocka_unit_test(test_incompatible),
        cmocka_unit_test(test_bound_once),
        cmocka_unit_test(test_no_room_for_a_binding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
