/*
 * Options as they are kept: known ones by number, custom ones as wire bytes,
 * those that nothing defines as they were written.
 */
#include "tests/support/test.h"

#include "compiler/schema/files.h"
#include "compiler/schema/options.h"

#include <stdio.h>
#include <string.h>

static mf_alloc alloc;

static mf_schema *parse(const char *text)
{
    static const char *const name = "t.proto";
    mayfly_source file = {name, text, 0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_schema *schema = NULL;
    mf_files files = {.alloc = &alloc, .memory = &file, .n_memory = 1};
    mf_schema_source source = mf_files_source(&files);
    if (mf_schema_parse(&alloc, &source, &name, 1, NULL, NULL, NULL, &schema,
                        &err) != 0)
        fail_msg("%s", err.message);
    return schema;
}

static void test_known(void **state)
{
    (void)state;
    mf_schema *s =
        parse("syntax = 'proto3'; option java_package = 'a\\000b'; option "
              "deprecated = "
              "true; message M { int64 a = 1 [deprecated = false, jstype = "
              "JS_NUMBER]; }"
              "service S { rpc A(M) returns (M) { option idempotency_level = "
              "IDEMPOTENT; } }");
    const mf_file *f = s->files[0];
    const mf_option *o = mf_options_find(f->options, 1);
    assert_non_null(o);
    assert_int_equal(o->text.len, 3);
    assert_memory_equal(o->text.ptr, "a\0b", 4);
    assert_true(mf_options_bool(f->options, MF_OPTION_FILE_DEPRECATED));
    assert_false(mf_options_bool(f->options, 31));
    assert_false(mf_options_bool(NULL, 31));
    const mf_field *a = &f->messages[0]->fields[0];
    assert_non_null(mf_options_find(a->options, MF_OPTION_FIELD_DEPRECATED));
    assert_false(mf_options_bool(a->options, MF_OPTION_FIELD_DEPRECATED));
    assert_int_equal(
        mf_options_find(a->options, MF_OPTION_FIELD_JSTYPE)->value.u64, 2);
    assert_int_equal(mf_options_find(f->services[0].methods[0].options,
                                     MF_OPTION_METHOD_IDEMPOTENCY)
                         ->value.u64,
                     2);
    mf_schema_unref(s);
}

static void test_custom(void **state)
{
    (void)state;
    mf_schema *s =
        parse("syntax = 'proto3'; import 'google/protobuf/descriptor.proto';"
              "extend google.protobuf.MessageOptions { M m = 1000; }"
              "message M { option (m).s = 'x'; string s = 1; }");
    const mf_message *m = mf_schema_message(s, "M");
    const mf_option *o = m->options->first;
    assert_int_equal(o->number, 0);
    assert_int_equal(o->wire.len, 6);
    assert_memory_equal(o->wire.ptr, "\xc2\x3e\x03\x0a\x01x", 6);
    mf_schema_unref(s);
}

static void expect_bytes(const mf_schema *s, const char *bytes, size_t n)
{
    mf_buf out;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_buf_init(&out, &alloc, 0);
    assert_int_equal(mf_schema_to_descriptor_set(s, &out, &err), 0);
    assert_non_null(memmem(out.ptr, out.len, bytes, n));
    mf_buf_done(&out);
}

/* protoc would refuse these: nothing here defines them. */
static void test_undefined(void **state)
{
    (void)state;
    mf_schema *s = parse("syntax = 'proto3';"
                         "option (a.b).c = -5;"
                         "option (d) = { x : [ 1 ]\n y { \"z\" } };"
                         "option (.e) = 7; option (f) = WORD; option (g) = 1.5;"
                         "option (h) = 'text';");
    const mf_option *o = s->files[0]->options->first;
    assert_null(o->wire.ptr);
    assert_int_equal(o->n_parts, 2);
    assert_string_equal(o->parts[0].name, "a.b");
    assert_true(o->parts[0].is_extension);
    assert_string_equal(o->parts[1].name, "c");
    assert_false(o->parts[1].is_extension);
    assert_int_equal(o->kind, MF_OPTION_NEGATIVE);
    assert_int_equal(o->value.i64, -5);
    o = o->next;
    assert_int_equal(o->kind, MF_OPTION_AGGREGATE);
    assert_string_equal((const char *)o->text.ptr, "x : [ 1 ] y { \"z\" }");
    o = o->next;
    assert_int_equal(o->kind, MF_OPTION_UINT);
    assert_int_equal(o->value.u64, 7);
    o = o->next;
    assert_int_equal(o->kind, MF_OPTION_IDENT);
    assert_string_equal((const char *)o->text.ptr, "WORD");
    o = o->next;
    assert_int_equal(o->kind, MF_OPTION_DOUBLE);
    assert_true(o->value.f64 == 1.5);
    o = o->next;
    assert_int_equal(o->kind, MF_OPTION_STRING);
    assert_int_equal(o->text.len, 4);
    /* uninterpreted_option { name { "d", true } aggregate_value } */
    expect_bytes(s,
                 "\xba\x3e\x1c\x12\x05\x0a\x01"
                 "d\x10\x01\x42\x13x : [ 1 ] y { \"z\" }",
                 31);
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
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_custom),
        cmocka_unit_test(test_undefined),
    };
    return cmocka_run_group_tests(tests, setup, nothing_left);
}
