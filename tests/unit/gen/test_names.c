/*
 * C names: what docs/names.md says, and that every name that a schema may have
 * gives headers which compile, whatever was included before them.
 */
#include "compiler/gen/names.h"
#include "tests/unit/gen/gen.h"
#include "tests/unit/gen/corpus.h"

static void words_are_reserved(void **state)
{
    (void)state;
    for (const char *const *w = gen_words; strcmp(*w, "_Alignas") != 0; w++)
        assert_true(mf_name_reserved(*w));
    assert_true(mf_name_reserved("alignas")); /* the first of the table */
    assert_true(mf_name_reserved("xor_eq"));  /* the last */
    assert_false(mf_name_reserved("name"));
    assert_false(mf_name_reserved(""));
}

static void text_is_made_safe(void **state)
{
    static const struct {
        const char *text, *literal, *file;
    } rows[] = {
        {"a.proto", "\"a.proto\"", "a"},
        {"a", "\"a\"", "a_"},
        {"dir/a-b_c.proto", "\"dir/a-b_c.proto\"", "dir_2fa_2db_5fc"},
        {"a\"b\\", "\"a\\042b\\134\"", "a_22b_5c_"},
        {"?\?/ */ \n\x80", "\"\\077\\077/ \\052/ \\012\\200\"",
         "_3f_3f_2f_20_2a_2f_20_0a_80_"},
    };
    mf_alloc alloc;
    mf_buf out;

    (void)state;
    mf_alloc_init(&alloc, NULL);
    mf_buf_init(&out, &alloc, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mf_buf_clear(&out);
        mf_name_literal(&out, rows[i].text);
        assert_string_equal(mf_buf_text(&out), rows[i].literal);
        mf_buf_clear(&out);
        mf_name_file(&out, rows[i].text);
        assert_string_equal(mf_buf_text(&out), rows[i].file);
    }
    mf_buf_done(&out);
    assert_true(mf_name_valid("_a9"));
    assert_false(mf_name_valid("9a"));
    assert_false(mf_name_valid(""));
    assert_false(mf_name_valid("a b"));
    assert_false(mf_name_valid("\xc3\xa4"));
}

