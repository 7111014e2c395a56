/*
 * HTTP/2 on nghttp2, without input or output; the one file that knows it.
 *
 * What nghttp2 does well stays with it: framing, header compression, flow
 * control, the rules of HTTP messages. What this file adds is what a server
 * among hostile peers needs beside: a bound on header bytes, on streams that we
 * had to reset, and on frames that ask for work and bring none.
 *
 * What stays true: every stream that was opened gets exactly one `closed`; the
 * bytes that a stream sends are not looked at after it. A session that went
 * past a bound sends GOAWAY and hears nothing more.
 *
 * One thread at a time. Memory comes from the pool it was made with.
 */
#include "proxy/transport/h2.h"
#include "base/error.h"
#include "proxy/transport/flood.h"
#include "proxy/transport/h2mem.h"

#include <nghttp2/nghttp2.h> /* the one file that may */
#include <string.h>

/* Came later than the version this is written for; NULL where it is lacking. */
extern void nghttp2_option_set_max_continuations(nghttp2_option *option,
                                                 size_t val)
    __attribute__((weak));
extern void nghttp2_option_set_stream_reset_rate_limit(nghttp2_option *option,
                                                       uint64_t burst,
                                                       uint64_t rate)
    __attribute__((weak));

enum {
    NOISE_MAX =
        10000, /* frames without use, less 1 per ms and 4 per useful one */
    RESETS_MAX =
        200, /* streams reset from here for a fault, less 10 a second */
    SEND_BLOCK_MAX = 256 * 1024, /* header block, before compression */
    CONTINUATIONS_MAX = 8,
    STACK_FIELDS = 24
};

struct mf_h2 {
    nghttp2_session *session;
    mf_h2_mem mem;
    const mf_h2_events *events;
    void *owner;
    mf_h2_stream *streams; /* open ones, newest first */
    mf_h2_stream *last;    /* the one asked for last; NULL: look */
    size_t field_bytes_max;
    uint8_t *out; /* during mf_h2_drain */
    size_t out_len, out_cap;
    mf_flood flood;
    uint8_t is_server;
    uint8_t has_heard;
    uint8_t over; /* a bound was passed: GOAWAY is queued, input ignored */
};

/* --- streams --- */

static void open_stream(mf_h2 *h2, mf_h2_stream *s, int32_t id)
{
    s->h2 = h2;
    s->id = id;
    s->next = h2->streams;
    s->link = &h2->streams;
    if (s->next)
        s->next->link = &s->next;
    h2->streams = s;
}

static void close_stream(mf_h2_stream *s, uint32_t code)
{
    mf_h2 *h2 = s->h2;
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    h2->last = NULL;
    s->h2 = NULL;
    h2->events->closed(s, code);
}

/* Frames of one stream come in a row: the last one is remembered. */
static mf_h2_stream *stream_of(mf_h2 *h2, int32_t id)
{
    if (!h2->last || h2->last->id != id)
        h2->last = nghttp2_session_get_stream_user_data(h2->session, id);
    return h2->last;
}

/* --- bounds --- */

static void end_session(mf_h2 *h2, uint32_t code)
{
    if (h2->over)
        return;
    h2->over = 1;
    nghttp2_session_terminate_session(h2->session, code);
}

