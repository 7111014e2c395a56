/*
 * Every descriptor that mayfly opens is close-on-exec, at any moment; and all
 * are closed in the end.
 */
#include "guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { FD_MAX = 4096 };

static unsigned char at_start[FD_MAX];
static atomic_int done;

/* Looks at every open descriptor; returns how many are new. Those that are not
 * close-on-exec are counted in `ret_open`, and named. */
static int scan(int *ret_open)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    int n = 0;

    *ret_open = 0;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char link[300] = "";
        char target[200] = "";
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(dir) || fd >= FD_MAX ||
            at_start[fd])
            continue;
        int flags = fcntl(fd, F_GETFD);
        if (flags < 0) /* closed by another thread meanwhile */
            continue;
        n++;
        if (flags & FD_CLOEXEC)
            continue;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, target, sizeof target - 1) > 0)
            print_message("not close-on-exec: %d %s\n", fd, target);
        (*ret_open)++;
    }
    closedir(dir);
    return n;
}

/* Connects, calls and loads while the test looks. */
static void *busy(void *state)
{
    guest *g = state;
    mayfly_error err = MAYFLY_ERROR_INIT;

    for (int i = 0; i < 30; i++) {
        mayfly_channel *channel;
        mayfly_context *context;
        if (mayfly_dial(g->host, g->target, NULL, &channel, &err) == 0) {
            guest_call(g->host, channel, 1000, NULL, &err);
            mayfly_channel_unref(channel);
        }
        if (guest_load(g->host, &context, &err) == 0)
            mayfly_context_unref(context);
    }
    atomic_store(&done, 1);
    return NULL;
}

static void all_are_close_on_exec(void **state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    pthread_t thread;
    int bad = 0;
    int most = 0;
    guest g;
    (void)state;

    for (int fd = 0; fd < FD_MAX; fd++)
        at_start[fd] = fcntl(fd, F_GETFD) >= 0;
    /* libuv keeps a pipe for the process from its first loop on */
    must(guest_start(&g, NULL, &err), err);
    guest_stop(&g);
    int kept = scan(&bad);
    assert_true(kept <= 2);
    assert_int_equal(bad, 0);

    must(guest_start(&g, NULL, &err), err);
    must(guest_call(g.host, g.channel, 100, NULL, &err), err);
    pthread_create(&thread, NULL, busy, &g);
    while (!atomic_load(&done)) {
        int open_now;
        int n = scan(&open_now);
        if (n > most)
            most = n;
        bad += open_now;
    }
    pthread_join(thread, NULL);
    assert_int_equal(bad, 0);
    /* a listener and both ends of a connection at the least, or the test saw
     * nothing */
    assert_true(most >= kept + 3);
    guest_stop(&g);
    assert_int_equal(scan(&bad), kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_close_on_exec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
