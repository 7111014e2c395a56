/*
 * A socket with an HTTP/2 session on it.
 *
 * The session is drained into a buffer that many connections share, and that is
 * written at once. Only when the socket is full a private remainder is kept;
 * from then on nothing more is drained, so a slow peer costs us one buffer and
 * what its calls hold, and when frames still pile up (answers to pings, to
 * resets) nothing more is read from it either.
 *
 * What stays true: bytes leave in the order the session gave them. A failed
 * write does not end the connection by itself: what the peer sent before it
 * went away is still read, so that no answer that was given is lost.
 */
#include "proxy/transport/conn.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    KEEPALIVE_IDLE = 120, /* seconds */
    KEEPALIVE_STEP = 20,
    READS_MAX = 8,   /* buffers read in one turn: others want theirs, too */
    QUEUED_MAX = 512 /* frames that may wait while the socket is full */
};

void mf_socket_tune(int fd, int family)
{
    int on = 1, idle = KEEPALIVE_IDLE, step = KEEPALIVE_STEP;
    if (family != AF_INET && family != AF_INET6)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* a peer that vanished without a word */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &step, sizeof step);
}

void mf_peer_text(const struct sockaddr *address, socklen_t len,
                  char out[MF_PEER_TEXT])
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        snprintf(out, MF_PEER_TEXT, "%s:%u", text, ntohs(in.sin_port));
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
        snprintf(out, MF_PEER_TEXT, "[%s]:%u", text, ntohs(in.sin6_port));
    } else {
        const struct sockaddr_un *un = (const void *)address;
        size_t head = offsetof(struct sockaddr_un, sun_path);
        int n = len > head ? (int)strnlen(un->sun_path, len - head) : 0;
        snprintf(out, MF_PEER_TEXT, "unix:%.*s", n, un->sun_path);
    }
}

int mf_conn_init(mf_conn *c, mf_pool *pool, int fd,
                 const mf_h2_options *options, const mf_h2_events *events,
                 void *owner, mayfly_error *err)
{
    memset(c, 0, sizeof *c);
    c->alloc = pool->alloc;
    c->fd = fd;
    int rc = mf_h2_new(pool, options, events, owner, &c->h2, err);
    if (rc != 0)
        mf_conn_done(c);
    return rc;
}

void mf_conn_done(mf_conn *c)
{
    mf_h2 *h2 = c->h2;
    c->h2 = NULL;
    mf_h2_free(h2);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    mf_alloc_free(c->alloc, c->rest);
    c->rest = NULL;
    c->rest_at = c->rest_len = c->rest_cap = 0;
    c->is_ended = 1;
}

int mf_conn_read(mf_conn *c, uint8_t *buffer, size_t cap, uint64_t now_ms,
                 mayfly_error *err)
{
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = recv(c->fd, buffer, cap, 0);
        if (n == 0) {
            c->is_ended = 1;
            return mf_error_set(err, MAYFLY_EIO, "the peer closed it");
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (n < 0) {
            c->is_ended = 1;
            return mf_error_set(err, MAYFLY_EIO, "%s", strerror(errno));
        }
        int rc = mf_h2_feed(c->h2, buffer, (size_t)n, now_ms, err);
        if (rc != 0) {
            c->is_ended = 1;
            return rc;
        }
        /* A short read has emptied the socket. That the peer closed it
         * meanwhile is told by the next event. */
        if ((size_t)n < cap)
            return 0;
    }
    return 1;
}

/* Sends as much as the socket takes. Returns how much, or -1. */
static ssize_t send_some(mf_conn *c, const uint8_t *bytes, size_t n)
{
    size_t sent = 0;
    while (sent < n) {
        ssize_t k = send(c->fd, bytes + sent, n - sent, MSG_NOSIGNAL);
        if (k >= 0) {
            sent += (size_t)k;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            c->is_blocked = 1;
            break;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    c->sent += sent;
    return (ssize_t)sent;
}

static int keep_rest(mf_conn *c, const uint8_t *bytes, size_t n,
                     mayfly_error *err)
{
    if (n > c->rest_cap) {
        uint8_t *rest = mf_alloc_new(c->alloc, n);
        if (!rest)
            return mf_error_nomem(err, "bytes for a slow peer");
        mf_alloc_free(c->alloc, c->rest);
        c->rest = rest;
        c->rest_cap = n;
    }
    memcpy(c->rest, bytes, n);
    c->rest_at = 0;
    c->rest_len = n;
    return 0;
}

/* The remainder goes first. */
static int write_rest(mf_conn *c, mayfly_error *err)
{
    ssize_t n = send_some(c, c->rest + c->rest_at, c->rest_len - c->rest_at);
    if (n < 0)
        return mf_error_set(err, MAYFLY_EIO, "%s", strerror(errno));
    c->rest_at += (size_t)n;
    if (c->rest_at == c->rest_len) {
        mf_alloc_free(c->alloc, c->rest);
        c->rest = NULL;
        c->rest_at = c->rest_len = c->rest_cap = 0;
    }
    return 0;
}

int mf_conn_write(mf_conn *c, uint8_t *buffer, size_t cap, mayfly_error *err)
{
    c->is_blocked = 0;
    if (c->rest) {
        int rc = write_rest(c, err);
        if (rc != 0)
            return rc;
    }
    while (!c->is_blocked) {
        size_t n;
        int rc = mf_h2_drain(c->h2, buffer, cap, &n, err);
        if (rc != 0)
            return rc;
        if (n == 0)
            return 0;
        ssize_t sent = send_some(c, buffer, n);
        if (sent < 0)
            return mf_error_set(err, MAYFLY_EIO, "%s", strerror(errno));
        if ((size_t)sent < n)
            return keep_rest(c, buffer + sent, n - (size_t)sent, err);
    }
    return 0;
}

int mf_conn_wants(const mf_conn *c)
{
    int events = 0;
    if (c->is_blocked)
        events |= MF_WRITABLE;
    if (!c->is_ended && !(c->is_blocked && mf_h2_queued(c->h2) > QUEUED_MAX))
        events |= MF_READABLE;
    return events;
}
