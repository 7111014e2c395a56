/*
 * Loans come back by the end of their call, however it ends; they are seen in
 * reports, from many threads, and are gone when their pool is freed.
 */
#include "pools.h"

#include "tests/support/fault.h"

enum { THREADS = 4, ROUNDS = 2000 };

/* --- calls --- */

typedef struct world {
    mayfly_host *host;
    mayfly_server *server;
    mayfly_channel *channel;
    mayfly_pool *objects, *buffers, *arenas;
    atomic_int handled;
} world;

/* Takes one of each kind, and gives none back but one by hand. */
static int borrow(world *w, mayfly_call *call)
{
    void *object, *work, *other;
    mayfly_arena *arena;
    if (mayfly_pool_take_object(w->objects, call, &object, NULL) != 0 ||
        mayfly_pool_take_buffer(w->buffers, 5000, call, &work, NULL, NULL) !=
            0 ||
        mayfly_pool_take_buffer(w->buffers, 100, call, &other, NULL, NULL) !=
            0 ||
        mayfly_pool_take_arena(w->arenas, 0, call, &arena, NULL) != 0 ||
        !mayfly_arena_alloc(arena, 3000))
        return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
    memset(work, 1, 5000);
    mayfly_pool_give(other);
    return 0;
}

static int on_borrow(void *state, mayfly_call *call, mayfly_bytes in)
{
    world *w = state;
    int rc = borrow(w, call);
    atomic_fetch_add(&w->handled, 1);
    return rc ? rc : mayfly_call_reply(call, in, NULL) != 0;
}

static int on_fail(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)in;
    borrow(state, call);
    return mayfly_call_fail(call, MAYFLY_STATUS_NOT_FOUND, "no");
}

static void *answer_late(void *state)
{
    mayfly_call *call = state;
    usleep(1000);
    mayfly_call_reply(call, (mayfly_bytes){(const uint8_t *)"late", 4}, NULL);
    return NULL;
}

static int on_late(void *state, mayfly_call *call, mayfly_bytes in)
{
    pthread_t thread;
    (void)in;
    borrow(state, call);
    must(mayfly_call_defer(call, NULL));
    must(pthread_create(&thread, NULL, answer_late, call));
    pthread_detach(thread);
    return 0;
}

static void begin(world *w)
{
    int port;
    char target[32];
    memset(w, 0, sizeof *w);
    w->host = new_host(0);
    must(mayfly_pool_new_objects(w->host, OBJECT, NULL, NULL, &w->objects,
                                 &err));
    must(mayfly_pool_new_buffers(w->host, NULL, &w->buffers, &err));
    must(mayfly_pool_new_arenas(w->host, NULL, &w->arenas, &err));
    must(mayfly_server_new(w->host, NULL, &w->server, &err));
    must(mayfly_server_add_raw(w->server, "/t.T/Borrow", on_borrow, w, NULL,
                               &err));
    must(mayfly_server_add_raw(w->server, "/t.T/Fail", on_fail, w, NULL, &err));
    must(mayfly_server_add_raw(w->server, "/t.T/Late", on_late, w, NULL, &err));
    must(mayfly_server_add_raw(w->server, "/t.T/Work", on_borrow, w,
                               MAYFLY_SERVICE_OPTIONS(.blocking = 1), &err));
    must(mayfly_server_listen(w->server, "127.0.0.1:0", &port, &err));
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    must(mayfly_dial(w->host, target, NULL, &w->channel, &err));
}

static size_t loans(world *w)
{
    return info_of(w->objects).loans + info_of(w->buffers).loans +
           info_of(w->arenas).loans;
}

static void end(world *w)
{
    mayfly_channel_unref(w->channel);
    mayfly_server_free(w->server, 0);
    mayfly_pool_free(w->objects);
    mayfly_pool_free(w->buffers);
    mayfly_pool_free(w->arenas);
    mayfly_host_free(w->host);
}

static int call(world *w, const char *path, unsigned timeout_ms)
{
    mayfly_call *c;
    mayfly_bytes reply, hi = {(const uint8_t *)"hi", 2};
    must(mayfly_call_new(w->host, MAYFLY_CALL_OPTIONS(.timeout_ms = timeout_ms),
                         &c, &err));
    must(borrow(w, c)); /* the client's own */
    size_t mine = loans(w);
    assert_true(mine >= 3);
    int rc = mayfly_channel_call(w->channel, path, c, hi, &reply, NULL);
    mayfly_call_free(c);
    return rc;
}

