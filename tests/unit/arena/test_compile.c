/* Good C: compiled, run, and as gcc would have it. */
#include "tests/unit/arena/fixture.h"

#include "compiler/arena/run.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int host_add(int a, int b)
{
    return a + b;
}

static double host_scale(double d, float f)
{
    return d * f;
}

static int host_value = 40;

static const mayfly_symbol symbols[] = {
    {"host_add", (const void *)(uintptr_t)host_add},
    {"host_scale", (const void *)(uintptr_t)host_scale},
    {"host_value", &host_value},
};
static const mayfly_symbol *const tables[] = {symbols};
static const size_t table_sizes[] = {3};

static void use_symbols(fixture *f)
{
    f->in.symbols = tables;
    f->in.n_symbols = table_sizes;
    f->in.n_symbol_tables = 1;
}

static void test_functions(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    use_symbols(&f);
    assert_int_equal(fixture_run(&f, "int f(int x) { return x + 1; }", 4), 5);
    assert_int_equal(
        fixture_run(&f,
                    "extern int host_add(int, int); extern int host_value;\n"
                    "static const char *const words[] = {\"a\", \"bc\"};\n"
                    "static int twice(int x) { return host_add(x, x); }\n"
                    "int f(int x) { int (*g)(int) = twice;\n"
                    "  return g(x) + words[1][1] + host_value; }",
                    3),
        6 + 'c' + 40);
    assert_int_equal(
        fixture_run(&f,
                    "typedef struct { int n; const char *s; } row;\n"
                    "static const row rows[] = {{1, \"one\"}, {2, \"two\"}};\n"
                    "static const row *const where[] = {&rows[1], &rows[0]};\n"
                    "int f(int x) { return where[x]->s[0] + where[x]->n; }",
                    0),
        't' + 2);
    fixture_done(&f);
}

static void test_numbers(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    use_symbols(&f);
    assert_int_equal(
        fixture_run(&f,
                    "extern double host_scale(double, float);\n"
                    "int f(int x) { return (int)host_scale(x + 0.25, 4.0f); }",
                    2),
        9);
    assert_int_equal(
        fixture_run(&f,
                    "int f(int x) { unsigned long u = 1ul << 63;\n"
                    " double d = (double)(u + x); float g = (float)u;\n"
                    " long double l = u; unsigned long v = (unsigned long)d;\n"
                    " return d == 9223372036854775808.0 && g == 0x1p63f\n"
                    "  && l == 0x1p63L && v == u && (unsigned long)l == u\n"
                    "  && (unsigned long)g == u && (long)l < 0; }",
                    0),
        1);
    assert_int_equal(
        fixture_run(&f,
                    "void *alloca(unsigned long);\n"
                    "int f(int x) { char *p = alloca(x), *q = alloca(100);\n"
                    " for (int i = 0; i < x; i++) p[i] = i;\n"
                    " q[0] = 1; q[99] = 2;\n"
                    " return p[x - 1] + ((unsigned long)p & 15); }",
                    77),
        76);
    assert_int_equal(
        fixture_run(
            &f,
            "struct big { char c[100]; };\n"
            "static struct big g(struct big b) { b.c[5]++; return b; }\n"
            "int f(int x) { struct big b = {{0}}; b.c[5] = x;\n"
            " struct big d = g(b); return d.c[5]; }",
            9),
        10);
    fixture_done(&f);
}

/* What assembly is given may be the outcome of a comparison. */
static void test_assembly(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    assert_int_equal(
        fixture_run(
            &f,
            "int f(int x) { double d = x; int a, b, c;\n"
            " __asm__(\"mov %1, %0\" : \"=r\"(a) : \"r\"(d < 8));\n"
            " __asm__(\"mov %1, %0\" : \"=r\"(b) : \"r\"(x > 8 || !x));\n"
            " __asm__(\"mov %1, %0\" : \"=r\"(c) : \"r\"((d == 7) + 1));\n"
            " return a * 100 + b * 10 + c; }",
            7),
        102);
    fixture_done(&f);
}

