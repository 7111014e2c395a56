/*
 * How hosts and servers on a uv_loop_t of the program's own end: in which
 * callback and on which thread they may, and that nothing of them is left on
 * the loop.
 */
#include "foreign.h"

#include "tests/support/fault.h"

static void set_flag(void *state)
{
    ++*(int *)state;
}

typedef struct ending {
    node *n;
    uv_timer_t timer;
    int done;
    int again; /* what a second close answers */
} ending;

/* A callback of the program's own. */
static void on_time(uv_timer_t *timer)
{
    ending *e = timer->data;
    if (!atomic_load(&e->n->in_park) || !silent)
        return;
    must(mayfly_host_close(e->n->host, set_flag, &e->done, &err));
    e->again = mayfly_host_close(e->n->host, set_flag, &e->done, &err);
    uv_close((uv_handle_t *)timer, NULL);
}

/* While a handler on a worker waits for a call that the loop carries: closed in
 * a callback, the loop goes on until all of it has ended. */
static void test_closed_in_a_callback(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n;
    node_begin(&n, &uv, 0);
    ending e = {.n = &n};
    started s = {.n = &n};
    must(uv_timer_init(&uv, &e.timer));
    e.timer.data = &e;
    must(uv_timer_start(&e.timer, on_time, 1, 1));
    start(&s, "/t.T/Park");
    must(uv_run(&uv, UV_RUN_DEFAULT));
    assert_int_equal(e.done, 1);
    assert_int_equal(e.again, MAYFLY_ECANCELLED);
    assert_int_equal(s.told, 1);
    assert_int_equal(s.code, MAYFLY_ESTATUS);
    node_drop_handles(&n);
    loop_close(&uv);
}

static void free_in_done(started *s)
{
    mayfly_host_free(s->n->host); /* goes on by itself */
}

static void test_freed_in_a_callback_of_its_own(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n;
    node_begin(&n, &uv, 0);
    started s = {.n = &n, .then = free_in_done};
    start(&s, "/t.T/Echo");
    must(uv_run(&uv, UV_RUN_DEFAULT));
    assert_int_equal(s.told, 1);
    node_drop_handles(&n);
    loop_close(&uv);
}

/* With a handler on a worker that waits for the loop. */
static void test_freed_while_a_worker_waits(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n;
    node_begin(&n, &uv, 0);
    started s = {.n = &n};
    start(&s, "/t.T/Park");
    while (!atomic_load(&n.in_park) || !silent)
        uv_run(&uv, UV_RUN_ONCE);
    mayfly_host_free(n.host); /* turns the loop */
    assert_int_equal(s.told, 1);
    node_drop_handles(&n);
    loop_close(&uv);
}

static void free_server(started *s)
{
    mayfly_server_free(s->n->server, 600000); /* must not wait for itself */
    s->n->server = NULL;
}

static void test_server_freed_in_a_callback(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n;
    node_begin(&n, &uv, 0);
    started s = {.n = &n, .then = free_server}, late = {.n = &n};
    start(&s, "/t.T/Echo");
    must(uv_run(&uv, UV_RUN_DEFAULT)); /* until it is closed */
    assert_int_equal(s.code, 0);
    start(&late, "/t.T/Echo");
    must(uv_run(&uv, UV_RUN_DEFAULT));
    assert_int_equal(late.code, MAYFLY_ESTATUS);
    mayfly_host_free(n.host);
    node_drop_handles(&n);
    loop_close(&uv);
}