/* Of every way to end. */
static void test_loans_return_with_their_call(void **state)
{
    (void)state;
    world w;
    begin(&w);
    for (int i = 0; i < 20; i++) {
        must(call(&w, "/t.T/Borrow", 60000));
        must(call(&w, "/t.T/Work", 60000));
        must(call(&w, "/t.T/Late", 60000));
        assert_int_equal(call(&w, "/t.T/Fail", 60000), MAYFLY_ESTATUS);
        call(&w, "/t.T/Late", 1); /* too late, or just in time */
    }
    mayfly_channel_unref(w.channel);
    w.channel = NULL;
    mayfly_server_free(w.server, 60000); /* deferred ones end, too */
    w.server = NULL;
    for (int i = 0; i < 10000 && loans(&w); i++)
        usleep(1000); /* a late answer on its own thread */
    assert_int_equal(loans(&w), 0);
    mayfly_pool_info info = info_of(w.arenas);
    assert_int_equal(info.returned, info.taken);
    assert_true(info.taken >= 180);
    assert_true(info.made < info.taken / 4); /* the others were used again */
    info = info_of(w.buffers);
    assert_int_equal(info.returned, info.taken / 2);
    end(&w);
}

static void test_ties(void **state)
{
    (void)state;
    world w;
    mayfly_call *a, *b;
    begin(&w);
    must(mayfly_call_new(w.host, NULL, &a, &err));
    must(mayfly_call_new(w.host, NULL, &b, &err));
    void *one = buffer(w.buffers, 10, a), *two = buffer(w.buffers, 10, a),
         *three = buffer(w.buffers, 10, a), *free_one = NULL;
    free_one = buffer(w.buffers, 10, NULL);
    mayfly_pool_tie(two, b);    /* outlives a */
    mayfly_pool_tie(one, NULL); /* outlives both */
    mayfly_pool_tie(free_one, a);
    mayfly_pool_tie(NULL, a);
    mayfly_call_free(a); /* takes three and free_one with it */
    (void)three;
    assert_int_equal(info_of(w.buffers).loans, 2);
    mayfly_call_free(b);
    assert_int_equal(info_of(w.buffers).loans, 1);
    assert_int_equal(info_of(w.buffers).returned, 3);
    mayfly_pool_give(one);
    assert_int_equal(info_of(w.buffers).loans, 0);
    end(&w);
}

/* --- where it is seen, and when it goes --- */

static size_t reported(mayfly_host *host, const char *arena)
{
    mayfly_memory_report *r;
    must(mayfly_memory_report_host(
        host, MAYFLY_MEMORY_OPTIONS(.parts = MAYFLY_MEMORY_CENSUS), &r, &err));
    size_t bytes = mayfly_memory_report_bytes(r, arena);
    mayfly_memory_report_free(r);
    return bytes;
}

static void add_bytes(void *state, const mayfly_pool_info *info)
{
    *(size_t *)state += info->bytes;
}

static void test_reports(void **state)
{
    (void)state;
    world w;
    begin(&w);
    size_t heap = reported(w.host, "heap"), sum = 0;
    assert_int_equal(reported(w.host, "pools"), 0);
    void *b = buffer(w.buffers, 500 * KIB, NULL), *o;
    must(mayfly_pool_take_object(w.objects, NULL, &o, &err));
    must(mayfly_host_each_pool(w.host, add_bytes, &sum, &err));
    assert_true(sum > 500 * KIB);
    assert_int_equal(reported(w.host, "pools"), sum);
    assert_in_range(reported(w.host, "heap"), heap - 2000, heap + 2000);
    mayfly_pool_give(b);
    mayfly_pool_give(o);
    mayfly_host_trim(w.host);
    assert_int_equal(reported(w.host, "pools"), 0);
    assert_int_equal(mayfly_host_each_pool(w.host, NULL, NULL, &err),
                     MAYFLY_EINVAL);
    end(&w);
}

/* Loans that are out when their pool is freed, and when the host is. */
static void test_freed_with_loans_out(void **state)
{
    (void)state;
    fault f;
    fault_init(&f, 0, 0);
    mayfly_allocator table = fault_table(&f);
    mayfly_host *host;
    mayfly_pool *buffers, *arenas;
    mayfly_arena *arena;
    must(
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = &table), &host, &err));
    must(mayfly_pool_new_buffers(host, NULL, &buffers, &err));
    must(mayfly_pool_new_arenas(host, NULL, &arenas, &err));
    void *b = buffer(buffers, 9000, NULL);
    must(mayfly_pool_take_arena(arenas, 0, NULL, &arena, &err));
    mayfly_pool_free(buffers);
    memset(b, 1, 9000);
    mayfly_pool_give(b);
    assert_non_null(mayfly_arena_alloc(arena, 100));
    mayfly_host_free(host);
    assert_non_null(mayfly_arena_alloc(arena, 10000));
    mayfly_pool_give(arena);
    assert_true(atomic_load(&f.live) > 0);
    mayfly_pool_free(arenas);
    mayfly_pool_free(NULL);
    assert_int_equal(atomic_load(&f.live), 0);
}

