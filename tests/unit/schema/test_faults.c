/*
 * Every allocation failed in turn, once and for ever, while a rich schema is
 * parsed and written: lack of memory is an error, and nothing is left.
 */
#include "tests/unit/schema/corpus.h"

#include "tests/support/fault.h"

typedef struct job {
    corpus *c;
    const char *name;
    int refused; /* the code that the file itself gives */
} job;

static int parse(const mayfly_allocator *table, void *state)
{
    job *j = state;
    mf_alloc alloc;
    mf_alloc_init(&alloc, table);
    mf_files files = {
        .alloc = &alloc, .memory = j->c->files, .n_memory = j->c->n};
    mf_schema_source source = mf_files_source(&files);
    mf_schema *schema = NULL;
    mayfly_error err = MAYFLY_ERROR_INIT;
    int code = mf_schema_parse(&alloc, &source, &j->name, 1, NULL, NULL, NULL,
                               &schema, &err);
    assert_int_equal(err.code, code);
    if (code == 0) {
        mf_buf out;
        mf_buf_init(&out, &alloc, 0);
        code = mf_schema_to_descriptor_set(schema, &out, &err);
        mf_buf_done(&out);
        mf_schema_unref(schema);
    } else {
        assert_null(schema);
    }
    return code == j->refused ? 0 : code;
}

static void each(corpus *c, const char *name, int refused, long least)
{
    job j = {c, name, refused};
    long n = fault_each(parse, &j);
    if (n < least)
        fail_msg("%s makes only %ld allocations", name, n);
}

static void test_accepted(void **state)
{
    each(*state, "y_greeter.proto", 0, 10);
    each(*state, "y_imports.proto", 0, 100);
    each(*state, "y_map.proto", 0, 50);
    each(*state, "y_optional.proto", 0, 20);
    each(*state, "y_custom_options.proto", 0, 100);
    each(*state, "y_custom_values.proto", 0, 100);
    each(*state, "y_strings.proto", 0, 5);
}

static void test_refused(void **state)
{
    each(*state, "n_extend_twice.proto", MAYFLY_ESCHEMA, 20);
    each(*state, "n_import_missing.proto", MAYFLY_ENOTFOUND, 5);
    each(*state, "n_end_in_message.proto", MAYFLY_ESCHEMA, 5);
}

/* From a folder, through the file system. */
static int parse_folder(const mayfly_allocator *table, void *state)
{
    (void)state;
    static const char *const dirs[] = {"tests/corpus"};
    static const char *const names[] = {"y_imports.proto"};
    mf_alloc alloc;
    mf_alloc_init(&alloc, table);
    mf_files files = {.alloc = &alloc, .dirs = dirs, .n_dirs = 1};
    mf_schema_source source = mf_files_source(&files);
    mf_schema *schema = NULL;
    int code = mf_schema_parse(&alloc, &source, names, 1, NULL, NULL, NULL,
                               &schema, NULL);
    if (code == 0)
        mf_schema_unref(schema);
    return code;
}

static void test_folder(void **state)
{
    (void)state;
    assert_true(fault_each(parse_folder, NULL) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_folder),
    };
    return cmocka_run_group_tests(tests, corpus_setup, corpus_teardown);
}
