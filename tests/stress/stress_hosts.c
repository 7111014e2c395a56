/*
 * Several hosts in one process, each used by many threads: one stays, another
 * is made, used and freed beside it again and again, with loop threads of its
 * own and on a loop that the test owns in turns. It is freed while calls
 * through it are under way, while others call its server, and while the one
 * that stays loads, calls, unloads, lends and reports.
 *
 * What counts is that nothing races, crashes or hangs, that the one that stays
 * never loses a call to itself, and that calls of the other one end.
 */
#include <mayfly/mayfly.h>

#include "hello.mf.h"

#include "tests/support/test.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { ROUNDS = 8, ROUND_MS = 250, WORKERS = 2, CALLERS = 2, READY_MS = 60000 };

static const char proto[] = "tests/api/hello.proto";

static mayfly_error err; /* of the main thread */

#define must(call) assert_int_equal(call, 0)

/* A host with a server that the typed service and an echo are served by. */
typedef struct node {
    pthread_rwlock_t lock; /* for `host`: NULL once it is about to be freed */
    mayfly_host *host;
    mayfly_context *context; /* what is served */
    mayfly_server *server;
    mayfly_pool *pool;
    char target[32];
    char other[32]; /* somebody else's server, or this one's */
    int is_lasting; /* what fails here is an error */
    atomic_int stop;
    atomic_long worked;        /* whole rounds of work */
    mayfly_call *_Atomic held; /* that nobody answers */
    atomic_int bad;            /* a code that should not have been */
} node;

static int on_hello(void *state, mayfly_call *call,
                    const hello_Request *request, hello_Reply *reply)
{
    node *n = state;
    void *room;
    if (mayfly_pool_take_buffer(n->pool, 10000, call, &room, NULL, NULL) != 0)
        return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
    memset(room, 1, 10000);
    reply->message = request->name;
    return 0;
}

static int on_echo(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    return mayfly_call_reply(call, in, NULL) == MAYFLY_EINVAL;
}

static int on_hold(void *state, mayfly_call *call, mayfly_bytes in)
{
    node *n = state;
    (void)in;
    if (mayfly_call_defer(call, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    atomic_store(&n->held, call);
    return 0;
}

static void note(node *n, int code)
{
    int none = 0;
    if (code != 0 && n->is_lasting && !atomic_load(&n->stop))
        atomic_compare_exchange_strong(&n->bad, &none, code);
}

/* --- what threads do with a host --- */

/* The host, which is not freed before `leave`; or NULL. */
static mayfly_host *enter(node *n)
{
    pthread_rwlock_rdlock(&n->lock);
    if (n->host && !atomic_load(&n->stop))
        return n->host;
    pthread_rwlock_unlock(&n->lock);
    return NULL;
}

static void leave(node *n)
{
    pthread_rwlock_unlock(&n->lock);
}

/* Loads a context of its own, calls with it over a shared channel, unloads. */
static int work_once(node *n)
{
    mayfly_host *host = enter(n);
    mayfly_context *context = NULL;
    mayfly_channel *ch = NULL;
    mayfly_call *call = NULL;
    mayfly_str reply;
    if (!host)
        return -1;
    int code = mayfly_load_file(host, "own", proto, NULL, &context, NULL);
    if (code == 0)
        code = mayfly_dial(host, n->target, MAYFLY_CHANNEL_OPTIONS(.shared = 1),
                           &ch, NULL);
    if (code == 0)
        code = mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 60000),
                               &call, NULL);
    leave(n);
    /* from here on the host may be freed */
    if (code == 0)
        code = mayfly_call_json(context, ch, "hello.Greeter/SayHello", call,
                                mayfly_str_of("{\"name\": \"ada\"}"), &reply,
                                NULL);
    mayfly_call_free(call);
    mayfly_channel_unref(ch);
    if (code == 0)
        code = mayfly_unload(context, NULL, NULL, NULL);
    mayfly_context_unref(context);
    note(n, code);
    atomic_fetch_add(&n->worked, 1);
    return 0;
}

static void *work(void *state)
{
    while (work_once(state) == 0)
        ;
    return NULL;
}

/* Calls a server that may be of another host, and may be gone. */
static int call_once(node *n, mayfly_channel *ch)
{
    mayfly_host *host = enter(n);
    mayfly_call *call = NULL;
    mayfly_bytes reply, hi = {(const uint8_t *)"hi", 2};
    if (!host)
        return -1;
    int code = mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 60000),
                               &call, NULL);
    leave(n);
    note(n, code);
    if (code == 0)
        code = mayfly_channel_call(ch, "/s.S/Echo", call, hi, &reply, NULL);
    if (code != MAYFLY_ESTATUS && code != MAYFLY_ECANCELLED)
        note(n, code);
    mayfly_call_free(call);
    return 0;
}

