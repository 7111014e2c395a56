/*
 * cache/receipt.c: what a context cost, and what is left of it.
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
 * A receipt owns its two texts and keeps the host's allocator alive, nothing
 * else.
 */
#include "cache/internal.h"

#include "base/error.h"
#include "base/guest.h"

struct mayfly_receipt {
    mf_alloc *alloc;
    void *host;
    void (*unref_host)(void *host);
    mf_buf text;
    mf_buf json;
    size_t retained;
};

void mf_context_census(const mayfly_context *c, mf_census *census)
{
    if (c->payload.census)
        c->payload.census(c->payload.unit, census);
    mf_bindings_census(c, census);
}

void mf_snapshot_take(mayfly_context *c, mf_snapshot *s, const char *phase)
{
    s->phase = phase;
    s->has_process = c->options.measure_process;
    if (s->has_process) {
        if (c->options.trim)
            c->options.trim(c->options.host);
        mf_process_read(&s->process);
    }
    s->at_ns = mf_clock_ns();
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
        v->phases[i] = c->snapshots[i];
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

static int write_both(mayfly_receipt *r, const mf_receipt_view *v,
                      mayfly_error *err)
{
    mf_receipt_write_text(v, &r->text);
    mf_receipt_write_json(v, &r->json);
    mf_buf_text(&r->text);
    mf_buf_text(&r->json);
    int code = mf_buf_check(&r->text, "a receipt", err);
    return code != 0 ? code : mf_buf_check(&r->json, "a receipt", err);
}

int mayfly_context_receipt(mayfly_context *context,
                           mayfly_receipt **ret_receipt, mayfly_error *err)
{
    if (!context || !ret_receipt)
        return mf_error_set(err, MAYFLY_EINVAL, "no context for a receipt");
    int code = mf_fork_check(context->options.fork_generation, err);
    if (code != 0)
        return code;

    mf_alloc *alloc = context->options.alloc;
    mf_receipt_view *v = mf_alloc_zero(alloc, sizeof *v);
    mayfly_receipt *r = mf_alloc_zero(alloc, sizeof *r);
    if (!v || !r) {
        code = mf_error_nomem(err, "a receipt");
        goto fail;
    }
    r->alloc = alloc;
    mf_buf_init(&r->text, alloc, 0);
    mf_buf_init(&r->json, alloc, 0);
    take_view(context, v);
    r->retained = v->retained_bytes;
    code = write_both(r, v, err);
    if (code != 0) {
        mf_buf_done(&r->text);
        mf_buf_done(&r->json);
        goto fail;
    }
    mf_alloc_free(alloc, v);
    r->host = context->options.host;
    r->unref_host = context->options.unref_host;
    if (context->options.ref_host)
        context->options.ref_host(r->host);
    *ret_receipt = r;
    return 0;

fail:
    mf_alloc_free(alloc, v);
    mf_alloc_free(alloc, r);
    return code;
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
    return receipt->retained;
}

void mayfly_receipt_free(mayfly_receipt *receipt)
{
    if (!receipt)
        return;
    void *host = receipt->host;
    void (*unref_host)(void *) = receipt->unref_host;
    mf_buf_done(&receipt->text);
    mf_buf_done(&receipt->json);
    mf_alloc_free(receipt->alloc, receipt);
    if (unref_host)
        unref_host(host);
}
