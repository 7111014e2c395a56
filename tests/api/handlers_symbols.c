/*
 * What handler source is compiled and linked with: several files, headers from
 * memory and from folders, defines; and every place that a name may come from.
 */
#include "hello.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char folder[512]; /* of the shared objects */

static int try_load(mayfly_host *host, const char *text,
                    const mayfly_load_options *options, mayfly_context **ret,
                    mayfly_error *err)
{
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    const mayfly_source handlers = {"handlers.c", text, 0};
    mayfly_load_options o = *options;
    if (!o.handlers) {
        o.handlers = &handlers;
        o.n_handlers = 1;
    }
    return mayfly_load_text(host, "hello", &schema, &o, ret, err);
}

/* Loads, and gives what `int answer(void)` of the source answers. */
static int answer(mayfly_host *host, const char *text,
                  const mayfly_load_options *options)
{
    mayfly_context *c = NULL;
    mayfly_pin *pin;
    void *at;
    must(try_load(host, text, options, &c, &err));
    must(mayfly_pin_take(c, "test", &pin, &err));
    must(mayfly_pin_symbol(pin, "answer", &at, &err));
    int n = ((int (*)(void))(uintptr_t)at)();
    mayfly_pin_free(pin);
    must(mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 10000), NULL, &err));
    mayfly_context_unref(c);
    return n;
}

#define must_not_load(host, text, options, code, part)                         \
    do {                                                                       \
        mayfly_context *none_ = NULL;                                          \
        must_fail(try_load(host, text, options, &none_, &err), code, part);    \
        assert_null(none_);                                                    \
    } while (0)

/* --- what it is compiled with -----------------------------------------------
 */

