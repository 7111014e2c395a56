/*
 * A channel: one target, and the connection to it.
 *
 * Calls wait in a list until their loop comes by: it connects when there is no
 * connection, submits what waits, and reads what comes back. A refused
 * connection ends the calls that waited for it at once; the next call tries
 * again. A quiet channel may be driven by a caller instead (drive.c).
 *
 * What stays true: at most one thread has the connection, the loop or a driver;
 * everything under the lock is changed by it, but for the list of waiting
 * calls, which any thread appends to. Watches and timers are the loop's alone.
 * Events run under the lock and only change state; what calls out (`done`) runs
 * after it.
 */
#include "proxy/channel/channel.h"
#include "proxy/call/intercept.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"
#include "base/owner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CONNECT_MS = 20000 };

/* --- references --- */

mayfly_channel *mf_channel_hold(mayfly_channel *ch)
{
    atomic_fetch_add_explicit(&ch->refs, 1, memory_order_relaxed);
    return ch;
}

void mf_channel_unref(mayfly_channel *ch)
{
    if (atomic_fetch_sub_explicit(&ch->refs, 1, memory_order_acq_rel) != 1)
        return;
    mayfly_host *host = ch->host;
    if (ch->wake_fd >= 0)
        close(ch->wake_fd);
    mf_pool_done(&ch->pool);
    mf_chains_done(&ch->chains);
    mf_alloc_free(&host->alloc, ch->buffers);
    mf_alloc_free(&host->alloc, ch->text);
    mf_alloc_free(&host->alloc, ch->authority);
    mf_alloc_free(&host->alloc, ch->share_key);
    pthread_mutex_destroy(&ch->lock);
    mf_alloc_free(&host->alloc, ch);
    mf_host_unref(host);
}

const char *mf_channel_target(const mayfly_channel *ch)
{
    return ch->text;
}

mayfly_host *mf_channel_host(const mayfly_channel *ch)
{
    return ch->host;
}

static mayfly_channel *channel_of_task(mf_task *task)
{
    return MF_OWNER(task, mayfly_channel, wake);
}

void mf_channel_unlock(mayfly_channel *ch)
{
    mayfly_call *ended = mf_request_take_ended(ch);
    pthread_mutex_unlock(&ch->lock);
    mf_request_tell(ended);
}

/* --- links --- */

/* Closes it; its calls end as lost. */
void mf_link_close(mf_link *l)
{
    mayfly_channel *ch = l->channel;
    mf_link **at = &ch->links;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    mf_watch_free(l->watch);
    l->watch = NULL;
    mf_host_touch(ch->host);
    mf_conn_done(&l->conn);
    atomic_fetch_sub(&ch->loop->load, 1);
    l->is_broken = 1;
    if (ch->connecting.greeting == l)
        mf_connect_lost(ch, l->why);
    if (!l->is_dirty) /* else the flush frees it */
        mf_alloc_free(&ch->host->alloc, l);
}

void mf_link_watch(mf_link *l)
{
    if (l->watch)
        mf_watch_set(l->watch, mf_conn_wants(&l->conn));
}

/* Writes, and closes what is over. */
static void link_flush(mf_link *l)
{
    mayfly_channel *ch = l->channel;
    mayfly_error err = MAYFLY_ERROR_INIT;
    int rc = mf_conn_write(&l->conn, ch->loop->out, MF_LOOP_BUFFER, &err);
    if (rc != 0) {
        /* what came before the peer went away still counts */
        while (mf_conn_read(&l->conn, ch->loop->in, MF_LOOP_BUFFER,
                            ch->loop->now_ms, NULL) == 1)
            ;
        snprintf(l->why, sizeof l->why, "%.95s", err.message);
        mf_link_close(l);
    } else if (l->is_broken || l->conn.is_ended || !mf_h2_alive(l->conn.h2) ||
               (l->is_leaving && !mf_h2_first(l->conn.h2))) {
        mf_link_close(l);
    } else {
        mf_link_watch(l);
    }
}

