/*
 * Where values would cross to code of another compiler in a shape that libtcc
 * passes otherwise, the source is refused with its place, whatever way it goes;
 * within a unit everything is good. And what functions that return less than an
 * int leave in the register is no part of a switch's value.
 */
#include "hello.h"

#define PAIR "struct pair { int a; double b; };\n"

static int foreign(void)
{
    return 1;
}

static const mayfly_symbol symbols[] = {
    MAYFLY_SYMBOL(foreign), {"hook", &symbols}, {"other", &symbols}};

static int try_load(mayfly_host *host, const char *one, const char *two,
                    mayfly_diagnostic_fn diagnostic, void *state,
                    mayfly_context **ret, mayfly_error *err)
{
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    const mayfly_source files[] = {{"one.c", one, 0}, {"two.c", two, 0}};
    return mayfly_load_text(
        host, "hello", &schema,
        MAYFLY_LOAD_OPTIONS(.handlers = files, .n_handlers = two ? 2 : 1,
                            .symbols = symbols, .n_symbols = 3,
                            .diagnostic = diagnostic,
                            .diagnostic_state = state),
        ret, err);
}

#define refuses(host, source, part)                                            \
    do {                                                                       \
        mayfly_context *none_ = NULL;                                          \
        must_fail(try_load(host, source, NULL, NULL, NULL, &none_, &err),      \
                  MAYFLY_ECOMPILE, part);                                      \
    } while (0)

static void loads(mayfly_host *host, const char *source)
{
    mayfly_context *c = NULL;
    must(try_load(host, source, NULL, NULL, NULL, &c, &err));
    mayfly_context_unref(c);
}

/* Loads, calls `int answer(int)`, unloads. */
static int answer(mayfly_host *host, const char *one, const char *two, int n)
{
    mayfly_context *c = NULL;
    mayfly_pin *pin;
    void *at;
    must(try_load(host, one, two, NULL, NULL, &c, &err));
    must(mayfly_pin_take(c, "test", &pin, &err));
    must(mayfly_pin_symbol(pin, "answer", &at, &err));
    int result = ((int (*)(int))(uintptr_t)at)(n);
    mayfly_pin_free(pin);
    mayfly_context_unref(c);
    return result;
}

static void test_said(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    refuses(host,
            PAIR "int foreign(int, struct pair);\n"
                 "\n"
                 "int f(void) { struct pair p = {1, 2};\n"
                 "  return foreign(3, p); }\n",
            "one.c:5: foreign, which is not part of the unit, takes a struct "
            "pair {int, double} by value");
    refuses(
        host,
        "typedef union { long a; double b[2]; } both;\nboth foreign(void);\n"
        "void f(void) { foreign(); }\n",
        "one.c:3: foreign, which is not part of the unit, returns a union "
        "{long, double[2]} by value");
    refuses(host,
            "#include \"hello.mf.h\"\n"
            "typedef struct { mayfly_str s[1]; } fits;\n"
            "typedef struct { float x, y; long n; } point;\n"
            "void foreign(fits, point);\n\n\n"
            "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
            "    const hello_Request *q, hello_Reply *r)\n"
            "{ fits f = {0}; point p = {0}; foreign(f, p); return 0; }\n",
            "one.c:9: foreign");
    mayfly_host_free(host);
}

/* Every way that a value may take is found. */
static void test_ways(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    refuses(host,
            PAIR "int foreign(struct pair);\n"
                 "int (*const table[])(struct pair) = {foreign};\n",
            "one.c:3: foreign");
    refuses(host,
            PAIR
            "void foreign(struct pair (*get)(void));\n"
            "static struct pair get(void) { struct pair p = {0}; return p; "
            "}\n"
            "void f(void) { foreign(get); }\n",
            "by a pointer to a function in its type");
    refuses(host,
            PAIR "struct calls { struct calls *next; int n;\n"
                 "  struct { int (*put)(int, struct pair); } *deeper; };\n"
                 "void foreign(const struct calls *);\n"
                 "void f(void) { foreign(0); }\n",
            "by a pointer to a function in its type");
    refuses(host,
            PAIR "extern struct pair (*hook)(int);\n"
                 "int f(void) { return hook != 0; }\n",
            "hook, which is not part of the unit, returns a struct pair");
    refuses(host,
            PAIR "int foreign(int, ...);\n"
                 "int f(void) { struct pair p; return foreign(1, 2, p); }\n",
            "one.c:3: foreign, which is not part of the unit, takes a struct "
            "pair");
    refuses(host,
            PAIR "int foreign();\n"
                 "int f(void) { struct pair p; return foreign(p); }\n",
            "one.c:3: foreign");
    refuses(host, PAIR "int f(void) { struct pair p; return foreign(p); }\n",
            "one.c:2: foreign");
    refuses(host,
            PAIR "int f(void) { int foreign(struct pair); struct pair p;\n"
                 "  return foreign(p); }\n",
            "one.c:3: foreign");
    refuses(host,
            PAIR "static inline int g(struct pair p)\n"
                 "{ int foreign(struct pair);\n  return foreign(p); }\n"
                 "int f(void) { struct pair p = {0}; return g(p); }\n",
            "foreign");
    mayfly_host_free(host);
}

