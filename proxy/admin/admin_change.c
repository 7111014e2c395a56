/*
 * proxy/admin/admin_change.c: why, load, swap and unload.
 *
 * What is asked about or unloaded is named "unit", "unit@version" or by a
 * context's own name, and looked for in this order: a unit and a version that
 * it has; any context that is not unloaded, which finds what was loaded without
 * a unit, and versions that have left theirs and do not go.
 *
 * Nothing is built to be looked at: a version that was evicted is told so.
 *
 * Threads: those that answer. They wait, but not beyond the socket's end.
 */
#include "proxy/admin/admin.h"

#include "base/census.h"
#include "base/error.h"
#include "cache/units/units.h"

#include <mayfly/cache.h>
#include <mayfly/why.h>

#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 1000, SLICE_MS = 100 };

/* --- what is named -----------------------------------------------------------
 */

/* A version that is looked for by its label, or else by its number. */
typedef struct sought {
    const char *text;
    uint64_t by_label, by_number; /* 0: not found */
} sought;

static void look_at(void *state, const mayfly_version_info *v)
{
    sought *s = state;
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)v->version);
    if (strcmp(v->label, s->text) == 0)
        s->by_label = v->version;
    else if (strcmp(number, s->text) == 0)
        s->by_number = v->version;
}

static int find_version(mf_admin_reply *r, mayfly_unit *unit, const char *text,
                        uint64_t *ret, mayfly_error *err)
{
    sought s = {.text = text};
    int code = mayfly_cache_each(r->host, unit, look_at, &s, err);
    if (code != 0)
        return code;
    *ret = s.by_label ? s.by_label : s.by_number;
    return *ret ? 0
                : mf_error_set(err, MAYFLY_ENOTFOUND,
                               "unit \"%s\" has no version \"%.100s\"",
                               mayfly_unit_name(unit), text);
}

/* Something named in a request. */
typedef struct target {
    mayfly_unit *unit;       /* a reference; NULL: a context by itself */
    uint64_t version;        /* 0: all of it, or the current one */
    mayfly_context *context; /* a reference; NULL: not loaded */
} target;

static void let_go(target *t)
{
    mayfly_unit_unref(t->unit);
    mayfly_context_unref(t->context);
}

/* The unit, and the version that stands behind the name. 0 or ENOTFOUND. */
static int find_unit(mf_admin_reply *r, const char *name, target *ret,
                     mayfly_error *err)
{
    const char *at = strchr(name, '@');
    char text[256]; /* longer than any unit's name */
    size_t n = at ? (size_t)(at - name) : strlen(name);
    if (n >= sizeof text)
        return mf_error_set(err, MAYFLY_ENOTFOUND, "no unit \"%.200s\"", name);
    memcpy(text, name, n);
    text[n] = '\0';
    int code = mayfly_unit_find(r->host, text, &ret->unit, err);
    if (code == 0 && at)
        code = find_version(r, ret->unit, at + 1, &ret->version, err);
    if (code == 0)
        ret->context = mf_unit_peek(ret->unit, ret->version);
    return code;
}

static int find(mf_admin_reply *r, const char *name, target *ret,
                mayfly_error *err)
{
    mayfly_error none = MAYFLY_ERROR_INIT;
    *ret = (target){NULL, 0, NULL};
    int code = find_unit(r, name, ret, &none);
    if (code == 0 && (ret->context || !ret->version))
        return 0;
    mayfly_context *other = mf_registry_find(r->host->contexts, name);
    if (other) {
        let_go(ret);
        *ret = (target){NULL, 0, other};
        return 0;
    }
    if (code == 0)
        return 0; /* a version that is not loaded */
    let_go(ret);
    *ret = (target){NULL, 0, NULL};
    return mf_error_copy(err, &none);
}

/* --- why ---------------------------------------------------------------------
 */

int mf_admin_why(mf_admin_reply *r, const mf_admin_request *q,
                 mayfly_error *err)
{
    target t;
    mayfly_why_report *report = NULL;
    int code = find(r, q->unit, &t, err);
    if (code != 0)
        return code;
    if (!t.context)
        code = mf_error_set(err, MAYFLY_EUNLOADED,
                            "\"%s\" is not loaded: nothing is there to hold",
                            q->unit);
    if (code == 0)
        code = mayfly_why(t.context, NULL, &report, err);
    if (code == 0) {
        mf_json_put_str(&r->json, "context", mayfly_context_name(t.context));
        mf_admin_put_json(&r->json, "why", mayfly_why_json(report));
        if (q->text)
            mf_json_put_str(&r->json, "text", mayfly_why_text(report));
    }
    mayfly_why_free(report);
    let_go(&t);
    return code;
}

/* --- load and swap -----------------------------------------------------------
 */

static void put_receipt(mf_admin_reply *r, const mf_admin_request *q,
                        const mayfly_receipt *receipt)
{
    mf_admin_put_json(&r->json, "receipt", mayfly_receipt_json(receipt));
    if (q->text)
        mf_json_put_str(&r->json, "text", mayfly_receipt_text(receipt));
}

