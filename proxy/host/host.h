/*
 * proxy/host/host.h: what the root object consists of.
 *
 * host.c makes it, host_end.c ends it; the loading side (load.c) keeps its
 * compiler and its list of contexts in it and is told through mf_host_part when
 * to begin, to trim and to end.
 */
#ifndef MF_PROXY_HOST_H
#define MF_PROXY_HOST_H

#include "base/alloc.h"
#include "base/counts.h"
#include "base/grace.h"
#include "base/log.h"
#include "base/map.h"
#include "compiler/unit.h"
#include "proxy/transport/large.h"
#include "proxy/transport/loop.h"
#include "proxy/host/preset.h"
#include "proxy/transport/workers.h"

#include <mayfly/call.h>
#include <mayfly/host.h>

#include <pthread.h>

struct mayfly_host {
    atomic_uint
        refs; /* the user's, and one per server, channel, call, context */
    mf_alloc alloc;
    mf_large large; /* in front of it, for calls */
    mf_log log;
    mf_counts *counts;           /* of registrations */
    mf_grace *grace;             /* for what calls look up: routes, units */
    mayfly_host_options options; /* a copy, with the defaults filled in */
    mf_tuning tuning;            /* what its preset says of the rest */
    mayfly_limits limits;        /* under `lock`; see limits.c */
    unsigned made_under;         /* mf_fork_generation when it was made */
    atomic_int stopping;         /* mayfly_host_free has begun */
    int uses_malloc;             /* the heap is the process's own */

    mf_loop **loops;
    unsigned n_loops;
    mf_workers *workers;       /* blocking handlers */
    mf_workers *resolver;      /* names of hosts, which may take seconds */
    mf_workers *admin_workers; /* what admin sockets are asked */

    pthread_mutex_t lock; /* for the lists that follow */
    struct mayfly_server *servers;
    struct mayfly_channel *channels;
    struct mayfly_admin *admins;
    struct mayfly_pool *pools;
    unsigned pools_trimmed;  /* how often */
    mf_map *shared_channels; /* by what makes them distinct; NULL: none yet */

    /* Idle trim of what belongs to no loop: armed by mf_host_touch. */
    atomic_uint touched;
    atomic_int tick_armed;
    mf_task tick_task;
    mf_timer tick;
    unsigned tick_seen;
    uint64_t
        tick_activity; /* of the first loop, when it was armed or last ran */
    mf_task tick_work; /* trims on a worker, where that loop is in use */
    atomic_int is_trimming; /* it is on its way */
    atomic_size_t
        trim_due; /* bytes freed since malloc was asked to give back */

    /* A loop that is not ours: its trim, and its end (host_end.c). */
    mf_task trim_task;
    atomic_int trim_asked;
    mf_task end_begins, end_goes_on;
    atomic_int n_leaving; /* kinds of workers that have not left */
    void (*ended)(void *state);
    void *ended_state;

    /* The loading side's. `contexts` is guarded by `lock`. */
    mf_compiler compiler;
    int has_compiler;
    void *contexts;
    struct mf_exports *exports;   /* guarded by `lock`; or NULL */
    struct mf_units *units;       /* the cache of versions */
    struct mf_units_clock *clock; /* its timer, and what it posts */
};

/*
 * A part that lives in the host without the transport knowing it. `begin` runs
 * at the end of mayfly_host_new; `stop` in mayfly_host_free when servers and
 * channels are closed and no handler runs, but while the loops still do; `done`
 * when the last reference goes; `trim` (any thread) in mayfly_host_trim and
 * when the host was idle after mf_host_touch. Members may be NULL.
 */
typedef struct mf_host_part {
    int (*begin)(mayfly_host *host, mayfly_error *err);
    void (*stop)(mayfly_host *host);
    void (*done)(mayfly_host *host);
    void (*trim)(mayfly_host *host);
} mf_host_part;

/* Defined by load.c. A program that loads nothing does not link it. */
extern const mf_host_part mf_host_loading __attribute__((weak));

/* Has all admin sockets end; returns at once. Defined by admin.c, likewise. */
void mf_admins_stop(mayfly_host *host) __attribute__((weak));

/* registrations.c: those of mayfly_host_registrations_json, as a value. */
struct mf_json;
int mf_registrations_write(mayfly_host *host, struct mf_json *j,
                           mayfly_error *err);

/* 0, EFORKED, or ECANCELLED when the host is being freed. */
int mf_host_check(const mayfly_host *host, mayfly_error *err);

mayfly_host *mf_host_ref(mayfly_host *host);
void mf_host_unref(mayfly_host *host); /* the last one frees the memory */

/* Something was used that idle time should give back. Any thread, cheap. */
void mf_host_touch(mayfly_host *host);

/* 1 where a function of this host must not block: in a callback of any loop,
 * and on the thread of a loop that is not ours. */
int mf_host_on_loop(const mayfly_host *host);

/* host_end.c: joins the threads of a host whose making failed. */
void mf_host_stop_threads(mayfly_host *host);

/* The loop with the fewest connections. */
mf_loop *mf_host_least_loaded(mayfly_host *host);

/* What one loop keeps for its calls (mf_loop.user): see calls.c. */
typedef struct mf_calls mf_calls;

/* --- the calls there are, for whoever explains or ends what holds a context
 * --- */

typedef struct mf_call_info {
    mayfly_call *call; /* good during the callback only */
    const char *path;  /* "/helloworld.Greeter/SayHello" */
    const char *peer;  /* "127.0.0.1:53122"; a client's: the target */
    uint64_t age_ns;
    void *context; /* mf_call_hold's; NULL: a raw call */
    int is_server;
} mf_call_info;

/* Whether the call holds the context: for its handler or messages, or by an
 * interceptor. Within the callback of mf_calls_each. */
int mf_call_holds(const mf_call_info *info, const void *context);

/* Calls back for each call under way on this host. The callback must be short
 * and must not call mayfly, except mf_call_request_cancel. Any thread. */
void mf_calls_each(mayfly_host *host,
                   void (*each)(void *state, const mf_call_info *info),
                   void *state);

#endif
