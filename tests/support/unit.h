/* tests/support/unit.h: a unit compiled by libtcc from a .proto file, for
 * tests. */
#ifndef TESTS_SUPPORT_UNIT_H
#define TESTS_SUPPORT_UNIT_H

#include "compiler/unit.h"

/* As test_plan; the compiler must be there. Free with mf_unit_free. */
int test_unit(mf_compiler *compiler, const char *dir, const char *import_name,
              mf_unit **ret_unit, mf_unit_report *ret_report,
              mayfly_error *err);

#endif