/* A context's receipt as it is now. */
static int put_receipt_of(mf_admin_reply *r, const mf_admin_request *q,
                          mayfly_context *context, mayfly_error *err)
{
    mayfly_receipt *receipt = NULL;
    int code = mayfly_context_receipt(context, &receipt, err);
    if (code == 0)
        put_receipt(r, q, receipt);
    mayfly_receipt_free(receipt);
    return code;
}

/* What a request is to be built from. The result points into it and `ret_load`.
 */
static mayfly_recipe recipe_of(mf_admin_reply *r, const mf_admin_request *q,
                               mayfly_load_options *ret_load)
{
    *ret_load = (mayfly_load_options){.size = sizeof *ret_load,
                                      .include_dirs = q->include_dirs.items,
                                      .n_include_dirs = q->include_dirs.n,
                                      .files = q->files.items,
                                      .n_files = q->files.n,
                                      .handlers = q->handlers.items,
                                      .n_handlers = q->handlers.n,
                                      .header_dirs = q->header_dirs.items,
                                      .n_header_dirs = q->header_dirs.n,
                                      .diagnostic = mf_admin_finding,
                                      .diagnostic_state = r};
    return (mayfly_recipe){.size = sizeof(mayfly_recipe),
                           .version = q->version,
                           .path = q->path,
                           .schema = q->schema.text ? &q->schema : NULL,
                           .load = ret_load};
}

int mf_admin_load(mf_admin_reply *r, const mf_admin_request *q,
                  mayfly_error *err)
{
    mayfly_load_options load;
    mayfly_recipe recipe = recipe_of(r, q, &load);
    mayfly_unit *unit;
    uint64_t version;
    int code =
        mayfly_unit_load(r->host, q->unit, &recipe, &unit, &version, err);
    if (code != 0)
        return code;
    mf_json_put_str(&r->json, "unit", q->unit);
    mf_json_put_u64(&r->json, "version", version);
    mf_json_put_bool(&r->json, "current", mayfly_unit_version(unit) == version);
    mayfly_context *context = mf_unit_peek(unit, version);
    if (context) /* it may have been evicted again */
        code = put_receipt_of(r, q, context, err);
    mayfly_context_unref(context);
    mayfly_unit_unref(unit);
    return code;
}

/* By what the request brings, or back or forth to what is there. */
static int swap(mf_admin_reply *r, const mf_admin_request *q, mayfly_unit *unit,
                mayfly_swap *ret, mayfly_error *err)
{
    mayfly_load_options load;
    mayfly_recipe recipe = recipe_of(r, q, &load);
    mayfly_swap_options options = {.size = sizeof options,
                                   .keep = q->keep,
                                   .wait_ms = q->has_wait ? (unsigned)q->wait_ms
                                                          : WAIT_MS};
    uint64_t version;
    if (recipe.path || recipe.schema || load.n_handlers)
        return mayfly_unit_swap(unit, &recipe, &options, ret, err);
    int code = find_version(r, unit, q->version, &version, err);
    return code ? code : mayfly_unit_use(unit, version, &options, ret, err);
}

int mf_admin_swap(mf_admin_reply *r, const mf_admin_request *q,
                  mayfly_error *err)
{
    mayfly_unit *unit;
    mayfly_swap done = {0};
    int code = mayfly_unit_find(r->host, q->unit, &unit, err);
    if (code != 0)
        return code;
    code = swap(r, q, unit, &done, err);
    mayfly_unit_unref(unit);
    if (code != 0)
        return code;
    mf_json *j = &r->json;
    mf_json_put_str(j, "unit", q->unit);
    mf_json_put_u64(j, "from", done.from);
    mf_json_put_u64(j, "to", done.to);
    mf_json_put_u64(j, "build_us", done.build_us);
    mf_json_put_u64(j, "swap_us", done.swap_us);
    mf_json_put_bool(j, "kept", q->keep && done.from != done.to);
    mf_json_put_bool(j, "gone", done.gone);
    if (done.receipt)
        put_receipt(r, q, done.receipt);
    mayfly_receipt_free(done.receipt);
    return 0;
}

/* --- unload ------------------------------------------------------------------
 */

/* Waits for a context that is closed for good, in slices, for the socket may be
 * closed meanwhile. */
static int wait_gone(mf_admin_reply *r, const mf_admin_request *q,
                     mayfly_context *context, uint64_t deadline_ns,
                     mayfly_error *err)
{
    for (;;) {
        uint64_t now = mf_clock_ns();
        uint64_t left =
            now < deadline_ns ? (deadline_ns - now) / 1000000 + 1 : 0;
        unsigned wait_ms = left < SLICE_MS ? (unsigned)left : SLICE_MS;
        int code = mayfly_unload(
            context,
            MAYFLY_UNLOAD_OPTIONS(.wait_ms = wait_ms, .force = q->force), NULL,
            err);
        if (code != MAYFLY_EBUSY || !left || atomic_load(&r->admin->is_closing))
            return code == MAYFLY_EUNLOADED ? 0 : code;
    }
}

