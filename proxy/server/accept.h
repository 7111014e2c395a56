/*
 * proxy/server/accept.h: a listening socket on a loop.
 */
#ifndef MF_PROXY_ACCEPT_H
#define MF_PROXY_ACCEPT_H

#include "base/log.h"
#include "proxy/transport/loop.h"

#include <sys/socket.h>

typedef struct mf_acceptor {
    /* filled in by its owner */
    mf_loop *loop;
    int fd;
    const mf_log *log;
    const char *owner; /* in the log */
    /* Gets each descriptor: not blocking, close-on-exec, its own from then on.
     * Loop. */
    void (*accepted)(void *state, int fd, const struct sockaddr *address,
                     socklen_t len);
    void *state;

    mf_watch *watch;
    mf_timer rest; /* no descriptors are left: pause */
} mf_acceptor;

void mf_acceptor_start(mf_acceptor *acceptor); /* loop */
/* Closes the socket. Loop, once. */
void mf_acceptor_stop(mf_acceptor *acceptor);

#endif