static void test_varargs(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    assert_int_equal(
        fixture_run(
            &f,
            "#include <stdarg.h>\n"
            "struct two { double a, b; };\n"
            "struct pair { long a, b; };\n"
            "static long sum(int n, ...) { va_list ap, aq; long t = 0;\n"
            " va_start(ap, n); va_copy(aq, ap);\n"
            " for (int i = 0; i < n; i++) { t += va_arg(ap, int);\n"
            "  t += (long)va_arg(ap, double); }\n"
            " t += (long)va_arg(ap, long double);\n"
            " struct two w = va_arg(ap, struct two); t += (long)(w.a * w.b);\n"
            " struct pair p = va_arg(ap, struct pair); t += p.a * p.b;\n"
            " t += 1000 * va_arg(aq, int);\n"
            " va_end(aq); va_end(ap); return t; }\n"
            "int f(int x) { struct two w = {3, 5}; struct pair p = {7, 11};\n"
            " return sum(10, 1,1.0, 2,2.0, 3,3.0, 4,4.0, 5,5.0, 6,6.0,\n"
            "   7,7.0, 8,8.0, 9,9.0, 10,10.0, 100.0L, w, p)\n"
            "  + sum(1, x, 1.5, 2.0L, w, p); }",
            1),
        110 + 100 + 15 + 77 + 1000 + (1 + 1 + 2 + 15 + 77 + 1000));
    fixture_done(&f);
}

static void test_data(void **state)
{
    fixture f;
    void *at = NULL;
    (void)state;
    fixture_init(&f);
    f.in.mutable_data = 1;
    f.in.tables = "0123456789";
    f.in.table_bytes = 11;
    const char *text = "int counter = 5; static int zero[3000];\n"
                       "static const char *s = \"literal\";\n"
                       "int f(int x) { counter += x; zero[2999]++;\n"
                       "  return counter + zero[2999] + s[0]; }";
    assert_int_equal(fixture_compile(&f, text, "f", &at), 0);
    int (*fn)(int) = (int (*)(int))(uintptr_t)at;
    assert_int_equal(fn(1), 6 + 1 + 'l');
    assert_int_equal(fn(1), 7 + 2 + 'l');
    assert_string_equal(f.image.tables, "0123456789");
    assert_int_equal((uintptr_t)f.image.tables % 16, 0);
    assert_true(f.image.data_bytes >= 12000);
    assert_true(f.image.span.data_bytes >= 12000);
    mf_cc_release(f.cc, &f.image);
    fixture_done(&f);
}

/* Without mutable_data everything is read-execute: a write is a fault. */
static void test_constant(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        fixture f;
        signal(SIGSEGV, SIG_DFL);
        fixture_init(&f);
        _exit(fixture_run(&f, "int n; int f(int x) { return n = x; }", 7));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    /* A sanitizer's own handler exits with a report. */
    assert_true(!WIFEXITED(status) || WEXITSTATUS(status) == 1);
}

static int count_defined(void *state, const char *name, void *address,
                         const char *trouble)
{
    char *names = state;
    assert_non_null(address);
    assert_null(trouble);
    strcat(names, name);
    strcat(names, " ");
    return 0;
}

static void test_names(void **state)
{
    fixture f;
    char names[200] = "";
    void *at[3] = {NULL, NULL, &f};
    const char *wanted[] = {"a_function", "data", "nothing"};
    mayfly_source sources[] = {
        {"one.c",
         "static int hidden(void) { return 1; }\n"
         "int a_function(void) { return hidden(); }",
         0},
        {"two.c",
         "int a_function(void); int other(int);\n"
         "int other(int x) { return x + a_function(); }\n"
         "int data = 3;XXXX",
         0},
    };
    (void)state;
    sources[1].len = strlen(sources[1].text) - 4;
    fixture_init(&f);
    use_symbols(&f);
    f.in.sources = sources;
    f.in.n_sources = 2;
    f.in.wanted = wanted;
    f.in.n_wanted = 3;
    f.in.ret_addresses = at;
    f.in.defined = count_defined;
    f.in.defined_state = names;
    assert_int_equal(mf_cc_compile(f.cc, &f.in, &f.image, &f.report, &f.err),
                     0);
    assert_non_null(strstr(names, "a_function "));
    assert_non_null(strstr(names, "other "));
    assert_non_null(strstr(names, "data "));
    assert_int_equal(strlen(names), strlen("a_function other data "));
    assert_non_null(at[0]);
    assert_true(mf_zone_holds(f.zone, at[0]));
    assert_int_equal(*(int *)at[1], 3);
    assert_null(at[2]);
    mf_cc_release(f.cc, &f.image);
    fixture_done(&f);
}

