/*
 * Asking what holds a context: what it answers when it may not, cannot or need
 * not look, and that it leaves the process as it was.
 */
#include "hello.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char source[] = "int counter = 7;\n"
                             "void callback(void) { counter++; }\n";

static void *volatile kept_global;

static mayfly_context *load(mayfly_host *host)
{
    mayfly_context *c = hello_load_source(host, HELLO_V1, source);
    mayfly_pin *pin = NULL;
    void *address = NULL;
    must(mayfly_pin_take(c, "test", &pin, &err));
    must(mayfly_pin_symbol(pin, "callback", &address, &err));
    kept_global = address;
    mayfly_pin_free(pin);
    return c;
}

static void test_arguments(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    mayfly_why_report *r = NULL;
    mayfly_why_holder h;
    must_fail(mayfly_why(NULL, NULL, &r, &err), MAYFLY_EINVAL, "no context");
    must_fail(mayfly_why(c, NULL, NULL, &err), MAYFLY_EINVAL, "no context");
    mayfly_why_options wrong = {.size = 3};
    must_fail(mayfly_why(c, &wrong, &r, &err), MAYFLY_EINVAL, "options");
    assert_null(r);
    mayfly_why_free(NULL);

    must(mayfly_why(c, PATIENT, &r, &err));
    assert_int_equal(mayfly_why_get(r, 100000, &h), MAYFLY_ENOTFOUND);
    mayfly_why_free(r);
    kept_global = NULL;
    must(mayfly_unload(c, NULL, NULL, &err));
    must_fail(mayfly_why(c, NULL, &r, &err), MAYFLY_EUNLOADED, "not live");
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

static void test_options(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    mayfly_why_report *r = NULL;
    const char *reason = NULL;
    size_t examined = 0;

    must(mayfly_why(c, MAYFLY_WHY_OPTIONS(.keep_running = 1), &r, &err));
    assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_GLOBAL), 1);
    assert_true(mayfly_why_threads(r, &examined, &reason) >= 2);
    assert_int_equal(examined, 1); /* this one */
    assert_string_equal(reason, "asked not to stop any");
    assert_non_null(strstr(mayfly_why_text(r), "not examined: thread "));
    mayfly_why_free(r);

    must(mayfly_why(c, MAYFLY_WHY_OPTIONS(.skip_memory = 1), &r, &err));
    assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_GLOBAL), 0);
    assert_non_null(strstr(mayfly_why_text(r), "(not all of it)"));
    mayfly_why_free(r);

    /* listed up to a bound, all counted */
    void *volatile *many = calloc(500, sizeof *many);
    assert_non_null(many);
    for (int i = 0; i < 500; i++)
        many[i] = kept_global;
    mayfly_why_holder h;
    must(mayfly_why(c, MAYFLY_WHY_OPTIONS(.list_max = 10), &r, &err));
    assert_true(mayfly_why_count(r, MAYFLY_WHY_HEAP) >= 500);
    assert_int_equal(mayfly_why_get(r, 9, &h), 0);
    assert_int_equal(mayfly_why_get(r, 10, &h), MAYFLY_ENOTFOUND);
    assert_non_null(strstr(mayfly_why_text(r), "  and 4"));
    mayfly_why_free(r);
    for (int i = 0; i < 500; i++)
        many[i] = NULL;
    free((void *)(uintptr_t)many);
    kept_global = NULL;
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

/* --- where ptrace is refused ------------------------------------------------
 */

static int refused(void)
{
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return 10;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 11;
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    mayfly_pin *pin = NULL;
    mayfly_why_report *r = NULL;
    const char *reason = NULL;
    size_t examined = 0;
    must(mayfly_pin_take(c, "a pin", &pin, &err));
    must(mayfly_why(c, PATIENT, &r, &err));
    if (mayfly_why_threads(r, &examined, &reason) < 2 || examined != 1)
        return 12;
    if (strcmp(reason, "the kernel refuses ptrace: this process is not "
                       "dumpable") != 0)
        return 13;
    if (!strstr(mayfly_why_text(r), "pin \"a pin\"") ||
        mayfly_why_count(r, MAYFLY_WHY_GLOBAL) != 1 ||
        !strstr(mayfly_why_json(r), "not dumpable"))
        return 14;
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 15;
    mayfly_why_free(r);
    mayfly_pin_free(pin);
    mayfly_context_unref(c);
    mayfly_host_free(host);
    return 0;
}

