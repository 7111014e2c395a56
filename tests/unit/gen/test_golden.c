/*
 * Headers and lists against the files that are kept in tests/golden/gen.
 * GOLDEN_UPDATE=1 writes them anew. The kept headers are then compiled here,
 * and their tables must say what the native plan says.
 */
#include "tests/unit/gen/gen.h"

#include "tests/golden/gen/greeter.mf.h"
#include "tests/golden/gen/rich.mf.h"

#define DIR "tests/golden/gen"

static void compare(const char *name, const char *made)
{
    char path[256];
    char *golden;
    size_t len;

    snprintf(path, sizeof path, DIR "/%s", name);
    if (getenv("GOLDEN_UPDATE"))
        gen_write(DIR, name, made);
    golden = test_read(path, &len);
    assert_non_null(golden);
    assert_string_equal(made, golden);
    free(golden);
}

static void check(const char *file, const char *header, const char *list)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_alloc alloc;
    mf_plan *plan = gen_read(&alloc, DIR, file);
    mf_buf out;

    compare(header, gen_header(plan, file, &alloc, &out));
    mf_buf_clear(&out);
    assert_int_equal(mf_emit_list(plan->schema, NULL, &out, &err), 0);
    compare(list, mf_buf_text(&out));
    mf_buf_done(&out);
    mf_plan_free(plan);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

static void the_greeter_is_the_golden_one(void **state)
{
    (void)state;
    check("greeter.proto", "greeter.mf.h", "greeter.txt");
}

static void the_rich_schema_is_the_golden_one(void **state)
{
    (void)state;
    check("common.proto", "common.mf.h", "common.txt");
    check("rich.proto", "rich.mf.h", "rich.txt");
}

static void the_headers_own_schema_fits(void **state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_alloc alloc;
    mf_plan *native = gen_read(&alloc, DIR, "rich.proto"), *bound;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        if (mf_plan_bind(&alloc, native->schema, &mayfly_layout_rich, i, 0,
                         &bound, &err) != 0)
            fail_msg("%s", err.message);
        assert_true(mf_plan_fits(native, bound));
        mf_plan_free(bound);
    }
    for (uint32_t i = 0; i < mayfly_layout_rich.n_messages; i++) {
        if (mf_plan_bind(&alloc, native->schema, &mayfly_layout_rich,
                         MF_NO_MESSAGE, i, &bound, &err) != 0)
            fail_msg("%s", err.message);
        assert_true(mf_plan_fits(native, bound));
        mf_plan_free(bound);
    }
    mf_plan_free(native);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

/* mayfly_arena_add and _alloc come from the library. */
static void the_helpers_work(void **state)
{
    mf_alloc alloc;
    mayfly_arena arena;
    rich_v1_Item item = {.class_ = MAYFLY_STR("c"),
                         .ids = MAYFLY_ITEMS(int32_t, 1, 2)};
    rich_v1_Item_Bar_2 bar = {.x = 1};

    (void)state;
    mf_alloc_init(&alloc, NULL);
    mf_arena_init(&arena, &alloc, 0, 0);
    assert_false(rich_v1_Item_has_count(&item));
    rich_v1_Item_set_count_2(&item, 0);
    assert_true(rich_v1_Item_has_count(&item));
    rich_v1_Item_set_tint(&item, rich_v1_Color_RED);
    assert_int_equal(item.tint, 1);
    rich_v1_Item_clear_count(&item);
    assert_false(rich_v1_Item_has_count(&item));
    assert_true(rich_v1_Item_has_tint(&item));

    rich_v1_Item_set_text(&item, mayfly_str_of("t"));
    assert_int_equal(item.kind_case_2, rich_v1_Item_case_text);
    rich_v1_Item_new_sub(&item, &arena)->x = 7;
    assert_int_equal(item.kind_case_2, rich_v1_Item_case_sub);
    assert_false(rich_v1_Item_has_text(&item));
    rich_v1_Item_clear_text(&item);
    assert_true(rich_v1_Item_has_sub(&item));
    rich_v1_Item_clear_sub(&item);
    assert_int_equal(item.kind_case_2, 0);
    rich_v1_Item_set_sub(&item, &bar);
    assert_ptr_equal(item.sub, &bar);
    assert_true(rich_v1_Item_has_sub(&item));

    *rich_v1_Item_add_ids(&item, &arena) = 3;
    assert_int_equal(item.ids.n, 3);
    assert_int_equal(item.ids.items[0] + item.ids.items[2], 4);
    rich_v1_Item_add_parts(&item, &arena)->Item = 5;
    rich_v1_Item_add_by_name(&item, &arena)->key = mayfly_str_of("k");
    rich_v1_Item_ByNameEntry_new_value(item.by_name.items, &arena)->EOF_ = -1;
    assert_int_equal(item.by_name.items[0].value->EOF_, -1);
    assert_int_equal(rich_v1_Color_DEEPEST, INT32_MIN);

    arena.max_bytes = arena.bytes;
    for (int i = 0; i < 5000 && rich_v1_Item_add_parts(&item, &arena); i++)
        ;
    assert_int_equal(item.parts.items[0].Item, 5);
    assert_true(item.parts.n < 5000 && item.parts.n <= item.parts.cap);
    mf_arena_done(&arena);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

static void lists_can_be_of_one_symbol(void **state)
{
    static const struct {
        const char *symbol, *text;
    } rows[] = {
        {"helloworld.Greeter",
         "service helloworld.Greeter {\n"
         "  rpc SayHello(helloworld.HelloRequest) returns "
         "(helloworld.HelloReply);\n}\n"},
        {"helloworld.Greeter.SayHello",
         "rpc helloworld.Greeter.SayHello(helloworld.HelloRequest) returns "
         "(helloworld.HelloReply);\n"},
        {"helloworld.HelloReply",
         "message helloworld.HelloReply {\n  string message = 1;\n}\n"},
        {"helloworld", NULL},
        {"helloworld.Nobody", NULL},
    };
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_alloc alloc;
    mf_plan *plan = gen_read(&alloc, DIR, "greeter.proto");
    mf_buf out;

    (void)state;
    mf_buf_init(&out, &alloc, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int code = mf_emit_list(plan->schema, rows[i].symbol, &out, &err);
        assert_int_equal(code, rows[i].text ? 0 : MAYFLY_ENOTFOUND);
        if (rows[i].text)
            assert_string_equal(mf_buf_text(&out), rows[i].text);
        mf_buf_clear(&out);
    }
    assert_non_null(strstr(err.message, "helloworld.Nobody"));
    mf_buf_done(&out);
    mf_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greeter_is_the_golden_one),
        cmocka_unit_test(the_rich_schema_is_the_golden_one),
        cmocka_unit_test(the_headers_own_schema_fits),
        cmocka_unit_test(the_helpers_work),
        cmocka_unit_test(lists_can_be_of_one_symbol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
