/*
 * Hostile handler source, through the public API.
 *
 * Each text here would crash, fill, block or fool a compiler that trusts what
 * it reads. Loaded, each must end in an error within the host's limits: no
 * signal, no exit, no descriptor or thread more than before, nobody waiting for
 * input. After all of them good source compiles to the very bytes it compiled
 * to before. (tests/unit/arena/test_hostile.c looks closer, below the API.)
 */
#include <mayfly/mayfly.h>

#include "tests/support/outside.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEEP = 100000, CHAINED = 200000, TIME_MS = 2000 };

static const char schema_text[] =
    "syntax = \"proto3\";\npackage hello;\n"
    "service Greeter { rpc SayHello (Request) returns (Request); }\n"
    "message Request { string name = 1; }\n";

/* The function between `first` and `last` calls nothing outside: its bytes say
 * nothing of where it lies. */
static const char good[] =
    "#include \"hello.mf.h\"\n"
    "int first(int n) { int i, s = 0; for (i = 0; i < n; i++) s += i * n;"
    " switch (s & 3) { case 1: return s; case 2: return -s; } return s / 3; }\n"
    "int last(int n) { return first(n); }\n";

typedef struct text {
    char *bytes;
    size_t len, room;
} text;

static void grow(text *t, const char *part, size_t times)
{
    size_t n = strlen(part);
    if (t->len + n * times >= t->room) {
        t->room = (t->len + n * times) * 2 + 1;
        t->bytes = realloc(t->bytes, t->room);
        assert_non_null(t->bytes);
    }
    for (size_t i = 0; i < times; i++, t->len += n)
        memcpy(t->bytes + t->len, part, n);
    t->bytes[t->len] = '\0';
}

static int load(mayfly_host *host, const char *source, size_t len,
                mayfly_context **ret, mayfly_error *err)
{
    const mayfly_source schema = {"hello.proto", schema_text, 0};
    const mayfly_source handlers = {"handlers.c", source, len};
    return mayfly_load_text(
        host, "hostile", &schema,
        MAYFLY_LOAD_OPTIONS(.handlers = &handlers, .n_handlers = 1), ret, err);
}

/* The bytes of `first`. Returns how many; the caller frees them. */
static size_t compile_good(mayfly_host *host, unsigned char **ret)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c;
    mayfly_pin *pin;
    void *from, *to;
    if (load(host, good, 0, &c, &err) != 0)
        fail_msg("good source: %s", err.message);
    assert_int_equal(mayfly_pin_take(c, "test", &pin, &err), 0);
    assert_int_equal(mayfly_pin_symbol(pin, "first", &from, &err), 0);
    assert_int_equal(mayfly_pin_symbol(pin, "last", &to, &err), 0);
    assert_int_equal(((int (*)(int))(uintptr_t)from)(4), 8);
    assert_true((char *)to > (char *)from);
    size_t n = (size_t)((char *)to - (char *)from);
    *ret = malloc(n);
    assert_non_null(*ret);
    memcpy(*ret, from, n);
    mayfly_pin_free(pin);
    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), 0);
    mayfly_context_unref(c);
    return n;
}

typedef struct fixture {
    mayfly_host *host;
    unsigned char *before;
    size_t n_before;
    reading process;
} fixture;

static void refuse(fixture *f, const char *source, size_t len)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *none = NULL;
    reading now;
    int code = load(f->host, source, len, &none, &err);
    if (code != MAYFLY_ECOMPILE && code != MAYFLY_ELINK &&
        code != MAYFLY_ELIMIT)
        fail_msg("%.60s: %d %s", source, code, err.message);
    assert_null(none);
    assert_true(err.message[0]);
    assert_int_equal(outside_read(getpid(), &now), 0);
    if (now.descriptors > f->process.descriptors ||
        now.threads > f->process.threads)
        fail_msg("%.60s: %ld descriptors, %ld threads", source, now.descriptors,
                 now.threads);
}

/* `head`, so many times `part`, `middle`, so many times `end`. */
static void refuse_nest(fixture *f, const char *head, const char *part,
                        const char *middle, const char *end, size_t times)
{
    text t = {0};
    grow(&t, head, 1);
    grow(&t, part, times);
    grow(&t, middle, 1);
    grow(&t, end, times);
    grow(&t, "; }\n", 1);
    refuse(f, t.bytes, t.len);
    free(t.bytes);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (!f ||
        mayfly_host_new(
            MAYFLY_HOST_OPTIONS(.limits =
                                    MAYFLY_LIMITS(.compile_ms = TIME_MS,
                                                  .compile_bytes = 128u << 20,
                                                  .code_bytes = 64u << 20)),
            &f->host, NULL) != 0)
        return -1;
    /* Descriptors and threads that a first load needs are there from now on. */
    f->n_before = compile_good(f->host, &f->before);
    *state = f;
    return outside_read(getpid(), &f->process);
}

