/*
 * Every allocation failed in turn, once and for ever, where services are added
 * to a server and taken off, by header, by name, by source and as bytes:
 * success or lack of memory, nothing leaks, nothing half of a service stays,
 * and each state that was taken over is released once.
 */
#include "tests/api/hello.h"
#include "tests/support/fault.h"

static const char source[] =
    "#include \"hello.mf.h\"\n"
    "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
    "    const hello_Request *q, hello_Reply *r)\n"
    "{ r->message = q->name; return 0; }\n";

static atomic_int n_taken, n_released;

static void release(void *state)
{
    (void)state;
    atomic_fetch_add(&n_released, 1);
}

static int on_json(void *state, mayfly_call *call, mayfly_str request,
                   mayfly_str *ret_reply)
{
    (void)state, (void)call, (void)request, (void)ret_reply;
    return 0;
}

static int on_raw(void *state, mayfly_call *call, mayfly_bytes request)
{
    (void)state, (void)call, (void)request;
    return MAYFLY_STATUS_UNIMPLEMENTED;
}

typedef struct made {
    mayfly_host *host;
    mayfly_unit *unit;
    mayfly_context *context;
    mayfly_server *server;
} made;

/* Adds in one of five ways. */
static int add(made *m, int way, mayfly_error *err)
{
    static const hello_Greeter_handlers none = {NULL, NULL};
    const mayfly_service_options *o =
        MAYFLY_SERVICE_OPTIONS(.release = release);
    switch (way) {
    case 0:
        return hello_Greeter_serve(m->server, m->context, &none, NULL, o, err);
    case 1:
        return mayfly_server_add_json(m->server, m->context, "hello.Greeter",
                                      on_json, NULL, o, err);
    case 2:
        return mayfly_unit_serve_json(m->unit, m->server, "hello.Greeter",
                                      on_json, NULL, o, err);
    case 3:
        return mayfly_unit_serve_source(m->unit, m->server, NULL, o, err);
    default:
        return mayfly_server_add_raw(m->server, "/hello.Greeter/X", on_raw,
                                     NULL, o, err);
    }
}

static int add_and_remove(made *m, mayfly_error *err)
{
    int code = 0;
    for (int way = 0; way < 5 && code == 0; way++) {
        code = add(m, way, err);
        n_taken += code == 0;
        int left = mayfly_server_remove(m->server, "hello.Greeter", 0, NULL);
        if (code != 0 && left != MAYFLY_ENOTFOUND && left != MAYFLY_ENOMEM)
            fail_msg("way %d: a part of a service stayed", way);
        if (code == 0)
            code = left; /* or the server's end takes it off */
    }
    return code;
}

static int whole_life(const mayfly_allocator *table, void *state)
{
    const mayfly_source text = {"hello.proto", HELLO_V1, 0};
    const mayfly_source handlers = {"handlers.c", source, 0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    made m = {NULL, NULL, NULL, NULL};
    (void)state;

    int code =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &m.host, &err);
    if (code == 0)
        code = mayfly_unit_load(
            m.host, "hello",
            MAYFLY_RECIPE(.schema = &text,
                          .load = MAYFLY_LOAD_OPTIONS(.handlers = &handlers,
                                                      .n_handlers = 1)),
            &m.unit, NULL, &err);
    if (code == 0)
        code = mayfly_unit_context(m.unit, 0, 0, &m.context, &err);
    if (code == 0)
        code = mayfly_server_new(m.host, NULL, &m.server, &err);
    if (code == 0)
        code = add_and_remove(&m, &err);
    if (code != 0 && code != MAYFLY_ENOMEM)
        fprintf(stderr, "%s: %s\n", mayfly_error_name(code), err.message);
    mayfly_server_free(m.server, 0);
    mayfly_context_unref(m.context);
    mayfly_unit_unref(m.unit);
    mayfly_host_free(m.host);
    return code;
}

static void each_allocation_of_routes(void **state)
{
    (void)state;
    assert_true(fault_each(whole_life, NULL) > 50);
    assert_true(n_taken > 10);
    assert_int_equal(n_taken, n_released);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
