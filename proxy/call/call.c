/*
 * What both sides' calls have in common: memory, references, metadata, and the
 * public functions that read a call.
 *
 * What stays true: a call's memory goes with its last reference, and its `end`
 * (the lease of a context) runs before that, once. References are held by a
 * client's user from mayfly_call_new to mayfly_call_free, by the transport
 * while the stream is open, by a running handler, and by a deferral until it is
 * completed.
 *
 * Who may touch the arena when is told in call.h; functions here that allocate
 * in it are for whoever has the call in hand.
 */
#include "proxy/call/call.h"
#include "proxy/call/intercept.h"

#include "base/census.h"
#include "base/error.h"
#include "base/guest.h"
#include "base/options.h"
#include "base/owner.h"
#include "compiler/json/base64.h"
#include "proxy/host/user_pool.h"

enum {
    META_BYTES_MAX = 64 * 1024, /* metadata and trailers that one side sends */
    CALL_BYTES_MAX = 4 * 1024 * 1024,
    ARENA_BYTES_MAX = 64 * 1024 * 1024,
    ARENA_FIRST = 2048
};

/* --- life --- */

mayfly_call *mf_call_make(mayfly_host *host, mf_calls *pool)
{
    mayfly_call *c = pool ? mf_calls_take(pool) : NULL;
    if (c) {
        mayfly_arena arena = c->arena;
        memset(c, 0, sizeof *c);
        c->arena = arena;
    } else {
        c = mf_alloc_zero(&host->alloc, sizeof *c);
        if (!c)
            return NULL;
        mf_arena_init(&c->arena, &host->large.alloc, ARENA_FIRST, 0);
    }
    c->host = host;
    c->status = -1;
    atomic_init(&c->refs, 1);
    return c;
}

mayfly_call *mf_call_ref(mayfly_call *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

int mf_call_try_ref(mayfly_call *c)
{
    unsigned refs = atomic_load_explicit(&c->refs, memory_order_relaxed);
    while (refs != 0 && !atomic_compare_exchange_weak_explicit(
                            &c->refs, &refs, refs + 1, memory_order_relaxed,
                            memory_order_relaxed))
        ;
    return refs != 0;
}

/* Loans first: what is done with them may be a function of the context that the
 * call's lease keeps. */
static void over(mayfly_call *c)
{
    mf_loans_return(c);
    mf_call_release(c);
}

void mf_call_unref(mayfly_call *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    over(c);
    if (c->is_server) {
        mf_server_call_over(c);
        return;
    }
    mf_client_call_over(c);
}

void mf_call_hold(mayfly_call *c, void *context,
                  void (*end)(void *state, mayfly_call *call), void *state)
{
    c->end = end;
    c->end_state = state;
    mf_calls_set_context(c, context);
}

void mf_call_release(mayfly_call *c)
{
    void (*end)(void *, mayfly_call *) = c->end;
    if (!end)
        return;
    mf_calls_set_context(c, NULL);
    c->end = NULL;
    end(c->end_state, c);
}

int mf_call_has_failed(mayfly_call *c)
{
    if (c->is_server)
        return c->status != MAYFLY_STATUS_OK || c->is_cut;
    return atomic_load(&c->phase) != MF_CALL_ENDED || c->code != 0;
}

void *mf_call_held(const mayfly_call *c)
{
    return c->end ? c->context : NULL;
}

static size_t or_default(size_t value, size_t otherwise)
{
    return value ? value : otherwise;
}

int mayfly_call_new(mayfly_host *host, const mayfly_call_options *options,
                    mayfly_call **ret_call, mayfly_error *err)
{
    mayfly_call_options o = {.size = sizeof o};
    if (!host || !ret_call)
        return mf_error_set(err, MAYFLY_EINVAL, "a call needs a host");
    int rc = mf_options_read(&o, sizeof o, options, "call options", err);
    if (rc == 0)
        rc = mf_host_check(host, err);
    if (rc != 0)
        return rc;
    mayfly_call *c = mf_call_make(host, NULL);
    if (!c)
        return mf_error_nomem(err, "a call");
    mf_host_ref(host);
    c->timeout_ms = o.timeout_ms;
    c->reply_bytes_max = or_default(o.message_bytes_max, CALL_BYTES_MAX);
    size_t most = c->reply_bytes_max > (SIZE_MAX - ARENA_BYTES_MAX) / 16
                      ? 0
                      : ARENA_BYTES_MAX + 16 * c->reply_bytes_max;
    c->arena.max_bytes = or_default(o.arena_bytes_max, most);
    *ret_call = c;
    return 0;
}

void mayfly_call_free(mayfly_call *c)
{
    if (!c || c->is_server || mf_fork_check(c->host->made_under, NULL) != 0)
        return;
    /* under way, the transport has it in hand and `end` runs when it lets go */
    if (mf_call_is_under_way(c) || atomic_load(&c->phase) == MF_CALL_CLAIMED) {
        atomic_store(&c->is_forgotten, 1);
        mf_client_cancel(c);
    } else {
        over(c);
    }
    mf_call_unref(c);
}

static void run_cancel(mf_task *task)
{
    mayfly_call *c = MF_OWNER(task, mayfly_call, cancel_task);
    mf_server_call_cancel(c, MAYFLY_STATUS_CANCELLED);
    mf_call_unref(c);
}

void mf_call_request_cancel(mayfly_call *c)
{
    if (!c->is_server) {
        mf_client_cancel(c);
        return;
    }
    if (atomic_exchange(&c->cancel_asked, 1))
        return;
    atomic_store(&c->cancelled, 1);
    if (!mf_call_try_ref(c))
        return; /* found in the list at the last moment */
    c->cancel_task.run = run_cancel;
    if (mf_loop_post(c->loop, &c->cancel_task) != 0)
        mf_call_unref(c);
}

void mayfly_call_cancel(mayfly_call *c)
{
    if (c && mf_fork_check(c->host->made_under, NULL) == 0)
        mf_call_request_cancel(c);
}

mayfly_arena *mayfly_call_arena(mayfly_call *c)
{
    return &c->arena;
}

/* --- metadata --- */

static mayfly_metadata *meta_room(mayfly_call *c, mf_meta *list)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        mayfly_metadata *items =
            mf_arena_resize(&c->arena, list->items, list->cap * sizeof *items,
                            cap * sizeof *items);
        if (!items)
            return NULL;
        list->items = items;
        list->cap = cap;
    }
    return &list->items[list->n];
}

