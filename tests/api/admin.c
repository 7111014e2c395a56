/*
 * An admin socket: who may, what is sent that is no request, how much of
 * anything, and how it ends.
 */
#include "admin.h"

#include <pthread.h>
#include <grp.h>
#include <sys/wait.h>

/* --- the name ------------------------------------------------------------- */

static unsigned mode_of(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return 0;
    assert_true(S_ISSOCK(st.st_mode));
    return st.st_mode & 07777;
}

static void the_name_has_its_mode(void **state)
{
    (void)state;
    admin_world w;
    mode_t before = umask(0);
    admin_begin(&w, NULL);
    assert_int_equal(mode_of(w.path), 0600);
    mayfly_admin_close(w.admin);
    assert_int_equal(mode_of(w.path), 0);

    umask(0077); /* which does not take from what was asked for */
    must(mayfly_admin_listen(w.host, w.path, MAYFLY_ADMIN_OPTIONS(.mode = 0666),
                             &w.admin, &err));
    umask(before);
    assert_int_equal(mode_of(w.path), 0666);
    mayfly_admin_close(w.admin);

    struct stat st;
    must(mayfly_admin_listen(w.host, w.path,
                             MAYFLY_ADMIN_OPTIONS(.gid = getegid()), &w.admin,
                             &err));
    assert_int_equal(mode_of(w.path), getegid() ? 0660 : 0600);
    assert_int_equal(lstat(w.path, &st), 0);
    assert_int_equal(st.st_gid, getegid());
    int found = 0, client = admin_connect(w.path);
    free(admin_ask(client, ADMIN_STAT));
    for (int fd = 0; fd < 256; fd++) { /* the listening one and the accepted */
        struct sockaddr_un at = {0};
        socklen_t n = sizeof at;
        if (getsockname(fd, (struct sockaddr *)&at, &n) != 0 ||
            strncmp(at.sun_path, w.folder, strlen(w.folder)) != 0)
            continue;
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        found++;
    }
    assert_int_equal(found, 2);
    close(client);
    admin_end(&w);
}

