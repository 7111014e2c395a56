/*
 * proxy/server/accept.c: taking connections from a listening socket.
 *
 * When descriptors run out it pauses instead of turning in circles: the socket
 * stays readable as long as somebody waits.
 *
 * Threads: the loop's.
 */
#include "proxy/server/accept.h"

#include "base/owner.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    ACCEPTS_MAX = 64, /* in one turn */
    REST_MS = 100     /* before accepting again without descriptors */
};

static void accept_again(mf_timer *timer)
{
    mf_acceptor_start(MF_OWNER(timer, mf_acceptor, rest));
}

static void rest(mf_acceptor *a)
{
    mf_loop_set_timer(a->loop, &a->rest, a->loop->now_ms + REST_MS,
                      accept_again);
}

static void on_accept(void *state, int events)
{
    mf_acceptor *a = state;
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd = accept4(a->fd, (struct sockaddr *)&address, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            a->accepted(a->state, fd, (const struct sockaddr *)&address, len);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
            errno == ENOMEM) {
            mf_log_write(a->log, MAYFLY_LOG_WARNING, a->owner,
                         "cannot accept: %s", strerror(errno));
            mf_watch_set(a->watch, 0);
            rest(a);
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* Looks at the socket; where that cannot be had now, later. */
void mf_acceptor_start(mf_acceptor *a)
{
    if (a->watch ||
        mf_watch_new(a->loop, a->fd, on_accept, a, &a->watch, NULL) == 0) {
        mf_watch_set(a->watch, MF_READABLE);
        return;
    }
    mf_log_write(a->log, MAYFLY_LOG_WARNING, a->owner,
                 "the listening socket cannot be watched yet");
    rest(a);
}

void mf_acceptor_stop(mf_acceptor *a)
{
    mf_loop_clear_timer(a->loop, &a->rest);
    mf_watch_free(a->watch);
    close(a->fd);
}
