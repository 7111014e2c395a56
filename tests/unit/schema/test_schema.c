/*
 * The schema front end on small texts in memory: what is made of them.
 */
#include "compiler/schema/files.h"
#include "compiler/schema/options.h"
#include "compiler/schema/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mf_alloc alloc;

static int parse_files(const mayfly_source *files, size_t n, mf_schema **ret,
                       mayfly_error *err)
{
    mf_files state = {.alloc = &alloc, .memory = files, .n_memory = n};
    mf_schema_source source = mf_files_source(&state);
    return mf_schema_parse(&alloc, &source, &files[0].name, 1, NULL, NULL, NULL,
                           ret, err);
}

static mf_schema *parse(const char *text)
{
    mayfly_source file = {"t.proto", text, 0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_schema *schema = NULL;
    if (parse_files(&file, 1, &schema, &err) != 0)
        fail_msg("%s", err.message);
    return schema;
}

static void refuse(const char *text, int code, const char *message)
{
    mayfly_source file = {"t.proto", text, 0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_schema *schema = NULL;
    assert_int_equal(parse_files(&file, 1, &schema, &err), code);
    assert_null(schema);
    assert_int_equal(err.code, code);
    if (strncmp(err.message, message, strlen(message)) != 0)
        fail_msg("\"%s\" instead of \"%s\"", err.message, message);
}

static void test_greeter(void **state)
{
    (void)state;
    mf_schema *s = parse("syntax = \"proto3\";\n"
                         "package helloworld;\n"
                         "// The greeting service.\n"
                         "service Greeter {\n"
                         "  rpc SayHello (HelloRequest) returns (HelloReply);\n"
                         "  rpc Watch (stream HelloRequest)\n"
                         "      returns (stream HelloReply) {}\n"
                         "}\n"
                         "message HelloRequest { string name = 1; }\n"
                         "message HelloReply { string message = 1; }\n");
    assert_int_equal(s->n_files, 1);
    assert_true(s->files[0]->is_root);
    assert_string_equal(s->files[0]->package, "helloworld");
    const mf_service *g = mf_schema_service(s, "helloworld.Greeter");
    assert_non_null(g);
    assert_int_equal(g->n_methods, 2);
    assert_ptr_equal(g->methods[0].request,
                     mf_schema_message(s, "helloworld.HelloRequest"));
    assert_false(g->methods[0].client_streaming);
    assert_true(g->methods[1].client_streaming);
    assert_true(g->methods[1].server_streaming);
    assert_ptr_equal(g->methods[0].service, g);
    assert_string_equal(g->methods[1].full_name, "helloworld.Greeter.Watch");
    assert_null(mf_schema_message(s, "helloworld.Greeter"));
    assert_null(mf_schema_find(s, "nothing"));
    mf_schema_unref(mf_schema_ref(s));
    mf_schema_unref(s);
}

static void test_message(void **state)
{
    (void)state;
    mf_schema *s =
        parse("syntax = 'proto3';"
              "message M {"
              "  map<string, E> a_b = 1;"
              "  oneof o { int32 x = 5; M y = 6; }"
              "  optional bool flag = 7;"
              "  repeated sint64 n = 8;"
              "  repeated sint64 loose = 9 [packed = false];"
              "  bytes raw_bytes_2 = 10 [deprecated = true, json_name = 'R'];"
              "  enum E { Z = 0; }"
              "}");
    const mf_message *m = mf_schema_message(s, "M");
    assert_int_equal(m->n_fields, 7);
    assert_int_equal(m->n_messages, 1);
    assert_string_equal(m->messages[0]->full_name, "M.ABEntry");
    assert_true(m->messages[0]->is_map_entry);
    assert_true(m->fields[0].is_map);
    assert_int_equal(m->fields[0].label, MF_REPEATED);
    assert_string_equal(m->fields[0].json_name, "aB");
    const mf_field *value = mf_message_field(m->messages[0], 2);
    assert_ptr_equal(value->enumeration, m->enums[0]);
    assert_int_equal(m->n_oneofs, 2);
    assert_false(m->oneofs[0].synthetic);
    assert_int_equal(m->oneofs[0].n_fields, 2);
    assert_ptr_equal(m->oneofs[0].fields[1], &m->fields[2]);
    assert_string_equal(m->oneofs[1].name, "_flag");
    assert_true(m->oneofs[1].synthetic);
    assert_true(mf_message_field(m, 7)->has_presence);
    assert_true(mf_message_field(m, 6)->has_presence);
    assert_false(mf_message_field(m, 10)->has_presence);
    assert_true(mf_message_field(m, 8)->packed);
    assert_false(mf_message_field(m, 9)->packed);
    assert_string_equal(mf_message_field(m, 10)->json_name, "R");
    assert_true(mf_options_bool(mf_message_field(m, 10)->options,
                                MF_OPTION_FIELD_DEPRECATED));
    assert_null(mf_message_field(m, 11));
    mf_schema_unref(s);
}

static void test_imports(void **state)
{
    (void)state;
    const mayfly_source files[] = {
        {"a.proto",
         "syntax='proto3'; package a; import 'b.proto';"
         "import 'google/protobuf/timestamp.proto';"
         "message A { b.B b = 1; c.C c = 2; google.protobuf.Timestamp t = 3; }",
         0},
        {"b.proto",
         "syntax='proto3'; package b; import public 'c.proto'; message B {}",
         0},
        {"c.proto", "syntax='proto3'; package c; message C {}", 0},
    };
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_schema *s = NULL;
    if (parse_files(files, 3, &s, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(s->n_files, 4);
    assert_string_equal(s->files[0]->name, "c.proto");
    assert_string_equal(s->files[1]->name, "b.proto");
    assert_true(s->files[2]->is_builtin);
    assert_string_equal(s->files[3]->name, "a.proto");
    assert_false(s->files[1]->is_root);
    assert_true(s->files[3]->is_root);
    const mf_message *a = mf_schema_message(s, "a.A");
    assert_ptr_equal(a->fields[1].message, mf_schema_message(s, "c.C"));
    for (uint32_t i = 0; i < s->n_messages; i++)
        assert_int_equal(s->messages[i]->index, i);
    mf_schema_unref(s);
}

static void test_syntax_cases(void **state)
{
    (void)state;
    mf_schema_unref(parse("syntax = \"proto3\";"));
    refuse(
        "message M {}", MAYFLY_EUNSUPPORTED,
        "t.proto:1:1: proto2 (a file without a syntax line) is not supported "
        "yet");
    refuse("", MAYFLY_EUNSUPPORTED, "t.proto:1:1: proto2");
    refuse("\n syntax = \"proto2\";", MAYFLY_EUNSUPPORTED,
           "t.proto:2:11: proto2 is not supported yet");
    refuse("edition = \"2023\";", MAYFLY_EUNSUPPORTED,
           "t.proto:1:1: editions are not supported yet");
    refuse("syntax = \"proto4\";", MAYFLY_ESCHEMA,
           "t.proto:1:10: unknown syntax \"proto4\"");
}

static void test_errors(void **state)
{
    (void)state;
    refuse("syntax='proto3'; message M { Foo f = 1; }", MAYFLY_ESCHEMA,
           "t.proto:1:30: \"Foo\" is not defined");
    refuse("syntax='proto3';\nmessage M {\n  int32 a 1;\n  int32 = 2;\n}\n",
           MAYFLY_ESCHEMA,
           "t.proto:3:11: expected \"=\", found 1 (and 1 more)");
    refuse("syntax='proto3'; import 'no.proto';", MAYFLY_ENOTFOUND,
           "t.proto:1:18: \"no.proto\": not found");
}

static void test_descriptor_set(void **state)
{
    (void)state;
    mf_schema *s = parse("syntax='proto3'; message M { }");
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_buf out;
    mf_buf_init(&out, &alloc, 0);
    assert_int_equal(mf_schema_to_descriptor_set(s, &out, &err), 0);
    assert_memory_equal(out.ptr,
                        "\x0a\x16\x0a\x07t.proto\x22\x03\x0a\x01M"
                        "\x62\x06proto3",
                        24);
    assert_int_equal(out.len, 24);
    mf_buf_done(&out);
    mf_schema_unref(s);
}

static int setup(void **state)
{
    (void)state;
    mf_alloc_init(&alloc, NULL);
    return 0;
}

static int nothing_left(void **state)
{
    (void)state;
    return atomic_load(&alloc.blocks) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_greeter, setup, nothing_left),
        cmocka_unit_test_setup_teardown(test_message, setup, nothing_left),
        cmocka_unit_test_setup_teardown(test_imports, setup, nothing_left),
        cmocka_unit_test_setup_teardown(test_syntax_cases, setup, nothing_left),
        cmocka_unit_test_setup_teardown(test_errors, setup, nothing_left),
        cmocka_unit_test_setup_teardown(test_descriptor_set, setup,
                                        nothing_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
