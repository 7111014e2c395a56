/*
 * proxy/admin/admin_conn.c: a connection of an admin socket.
 *
 * A line is read, handed to a thread that answers it, and the answer is
 * written; then the next line is looked at. While a request is answered nothing
 * is read, so a peer that sends ahead fills its socket and no memory of ours. A
 * peer that has sent its last line gets its answer before the connection is
 * closed.
 *
 * What stays true: a connection is its loop's, but for `in`, `out` and `line`,
 * which are the answering thread's from `begin` until it has posted `finish`.
 * One that is closed meanwhile loses its socket at once and its memory there.
 *
 * Threads: the loop's, and one that answers.
 */
#include "proxy/admin/admin.h"

#include "base/error.h"
#include "base/owner.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    KEPT_ROOM = 64 * 1024, /* more is given back after a request */
    READS_MAX = 4          /* buffers read in one turn */
};

typedef struct mf_admin_conn {
    mayfly_admin *admin; /* a reference */
    int fd;
    mf_admin_peer peer;
    mf_watch *watch;
    mf_timer timer; /* for a request to come, for an answer to be taken */
    mf_task task;   /* carries a request to a thread, and the answer back */
    mf_buf in, out;
    size_t line;        /* bytes of `in` that are the request, with its end */
    size_t sent;        /* of `out` */
    uint8_t is_running; /* a thread answers */
    uint8_t has_ended;  /* the peer will send no more */
    uint8_t is_last;    /* close when the answer is out */
    uint8_t is_over;
    struct mf_admin_conn *next, **link;
} mf_admin_conn;

static void free_conn(mf_admin_conn *c)
{
    mf_buf_done(&c->in);
    mf_buf_done(&c->out);
    mayfly_admin *admin = c->admin;
    mf_alloc_free(&admin->host->alloc, c);
    mf_admin_unref(admin);
}

static void close_conn(mf_admin_conn *c)
{
    mayfly_admin *admin = c->admin;
    if (c->is_over)
        return;
    c->is_over = 1;
    mf_loop_clear_timer(admin->acceptor.loop, &c->timer);
    mf_watch_free(c->watch);
    close(c->fd);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    admin->n_conns--;
    if (!c->is_running)
        free_conn(c);
}

void mf_admin_conns_close(mayfly_admin *admin)
{
    while (admin->conns)
        close_conn(admin->conns);
}

/* --- a request ---------------------------------------------------------------
 */

static void go_on(mf_admin_conn *c);

static void give_back(mf_buf *b)
{
    if (b->cap > KEPT_ROOM && b->len == 0) {
        size_t max = b->max;
        mf_alloc *alloc = b->alloc;
        mf_buf_done(b);
        mf_buf_init(b, alloc, max);
    }
}

/* Takes the line off that was answered. */
static void take_line(mf_admin_conn *c)
{
    memmove(c->in.ptr, c->in.ptr + c->line, c->in.len - c->line);
    c->in.len -= c->line;
    c->line = 0;
    give_back(&c->in);
}

/* The answer has come to the loop. */
static void finish(mf_task *task)
{
    mf_admin_conn *c = MF_OWNER(task, mf_admin_conn, task);
    mayfly_admin *admin = c->admin;
    mf_loop_let_go(admin->acceptor.loop);
    c->is_running = 0;
    if (c->is_over) {
        free_conn(c);
        return;
    }
    take_line(c);
    c->is_last |= c->out.failed != 0; /* no memory for an answer */
    go_on(c);
}

/* On a thread that may wait. */
static void run(mf_task *task)
{
    mf_admin_conn *c = MF_OWNER(task, mf_admin_conn, task);
    mayfly_admin *admin = c->admin;
    mf_loop *loop = admin->acceptor.loop;
    mayfly_str line = {(const char *)c->in.ptr, c->line - 1};
    if (!atomic_load(&admin->is_closing))
        mf_admin_answer(admin, &c->peer, line, &c->out);
    mf_buf_put_byte(&c->out, '\n');
    task->run = finish;
    atomic_fetch_add(&admin->refs, 1);
    mf_loop_post(loop, task); /* loops stop after these threads */
    mf_admin_running(admin, 0);
    mf_admin_unref(admin);
}

static void begin(mf_admin_conn *c)
{
    mayfly_admin *admin = c->admin;
    mayfly_error err = MAYFLY_ERROR_INIT;
    c->is_running = 1;
    c->task.run = run;
    mf_loop_clear_timer(admin->acceptor.loop, &c->timer);
    mf_watch_set(c->watch, 0);
    mf_admin_running(admin, 1);
    mf_loop_hold(admin->acceptor.loop);
    if (mf_workers_push(admin->host->admin_workers, &c->task) == 0)
        return;
    mf_admin_running(admin, 0);
    mf_error_set(&err, MAYFLY_EIO, "no thread can be made to answer");
    mf_admin_write_error(&err, &c->out);
    mf_buf_put_byte(&c->out, '\n');
    finish(&c->task);
}

