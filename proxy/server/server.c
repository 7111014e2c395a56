/*
 * A server: it listens, spreads connections over the loops, and ends.
 *
 * One loop accepts and hands each connection to the loop that has the fewest:
 * that keeps them even where letting the kernel choose would leave loops idle.
 * From then on a connection, its calls and their timers belong to one loop and
 * need no lock.
 *
 * What stays true: a part's lists are touched by its loop only. A connection's
 * memory outlives its socket while calls that were deferred still name its
 * peer; a server's memory outlives mayfly_server_free in the same way, but then
 * it holds no descriptor and runs nothing.
 */
#include "proxy/server/server.h"

#include "proxy/call/intercept.h"

#include "base/census.h"
#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"
#include "base/owner.h"
#include "base/sync.h"

#include <errno.h>
#include <string.h>

enum {
    PATIENCE_MS = 20000,     /* for a first word, and for a full socket */
    WINDOW = 8 * 1024 * 1024 /* of a connection */
};

/* --- references --- */

void mf_server_unref(mayfly_server *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    mayfly_host *host = s->host;
    mf_routes_close(s->routes);
    mf_routes_unref(s->routes);
    mf_chains_done(&s->chains);
    mf_sync_done(&s->lock, &s->changed);
    mf_alloc_free(&host->alloc, s);
    mf_host_unref(host);
}

void mf_server_conn_unref(mf_server_conn *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    mayfly_server *server = c->part->server;
    mf_alloc_free(&server->host->alloc, c);
    mf_server_unref(server);
}

void mf_server_changed(mayfly_server *s)
{
    if (!atomic_load(&s->draining))
        return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (atomic_load(&s->closes))
        mf_server_close_step(s);
}

unsigned mf_server_calls(mayfly_server *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->n_parts; i++)
        n += atomic_load_explicit(&s->parts[i].n_calls, memory_order_relaxed);
    return n;
}

mayfly_host *mf_server_host(const mayfly_server *s)
{
    return s->host;
}

/* --- connections --- */

static void conn_close(mf_server_conn *c)
{
    if (c->is_over)
        return;
    c->is_over = 1;
    mayfly_server *server = c->part->server;
    mf_loop *loop = c->part->loop;
    loop->activity++;
    mf_host_touch(server->host);
    mf_loop_clear_timer(loop, &c->timer);
    mf_loop_let_go(loop);
    mf_watch_free(c->watch);
    c->watch = NULL;
    mf_conn_done(&c->conn);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    atomic_fetch_sub(&loop->load, 1);
    atomic_fetch_sub(&server->n_conns, 1);
    mf_server_changed(server);
    mf_server_conn_unref(c);
}

/* A peer that has said nothing, or has taken nothing, for a while. */
static void on_patience(mf_timer *timer)
{
    mf_server_conn *c = MF_OWNER(timer, mf_server_conn, timer);
    mf_loop *loop = c->part->loop;
    if (!mf_h2_has_heard(c->conn.h2) ||
        (c->conn.is_blocked && c->conn.sent == c->seen_sent)) {
        conn_close(c);
        return;
    }
    c->seen_sent = c->conn.sent;
    if (c->conn.is_blocked)
        mf_loop_set_timer(loop, timer, loop->now_ms + PATIENCE_MS, on_patience);
}

static void conn_flush(mf_task *task)
{
    mf_server_conn *c = MF_OWNER(task, mf_server_conn, flush);
    mf_loop *loop = c->part->loop;
    c->is_dirty = 0;
    if (!c->is_over) {
        int rc = mf_conn_write(&c->conn, loop->out, MF_LOOP_BUFFER, NULL);
        if (rc != 0 || c->conn.is_ended || !mf_h2_alive(c->conn.h2)) {
            conn_close(c);
        } else {
            mf_watch_set(c->watch, mf_conn_wants(&c->conn));
            if (c->conn.is_blocked && !c->timer.is_set) {
                c->seen_sent = c->conn.sent;
                mf_loop_set_timer(loop, &c->timer, loop->now_ms + PATIENCE_MS,
                                  on_patience);
            }
        }
    }
    mf_server_conn_unref(c); /* the flush's */
}