/* A socket that nobody listens on, as a process leaves it that was killed. */
static void leave_stale(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(at.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
}

static void names_in_use(void **state)
{
    (void)state;
    admin_world w;
    mayfly_admin *other = NULL;
    admin_begin(&w, NULL);
    must_fail(mayfly_admin_listen(w.host, w.path, NULL, &other, &err),
              MAYFLY_EEXIST, "in use");
    mayfly_admin_close(w.admin);

    /* what a dead process has left is replaced */
    leave_stale(w.path);
    must(mayfly_admin_listen(w.host, w.path, NULL, &w.admin, &err));
    admin_answers(&w, ADMIN_STAT, "\"ok\":true");

    /* what somebody else has put there meanwhile is not taken away */
    assert_int_equal(unlink(w.path), 0);
    leave_stale(w.path);
    mayfly_admin_close(w.admin);
    assert_int_equal(unlink(w.path), 0);

    /* no socket: it stays */
    int fd = open(w.path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    must_fail(mayfly_admin_listen(w.host, w.path, NULL, &w.admin, &err),
              MAYFLY_EEXIST, w.path);
    assert_int_equal(unlink(w.path), 0);

    char path[200];
    must_fail(mayfly_admin_listen(w.host, "", NULL, &w.admin, &err),
              MAYFLY_EINVAL, "path");
    memset(path, 'x', 110);
    path[0] = '/';
    path[110] = '\0';
    must_fail(mayfly_admin_listen(w.host, path, NULL, &w.admin, &err),
              MAYFLY_EINVAL, "bytes");
    snprintf(path, sizeof path, "%s/none/socket", w.folder);
    must_fail(mayfly_admin_listen(w.host, path, NULL, &w.admin, &err),
              MAYFLY_EIO, path);
    must_fail(mayfly_admin_listen(w.host, w.path,
                                  MAYFLY_ADMIN_OPTIONS(.mode = 010000),
                                  &w.admin, &err),
              MAYFLY_EINVAL, "mode");

    /* "unix:", and a folder that is changed meanwhile */
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(w.folder), 0);
    must(mayfly_admin_listen(w.host, "unix:socket", NULL, &w.admin, &err));
    assert_int_equal(chdir(before), 0);
    admin_answers(&w, ADMIN_STAT, "\"ok\":true");
    admin_end(&w);
}

/* --- who -------------------------------------------------------------------
 */

/* What a process of another user and group is answered; 0: as expected. */
static int ask_as(const admin_world *w, unsigned uid, unsigned gid,
                  const char *part)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
            setresuid(uid, uid, uid) != 0)
            _exit(2);
        int fd = admin_connect(w->path);
        if (fd < 0)
            _exit(part[0] ? 1 : 0);
        admin_send(fd, ADMIN_STAT "\n", strlen(ADMIN_STAT) + 1);
        char *answer = admin_line(fd);
        _exit(part[0] && answer && strstr(answer, part) ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void others_may_not(void **state)
{
    (void)state;
    admin_world w;
    if (geteuid() != 0) {
        skip(); /* cannot become somebody else */
        return;
    }
    /* by the socket's permissions */
    admin_begin(&w, NULL);
    assert_int_equal(chmod(w.folder, 0755), 0);
    assert_int_equal(ask_as(&w, 4321, 4321, ""), 0);
    mayfly_admin_close(w.admin);

    /* by what the kernel says of them */
    unsigned uids[] = {4322};
    must(mayfly_admin_listen(w.host, w.path,
                             MAYFLY_ADMIN_OPTIONS(.mode = 0666, .uids = uids,
                                                  .n_uids = 1, .gid = 4330),
                             &w.admin, &err));
    uids[0] = 4321; /* it was copied */
    assert_int_equal(ask_as(&w, 4321, 4321, "MAYFLY_EREFUSED"), 0);
    assert_int_equal(ask_as(&w, 4322, 4321, "\"ok\":true"), 0);
    assert_int_equal(ask_as(&w, 4321, 4330, "\"ok\":true"), 0);
    admin_end(&w);
}

/* --- what is sent ----------------------------------------------------------
 */

static void no_requests(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"", "MAYFLY_EJSON"},
        {"hello", "MAYFLY_EJSON"},
        {"[]", "MAYFLY_EINVAL"},
        {"{}", "MAYFLY_EINVAL"},
        {"{\"mayfly\":1}", "MAYFLY_EINVAL"},
        {"{\"command\":\"stat\"}", "MAYFLY_EINVAL"},
        {"{\"mayfly\":2,\"command\":\"stat\"}", "MAYFLY_EUNSUPPORTED"},
        {"{\"mayfly\":1.0,\"command\":\"stat\"}", "MAYFLY_EINVAL"},
        {"{\"mayfly\":1,\"command\":\"dance\"}", "no command"},
        {"{\"mayfly\":1,\"command\":\"stat\",\"x\":1}", "no such member"},
        {"{\"mayfly\":1,\"command\":\"stat\",\"mayfly\":1}", "again"},
        {"{\"mayfly\":1,\"command\":\"stat\",\"unit\":\"a\"}", "takes no"},
        {"{\"mayfly\":1,\"command\":\"stat\"} x", "MAYFLY_EJSON"},
        {"{\"mayfly\":1,\"command\":\"why\"}", "needs a"},
        {"{\"mayfly\":1,\"command\":\"why\",\"unit\":7}", "a string"},
        {"{\"mayfly\":1,\"command\":\"why\",\"unit\":\"\"}", "empty"},
        {"{\"mayfly\":1,\"command\":\"why\",\"unit\":\"a\\u0000b\"}",
         "zero byte"},
        {"{\"mayfly\":1,\"command\":\"why\",\"unit\":\"none\"}",
         "MAYFLY_ENOTFOUND"},
        {"{\"mayfly\":1,\"command\":\"load\",\"unit\":\"a\"}", "needs a"},
        {"{\"mayfly\":1,\"command\":\"load\",\"unit\":\"a\",\"schema\":{}}",
         "a name and a text"},
        {"{\"mayfly\":1,\"command\":\"load\",\"unit\":\"a\",\"schema\":"
         "{\"path\":\"a.proto\"}}",
         "not absolute"},
        {"{\"mayfly\":1,\"command\":\"unload\",\"unit\":\"a\",\"wait_ms\":"
         "60001}",
         "60000"},
        {"{\"mayfly\":1,\"command\":\"unload\",\"unit\":\"a\",\"force\":1}",
         "true or false"},
        {"\x80\xff{", "MAYFLY_EJSON"},
    };
    admin_world w;
    admin_begin(&w, NULL);
    int fd = admin_connect(w.path);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char *answer = admin_ask(fd, lines[i][0]);
        admin_has(answer, "{\"mayfly\":1,\"ok\":false,\"error\":{");
        admin_has(answer, lines[i][1]);
        free(answer);
    }
    /* the connection is as good as ever, for a line with spaces, too */
    char *answer = admin_ask(fd, " { \"command\" : \"stat\" , \"mayfly\" : 1 } "
                                 "\r");
    admin_has(answer, "\"ok\":true");
    free(answer);
    close(fd);
    admin_end(&w);
}

