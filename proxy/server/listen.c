/*
 * Listening, and giving each new connection to a loop.
 *
 * One loop accepts and hands each connection to the loop that has the fewest:
 * that keeps them even where letting the kernel choose would leave loops idle,
 * and costs microseconds per connection.
 *
 * What stays true: listeners are in the list of the server's first part, which
 * its loop alone touches.
 */
#include "proxy/server/server.h"

#include "base/error.h"
#include "base/owner.h"
#include "proxy/transport/address.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

/* Gives a new connection to the loop that has the fewest. */
static void place(void *state, int fd, const struct sockaddr *address,
                  socklen_t len)
{
    mayfly_server *s = state;
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
    c->start.run = mf_server_conn_start;
    if (mf_loop_is_current(part->loop)) {
        mf_server_conn_start(&c->start);
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

void mf_listeners_close(mf_server_part *part)
{
    while (part->listeners) {
        mf_listener *l = part->listeners;
        part->listeners = l->next;
        mf_acceptor_stop(&l->acceptor);
        mf_loop_let_go(part->loop);
        if (l->unlink_path)
            unlink(l->unlink_path);
        mf_alloc_free(&part->server->host->alloc, l->unlink_path);
        mf_alloc_free(&part->server->host->alloc, l);
    }
}

static void listener_start(mf_task *task)
{
    mf_listener *l = MF_OWNER(task, mf_listener, task);
    mayfly_server *s = l->server;
    mf_server_part *part = &s->parts[0];
    l->next = part->listeners;
    part->listeners = l;
    mf_loop_hold(part->loop);
    if (atomic_load(&s->draining))
        mf_listeners_close(part);
    else
        mf_acceptor_start(&l->acceptor);
    mf_server_unref(s);
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
    l->acceptor = (mf_acceptor){.loop = s->parts[0].loop,
                                .fd = fd,
                                .log = &s->host->log,
                                .owner = "server",
                                .accepted = place,
                                .state = s};
    l->task.run = listener_start;
    atomic_fetch_add(&s->refs, 1);
    if (mf_loop_post(s->parts[0].loop, &l->task) != 0) {
        close(fd);
        mf_alloc_free(&s->host->alloc, l->unlink_path);
        mf_alloc_free(&s->host->alloc, l);
        mf_server_unref(s);
        return mf_error_set(err, MAYFLY_ECANCELLED, "the host is being freed");
    }
    if (ret_port)
        *ret_port = port;
    return 0;
}
