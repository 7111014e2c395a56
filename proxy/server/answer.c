/*
 * A server's calls: from the first header to the last trailer.
 *
 * HTTP/2's events gather a request; when it is whole its handler runs, here or
 * on a worker; its answer is submitted when the handler has returned, or when a
 * deferred call is completed. Faults of the peer are answered without a
 * handler.
 *
 * What stays true: `is_sent` is set once, on the loop; after it nothing more is
 * submitted, so a deadline and a late answer cannot both be sent. A handler
 * that runs has the arena; until it is done the loop answers from static memory
 * only. The stream, the running handler and the deferral hold a reference each.
 */
#include "proxy/call/intercept.h"
#include "proxy/server/server.h"

#include "base/census.h"
#include "base/error.h"
#include "base/owner.h"

#include <stdio.h>
#include <string.h>

enum {
    WINDOW_START = 60000, /* a longer message widens its stream's window */
    TEXT_MAX = 65000, /* of an encoded message: peers take no longer field */
    ARENA_BYTES_MAX = 64 * 1024 * 1024
};

static const mf_h2_field plain_head[] = {
    MF_H2_FIELD(":status", "200"),
    MF_H2_FIELD("content-type", "application/grpc"),
};

static const mf_h2_field ok_trailers[] = {MF_H2_FIELD("grpc-status", "0")};

static const mayfly_str status_text[] = {
    MAYFLY_STR("0"),  MAYFLY_STR("1"),  MAYFLY_STR("2"),  MAYFLY_STR("3"),
    MAYFLY_STR("4"),  MAYFLY_STR("5"),  MAYFLY_STR("6"),  MAYFLY_STR("7"),
    MAYFLY_STR("8"),  MAYFLY_STR("9"),  MAYFLY_STR("10"), MAYFLY_STR("11"),
    MAYFLY_STR("12"), MAYFLY_STR("13"), MAYFLY_STR("14"), MAYFLY_STR("15"),
    MAYFLY_STR("16")};

/* --- answering --- */

/* The text as it goes into grpc-message: cut where the peer would not take it.
 */
static mayfly_str encode_text(mayfly_call *c, size_t others)
{
    mayfly_str none = {NULL, 0}, text = c->text;
    size_t max = mf_h2_peer_field_bytes_max(c->stream.h2);
    max = max > others + 64 ? max - others - 64 : 0;
    max = max < TEXT_MAX ? max : TEXT_MAX;
    if (text.len > max)
        text.len = max;
    while (text.len && mf_percent_size(text) > max)
        text.len -= (mf_percent_size(text) - max + 2) / 3;
    /* not in the middle of a character */
    if (text.len < c->text.len)
        while (text.len && ((uint8_t)text.ptr[text.len] & 0xc0) == 0x80)
            text.len--;
    if (text.len == 0)
        return none;
    char *out = mf_arena_raw(&c->arena, mf_percent_size(text));
    if (!out)
        return none;
    return (mayfly_str){out, mf_percent_encode(text, out)};
}

static size_t put_meta(mf_h2_field *to, const mf_meta *list)
{
    for (size_t i = 0; i < list->n; i++)
        to[i] = (mf_h2_field){list->items[i].key, list->items[i].value};
    return list->n;
}

/* Headers, message if there is one, trailers. */
static int submit(mayfly_call *c)
{
    mf_h2_stream *s = &c->stream;
    int has_message = c->message.ptr && c->status == 0;
    if (has_message && c->out.n == 0 && c->out_trailers.n == 0)
        return mf_h2_respond(s, plain_head, 2, c->message.ptr, c->message.len,
                             ok_trailers, 1);
    size_t n = c->out.n + c->out_trailers.n + 4;
    mf_h2_field *fields = mf_arena_raw(&c->arena, n * sizeof *fields);
    if (!fields)
        return MAYFLY_ENOMEM;
    size_t n_head = 2, at;
    memcpy(fields, plain_head, sizeof plain_head);
    n_head += put_meta(fields + n_head, &c->out);
    at = n_head;
    fields[at].name = ok_trailers[0].name;
    fields[at++].value = status_text[c->status];
    mayfly_str text = encode_text(c, c->out_bytes + 256);
    if (text.len) {
        fields[at].name = (mayfly_str)MAYFLY_STR("grpc-message");
        fields[at++].value = text;
    }
    at += put_meta(fields + at, &c->out_trailers);
    if (!has_message) /* trailers only */
        return mf_h2_respond(s, fields, at, NULL, 0, NULL, 0);
    return mf_h2_respond(s, fields, n_head, c->message.ptr, c->message.len,
                         fields + n_head, at - n_head);
}

