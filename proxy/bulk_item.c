/*
 * proxy/bulk_item.c: one unit of a job.
 *
 * What a load would tell as it goes is kept with the unit, since units are
 * loaded by several threads and told by one. A unit's texts are blocks of their
 * own: most have none beside their names.
 *
 * Where there is no memory for a text, it is left out, the code stays.
 *
 * Threads: an item is one thread's until it is over, then the caller's.
 */
#include "proxy/bulk.h"

#include "base/error.h"
#include "base/file.h"
#include "base/options.h"

#include <string.h>
#include <unistd.h>

enum { FIRST_FINDINGS = 4, FINDINGS_MAX = 1000, HANDLERS_BYTES_MAX = 16 << 20 };

/* What one load needs while it runs. */
typedef struct loading {
    mayfly_bulk *bulk;
    mf_bulk_item *item;
    mayfly_recipe recipe;
    mayfly_load_options load;
    mayfly_source *handlers; /* the caller's and the unit's own; or NULL */
    char *handler_path;
    char *handler_text;
} loading;

/* --- results --- */

static const char *copy(mf_alloc *alloc, const char *text)
{
    const char *to = text && text[0] ? mf_alloc_strdup(alloc, text) : NULL;
    return to ? to : "";
}

static void free_text(mf_alloc *alloc, const char *text)
{
    if (text && text[0])
        mf_alloc_free(alloc, (char *)(uintptr_t)text);
}

static void keep_finding(void *state, const mayfly_diagnostic *d)
{
    const loading *l = state;
    mf_alloc *alloc = l->bulk->alloc;
    mf_bulk_item *item = l->item;
    mayfly_bulk_result *r = &item->result;
    if (r->n_findings == item->findings_cap) {
        size_t cap =
            item->findings_cap ? item->findings_cap * 2 : FIRST_FINDINGS;
        mayfly_diagnostic *more =
            cap > FINDINGS_MAX
                ? NULL
                : mf_alloc_resize(alloc, item->findings, cap * sizeof *more);
        if (!more)
            return;
        item->findings = more;
        item->findings_cap = cap;
        r->findings = more;
    }
    mayfly_diagnostic *to = &item->findings[r->n_findings++];
    *to = *d;
    to->file = copy(alloc, d->file);
    to->text = copy(alloc, d->text);
}

void mf_bulk_end(mayfly_bulk *b, mf_bulk_item *item, int code,
                 const mayfly_error *err)
{
    mayfly_bulk_result *r = &item->result;
    item->is_over = 1;
    r->code = code;
    if (code == 0)
        return;
    r->message = copy(b->alloc, err->message);
    r->line = err->line;
    r->column = err->column;
}

static const mayfly_load_options *options_of(const mayfly_bulk *b,
                                             const mf_bulk_item *item)
{
    return item->recipe ? item->recipe->load : &b->load;
}

void mf_bulk_tell_findings(const mayfly_bulk *b, const mf_bulk_item *item)
{
    const mayfly_bulk_result *r = &item->result;
    mayfly_load_options o;
    if (!r->n_findings ||
        mf_load_options_read(options_of(b, item), &o, NULL) != 0 ||
        !o.diagnostic)
        return;
    for (size_t i = 0; i < r->n_findings; i++)
        o.diagnostic(o.diagnostic_state, &r->findings[i]);
}

void mf_bulk_item_done(mayfly_bulk *b, mf_bulk_item *item)
{
    const mayfly_bulk_result *r = &item->result;
    for (size_t i = 0; i < r->n_findings; i++) {
        free_text(b->alloc, r->findings[i].file);
        free_text(b->alloc, r->findings[i].text);
    }
    mf_alloc_free(b->alloc, item->findings);
    free_text(b->alloc, r->message);
    free_text(b->alloc, r->unit);
    free_text(b->alloc, r->path);
}

/* --- the C source beside a schema --- */

static int read_handlers(loading *l, mayfly_error *err)
{
    mf_alloc *alloc = l->bulk->alloc;
    const char *path = l->item->result.path;
    size_t n = strlen(path), tail = strlen(".proto");
    if (n <= tail || strcmp(path + n - tail, ".proto") != 0)
        return 0;
    l->handler_path = mf_alloc_strdup(alloc, path);
    if (!l->handler_path)
        return mf_error_nomem(err, "handlers");
    memcpy(l->handler_path + n - tail, ".c", sizeof ".c");
    if (access(l->handler_path, F_OK) != 0)
        return 0;
    size_t len;
    int code = mf_file_read(alloc, l->handler_path, HANDLERS_BYTES_MAX,
                            &l->handler_text, &len, err);
    if (code == MAYFLY_ENOTFOUND)
        return 0; /* just gone */
    if (code != 0)
        return code;
    size_t given = l->load.n_handlers;
    l->handlers = mf_alloc_zero(alloc, (given + 1) * sizeof *l->handlers);
    if (!l->handlers)
        return mf_error_nomem(err, "handlers");
    for (size_t i = 0; i < given; i++)
        l->handlers[i] = l->load.handlers[i];
    l->handlers[given] = (mayfly_source){l->handler_path, l->handler_text, len};
    l->load.handlers = l->handlers;
    l->load.n_handlers = given + 1;
    return 0;
}

static void loading_done(loading *l)
{
    mf_alloc *alloc = l->bulk->alloc;
    mf_alloc_free(alloc, l->handler_text);
    mf_alloc_free(alloc, l->handlers);
    mf_alloc_free(alloc, l->handler_path);
}

/* --- loading --- */

/* The recipe with findings coming here. */
static int make_recipe(loading *l, mayfly_error *err)
{
    const mf_bulk_item *item = l->item;
    const mayfly_bulk *b = l->bulk;
    int code = 0;
    l->recipe = (mayfly_recipe){.size = sizeof l->recipe};
    if (item->recipe)
        code = mf_options_read(&l->recipe, sizeof l->recipe, item->recipe,
                               "a recipe", err);
    if (code == 0)
        code = mf_load_options_read(options_of(b, item), &l->load, err);
    if (code != 0)
        return code;
    if (!item->recipe) {
        l->recipe.path = item->result.path;
        l->recipe.lazy = b->options.lazy;
        l->load.include_dirs = item->root->dirs;
        l->load.n_include_dirs = item->root->n_dirs;
        if (b->options.handlers)
            code = read_handlers(l, err);
    }
    l->load.diagnostic = keep_finding;
    l->load.diagnostic_state = l;
    l->recipe.load = &l->load;
    return code;
}

static int load(loading *l, mayfly_error *err)
{
    mf_recipe recipe;
    mayfly_unit *unit;
    mayfly_host *host = l->bulk->host;
    mayfly_bulk_result *r = &l->item->result;
    int code = make_recipe(l, err);
    if (code == 0)
        code = mf_recipe_read(host, r->unit, &l->recipe, &recipe, err);
    if (code != 0)
        return code;
    if (l->item->in_folder && l->bulk->options.only_services &&
        mf_recipe_services(&recipe) == 0) {
        mf_recipe_free(host, recipe.made);
        r->is_left_out = 1;
        return 0;
    }
    code =
        mf_units_load(host->units, r->unit, &recipe, &unit, &r->version, err);
    if (code == 0)
        mayfly_unit_unref(unit);
    return code;
}

void mf_bulk_run(mayfly_bulk *b, mf_bulk_item *item)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    loading l = {.bulk = b, .item = item};
    uint64_t start = mf_clock_ns();
    int code = load(&l, &err);
    item->result.took_us = (mf_clock_ns() - start) / 1000;
    loading_done(&l);
    mf_bulk_end(b, item, code, &err);
}
