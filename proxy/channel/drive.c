/*
 * A caller that does the loop's work itself.
 *
 * A blocking call that goes by the loop pays for two thread switches. When
 * nothing else is under way on the channel, the caller writes its request and
 * waits for the answer on the socket itself, which costs hardly more than bare
 * TCP. As soon as another call comes, the driver is asked to leave the
 * connection, with its own call still open, to the loop, which serves many at
 * once better.
 *
 * What stays true: while `driver` is set, the loop neither reads nor writes;
 * only the driver's call is under way. The loop keeps watching until it is
 * woken for nothing once; then it looks away, and again when nobody has driven
 * for a moment, so that pings and a leaving peer are heard on a quiet channel.
 */
#include "proxy/channel/channel.h"

#include "base/census.h"
#include "base/error.h"
#include "base/owner.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    REWATCH_MS = 10,
    LOOP_TURNS = 64,    /* calls by the loop after a driver had to yield */
    FRESH_NS = 1000000, /* so long after a call nobody asks what became of it */
    BUFFER = MF_LOOP_BUFFER
};

void mf_drive_ask_to_yield(mayfly_channel *ch)
{
    uint64_t one = 1;
    if (ch->must_yield)
        return;
    ch->must_yield = 1;
    while (write(ch->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void on_rewatch(mf_timer *timer)
{
    mayfly_channel *ch = MF_OWNER(timer, mayfly_channel, rewatch);
    pthread_mutex_lock(&ch->lock);
    if (ch->driver || ch->n_driven != ch->n_driven_seen) {
        ch->n_driven_seen = ch->n_driven;
        mf_loop_set_timer(ch->loop, timer, ch->loop->now_ms + REWATCH_MS,
                          on_rewatch);
    } else {
        ch->is_unwatched = 0;
        mf_host_touch(ch->host);
        mf_alloc_free(&ch->host->alloc, ch->buffers);
        ch->buffers = NULL;
        if (ch->links)
            mf_link_watch(ch->links);
    }
    pthread_mutex_unlock(&ch->lock);
}

void mf_drive_look_away(mf_link *l)
{
    mayfly_channel *ch = l->channel;
    mf_watch_set(l->watch, 0);
    if (ch->is_unwatched)
        return;
    ch->is_unwatched = 1;
    ch->n_driven_seen = ch->n_driven;
    mf_loop_set_timer(ch->loop, &ch->rewatch, ch->loop->now_ms + REWATCH_MS,
                      on_rewatch);
}

/* The connection failed under the driver; the loop will close it. */
static void broken(mf_link *l, const char *why)
{
    if (!l->why[0])
        snprintf(l->why, sizeof l->why, "%.95s", why);
    l->is_leaving = 1;
    l->is_broken = 1;
}

static uint64_t now_ms(void)
{
    return mf_clock_ns() / 1000000;
}

static void drive_read(mf_link *l)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    int rc;
    do
        rc =
            mf_conn_read(&l->conn, l->channel->buffers, BUFFER, now_ms(), &err);
    while (rc == 1);
    if (rc < 0)
        broken(l, err.message);
}

static void drive_write(mf_link *l)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (mf_conn_write(&l->conn, l->channel->buffers + BUFFER, BUFFER, &err) ==
        0)
        return;
    if (!l->conn.is_ended)
        drive_read(l); /* what came before the peer went away */
    broken(l, err.message);
}

/* The connection to drive, or NULL when the loop should do this call. */
static mf_link *quiet_link(mayfly_channel *ch)
{
    mf_link *l = ch->links;
    if (ch->driver || ch->n_calls || ch->is_woken || ch->is_closed || !l ||
        l->is_leaving || l->is_broken || l->conn.is_ended ||
        l->conn.is_blocked || !mf_h2_has_heard(l->conn.h2) ||
        !mf_h2_takes_requests(l->conn.h2))
        return NULL;
    if (ch->loop_turns) {
        ch->loop_turns--;
        return NULL;
    }
    if (ch->wake_fd < 0)
        ch->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!ch->buffers)
        ch->buffers = mf_alloc_new(&ch->host->alloc, 2 * BUFFER);
    if (ch->wake_fd < 0 || !ch->buffers)
        return NULL;
    /* what happened while nobody looked */
    if (ch->is_unwatched && mf_clock_ns() - ch->driven_ns > FRESH_NS) {
        drive_read(l);
        if (l->is_leaving || l->is_broken) {
            mf_channel_wake(ch);
            return NULL;
        }
    }
    return l;
}