static void header_names_are_safe(void **state)
{
    static const struct {
        const char *import, *header;
    } rows[] = {
        {"greeter.proto", "greeter.mf.h"},
        {"a/b_c-d.e.proto", "a/b_c-d.e.mf.h"},
        {"odd", "odd.mf.h"},
        {"a\"b\n.proto", "a_22b_0a.mf.h"},
        {"a//b\\", "a/_2fb_5c.mf.h"},
    };
    mf_alloc alloc;
    mayfly_arena arena;

    (void)state;
    mf_alloc_init(&alloc, NULL);
    mf_arena_init(&arena, &alloc, 0, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(mf_header_name(&arena, rows[i].import),
                            rows[i].header);
    mf_arena_done(&arena);
}

static void expect_type(const mf_plan *plan, const char *full_name,
                        const char *c_name)
{
    const mf_plan_message *m = mf_plan_find(plan, full_name);

    assert_non_null(m);
    assert_string_equal(m->c_name, c_name);
}

static void types_step_aside(void **state)
{
    mf_alloc alloc;
    mf_plan *plan;
    const mf_plan_service *s;

    (void)state;
    mf_alloc_init(&alloc, NULL);
    plan = gen_plan(&alloc,
                    "package p;\n"
                    "message Foo { message Bar {} message array {} "
                    "  message Baz {} optional int32 x = 1; }\n"
                    "message Foo_Bar { }\n"
                    "message Foo_set_x { }\n"
                    "message Foo_encode { }\n"
                    "message kind_t { }\n"
                    "message KIND { }\n"
                    "service Do { rpc It(Foo) returns (Foo);"
                    "  rpc It_start(Foo) returns (Foo);"
                    "  rpc new(Foo) returns (Foo);"
                    "  rpc int(Foo) returns (Foo); rpc int_(Foo) returns (Foo);"
                    "  rpc on_It(Foo) returns (Foo); }\n");
    /* Foo comes first and has Foo_encode and Foo_array with its name; types at
     * the top level come before nested ones */
    expect_type(plan, "p.Foo", "p_Foo");
    expect_type(plan, "p.Foo.Baz", "p_Foo_Baz");
    expect_type(plan, "p.Foo_Bar", "p_Foo_Bar");
    expect_type(plan, "p.Foo.Bar", "p_Foo_Bar_2");
    expect_type(plan, "p.Foo_encode", "p_Foo_encode_2");
    expect_type(plan, "p.Foo.array", "p_Foo_array_2");
    expect_type(plan, "p.Foo_set_x", "p_Foo_set_x");
    expect_type(plan, "p.kind_t", "p_kind_t_");
    expect_type(plan, "p.KIND", "p_KIND");
    assert_string_equal(
        mf_names_stem(plan->c_names, MF_NAME_SET,
                      &mf_plan_find(plan, "p.Foo")->descriptor->fields[0], "x"),
        "x_2");
    assert_string_equal(
        mf_names_stem(plan->c_names, MF_NAME_HAS,
                      &mf_plan_find(plan, "p.Foo")->descriptor->fields[0], "x"),
        "x");
    s = &plan->services[0];
    assert_string_equal(s->methods[0].c_name, "p_Do_It");
    assert_string_equal(s->methods[0].handler_name, "p_Do_on_It");
    assert_string_equal(s->methods[1].c_name, "p_Do_It_start_2");
    assert_string_equal(s->methods[2].c_name, "p_Do_new_2");
    assert_string_equal(s->methods[3].c_name, "p_Do_int");
    assert_string_equal(s->methods[4].c_name, "p_Do_int__2");
    assert_string_equal(s->methods[5].c_name, "p_Do_on_It_2");
    mf_plan_free(plan);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

static void foreign_names_are_left_alone(void **state)
{
    static const char *const rows[][3] = {
        {"", "Fine", "Fine"},
        {"", "lower", "lower_"},
        {"", "class", "class_"},
        {"", "UPPER", "UPPER_"},
        {"", "_Under", "x_Under"},
        {"", "mf_x", "x_mf_x"},
        {"mf", "X", "x_mf_X"},
        {"mayfly.a", "X", "x_mayfly_a_X"},
        {"pthread", "T", "x_pthread_T"},
        {"INT", "MAX", "INT_MAX_"},
        {"st", "atime", "st_atime_"},
        {"_p", "M", "x_p_M"},
        {"size", "t", "size_t_"},
        {"a", "b_t", "a_b_t_"},
        {"a", "int", "a_int"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256], full_name[64];
        const char *package = rows[i][0], *name = rows[i][1];
        mf_alloc alloc;
        mf_plan *plan;
        mf_alloc_init(&alloc, NULL);
        snprintf(text, sizeof text, "%s %s%s message %s {}",
                 *package ? "package" : "", package, *package ? ";" : "", name);
        snprintf(full_name, sizeof full_name, "%s%s%s", package,
                 *package ? "." : "", name);
        plan = gen_plan(&alloc, text);
        expect_type(plan, full_name, rows[i][2]);
        mf_plan_free(plan);
    }
}

static void members_step_aside(void **state)
{
    static const char *const names[] = {
        "class_",       "x1",  "kind_case", "EOF_", "x_mayfly_has_2",
        "x_mayfly_has", "x__", "plain",     "Camel"};
    mf_alloc alloc;
    mf_plan *plan;
    const mf_plan_message *m;

    (void)state;
    mf_alloc_init(&alloc, NULL);
    plan = gen_plan(&alloc, "message Camel2 { string class = 1; "
                            "string x1 = 2; string kind_case = 3;"
                            "int32 EOF = 4; int32 mayfly_has = 5;"
                            "int32 x_mayfly_has = 6; int32 __ = 7;"
                            "int32 plain = 8; int32 Camel = 9;"
                            "oneof kind { int32 i = 20; } }\n"
                            "message Camel { int32 Camel = 1; "
                            "  oneof Camel_ { int32 int = 2; } }\n"
                            "message NONE { oneof kind { int32 NONE = 1; } }");
    m = mf_plan_find(plan, "Camel2");
    for (size_t i = 0; i < 9; i++)
        assert_string_equal(m->fields[i].c_name, names[i]);
    assert_string_equal(m->fields[9].case_name, "kind_case_2");
    m = mf_plan_find(plan, "Camel");
    assert_string_equal(m->fields[0].c_name, "Camel_");
    assert_string_equal(m->fields[1].c_name, "int_");
    assert_string_equal(m->fields[1].case_name, "Camel__case");
    /* the struct is NONE_, and C++ has no such member of a union in it */
    m = mf_plan_find(plan, "NONE");
    assert_string_equal(m->c_name, "NONE_");
    assert_string_equal(m->fields[0].c_name, "NONE__2");
    mf_plan_free(plan);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

/* A file's names are the same alone and with files that import it, and with
 * others in any order. */
static void names_do_not_depend_on_importers(void **state)
{
    static const mayfly_source files[] = {
        {"importa.proto",
         "syntax = \"proto3\"; package p; message Foo { message Bar {} }", 0},
        {"importb.proto", "syntax = \"proto3\"; package p; message Foo_Bar { }",
         0},
        {"c.proto",
         "syntax = \"proto3\"; package p; import \"importb.proto\"; "
         "import \"importa.proto\"; message M { Foo.Bar a = 1; Foo_Bar b = 2; "
         "} "
         "message M_add { } message Foo_encode { }",
         0},
        {"d.proto",
         "syntax = \"proto3\"; package p; import \"importa.proto\"; "
         "import \"importb.proto\"; message N { Foo.Bar a = 1; Foo_Bar b = 2; "
         "}",
         0},
    };
    mf_alloc alloc;
    mf_plan *both, *all;

    (void)state;
    mf_alloc_init(&alloc, NULL);
    both = gen_plans(&alloc, files, 3);
    all = gen_plans(&alloc, files, 4);
    for (int i = 0; i < 2; i++) {
        const mf_plan *plan = i ? all : both;
        expect_type(plan, "p.Foo.Bar", "p_Foo_Bar");
        expect_type(plan, "p.Foo_Bar", "p_Foo_Bar_2");
        expect_type(plan, "p.Foo_encode", "p_Foo_encode_2");
        expect_type(plan, "p.Foo", "p_Foo");
    }
    mf_plan_free(both);
    mf_plan_free(all);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

static void all_words_compile(void **state)
{
    static const char *const packages[] = {
        "package mayfly;\n", "package errno.int._Bool.new;\n", ""};
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE), dir[4096], whole[4096];

    (void)state;
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) {
        mayfly_source source = {"words.proto", text, 0};
        mf_alloc alloc;
        mf_plan *plan;
        mf_alloc_init(&alloc, NULL);
        words_text(text, SIZE, packages[i]);
        plan = gen_plans(&alloc, &source, 1);
        gen_dir(dir);
        gen_write_headers(plan, &alloc, dir);
        snprintf(whole, sizeof whole, "%s#include \"words.mf.h\"\n",
                 gen_headers);
        gen_write(dir, "after.c", whole);
        gen_compile(dir, "after.c", 1);
        gen_remove(dir);
        mf_plan_free(plan);
        assert_int_equal(atomic_load(&alloc.blocks), 0);
    }
    free(text);
}

/* Headers of one schema can be included together, in any order. */
static void headers_stand_together(void **state)
{
    static const mayfly_source files[] = {
        {"dir/importa.proto",
         "syntax = \"proto3\"; package p; message Foo { message Bar {} "
         "optional int32 n = 1; } enum Foo_Kind { A = 0; }",
         0},
        {"dir/importb.proto",
         "syntax = \"proto3\"; package p; message Foo_Bar { } "
         "message Foo_set_n {} enum Foo_Kind_A { B = 0; }",
         0},
        {"c.proto",
         "syntax = \"proto3\"; package p; import \"dir/importb.proto\"; "
         "import public \"dir/importa.proto\"; "
         "import \"google/protobuf/timestamp.proto\"; "
         "message M { Foo.Bar a = 1; Foo_Bar b = 2; Foo_Kind_A k = 3; "
         "google.protobuf.Timestamp at = 4; }",
         0},
    };
    mf_alloc alloc;
    mf_plan *plan;
    char dir[4096];

    (void)state;
    mf_alloc_init(&alloc, NULL);
    plan = gen_plans(&alloc, files, 3);
    gen_dir(dir);
    gen_write_headers(plan, &alloc, dir);
    gen_write(dir, "abc.c",
              "#include \"dir/importa.mf.h\"\n#include \"dir/importb.mf.h\"\n"
              "#include \"c.mf.h\"\n");
    gen_write(dir, "cba.c",
              "#include \"c.mf.h\"\n#include \"dir/importb.mf.h\"\n"
              "#include \"dir/importa.mf.h\"\n");
    gen_compile(dir, "abc.c", 1);
    gen_compile(dir, "cba.c", 1);
    gen_remove(dir);
    mf_plan_free(plan);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_reserved),
        cmocka_unit_test(text_is_made_safe),
        cmocka_unit_test(header_names_are_safe),
        cmocka_unit_test(types_step_aside),
        cmocka_unit_test(foreign_names_are_left_alone),
        cmocka_unit_test(members_step_aside),
        cmocka_unit_test(names_do_not_depend_on_importers),
        cmocka_unit_test(all_words_compile),
        cmocka_unit_test(headers_stand_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
