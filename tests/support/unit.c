/* tests/support/unit.c: see unit.h. */
#include "tests/support/unit.h"

#include "tests/support/plan.h"

int test_unit(mf_compiler *compiler, const char *dir, const char *import_name,
              mf_unit **ret_unit, mf_unit_report *ret_report, mayfly_error *err)
{
    mf_unit_input in = {.heap =
                            mf_heap_new(compiler->alloc, compiler->through)};
    int code = MAYFLY_ENOMEM;

    if (in.heap)
        code =
            test_plan(mf_heap_alloc(in.heap), dir, import_name, &in.plan, err);
    if (code == 0)
        code = mf_unit_build(compiler, &in, ret_unit, ret_report, err);
    if (code != 0) {
        mf_plan_free(in.plan);
        mf_heap_free(in.heap);
    }
    return code;
}
