/*
 * Any C source as a context: what it is linked with, running main, and every
 * way out of it.
 */
#include "program.h"

#define NOTE "void note(const char *);\n"

static void test_arguments(void **state)
{
    program p;
    char a[] = "program", b[] = "two", c[] = "";
    char *argv[] = {a, b, c, NULL};
    (void)state;
    program_begin(&p);
    program_load(&p, NOTE "#include <string.h>\n"
                          "static int runs;\n"
                          "int main(int argc, char **argv) {\n"
                          " for (int i = 0; i < argc; i++) note(argv[i]);\n"
                          " argv[1][0] = 'T';\n"
                          " return argv[argc] ? -1 : argc * 10 + ++runs; }");
    assert_int_equal(program_run(&p, 3, argv), 31);
    assert_int_equal(program_run(&p, 3, argv), 32); /* variables stay */
    assert_string_equal(p.log, "programtwoprogramTwo");
    int status = 5;
    assert_int_equal(mayfly_context_run(p.context, 1, argv, &status, &p.err),
                     MAYFLY_EINVAL); /* not ended by NULL */
    assert_int_equal(status, 5);
    program_unload(&p, 0);
    program_end(&p);
}

static void test_not_there(void **state)
{
    program p;
    char *argv[] = {NULL};
    int status = 5;
    (void)state;
    program_begin(&p);
    program_load(&p, "int twice(int x) { return 2 * x; }");
    assert_int_equal(mayfly_context_run(p.context, 0, argv, &status, &p.err),
                     MAYFLY_ENOTFOUND);
    /* It is a context like any other. */
    mayfly_pin *pin;
    void *at;
    assert_int_equal(mayfly_pin_take(p.context, "test", &pin, &p.err), 0);
    assert_int_equal(mayfly_pin_symbol(pin, "twice", &at, &p.err), 0);
    assert_int_equal(((int (*)(int))(uintptr_t)at)(21), 42);
    mayfly_pin_free(pin);
    /* ... which has no schema. */
    mayfly_arena *arena;
    mayfly_bytes wire;
    assert_int_equal(mayfly_arena_new(p.host, 0, &arena, &p.err), 0);
    assert_int_equal(mayfly_json_encode(p.context, "a.B", mayfly_str_of("{}"),
                                        arena, &wire, &p.err),
                     MAYFLY_ENOTFOUND);
    mayfly_arena_free(arena);
    mayfly_context *context = mayfly_context_ref(p.context);
    program_unload(&p, 0);
    assert_int_equal(mayfly_context_run(context, 0, argv, &status, &p.err),
                     MAYFLY_EUNLOADED);
    assert_int_equal(status, 5);
    mayfly_context_unref(context);
    program_end(&p);
}

static const char *include(void *state, const char *name, size_t *ret_len)
{
    (void)ret_len;
    snprintf(state, 64, "%s", name);
    if (strcmp(name, "own.h") == 0)
        return "#include \"deep/next.h\"\n";
    return strcmp(name, "deep/next.h") == 0 ? "#define NEXT 40\n" : NULL;
}

static int two(void)
{
    return 2;
}

static const void *resolve(void *state, const char *name)
{
    ++*(int *)state;
    return strcmp(name, "two") == 0 ? (const void *)(uintptr_t)two : NULL;
}

static void keep(void *state, const mayfly_diagnostic *d)
{
    char *log = state;
    size_t used = strlen(log);
    snprintf(log + used, 1000 - used, "%s:%d:%d:%s\n", d->file, d->line,
             d->is_warning, d->text);
}

