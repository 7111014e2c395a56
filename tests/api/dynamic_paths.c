/*
 * Paths to fields: what is none, with its place, and pieces of paths put
 * together at random.
 */
#include "dynamic.h"

static void test_paths_that_are_none(void **state)
{
    static const struct {
        const char *path;
        int code;
        const char *part;
    } bad[] = {
        {"", MAYFLY_EINVAL, "no field's name at byte 0"},
        {".", MAYFLY_EINVAL, "no field's name"},
        {"customer.", MAYFLY_EINVAL, "no field's name at byte 9"},
        {"customer..name", MAYFLY_EINVAL, "no field's name"},
        {"[0]", MAYFLY_EINVAL, "no field's name"},
        {"nothing", MAYFLY_ENOTFOUND, "shop.Order has no field \"nothing\""},
        {"customer.nothing", MAYFLY_ENOTFOUND,
         "shop.Customer has no field \"nothing\""},
        {"i32.name", MAYFLY_EINVAL, "i32 is of type int32 and has no fields"},
        {"items.name", MAYFLY_EINVAL, "items is repeated: say which one"},
        {"stock.name", MAYFLY_EINVAL, "stock is a map: say which one"},
        {"customer[0]", MAYFLY_EINVAL, "customer is neither repeated"},
        {"numbers[", MAYFLY_EINVAL, "nothing in brackets"},
        {"numbers[]", MAYFLY_EINVAL, "nothing in brackets"},
        {"numbers[1", MAYFLY_EINVAL, "no closing bracket"},
        {"numbers[0]x", MAYFLY_EINVAL, "something behind a closing bracket"},
        {"numbers[0][0]", MAYFLY_EINVAL, "something behind a closing bracket"},
        {"numbers[-1]", MAYFLY_EINVAL, "[-1] is no index"},
        {"numbers[a]", MAYFLY_EINVAL, "[a] is no index"},
        {"numbers[\"0\"]", MAYFLY_EINVAL, "is no index"},
        {"numbers[99999999999999999999]", MAYFLY_EINVAL, "is no index"},
        {"prices[\"a]", MAYFLY_EINVAL, "closing quote"},
        {"prices[\"a\"b]", MAYFLY_EINVAL, "no closing bracket"},
        {"prices[\"\\n\"]", MAYFLY_EINVAL, "a \\ that is not in front of"},
        {"prices[\xff]", MAYFLY_EINVAL, "UTF-8"},
        {"by_number[x]", MAYFLY_EINVAL, "no key of the map by_number"},
        {"by_number[4000000000]", MAYFLY_EINVAL, "which are int32"},
        {"by_number[\"1\"]", MAYFLY_EINVAL, "which are int32"},
        {"words[1]", MAYFLY_EINVAL, "which are bool"},
        {"wide[-1]", MAYFLY_EINVAL, "which are uint64"},
    };
    order_test *s = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char part[200];
        bool unused;
        /* the path comes first */
        snprintf(part, sizeof part, "%s: ", bad[i].path);
        must_fail(mayfly_dynamic_has(s->order, bad[i].path, &unused, &err),
                  bad[i].code, part);
        must_fail(mayfly_dynamic_has(s->order, bad[i].path, &unused, &err),
                  bad[i].code, bad[i].part);
        must_fail(mayfly_dynamic_set_int(s->order, bad[i].path, 1, &err),
                  bad[i].code, bad[i].part);
        must_fail(mayfly_dynamic_clear(s->order, bad[i].path, &err),
                  bad[i].code, bad[i].part);
    }
    is_json(s->order, "{}");
}

/* Pieces put together at random: most are refused, none does harm, and what is
 * there in the end travels. */
static void test_random_paths(void **state)
{
    static const char *const pieces[] = {
        "customer", "items",     "prices", "stock",  "by_number", "words",
        "wide",     "numbers",   "mail",   "parcel", "code",      "note",
        "tags",     "friend",    "name",   "count",  ".",         ".",
        ".",        "[",         "]",      "[0]",    "[1]",       "[2]",
        "[-1]",     "[\"",       "\"]",    "[x]",    "\\",        "\"",
        "[true]",   "[\"\\\"\"]"};
    enum { N = sizeof pieces / sizeof pieces[0], ROUNDS = 60000 };
    order_test *s = *state;
    unsigned seed = 7;
    int n_set = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char path[200] = "";
        mayfly_dynamic_field f;
        mayfly_str text;
        int64_t number;
        for (int n = 1 + rand_r(&seed) % 7; n > 0; n--)
            strcat(path, pieces[rand_r(&seed) % N]);
        /* to the letter as long as it is, for a sanitizer */
        char *copy = strdup(path);
        if (rand_r(&seed) % 100 == 0)
            mayfly_dynamic_clear(s->order, copy, NULL);
        n_set += mayfly_dynamic_set_str(s->order, copy, mayfly_str_of("text"),
                                        NULL) == 0;
        n_set += mayfly_dynamic_set_int(s->order, copy, i, NULL) == 0;
        int code = mayfly_dynamic_describe(s->order, copy, &f, NULL);
        if (mayfly_dynamic_get_str(s->order, copy, &text, NULL) == 0 ||
            mayfly_dynamic_get_int(s->order, copy, &number, NULL) == 0)
            assert_int_equal(code, 0);
        free(copy);
    }
    assert_true(n_set > 100);
    mayfly_str one = {NULL, 0}, other = {NULL, 0};
    must(mayfly_dynamic_to_json(s->order, 0, &one, &err));
    must(mayfly_dynamic_to_json(travelled(s), 0, &other, &err));
    assert_int_equal(one.len, other.len);
    assert_memory_equal(one.ptr, other.ptr, one.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        one_order(test_paths_that_are_none),
        one_order(test_random_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