static void test_let_through(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    /* declared, not used; used where no code is made */
    loads(host, PAIR "int foreign(struct pair);\n"
                     "int f(void) { return sizeof(foreign); }\n"
                     "int g(struct pair p) { return 0 ? foreign(p) : 1; }\n");
    /* pointers to it; a struct that refers to itself; what is not complete */
    loads(host, PAIR "struct list { struct list *next; struct pair p; };\n"
                     "struct hidden;\n"
                     "int foreign(struct pair *, struct list *, struct hidden "
                     "*);\n"
                     "int f(void) { return foreign(0, 0, 0); }\n");
    /* by a pointer, which may lead to the unit itself */
    loads(host, PAIR "int f(int (*call)(struct pair), struct pair p)\n"
                     "{ return call(p); }\n");
    mayfly_host_free(host);
}

/* Within a unit, also from file to file, any shape is good. */
static void test_inside(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    assert_int_equal(
        answer(host,
               PAIR
               "struct pair make(int, double);\n"
               "int sum(struct pair, struct pair);\n"
               "static int (*const by[])(struct pair, struct pair) = {sum};"
               "\nint answer(int n) { struct pair p = make(n, 0.5);\n"
               "  return sum(p, make(1, 2.5)) * 100 + by[0](p, p); }\n",
               PAIR "struct pair make(int a, double b)\n"
                    "{ struct pair p = {a, b}; return p; }\n"
                    "int sum(struct pair p, struct pair q)\n"
                    "{ return p.a + q.a + (int)(p.b + q.b); }\n",
               7),
        (7 + 1 + 3) * 100 + 15);
    mayfly_host_free(host);
}

