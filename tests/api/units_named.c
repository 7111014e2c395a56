/*
 * Services of a unit without a header, by dynamic messages and JSON: each call
 * is of the version that is current. And services of units that are taken off,
 * which later versions do not bring back.
 */
#include "dynamic.h"

#define V1                                                                     \
    "syntax = \"proto3\";\npackage u;\n"                                       \
    "service S { rpc A (M) returns (M); }\n"                                   \
    "message M { string one = 1; }\n"
#define V2                                                                     \
    "syntax = \"proto3\";\npackage u;\n"                                       \
    "service First { rpc X (Extra) returns (Extra); }\n"                       \
    "service S { rpc B (M) returns (M); rpc A (M) returns (M); }\n"            \
    "message Extra { int32 n = 1; }\n"                                         \
    "message M { string one = 1; string two = 2; }\n"
#define V3                                                                     \
    "syntax = \"proto3\";\npackage u;\n"                                       \
    "service Other { rpc A (M) returns (M); }\n"                               \
    "message M { string one = 1; }\n"

static const char *const versions[] = {"", V1, V2, V3};

typedef struct rig {
    mayfly_host *host;
    hello_pair pair;
    mayfly_unit *unit;
    atomic_int n_released;
} rig;

static const char handles_all[] =
    "#include \"u.mf.h\"\n"
    "int u_S_on_A(void *state, mayfly_call *call, const u_M *q, u_M *r)\n"
    "{ r->one = mayfly_str_of(\"source\"); return 0; }\n";
static const char handles_more[] =
    "#include \"u.mf.h\"\n"
    "int u_S_on_A(void *state, mayfly_call *call, const u_M *q, u_M *r)\n"
    "{ r->one = mayfly_str_of(\"source\"); return 0; }\n"
    "int u_First_on_X(void *s, mayfly_call *c, const u_Extra *q, u_Extra *r)\n"
    "{ r->n = 4; return 0; }\n";

static int begin(void **state)
{
    const mayfly_source schema = {"u.proto", V1, 0};
    rig *r = calloc(1, sizeof *r);
    r->host = hello_host();
    r->pair = hello_connect(r->host);
    must(mayfly_unit_load(r->host, "u", MAYFLY_RECIPE(.schema = &schema),
                          &r->unit, NULL, &err));
    *state = r;
    return 0;
}

static int end(void **state)
{
    rig *r = *state;
    hello_close(&r->pair);
    mayfly_unit_unref(r->unit);
    mayfly_host_free(r->host);
    free(r);
    return 0;
}

static void swap(mayfly_unit *unit, int version, const char *source)
{
    const mayfly_source schema = {"u.proto", versions[version], 0};
    const mayfly_source handlers[] = {{"handlers.c", source, 0}};
    must(mayfly_unit_swap(
        unit,
        MAYFLY_RECIPE(.schema = &schema,
                      .load = source ? MAYFLY_LOAD_OPTIONS(.handlers = handlers,
                                                           .n_handlers = 1)
                                     : NULL),
        NULL, NULL, &err));
}

static void on_release(void *state)
{
    rig *r = state;
    atomic_fetch_add(&r->n_released, 1);
}

/* Bytes out, bytes in: "\n\1a" is M with one = "a". */
static int call_bytes(rig *r, const char *path, const char *request, char *out,
                      size_t size)
{
    mayfly_call *call = hello_call(r->host);
    mayfly_bytes reply = {NULL, 0},
                 in = {(const uint8_t *)request, strlen(request)};
    mayfly_channel_call(r->pair.channel, path, call, in, &reply, NULL);
    snprintf(out, size, "%.*s", (int)reply.len,
             reply.ptr ? (const char *)reply.ptr : "");
    int status = mayfly_call_status(call);
    mayfly_call_free(call);
    return status;
}

static void is_answered(rig *r, const char *path, const char *request,
                        const char *wanted)
{
    char out[100];
    assert_int_equal(call_bytes(r, path, request, out, sizeof out), 0);
    assert_string_equal(out, wanted);
}

static void is_unimplemented(rig *r, const char *path)
{
    char out[100];
    assert_int_equal(call_bytes(r, path, "", out, sizeof out),
                     MAYFLY_STATUS_UNIMPLEMENTED);
}

/* Copies `one` to `two` where there is a `two`. */
static int copy(void *state, mayfly_call *call, const mayfly_dynamic *request,
                mayfly_dynamic *reply)
{
    mayfly_str one = {NULL, 0};
    (void)state;
    (void)call;
    must(mayfly_dynamic_get_str(request, "one", &one, &err));
    if (mayfly_dynamic_set_str(reply, "two", one, NULL) != 0)
        must(mayfly_dynamic_set_str(reply, "one", one, &err));
    return 0;
}

static int copy_json(void *state, mayfly_call *call, mayfly_str request,
                     mayfly_str *ret_reply)
{
    (void)state;
    (void)call;
    *ret_reply = request;
    return 0;
}

