/* Bad, malformed and hostile C: an error each time, and the next compile is as
 * if nothing had been. */
#include "tests/unit/arena/fixture.h"

#include "base/census.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static const char good[] =
    "static const char *const names[] = {\"x\", \"yy\"};\n"
    "static int g(int x) { l: if (x > 5) { x--; goto l; }"
    " return x; }\n"
    "int f(int x) { return g(x) + names[1][0]; }\n";

static void still_good(fixture *f)
{
    assert_int_equal(fixture_run(f, good, 9), 5 + 'y');
}

/* Compiles what must fail with `code` and a message that has `part`. */
static void refuse(fixture *f, const char *text, int code, const char *part)
{
    void *at = f;
    int got = fixture_compile(f, text, "f", &at);
    if (got != code || !strstr(f->err.message, part))
        fail_msg("%.60s: %d %s", text, got, f->err.message);
    assert_ptr_equal(at, f);
    still_good(f);
}

typedef struct grown {
    char *text;
    size_t len;
    size_t cap;
} grown;

static void grow(grown *g, const char *text, size_t times)
{
    size_t n = strlen(text);
    while (g->len + n * times + 1 > g->cap) {
        g->cap = g->cap ? g->cap * 2 : 4096;
        g->text = realloc(g->text, g->cap);
        assert_non_null(g->text);
    }
    for (size_t i = 0; i < times; i++, g->len += n)
        memcpy(g->text + g->len, text, n);
    g->text[g->len] = '\0';
}

static void test_errors(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    refuse(&f, "int f(int x) {\n return x 1;\n}", MAYFLY_ECOMPILE, "t.c:2: ");
    refuse(&f, "#include <nothing.h>\n", MAYFLY_ECOMPILE, "nothing.h");
    refuse(&f, "\n\n#error once more\n", MAYFLY_ECOMPILE, "t.c:3: #error once");
    refuse(&f, "int f(int x){goto l; x=; l:return x;}", MAYFLY_ECOMPILE, "t.c");
    refuse(&f, "struct s { int a; };\nint f(struct s x) { return 1 + x--; }",
           MAYFLY_ECOMPILE, "t.c:2: ");
    refuse(&f, "union u { int a; }; void f(union u *x) { ++*x; }",
           MAYFLY_ECOMPILE, "t.c:1: ");
    refuse(&f,
           "struct s { double d[3]; }; struct b { int x : 3; long y : 40; };"
           "void f(struct s s, struct b b, int e)\n"
           "{ __asm__(\"nop\" :: \"r\"(s), \"m\"(b * e)); }",
           MAYFLY_ECOMPILE, "t.c:2: ");
    refuse(&f, "int f(int x){ return x; } int f(int x){ return x; }",
           MAYFLY_ECOMPILE, "redefinition");
    refuse(&f, "int f(int x) { /* no end", MAYFLY_ECOMPILE, "comment");
    refuse(&f, "char *s = \"no end", MAYFLY_ECOMPILE, "t.c:1");
    refuse(&f, "int f(int x) { {{{", MAYFLY_ECOMPILE, "t.c:1");
    refuse(&f, "#if 1\nint f(int x);", MAYFLY_ECOMPILE, "#endif");
    refuse(&f, "int f(int x) { switch (x) { case 1: case 1: ; } }",
           MAYFLY_ECOMPILE, "t.c:1");
    refuse(&f, "int f(int x) { return undeclared(x); }", MAYFLY_ELINK,
           "undeclared");
    fixture_done(&f);
}

static void test_unresolved(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    refuse(&f,
           "extern int b_1, c2; int a(void), g(int); void exit(int);\n"
           "int f(int x) { if (x) exit(1); return a() + g(b_1) + c2; }",
           MAYFLY_ELINK, "unresolved: ");
    const char *names[] = {"a", "g", "b_1", "c2", "exit"};
    void *at;
    fixture_compile(&f,
                    "extern int b_1, c2; int a(void), g(int); void exit(int);\n"
                    "int f(int x) { if (x) exit(1);"
                    " return a() + g(b_1) + c2; }",
                    NULL, &at);
    for (size_t i = 0; i < 5; i++)
        assert_non_null(strstr(f.err.message, names[i]));
    grown g = {0};
    for (int i = 0; i < 1000; i++) {
        char line[64];
        snprintf(line, sizeof line, "void missing_name_%d(void);\n", i);
        grow(&g, line, 1);
    }
    grow(&g, "int f(int x) {", 1);
    for (int i = 0; i < 1000; i++) {
        char line[64];
        snprintf(line, sizeof line, "missing_name_%d();", i);
        grow(&g, line, 1);
    }
    grow(&g, "return 0; }", 1);
    refuse(&f, g.text, MAYFLY_ELINK, " ...");
    free(g.text);
    fixture_done(&f);
}

