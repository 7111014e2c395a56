/*
 * Memory reports: kinds add up to what the arenas hold, what cannot be told
 * apart is little, filters and orders, one context's report before and after
 * its unload, the process by mappings, holes after unloads in random order,
 * threads and descriptors.
 */
#include "hello.h"

#include <stdlib.h>
#include <unistd.h>

enum { CONTEXTS = 40 };

static const char source[] = "int counter = 3; const char word[] = \"abc\";\n"
                             "int twice(int x) { counter++; return 2 * x; }\n";

static mayfly_memory_report *report(mayfly_host *host,
                                    const mayfly_memory_options *o)
{
    mayfly_memory_report *r = NULL;
    must(mayfly_memory_report_host(host, o, &r, &err));
    return r;
}

static mayfly_memory_report *report_of(mayfly_context *c,
                                       const mayfly_memory_options *o)
{
    mayfly_memory_report *r = NULL;
    must(mayfly_memory_report_context(c, o, &r, &err));
    return r;
}

static const mayfly_memory_row *row(const mayfly_memory_report *r,
                                    const char *arena, const char *kind)
{
    size_t n;
    const mayfly_memory_row *rows = mayfly_memory_report_rows(r, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].arena, arena) == 0 &&
            strcmp(rows[i].kind, kind) == 0)
            return &rows[i];
    return NULL;
}

/* A number of the report's JSON, the first of that name behind `after`. */
static unsigned long long number(const mayfly_memory_report *r,
                                 const char *after, const char *name)
{
    char quoted[80];
    const char *at = strstr(mayfly_memory_report_json(r), after);
    snprintf(quoted, sizeof quoted, "\"%s\": ", name);
    at = at ? strstr(at, quoted) : NULL;
    if (!at)
        fail_msg("no %s behind %s in %s", name, after,
                 mayfly_memory_report_json(r));
    return strtoull(at + strlen(quoted), NULL, 10);
}

/* All rows of an arena add up; what it calls "other" is below 1 %. */
static void check_sums(const mayfly_memory_report *r)
{
    size_t n, all = 0;
    const mayfly_memory_row *rows = mayfly_memory_report_rows(r, &n);
    for (size_t i = 0; i < n; i++) {
        size_t arena = mayfly_memory_report_bytes(r, rows[i].arena);
        size_t sum = 0;
        for (size_t k = 0; k < n; k++)
            if (strcmp(rows[i].arena, rows[k].arena) == 0)
                sum += rows[k].bytes;
        assert_int_equal(sum, arena);
        if (strcmp(rows[i].kind, "other") == 0)
            assert_true(rows[i].bytes * 100 < arena);
        assert_true(rows[i].peak >= rows[i].bytes);
        assert_true(rows[i].largest <= rows[i].peak);
        all += rows[i].bytes;
    }
    assert_int_equal(all, mayfly_memory_report_bytes(r, NULL));
}

static void test_a_context(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        "token symbols", "symbol pools",    "macro strings", "c strings",
        "section data",  "include buffers", "token table",   "generated text"};
    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load_source(host, HELLO_V1, source);
    mayfly_memory_report *r = report_of(c, NULL);
    check_sums(r);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const mayfly_memory_row *kind = row(r, "compile", kinds[i]);
        if (!kind)
            fail_msg("no %s", kinds[i]);
        assert_true(kind->blocks && kind->bytes && kind->largest);
        assert_int_equal(kind->live, 0); /* dropped */
    }
    assert_true(row(r, "code", "text")->live > 0);
    assert_true(row(r, "code", "codec tables")->live > 0);
    assert_true(row(r, "code", "data")->live > 0);
    assert_true(row(r, "schema", "descriptors")->live > 0);
    size_t code = mayfly_memory_report_bytes(r, "code");
    assert_int_equal(code % (size_t)sysconf(_SC_PAGESIZE), 0);
    mayfly_memory_report_free(r);

    must(mayfly_unload(c, NULL, NULL, &err));
    r = report_of(c, NULL);
    assert_int_equal(mayfly_memory_report_bytes(r, "code"), code);
    size_t n;
    const mayfly_memory_row *rows = mayfly_memory_report_rows(r, &n);
    assert_true(n > 10);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(rows[i].live, 0);
    mayfly_context_unref(c);
    mayfly_host_free(host);
    assert_non_null(strstr(mayfly_memory_report_text(r), "token symbols"));
    mayfly_memory_report_free(r); /* outlives the host */
    mayfly_memory_report_free(NULL);
}