static void test_dynamic_of_each_version(void **state)
{
    rig *r = *state;
    must(mayfly_unit_serve_dynamic(
        r->unit, r->pair.server, "u.S", copy, r,
        MAYFLY_SERVICE_OPTIONS(.release = on_release), &err));
    is_answered(r, "/u.S/A", "\n\1a", "\n\1a");
    is_unimplemented(r, "/u.S/B");
    swap(r->unit, 2, NULL);
    is_answered(r, "/u.S/A", "\n\1a", "\x12\1a"); /* the field is there now */
    is_answered(r, "/u.S/B", "\n\1b", "\x12\1b"); /* and the method */
    swap(r->unit, 3, NULL);
    is_unimplemented(r, "/u.S/A");
    swap(r->unit, 1, NULL);
    is_answered(r, "/u.S/A", "\n\1a", "\n\1a");
    is_unimplemented(r, "/u.S/B");
    must(mayfly_server_remove(r->pair.server, "u.S", 10000, &err));
    assert_int_equal(r->n_released, 1);
    swap(r->unit, 2, NULL);
    is_unimplemented(r, "/u.S/B");
}

static void test_json_of_each_version(void **state)
{
    rig *r = *state;
    mayfly_unit *other = NULL;
    const mayfly_source schema = {"u.proto", V3, 0};
    must(mayfly_unit_serve_json(r->unit, r->pair.server, "u.S/A", copy_json, r,
                                NULL, &err));
    is_answered(r, "/u.S/A", "\n\1a", "\n\1a");
    swap(r->unit, 2, NULL);
    is_answered(r, "/u.S/A", "\n\1a\x12\1b", "\n\1a\x12\1b");
    is_unimplemented(r, "/u.S/B"); /* which was not asked for */
    must(mayfly_unit_load(r->host, "other", MAYFLY_RECIPE(.schema = &schema),
                          &other, NULL, &err));
    must_fail(mayfly_unit_serve_json(
                  other, r->pair.server, "u.S", copy_json, r,
                  MAYFLY_SERVICE_OPTIONS(.release = on_release), &err),
              MAYFLY_ENOTFOUND, "has no service \"u.S\"");
    must_fail(mayfly_unit_serve_json(
                  r->unit, r->pair.server, "u.S", copy_json, r,
                  MAYFLY_SERVICE_OPTIONS(.release = on_release), &err),
              MAYFLY_EEXIST, "/u.S/A");
    is_unimplemented(r, "/u.S/B");
    assert_int_equal(r->n_released, 0);
    mayfly_unit_unref(other);
}

/* What was taken off stays off, whatever later versions handle. */
static void test_source_that_was_taken_off(void **state)
{
    rig *r = *state;
    swap(r->unit, 1, handles_all);
    must(mayfly_unit_serve_source(r->unit, r->pair.server, r,
                                  MAYFLY_SERVICE_OPTIONS(.release = on_release),
                                  &err));
    is_answered(r, "/u.S/A", "", "\n\6source");
    swap(r->unit, 2, handles_more);
    is_answered(r, "/u.First/X", "", "\x08\4");
    must(mayfly_server_remove(r->pair.server, "u.S", 10000, &err));
    is_unimplemented(r, "/u.S/A");
    swap(r->unit, 1, handles_all);
    is_unimplemented(r, "/u.S/A");
    is_unimplemented(r, "/u.First/X"); /* this version does not handle it */
    swap(r->unit, 2, handles_more);
    is_answered(r, "/u.First/X", "", "\x08\4");
    is_unimplemented(r, "/u.S/A");
    assert_int_equal(r->n_released, 0);
    must(mayfly_server_remove(r->pair.server, "u.First", 10000, &err));
    assert_int_equal(r->n_released, 1);
    swap(r->unit, 1, handles_all);
    is_unimplemented(r, "/u.S/A");
    /* until it is served anew */
    must(mayfly_unit_serve_source(r->unit, r->pair.server, r, NULL, &err));
    is_answered(r, "/u.S/A", "", "\n\6source");
}

/* A header holds versions to what it can follow only while it is served. */
static void test_a_header_that_was_taken_off(void **state)
{
    rig *r = *state;
    mayfly_unit *unit = NULL;
    hello_Greeter_handlers on = {.SayHello = NULL};
    const mayfly_source first = {"hello.proto", HELLO_V1, 0};
    const mayfly_source other = {"hello.proto",
                                 "syntax = \"proto3\";\npackage hello;\n"
                                 "message Request { bytes times = 2; }\n",
                                 0};
    must(mayfly_unit_load(r->host, "hello", MAYFLY_RECIPE(.schema = &first),
                          &unit, NULL, &err));
    must(hello_Greeter_serve_unit(unit, r->pair.server, &on, r, NULL, &err));
    must_fail(mayfly_unit_swap(unit, MAYFLY_RECIPE(.schema = &other), NULL,
                               NULL, &err),
              MAYFLY_ENOTFOUND, "hello.Greeter");
    must(mayfly_server_remove(r->pair.server, "hello.Greeter", 10000, &err));
    must(mayfly_unit_swap(unit, MAYFLY_RECIPE(.schema = &other), NULL, NULL,
                          &err));
    mayfly_unit_unref(unit);
}

#define each(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(test_dynamic_of_each_version),
        each(test_json_of_each_version),
        each(test_source_that_was_taken_off),
        each(test_a_header_that_was_taken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
