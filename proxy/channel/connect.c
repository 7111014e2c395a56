/*
 * From a target to a connection that takes calls.
 *
 * A name is looked up on a resolver thread; addresses are tried one after the
 * other without blocking; then the server's first frame is waited for, because
 * it says how many calls the server takes at a time, and because what sends
 * none is no HTTP/2 server. When all of it fails, the calls that wait end with
 * UNAVAILABLE at once.
 *
 * All of it runs on the channel's loop, under the channel's lock.
 */
#include "proxy/channel/channel.h"

#include "base/error.h"
#include "base/owner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    WINDOW = 8 * 1024 * 1024, /* of a connection */
    FIELD_BYTES_MAX = 128 * 1024
};

/* --- connecting --- */

static void connect_next(mayfly_channel *ch);

static mayfly_channel *of_timer(mf_timer *timer)
{
    return MF_OWNER(timer, mayfly_channel, connecting.timer);
}

void mf_connect_reset(mayfly_channel *ch)
{
    mf_connecting *k = &ch->connecting;
    mf_loop_clear_timer(ch->loop, &k->timer);
    mf_watch_free(k->watch);
    k->watch = NULL;
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
}

/* Nothing is left to try: who waited hears of it now. */
static void connecting_failed(mayfly_channel *ch)
{
    char why[sizeof ch->waiting->why];
    mf_connect_reset(ch);
    ch->connecting.is_on = 0;
    snprintf(why, sizeof why, "%.50s: %.70s", ch->text, ch->connecting.why);
    while (ch->waiting)
        mf_request_end(ch->waiting, MAYFLY_STATUS_UNAVAILABLE, why);
}

/* It took the connection and said nothing. */
static void on_greeting_timeout(mf_timer *timer)
{
    mayfly_channel *ch = of_timer(timer);
    pthread_mutex_lock(&ch->lock);
    mf_link *l = ch->connecting.greeting;
    snprintf(l->why, sizeof l->why, "no answer in time");
    mf_link_close(l);
    mf_channel_unlock(ch);
}

void mf_connect_greeted(mayfly_channel *ch)
{
    mf_link *l = ch->connecting.greeting;
    ch->connecting.greeting = NULL;
    ch->connecting.is_on = 0;
    ch->n_connections++;
    mf_loop_clear_timer(ch->loop, &ch->connecting.timer);
    mf_channel_submit(ch, l);
}

void mf_connect_lost(mayfly_channel *ch, const char *why)
{
    ch->connecting.greeting = NULL;
    snprintf(ch->connecting.why, sizeof ch->connecting.why, "%s",
             why[0] ? why : "it does not speak HTTP/2");
    connecting_failed(ch);
}

static void connected(mayfly_channel *ch)
{
    mf_connecting *k = &ch->connecting;
    mf_h2_options options = {.field_bytes_max = FIELD_BYTES_MAX,
                             .window = WINDOW};
    mayfly_error err = MAYFLY_ERROR_INIT;
    int fd = k->fd;
    mf_watch_free(k->watch);
    k->watch = NULL;
    k->fd = -1;
    mf_loop_clear_timer(ch->loop, &k->timer);
    mf_socket_tune(fd, k->list.list[k->at].at.any.sa_family);
    mf_link *l = mf_alloc_zero(&ch->host->alloc, sizeof *l);
    if (!l) {
        close(fd);
        snprintf(k->why, sizeof k->why, "out of memory");
        connecting_failed(ch);
        return;
    }
    l->channel = ch;
    int rc = mf_conn_init(&l->conn, &ch->pool, fd, &options, &mf_client_events,
                          l, &err);
    if (rc == 0)
        rc = mf_watch_new(ch->loop, fd, mf_link_ready, l, &l->watch, &err);
    if (rc != 0) {
        mf_conn_done(&l->conn);
        mf_alloc_free(&ch->host->alloc, l);
        snprintf(k->why, sizeof k->why, "%.150s", err.message);
        connecting_failed(ch);
        return;
    }
    k->greeting = l;
    mf_loop_set_timer(ch->loop, &k->timer,
                      ch->loop->now_ms + ch->connect_timeout_ms,
                      on_greeting_timeout);
    l->next = ch->links;
    ch->links = l;
    ch->is_unwatched = 0;
    atomic_fetch_add(&ch->loop->load, 1);
    mf_link_dirty(l);
}