typedef struct told {
    int errors;
    int warnings;
    int line;
    char file[64];
    char text[200];
} told;

static void tell(void *state, const mayfly_diagnostic *d)
{
    told *t = state;
    if (d->is_warning)
        t->warnings++;
    else
        t->errors++;
    t->line = d->line;
    snprintf(t->file, sizeof t->file, "%s", d->file);
    snprintf(t->text, sizeof t->text, "%s", d->text);
}

static const char *include(void *state, const char *name, size_t *ret_len)
{
    const char *text = state;
    if (strcmp(name, "again.h") == 0)
        text = "#include \"again.h\"\n";
    else if (strcmp(name, "bad.h") != 0)
        return NULL;
    *ret_len = strlen(text);
    return text;
}

static void test_diagnostics(void **state)
{
    fixture f;
    told t = {0};
    (void)state;
    fixture_init(&f);
    f.in.diagnostic = tell;
    f.in.diagnostic_state = &t;
    f.in.include = include;
    f.in.include_state = (void *)(uintptr_t) "\nint x 1;\n";
    void *at;
    assert_int_equal(fixture_compile(&f, "#include \"bad.h\"\n", NULL, &at),
                     MAYFLY_ECOMPILE);
    assert_int_equal(t.errors, 1);
    assert_int_equal(t.line, 2);
    assert_string_equal(t.file, "bad.h");
    assert_non_null(strstr(f.err.message, "bad.h:2: "));
    assert_int_equal(f.err.line, 2);

    const char *warned = "int f(int x) { char *p = x; return (int)(long)p; }";
    memset(&t, 0, sizeof t);
    assert_int_equal(fixture_run(&f, warned, 3), 3);
    assert_true(t.warnings >= 1);
    assert_int_equal(t.errors, 0);
    assert_string_equal(t.file, "t.c");
    f.in.warnings_are_errors = 1;
    refuse(&f, warned, MAYFLY_ECOMPILE, "t.c:1: ");
    assert_int_equal(t.errors, 1);
    fixture_done(&f);
}

static void test_files(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    for (int i = 0; i < 2; i++, f.in.system_includes = 1) {
        refuse(&f, "#include \"/etc/passwd\"\n", MAYFLY_ECOMPILE, "not found");
        refuse(&f, "#include </etc/passwd>\n", MAYFLY_ECOMPILE, "not found");
        refuse(&f, "#include <../../etc/passwd>\n", MAYFLY_ECOMPILE,
               "not found");
        refuse(&f, "#include \"../../../etc/passwd\"\n", MAYFLY_ECOMPILE,
               "not found");
        refuse(&f, "#include \"sys/../../../etc/passwd\"\n", MAYFLY_ECOMPILE,
               "not found");
        refuse(&f, "#include \"/mf/../etc/passwd\"\n", MAYFLY_ECOMPILE,
               "not found");
        refuse(&f, "#include \"//etc/passwd\"\n", MAYFLY_ECOMPILE, "not found");
        refuse(&f, "#include <linux>\n", MAYFLY_ECOMPILE, "not found");
    }
    f.in.system_includes = 0;
    refuse(&f, "#include <stdio.h>\n", MAYFLY_ECOMPILE, "not found");
    /* "-" is standard input for libtcc. */
    refuse(&f, "#include \"-\"\nint f(int x) { return y; }", MAYFLY_ECOMPILE,
           "t.c:2");
    refuse(&f,
           "#pragma comment(lib, \"c\")\n#pragma comment(option, \"-bt\")\n"
           "int f(int x) { return y; }",
           MAYFLY_ECOMPILE, "t.c:3");
    f.in.include = include;
    refuse(&f, "#include \"again.h\"\n", MAYFLY_ELIMIT, "includes");
    fixture_done(&f);
}