static void test_options(void **state)
{
    program p;
    char asked[64], log[1000] = "", *argv[] = {NULL};
    int resolved = 0;
    const char *const defines[] = {"ONE", "THREE=1 + 2"};
    const char *const bad[] = {"X 1\nint y;"};
    const char *const libraries[] = {"z"}, *const missing[] = {"fly_nowhere",
                                                               NULL};
    mayfly_source_options o =
        *MAYFLY_SOURCE_OPTIONS(.include = include, .include_state = asked,
                               .defines = defines, .n_defines = 2,
                               .resolve = resolve, .resolve_state = &resolved,
                               .libraries = libraries, .n_libraries = 1,
                               .resident = 1, .diagnostic = keep,
                               .diagnostic_state = log);
    static const char text[] =
        "#include \"own.h\"\n"
        "int two(void); const char *zlibVersion(void);\n"
        "int main(void) { return NEXT + two() + ONE + THREE\n"
        " + (zlibVersion()[0] == '1'); }";
    (void)state;
    program_begin(&p);
    if (program_try(&p, text, &o) != 0)
        fail_msg("%s", p.err.message);
    assert_int_equal(program_run(&p, 0, argv), 40 + 2 + 1 + 3 + 1);
    assert_true(resolved > 0);
    assert_string_equal(log, "");
    program_unload(&p, 0);

    o.defines = bad;
    o.n_defines = 1;
    assert_int_equal(program_try(&p, text, &o), MAYFLY_EINVAL);
    o.n_defines = 0;
    o.libraries = missing;
    assert_int_equal(program_try(&p, text, &o), MAYFLY_ENOTFOUND);
    assert_non_null(strstr(p.err.message, "fly_nowhere"));
    o.libraries = libraries;

    assert_int_equal(
        program_try(&p, "int main(void) {\n char *p = 1;\n return nothing; }",
                    &o),
        MAYFLY_ECOMPILE);
    assert_int_equal(p.err.line, 3);
    assert_non_null(strstr(p.err.message, "dir/program.c:3"));
    assert_non_null(strstr(log, "dir/program.c:2:1:")); /* a warning */
    assert_int_equal(program_try(&p,
                                 "int two(void), here(void), there(void);\n"
                                 "int main(void) { return two() + here() + "
                                 "there(); }",
                                 &o),
                     MAYFLY_ELINK);
    assert_non_null(strstr(p.err.message, "here"));
    assert_non_null(strstr(p.err.message, "there"));
    assert_null(strstr(p.err.message, "two"));
    o.libraries = missing + 1;
    assert_int_equal(program_try(&p, text, &o), MAYFLY_EINVAL);
    o.libraries = NULL;
    assert_int_equal(program_try(&p, text, &o), MAYFLY_EINVAL);
    o.size = 9;
    assert_int_equal(program_try(&p, text, &o), MAYFLY_EINVAL);
    assert_int_equal(
        mayfly_load_source(p.host, "x", NULL, 0, NULL, &p.context, &p.err),
        MAYFLY_EINVAL);
    program_end(&p);
}

static void test_exit(void **state)
{
    program p;
    (void)state;
    program_begin(&p);
    assert_int_equal(
        program_whole(&p, NOTE
                      "#include <stdlib.h>\n"
                      "static void one(void) { note(\"1\"); }\n"
                      "static void two(void) { note(\"2\"); exit(9); }\n"
                      "static void tell(int status, void *what) {\n"
                      " note(status == 3 ? what : \"?\"); }\n"
                      "static int compare(const void *a, const void *b) {\n"
                      " note(\"c\"); exit(3); return 0; }\n"
                      "int main(void) { int x[2] = {2, 1};\n"
                      " atexit(one); atexit(two); on_exit(tell, \"3\");\n"
                      " qsort(x, 2, sizeof *x, compare);\n" /* below libc */
                      " note(\"never\"); return 1; }"),
        3);
    assert_string_equal(p.log, "c321");
    /* without handlers */
    static const char quick[] = NOTE "#include <stdlib.h>\n"
                                     "#include <unistd.h>\n"
                                     "static void h(void) { note(\"h\"); }\n"
                                     "int main(void) { atexit(h); LEAVE; }";
    static const struct {
        const char *leave;
        int status;
    } ways[] = {{"LEAVE=_exit(4)", 4},
                {"LEAVE=_Exit(5)", 5},
                {"LEAVE=abort()", 134},
                {"LEAVE=quick_exit(6)", 6}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char *argv[] = {NULL};
        const char *const defines[] = {ways[i].leave};
        mayfly_source_options o =
            *MAYFLY_SOURCE_OPTIONS(.defines = defines, .n_defines = 1);
        p.log[0] = '\0';
        assert_int_equal(program_try(&p, quick, &o), 0);
        assert_int_equal(program_run(&p, 0, argv), ways[i].status);
        assert_string_equal(p.log, "");
        program_unload(&p, 0);
        assert_string_equal(p.log, "");
    }
    program_end(&p);
}

