/*
 * An admin socket of a host on a loop of the program's own.
 */
#include "admin_client.h"
#include "foreign.h"

typedef struct asking {
    uv_loop_t uv;
    node n;
    mayfly_admin *admin;
    char path[64];
    pthread_t thread;
    uv_async_t wake; /* the client has its answer */
    char *answer;
} asking;

static void begin(asking *a)
{
    memset(a, 0, sizeof *a);
    snprintf(a->path, sizeof a->path, "/tmp/mayfly-foreign-%d.sock",
             (int)getpid());
    must(uv_loop_init(&a->uv));
    node_new(&a->n, &a->uv, 0);
    must(mayfly_admin_listen(a->n.host, a->path, NULL, &a->admin, &err));
}

static void on_wake(uv_async_t *wake)
{
    uv_close((uv_handle_t *)wake, NULL);
}

static void *ask(void *of)
{
    asking *a = of;
    int fd = -1;
    while ((fd = admin_connect(a->path)) < 0)
        usleep(1000);
    a->answer = admin_ask(fd, ADMIN_STAT);
    close(fd);
    uv_async_send(&a->wake);
    return NULL;
}

static void test_asked_as_the_loop_turns(void **state)
{
    (void)state;
    asking a;
    begin(&a);
    must(uv_async_init(&a.uv, &a.wake, on_wake));
    must(pthread_create(&a.thread, NULL, ask, &a));
    must(uv_run(&a.uv, UV_RUN_DEFAULT)); /* as long as `wake` is there */
    pthread_join(a.thread, NULL);
    assert_non_null(a.answer);
    assert_non_null(strstr(a.answer, "\"ok\":true"));
    free(a.answer);

    /* nor does it, listening, keep the loop */
    must(uv_run(&a.uv, UV_RUN_DEFAULT));
    mayfly_admin_close(a.admin);
    assert_int_equal(access(a.path, F_OK), 0); /* the loop has not turned */
    must(uv_run(&a.uv, UV_RUN_DEFAULT));
    mayfly_host_free(a.n.host);
    assert_int_equal(access(a.path, F_OK), -1);
    loop_close(&a.uv);
}

/* A request is waited for, and a client that says nothing is closed. */
static void test_freed_with_connections(void **state)
{
    (void)state;
    asking a;
    begin(&a);
    int silent_one = admin_connect(a.path), busy = admin_connect(a.path);
    assert_int_equal(admin_send(busy, ADMIN_STAT "\n", strlen(ADMIN_STAT) + 1),
                     0);
    for (int i = 0; i < 3; i++)
        uv_run(&a.uv, UV_RUN_NOWAIT);
    mayfly_host_free(a.n.host); /* turns it until all is closed */
    assert_int_equal(access(a.path, F_OK), -1);
    assert_null(admin_line(silent_one));
    free(admin_line(busy)); /* its answer, or none */
    close(silent_one);
    close(busy);
    mayfly_admin_close(a.admin);
    loop_close(&a.uv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_as_the_loop_turns),
        cmocka_unit_test(test_freed_with_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
