/*
 * proxy/admin/admin.h: an admin socket from the inside.
 *
 *   admin.c          the handle, and who may connect
 *   admin_socket.c   the name of the socket, in place and away
 *   admin_conn.c     a connection: lines in, lines out
 *   admin_request.c  a line read
 *   admin_reply.c    a line answered: the envelope, errors, findings
 *   admin_stat.c, admin_change.c   what is asked for
 */
#ifndef MF_PROXY_ADMIN_H
#define MF_PROXY_ADMIN_H

#include "base/arena.h"
#include "base/json.h"
#include "proxy/server/accept.h"
#include "proxy/host/host.h"

#include <mayfly/admin.h>
#include <mayfly/context.h>

#include <sys/types.h>

/* --- admin_socket.c --- */

typedef struct mf_admin_socket {
    char *path; /* absolute, so that the name is found again */
    dev_t dev;  /* what was put there */
    ino_t ino;
} mf_admin_socket;

/* Binds, listens, and puts the name in place. `ret_fd` does not block. Errors:
 * those of mayfly_admin_listen. */
int mf_admin_socket_open(mf_alloc *alloc, const char *path, mode_t mode,
                         unsigned gid, mf_admin_socket *ret, int *ret_fd,
                         mayfly_error *err);
/* Takes the name away if it is still this socket's. Once; zeroes it. */
void mf_admin_socket_remove(mf_alloc *alloc, mf_admin_socket *socket);

/* --- admin.c --- */

struct mf_admin_conn;

/* As the kernel names it. */
typedef struct mf_admin_peer {
    long process;
    unsigned uid;
} mf_admin_peer;

struct mayfly_admin {
    mayfly_host *host; /* a reference */
    atomic_uint refs;  /* the user's, the loop's, each connection's */
    mayfly_admin_options options; /* with the defaults filled in */
    unsigned *uids;
    mf_acceptor acceptor;
    mf_admin_socket socket;
    mf_task start_task, close_task;
    atomic_int is_closing;

    /* loop */
    struct mf_admin_conn *conns;
    unsigned n_conns;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    unsigned n_running; /* requests */
    int is_closed;      /* the loop's part is over */

    mayfly_admin *next, **link; /* the host's list */
};

void mf_admin_unref(mayfly_admin *admin);
/* A request begins on a thread of its own, and has ended. */
void mf_admin_running(mayfly_admin *admin, int more);

/* --- admin_conn.c --- */

/* Takes an accepted descriptor over. Loop. */
void mf_admin_conn_start(mayfly_admin *admin, int fd,
                         const mf_admin_peer *peer);
void mf_admin_conns_close(mayfly_admin *admin); /* loop */

/* --- admin_request.c --- */

enum mf_admin_command {
    MF_ADMIN_STAT,
    MF_ADMIN_WHY,
    MF_ADMIN_LOAD,
    MF_ADMIN_SWAP,
    MF_ADMIN_UNLOAD,
    MF_ADMIN_COMMANDS
};

typedef struct mf_admin_texts {
    const char **items;
    size_t n;
} mf_admin_texts;

typedef struct mf_admin_sources {
    mayfly_source *items;
    size_t n;
} mf_admin_sources;

/* A request. Everything is in its arena; texts are zero-terminated. */
typedef struct mf_admin_request {
    enum mf_admin_command command;
    const char *unit;            /* NULL: none. "name" or "name@version" */
    const char *version;         /* a label or a number; NULL: none */
    const char *path;            /* of a schema, absolute; NULL: none */
    mayfly_source schema;        /* `text` NULL: none */
    mf_admin_sources files;      /* what it imports */
    mf_admin_texts include_dirs; /* absolute */
    mf_admin_sources handlers;
    mf_admin_texts header_dirs; /* absolute */
    uint64_t wait_ms;
    int has_wait;
    int force, keep;
    int text; /* the answer for people, too */
} mf_admin_request;

enum { MF_ADMIN_PROTOCOL = 1, MF_ADMIN_WAIT_MS_MAX = 60000 };

const char *mf_admin_command_name(enum mf_admin_command command);

/* Errors: EJSON (with the place), EINVAL (what it says), EUNSUPPORTED (another
 * protocol), ELIMIT, ENOMEM. */
int mf_admin_request_read(mayfly_str line, mayfly_arena *arena,
                          mf_admin_request *ret, mayfly_error *err);

/* --- admin_reply.c --- */

/* An answer that is being written. Within a command's function, `json` stands
 * in the object that is the result. */
typedef struct mf_admin_reply {
    mayfly_admin *admin;
    mayfly_host *host;
    mf_json json;
    mf_buf findings; /* of sources, as JSON objects with commas between */
    unsigned n_findings;
} mf_admin_reply;

/* Answers a line: one line, without its end. */
void mf_admin_answer(mayfly_admin *admin, const mf_admin_peer *peer,
                     mayfly_str line, mf_buf *out);
/* The line of an error, without its end. */
void mf_admin_write_error(const mayfly_error *err, mf_buf *out);

/* JSON that somebody else has written, on one line. */
void mf_admin_put_json(mf_json *j, const char *name, const char *json);

/* A mayfly_diagnostic_fn; `state` is the reply. */
void mf_admin_finding(void *state, const mayfly_diagnostic *diagnostic);

/* --- what is asked for: 0, or an error, and then the result is not shown ---
 */

int mf_admin_stat(mf_admin_reply *r, const mf_admin_request *q,
                  mayfly_error *err);
int mf_admin_why(mf_admin_reply *r, const mf_admin_request *q,
                 mayfly_error *err);
int mf_admin_load(mf_admin_reply *r, const mf_admin_request *q,
                  mayfly_error *err);
int mf_admin_swap(mf_admin_reply *r, const mf_admin_request *q,
                  mayfly_error *err);
int mf_admin_unload(mf_admin_reply *r, const mf_admin_request *q,
                    mayfly_error *err);

#endif