static void run_flush(mf_task *task)
{
    mf_link *l = MF_OWNER(task, mf_link, flush);
    mayfly_channel *ch = l->channel;
    pthread_mutex_lock(&ch->lock);
    l->is_dirty = 0;
    if (!l->conn.h2)
        mf_alloc_free(&ch->host->alloc, l); /* closed meanwhile */
    else if (!ch->driver)
        link_flush(l);
    mf_channel_unlock(ch);
    mf_channel_unref(ch);
}

void mf_link_dirty(mf_link *l)
{
    if (l->is_dirty)
        return;
    l->is_dirty = 1;
    l->flush.run = run_flush;
    mf_channel_hold(l->channel);
    mf_loop_later(l->channel->loop, &l->flush);
}

void mf_link_ready(void *state, int events)
{
    mf_link *l = state;
    mayfly_channel *ch = l->channel;
    mayfly_error err = MAYFLY_ERROR_INIT;
    pthread_mutex_lock(&ch->lock);
    if (ch->driver) {
        mf_drive_look_away(l);
        pthread_mutex_unlock(&ch->lock);
        return;
    }
    ch->loop->activity++;
    if (events & MF_READABLE && !l->conn.is_ended &&
        mf_conn_read(&l->conn, ch->loop->in, MF_LOOP_BUFFER, ch->loop->now_ms,
                     &err) < 0) {
        snprintf(l->why, sizeof l->why, "%.95s", err.message);
        l->is_leaving = 1;
    }
    if (ch->connecting.greeting == l && mf_h2_has_heard(l->conn.h2))
        mf_connect_greeted(ch);
    mf_link_dirty(l);
    mf_channel_unlock(ch);
}

/* The newest, if it takes calls. */
mf_link *mf_channel_usable(mayfly_channel *ch)
{
    mf_link *l = ch->links;
    if (!l || l->is_leaving || l->is_broken || l->conn.is_ended ||
        ch->connecting.greeting == l)
        return NULL;
    return mf_h2_takes_requests(l->conn.h2) ? l : NULL;
}

/* Sends what waits. */
void mf_channel_submit(mayfly_channel *ch, mf_link *l)
{
    while (ch->waiting)
        mf_request_submit(l, ch->waiting);
    mf_link_dirty(l);
}

/* --- the loop comes by --- */

static void end_all(mayfly_channel *ch)
{
    mf_connect_reset(ch);
    mf_loop_clear_timer(ch->loop, &ch->rewatch);
    while (ch->waiting)
        mf_request_end(ch->waiting, MAYFLY_STATUS_CANCELLED,
                       "the channel was closed");
    while (ch->links) {
        mf_link *l = ch->links;
        for (mf_h2_stream *s = mf_h2_first(l->conn.h2); s; s = s->next)
            mf_request_end(mf_call_of(s), MAYFLY_STATUS_CANCELLED,
                           "the channel was closed");
        mf_h2_go_away(l->conn.h2);
        mf_conn_write(&l->conn, ch->loop->out, MF_LOOP_BUFFER, NULL);
        mf_link_close(l);
    }
}

void mf_channel_no_calls(mayfly_channel *ch)
{
    if (ch->holds_loop)
        mf_loop_let_go(ch->loop);
    ch->holds_loop = 0;
}

/* A call that a driver left to the loop. */
static void adopt(mayfly_channel *ch)
{
    mayfly_call *c = ch->adopted;
    ch->adopted = NULL;
    ch->is_unwatched = 0;
    mf_loop_clear_timer(ch->loop, &ch->rewatch);
    if (c && !c->is_over && c->deadline_ns)
        mf_loop_set_timer(ch->loop, &c->timer,
                          (c->deadline_ns + 999999) / 1000000,
                          mf_request_deadline);
    for (mf_link *l = ch->links, *next; l; l = next) {
        next = l->next;
        mf_link_dirty(l);
    }
}