void mf_server_conn_dirty(mf_server_conn *c)
{
    if (c->is_dirty || c->is_over)
        return;
    c->is_dirty = 1;
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    c->flush.run = conn_flush;
    mf_loop_later(c->part->loop, &c->flush);
}

static void on_ready(void *state, int events)
{
    mf_server_conn *c = state;
    mf_loop *loop = c->part->loop;
    if (events & MF_READABLE && !c->conn.is_ended)
        mf_conn_read(&c->conn, loop->in, MF_LOOP_BUFFER, loop->now_ms, NULL);
    mf_server_conn_dirty(c);
}

/* What an accepted descriptor becomes on its loop. */
void mf_server_conn_start(mf_task *task)
{
    mf_server_conn *c = MF_OWNER(task, mf_server_conn, start);
    mf_server_part *part = c->part;
    mayfly_server *server = part->server;
    mf_h2_options options = {.is_server = 1,
                             .streams_max = server->options.streams_max,
                             .field_bytes_max =
                                 server->options.metadata_bytes_max,
                             .window = WINDOW};
    char peer[MF_PEER_TEXT];
    memcpy(peer, c->conn.peer, sizeof peer);
    c->next = part->conns;
    c->link = &part->conns;
    if (c->next)
        c->next->link = &c->next;
    part->conns = c;
    mf_loop_hold(part->loop);
    int rc = mf_conn_init(&c->conn, &part->loop->pool, c->conn.fd, &options,
                          &mf_server_events, c, NULL);
    memcpy(c->conn.peer, peer, sizeof peer);
    if (rc == 0)
        rc = mf_watch_new(part->loop, c->conn.fd, on_ready, c, &c->watch, NULL);
    if (rc != 0 || atomic_load(&server->draining)) {
        conn_close(c);
        return;
    }
    mf_loop_set_timer(part->loop, &c->timer, part->loop->now_ms + PATIENCE_MS,
                      on_patience);
    mf_server_conn_dirty(c);
}

/* --- parts --- */

/* Takes no more connections and calls; those there are go on. */
static void part_drain(mf_task *task)
{
    mf_server_part *part = MF_OWNER(task, mf_server_part, drain_task);
    mf_listeners_close(part);
    for (mf_server_conn *c = part->conns; c; c = c->next) {
        mf_h2_go_away(c->conn.h2);
        mf_server_conn_dirty(c);
    }
    mf_server_unref(part->server);
}

/* Ends every call, says so to the peers, closes. */
static void part_kill(mf_task *task)
{
    mf_server_part *part = MF_OWNER(task, mf_server_part, kill_task);
    if (part == part->server->parts)
        mf_loop_clear_timer(part->loop, &part->server->grace);
    mf_listeners_close(part);
    while (part->conns) {
        mf_server_conn *c = part->conns;
        for (mf_h2_stream *s = mf_h2_first(c->conn.h2); s; s = s->next)
            mf_server_call_cancel(mf_call_of(s), MAYFLY_STATUS_UNAVAILABLE);
        mf_h2_go_away(c->conn.h2);
        mf_conn_write(&c->conn, part->loop->out, MF_LOOP_BUFFER, NULL);
        conn_close(c);
    }
    atomic_fetch_sub(&part->server->n_ending, 1);
    mf_server_changed(part->server);
    mf_server_unref(part->server);
}

/* One of the two on every loop. Each task has a reference of its own. */
static void post_all(mayfly_server *s, int kill)
{
    for (unsigned i = 0; i < s->n_parts; i++) {
        mf_task *task = kill ? &s->parts[i].kill_task : &s->parts[i].drain_task;
        task->run = kill ? part_kill : part_drain;
        atomic_fetch_add(&s->refs, 1);
        if (kill)
            atomic_fetch_add(&s->n_ending, 1);
        if (mf_loop_post(s->parts[i].loop, task) != 0) {
            if (kill)
                atomic_fetch_sub(&s->n_ending, 1);
            mf_server_unref(s);
        }
    }
}

void mf_server_drain(mayfly_server *s)
{
    if (!atomic_exchange(&s->draining, 1))
        post_all(s, 0);
}

