/* What a compile takes and gives back: the census, cycles of good and bad
 * sources, resident arenas, a large unit, and rights of pages all along. */
#include "tests/unit/arena/fixture.h"
#include "tests/unit/arena/proc.h"

static const char *include(void *state, const char *name, size_t *ret_len)
{
    (void)state;
    if (strcmp(name, "some.h") != 0)
        return NULL;
    *ret_len = strlen("#define SOME 5\nint unused;\n");
    return "#define SOME 5\nint unused;\n";
}

static const char *const cycle_sources[] = {
    "static const char s[] = \"text\"; int f(int x) { return s[x & 3]; }",
    ("#include \"some.h\"\n#include <stdint.h>\nint f(int x)"
     " { return SOME + x; }"),
    "int f(int x) { goto l; x 1; l: return x; }",
    "#include \"some.h\"\n#include <no.h>\n",
    "#define A A B\nint f(int x) { return y(x) + z; }",
};

static void cycle(fixture *f, int i)
{
    void *at = NULL;
    if (fixture_compile(f, cycle_sources[i % 5], "f", &at) != 0) {
        assert_true(i % 5 >= 2);
        return;
    }
    assert_true(((int (*)(int))(uintptr_t)at)(1) != 0);
    assert_int_equal(proc_writable_code(), 0);
    mf_cc_release(f->cc, &f->image);
}

static void test_cycles(void **state)
{
    fixture f;
    (void)state;
    fixture_init(&f);
    f.in.include = include;
    f.in.mutable_data = 1;
    for (int i = 0; i < 200; i++)
        cycle(&f, i);
    long dirty = proc_dirty_kib();
    int mappings = proc_mappings();
    int descriptors = proc_descriptors();
    size_t held = f.alloc.bytes;
    for (int i = 0; i < 3000; i++) {
        if (i % 7 == 0)
            mf_zone_trim(f.zone);
        cycle(&f, i);
    }
    assert_int_equal(proc_descriptors(), descriptors);
    if (PROC_EXACT)
        assert_true(proc_mappings() <= mappings + 2);
    assert_true(f.alloc.bytes <= held + 4096);
    long now = proc_dirty_kib();
    if (PROC_EXACT && now > dirty + 64)
        fail_msg("%ld KiB private dirty, %ld before", now, dirty);
    fixture_done(&f);
}

static void test_census(void **state)
{
    fixture f;
    void *at;
    (void)state;
    fixture_init(&f);
    f.in.tables = "0123456789abcdef";
    f.in.table_bytes = 16;
    assert_int_equal(fixture_compile(&f, cycle_sources[0], "f", &at), 0);
    assert_int_equal(mf_census_bytes(&f.report.census, "compile"),
                     f.report.arena_peak_bytes);
    mf_census c = {0};
    mf_cc_census(&f.image, &c);
    assert_int_equal(mf_census_bytes(&c, "code"),
                     f.image.span.code_bytes + f.image.span.data_bytes);
    assert_int_equal(mf_census_bytes(&c, "compile"), 0);
    assert_true(f.image.text_bytes > 0 && f.image.const_bytes >= 5);
    int seen = 0;
    for (size_t i = 0; i < f.report.census.n; i++) {
        const mf_census_row *row = &f.report.census.rows[i];
        seen += strcmp(row->kind, "token symbols") == 0;
        seen += strcmp(row->kind, "macro strings") == 0;
        seen += strcmp(row->kind, "symbol pools") == 0;
        seen += strcmp(row->kind, "section data") == 0;
        seen += strcmp(row->kind, "include buffers") == 0;
        seen += strcmp(row->kind, "token table") == 0;
        seen += strcmp(row->kind, "c strings") == 0;
        assert_string_not_equal(row->kind, "pools");
    }
    assert_int_equal(seen, 7);
    mf_cc_release(f.cc, &f.image);
    fixture_done(&f);
}

/* A megabyte of C. */
static char *large_source(int n)
{
    size_t room = (size_t)n * 400 + 1000;
    char *text = malloc(room);
    size_t len = 0;
    for (int i = 0; i < n; i++)
        len += (size_t)snprintf(
            text + len, room - len,
            "struct message_%d { int id; const char *name; double weight; };\n"
            "static int check_%d(const struct message_%d *m, int x)\n"
            "{\n    static const char label[] = \"message number %d\";\n"
            "    if (m->id > x && m->name)\n        return label[x & 7];\n"
            "    return (int)m->weight + %d;\n}\n",
            i, i, i, i, i);
    len +=
        (size_t)snprintf(text + len, room - len, "int f(int x) { int t = 0;\n");
    for (int i = 0; i < n; i += 7)
        len += (size_t)snprintf(text + len, room - len,
                                " { struct message_%d m = {1, \"a\", x};"
                                " t += check_%d(&m, x); }\n",
                                i, i);
    snprintf(text + len, room - len, " return t; }\n");
    return text;
}

