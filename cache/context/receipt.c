/*
 * cache/context/receipt.c: what a context cost, and what is left of it.
 *
 * Snapshots are taken at four moments of a context's life; a receipt is a copy
 * of them side by side, as text and as JSON, made when it is asked for. A
 * context that is still live shows the present moment as its last column.
 *
 * "Retained" has two halves. Bytes in arenas are counted exactly, from what the
 * unit's owners say they hold. What the kernel says of the process (private
 * dirty memory, mappings) is compared with the process before the first load of
 * this host, never with an earlier cycle, and only where the host was made with
 * `measure_process`, for reading it costs more than a small load.
 *
 * A receipt of a context that could not be unloaded says why (why.c).
 *
 * A receipt owns its two texts and keeps the host's allocator alive, nothing
 * else.
 */
#include "cache/context/internal.h"

#include "base/error.h"
#include "base/guest.h"

struct mayfly_receipt {
    mf_alloc *alloc;
    void *host;
    void (*ref_host)(void *host);
    void (*unref_host)(void *host);
    size_t beside; /* bytes retained by the receipts that are shown with it */
    mf_buf text;
    mf_buf json;
    mf_receipt_view view; /* with a name of its own */
};

void mf_context_census(const mayfly_context *c, mf_census *census)
{
    if (c->payload.census)
        c->payload.census(c->payload.unit, census);
    mf_bindings_census(c, census);
}

static size_t all_bytes(const mf_census *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->rows[i].bytes;
    return n;
}

/* Copies what there is under the lock. */
static void view_context(mayfly_context *c, mf_receipt_view *v)
{
    pthread_mutex_lock(&c->lock);
    v->context = c->options.name;
    v->state = (enum mayfly_context_state)atomic_load(&c->state);
    v->resident = c->options.resident;
    v->cycles = c->cycles;
    v->n_phases = c->n_snapshots;
    for (int i = 0; i < c->n_snapshots; i++)
        mf_snapshot_recall(c, i, &v->phases[i]);
    v->load_ns = c->load_ns;
    v->generate_ns = c->generate_ns;
    v->compile_ns = c->compile_ns;
    v->unload_ns = c->unload_ns;
    v->retained_bytes = c->left_bytes;
    pthread_mutex_unlock(&c->lock);
}

static void view_retained(mayfly_context *c, mf_receipt_view *v)
{
    const mf_snapshot *last = &v->phases[v->n_phases - 1];
    mf_process first;
    size_t unused;
    mf_registry_get_baseline(c->options.registry, &first, &unused);
    v->retained_bytes += all_bytes(&last->census);
    v->has_process = last->has_process;
    v->retained_mappings =
        (int64_t)last->process.mappings - (int64_t)first.mappings;
    v->retained_dirty_kib = (int64_t)last->process.private_dirty_kib -
                            (int64_t)first.private_dirty_kib;
    v->malloc_used_kib =
        (int64_t)last->process.malloc_used_kib - (int64_t)first.malloc_used_kib;
    v->malloc_retained_kib = (int64_t)last->process.malloc_retained_kib -
                             (int64_t)first.malloc_retained_kib;
}

static void take_view(mayfly_context *c, mf_receipt_view *v)
{
    /* The payload must stay while it is counted: hold it as anybody does. */
    mf_snapshot now = {0};
    int live = mf_lease_take(c, NULL) == 0;
    if (live) {
        mf_context_census(c, &now.census);
        mf_lease_drop(c);
        mf_snapshot_take(c, &now, "now");
    }
    view_context(c, v);
    if (live && v->n_phases == MF_AFTER)
        v->phases[v->n_phases++] = now;
    view_retained(c, v);
}

/* What holds it is looked for only where somebody has waited in vain: it stops
 * the threads of the process for a moment. */
static int find_why(mayfly_context *c, mayfly_why_report **ret,
                    mayfly_error *err)
{
    pthread_mutex_lock(&c->lock);
    int state = atomic_load(&c->state);
    int wanted =
        state == MAYFLY_UNLOADING || (state == MAYFLY_LIVE && c->refused);
    pthread_mutex_unlock(&c->lock);
    int code = wanted ? mayfly_why(c, NULL, ret, err) : 0;
    return code == MAYFLY_EUNLOADED ? 0 : code; /* just gone */
}