static void try_failed(mayfly_channel *ch, const char *why)
{
    snprintf(ch->connecting.why, sizeof ch->connecting.why, "%s", why);
    mf_connect_reset(ch);
    ch->connecting.at++;
    connect_next(ch);
}

static void on_connect_ready(void *state, int events)
{
    mayfly_channel *ch = state;
    int failure = 0;
    socklen_t len = sizeof failure;
    (void)events;
    pthread_mutex_lock(&ch->lock);
    if (getsockopt(ch->connecting.fd, SOL_SOCKET, SO_ERROR, &failure, &len) !=
        0)
        failure = errno;
    if (failure)
        try_failed(ch, strerror(failure));
    else
        connected(ch);
    mf_channel_unlock(ch);
}

static void on_connect_timeout(mf_timer *timer)
{
    mayfly_channel *ch = of_timer(timer);
    pthread_mutex_lock(&ch->lock);
    try_failed(ch, "no answer in time");
    mf_channel_unlock(ch);
}

/* Tries the addresses from the present one on. */
static void connect_next(mayfly_channel *ch)
{
    mf_connecting *k = &ch->connecting;
    for (; k->at < k->list.n; k->at++) {
        const struct sockaddr *at = &k->list.list[k->at].at.any;
        k->fd = socket(at->sa_family,
                       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (k->fd < 0) {
            snprintf(k->why, sizeof k->why, "%s", strerror(errno));
            continue;
        }
        int rc;
        do
            rc = connect(k->fd, at, k->list.list[k->at].len);
        while (rc != 0 && errno == EINTR);
        if (rc == 0) {
            connected(ch);
            return;
        }
        if (errno == EINPROGRESS &&
            mf_watch_new(ch->loop, k->fd, on_connect_ready, ch, &k->watch,
                         NULL) == 0) {
            mf_watch_set(k->watch, MF_WRITABLE);
            mf_loop_set_timer(ch->loop, &k->timer,
                              ch->loop->now_ms + ch->connect_timeout_ms,
                              on_connect_timeout);
            return;
        }
        snprintf(k->why, sizeof k->why, "%s", strerror(errno));
        close(k->fd);
        k->fd = -1;
    }
    connecting_failed(ch);
}

/* A name that is looked up, away from the loop. */
typedef struct lookup {
    mf_task task;
    mayfly_channel *channel;
    mf_addresses found;
    int rc;
    mayfly_error err;
} lookup;

static void lookup_free(lookup *k)
{
    mayfly_channel *ch = k->channel;
    mf_alloc_free(&ch->host->alloc, k);
    mf_channel_unref(ch);
}

static void looked_up(mf_task *task)
{
    lookup *k = (lookup *)(void *)task; /* its first member */
    mayfly_channel *ch = k->channel;
    pthread_mutex_lock(&ch->lock);
    if (!ch->is_closed && k->rc == 0) {
        ch->connecting.list = k->found;
        connect_next(ch);
    } else {
        snprintf(ch->connecting.why, sizeof ch->connecting.why, "%.150s",
                 k->err.message);
        connecting_failed(ch);
    }
    mf_channel_unlock(ch);
    lookup_free(k);
}

static void look_up(mf_task *task)
{
    lookup *k = (lookup *)(void *)task;
    k->rc = mf_target_resolve(&k->channel->target, 0, &k->found, &k->err);
    task->run = looked_up;
    if (mf_loop_post(k->channel->loop, task) != 0)
        lookup_free(k);
}

void mf_connect_start(mayfly_channel *ch)
{
    mf_connecting *k = &ch->connecting;
    k->is_on = 1;
    k->at = 0;
    snprintf(k->why, sizeof k->why, "no address");
    if (mf_target_numeric(&ch->target, &k->list, NULL) == 0) {
        connect_next(ch);
        return;
    }
    lookup *job = mf_alloc_zero(&ch->host->alloc, sizeof *job);
    if (!job) {
        snprintf(k->why, sizeof k->why, "out of memory");
        connecting_failed(ch);
        return;
    }
    job->channel = mf_channel_hold(ch);
    job->task.run = look_up;
    if (mf_workers_push(ch->host->resolver, &job->task) != 0) {
        lookup_free(job);
        snprintf(k->why, sizeof k->why, "no thread to look up the name");
        connecting_failed(ch);
    }
}
