/*
 * The unit's C against the file that is kept: tests/golden/unit/everything.c,
 * which the codec's tests are compiled with. GOLDEN_UPDATE=1 writes it anew.
 */
#include "base/buf.h"
#include "compiler/gen/emit.h"
#include "compiler/kernel/codec.h"
#include "tests/support/fault.h"
#include "tests/support/plan.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN "tests/golden/unit/everything.c"

static char *emit(mf_alloc *alloc, mf_buf *out)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_plan *plan;

    if (test_plan(alloc, "tests/golden/unit", "everything.proto", &plan,
                  &err) != 0)
        fail_msg("%s", err.message);
    mf_buf_init(out, alloc, 0);
    assert_int_equal(mf_emit_unit(plan, out, &err), 0);
    mf_plan_free(plan);
    return mf_buf_text(out);
}

static void the_unit_is_the_golden_one(void **state)
{
    mf_alloc alloc;
    mf_buf out;
    char *golden;
    const char *made;
    size_t len;

    (void)state;
    mf_alloc_init(&alloc, NULL);
    made = emit(&alloc, &out);
    if (getenv("GOLDEN_UPDATE")) {
        FILE *f = fopen(GOLDEN, "wb");

        assert_non_null(f);
        assert_int_equal(fwrite(made, 1, out.len, f), out.len);
        fclose(f);
    }
    golden = test_read(GOLDEN, &len);
    assert_non_null(golden);
    assert_string_equal(made, golden);
    free(golden);
    mf_buf_done(&out);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

/* Tables and C, with each allocation failed in turn. */
static int make_all(const mayfly_allocator *table, void *state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_alloc alloc;
    mf_buf out;
    int code;

    mf_alloc_init(&alloc, table);
    mf_buf_init(&out, &alloc, 0);
    code = mf_emit_unit(state, &out, &err);
    if (code == 0)
        code = mf_tables_build(state, &out, &err);
    assert_int_equal(err.code, code);
    mf_buf_done(&out);
    return code;
}

static void lack_of_memory(void **state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_alloc alloc;
    mf_plan *plan;

    (void)state;
    mf_alloc_init(&alloc, NULL);
    assert_int_equal(
        test_plan(&alloc, "tests/golden/unit", "everything.proto", &plan, &err),
        0);
    assert_true(fault_each(make_all, plan) > 5);
    mf_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_unit_is_the_golden_one),
        cmocka_unit_test(lack_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
