/*
 * Interceptors come and go, of the program, of contexts that are loaded and
 * unloaded, and of a unit that is swapped and evicted, while calls of every
 * kind go through them. Each begin has one end, each interceptor is released
 * once, and nothing is lost or raced.
 */
#include <mayfly/mayfly.h>

#include "tests/stress/parked.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { CALLERS = 4, ROUNDS = 300 };

typedef struct stress {
    mayfly_host *host;
    mayfly_server *server;
    mayfly_channel *channel;
    mayfly_unit *unit;
    atomic_int stop;
    atomic_int started, told;
    atomic_long begun, ended, installed, released, refused;
    atomic_int odd;
    parked parked;
} stress;

static const char source[] =
    "#include <mayfly/mayfly.h>\n"
    "static int begin(void *state, void *memory, mayfly_call *call)\n"
    "{ *(int *)memory = 5; return 0; }\n"
    "static void end(void *state, void *memory, mayfly_call *call)\n"
    "{ if (*(int *)memory != 5)\n"
    "    mayfly_call_set_status(call, 15, mayfly_str_of(\"lost\"), 0); }\n"
    "const mayfly_interceptor by_name = { .size = sizeof(mayfly_interceptor),\n"
    "    .memory_bytes = sizeof(int), .begin = begin, .end = end };\n";

static int load_version(stress *s, unsigned version, int is_first)
{
    char text[sizeof source + 100];
    snprintf(text, sizeof text, "%sint version = %u;\n", source, version);
    const mayfly_source file = {"by_name.c", text, 0};
    const mayfly_recipe *r =
        MAYFLY_RECIPE(.load = MAYFLY_LOAD_OPTIONS(.handlers = &file,
                                                  .n_handlers = 1));
    return is_first
               ? mayfly_unit_load(s->host, "filter", r, &s->unit, NULL, NULL)
               : mayfly_unit_swap(s->unit, r, NULL, NULL, NULL);
}

static void *swap_around(void *state)
{
    stress *s = state;
    for (unsigned i = 1; !atomic_load(&s->stop); i++) {
        if (load_version(s, i % 3, 0) != 0)
            atomic_fetch_add(&s->odd, 1);
        usleep(300);
        if (i % 4 == 0)
            mayfly_unit_evict(s->unit, 0, NULL); /* where nobody has it */
    }
    return NULL;
}

/* --- the program's interceptor --- */

static int begin(void *state, void *memory, mayfly_call *call)
{
    stress *s = state;
    atomic_fetch_add(&s->begun, 1);
    *(uintptr_t *)memory = (uintptr_t)call;
    if (mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "more",
                             mayfly_str_of("1"), NULL) != 0)
        atomic_fetch_add(&s->odd, 1);
    return 0;
}

static int message(void *state, void *memory, mayfly_call *call,
                   enum mayfly_direction direction, mayfly_bytes *bytes)
{
    stress *s = state;
    if (*(uintptr_t *)memory != (uintptr_t)call)
        atomic_fetch_add(&s->odd, 1);
    if (direction == MAYFLY_REPLY) { /* another one, of the same length */
        mayfly_str copy = mayfly_arena_str(
            mayfly_call_arena(call), (const char *)bytes->ptr, bytes->len);
        bytes->ptr = (const uint8_t *)copy.ptr;
    }
    return 0;
}

static void end(void *state, void *memory, mayfly_call *call)
{
    stress *s = state;
    if (*(uintptr_t *)memory != (uintptr_t)call)
        atomic_fetch_add(&s->odd, 1);
    atomic_fetch_add(&s->ended, 1);
}

static void release(void *state)
{
    stress *s = state;
    atomic_fetch_add(&s->released, 1);
}

static const mayfly_interceptor hooks = {.size = sizeof hooks,
                                         .memory_bytes = sizeof(uintptr_t),
                                         .begin = begin,
                                         .message = message,
                                         .end = end};