/* Appends a copy to what is to be sent. 0, ENOMEM or ELIMIT. */
static int append(mayfly_call *c, mf_meta *list, mayfly_str key,
                  mayfly_str value)
{
    int is_bin = mf_key_is_bin(key);
    if (value.len > META_BYTES_MAX || key.len > META_BYTES_MAX)
        return MAYFLY_ELIMIT;
    size_t len = is_bin ? mf_base64_length(value.len) : value.len;
    if (c->out_bytes + key.len + len + 32 > META_BYTES_MAX)
        return MAYFLY_ELIMIT;
    mayfly_metadata *m = meta_room(c, list);
    char *text = m ? mf_arena_raw(&c->arena, key.len + len + 1) : NULL;
    if (!text)
        return MAYFLY_ENOMEM;
    memcpy(text, key.ptr, key.len);
    if (is_bin) {
        mf_base64_encode((const uint8_t *)value.ptr, value.len, text + key.len);
        while (len && text[key.len + len - 1] == '=')
            len--; /* gRPC writes no padding */
    } else if (len) {
        memcpy(text + key.len, value.ptr, len);
    }
    m->key = (mayfly_str){text, key.len};
    m->value = (mayfly_str){text + key.len, len};
    list->n++;
    c->out_bytes += key.len + len + 32;
    return 0;
}

/* One entry; `decoded` says whether the value is base64 on the wire. */
static int take_one(mayfly_call *c, mf_meta *list, mayfly_str key,
                    mayfly_str value, int is_bin)
{
    mayfly_metadata *m = meta_room(c, list);
    char *text = m ? mf_arena_raw(&c->arena, key.len + value.len + 5) : NULL;
    if (!text)
        return MAYFLY_ENOMEM;
    memcpy(text, key.ptr, key.len);
    text[key.len] = '\0';
    char *to = text + key.len + 1;
    size_t len = value.len;
    if (is_bin) {
        if (!mf_base64_decode(value, (uint8_t *)to, &len))
            return 0; /* what cannot be read is dropped */
    } else if (len) {
        memcpy(to, value.ptr, len);
    }
    to[len] = '\0';
    m->key = (mayfly_str){text, key.len};
    m->value = (mayfly_str){to, len};
    list->n++;
    return 0;
}

int mf_meta_take(mayfly_call *c, mf_meta *list, mayfly_str key,
                 mayfly_str value)
{
    if (!mf_key_is_bin(key))
        return take_one(c, list, key, value, 0);
    /* several binary values may have been joined by commas on the way */
    for (size_t at = 0; at <= value.len;) {
        size_t end = at;
        while (end < value.len && value.ptr[end] != ',')
            end++;
        mayfly_str part = {value.ptr + at, end - at};
        int rc = take_one(c, list, key, part, 1);
        if (rc != 0)
            return rc;
        at = end + 1;
    }
    return 0;
}

int mf_meta_check(const char *key, mayfly_str value, int is_trailer,
                  mayfly_error *err)
{
    mayfly_str k = mayfly_str_of(key);
    int is_details = is_trailer && strcmp(key, "grpc-status-details-bin") == 0;
    if (!is_details && !mf_key_ok(k))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "\"%.100s\" is not a metadata key", key);
    if (!mf_key_is_bin(k) && !mf_value_ok(value))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the value of %.100s is not printable ASCII; a key "
                            "that ends in -bin carries any bytes",
                            key);
    return 0;
}

int mf_meta_send(mayfly_call *c, mf_meta *list, const char *key,
                 mayfly_str value, mayfly_error *err)
{
    int rc = append(c, list, mayfly_str_of(key), value);
    if (rc == MAYFLY_ELIMIT)
        return mf_error_set(err, rc, "metadata of more than %d bytes",
                            META_BYTES_MAX);
    return rc ? mf_arena_nomem(&c->arena, "metadata", err) : 0;
}

