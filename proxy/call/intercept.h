/*
 * proxy/call/intercept.h: interceptors from the inside.
 *
 * intercept_chain.c keeps what is installed on a server or channel,
 * intercept.c takes a call through it, intercept_call.c is what hooks may do
 * with the call.
 *
 *     mf_intercept_begin ──► handler or network ──► mf_intercept_end
 *                       (mf_intercept_message for each message)
 *
 * The three points are apart, so that a stream can pass its messages one by
 * one.
 */
#ifndef MF_PROXY_INTERCEPT_H
#define MF_PROXY_INTERCEPT_H

#include "base/counts.h"
#include "base/grace.h"
#include "cache/units/units.h"
#include "compiler/unit.h"
#include "proxy/call/call.h"

#include <mayfly/interceptor.h>

/* One that is installed; in every chain that was made since. */
typedef struct mf_interceptor {
    mf_alloc *alloc;
    atomic_uint refs; /* chains */
    uint64_t id;
    mf_count *count;
    mayfly_interceptor hooks; /* a program's own */
    /* Of a source's: references; one of them, or both NULL. */
    mayfly_context *context;
    mayfly_unit *unit; /* the version that is current at each call */
    mf_follower follower;
    size_t global; /* the number of its name in the context */
    void *state;
    void (*release)(void *state);
    int is_optional;
    int is_installed; /* a version was seen that has it */
    mf_task task;     /* its end, on a worker */
    char name[];      /* of the global */
} mf_interceptor;

/* Those of a server or channel at some time, outermost first. Never changes. */
typedef struct mf_chain {
    mf_alloc *alloc;
    atomic_uint refs; /* the owner, and calls */
    int has_contexts; /* or units */
    size_t n;
    mf_interceptor *items[];
} mf_chain;

/* One call on its way through a chain; in its arena. */
typedef struct mf_passing {
    void *memory;
    uint8_t is_begun;
    /* NULL: no lease. Read by whoever lists what holds a context. */
    _Atomic(mayfly_context *) leased;
    size_t global; /* in that context */
} mf_passing;

struct mf_intercept {
    mf_chain *chain; /* a reference */
    size_t n_inner;  /* how many, from the outermost, see the reply */
    uint8_t is_inside;
    uint8_t is_answered; /* a hook gave this */
    mayfly_bytes reply;
    uint64_t begun_ns, ended_ns;
    mf_passing at[];
};

/* --- intercept_chain.c --- */

void mf_chains_init(mf_chains *s, mayfly_host *host);
void mf_chains_done(mf_chains *s); /* also of one that is all zero */

mf_chain *mf_chain_take(mf_chains *s); /* a reference, or NULL */
void mf_chain_drop(mf_chain *chain);

/* The number of a global that is an interceptor. Under a lease. Errors:
 * ENOTFOUND, EINVAL. */
int mf_interceptor_find(const mf_unit *unit, const char *name, size_t *ret,
                        mayfly_error *err);

/* --- intercept.c --- */

/* Whether there is anything to do. */
static inline int mf_chains_any(const mf_chains *s)
{
    return atomic_load_explicit(&s->now, memory_order_relaxed) != NULL;
}

/* Takes the chain, and leases on the current versions of units, without
 * waiting. 1: some have to be waited for, so the rest is for a thread that may.
 * For a call that does not come to mf_intercept_begin then: mf_intercept_leave.
 */
int mf_intercept_open(mf_chains *s, mayfly_call *call);
void mf_intercept_leave(mayfly_call *call);

/*
 * A call and its request come to the chain. 0: it goes on, `*request` may have
 * become another; 1: it was ended with what is in the call. Then, and when it
 * has gone on, mf_intercept_end is due once.
 */
int mf_intercept_begin(mf_chains *s, mayfly_call *call, mayfly_bytes *request);

/* The status and the reply of a call are known. `reply` is its message, or
 * empty (ptr NULL); on return what it is to be. */
void mf_intercept_end(mayfly_call *call, mayfly_bytes *reply);

/* --- intercept_sides.c --- */

/* A server's call that is concluded, before it is handed over: status, reply
 * and trailers pass out. */
void mf_intercept_answer(mayfly_call *call);

/* A client's call with its framed request. 1: it has ended on this side. */
int mf_intercept_request(mf_chains *s, mayfly_call *call);

/* A client's call that has ended: what its caller will see passes in. */
void mf_intercept_result(mayfly_call *call);

/* Whether a hook of the call runs just now; for whoever uses the call. */
static inline int mf_intercept_is_inside(const mayfly_call *call)
{
    return call->intercept && call->intercept->is_inside;
}

#endif
