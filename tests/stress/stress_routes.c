/*
 * Services are added to a server and taken off while it is called, and the unit
 * behind one of them is swapped. A call is answered by what is there, or that
 * it is not; each state is released once, when no handler has it.
 */
#include "tests/stress/parked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CALLERS = 4, ROUNDS = 400, MAGIC = 0x5e71ce };

/* What a handler is given; poisoned when it is released. */
typedef struct served {
    atomic_int magic;
    struct stress *s;
} served;

typedef struct stress {
    mayfly_host *host;
    mayfly_server *server;
    mayfly_channel *channel;
    mayfly_unit *unit;
    atomic_int stop, odd, answered, missed;
    atomic_int added, released, started, told;
    parked parked;
} stress;

static const char *const schemas[] = {
    "syntax = \"proto3\";\npackage u;\n"
    "service S { rpc A (M) returns (M); }\nmessage M { string one = 1; }\n",
    "syntax = \"proto3\";\npackage u;\nservice S { rpc A (M) returns (M);\n"
    "  rpc B (M) returns (M); }\n"
    "message M { string one = 1; int32 two = 2; }\n"};
static const char source[] =
    "#include \"u.mf.h\"\n"
    "int u_S_on_A(void *state, mayfly_call *call, const u_M *q, u_M *r)\n"
    "{ r->one = q->one; return 0; }\n";

static void look(served *v)
{
    if (atomic_load(&v->magic) != MAGIC)
        atomic_fetch_add(&v->s->odd, 1);
}

static void release(void *state)
{
    served *v = state;
    look(v);
    atomic_store(&v->magic, 0);
    atomic_fetch_add(&v->s->released, 1);
    free(v);
}

static int on_raw(void *state, mayfly_call *call, mayfly_bytes in)
{
    look(state);
    return mayfly_call_reply(call, in, NULL) == MAYFLY_EINVAL
               ? MAYFLY_STATUS_INTERNAL
               : 0;
}

static int on_json(void *state, mayfly_call *call, mayfly_str request,
                   mayfly_str *ret_reply)
{
    (void)call;
    look(state);
    *ret_reply = request;
    return 0;
}

static served *state_for(stress *s)
{
    served *v = malloc(sizeof *v);
    atomic_init(&v->magic, MAGIC);
    v->s = s;
    return v;
}

static void counted(stress *s, served *v, int code)
{
    if (code == 0) {
        atomic_fetch_add(&s->added, 1);
        return;
    }
    free(v);
    atomic_fetch_add(&s->odd, 1);
}

static void *add_around(void *state)
{
    stress *s = state;
    for (unsigned i = 0; !atomic_load(&s->stop); i++) {
        served *v = state_for(s), *w = state_for(s);
        counted(s, v,
                mayfly_server_add_raw(
                    s->server, "/raw.R/Echo", on_raw, v,
                    MAYFLY_SERVICE_OPTIONS(.release = release,
                                           .blocking = i % 2 != 0),
                    NULL));
        counted(s, w,
                mayfly_unit_serve_json(
                    s->unit, s->server, "u.S", on_json, w,
                    MAYFLY_SERVICE_OPTIONS(.release = release), NULL));
        usleep(300);
        if (mayfly_server_remove(s->server, "raw.R", i % 3 ? 0 : 20000, NULL) ||
            mayfly_server_remove(s->server, "u.S", i % 3 ? 20000 : 0, NULL))
            atomic_fetch_add(&s->odd, 1);
        /* the other form of the same service */
        w = state_for(s);
        counted(s, w,
                mayfly_unit_serve_source(
                    s->unit, s->server, w,
                    MAYFLY_SERVICE_OPTIONS(.release = release), NULL));
        usleep(300);
        if (mayfly_server_remove(s->server, "u.S", 0, NULL))
            atomic_fetch_add(&s->odd, 1);
    }
    return NULL;
}

static void *swap_around(void *state)
{
    stress *s = state;
    for (unsigned i = 1; !atomic_load(&s->stop); i++) {
        const mayfly_source schema = {"u.proto", schemas[i % 2], 0};
        const mayfly_source handlers = {"handlers.c", source, 0};
        if (mayfly_unit_swap(
                s->unit,
                MAYFLY_RECIPE(.schema = &schema,
                              .load = MAYFLY_LOAD_OPTIONS(.handlers = &handlers,
                                                          .n_handlers = 1)),
                NULL, NULL, NULL) != 0)
            atomic_fetch_add(&s->odd, 1);
        usleep(500);
    }
    return NULL;
}