/* One that is unloaded as soon as nothing holds it; `shared`: another unit has
 * it, too, so it stays. */
static int put_left(mf_admin_reply *r, const mf_admin_request *q,
                    mayfly_context *context, int shared, uint64_t deadline_ns,
                    mayfly_error *err)
{
    mf_json *j = &r->json;
    mayfly_error held = MAYFLY_ERROR_INIT;
    int code = 0;
    int gone = !shared && wait_gone(r, q, context, deadline_ns, &held) == 0;
    mf_json_open(j, '{');
    mf_json_put_str(j, "context", mayfly_context_name(context));
    mf_json_put_bool(j, "gone", gone);
    mf_json_put_bool(j, "shared", shared);
    if (gone)
        code = put_receipt_of(r, q, context, err);
    else if (!shared)
        mf_json_put_str(j, "held", held.message);
    mf_json_close(j, '}');
    return code;
}

/* The same for one that has just left a unit. */
static int put_former(mf_admin_reply *r, const mf_admin_request *q,
                      mayfly_context *context, uint64_t deadline_ns,
                      mayfly_error *err)
{
    int shared = mayfly_context_get_state(context) == MAYFLY_LIVE;
    return put_left(r, q, context, shared, deadline_ns, err);
}

/* The contexts of a unit that are there. */
typedef struct found {
    mf_alloc *alloc;
    uint64_t *versions;
    size_t n;
    int no_memory;
} found;

static void note_version(void *state, const mayfly_version_info *v)
{
    found *f = state;
    uint64_t *more =
        mf_alloc_resize(f->alloc, f->versions, (f->n + 1) * sizeof *more);
    if (!more) {
        f->no_memory = 1;
        return;
    }
    f->versions = more;
    f->versions[f->n++] = v->version;
}

static uint64_t deadline_of(const mf_admin_request *q)
{
    return mf_clock_ns() + (q->has_wait ? q->wait_ms : WAIT_MS) * 1000000;
}

static int unload_unit(mf_admin_reply *r, const mf_admin_request *q,
                       mayfly_unit *unit, mayfly_error *err)
{
    found f = {.alloc = &r->host->alloc};
    mayfly_error removed = MAYFLY_ERROR_INIT;
    int code = mayfly_cache_each(r->host, unit, note_version, &f, err);
    size_t bytes = f.n * sizeof(mayfly_context *);
    mayfly_context **contexts = bytes ? mf_alloc_zero(f.alloc, bytes) : NULL;
    if (code == 0 && (f.no_memory || (bytes && !contexts)))
        code = mf_error_nomem(err, "an unload");
    for (size_t i = 0; code == 0 && i < f.n; i++)
        contexts[i] = mf_unit_peek(unit, f.versions[i]);
    if (code == 0 && mayfly_unit_remove(unit, 0, &removed) != 0 &&
        removed.code != MAYFLY_EBUSY) /* which is told one by one */
        code = mf_error_copy(err, &removed);
    uint64_t deadline_ns = deadline_of(q);
    for (size_t i = 0; code == 0 && i < f.n; i++)
        if (contexts[i])
            code = put_former(r, q, contexts[i], deadline_ns, err);
    for (size_t i = 0; contexts && i < f.n; i++)
        mayfly_context_unref(contexts[i]);
    mf_alloc_free(f.alloc, contexts);
    mf_alloc_free(f.alloc, f.versions);
    return code;
}

/* One by itself: when it is held, and not forced, it stays as it was. */
static int unload_context(mf_admin_reply *r, const mf_admin_request *q,
                          mayfly_context *context, mayfly_error *err)
{
    mayfly_unload_options softly = {
        .size = sizeof softly,
        .wait_ms = q->has_wait ? (unsigned)q->wait_ms : WAIT_MS};
    int code = 0;
    if (!q->force && mayfly_context_get_state(context) == MAYFLY_LIVE)
        code = mayfly_unload(context, &softly, NULL, err);
    return code ? code : put_left(r, q, context, 0, deadline_of(q), err);
}

int mf_admin_unload(mf_admin_reply *r, const mf_admin_request *q,
                    mayfly_error *err)
{
    target t;
    int code = find(r, q->unit, &t, err);
    if (code != 0)
        return code;
    mf_json_name(&r->json, "contexts");
    mf_json_open(&r->json, '[');
    if (!t.unit) {
        code = unload_context(r, q, t.context, err);
    } else if (!t.version) {
        code = unload_unit(r, q, t.unit, err);
    } else {
        code = mayfly_unit_drop(t.unit, t.version, err);
        if (code == 0 && t.context)
            code = put_former(r, q, t.context, deadline_of(q), err);
    }
    mf_json_close(&r->json, ']');
    let_go(&t);
    return code;
}
