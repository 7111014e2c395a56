/*
 * proxy/call/intercept.c: a call's way through a chain of interceptors.
 *
 * In by mf_intercept_begin: every begin hook from the outermost to the
 * innermost, then the request through every message hook in the same order. Out
 * by mf_intercept_end: the reply through the message hooks, then every end
 * hook, the innermost first. Who ends the call on its way in is the innermost
 * for that call.
 *
 * What stays true: an interceptor whose begin was called gets end, once; one
 * whose begin was not is not heard of. Between the two a call keeps the chain,
 * and for hooks of a context a lease on it. What a hook sets is read when it
 * has returned, so that what it set without meaning to end the call is
 * forgotten.
 *
 * A call's results lie in different places on the two sides: a server's reply
 * is framed and waits to be sent, a client's has come and is not. Here it is
 * bytes without a frame, handed in and out.
 *
 * Threads: that of the call at the time; hooks of a call never run at once.
 */
#include "proxy/call/intercept.h"

#include "base/census.h"
#include "base/error.h"
#include "proxy/program/program.h"

#include <string.h>

/* An empty message is one, too: its pointer is never NULL. */
static const uint8_t nothing[1];

/* One hook, about to be called. */
typedef struct hook {
    enum { BEGIN, MESSAGE, END } point;
    mayfly_interceptor hooks;
    void *state, *memory;
    mayfly_call *call;
    enum mayfly_direction direction;
    mayfly_bytes *message;
} hook;

/* --- calling a hook ----------------------------------------------------------
 */

static int run_hook(void *argument)
{
    const hook *h = argument;
    switch (h->point) {
    case BEGIN:
        return h->hooks.begin ? h->hooks.begin(h->state, h->memory, h->call)
                              : 0;
    case MESSAGE:
        return h->hooks.message ? h->hooks.message(h->state, h->memory, h->call,
                                                   h->direction, h->message)
                                : 0;
    default:
        if (h->hooks.end)
            h->hooks.end(h->state, h->memory, h->call);
        return 0;
    }
}

/* Under the lease that the call has, the global is read where it lies. */
static mayfly_interceptor hooks_at(const mf_passing *at, mayfly_context *c)
{
    const mf_unit *unit = mf_context_unit(c);
    mayfly_interceptor hooks;
    memcpy(&hooks, unit->names[at->global].address, sizeof hooks);
    return hooks;
}

static int run_of_context(const mf_passing *at, mayfly_context *c, hook *h,
                          mayfly_error *err)
{
    const mf_unit *unit = mf_context_unit(c);
    h->hooks = hooks_at(at, c);
    if (!h->state)
        h->state = mf_program_state(unit->user);
    return mf_program_guard(unit->user, run_hook, h, "an interceptor", err);
}

static int call_hook(mayfly_call *c, size_t n, hook *h, mayfly_error *err)
{
    struct mf_intercept *x = c->intercept;
    const mf_interceptor *i = x->chain->items[n];
    h->call = c;
    h->state = i->state;
    h->memory = x->at[n].memory;
    mayfly_context *context = atomic_load(&x->at[n].leased);
    x->is_inside = 1;
    int code;
    if (context) {
        code = run_of_context(&x->at[n], context, h, err);
    } else {
        h->hooks = i->hooks;
        code = run_hook(h);
    }
    x->is_inside = 0;
    if (h->point == MESSAGE && !h->message->ptr)
        *h->message = (mayfly_bytes){nothing, 0};
    return code;
}

/* --- ends --------------------------------------------------------------------
 */

/* Ends the call with what a hook has returned, or a failure of ours. */
static void fail(mayfly_call *c, int code, const mayfly_error *why)
{
    if (code < 0) {
        const char *text =
            why->message[0] ? why->message : mayfly_error_text(code);
        c->text = (mayfly_str){mf_arena_strdup(&c->arena, text), strlen(text)};
        if (!c->text.ptr)
            c->text.len = 0;
        code = mf_status_of_code(code);
    }
    c->status =
        code <= MAYFLY_STATUS_UNAUTHENTICATED ? code : MAYFLY_STATUS_UNKNOWN;
    c->intercept->is_answered = 0;
}

