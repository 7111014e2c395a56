/*
 * proxy/admin/admin.c: the handle of an admin socket, and who may connect.
 *
 * Everything of it lives on the host's first loop but the threads that answer,
 * which are a few of the host's own, apart from those of its handlers: what
 * holds a context can be asked when every worker hangs.
 *
 * It ends once, by its user or by its host: `is_closing` says who. The loop's
 * part ends in a task, where the name goes away and connections are closed;
 * requests that are answered are waited for by whoever may wait.
 *
 * What stays true: the handle's memory goes with its last reference: the
 * user's, the loop's (until that part has ended), one per connection. So it may
 * be closed after its host was freed.
 *
 * Threads: any.
 */
#include "proxy/admin/admin.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"
#include "base/owner.h"

#include <string.h>
#include <unistd.h>

enum {
    REQUEST_BYTES = 16 * 1024 * 1024,
    CONNECTIONS = 16,
    TIMEOUT_MS = 30000,
    MODE_MAX = 0777,
    GROUPS_MAX = 65536 /* that the kernel lets a process be in */
};

void mf_admin_unref(mayfly_admin *a)
{
    if (atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) != 1)
        return;
    mayfly_host *host = a->host;
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    mf_alloc_free(&host->alloc, a->uids);
    mf_alloc_free(&host->alloc, a);
    mf_host_unref(host);
}

void mf_admin_running(mayfly_admin *a, int more)
{
    pthread_mutex_lock(&a->lock);
    a->n_running += more ? 1 : (unsigned)-1;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* --- who may -----------------------------------------------------------------
 */

static int is_in_group(mayfly_admin *a, int fd)
{
    gid_t few[64], *groups = few;
    socklen_t bytes = sizeof few;
    int found = 0;
    int code = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes);
    if (code != 0 && bytes > sizeof few &&
        bytes <= GROUPS_MAX * sizeof few[0]) {
        groups = mf_alloc_new(&a->host->alloc, bytes);
        if (!groups)
            return 0;
        code = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes);
    }
    for (size_t i = 0; code == 0 && i < bytes / sizeof *groups; i++)
        found |= groups[i] == (gid_t)a->options.gid;
    if (groups != few)
        mf_alloc_free(&a->host->alloc, groups);
    return found;
}

static int may(mayfly_admin *a, int fd, const struct ucred *peer)
{
    if (peer->uid == geteuid() || peer->uid == 0)
        return 1;
    for (size_t i = 0; i < a->options.n_uids; i++)
        if (a->uids[i] == peer->uid)
            return 1;
    return a->options.gid &&
           (peer->gid == (gid_t)a->options.gid || is_in_group(a, fd));
}

/* One line, if it can be had at once, and no more. */
static void turn_away(mayfly_admin *a, int fd, const mayfly_error *err)
{
    mf_buf line;
    mf_buf_init(&line, &a->host->alloc, 0);
    mf_admin_write_error(err, &line);
    mf_buf_put_byte(&line, '\n');
    if (!line.failed &&
        send(fd, line.ptr, line.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        mf_buf_clear(&line); /* it need not be told */
    mf_buf_done(&line);
    close(fd);
}

static void on_accepted(void *state, int fd, const struct sockaddr *address,
                        socklen_t len)
{
    mayfly_admin *a = state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    struct ucred peer = {0};
    socklen_t bytes = sizeof peer;
    (void)address;
    (void)len;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) {
        close(fd);
        return;
    }
    if (!may(a, fd, &peer)) {
        mf_log_write(&a->host->log, MAYFLY_LOG_WARNING, "admin",
                     "user %u (process %ld) was turned away",
                     (unsigned)peer.uid, (long)peer.pid);
        mf_error_set(&err, MAYFLY_EREFUSED, "user %u may not",
                     (unsigned)peer.uid);
    } else if (a->n_conns >= a->options.connections_max) {
        mf_error_set(&err, MAYFLY_ELIMIT, "%u connections are open",
                     a->n_conns);
    }
    if (err.code != 0)
        turn_away(a, fd, &err);
    else
        mf_admin_conn_start(
            a, fd, &(mf_admin_peer){(long)peer.pid, (unsigned)peer.uid});
}

/* --- the loop's part ---------------------------------------------------------
 */

static void start(mf_task *task)
{
    mayfly_admin *a = MF_OWNER(task, mayfly_admin, start_task);
    mf_acceptor_start(&a->acceptor);
}

/* Runs after `start`, for tasks run in their order. */
static void end(mf_task *task)
{
    mayfly_admin *a = MF_OWNER(task, mayfly_admin, close_task);
    mf_admin_socket_remove(&a->host->alloc, &a->socket);
    mf_acceptor_stop(&a->acceptor);
    mf_admin_conns_close(a);
    pthread_mutex_lock(&a->lock);
    a->is_closed = 1;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    mf_admin_unref(a);
}

/* Has it end, once. */
static void begin_end(mayfly_admin *a)
{
    if (atomic_exchange(&a->is_closing, 1))
        return;
    a->close_task.run = end;
    mf_loop_post(a->acceptor.loop, &a->close_task); /* the host ends after it */
}

/* --- the host's list ---------------------------------------------------------
 */

static void take_out(mayfly_admin *a)
{
    pthread_mutex_lock(&a->host->lock);
    if (a->link) {
        *a->link = a->next;
        if (a->next)
            a->next->link = a->link;
        a->link = NULL;
    }
    pthread_mutex_unlock(&a->host->lock);
}

void mf_admins_stop(mayfly_host *host)
{
    pthread_mutex_lock(&host->lock);
    while (host->admins) {
        mayfly_admin *a = host->admins;
        host->admins = a->next;
        if (a->next)
            a->next->link = &host->admins;
        a->link = NULL;
        begin_end(a);
    }
    pthread_mutex_unlock(&host->lock);
}

/* --- public ------------------------------------------------------------------
 */

static int read_options(const mayfly_admin_options *given,
                        mayfly_admin_options *o, mayfly_error *err)
{
    *o = (mayfly_admin_options){.size = sizeof *o};
    int code = mf_options_read(o, sizeof *o, given, "admin options", err);
    if (code != 0)
        return code;
    if (o->mode > MODE_MAX || (o->n_uids && !o->uids) ||
        o->request_bytes_max > INT32_MAX)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "an admin socket's mode is 0777 at the most, a "
                            "request 2 GiB");
    o->mode = o->mode ? o->mode : o->gid ? 0660 : 0600;
    o->request_bytes_max =
        o->request_bytes_max ? o->request_bytes_max : REQUEST_BYTES;
    o->connections_max = o->connections_max ? o->connections_max : CONNECTIONS;
    o->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
    return 0;
}

