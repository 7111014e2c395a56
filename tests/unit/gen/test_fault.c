/*
 * Every allocation failed in turn: planning, emitting, binding.
 */
#include "tests/support/fault.h"
#include "tests/unit/gen/layout_of.h"

static const char v1[] =
    "syntax = \"proto3\"; package t; import "
    "\"google/protobuf/timestamp.proto\";"
    "message M { string class = 1; optional int32 b = 2; map<string, M> c = 3; "
    "oneof k { N d = 4; int32 EOF = 5; } google.protobuf.Timestamp at = 6; "
    "message N_x {} enum E { Z = 0; } repeated E e = 7; }"
    "message N { M m = 1; } message M_N_x {} "
    "service S { rpc new(M) returns (N); rpc Do(N) returns (stream M); }";

static const char v2[] =
    "syntax = \"proto3\"; package t; import "
    "\"google/protobuf/timestamp.proto\";"
    "message M { bytes renamed = 1; int64 b = 2; map<string, M> c = 3; "
    "N d = 4; google.protobuf.Timestamp at = 6; }"
    "message N { M m = 1; string more = 2; } "
    "service S { rpc new(M) returns (N); }";

typedef struct job {
    mf_schema *schema;
    const mayfly_layout *layout;
    const char *symbol;
} job;

/* A schema's reference is counted with its own allocator, which no failure
 * hits. */
static int plan_and_emit(const mayfly_allocator *table, void *state)
{
    const job *j = state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_alloc alloc;
    mf_plan *plan = NULL;
    mf_buf out;
    int code;

    mf_alloc_init(&alloc, table);
    code = mf_plan_native(&alloc, j->schema, &plan, &err);
    mf_buf_init(&out, &alloc, 0);
    for (uint32_t i = 0; code == 0 && i < j->schema->n_files; i++)
        code = mf_emit_header(plan, j->schema->files[i], &out, &err);
    if (code == 0)
        code = mf_emit_unit(plan, &out, &err);
    if (code == 0)
        code = mf_emit_list(j->schema, NULL, &out, &err);
    mf_buf_done(&out);
    mf_plan_free(plan);
    if (code != 0 && !err.message[0])
        fail_msg("an error without words");
    return code;
}

static int bind(const mayfly_allocator *table, void *state)
{
    const job *j = state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_alloc alloc;
    mf_plan *plan = NULL;
    int code;

    mf_alloc_init(&alloc, table);
    code = mf_plan_bind(&alloc, j->schema, j->layout, 0, 0, &plan, &err);
    mf_plan_free(plan);
    return code;
}

static mf_schema *parse(mf_alloc *alloc, const char *text)
{
    mayfly_source source = {"a.proto", text, 0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_schema *schema;

    if (gen_parse(alloc, &source, 1, &schema, &err) != 0)
        fail_msg("%s", err.message);
    return schema;
}

static void planning_and_emitting(void **state)
{
    mf_alloc alloc;
    job j = {0};

    (void)state;
    mf_alloc_init(&alloc, NULL);
    j.schema = parse(&alloc, v1);
    assert_true(fault_each(plan_and_emit, &j) > 50);
    mf_schema_unref(j.schema);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

static void binding(void **state)
{
    mf_alloc alloc;
    mayfly_error err = MAYFLY_ERROR_INIT;
    layout_of *layout = malloc(sizeof *layout);
    mf_schema *header;
    mf_plan *plan;
    job j = {0};

    (void)state;
    mf_alloc_init(&alloc, NULL);
    header = parse(&alloc, v1);
    j.schema = parse(&alloc, v2);
    assert_int_equal(mf_plan_native(&alloc, header, &plan, &err), 0);
    layout_make(layout, plan);
    j.layout = &layout->layout;
    assert_true(fault_each(bind, &j) > 20);
    mf_plan_free(plan);
    mf_schema_unref(header);
    mf_schema_unref(j.schema);
    free(layout);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planning_and_emitting),
        cmocka_unit_test(binding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