static void useless(mf_h2 *h2)
{
    if (mf_flood_useless(&h2->flood))
        end_session(h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* --- events from nghttp2 --- */

static int on_begin_headers(nghttp2_session *session,
                            const nghttp2_frame *frame, void *user)
{
    mf_h2 *h2 = user;
    if (frame->hd.type != NGHTTP2_HEADERS ||
        frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    mf_h2_stream *s = h2->events->begin(h2->owner);
    if (!s) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE,
                                  frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
        return 0;
    }
    open_stream(h2, s, frame->hd.stream_id);
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, s);
    h2->last = s;
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *user)
{
    mf_h2 *h2 = user;
    (void)session;
    (void)flags;
    mf_h2_stream *s = stream_of(h2, frame->hd.stream_id);
    if (!s)
        return 0;
    s->header_bytes += name_len + value_len + 32;
    if (s->header_bytes > h2->field_bytes_max) {
        s->too_large = 1;
        /* Small compressed blocks become hundreds of megabytes: who goes on
         * gets no answer, and who does so again and again ends the session.
         */
        return s->header_bytes > h2->field_bytes_max * 4
                   ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
                   : 0;
    }
    mayfly_str n = {(const char *)name, name_len};
    mayfly_str v = {(const char *)value, value_len};
    return h2->events->field(s, n, v) ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
                                      : 0;
}

static void on_stream_frame(mf_h2 *h2, const nghttp2_frame *frame)
{
    mf_h2_stream *s = stream_of(h2, frame->hd.stream_id);
    if (!s)
        return;
    if (frame->hd.type == NGHTTP2_HEADERS)
        h2->events->fields_end(s);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        s->peer_ended = 1;
        h2->events->end(s);
    }
}