/* An answer that needs no memory of the call. */
static int submit_static(mayfly_call *c, int status, const mf_h2_field *text)
{
    mf_h2_field fields[4];
    memcpy(fields, plain_head, sizeof plain_head);
    fields[2].name = ok_trailers[0].name;
    fields[2].value = status_text[status];
    if (text)
        fields[3] = *text;
    return mf_h2_respond(&c->stream, fields, text ? 4 : 3, NULL, 0, NULL, 0);
}

static void sent(mayfly_call *c, int rc)
{
    c->is_sent = 1;
    if (rc != 0)
        mf_h2_reset(&c->stream, MF_H2_INTERNAL_ERROR);
    mf_server_conn_dirty(c->conn);
}

/* Ends the call while a handler may be running. Loop. */
static void answer_static(mayfly_call *c, int status, const mf_h2_field *text)
{
    atomic_store_explicit(&c->cancelled, 1, memory_order_release);
    if (c->is_sent || !c->stream.h2)
        return;
    c->is_cut = 1;
    sent(c, submit_static(c, status, text));
}

static void answer_late(mayfly_call *c)
{
    static const mf_h2_field text =
        MF_H2_FIELD("grpc-message", "the deadline has passed");
    answer_static(c, MAYFLY_STATUS_DEADLINE_EXCEEDED, &text);
}

static void on_deadline(mf_timer *timer)
{
    answer_late(MF_OWNER(timer, mayfly_call, timer));
}

/* Sends what the call has to say, unless its time has passed: a handler on the
 * loop may have kept the timer from saying so. Loop. */
static void answer(mayfly_call *c)
{
    if (c->is_sent || !c->stream.h2)
        return;
    if (c->deadline_ns && mf_clock_ns() > c->deadline_ns)
        answer_late(c);
    else if (atomic_load(
                 &c->cancel_asked)) /* whatever the handler made of it */
        answer_static(c, MAYFLY_STATUS_CANCELLED, NULL);
    else
        sent(c, submit(c));
}

/* A fault, before any handler. Loop. */
static void refuse(mayfly_call *c, int status, const char *text)
{
    if (c->is_sent || c->is_dispatched)
        return;
    c->status = status;
    c->text = mayfly_str_of(text);
    c->message.ptr = NULL;
    answer(c);
}

/* What is no gRPC gets HTTP's answer. */
static void refuse_http(mayfly_call *c, const char *http_status)
{
    mf_h2_field fields[] = {{plain_head[0].name, mayfly_str_of(http_status)}};
    sent(c, mf_h2_respond(&c->stream, fields, 1, NULL, 0, NULL, 0));
}

void mf_server_call_cancel(mayfly_call *c, int status)
{
    answer_static(c, status, NULL);
}

/* --- running handlers --- */

/* What the handler's return value means for the answer. Its thread. */
static void conclude(mayfly_call *c, int rc)
{
    if (rc > 0) {
        c->status =
            rc <= MAYFLY_STATUS_UNAUTHENTICATED ? rc : MAYFLY_STATUS_UNKNOWN;
    } else if (rc < 0) {
        c->status = mf_status_of_code(rc);
        c->text = mayfly_str_of(mayfly_error_text(rc));
    } else if (c->status < 0) {
        c->status = MAYFLY_STATUS_INTERNAL;
        c->text = mayfly_str_of("the handler gave no reply");
    }
}

static mayfly_call *call_of_task(mf_task *task)
{
    return MF_OWNER(task, mayfly_call, task);
}

/* The answer has come to the loop; it brings a reference. */
static void run_answer(mf_task *task)
{
    mayfly_call *c = call_of_task(task);
    answer(c);
    mf_call_unref(c);
}

/* Takes a finished call to its loop, with one reference. Any thread. */
static void hand_over(mayfly_call *c)
{
    c->task.run = run_answer;
    if (mf_loop_is_current(c->loop))
        run_answer(&c->task);
    else if (mf_loop_post(c->loop, &c->task) != 0)
        mf_call_unref(c); /* the loop has stopped; nobody waits */
}

void mf_server_call_conclude(mayfly_call *c)
{
    if (c->intercept)
        mf_intercept_answer(c);
    hand_over(c);
}

/* Runs the handler, with a reference that is the handler's. */
static void run_handler(mayfly_call *c)
{
    mf_chains *chains = &c->conn->part->server->chains;
    mayfly_bytes in = {c->gather.bytes, c->gather.len};
    int rc = MAYFLY_STATUS_CANCELLED, is_ended = 0;
    if (!mayfly_call_cancelled(c)) {
        if (c->intercept || mf_chains_any(chains))
            is_ended = mf_intercept_begin(chains, c, &in);
        if (!is_ended)
            rc = c->route->on_request(c->route->state, c, in);
    }
    if (c->is_deferred) {
        mf_call_unref(c);
        return;
    }
    if (!is_ended)
        conclude(c, rc);
    mf_server_call_conclude(c);
}

