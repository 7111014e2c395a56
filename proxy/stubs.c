/*
 * proxy/stubs.c: typed clients.
 *
 * A proxy is a context, or a unit whose current version's it is, a channel and
 * a service of a header's layout. It holds no lease between calls; each call
 * takes one, encodes with the send stub straight into the call's arena with
 * room for gRPC's prefix in front, and decodes with the receive stub. The lease
 * is held from before the first jump to after the last.
 *
 * What stays true: the binding that a proxy keeps a pointer to lives as long as
 * the context's payload, so it is only looked at under a lease. A proxy may be
 * used after its context was unloaded, from any thread: the lease is refused.
 *
 * Threads: any.
 */
#include "proxy/bind.h"
#include "proxy/call.h"
#include "proxy/lease.h"

#include "base/error.h"
#include "base/owner.h"

#include <string.h>

struct mayfly_proxy {
    mf_alloc *alloc;
    mayfly_host *host;       /* a reference: the allocator is its */
    mayfly_context *context; /* a reference; NULL: a unit's current one */
    mayfly_unit *unit;       /* a reference; NULL: one context's */
    mf_follower follower;    /* of the unit: binds its later versions */
    const mayfly_layout *layout;
    uint32_t service;
    mayfly_channel *channel; /* a reference */
    const mf_bound *bound;   /* of the context; good under a lease */
};

/* One call without waiting, in the call's arena. */
typedef struct pending {
    const mf_bound *bound; /* these two: good while the call holds its lease */
    const mf_bound_method *method;
    mayfly_proxy_done_fn done;
    void *state;
} pending;

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
 * call may hold it all the same. */
static int hold(mayfly_proxy *proxy, mayfly_call *call,
                const mf_bound **ret_bound, mayfly_error *err)
{
    mayfly_context *context;
    if (!proxy->unit) {
        *ret_bound = proxy->bound;
        return mf_call_lease(call, proxy->context, err);
    }
    int code = mf_call_lease_unit(call, proxy->unit, &context, err);
    return code == 0 ? mf_bind_service(context, proxy->layout, proxy->service,
                                       ret_bound, err)
                     : code;
}

/* Takes the lease and encodes. `ret_path` lives as long as the call. On failure
 * the call holds nothing. */
static int begin(mayfly_proxy *proxy, uint32_t method, mayfly_call *call,
                 const void *request, const mf_bound **ret_bound,
                 const mf_bound_method **ret_method, const char **ret_path,
                 mayfly_bytes *ret_message, mayfly_error *err)
{
    const mf_bound_method *m = NULL;
    int code = hold(proxy, call, ret_bound, err);
    if (code == 0)
        code = find_method(*ret_bound, method, &m, err);
    if (code == 0) {
        *ret_method = m;
        *ret_path = mf_arena_strdup(mayfly_call_arena(call), m->path);
        if (!*ret_path)
            code = mf_error_nomem(err, "a call");
    }
    if (code == 0)
        code = mf_unit_check_sent((*ret_bound)->unit, m->stub, 0, request, err);
    if (code == 0) {
        mf_stub_io io;
        mf_writer writer;
        mf_stub_io_init(&io, (*ret_bound)->unit, &writer, call, err);
        code = m->stub->send(&io, request);
        if (code == 0)
            code = mf_writer_take(&writer, ret_message, err);
    }
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
    p->layout = layout;
    p->service = service;
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
    p->context = mayfly_context_ref(context);
    p->bound = bound;
    *ret_proxy = p;
    return 0;
}

static int bind_next(mf_follower *follower, mayfly_context *context,
                     mayfly_error *err)
{
    const mayfly_proxy *p = MF_OWNER(follower, mayfly_proxy, follower);
    const mf_bound *unused;
    return mf_bind_service(context, p->layout, p->service, &unused, err);
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
    p->unit = mayfly_unit_ref(unit);
    p->follower.prepare = bind_next;
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
    if (proxy->unit)
        mf_unit_unfollow(proxy->unit, &proxy->follower);
    mayfly_unit_unref(proxy->unit);
    mayfly_channel_unref(proxy->channel);
    mayfly_context_unref(proxy->context);
    mf_alloc_free(proxy->alloc, proxy);
    mf_host_unref(host);
}

int mayfly_proxy_call(mayfly_proxy *proxy, uint32_t method, mayfly_call *call,
                      const void *request, void **ret_reply, mayfly_error *err)
{
    const mf_bound *bound;
    const mf_bound_method *m;
    const char *path;
    mayfly_bytes message, bytes;
    if (!ret_reply)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the reply");
    int code = check(proxy, call, request, 1, err);
    if (code == 0)
        code = begin(proxy, method, call, request, &bound, &m, &path, &message,
                     err);
    if (code != 0)
        return code;
    code = mf_channel_call_framed(proxy->channel, path, call, message, &bytes,
                                  err);
    if (code == 0)
        code = receive(bound->unit, m->stub, call, bytes, ret_reply, err);
    mf_call_release(call);
    return code;
}

int mayfly_proxy_start(mayfly_proxy *proxy, uint32_t method, mayfly_call *call,
                       const void *request, mayfly_proxy_done_fn done,
                       void *state, mayfly_error *err)
{
    const mf_bound *bound;
    const mf_bound_method *m;
    const char *path;
    mayfly_bytes message;
    if (!done)
        return mf_error_set(err, MAYFLY_EINVAL, "nobody to call back");
    int code = check(proxy, call, request, 0, err);
    if (code == 0)
        code = begin(proxy, method, call, request, &bound, &m, &path, &message,
                     err);
    if (code != 0)
        return code;
    pending *p = mf_arena_alloc(mayfly_call_arena(call), sizeof *p);
    if (!p) {
        mf_call_release(call);
        return mf_error_nomem(err, "a call");
    }
    *p = (pending){.bound = bound, .method = m, .done = done, .state = state};
    code = mf_channel_start_framed(proxy->channel, path, call, message, on_done,
                                   p, err);
    if (code != 0)
        mf_call_release(call);
    return code;
}