static void test_refused(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(refused());
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* A thread in vfork does not stop before its child is done. */
typedef struct vforked {
    int begun[2], end[2];
} vforked;

static void *in_vfork(void *arg)
{
    vforked *v = arg;
    pid_t pid = vfork();
    if (pid == 0) {
        char c = 0;
        if (write(v->begun[1], &c, 1) != 1 || read(v->end[0], &c, 1) != 1)
            _exit(1);
        _exit(0);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    return status == 0 ? v : NULL;
}

static void test_thread_that_does_not_stop(void **state)
{
    (void)state;
    if (TEST_TSAN)
        skip(); /* which makes a fork of a vfork */
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    vforked v;
    pthread_t thread;
    char byte = 0;
    void *result = NULL;
    assert_int_equal(pipe(v.begun), 0);
    assert_int_equal(pipe(v.end), 0);
    pthread_create(&thread, NULL, in_vfork, &v);
    assert_int_equal(read(v.begun[0], &byte, 1), 1);
    mayfly_why_report *r = NULL;
    must(mayfly_why(c, NULL, &r, &err));
    assert_int_equal(write(v.end[1], &byte, 1), 1);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &v); /* it went on */
    size_t examined;
    const char *reason;
    assert_true(mayfly_why_threads(r, &examined, &reason) > examined);
    if (strncmp(reason, "the kernel refuses", 18) != 0)
        assert_string_equal(reason, "it did not stop in time");
    assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_GLOBAL), 1);
    mayfly_why_free(r);
    for (int i = 0; i < 2; i++) {
        close(v.begun[i]);
        close(v.end[i]);
    }
    kept_global = NULL;
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

static void *wait_here(void *barrier)
{
    pthread_barrier_wait(barrier); /* all are there */
    pthread_barrier_wait(barrier); /* all may go */
    return NULL;
}

static void test_many_threads(void **state)
{
    enum { MANY = 150 };
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    pthread_t threads[MANY];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, MANY + 1);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_here, &barrier),
                         0);
    pthread_barrier_wait(&barrier);
    mayfly_why_report *r = NULL;
    must(mayfly_why(c, PATIENT, &r, &err));
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    size_t examined;
    const char *reason;
    size_t all = mayfly_why_threads(r, &examined, &reason);
    assert_true(all > MANY);
    if (strncmp(reason, "the kernel refuses", 18) != 0)
        assert_int_equal(all, examined);
    mayfly_why_free(r);
    kept_global = NULL;
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

static void test_forked_child(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        mayfly_why_report *r = NULL;
        _exit(mayfly_why(c, NULL, &r, NULL) == MAYFLY_EFORKED && !r ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    kept_global = NULL;
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

/* --- the process goes on as it was ------------------------------------------
 */

enum { SIGNALS = 3000 };

static atomic_int handled;
static atomic_int ready, finished;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&handled, 1);
}

static void *receive(void *unused)
{
    struct timespec nap = {0, 100000};
    atomic_store(&ready, 1);
    while (!atomic_load(&finished))
        nanosleep(&nap, NULL);
    return unused;
}

static void *send_signals(void *arg)
{
    for (int i = 0; i < SIGNALS; i++) {
        while (pthread_kill(*(pthread_t *)arg, SIGRTMIN) != 0)
            usleep(100);
        if (i % 50 == 0)
            usleep(200);
    }
    return NULL;
}