/* What came of a hook on the way in, number `n`. 1: the call has ended. */
static int is_ended(mayfly_call *c, size_t n, int code, const mayfly_error *why)
{
    struct mf_intercept *x = c->intercept;
    if (code == 0 && !x->is_answered) {
        c->status = -1; /* whatever it had set */
        c->text = (mayfly_str){NULL, 0};
        return 0;
    }
    if (code != 0)
        fail(c, code, why);
    x->n_inner = n;
    return 1;
}

/* --- leases ------------------------------------------------------------------
 */

/* On the context that the hooks of number `n` are in. 0; MF_UNIT_COLD: it would
 * have to be waited for; or a code. */
static int lease(mayfly_call *c, size_t n, int may_wait, mayfly_error *err)
{
    mf_passing *at = &c->intercept->at[n];
    const mf_interceptor *i = c->intercept->chain->items[n];
    mayfly_context *context = i->context;
    int code = 0;
    if ((!context && !i->unit) || atomic_load(&at->leased))
        return 0;
    at->global = i->global;
    if (context)
        code = mf_lease_take(context, err);
    else
        code = mf_unit_try_lease(i->unit, &context);
    if (code == MF_UNIT_COLD && may_wait)
        code = mf_unit_lease(i->unit, c->deadline_ns, &context, err);
    if (code != 0)
        return code;
    if (i->unit)
        code = mf_interceptor_find(mf_context_unit(context), i->name,
                                   &at->global, err);
    if (code == 0)
        atomic_store(&at->leased, context);
    else
        mf_lease_drop(context);
    return code;
}

/* --- in ----------------------------------------------------------------------
 */

/* A lease, and how much memory is wanted. 0; 1: passed by; or a code. */
static int prepare(mayfly_call *c, size_t n, size_t *ret_bytes,
                   mayfly_error *err)
{
    const mf_interceptor *i = c->intercept->chain->items[n];
    int code = lease(c, n, 1, err);
    if (code != 0)
        return i->is_optional ? 1 : code;
    mf_passing *at = &c->intercept->at[n];
    mayfly_context *context = atomic_load(&at->leased);
    *ret_bytes =
        context ? hooks_at(at, context).memory_bytes : i->hooks.memory_bytes;
    return 0;
}

static int begin_one(mayfly_call *c, size_t n)
{
    struct mf_intercept *x = c->intercept;
    mayfly_error err = MAYFLY_ERROR_INIT;
    size_t bytes;
    int code = prepare(c, n, &bytes, &err);
    if (code > 0)
        return 0;
    if (code == 0 && bytes) {
        x->at[n].memory = mf_arena_alloc(&c->arena, bytes);
        if (!x->at[n].memory)
            code = mf_arena_nomem(&c->arena, "an interceptor", &err);
    }
    if (code == 0) {
        hook h = {.point = BEGIN};
        x->at[n].is_begun = 1;
        code = call_hook(c, n, &h, &err);
    }
    return is_ended(c, n, code, &err);
}

/* A way through a chain, in the call's arena. NULL: no memory. */
static struct mf_intercept *open_way(mf_chain *chain, mayfly_call *c)
{
    struct mf_intercept *x =
        mf_arena_alloc(&c->arena, sizeof *x + chain->n * sizeof x->at[0]);
    if (!x)
        return NULL;
    x->chain = chain;
    x->n_inner = chain->n;
    x->begun_ns = mf_clock_ns();
    c->intercept = x;
    if (chain->has_contexts)
        mf_calls_set_holding(c, x);
    return x;
}

