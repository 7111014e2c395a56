/*
 * Limits: each of a host's and of a load's own is an error that names it; they
 * can be changed while the host lives; and a host can be made that compiles
 * nothing.
 */
#include "hello.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { MAPPINGS_ROOM = 120, HELD_MAX = 200 };

/* Doubles a macro again and again. */
static const char endless[] =
    "#define A B B B B B B B B B B\n#define B C C C C C C C C C C\n"
    "#define C D D D D D D D D D D\n#define D E E E E E E E E E E\n"
    "#define E F F F F F F F F F F\n#define F G G G G G G G G G G\n"
    "#define G x = x + 1;\nint x; void f(void) { A A A A A A }\n";

static int load_with(mayfly_host *host, const char *source,
                     const mayfly_limits *own, mayfly_context **ret,
                     mayfly_error *err)
{
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    const mayfly_source handlers[] = {{"h.c", source, 0}};
    return mayfly_load_text(host, "hello", &schema,
                            MAYFLY_LOAD_OPTIONS(.handlers = handlers,
                                                .n_handlers = source ? 1 : 0,
                                                .limits = own),
                            ret, err);
}

static void refuse(mayfly_host *host, const char *source,
                   const mayfly_limits *own, const char *named)
{
    mayfly_context *c = NULL;
    must_fail(load_with(host, source, own, &c, &err), MAYFLY_ELIMIT, named);
    assert_null(c);
}

static void allow(mayfly_host *host, const char *source,
                  const mayfly_limits *own)
{
    mayfly_context *c = NULL;
    must(load_with(host, source, own, &c, &err));
    must(mayfly_unload(c, NULL, NULL, &err));
    mayfly_context_unref(c);
}

static void set(mayfly_host *host, const mayfly_limits *limits)
{
    must(mayfly_host_set_limits(host, limits, &err));
}

/* Everything that both a host and a load can bound: refused by a load's own,
 * then by the host's after a change, allowed after it is changed back. */
static void bound(mayfly_host *host, const char *source,
                  const mayfly_limits *low, const mayfly_limits *high,
                  const char *named)
{
    refuse(host, source, low, named);
    allow(host, source, high);
    set(host, low);
    refuse(host, source, NULL, named);
    refuse(host, source, high, named); /* the smaller of the two holds */
    set(host, high);
    allow(host, source, NULL);
    set(host, MAYFLY_LIMITS(0));
    allow(host, source, NULL);
}

static void test_each_limit_is_named(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    bound(host, "int x;\n", MAYFLY_LIMITS(.source_bytes = 100),
          MAYFLY_LIMITS(.source_bytes = 1 << 20), "source");
    bound(host, "int x;\n", MAYFLY_LIMITS(.compile_bytes = 1 << 20),
          MAYFLY_LIMITS(.compile_bytes = 32 << 20), "compile arena");
    bound(host, "int f(int x) { return ((((((x)))))); }\n",
          MAYFLY_LIMITS(.nesting = 6), MAYFLY_LIMITS(.nesting = 12), "nesting");
    bound(host, "#include \"hello.mf.h\"\n#include <stdint.h>\nint x;\n",
          MAYFLY_LIMITS(.includes = 2), MAYFLY_LIMITS(.includes = 200),
          "includes");
    bound(host, "#include \"hello.mf.h\"\n", MAYFLY_LIMITS(.include_depth = 1),
          MAYFLY_LIMITS(.include_depth = 25), "includes");
    bound(host, "char big[100000] = {1};\n", MAYFLY_LIMITS(.code_bytes = 50000),
          MAYFLY_LIMITS(.code_bytes = 1 << 20), "code");
    mayfly_host_free(host);
}

/* What is closed again does not add up: calls, initialisers, labels, designated
 * and nested, a thousand times. */
