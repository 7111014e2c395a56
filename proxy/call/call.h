/*
 * proxy/call/call.h: a call from the inside.
 *
 * The typed layers (stubs.c) see of a call what is declared in the first half;
 * its struct is for call.c, server.c and channel.c.
 *
 * Memory and hands. A call's arena is one thread's at a time: the transport's
 * while it receives, the handler's from then until it has answered (or,
 * deferred, its completer's), the transport's again while it sends. A client's
 * call is its user's before the start and after the end. The transport keeps a
 * reference of its own until HTTP/2 is done with the stream, because frames
 * that wait to be sent point into the arena.
 */
#ifndef MF_PROXY_CALL_H
#define MF_PROXY_CALL_H

#include "base/arena.h"
#include "proxy/transport/grpc.h"
#include "proxy/transport/h2.h"
#include "proxy/host/host.h"

#include <mayfly/call.h>
#include <mayfly/channel.h>
#include <mayfly/server.h>

/* --- for the typed layers --- */

/*
 * A message that travels without being copied: it lies in the call's arena,
 * with five bytes free in front of it (mf_encode with head = 5); `ptr` points
 * at the free bytes and `len` counts them. The transport writes the prefix
 * there.
 */
enum { MF_MESSAGE_HEAD = 5 };

/* Ties a call to what it holds: `end(state, call)` runs once, when the call is
 * over and before its arena is freed, on any thread: drop the lease there.
 * `context` is what mf_calls_each reports. One hold per call. A server's call
 * is over when it has been answered and no handler runs any more; a client's
 * when it is freed, or sooner by mf_call_release. */
void mf_call_hold(mayfly_call *call, void *context,
                  void (*end)(void *state, mayfly_call *call), void *state);
void mf_call_release(mayfly_call *call); /* runs `end` now, if it has not run */

/* Of a call that is over: whether it ended in anything but OK. Within `end`. */
int mf_call_has_failed(mayfly_call *call);

/* The `context` of mf_call_hold, or NULL. */
void *mf_call_held(const mayfly_call *call);

/* Cancels without freeing or waiting. Any thread. */
void mf_call_request_cancel(mayfly_call *call);

/* The interceptors of a server or a channel: intercept_chain.c. */
typedef struct mf_chains {
    mayfly_host *host;
    pthread_mutex_t lock;           /* for changes */
    _Atomic(struct mf_chain *) now; /* NULL: none */
    uint64_t last_id;
} mf_chains;

/* Server: what one path is answered by. `on_request` follows the rules of
 * mayfly_raw_handler_fn: it runs on the loop, or on a worker when `blocking`;
 * `in` lives in the call's arena. */
typedef struct mf_route {
    const char *path; /* "/package.Service/Method" */
    int blocking;
    /* Loop: has the call hold what the request needs, without waiting. Not 0:
     * it has to be waited for, so `on_request` runs on a worker. NULL: nothing.
     */
    int (*hold)(void *state, mayfly_call *call);
    int (*on_request)(void *state, mayfly_call *call, mayfly_bytes in);
    void *state;
    /* When it is off and no call has it, or the server goes: on a thread that
     * may wait, unless none is left. May be NULL. */
    void (*release)(void *state);
    /* Before it is taken off as part of `name`, "package.Service" or a path;
     * not 0: it stays. NULL: nothing. */
    int (*taken_off)(void *state, const char *name, mayfly_error *err);
    /* Whether it is to be added still; asked in turn with the above. NULL: yes.
     */
    int (*is_wanted)(void *state);
} mf_route;

/* Adds routes (copied), all or none. Errors: EINVAL (a path that is none),
 * EEXIST, ENOMEM; ECANCELLED (one is not wanted any more). On failure `release`
 * is not called. Any thread. */
int mf_server_route(mayfly_server *server, const mf_route *list, size_t n,
                    mayfly_error *err);
mayfly_host *mf_server_host(const mayfly_server *server);

/* For who adds to them later, and has a reference to them: routes.h. */
struct mf_routes *mf_server_routes(const mayfly_server *server);

/* `given` over the defaults; NULL: the defaults. Errors: EINVAL. */
int mf_service_options_read(const mayfly_service_options *given,
                            mayfly_service_options *ret, mayfly_error *err);

/* The route a server's call came by. */
const mf_route *mf_call_route(const mayfly_call *call);

/* Whether the handler has deferred the call. Stays 1 when the call is completed
 * meanwhile. For whoever has called a handler and now wants to answer for it:
 * when it is 1, call and arena belong to somebody else. Within on_request. */
