/*
 * Handlers that are compiled while the program runs: served from their context,
 * called through pins, allowed to use mayfly, libc and what the host gives
 * them.
 */
#include "hello.h"

static const char source[] =
    "#include \"hello.mf.h\"\n"
    "#include <stdio.h>\n"
    "#include <string.h>\n"
    "int given(int);\n"
    "int served;\n"
    "const char label[] = \"from source\";\n"
    "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
    "    const hello_Request *q, hello_Reply *r)\n"
    "{\n"
    "    mayfly_str *unused = 0; (void)unused;\n"
    "    char text[100];\n"
    "    int i;\n"
    "    served++;\n"
    "    if (!q->name.len)\n"
    "        return mayfly_call_fail(call, MAYFLY_STATUS_NOT_FOUND, "
    "\"who?\");\n"
    "    i = snprintf(text, sizeof text, \"%s: %.*s %d\", label,\n"
    "        (int)q->name.len, q->name.ptr, given(*(int *)state));\n"
    "    r->message = mayfly_arena_str(mayfly_call_arena(call), text,\n"
    "        (size_t)i);\n"
    "    for (i = 0; i < q->times; i++) {\n"
    "        hello_Reply_LettersEntry *e = hello_Reply_add_letters(r,\n"
    "            mayfly_call_arena(call));\n"
    "        e->key = q->titles.items[i]; e->value = i;\n"
    "    }\n"
    "    return 0;\n"
    "}\n"
    "int hello_Greeter_on_Lost(void *state, mayfly_call *call,\n"
    "    const hello_Request *q, hello_Reply *r)\n"
    "{\n"
    "    hello_Reply mine = { .number = 77 };\n"
    "    mayfly_call_defer(call, 0);\n"
    "    return hello_Greeter_Lost_reply(call, &mine, 0);\n"
    "}\n";

static int given(int n)
{
    return n + 1;
}

static const mayfly_symbol symbols[] = {
    {"given", (const void *)(uintptr_t)given}};

static mayfly_context *load(mayfly_host *host)
{
    const mayfly_source handlers[] = {{"handlers.c", source, 0}};
    return hello_load(host, HELLO_V1,
                      MAYFLY_LOAD_OPTIONS(.handlers = handlers, .n_handlers = 1,
                                          .symbols = symbols, .n_symbols = 1));
}

static void test_served_from_source(void **state)
{
    (void)state;
    int base = 41;
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    must(mayfly_server_add_context(pair.server, c, &base, NULL, &err));
    must(hello_Greeter_new(c, pair.channel, &greeter, &err));

    mayfly_str titles[] = {MAYFLY_STR("a"), MAYFLY_STR("b")};
    hello_Request q = {
        .name = MAYFLY_STR("ada"), .times = 2, .titles = {titles, 2, 0}};
    hello_Reply *r = NULL;
    for (int i = 0; i < 10; i++) {
        mayfly_call *call = hello_call(host);
        must(hello_Greeter_SayHello(greeter, call, &q, &r, &err));
        assert_true(is_text(r->message, "from source: ada 42"));
        assert_int_equal(r->letters.n, 2);
        assert_true(is_text(r->letters.items[1].key, "b"));
        assert_int_equal(r->letters.items[1].value, 1);
        mayfly_call_free(call);
    }
    mayfly_call *call = hello_call(host);
    must(hello_Greeter_Lost(greeter, call, &q, &r, &err));
    assert_int_equal(r->number, 77);
    mayfly_call_free(call);

    mayfly_pin *pin;
    void *address;
    must(mayfly_pin_take(c, "reader", &pin, &err));
    must(mayfly_pin_symbol(pin, "served", &address, &err));
    assert_int_equal(*(int *)address, 10);
    must(mayfly_pin_symbol(pin, "label", &address, &err));
    assert_string_equal(address, "from source");
    must_fail(mayfly_pin_symbol(pin, "given", &address, &err), MAYFLY_ENOTFOUND,
              "given");
    mayfly_pin_free(pin);

    hello_Greeter_free(greeter);
    /* The route still refers to the context, and is refused, not jumped to. */
    must(mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 10000), NULL, &err));
    mayfly_context *other = hello_load(host, HELLO_V1, NULL);
    must(hello_Greeter_new(other, pair.channel, &greeter, &err));
    call = hello_call(host);
    must_fail(hello_Greeter_SayHello(greeter, call, &q, &r, &err),
              MAYFLY_ESTATUS, "");
    assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_UNAVAILABLE);
    mayfly_call_free(call);
    hello_Greeter_free(greeter);
    hello_close(&pair);
    mayfly_context_unref(other);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