static void test_nesting_does_not_add_up(void **state)
{
    static const char one[] =
        "static int g%d(int x) { struct { int a[3]; } s = {{1, 2, [2] = 3}};\n"
        "  int b[] = {1, (2)}; const char *t = \"(((\"; static struct { int q; "
        "}"
        "  z[2] = {[1] = {.q = 2}};\n"
        "  if (x) { l: x--; g(x); } for (x = 0; x < (3); x++) b[0] += x;\n"
        "  return s.a[x & 1] + (int)sizeof(int[3]) + b[0] + z[1].q + t[0]; }\n"
        "static inline int i%d(int x) { return (x); }\n"
        "int c%d(int x) { return i%d(g%d((x))); }\n";
    enum { N = 1000 };
    (void)state;
    char *text = malloc(N * sizeof one * 2);
    assert_non_null(text);
    size_t len = (size_t)sprintf(text, "static int g(int x) { return x; }\n");
    for (int i = 0; i < N; i++)
        len += (size_t)sprintf(text + len, one, i, i, i, i, i);
    mayfly_host *host = hello_host();
    allow(host, text, MAYFLY_LIMITS(.nesting = 8));
    refuse(host, text, MAYFLY_LIMITS(.nesting = 3), "nesting");
    mayfly_host_free(host);
    free(text);
}

/* A load's own limits hold for what is compiled for it later, too: a header
 * with more fields than the schema. */
static void test_bindings_are_bounded(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    const mayfly_source schema = {"hello.proto",
                                  "syntax = \"proto3\";\npackage hello;\n"
                                  "message Request { string name = 1; }\n",
                                  0};
    mayfly_context *c = NULL;
    size_t bytes = 0;
    do
        bytes += 64; /* as little as it needs */
    while (
        mayfly_load_text(
            host, "hello", &schema,
            MAYFLY_LOAD_OPTIONS(.limits = MAYFLY_LIMITS(.code_bytes = bytes)),
            &c, NULL) != 0);
    mayfly_arena *arena = NULL;
    mayfly_bytes wire;
    must(mayfly_arena_new(host, 0, &arena, &err));
    hello_Request request = {.name = MAYFLY_STR("ada")};
    must_fail(hello_Request_encode(c, &request, arena, &wire, &err),
              MAYFLY_ELIMIT, "code");
    mayfly_context_unref(c);
    must(mayfly_load_text(host, "hello", &schema, NULL, &c, &err));
    must(hello_Request_encode(c, &request, arena, &wire, &err));
    mayfly_context_unref(c);
    mayfly_arena_free(arena);
    mayfly_host_free(host);
}

static void test_time(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    refuse(host, endless, MAYFLY_LIMITS(.compile_ms = 20), "time");
    set(host, MAYFLY_LIMITS(.compile_ms = 20));
    refuse(host, endless, NULL, "time");
    set(host, MAYFLY_LIMITS(0));
    allow(host, "int x;\n", NULL);
    mayfly_host_free(host);
}

static void test_contexts(void **state)
{
    (void)state;
    mayfly_host *host = NULL;
    mayfly_context *c[3] = {NULL};
    must(mayfly_host_new(
        MAYFLY_HOST_OPTIONS(.limits = MAYFLY_LIMITS(.contexts = 2)), &host,
        &err));
    must(load_with(host, NULL, NULL, &c[0], &err));
    must(load_with(host, NULL, NULL, &c[1], &err));
    refuse(host, NULL, NULL, "contexts");
    must(mayfly_unload(c[0], NULL, NULL, &err));
    must(load_with(host, NULL, NULL, &c[2],
                   &err)); /* the handle does not count */
    refuse(host, NULL, NULL, "contexts");
    set(host, MAYFLY_LIMITS(.contexts = 3));
    allow(host, NULL, NULL);
    /* lowered below what there is: that stays, nothing new comes */
    set(host, MAYFLY_LIMITS(.contexts = 1));
    refuse(host, NULL, NULL, "contexts");
    assert_int_equal(mayfly_context_get_state(c[1]), MAYFLY_LIVE);
    /* a load that fails does not count either */
    set(host, MAYFLY_LIMITS(.contexts = 3));
    for (int i = 0; i < 5; i++) {
        mayfly_context *none = NULL;
        must_fail(load_with(host, "int x = ;\n", NULL, &none, &err),
                  MAYFLY_ECOMPILE, "h.c");
    }
    allow(host, NULL, NULL);
    for (int i = 0; i < 3; i++)
        mayfly_context_unref(c[i]);
    mayfly_host_free(host);
}