static void come_by(mayfly_channel *ch)
{
    if (ch->driver) {
        mf_drive_ask_to_yield(ch);
        return;
    }
    if (ch->is_closed) {
        end_all(ch);
        return;
    }
    ch->loop->activity++;
    mf_host_touch(ch->host);
    if (ch->n_calls && !ch->holds_loop) {
        ch->holds_loop = 1;
        mf_loop_hold(ch->loop);
    }
    adopt(ch);
    for (mayfly_call *c = ch->waiting; c; c = c->wait_next)
        if (c->deadline_ns && !c->timer.is_set)
            mf_loop_set_timer(ch->loop, &c->timer,
                              (c->deadline_ns + 999999) / 1000000,
                              mf_request_deadline);
    mf_link *l = mf_channel_usable(ch);
    if (ch->waiting && l)
        mf_channel_submit(ch, l);
    else if (ch->waiting && !ch->connecting.is_on)
        mf_connect_start(ch);
}

static void run_wake(mf_task *task)
{
    mayfly_channel *ch = channel_of_task(task);
    pthread_mutex_lock(&ch->lock);
    ch->is_woken = 0;
    come_by(ch);
    mf_channel_unlock(ch);
    mf_channel_unref(ch);
}

/* The loop has stopped, and cannot come by: what is left is ended here. */
static void abandon(mayfly_channel *ch)
{
    mf_connecting *k = &ch->connecting;
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
    k->watch = NULL; /* freed by the loop */
    k->is_on = 0;
    k->greeting = NULL;
    ch->holds_loop = 0;
    while (ch->waiting)
        mf_request_end(ch->waiting, MAYFLY_STATUS_CANCELLED,
                       "the host is being freed");
    while (ch->links) {
        mf_link *l = ch->links;
        l->watch = NULL;
        l->is_dirty = 0;
        snprintf(l->why, sizeof l->why, "the host is being freed");
        mf_link_close(l);
    }
}

void mf_channel_wake(mayfly_channel *ch)
{
    if (ch->is_woken) {
        mf_loop_notice(ch->loop);
        return;
    }
    ch->wake.run = run_wake;
    mf_channel_hold(ch);
    if (mf_loop_post(ch->loop, &ch->wake) == 0) {
        ch->is_woken = 1;
        return;
    }
    mf_channel_unref(ch); /* not the last: the caller has one */
    if (!ch->driver)      /* else it comes here when it is done */
        abandon(ch);
}

/* --- public --- */

static int fill(mayfly_channel *ch, const char *target,
                const mayfly_channel_options *o, mayfly_error *err)
{
    int rc = mf_target_parse(target, &ch->target, err);
    if (rc != 0)
        return rc;
    const char *authority = o && o->authority ? o->authority : target;
    if (ch->target.is_unix && authority == target)
        authority = "localhost";
    if (!mf_value_ok(mayfly_str_of(authority)) || !authority[0])
        return mf_error_set(err, MAYFLY_EINVAL, "this is no authority");
    ch->text = mf_alloc_strdup(&ch->host->alloc, target);
    ch->authority = mf_alloc_strdup(&ch->host->alloc, authority);
    if (!ch->text || !ch->authority)
        return mf_error_nomem(err, "a channel");
    ch->connect_timeout_ms =
        o && o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_MS;
    if (o->shared && mf_share_name(ch) != 0)
        return mf_error_nomem(err, "a channel");
    return 0;
}

/* Puts a new channel into the host's list, or finds one to share instead.
 * mayfly_host_free sees it, or it sees that. Host locked. */
