/*
 * Records of what was: looked at while they are written, dropped, moved and
 * freed by other threads, which is what a fault handler does.
 */
#include "cache/context/tombs.h"
#include "fake.h"

#include <mayfly/fault.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

/* A unit that lies at made-up addresses. */
typedef struct plot {
    uintptr_t at;
    size_t n_names; /* 0: none are told */
    const char *prefix;
} plot;

enum { PLOT = 0x10000 };

static void plot_parts(const void *unit, mf_part_fn add, void *state)
{
    const plot *p = unit;
    add(state, MF_PART_TABLES, (void *)p->at, 0x100);
    add(state, MF_PART_TEXT, (void *)(p->at + 0x100), 0x4000);
    add(state, MF_PART_DATA, (void *)(p->at + 0x8000), 0x1000);
    add(state, MF_PART_OWN, &p, sizeof p);
}

static void plot_names(const void *unit,
                       void (*each)(void *state, const char *prefix,
                                    const char *text, const void *address),
                       void *state)
{
    const plot *p = unit;
    each(state, "", "nowhere", NULL);
    if (p->n_names)
        each(state, "", "number", (void *)(p->at + 0x8010));
    for (size_t i = p->n_names; i-- > 0;) {
        char text[64];
        snprintf(text, sizeof text, "f%zu", i);
        /* the text of one name must not be taken for that of another */
        each(state, i % 2 ? p->prefix : "", i % 3 ? text : "third",
             (void *)(p->at + 0x100 + i * 4));
    }
}

static mf_payload payload_of(plot *p)
{
    return (mf_payload){.unit = p, .parts = plot_parts, .names = plot_names};
}

static void bury(mf_tombs *t, plot *p, const char *name, uint64_t version)
{
    mf_payload payload = payload_of(p);
    mf_tomb tomb = mf_tomb_prepare(t, &payload, name, version);
    mf_tomb_set(t, &tomb);
}

static const char *explain(uintptr_t at)
{
    static char text[256];
    mayfly_explain_fault((void *)at, text, sizeof text);
    return text;
}

static int says(uintptr_t at, const char *part)
{
    const char *text = explain(at);
    if (strstr(text, part))
        return 1;
    print_error("\"%s\" has no \"%s\"\n", text, part);
    return 0;
}

static void test_what_was(void **state)
{
    (void)state;
    mf_alloc alloc;
    mf_alloc_init(&alloc, NULL);
    mf_tombs *t = mf_tombs_new(&alloc);
    plot a = {0x7000000, 0, ""}, b = {0x7100000, 4, "mf_send_"};
    bury(t, &a, "bare", 1);
    bury(t, &b, "b\n\"ad", 2);
    assert_true(says(a.at, "context \"bare\" version 1, unloaded 0."));
    assert_true(says(a.at, "s ago: codec tables+0x0"));
    assert_true(says(a.at + 0x123, ": text+0x23"));
    assert_true(says(a.at + 0x7000, ": memory+0x7000"));
    assert_string_equal(explain(a.at + 0x9000), "");
    assert_string_equal(explain(a.at - 1), "");
    assert_true(says(b.at, "context \"b?\"ad\" version 2"));
    assert_true(says(b.at + 0x104, ": mf_send_f1+0x0 (text)"));
    assert_true(says(b.at + 0x10b, ": f2+0x3 (text)"));
    assert_true(says(b.at + 0x10f, ": mf_send_third+0x3 (text)"));
    assert_true(says(b.at + 0x8000, ": data+0x0"));
    assert_true(says(b.at + 0x8014, ": number+0x4 (data)"));

    /* new code at the place of one of them */
    mf_payload again = payload_of(&a);
    mf_tombs_clear(t, &again);
    assert_string_equal(explain(a.at), "");
    assert_true(says(b.at, "version 2"));
    mf_tombs_free(t);
    assert_string_equal(explain(b.at), "");
    assert_int_equal(alloc.blocks, 0);
}

/* More names than there is room for: those that came first are kept. */
static void test_many_names(void **state)
{
    (void)state;
    mf_alloc alloc;
    mf_alloc_init(&alloc, NULL);
    mf_tombs *t = mf_tombs_new(&alloc);
    plot p = {0x7000000, 4000, ""};
    bury(t, &p, "large", 1);
    assert_true(says(p.at + 0x8010, ": number?+0x0 (data)"));
    assert_true(says(p.at + 0x100 + 3998 * 4, ": f3998?+0x0 (text)"));
    /* as large ones again: the older give way */
    for (uint64_t i = 2; i < 20; i++) {
        plot other = {0x7000000 + i * PLOT, 2000, ""};
        bury(t, &other, "next", i);
        assert_true(says(other.at, "context \"next\""));
    }
    assert_string_equal(explain(p.at), "");
    mf_tombs_free(t);
}

