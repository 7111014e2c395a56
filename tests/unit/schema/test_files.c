/*
 * Schema text from memory and folders: what is found, in which order, and what
 * may not be named.
 */
#include "tests/support/test.h"

#include "compiler/schema/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static mf_alloc alloc;
static char top[64];

static void write_file(const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", top, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int open_name(mf_files *files, const char *name, char *text, size_t size,
                     mayfly_error *err)
{
    mf_schema_text t = {0};
    mf_schema_source source = mf_files_source(files);
    int code = source.open(source.state, name, &t, err);
    if (code == 0) {
        snprintf(text, size, "%.*s", (int)t.len, t.text);
        source.close(source.state, &t);
    }
    assert_int_equal(atomic_load(&alloc.blocks), 0);
    return code;
}

static void test_order(void **state)
{
    (void)state;
    char one[300], two[300], text[100];
    const char *dirs[] = {one, two};
    const mayfly_source memory[] = {{"m.proto", "in memory", 0},
                                    {"cut.proto", "in memory", 2}};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_files files = {.alloc = &alloc,
                      .dirs = dirs,
                      .n_dirs = 2,
                      .memory = memory,
                      .n_memory = 2};
    snprintf(one, sizeof one, "%s/one", top);
    snprintf(two, sizeof two, "%s/two/", top);
    write_file("one/m.proto", "one");
    write_file("one/a.proto", "one");
    write_file("two/a.proto", "two");
    write_file("two/sub/b.proto", "two");
    write_file("two/empty.proto", "");
    assert_int_equal(open_name(&files, "m.proto", text, 100, &err), 0);
    assert_string_equal(text, "in memory");
    assert_int_equal(open_name(&files, "cut.proto", text, 100, &err), 0);
    assert_string_equal(text, "in");
    assert_int_equal(open_name(&files, "a.proto", text, 100, &err), 0);
    assert_string_equal(text, "one");
    assert_int_equal(open_name(&files, "sub/b.proto", text, 100, &err), 0);
    assert_string_equal(text, "two");
    assert_int_equal(open_name(&files, "empty.proto", text, 100, &err), 0);
    assert_string_equal(text, "");
    assert_int_equal(open_name(&files, "no.proto", text, 100, &err),
                     MAYFLY_ENOTFOUND);
    assert_int_equal(open_name(&files, "a.proto/x", text, 100, &err),
                     MAYFLY_ENOTFOUND);
}

static void test_contained(void **state)
{
    (void)state;
    static const char *const names[] = {
        "../one/a.proto",
        "sub/../../one/a.proto",
        "/etc/passwd",
        "",
        "..",
        ".",
        "./a.proto",
        "sub//b.proto",
        "sub/",
        "sub/./b.proto",
        "sub\\..\\x",
    };
    char two[300], text[100];
    const char *dirs[] = {two};
    mf_files files = {.alloc = &alloc, .dirs = dirs, .n_dirs = 1};
    snprintf(two, sizeof two, "%s/two", top);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        if (open_name(&files, names[i], text, 100, &err) != MAYFLY_EINVAL)
            fail_msg("\"%s\" may be named", names[i]);
        assert_true(err.message[0] != '\0');
    }
}

/* Folders, pipes and what is too long are not read; a pipe is not waited for.
 */
static void test_not_files(void **state)
{
    (void)state;
    char two[300], path[400], text[100];
    const char *dirs[] = {two};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_files files = {
        .alloc = &alloc, .dirs = dirs, .n_dirs = 1, .file_bytes_max = 2};
    snprintf(two, sizeof two, "%s/two", top);
    snprintf(path, sizeof path, "%s/two/pipe", top);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(open_name(&files, "pipe", text, 100, &err), MAYFLY_EIO);
    assert_int_equal(open_name(&files, "sub", text, 100, &err), MAYFLY_EIO);
    assert_int_equal(open_name(&files, "a.proto", text, 100, &err),
                     MAYFLY_ELIMIT);
    files.file_bytes_max = 3;
    assert_int_equal(open_name(&files, "a.proto", text, 100, &err), 0);
    unlink(path);
}