/* Whatever happened: good source is compiled as before. */
static int tear_down(void **state)
{
    fixture *f = *state;
    unsigned char *now;
    size_t n = compile_good(f->host, &now);
    int same = n == f->n_before && memcmp(now, f->before, n) == 0;
    free(now);
    free(f->before);
    mayfly_host_free(f->host);
    free(f);
    return same ? 0 : -1;
}

static void test_nesting(void **state)
{
    refuse_nest(*state, "int f(int x) { return ", "(", "x", ")", DEEP);
    refuse_nest(*state, "#define I(x) x\nint f(int x) { return ", "I(", "x",
                ")", DEEP);
    refuse_nest(*state, "int f(int x) { ", "{", ";", "}", DEEP);
    refuse_nest(*state, "int f(int x) { return ", "x ? ", "x", ": x", DEEP);
    refuse_nest(*state, "#if ", "(", "1", ")", DEEP);
    refuse_nest(*state, "int a[] = ", "{", "1", "}", DEEP);
    refuse_nest(*state, "", "struct { ", "int x;", "} a;", DEEP);
}

static void test_macros(void **state)
{
    static const char five[] =
        "#define A(x) B(x)(x)\n#define B(x) C(A(x))(x)\n"
        "#define C(x) D(B(x))\n#define D(x) E(C(x))\n"
        "#define E(x) A(x) B(x) C(x) D(x)\n"
        "int f(int x) { return E(E(E(E(E(E(E(E(E(E(x)))))))))); }\n";
    char line[80];
    text t = {0};
    refuse(*state, five, 0);

    for (int i = 0; i < CHAINED; i++) {
        snprintf(line, sizeof line, "#define M%d M%d\n", i, i + 1);
        grow(&t, line, 1);
    }
    grow(&t, "int f(int x) { return M0; }\n", 1);
    refuse(*state, t.bytes, t.len);

    /* Each doubles what the one before it makes. */
    t.len = 0;
    grow(&t, "#define D0 x +\n", 1);
    for (int i = 1; i < 64; i++) {
        snprintf(line, sizeof line, "#define D%d D%d D%d\n", i, i - 1, i - 1);
        grow(&t, line, 1);
    }
    grow(&t, "int f(int x) { return D63 x; }\n", 1);
    refuse(*state, t.bytes, t.len);
    free(t.bytes);
}

static void test_no_end(void **state)
{
    static const char *const texts[] = {
        "int f(int x) { /* no end",
        "char *s = \"no end",
        "char c = '",
        "int f(int x) {",
        "#if 1\nint f(int x);\n",
        "#define M(a, b",
        "#define M(a) a\nint f(int x) { return M(",
        "#include \"hello.mf.h",
        "int f(int x) { asm(\"",
        "int f(int x) \\",
        "struct s { int a",
        "\"\\x",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        refuse(*state, texts[i], 0);
    refuse(*state, "int f(int x) { \0 }", 18);
}

/* Only headers that are served from memory are found, and none of those
 * includes itself: source cannot include what it is itself. */
static void test_files(void **state)
{
    static const char *const texts[] = {
        "#include \"/etc/passwd\"\n",
        "#include </etc/passwd>\n",
        "#include \"../../../../etc/passwd\"\n",
        "#include \"handlers.c\"\n",
        "#include \"/dev/stdin\"\n",
        "#include \"/dev/zero\"\n",
        "#include \"-\"\nint f(void) { return gone; }\n",
        "#define HEADER \"/etc/passwd\"\n#include HEADER\n",
        "#include __FILE__\n",
        "#include_next \"/etc/passwd\"\n",
        "asm(\".incbin \\\"/etc/passwd\\\"\");\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        refuse(*state, texts[i], 0);
}

static void test_sizes(void **state)
{
    static const char *const texts[] = {
        "char a[1000000000] = {1};\n",
        "char a[2000000000]; int f(int x) { return a[x]; }\n",
        "char a[1ul << 62], b[1ul << 62];\n",
        "int a[-1];\n",
        "struct s { char a[1u << 31]; } s[1u << 31];\n",
        "__attribute__((aligned(1 << 30))) char a = 1;\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        refuse(*state, texts[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nesting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_macros, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
