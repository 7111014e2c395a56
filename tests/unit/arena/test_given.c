/*
 * What a caller gives a compile beside its source: lines that it begins with,
 * folders of headers, names found by a callback, real paths.
 */
#include "tests/unit/arena/fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int seven(void)
{
    return 7;
}

static const void *resolve(void *state, const char *name)
{
    int *asked = state;
    ++*asked;
    return strcmp(name, "given") == 0 ? (const void *)(uintptr_t)seven : NULL;
}

static void test_prelude(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    f.in.prelude = "#define ONE 1\n#define ADD(x) ((x) + ONE)\n";
    assert_int_equal(fixture_run(&f, "int f(int x) { return ADD(x); }", 4), 5);
    int code = fixture_compile(&f, "\nint f(int x) { return y; }", NULL, NULL);
    assert_int_equal(code, MAYFLY_ECOMPILE);
    assert_int_equal(f.err.line, 2); /* the lines are not the source's */
    fixture_done(&f);
}

static void test_resolve(void **state)
{
    fixture f;
    int asked = 0;
    (void)state;
    fixture_init(&f);
    f.in.resolve = resolve;
    f.in.resolve_state = &asked;
    assert_int_equal(fixture_run(&f,
                                 "int given(void); unsigned long strlen(const "
                                 "char *);\n"
                                 "int f(int x) { return given() + x + "
                                 "(int)strlen(\"abc\"); }",
                                 1),
                     11);
    assert_true(asked > 0);
    int code = fixture_compile(&f,
                               "int given(void), other(void), third(void);\n"
                               "int f(int x) { return given() + other() + "
                               "third() + x; }",
                               NULL, NULL);
    assert_int_equal(code, MAYFLY_ELINK);
    assert_non_null(strstr(f.err.message, "other"));
    assert_non_null(strstr(f.err.message, "third"));
    assert_null(strstr(f.err.message, "given"));
    fixture_done(&f);
}

static void test_folders(void **state)
{
    fixture f;
    char top[] = "/tmp/mf_given_XXXXXX", path[80], text[200];
    (void)state;
    assert_non_null(mkdtemp(top));
    snprintf(path, sizeof path, "%s/sub", top);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/sub/b.h", top);
    write_file(path, "#include \"c.h\"\n#include \"../a.h\"\n");
    snprintf(path, sizeof path, "%s/sub/c.h", top);
    write_file(path, "#define C 30\n");
    snprintf(path, sizeof path, "%s/a.h", top);
    write_file(path, "#undef A\n#define A 2\n");
    snprintf(text, sizeof text,
             "#include <sub/b.h>\n#include \"%s/a.h\"\n"
             "int f(int x) { return x + A + C; }",
             top);

    fixture_init(&f);
    const char *dirs[] = {"/nowhere", top};
    f.in.include_dirs = dirs;
    f.in.n_include_dirs = 2;
    assert_int_equal(fixture_compile(&f, text, NULL, NULL), MAYFLY_ECOMPILE);
    f.in.real_paths = 1;
    assert_int_equal(fixture_run(&f, text, 10), 42);
    f.in.n_include_dirs = 1;
    assert_int_equal(fixture_compile(&f, text, NULL, NULL), MAYFLY_ECOMPILE);
    fixture_done(&f);

    static const char *const made[] = {"/sub/b.h", "/sub/c.h", "/a.h", "/sub",
                                       ""};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        snprintf(path, sizeof path, "%s%s", top, made[i]);
        assert_int_equal(remove(path), 0);
    }
}

static void test_attributes(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    f.in.system_includes = 1;
    assert_int_equal(
        fixture_run(&f,
                    "#include <stdio.h>\n"
                    "struct s { char c; long l; } __attribute__((packed));\n"
                    "int f(int x) { return x + (int)sizeof(struct s); }",
                    100),
        109);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prelude),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