static long read_number(const char *path)
{
    char text[32] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    return atol(text);
}

static long count_mappings(void)
{
    long n = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    assert_non_null(f);
    for (int c; (c = fgetc(f)) != EOF;)
        n += c == '\n';
    fclose(f);
    return n;
}

/* The bound is moved close to what there is, instead of the other way round. */
static void test_mappings(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c[HELD_MAX];
    int n = 0;
    allow(host, "int x = 1;\n", NULL);
    long most = count_mappings() + MAPPINGS_ROOM;
    long spare = read_number("/proc/sys/vm/max_map_count") - most;
    assert_true(spare > 0);
    set(host, MAYFLY_LIMITS(.mappings_spare = (unsigned)spare));
    mayfly_error last = MAYFLY_ERROR_INIT;
    while (n < HELD_MAX &&
           load_with(host, "int x = 1;\n", NULL, &c[n], &last) == 0)
        n++;
    assert_true(n > 4 && n < HELD_MAX);
    assert_int_equal(last.code, MAYFLY_ELIMIT);
    assert_non_null(strstr(last.message, "mappings: "));
    assert_true(count_mappings() <= most);
    void *own = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(own, MAP_FAILED); /* the host's own does not fail */
    munmap(own, 4096);
    for (int i = 0; i < n; i++) {
        must(mayfly_unload(c[i], NULL, NULL, &err));
        mayfly_context_unref(c[i]);
    }
    mayfly_host_trim(host);
    allow(host, "int x = 1;\n", NULL);
    set(host, MAYFLY_LIMITS(.mappings_spare = 1u << 30));
    refuse(host, NULL, NULL, "mappings: ");
    mayfly_host_free(host);
}

static void test_compiling_forbidden(void **state)
{
    (void)state;
    mayfly_host *host = NULL;
    mayfly_context *c = NULL;
    must(
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.forbid_compile = 1), &host, &err));
    must_fail(load_with(host, NULL, NULL, &c, &err), MAYFLY_EUNSUPPORTED,
              "forbid_compile");
    must_fail(load_with(host, "int x;\n", NULL, &c, &err), MAYFLY_EUNSUPPORTED,
              "nothing is compiled at run time");
    assert_null(c);
    mayfly_host_free(host);
}

static void test_what_is_set_is_told(void **state)
{
    (void)state;
    mayfly_host *host = NULL;
    mayfly_limits l = {.size = sizeof l};
    must(mayfly_host_new(
        MAYFLY_HOST_OPTIONS(.source_bytes_max = 7, .compile_ms_max = 8,
                            .limits = MAYFLY_LIMITS(.compile_ms = 9)),
        &host, &err));
    mayfly_host_get_limits(host, &l);
    assert_int_equal(l.source_bytes, 7);
    assert_int_equal(l.compile_ms, 9);
    mayfly_limits odd = {.size = 3};
    must_fail(mayfly_host_set_limits(host, &odd, &err), MAYFLY_EINVAL,
              "3 bytes");
    must_fail(mayfly_host_set_limits(host, NULL, &err), MAYFLY_EINVAL, "");
    must_fail(mayfly_host_set_limits(
                  host, MAYFLY_LIMITS(.code_bytes = SIZE_MAX / 4), &err),
              MAYFLY_EINVAL, "code");
    mayfly_context *c = NULL;
    must_fail(load_with(host, NULL, &odd, &c, &err), MAYFLY_EINVAL, "3 bytes");
    mayfly_host_get_limits(host, &l);
    assert_int_equal(l.source_bytes, 7); /* as it was */
    mayfly_host *none = NULL;
    must_fail(mayfly_host_new(MAYFLY_HOST_OPTIONS(.limits = &odd), &none, &err),
              MAYFLY_EINVAL, "3 bytes");
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_limit_is_named),
        cmocka_unit_test(test_nesting_does_not_add_up),
        cmocka_unit_test(test_bindings_are_bounded),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_contexts),
        cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_compiling_forbidden),
        cmocka_unit_test(test_what_is_set_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