/* Such a function has an address for its own unit only. */
static void test_pins(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = NULL;
    mayfly_pin *pin;
    void *at = NULL;
    must(try_load(host,
                  PAIR "int take(struct pair p) { return p.a; }\n"
                       "int good(struct pair *p) { return p->a; }\n"
                       "struct pair table[3];\n",
                  NULL, NULL, NULL, &c, &err));
    must(mayfly_pin_take(c, "test", &pin, &err));
    must_fail(mayfly_pin_symbol(pin, "take", &at, &err), MAYFLY_EUNSUPPORTED,
              "take, which is compiled here, takes a struct pair {int, double} "
              "by value");
    assert_null(at);
    must(mayfly_pin_symbol(pin, "good", &at, &err));
    must(mayfly_pin_symbol(pin, "table", &at, &err));
    mayfly_pin_free(pin);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

static void count(void *state, const mayfly_diagnostic *d)
{
    int *lines = state;
    if (!d->is_warning && strcmp(d->file, "one.c") == 0 && d->line < 9)
        lines[d->line]++;
}

/* All are told, each where it is first used; the unit's other names are not. */
static void test_diagnostics(void **state)
{
    (void)state;
    int lines[9] = {0};
    mayfly_host *host = hello_host();
    mayfly_context *c = NULL;
    must_fail(try_load(host,
                       PAIR "int foreign(struct pair);\n"
                            "void other(struct pair);\n"
                            "int own(struct pair);\n"
                            "int f(struct pair p) { own(p); other(p);\n"
                            "  return foreign(p) + foreign(p); }\n"
                            "int own(struct pair p) { other(p); return 1; }\n",
                       NULL, count, lines, &c, &err),
              MAYFLY_ECOMPILE, "one.c:");
    assert_int_equal(lines[5], 1);
    assert_int_equal(lines[6], 1);
    assert_int_equal(lines[1] + lines[2] + lines[3] + lines[4] + lines[7], 0);
    mayfly_host_free(host);
}

/* --- switch --- */

/* What compilers leave above a small value is anything. */
static unsigned long leaves(int n)
{
    return 0x5a5a5a5a5a5a0000ul | (unsigned short)n;
}

static unsigned long leaves_more(int n)
{
    return 0x5a5a5a5a5a5a5a00ul | (unsigned char)n;
}

#define SMALL                                                                  \
    "_Bool is(int); signed char chars(int); unsigned char bytes(int);\n"       \
    "short shorts(int); unsigned short words(int);\n"                          \
    "#define CASES case -7: return 1; case 0: return 2; case 1: return 3;\\\n" \
    "  case 249: return 4; case 65529: return 5; default: return 6;\n"

static int small(mayfly_host *host, const char *source, int n)
{
    static const mayfly_symbol leaving[] = {
        {"is", (const void *)(uintptr_t)leaves_more},
        {"chars", (const void *)(uintptr_t)leaves_more},
        {"bytes", (const void *)(uintptr_t)leaves_more},
        {"shorts", (const void *)(uintptr_t)leaves},
        {"words", (const void *)(uintptr_t)leaves}};
    must(mayfly_host_export(host, leaving, 5, &err));
    return answer(host, source, NULL, n);
}

static void test_small_values(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
#define ANSWER(code) SMALL "int answer(int n) { " code " }\n"
    assert_int_equal(small(host, ANSWER("switch (is(n)) { CASES }"), 1), 3);
    assert_int_equal(small(host, ANSWER("switch (is(n)) { CASES }"), 0), 2);
    assert_int_equal(small(host, ANSWER("switch (chars(n)) { CASES }"), -7), 1);
    assert_int_equal(small(host, ANSWER("switch (bytes(n)) { CASES }"), -7), 4);
    assert_int_equal(small(host, ANSWER("switch (shorts(n)) { CASES }"), -7),
                     1);
    assert_int_equal(small(host, ANSWER("switch (words(n)) { CASES }"), -7), 5);
    assert_int_equal(small(host, ANSWER("switch (((chars)(n))) { CASES }"), -7),
                     1);
    assert_int_equal(small(host, ANSWER("switch (0, chars(n)) { CASES }"), -7),
                     1);
    assert_int_equal(
        small(host, ANSWER("signed char c; switch (c = chars(n)) { CASES }"),
              -7),
        1);
    assert_int_equal(
        small(host, ANSWER("switch (n ? chars(n) : is(n)) { CASES }"), -7), 1);
    assert_int_equal(
        small(host,
              ANSWER("switch (({ int i = 0; switch (chars(n)) {\n"
                     " case -7: i = 1; } i ? words(n) : 0; })) { CASES }"),
              -7),
        5);
    assert_int_equal(
        small(host,
              ANSWER("switch (chars(n)) { case -7: switch (words(n)) {\n"
                     " case 65529: switch (is(n & 1)) { CASES } } }\n"
                     "return 0;"),
              -7),
        3);
    assert_int_equal(
        small(host,
              SMALL "#define SWITCH(x) switch (x)\n"
                    "static inline int in(int n) { SWITCH(chars(n)) { CASES } }"
                    "\nint answer(int n) { return in(n) * 10 + in(0); }\n",
              -7),
        12);
    /* as they were */
    assert_int_equal(
        small(host,
              ANSWER("enum e { A, B } e = B; long l = 1L << 40;\n"
                     "switch (e) { case A: return 1; case B: break; }\n"
                     "switch (l) { case 0: return 2; case 1L << 40: break; }\n"
                     "switch (-n) { case 7 ... 9: break; default: return 3; }\n"
                     "switch (n) case -7: return 4; return 5;"),
              -7),
        4);
    refuses(host, "int f(int n) { switch (n { } }", "one.c:1: ");
    refuses(host, "int f(int n) { switch n { } }", "one.c:1: ");
    refuses(host, "int f(int n) { switch (n)) { } }", "one.c:1: ");
    refuses(host, "int f(int n) { switch () { } }", "one.c:1: ");
    refuses(host, "int f(int n) { switch (", "one.c:1: ");
    mayfly_host_free(host);
}

/* --- mayfly's own --- */

/* None of mayfly's functions, nor a header's, has such a value. */
static void test_own_functions(void **state)
{
    (void)state;
    static char source[20000];
    char name[100];
    mayfly_host *host = hello_host();
    FILE *f = fopen("tests/structure/symbols.txt", "r");
    assert_non_null(f);
    strcpy(source, "#include <mayfly/mayfly.h>\n#include \"hello.mf.h\"\n"
                   "const void *const all[] = {\n");
    while (fscanf(f, "%99s", name) == 1) {
        assert_true(strlen(source) + 300 < sizeof source);
        sprintf(source + strlen(source), "(void *)%s,\n", name);
    }
    fclose(f);
    strcat(source, "(void *)hello_Greeter_SayHello, "
                   "(void *)hello_Greeter_SayHello_start,\n"
                   "(void *)hello_Greeter_SayHello_reply, "
                   "(void *)hello_Greeter_serve};\n");
    loads(host, source);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_said),
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_let_through),
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_diagnostics),
        cmocka_unit_test(test_small_values),
        cmocka_unit_test(test_own_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