static void sent_ahead_and_in_pieces(void **state)
{
    (void)state;
    admin_world w;
    admin_begin(&w, NULL);
    int fd = admin_connect(w.path);
    const char *both = ADMIN_STAT "\nx\n" ADMIN_STAT "\n";
    assert_int_equal(admin_send(fd, both, strlen(both)), 0);
    assert_int_equal(shutdown(fd, SHUT_WR),
                     0); /* the answers come all the same */
    for (int i = 0; i < 3; i++) {
        char *answer = admin_line(fd);
        admin_has(answer, i == 1 ? "MAYFLY_EJSON" : "\"ok\":true");
        free(answer);
    }
    assert_null(admin_line(fd));
    close(fd);

    fd = admin_connect(w.path);
    for (const char *p = ADMIN_STAT; *p; p++) {
        assert_int_equal(admin_send(fd, p, 1), 0);
        usleep(200);
    }
    char *answer = admin_ask(fd, "");
    admin_has(answer, "\"ok\":true");
    free(answer);
    close(fd);
    admin_end(&w);
}

static void lines_have_a_bound(void **state)
{
    (void)state;
    admin_world w;
    char *long_line = malloc(300000);
    memset(long_line, ' ', 300000);
    admin_begin(&w, MAYFLY_ADMIN_OPTIONS(.request_bytes_max = 1000));
    int fd = admin_connect(w.path);
    admin_send(fd, long_line, 300000); /* without an end */
    char *answer = admin_line(fd);
    admin_has(answer, "MAYFLY_ELIMIT");
    free(answer);
    assert_null(admin_line(fd));
    close(fd);

    fd = admin_connect(w.path);
    long_line[1001] = '\n';
    admin_send(fd, long_line, 1002);
    answer = admin_line(fd);
    admin_has(answer, "1000 bytes");
    free(answer);
    close(fd);

    fd = admin_connect(w.path); /* just as long as it may be */
    memcpy(long_line, ADMIN_STAT, strlen(ADMIN_STAT));
    long_line[1000] = '\n';
    admin_send(fd, long_line, 1001);
    answer = admin_line(fd);
    admin_has(answer, "\"ok\":true");
    free(answer);
    close(fd);
    free(long_line);
    admin_end(&w);
}

/* --- how long, how many ------------------------------------------------------
 */

static void slow_peers_are_closed(void **state)
{
    (void)state;
    admin_world w;
    admin_begin(&w, MAYFLY_ADMIN_OPTIONS(.timeout_ms = 100));
    int silent = admin_connect(w.path), half = admin_connect(w.path);
    admin_send(half, "{\"mayfly\":", 10);
    assert_null(admin_line(silent));
    assert_null(admin_line(half));
    close(silent);
    close(half);

    /* one that asks and asks, and takes no answer: its socket fills */
    int deaf = admin_connect(w.path);
    struct timeval soon = {.tv_sec = 30};
    setsockopt(deaf, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    int closed = 0;
    for (int i = 0; i < 100000 && !closed; i++)
        closed = admin_send(deaf, ADMIN_STAT "\n", strlen(ADMIN_STAT) + 1) != 0;
    assert_true(closed);
    assert_true(errno == EPIPE || errno == ECONNRESET);
    close(deaf);
    admin_answers(&w, ADMIN_STAT, "\"ok\":true");
    admin_end(&w);
}

static void connections_have_a_bound(void **state)
{
    (void)state;
    enum { MOST = 5 };
    admin_world w;
    int fds[MOST];
    admin_begin(&w, MAYFLY_ADMIN_OPTIONS(.connections_max = MOST));
    for (int i = 0; i < MOST; i++) {
        fds[i] = admin_connect(w.path);
        char *answer = admin_ask(fds[i], ADMIN_STAT);
        admin_has(answer, "\"ok\":true");
        free(answer);
    }
    int more = admin_connect(w.path);
    char *answer = admin_line(more);
    admin_has(answer, "MAYFLY_ELIMIT");
    free(answer);
    assert_null(admin_line(more));
    close(more);

    close(fds[0]); /* there is room again, as soon as it is seen */
    int ok = 0;
    for (int i = 0; i < 5000 && !ok; i++) {
        int fd = admin_connect(w.path);
        admin_send(fd, ADMIN_STAT "\n", strlen(ADMIN_STAT) + 1);
        answer = admin_line(fd);
        ok = answer && strstr(answer, "\"ok\":true");
        free(answer);
        close(fd);
        usleep(1000);
    }
    assert_true(ok);
    for (int i = 1; i < MOST; i++)
        close(fds[i]);
    admin_end(&w);
}

static void *ask_often(void *of)
{
    const admin_world *w = of;
    intptr_t answered = 0;
    for (int i = 0; i < 20; i++) {
        int fd = admin_connect(w->path);
        if (fd < 0)
            continue;
        admin_send(fd, ADMIN_STAT "\n", strlen(ADMIN_STAT) + 1);
        char *answer = i % 4 ? admin_line(fd) : NULL; /* some do not wait */
        answered += answer && strstr(answer, "\"ok\":true");
        free(answer);
        close(fd);
    }
    return (void *)answered;
}

static void many_at_once(void **state)
{
    (void)state;
    enum { THREADS = 6 };
    pthread_t threads[THREADS];
    intptr_t answered = 0;
    admin_world w;
    admin_begin(&w, MAYFLY_ADMIN_OPTIONS(.connections_max = 100));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &w), 0);
    for (int i = 0; i < THREADS; i++) {
        void *n;
        pthread_join(threads[i], &n);
        answered += (intptr_t)n;
    }
    assert_int_equal(answered, THREADS * 15);
    admin_end(&w);
}