static const char *include(void *state, const char *name, size_t *ret_len)
{
    (void)state;
    if (strcmp(name, "sub/inner.h") == 0) {
        *ret_len = strlen("#define INNER 7\n");
        return "#define INNER 7\nnot read";
    }
    if (strcmp(name, "outer.h") == 0) {
        const char *text = "#include \"sub/inner.h\"\n#include <stdint.h>\n";
        *ret_len = strlen(text);
        return text;
    }
    return NULL;
}

static void test_includes(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    f.in.include = include;
    assert_int_equal(
        fixture_run(&f,
                    "#include <outer.h>\n"
                    "#include <stddef.h>\n#include <stdbool.h>\n"
                    "#include <limits.h>\n#include <float.h>\n"
                    "#include <string.h>\n#include <stdarg.h>\n"
                    "struct s { char c; uint64_t u; };\n"
                    "int f(int x) { bool b = x; size_t n = strlen(\"abc\");\n"
                    " return INNER + b + n + offsetof(struct s, u)\n"
                    "  + (INT_MAX == INT32_MAX) + (DBL_MAX > FLT_MAX)\n"
                    "  + (UINT64_MAX == UINT64_C(18446744073709551615)); }",
                    5),
        7 + 1 + 3 + 8 + 3);
    f.in.include = NULL;
    f.in.system_includes = 1;
    assert_int_equal(
        fixture_run(
            &f,
            "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
            "#include <stdint.h>\n#include <errno.h>\n#include <time.h>\n"
            "#include <math.h>\n#include <limits.h>\n#include <ctype.h>\n"
            "#include <inttypes.h>\n#include <assert.h>\n"
            "#include <unistd.h>\n#include <pthread.h>\n"
            "#include <sys/time.h>\n#include <sys/types.h>\n"
            "static int by_value(const void *a, const void *b)\n"
            "{ return *(const int *)a - *(const int *)b; }\n"
            "int f(int x) { char to[64]; int n[] = {3, x, 2};\n"
            " pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;\n"
            " pthread_mutex_lock(&m); pthread_mutex_unlock(&m);\n"
            " qsort(n, 3, sizeof n[0], by_value);\n"
            " snprintf(to, sizeof to, \"%d %s %.1f %\" PRIu64, n[0], \"q\",\n"
            "   sqrt(2.25), UINT64_C(77)); assert(toupper('a') == 'A');\n"
            " errno = ERANGE; char *p = malloc(10); free(p);\n"
            " return strcmp(to, \"1 q 1.5 77\") + isnan(1.0)\n"
            "   + (time(NULL) < 1000); }",
            1),
        0);
    fixture_done(&f);
}

/* The contract list: sorted, and each name is found. */
static void test_libc(void **state)
{
    (void)state;
    size_t n = 0;
    for (const char *name; (name = mf_libc_name(n)) != NULL; n++) {
        assert_non_null(mf_libc_find(name));
        if (n)
            assert_true(strcmp(mf_libc_name(n - 1), name) < 0);
    }
    assert_true(n > 200);
    assert_null(mf_libc_find("system"));
    assert_null(mf_libc_find(""));
}

/* Words of another compile are not there in the next. */
static void test_order(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    assert_int_equal(fixture_run(&f, "#define X 3\nint f(int x){return X;}", 0),
                     3);
    assert_int_equal(fixture_run(&f, "int X; int f(int x){return 4;}", 0), 4);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_assembly),  cmocka_unit_test(test_varargs),
        cmocka_unit_test(test_data),      cmocka_unit_test(test_constant),
        cmocka_unit_test(test_names),     cmocka_unit_test(test_includes),
        cmocka_unit_test(test_libc),      cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