static void *call_others(void *state)
{
    node *n = state;
    mayfly_channel *ch;
    mayfly_host *host = enter(n);
    if (!host)
        return NULL;
    int code = mayfly_dial(host, n->other, NULL, &ch, NULL);
    leave(n);
    note(n, code);
    while (code == 0 && call_once(n, ch) == 0)
        ;
    if (code == 0)
        mayfly_channel_unref(ch);
    return NULL;
}

/* A call that ends when its host does. */
static void *wait_for_end(void *state)
{
    node *n = state;
    mayfly_host *host = enter(n);
    mayfly_channel *ch = NULL;
    mayfly_call *call = NULL;
    mayfly_bytes reply, hi = {(const uint8_t *)"hi", 2};
    if (!host)
        return NULL;
    must(mayfly_dial(host, n->target, NULL, &ch, NULL));
    must(mayfly_call_new(host, NULL, &call, NULL));
    leave(n);
    int code = mayfly_channel_call(ch, "/s.S/Hold", call, hi, &reply, NULL);
    assert_int_equal(code, MAYFLY_ESTATUS);
    mayfly_call_free(call);
    mayfly_channel_unref(ch);
    return NULL;
}

static void count_one(void *state, const mayfly_channel_info *info)
{
    *(size_t *)state += info->references;
}

/* Everything that only looks, or gives back. */
static int look_once(node *n)
{
    mayfly_host *host = enter(n);
    mayfly_memory_report *r;
    mayfly_arena *arena;
    mayfly_str json;
    size_t references = 0;
    if (!host)
        return -1;
    int code = mayfly_memory_report_host(host, NULL, &r, NULL);
    if (code == 0)
        mayfly_memory_report_free(r);
    note(n, code);
    note(n, mayfly_host_each_channel(host, count_one, &references, NULL));
    code = mayfly_arena_new(host, 0, &arena, NULL);
    if (code == 0) {
        code = mayfly_host_registrations_json(host, arena, &json, NULL);
        mayfly_arena_free(arena);
    }
    note(n, code);
    mayfly_host_trim(host);
    leave(n);
    usleep(2000);
    return 0;
}

static void *look(void *state)
{
    while (look_once(state) == 0)
        ;
    return NULL;
}

/* --- a node's life --- */

typedef struct team {
    pthread_t threads[WORKERS + CALLERS + 2];
    int n;
} team;

static void join_in(team *t, void *(*run)(void *), node *n)
{
    must(pthread_create(&t->threads[t->n++], NULL, run, n));
}

static team team_start(node *n)
{
    team t = {.n = 0};
    for (int i = 0; i < WORKERS; i++)
        join_in(&t, work, n);
    for (int i = 0; i < CALLERS; i++)
        join_in(&t, call_others, n);
    join_in(&t, look, n);
    join_in(&t, wait_for_end, n);
    return t;
}

static void team_join(team *t)
{
    for (int i = 0; i < t->n; i++)
        pthread_join(t->threads[i], NULL);
}

static void node_begin(node *n, const mayfly_host_options *options)
{
    const hello_Greeter_handlers on = {.SayHello = on_hello};
    int port;
    memset(n, 0, sizeof *n);
    pthread_rwlock_init(&n->lock, NULL);
    must(mayfly_host_new(options, &n->host, &err));
    must(mayfly_load_file(n->host, "served", proto, NULL, &n->context, &err));
    must(mayfly_pool_new_buffers(n->host, NULL, &n->pool, &err));
    must(mayfly_server_new(n->host, NULL, &n->server, &err));
    must(hello_Greeter_serve(n->server, n->context, &on, n, NULL, &err));
    must(mayfly_server_add_raw(n->server, "/s.S/Echo", on_echo, n, NULL, &err));
    must(mayfly_server_add_raw(n->server, "/s.S/Hold", on_hold, n, NULL, &err));
    must(mayfly_server_listen(n->server, "127.0.0.1:0", &port, &err));
    snprintf(n->target, sizeof n->target, "127.0.0.1:%d", port);
    snprintf(n->other, sizeof n->other, "%s", n->target);
}

/* Frees the host under the threads that use its channels. */
static void node_free_host(node *n)
{
    atomic_store(&n->stop, 1); /* readers would keep the writer out */
    pthread_rwlock_wrlock(&n->lock);
    mayfly_host *host = n->host;
    n->host = NULL;
    pthread_rwlock_unlock(&n->lock);
    mayfly_host_free(host);
}