/* Larger units, so that one per cent is something; with and without sources. */
static void test_little_is_other(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    for (int messages = 10; messages <= 1000; messages *= 10) {
        char *text = malloc((size_t)messages * 200 + 200);
        assert_non_null(text);
        char *at = text + sprintf(text, "syntax = \"proto3\";\npackage p;\n");
        for (int i = 0; i < messages; i++)
            at += sprintf(at,
                          "message M%d { int32 a = 1; string b = 2;"
                          " map<string, int64> c = 3; repeated M%d d = 4;"
                          " oneof o { bool e = 5; double f = 6; } }\n",
                          i, i / 2);
        mayfly_context *c = hello_load(host, text, NULL);
        mayfly_memory_report *r = report_of(c, NULL);
        check_sums(r);
        mayfly_memory_report_free(r);
        mayfly_context_unref(c);
        free(text);
    }
    mayfly_host_free(host);
}

static void test_a_host(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_memory_report *empty = report(host, NULL);
    check_sums(empty);
    assert_int_equal(mayfly_memory_report_bytes(empty, "code"), 0);
    mayfly_context *kept =
        hello_load(host, HELLO_V1, MAYFLY_LOAD_OPTIONS(.resident = 1));
    mayfly_context *plain = hello_load(host, HELLO_V1, NULL);
    mayfly_memory_report *r = report(host, NULL);
    check_sums(r);
    assert_int_equal(mayfly_memory_report_bytes(r, "code"),
                     number(r, "\"code_zone\"", "used_bytes"));
    assert_int_equal(number(r, "", "contexts"), 2);
    assert_int_equal(number(r, "\"code_zone\"", "units"), 2);
    assert_true(row(r, "compile", "token symbols")->bytes > 0);
    assert_true(row(r, "compile", "section data")->live > 0);
    assert_non_null(row(r, "compile", "kept for the next compile"));
    assert_true(row(r, "heap", "handles, calls, buffers")->blocks > 10);
    assert_int_equal(number(r, "", "compile_arenas"), 2);
    assert_int_equal(number(r, "\"resident\"", "used_bytes"),
                     number(r, "\"resident\"", "live_bytes") +
                         number(r, "\"resident\"", "free_bytes"));
    must(mayfly_unload(kept, NULL, NULL, &err));
    must(mayfly_unload(plain, NULL, NULL, &err));
    mayfly_host_trim(host);
    mayfly_memory_report *after = report(host, NULL);
    assert_int_equal(mayfly_memory_report_bytes(after, "code"), 0);
    assert_int_equal(mayfly_memory_report_bytes(after, "compile"), 0);
    assert_int_equal(mayfly_memory_report_bytes(after, "schema"), 0);
    mayfly_memory_report_free(empty);
    mayfly_memory_report_free(after);
    mayfly_memory_report_free(r);
    mayfly_context_unref(plain);
    mayfly_context_unref(kept);
    mayfly_host_free(host);
}

static size_t figure(const mayfly_memory_row *r, int sort)
{
    return sort == MAYFLY_MEMORY_BY_BYTES     ? r->bytes
           : sort == MAYFLY_MEMORY_BY_BLOCKS  ? r->blocks
           : sort == MAYFLY_MEMORY_BY_LARGEST ? r->largest
           : sort == MAYFLY_MEMORY_BY_LIVE    ? r->live
                                              : r->peak;
}