static void *install_around(void *state)
{
    stress *s = state;
    const mayfly_intercept_options o = {
        .size = sizeof o, .state = s, .release = release};
    while (!atomic_load(&s->stop)) {
        uint64_t of_server, of_channel;
        if (mayfly_server_intercept(s->server, &hooks, &o, &of_server, NULL))
            atomic_fetch_add(&s->odd, 1);
        if (mayfly_channel_intercept(s->channel, &hooks, &o, &of_channel, NULL))
            atomic_fetch_add(&s->odd, 1);
        atomic_fetch_add(&s->installed, 2);
        usleep(300);
        if (mayfly_server_unintercept(s->server, of_server, NULL) ||
            mayfly_channel_unintercept(s->channel, of_channel, NULL))
            atomic_fetch_add(&s->odd, 1);
    }
    return NULL;
}

static void *load_around(void *state)
{
    stress *s = state;
    const mayfly_source file = {"by_name.c", source, 0};
    for (unsigned i = 0; !atomic_load(&s->stop); i++) {
        mayfly_context *c;
        uint64_t of_server, of_channel;
        if (mayfly_load_source(s->host, "by_name", &file, 1, NULL, &c, NULL))
            continue;
        if (mayfly_server_intercept_by(s->server, c, "by_name",
                                       MAYFLY_INTERCEPT_OPTIONS(.optional = 1),
                                       &of_server, NULL) ||
            mayfly_channel_intercept_by(s->channel, c, "by_name", NULL,
                                        &of_channel, NULL)) {
            atomic_fetch_add(&s->odd, 1);
            return NULL;
        }
        usleep(500);
        /* under way, or taken off before; calls meet it closed now and then */
        if (i % 2)
            mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.force = i % 4 == 1), NULL,
                          NULL);
        mayfly_server_unintercept(s->server, of_server, NULL);
        mayfly_channel_unintercept(s->channel, of_channel, NULL);
        mayfly_context_unref(c);
    }
    return NULL;
}

/* --- calls --- */

static int on_echo(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    return mayfly_call_reply(call, in, NULL) == MAYFLY_EINVAL
               ? MAYFLY_STATUS_INTERNAL
               : 0;
}

static void look(stress *s, mayfly_call *call, int code, mayfly_bytes reply)
{
    int status = mayfly_call_status(call);
    if (code != 0 && code != MAYFLY_ESTATUS && code != MAYFLY_ECANCELLED)
        atomic_fetch_add(&s->odd, 1);
    if (code == 0 && (reply.len != 7 || memcmp(reply.ptr, "request", 7) != 0))
        atomic_fetch_add(&s->odd, 1);
    if (code != 0 && status == MAYFLY_STATUS_UNAVAILABLE)
        atomic_fetch_add(&s->refused, 1); /* its interceptor is unloaded */
    else if (code != 0 && status != MAYFLY_STATUS_CANCELLED &&
             status != MAYFLY_STATUS_DEADLINE_EXCEEDED)
        atomic_fetch_add(&s->odd, 1);
}

static void on_done(void *state, mayfly_call *call, int code,
                    mayfly_bytes reply)
{
    stress *s = state;
    look(s, call, code, reply);
    mayfly_call_free(call);
    atomic_fetch_add(&s->told, 1);
}

static const char *const paths[] = {"/s.S/Echo", "/s.S/EchoWorker",
                                    "/s.S/Park"};