static void test_stack(void **state)
{
    fixture f;
    grown g = {0};
    (void)state;
    fixture_init(&f);

    grow(&g, "int f(int x) { return ", 1);
    grow(&g, "(", 100000);
    grow(&g, "x", 1);
    grow(&g, ")", 100000);
    grow(&g, "; }", 1);
    refuse(&f, g.text, MAYFLY_ELIMIT, "stack");

    /* Macros that take each other's calls as arguments: deep and wide. */
    refuse(&f,
           "#define A(x) B(x)(x)\n#define B(x) C(A(x))(x)\n"
           "#define C(x) D(B(x))\n#define D(x) E(C(x))\n"
           "#define E(x) A(x) B(x) C(x) D(x)\n"
           "#define N(x) E(E(E(E(E(E(E(E(x))))))))\n"
           "int f(int x) { return N(N(N(N(x)))); }",
           MAYFLY_ELIMIT, "");

    g.len = 0;
    for (int i = 0; i < 200000; i++) {
        char line[64];
        snprintf(line, sizeof line, "#define M%d M%d\n", i, i + 1);
        grow(&g, line, 1);
    }
    grow(&g, "int f(int x) { return M0; }", 1);
    refuse(&f, g.text, MAYFLY_ELIMIT, "stack");

    g.len = 0;
    grow(&g, "#define I(x) x\nint f(int x) { return ", 1);
    grow(&g, "I(", 20000);
    grow(&g, "1", 1);
    grow(&g, ")", 20000);
    grow(&g, "; }", 1);
    f.in.limits.time_ms = 2000;
    refuse(&f, g.text, MAYFLY_ELIMIT, "");

    static const char *const nests[][2] = {
        {"int a = ", "-"},
        {"int a = ", "sizeof "},
        {"int a[] = ", "{"},
        {"void f(void) { ", "{"},
        {"void f(void) { ", "if (1) "},
        {"void f(void) { ", "for (;;) "},
        {"int ", "("},
        {"int (", "*("},
        {"", "struct {"},
        {"int f(", "int (*)("},
        {"int a = ", "1 ? "},
        {"int a = 1", "[1"},
        {"__attribute__((", "("},
        {"#if ", "("},
        {"#if ", "!"},
        {"int a = ", "~"},
        {"typeof(", "typeof("},
        {"int a = ", "_Generic(1, int: "},
        {"int a = ", "({"},
        {"asm(\"", "("},
    };
    for (size_t i = 0; i < sizeof nests / sizeof nests[0]; i++) {
        void *at;
        g.len = 0;
        grow(&g, nests[i][0], 1);
        grow(&g, nests[i][1], 150000);
        assert_int_not_equal(fixture_compile(&f, g.text, NULL, &at), 0);
        still_good(&f);
    }
    f.in.limits.stack_bytes = 32 << 10;
    g.len = 0;
    grow(&g, "int f(int x) { return ", 1);
    grow(&g, "(", 300);
    grow(&g, "x", 1);
    grow(&g, ")", 300);
    grow(&g, "; }", 1);
    f.in.limits.stack_bytes = 24 << 10;
    void *at;
    assert_int_equal(fixture_compile(&f, g.text, NULL, &at), MAYFLY_ELIMIT);
    f.in.limits.stack_bytes = 0;
    assert_int_equal(fixture_run(&f, g.text, 7), 7);
    free(g.text);
    fixture_done(&f);
}

/* Types that contain each other: nothing is read between the levels of an
 * initialiser. */
