/*
 * Every allocation of a unit's life failed in turn, once and for ever: loaded,
 * found, swapped, gone back to, evicted and built again, dropped, removed; and
 * of a job over a folder. Each run answers success or lack of memory and leaks
 * nothing.
 */
#include <mayfly/mayfly.h>

#include "tests/support/fault.h"
#include "tests/support/test.h"
#include "tests/support/tree.h"

#include <string.h>

static const char one[] = "syntax = \"proto3\";\n"
                          "package fault;\n"
                          "import \"types.proto\";\n"
                          "message Key { string name = 1; Part part = 2; }\n"
                          "service Store { rpc Get (Key) returns (Key); }\n";
static const char two[] =
    "syntax = \"proto3\";\n"
    "package fault;\n"
    "import \"types.proto\";\n"
    "message Key { string name = 1; Part part = 2; int32 more = 3; }\n"
    "service Store { rpc Get (Key) returns (Key); }\n";
static const char types[] = "syntax = \"proto3\";\n"
                            "package fault;\n"
                            "message Part { repeated int32 sizes = 1; }\n";

static int add(mayfly_host *host, const char *text, int lazy,
               mayfly_unit **ret_unit, uint64_t *ret_version, mayfly_error *err)
{
    const mayfly_source schema = {"fault.proto", text, 0},
                        parts = {"types.proto", types, 0};
    return mayfly_unit_load(
        host, "unit",
        MAYFLY_RECIPE(.schema = &schema, .lazy = lazy,
                      .load =
                          MAYFLY_LOAD_OPTIONS(.files = &parts, .n_files = 1)),
        ret_unit, ret_version, err);
}

static void ignore_receipt(void *state, const char *name,
                           const mayfly_receipt *receipt)
{
    ++*(int *)state;
    assert_non_null(name);
    assert_non_null(mayfly_receipt_json(receipt));
}

/* The first failure ends the work. */
static int live(mayfly_host *host, mayfly_unit **ret_unit, mayfly_error *err)
{
    mayfly_unit *unit = NULL, *again = NULL;
    mayfly_context *context = NULL;
    mayfly_swap swap = {0};
    uint64_t first = 0, second = 0;
    int receipts = 0;
    int code = add(host, one, 0, &unit, &first, err);
    *ret_unit = unit;
    if (code == 0)
        code = add(host, two, 1, &again, &second, err);
    mayfly_unit_unref(again);
    if (code == 0) {
        assert_ptr_equal(again, unit);
        code = mayfly_unit_use(unit, second, MAYFLY_SWAP_OPTIONS(.keep = 1),
                               &swap, err);
    }
    if (code == 0)
        code = mayfly_unit_use(unit, first, MAYFLY_SWAP_OPTIONS(.keep = 1),
                               &swap, err);
    if (code == 0) {
        assert_int_equal(mayfly_unit_version(unit), first);
        code = mayfly_unit_evict(unit, 0, err);
    }
    if (code == 0)
        code = mayfly_unit_context(unit, 0, 0, &context, err);
    mayfly_context_unref(context);
    if (code == 0)
        code = mayfly_unit_drop(unit, second, err);
    if (code == 0)
        code = mayfly_cache_each_receipt(host, ignore_receipt, &receipts, err);
    assert_true(receipts <= 2); /* where there was no memory, none is kept */
    if (code == 0)
        code = mayfly_unit_remove(unit, 1000, err);
    return code;
}

static int whole_life(const mayfly_allocator *table, void *state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_unit *unit = NULL;
    (void)state;
    int code =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &host, &err);
    if (code != 0)
        return code;
    code = live(host, &unit, &err);
    if (code != 0)
        assert_int_equal(err.code, code);
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
    return code;
}

static void each_allocation_of_a_unit(void **state)
{
    (void)state;
    assert_true(fault_each(whole_life, NULL) > 100);
}

/* What is in the cache is as it was when a change has failed. */
static void a_unit_stays_as_it_was(void **state)
{
    (void)state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_unit *unit = NULL;
    uint64_t first = 0;
    fault f;
    fault_init(&f, 0, 0);
    mayfly_allocator table = fault_table(&f);
    assert_int_equal(
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = &table), &host, &err),
        0);
    assert_int_equal(add(host, one, 0, &unit, &first, &err), 0);
    const mayfly_source schema = {"fault.proto", two, 0},
                        parts = {"types.proto", types, 0};
    const mayfly_recipe *recipe =
        MAYFLY_RECIPE(.schema = &schema,
                      .load =
                          MAYFLY_LOAD_OPTIONS(.files = &parts, .n_files = 1));
    for (long n = 1;; n++) {
        f.fail_at = atomic_load(&f.seen) + n;
        int code = mayfly_unit_swap(unit, recipe, NULL, NULL, &err);
        f.fail_at = 0;
        if (code == 0 && atomic_load(&f.refused) == 0)
            break;
        mayfly_cache_stats stats = {.size = sizeof stats};
        mayfly_cache_get_stats(host, &stats);
        assert_int_equal(stats.versions, 1);
        if (code == 0) { /* it did without */
            assert_int_equal(stats.loaded, 1);
            break;
        }
        assert_int_equal(code, MAYFLY_ENOMEM);
        assert_int_equal(mayfly_unit_version(unit), first);
        atomic_store(&f.refused, 0);
    }
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
    assert_int_equal(atomic_load(&f.live), 0);
}

/* --- a job --- */

static int whole_job(const mayfly_allocator *table, void *state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_bulk *bulk;
    const char *top = ((const tree *)state)->top;
    int code =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &host, &err);
    if (code != 0)
        return code;
    code = mayfly_bulk_load(
        host, MAYFLY_BULK_OPTIONS(.paths = &top, .n_paths = 1, .handlers = 1),
        &bulk, &err);
    if (code == 0) {
        size_t n;
        const mayfly_bulk_result *r = mayfly_bulk_results(bulk, &n);
        assert_int_equal(n, 4);
        for (size_t i = 0; i < n; i++) {
            if (r[i].code == MAYFLY_ENOMEM) {
                code = r[i].code;
            } else if (strcmp(r[i].unit, "bad") == 0) {
                assert_int_equal(r[i].code, MAYFLY_ESCHEMA);
            } else if (r[i].code != 0) {
                fail_msg("%s: %s", r[i].path, r[i].message);
            }
        }
        mayfly_bulk_free(bulk);
    }
    mayfly_host_free(host);
    return code;
}

static void each_allocation_of_a_job(void **state)
{
    (void)state;
    tree t;
    tree_make(&t);
    tree_put(&t, "bad.proto", "syntax = \"proto3\"; message A { B b = 1; }");
    tree_put(&t, "f/fault.proto",
             "syntax = \"proto3\"; package f;\n"
             "import \"types.proto\";\n"
             "service S { rpc Get (fault.Part) returns (fault.Part); }\n");
    tree_put(&t, "f/fault.c", "int seven(void) { return 7; }\n");
    tree_put(&t, "types.proto", types);
    tree_put(&t, "z.proto", "syntax = \"proto3\"; message Z { string z = 1; }");
    assert_true(fault_each(whole_job, &t) > 100);
    tree_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_unit),
        cmocka_unit_test(a_unit_stays_as_it_was),
        cmocka_unit_test(each_allocation_of_a_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
