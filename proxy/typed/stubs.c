/*
 * proxy/typed/stubs.c: typed clients.
 *
 * A proxy is a context, or a unit whose current version's it is, a channel and
 * a service of a header's layout. It holds no lease between calls; each call
 * takes one, encodes with the send stub straight into the call's arena with
 * room for gRPC's prefix in front, and decodes with the receive stub. The lease
 * is held from before the first jump to after the last.
 *
 * Where the version of a unit has to be built first, a call that waits does so.
 * One that is started on a loop must not: its request is copied, by the
 * header's tables, and a worker does the rest (`later`).
 *
 * What stays true: the binding that a proxy keeps a pointer to lives as long as
 * the context's payload, so it is only looked at under a lease. A proxy may be
 * used after its context was unloaded, from any thread: the lease is refused.
 *
 * Threads: any.
 */
#include "proxy/typed/bind.h"
#include "proxy/call/call.h"
#include "proxy/call/lease.h"

#include "base/error.h"
#include "base/owner.h"
#include "compiler/gen/copy.h"

#include <string.h>

/* Whom calls go by. */
typedef struct callee {
    mayfly_context *context; /* a reference; NULL: a unit's current one */
    mayfly_unit *unit;       /* a reference; NULL: one context's */
    const mayfly_layout *layout;
    uint32_t service;
    const mf_bound *bound; /* of the context; good under a lease */
} callee;

struct mayfly_proxy {
    mf_alloc *alloc;
    mayfly_host *host; /* a reference: the allocator is its */
    callee to;
    mf_follower follower;    /* of the unit: binds its later versions */
    mayfly_channel *channel; /* a reference */
};

/* A call with its request encoded; bound and method are good while the call
 * holds its lease, the path lives as long as the call. */
typedef struct encoded {
    const mf_bound *bound;
    const mf_bound_method *method;
    const char *path;
    mayfly_bytes message;
} encoded;

/* One call without waiting, in the call's arena. */
typedef struct pending {
    const mf_bound *bound; /* these two: good while the call holds its lease */
    const mf_bound_method *method;
    mayfly_proxy_done_fn done;
    void *state;
} pending;

/* One that a worker begins, likewise. */
typedef struct later {
    mf_task task;
    callee to;         /* the unit: a reference */
    mayfly_call *call; /* a reference */
    uint32_t method;
    void *request; /* a copy */
    pending pending;
} later;

static int check(const mayfly_proxy *proxy, mayfly_call *call,
                 const void *request, int blocking, mayfly_error *err)
{
    if (!proxy || !call || !request)
        return mf_error_set(err, MAYFLY_EINVAL, "no proxy, call or request");
    return mf_channel_check(proxy->channel, call, blocking, err);
}

static int find_method(const mf_bound *b, uint32_t method,
                       const mf_bound_method **ret, mayfly_error *err)
{
    if (method >= b->n_methods)
        return mf_error_set(err, MAYFLY_EINVAL, "no method number %u", method);
    const mf_bound_method *m = &b->methods[method];
    if (!m->stub)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "the schema has no method \"%.200s\" any more",
                            m->lost ? m->lost : "?");
    *ret = m;
    return 0;
}

/* Has the call hold the context, and finds the binding in it. On failure the
 * call may hold it all the same. MF_UNIT_COLD: it has to be built, and this
 * thread must not. */
static int hold(const callee *to, mayfly_call *call, int may_wait,
                const mf_bound **ret_bound, mayfly_error *err)
{
    mayfly_context *context;
    if (!to->unit) {
        *ret_bound = to->bound;
        return mf_call_lease(call, to->context, err);
    }
    int code = may_wait ? mf_call_lease_unit(call, to->unit, &context, err)
                        : mf_call_try_lease_unit(call, to->unit, &context);
    return code == 0 ? mf_bind_service(context, to->layout, to->service,
                                       ret_bound, err)
                     : code;
}

static int encode(mayfly_call *call, const void *request, encoded *e,
                  mayfly_error *err)
{
    mf_stub_io io;
    mf_writer writer;
    const mf_method_stub *stub = e->method->stub;
    int code = mf_unit_check_sent(e->bound->unit, stub, 0, request, err);
    if (code != 0)
        return code;
    mf_stub_io_init(&io, e->bound->unit, &writer, call, err);
    code = stub->send(&io, request);
    return code == 0 ? mf_writer_take(&writer, &e->message, err) : code;
}

/* Takes the lease and encodes. On failure the call holds nothing. MF_UNIT_COLD:
 * as `hold`. */