static int timeout_of(const mayfly_call *c)
{
    int64_t left = mayfly_call_time_left_ms(c);
    if (left < 0)
        return 0;
    return left >= INT_MAX ? -1 : (int)left + 1;
}

/* Waits for the socket or the loop; unlocks meanwhile. */
static int wait(mayfly_channel *ch, mf_link *l, const mayfly_call *c)
{
    int wants = mf_conn_wants(&l->conn);
    struct pollfd fds[2] = {{l->conn.fd,
                             (short)((wants & MF_READABLE ? POLLIN : 0) |
                                     (wants & MF_WRITABLE ? POLLOUT : 0)),
                             0},
                            {ch->wake_fd, POLLIN, 0}};
    int timeout = timeout_of(c);
    pthread_mutex_unlock(&ch->lock);
    poll(fds, 2, timeout);
    pthread_mutex_lock(&ch->lock);
    return fds[0].revents != 0;
}

/* The loop has asked for the connection. 1: it gets the call as well. */
static int yield(mayfly_channel *ch, mayfly_call *c)
{
    uint64_t count;
    while (read(ch->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    ch->must_yield = 0;
    if (atomic_load(&c->cancel_asked) || ch->is_closed) {
        mf_request_end(c, MAYFLY_STATUS_CANCELLED, "cancelled");
        return 0;
    }
    ch->loop_turns = LOOP_TURNS;
    ch->adopted = c;
    return 1;
}

/* Until the call has ended or is the loop's. Returns 1 for the latter. */
static int drive(mayfly_channel *ch, mf_link *l, mayfly_call *c)
{
    if (mf_request_submit(l, c) == 0)
        drive_write(l);
    while (!c->is_over) {
        if (l->is_broken) {
            char why[128];
            snprintf(why, sizeof why, "the connection was lost: %s", l->why);
            mf_request_end(c, MAYFLY_STATUS_UNAVAILABLE, why);
            break;
        }
        int ready = wait(ch, l, c);
        if (ready && !l->conn.is_ended)
            drive_read(l);
        if (!c->is_over && ch->must_yield && !l->is_broken && yield(ch, c))
            return 1;
        if (!c->is_over && mayfly_call_time_left_ms(c) < 0)
            mf_request_end(c, MAYFLY_STATUS_DEADLINE_EXCEEDED,
                           "the deadline has passed");
        if (!l->is_broken)
            drive_write(l);
    }
    return 0;
}

int mf_drive(mayfly_channel *ch, mayfly_call *c)
{
    pthread_mutex_lock(&ch->lock);
    mf_link *l = quiet_link(ch);
    if (!l) {
        pthread_mutex_unlock(&ch->lock);
        return 0;
    }
    ch->driver = c;
    ch->n_driven++;
    ch->n_calls++;
    ch->n_started++;
    atomic_store(&c->phase, MF_CALL_STARTED);
    int is_left = 0;
    if (atomic_load(&c->cancel_asked))
        mf_request_end(c, MAYFLY_STATUS_CANCELLED, "cancelled");
    else
        is_left = drive(ch, l, c);
    if (ch->must_yield) { /* asked at the last moment */
        uint64_t count;
        while (read(ch->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
            ;
        ch->must_yield = 0;
    }
    ch->driver = NULL;
    ch->driven_ns = mf_clock_ns();
    if (is_left || ch->waiting || ch->is_closed || l->is_leaving ||
        l->is_broken || l->conn.is_blocked)
        mf_channel_wake(ch);
    mayfly_call *ended = mf_request_take_ended(ch);
    pthread_mutex_unlock(&ch->lock);
    mf_request_tell(ended);
    if (is_left)
        mf_request_wait(c);
    return 1;
}
