/*
 * Every allocation of a context's life failed in turn, once and for ever:
 * loading, JSON both ways, a pin, the receipt, unloading. Each run answers
 * success or lack of memory, leaks nothing, and what is made after it is as if
 * it had not been.
 */
#include <mayfly/mayfly.h>

#include "tests/support/fault.h"
#include "tests/support/test.h"

static const char schema[] =
    "syntax = \"proto3\";\n"
    "package fault;\n"
    "import \"google/protobuf/timestamp.proto\";\n"
    "enum Colour { NONE = 0; RED = 1; }\n"
    "message Leaf { string name = 1; repeated int32 sizes = 2; Colour c = 3; "
    "}\n"
    "message Tree { map<string, Leaf> leaves = 1; oneof kind { int64 a = 2;\n"
    "  bytes b = 3; } google.protobuf.Timestamp at = 4; Tree next = 5; }\n"
    "service Forest { rpc Grow(Tree) returns (Leaf); }\n";

static const mayfly_str json = MAYFLY_STR(
    "{\"leaves\": {\"x\": {\"name\": \"one\", \"sizes\": [1, -2, 300],\n"
    "\"c\": \"RED\"}, \"y\": {}}, \"b\": \"AAEC\",\n"
    "\"at\": \"2026-01-02T03:04:05.5Z\", \"next\": {\"next\": {\"a\": "
    "\"7\"}}}");

/* The first failure ends the work; what was made until then is given back. */
static int live(mayfly_host *host, mayfly_error *err)
{
    const mayfly_source source = {"fault.proto", schema, 0};
    mayfly_context *context = NULL;
    mayfly_receipt *receipt = NULL;
    mayfly_arena *arena = NULL;
    mayfly_pin *pin = NULL;
    mayfly_bytes wire = {NULL, 0};
    mayfly_str text = {NULL, 0};
    int code;

    code = mayfly_load_text(host, "forest", &source, NULL, &context, err);
    if (code == 0)
        code = mayfly_arena_new(host, 0, &arena, err);
    if (code == 0)
        code =
            mayfly_json_encode(context, "fault.Tree", json, arena, &wire, err);
    if (code == 0)
        code = mayfly_json_decode(context, "fault.Tree", wire, 1, arena, &text,
                                  err);
    if (code == 0)
        assert_true(text.len > 100);
    if (code == 0)
        code = mayfly_pin_take(context, "test", &pin, err);
    mayfly_pin_free(pin);
    if (code == 0)
        code = mayfly_context_receipt(context, &receipt, err);
    mayfly_receipt_free(receipt);
    receipt = NULL;
    if (code == 0)
        code = mayfly_unload(context, NULL, &receipt, err);
    mayfly_receipt_free(receipt);
    mayfly_arena_free(arena);
    mayfly_context_unref(context);
    return code;
}

static int whole_life(const mayfly_allocator *table, void *state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    (void)state;

    int code =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &host, &err);
    if (code != 0) {
        assert_int_equal(err.code, code);
        return code;
    }
    code = live(host, &err);
    if (code != 0)
        assert_int_equal(err.code, code);
    mayfly_host_free(host);
    return code;
}

static void each_allocation_of_a_context(void **state)
{
    (void)state;
    assert_true(fault_each(whole_life, NULL) > 20);
}

/* One host through all failures: none of them harms what comes after. */
static void a_host_recovers(void **state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    fault f;
    (void)state;

    fault_init(&f, 0, 0);
    mayfly_allocator table = fault_table(&f);
    assert_int_equal(
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = &table), &host, &err),
        0);
    assert_int_equal(live(host, &err), 0);
    long before = atomic_load(&f.seen);
    assert_int_equal(live(host, &err), 0);
    long work = atomic_load(&f.seen) - before;
    long kept = atomic_load(&f.live);
    for (long n = 1; n <= work; n++) {
        f.fail_at = atomic_load(&f.seen) + n;
        int code = live(host, &err);
        if (code != 0 && code != MAYFLY_ENOMEM)
            fail_msg("allocation %ld: %s: %s", n, mayfly_error_name(code),
                     err.message);
        f.fail_at = 0;
        if (n % 16 == 0 && live(host, &err) != 0)
            fail_msg("after allocation %ld failed: %s", n, err.message);
    }
    assert_int_equal(live(host, &err), 0);
    assert_true(atomic_load(&f.live) <= kept + 4);
    mayfly_host_free(host);
    assert_int_equal(atomic_load(&f.live), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_context),
        cmocka_unit_test(a_host_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
