/* Several units in one source: apart in names and pages, or refused. */
#include "tests/unit/arena/fixture.h"

enum { PAGE = 4096, TABLE = 64 };

#define PLACED " __attribute__((section(\".text\")))"
#define NEXT "#pragma comment(option, \"part\")\n"
#define TABLES(n)                                                              \
    "const char mf_tables_" #n "[64] __attribute__((aligned(4096), "           \
    "section(\".text\"))) = {0};\n"
#define ENTRY(n)                                                               \
    "struct entry { int (*f)(int); };\n"                                       \
    "const struct entry mf_unit_entry_" #n PLACED " = {g};\n"

typedef struct entry {
    int (*f)(int);
} entry;

static int compile(fixture *f, const char *text, mf_cc_part *parts, size_t n)
{
    static const char table[TABLE] = "the tables";
    mayfly_source source = {"t.c", text, 0};
    mf_cc_input in = f->in;
    in.sources = &source;
    in.n_sources = 1;
    in.parts = parts;
    in.n_parts = n;
    in.warnings_are_errors = 1;
    for (size_t i = 0; i < n; i++)
        parts[i] = (mf_cc_part){.tables = table,
                                .table_bytes = TABLE,
                                .entry_bytes = sizeof(entry)};
    memset(&f->err, 0, sizeof f->err);
    return mf_cc_compile(f->cc, &in, NULL, &f->report, &f->err);
}

static int call(const mf_cc_part *part, int n)
{
    return ((const entry *)part->entry)->f(n);
}

/* The same names in each, but for those of the common beginning. */
static void parts_are_apart(void **state)
{
    fixture f;
    mf_cc_part p[3];
    (void)state;
    fixture_init(&f);
    static const char text[] =
        "enum { ONE = 1 }; typedef int number;\n" NEXT TABLES(
            0) "struct s { number a; }; typedef struct s t; enum { K = 10 };\n"
               "static int g(int x) { t v = {x}; return v.a + K + ONE; "
               "}\n" ENTRY(0) NEXT TABLES(
                   1) "struct s { long b, c; }; static const int t[1100]" PLACED
                      " = {5};\n"
                      "static int g(int x) { struct s v = {x, 2}; enum { K = "
                      "20 };\n"
                      "  return (int)(v.b + v.c) + K + t[0] + ONE; }\n" ENTRY(1)
                          NEXT TABLES(
                              2) "static int s(number t) { return t * 2; }\n"
                                 "static int g(int x) { return s(x) + ONE; "
                                 "}\n" ENTRY(2);
    if (compile(&f, text, p, 3) != 0)
        fail_msg("%s", f.err.message);
    assert_int_equal(call(&p[0], 1), 12);
    assert_int_equal(call(&p[1], 1), 29);
    assert_int_equal(call(&p[2], 21), 43);
    assert_ptr_equal(p[1].image.span.base,
                     p[0].image.span.base + p[0].image.span.code_bytes);
    assert_int_equal(p[0].image.span.code_bytes, PAGE);
    assert_int_equal(p[1].image.span.code_bytes, 2 * PAGE);
    assert_int_equal(mf_zone_used(f.zone), 4 * PAGE);
    for (int i = 0; i < 3; i++)
        assert_string_equal(p[i].image.tables, "the tables");

    mf_cc_release(f.cc, &p[1].image);
    assert_int_equal(mf_zone_used(f.zone), 2 * PAGE);
    assert_int_equal(call(&p[0], 2), 13);
    mf_cc_release(f.cc, &p[0].image);
    assert_int_equal(call(&p[2], 1), 3);
    mf_cc_release(f.cc, &p[2].image);
    fixture_done(&f);
}

/* What is not within its part is refused, and nothing of it stays. */
static void what_is_shared_is_refused(void **state)
{
    static const char *const texts[] = {
        /* a function that the linker reaches by a table of all parts */
        "int elsewhere(int);\n" NEXT TABLES(
            0) "static int g(int x) { return elsewhere(x); }\n" ENTRY(0),
        /* data in a section of its own */
        NEXT TABLES(0) "static int v = 3;\n"
                       "static int g(int x) { return v; }\n" ENTRY(0),
        /* a part that does not begin a page */
        NEXT "static int g(int x) { return x; }\n"
             "const char mf_tables_0[64]" PLACED " = {0};\n" ENTRY(0),
        /* no end */
        NEXT TABLES(0) "static int g(int x) { return x; }\n"
                       "int (*h(void))(int) { return g; }\n",
        /* no room for the tables */
        NEXT "const char mf_tables_0[8] __attribute__((aligned(4096), "
             "section(\".text\"))) = {0};\n"
             "const int mf_unit_entry_0" PLACED " = 1;\n",
    };
    static const mayfly_symbol symbols[] = {
        {"elsewhere", (const void *)(uintptr_t)abs}};
    static const mayfly_symbol *const tables[] = {symbols};
    static const size_t sizes[] = {1};
    fixture f;
    mf_cc_part p[1];
    (void)state;
    fixture_init(&f);
    f.in.symbols = tables;
    f.in.n_symbols = sizes;
    f.in.n_symbol_tables = 1;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (compile(&f, texts[i], p, 1) != MAYFLY_EINTERNAL)
            fail_msg("%zu: %s", i, f.err.message);
        assert_non_null(strstr(f.err.message, "apart"));
        assert_int_equal(mf_zone_used(f.zone), 0);
    }
    /* an error in one is an error of all, and the next compile knows nothing */
    assert_int_equal(
        compile(
            &f,
            NEXT TABLES(0) "typedef int t; static int g(int x) { return y; }\n",
            p, 1),
        MAYFLY_ECOMPILE);
    void *at;
    assert_int_equal(
        fixture_compile(&f, "int t(int x) { return x; }", "t", &at), 0);
    mf_cc_release(f.cc, &f.image);
    fixture_done(&f);
}

/* Elsewhere the line means nothing: what was declared before it is known. */
static void a_source_has_no_parts_of_its_own(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    assert_int_equal(fixture_run(&f,
                                 "static int a(int x) { return x + 1; }\n" NEXT
                                 "int f(int x) { return a(x); }\n",
                                 4),
                     5);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_apart),
        cmocka_unit_test(what_is_shared_is_refused),
        cmocka_unit_test(a_source_has_no_parts_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