void mf_server_kill(mayfly_server *s)
{
    int not_yet = 0;
    if (!atomic_compare_exchange_strong(&s->killed, &not_yet, 1))
        return;
    post_all(s, 1);
    atomic_store(&s->killed, 2);
    mf_server_changed(s);
}

/* Waits until `is_done`, or `ms` have passed; UINT32_MAX: for as long as it
 * takes. */
static void wait_for(mayfly_server *s, int (*is_done)(mayfly_server *s),
                     unsigned ms)
{
    struct timespec until =
        mf_sync_until(mf_clock_ns() + (uint64_t)ms * 1000000);
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    while (!is_done(s) && rc != ETIMEDOUT)
        rc = ms == UINT32_MAX
                 ? pthread_cond_wait(&s->changed, &s->lock)
                 : pthread_cond_timedwait(&s->changed, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

static int no_calls(mayfly_server *s)
{
    return mf_server_calls(s) == 0;
}

int mf_server_has_ended(mayfly_server *s)
{
    return atomic_load(&s->killed) == 2 && atomic_load(&s->n_ending) == 0 &&
           atomic_load(&s->n_conns) == 0 && atomic_load(&s->n_running) == 0;
}

/* --- public --- */

static int read_options(const mayfly_server_options *given,
                        mayfly_server_options *o, mayfly_error *err)
{
    *o = (mayfly_server_options){.size = sizeof *o};
    int code = mf_options_read(o, sizeof *o, given, "server options", err);
    if (code != 0)
        return code;
    if (o->message_bytes_max > INT32_MAX || o->metadata_bytes_max > INT32_MAX)
        return mf_error_set(err, MAYFLY_EINVAL, "a limit above 2 GiB");
    o->message_bytes_max =
        o->message_bytes_max ? o->message_bytes_max : 4 * 1024 * 1024;
    o->connections_max = o->connections_max ? o->connections_max : 10000;
    o->streams_max = o->streams_max ? o->streams_max : 100;
    o->handlers_max = o->handlers_max ? o->handlers_max : 10000;
    o->metadata_bytes_max =
        o->metadata_bytes_max ? o->metadata_bytes_max : 16 * 1024;
    return 0;
}

int mf_service_options_read(const mayfly_service_options *given,
                            mayfly_service_options *ret, mayfly_error *err)
{
    *ret = (mayfly_service_options){.size = sizeof *ret};
    return mf_options_read(ret, sizeof *ret, given, "service options", err);
}

/* NULL: no memory. */
static mayfly_server *make(mayfly_host *host, const mayfly_server_options *o)
{
    mayfly_server *s = mf_alloc_zero(
        &host->alloc, sizeof *s + host->n_loops * sizeof s->parts[0]);
    mf_routes *routes = s ? mf_routes_new(host) : NULL;
    if (!routes || mf_sync_init(&s->lock, &s->changed) != 0) {
        mf_routes_unref(routes);
        mf_alloc_free(&host->alloc, s);
        return NULL;
    }
    s->host = mf_host_ref(host);
    s->options = *o;
    s->routes = routes;
    atomic_init(&s->refs, 1);
    mf_chains_init(&s->chains, host);
    s->n_parts = host->n_loops;
    for (unsigned i = 0; i < s->n_parts; i++) {
        s->parts[i].server = s;
        s->parts[i].loop = host->loops[i];
    }
    return s;
}

int mayfly_server_new(mayfly_host *host, const mayfly_server_options *options,
                      mayfly_server **ret_server, mayfly_error *err)
{
    mayfly_server_options o;
    if (!host || !ret_server)
        return mf_error_set(err, MAYFLY_EINVAL, "a server needs a host");
    int rc = mf_host_check(host, err);
    if (rc == 0)
        rc = read_options(options, &o, err);
    if (rc != 0)
        return rc;
    mayfly_server *s = make(host, &o);
    if (!s)
        return mf_error_nomem(err, "a server");
    pthread_mutex_lock(&host->lock);
    rc = mf_host_check(host,
                       err); /* mayfly_host_free sees it, or it sees that */
    if (rc == 0) {
        s->next = host->servers;
        s->link = &host->servers;
        if (s->next)
            s->next->link = &s->next;
        host->servers = s;
    }
    pthread_mutex_unlock(&host->lock);
    if (rc != 0)
        mf_server_unref(s);
    else
        *ret_server = s;
    return rc;
}

int mf_server_route(mayfly_server *s, const mf_route *list, size_t n,
                    mayfly_error *err)
{
    return mf_routes_add(s->routes, list, n, err);
}

struct mf_routes *mf_server_routes(const mayfly_server *s)
{
    return s->routes;
}

int mayfly_server_remove(mayfly_server *s, const char *name, unsigned wait_ms,
                         mayfly_error *err)
{
    if (!s || !name)
        return mf_error_set(err, MAYFLY_EINVAL, "no server or no name");
    int rc = mf_host_check(s->host, err);
    if (rc == 0 && wait_ms && mf_host_on_loop(s->host))
        rc = mf_error_set(err, MAYFLY_EONLOOP,
                          "waiting for calls would stop this loop");
    return rc ? rc : mf_routes_remove(s->routes, name, wait_ms, err);
}

/* A raw handler and its state. */
typedef struct raw_handler {
    mf_alloc *alloc;
    mayfly_raw_handler_fn handler;
    void *state;
    mf_count *count;
    void (*release)(void *state);
} raw_handler;

static int run_raw(void *state, mayfly_call *call, mayfly_bytes in)
{
    raw_handler *raw = state;
    return raw->handler(raw->state, call, in);
}

static void free_raw(void *state)
{
    raw_handler *raw = state;
    if (raw->release)
        raw->release(raw->state);
    mf_counts_drop(raw->count);
    mf_alloc_free(raw->alloc, raw);
}

int mayfly_server_add_raw(mayfly_server *s, const char *path,
                          mayfly_raw_handler_fn handler, void *state,
                          const mayfly_service_options *options,
                          mayfly_error *err)
{
    mayfly_service_options o;
    if (!s || !path || !handler)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a route needs a server, a path and a handler");
    int rc = mf_service_options_read(options, &o, err);
    if (rc != 0)
        return rc;
    raw_handler *raw = mf_alloc_new(&s->host->alloc, sizeof *raw);
    if (!raw)
        return mf_error_nomem(err, "a route");
    *raw = (raw_handler){&s->host->alloc, handler, state, NULL, o.release};
    if (mf_counts_add(s->host->counts, "route", "raw routes", &raw->count) !=
        0) {
        raw->release = NULL;
        free_raw(raw);
        return mf_error_nomem(err, "a route");
    }
    mf_route route = {.path = path,
                      .blocking = o.blocking != 0,
                      .on_request = run_raw,
                      .state = raw,
                      .release = free_raw};
    rc = mf_server_route(s, &route, 1, err);
    if (rc != 0) {
        raw->release = NULL;
        free_raw(raw);
    }
    return rc;
}

void mf_server_take_out(mayfly_server *s)
{
    mayfly_host *host = s->host;
    pthread_mutex_lock(&host->lock);
    if (s->link) {
        *s->link = s->next;
        if (s->next)
            s->next->link = s->link;
        s->link = NULL;
    }
    pthread_mutex_unlock(&host->lock);
}

/* It stays in the host's list until it has ended: whoever frees the host
 * meanwhile ends it. */
void mayfly_server_free(mayfly_server *s, unsigned grace_ms)
{
    if (!s || mf_fork_check(s->host->made_under, NULL) != 0)
        return;
    if (mf_host_on_loop(s->host)) {
        mayfly_server_close(s, grace_ms, NULL, NULL);
        return;
    }
    if (!atomic_load(&s->host->stopping)) {
        mf_server_drain(s);
        if (grace_ms)
            wait_for(s, no_calls, grace_ms);
        mf_server_kill(s);
        wait_for(s, mf_server_has_ended, UINT32_MAX);
    }
    mf_server_take_out(s);
    mf_server_unref(s);
}

void mf_servers_stop(mayfly_host *host)
{
    pthread_mutex_lock(&host->lock);
    while (host->servers) {
        mayfly_server *s = host->servers;
        host->servers = s->next;
        if (s->next)
            s->next->link = &host->servers;
        s->link = NULL;
        atomic_store(&s->draining, 1);
        mf_server_kill(s);
    }
    pthread_mutex_unlock(&host->lock);
}
