/* Registrations are counted per owner; crossing a limit is logged once. */
#include "base/counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct heard {
    int n;
    char text[512];
} heard;

static void hear(void *state, int level, const char *owner, const char *text)
{
    heard *h = state;
    assert_int_equal(level, MAYFLY_LOG_WARNING);
    assert_string_equal(owner, "registrations");
    h->n++;
    snprintf(h->text, sizeof h->text, "%s", text);
}

static void list(void *state, const mayfly_registration *r)
{
    char *out = state;
    size_t n = strlen(out);
    snprintf(out + n, 256 - n, "%s/%s %zu of %zu; ", r->owner, r->kind,
             r->count, r->peak);
}

static void test_counts(void **state)
{
    (void)state;
    mf_alloc alloc;
    heard h = {0};
    mf_log log = {hear, &h, MAYFLY_LOG_WARNING};
    mf_count *pins[8], *other, *kind;
    char out[256] = "";
    mf_alloc_init(&alloc, NULL);
    mf_counts *t = mf_counts_new(&alloc, &log);
    assert_non_null(t);
    mf_counts_set_limit(t, 3);
    for (int i = 0; i < 8; i++)
        assert_int_equal(mf_counts_add(t, "pin", "ada", &pins[i]), 0);
    assert_int_equal(mf_counts_add(t, "pin", "eve", &other), 0);
    assert_int_equal(mf_counts_add(t, "route", "ada", &kind), 0);
    assert_int_equal(h.n, 1);
    assert_string_equal(h.text, "\"ada\" has 4 registrations of kind \"pin\", "
                                "the limit is 3");
    for (int i = 0; i < 6; i++)
        mf_counts_drop(pins[i]);
    mf_counts_each(t, list, out);
    assert_string_equal(out, "ada/pin 2 of 8; eve/pin 1 of 1; "
                             "ada/route 1 of 1; ");
    for (int i = 0; i < 6; i++) /* 8 again, never down to half of 3 */
        assert_int_equal(mf_counts_add(t, "pin", "ada", &pins[i]), 0);
    assert_int_equal(h.n, 1);
    for (int i = 0; i < 7; i++)
        mf_counts_drop(pins[i]);
    for (int i = 0; i < 7; i++)
        assert_int_equal(mf_counts_add(t, "pin", "ada", &pins[i]), 0);
    assert_int_equal(h.n, 2);
    mf_counts_set_limit(t, 0);
    for (int i = 0; i < 8; i++)
        mf_counts_drop(pins[i]);
    mf_counts_drop(other);
    mf_counts_drop(kind);
    mf_counts_drop(NULL);
    out[0] = 0;
    mf_counts_each(t, list, out);
    assert_string_equal(out, "");
    mf_counts_free(t);
    assert_int_equal(alloc.blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