static void one_call(stress *s, unsigned *seed)
{
    mayfly_call *call;
    mayfly_bytes reply = {NULL, 0}, request = {(const uint8_t *)"request", 7};
    int what = rand_r(seed) % 8;
    const char *path = paths[rand_r(seed) % 3];
    unsigned timeout = rand_r(seed) % 4 ? 5000 : 1;
    if (mayfly_call_new(s->host, MAYFLY_CALL_OPTIONS(.timeout_ms = timeout),
                        &call, NULL) != 0)
        return;
    if (what < 4) {
        int code =
            mayfly_channel_call(s->channel, path, call, request, &reply, NULL);
        look(s, call, code, reply);
        mayfly_call_free(call);
    } else if (what < 7) {
        atomic_fetch_add(&s->started, 1);
        if (mayfly_channel_start(s->channel, path, call, request, on_done, s,
                                 NULL) != 0) {
            atomic_fetch_sub(&s->started, 1);
            mayfly_call_free(call);
        } else if (what == 6) { /* told by then, or not */
            usleep(50);
        }
    } else {
        if (mayfly_channel_start(s->channel, path, call, request, NULL, NULL,
                                 NULL) == 0 &&
            rand_r(seed) % 2)
            mayfly_call_cancel(call);
        mayfly_call_free(call); /* given up */
    }
}

static void *call_around(void *state)
{
    stress *s = state;
    unsigned seed = (unsigned)(uintptr_t)pthread_self();
    for (int i = 0; i < ROUNDS; i++)
        one_call(s, &seed);
    return NULL;
}

static void begin_all(stress *s, unsigned loops)
{
    char target[64];
    int port;
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->parked.lock, NULL);
    assert_int_equal(
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.loops = loops, .workers = 2),
                        &s->host, NULL),
        0);
    assert_int_equal(mayfly_server_new(s->host, NULL, &s->server, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mayfly_server_add_raw(
                             s->server, paths[i], i == 2 ? park : on_echo,
                             i == 2 ? (void *)&s->parked : s,
                             MAYFLY_SERVICE_OPTIONS(.blocking = i == 1), NULL),
                         0);
    assert_int_equal(
        mayfly_server_listen(s->server, "127.0.0.1:0", &port, NULL), 0);
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    assert_int_equal(mayfly_dial(s->host, target, NULL, &s->channel, NULL), 0);
    assert_int_equal(load_version(s, 0, 1), 0);
    assert_int_equal(mayfly_unit_intercept_server(s->unit, s->server, "by_name",
                                                  NULL, NULL, NULL),
                     0);
    assert_int_equal(mayfly_unit_intercept_channel(s->unit, s->channel,
                                                   "by_name", NULL, NULL, NULL),
                     0);
}

static void interceptors_come_and_go(void **state)
{
    static stress s;
    (void)state;
    for (unsigned loops = 1; loops < 4; loops += 2) {
        pthread_t callers[CALLERS], others[4];
        begin_all(&s, loops);
        pthread_create(&others[0], NULL, complete, &s.parked);
        pthread_create(&others[1], NULL, install_around, &s);
        pthread_create(&others[2], NULL, load_around, &s);
        pthread_create(&others[3], NULL, swap_around, &s);
        for (int i = 0; i < CALLERS; i++)
            pthread_create(&callers[i], NULL, call_around, &s);
        for (int i = 0; i < CALLERS; i++)
            pthread_join(callers[i], NULL);
        for (int i = 0;
             i < 10000 && atomic_load(&s.started) != atomic_load(&s.told); i++)
            usleep(1000);
        atomic_store(&s.stop, 1);
        atomic_store(&s.parked.stop, 1);
        for (int i = 0; i < 4; i++)
            pthread_join(others[i], NULL);
        mayfly_channel_unref(s.channel);
        mayfly_server_free(s.server, 1000);
        complete_parked(&s.parked);
        mayfly_unit_unref(s.unit);
        mayfly_host_free(s.host);
        assert_int_equal(atomic_load(&s.started), atomic_load(&s.told));
        assert_int_equal(atomic_load(&s.begun), atomic_load(&s.ended));
        assert_int_equal(atomic_load(&s.installed), atomic_load(&s.released));
        assert_int_equal(atomic_load(&s.odd), 0);
        assert_true(atomic_load(&s.begun) > 0);
        pthread_mutex_destroy(&s.parked.lock);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interceptors_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
