/*
 * The unit's C against the file that is kept: tests/golden/unit/everything.c,
 * which the codec's tests are compiled with. GOLDEN_UPDATE=1 writes it anew.
 */
#include "base/buf.h"
#include "compiler/gen/emit.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_unit_is_the_golden_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