int mf_intercept_open(mf_chains *s, mayfly_call *c)
{
    int is_cold = 0;
    mf_chain *chain = mf_chain_take(s);
    if (!chain)
        return 0; /* taken off at this moment */
    if (!open_way(chain, c)) {
        mf_chain_drop(chain);
        return 0; /* found out when it begins */
    }
    for (size_t n = 0; n < chain->n; n++)
        is_cold |=
            chain->items[n]->unit && lease(c, n, 0, NULL) == MF_UNIT_COLD;
    return is_cold;
}

int mf_intercept_begin(mf_chains *s, mayfly_call *c, mayfly_bytes *request)
{
    if (!c->intercept) {
        mf_chain *chain = mf_chain_take(s);
        if (!chain)
            return 0;
        if (!open_way(chain, c)) {
            mf_chain_drop(chain);
            c->status = MAYFLY_STATUS_RESOURCE_EXHAUSTED;
            c->text = mayfly_str_of("no memory for interceptors");
            return 1;
        }
    }
    const mf_chain *chain = c->intercept->chain;
    int ended = 0;
    for (size_t n = 0; n < chain->n && !ended; n++)
        ended = begin_one(c, n);
    for (size_t n = 0; n < chain->n && !ended; n++) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        hook h = {
            .point = MESSAGE, .direction = MAYFLY_REQUEST, .message = request};
        if (c->intercept->at[n].is_begun)
            ended = is_ended(c, n, call_hook(c, n, &h, &err), &err);
    }
    return ended;
}

/* --- out ---------------------------------------------------------------------
 */

/* The reply on its way out. A hook that ends the call with something else is
 * not followed by others. */
static void pass_reply(mayfly_call *c, mayfly_bytes *reply)
{
    struct mf_intercept *x = c->intercept;
    for (size_t n = x->n_inner; n-- > 0 && c->status == MAYFLY_STATUS_OK;) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        hook h = {
            .point = MESSAGE, .direction = MAYFLY_REPLY, .message = reply};
        if (!x->at[n].is_begun)
            continue;
        int code = call_hook(c, n, &h, &err);
        if (code != 0)
            fail(c, code, &err);
        else if (x->is_answered)
            *reply = x->reply;
        x->is_answered = 0;
    }
}

static void tell_ends(mayfly_call *c, mayfly_bytes *reply)
{
    struct mf_intercept *x = c->intercept;
    for (size_t n = x->chain->n; n-- > 0;) {
        hook h = {.point = END};
        if (!x->at[n].is_begun)
            continue;
        call_hook(c, n, &h, NULL);
        if (x->is_answered && c->status == MAYFLY_STATUS_OK)
            *reply = x->reply;
        x->is_answered = 0;
    }
    if (c->status == MAYFLY_STATUS_OK && !reply->ptr) {
        c->status = MAYFLY_STATUS_INTERNAL;
        c->text = mayfly_str_of("an interceptor gave OK without a reply");
    }
    if (c->status != MAYFLY_STATUS_OK)
        *reply = (mayfly_bytes){NULL, 0};
}

/* The chain and what is held for it. */
static void close_way(mayfly_call *c)
{
    struct mf_intercept *x = c->intercept;
    if (x->chain->has_contexts)
        mf_calls_set_holding(c, NULL);
    for (size_t n = 0; n < x->chain->n; n++) {
        mayfly_context *context = atomic_exchange(&x->at[n].leased, NULL);
        if (context)
            mf_lease_drop(context);
    }
    mf_chain_drop(x->chain);
    c->intercept = NULL;
}

void mf_intercept_end(mayfly_call *c, mayfly_bytes *reply)
{
    struct mf_intercept *x = c->intercept;
    x->ended_ns = mf_clock_ns();
    if (x->is_answered)
        *reply = x->reply;
    x->is_answered = 0;
    if (c->status != MAYFLY_STATUS_OK)
        *reply = (mayfly_bytes){NULL, 0};
    else
        pass_reply(c, reply);
    tell_ends(c, reply);
    close_way(c);
}

void mf_intercept_leave(mayfly_call *c)
{
    if (c->intercept)
        close_way(c);
}
