/*
 * mayfly/admin.h: looking into a running host, and changing its units.
 *
 * An admin socket is a unix socket of the host on which `mayfly stat`, `why`,
 * `top`, `load`, `swap` and `unload` ask and order. It speaks one line of JSON
 * each way (docs/admin.md), so any other program can.
 *
 *     mayfly_admin *admin;
 *     mayfly_admin_listen(host, "/run/hello/admin.sock", NULL, &admin, &err);
 *     ...
 *     mayfly_admin_close(admin);
 *
 * Who may: whoever the socket's permissions let connect (`mode`, `gid`), and
 * whom the kernel then names as the process's own user, as root, or as one of
 * `uids` or `gid`. Whoever may load source may run code in the process.
 *
 * The host's first loop accepts and reads; what a request asks for is done on
 * threads of its own, so neither calls nor other requests wait for it. What a
 * peer may take is bounded: connections, bytes and time. An admin socket does
 * not keep uv_run of a loop of yours from returning.
 *
 * Threads: every function may be called from any thread.
 */
#ifndef MAYFLY_ADMIN_H
#define MAYFLY_ADMIN_H

#include <mayfly/error.h>
#include <mayfly/host.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_admin mayfly_admin;

typedef struct mayfly_admin_options {
    size_t size;    /* set by MAYFLY_ADMIN_OPTIONS */
    unsigned mode;  /* of the socket; 0: 0600, or 0660 with a `gid` */
    unsigned gid;   /* a group whose members may, too: the socket becomes that
                       group's. 0: none */
    const unsigned *uids; /* users who may beside the process's own and root;
                             `mode` has to let them connect. Copied */
    size_t n_uids;
    size_t request_bytes_max; /* of a line; 0: 16 MiB */
    unsigned connections_max; /* at a time; 0: 16 */
    unsigned timeout_ms; /* in which a request has come from beginning to end,
                            an answer been taken; 0: 30,000 */
} mayfly_admin_options;

#define MAYFLY_ADMIN_OPTIONS(...)      \
    (&(mayfly_admin_options){          \
        .size = sizeof(mayfly_admin_options), __VA_ARGS__ })

/*
 * Opens an admin socket at `path` ("PATH" or "unix:PATH"). The name appears with
 * its permissions in place and when somebody already listens behind it. A socket
 * that nobody listens on, left by a process that died, is replaced; anything else
 * of that name is not.
 *
 * Errors: EINVAL (a path too long for a socket, an option), EEXIST (the name is
 * in use), EIO (which says why), ENOMEM, ECANCELLED, EFORKED.
 */
MAYFLY_API int mayfly_admin_listen(mayfly_host *host, const char *path,
                                   const mayfly_admin_options *options,
                                   mayfly_admin **ret_admin, mayfly_error *err);

/*
 * Closes it, takes its name away if it is still its own, ends its connections,
 * and waits for what their requests are at; on a loop thread it does not wait.
 * mayfly_host_free does the same, but the handle stays to be closed, before or
 * after. Must not be called by code that a request runs. NULL is allowed.
 */
MAYFLY_API void mayfly_admin_close(mayfly_admin *admin);

MAYFLY_END

#endif