static void free_receipt(mayfly_receipt *r)
{
    mf_buf_done(&r->text);
    mf_buf_done(&r->json);
    mf_alloc_free(r->alloc, (char *)(uintptr_t)r->view.context);
    mf_alloc_free(r->alloc, r);
}

/* The view's name is copied, the text made. */
static int finish(mayfly_receipt *r, const mf_receipt_view *beside,
                  mayfly_error *err)
{
    r->view.context = mf_alloc_strdup(r->alloc, r->view.context);
    if (!r->view.context)
        return mf_error_nomem(err, "a receipt");
    mf_receipt_write_text(&r->view, beside, &r->text);
    mf_receipt_write_json(&r->view, beside, &r->json);
    mf_buf_text(&r->text);
    mf_buf_text(&r->json);
    int code = mf_buf_check(&r->text, "a receipt", err);
    return code != 0 ? code : mf_buf_check(&r->json, "a receipt", err);
}

static mayfly_receipt *new_receipt(mf_alloc *alloc)
{
    mayfly_receipt *r = mf_alloc_zero(alloc, sizeof *r);
    if (!r)
        return NULL;
    r->alloc = alloc;
    mf_buf_init(&r->text, alloc, 0);
    mf_buf_init(&r->json, alloc, 0);
    return r;
}

static void keep_host(mayfly_receipt *r, void *host, void (*ref)(void *host),
                      void (*unref)(void *host))
{
    r->host = host;
    r->ref_host = ref;
    r->unref_host = unref;
    if (ref)
        ref(host);
}

int mayfly_context_receipt(mayfly_context *context,
                           mayfly_receipt **ret_receipt, mayfly_error *err)
{
    if (!context || !ret_receipt)
        return mf_error_set(err, MAYFLY_EINVAL, "no context for a receipt");
    const mf_context_options *o = &context->options;
    int code = mf_fork_check(o->fork_generation, err);
    if (code != 0)
        return code;
    mayfly_receipt *r = new_receipt(o->alloc);
    if (!r)
        return mf_error_nomem(err, "a receipt");
    mayfly_why_report *why = NULL;
    code = find_why(context, &why, err);
    if (code == 0) {
        take_view(context, &r->view);
        r->view.why = why;
        code = finish(r, NULL, err);
        r->view.why = NULL;
        mayfly_why_free(why);
    }
    if (code != 0) {
        free_receipt(r);
        return code;
    }
    keep_host(r, o->host, o->ref_host, o->unref_host);
    *ret_receipt = r;
    return 0;
}

int mayfly_receipt_beside(const mayfly_receipt *receipt,
                          const mayfly_receipt *other,
                          mayfly_receipt **ret_receipt, mayfly_error *err)
{
    if (!receipt || !other || !ret_receipt)
        return mf_error_set(err, MAYFLY_EINVAL, "two receipts are needed");
    mayfly_receipt *r = new_receipt(receipt->alloc);
    if (!r)
        return mf_error_nomem(err, "a receipt");
    r->view = receipt->view;
    int code = finish(r, &other->view, err);
    if (code != 0) {
        free_receipt(r);
        return code;
    }
    r->beside = other->view.retained_bytes + other->beside;
    keep_host(r, receipt->host, receipt->ref_host, receipt->unref_host);
    *ret_receipt = r;
    return 0;
}

const char *mayfly_receipt_text(const mayfly_receipt *receipt)
{
    return (const char *)receipt->text.ptr;
}

const char *mayfly_receipt_json(const mayfly_receipt *receipt)
{
    return (const char *)receipt->json.ptr;
}

size_t mayfly_receipt_retained(const mayfly_receipt *receipt)
{
    return receipt->view.retained_bytes + receipt->beside;
}

void mayfly_receipt_free(mayfly_receipt *receipt)
{
    if (!receipt)
        return;
    void *host = receipt->host;
    void (*unref_host)(void *) = receipt->unref_host;
    free_receipt(receipt);
    if (unref_host)
        unref_host(host);
}