int mf_meta_put(mayfly_call *c, mf_meta *list, const char *key,
                mayfly_str value, mayfly_error *err)
{
    return take_one(c, list, mayfly_str_of(key), value, 0) == 0
               ? 0
               : mf_arena_nomem(&c->arena, "metadata", err);
}

/* `is_late`: what would be added has been sent already. */
static int add(mayfly_call *c, mf_meta *list, const char *key, mayfly_str value,
               int is_late, mayfly_error *err)
{
    if (is_late)
        return mf_error_set(err, MAYFLY_EINVAL, "%s: has been sent already",
                            key);
    int rc = mf_meta_check(key, value, list == &c->out_trailers, err);
    return rc ? rc : mf_meta_send(c, list, key, value, err);
}

/* A server's answer can be added to until it is handed over; interceptors do so
 * later than handlers. */
static int is_answered(const mayfly_call *c)
{
    return atomic_load(&c->completed) && !mf_intercept_is_inside(c);
}

int mayfly_call_add_metadata(mayfly_call *c, const char *key, mayfly_str value,
                             mayfly_error *err)
{
    if (!c || !key)
        return mf_error_set(err, MAYFLY_EINVAL, "no call or no key");
    int phase = atomic_load(&c->phase); /* hooks run when it is claimed */
    int is_late = c->is_server                ? is_answered(c)
                  : mf_intercept_is_inside(c) ? phase >= MF_CALL_STARTED
                                              : phase != MF_CALL_NEW;
    return add(c, &c->out, key, value, is_late, err);
}

int mayfly_call_add_trailer(mayfly_call *c, const char *key, mayfly_str value,
                            mayfly_error *err)
{
    if (!c || !key)
        return mf_error_set(err, MAYFLY_EINVAL, "no call or no key");
    if (!c->is_server)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "only a handler sends trailers");
    return add(c, &c->out_trailers, key, value, is_answered(c), err);
}

const mayfly_metadata *mayfly_call_metadata(const mayfly_call *c, size_t *ret_n)
{
    *ret_n = c->in.n;
    return c->in.items;
}

const mayfly_metadata *mayfly_call_trailers(const mayfly_call *c, size_t *ret_n)
{
    *ret_n = c->in_trailers.n;
    return c->in_trailers.items;
}

static const mayfly_metadata *find(const mf_meta *list, mayfly_str key)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].key.len == key.len &&
            memcmp(list->items[i].key.ptr, key.ptr, key.len) == 0)
            return &list->items[i];
    return NULL;
}

mayfly_str mayfly_call_find(const mayfly_call *c, const char *key)
{
    mayfly_str k = mayfly_str_of(key);
    const mayfly_metadata *m = find(&c->in, k);
    if (!m)
        m = find(&c->in_trailers, k);
    return m ? m->value : (mayfly_str){NULL, 0};
}

/* --- messages and what a call says of itself --- */

void mf_call_seal(mayfly_bytes framed)
{
    union { /* arena memory that was handed out as const */
        const uint8_t *in;
        uint8_t *out;
    } head = {framed.ptr};
    mf_prefix_write(head.out, framed.len - MF_MESSAGE_HEAD);
}

int mf_call_frame(mayfly_call *c, mayfly_bytes message,
                  mayfly_bytes *ret_framed, mayfly_error *err)
{
    if (message.len > UINT32_MAX)
        return mf_error_set(err, MAYFLY_ELIMIT, "a message of %zu bytes",
                            message.len);
    uint8_t *p = mf_arena_raw(&c->arena, message.len + MF_MESSAGE_HEAD);
    if (!p)
        return mf_error_nomem(err, "a message");
    if (message.len)
        memcpy(p + MF_MESSAGE_HEAD, message.ptr, message.len);
    *ret_framed = (mayfly_bytes){p, message.len + MF_MESSAGE_HEAD};
    return 0;
}

int mayfly_call_status(const mayfly_call *c)
{
    return c->status < 0 ? MAYFLY_STATUS_OK : c->status;
}

mayfly_str mayfly_call_message(const mayfly_call *c)
{
    return c->text;
}

const char *mayfly_call_path(const mayfly_call *c)
{
    return c->path ? c->path : "";
}

int64_t mayfly_call_time_left_ms(const mayfly_call *c)
{
    if (!c->deadline_ns)
        return INT64_MAX;
    uint64_t now = mf_clock_ns();
    if (now > c->deadline_ns)
        return -1 - (int64_t)((now - c->deadline_ns) / 1000000);
    return (int64_t)((c->deadline_ns - now) / 1000000);
}

int mayfly_call_cancelled(const mayfly_call *c)
{
    /* A handler that keeps its loop busy asks before the loop can have seen
     * the deadline pass. */
    return atomic_load_explicit(&c->cancelled, memory_order_acquire) ||
           (c->deadline_ns && mf_clock_ns() > c->deadline_ns);
}
