/*
 * Every allocation failed in turn, once and for ever, where a program's header
 * meets another version of its schema: a unit is built for the header's layout,
 * bound to a proxy, to a server and to messages; handlers come from source.
 * Each run answers success or lack of memory and leaks nothing.
 */
#include "tests/api/hello.h"
#include "tests/support/fault.h"

/* The header's fields in another order, one more, one gone. */
static const char schema[] =
    "syntax = \"proto3\"; package hello;\n"
    "service Greeter { rpc SayHello (Request) returns (Reply); }\n"
    "message Place { bytes extra = 9; int64 code = 2; string city = 1; }\n"
    "message Request { Place from = 4; string extra = 8;\n"
    "  repeated string titles = 3; string name = 1; }\n"
    "message Reply { repeated Place places = 2; string message = 1; }\n";

static const char source[] =
    "#include \"hello.mf.h\"\n"
    "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
    "    const hello_Request *q, hello_Reply *r)\n"
    "{ r->message = q->name; return 0; }\n";

typedef struct made {
    mayfly_host *host;
    mayfly_context *context;
    mayfly_server *server, *other;
    mayfly_channel *channel;
    hello_Greeter *greeter;
    mayfly_arena *arena;
} made;

static int bind_all(made *m, mayfly_error *err)
{
    static const hello_Greeter_handlers none = {NULL, NULL};
    const hello_Request q = {.name = MAYFLY_STR("ada"), .times = 5};
    hello_Request *back = NULL;
    mayfly_bytes wire;
    int code = hello_Greeter_new(m->context, m->channel, &m->greeter, err);
    if (code == 0)
        code =
            hello_Greeter_serve(m->server, m->context, &none, NULL, NULL, err);
    if (code == 0)
        code = mayfly_server_add_context(m->other, m->context, NULL, NULL, err);
    if (code == 0)
        code = mayfly_arena_new(m->host, 0, &m->arena, err);
    if (code == 0)
        code = hello_Request_encode(m->context, &q, m->arena, &wire, err);
    if (code == 0)
        code = hello_Request_decode(m->context, wire, m->arena, &back, err);
    if (code == 0)
        assert_int_equal(back->times, 5);
    return code;
}

static int whole_life(const mayfly_allocator *table, void *state)
{
    const mayfly_source text = {"hello.proto", schema, 0};
    const mayfly_source handlers[] = {{"handlers.c", source, 0}};
    mayfly_error err = MAYFLY_ERROR_INIT;
    made m = {NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    (void)state;

    int code =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &m.host, &err);
    if (code == 0)
        code = mayfly_load_text(
            m.host, "bind", &text,
            MAYFLY_LOAD_OPTIONS(.handlers = handlers, .n_handlers = 1),
            &m.context, &err);
    if (code == 0)
        code = mayfly_server_new(m.host, NULL, &m.server, &err);
    if (code == 0)
        code = mayfly_server_new(m.host, NULL, &m.other, &err);
    if (code == 0)
        code = mayfly_dial(m.host, "127.0.0.1:1", NULL, &m.channel, &err);
    if (code == 0)
        code = bind_all(&m, &err);
    if (code != 0)
        assert_int_equal(err.code, code);
    hello_Greeter_free(m.greeter);
    mayfly_arena_free(m.arena);
    mayfly_channel_unref(m.channel);
    mayfly_server_free(m.server, 0);
    mayfly_server_free(m.other, 0);
    mayfly_context_unref(m.context);
    mayfly_host_free(m.host);
    return code;
}

static void each_allocation_of_a_binding(void **state)
{
    (void)state;
    /* the schema alone takes more: the user's allocator is asked for it too */
    assert_true(fault_each(whole_life, NULL) > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_binding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