/* The grace of a server that is closed: a call ends in it; another does not. */
static void test_server_closed_with_grace(void **state)
{
    (void)state;
    uv_loop_t uv;
    node n;
    int done = 0;
    node_begin(&n, &uv, 0);
    started s = {.n = &n}, late = {.n = &n};
    start(&s, "/t.T/Silent");
    while (!silent)
        uv_run(&uv, UV_RUN_ONCE);
    mayfly_server_close(n.server, 600000, set_flag, &done);
    n.server = NULL;
    start(&late, "/t.T/Echo"); /* is refused */
    while (!late.told)
        uv_run(&uv, UV_RUN_ONCE);
    assert_int_equal(late.code, MAYFLY_ESTATUS);
    assert_int_equal(done, 0);
    must(mayfly_call_reply(silent, text("at last"), &err));
    silent = NULL;
    must(uv_run(&uv, UV_RUN_DEFAULT));
    assert_int_equal(done, 1);
    assert_int_equal(s.told, 1);
    assert_int_equal(s.code, 0);
    /* one whose call does not end in time */
    mayfly_channel_unref(n.channel);
    node_serve(&n);
    started cut = {.n = &n};
    start(&cut, "/t.T/Silent");
    while (!silent)
        uv_run(&uv, UV_RUN_ONCE);
    mayfly_server_close(n.server, 1, set_flag, &done);
    n.server = NULL;
    must(uv_run(&uv, UV_RUN_DEFAULT));
    assert_int_equal(done, 2);
    assert_int_equal(cut.code, MAYFLY_ESTATUS);
    /* and one whose host is freed in its grace */
    mayfly_call_finish(silent, MAYFLY_STATUS_CANCELLED, (mayfly_str){NULL, 0},
                       NULL);
    silent = NULL;
    mayfly_channel_unref(n.channel);
    node_serve(&n);
    start(&cut, "/t.T/Silent");
    while (!silent)
        uv_run(&uv, UV_RUN_ONCE);
    mayfly_server_close(n.server, 600000, set_flag, &done);
    n.server = NULL;
    mayfly_host_free(n.host);
    assert_int_equal(done, 3);
    node_drop_handles(&n);
    loop_close(&uv);
}

/* Makes a host and a server, serves a call, frees all; or fails. */
static int whole_life(const mayfly_allocator *table, void *state)
{
    mayfly_host *host;
    uv_loop_t uv;
    (void)state;
    must(uv_loop_init(&uv));
    int rc = mayfly_host_new(
        MAYFLY_HOST_OPTIONS(.uv_loop = &uv, .allocator = table), &host, &err);
    if (rc == 0) {
        mayfly_server *server;
        rc = mayfly_server_new(host, NULL, &server, &err);
        if (rc == 0) {
            rc = mayfly_server_listen(server, "127.0.0.1:0", NULL, &err);
            mayfly_server_free(server, 0);
        }
        mayfly_host_free(host);
    }
    loop_close(&uv); /* also when it was not made */
    return rc;
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    assert_true(fault_each(whole_life, NULL) > 5);
}

/* --- several --- */

static void test_two_hosts_on_one_loop(void **state)
{
    (void)state;
    uv_loop_t uv;
    node a, b;
    must(uv_loop_init(&uv));
    node_new(&a, &uv, 0);
    node_new(&b, &uv, 0);
    node_serve(&a);
    node_serve(&b);
    /* each calls the other */
    mayfly_channel_unref(a.channel);
    must(mayfly_dial(a.host, b.target, NULL, &a.channel, &err));
    started from_a = {.n = &a}, from_b = {.n = &b};
    start(&from_a, "/t.T/Echo");
    start(&from_b, "/t.T/Echo");
    while (!from_a.told || !from_b.told)
        uv_run(&uv, UV_RUN_ONCE);
    assert_int_equal(from_a.code, 0);
    assert_int_equal(from_b.code, 0);
    mayfly_host_free(b.host); /* turns a's handles as well */
    node_drop_handles(&b);
    start(&from_a, "/t.T/Echo");
    while (from_a.told < 2)
        uv_run(&uv, UV_RUN_ONCE);
    assert_int_equal(from_a.code, MAYFLY_ESTATUS); /* b is gone */
    mayfly_host_free(a.host);
    node_drop_handles(&a);
    loop_close(&uv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_in_a_callback),
        cmocka_unit_test(test_freed_in_a_callback_of_its_own),
        cmocka_unit_test(test_freed_while_a_worker_waits),
        cmocka_unit_test(test_server_freed_in_a_callback),
        cmocka_unit_test(test_server_closed_with_grace),
        cmocka_unit_test(test_each_allocation_fails),
        cmocka_unit_test(test_two_hosts_on_one_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
