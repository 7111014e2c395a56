/*
 * Every allocation failed in turn of two versions of a unit with a state, which
 * is linked with exported symbols and a folder of libraries: the first is
 * loaded, the second takes the state over while the first is alive,
 * both are unloaded. Whichever load fails, the state is freed once, by the last
 * version that was accepted.
 */
#include <mayfly/mayfly.h>

#include "tests/support/fault.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>

static const char text[] =
    "#include <mayfly/handlers.h>\n"
    "void *make(void); void give_back(void *it); int of_first(void);\n"
    "int mayfly_on_load(const mayfly_handover *from, void **ret_state,\n"
    "    mayfly_error *err)\n"
    "{ *ret_state = from->state ? from->state : make();\n"
    "  return of_first() - ANSWER; }\n"
    "void mayfly_on_unload(void *state, int in_use)\n"
    "{ if (!in_use) give_back(state); }\n";

static char plugins[512];
static int alive; /* states that were made and not freed */

static void *make(void)
{
    alive++;
    return &alive;
}

static void give_back(void *it)
{
    assert_ptr_equal(it, &alive);
    alive--;
}

static const mayfly_symbol symbols[] = {
    {"make", (const void *)(uintptr_t)make},
    {"give_back", (const void *)(uintptr_t)give_back}};

static int load(mayfly_host *host, mayfly_context *previous,
                mayfly_context **ret, mayfly_error *err)
{
    const mayfly_source schema = {
        "fault.proto", "syntax = \"proto3\"; message M { int32 i = 1; }", 0};
    const mayfly_source handlers = {"handlers.c", text, 0};
    const char *const defines[] = {"ANSWER=100"}, *const folders[] = {plugins};
    return mayfly_load_text(
        host, "fault", &schema,
        MAYFLY_LOAD_OPTIONS(.handlers = &handlers, .n_handlers = 1,
                            .defines = defines, .n_defines = 1,
                            .library_dirs = folders, .n_library_dirs = 1,
                            .previous = previous),
        ret, err);
}

static int whole_life(const mayfly_allocator *table, void *state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *one = NULL, *two = NULL;
    (void)state;

    int code =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &host, &err);
    if (code != 0)
        return code;
    code = mayfly_host_export(host, symbols, 2, &err);
    if (code == 0)
        code = load(host, NULL, &one, &err);
    if (code == 0)
        code = load(host, one, &two, &err);
    assert_int_equal(alive, one ? 1 : 0);
    if (one)
        assert_int_equal(mayfly_unload(one, NULL, NULL, NULL), 0);
    assert_int_equal(alive, two ? 1 : 0);
    if (two)
        assert_int_equal(mayfly_unload(two, NULL, NULL, NULL), 0);
    assert_int_equal(alive, 0);
    mayfly_context_unref(one);
    mayfly_context_unref(two);
    mayfly_host_free(host);
    return code;
}

static void each_allocation_of_two_versions(void **state)
{
    (void)state;
    assert_true(fault_each(whole_life, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_two_versions),
    };
    const char *build = getenv("BUILD");
    snprintf(plugins, sizeof plugins, "%s/tests/api/plugins",
             build ? build : "build");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