static void node_drop_handles(node *n)
{
    mayfly_call *held = atomic_load(&n->held);
    if (held)
        mayfly_call_finish(held, MAYFLY_STATUS_CANCELLED, (mayfly_str){NULL, 0},
                           NULL);
    mayfly_server_free(n->server, 0);
    mayfly_context_unref(n->context);
    mayfly_pool_free(n->pool);
    pthread_rwlock_destroy(&n->lock);
}

/* --- a loop of the test's own --- */

typedef struct own_loop {
    uv_loop_t uv;
    uv_async_t stop; /* keeps it running */
    pthread_t thread;
    sem_t taken;
    mayfly_host *host;
} own_loop;

static void on_stop(uv_async_t *stop)
{
    uv_close((uv_handle_t *)stop, NULL);
}

static void *run_loop(void *state)
{
    own_loop *l = state;
    must(mayfly_host_take_loop(l->host, NULL));
    sem_post(&l->taken);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    return NULL;
}

static void loop_run(own_loop *l, mayfly_host *host)
{
    l->host = host;
    sem_init(&l->taken, 0, 0);
    must(uv_async_init(&l->uv, &l->stop, on_stop));
    must(pthread_create(&l->thread, NULL, run_loop, l));
    while (sem_wait(&l->taken) != 0)
        ;
}

static void loop_end(own_loop *l)
{
    uv_async_send(&l->stop);
    pthread_join(l->thread, NULL);
    must(uv_loop_close(&l->uv)); /* nothing of the host is left */
    sem_destroy(&l->taken);
}

/* --- the test --- */

/* One that comes and goes, beside the one that stays. */
static void one_round(node *stays, int number)
{
    node n;
    own_loop loop;
    int is_foreign = number % 2;
    if (is_foreign)
        must(uv_loop_init(&loop.uv));
    node_begin(&n,
               MAYFLY_HOST_OPTIONS(.idle_ms = 5, .preset = number % 3,
                                   .loops = number % 4 == 2 ? 2 : 1,
                                   .uv_loop = is_foreign ? &loop.uv : NULL));
    snprintf(n.other, sizeof n.other, "%s", stays->target);
    if (is_foreign)
        loop_run(&loop, n.host);
    /* those of the one that stays call this one's server meanwhile */
    team t = team_start(&n);
    node guest = {.is_lasting = 1};
    pthread_rwlock_init(&guest.lock, NULL);
    guest.host = stays->host;
    snprintf(guest.other, sizeof guest.other, "%s", n.target);
    pthread_t caller;
    must(pthread_create(&caller, NULL, call_others, &guest));
    usleep(ROUND_MS * 1000);
    for (int i = 0;
         i < READY_MS && (atomic_load(&n.worked) == 0 || !atomic_load(&n.held));
         i++)
        usleep(1000);
    node_free_host(&n);
    team_join(&t);
    node_drop_handles(&n);
    if (is_foreign)
        loop_end(&loop);
    atomic_store(&guest.stop, 1);
    pthread_join(caller, NULL);
    pthread_rwlock_destroy(&guest.lock);
    assert_int_equal(atomic_load(&guest.bad), 0);
    assert_true(atomic_load(&n.worked) > 0);
}

static void test_hosts_come_and_go(void **state)
{
    (void)state;
    node stays;
    node_begin(&stays, MAYFLY_HOST_OPTIONS(.loops = 2, .idle_ms = 10));
    stays.is_lasting = 1;
    team t = team_start(&stays);
    for (int i = 0; i < ROUNDS; i++)
        one_round(&stays, i);
    node_free_host(&stays);
    team_join(&t);
    assert_int_equal(atomic_load(&stays.bad), 0);
    assert_true(atomic_load(&stays.worked) > ROUNDS);
    node_drop_handles(&stays);
}

/* Servers are closed, and their host is freed in the midst of it. */
static void count_closed(void *state)
{
    atomic_fetch_add((atomic_int *)state, 1);
}

static void test_closing_meets_freeing(void **state)
{
    (void)state;
    enum { SERVERS = 6, TIMES = 20 };
    for (int i = 0; i < TIMES; i++) {
        mayfly_server *servers[SERVERS];
        mayfly_host *host;
        atomic_int closed = 0;
        must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.loops = 3), &host, &err));
        for (int k = 0; k < SERVERS; k++) {
            must(mayfly_server_new(host, NULL, &servers[k], &err));
            must(mayfly_server_listen(servers[k], "127.0.0.1:0", NULL, &err));
        }
        for (int k = 0; k < SERVERS; k++)
            mayfly_server_close(servers[k], k % 2 ? 1000 : 0, count_closed,
                                &closed);
        if (i % 2)
            usleep((unsigned)i * 20);
        mayfly_host_free(host);
        assert_int_equal(atomic_load(&closed), SERVERS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_come_and_go),
        cmocka_unit_test(test_closing_meets_freeing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