static int on_begin_frame(nghttp2_session *session,
                          const nghttp2_frame_hd *frame, void *user)
{
    mf_h2 *h2 = user;
    (void)session;
    if (frame->type == NGHTTP2_HEADERS ||
        (frame->type == NGHTTP2_DATA && frame->length))
        mf_flood_useful(&h2->flood);
    else
        useless(h2);
    return 0;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame,
                         void *user)
{
    mf_h2 *h2 = user;
    (void)session;
    h2->has_heard = 1;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        on_stream_frame(h2, frame);
        break;
    case NGHTTP2_GOAWAY:
        if (h2->events->going_away)
            h2->events->going_away(h2->owner);
        break;
    default:
        break;
    }
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id,
                         const uint8_t *bytes, size_t n, void *user)
{
    mf_h2 *h2 = user;
    (void)session;
    (void)flags;
    mf_h2_stream *s = stream_of(h2, id);
    if (s)
        h2->events->data(s, bytes, n);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code,
                           void *user)
{
    (void)session;
    mf_h2_stream *s = stream_of(user, id);
    if (s)
        close_stream(s, s->unsent ? NGHTTP2_REFUSED_STREAM : code);
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame,
                         void *user)
{
    mf_h2 *h2 = user;
    (void)session;
    mf_h2_stream *s = stream_of(h2, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_DATA)
        mf_flood_useful(&h2->flood);
    if (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) {
        /* an answer before the request's end: the peer may stop sending it */
        if (s && h2->is_server && !s->peer_ended &&
            (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
            mf_h2_reset(s, NGHTTP2_NO_ERROR);
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
        if (!(s && s->reset_by_us) && mf_flood_reset(&h2->flood))
            end_session(h2, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    return 0;
}

/* A request that could not be sent any more, because the peer goes away. */
static int on_frame_not_send(nghttp2_session *session,
                             const nghttp2_frame *frame, int code, void *user)
{
    (void)session;
    mf_h2_stream *s = stream_of(user, frame->hd.stream_id);
    if (s && frame->hd.type == NGHTTP2_HEADERS &&
        code == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED)
        s->unsent = 1;
    return 0;
}

/* --- sending --- */

static ssize_t on_send(nghttp2_session *session, const uint8_t *bytes, size_t n,
                       int flags, void *user)
{
    mf_h2 *h2 = user;
    (void)session;
    (void)flags;
    size_t room = h2->out_cap - h2->out_len;
    if (room == 0)
        return NGHTTP2_ERR_WOULDBLOCK;
    if (n > room)
        n = room;
    memcpy(h2->out + h2->out_len, bytes, n);
    h2->out_len += n;
    return (ssize_t)n;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame,
                        const uint8_t *head, size_t n,
                        nghttp2_data_source *source, void *user)
{
    mf_h2 *h2 = user;
    mf_h2_stream *s = source->ptr;
    (void)session;
    (void)frame; /* never padded */
    if (h2->out_cap - h2->out_len < 9 + n)
        return NGHTTP2_ERR_WOULDBLOCK;
    memcpy(h2->out + h2->out_len, head, 9);
    memcpy(h2->out + h2->out_len + 9, s->out, n);
    h2->out_len += 9 + n;
    s->out += n;
    s->out_len -= n;
    return 0;
}

/* Calls `submit` with the fields in nghttp2's form. */
typedef struct field_list {
    nghttp2_nv *nv;
    nghttp2_nv few[STACK_FIELDS];
} field_list;

static int fields_init(mf_h2 *h2, field_list *l, const mf_h2_field *fields,
                       size_t n)
{
    l->nv = l->few;
    if (n > STACK_FIELDS) {
        l->nv = mf_pool_take(h2->mem.pool, n * sizeof *l->nv);
        if (!l->nv)
            return NGHTTP2_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        /* NO_COPY: nghttp2 only reads; its struct lacks the const */
        union {
            const char *in;
            uint8_t *out;
        } name = {fields[i].name.ptr}, value = {fields[i].value.ptr};
        l->nv[i] = (nghttp2_nv){
            name.out, value.out, fields[i].name.len, fields[i].value.len,
            NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
    }
    return 0;
}

static void fields_done(mf_h2 *h2, field_list *l)
{
    if (l->nv != l->few)
        mf_pool_give(h2->mem.pool, l->nv);
}

static int submit_trailers(mf_h2 *h2, mf_h2_stream *s)
{
    field_list l;
    int rc = fields_init(h2, &l, s->trailers, s->n_trailers);
    if (rc == 0) {
        rc = nghttp2_submit_trailer(h2->session, s->id, l.nv, s->n_trailers);
        fields_done(h2, &l);
    }
    return rc;
}

/* How much of the body goes into the next frame; on_send_data copies it. */
static ssize_t on_read_body(nghttp2_session *session, int32_t id, uint8_t *buf,
                            size_t length, uint32_t *flags,
                            nghttp2_data_source *source, void *user)
{
    mf_h2 *h2 = user;
    mf_h2_stream *s = source->ptr;
    (void)session;
    (void)id;
    (void)buf;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (length < s->out_len)
        return (ssize_t)length;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (s->trailers) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (submit_trailers(h2, s) != 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return (ssize_t)s->out_len;
}

/* --- making and ending --- */

static int make_session(mf_h2 *h2, nghttp2_session_callbacks *cb,
                        nghttp2_option *option)
{
    nghttp2_mem mem = {&h2->mem, mf_h2_malloc, mf_h2_release, mf_h2_calloc,
                       mf_h2_realloc};
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
                                                            on_begin_headers);
    nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb,
                                                              on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cb,
                                                             on_frame_not_send);
    nghttp2_session_callbacks_set_send_callback(cb, on_send);
    nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
    nghttp2_option_set_max_send_header_block_length(option, SEND_BLOCK_MAX);
    nghttp2_option_set_no_closed_streams(option, 1);
    /* gRPC C++ sends messages with spaces at their ends */
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
    if (nghttp2_option_set_max_continuations)
        nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
    if (nghttp2_option_set_stream_reset_rate_limit)
        nghttp2_option_set_stream_reset_rate_limit(option, 1000, 33);
    return h2->is_server
               ? nghttp2_session_server_new3(&h2->session, cb, h2, option, &mem)
               : nghttp2_session_client_new3(&h2->session, cb, h2, option,
                                             &mem);
}

static int say_hello(mf_h2 *h2, const mf_h2_options *options)
{
    const uint32_t fields = (uint32_t)options->field_bytes_max;
    const nghttp2_settings_entry server[] = {
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, fields},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options->streams_max},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
    const nghttp2_settings_entry client[] = {
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, fields},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    int rc = nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE,
                                     h2->is_server ? server : client,
                                     h2->is_server ? 3 : 2);
    if (rc == 0)
        rc = nghttp2_session_set_local_window_size(
            h2->session, NGHTTP2_FLAG_NONE, 0, (int32_t)options->window);
    return rc;
}

int mf_h2_new(mf_pool *pool, const mf_h2_options *options,
              const mf_h2_events *events, void *owner, mf_h2 **ret_h2,
              mayfly_error *err)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int rc = NGHTTP2_ERR_NOMEM;
    mf_h2 *h2 = mf_pool_take(pool, sizeof *h2);
    if (!h2)
        return mf_error_nomem(err, "an HTTP/2 session");
    memset(h2, 0, sizeof *h2);
    h2->mem.pool = pool;
    h2->events = events;
    h2->owner = owner;
    h2->is_server = options->is_server != 0;
    h2->field_bytes_max = options->field_bytes_max;
    if (nghttp2_session_callbacks_new(&callbacks) == 0 &&
        nghttp2_option_new(&option) == 0)
        rc = make_session(h2, callbacks, option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    if (rc == 0)
        rc = say_hello(h2, options);
    else
        h2->session = NULL; /* nghttp2 leaves a pointer to what it has freed */
    if (rc != 0 || h2->mem.is_short) {
        nghttp2_session_del(h2->session);
        mf_h2_mem_done(&h2->mem);
        mf_pool_give(pool, h2);
        return mf_error_nomem(err, "an HTTP/2 session");
    }
    *ret_h2 = h2;
    return 0;
}

void mf_h2_free(mf_h2 *h2)
{
    if (!h2)
        return;
    while (h2->streams)
        close_stream(h2->streams, MF_H2_LOST);
    nghttp2_session_del(h2->session);
    mf_h2_mem_done(&h2->mem);
    mf_pool_give(h2->mem.pool, h2);
}

/* --- the rest --- */

int mf_h2_feed(mf_h2 *h2, const uint8_t *bytes, size_t n, uint64_t now_ms,
               mayfly_error *err)
{
    mf_flood_pass(&h2->flood, now_ms);
    if (h2->over || h2->mem.is_short) /* nghttp2 may not go on after that */
        return mf_error_set(err, MAYFLY_EIO, "the session has been ended");
    ssize_t rc = nghttp2_session_mem_recv(h2->session, bytes, n);
    if (rc == NGHTTP2_ERR_NOMEM || h2->mem.is_short)
        return mf_error_nomem(err, "an HTTP/2 session");
    if (rc < 0)
        return mf_error_set(err, MAYFLY_EIO, "HTTP/2: %s",
                            nghttp2_strerror((int)rc));
    if (h2->over)
        return mf_error_set(err, MAYFLY_EIO,
                            "HTTP/2: the peer asks for too much");
    if (!mf_h2_alive(h2))
        return mf_error_set(err, MAYFLY_EIO, "HTTP/2: the session has ended");
    return 0;
}

int mf_h2_drain(mf_h2 *h2, uint8_t *out, size_t cap, size_t *ret_len,
                mayfly_error *err)
{
    h2->out = out;
    h2->out_cap = cap;
    h2->out_len = 0;
    int rc = h2->mem.is_short ? NGHTTP2_ERR_NOMEM
                              : nghttp2_session_send(h2->session);
    h2->out = NULL;
    if (rc == NGHTTP2_ERR_NOMEM || h2->mem.is_short)
        return mf_error_nomem(err, "an HTTP/2 session");
    if (rc != 0)
        return mf_error_set(err, MAYFLY_EIO, "HTTP/2: %s",
                            nghttp2_strerror(rc));
    *ret_len = h2->out_len;
    return 0;
}

int mf_h2_alive(const mf_h2 *h2)
{
    return !h2->mem.is_short && (nghttp2_session_want_read(h2->session) ||
                                 nghttp2_session_want_write(h2->session));
}

int mf_h2_takes_requests(const mf_h2 *h2)
{
    return !h2->over && !h2->mem.is_short &&
           nghttp2_session_check_request_allowed(h2->session);
}

int mf_h2_has_heard(const mf_h2 *h2)
{
    return h2->has_heard;
}

size_t mf_h2_queued(const mf_h2 *h2)
{
    return nghttp2_session_get_outbound_queue_size(h2->session);
}

int mf_h2_request(mf_h2 *h2, mf_h2_stream *s, const mf_h2_field *fields,
                  size_t n, const uint8_t *body, size_t body_len,
                  mayfly_error *err)
{
    field_list l;
    if (!mf_h2_takes_requests(h2))
        return mf_error_set(err, MAYFLY_EIO, "the connection takes no calls");
    if (fields_init(h2, &l, fields, n) != 0)
        return mf_error_nomem(err, "request headers");
    nghttp2_data_provider body_source = {.source = {.ptr = s},
                                         .read_callback = on_read_body};
    s->out = body;
    s->out_len = body_len;
    int32_t id =
        nghttp2_submit_request(h2->session, NULL, l.nv, n, &body_source, s);
    fields_done(h2, &l);
    if (id == NGHTTP2_ERR_NOMEM)
        return mf_error_nomem(err, "request headers");
    if (id < 0)
        return mf_error_set(err, MAYFLY_EIO, "HTTP/2: %s",
                            nghttp2_strerror(id));
    open_stream(h2, s, id);
    return 0;
}

int mf_h2_respond(mf_h2_stream *s, const mf_h2_field *fields, size_t n,
                  const uint8_t *body, size_t body_len,
                  const mf_h2_field *trailers, size_t n_trailers)
{
    field_list l;
    mf_h2 *h2 = s->h2;
    if (fields_init(h2, &l, fields, n) != 0)
        return MAYFLY_ENOMEM;
    nghttp2_data_provider body_source = {.source = {.ptr = s},
                                         .read_callback = on_read_body};
    s->out = body;
    s->out_len = body_len;
    s->trailers = trailers;
    s->n_trailers = n_trailers;
    int rc =
        nghttp2_submit_response(h2->session, s->id, l.nv, n,
                                body_len || trailers ? &body_source : NULL);
    fields_done(h2, &l);
    return rc == 0 ? 0 : rc == NGHTTP2_ERR_NOMEM ? MAYFLY_ENOMEM : MAYFLY_EIO;
}

void mf_h2_reset(mf_h2_stream *s, uint32_t code)
{
    if (!s->h2 || s->reset_by_us)
        return;
    s->reset_by_us = 1;
    nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id, code);
}

void mf_h2_widen(mf_h2_stream *s, size_t bytes)
{
    int32_t now = nghttp2_session_get_stream_effective_local_window_size(
        s->h2->session, s->id);
    if (bytes <= (size_t)INT32_MAX && now >= 0 && (size_t)now < bytes)
        nghttp2_session_set_local_window_size(s->h2->session, NGHTTP2_FLAG_NONE,
                                              s->id, (int32_t)bytes);
}

size_t mf_h2_peer_field_bytes_max(const mf_h2 *h2)
{
    uint32_t max = nghttp2_session_get_remote_settings(
        h2->session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
    return max == UINT32_MAX ? SIZE_MAX : max;
}

void mf_h2_go_away(mf_h2 *h2)
{
    if (!h2->over)
        nghttp2_submit_goaway(
            h2->session, NGHTTP2_FLAG_NONE,
            nghttp2_session_get_last_proc_stream_id(h2->session),
            NGHTTP2_NO_ERROR, NULL, 0);
}

mf_h2_stream *mf_h2_first(const mf_h2 *h2)
{
    return h2->streams;
}
