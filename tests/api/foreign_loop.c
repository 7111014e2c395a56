/*
 * Hosts on a uv_loop_t that the program owns: when uv_run returns, and who may
 * block where.
 */
#include "foreign.h"

#include <semaphore.h>
#include <unistd.h>

/* --- when uv_run returns --- */

static void test_an_idle_host_keeps_nothing(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n;
    must(uv_loop_init(&uv));
    node_new(&n, &uv, 0);
    must(uv_run(&uv, UV_RUN_DEFAULT));
    mayfly_host_free(n.host);
    loop_close(&uv);
}

static void close_server(started *s)
{
    mayfly_server_close(s->n->server, 0, NULL, NULL);
    s->n->server = NULL;
}

/* A listener keeps the loop, a call does, an idle channel does not; a server is
 * closed from a callback of the loop. */
static void test_what_there_is_to_do_keeps_the_loop(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n;
    node_begin(&n, &uv, 0);
    started first = {.n = &n}, second = {.n = &n, .then = close_server};
    start(&first, "/t.T/Echo");
    while (!first.told)
        uv_run(&uv, UV_RUN_ONCE);
    assert_int_equal(first.code, 0);
    assert_int_not_equal(uv_loop_alive(&uv), 0); /* it listens */
    assert_true(pthread_equal(n.handler_thread, pthread_self()));
    start(&second, "/t.T/Echo");
    must(uv_run(&uv, UV_RUN_DEFAULT)); /* until the server is closed */
    assert_int_equal(second.told, 1);
    assert_int_equal(second.code, 0);
    mayfly_host_free(n.host);
    node_drop_handles(&n);
    loop_close(&uv);
}

/* A client alone: the loop ends with the last call, though it is connected. */
static void test_a_client_alone(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n, other = {0};
    must(uv_loop_init(&uv));
    must(mayfly_host_new(NULL, &other.host, &err)); /* has a thread */
    node_new(&n, &uv, 0);
    node_serve(&other);
    /* the handler asks whether it may block by this channel */
    must(mayfly_dial(n.host, other.target, NULL, &n.channel, &err));
    started s = {.n = &n};
    for (int i = 1; i <= 3; i++) {
        start(&s, "/t.T/Echo");
        must(uv_run(&uv, UV_RUN_DEFAULT));
        assert_int_equal(s.told, i);
        assert_int_equal(s.code, 0);
    }
    mayfly_channel_unref(n.channel);
    must(uv_run(&uv, UV_RUN_DEFAULT));
    mayfly_host_free(n.host);
    loop_close(&uv);
    node_drop_handles(&other);
    mayfly_host_free(other.host);
}

/* Whoever runs single turns gets as far as with a loop that runs. */
static void test_single_turns(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n;
    node_begin(&n, &uv, 0);
    started s = {.n = &n};
    start(&s, "/t.T/Echo");
    while (!s.told) {
        uv_run(&uv, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(s.code, 0);
    mayfly_host_free(n.host);
    node_drop_handles(&n);
    loop_close(&uv);
}

/* --- who may block --- */

typedef struct runner {
    node *n;
    uv_async_t stop; /* keeps the loop */
    int takes;       /* says first that it will run the loop */
    sem_t ready;
} runner;

static void on_stop(uv_async_t *stop)
{
    uv_close((uv_handle_t *)stop, NULL);
}

static void *run_loop(void *state)
{
    runner *r = state;
    if (r->takes)
        must(mayfly_host_take_loop(r->n->host, &err));
    sem_post(&r->ready);
    uv_run(r->n->uv, UV_RUN_DEFAULT);
    return NULL;
}

static void runner_init(runner *r, node *n)
{
    r->n = n;
    sem_init(&r->ready, 0, 0);
    must(uv_async_init(n->uv, &r->stop, on_stop));
}

static void *call_often(void *state)
{
    node *n = state;
    for (int i = 0; i < 200; i++)
        if (call_blocking(n, "/t.T/Echo", 60000) != 0)
            return n;
    mayfly_host_trim(n->host);
    return call_blocking(n, "/t.T/Echo", 60000) == 0 ? NULL : n;
}

/* The loop runs here; the others call and wait. */
static void *call_and_stop(void *state)
{
    runner *r = state;
    pthread_t threads[3];
    void *failed = NULL, *one;
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, call_often, r->n);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &one);
        failed = failed ? failed : one;
    }
    uv_async_send(&r->stop);
    mayfly_server_free(r->n->server, 0); /* waits for the loop */
    r->n->server = NULL;
    return failed;
}

static void test_others_block_the_loops_thread_does_not(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n;
    runner r = {0};
    pthread_t thread;
    void *failed;
    node_begin(&n, &uv, 0);
    runner_init(&r, &n);
    /* before it has ever run */
    assert_int_equal(call_blocking(&n, "/t.T/Echo", 100), MAYFLY_EONLOOP);
    pthread_create(&thread, NULL, call_and_stop, &r);
    must(uv_run(&uv, UV_RUN_DEFAULT));
    pthread_join(thread, &failed);
    assert_null(failed);
    /* and after it has */
    assert_int_equal(call_blocking(&n, "/t.T/Echo", 100), MAYFLY_EONLOOP);
    mayfly_host_trim(n.host);
    mayfly_host_free(n.host);
    node_drop_handles(&n);
    sem_destroy(&r.ready);
    loop_close(&uv);
}

/* Made here, run there: from then on this thread may block. */
static void test_another_thread_takes_the_loop(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n;
    runner r = {.takes = 1};
    pthread_t thread;
    node_begin(&n, &uv, 3);
    runner_init(&r, &n);
    pthread_create(&thread, NULL, run_loop, &r);
    sem_wait(&r.ready);
    must(call_blocking(&n, "/t.T/Echo", 60000));
    /* freed from here, closed there */
    mayfly_host_free(n.host);
    node_drop_handles(&n);
    uv_async_send(&r.stop);
    pthread_join(thread, NULL);
    sem_destroy(&r.ready);
    loop_close(&uv);
}

static void test_take_and_close_want_such_a_host(void **state)
{
    (void)state;
    mayfly_host *host;
    must(mayfly_host_new(NULL, &host, &err));
    assert_int_equal(mayfly_host_take_loop(host, &err), MAYFLY_EINVAL);
    assert_int_equal(mayfly_host_close(host, NULL, NULL, &err), MAYFLY_EINVAL);
    assert_int_equal(mayfly_host_close(NULL, NULL, NULL, &err), MAYFLY_EINVAL);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_idle_host_keeps_nothing),
        cmocka_unit_test(test_what_there_is_to_do_keeps_the_loop),
        cmocka_unit_test(test_a_client_alone),
        cmocka_unit_test(test_single_turns),
        cmocka_unit_test(test_others_block_the_loops_thread_does_not),
        cmocka_unit_test(test_another_thread_takes_the_loop),
        cmocka_unit_test(test_take_and_close_want_such_a_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