int mf_call_deferred(const mayfly_call *call);

/* mayfly_call_reply without the copy. */
int mf_call_reply_framed(mayfly_call *call, mayfly_bytes message,
                         mayfly_error *err);

/* mayfly_channel_call and mayfly_channel_start without the copy. `path` must
 * live as long as the call. */
int mf_channel_call_framed(mayfly_channel *channel, const char *path,
                           mayfly_call *call, mayfly_bytes message,
                           mayfly_bytes *ret_reply, mayfly_error *err);
int mf_channel_start_framed(mayfly_channel *channel, const char *path,
                            mayfly_call *call, mayfly_bytes message,
                            mayfly_channel_done_fn done, void *state,
                            mayfly_error *err);

/*
 * mf_channel_start_framed in two steps: with the first the call is under way
 * for its user, and in the hands of who claimed it, on any thread, until one of
 * the other two. mf_channel_give_up ends it with an error; `done` hears of it.
 */
int mf_channel_claim(mayfly_channel *channel, const char *path,
                     mayfly_call *call, mayfly_channel_done_fn done,
                     void *state, mayfly_error *err);
void mf_channel_go(mayfly_call *call, mayfly_bytes message);
void mf_channel_give_up(mayfly_call *call, int code, const char *why);

/* What mayfly_channel_call would answer before it sends: EINVAL (used before),
 * EONLOOP when `blocking`, EFORKED. Ask before encoding. */
int mf_channel_check(mayfly_channel *channel, mayfly_call *call, int blocking,
                     mayfly_error *err);
mayfly_host *mf_channel_host(const mayfly_channel *channel);

/* --- for call.c, calls.c, answer.c, reply.c, server.c, request.c and channel.c
 * --- */

/* Metadata as a growing array in the call's arena. What is sent is kept in the
 * form of the wire (base64 for "-bin"), what was received decoded. */
typedef struct mf_meta {
    mayfly_metadata *items;
    size_t n, cap;
} mf_meta;

struct mf_server_conn;
struct mf_intercept;

enum mf_call_phase { /* of a client's call */
                     MF_CALL_NEW = 0,
                     MF_CALL_CLAIMED, /* its message is being made */
                     MF_CALL_STARTED,
                     MF_CALL_AWAITED, /* started, and a thread sleeps until it
                                         ends */
                     MF_CALL_ENDED    /* code, reply, status may be read */
};

struct mayfly_call {
    mf_h2_stream stream; /* first: events hand it out */
    mayfly_host *host;
    mayfly_arena arena;
    atomic_uint refs;
    uint8_t is_server;

    const char *path;
    uint64_t started_ns;
    uint64_t deadline_ns; /* monotonic; 0: none */
    mf_loop *loop;        /* whose thread runs the timer and the events */
    mf_timer timer;       /* for the deadline */
    mf_task task;         /* carries the call to a worker or to its loop */
    mf_task cancel_task;
    atomic_int cancel_asked;
    atomic_int cancelled; /* nobody waits for the answer any more */

    /* received */
    mf_gather gather;
    mf_meta in;          /* metadata; a client's: initial metadata */
    mf_meta in_trailers; /* a client's */
    uint8_t n_blocks;    /* header blocks that came: 1 headers, 2 trailers */
    uint8_t has_type;    /* content-type is gRPC's */
    uint8_t has_te;      /* te: trailers came */
    uint8_t is_post;
    uint8_t is_packed; /* grpc-encoding is something else than identity */
    int http_status;

    /* to send */
    mf_meta out, out_trailers;
    size_t out_bytes;     /* of both, bounded */
    mayfly_bytes message; /* framed, in the arena; ptr NULL: none */

    int status; /* to send, or received: -1 as long as none came */
    mayfly_str text;

    struct mf_loan *loans; /* of pools, tied to it: user_loan.c */

    /* what the typed layer holds */
    void (*end)(void *state, mayfly_call *call);
    void *end_state;
    void *context;
    uint64_t held_ns; /* lease.c: since when */

    struct mf_intercept *intercept; /* its way through interceptors, or NULL */

    /* the host's list of calls */
    struct mf_intercept *holding; /* the same where it holds contexts; locked */
    mf_calls *calls;              /* NULL: not in the list */
    mayfly_call *next;
    mayfly_call **link;

    /* a server's */
    struct mf_server_conn *conn;
    const mf_route *route;
    atomic_int completed; /* a deferred call was completed */
    uint8_t is_deferred;
    uint8_t is_answered;   /* the handler gave a reply or a status */
    uint8_t is_sent;       /* loop: the answer has been submitted */
    uint8_t is_dispatched; /* loop: the arena is the handler's */
    uint8_t holds_route;   /* it is counted; under the list's lock */
    uint8_t is_cut;        /* loop: the peer gets another answer, or none */

