/*
 * Every allocation of a program's life failed in turn: loading it with defines
 * and a library, all that it registers while it runs, unloading. What a wrapper
 * has no memory for, the program is told as libc would tell it; nothing that
 * was registered until then stays.
 */
#include <mayfly/mayfly.h>

#include "tests/support/fault.h"
#include "tests/support/test.h"

#include <signal.h>
#include <sys/time.h>

static const char text[] =
    "#include <pthread.h>\n#include <signal.h>\n#include <stdlib.h>\n"
    "#include <sys/time.h>\n#include <time.h>\n"
    "static int ends;\n"
    "static void end(void) { ends++; }\n"
    "static void handler(int n) { }\n"
    "static void destroy(void *v) { }\n"
    "static void *worker(void *a) { pthread_setspecific(*(pthread_key_t *)a,\n"
    "  a); return 0; }\n"
    "int main(void) { pthread_t t; pthread_key_t key; timer_t timer;\n"
    " struct itimerval v = {{0, 0}, {3600, 0}};\n"
    " struct sigevent e = {0}; e.sigev_notify = SIGEV_NONE;\n"
    " if (atexit(end)) return NOMEM;\n"
    " if (pthread_key_create(&key, destroy)) return NOMEM;\n"
    " if (pthread_create(&t, 0, worker, &key)) return NOMEM;\n"
    " if (pthread_join(t, 0)) return 1;\n"
    " if (signal(SIGUSR1, handler) == SIG_ERR) return NOMEM;\n"
    " if (timer_create(CLOCK_MONOTONIC, &e, &timer)) return NOMEM;\n"
    " if (setitimer(ITIMER_PROF, &v, 0)) return NOMEM;\n"
    " return 0; }\n";

enum { NOMEM = 77 };

static int run(mayfly_context *context, mayfly_error *err)
{
    char *argv[] = {NULL};
    int status = -1;
    int code = mayfly_context_run(context, 0, argv, &status, err);
    if (code != 0)
        return code;
    assert_true(status == 0 || status == NOMEM);
    return status == 0 ? 0 : MAYFLY_ENOMEM;
}

static void all_is_as_before(void)
{
    struct sigaction a;
    struct itimerval v;
    assert_int_equal(sigaction(SIGUSR1, NULL, &a), 0);
    assert_true(a.sa_handler == SIG_DFL);
    assert_int_equal(getitimer(ITIMER_PROF, &v), 0);
    assert_int_equal(v.it_value.tv_sec, 0);
}

static int whole_life(const mayfly_allocator *table, void *state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *context = NULL;
    const mayfly_source source = {"program.c", text, 0};
    const char *const defines[] = {"NOMEM=77"}, *const libraries[] = {"z"};
    (void)state;

    int code =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &host, &err);
    if (code != 0)
        return code;
    code = mayfly_load_source(
        host, "program", &source, 1,
        MAYFLY_SOURCE_OPTIONS(.defines = defines, .n_defines = 1,
                              .libraries = libraries, .n_libraries = 1),
        &context, &err);
    if (code == 0)
        code = run(context, &err);
    if (context)
        assert_int_equal(mayfly_unload(context, NULL, NULL, NULL), 0);
    mayfly_context_unref(context);
    mayfly_host_free(host);
    all_is_as_before();
    return code;
}

static void each_allocation_of_a_program(void **state)
{
    (void)state;
    assert_true(fault_each(whole_life, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
