/*
 * Every allocation failed in turn of two versions of a unit with a state, a
 * timer and a thread, which is linked with exported symbols and a folder of
 * libraries: the first is
 * loaded, the second takes the state over while the first is alive,
 * both are unloaded. Whichever load fails, the state is freed once, by the last
 * version that was accepted.
 */
#include <mayfly/mayfly.h>

#include "tests/support/fault.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] =
    "#include <mayfly/background.h>\n"
    "#include <mayfly/handlers.h>\n"
    "static void on_time(void *a) { }\n"
    "static void work(mayfly_thread *t, void *a)\n"
    "{ mayfly_thread_wait(t, 60000); }\n"
    "void *make(void); void give_back(void *it); int of_first(void);\n"
    "int mayfly_on_load(const mayfly_handover *from, void **ret_state,\n"
    "    mayfly_error *err)\n"
    "{ mayfly_context *c = mayfly_self();\n"
    "  if (mayfly_context_timer(c, MAYFLY_TIMER_OPTIONS(.every_ms = 9), on_time,"
    "\n   0, 0, err) || mayfly_context_thread(c, 0, work, 0, 0, err))\n"
    "    return err->code;\n"
    "  *ret_state = from->state ? from->state : make();\n"
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

static void unload(mayfly_context *c)
{
    if (c)
        assert_int_equal(
            mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 60000), NULL,
                          NULL),
            0);
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
    if (code == MAYFLY_EREFUSED && strstr(err.message, "out of memory"))
        code = MAYFLY_ENOMEM; /* the source was told so */
    assert_int_equal(alive, one ? 1 : 0);
    unload(one);
    assert_int_equal(alive, two ? 1 : 0);
    unload(two);
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
