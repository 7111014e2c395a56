/*
 * tests/api/interceptors.h: a server with raw methods and an interceptor that
 * writes down what it sees.
 *
 * Each line of the log is "NAME POINT DETAIL"; names are single letters.
 */
#ifndef TESTS_API_INTERCEPTORS_H
#define TESTS_API_INTERCEPTORS_H

#include "hello.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct passing_log {
    pthread_mutex_t lock;
    char text[4000];
} passing_log;

typedef struct rig {
    mayfly_host *host;
    hello_pair pair;
    passing_log log;
    sem_t told;
    mayfly_call *parked[64]; /* to be completed; under the log's lock */
    int n_parked;
    sem_t parks;
    int code; /* of the last call */
    int status;
    char text[100];
    char reply[200];
} rig;

static inline void note(passing_log *log, const char *format, ...)
{
    va_list args;
    pthread_mutex_lock(&log->lock);
    size_t n = strlen(log->text);
    va_start(args, format);
    vsnprintf(log->text + n, sizeof log->text - n, format, args);
    va_end(args);
    pthread_mutex_unlock(&log->lock);
}

static inline void is_logged(rig *r, const char *wanted)
{
    pthread_mutex_lock(&r->log.lock);
    if (strcmp(r->log.text, wanted) != 0)
        fail_msg("%s\nnot\n%s", r->log.text, wanted);
    r->log.text[0] = '\0';
    pthread_mutex_unlock(&r->log.lock);
}

/* --- the server's methods --- */

/* Replies with the request; "fail" and "none" end it otherwise. */
static inline int on_echo(void *state, mayfly_call *call, mayfly_bytes in)
{
    rig *r = state;
    note(&r->log, "handler %.*s\n", (int)in.len, (const char *)in.ptr);
    if (in.len == 4 && memcmp(in.ptr, "fail", 4) == 0)
        return mayfly_call_fail(call, MAYFLY_STATUS_NOT_FOUND, "no such");
    return mayfly_call_reply(call, in, NULL) == 0 ? 0 : MAYFLY_STATUS_INTERNAL;
}