static void test_wrong_uses(void **state)
{
    (void)state;
    world w;
    void *o;
    mayfly_arena *a;
    mayfly_pool *p;
    begin(&w);
    assert_int_equal(mayfly_pool_take_object(w.buffers, NULL, &o, &err),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_pool_take_buffer(w.arenas, 1, NULL, &o, NULL, &err),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_pool_take_arena(w.objects, 0, NULL, &a, &err),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_pool_take_object(NULL, NULL, &o, &err),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_pool_new_objects(w.host, 0, NULL, NULL, &p, &err),
                     MAYFLY_EINVAL);
    /* giving back twice is told, and does nothing */
    must(mayfly_pool_take_object(w.objects, NULL, &o, &err));
    mayfly_pool_give(o);
    mayfly_pool_give(o);
    assert_int_equal(info_of(w.objects).loans, 0);
    end(&w);
}

/* --- many threads --- */

static void *lend_often(void *state)
{
    world *w = state;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    for (int i = 0; i < ROUNDS; i++) {
        mayfly_call *c;
        void *o = NULL, *b = NULL;
        mayfly_arena *a = NULL;
        size_t size = (size_t)rand_r(&seed) % (100 * KIB);
        if (mayfly_call_new(w->host, NULL, &c, NULL) != 0)
            return w;
        if (mayfly_pool_take_object(w->objects, i % 2 ? c : NULL, &o, NULL) ||
            mayfly_pool_take_buffer(w->buffers, size, c, &b, NULL, NULL) ||
            mayfly_pool_take_arena(w->arenas, 0, c, &a, NULL) ||
            !mayfly_arena_alloc(a, size / 8 + 1))
            return w;
        memset(o, i, OBJECT);
        memset(b, i, size);
        if (i % 2 == 0)
            mayfly_pool_give(o);
        if (i % 100 == 0)
            mayfly_pool_trim(w->buffers);
        mayfly_call_free(c);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    world w;
    pthread_t threads[THREADS];
    void *failed;
    begin(&w);
    for (int i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, lend_often, &w));
    for (int i = 0; i < 20; i++) {
        must(call(&w, "/t.T/Work", 60000));
        mayfly_host_trim(w.host);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    mayfly_server_free(w.server, 60000);
    w.server = NULL;
    assert_int_equal(loans(&w), 0);
    mayfly_host_trim(w.host);
    assert_int_equal(reported(w.host, "pools"), 0);
    end(&w);
}

/* --- lack of memory --- */

static int lend_all(const mayfly_allocator *table, void *state)
{
    mayfly_host *host;
    mayfly_pool *pools[3] = {NULL, NULL, NULL};
    mayfly_call *c = NULL;
    void *o, *b;
    mayfly_arena *a;
    (void)state;
    int rc =
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.allocator = table), &host, &err);
    if (rc != 0)
        return rc;
    rc = mayfly_pool_new_objects(host, OBJECT, NULL, NULL, &pools[0], &err);
    if (rc == 0)
        rc = mayfly_pool_new_buffers(host, NULL, &pools[1], &err);
    if (rc == 0)
        rc = mayfly_pool_new_arenas(host, NULL, &pools[2], &err);
    if (rc == 0)
        rc = mayfly_call_new(host, NULL, &c, &err);
    if (rc == 0)
        rc = mayfly_pool_take_object(pools[0], c, &o, &err);
    for (size_t size = 10; rc == 0 && size < 300 * KIB; size *= 10)
        rc = mayfly_pool_take_buffer(pools[1], size, c, &b, NULL, &err);
    if (rc == 0)
        rc = mayfly_pool_take_arena(pools[2], 0, c, &a, &err);
    if (rc == 0 && !mayfly_arena_alloc(a, 5000))
        rc = MAYFLY_ENOMEM;
    mayfly_call_free(c);
    for (int i = 0; i < 3; i++)
        mayfly_pool_free(pools[i]);
    mayfly_host_free(host);
    return rc;
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    assert_true(fault_each(lend_all, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loans_return_with_their_call),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_freed_with_loans_out),
        cmocka_unit_test(test_wrong_uses),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
