/*
 * proxy/transport/grpc.h: gRPC's rules over HTTP/2 as pure functions.
 *
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: how messages
 * are framed, deadlines and texts written, metadata checked, and what HTTP's
 * answers mean. No state beside mf_gather, no input or output.
 */
#ifndef MF_PROXY_GRPC_H
#define MF_PROXY_GRPC_H

#include "base/arena.h"

#include <mayfly/types.h>

/* Whether a string is a literal. */
#define MF_STR_IS(s, literal)                                                  \
    ((s).len == sizeof(literal) - 1 &&                                         \
     memcmp((s).ptr, literal, sizeof(literal) - 1) == 0)

/* --- deadlines --- */

enum { MF_TIMEOUT_TEXT = 12 };

/* "grpc-timeout" of so many nanoseconds, rounded up to what eight digits hold.
 * Returns the length; no terminating zero. */
size_t mf_timeout_format(uint64_t ns, char out[MF_TIMEOUT_TEXT]);

/* 0, or -1 when it is none. What does not fit 64 bits is the largest value. */
int mf_timeout_parse(mayfly_str text, uint64_t *ret_ns);

/* --- texts --- */

/* grpc-message. The encoded form needs mf_percent_size bytes. */
size_t mf_percent_size(mayfly_str text);
size_t mf_percent_encode(mayfly_str text, char *out);
/* Takes any input: what is not an escape stays as it is. `out` holds text.len.
 */
size_t mf_percent_decode(mayfly_str text, char *out);

/* --- what is allowed --- */

int mf_path_ok(const char *path, size_t len); /* "/package.Service/Method" */
/* A key the application may send: lower case, not reserved. */
int mf_key_ok(mayfly_str key);
int mf_key_is_reserved(mayfly_str key); /* "grpc-...", ":...", "te", ... */
int mf_key_is_bin(mayfly_str key);
int mf_value_ok(mayfly_str value); /* printable ASCII */
int mf_content_type_ok(mayfly_str value);

/* --- status --- */

/* What a peer is told of a code of ours. */
int mf_status_of_code(int code);

/* "0" to "16" and other numbers of up to 9 digits; -1: not a number. */
int mf_status_parse(mayfly_str text);
int mf_status_of_http(int http_status); /* where a peer gave no grpc-status */
int mf_status_of_reset(uint32_t http2_code);

/* --- framing --- */

/* Writes the five bytes in front of a message. */
void mf_prefix_write(uint8_t head[5], size_t message_len);

enum mf_gather_result {
    MF_GATHER_MORE = 0,    /* no whole message yet */
    MF_GATHER_WHOLE = 1,   /* the message is complete */
    MF_GATHER_LIMIT = -1,  /* its prefix says more than `max` */
    MF_GATHER_NOMEM = -2,  /* the arena has no room */
    MF_GATHER_PACKED = -3, /* it is compressed */
    MF_GATHER_SECOND = -4, /* bytes after the one message */
    MF_GATHER_BROKEN = -5, /* a flag byte that is neither 0 nor 1 */
    MF_GATHER_PREFIX = 2 /* the prefix was read: `len` is known, more to come */
};

/* One message as it arrives, in pieces of any size. Starts zeroed, but for max.
 */
typedef struct mf_gather {
    size_t max;     /* largest message taken */
    uint8_t *bytes; /* in the arena, `room` long */
    size_t len;     /* what the prefix says */
    size_t at;      /* received so far */
    size_t room;
    uint8_t head[5];
    uint8_t have; /* bytes of head */
} mf_gather;

/* Takes `n` bytes. Memory grows with what has arrived, not with what is
 * promised. MF_GATHER_PREFIX is answered at most once. */
int mf_gather_feed(mf_gather *g, mayfly_arena *arena, const uint8_t *bytes,
                   size_t n);
/* 1: no message has begun. */
int mf_gather_is_empty(const mf_gather *g);
/* 1: a whole message is there. */
int mf_gather_is_whole(const mf_gather *g);

#endif