/* Somebody else completes it. */
static inline int on_park(void *state, mayfly_call *call, mayfly_bytes in)
{
    rig *r = state;
    (void)in;
    note(&r->log, "handler parks\n");
    if (mayfly_call_defer(call, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    pthread_mutex_lock(&r->log.lock);
    r->parked[r->n_parked++] = call;
    pthread_mutex_unlock(&r->log.lock);
    sem_post(&r->parks);
    return 0;
}

/* The newest call that is parked, for the caller to complete. */
static inline mayfly_call *take_parked(rig *r)
{
    sem_wait(&r->parks);
    pthread_mutex_lock(&r->log.lock);
    mayfly_call *call = r->parked[--r->n_parked];
    pthread_mutex_unlock(&r->log.lock);
    return call;
}

static inline void finish_parked(rig *r)
{
    while (r->n_parked)
        mayfly_call_finish(take_parked(r), MAYFLY_STATUS_ABORTED,
                           mayfly_str_of("given up"), NULL);
}

static inline int rig_begin(void **state)
{
    rig *r = calloc(1, sizeof *r);
    pthread_mutex_init(&r->log.lock, NULL);
    sem_init(&r->told, 0, 0);
    sem_init(&r->parks, 0, 0);
    r->host = hello_host();
    r->pair = hello_connect(r->host);
    must(mayfly_server_add_raw(r->pair.server, "/t.T/Echo", on_echo, r, NULL,
                               &err));
    must(mayfly_server_add_raw(r->pair.server, "/t.T/EchoWorker", on_echo, r,
                               MAYFLY_SERVICE_OPTIONS(.blocking = 1), &err));
    must(mayfly_server_add_raw(r->pair.server, "/t.T/Park", on_park, r, NULL,
                               &err));
    *state = r;
    return 0;
}

static inline int rig_end(void **state)
{
    rig *r = *state;
    mayfly_channel_unref(r->pair.channel);
    mayfly_server_free(r->pair.server, 0);
    finish_parked(r); /* no handler runs any more */
    mayfly_host_free(r->host);
    sem_destroy(&r->told);
    sem_destroy(&r->parks);
    pthread_mutex_destroy(&r->log.lock);
    free(r);
    return 0;
}

#define on_rig(test) cmocka_unit_test_setup_teardown(test, rig_begin, rig_end)

/* --- calling --- */

static inline void keep_results(rig *r, mayfly_call *call, int code,
                                mayfly_bytes reply)
{
    mayfly_str text = mayfly_call_message(call);
    r->code = code;
    r->status = mayfly_call_status(call);
    snprintf(r->text, sizeof r->text, "%.*s", (int)text.len,
             text.ptr ? text.ptr : "");
    snprintf(r->reply, sizeof r->reply, "%.*s", (int)reply.len,
             reply.ptr ? (const char *)reply.ptr : "");
}

static inline void on_told(void *state, mayfly_call *call, int code,
                           mayfly_bytes reply)
{
    rig *r = state;
    keep_results(r, call, code, reply);
    sem_post(&r->told);
}

static inline mayfly_bytes bytes_of(const char *text)
{
    return (mayfly_bytes){(const uint8_t *)text, strlen(text)};
}

/* A call, waited for or started; the caller frees it. */
static inline mayfly_call *call_with(rig *r, const char *path, const char *text,
                                     int started)
{
    mayfly_call *call = hello_call(r->host);
    mayfly_bytes reply = {NULL, 0};
    if (started) {
        must(mayfly_channel_start(r->pair.channel, path, call, bytes_of(text),
                                  on_told, r, &err));
        sem_wait(&r->told);
    } else {
        int code = mayfly_channel_call(r->pair.channel, path, call,
                                       bytes_of(text), &reply, NULL);
        keep_results(r, call, code, reply);
    }
    return call;
}

static inline void call_once(rig *r, const char *path, const char *text,
                             int started)
{
    mayfly_call_free(call_with(r, path, text, started));
}

/* --- an interceptor that tells what it sees ---
 * Released when the rig ends: longer there than a test's own variables. */

typedef struct seer {
    rig *rig;
    char name;
    char ends_at;        /* 'b', 'q' or 'r': ends the call there ... */
    int with;            /* ... with this status; 0: with a reply */
    const char *request; /* in place of the message; NULL: as it is */
    const char *reply;
    const char *rescue; /* in place of a failure, at the end */
    int spoil;          /* the status to end with; 0: as it is */
    atomic_int n_begun, n_ended, n_released;
} seer;

static inline int seer_ends(seer *s, mayfly_call *call)
{
    if (s->with)
        return mayfly_call_fail(call, s->with, "ended here");
    must(mayfly_intercept_reply(call, bytes_of("from here"), &err));
    return 0;
}

static inline int seer_begin(void *state, void *memory, mayfly_call *call)
{
    seer *s = state;
    int *mine = memory;
    assert_int_equal(*mine, 0);
    *mine = s->name;
    atomic_fetch_add(&s->n_begun, 1);
    note(&s->rig->log, "%c begin\n", s->name);
    return s->ends_at == 'b' ? seer_ends(s, call) : 0;
}

static inline int seer_message(void *state, void *memory, mayfly_call *call,
                               enum mayfly_direction direction,
                               mayfly_bytes *message)
{
    seer *s = state;
    const char *other = direction == MAYFLY_REQUEST ? s->request : s->reply;
    assert_int_equal(*(int *)memory, s->name);
    note(&s->rig->log, "%c %s %.*s\n", s->name,
         direction == MAYFLY_REQUEST ? "request" : "reply", (int)message->len,
         (const char *)message->ptr);
    if (other)
        *message = bytes_of(other);
    return s->ends_at == (direction == MAYFLY_REQUEST ? 'q' : 'r')
               ? seer_ends(s, call)
               : 0;
}

static inline void seer_end(void *state, void *memory, mayfly_call *call)
{
    seer *s = state;
    assert_int_equal(*(int *)memory, s->name);
    atomic_fetch_add(&s->n_ended, 1);
    note(&s->rig->log, "%c end %s\n", s->name,
         mayfly_status_name(mayfly_call_status(call)));
    if (s->rescue && mayfly_call_status(call) != 0)
        must(mayfly_intercept_reply(call, bytes_of(s->rescue), &err));
    if (s->spoil)
        must(mayfly_call_set_status(call, s->spoil, mayfly_str_of("spoilt"),
                                    &err));
}

static inline void seer_release(void *state)
{
    seer *s = state;
    atomic_fetch_add(&s->n_released, 1);
}

#define SEER                                                                   \
    MAYFLY_INTERCEPTOR(.memory_bytes = sizeof(int), .begin = seer_begin,       \
                       .message = seer_message, .end = seer_end)

static inline uint64_t see_server(rig *r, seer *s)
{
    uint64_t id = 0;
    s->rig = r;
    must(mayfly_server_intercept(
        r->pair.server, SEER,
        MAYFLY_INTERCEPT_OPTIONS(.state = s, .release = seer_release), &id,
        &err));
    return id;
}

static inline uint64_t see_channel(rig *r, seer *s)
{
    uint64_t id = 0;
    s->rig = r;
    must(mayfly_channel_intercept(
        r->pair.channel, SEER,
        MAYFLY_INTERCEPT_OPTIONS(.state = s, .release = seer_release), &id,
        &err));
    return id;
}

#endif