static void test_begin_and_end(void **state)
{
    program p;
    char *argv[] = {NULL};
    (void)state;
    program_begin(&p);
    program_load(&p, NOTE
                 "#include <stdlib.h>\n"
                 "static void last(void) { note(\" last\"); exit(1); }\n"
                 "__attribute__((constructor)) static void b(void) {\n"
                 " note(\"begin\"); }\n"
                 "__attribute__((destructor)) static void e(void) {\n"
                 " note(\" end\"); }\n"
                 "static void h(void) { note(\" h\"); }\n"
                 "int later(void) { return atexit(last); }\n"
                 "int main(void) { note(\" main\"); atexit(h); return 0; }");
    assert_string_equal(p.log, "");
    assert_int_equal(program_run(&p, 0, argv), 0);
    assert_string_equal(p.log, "begin main h");
    assert_int_equal(program_run(&p, 0, argv), 0);
    assert_string_equal(p.log, "begin main h main h");
    /* registered outside of a run: runs at unload */
    mayfly_pin *pin;
    void *at;
    assert_int_equal(mayfly_pin_take(p.context, "test", &pin, &p.err), 0);
    assert_int_equal(mayfly_pin_symbol(pin, "later", &at, &p.err), 0);
    assert_int_equal(((int (*)(void))(uintptr_t)at)(), 0);
    mayfly_pin_free(pin);
    p.log[0] = '\0';
    program_unload(&p, 0);
    assert_string_equal(p.log, " last end");
    program_end(&p);
}

/* The source's own function of a wrapper's name is its own. */
static void test_own_names(void **state)
{
    program p;
    (void)state;
    program_begin(&p);
    assert_int_equal(program_whole(&p,
                                   "int signal(int a) { return a + 1; }\n"
                                   "static int alarm(int a) { return a; }\n"
                                   "int main(void) { return signal(alarm(4)); "
                                   "}"),
                     5);
    program_end(&p);
}

static void test_busy(void **state)
{
    program p;
    char *argv[] = {NULL};
    (void)state;
    program_begin(&p);
    mayfly_symbol symbols[] = {
        {"unload", (const void *)(uintptr_t)mayfly_unload},
        {"context", &p.context}};
    mayfly_source_options o =
        *MAYFLY_SOURCE_OPTIONS(.symbols = symbols, .n_symbols = 2);
    assert_int_equal(program_try(&p,
                                 "int unload(void *, void *, void *, void *);\n"
                                 "extern void *context;\n"
                                 "int main(void) { return -unload(context, 0, "
                                 "0, 0); }",
                                 &o),
                     0);
    assert_int_equal(program_run(&p, 0, argv), -MAYFLY_EINSIDE);
    program_unload(&p, 0);
    program_end(&p);
}

static program inner; /* what the outer program runs */

static int run_inner(void)
{
    char *argv[] = {NULL};
    return program_run(&inner, 0, argv);
}

/* A program that runs another. exit of the outer one, called from inside of the
 * inner one, leaves both, and the inner one is not held by what was left. */
static void test_nested(void **state)
{
    program p;
    char *argv[] = {NULL};
    void *outer_exit;
    mayfly_pin *pin;
    (void)state;
    program_begin(&inner);
    program_begin(&p);
    mayfly_symbol symbols[] = {
        {"run_inner", (const void *)(uintptr_t)run_inner}};
    mayfly_source_options o =
        *MAYFLY_SOURCE_OPTIONS(.symbols = symbols, .n_symbols = 1);
    assert_int_equal(program_try(&p,
                                 "#include <stdlib.h>\n"
                                 "int run_inner(void);\n"
                                 "void leave(void) { exit(6); }\n"
                                 "int main(void) { run_inner();\n"
                                 " return run_inner(); }",
                                 &o),
                     0);
    assert_int_equal(mayfly_pin_take(p.context, "test", &pin, &p.err), 0);
    assert_int_equal(mayfly_pin_symbol(pin, "leave", &outer_exit, &p.err), 0);
    mayfly_symbol given[] = {{"leave_outer", outer_exit},
                             {"note", (const void *)(uintptr_t)program_note}};
    o.symbols = given;
    o.n_symbols = 2;
    assert_int_equal(program_try(&inner,
                                 NOTE "#include <stdlib.h>\n"
                                      "void leave_outer(void);\n"
                                      "static int runs;\n"
                                      "static void end(void) { note(\"e\"); }\n"
                                      "int main(void) { atexit(end);\n"
                                      " if (++runs == 2) leave_outer();\n"
                                      " exit(3); }",
                                 &o),
                     0);
    assert_int_equal(program_run(&p, 0, argv), 6);
    assert_string_equal(p.log, "e");
    mayfly_pin_free(pin);
    program_unload(&inner, 0); /* nothing holds it */
    program_unload(&p, 0);
    program_end(&inner);
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),     cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_options),       cmocka_unit_test(test_exit),
        cmocka_unit_test(test_begin_and_end), cmocka_unit_test(test_own_names),
        cmocka_unit_test(test_busy),          cmocka_unit_test(test_nested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
