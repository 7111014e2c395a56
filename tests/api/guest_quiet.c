/*
 * mayfly writes nothing to standard output or error and changes nothing that
 * belongs to the whole process, whatever goes wrong: bad schemas, bad handler
 * source, calls that fail, lack of memory.
 */
#include "guest.h"

#include "tests/support/fault.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* What a library may not change. */
typedef struct process_state {
    struct sigaction actions[NSIG];
    sigset_t mask;
    char **environment;
    char locale[64];
    char folder[1000];
    mode_t creation_mask;
    struct rlimit limits[RLIM_NLIMITS];
} process_state;

static void read_state(process_state *s)
{
    memset(s, 0, sizeof *s);
    for (int n = 1; n < NSIG; n++)
        sigaction(n, NULL, &s->actions[n]);
    pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
    s->environment = environ;
    snprintf(s->locale, sizeof s->locale, "%s", setlocale(LC_ALL, NULL));
    assert_non_null(getcwd(s->folder, sizeof s->folder));
    s->creation_mask = umask(0);
    umask(s->creation_mask);
    for (unsigned i = 0; i < RLIM_NLIMITS; i++)
        getrlimit(i, &s->limits[i]);
}

static void same_state(const process_state *a, const process_state *b)
{
    for (int n = 1; n < NSIG; n++) {
        assert_true(a->actions[n].sa_handler == b->actions[n].sa_handler);
        assert_int_equal(a->actions[n].sa_flags, b->actions[n].sa_flags);
        assert_int_equal(sigismember(&a->mask, n), sigismember(&b->mask, n));
    }
    assert_ptr_equal(a->environment, b->environment);
    assert_string_equal(a->locale, b->locale);
    assert_string_equal(a->folder, b->folder);
    assert_int_equal(a->creation_mask, b->creation_mask);
    assert_memory_equal(a->limits, b->limits, sizeof a->limits);
}

static int load(mayfly_host *host, const char *schema, const char *handlers)
{
    const mayfly_source s = {"bad.proto", schema, 0};
    const mayfly_source h = {"handlers.c", handlers, 0};
    mayfly_context *context = NULL;
    int code = mayfly_load_text(
        host, "bad", &s,
        MAYFLY_LOAD_OPTIONS(.handlers = &h, .n_handlers = handlers ? 1 : 0),
        &context, NULL);
    mayfly_context_unref(context);
    return code;
}

/* Standard output is a file while things go wrong, so what is not as expected
 * is kept and told afterwards. */
static char unexpected[1000];

static void expect(const char *what, int code, int wanted)
{
    size_t used = strlen(unexpected);
    if (code != wanted)
        snprintf(unexpected + used, sizeof unexpected - used,
                 "%s: %s, not %s\n", what, mayfly_error_name(code),
                 mayfly_error_name(wanted));
}

static void go_wrong(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_channel *channel;
    int status = 0;
    guest g;
    int code = guest_start(&g, NULL, &err);

    expect("start", code, 0);
    if (code != 0)
        return;
    expect("a bad schema",
           load(g.host, "syntax = \"proto3\"; message { }", NULL),
           MAYFLY_ESCHEMA);
    expect("bad syntax", load(g.host, GUEST_SCHEMA, "int f( {"),
           MAYFLY_ECOMPILE);
    expect("#error", load(g.host, GUEST_SCHEMA, "#error no\n"),
           MAYFLY_ECOMPILE);
    expect("warnings",
           load(g.host, GUEST_SCHEMA, "#warning hm\nint x = \"a\";"), 0);
    expect("an unknown function",
           load(g.host, GUEST_SCHEMA,
                "int nobody(void);\n"
                "int f(void) { return nobody(); }"),
           MAYFLY_ELINK);
    expect("dial", mayfly_dial(g.host, "127.0.0.1:1", NULL, &channel, &err), 0);
    expect("nobody listens", guest_call(g.host, channel, 10, &status, &err),
           MAYFLY_ESTATUS);
    expect("its status", -status, -MAYFLY_STATUS_UNAVAILABLE);
    mayfly_channel_unref(channel);
    expect("unload", mayfly_unload(g.context, NULL, NULL, &err), 0);
    expect("unload again", mayfly_unload(g.context, NULL, NULL, &err),
           MAYFLY_EUNLOADED);
    guest_stop(&g);
}

/* Some allocations fail, for ever: nothing may reach an exit of a library. */
static void run_short_of_memory(void)
{
    for (long n = 1; n < 400; n += 13) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        mayfly_context *context;
        mayfly_host *host;
        fault f;

        fault_init(&f, n, 1);
        mayfly_allocator table = fault_table(&f);
        if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = &table), &host,
                            &err) == 0) {
            if (guest_load(host, &context, &err) == 0)
                mayfly_context_unref(context);
            mayfly_host_free(host);
        }
        if (atomic_load(&f.live) != 0)
            expect("blocks are left", MAYFLY_EINTERNAL, 0);
    }
}

static void nothing_is_printed_or_changed(void **state)
{
    char name[] = "/tmp/mayfly-quiet-XXXXXX";
    static process_state before, after;
    (void)state;

    int file = mkstemp(name);
    assert_true(file >= 0);
    unlink(name);
    fflush(stdout);
    fflush(stderr);
    int out = fcntl(1, F_DUPFD_CLOEXEC, 10);
    int error = fcntl(2, F_DUPFD_CLOEXEC, 10);
    read_state(&before);
    dup2(file, 1);
    dup2(file, 2);
    go_wrong();
    run_short_of_memory();
    fflush(stdout);
    fflush(stderr);
    dup2(out, 1);
    dup2(error, 2);
    close(out);
    close(error);
    read_state(&after);

    char text[400] = "";
    struct stat st;
    assert_int_equal(fstat(file, &st), 0);
    ssize_t n = pread(file, text, sizeof text - 1, 0);
    close(file);
    if (n > 0)
        fail_msg("%lld bytes were printed: %s", (long long)st.st_size, text);
    if (unexpected[0])
        fail_msg("%s", unexpected);
    same_state(&before, &after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_printed_or_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