static const char *include(void *state, const char *name, size_t *ret_len)
{
    static const char text[] = "int shared(void);\n#define FROM_MEMORY 30\nno";
    (void)state;
    if (strcmp(name, "shared.h") != 0)
        return NULL;
    *ret_len = sizeof text - 3; /* without the last word */
    return text;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_several_files(void **state)
{
    (void)state;
    static const mayfly_source files[] = {
        {"one.c",
         "#include \"hello.mf.h\"\n#include \"shared.h\"\n"
         "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
         "    const hello_Request *q, hello_Reply *r)\n"
         "{ r->number = shared() + THREE + ONE; return 0; }\n",
         0},
        {"sub/two.c",
         "#include \"shared.h\"\n#include <disk.h>\n#include \"hello.mf.h\"\n"
         "int shared(void) { hello_Reply r = { .number = FROM_MEMORY };\n"
         "  return r.number + FROM_DISK; }\n",
         0},
        {"three.c",
         "#include \"hello.mf.h\"\n"
         "int hello_Greeter_on_Lost(void *state, mayfly_call *call,\n"
         "    const hello_Request *q, hello_Reply *r)\n"
         "{ r->number = 9; return 0; }\n",
         0}};
    static const char *const defines[] = {"THREE=3", "ONE"};
    char dir[] = "/tmp/mayfly-test-XXXXXX", path[64];
    const char *const dirs[] = {dir};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/disk.h", dir);
    write_file(path, "#define FROM_DISK 400\n");

    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load(
        host, HELLO_V1,
        MAYFLY_LOAD_OPTIONS(.handlers = files, .n_handlers = COUNT(files),
                            .include = include, .header_dirs = dirs,
                            .n_header_dirs = 1, .defines = defines,
                            .n_defines = COUNT(defines)));
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    hello_Request q = {.times = 1};
    hello_Reply *r = NULL;
    must(mayfly_server_add_context(pair.server, c, NULL, NULL, &err));
    must(hello_Greeter_new(c, pair.channel, &greeter, &err));
    mayfly_call *call = hello_call(host);
    must(hello_Greeter_SayHello(greeter, call, &q, &r, &err));
    assert_int_equal(r->number, 434);
    mayfly_call_free(call);
    call = hello_call(host);
    must(hello_Greeter_Lost(greeter, call, &q, &r, &err));
    assert_int_equal(r->number, 9);
    mayfly_call_free(call);
    hello_Greeter_free(greeter);
    hello_close(&pair);
    mayfly_context_unref(c);
    mayfly_host_free(host);
    unlink(path);
    rmdir(dir);
}

/* Mistakes are told with the user's own file and line. */
static void test_places(void **state)
{
    (void)state;
    static const char *const defines[] = {"BODY={ return 1 }"}; /* no ; */
    static const char *const not_one[] = {"=1"};
    mayfly_host *host = hello_host();
    must_not_load(
        host, "#include \"hello.mf.h\"\n\nint f(void) { return x; }\n",
        MAYFLY_LOAD_OPTIONS(.resident = 0), MAYFLY_ECOMPILE, "handlers.c:3: ");
    must_not_load(host, "#include \"hello.mf.h\"\n\n\nint f(void) BODY\n",
                  MAYFLY_LOAD_OPTIONS(.defines = defines, .n_defines = 1),
                  MAYFLY_ECOMPILE, "handlers.c:4: ");
    must_not_load(host, "int x;",
                  MAYFLY_LOAD_OPTIONS(.defines = not_one, .n_defines = 1),
                  MAYFLY_EINVAL, "not a define: \"=1\"");
    mayfly_host_free(host);
}

/* --- where names come from ---------------------------------------------------
 */

static int two(void)
{
    return 2;
}

static int three(void)
{
    return 3;
}

static int four(void)
{
    return 4;
}

static const mayfly_symbol as_two[] = {
    {"of_both", (const void *)(uintptr_t)two}};
static const mayfly_symbol as_three[] = {
    {"of_both", (const void *)(uintptr_t)three}};

static const void *resolve(void *state, const char *name)
{
    return strcmp(name, state) == 0 ? (const void *)(uintptr_t)four : NULL;
}

static const char calls[] = "int of_both(void);\n"
                            "int answer(void) { return of_both(); }\n";

/* The same name in more and more places: the first of the order has it. */
static void test_order(void **state)
{
    (void)state;
    char name[] = "of_both", second[600];
    snprintf(second, sizeof second, "%s/libsecond.so", folder);
    const char *const folders[] = {folder}, *const libraries[] = {second};
    mayfly_load_options o = *MAYFLY_LOAD_OPTIONS(.library_dirs = folders);
    mayfly_host *host = hello_host();

    must_not_load(host, calls, &o, MAYFLY_ELINK, "unresolved: of_both");
    o.n_library_dirs = 1;
    assert_int_equal(answer(host, calls, &o), 101);
    o.libraries = libraries;
    o.n_libraries = 1;
    assert_int_equal(answer(host, calls, &o), 201);
    o.resolve = resolve;
    o.resolve_state = name;
    assert_int_equal(answer(host, calls, &o), 4);
    must(mayfly_host_export(host, as_three, 1, &err));
    assert_int_equal(answer(host, calls, &o), 3);
    o.symbols = as_two;
    o.n_symbols = 1;
    assert_int_equal(answer(host, calls, &o), 2);
    assert_int_equal(answer(host,
                            "int of_both(void) { return 1; }\n"
                            "int answer(void) { return of_both(); }\n",
                            &o),
                     1);
    mayfly_host_free(host);
}

/* What the host exports goes before libc and mayfly. */
static void test_own_libc(void **state)
{
    (void)state;
    static const mayfly_symbol own[] = {
        {"getpid", (const void *)(uintptr_t)two},
        {"mayfly_error_name", (const void *)(uintptr_t)three}};
    mayfly_host *host = hello_host();
    must(mayfly_host_export(host, own, COUNT(own), &err));
    assert_int_equal(answer(host,
                            "int getpid(void); int mayfly_error_name(void);\n"
                            "int answer(void) { return getpid() * 10 +\n"
                            "  mayfly_error_name(); }\n",
                            MAYFLY_LOAD_OPTIONS(.resident = 0)),
                     23);
    mayfly_host_free(host);
}

static void test_missing_names_are_all_told(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    const char text[] = "int a_missing(void), b_missing(void);\n"
                        "extern int c_missing;\n"
                        "int answer(void) { return a_missing() +\n"
                        "  b_missing() + c_missing; }\n";
    must_not_load(host, text, MAYFLY_LOAD_OPTIONS(.resident = 0), MAYFLY_ELINK,
                  "a_missing");
    must_not_load(host, text, MAYFLY_LOAD_OPTIONS(.resident = 0), MAYFLY_ELINK,
                  "b_missing");
    must_not_load(host, text, MAYFLY_LOAD_OPTIONS(.resident = 0), MAYFLY_ELINK,
                  "c_missing");
    /* What changes the process as a whole is not in libc's list. */
    must_not_load(host,
                  "int setenv(const char *, const char *, int);\n"
                  "int answer(void) { return setenv(\"a\", \"b\", 1); }\n",
                  MAYFLY_LOAD_OPTIONS(.resident = 0), MAYFLY_ELINK, "setenv");
    mayfly_host_free(host);
}

/* The headers that handlers are written with, and their functions. */
static void test_reach(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    assert_int_equal(
        answer(
            host,
            "#include \"hello.mf.h\"\n"
            "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
            "#include <math.h>\n#include <pthread.h>\n#include <time.h>\n"
            "#include <errno.h>\n#include <unistd.h>\n#include <ctype.h>\n"
            "#include <mayfly/mayfly.h>\n"
            "static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;\n"
            "static void *work(void *n) { pthread_mutex_lock(&lock);\n"
            "  ++*(int *)n; pthread_mutex_unlock(&lock); return n; }\n"
            "int answer(void) { pthread_t t; int n = 0; char text[32];\n"
            "  if (pthread_create(&t, 0, work, &n)) return -1;\n"
            "  if (pthread_join(t, 0)) return -2;\n"
            "  snprintf(text, sizeof text, \"%.3f\", sqrt(2.0) + pow(2, 3));\n"
            "  if (strcmp(text, \"9.414\")) return -3;\n"
            "  return n + toupper('a'); }\n",
            MAYFLY_LOAD_OPTIONS(.resident = 0)),
        1 + 'A');
    mayfly_host_free(host);
}

static void test_exports(void **state)
{
    (void)state;
    char name[] = "a_name";
    mayfly_symbol one = {name, (const void *)(uintptr_t)two};
    const mayfly_symbol several[] = {MAYFLY_SYMBOL(two), MAYFLY_SYMBOL(three),
                                     MAYFLY_SYMBOL(four)};
    const mayfly_symbol back[] = {{"three", NULL}, {"never", NULL}};
    const mayfly_symbol bad[] = {MAYFLY_SYMBOL(two), {"2x", several}};
    const mayfly_symbol empty = {"", several}, none = {NULL, several};
    mayfly_host *host = hello_host(), *other = hello_host();
    mayfly_load_options o = *MAYFLY_LOAD_OPTIONS(.resident = 0);

    must(mayfly_host_export(host, &one, 1, &err));
    name[0] = 'x'; /* it was copied */
    const char text[] = "int a_name(void); int answer(void)\n"
                        "{ return a_name(); }\n";
    assert_int_equal(answer(host, text, &o), 2);
    must_not_load(other, text, &o, MAYFLY_ELINK, "a_name");
    one = (mayfly_symbol){"a_name", (const void *)(uintptr_t)three};
    must(mayfly_host_export(host, &one, 1, &err));
    assert_int_equal(answer(host, text, &o), 3);

    const char more[] =
        "int two(void), three(void), four(void), a_name(void);\n"
        "int answer(void) { return two() * 1000 +\n"
        "  three() * 100 + four() * 10 + a_name(); }\n";
    must(mayfly_host_export(host, several, COUNT(several), &err));
    assert_int_equal(answer(host, more, &o), 2343);
    must(mayfly_host_export(host, back, COUNT(back), &err));
    must_not_load(host, more, &o, MAYFLY_ELINK, "unresolved: three");
    must(mayfly_host_export(host, NULL, 0, &err));
    assert_int_equal(answer(host, text, &o), 3);

    must_fail(mayfly_host_export(host, bad, COUNT(bad), &err), MAYFLY_EINVAL,
              "symbol 1");
    must_fail(mayfly_host_export(host, &empty, 1, &err), MAYFLY_EINVAL, "name");
    must_fail(mayfly_host_export(host, &none, 1, &err), MAYFLY_EINVAL, "name");
    must_fail(mayfly_host_export(host, NULL, 1, &err), MAYFLY_EINVAL, "");
    mayfly_host_free(host);
    mayfly_host_free(other);
}

/* --- folders of libraries
 * ----------------------------------------------------- */

static int is_open(const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    void *handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (handle)
        dlclose(handle);
    return handle != NULL;
}

/* Only what is needed is opened, and is closed with the context. */
static void test_folders(void **state)
{
    (void)state;
    const char *const folders[] = {folder};
    mayfly_load_options o =
        *MAYFLY_LOAD_OPTIONS(.library_dirs = folders, .n_library_dirs = 1);
    mayfly_host *host = hello_host();
    mayfly_context *c = NULL;
    unsetenv("MAYFLY_TEST_FIRST");
    unsetenv("MAYFLY_TEST_SECOND");
    must(try_load(host,
                  "int of_second(void); extern int (*of_second_hidden)(void);\n"
                  "int answer(void) { return of_second() +\n"
                  "  of_second_hidden(); }\n",
                  &o, &c, &err));
    assert_null(getenv("MAYFLY_TEST_FIRST"));
    assert_string_equal(getenv("MAYFLY_TEST_SECOND"), "loaded");
    assert_true(is_open("libsecond.so"));
    assert_false(is_open("libfirst.so"));
    must(mayfly_unload(c, NULL, NULL, &err));
    mayfly_context_unref(c);
    assert_false(is_open("libsecond.so"));
    mayfly_host_free(host);
}

static void test_bad_folders(void **state)
{
    (void)state;
    const char *const folders[] = {folder}, *const nowhere[] = {"/no/such"};
    mayfly_load_options o =
        *MAYFLY_LOAD_OPTIONS(.library_dirs = folders, .n_library_dirs = 1);
    mayfly_host *host = hello_host();
    must_not_load(host,
                  "int of_broken(void);\n"
                  "int answer(void) { return of_broken(); }\n",
                  &o, MAYFLY_ELINK, "nobody_defines_this");
    must_not_load(host,
                  "int of_third(void);\n"
                  "int answer(void) { return of_third(); }\n",
                  &o, MAYFLY_ELINK, "unresolved: of_third");
    /* libtcc knows no thread-locals: it would be one thread's for all. */
    must_not_load(host,
                  "extern int of_thread;\n"
                  "int answer(void) { return of_thread; }\n",
                  &o, MAYFLY_ELINK, "unresolved: of_thread");
    assert_false(is_open("libfirst.so"));
    assert_false(is_open("libsecond.so"));
    o.library_dirs = nowhere;
    must_not_load(host, "int x;\n", &o, MAYFLY_ENOTFOUND, "/no/such");
    mayfly_host_free(host);
}

static void test_bad_lists(void **state)
{
    (void)state;
    const char *const null[] = {"a", NULL};
    const mayfly_symbol symbol = {NULL, null};
    mayfly_host *host = hello_host();
#define must_be_refused(...)                                                   \
    must_not_load(host, "int x;\n", MAYFLY_LOAD_OPTIONS(__VA_ARGS__),          \
                  MAYFLY_EINVAL, "")
    must_be_refused(.n_header_dirs = 1);
    must_be_refused(.n_defines = 1);
    must_be_refused(.n_libraries = 1);
    must_be_refused(.n_library_dirs = 1);
    must_be_refused(.n_symbols = 1);
    must_be_refused(.header_dirs = null, .n_header_dirs = 2);
    must_be_refused(.defines = null, .n_defines = 2);
    must_be_refused(.libraries = null, .n_libraries = 2);
    must_be_refused(.library_dirs = null, .n_library_dirs = 2);
    must_be_refused(.symbols = &symbol, .n_symbols = 1);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_own_libc),
        cmocka_unit_test(test_missing_names_are_all_told),
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_exports),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_bad_folders),
        cmocka_unit_test(test_bad_lists),
    };
    const char *build = getenv("BUILD");
    snprintf(folder, sizeof folder, "%s/tests/api/plugins",
             build ? build : "build");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
