/* The names that handler source may call are exactly those that are exported.
 */
#include "proxy/program/symbols.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

static void test_table_is_the_export_list(void **state)
{
    (void)state;
    size_t n, i = 0;
    const mayfly_symbol *api = mf_api_symbols(&n);
    FILE *f = fopen("tests/structure/symbols.txt", "r");
    char line[200];
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (i >= n || strcmp(api[i].name, line) != 0)
            fail_msg("%s is not where it should be in the table", line);
        assert_non_null(api[i].address);
        i++;
    }
    fclose(f);
    assert_int_equal(i, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_the_export_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