static void run_on_worker(mf_task *task)
{
    mayfly_call *c = call_of_task(task);
    mayfly_server *server = c->conn->part->server;
    mf_server_conn *conn = c->conn;
    atomic_fetch_add(&conn->refs, 1); /* the call may be gone afterwards */
    run_handler(c);
    atomic_fetch_sub(&server->n_running, 1);
    mf_server_changed(server);
    mf_server_conn_unref(conn);
}

static int may_run_here(mayfly_call *c)
{
    const mf_route *r = c->route;
    return !r->blocking && (!r->hold || r->hold(r->state, c) == 0);
}

static void dispatch(mayfly_call *c)
{
    mayfly_server *server = c->conn->part->server;
    mf_call_ref(c);
    int here = may_run_here(c);
    if (mf_chains_any(&server->chains) && mf_intercept_open(&server->chains, c))
        here = 0;
    if (here) {
        c->is_dispatched = 1;
        run_handler(c);
        return;
    }
    atomic_fetch_add(&server->n_running, 1);
    c->task.run = run_on_worker;
    c->is_dispatched = 1;
    if (mf_workers_push(c->host->workers, &c->task) == 0)
        return;
    atomic_fetch_sub(&server->n_running, 1);
    c->is_dispatched = 0;
    mf_intercept_leave(c);
    refuse(c, MAYFLY_STATUS_UNAVAILABLE, "no worker can be made");
    mf_call_unref(c);
}

/* --- events --- */

static mf_h2_stream *on_begin(void *owner)
{
    mf_server_conn *conn = owner;
    mayfly_server *server = conn->part->server;
    mf_loop *loop = conn->part->loop;
    mayfly_call *c = mf_call_make(server->host, loop->user);
    if (!c)
        return NULL;
    loop->activity++;
    c->is_server = 1;
    c->conn = conn;
    atomic_fetch_add_explicit(&conn->refs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&conn->part->n_calls, 1, memory_order_relaxed);
    c->loop = loop;
    c->started_ns = loop->now_ms * 1000000;
    c->gather.max = server->options.message_bytes_max;
    c->arena.max_bytes = c->gather.max > (SIZE_MAX - ARENA_BYTES_MAX) / 16
                             ? 0
                             : ARENA_BYTES_MAX + 16 * c->gather.max;
    return &c->stream;
}

/* gRPC's own and HTTP's fields: 1 when it was one of them. */
static int take_known(mayfly_call *c, mayfly_str name, mayfly_str value,
                      int *ret_rc)
{
    switch (name.ptr[0]) {
    case ':':
        if (MF_STR_IS(name, ":path")) {
            char *path = mf_arena_strndup(&c->arena, value.ptr, value.len);
            *ret_rc = path ? 0 : MAYFLY_ENOMEM;
            c->path = path;
        } else if (MF_STR_IS(name, ":method")) {
            c->is_post = (uint8_t)MF_STR_IS(value, "POST");
        }
        return 1;
    case 't':
        if (!MF_STR_IS(name, "te"))
            return 0;
        c->has_te = (uint8_t)MF_STR_IS(value, "trailers");
        return 1;
    case 'c':
        if (!MF_STR_IS(name, "content-type"))
            return MF_STR_IS(name, "content-length");
        c->has_type = (uint8_t)mf_content_type_ok(value);
        return 1;
    case 'g':
        if (MF_STR_IS(name, "grpc-timeout")) {
            uint64_t ns;
            if (mf_timeout_parse(value, &ns) != 0)
                ns = 0; /* what cannot be read has passed */
            c->deadline_ns = ns > UINT64_MAX / 2 ? 0 : c->started_ns + ns;
        } else if (MF_STR_IS(name, "grpc-encoding")) {
            c->is_packed = !MF_STR_IS(value, "identity");
        }
        return name.len >= 5 && memcmp(name.ptr, "grpc-", 5) == 0;
    default:
        return 0;
    }
}

static int on_field(mf_h2_stream *s, mayfly_str name, mayfly_str value)
{
    mayfly_call *c = mf_call_of(s);
    int rc = 0;
    if (c->n_blocks || c->is_sent || take_known(c, name, value, &rc))
        return rc;
    return mf_meta_take(c, &c->in, name, value);
}

static void set_deadline(mayfly_call *c)
{
    if (c->deadline_ns)
        mf_loop_set_timer(c->loop, &c->timer,
                          (c->deadline_ns + 999999) / 1000000, on_deadline);
}

/* The route's calls are found in the list: see routes.c. */
static void find_route(mayfly_call *c)
{
    mf_grace *grace = c->host->grace;
    unsigned side = mf_grace_enter(grace);
    if (c->path)
        c->route = mf_routes_find(c->conn->part->server->routes, c->path);
    mf_calls_add(c->loop->user, c);
    mf_grace_leave(grace, side);
}

