/*
 * Pointers that were kept too long: they fault, and what they pointed to is
 * named; handlers that the host had go on working; after the quarantine the
 * addresses are used again.
 */
#include "hello.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const char source[] = "int counter = 5;\n"
                             "int answer(void)\n"
                             "{\n"
                             "    return counter + 37;\n"
                             "}\n";

static mayfly_context *load(mayfly_host *host)
{
    return hello_load_source(host, HELLO_V1, source);
}

/* Where something of the context was; the context is unloaded. */
static void *stale_address(mayfly_host *host, const char *name)
{
    mayfly_pin *pin = NULL;
    void *address = NULL;
    mayfly_context *c = load(host);
    must(mayfly_pin_take(c, "test", &pin, &err));
    must(mayfly_pin_symbol(pin, "answer", &address, &err));
    assert_int_equal(((int (*)(void))(uintptr_t)address)(), 42);
    must(mayfly_pin_symbol(pin, name, &address, &err));
    mayfly_pin_free(pin);
    must(mayfly_unload(c, NULL, NULL, &err));
    mayfly_context_unref(c);
    return address;
}

/* Runs `work` in a child; what it writes to its descriptor comes back. */
static int in_child(void (*work)(int fd), char *text, size_t size)
{
    int ends[2], status = 0;
    size_t n = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        signal(SIGSEGV, SIG_DFL); /* cmocka has handlers of its own */
        signal(SIGBUS, SIG_DFL);
        alarm(60);
        work(ends[1]);
        _exit(99);
    }
    close(ends[1]);
    for (ssize_t got; (got = read(ends[0], text + n, size - 1 - n)) > 0;)
        n += (size_t)got;
    text[n] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void check_died(int status)
{
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void jump(int fd)
{
    mayfly_host *host = hello_host();
    mayfly_context_unref(load(host)); /* version 1 */
    must(mayfly_fault_handler_install(MAYFLY_FAULT_OPTIONS(.fd = fd), &err));
    ((void (*)(void))(uintptr_t)stale_address(host, "answer"))();
}

static void test_stale_jump(void **state)
{
    (void)state;
    char text[1024];
    unsigned seconds = 0, ms = 0;
    check_died(in_child(jump, text, sizeof text));
    char *at = strstr(text, "mayfly: SIGSEGV: jump to 0x");
    assert_non_null(at);
    at = strstr(at, "context \"hello\" version 2, unloaded ");
    assert_non_null(at);
    assert_int_equal(
        sscanf(at + strlen("context \"hello\" version 2, unloaded "),
               "%u.%u s ago: answer+0x0 (text)", &seconds, &ms),
        2);
    assert_true(seconds < 60);
    assert_non_null(strstr(at, ": answer+0x0 (text)\n"));
}

static void look(int fd)
{
    mayfly_host *host = hello_host();
    must(mayfly_fault_handler_install(MAYFLY_FAULT_OPTIONS(.fd = fd), &err));
    volatile int *counter = stale_address(host, "counter");
    (void)*counter;
}

static void test_stale_data(void **state)
{
    (void)state;
    char text[1024];
    check_died(in_child(look, text, sizeof text));
    assert_non_null(strstr(text, "mayfly: SIGSEGV: access to 0x"));
    assert_non_null(strstr(text, " s ago: counter+0x0 (data)\n"));
}

/* --- the host's own handler --- */

static sigjmp_buf back;
static volatile sig_atomic_t hosts, hosts_code;
static char told[256];

static void hosts_handler(int number, siginfo_t *info, void *machine)
{
    (void)number;
    (void)machine;
    sigset_t now;
    hosts++;
    hosts_code = info->si_code;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    if (!sigismember(&now, SIGUSR1) || !sigismember(&now, SIGSEGV))
        hosts = 1000;
    siglongjmp(back, 1);
}

static void hear(void *state, const char *text, size_t len)
{
    (void)state;
    memcpy(told, text, len < sizeof told - 1 ? len : sizeof told - 1);
}

static void set_hosts_handler(struct sigaction *ret_old)
{
    struct sigaction mine;
    memset(&mine, 0, sizeof mine);
    mine.sa_sigaction = hosts_handler;
    mine.sa_flags = SA_SIGINFO;
    sigemptyset(&mine.sa_mask);
    sigaddset(&mine.sa_mask, SIGUSR1);
    sigaction(SIGSEGV, &mine, ret_old);
}

static void chained(int fd)
{
    mayfly_host *host = hello_host();
    struct sigaction before, now;
    set_hosts_handler(&before);
    must(mayfly_fault_handler_install(
        MAYFLY_FAULT_OPTIONS(.fd = fd, .write = hear), &err));
    /* not ours: an address that nobody has */
    if (sigsetjmp(back, 1) == 0) {
        volatile uintptr_t none = 8;
        *(volatile int *)none = 1;
    }
    if (hosts != 1 || hosts_code != SEGV_MAPERR || told[0])
        _exit(1);
    /* ours: told, and passed on */
    void (*stale)(void) =
        (void (*)(void))(uintptr_t)stale_address(host, "answer");
    if (sigsetjmp(back, 1) == 0)
        stale();
    if (hosts != 2 || !strstr(told, "answer+0x0 (text)\n"))
        _exit(2);
    /* sent by somebody */
    told[0] = 0;
    if (sigsetjmp(back, 1) == 0)
        raise(SIGSEGV);
    if (hosts != 3 || hosts_code > 0 || told[0])
        _exit(3);
    must(mayfly_fault_handler_remove(&err));
    sigaction(SIGSEGV, NULL, &now);
    if (now.sa_sigaction != hosts_handler)
        _exit(4);
    if (sigsetjmp(back, 1) == 0)
        stale();
    if (hosts != 4 || told[0])
        _exit(5);
    mayfly_host_free(host);
    _exit(0);
}

static void test_hosts_handler_runs(void **state)
{
    (void)state;
    char text[1024];
    int status = in_child(chained, text, sizeof text);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("child: %d: %s", status, text);
    assert_non_null(strstr(text, "answer+0x0 (text)\n"));
    assert_null(strstr(text, "0x8:"));
}

static void by_default(int fd)
{
    must(mayfly_fault_handler_install(MAYFLY_FAULT_OPTIONS(.fd = fd), &err));
    raise(SIGBUS); /* sent, default action: ends it */
}

static void test_default_action(void **state)
{
    (void)state;
    char text[1024];
    int status = in_child(by_default, text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    assert_string_equal(text, "");
}

static void test_install_and_remove(void **state)
{
    (void)state;
    struct sigaction before, over, now;
    must_fail(mayfly_fault_handler_remove(&err), MAYFLY_ENOTFOUND, "");
    must_fail(mayfly_fault_handler_install(NULL, &err), MAYFLY_EINVAL, "");
    sigaction(SIGSEGV, NULL, &before);
    must(mayfly_fault_handler_install(MAYFLY_FAULT_OPTIONS(.write = hear),
                                      &err));
    must_fail(
        mayfly_fault_handler_install(MAYFLY_FAULT_OPTIONS(.write = hear), &err),
        MAYFLY_EEXIST, "");
    set_hosts_handler(&over);
    must_fail(mayfly_fault_handler_remove(&err), MAYFLY_EBUSY, "");
    sigaction(SIGSEGV, &over, NULL);
    must(mayfly_fault_handler_remove(&err));
    sigaction(SIGSEGV, NULL, &now);
    assert_true(now.sa_handler == before.sa_handler);
}

/* --- the quarantine --- */

static void test_quarantine(void **state)
{
    (void)state;
    enum { WAIT = 4 };
    mayfly_host *host = hello_host();
    void *at[2 * WAIT];
    char text[256], cut[8];
    must(mayfly_host_set_quarantine(host, WAIT, 600000, &err));
    for (int i = 0; i < WAIT; i++)
        at[i] = stale_address(host, "answer");
    for (int i = 0; i < WAIT; i++) {
        for (int k = 0; k < i; k++)
            assert_ptr_not_equal(at[i], at[k]);
        size_t n = mayfly_explain_fault((char *)at[i] + 1, text, sizeof text);
        assert_true(n > 0 && n == strlen(text));
        assert_non_null(strstr(text, "answer+0x1 (text)"));
    }
    assert_int_equal(mayfly_explain_fault(at[0], cut, sizeof cut), 7);
    assert_int_equal(strlen(cut), 7);
    mayfly_explain_fault(at[0], NULL, 0);
    assert_int_equal(mayfly_explain_fault(&host, text, sizeof text), 0);
    assert_string_equal(text, "");

    /* by number: one more, and the first one's address is free */
    at[WAIT] = stale_address(host, "answer");
    assert_int_equal(mayfly_explain_fault(at[0], text, sizeof text), 0);
    int used = 0;
    for (int i = 0; i < 4 * WAIT; i++)
        used |= stale_address(host, "answer") == at[0];
    assert_true(used);

    /* by age */
    must(mayfly_host_set_quarantine(host, WAIT, 1, &err));
    usleep(5000);
    mayfly_context *c = load(host);
    mayfly_pin *pin = NULL;
    void *live = NULL;
    must(mayfly_pin_take(c, "test", &pin, &err));
    must(mayfly_pin_symbol(pin, "answer", &live, &err));
    for (int i = 0; i <= WAIT; i++)
        assert_int_equal(mayfly_explain_fault(at[i], text, sizeof text), 0);
    assert_int_equal(mayfly_explain_fault(live, text, sizeof text), 0);
    mayfly_pin_free(pin);

    /* not at all */
    must(mayfly_host_set_quarantine(host, 0, 0, &err));
    must(mayfly_unload(c, NULL, NULL, &err));
    mayfly_context_unref(c);
    assert_int_equal(mayfly_explain_fault(live, text, sizeof text), 0);
    assert_ptr_equal(stale_address(host, "answer"),
                     stale_address(host, "answer"));
    must_fail(mayfly_host_set_quarantine(host, 65537, 0, &err), MAYFLY_EINVAL,
              "quarantine");
    mayfly_host_free(host);
}

/* Many more than the table has room for; the newest are known. */
static void test_many(void **state)
{
    (void)state;
    mayfly_host *host = NULL;
    void *at = NULL;
    char text[256];
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.quarantine_max = 200), &host,
                         &err));
    void *old[100];
    for (int i = 0; i < 100; i++)
        old[i] = stale_address(host, "answer");
    for (int i = 0; i < 100; i++)
        assert_true(mayfly_explain_fault(old[i], text, sizeof text) > 0);
    for (int i = 0; i < 200; i++)
        at = stale_address(host, "answer");
    assert_int_equal(mayfly_explain_fault(old[99], text, sizeof text), 0);
    assert_true(mayfly_explain_fault(at, text, sizeof text) > 0);
    assert_non_null(strstr(text, "version 300,"));
    mayfly_host_free(host);
    assert_int_equal(mayfly_explain_fault(at, text, sizeof text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stale_jump),
        cmocka_unit_test(test_stale_data),
        cmocka_unit_test(test_hosts_handler_runs),
        cmocka_unit_test(test_default_action),
        cmocka_unit_test(test_install_and_remove),
        cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