static void test_bounds(void **state)
{
    (void)state;
    mf_alloc alloc;
    mf_alloc_init(&alloc, NULL);
    mf_tombs *t = mf_tombs_new(&alloc);
    plot p[300];
    for (size_t i = 0; i < 300; i++)
        p[i] = (plot){0x7000000 + i * PLOT, 3, "mf_reply_"};
    for (size_t i = 0; i < 64; i++)
        bury(t, &p[i], "alike", i);
    assert_true(says(p[0].at, "version 0,"));
    assert_int_equal(mf_tombs_set(t, 200, UINT64_MAX), 0);
    for (size_t i = 64; i < 300; i++)
        bury(t, &p[i], "alike", i);
    assert_string_equal(explain(p[99].at), "");
    assert_true(says(p[100].at, "version 100,"));
    assert_true(says(p[299].at + 0x104, "mf_reply_f1"));
    assert_int_equal(mf_tombs_set(t, 10, UINT64_MAX), 0);
    assert_string_equal(explain(p[289].at), "");
    assert_true(says(p[290].at, "version 290,"));
    assert_int_equal(mf_tombs_set(t, 10, 0), 0);
    assert_string_equal(explain(p[299].at), "");
    assert_int_equal(mf_tombs_set(t, 0, UINT64_MAX), 0);
    bury(t, &p[5], "none", 5);
    assert_string_equal(explain(p[5].at), "");
    mf_tombs_free(t);
}

/* --- many threads --- */

typedef struct yard {
    mf_tombs *tombs;
    uintptr_t base;
    uint64_t number;
    atomic_int stop, bad;
} yard;

enum { PLOTS = 24, TURNS = 3000, DIGGERS = 2, LOOKERS = 2 };

static yard *the_yard;

static void *look(void *arg)
{
    uintptr_t i = 0;
    while (!atomic_load(&the_yard->stop)) {
        char text[256], want[32];
        uintptr_t n = i++ % (DIGGERS * PLOTS);
        uintptr_t at = 0x7000000 + n * PLOT + 0x104;
        size_t len = mayfly_explain_fault((void *)at, text, sizeof text);
        snprintf(want, sizeof want, "\"plot %zu\"", (size_t)n);
        if (len && (len != strlen(text) || !strstr(text, want) ||
                    !strstr(text, "mf_send_f1+0x0 (text)")))
            atomic_fetch_add(&the_yard->bad, 1);
    }
    return arg;
}

static void *dig(void *arg)
{
    uintptr_t first = (uintptr_t)arg * PLOTS;
    for (uintptr_t i = 0; i < TURNS; i++) {
        uintptr_t n = first + i % PLOTS;
        char name[32];
        plot p = {0x7000000 + n * PLOT, 2 + n % 7, "mf_send_"};
        mf_payload payload = payload_of(&p);
        snprintf(name, sizeof name, "plot %zu", (size_t)n);
        mf_tombs_clear(the_yard->tombs, &payload);
        bury(the_yard->tombs, &p, name, i);
        if (i % 100 == 0)
            mf_tombs_set(the_yard->tombs, i % 300 ? 8 : 64 + i / 4, UINT64_MAX);
        if (i % 16 == 0)
            sched_yield();
    }
    return NULL;
}

static void test_looked_at_meanwhile(void **state)
{
    (void)state;
    mf_alloc alloc;
    yard y = {0};
    pthread_t lookers[LOOKERS], diggers[DIGGERS];
    mf_alloc_init(&alloc, NULL);
    y.tombs = mf_tombs_new(&alloc);
    the_yard = &y;
    for (int i = 0; i < LOOKERS; i++)
        assert_int_equal(pthread_create(&lookers[i], NULL, look, NULL), 0);
    for (uintptr_t i = 0; i < DIGGERS; i++)
        assert_int_equal(pthread_create(&diggers[i], NULL, dig, (void *)i), 0);
    for (int i = 0; i < DIGGERS; i++)
        pthread_join(diggers[i], NULL);
    mf_tombs_free(y.tombs); /* under their eyes */
    atomic_store(&y.stop, 1);
    for (int i = 0; i < LOOKERS; i++)
        pthread_join(lookers[i], NULL);
    assert_int_equal(y.bad, 0);
    assert_int_equal(alloc.blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_looked_at_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