static mayfly_admin *make(mayfly_host *host, const mayfly_admin_options *o)
{
    mayfly_admin *a = mf_alloc_zero(&host->alloc, sizeof *a);
    size_t bytes = o->n_uids * sizeof *o->uids;
    unsigned *uids = bytes ? mf_alloc_new(&host->alloc, bytes) : NULL;
    if (!a || (bytes && !uids)) {
        mf_alloc_free(&host->alloc, uids);
        mf_alloc_free(&host->alloc, a);
        return NULL;
    }
    if (bytes)
        memcpy(uids, o->uids, bytes);
    a->host = mf_host_ref(host);
    a->options = *o;
    a->options.uids = NULL;
    a->uids = uids;
    atomic_init(&a->refs, 2); /* the user's and the loop's */
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    return a;
}

/* Into the host's list, and to the loop. */
static int put_in(mayfly_admin *a, mayfly_error *err)
{
    mayfly_host *host = a->host;
    pthread_mutex_lock(&host->lock);
    int code =
        mf_host_check(host, err); /* mf_admins_stop sees it, or it that */
    if (code == 0) {
        a->start_task.run = start;
        code = mf_loop_post(a->acceptor.loop, &a->start_task);
    }
    if (code == 0) {
        a->next = host->admins;
        a->link = &host->admins;
        if (a->next)
            a->next->link = &a->next;
        host->admins = a;
    }
    pthread_mutex_unlock(&host->lock);
    return code;
}

int mayfly_admin_listen(mayfly_host *host, const char *path,
                        const mayfly_admin_options *options,
                        mayfly_admin **ret_admin, mayfly_error *err)
{
    mayfly_admin_options o;
    int fd = -1;
    if (!host || !path || !ret_admin)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "an admin socket needs a host and a path");
    int code = mf_host_check(host, err);
    if (code == 0)
        code = read_options(options, &o, err);
    if (code != 0)
        return code;
    mayfly_admin *a = make(host, &o);
    if (!a)
        return mf_error_nomem(err, "an admin socket");
    if (strncmp(path, "unix:", 5) == 0)
        path += 5;
    code = mf_admin_socket_open(&host->alloc, path, (mode_t)o.mode, o.gid,
                                &a->socket, &fd, err);
    a->acceptor = (mf_acceptor){.loop = host->loops[0],
                                .fd = fd,
                                .log = &host->log,
                                .owner = "admin",
                                .accepted = on_accepted,
                                .state = a};
    if (code == 0)
        code = put_in(a, err);
    if (code == 0) {
        *ret_admin = a;
        return 0;
    }
    mf_admin_socket_remove(&host->alloc, &a->socket);
    if (fd >= 0)
        close(fd);
    atomic_store(&a->refs, 1);
    mf_admin_unref(a);
    return code;
}

void mayfly_admin_close(mayfly_admin *a)
{
    if (!a || mf_fork_check(a->host->made_under, NULL) != 0)
        return;
    take_out(a);
    begin_end(a);
    if (!mf_host_on_loop(a->host)) {
        pthread_mutex_lock(&a->lock);
        while (!a->is_closed || a->n_running)
            pthread_cond_wait(&a->changed, &a->lock);
        pthread_mutex_unlock(&a->lock);
    }
    mf_admin_unref(a);
}
