/*
 * proxy/server/server.h: a server from the inside; for server.c, listen.c and
 * answer.c.
 */
#ifndef MF_PROXY_SERVER_H
#define MF_PROXY_SERVER_H

#include "proxy/server/accept.h"
#include "proxy/call/call.h"
#include "proxy/transport/conn.h"
#include "proxy/server/routes.h"

#include <mayfly/server.h>

typedef struct mf_listener {
    struct mf_listener *next;
    mayfly_server *server;
    mf_acceptor acceptor;
    mf_task task;
    char *unlink_path; /* a unix socket's; NULL: none */
} mf_listener;

/* What of a server lives on one loop; touched by that loop only. */
typedef struct mf_server_part {
    mayfly_server *server;
    mf_loop *loop;
    struct mf_server_conn *conns;
    mf_listener *listeners; /* on the first loop */
    atomic_uint n_calls;    /* that exist; any thread counts down */
    mf_task drain_task;     /* take no more, let finish */
    mf_task kill_task;      /* end what is left */
} mf_server_part;

typedef struct mf_server_conn {
    mf_conn conn;
    mf_server_part *part;
    atomic_uint refs; /* the part's, and each call's: they name the peer */
    mf_watch *watch;
    mf_task start;      /* brings an accepted descriptor to its loop */
    mf_task flush;      /* at the end of the turn */
    mf_timer timer;     /* a peer that says nothing, or takes nothing */
    uint64_t seen_sent; /* conn.sent when the timer was set */
    uint8_t is_dirty;   /* flush is on its way */
    uint8_t is_over;
    struct mf_server_conn *next;
    struct mf_server_conn **link;
} mf_server_conn;

struct mayfly_server {
    mayfly_host *host;
    atomic_uint refs; /* the user's and each connection's */
    mayfly_server_options options;
    mf_routes *routes;
    mf_chains chains; /* interceptors */
    atomic_uint n_conns;
    atomic_uint n_running; /* handlers on workers */
    atomic_uint n_ending;  /* parts that have not ended yet */
    atomic_int draining;   /* new calls are refused */
    atomic_int killed; /* 1: what is left is being told to end; 2: has been */
    pthread_mutex_t lock;
    pthread_cond_t changed;     /* a count went down while draining */
    struct mayfly_server *next; /* the host's list */
    struct mayfly_server **link;

    /* server_close.c: closing that nobody waits for */
    atomic_int closes;
    atomic_int is_stepping; /* `close_task` is on its way */
    atomic_int has_closed;
    mf_task close_task;
    mf_timer grace;
    unsigned grace_ms;
    void (*closed)(void *state);
    void *closed_state;

    unsigned n_parts;
    mf_server_part parts[]; /* one per loop */
};

extern const mf_h2_events mf_server_events; /* answer.c */

/* Something is to be sent: it will be, at the end of the turn. Loop. */
void mf_server_conn_dirty(mf_server_conn *conn);
void mf_server_conn_unref(mf_server_conn *conn); /* any thread */

/* Takes an accepted descriptor into use; its `start` task. Loop. */
void mf_server_conn_start(mf_task *task);

/* listen.c. Loop. */
void mf_listeners_close(mf_server_part *part);

void mf_server_unref(mayfly_server *server); /* any thread */

/* A count went down: whoever waits for that looks again. Any thread. */
void mf_server_changed(mayfly_server *server);

/* Calls that exist. */
unsigned mf_server_calls(mayfly_server *server);

/* Takes no more connections and calls; ends what is left. Once each; any
 * thread. */
void mf_server_drain(mayfly_server *server);
void mf_server_kill(mayfly_server *server);

/* Nothing runs any more, and no descriptor is left, of one that was killed. */
int mf_server_has_ended(mayfly_server *server);

/* Takes it out of its host's list. */
void mf_server_take_out(mayfly_server *server);

/* server_close.c: the next step of closing, when it is time. Any thread. */
void mf_server_close_step(mayfly_server *server);

/* Closes all servers of a host; returns at once. */
void mf_servers_stop(mayfly_host *host);

#endif
