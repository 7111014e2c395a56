/*
 * proxy/load/bulk_item.c: one unit of a job.
 *
 * What a load would tell as it goes is kept with the unit, since units are
 * loaded by several threads and told by one. A unit's texts are blocks of their
 * own: most have none beside their names.
 *
 * Units are read one by one into a batch, and those that can be are compiled
 * together when it is full: about two hundred functions, for a longer compile
 * is no quicker per function. Then each is loaded as by itself.
 *
 * Where there is no memory for a text, it is left out, the code stays.
 *
 * Threads: an item is one thread's until it is over, then the caller's.
 */
#include "proxy/load/bulk.h"

#include "base/error.h"
#include "base/file.h"
#include "base/options.h"

#include <string.h>
#include <unistd.h>

enum { FIRST_FINDINGS = 4, FINDINGS_MAX = 1000, HANDLERS_BYTES_MAX = 16 << 20 };

typedef mf_bulk_loading loading;

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
    l->asked = (mayfly_recipe){.size = sizeof l->asked};
    if (item->recipe)
        code = mf_options_read(&l->asked, sizeof l->asked, item->recipe,
                               "a recipe", err);
    if (code == 0)
        code = mf_load_options_read(options_of(b, item), &l->load, err);
    if (code != 0)
        return code;
    if (!item->recipe) {
        l->asked.path = item->result.path;
        l->asked.lazy = b->options.lazy;
        l->load.include_dirs = item->root->dirs;
        l->load.n_include_dirs = item->root->n_dirs;
        if (b->options.handlers)
            code = read_handlers(l, err);
    }
    l->load.diagnostic = keep_finding;
    l->load.diagnostic_state = l;
    l->asked.load = &l->load;
    return code;
}

/* 0 with a recipe, or it is over. */
static int read_one(loading *l, mf_recipe *ret_recipe, mayfly_error *err)
{
    mayfly_host *host = l->bulk->host;
    mayfly_bulk_result *r = &l->item->result;
    int code = make_recipe(l, err);
    if (code == 0)
        code = mf_recipe_read(host, r->unit, &l->asked, ret_recipe, err);
    if (code != 0)
        return code;
    if (l->item->in_folder && l->bulk->options.only_services &&
        mf_recipe_services(ret_recipe) == 0) {
        mf_recipe_free(host, ret_recipe->made);
        r->is_left_out = 1;
    }
    return 0;
}

void mf_bulk_read(mayfly_bulk *b, mf_bulk_item *item, mf_bulk_batch *batch)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    loading *l = &batch->loading[batch->n++];
    mf_recipe *recipe = &batch->recipes[batch->n_recipes];
    *l = (loading){.bulk = b, .item = item};
    if (item->is_over)
        return;
    uint64_t start = mf_clock_ns();
    int code = read_one(l, recipe, &err);
    if (code == 0 && !item->result.is_left_out) {
        l->recipe = recipe;
        batch->n_recipes++;
        batch->functions += mf_recipe_functions(b->host, recipe);
    } else {
        loading_done(l);
        mf_bulk_end(b, item, code, &err);
    }
    item->result.took_us = (mf_clock_ns() - start) / 1000;
}

int mf_bulk_is_full(const mf_bulk_batch *batch)
{
    return batch->n == MF_BULK_BATCH || batch->functions >= MF_BULK_FUNCTIONS;
}

static void load_one(loading *l)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_unit *unit;
    mayfly_bulk_result *r = &l->item->result;
    int code = mf_units_load(l->bulk->host->units, r->unit, l->recipe, &unit,
                             &r->version, &err);
    if (code == 0)
        mayfly_unit_unref(unit);
    loading_done(l);
    mf_bulk_end(l->bulk, l->item, code, &err);
}

void mf_bulk_finish(mayfly_bulk *b, mf_bulk_batch *batch)
{
    size_t n = batch->n_recipes;
    uint64_t start = mf_clock_ns();
    if (n > 1)
        mf_recipe_compile_several(b->host, batch->recipes, n);
    uint64_t share_us = n ? (mf_clock_ns() - start) / 1000 / n : 0;
    for (size_t i = 0; i < batch->n; i++) {
        loading *l = &batch->loading[i];
        if (!l->recipe)
            continue;
        start = mf_clock_ns();
        load_one(l);
        l->item->result.took_us += share_us + (mf_clock_ns() - start) / 1000;
    }
    batch->n_recipes = batch->functions = 0;
}