static void import_name(const char *const *dirs, size_t n, const char *path,
                        const char *want)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    const char *name = NULL;
    mf_files files = {.alloc = &alloc, .dirs = dirs, .n_dirs = n};
    int code = mf_files_import_name(&files, path, &name, &err);
    if (want) {
        assert_int_equal(code, 0);
        assert_string_equal(name, want);
    } else {
        assert_int_equal(code, MAYFLY_EINVAL);
        assert_null(name);
    }
}

static void test_import_names(void **state)
{
    (void)state;
    const char *const dirs[] = {"protos", "./deep/er/", "/abs"};
    const char *const here[] = {"."};
    import_name(NULL, 0, "x/y/greeter.proto", "greeter.proto");
    import_name(NULL, 0, "greeter.proto", "greeter.proto");
    import_name(dirs, 3, "protos/a/b.proto", "a/b.proto");
    import_name(dirs, 3, "./protos//a.proto", "a.proto");
    import_name(dirs, 3, "deep/er/a.proto", "a.proto");
    import_name(dirs, 3, "/abs/a.proto", "a.proto");
    import_name(dirs, 3, "/abstract/a.proto", NULL);
    import_name(dirs, 3, "protosx/a.proto", NULL);
    import_name(dirs, 3, "abs/a.proto", NULL);
    import_name(dirs, 3, "protos/../a.proto", NULL);
    import_name(dirs, 3, "google/protobuf/any.proto",
                "google/protobuf/any.proto");
    import_name(NULL, 0, "google/protobuf/any.proto",
                "google/protobuf/any.proto");
    import_name(here, 1, "./a.proto", "a.proto");
    import_name(here, 1, "a/b.proto", "a/b.proto");
    import_name(here, 1, "/a.proto", NULL);
    import_name(here, 1, "../a.proto", NULL);
}

/* The path of a file that the import name would not find. */
static void test_hidden(void **state)
{
    (void)state;
    char one[300], two[300], path[400];
    const char *dirs[] = {one, two};
    snprintf(one, sizeof one, "%s/one", top);
    snprintf(two, sizeof two, "%s/two", top);
    snprintf(path, sizeof path, "%s/two/a.proto", top);
    import_name(dirs, 2, path, NULL);
    snprintf(path, sizeof path, "%s/two/sub/b.proto", top);
    import_name(dirs, 2, path, "sub/b.proto");
}

/* A file below an include folder comes before the built-in one of that name. */
static void test_builtin_replaced(void **state)
{
    (void)state;
    static const char *const root = "r.proto";
    const mayfly_source memory[] = {
        {"r.proto",
         "syntax='proto3'; import 'google/protobuf/empty.proto';"
         "message R { google.protobuf.Mine m = 1; }",
         0},
        {"google/protobuf/empty.proto",
         "syntax='proto3'; package google.protobuf; message Mine {}", 0},
    };
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_schema *schema = NULL;
    mf_files files = {.alloc = &alloc, .memory = memory, .n_memory = 2};
    mf_schema_source source = mf_files_source(&files);
    if (mf_schema_parse(&alloc, &source, &root, 1, NULL, NULL, NULL, &schema,
                        &err) != 0)
        fail_msg("%s", err.message);
    assert_non_null(mf_schema_message(schema, "google.protobuf.Mine"));
    assert_null(mf_schema_message(schema, "google.protobuf.Empty"));
    mf_schema_unref(schema);
}

static int setup(void **state)
{
    (void)state;
    char path[300];
    mf_alloc_init(&alloc, NULL);
    strcpy(top, "/tmp/mayfly-files-XXXXXX");
    if (!mkdtemp(top))
        return -1;
    for (const char *const *d =
             (const char *const[]){"one", "two", "two/sub", NULL};
         *d; d++) {
        snprintf(path, sizeof path, "%s/%s", top, *d);
        if (mkdir(path, 0700) != 0)
            return -1;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_contained),
        cmocka_unit_test(test_not_files),
        cmocka_unit_test(test_import_names),
        cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_builtin_replaced),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