static void test_types(void **state)
{
    static const char *const chains[][3] = {
        {"struct t0 { int a; };\n", "struct t%1$d { struct t%2$d a; };\n",
         "struct t%d z = {1}; int f(int x) { struct t%d y = {2}; return 0; }"},
        {"typedef int t0[1];\n", "typedef t%2$d t%1$d[1];\n",
         "t%d z = {1}; int f(int x) { t%d y = {2}; return 0; }"},
        {"typedef struct { int a; } t0;\n",
         "typedef struct { t%2$d a[1]; } t%1$d;\n",
         "t%d z = {1}; int f(int x) { t%d y = {2}; return 0; }"},
        {"struct t0 { int a; };\n",
         "union u%1$d { int b; struct t0 c; };"
         "struct t%1$d { struct t%2$d a; };\n",
         "struct t%d z = {1}; int f(int x) { struct t%d y; return y.no; }"},
    };
    fixture f;
    grown g = {0};
    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        for (int n = 1000; n <= 50000; n *= 50) {
            char line[200];
            void *at;
            g.len = 0;
            grow(&g, chains[i][0], 1);
            for (int k = 1; k <= n; k++) {
                snprintf(line, sizeof line, chains[i][1], k, k - 1);
                grow(&g, line, 1);
            }
            snprintf(line, sizeof line, chains[i][2], n, n);
            grow(&g, line, 1);
            int code = fixture_compile(&f, g.text, "f", &at);
            if (code == 0)
                mf_cc_release(f.cc, &f.image);
            else if (i != 3)
                assert_int_equal(code, MAYFLY_ELIMIT);
            assert_true(n > 1000 || code == 0 || i == 3);
        }
        still_good(&f);
    }
    free(g.text);
    fixture_done(&f);
}

static void *on_small_stack(void *state)
{
    fixture f;
    grown g = {0};
    (void)state;
    fixture_init(&f);
    grow(&g, "int f(int x) { return ", 1);
    grow(&g, "(", 100000);
    refuse(&f, g.text, MAYFLY_ELIMIT, "stack");
    free(g.text);
    fixture_done(&f);
    return NULL;
}