/* --- ends --------------------------------------------------------------------
 */

static void ends_with_its_host(void **state)
{
    (void)state;
    admin_world w;
    admin_begin(&w, NULL);
    int idle = admin_connect(w.path), half = admin_connect(w.path);
    int busy = admin_connect(w.path);
    char *answer = admin_ask(busy, ADMIN_STAT);
    free(answer);
    admin_send(half, "{", 1);
    admin_send(busy, ADMIN_STAT "\n", strlen(ADMIN_STAT) + 1);
    mayfly_host_free(w.host);
    assert_int_equal(mode_of(w.path), 0);
    assert_null(admin_line(idle));
    assert_null(admin_line(half));
    free(admin_line(busy)); /* its answer, or none */
    close(idle);
    close(half);
    close(busy);
    mayfly_admin_close(w.admin); /* afterwards */
    mayfly_admin_close(NULL);
    assert_int_equal(rmdir(w.folder), 0);
}

static void closing_ends_connections(void **state)
{
    (void)state;
    admin_world w;
    admin_begin(&w, NULL);
    int fd = admin_connect(w.path);
    admin_send(fd, ADMIN_STAT "\n", strlen(ADMIN_STAT) + 1);
    mayfly_admin_close(w.admin);
    free(admin_line(fd));
    assert_null(admin_line(fd));
    close(fd);
    assert_int_equal(admin_connect(w.path), -1);
    assert_int_equal(errno, ENOENT);

    /* several of one host */
    char other[120];
    mayfly_admin *second = NULL;
    snprintf(other, sizeof other, "%s-2", w.path);
    must(mayfly_admin_listen(w.host, w.path, NULL, &w.admin, &err));
    must(mayfly_admin_listen(w.host, other, NULL, &second, &err));
    admin_answers(&w, ADMIN_STAT, "\"ok\":true");
    mayfly_admin_close(second);
    admin_answers(&w, ADMIN_STAT, "\"ok\":true");
    admin_end(&w);
}

static void a_child_takes_nothing_away(void **state)
{
    (void)state;
    admin_world w;
    admin_begin(&w, NULL);
    pid_t child = fork();
    if (child == 0) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        mayfly_admin *mine;
        alarm(60);
        mayfly_admin_close(w.admin);
        _exit(mayfly_admin_listen(w.host, "/tmp/x", NULL, &mine, &err) ==
                      MAYFLY_EFORKED
                  ? 0
                  : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    admin_answers(&w, ADMIN_STAT, "\"ok\":true");
    admin_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_has_its_mode),
        cmocka_unit_test(names_in_use),
        cmocka_unit_test(others_may_not),
        cmocka_unit_test(no_requests),
        cmocka_unit_test(sent_ahead_and_in_pieces),
        cmocka_unit_test(lines_have_a_bound),
        cmocka_unit_test(slow_peers_are_closed),
        cmocka_unit_test(connections_have_a_bound),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(ends_with_its_host),
        cmocka_unit_test(closing_ends_connections),
        cmocka_unit_test(a_child_takes_nothing_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