    /* a client's */
    mayfly_channel *channel;
    struct mf_link *link_used; /* what it was sent on */
    atomic_int phase;          /* enum mf_call_phase; a futex for who waits */
    atomic_int is_forgotten;   /* freed by its user: `done` is not called */
    uint8_t is_blocking;       /* a thread waits for `phase` */
    uint8_t is_over;           /* under the channel's lock: it has ended */
    int code;                  /* what the blocking form returns */
    char why[128];             /* the text of a failure on this side */
    mayfly_bytes reply;
    size_t reply_bytes_max;
    unsigned timeout_ms;
    mayfly_channel_done_fn done;
    void *done_state;
    mayfly_call *wait_next;  /* the channel's list of calls not yet sent */
    mayfly_call **wait_link; /* NULL: not in it */
    mayfly_call *ended_next; /* list of calls that ended under the lock */
};

static inline mayfly_call *mf_call_of(mf_h2_stream *s)
{
    return (mayfly_call *)(void *)s; /* its first member */
}

/* --- call.c --- */

/* A client's call that has started and not ended. */
static inline int mf_call_is_under_way(mayfly_call *call)
{
    int phase = atomic_load(&call->phase);
    return phase == MF_CALL_STARTED || phase == MF_CALL_AWAITED;
}

/* A call with one reference; a server's comes from the loop's pool. A client's
 * holds a reference on the host, a server's through its connection. */
mayfly_call *mf_call_make(mayfly_host *host, mf_calls *pool);
mayfly_call *mf_call_ref(mayfly_call *call);
/* The same for a call that was found in the list: 0 when it is just being
 * freed. */
int mf_call_try_ref(mayfly_call *call);
/* The last one runs `end` and frees all. Any thread. */
void mf_call_unref(mayfly_call *call);

/* Whether gRPC allows an entry. EINVAL. */
int mf_meta_check(const char *key, mayfly_str value, int is_trailer,
                  mayfly_error *err);
/* Appends a copy to what is to be sent. ENOMEM or ELIMIT. */
int mf_meta_send(mayfly_call *call, mf_meta *list, const char *key,
                 mayfly_str value, mayfly_error *err);
/* Appends a copy to what has come. ENOMEM. */
int mf_meta_put(mayfly_call *call, mf_meta *list, const char *key,
                mayfly_str value, mayfly_error *err);
/* A received entry, which is decoded when its key says so. 0 or ENOMEM. */
int mf_meta_take(mayfly_call *call, mf_meta *list, mayfly_str key,
                 mayfly_str value);

/* Writes the prefix of a framed message, which lies in the call's arena. */
void mf_call_seal(mayfly_bytes framed);

/* Copies a message into the arena behind room for its prefix. */
int mf_call_frame(mayfly_call *call, mayfly_bytes message,
                  mayfly_bytes *ret_framed, mayfly_error *err);

/* --- calls.c: what a loop keeps --- */

mf_calls *mf_calls_new(mayfly_host *host); /* NULL: no memory */
void mf_calls_free(mf_calls *calls);
void mf_calls_trim(mf_calls *calls); /* loop */
mayfly_host *mf_calls_host(const mf_calls *calls);
void mf_calls_add(mf_calls *calls, mayfly_call *call);
void mf_calls_remove(mayfly_call *call);
void mf_calls_set_context(mayfly_call *call, void *context);
/* What else the call holds contexts with; NULL: nothing. */
void mf_calls_set_holding(mayfly_call *call, struct mf_intercept *holding);
mayfly_call *mf_calls_take(mf_calls *calls); /* from the pool, or NULL; loop */
int mf_calls_give(mf_calls *calls, mayfly_call *call); /* 0: kept; loop */

/* --- server.c, answer.c --- */

/* A call has its answer: it goes by the interceptors and to its loop, with one
 * reference. Any thread. */
void mf_server_call_conclude(mayfly_call *call);

void mf_server_call_cancel(mayfly_call *call, int status); /* loop */
void mf_server_call_over(mayfly_call *call); /* its last reference has gone */

/* --- request.c, start.c, channel.c --- */

void mf_client_cancel(mayfly_call *call); /* any thread */
const char *mf_client_call_peer(const mayfly_call *call);
void mf_client_call_over(mayfly_call *call); /* its last reference has gone */

#endif