static int enter(mayfly_channel *ch, mayfly_channel **ret_channel,
                 mayfly_error *err)
{
    mayfly_host *host = ch->host;
    int rc = mf_host_check(host, err);
    mayfly_channel *other = rc == 0 ? mf_share_find(ch) : NULL;
    if (rc != 0 || other) {
        *ret_channel = other;
        return rc;
    }
    if (mf_share_add(ch) != 0)
        return mf_error_nomem(err, "a channel");
    ch->next = host->channels;
    ch->link = &host->channels;
    if (ch->next)
        ch->next->link = &ch->next;
    host->channels = ch;
    *ret_channel = ch;
    return 0;
}

int mayfly_dial(mayfly_host *host, const char *target,
                const mayfly_channel_options *options,
                mayfly_channel **ret_channel, mayfly_error *err)
{
    mayfly_channel_options o = {.size = sizeof o};
    if (!host || !target || !ret_channel)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a channel needs a host and a target");
    int rc = mf_options_read(&o, offsetof(mayfly_channel_options, reserved),
                             options, "channel options", err);
    if (rc == 0)
        rc = mf_host_check(host, err);
    if (rc != 0)
        return rc;
    mayfly_channel *ch = mf_alloc_zero(&host->alloc, sizeof *ch);
    if (!ch)
        return mf_error_nomem(err, "a channel");
    ch->host = mf_host_ref(host);
    mf_pool_init(&ch->pool, &host->alloc, 4 * 1024);
    ch->wake_fd = -1;
    ch->connecting.fd = -1;
    ch->waiting_end = &ch->waiting;
    ch->loop = mf_host_least_loaded(host);
    atomic_init(&ch->users, 1);
    atomic_init(&ch->refs, 1);
    pthread_mutex_init(&ch->lock, NULL);
    mf_chains_init(&ch->chains, host);
    rc = fill(ch, target, &o, err);
    if (rc != 0) {
        mf_channel_unref(ch);
        return rc;
    }
    mayfly_channel *found = NULL;
    pthread_mutex_lock(&host->lock);
    rc = enter(ch, &found, err);
    pthread_mutex_unlock(&host->lock);
    if (found != ch)
        mf_channel_unref(ch);
    if (rc == 0) {
        atomic_fetch_add(&found->n_dials, 1);
        *ret_channel = found;
    }
    return rc;
}

mayfly_channel *mayfly_channel_ref(mayfly_channel *ch)
{
    atomic_fetch_add_explicit(&ch->users, 1, memory_order_relaxed);
    return ch;
}

/* Takes it out of the host's list and has the loop close it. Host locked. */
static void stop(mayfly_channel *ch)
{
    if (!ch->link)
        return;
    *ch->link = ch->next;
    if (ch->next)
        ch->next->link = ch->link;
    ch->link = NULL;
    mf_share_remove(ch);
    pthread_mutex_lock(&ch->lock);
    ch->is_closed = 1;
    mf_channel_wake(ch);
    mf_channel_unlock(ch);
}

void mayfly_channel_unref(mayfly_channel *ch)
{
    if (!ch || mf_fork_check(ch->host->made_under, NULL) != 0 ||
        atomic_fetch_sub_explicit(&ch->users, 1, memory_order_acq_rel) != 1)
        return;
    mayfly_host *host = ch->host;
    pthread_mutex_lock(&host->lock);
    stop(ch);
    pthread_mutex_unlock(&host->lock);
    mf_channel_unref(ch);
}

void mf_channels_stop(mayfly_host *host)
{
    pthread_mutex_lock(&host->lock);
    while (host->channels)
        stop(host->channels);
    pthread_mutex_unlock(&host->lock);
}

void mf_channels_trim(mayfly_host *host)
{
    pthread_mutex_lock(&host->lock);
    for (mayfly_channel *ch = host->channels; ch; ch = ch->next) {
        pthread_mutex_lock(&ch->lock);
        mf_pool_trim(&ch->pool);
        if (!ch->driver) {
            mf_alloc_free(&host->alloc, ch->buffers);
            ch->buffers = NULL;
        }
        pthread_mutex_unlock(&ch->lock);
    }
    pthread_mutex_unlock(&host->lock);
}
