/*
 * Programs that start threads and register all that can be registered, loaded,
 * run and unloaded a thousand times: memory, mappings, descriptors and threads
 * are the same after it, read from outside the process. What was kept from the
 * first cycles on (libc's cache of stacks, the compiler) is not counted: the
 * first reading is taken after some.
 */
#include <mayfly/mayfly.h>

#include "tests/support/outside.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SLACK_KIB = 64, FIRST = 100, CYCLES = 1000, TRIES = 200 };

static const char text[] =
    "#include <pthread.h>\n#include <signal.h>\n#include <stdlib.h>\n"
    "#include <time.h>\n"
    "static pthread_key_t key;\n"
    "static void end(void) { }\n"
    "static void destroy(void *v) { }\n"
    "static void *worker(void *a) { pthread_setspecific(key, a); return a; }\n"
    "int main(void) { pthread_t t[2]; timer_t timer; struct sigevent e = {0};\n"
    " e.sigev_notify = SIGEV_NONE;\n"
    " if (atexit(end) || pthread_key_create(&key, destroy) ||\n"
    "  pthread_create(&t[0], 0, worker, t) ||\n"
    "  pthread_create(&t[1], 0, worker, t) || pthread_join(t[0], 0) ||\n"
    "  signal(SIGUSR1, SIG_IGN) == SIG_ERR ||\n"
    "  timer_create(CLOCK_MONOTONIC, &e, &timer)) return 1;\n"
    " exit(7); }\n";

static void cycle(mayfly_host *host)
{
    const mayfly_source source = {"program.c", text, 0};
    const char *const libraries[] = {"z"};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c;
    char *argv[] = {NULL};
    int status = -1;
    if (mayfly_load_source(
            host, "program", &source, 1,
            MAYFLY_SOURCE_OPTIONS(.libraries = libraries, .n_libraries = 1), &c,
            &err) != 0 ||
        mayfly_context_run(c, 0, argv, &status, &err) != 0 || status != 7 ||
        mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 30000), NULL, &err) !=
            0) {
        fprintf(stderr, "child: status %d: %s\n", status, err.message);
        _exit(1);
    }
    mayfly_context_unref(c);
}

static int child(void)
{
    mayfly_host *host;
    outside_use_stack();
    if (mayfly_host_new(NULL, &host, NULL) != 0)
        return 1;
    for (int i = 0; i < FIRST; i++)
        cycle(host);
    mayfly_host_trim(host);
    outside_meet();
    for (int i = 0; i < CYCLES; i++)
        cycle(host);
    mayfly_host_trim(host);
    outside_meet();
    mayfly_host_free(host);
    return 0;
}

static char *own_name;

static int is_as_before(const reading *now, const reading *before)
{
    return now->dirty_kib <= before->dirty_kib + SLACK_KIB &&
           now->mapped_kib <= before->mapped_kib + SLACK_KIB &&
           now->mappings <= before->mappings + 4 &&
           now->descriptors <= before->descriptors &&
           now->threads <= before->threads;
}

static void test_cycles(void **state)
{
    char role[] = "child";
    char *arguments[] = {own_name, role, NULL};
    outside_child c;
    reading before, after;
    (void)state;
    assert_int_equal(outside_start(arguments, &c), 0);
    assert_int_equal(outside_wait(&c), 0);
    assert_int_equal(outside_read(c.pid, &before), 0);
    assert_int_equal(outside_go_on(&c), 0);
    assert_int_equal(outside_wait(&c), 0);
    assert_int_equal(outside_read(c.pid, &after), 0);
    /* A joined thread may be leaving the kernel yet. */
    for (int i = 0; i < TRIES && !is_as_before(&after, &before); i++) {
        usleep(10000);
        assert_int_equal(outside_read(c.pid, &after), 0);
    }
    if (!is_as_before(&after, &before))
        fail_msg("dirty %ld to %ld KiB, memory files %ld to %ld KiB, %ld to "
                 "%ld mappings, %ld to %ld descriptors, %ld to %ld threads",
                 before.dirty_kib, after.dirty_kib, before.mapped_kib,
                 after.mapped_kib, before.mappings, after.mappings,
                 before.descriptors, after.descriptors, before.threads,
                 after.threads);
    assert_int_equal(outside_go_on(&c), 0);
    assert_int_equal(outside_finish(&c), 0);
}

int main(int argc, char **argv)
{
    if (TEST_ASAN || TEST_TSAN) {
        puts("the sanitizer's own memory hides what is looked for");
        return TEST_SKIPPED;
    }
    if (argc == 2)
        return child();
    own_name = argv[0];
    outside_settle_program();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cycles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
