/*
 * Memory reports are made and limits changed while other threads load, call
 * into and unload contexts: for ThreadSanitizer, and for whoever counts what is
 * just being given back.
 */
#include <mayfly/mayfly.h>

#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { LOADERS = 2, CYCLES = 150 };

static const char schema_text[] =
    "syntax = \"proto3\";\npackage s;\n"
    "message M { int32 a = 1; string b = 2; map<string, M> c = 3; }\n";

static mayfly_host *host;
static atomic_int loading;
static atomic_int failures;

static void fails(const char *what, const mayfly_error *err)
{
    atomic_fetch_add(&failures, 1);
    fprintf(stderr, "%s: %s\n", what, err->message);
}

static void *load_and_unload(void *arg)
{
    const mayfly_source schema = {"s.proto", schema_text, 0};
    const mayfly_source source = {"s.c", "int f(int x) { return x + 1; }\n", 0};
    (void)arg;
    for (int i = 0; i < CYCLES; i++) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        mayfly_context *c = NULL;
        mayfly_pin *pin = NULL;
        void *at = NULL;
        if (mayfly_load_text(host, "s", &schema,
                             MAYFLY_LOAD_OPTIONS(.handlers = &source,
                                                 .n_handlers = 1,
                                                 .resident = i % 3 == 0),
                             &c, &err) != 0) {
            fails("load", &err);
            continue;
        }
        if (mayfly_pin_take(c, "stress", &pin, &err) != 0 ||
            mayfly_pin_symbol(pin, "f", &at, &err) != 0 ||
            ((int (*)(int))(uintptr_t)at)(i) != i + 1)
            fails("call", &err);
        mayfly_pin_free(pin);
        /* a report may hold it for a moment */
        if (mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 10000), NULL,
                          &err) != 0)
            fails("unload", &err);
        mayfly_context_unref(c);
    }
    atomic_fetch_sub(&loading, 1);
    return NULL;
}

static void report_once(unsigned round)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_memory_report *r = NULL;
    mayfly_limits limits = {.size = sizeof limits};
    if (mayfly_memory_report_host(host, NULL, &r, &err) != 0) {
        fails("report", &err);
        return;
    }
    if (!strstr(mayfly_memory_report_json(r), "\"code_zone\""))
        fails("report", &err);
    mayfly_memory_report_free(r);
    mayfly_host_get_limits(host, &limits);
    limits.compile_ms = 60000 + round % 2;
    if (mayfly_host_set_limits(host, &limits, &err) != 0)
        fails("limits", &err);
    if (round % 8 == 0)
        mayfly_host_trim(host);
}

static void test_reports_meanwhile(void **state)
{
    (void)state;
    pthread_t threads[LOADERS];
    mayfly_error err = MAYFLY_ERROR_INIT;
    assert_int_equal(mayfly_host_new(NULL, &host, &err), 0);
    atomic_store(&loading, LOADERS);
    for (int i = 0; i < LOADERS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, load_and_unload, NULL), 0);
    unsigned rounds = 0;
    while (atomic_load(&loading))
        report_once(rounds++);
    for (int i = 0; i < LOADERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&failures), 0);
    assert_true(rounds > 2);

    mayfly_host_trim(host);
    mayfly_memory_report *r = NULL;
    assert_int_equal(mayfly_memory_report_host(host, NULL, &r, &err), 0);
    assert_int_equal(mayfly_memory_report_bytes(r, "code"), 0);
    assert_int_equal(mayfly_memory_report_bytes(r, "compile"), 0);
    assert_int_equal(mayfly_memory_report_bytes(r, "schema"), 0);
    mayfly_memory_report_free(r);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
