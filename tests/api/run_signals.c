/*
 * Signal dispositions and timers of a program are as before when it is gone.
 */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#define HEAD                                                                   \
    "void note(const char *);\n"                                               \
    "#include <signal.h>\n#include <unistd.h>\n#include <stdlib.h>\n"          \
    "#include <sys/time.h>\n#include <time.h>\n#include <errno.h>\n"           \
    "int raise(int);\n"

static volatile sig_atomic_t hosts;

static void host_handler(int number)
{
    hosts += number;
}

static void other_handler(int number)
{
    (void)number;
}

/* What a program needs that is not in the list of libc. */
static int try_raise(program *p, const char *text)
{
    static const mayfly_symbol symbols[] = {
        {"note", (const void *)(uintptr_t)program_note},
        {"raise", (const void *)(uintptr_t)raise}};
    mayfly_source_options o =
        *MAYFLY_SOURCE_OPTIONS(.symbols = symbols, .n_symbols = 2);
    int code = program_try(p, text, &o);
    if (code != 0)
        fail_msg("%s", p->err.message);
    return code;
}

static void (*handler_of(int number))(int)
{
    struct sigaction a;
    assert_int_equal(sigaction(number, NULL, &a), 0);
    return a.sa_handler;
}

static void test_put_back(void **state)
{
    program p;
    char *argv[] = {NULL};
    (void)state;
    program_begin(&p);
    signal(SIGUSR1, host_handler);
    signal(SIGUSR2, SIG_DFL);
    signal(SIGURG, host_handler);
    try_raise(&p,
              HEAD "static void h(int n) { note(\"h\");\n"
                   " if (n == SIGUSR1) signal(n, h); }\n"
                   "int main(void) { struct sigaction a = {0}, b;\n"
                   " if (signal(SIGUSR1, h) == SIG_DFL) return 1;\n"
                   " a.sa_handler = h;\n"
                   " if (sigaction(SIGUSR2, &a, &b) || b.sa_handler != SIG_DFL)"
                   "  return 2;\n"
                   " if (sigaction(SIGUSR2, 0, &b) || b.sa_handler != h)\n"
                   "  return 3;\n"
                   " signal(SIGURG, SIG_IGN); signal(SIGHUP, h);\n"
                   " if (signal(-1, h) != SIG_ERR || errno != EINVAL)\n"
                   "  return 4;\n"
                   " raise(SIGUSR1); raise(SIGUSR2); raise(SIGUSR1);\n"
                   " raise(SIGURG); return 0; }");
    assert_int_equal(program_run(&p, 0, argv), 0);
    assert_string_equal(p.log, "hhh");
    raise(SIGUSR1); /* it stays as long as the program */
    assert_string_equal(p.log, "hhhh");
    signal(SIGHUP, other_handler); /* the host's own since */
    program_unload(&p, 0);
    assert_ptr_equal(handler_of(SIGUSR1), host_handler);
    assert_ptr_equal(handler_of(SIGUSR2), SIG_DFL);
    assert_ptr_equal(handler_of(SIGURG), host_handler);
    assert_ptr_equal(handler_of(SIGHUP), other_handler);
    hosts = 0;
    raise(SIGUSR1);
    assert_int_equal(hosts, SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGURG, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    program_end(&p);
}

/* One unit's handler must not come back after that unit has gone. */
static void test_two_units(void **state)
{
    program p;
    char *argv[] = {NULL};
    static const char text[] = HEAD "static void h(int n) { }\n"
                                    "int main(void) { signal(SIGUSR1, h);\n"
                                    " return 0; }";
    (void)state;
    program_begin(&p);
    try_raise(&p, text);
    assert_int_equal(program_run(&p, 0, argv), 0);
    mayfly_context *first = p.context;
    try_raise(&p, text);
    assert_int_equal(program_run(&p, 0, argv), 0);
    assert_int_equal(mayfly_unload(first, NULL, NULL, &p.err), 0);
    mayfly_context_unref(first);
    program_unload(&p, 0);
    assert_ptr_equal(handler_of(SIGUSR1), SIG_DFL);
    program_end(&p);
}

static void test_exit_in_handler(void **state)
{
    program p;
    (void)state;
    program_begin(&p);
    signal(SIGUSR1, SIG_DFL);
    char *argv[] = {NULL};
    try_raise(&p, HEAD "static void h(int n) { exit(40 + n); }\n"
                       "int main(void) { signal(SIGUSR1, h);\n"
                       " raise(SIGUSR1); return 1; }");
    assert_int_equal(program_run(&p, 0, argv), 40 + SIGUSR1);
    /* The mask is as it was before, or the second would wait for ever. */
    assert_int_equal(program_run(&p, 0, argv), 40 + SIGUSR1);
    program_unload(&p, 0);
    program_end(&p);
}

static void test_timers(void **state)
{
    program p;
    char *argv[] = {NULL};
    struct itimerval now;
    (void)state;
    program_begin(&p);
    try_raise(&p, HEAD
              "static void h(int n) { note(\"tick\"); }\n"
              "static void t(union sigval v) { }\n"
              "int main(void) { struct sigevent e = {0}; timer_t a, b, c;\n"
              " struct itimerspec s = {{0, 0}, {3600, 0}};\n"
              " struct itimerval v = {{0, 0}, {3600, 0}};\n"
              " signal(SIGALRM, h); signal(SIGUSR1, h);\n"
              " e.sigev_notify = SIGEV_THREAD; e.sigev_notify_function = t;\n"
              " if (timer_create(CLOCK_MONOTONIC, &e, &a) != -1 ||\n"
              "  errno != ENOTSUP) return 1;\n"
              " e.sigev_notify = SIGEV_SIGNAL; e.sigev_signo = SIGUSR1;\n"
              " if (timer_create(CLOCK_MONOTONIC, &e, &a) ||\n"
              "  timer_create(CLOCK_MONOTONIC, &e, &b) ||\n"
              "  timer_settime(a, 0, &s, 0) || timer_delete(b)) return 2;\n"
              " if (alarm(100) != 0 || alarm(200) < 99) return 3;\n"
              " if (setitimer(ITIMER_PROF, &v, 0)) return 4;\n"
              " return 0; }");
    assert_int_equal(program_run(&p, 0, argv), 0);
    assert_int_equal(getitimer(ITIMER_PROF, &now), 0);
    assert_true(now.it_value.tv_sec > 0);
    program_unload(&p, 0);
    assert_int_equal(getitimer(ITIMER_PROF, &now), 0);
    assert_int_equal(now.it_value.tv_sec, 0);
    assert_int_equal(getitimer(ITIMER_REAL, &now), 0);
    assert_int_equal(now.it_value.tv_sec, 0);
    assert_string_equal(p.log, "");
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_back),
        cmocka_unit_test(test_two_units),
        cmocka_unit_test(test_exit_in_handler),
        cmocka_unit_test(test_timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