static int begin(const callee *to, uint32_t method, mayfly_call *call,
                 const void *request, int may_wait, encoded *ret,
                 mayfly_error *err)
{
    int code = hold(to, call, may_wait, &ret->bound, err);
    if (code == MF_UNIT_COLD)
        return code;
    if (code == 0)
        code = find_method(ret->bound, method, &ret->method, err);
    if (code == 0) {
        ret->path = mf_arena_strdup(mayfly_call_arena(call), ret->method->path);
        if (!ret->path)
            code = mf_error_nomem(err, "a call");
    }
    if (code == 0)
        code = encode(call, request, ret, err);
    if (code != 0)
        mf_call_release(call);
    return code;
}

static int receive(const mf_unit *unit, const mf_method_stub *stub,
                   mayfly_call *call, mayfly_bytes bytes, void **ret_reply,
                   mayfly_error *err)
{
    mf_stub_io io;
    mf_stub_io_init(&io, unit, NULL, call, err);
    io.in = bytes.ptr;
    io.in_len = bytes.len;
    return stub->receive(&io, ret_reply);
}

static void on_done(void *state, mayfly_call *call, int code,
                    mayfly_bytes bytes)
{
    pending *p = state;
    void *reply = NULL;
    if (code == 0)
        code =
            receive(p->bound->unit, p->method->stub, call, bytes, &reply, NULL);
    mayfly_proxy_done_fn done = p->done;
    void *user = p->state;
    mf_call_release(call);
    done(user, call, code, code == 0 ? reply : NULL);
}

static int check_new(const void *of, const void *of_host,
                     mayfly_channel *channel, mayfly_proxy **ret_proxy,
                     mayfly_error *err)
{
    if (!of || !channel || !ret_proxy)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no context, no channel or nowhere to put the "
                            "proxy");
    if (mf_channel_host(channel) != of_host)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "context and channel are of different hosts");
    return 0;
}

static mayfly_proxy *make(mayfly_host *host, const mayfly_layout *layout,
                          uint32_t service, mayfly_channel *channel)
{
    mayfly_proxy *p = mf_alloc_zero(&host->alloc, sizeof *p);
    if (!p)
        return NULL;
    p->alloc = &host->alloc;
    p->host = mf_host_ref(host);
    p->to.layout = layout;
    p->to.service = service;
    p->channel = mayfly_channel_ref(channel);
    return p;
}

int mayfly_proxy_new(mayfly_context *context, const mayfly_layout *layout,
                     uint32_t service, mayfly_channel *channel,
                     mayfly_proxy **ret_proxy, mayfly_error *err)
{
    mayfly_host *host = context ? mf_context_host(context) : NULL;
    int code = check_new(context, host, channel, ret_proxy, err);
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    const mf_bound *bound;
    code = mf_bind_service(context, layout, service, &bound, err);
    mf_lease_drop(context);
    if (code != 0)
        return code;

    mayfly_proxy *p = make(host, layout, service, channel);
    if (!p)
        return mf_error_nomem(err, "a proxy");
    p->to.context = mayfly_context_ref(context);
    p->to.bound = bound;
    *ret_proxy = p;
    return 0;
}

static int bind_next(mf_follower *follower, mayfly_context *context,
                     mayfly_error *err)
{
    const mayfly_proxy *p = MF_OWNER(follower, mayfly_proxy, follower);
    const mf_bound *unused;
    return mf_bind_service(context, p->to.layout, p->to.service, &unused, err);
}

int mayfly_unit_proxy_new(mayfly_unit *unit, const mayfly_layout *layout,
                          uint32_t service, mayfly_channel *channel,
                          mayfly_proxy **ret_proxy, mayfly_error *err)
{
    mayfly_host *host = unit ? mf_unit_host(unit) : NULL;
    int code = check_new(unit, host, channel, ret_proxy, err);
    if (code != 0)
        return code;
    mayfly_proxy *p = make(host, layout, service, channel);
    if (!p)
        return mf_error_nomem(err, "a proxy");
    p->to.unit = mayfly_unit_ref(unit);
    p->follower.prepare = bind_next;
    p->follower.waits = 1;
    code = mf_unit_follow(unit, &p->follower, err);
    if (code == 0)
        *ret_proxy = p;
    else
        mayfly_proxy_free(p);
    return code;
}

void mayfly_proxy_free(mayfly_proxy *proxy)
{
    if (!proxy)
        return;
    mayfly_host *host = proxy->host;
    if (proxy->to.unit)
        mf_unit_unfollow(proxy->to.unit, &proxy->follower);
    mayfly_unit_unref(proxy->to.unit);
    mayfly_channel_unref(proxy->channel);
    mayfly_context_unref(proxy->to.context);
    mf_alloc_free(proxy->alloc, proxy);
    mf_host_unref(host);
}

