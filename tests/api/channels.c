/*
 * Channels that are shared by target: what makes them distinct, who closes
 * them, and what they tell of themselves.
 */
#include <mayfly/mayfly.h>

#include "tests/support/fault.h"
#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static mayfly_error err;

#define must(call) assert_int_equal(call, 0)
#define SHARED(...) MAYFLY_CHANNEL_OPTIONS(.shared = 1, __VA_ARGS__)

enum { THREADS = 4, ROUNDS = 200 };

typedef struct world {
    mayfly_host *host;
    mayfly_server *server;
    char target[32];
    mayfly_call *_Atomic held; /* deferred */
    atomic_int odd;
} world;

static int on_echo(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    return mayfly_call_reply(call, in, NULL) == 0 ? 0 : MAYFLY_STATUS_INTERNAL;
}

static int on_hold(void *state, mayfly_call *call, mayfly_bytes in)
{
    world *w = state;
    (void)in;
    must(mayfly_call_defer(call, NULL));
    atomic_store(&w->held, call);
    return 0;
}

static void begin(world *w)
{
    int port;
    memset(w, 0, sizeof *w);
    must(mayfly_host_new(NULL, &w->host, &err));
    must(mayfly_server_new(w->host, NULL, &w->server, &err));
    must(mayfly_server_add_raw(w->server, "/t.T/Echo", on_echo, w, NULL, &err));
    must(mayfly_server_add_raw(w->server, "/t.T/Hold", on_hold, w, NULL, &err));
    must(mayfly_server_listen(w->server, "127.0.0.1:0", &port, &err));
    snprintf(w->target, sizeof w->target, "127.0.0.1:%d", port);
}

static void end(world *w)
{
    mayfly_server_free(w->server, 0);
    mayfly_host_free(w->host);
}

static mayfly_channel *dial(world *w, const mayfly_channel_options *options)
{
    mayfly_channel *ch = NULL;
    must(mayfly_dial(w->host, w->target, options, &ch, &err));
    return ch;
}

static int echo(mayfly_host *host, mayfly_channel *ch)
{
    mayfly_call *call;
    mayfly_bytes reply, hi = {(const uint8_t *)"hi", 2};
    int rc = mayfly_call_new(host, NULL, &call, NULL);
    if (rc != 0)
        return rc;
    rc = mayfly_channel_call(ch, "/t.T/Echo", call, hi, &reply, NULL);
    mayfly_call_free(call);
    return rc;
}

static mayfly_channel_info info_of(mayfly_channel *ch)
{
    mayfly_channel_info info = {.size = sizeof info};
    mayfly_channel_get_info(ch, &info);
    return info;
}

typedef struct listing {
    int n;
    unsigned references;
} listing;

static void count_channel(void *state, const mayfly_channel_info *info)
{
    listing *l = state;
    l->n++;
    l->references += info->references;
}

static listing list(mayfly_host *host)
{
    listing l = {0};
    must(mayfly_host_each_channel(host, count_channel, &l, &err));
    return l;
}

static void test_what_is_the_same(void **state)
{
    (void)state;
    world w;
    begin(&w);
    mayfly_channel *a = dial(&w, SHARED(.reserved = 0));
    mayfly_channel *same[] = {
        dial(&w, SHARED(.connect_timeout_ms = 20000)), /* the default */
        dial(&w, SHARED(.authority = w.target)),       /* likewise */
    };
    mayfly_channel *others[] = {
        dial(&w, NULL),
        dial(&w, SHARED(.connect_timeout_ms = 1)),
        dial(&w, SHARED(.authority = "else.where")),
    };
    for (size_t i = 0; i < 2; i++)
        assert_ptr_equal(same[i], a);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            assert_true(others[i] != a && (i == k || others[i] != others[k]));
    assert_int_equal(info_of(a).references, 3);
    assert_int_equal(info_of(a).dials, 3);
    assert_true(info_of(a).is_shared);
    assert_false(info_of(others[0]).is_shared);
    assert_string_equal(info_of(others[2]).authority, "else.where");
    assert_string_equal(info_of(others[2]).target, w.target);
    assert_int_equal(list(w.host).n, 4);
    assert_int_equal(list(w.host).references, 6);
    for (size_t i = 0; i < 3; i++)
        mayfly_channel_unref(others[i]);
    for (size_t i = 0; i < 2; i++)
        mayfly_channel_unref(same[i]);
    assert_int_equal(list(w.host).n, 1);
    mayfly_channel_unref(a);
    assert_int_equal(list(w.host).n, 0);
    /* what was closed is not handed out again */
    mayfly_channel *b = dial(&w, SHARED(.reserved = 0));
    assert_int_equal(info_of(b).dials, 1);
    mayfly_channel_unref(b);
    end(&w);
}

