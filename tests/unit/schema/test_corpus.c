/*
 * Every file of tests/corpus is accepted, or refused at the place that its
 * first line tells.
 */
#include "tests/unit/schema/corpus.h"

static mf_alloc alloc;

static int parse(corpus *c, const char *name, mayfly_error *err)
{
    mf_files files = {.alloc = &alloc, .memory = c->files, .n_memory = c->n};
    mf_schema_source source = mf_files_source(&files);
    mf_schema *schema = NULL;
    int code = mf_schema_parse(&alloc, &source, &name, 1, NULL, NULL, NULL,
                               &schema, err);
    if (code == 0) {
        mf_buf out;
        mf_buf_init(&out, &alloc, 0);
        assert_int_equal(mf_schema_to_descriptor_set(schema, &out, err), 0);
        assert_true(out.len > 0);
        mf_buf_done(&out);
        mf_schema_unref(schema);
    }
    assert_int_equal(atomic_load(&alloc.blocks), 0);
    return code;
}

static void test_accepted(void **state)
{
    corpus *c = *state;
    int n = 0;
    for (size_t i = 0; i < c->n; i++) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        if (strncmp(c->files[i].name, "y_", 2) != 0)
            continue;
        n++;
        if (parse(c, c->files[i].name, &err) != 0)
            fail_msg("%s", err.message);
    }
    assert_true(n >= 30);
}

/* "refused at [file:]line:column" in the first line. */
static void wanted_place(const mayfly_source *file, char *out, size_t size)
{
    const char *at = strstr(file->text, "refused at ");
    assert_non_null(at);
    at += strlen("refused at ");
    int n = (int)strcspn(at, ";\r\n");
    if (memchr(at, 'p', (size_t)n))
        snprintf(out, size, "%.*s: ", n, at);
    else
        snprintf(out, size, "%s:%.*s: ", file->name, n, at);
}

static void test_refused(void **state)
{
    corpus *c = *state;
    int n = 0;
    for (size_t i = 0; i < c->n; i++) {
        char want[400];
        mayfly_error err = MAYFLY_ERROR_INIT;
        const char *name = c->files[i].name;
        if (strncmp(name, "n_", 2) != 0)
            continue;
        n++;
        wanted_place(&c->files[i], want, sizeof want);
        if (parse(c, name, &err) == 0)
            fail_msg("%s is accepted", name);
        if (strncmp(err.message, want, strlen(want)) != 0)
            fail_msg("%s: not at %s but %s", name, want, err.message);
        if (strstr(c->files[i].text, "by design: ") && !strstr(name, "json") &&
            (strstr(name, "proto2_") || strstr(name, "edition")))
            assert_int_equal(err.code, MAYFLY_EUNSUPPORTED);
    }
    assert_true(n >= 150);
}

int main(void)
{
    mf_alloc_init(&alloc, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, corpus_setup, corpus_teardown);
}