/* --- bytes -------------------------------------------------------------------
 */

static void on_time(mf_timer *timer);

/* What the peer has to do now, and in time. */
static void await(mf_admin_conn *c, int events)
{
    mayfly_admin *admin = c->admin;
    mf_loop *loop = admin->acceptor.loop;
    mf_watch_set(c->watch, events);
    if (!c->timer.is_set)
        mf_loop_set_timer(loop, &c->timer,
                          loop->now_ms + admin->options.timeout_ms, on_time);
}

/* Returns 0, or -1: nobody takes it any more. */
static int send_out(mf_admin_conn *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.ptr + c->sent, c->out.len - c->sent,
                         MSG_NOSIGNAL);
        if (n >= 0)
            c->sent += (size_t)n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 0;
        else if (errno != EINTR)
            return -1;
    }
    mf_buf_clear(&c->out);
    give_back(&c->out);
    c->sent = 0;
    mf_loop_clear_timer(c->admin->acceptor.loop, &c->timer);
    return 0;
}

/* A line that there is no room for. */
static void refuse_line(mf_admin_conn *c)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (c->in.failed == MAYFLY_ENOMEM)
        mf_error_nomem(&err, "a request");
    else
        mf_error_set(&err, MAYFLY_ELIMIT, "a request of more than %zu bytes",
                     c->admin->options.request_bytes_max);
    mf_admin_write_error(&err, &c->out);
    mf_buf_put_byte(&c->out, '\n');
    c->in.len = 0;
    c->is_last = 1;
}

/* The next step: an answer out, a request in, or the end. */
static void go_on(mf_admin_conn *c)
{
    for (;;) {
        if (c->out.len && send_out(c) != 0)
            break;
        if (c->out.len) {
            await(c, MF_WRITABLE);
            return;
        }
        if (c->is_last)
            break;
        const uint8_t *end =
            c->in.len ? memchr(c->in.ptr, '\n', c->in.len) : NULL;
        size_t n = end ? (size_t)(end - c->in.ptr) : c->in.len;
        if (c->in.failed || n > c->admin->options.request_bytes_max) {
            refuse_line(c);
            continue;
        }
        if (end) {
            c->line = n + 1;
            begin(c);
            return;
        }
        if (c->has_ended)
            break;
        await(c, MF_READABLE);
        return;
    }
    close_conn(c);
}

/* Returns 0, or -1: the connection is broken. */
static int read_in(mf_admin_conn *c)
{
    mf_loop *loop = c->admin->acceptor.loop;
    size_t max = c->admin->options.request_bytes_max;
    for (int i = 0; i < READS_MAX && c->in.len <= max; i++) {
        ssize_t n = recv(c->fd, loop->in, MF_LOOP_BUFFER, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
        if (n == 0) {
            c->has_ended = 1;
            return 0;
        }
        mf_buf_put(&c->in, loop->in, (size_t)n);
    }
    return 0;
}

/* What came in time may not have been read: the loop may have been busy. */
static void on_time(mf_timer *timer)
{
    mf_admin_conn *c = MF_OWNER(timer, mf_admin_conn, timer);
    if (c->out.len == 0 && read_in(c) == 0 && c->in.len &&
        memchr(c->in.ptr, '\n', c->in.len))
        go_on(c);
    else
        close_conn(c);
}

static void on_ready(void *state, int events)
{
    mf_admin_conn *c = state;
    if (c->is_running)
        return;
    if (c->out.len == 0 && events & MF_READABLE && read_in(c) != 0)
        close_conn(c);
    else
        go_on(c);
}

void mf_admin_conn_start(mayfly_admin *admin, int fd, const mf_admin_peer *peer)
{
    mf_alloc *alloc = &admin->host->alloc;
    mf_loop *loop = admin->acceptor.loop;
    mf_admin_conn *c = mf_alloc_zero(alloc, sizeof *c);
    if (!c || mf_watch_new(loop, fd, on_ready, c, &c->watch, NULL) != 0) {
        mf_alloc_free(alloc, c);
        close(fd);
        return;
    }
    c->admin = admin;
    atomic_fetch_add(&admin->refs, 1);
    c->fd = fd;
    c->peer = *peer;
    mf_buf_init(&c->in, alloc,
                admin->options.request_bytes_max + MF_LOOP_BUFFER);
    mf_buf_init(&c->out, alloc, 0);
    c->next = admin->conns;
    c->link = &admin->conns;
    if (c->next)
        c->next->link = &c->next;
    admin->conns = c;
    admin->n_conns++;
    await(c, MF_READABLE);
}