static void test_twenty_contexts_of_the_same_source(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c[20];
    void *address[20];
    for (int i = 0; i < 20; i++) {
        mayfly_pin *pin;
        c[i] = load(host);
        must(mayfly_pin_take(c[i], "writer", &pin, &err));
        must(mayfly_pin_symbol(pin, "served", &address[i], &err));
        *(int *)address[i] = i;
        mayfly_pin_free(pin);
    }
    for (int i = 0; i < 20; i++) { /* each has data of its own */
        mayfly_pin *pin;
        must(mayfly_pin_take(c[i], "reader", &pin, &err));
        assert_int_equal(*(int *)address[i], i);
        mayfly_pin_free(pin);
        mayfly_context_unref(c[i]);
    }
    mayfly_host_free(host);
}

/* Every name that the headers promise is there for source to use. */
static void test_all_of_mayfly_can_be_called(void **state)
{
    (void)state;
    static const char all[] =
        "#include <mayfly/mayfly.h>\n"
        "const void *const some[] = { (void *)mayfly_host_new,\n"
        "  (void *)mayfly_load_text, (void *)mayfly_unload,\n"
        "  (void *)mayfly_proxy_start, (void *)mayfly_server_add_raw,\n"
        "  (void *)mayfly_json_encode, (void *)mayfly_emit,\n"
        "  (void *)mayfly_receipt_text, (void *)mayfly_arena_printf };\n";
    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load_source(host, HELLO_V1, all);
    mayfly_pin *pin;
    void *some;
    must(mayfly_pin_take(c, "reader", &pin, &err));
    must(mayfly_pin_symbol(pin, "some", &some, &err));
    assert_ptr_equal(((void **)some)[2], (void *)(uintptr_t)mayfly_unload);
    mayfly_pin_free(pin);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

/* exit in a handler ends the call, not the process, and not its thread. */
static void test_exit(void **state)
{
    (void)state;
    static const char text[] =
        "#include \"hello.mf.h\"\n"
        "#include <stdlib.h>\n"
        "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
        "    const hello_Request *q, hello_Reply *r)\n"
        "{ if (q->times == 1) exit(3);\n"
        "  if (q->times == 2) abort();\n"
        "  r->number = q->times; return 0; }\n";
    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load_source(host, HELLO_V1, text);
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    must(mayfly_server_add_context(pair.server, c, NULL, NULL, &err));
    must(hello_Greeter_new(c, pair.channel, &greeter, &err));
    hello_Reply *r = NULL;
    for (int i = 1; i <= 3; i++) {
        hello_Request q = {.times = i};
        mayfly_call *call = hello_call(host);
        if (i == 3) {
            must(hello_Greeter_SayHello(greeter, call, &q, &r, &err));
            assert_int_equal(r->number, 3);
        } else {
            must_fail(hello_Greeter_SayHello(greeter, call, &q, &r, &err),
                      MAYFLY_ESTATUS,
                      i == 1 ? "the handler called exit"
                             : "the handler called abort");
            assert_int_equal(mayfly_call_status(call), MAYFLY_STATUS_INTERNAL);
        }
        mayfly_call_free(call);
    }
    hello_Greeter_free(greeter);
    must(mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 10000), NULL, &err));
    mayfly_context_unref(c);
    hello_close(&pair);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_served_from_source),
        cmocka_unit_test(test_twenty_contexts_of_the_same_source),
        cmocka_unit_test(test_all_of_mayfly_can_be_called),
        cmocka_unit_test(test_exit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