static void test_large(void **state)
{
    enum { N = 4000 };
    fixture f;
    (void)state;
    fixture_init(&f);
    char *text = large_source(N);
    assert_true(strlen(text) > 1000000);
    int want = 0;
    for (int i = 0; i < N; i += 7)
        want += 3 + i;
    assert_int_equal(fixture_run(&f, text, 3), want);
    mf_cc_trim(f.cc, 0);
    mf_zone_trim(f.zone);
    assert_int_equal(mf_cc_arena_bytes(f.cc), 0);
    long dirty = proc_dirty_kib();

    void *at;
    assert_int_equal(fixture_compile(&f, text, "f", &at), 0);
    assert_true(f.report.arena_peak_bytes < (20u << 20));
    assert_int_equal(mf_census_bytes(&f.report.census, "compile"),
                     f.report.arena_peak_bytes);
    for (size_t i = 0; i < f.report.census.n; i++) {
        const mf_census_row *row = &f.report.census.rows[i];
        if (strcmp(row->kind, "other") == 0)
            assert_true(row->bytes < f.report.arena_peak_bytes / 100);
    }
    assert_true(mf_cc_arena_bytes(f.cc) <= (2u << 20));
    mf_cc_release(f.cc, &f.image);
    mf_cc_trim(f.cc, 3600000000000u); /* not idle for so long */
    assert_true(mf_cc_arena_bytes(f.cc) > 0);
    mf_cc_trim(f.cc, 0);
    mf_zone_trim(f.zone);
    assert_int_equal(mf_cc_arena_bytes(f.cc), 0);
    assert_int_equal(mf_zone_backed(f.zone), 0);
    long now = proc_dirty_kib();
    if (PROC_EXACT && now > dirty + 64)
        fail_msg("%ld KiB private dirty, %ld before", now, dirty);

    /* The same, kept: it shows. */
    f.in.resident = 1;
    assert_int_equal(fixture_compile(&f, text, "f", &at), 0);
    mf_cc_trim(f.cc, 0);
    assert_non_null(f.image.resident);
    assert_true(mf_cc_arena_bytes(f.cc) > (1u << 20));
    mf_census c = {0};
    mf_cc_census(&f.image, &c);
    assert_int_equal(mf_census_bytes(&c, "compile"), mf_cc_arena_bytes(f.cc));
    assert_true(proc_dirty_kib() > dirty + 2048);
    assert_int_equal(((int (*)(int))(uintptr_t)at)(3), want);
    mf_cc_release(f.cc, &f.image);
    assert_int_equal(mf_cc_arena_bytes(f.cc), 0);
    mf_zone_trim(f.zone);
    now = proc_dirty_kib();
    if (PROC_EXACT && now > dirty + 64)
        fail_msg("%ld KiB private dirty, %ld before resident", now, dirty);
    free(text);
    fixture_done(&f);
}

/* A deep failure leaves nothing on the stack. */
static void test_stack_given_back(void **state)
{
    enum { N = 100000 };
    fixture f;
    void *at;
    char *text = malloc(N + 100);
    (void)state;
    fixture_init(&f);
    strcpy(text, "int a = ");
    memset(text + 8, '(', N);
    text[8 + N] = '\0';
    f.in.limits.stack_bytes = 600 << 10;
    assert_int_equal(fixture_compile(&f, text, NULL, &at), MAYFLY_ELIMIT);
    mf_cc_trim(f.cc, 0);
    long dirty = proc_dirty_kib();
    f.in.limits.stack_bytes = 0;
    assert_int_equal(fixture_compile(&f, text, NULL, &at), MAYFLY_ELIMIT);
    mf_cc_trim(f.cc, 0);
    long now = proc_dirty_kib();
    if (PROC_EXACT && now > dirty + 64)
        fail_msg("%ld KiB private dirty, %ld before", now, dirty);
    free(text);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_census),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_stack_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