int mayfly_proxy_call(mayfly_proxy *proxy, uint32_t method, mayfly_call *call,
                      const void *request, void **ret_reply, mayfly_error *err)
{
    encoded e = {0};
    mayfly_bytes bytes;
    if (!ret_reply)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the reply");
    int code = check(proxy, call, request, 1, err);
    if (code == 0)
        code = begin(&proxy->to, method, call, request, 1, &e, err);
    if (code != 0)
        return code;
    code = mf_channel_call_framed(proxy->channel, e.path, call, e.message,
                                  &bytes, err);
    if (code == 0)
        code =
            receive(e.bound->unit, e.method->stub, call, bytes, ret_reply, err);
    mf_call_release(call);
    return code;
}

/* --- calls that a worker begins --- */

static void run_later(mf_task *task)
{
    later *l = MF_OWNER(task, later, task);
    mayfly_call *call = l->call; /* keeps the arena that `l` lies in */
    mayfly_unit *unit = l->to.unit;
    mayfly_error err = MAYFLY_ERROR_INIT;
    encoded e = {0};
    int code = begin(&l->to, l->method, call, l->request, 1, &e, &err);
    if (code == 0) {
        l->pending.bound = e.bound;
        l->pending.method = e.method;
        mf_channel_go(call, e.message);
    } else {
        mf_channel_give_up(call, code, err.message);
    }
    mayfly_unit_unref(unit);
    mf_call_unref(call);
}

/* "/package.Service/Method", as the header has it. */
static char *path_of(const callee *to, uint32_t method, mayfly_call *call)
{
    const mayfly_service_layout *s = &to->layout->services[to->service];
    return mf_arena_printf(mayfly_call_arena(call), "/%s/%s", s->full_name,
                           s->methods[method].name);
}

static int start_later(const mayfly_proxy *proxy, uint32_t method,
                       mayfly_call *call, const void *request,
                       const pending *told, mayfly_error *err)
{
    const callee *to = &proxy->to;
    const mayfly_service_layout *s = &to->layout->services[to->service];
    if (method >= s->n_methods)
        return mf_error_set(err, MAYFLY_EINVAL, "no method number %u", method);
    if (mayfly_unit_version(to->unit) == 0)
        return mf_error_set(err, MAYFLY_EUNLOADED, "unit \"%s\" was removed",
                            mayfly_unit_name(to->unit));
    const mayfly_method_layout *m = &s->methods[method];
    const mayfly_layout *of = m->request_import
                                  ? to->layout->imports[m->request_import - 1]
                                  : to->layout;
    later *l = mf_arena_alloc(mayfly_call_arena(call), sizeof *l);
    const char *path = path_of(to, method, call);
    if (!l || !path)
        return mf_error_nomem(err, "a call");
    *l = (later){.task = {.run = run_later},
                 .to = *to,
                 .call = call,
                 .method = method,
                 .pending = *told};
    int code = mf_layout_copy(mayfly_call_arena(call), of, m->request, request,
                              &l->request, err);
    if (code == 0)
        code = mf_channel_claim(proxy->channel, path, call, on_done,
                                &l->pending, err);
    if (code != 0)
        return code;
    mayfly_unit_ref(l->to.unit);
    mf_call_ref(call);
    if (mf_workers_push(proxy->host->workers, &l->task) != 0) {
        mf_channel_give_up(call, MAYFLY_ECANCELLED, "no worker can be made");
        mayfly_unit_unref(to->unit);
        mf_call_unref(call);
    }
    return 0;
}

int mayfly_proxy_start(mayfly_proxy *proxy, uint32_t method, mayfly_call *call,
                       const void *request, mayfly_proxy_done_fn done,
                       void *state, mayfly_error *err)
{
    encoded e = {0};
    if (!done)
        return mf_error_set(err, MAYFLY_EINVAL, "nobody to call back");
    int code = check(proxy, call, request, 0, err);
    if (code == 0)
        code = begin(&proxy->to, method, call, request,
                     !mf_host_on_loop(proxy->host), &e, err);
    pending told = {
        .bound = e.bound, .method = e.method, .done = done, .state = state};
    if (code == MF_UNIT_COLD)
        return start_later(proxy, method, call, request, &told, err);
    if (code != 0)
        return code;
    pending *p = mf_arena_alloc(mayfly_call_arena(call), sizeof *p);
    if (!p) {
        mf_call_release(call);
        return mf_error_nomem(err, "a call");
    }
    *p = told;
    code = mf_channel_start_framed(proxy->channel, e.path, call, e.message,
                                   on_done, p, err);
    if (code != 0)
        mf_call_release(call);
    return code;
}
