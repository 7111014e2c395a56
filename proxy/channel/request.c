/*
 * A client's calls: from the request that is sent to the status that comes
 * back.
 *
 * What stays true: a call ends once, under its channel's lock (`is_over`), and
 * from then on the transport leaves its arena and results alone; the end is
 * told after unlocking, because whoever hears of it may start the next call.
 * While it is under way it has two references beside its user's: one until its
 * end has been told, one until HTTP/2 has let go of its stream.
 *
 * Locked means: with the channel's lock, by the thread that has the connection
 * (the loop's, or a driving caller's). Timers are the loop's, and are set only
 * for calls that the loop carries.
 */
#include "proxy/channel/channel.h"
#include "proxy/call/intercept.h"

#include "base/census.h"
#include "base/error.h"
#include "base/guest.h"
#include "base/owner.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    WINDOW_START = 60000,      /* a longer reply widens its stream's window */
    META_BYTES_MAX = 64 * 1024 /* metadata taken from a server */
};

/* --- waiting --- */

static long futex(atomic_int *word, int op, int value)
{
    return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

void mf_request_wait(mayfly_call *c)
{
    int started = MF_CALL_STARTED;
    atomic_compare_exchange_strong(&c->phase, &started, MF_CALL_AWAITED);
    while (atomic_load_explicit(&c->phase, memory_order_acquire) !=
           MF_CALL_ENDED)
        futex(&c->phase, FUTEX_WAIT_PRIVATE, MF_CALL_AWAITED);
}

mayfly_call *mf_request_take_ended(mayfly_channel *ch)
{
    mayfly_call *list = ch->ended;
    ch->ended = NULL;
    return list;
}

void mf_request_tell(mayfly_call *c)
{
    while (c) {
        mayfly_call *next = c->ended_next;
        mayfly_channel_done_fn done = c->done;
        int is_blocking = c->is_blocking;
        if (!is_blocking && c->intercept)
            mf_intercept_result(c); /* as long as it is not its user's */
        int before = atomic_exchange(&c->phase, MF_CALL_ENDED);
        if (before == MF_CALL_AWAITED)
            futex(&c->phase, FUTEX_WAKE_PRIVATE, INT_MAX);
        if (!is_blocking && done && !atomic_load(&c->is_forgotten))
            done(c->done_state, c, c->code, c->reply);
        mf_call_unref(c);
        c = next;
    }
}

/* --- ending --- */

void mf_request_unqueue(mayfly_call *c)
{
    mayfly_channel *ch = c->channel;
    if (!c->wait_link)
        return;
    *c->wait_link = c->wait_next;
    if (c->wait_next)
        c->wait_next->wait_link = c->wait_link;
    else
        ch->waiting_end = c->wait_link;
    c->wait_link = NULL;
}

/* The results are in place. */
static void end(mayfly_call *c)
{
    mayfly_channel *ch = c->channel;
    c->is_over = 1;
    c->code = c->status == MAYFLY_STATUS_OK ? 0 : MAYFLY_ESTATUS;
    if (c->code != 0)
        c->reply = (mayfly_bytes){NULL, 0};
    atomic_store_explicit(&c->cancelled, 1, memory_order_release);
    if (c->timer.is_set)
        mf_loop_clear_timer(ch->loop, &c->timer);
    mf_calls_remove(c);
    if (ch->adopted == c) /* it has ended before the loop came by */
        ch->adopted = NULL;
    if (c->wait_link) {
        mf_request_unqueue(c);
        mf_call_unref(c); /* the stream's, which was never opened */
    }
    if (--ch->n_calls == 0)
        mf_channel_no_calls(ch);
    c->ended_next = ch->ended;
    ch->ended = c;
}

void mf_request_end(mayfly_call *c, int status, const char *why)
{
    if (c->is_over)
        return;
    snprintf(c->why, sizeof c->why, "%s", why);
    c->status = status;
    c->text = mayfly_str_of(c->why);
    if (c->stream.h2)
        mf_h2_reset(&c->stream, MF_H2_CANCEL);
    end(c);
}

void mf_request_deadline(mf_timer *timer)
{
    mayfly_call *c = MF_OWNER(timer, mayfly_call, timer);
    mayfly_channel *ch = c->channel;
    pthread_mutex_lock(&ch->lock);
    mf_request_end(c, MAYFLY_STATUS_DEADLINE_EXCEEDED,
                   "the deadline has passed");
    if (ch->links)
        mf_link_dirty(ch->links);
    mayfly_call *ended = mf_request_take_ended(ch);
    pthread_mutex_unlock(&ch->lock);
    mf_request_tell(ended);
}

/* The peer has said all it will say. */
static void conclude(mayfly_call *c)
{
    if (c->is_over)
        return;
    if (c->n_blocks == 1) { /* trailers only */
        c->in_trailers = c->in;
        c->in = (mf_meta){0};
    }
    if (c->status < 0) {
        c->status = c->http_status == 200 && c->has_type
                        ? MAYFLY_STATUS_INTERNAL
                        : mf_status_of_http(c->http_status);
        snprintf(c->why, sizeof c->why,
                 c->has_type ? "the server sent no grpc-status (HTTP %d)"
                             : "the answer is not gRPC (HTTP %d)",
                 c->http_status);
        c->text = mayfly_str_of(c->why);
    } else if (c->status == MAYFLY_STATUS_OK) {
        if (mf_gather_is_whole(&c->gather)) {
            c->reply = (mayfly_bytes){c->gather.bytes, c->gather.len};
        } else {
            c->status = mf_gather_is_empty(&c->gather)
                            ? MAYFLY_STATUS_UNIMPLEMENTED
                            : MAYFLY_STATUS_INTERNAL;
            c->text = mayfly_str_of("status OK without a whole message");
        }
    }
    end(c);
}

/* --- events --- */

static int take_text(mayfly_call *c, mayfly_str value)
{
    char *text = mf_arena_raw(&c->arena, value.len + 1);
    if (!text)
        return MAYFLY_ENOMEM;
    size_t len = mf_percent_decode(value, text);
    text[len] = '\0';
    c->text = (mayfly_str){text, len};
    return 0;
}

static int on_field(mf_h2_stream *s, mayfly_str name, mayfly_str value)
{
    mayfly_call *c = mf_call_of(s);
    if (c->is_over)
        return 0;
    if (MF_STR_IS(name, ":status")) {
        c->http_status = mf_status_parse(value);
        return 0;
    }
    if (MF_STR_IS(name, "content-type")) {
        c->has_type = (uint8_t)mf_content_type_ok(value);
        return 0;
    }
    if (MF_STR_IS(name, "grpc-status")) {
        int status = mf_status_parse(value);
        c->status = status < 0 || status > MAYFLY_STATUS_UNAUTHENTICATED
                        ? MAYFLY_STATUS_UNKNOWN
                        : status;
        return 0;
    }
    if (MF_STR_IS(name, "grpc-message"))
        return take_text(c, value);
    if (MF_STR_IS(name, "grpc-encoding")) {
        c->is_packed = !MF_STR_IS(value, "identity");
        return 0;
    }
    if (name.ptr[0] == ':' ||
        (name.len >= 5 && memcmp(name.ptr, "grpc-", 5) == 0 &&
         !MF_STR_IS(name, "grpc-status-details-bin")))
        return 0;
    c->out_bytes += name.len + value.len + 32;
    if (c->out_bytes > META_BYTES_MAX)
        return 0; /* more than anybody asked for */
    return mf_meta_take(c, c->n_blocks ? &c->in_trailers : &c->in, name, value);
}

static void on_fields_end(mf_h2_stream *s)
{
    mayfly_call *c = mf_call_of(s);
    if (c->is_over)
        return;
    if (c->n_blocks == 0 && c->http_status >= 100 && c->http_status < 200)
        return; /* the real headers follow */
    c->n_blocks++;
    if (s->too_large)
        mf_request_end(c, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
                       "the server sent too much metadata");
}

static void on_data(mf_h2_stream *s, const uint8_t *bytes, size_t n)
{
    mayfly_call *c = mf_call_of(s);
    if (c->is_over || c->http_status != 200 || !c->has_type)
        return;
    switch (mf_gather_feed(&c->gather, &c->arena, bytes, n)) {
    case MF_GATHER_PREFIX:
        if (c->gather.len > WINDOW_START)
            mf_h2_widen(s, c->gather.len + MF_MESSAGE_HEAD);
        break;
    case MF_GATHER_LIMIT:
        mf_request_end(c, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
                       "the reply is larger than this call takes");
        break;
    case MF_GATHER_NOMEM:
        mf_request_end(c, MAYFLY_STATUS_RESOURCE_EXHAUSTED,
                       "no memory for the reply");
        break;
    case MF_GATHER_PACKED:
        mf_request_end(c, MAYFLY_STATUS_INTERNAL, "the reply is compressed");
        break;
    case MF_GATHER_SECOND:
        mf_request_end(c, MAYFLY_STATUS_UNIMPLEMENTED,
                       "more than one message in a unary call");
        break;
    case MF_GATHER_BROKEN:
        mf_request_end(c, MAYFLY_STATUS_INTERNAL,
                       "the reply's prefix is broken");
        break;
    default:
        break;
    }
}

static void on_end(mf_h2_stream *s)
{
    conclude(mf_call_of(s));
    if (s->out_len) /* the server did not want to hear the rest */
        mf_h2_reset(s, MF_H2_CANCEL);
}

static void on_closed(mf_h2_stream *s, uint32_t code)
{
    mayfly_call *c = mf_call_of(s);
    if (!c->is_over && code == MF_H2_LOST) {
        const mf_link *link = c->link_used;
        char why[sizeof c->why];
        snprintf(why, sizeof why, "the connection was lost: %s",
                 link->why[0] ? link->why : "closed");
        mf_request_end(c, MAYFLY_STATUS_UNAVAILABLE, why);
    } else if (!c->is_over) {
        char why[64];
        snprintf(why, sizeof why, "the server reset the stream (HTTP/2 %u)",
                 (unsigned)code);
        mf_request_end(c, mf_status_of_reset(code), why);
    }
    mf_call_unref(c);
}

static void on_going_away(void *owner)
{
    ((mf_link *)owner)->is_leaving = 1;
}

const mf_h2_events mf_client_events = {
    .field = on_field,
    .fields_end = on_fields_end,
    .data = on_data,
    .end = on_end,
    .closed = on_closed,
    .going_away = on_going_away,
};

/* --- sending --- */

int mf_request_submit(mf_link *link, mayfly_call *c)
{
    mayfly_channel *ch = c->channel;
    static const mf_h2_field fixed[] = {
        MF_H2_FIELD(":method", "POST"),
        MF_H2_FIELD(":scheme", "http"),
        MF_H2_FIELD("te", "trailers"),
        MF_H2_FIELD("content-type", "application/grpc"),
        MF_H2_FIELD("user-agent", "mayfly/0.1"),
    };
    enum { N_FIXED = sizeof fixed / sizeof fixed[0] };
    int64_t left = mayfly_call_time_left_ms(c);
    if (left < 0) {
        mf_request_end(c, MAYFLY_STATUS_DEADLINE_EXCEEDED,
                       "the deadline has passed");
        return -1;
    }
    size_t n = 0;
    mf_h2_field *f =
        mf_arena_raw(&c->arena, (N_FIXED + 3 + c->out.n) * sizeof *f);
    char *timeout = mf_arena_raw(&c->arena, MF_TIMEOUT_TEXT);
    if (!f || !timeout) {
        mf_request_end(c, MAYFLY_STATUS_RESOURCE_EXHAUSTED, "out of memory");
        return -1;
    }
    f[n++] = fixed[0];
    f[n++] = fixed[1];
    f[n++] = (mf_h2_field){MAYFLY_STR(":path"), mayfly_str_of(c->path)};
    f[n++] =
        (mf_h2_field){MAYFLY_STR(":authority"), mayfly_str_of(ch->authority)};
    memcpy(f + n, fixed + 2, sizeof fixed - 2 * sizeof fixed[0]);
    n += N_FIXED - 2;
    if (c->deadline_ns) {
        uint64_t now = mf_clock_ns();
        uint64_t ns = c->deadline_ns > now ? c->deadline_ns - now : 1;
        f[n].name = (mayfly_str)MAYFLY_STR("grpc-timeout");
        f[n++].value = (mayfly_str){timeout, mf_timeout_format(ns, timeout)};
    }
    for (size_t i = 0; i < c->out.n; i++)
        f[n++] = (mf_h2_field){c->out.items[i].key, c->out.items[i].value};
    c->out_bytes = 0; /* from here on it counts what is received */
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (mf_h2_request(link->conn.h2, &c->stream, f, n, c->message.ptr,
                      c->message.len, &err) != 0) {
        mf_request_end(c, MAYFLY_STATUS_UNAVAILABLE, err.message);
        return -1;
    }
    c->link_used = link;
    mf_call_ref(c); /* the stream's; the queue's, if it had one, goes */
    if (c->wait_link) {
        mf_request_unqueue(c);
        mf_call_unref(c);
    }
    return 0;
}

/* --- the end --- */

const char *mf_client_call_peer(const mayfly_call *c)
{
    return c->channel ? mf_channel_target(c->channel) : "";
}

void mf_client_call_over(mayfly_call *c)
{
    mayfly_host *host = c->host;
    mayfly_channel *ch = c->channel;
    mf_calls_remove(c);
    mf_arena_done(&c->arena);
    mf_alloc_free(&host->alloc, c);
    if (ch)
        mf_channel_unref(ch);
    mf_host_unref(host);
}