static void refuse_path(mayfly_call *c)
{
    mf_grace *grace = c->host->grace;
    unsigned side = mf_grace_enter(grace);
    int known = c->path &&
                mf_routes_knows_service(c->conn->part->server->routes, c->path);
    mf_grace_leave(grace, side);
    refuse(c, MAYFLY_STATUS_UNIMPLEMENTED,
           known ? "unknown method" : "unknown service");
}

/* The headers are complete: is this a call we take? */
static void on_fields_end(mf_h2_stream *s)
{
    mayfly_call *c = mf_call_of(s);
    mayfly_server *server = c->conn->part->server;
    if (c->n_blocks++)
        return;
    find_route(c);
    set_deadline(c);
    if (s->too_large) {
        refuse(c, MAYFLY_STATUS_RESOURCE_EXHAUSTED, "too much metadata");
    } else if (!c->is_post) {
        refuse_http(c, "405");
    } else if (!c->has_type) {
        refuse_http(c, "415");
    } else if (!c->has_te) {
        refuse_http(c, "400");
    } else if (atomic_load(&server->draining)) {
        refuse(c, MAYFLY_STATUS_UNAVAILABLE, "the server is closing");
    } else if (!c->route) {
        refuse_path(c);
    } else if (mf_server_calls(server) > server->options.handlers_max) {
        refuse(c, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
               "too many calls are under way");
    }
}

static void on_data(mf_h2_stream *s, const uint8_t *bytes, size_t n)
{
    mayfly_call *c = mf_call_of(s);
    if (c->is_sent || c->is_dispatched)
        return;
    switch (mf_gather_feed(&c->gather, &c->arena, bytes, n)) {
    case MF_GATHER_PREFIX:
        if (c->gather.len > WINDOW_START)
            mf_h2_widen(s, c->gather.len + MF_MESSAGE_HEAD);
        break;
    case MF_GATHER_LIMIT:
        refuse(c, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
               "the message is larger than this server takes");
        break;
    case MF_GATHER_NOMEM:
        refuse(c, MAYFLY_STATUS_RESOURCE_EXHAUSTED, "out of memory");
        break;
    case MF_GATHER_PACKED:
        refuse(c,
               c->is_packed ? MAYFLY_STATUS_UNIMPLEMENTED
                            : MAYFLY_STATUS_INTERNAL,
               c->is_packed ? "compressed messages are not taken"
                            : "a compressed message without grpc-encoding");
        break;
    case MF_GATHER_SECOND:
        refuse(c, MAYFLY_STATUS_UNIMPLEMENTED,
               "more than one message in a unary call");
        break;
    case MF_GATHER_BROKEN:
        refuse(c, MAYFLY_STATUS_INTERNAL, "the message's prefix is broken");
        break;
    default:
        break;
    }
}

static void on_end(mf_h2_stream *s)
{
    mayfly_call *c = mf_call_of(s);
    if (c->is_sent || c->is_dispatched)
        return;
    if (mf_gather_is_whole(&c->gather))
        dispatch(c);
    else if (mf_gather_is_empty(&c->gather))
        refuse(c, MAYFLY_STATUS_UNIMPLEMENTED, "no message in a unary call");
    else
        refuse(c, MAYFLY_STATUS_INTERNAL, "the message was cut off");
}

static void on_closed(mf_h2_stream *s, uint32_t code)
{
    mayfly_call *c = mf_call_of(s);
    (void)code;
    mf_loop_clear_timer(c->loop, &c->timer);
    atomic_store_explicit(&c->cancelled, 1, memory_order_release);
    if (!c->is_sent)
        c->is_cut = 1;
    mf_call_unref(c);
}

const mf_h2_events mf_server_events = {
    .begin = on_begin,
    .field = on_field,
    .fields_end = on_fields_end,
    .data = on_data,
    .end = on_end,
    .closed = on_closed,
};

void mf_server_call_over(mayfly_call *c)
{
    mf_server_conn *conn = c->conn;
    mf_server_part *part = conn->part;
    mf_calls_remove(c); /* from here on nobody has it count */
    if (c->holds_route)
        mf_route_drop(c->route);
    if (!mf_loop_is_current(c->loop) || mf_calls_give(c->loop->user, c) != 0) {
        mf_alloc *alloc = &c->host->alloc;
        mf_arena_done(&c->arena);
        mf_alloc_free(alloc, c);
    }
    atomic_fetch_sub(&part->n_calls, 1);
    if (atomic_load_explicit(&part->server->draining, memory_order_relaxed))
        mf_server_changed(part->server);
    mf_server_conn_unref(conn);
}
