/*
 * What a program has registered holds nothing, and the records of it, which
 * point into the program, are not mistaken for holders. A program of its own,
 * so that memory has no words of an older one.
 */
#include "program.h"
#include "tests/support/test.h"

#include <unistd.h>

#define HEAD "#include <pthread.h>\n#include <stdlib.h>\n#include <signal.h>\n"

static void test_why(void **state)
{
    program p;
    char *argv[] = {NULL};
    mayfly_why_report *report = NULL;
    mayfly_pin *pin;
    void *at;
    (void)state;
    program_begin(&p);
    program_load(
        &p,
        HEAD "static void destroy(void *v) { }\n"
             "static void end(void) { }\n"
             "static void handler(int n) { }\n"
             "static void *worker(void *a) { return a; }\n"
             "int later(void) { pthread_t t; pthread_key_t key;\n"
             " pthread_create(&t, 0, worker, 0); signal(SIGUSR1, handler);\n"
             " return atexit(end) | pthread_key_create(&key, destroy); }\n"
             "int main(void) { return 0; }");
    assert_int_equal(program_run(&p, 0, argv), 0);
    assert_int_equal(mayfly_pin_take(p.context, "test", &pin, &p.err), 0);
    assert_int_equal(mayfly_pin_symbol(pin, "later", &at, &p.err), 0);
    assert_int_equal(((int (*)(void))(uintptr_t)at)(), 0);
    at = NULL;
    mayfly_pin_free(pin);
    for (int i = 0; i < 1000; i++) { /* the thread may still be ending */
        assert_int_equal(mayfly_why(p.context, PATIENT, &report, &p.err), 0);
        if (mayfly_why_total(report, MAYFLY_WHY_DEFINITE) == 0)
            break;
        mayfly_why_free(report);
        report = NULL;
        usleep(1000);
    }
    assert_non_null(report);
    /* a sanitizer remembers blocks and stacks that are gone */
    if (!TEST_ASAN && !TEST_TSAN &&
        mayfly_why_count(report, MAYFLY_WHY_HEAP) != 0)
        fail_msg("%s", mayfly_why_text(report));
    mayfly_why_free(report);
    program_unload(&p, 5000);
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