static int count_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void test_no_signal_is_lost(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    struct sigaction action = {.sa_handler = on_signal}, before;
    pthread_t receiver, sender;
    sigset_t mask, mask_after;
    int descriptors = count_descriptors();
    sigaction(SIGRTMIN, &action, &before);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    pthread_create(&receiver, NULL, receive, NULL);
    while (!atomic_load(&ready))
        usleep(100);
    pthread_create(&sender, NULL, send_signals, &receiver);
    for (int i = 0; i < 60; i++) {
        mayfly_why_report *r = NULL;
        must(mayfly_why(c, PATIENT, &r, &err));
        assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_GLOBAL), 1);
        mayfly_why_free(r);
    }
    pthread_join(sender, NULL);
    for (int i = 0; i < 10000 && atomic_load(&handled) < SIGNALS; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&handled), SIGNALS);
    atomic_store(&finished, 1);
    pthread_join(receiver, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
    for (int i = 1; i < SIGRTMAX; i++)
        assert_int_equal(sigismember(&mask, i), sigismember(&mask_after, i));
    sigaction(SIGRTMIN, &before, NULL);

    /* nor is a child or a descriptor left behind */
    assert_int_equal(count_descriptors(), descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
    kept_global = NULL;
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

static void *ask_often(void *arg)
{
    mayfly_context *c = arg;
    for (int i = 0; i < 30; i++) {
        mayfly_why_report *r = NULL;
        must(mayfly_why(c, MAYFLY_WHY_OPTIONS(.timeout_ms = 60000), &r, &err));
        assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_GLOBAL), 1);
        mayfly_why_free(r);
    }
    return NULL;
}

static int echo(void *state, mayfly_call *call, const hello_Request *q,
                hello_Reply *r)
{
    (void)state;
    (void)call;
    r->number = q->number + 1;
    return 0;
}

static void test_calls_go_on(void **state)
{
    (void)state;
    static const hello_Greeter_handlers on = {.SayHello = echo};
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    pthread_t askers[2];
    must(hello_Greeter_serve(pair.server, c, &on, NULL, NULL, &err));
    must(hello_Greeter_new(c, pair.channel, &greeter, &err));
    for (int i = 0; i < 400; i++) {
        hello_Request q = {.number = i};
        hello_Reply *r = NULL;
        mayfly_call *call = hello_call(host);
        must(hello_Greeter_SayHello(greeter, call, &q, &r, &err));
        assert_int_equal(r->number, i + 1);
        mayfly_call_free(call);
        for (int k = 0; i == 0 && k < 2; k++)
            pthread_create(&askers[k], NULL, ask_often, c);
    }
    for (int k = 0; k < 2; k++)
        pthread_join(askers[k], NULL);
    kept_global = NULL;
    hello_Greeter_free(greeter);
    hello_close(&pair);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

/* Threads that come and go while they are listed. */
static void *short_lived(void *unused)
{
    return unused;
}

static void *make_threads(void *unused)
{
    while (!atomic_load(&finished)) {
        pthread_t t;
        if (pthread_create(&t, NULL, short_lived, NULL) == 0)
            pthread_join(t, NULL);
    }
    return unused;
}

static void test_threads_that_come_and_go(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    pthread_t maker;
    atomic_store(&finished, 0);
    pthread_create(&maker, NULL, make_threads, NULL);
    ask_often(c);
    atomic_store(&finished, 1);
    pthread_join(maker, NULL);
    kept_global = NULL;
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

/* What contexts before it have left at the same addresses is not its own. */
static void test_after_many_cycles(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_why_report *r = NULL;
    for (int i = 0; i < 300; i++) {
        mayfly_context *c = hello_load_source(host, HELLO_V1, source);
        if (i % 30 == 29) {
            must(mayfly_why(c, PATIENT, &r, &err));
            if (!TEST_TSAN && (mayfly_why_count(r, MAYFLY_WHY_HEAP) ||
                               mayfly_why_count(r, MAYFLY_WHY_GLOBAL)))
                fail_msg("%d: found:\n%s", i, mayfly_why_text(r));
            mayfly_why_free(r);
        }
        must(mayfly_unload(c, NULL, NULL, &err));
        mayfly_context_unref(c);
    }
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_thread_that_does_not_stop),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_forked_child),
        cmocka_unit_test(test_no_signal_is_lost),
        cmocka_unit_test(test_calls_go_on),
        cmocka_unit_test(test_threads_that_come_and_go),
        cmocka_unit_test(test_after_many_cycles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
