/*
 * Programs that are run by several threads at once, start threads of their own,
 * register and leave by every way out, while their contexts are unloaded and
 * loaded again. For ThreadSanitizer; ends by a count, not by time.
 */
#include <mayfly/mayfly.h>

#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { RUNNERS = 4, ROUNDS = 12, RUNS = 6 };

static const char text[] =
    "#include <pthread.h>\n#include <stdlib.h>\n#include <signal.h>\n"
    "void count(void);\n"
    "static pthread_key_t key;\n"
    "static void destroy(void *v) { count(); }\n"
    "static void end(void) { count(); }\n"
    "static void *worker(void *a) { count();\n"
    " pthread_setspecific(key, a);\n"
    " if ((long)a == 2) exit(0);\n"
    " if ((long)a == 3) pthread_exit(0);\n"
    " return a; }\n"
    "__attribute__((constructor)) static void begin(void) {\n"
    " pthread_key_create(&key, destroy); }\n"
    "int main(int argc, char **argv) { pthread_t t[3]; int n = 0;\n"
    " atexit(end); signal(SIGUSR1, SIG_IGN);\n"
    " for (long i = 1; i <= 3; i++)\n"
    "  if (pthread_create(&t[n], 0, worker, (void *)i) == 0) n++;\n"
    " while (n-- > 1) pthread_join(t[n], 0);\n"
    " if (argc == 1) exit(0);\n"
    " return 0; }\n";

static atomic_long counted;

static void count(void)
{
    atomic_fetch_add(&counted, 1);
}

typedef struct shared {
    mayfly_context *context; /* of this round; a reference of main's */
    atomic_int refused;
    atomic_int ran;
} shared;

static void *runner(void *state)
{
    shared *s = state;
    char name[] = "program";
    char *argv[] = {name, NULL};
    for (int i = 0; i < RUNS; i++) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        int status = -1;
        int code = mayfly_context_run(s->context, i % 2, argv + 1 - i % 2,
                                      &status, &err);
        if (code == MAYFLY_EUNLOADED) {
            atomic_fetch_add(&s->refused, 1);
            continue;
        }
        assert_int_equal(code, 0);
        assert_int_equal(status, 0);
        atomic_fetch_add(&s->ran, 1);
    }
    return NULL;
}

static void round_of(mayfly_host *host, int round)
{
    const mayfly_source source = {"program.c", text, 0};
    const mayfly_symbol symbols[] = {{"count", (const void *)(uintptr_t)count}};
    mayfly_error err = MAYFLY_ERROR_INIT;
    shared s = {0};
    pthread_t threads[RUNNERS];
    mayfly_receipt *receipt = NULL;
    if (mayfly_load_source(
            host, "program", &source, 1,
            MAYFLY_SOURCE_OPTIONS(.symbols = symbols, .n_symbols = 1),
            &s.context, &err) != 0)
        fail_msg("%s", err.message);
    for (int i = 0; i < RUNNERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, runner, &s), 0);
    int code = MAYFLY_EBUSY;
    while (code == MAYFLY_EBUSY) /* a soft one leaves it live in between */
        code = mayfly_unload(
            s.context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = round % 2 ? 1 : 1000),
            &receipt, &err);
    if (code != 0)
        fail_msg("%s", err.message);
    assert_int_equal(mayfly_receipt_retained(receipt), 0);
    mayfly_receipt_free(receipt);
    for (int i = 0; i < RUNNERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&s.ran) + atomic_load(&s.refused),
                     RUNNERS * RUNS);
    mayfly_context_unref(s.context);
}

static void runs_and_unloads(void **state)
{
    mayfly_host *host;
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    assert_int_equal(mayfly_host_new(NULL, &host, &err), 0);
    for (int i = 0; i < ROUNDS; i++)
        round_of(host, i);
    mayfly_host_free(host);
    assert_true(atomic_load(&counted) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_unloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
