/*
 * Structs by value between the host's compiler and libtcc: some six hundred
 * small ones, handed over both ways. Those that do not arrive are refused, and
 * no others.
 *
 * Pointers to functions are not looked at (they may lead to the unit itself),
 * which is how the truth is found out here.
 */
#include "hello.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define WHO(name) host_##name

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wfloat-conversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-function-type"
#pragma GCC diagnostic ignored "-Wfloat-equal"
#include "tests/api/shapes.h"
#pragma GCC diagnostic pop

static char *text; /* the same, for the other compiler */

static const char *include(void *state, const char *name, size_t *ret_len)
{
    (void)state;
    *ret_len = strlen(text);
    return strcmp(name, "shapes.h") == 0 ? text : NULL;
}

static int try_load(mayfly_host *host, const char *source,
                    const mayfly_symbol *symbols, size_t n,
                    mayfly_context **ret, mayfly_error *err)
{
    const mayfly_source file = {"shapes.c", source, 0};
    return mayfly_load_source(host, "shapes", &file, 1,
                              MAYFLY_SOURCE_OPTIONS(.include = include,
                                                    .symbols = symbols,
                                                    .n_symbols = n),
                              ret, err);
}

/* What does not arrive, by bits; a crash is one, too. In a child. */
static int call(const struct shape *caller, const struct shape *other)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        _exit(caller->call(other));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Whether source that takes it from, or gives it to, the host is refused. */
static int is_refused(mayfly_host *host, size_t k, int is_returned)
{
    char source[1000];
    mayfly_context *c = NULL;
    mayfly_error err = MAYFLY_ERROR_INIT;
    const mayfly_symbol symbol = {"foreign", host_shapes};
    snprintf(source, sizeof source,
             is_returned ? "typedef %s S;\n\nS foreign(void);\n"
                           "void use(void) { foreign(); }\n"
                         : "typedef %s S;\n\nint foreign(int, S);\n"
                           "int use(void) { S s; return foreign(1, s); }\n",
             host_shapes[k].text);
    int code = try_load(host, source, &symbol, 1, &c, &err);
    if (code == 0) {
        mayfly_context_unref(c);
        return 0;
    }
    if (code != MAYFLY_ECOMPILE || err.line != 4 ||
        !strstr(err.message, "shapes.c:4: foreign, which is not part of the "
                             "unit, ") ||
        !strstr(err.message, is_returned ? "returns a" : "takes a"))
        fail_msg("%s: %s", host_shapes[k].text, err.message);
    return 1;
}

static void test_all(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = NULL;
    mayfly_pin *pin;
    void *at;
    int n_wrong = 0, n_right = 0;
    must(try_load(host,
                  "#define WHO(name) unit_##name\n#include \"shapes.h\"\n",
                  NULL, 0, &c, &err));
    must(mayfly_pin_take(c, "test", &pin, &err));
    must(mayfly_pin_symbol(pin, "unit_shapes", &at, &err));
    const struct shape *unit_shapes = at;
    for (size_t k = 0; k < SHAPES; k++) {
        char name[32];
        mayfly_error err = MAYFLY_ERROR_INIT;
        int refused = is_refused(host, k, 0);
        assert_int_equal(is_refused(host, k, 1), refused);
        snprintf(name, sizeof name, "unit_take%zu", k);
        assert_int_equal(mayfly_pin_symbol(pin, name, &at, &err),
                         refused ? MAYFLY_EUNSUPPORTED : 0);
        snprintf(name, sizeof name, "unit_make%zu", k);
        assert_int_equal(mayfly_pin_symbol(pin, name, &at, &err),
                         refused ? MAYFLY_EUNSUPPORTED : 0);
        int out = call(&unit_shapes[k], &host_shapes[k]);
        int in = call(&host_shapes[k], &unit_shapes[k]);
        int inside = call(&unit_shapes[k], &unit_shapes[k]);
        /* libtcc aligns no variable to more than 16 bytes, by itself neither */
        if (strstr(host_shapes[k].text, "aligned(32)"))
            inside = 0;
        if ((out || in) != refused || inside)
            fail_msg("%s is %s; out %d, in %d, inside %d", host_shapes[k].text,
                     refused ? "refused" : "let through", out, in, inside);
        n_wrong += refused;
        n_right += !refused;
    }
    mayfly_pin_free(pin);
    mayfly_context_unref(c);
    mayfly_host_free(host);
    print_message("%d shapes arrive, %d are refused\n", n_right, n_wrong);
    assert_true(n_right > 300 && n_wrong > 100);
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *all = NULL;
    size_t room = 0;
    assert_non_null(f);
    assert_true(getdelim(&all, &room, '\0', f) > 0);
    fclose(f);
    return all;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
    };
    const char *build = getenv("BUILD");
    char path[512];
    snprintf(path, sizeof path, "%s/gen/tests/api/shapes.h",
             build ? build : "build");
    text = read_file(path);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(text);
    return failed;
}
