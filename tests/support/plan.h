/* tests/support/plan.h: the native plan of a .proto file, for tests. */
#ifndef TESTS_SUPPORT_PLAN_H
#define TESTS_SUPPORT_PLAN_H

#include "compiler/gen/plan.h"

/* `path` is below the top of the tree, `dir` the include folder that holds it.
 */
int test_plan(mf_alloc *alloc, const char *dir, const char *import_name,
              mf_plan **ret_plan, mayfly_error *err);

/* A whole file; free() it. Fails by returning NULL. */
char *test_read(const char *path, size_t *ret_len);

#endif
