/*
 * proxy/stubs.c: typed clients.
 *
 * A proxy is a context, a channel and a service of a header's layout. It holds
 * no lease between calls; each call takes one, encodes with the send stub
 * straight into the call's arena with room for gRPC's prefix in front, and
 * decodes with the receive stub. The lease is held from before the first jump
 * to after the last.
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

#include <string.h>

struct mayfly_proxy {
    mf_alloc *alloc;
    mayfly_host *host;       /* a reference: the allocator is its */
    mayfly_context *context; /* a reference */
    mayfly_channel *channel; /* a reference */
    const mf_bound *bound;   /* good under a lease */
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

static int find_method(const mayfly_proxy *proxy, uint32_t method,
                       const mf_bound_method **ret, mayfly_error *err)
{
    const mf_bound *b = proxy->bound;
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

/* Takes the lease and encodes. `ret_path` lives as long as the call. On failure
 * the call holds nothing. */
static int begin(mayfly_proxy *proxy, uint32_t method, mayfly_call *call,
                 const void *request, const mf_bound_method **ret_method,
                 const char **ret_path, mayfly_bytes *ret_message,
                 mayfly_error *err)
{
    int code = mf_call_lease(call, proxy->context, err);
    if (code != 0)
        return code;
    const mf_bound_method *m = NULL;
    code = find_method(proxy, method, &m, err);
    if (code == 0) {
        *ret_method = m;
        *ret_path = mf_arena_strdup(mayfly_call_arena(call), m->path);
        if (!*ret_path)
            code = mf_error_nomem(err, "a call");
    }
    if (code == 0)
        code = mf_unit_check_sent(proxy->bound->unit, m->stub, 0, request, err);
    if (code == 0) {
        mf_stub_io io;
        mf_writer writer;
        mf_stub_io_init(&io, proxy->bound->unit, &writer, call, err);
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
        code = receive(p->bound->unit, p->method->stub, call, bytes, &reply,
                       NULL);
    mayfly_proxy_done_fn done = p->done;
    void *user = p->state;
    mf_call_release(call);
    done(user, call, code, code == 0 ? reply : NULL);
}

int mayfly_proxy_new(mayfly_context *context, const mayfly_layout *layout,
                     uint32_t service, mayfly_channel *channel,
                     mayfly_proxy **ret_proxy, mayfly_error *err)
{
    if (!context || !channel || !ret_proxy)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no context, no channel or nowhere to put the "
                            "proxy");
    if (mf_channel_host(channel) != mf_context_host(context))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "context and channel are of different hosts");
    int code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    const mf_bound *bound;
    mayfly_host *host = mf_context_host(context);
    code = mf_bind_service(context, layout, service, &bound, err);
    mf_lease_drop(context);
    if (code != 0)
        return code;

    mayfly_proxy *p = mf_alloc_zero(&host->alloc, sizeof *p);
    if (!p)
        return mf_error_nomem(err, "a proxy");
    p->alloc = &host->alloc;
    p->host = mf_host_ref(host);
    p->context = mayfly_context_ref(context);
    p->channel = mayfly_channel_ref(channel);
    p->bound = bound;
    *ret_proxy = p;
    return 0;
}

void mayfly_proxy_free(mayfly_proxy *proxy)
{
    if (!proxy)
        return;
    mayfly_host *host = proxy->host;
    mayfly_channel_unref(proxy->channel);
    mayfly_context_unref(proxy->context);
    mf_alloc_free(proxy->alloc, proxy);
    mf_host_unref(host);
}

int mayfly_proxy_call(mayfly_proxy *proxy, uint32_t method, mayfly_call *call,
                      const void *request, void **ret_reply, mayfly_error *err)
{
    const mf_bound_method *m;
    const char *path;
    mayfly_bytes message, bytes;
    if (!ret_reply)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the reply");
    int code = check(proxy, call, request, 1, err);
    if (code == 0)
        code = begin(proxy, method, call, request, &m, &path, &message, err);
    if (code != 0)
        return code;
    code = mf_channel_call_framed(proxy->channel, path, call, message, &bytes,
                                  err);
    if (code == 0)
        code = receive(proxy->bound->unit, m->stub, call, bytes, ret_reply,
                       err);
    mf_call_release(call);
    return code;
}

int mayfly_proxy_start(mayfly_proxy *proxy, uint32_t method, mayfly_call *call,
                       const void *request, mayfly_proxy_done_fn done,
                       void *state, mayfly_error *err)
{
    const mf_bound_method *m;
    const char *path;
    mayfly_bytes message;
    if (!done)
        return mf_error_set(err, MAYFLY_EINVAL, "nobody to call back");
    int code = check(proxy, call, request, 0, err);
    if (code == 0)
        code = begin(proxy, method, call, request, &m, &path, &message, err);
    if (code != 0)
        return code;
    pending *p = mf_arena_alloc(mayfly_call_arena(call), sizeof *p);
    if (!p) {
        mf_call_release(call);
        return mf_error_nomem(err, "a call");
    }
    *p = (pending){
        .bound = proxy->bound, .method = m, .done = done, .state = state};
    code = mf_channel_start_framed(proxy->channel, path, call, message, on_done,
                                   p, err);
    if (code != 0)
        mf_call_release(call);
    return code;
}
