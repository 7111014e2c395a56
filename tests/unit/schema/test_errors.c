/*
 * What is told of a schema that is not right: all of it, in order, up to 20 of
 * a file; and the bounds that hostile input meets.
 */
#include "tests/support/test.h"

#include "compiler/schema/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mf_alloc alloc;

typedef struct findings {
    char text[4000];
    int n;
} findings;

static void tell(void *state, const mayfly_diagnostic *d)
{
    findings *t = state;
    size_t n = strlen(t->text);
    assert_false(d->is_warning);
    snprintf(t->text + n, sizeof t->text - n, "%s:%d:%d: %s\n", d->file,
             d->line, d->column, d->text);
    t->n++;
}

static int parse(const mayfly_source *files, size_t n, findings *told,
                 const mf_schema_limits *limits, mayfly_error *err)
{
    mf_files state = {.alloc = &alloc, .memory = files, .n_memory = n};
    mf_schema_source source = mf_files_source(&state);
    mf_schema *schema = NULL;
    memset(told, 0, sizeof *told);
    int code = mf_schema_parse(&alloc, &source, &files[0].name, 1, limits, tell,
                               told, &schema, err);
    if (code == 0)
        mf_schema_unref(schema);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
    return code;
}

static void expect(const char *text, const char *want)
{
    findings told;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_source file = {"t.proto", text, 0};
    assert_int_equal(parse(&file, 1, &told, NULL, &err), MAYFLY_ESCHEMA);
    assert_string_equal(told.text, want);
    if (told.n > 1) {
        char more[30];
        snprintf(more, sizeof more, " (and %d more)", told.n - 1);
        assert_non_null(strstr(err.message, more));
    }
    assert_memory_equal(err.message, want, strcspn(want, "\n"));
}

static void test_all_are_told(void **state)
{
    (void)state;
    /* after an error the next statement is read */
    expect("syntax = \"proto3\";\n"
           "message A {\n"
           "  int32 a 1;\n"
           "  int32 b = 2;\n"
           "  string = 3;\n"
           "}\n"
           "enum E { Z = 0; Y = x; X 2; }\n"
           "service S { rpc M(A) return (A); rpc N(A) returns (A); }\n",
           "t.proto:3:11: expected \"=\", found 1\n"
           "t.proto:5:10: expected a field name, found =\n"
           "t.proto:7:21: expected a number, found x\n"
           "t.proto:7:26: expected \"=\", found 2\n"
           "t.proto:8:22: expected \"returns\", found return\n");
    /* all that is not defined, and other errors of meaning */
    expect("syntax = \"proto3\";\n"
           "message A { B b = 1; C c = 1; A a = 0; }\n"
           "service S { rpc M(B) returns (C); }\n",
           "t.proto:2:13: \"B\" is not defined\n"
           "t.proto:2:22: \"C\" is not defined\n"
           "t.proto:3:19: \"B\" is not defined\n"
           "t.proto:3:31: \"C\" is not defined\n"
           "t.proto:2:28: the field number 1 is taken by \"b\"\n"
           "t.proto:2:37: field numbers begin with 1\n");
    /* an error in a statement does not hide those of meaning elsewhere */
    expect("syntax = \"proto3\";\n"
           "message A { int32 x y = 1; B b = 2; }\n",
           "t.proto:2:21: expected \"=\", found y\n"
           "t.proto:2:28: \"B\" is not defined\n");
    /* but a block that was skipped may have defined what is missing */
    expect("syntax = \"proto3\";\n"
           "massage B { int32 x = 1; }\n"
           "message A { B b = 2; }\n",
           "t.proto:2:1: expected a statement (message, enum, service, import, "
           "...), found massage\n");
}

/* What a name may hold does not reach a terminal. */
static void test_control_bytes(void **state)
{
    (void)state;
    expect("syntax = \"proto3\";\nmessage M { reserved \"\\033[2J\", "
           "\"\\033[2J\"; }",
           "t.proto:2:33: the name \"?[2J\" is reserved twice\n");
    expect("syntax = \"proto3\"; message \"\x1b[2J\" {}",
           "t.proto:1:28: expected the name of a message, found a string\n");
}

static void test_columns_are_bytes(void **state)
{
    (void)state;
    expect("syntax = \"proto3\";\n\t/* \xc3\xa9 */ message M { X x = 1; }\r\n"
           "\r\n\r\nmessage N { Y y = 1; }",
           "t.proto:2:23: \"X\" is not defined\n"
           "t.proto:5:13: \"Y\" is not defined\n");
}

static void test_twenty(void **state)
{
    (void)state;
    findings told;
    char text[4000] = "syntax = \"proto3\";\nmessage M {\n";
    mayfly_error err = MAYFLY_ERROR_INIT;
    for (int i = 0; i < 50; i++)
        strcat(text, "  int32 = 1;\n");
    strcat(text, "}\n");
    mayfly_source file = {"t.proto", text, 0};
    assert_int_equal(parse(&file, 1, &told, NULL, &err), MAYFLY_ESCHEMA);
    assert_int_equal(told.n, 20);
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 9);
    assert_non_null(strstr(err.message, "(and 19 more)"));
}