/* What units take beside contexts is told by kind, and not twice. */
static void test_units(void **state)
{
    (void)state;
    enum { LONG = 100000 };
    static const char *const kinds[] = {"names", "versions", "contents",
                                        "recipes", "kept receipts"};
    mayfly_host *host = hello_host();
    mayfly_unit *unit = NULL;
    char *text = malloc(LONG + sizeof HELLO_V1 + 10);
    assert_non_null(text);
    strcpy(text, HELLO_V1 "/*");
    size_t n = strlen(text);
    memset(text + n, 'x', LONG);
    strcpy(text + n + LONG, "*/\n");
    const mayfly_source schema = {"hello.proto", text, 0};
    mayfly_memory_report *before, *with, *after;
    must(mayfly_memory_report_host(host, NULL, &before, &err));
    must(mayfly_unit_load(host, "a", MAYFLY_RECIPE(.schema = &schema), &unit,
                          NULL, &err));
    must(mayfly_memory_report_host(host, NULL, &with, &err));
    check_sums(with);
    for (size_t i = 0; i < 4; i++) {
        const mayfly_memory_row *of = row(with, "cache", kinds[i]);
        assert_true(of->blocks >= 2 && of->bytes > 20);
        assert_true(of->bytes >= row(before, "cache", kinds[i])->bytes);
    }
    mayfly_cache_stats stats = {.size = sizeof stats};
    mayfly_cache_get_stats(host, &stats);
    assert_int_equal(row(with, "cache", "recipes")->bytes, stats.recipe_bytes);
    assert_in_range(stats.recipe_bytes, LONG, LONG + 4000);
    size_t heap = mayfly_memory_report_bytes(with, "heap");
    assert_true(heap < mayfly_memory_report_bytes(before, "heap") + LONG / 2);

    must(mayfly_unit_remove(unit, 1000, &err));
    mayfly_unit_unref(unit);
    must(mayfly_memory_report_host(host, NULL, &after, &err));
    check_sums(after);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(row(after, "cache", kinds[i])->bytes,
                         row(before, "cache", kinds[i])->bytes);
    assert_true(row(after, "cache", kinds[4])->bytes > 1000);
    assert_int_equal(row(before, "cache", kinds[4])->bytes, 0);
    mayfly_memory_report_free(before);
    mayfly_memory_report_free(with);
    mayfly_memory_report_free(after);
    free(text);
    mayfly_host_free(host);
}

