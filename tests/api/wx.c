/*
 * No page is ever writable and executable, and code is never mapped writable:
 * a thread reads the process's mappings all through loads, calls, reloads and
 * unloads. Then the same where the system refuses such pages, by PR_SET_MDWE
 * and by a seccomp filter; and where it refuses executable memory altogether,
 * which is an error that says so.
 *
 * Each case runs in a child: what it forbids itself cannot be allowed again.
 */
#include "hello.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CYCLES = 20, CALLS = 5, CANNOT = 77, MDWE = 65 };

static const char source[] =
    "#include \"hello.mf.h\"\n"
    "static int served;\n"
    "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
    "    const hello_Request *q, hello_Reply *r)\n"
    "{ r->number = q->number + 1; served++; return 0; }\n";

/* --- watching --------------------------------------------------------------
 */

typedef struct watch {
    atomic_int stop;
    atomic_int looks;

    char found[256]; /* the first line that must not be */
} watch;

static char *read_maps(void)
{
    size_t len = 0, room = 1 << 20;
    char *text = malloc(room);
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;
    while (text && fd >= 0 && len + 1 < room &&
           (n = read(fd, text + len, room - 1 - len)) > 0)
        len += (size_t)n;
    if (fd >= 0)
        close(fd);
    if (text)
        text[len] = '\0';
    return text;
}

static void look(watch *w)
{
    char *text = read_maps();
    for (char *line = text, *next; line && *line; line = next) {
        char *end = strchr(line, '\n');
        next = end ? end + 1 : line + strlen(line);
        if (end)
            *end = '\0';
        const char *rights = strchr(line, ' ');
        int ours = strstr(line, "memfd:mayfly-code") != NULL;
        if (!rights)
            continue;
        int writable = rights[2] == 'w', executable = rights[3] == 'x';
        if (writable && (executable || ours) && !w->found[0])
            snprintf(w->found, sizeof w->found, "%s", line);
    }
    free(text);
    atomic_fetch_add(&w->looks, 1);
}

static void *watching(void *arg)
{
    watch *w = arg;
    while (!atomic_load(&w->stop))
        look(w);
    return NULL;
}

/* --- whole lives ------------------------------------------------------------
 */

static int load(mayfly_host *host, mayfly_context **ret, mayfly_error *err)
{
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    const mayfly_source handlers[] = {{"handlers.c", source, 0}};
    return mayfly_load_text(
        host, "hello", &schema,
        MAYFLY_LOAD_OPTIONS(.handlers = handlers, .n_handlers = 1), ret, err);
}

static void call(mayfly_host *host, hello_Greeter *proxy, int64_t number)
{
    mayfly_call *call = hello_call(host);
    hello_Reply *reply = NULL;
    must(hello_Greeter_SayHello(proxy, call, &(hello_Request){.number = number},
                                &reply, &err));
    assert_int_equal(reply->number, number + 1);
    mayfly_call_free(call);
}

static void live(mayfly_host *host)
{
    mayfly_context *c = NULL;
    hello_Greeter *proxy = NULL;
    must(load(host, &c, &err));
    hello_pair pair = hello_connect(host);
    must(mayfly_server_add_context(pair.server, c, NULL, NULL, &err));
    must(hello_Greeter_new(c, pair.channel, &proxy, &err));
    for (int i = 0; i < CALLS; i++)
        call(host, proxy, i);
    hello_Greeter_free(proxy);
    hello_close(&pair);
    must(mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 10000), NULL, &err));
    mayfly_context_unref(c);
}

static int lives(void)
{
    watch w = {.stop = 0};
    pthread_t watcher;
    assert_int_equal(pthread_create(&watcher, NULL, watching, &w), 0);
    mayfly_host *host = hello_host();
    for (int i = 0; i < CYCLES; i++) {
        live(host);
        look(&w);
        if (i % 5 == 0)
            mayfly_host_trim(host);
    }
    mayfly_host_free(host);
    atomic_store(&w.stop, 1);
    pthread_join(watcher, NULL);
    if (w.found[0])
        fprintf(stderr, "%s\n", w.found);
    return w.found[0] || atomic_load(&w.looks) <= CYCLES;
}

/* --- where it is forbidden --------------------------------------------------
 */

static int lives_under_mdwe(void)
{
    /* PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN; older kernels have none */
    if (prctl(MDWE, 1ul, 0ul, 0ul, 0ul) != 0)
        return errno == EINVAL ? CANNOT : 2;
    return lives();
}

/* Refuses mmap and mprotect whose rights have all of `mapped` or of `changed`.
 */
static int refuse(unsigned mapped, unsigned changed)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_mmap, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_mprotect, 4, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mapped),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mapped, 3, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, changed),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, changed, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return 0;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int is_refused(int rights)
{
    void *p = mmap(NULL, 4096, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED)
        munmap(p, 4096);
    return p == MAP_FAILED;
}

static int lives_under_a_filter(void)
{
    if (!refuse(PROT_WRITE | PROT_EXEC, PROT_EXEC))
        return CANNOT;
    return is_refused(PROT_WRITE | PROT_EXEC) ? lives() : 3;
}

static int nothing_executable(void)
{
    if (!refuse(PROT_EXEC, PROT_EXEC))
        return CANNOT;
    if (!is_refused(PROT_READ | PROT_EXEC))
        return 3;
    mayfly_host *host = hello_host();
    mayfly_context *c = NULL;
    must_fail(load(host, &c, &err), MAYFLY_EIO, "executable memory");
    must_fail(load(host, &c, &err), MAYFLY_EIO, "executable memory");
    mayfly_host_free(host);
    return c != NULL;
}

static int in_child(int (*run)(void))
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(run());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void must_run(int (*run)(void))
{
    int code = in_child(run);
    if (code == CANNOT)
        skip();
    assert_int_equal(code, 0);
}

static void test_watched(void **state)
{
    (void)state;
    must_run(lives);
}

static void test_under_mdwe(void **state)
{
    (void)state;
    must_run(lives_under_mdwe);
}

static void test_under_a_filter(void **state)
{
    (void)state;
    must_run(lives_under_a_filter);
}

static void test_refused_altogether(void **state)
{
    (void)state;
    must_run(nothing_executable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watched),
        cmocka_unit_test(test_under_mdwe),
        cmocka_unit_test(test_under_a_filter),
        cmocka_unit_test(test_refused_altogether),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
