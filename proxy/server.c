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
#include "proxy/server.h"

#include "base/error.h"
#include "base/guest.h"
#include "proxy/address.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    ACCEPTS_MAX = 64, /* in one turn */
    BACKLOG = 1024,
    PATIENCE_MS = 20000,     /* for a first word, and for a full socket */
    REST_MS = 100,           /* before accepting again without descriptors */
    WINDOW = 8 * 1024 * 1024 /* of a connection */
};

/* --- references ------------------------------------------------------------
 */

static void server_unref(mayfly_server *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    mayfly_host *host = s->host;
    mf_routes_free(s->routes);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    mf_alloc_free(&host->alloc, s);
    mf_host_unref(host);
}

void mf_server_conn_unref(mf_server_conn *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    mayfly_server *server = c->part->server;
    mf_alloc_free(&server->host->alloc, c);
    server_unref(server);
}

void mf_server_changed(mayfly_server *s)
{
    if (!atomic_load(&s->draining))
        return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
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

/* --- connections -----------------------------------------------------------
 */

static void conn_close(mf_server_conn *c)
{
    if (c->is_over)
        return;
    c->is_over = 1;
    mayfly_server *server = c->part->server;
    mf_loop *loop = c->part->loop;
    mf_host_note_heap(server->host);
    loop->activity++;
    mf_host_touch(server->host);
    mf_loop_clear_timer(loop, &c->timer);
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
    mf_server_conn *c =
        (mf_server_conn *)((char *)timer - offsetof(mf_server_conn, timer));
    size_t rest = c->conn.is_blocked ? c->conn.rest_len - c->conn.rest_at : 0;
    if (!mf_h2_has_heard(c->conn.h2) || (rest && rest == c->seen_rest)) {
        conn_close(c);
        return;
    }
    c->seen_rest = rest;
    if (rest)
        mf_loop_set_timer(c->part->loop, timer,
                          c->part->loop->now_ms + PATIENCE_MS, on_patience);
}

static void conn_flush(mf_task *task)
{
    mf_server_conn *c =
        (mf_server_conn *)((char *)task - offsetof(mf_server_conn, flush));
    mf_loop *loop = c->part->loop;
    c->is_dirty = 0;
    if (!c->is_over) {
        int rc = mf_conn_write(&c->conn, loop->out, MF_LOOP_BUFFER, NULL);
        if (rc != 0 || c->conn.is_ended || !mf_h2_alive(c->conn.h2)) {
            conn_close(c);
        } else {
            mf_watch_set(c->watch, mf_conn_wants(&c->conn));
            if (c->conn.is_blocked && !c->timer.is_set) {
                c->seen_rest = 0;
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
static void conn_start(mf_task *task)
{
    mf_server_conn *c =
        (mf_server_conn *)((char *)task - offsetof(mf_server_conn, start));
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
    int rc = mf_conn_init(&c->conn, &server->host->alloc, c->conn.fd, &options,
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

/* --- accepting -------------------------------------------------------------
 */

/* Gives a new connection to the loop that has the fewest. */
static void place(mayfly_server *s, int fd, const struct sockaddr *address,
                  socklen_t len)
{
    if (atomic_fetch_add(&s->n_conns, 1) >= s->options.connections_max ||
        atomic_load(&s->draining))
        goto refuse;
    mf_server_conn *c = mf_alloc_zero(&s->host->alloc, sizeof *c);
    if (!c)
        goto refuse;
    mf_server_part *part = &s->parts[0];
    for (unsigned i = 1; i < s->n_parts; i++)
        if (atomic_load(&s->parts[i].loop->load) <
            atomic_load(&part->loop->load))
            part = &s->parts[i];
    mf_socket_tune(fd, address->sa_family);
    mf_peer_text(address, len, c->conn.peer);
    c->conn.alloc = &s->host->alloc;
    c->conn.fd = fd;
    c->part = part;
    atomic_init(&c->refs, 1);
    atomic_fetch_add(&s->refs, 1);
    atomic_fetch_add(&part->loop->load, 1);
    c->start.run = conn_start;
    c->flush.run = conn_flush;
    if (mf_loop_is_current(part->loop)) {
        conn_start(&c->start);
    } else if (mf_loop_post(part->loop, &c->start) != 0) {
        atomic_fetch_sub(&part->loop->load, 1);
        mf_server_conn_unref(c);
        goto refuse;
    }
    return;
refuse:
    atomic_fetch_sub(&s->n_conns, 1);
    close(fd);
}

static void accept_again(mf_timer *timer);
static void on_accept(void *state, int events);

/* Looks at the socket; where that cannot be had now, later. */
static void listener_watch(mf_listener *l)
{
    mayfly_server *s = l->server;
    mf_loop *loop = s->parts[0].loop;
    if (l->watch ||
        mf_watch_new(loop, l->fd, on_accept, l, &l->watch, NULL) == 0) {
        mf_watch_set(l->watch, MF_READABLE);
        return;
    }
    mf_log_write(&s->host->log, MAYFLY_LOG_WARNING, "server",
                 "the listening socket cannot be watched yet");
    mf_loop_set_timer(loop, &l->rest, loop->now_ms + REST_MS, accept_again);
}

static void accept_again(mf_timer *timer)
{
    listener_watch(
        (mf_listener *)((char *)timer - offsetof(mf_listener, rest)));
}

static void on_accept(void *state, int events)
{
    mf_listener *l = state;
    mayfly_server *s = l->server;
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd = accept4(l->fd, (struct sockaddr *)&address, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            place(s, fd, (const struct sockaddr *)&address, len);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
            errno == ENOMEM) {
            mf_loop *loop = s->parts[0].loop;
            mf_log_write(&s->host->log, MAYFLY_LOG_WARNING, "server",
                         "cannot accept: %s", strerror(errno));
            mf_watch_set(l->watch, 0);
            mf_loop_set_timer(loop, &l->rest, loop->now_ms + REST_MS,
                              accept_again);
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* --- parts -----------------------------------------------------------------
 */

static void listeners_close(mf_server_part *part)
{
    while (part->listeners) {
        mf_listener *l = part->listeners;
        part->listeners = l->next;
        mf_loop_clear_timer(part->loop, &l->rest);
        mf_watch_free(l->watch);
        close(l->fd);
        if (l->unlink_path)
            unlink(l->unlink_path);
        mf_alloc_free(&part->server->host->alloc, l->unlink_path);
        mf_alloc_free(&part->server->host->alloc, l);
    }
}

/* Takes no more connections and calls; those there are go on. */
static void part_drain(mf_task *task)
{
    mf_server_part *part =
        (mf_server_part *)((char *)task - offsetof(mf_server_part, drain_task));
    listeners_close(part);
    for (mf_server_conn *c = part->conns; c; c = c->next) {
        mf_h2_go_away(c->conn.h2);
        mf_server_conn_dirty(c);
    }
    server_unref(part->server);
}

/* Ends every call, says so to the peers, closes. */
static void part_kill(mf_task *task)
{
    mf_server_part *part =
        (mf_server_part *)((char *)task - offsetof(mf_server_part, kill_task));
    listeners_close(part);
    while (part->conns) {
        mf_server_conn *c = part->conns;
        for (mf_h2_stream *s = mf_h2_first(c->conn.h2); s; s = s->next)
            mf_server_call_cancel(mf_call_of(s), MAYFLY_STATUS_UNAVAILABLE);
        mf_h2_go_away(c->conn.h2);
        mf_conn_write(&c->conn, part->loop->out, MF_LOOP_BUFFER, NULL);
        conn_close(c);
    }
    server_unref(part->server);
}

/* One of the two on every loop. Each task has a reference of its own. */
static void post_all(mayfly_server *s, int kill)
{
    for (unsigned i = 0; i < s->n_parts; i++) {
        mf_task *task = kill ? &s->parts[i].kill_task : &s->parts[i].drain_task;
        task->run = kill ? part_kill : part_drain;
        atomic_fetch_add(&s->refs, 1);
        if (mf_loop_post(s->parts[i].loop, task) != 0)
            server_unref(s);
    }
}

/* Waits until `is_done`, or `ms` have passed; UINT32_MAX: for as long as it
 * takes. */
static void wait_for(mayfly_server *s, int (*is_done)(mayfly_server *s),
                     unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
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

static int no_conns(mayfly_server *s)
{
    return atomic_load(&s->n_conns) == 0 && atomic_load(&s->n_running) == 0;
}

/* --- public ----------------------------------------------------------------
 */

static int read_options(const mayfly_server_options *given,
                        mayfly_server_options *o, mayfly_error *err)
{
    *o = (mayfly_server_options){.size = sizeof *o};
    if (given && given->size != sizeof *o)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "server options of an unknown size");
    if (given)
        *o = *given;
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

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
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
    mayfly_server *s = mf_alloc_zero(
        &host->alloc, sizeof *s + host->n_loops * sizeof s->parts[0]);
    mf_routes *routes = s ? mf_routes_new(&host->alloc) : NULL;
    if (!routes) {
        mf_alloc_free(&host->alloc, s);
        return mf_error_nomem(err, "a server");
    }
    s->host = mf_host_ref(host);
    s->options = o;
    s->routes = routes;
    atomic_init(&s->refs, 1);
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->changed);
    s->n_parts = host->n_loops;
    for (unsigned i = 0; i < s->n_parts; i++) {
        s->parts[i].server = s;
        s->parts[i].loop = host->loops[i];
    }
    pthread_mutex_lock(&host->lock);
    s->next = host->servers;
    s->link = &host->servers;
    if (s->next)
        s->next->link = &s->next;
    host->servers = s;
    pthread_mutex_unlock(&host->lock);
    *ret_server = s;
    return 0;
}

static void listener_start(mf_task *task)
{
    mf_listener *l =
        (mf_listener *)((char *)task - offsetof(mf_listener, task));
    mayfly_server *s = l->server;
    mf_server_part *part = &s->parts[0];
    l->next = part->listeners;
    part->listeners = l;
    if (atomic_load(&s->draining))
        listeners_close(part);
    else
        listener_watch(l);
    server_unref(s);
}

/* A unix socket that nobody listens on any more is in the way. */
static void remove_stale(const mf_target *target, const struct sockaddr *at,
                         socklen_t len)
{
    struct stat st;
    if (lstat(target->host, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, at, len) != 0 && errno == ECONNREFUSED)
        unlink(target->host);
    close(fd);
}

static int open_listener(const mf_target *target, const struct sockaddr *at,
                         socklen_t len, int *ret_fd, int *ret_port)
{
    int on = 1;
    int fd =
        socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (target->is_unix)
        remove_stale(target, at, len);
    else
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof bound;
    if (bind(fd, at, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &bound_len) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    *ret_fd = fd;
    *ret_port = mf_sockaddr_port((const struct sockaddr *)&bound);
    return 0;
}

int mayfly_server_listen(mayfly_server *s, const char *address, int *ret_port,
                         mayfly_error *err)
{
    mf_target target;
    mf_addresses found;
    int fd = -1, port = 0;
    if (!s || !address)
        return mf_error_set(err, MAYFLY_EINVAL, "no server or no address");
    int rc = mf_host_check(s->host, err);
    if (rc == 0)
        rc = mf_target_parse(address, &target, err);
    if (rc == 0)
        rc = mf_target_resolve(&target, 1, &found, err);
    if (rc != 0)
        return rc;
    mf_listener *l = mf_alloc_zero(&s->host->alloc, sizeof *l);
    if (!l)
        return mf_error_nomem(err, "a listener");
    if (target.is_unix) {
        l->unlink_path = mf_alloc_strdup(&s->host->alloc, target.host);
        if (!l->unlink_path) {
            mf_alloc_free(&s->host->alloc, l);
            return mf_error_nomem(err, "a listener");
        }
    }
    for (unsigned i = 0; i < found.n && fd < 0; i++)
        open_listener(&target, &found.list[i].at.any, found.list[i].len, &fd,
                      &port);
    if (fd < 0) {
        rc = mf_error_set(err, MAYFLY_EIO, "%s: %s", address, strerror(errno));
        mf_alloc_free(&s->host->alloc, l->unlink_path);
        mf_alloc_free(&s->host->alloc, l);
        return rc;
    }
    l->server = s;
    l->fd = fd;
    l->task.run = listener_start;
    atomic_fetch_add(&s->refs, 1);
    if (mf_loop_post(s->parts[0].loop, &l->task) != 0) {
        close(fd);
        mf_alloc_free(&s->host->alloc, l->unlink_path);
        mf_alloc_free(&s->host->alloc, l);
        server_unref(s);
        return mf_error_set(err, MAYFLY_ECANCELLED, "the host is being freed");
    }
    if (ret_port)
        *ret_port = port;
    return 0;
}

int mf_server_route(mayfly_server *s, const mf_route *route, mayfly_error *err)
{
    if (!s || !route->path || !mf_path_ok(route->path, strlen(route->path)))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "\"%.200s\" is not /package.Service/Method",
                            route->path ? route->path : "");
    int rc = mf_host_check(s->host, err);
    return rc ? rc : mf_routes_add(s->routes, route, err);
}

/* A raw handler and its state. */
typedef struct raw_handler {
    mf_alloc *alloc;
    mayfly_raw_handler_fn handler;
    void *state;
} raw_handler;

static int run_raw(void *state, mayfly_call *call, mayfly_bytes in)
{
    raw_handler *raw = state;
    return raw->handler(raw->state, call, in);
}

static void free_raw(void *state)
{
    raw_handler *raw = state;
    mf_alloc_free(raw->alloc, raw);
}

int mayfly_server_add_raw(mayfly_server *s, const char *path,
                          mayfly_raw_handler_fn handler, void *state,
                          const mayfly_service_options *options,
                          mayfly_error *err)
{
    if (!s || !path || !handler ||
        (options && options->size != sizeof *options))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a route needs a server, a path and a handler");
    raw_handler *raw = mf_alloc_new(&s->host->alloc, sizeof *raw);
    if (!raw)
        return mf_error_nomem(err, "a route");
    *raw = (raw_handler){&s->host->alloc, handler, state};
    mf_route route = {.path = path,
                      .blocking = options && options->blocking,
                      .on_request = run_raw,
                      .state = raw,
                      .release = free_raw};
    int rc = mf_server_route(s, &route, err);
    if (rc != 0)
        mf_alloc_free(&s->host->alloc, raw);
    return rc;
}

void mayfly_server_free(mayfly_server *s, unsigned grace_ms)
{
    if (!s || mf_fork_check(s->host->made_under, NULL) != 0 || mf_loop_on_any())
        return;
    mayfly_host *host = s->host;
    pthread_mutex_lock(&host->lock);
    if (s->link) {
        *s->link = s->next;
        if (s->next)
            s->next->link = s->link;
        s->link = NULL;
    }
    pthread_mutex_unlock(&host->lock);
    if (!atomic_load(&host->stopping)) {
        atomic_store(&s->draining, 1);
        post_all(s, 0);
        if (grace_ms)
            wait_for(s, no_calls, grace_ms);
        post_all(s, 1);
        wait_for(s, no_conns, UINT32_MAX);
    }
    server_unref(s);
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
        post_all(s, 1);
    }
    pthread_mutex_unlock(&host->lock);
}
