/*
 * proxy/transport/h2.h: HTTP/2 as an engine: bytes in, bytes out, events in
 * between.
 *
 * It does no input or output, starts no timers and knows nothing of gRPC. Only
 * h2.c knows nghttp2. One thread at a time. Events come from within mf_h2_feed,
 * mf_h2_drain and mf_h2_free; in them every function but these three may be
 * called.
 */
#ifndef MF_PROXY_H2_H
#define MF_PROXY_H2_H

#include "proxy/transport/pool.h"

#include <mayfly/error.h>
#include <mayfly/types.h>

typedef struct mf_h2 mf_h2;

/* A header field. In what is sent, the bytes stay where they are until the
 * stream is closed; names are lower case. */
typedef struct mf_h2_field {
    mayfly_str name;
    mayfly_str value;
} mf_h2_field;

/* A field from two literals, for a static table. */
#define MF_H2_FIELD(name, value)                                               \
    {                                                                          \
        MAYFLY_STR(name), MAYFLY_STR(value)                                    \
    }

/* One stream; lives in its owner. Starts zeroed. */
typedef struct mf_h2_stream {
    mf_h2 *h2;                 /* NULL before it is opened and after `closed` */
    struct mf_h2_stream *next; /* of the session's streams */
    struct mf_h2_stream **link; /* what points at this one */
    const uint8_t *out;         /* body that is still to be sent */
    size_t out_len;
    const mf_h2_field *trailers; /* sent after the body; NULL: there are none */
    size_t n_trailers;
    size_t header_bytes; /* received so far, counted as HTTP/2 does */
    int32_t id;
    uint8_t
        too_large; /* more header bytes than allowed: the rest was dropped */
    uint8_t reset_by_us;
    uint8_t peer_ended;
    uint8_t unsent; /* a request that the peer never saw */
} mf_h2_stream;

/* `owner` is what the session was made with. */
typedef struct mf_h2_events {
    /* Server: the peer opens a stream. NULL refuses it. */
    mf_h2_stream *(*begin)(void *owner);
    /* A field of headers or trailers. Not 0: out of memory, the stream is
     * reset. */
    int (*field)(mf_h2_stream *s, mayfly_str name, mayfly_str value);
    /* The headers, or the trailers, are complete. */
    void (*fields_end)(mf_h2_stream *s);
    void (*data)(mf_h2_stream *s, const uint8_t *bytes, size_t n);
    /* The peer has sent all of this stream. */
    void (*end)(mf_h2_stream *s);
    /* The stream is gone, with an HTTP/2 error code or MF_H2_LOST: the last
     * event of a stream. */
    void (*closed)(mf_h2_stream *s, uint32_t code);
    /* The peer will take no new streams. May be NULL. */
    void (*going_away)(void *owner);
} mf_h2_events;

enum {
    MF_H2_NO_ERROR = 0,
    MF_H2_PROTOCOL_ERROR = 1,
    MF_H2_INTERNAL_ERROR = 2,
    MF_H2_REFUSED_STREAM = 7,
    MF_H2_CANCEL = 8,
    MF_H2_ENHANCE_YOUR_CALM = 11,
    MF_H2_LOST = 0x10000 /* no code of HTTP/2: the connection is gone */
};

typedef struct mf_h2_options {
    int is_server;
    unsigned streams_max;   /* of the peer's making, at a time */
    size_t field_bytes_max; /* headers of one stream */
    uint32_t window;        /* of the connection, in bytes */
} mf_h2_options;

/* `pool` is the thread's that has the session. Errors: ENOMEM. */
int mf_h2_new(mf_pool *pool, const mf_h2_options *options,
              const mf_h2_events *events, void *owner, mf_h2 **ret_h2,
              mayfly_error *err);

/* Ends the session: every stream that is left is closed with MF_H2_LOST. */
void mf_h2_free(mf_h2 *h2);

/* Bytes from the peer, at the time `now_ms`. Errors: EIO (the peer broke the
 * protocol or went past a bound; what mf_h2_drain gives should still be sent,
 * then the connection closed), ENOMEM. */
int mf_h2_feed(mf_h2 *h2, const uint8_t *bytes, size_t n, uint64_t now_ms,
               mayfly_error *err);

/* Bytes for the peer. Fills `out`, of at least 32 KiB, as far as there is
 * something to send; call again when it came back full. Errors: ENOMEM, EIO. */
int mf_h2_drain(mf_h2 *h2, uint8_t *out, size_t cap, size_t *ret_len,
                mayfly_error *err);

/* 0 when the session is over: nothing more to send or to hear. */
int mf_h2_alive(const mf_h2 *h2);

/* Client: 1 when a stream can be opened. */
int mf_h2_takes_requests(const mf_h2 *h2);

/* 1 when a whole frame has come from the peer. */
int mf_h2_has_heard(const mf_h2 *h2);

/* Frames that wait to be sent. */
size_t mf_h2_queued(const mf_h2 *h2);

/* Client: opens a stream with headers and a body, which stays where it is until
 * the stream is closed. EIO: no stream can be opened on this connection any
 * more. */
int mf_h2_request(mf_h2 *h2, mf_h2_stream *s, const mf_h2_field *fields,
                  size_t n, const uint8_t *body, size_t body_len,
                  mayfly_error *err);

/* Server: answers with headers, a body and trailers. `body_len` 0 and no
 * trailers: the headers are all. */
int mf_h2_respond(mf_h2_stream *s, const mf_h2_field *fields, size_t n,
                  const uint8_t *body, size_t body_len,
                  const mf_h2_field *trailers, size_t n_trailers);

/* Ends the stream at once. `closed` follows from mf_h2_drain. */
void mf_h2_reset(mf_h2_stream *s, uint32_t code);

/* Lets the peer send `bytes` on this stream without waiting. */
void mf_h2_widen(mf_h2_stream *s, size_t bytes);

/* How large the peer lets a header block be; SIZE_MAX when it did not say. */
size_t mf_h2_peer_field_bytes_max(const mf_h2 *h2);

/* Says that no new streams are taken; those there are go on. */
void mf_h2_go_away(mf_h2 *h2);

/* The open streams, linked by `next`; the one at hand may be reset. NULL: there
 * is none. */
mf_h2_stream *mf_h2_first(const mf_h2 *h2);

#endif
