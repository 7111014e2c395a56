/*
 * Every allocation failed in turn, once and for ever, while a unit copies what
 * its source includes: from a callback and from a folder.
 */
#include <mayfly/mayfly.h>

#include "tests/support/fault.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/mayfly-fault-XXXXXX";

static const char *give(void *state, const char *name, size_t *ret_len)
{
    (void)state;
    (void)ret_len;
    return strcmp(name, "src/given.h") == 0 ? "#include \"found.h\"\n" : NULL;
}

static int load(const mayfly_allocator *table, void *state)
{
    static const mayfly_source schema = {
        "fault.proto", "syntax = \"proto3\";\nmessage Key { int32 at = 1; }\n",
        0};
    static const mayfly_source source = {
        "src/source.c", "#include \"given.h\"\nint at = FOUND;\n", 0};
    const char *dirs[] = {folder};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_unit *unit = NULL;
    (void)state;
    int code =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &host, &err);
    if (code != 0)
        return code;
    code = mayfly_unit_load(
        host, "unit",
        MAYFLY_RECIPE(.schema = &schema, .lazy = 1,
                      .load =
                          MAYFLY_LOAD_OPTIONS(.handlers = &source,
                                              .n_handlers = 1, .include = give,
                                              .header_dirs = dirs,
                                              .n_header_dirs = 1)),
        &unit, NULL, &err);
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
    return code;
}

static void each_allocation(void **state)
{
    (void)state;
    assert_true(fault_each(load, NULL) > 20);
}

static int make_folder(void **state)
{
    char path[64];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/found.h", folder);
    FILE *f = fopen(path, "w");
    if (!f)
        return -1;
    fputs("#define FOUND 1\n", f);
    return fclose(f);
}

static int remove_folder(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "%s/found.h", folder);
    return unlink(path) == 0 ? rmdir(folder) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
