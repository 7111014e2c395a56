/*
 * proxy/transport/conn.h: a socket with an HTTP/2 session on it.
 *
 * Both sides' connections. It moves bytes and knows when to stop: it has no
 * lock, its owner serialises (a server's lives on one loop, a channel's under
 * the channel's lock). Buffers are the caller's, because they are needed only
 * during a read or a write.
 */
#ifndef MF_PROXY_CONN_H
#define MF_PROXY_CONN_H

#include "proxy/transport/h2.h"
#include "proxy/transport/loop.h"

#include <sys/socket.h>

enum { MF_PEER_TEXT = 72 };

typedef struct mf_conn {
    mf_alloc *alloc;
    mf_h2 *h2;     /* NULL once lost */
    int fd;        /* -1 once closed */
    uint8_t *rest; /* what the socket did not take: rest[rest_at .. rest_len) */
    size_t rest_at, rest_len, rest_cap;
    uint64_t sent;      /* bytes that the socket has taken */
    uint8_t is_blocked; /* the socket is full: wait until it is writable */
    uint8_t is_ended;   /* the peer has sent all, or the session failed */
    char peer[MF_PEER_TEXT];
} mf_conn;

/* Takes the descriptor over (also when it fails) and starts a session on it. */
int mf_conn_init(mf_conn *c, mf_pool *pool, int fd,
                 const mf_h2_options *options, const mf_h2_events *events,
                 void *owner, mayfly_error *err);

/* Ends the session (its streams are `closed` with MF_H2_LOST) and closes the
 * socket, in this order. May be called again. */
void mf_conn_done(mf_conn *c);

/* Reads what there is, up to a few buffers, into the session. 1: the socket may
 * have more; 0: it has no more for now. EIO: the connection is over, `err` says
 * how; send what mf_conn_write still has, then mf_conn_done. ENOMEM likewise.
 */
int mf_conn_read(mf_conn *c, uint8_t *buffer, size_t cap, uint64_t now_ms,
                 mayfly_error *err);

/* Writes what the session has to send, until that or the socket's room ends. 0,
 * or EIO, ENOMEM. */
int mf_conn_write(mf_conn *c, uint8_t *buffer, size_t cap, mayfly_error *err);

/* The events to watch for: not reading while the peer does not take our
 * answers. */
int mf_conn_wants(const mf_conn *c);

/* "127.0.0.1:53122", "[::1]:53122" or "unix:PATH", cut to fit. */
void mf_peer_text(const struct sockaddr *address, socklen_t len,
                  char out[MF_PEER_TEXT]);

/* No delay, and probes on a silent connection. */
void mf_socket_tune(int fd, int family);

#endif