static void test_thread(void **state)
{
    pthread_t thread;
    pthread_attr_t attr;
    (void)state;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 512 << 10);
    assert_int_equal(pthread_create(&thread, &attr, on_small_stack, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
}

static void test_limits(void **state)
{
    fixture f;
    grown g = {0};
    (void)state;
    fixture_init(&f);

    /* 2^40 tokens. */
    grow(&g, "#define D0(x) x x\n", 1);
    for (int i = 1; i < 40; i++) {
        char line[64];
        snprintf(line, sizeof line, "#define D%d(x) D%d(x x)\n", i, i - 1);
        grow(&g, line, 1);
    }
    grow(&g, "int f(int x) { D39(;) return 1; }", 1);
    f.in.limits.time_ms = 200;
    f.in.limits.arena_bytes = 4096u << 20;
    refuse(&f, g.text, MAYFLY_ELIMIT, "");
    memset(&f.in.limits, 0, sizeof f.in.limits);

    g.len = 0;
    grow(&g, "int f(int x) { return 0", 1);
    grow(&g, "+x", 5000000);
    grow(&g, "; }", 1);
    f.in.limits.time_ms = 20;
    refuse(&f, g.text, MAYFLY_ELIMIT, "time");
    memset(&f.in.limits, 0, sizeof f.in.limits);
    f.in.limits.source_bytes = 1 << 20;
    refuse(&f, g.text, MAYFLY_ELIMIT, "source");
    memset(&f.in.limits, 0, sizeof f.in.limits);

    f.in.limits.arena_bytes = 4 << 20;
    refuse(&f, "char big[64 << 20] = {1}; int f(int x) { return big[x]; }",
           MAYFLY_ELIMIT, "arena");
    memset(&f.in.limits, 0, sizeof f.in.limits);
    refuse(&f,
           "char a[2000000000], b[2000000000];"
           "int f(int x) { return a[x] + b[x]; }",
           MAYFLY_ELIMIT, "");
    refuse(&f,
           "char a[2000000000], b[2000000000], c[294967396];"
           "int f(int x) { return a[x] + b[x] + c[x]; }",
           MAYFLY_ELIMIT, "code");
    refuse(&f,
           "__attribute__((aligned(1 << 29), section(\"x\"))) char a;"
           "__attribute__((aligned(1 << 29), section(\"y\"))) char b;"
           "__attribute__((aligned(1 << 29), section(\"z\"))) char c;"
           "int f(int x) { return a + b + c; }",
           MAYFLY_ELIMIT, "code");
    assert_int_equal(mf_zone_set_max(f.zone, 256 << 20, &f.err), 0);
    refuse(&f, "char a[500000000]; int f(int x) { return a[x]; }",
           MAYFLY_ELIMIT, "code");
    refuse(&f, "char a[1ul << 40]; int f(int x) { return a[x]; }",
           MAYFLY_ECOMPILE, "32 bit");
    refuse(&f,
           "char a[1ul << 62]; char b[1ul << 62]; char c[1ul << 62];"
           "int f(int x) { return a[x]; }",
           MAYFLY_ECOMPILE, "32 bit");
    f.in.limits.include_depth = 1;
    f.in.include = include;
    f.in.include_state = (void *)(uintptr_t) "int g;\n";
    assert_int_equal(
        fixture_run(&f, "#include \"bad.h\"\nint f(int x) { return 2; }", 0),
        2);
    f.in.include_state = (void *)(uintptr_t) "#include <stdint.h>\n";
    refuse(&f, "#include \"bad.h\"\n", MAYFLY_ELIMIT, "includes");
    free(g.text);
    fixture_done(&f);
}

/* Random changes of tokens for some seconds; every outcome is fine but a
 * signal, a print, a lasting change. */
static void test_mutations(void **state)
{
    static const char *const tokens[] = {
        "int ",    "*",         "(",         ")",        "{",        "}",
        ";",       "struct s ", "0x7fff",    "[",        "]",        "#",
        "\n",      "\"",        "'",         "goto l;",  "l:",       ",",
        "=",       "...",       "##",        "\\\n",     "#define ", "#if 1\n",
        "sizeof",  "/*",        "*/",        "1e9",      "union",    "case ",
        "__asm__", "typedef ",  "#include ", "default:", "switch",   "static ",
        "inline ", "L\"",
    };
    static const char base[] =
        "#include <stdarg.h>\n#define M(a, b) a ## b + #a[0]\n"
        "struct s { int a : 3; struct { char *p; } u; double d[4]; };\n"
        "static struct s g = { .a = 1, .u = { \"text\" }, .d = { [2] = 3 } };\n"
        "static inline int h(int n, ...) { va_list ap; va_start(ap, n);\n"
        " int r = va_arg(ap, int); va_end(ap); return r; }\n"
        "int f(int x) { static void *const t[] = { &&l, &&m };\n"
        " switch (x) { case 1 ... 3: return M(x, ); default: break; }\n"
        " for (int i = 0; i < 3; i++) { if (i == x) goto l; g.d[i] *= 2; }\n"
        " int v[x + 1]; v[x] = h(1, x);\n"
        " m: return v[x] + g.a; l: return (x ? g.u.p[0] : (int)g.d[1]); }\n";
    fixture f;
    unsigned seed = 12345;
    uint64_t end = mf_clock_ns() + 2000000000u;
    unsigned good_ones = 0, n = 0;
    (void)state;
    fixture_init(&f);
    f.in.limits.time_ms = 500;
    while (mf_clock_ns() < end && n < 10000) {
        char text[sizeof base + 400];
        memcpy(text, base, sizeof base);
        size_t len = sizeof base - 1;
        for (int edits = 1 + rand_r(&seed) % 4; edits > 0; edits--) {
            size_t at = (size_t)rand_r(&seed) % len;
            if (rand_r(&seed) % 2) {
                size_t cut = (size_t)(rand_r(&seed) % 12);
                if (cut > len - at)
                    cut = len - at;
                memmove(text + at, text + at + cut, len - at - cut + 1);
                len -= cut;
            } else {
                const char *t = tokens[(size_t)rand_r(&seed) %
                                       (sizeof tokens / sizeof tokens[0])];
                memmove(text + at + strlen(t), text + at, len - at + 1);
                memcpy(text + at, t, strlen(t));
                len += strlen(t);
            }
            if (len < 10)
                break;
        }
        void *at;
        if (fixture_compile(&f, text, "f", &at) == 0) {
            mf_cc_release(f.cc, &f.image);
            good_ones++;
        }
        if (n++ % 16 == 0)
            still_good(&f);
    }
    assert_true(good_ones > 0 && good_ones < n);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),      cmocka_unit_test(test_unresolved),
        cmocka_unit_test(test_diagnostics), cmocka_unit_test(test_files),
        cmocka_unit_test(test_stack),       cmocka_unit_test(test_types),
        cmocka_unit_test(test_thread),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