/* A dial for each call makes one connection as long as somebody holds on. */
static void test_one_connection(void **state)
{
    (void)state;
    world w;
    begin(&w);
    mayfly_channel *keeper = dial(&w, SHARED(.reserved = 0));
    assert_false(info_of(keeper).is_connected);
    for (int i = 0; i < 10; i++) {
        mayfly_channel *ch = dial(&w, SHARED(.reserved = 0));
        must(echo(w.host, ch));
        mayfly_channel_unref(ch);
    }
    mayfly_channel_info info = info_of(keeper);
    assert_true(info.is_connected);
    assert_int_equal(info.connections, 1);
    assert_int_equal(info.dials, 11);
    assert_int_equal(info.calls_started, 10);
    assert_int_equal(info.calls, 0);
    assert_int_equal(info.references, 1);
    mayfly_channel_unref(keeper);
    end(&w);
}

static void on_done(void *state, mayfly_call *call, int code,
                    mayfly_bytes reply)
{
    (void)call;
    (void)reply;
    atomic_store((atomic_int *)state, code == 0 ? 1 : code);
}

/* Who gives up its own leaves the others' calls alone; the last one ends them.
 */
static void test_only_the_last_one_closes(void **state)
{
    (void)state;
    world w;
    mayfly_call *call;
    mayfly_bytes hi = {(const uint8_t *)"hi", 2};
    begin(&w);
    for (int last = 0; last < 2; last++) {
        atomic_int told = 0;
        mayfly_channel *a = dial(&w, SHARED(.reserved = 0));
        mayfly_channel *b = dial(&w, SHARED(.reserved = 0));
        must(mayfly_call_new(w.host, NULL, &call, &err));
        must(mayfly_channel_start(a, "/t.T/Hold", call, hi, on_done, &told,
                                  &err));
        while (!atomic_load(&w.held))
            usleep(1000);
        assert_int_equal(info_of(b).calls, 1);
        mayfly_channel_unref(a);
        must(echo(w.host, b));
        assert_int_equal(atomic_load(&told), 0);
        if (last)
            mayfly_channel_unref(b);
        else
            must(mayfly_call_reply(atomic_load(&w.held), hi, &err));
        while (!atomic_load(&told))
            usleep(1000);
        assert_int_equal(atomic_load(&told), last ? MAYFLY_ESTATUS : 1);
        assert_int_equal(mayfly_call_status(call),
                         last ? MAYFLY_STATUS_CANCELLED : MAYFLY_STATUS_OK);
        mayfly_call_free(call);
        if (last)
            mayfly_call_finish(atomic_load(&w.held), MAYFLY_STATUS_OK,
                               (mayfly_str){NULL, 0}, NULL);
        else
            mayfly_channel_unref(b);
        atomic_store(&w.held, NULL);
    }
    end(&w);
}

static void *dial_and_call(void *state)
{
    world *w = state;
    for (int i = 0; i < ROUNDS; i++) {
        mayfly_channel *ch;
        if (mayfly_dial(w->host, w->target, SHARED(.reserved = 0), &ch, NULL) !=
            0) {
            atomic_fetch_add(&w->odd, 1);
            continue;
        }
        if (i % 4 == 0 && echo(w->host, ch) != 0)
            atomic_fetch_add(&w->odd, 1);
        mayfly_channel_unref(ch);
    }
    return NULL;
}

/* Dialled, used and given up by many at once, with moments in which nobody
 * holds it. */
static void test_many_threads(void **state)
{
    (void)state;
    world w;
    pthread_t threads[THREADS];
    begin(&w);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, dial_and_call, &w);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&w.odd), 0);
    assert_int_equal(list(w.host).n, 0);
    end(&w);
}

static int dial_twice(const mayfly_allocator *table, void *state)
{
    mayfly_host *host;
    mayfly_channel *a = NULL, *b = NULL;
    (void)state;
    int rc =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &host, &err);
    if (rc != 0)
        return rc;
    rc = mayfly_dial(host, "127.0.0.1:1", SHARED(.reserved = 0), &a, &err);
    if (rc == 0)
        rc = mayfly_dial(host, "127.0.0.1:1", SHARED(.reserved = 0), &b, &err);
    assert_true(rc != 0 || a == b);
    mayfly_channel_unref(a);
    mayfly_channel_unref(b);
    mayfly_host_free(host);
    return rc;
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    assert_true(fault_each(dial_twice, NULL) > 5);
}

/* A shared channel that is held when its host goes; an older caller's info. */
static void test_odds_and_ends(void **state)
{
    (void)state;
    world w;
    begin(&w);
    mayfly_channel *a = dial(&w, SHARED(.reserved = 0));
    mayfly_channel_info info;
    memset(&info, 0x55, sizeof info);
    info.size = offsetof(mayfly_channel_info, authority);
    mayfly_channel_get_info(a, &info);
    assert_string_equal(info.target, w.target);
    assert_int_equal(info.references, 0x55555555);
    mayfly_channel_get_info(NULL, &info);
    assert_int_equal(mayfly_host_each_channel(NULL, count_channel, NULL, &err),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_host_each_channel(w.host, NULL, NULL, &err),
                     MAYFLY_EINVAL);
    end(&w);
    assert_int_equal(info_of(a).references, 1);
    mayfly_channel_unref(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_the_same),
        cmocka_unit_test(test_one_connection),
        cmocka_unit_test(test_only_the_last_one_closes),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_each_allocation_fails),
        cmocka_unit_test(test_odds_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
