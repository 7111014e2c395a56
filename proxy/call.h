/*
 * proxy/call.h: a call from the inside.
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
#include "proxy/h2.h"
#include "proxy/host.h"

#include <mayfly/call.h>
#include <mayfly/channel.h>
#include <mayfly/server.h>

/* --- for the typed layers --------------------------------------------------
 */

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

/* The `state` of mf_call_hold, or NULL. */
void *mf_call_held(const mayfly_call *call);

/* Cancels without freeing or waiting. Any thread. */
void mf_call_request_cancel(mayfly_call *call);

/* Server: what one path is answered by. `on_request` follows the rules of
 * mayfly_raw_handler_fn: it runs on the loop, or on a worker when `blocking`;
 * `in` lives in the call's arena. */
typedef struct mf_route {
    const char *path; /* "/package.Service/Method" */
    int blocking;
    int (*on_request)(void *state, mayfly_call *call, mayfly_bytes in);
    void *state;
    void (*release)(void *state); /* when the server goes; may be NULL */
} mf_route;

/* Adds a route (copied). Errors: EINVAL (a path that is none), EEXIST, ENOMEM.
 * On failure `release` is not called. Any thread. */
int mf_server_route(mayfly_server *server, const mf_route *route,
                    mayfly_error *err);
mayfly_host *mf_server_host(const mayfly_server *server);

/* The route a server's call came by. */
const mf_route *mf_call_route(const mayfly_call *call);

/* Whether the handler has deferred the call. Stays 1 when the call is completed
 * meanwhile. For whoever has called a handler and now wants to answer for it: when
 * it is 1, call and arena belong to somebody else. Within on_request. */
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

/* What mayfly_channel_call would answer before it sends: EINVAL (used before),
 * EONLOOP when `blocking`, EFORKED. Ask before encoding. */
int mf_channel_check(mayfly_channel *channel, mayfly_call *call, int blocking,
                     mayfly_error *err);
mayfly_host *mf_channel_host(const mayfly_channel *channel);

#endif