static void see(stress *s, mayfly_call *call)
{
    switch (mayfly_call_status(call)) {
    case MAYFLY_STATUS_OK:
        atomic_fetch_add(&s->answered, 1);
        return;
    case MAYFLY_STATUS_UNIMPLEMENTED:
    case MAYFLY_STATUS_UNAVAILABLE:
    case MAYFLY_STATUS_CANCELLED:
        atomic_fetch_add(&s->missed, 1);
        return;
    default:
        atomic_fetch_add(&s->odd, 1);
    }
}

static void on_done(void *state, mayfly_call *call, int code,
                    mayfly_bytes reply)
{
    stress *s = state;
    (void)code;
    (void)reply;
    see(s, call);
    mayfly_call_free(call);
    atomic_fetch_add(&s->told, 1);
}

static void *call_around(void *state)
{
    static const char *const paths[] = {"/raw.R/Echo", "/u.S/A", "/u.S/B",
                                        "/park.P/Park"};
    stress *s = state;
    unsigned seed = (unsigned)(uintptr_t)pthread_self();
    for (int i = 0; i < ROUNDS; i++) {
        mayfly_call *call;
        mayfly_bytes reply, request = {(const uint8_t *)"\n\1a", 3};
        const char *path = paths[rand_r(&seed) % 4];
        if (mayfly_call_new(s->host, NULL, &call, NULL) != 0)
            continue;
        if (rand_r(&seed) % 2) {
            mayfly_channel_call(s->channel, path, call, request, &reply, NULL);
            see(s, call);
            mayfly_call_free(call);
        } else if (mayfly_channel_start(s->channel, path, call, request,
                                        on_done, s, NULL) == 0) {
            atomic_fetch_add(&s->started, 1);
        } else {
            mayfly_call_free(call);
        }
    }
    return NULL;
}

/* A route whose calls are answered later comes and goes as well. */
static void *park_around(void *state)
{
    stress *s = state;
    while (!atomic_load(&s->stop)) {
        if (mayfly_server_add_raw(s->server, "/park.P/Park", park, &s->parked,
                                  NULL, NULL) != 0)
            atomic_fetch_add(&s->odd, 1);
        usleep(700);
        if (mayfly_server_remove(s->server, "park.P/Park", 0, NULL) != 0)
            atomic_fetch_add(&s->odd, 1);
    }
    return NULL;
}

static void begin(stress *s, unsigned loops)
{
    const mayfly_source schema = {"u.proto", schemas[0], 0};
    const mayfly_source handlers = {"handlers.c", source, 0};
    char target[64];
    int port;
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->parked.lock, NULL);
    assert_int_equal(
        mayfly_host_new(MAYFLY_HOST_OPTIONS(.loops = loops, .workers = 2),
                        &s->host, NULL),
        0);
    assert_int_equal(
        mayfly_unit_load(
            s->host, "u",
            MAYFLY_RECIPE(.schema = &schema,
                          .load = MAYFLY_LOAD_OPTIONS(.handlers = &handlers,
                                                      .n_handlers = 1)),
            &s->unit, NULL, NULL),
        0);
    assert_int_equal(mayfly_server_new(s->host, NULL, &s->server, NULL), 0);
    assert_int_equal(
        mayfly_server_listen(s->server, "127.0.0.1:0", &port, NULL), 0);
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    assert_int_equal(mayfly_dial(s->host, target, NULL, &s->channel, NULL), 0);
}

static void services_come_and_go(void **state)
{
    static stress s;
    static void *(*const around[])(void *) = {add_around, swap_around,
                                              park_around};
    (void)state;
    for (unsigned loops = 1; loops < 4; loops += 2) {
        pthread_t callers[CALLERS], others[3], completer;
        begin(&s, loops);
        pthread_create(&completer, NULL, complete, &s.parked);
        for (int i = 0; i < 3; i++)
            pthread_create(&others[i], NULL, around[i], &s);
        for (int i = 0; i < CALLERS; i++)
            pthread_create(&callers[i], NULL, call_around, &s);
        for (int i = 0; i < CALLERS; i++)
            pthread_join(callers[i], NULL);
        atomic_store(&s.stop, 1);
        for (int i = 0; i < 3; i++)
            pthread_join(others[i], NULL);
        for (int i = 0;
             i < 20000 && atomic_load(&s.started) != atomic_load(&s.told); i++)
            usleep(1000);
        atomic_store(&s.parked.stop, 1);
        pthread_join(completer, NULL);
        mayfly_channel_unref(s.channel);
        mayfly_server_free(s.server, 1000);
        complete_parked(&s.parked);
        mayfly_unit_unref(s.unit);
        mayfly_host_free(s.host);
        assert_int_equal(atomic_load(&s.odd), 0);
        assert_int_equal(atomic_load(&s.started), atomic_load(&s.told));
        assert_int_equal(atomic_load(&s.added), atomic_load(&s.released));
        assert_true(atomic_load(&s.answered) > 0);
        pthread_mutex_destroy(&s.parked.lock);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