static void test_orders_and_filters(void **state)
{
    (void)state;
    size_t n, all;
    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load(host, HELLO_V1, NULL);
    for (int sort = 0; sort <= MAYFLY_MEMORY_BY_KIND; sort++) {
        mayfly_memory_report *r =
            report_of(c, MAYFLY_MEMORY_OPTIONS(.sort = sort));
        const mayfly_memory_row *rows = mayfly_memory_report_rows(r, &all);
        for (size_t i = 1; i < all; i++) {
            if (sort == MAYFLY_MEMORY_BY_KIND)
                assert_true(strcmp(rows[i - 1].arena, rows[i].arena) <= 0);
            else
                assert_true(figure(&rows[i - 1], sort) >=
                            figure(&rows[i], sort));
        }
        mayfly_memory_report_free(r);
    }
    mayfly_memory_report *r = report_of(
        c, MAYFLY_MEMORY_OPTIONS(.arena = "compile", .kind = "token"));
    const mayfly_memory_row *rows = mayfly_memory_report_rows(r, &n);
    assert_int_equal(n, 2); /* token symbols, token table */
    assert_non_null(strstr(rows[0].kind, "token"));
    assert_true(mayfly_memory_report_bytes(r, "code") > 0);
    assert_non_null(strstr(mayfly_memory_report_text(r), "left out"));
    mayfly_memory_report_free(r);
    r = report_of(c, MAYFLY_MEMORY_OPTIONS(.bytes_min = 5000));
    rows = mayfly_memory_report_rows(r, &n);
    assert_true(n > 0 && n < all);
    for (size_t i = 0; i < n; i++)
        assert_true(rows[i].bytes >= 5000);
    mayfly_memory_report_free(r);
    r = report_of(c, MAYFLY_MEMORY_OPTIONS(.bytes_max = 5000));
    mayfly_memory_report_rows(r, &n);
    assert_true(n > 0 && n < all);
    mayfly_memory_report_free(r);
    r = report_of(c, MAYFLY_MEMORY_OPTIONS(.block_min = 100000));
    rows = mayfly_memory_report_rows(r, &n);
    assert_true(n > 0 && n < all); /* the pools */
    for (size_t i = 0; i < n; i++)
        assert_true(rows[i].largest >= 100000);
    mayfly_memory_report_free(r);
    r = NULL;
    mayfly_memory_options odd = {.size = 9};
    must_fail(mayfly_memory_report_host(host, &odd, &r, &err), MAYFLY_EINVAL,
              "9 bytes");
    must_fail(mayfly_memory_report_host(
                  host, MAYFLY_MEMORY_OPTIONS(.parts = 64), &r, &err),
              MAYFLY_EINVAL, "parts");
    must_fail(mayfly_memory_report_host(host, MAYFLY_MEMORY_OPTIONS(.sort = 77),
                                        &r, &err),
              MAYFLY_EINVAL, "order");
    must_fail(mayfly_memory_report_context(NULL, NULL, &r, &err), MAYFLY_EINVAL,
              "");
    assert_null(r);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

/* Bytes of the process's mappings of a type. */
static unsigned long long mapped(const mayfly_memory_report *r,
                                 const char *type, const char *figure_name)
{
    char after[64];
    snprintf(after, sizeof after, "\"type\": \"%s\"", type);
    return number(r, after, figure_name);
}

static void test_unloads_in_random_order(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c[CONTEXTS];
    unsigned seed = 7;
    for (int i = 0; i < CONTEXTS; i++)
        c[i] = i % 2 ? hello_load(host, HELLO_V1, NULL)
                     : hello_load_source(host, HELLO_V1, source);
    for (int i = CONTEXTS - 1; i > 0; i--) {
        int k = (int)((unsigned)rand_r(&seed) % (unsigned)(i + 1));
        mayfly_context *other = c[i];
        c[i] = c[k];
        c[k] = other;
    }
    const mayfly_memory_options *map =
        MAYFLY_MEMORY_OPTIONS(.parts =
                                  MAYFLY_MEMORY_MAP | MAYFLY_MEMORY_CENSUS);
    mayfly_memory_report *r = report(host, map);
    unsigned long long used = number(r, "\"code_zone\"", "used_bytes");
    assert_int_equal(mapped(r, "code zone", "bytes"), used);
    assert_true(mapped(r, "code zone", "resident_bytes") > 0);
    assert_true(mapped(r, "schemas and plans", "bytes") > 0);
    assert_true(mapped(r, "compile arenas", "bytes") >=
                number(r, "\"compile_arena\"", "reserved_bytes"));
    assert_true(mapped(r, "stacks", "resident_bytes") > 0);
    assert_true(mapped(r, "images", "count") > 4);
    assert_true(mapped(r, "heap", "dirty_bytes") > 0);
    mayfly_memory_report_free(r);
    for (int i = 0; i < CONTEXTS; i++) {
        must(mayfly_unload(c[i], NULL, NULL, &err));
        mayfly_context_unref(c[i]);
        r = report(host, map);
        check_sums(r);
        unsigned long long now = number(r, "\"code_zone\"", "used_bytes");
        assert_true(now < used);
        used = now;
        assert_int_equal(mapped(r, "code zone", "bytes"), used);
        assert_int_equal(mapped(r, "tombstones", "bytes"),
                         number(r, "\"code_zone\"", "tombstone_bytes"));
        assert_true(number(r, "\"code_zone\"", "free_largest") <=
                    number(r, "\"code_zone\"", "free_bytes"));
        if (i == CONTEXTS / 2) /* holes between what is left */
            assert_true(number(r, "\"code_zone\"", "tombstones") > 5);
        mayfly_memory_report_free(r);
    }
    assert_int_equal(used, 0);
    mayfly_host_free(host);
}

static void test_threads_and_descriptors(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    hello_pair pair = hello_connect(host);
    mayfly_context *c = hello_load(host, HELLO_V1, NULL);
    mayfly_memory_report *r =
        report(host, MAYFLY_MEMORY_OPTIONS(.parts = MAYFLY_MEMORY_THREADS |
                                                    MAYFLY_MEMORY_DESCRIPTORS));
    assert_true(number(r, "", "threads") >= 2);
    /* a thread gives itself its name, once it runs */
    for (int i = 0;
         i < 1000 && !strstr(mayfly_memory_report_text(r), " mayfly-"); i++) {
        mayfly_memory_report_free(r);
        usleep(10000);
        r = report(host,
                   MAYFLY_MEMORY_OPTIONS(.parts = MAYFLY_MEMORY_THREADS |
                                                  MAYFLY_MEMORY_DESCRIPTORS));
    }
    assert_non_null(strstr(mayfly_memory_report_json(r), "\"name\": \"mayfly"));
    assert_true(number(r, "\"descriptors\"", "socket") >= 1);
    assert_true(number(r, "\"descriptors\"", "epoll") >= 1);
    assert_true(number(r, "\"descriptors\"", "eventfd") >= 1);
    assert_true(number(r, "\"descriptors\"", "memfd") >= 1);
    assert_null(strstr(mayfly_memory_report_json(r), "\"kinds\""));
    mayfly_memory_report_free(r);
    hello_close(&pair);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_context),
        cmocka_unit_test(test_little_is_other),
        cmocka_unit_test(test_a_host),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_orders_and_filters),
        cmocka_unit_test(test_unloads_in_random_order),
        cmocka_unit_test(test_threads_and_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