static void test_imports(void **state)
{
    (void)state;
    findings told;
    mayfly_error err = MAYFLY_ERROR_INIT;
    /* what imports a file with errors is not looked at for meaning */
    const mayfly_source broken[] = {
        {"a.proto", "syntax='proto3'; import 'b.proto'; message A { B b = 1; }",
         0},
        {"b.proto", "syntax='proto3'; message B { int32 = 1; C c = 2; }", 0},
    };
    assert_int_equal(parse(broken, 2, &told, NULL, &err), MAYFLY_ESCHEMA);
    assert_string_equal(told.text,
                        "b.proto:1:36: expected a field name, found =\n"
                        "b.proto:1:41: \"C\" is not defined\n");
    const mayfly_source missing = {
        "a.proto", "syntax='proto3';\nimport 'x.proto';\nimport '../y.proto';",
        0};
    assert_int_equal(parse(&missing, 1, &told, NULL, &err), MAYFLY_ENOTFOUND);
    assert_int_equal(err.line, 2);
    assert_int_equal(told.n, 2);
    const mayfly_source cycle[] = {
        {"a.proto", "syntax='proto3'; import 'b.proto';", 0},
        {"b.proto", "syntax='proto3'; import 'c.proto';", 0},
        {"c.proto", "syntax='proto3'; import 'a.proto';", 0},
    };
    assert_int_equal(parse(cycle, 3, &told, NULL, &err), MAYFLY_ESCHEMA);
    assert_string_equal(told.text,
                        "c.proto:1:18: \"a.proto\" imports this file, "
                        "which imports it\n");
    /* a root that is not there has no place */
    static const char *const no = "no.proto";
    mf_schema *schema = NULL;
    assert_int_equal(
        mf_schema_parse(&alloc, NULL, &no, 1, NULL, NULL, NULL, &schema, &err),
        MAYFLY_ENOTFOUND);
    assert_int_equal(err.line, 0);
}

static void test_limits(void **state)
{
    (void)state;
    findings told;
    mayfly_error err = MAYFLY_ERROR_INIT;
    char *text = malloc(200000);
    assert_non_null(text);
    mayfly_source file = {"t.proto", text, 0};
    strcpy(text, "syntax = 'proto3'; message M { int32 a = 1; }");
    mf_schema_limits limits = {.file_bytes = 10};
    assert_int_equal(parse(&file, 1, &told, &limits, &err), MAYFLY_ELIMIT);
    limits = (mf_schema_limits){.total_bytes = 700};
    assert_int_equal(parse(&file, 1, &told, &limits, &err), MAYFLY_ELIMIT);
    limits = (mf_schema_limits){.total_bytes = 1 << 20};
    assert_int_equal(parse(&file, 1, &told, &limits, &err), 0);

    /* nesting, of all kinds, deeper than any stack */
    strcpy(text, "syntax = 'proto3';");
    for (size_t n = strlen(text); n < 190000; n += 10)
        memcpy(text + n, "message M{\0", 11);
    assert_int_equal(parse(&file, 1, &told, NULL, &err), MAYFLY_ELIMIT);
    strcpy(text, "syntax = 'proto3'; option (a) = {");
    for (size_t n = strlen(text); n < 190000; n += 2)
        memcpy(text + n, "a{\0", 3);
    assert_int_equal(parse(&file, 1, &told, NULL, &err), MAYFLY_ESCHEMA);
    strcpy(text, "syntax = 'proto3'; foo ");
    memset(text + strlen(text), '{', 100000);
    text[100000] = '\0';
    assert_int_equal(parse(&file, 1, &told, NULL, &err), MAYFLY_ESCHEMA);
    strcpy(text, "syntax = 'proto3'; message ");
    memset(text + strlen(text), 'm', 100000);
    text[100000] = '\0';
    assert_int_equal(parse(&file, 1, &told, NULL, &err), MAYFLY_ESCHEMA);
    free(text);
}

/* 70 files, each of which imports the next. */
static void test_deep_imports(void **state)
{
    (void)state;
    enum { N = 70 };
    static char names[N][24], texts[N][80];
    mayfly_source files[N];
    findings told;
    mayfly_error err = MAYFLY_ERROR_INIT;
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "f%d.proto", i);
        snprintf(texts[i], sizeof texts[i],
                 "syntax = 'proto3'; import 'f%d.proto';", i + 1);
        files[i] = (mayfly_source){names[i], texts[i], 0};
    }
    strcpy(texts[N - 1], "syntax = 'proto3';");
    assert_int_equal(parse(files, N, &told, NULL, &err), MAYFLY_ELIMIT);
    mf_schema_limits limits = {.depth = N};
    assert_int_equal(parse(files, N, &told, &limits, &err), 0);
    limits.files = N - 1;
    assert_int_equal(parse(files, N, &told, &limits, &err), MAYFLY_ELIMIT);
}

static int setup(void **state)
{
    (void)state;
    mf_alloc_init(&alloc, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_told),
        cmocka_unit_test(test_control_bytes),
        cmocka_unit_test(test_columns_are_bytes),
        cmocka_unit_test(test_twenty),
        cmocka_unit_test(test_imports),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_deep_imports),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
