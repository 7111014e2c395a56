/*
 * proxy/load/recipe.c: copying a load, and doing it.
 *
 * All bytes go into one buffer in one order: what is not text (limits, flags,
 * addresses), then schema files in the order in which they were read, headers
 * that the handlers include, handlers, symbols. That buffer is the content's
 * key, and the options of the repeated load point into it, so nothing is kept
 * twice.
 *
 * Handlers have variables, so a recipe with handlers begins with its unit's
 * name and is shared with no other unit.
 *
 * What stays true: the options of a recipe never change once it is made, so any
 * thread may build by it; the schema that was read with it is taken by the
 * first build, which is one thread at a time by the cache's rule.
 */
#include "proxy/load/recipe.h"

#include "proxy/host/limits.h"
#include "proxy/load/recipe_headers.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    RECIPE_BYTES_MAX = 512 << 20,
    FORMAT = 1,
    NAME_BYTES_MAX = 2048,
    PATIENCE = 1000, /* times that a version is asked for its state, ... */
    PAUSE_US = 1000  /* ... with so long in between */
};
enum { UNARY = 'u', STREAMS = 's' };

typedef struct source_list { /* a growing list */
    mayfly_source *items;
    size_t n, cap;
} source_list;

typedef struct kept { /* what a recipe's `made` is */
    mf_alloc *alloc;
    mf_buf bytes;
    mayfly_load_options options;
    mayfly_limits limits;
    source_list files;
    const char *first; /* the name of the file that was asked for; built in
                          where it is not one of `files` */
    size_t n_services; /* of the schema's root files */
    const char
        *methods; /* of these: a letter and the path, one behind the other */
    size_t n_methods;
    mayfly_source *handlers;
    source_list headers;       /* what these include */
    mayfly_include_fn include; /* the caller's, for what is not among them */
    void *include_state;
    mayfly_symbol *symbols;
    const char **header_dirs, **defines, **libraries, **library_dirs;
    mf_recipe_ready ready;           /* until it is built */
    mayfly_diagnostic_fn diagnostic; /* the caller's, who is still there when
                                        the reader itself builds first */
    void *diagnostic_state;
    pthread_t reader;
    int failed; /* no memory, while texts are recorded */
} kept;

/* --- copying --- */

/* Text is found by its place while the buffer may still move. */
static const char *place_of(const kept *k)
{
    return (const char *)(uintptr_t)k->bytes.len;
}

static const char *text_at(const kept *k, const char *place)
{
    return place ? (const char *)k->bytes.ptr + (uintptr_t)place - 1 : NULL;
}

/* Appends a text with its length in front and a zero behind. */
static const char *put(kept *k, const char *text, size_t len)
{
    uint64_t n = len;
    mf_buf_put(&k->bytes, &n, sizeof n);
    const char *at = place_of(k) + 1; /* 0 is for NULL */
    mf_buf_put(&k->bytes, text, len);
    mf_buf_put_byte(&k->bytes, 0);
    return at;
}

static const char *put_text(kept *k, const char *text)
{
    return text ? put(k, text, strlen(text)) : NULL;
}

static mayfly_source put_source(kept *k, const char *name, const char *text,
                                size_t len)
{
    mayfly_source copy = {.name = put_text(k, name), .len = len};
    copy.text = put(k, text, len);
    return copy;
}

static void record(kept *k, source_list *to, const char *name, const char *text,
                   size_t len)
{
    if (to->n == to->cap) {
        size_t cap = to->cap ? to->cap * 2 : 4;
        mayfly_source *items =
            mf_alloc_resize(k->alloc, to->items, cap * sizeof *items);
        k->failed |= !items;
        if (!items)
            return;
        to->items = items;
        to->cap = cap;
    }
    to->items[to->n++] = put_source(k, name, text, len);
}

static void record_file(void *state, const char *name, const char *text,
                        size_t len)
{
    kept *k = state;
    record(k, &k->files, name, text, len);
}

static void record_header(void *state, const char *name, const char *text,
                          size_t len)
{
    kept *k = state;
    record(k, &k->headers, name, text, len);
}

static void put_head(kept *k, const char *unit, const mayfly_recipe *recipe,
                     const mayfly_load_options *o)
{
    uint64_t head[] = {FORMAT,
                       MAYFLY_LAYOUT_ABI,
                       recipe->path || recipe->schema,
                       (uint64_t)(o->resident != 0),
                       (uint64_t)(o->strict_presence != 0),
                       o->limits != NULL};
    put_text(k, o->n_handlers ? unit : "");
    mf_buf_put(&k->bytes, head, sizeof head);
    if (o->n_handlers) { /* whom the compiler asks */
        mf_buf_put(&k->bytes, &o->include, sizeof o->include);
        mf_buf_put(&k->bytes, &o->include_state, sizeof(void *));
        mf_buf_put(&k->bytes, &o->resolve, sizeof o->resolve);
        mf_buf_put(&k->bytes, &o->resolve_state, sizeof(void *));
    }
    if (o->limits) { /* checked, or refused by the load */
        k->limits = (mayfly_limits){.size = sizeof k->limits};
        k->failed |= mf_options_read(&k->limits, sizeof k->limits, o->limits,
                                     "limits", NULL) != 0;
        mf_buf_put(&k->bytes, &k->limits, sizeof k->limits);
        k->options.limits = &k->limits;
    }
    k->options.size = sizeof k->options;
    k->options.resident = o->resident;
    k->options.strict_presence = o->strict_presence;
    k->include = o->include;
    k->include_state = o->include_state;
    k->options.resolve = o->resolve;
    k->options.resolve_state = o->resolve_state;
    k->diagnostic = o->diagnostic;
    k->diagnostic_state = o->diagnostic_state;
    k->reader = pthread_self();
}

/* An array of the options, zeroed. */
static void *new_list(kept *k, size_t n, size_t size)
{
    void *list = n ? mf_alloc_zero(k->alloc, n * size) : NULL;
    k->failed |= n && !list;
    return list;
}

/* A list of texts, its length in front. */
static const char **put_texts(kept *k, const char *const *texts, size_t n,
                              size_t *ret_n)
{
    uint64_t count = n;
    const char **copy = new_list(k, n, sizeof *copy);
    mf_buf_put(&k->bytes, &count, sizeof count);
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = put_text(k, texts[i]);
    *ret_n = copy ? n : 0;
    return copy;
}

static void put_lists(kept *k, const mayfly_load_options *o)
{
    mayfly_load_options *to = &k->options;
    k->header_dirs =
        put_texts(k, o->header_dirs, o->n_header_dirs, &to->n_header_dirs);
    k->defines = put_texts(k, o->defines, o->n_defines, &to->n_defines);
    k->libraries = put_texts(k, o->libraries, o->n_libraries, &to->n_libraries);
    k->library_dirs =
        put_texts(k, o->library_dirs, o->n_library_dirs, &to->n_library_dirs);
}

static void put_handlers(kept *k, const mayfly_load_options *o)
{
    uint64_t counts[] = {k->files.n, k->headers.n, o->n_handlers, o->n_symbols};
    mf_buf_put(&k->bytes, counts, sizeof counts);
    k->handlers = new_list(k, o->n_handlers, sizeof *k->handlers);
    for (size_t i = 0; k->handlers && i < o->n_handlers; i++) {
        const mayfly_source *s = &o->handlers[i];
        const char *text = s->text ? s->text : "";
        k->handlers[i] = put_source(k, s->name ? s->name : "", text,
                                    s->len ? s->len : strlen(text));
    }
    k->symbols = new_list(k, o->n_symbols, sizeof *k->symbols);
    for (size_t i = 0; k->symbols && i < o->n_symbols; i++) {
        k->symbols[i].name = put_text(k, o->symbols[i].name);
        k->symbols[i].address = o->symbols[i].address;
        mf_buf_put(&k->bytes, &o->symbols[i].address, sizeof(void *));
    }
    k->options.n_handlers = k->handlers ? o->n_handlers : 0;
    k->options.n_symbols = k->symbols ? o->n_symbols : 0;
}

static void settle_source(const kept *k, mayfly_source *s)
{
    s->name = text_at(k, s->name);
    s->text = text_at(k, s->text);
}

static void settle_texts(const kept *k, const char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        texts[i] = text_at(k, texts[i]);
}

/* What the version was made of comes first. */
static const char *include_kept(void *state, const char *name, size_t *ret_len)
{
    const kept *k = state;
    for (size_t i = 0; i < k->headers.n; i++) {
        if (strcmp(k->headers.items[i].name, name) != 0)
            continue;
        *ret_len = k->headers.items[i].len;
        return k->headers.items[i].text;
    }
    return k->include ? k->include(k->include_state, name, ret_len) : NULL;
}

/* The buffer is full: places become pointers. */
static void settle(kept *k)
{
    for (size_t i = 0; i < k->files.n; i++)
        settle_source(k, &k->files.items[i]);
    for (size_t i = 0; i < k->headers.n; i++)
        settle_source(k, &k->headers.items[i]);
    for (size_t i = 0; i < k->options.n_handlers; i++)
        settle_source(k, &k->handlers[i]);
    for (size_t i = 0; i < k->options.n_symbols; i++)
        k->symbols[i].name = text_at(k, k->symbols[i].name);
    k->first = text_at(k, k->first);
    k->methods = text_at(k, k->methods);
    k->options.files = k->files.items;
    k->options.n_files = k->files.n;
    k->options.include = include_kept;
    k->options.include_state = k;
    k->options.handlers = k->handlers;
    k->options.symbols = k->symbols;
    settle_texts(k, k->header_dirs, k->options.n_header_dirs);
    settle_texts(k, k->defines, k->options.n_defines);
    settle_texts(k, k->libraries, k->options.n_libraries);
    settle_texts(k, k->library_dirs, k->options.n_library_dirs);
    k->options.header_dirs = k->header_dirs;
    k->options.defines = k->defines;
    k->options.libraries = k->libraries;
    k->options.library_dirs = k->library_dirs;
}

/* --- reading --- */

static void drop_ready(mayfly_host *host, kept *k)
{
    mf_built_free(host, k->ready.built);
    mf_schema_unref(k->ready.schema);
    mf_heap_free(k->ready.heap);
    k->ready = (mf_recipe_ready){0};
}

void mf_recipe_free(void *host, void *made)
{
    kept *k = made;
    if (!k)
        return;
    drop_ready(host, k);
    mf_buf_done(&k->bytes);
    mf_alloc_free(k->alloc, k->files.items);
    mf_alloc_free(k->alloc, k->headers.items);
    mf_alloc_free(k->alloc, k->handlers);
    mf_alloc_free(k->alloc, k->symbols);
    mf_alloc_free(k->alloc, k->header_dirs);
    mf_alloc_free(k->alloc, k->defines);
    mf_alloc_free(k->alloc, k->libraries);
    mf_alloc_free(k->alloc, k->library_dirs);
    mf_alloc_free(k->alloc, k);
}

/* What a service has is known without building it. */
static void put_services(kept *k, const mf_file *file)
{
    char text[2 * NAME_BYTES_MAX];
    k->n_services += file->n_services;
    for (uint32_t s = 0; s < file->n_services; s++) {
        const mf_service *service = &file->services[s];
        for (uint32_t m = 0; m < service->n_methods; m++) {
            const mf_method *method = &service->methods[m];
            int streams = method->client_streaming || method->server_streaming;
            snprintf(text, sizeof text, "%c/%s/%s", streams ? STREAMS : UNARY,
                     service->full_name, method->name);
            const char *at = put_text(k, text);
            if (k->n_methods++ == 0)
                k->methods = at;
        }
    }
}

static int read_schema(mayfly_host *host, kept *k, const mayfly_recipe *recipe,
                       const mayfly_load_options *o, mayfly_error *err)
{
    mf_compiler *c = &host->compiler;
    const mf_file *first = NULL;
    mf_sources sources = {.paths = &recipe->path,
                          .n_paths = recipe->path ? 1 : 0,
                          .text = recipe->path     ? NULL
                                  : recipe->schema ? recipe->schema
                                                   : &mf_load_no_schema,
                          .options = o,
                          .record = record_file,
                          .record_state = k};
    mf_recipe_ready *ready = &k->ready;
    ready->heap = mf_heap_new(c->alloc, c->through);
    if (!ready->heap)
        return mf_error_nomem(err, "a schema");
    mf_compiler_begin(c, ready->heap);
    int code = mf_sources_read(&sources, mf_heap_alloc(ready->heap),
                               &ready->schema, &first, err);
    mf_compiler_end(c, ready->heap);
    if (code == 0)
        k->first = put_text(k, first->name);
    for (uint32_t i = 0; code == 0 && i < ready->schema->n_files; i++)
        if (ready->schema->files[i]->is_root)
            put_services(k, ready->schema->files[i]);
    ready->is_strict = o->strict_presence != 0;
    ready->is_plain = !o->n_handlers && !o->resident && !o->limits;
    return code;
}

static int fill(mayfly_host *host, kept *k, const char *unit,
                const mayfly_recipe *recipe, const mayfly_load_options *o,
                mayfly_error *err)
{
    put_head(k, unit, recipe, o);
    int code = read_schema(host, k, recipe, o, err);
    if (code == 0)
        code = mf_headers_find(k->alloc, o, record_header, k, err);
    if (code != 0)
        return code;
    put_handlers(k, o);
    put_lists(k, o);
    code = mf_buf_check(&k->bytes, "the copy of a schema", err);
    if (code == 0 && k->failed)
        code = mf_error_nomem(err, "the copy of a schema");
    mf_buf_fit(&k->bytes);
    if (code == 0)
        settle(k);
    return code;
}

/* What stays of it in the heap, beside what is ready. */
static size_t kept_bytes(const kept *k, size_t *ret_blocks)
{
    const void *const blocks[] = {k,
                                  k->bytes.ptr,
                                  k->files.items,
                                  k->headers.items,
                                  k->handlers,
                                  k->symbols,
                                  k->header_dirs,
                                  k->defines,
                                  k->libraries,
                                  k->library_dirs};
    size_t bytes = 0;
    *ret_blocks = 0;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        bytes += blocks[i] ? mf_alloc_size(blocks[i]) : 0;
        *ret_blocks += blocks[i] != NULL;
    }
    return bytes;
}

int mf_recipe_read(mayfly_host *host, const char *unit,
                   const mayfly_recipe *recipe, mf_recipe *ret_recipe,
                   mayfly_error *err)
{
    mayfly_recipe r = {.size = sizeof r};
    mayfly_load_options o;
    int code = mf_options_read(&r, sizeof r, recipe, "a recipe", err);
    if (code == 0)
        code = mf_load_options_read(r.load, &o, err);
    if (code == 0 && r.path && r.schema)
        code = mf_error_set(err, MAYFLY_EINVAL,
                            "a recipe has a path or a text, not both");
    if (code == 0 && !r.path && !r.schema && !o.n_handlers)
        code = mf_error_set(err, MAYFLY_EINVAL,
                            "a recipe without a schema and without handlers");
    if (code == 0)
        code = mf_load_options_check(host, &o, err);
    if (code != 0)
        return code;
    kept *k = mf_alloc_zero(&host->alloc, sizeof *k);
    if (!k)
        return mf_error_nomem(err, "the copy of a schema");
    k->alloc = &host->alloc;
    mf_buf_init(&k->bytes, &host->alloc, RECIPE_BYTES_MAX);
    code = fill(host, k, unit, &r, &o, err);
    if (code != 0) {
        mf_recipe_free(host, k);
        return code;
    }
    if (r.lazy)
        drop_ready(host, k); /* it may be long until then */
    size_t blocks;
    *ret_recipe = (mf_recipe){
        .made = k,
        .key = k->bytes.ptr,
        .key_len = k->bytes.len,
        .bytes = kept_bytes(k, &blocks),
        .blocks = blocks,
        .label = r.version,
        .lazy = r.lazy,
        .deadline_ns =
            r.wait_ms ? mf_clock_ns() + (uint64_t)r.wait_ms * 1000000 : 0};
    return 0;
}

size_t mf_recipe_services(const mf_recipe *recipe)
{
    const kept *k = recipe->made;
    return k->n_services;
}

mf_recipe_ready *mf_recipe_get_ready(const mf_recipe *recipe)
{
    kept *k = recipe->made;
    return &k->ready;
}

/* --- building --- */

/* The copy of the text that was asked for; NULL: it was a built-in one. */
static const mayfly_source *first_text(const kept *k)
{
    for (size_t i = 0; i < k->files.n; i++)
        if (strcmp(k->files.items[i].name, k->first) == 0)
            return &k->files.items[i];
    return NULL;
}

int mf_recipe_each_method(void *host, void *made, mf_method_fn each,
                          void *state, mayfly_error *err)
{
    const kept *k = made;
    const char *at = k->methods;
    int code = 0;
    (void)host, (void)err;
    for (size_t i = 0; code == 0 && i < k->n_methods; i++) {
        uint64_t len; /* as `put` has it, in front */
        memcpy(&len, at - sizeof len, sizeof len);
        code = each(state, at + 1, at[0] == STREAMS);
        at += len + 1 + sizeof len;
    }
    return code;
}

static void on_unloaded(void *host, mayfly_context *context)
{
    mf_units_unloaded(((mayfly_host *)host)->units, context);
}

int mf_recipe_build(void *host, void *made, const char *name,
                    mayfly_context *previous, mayfly_context **ret_context,
                    mayfly_error *err)
{
    kept *k = made;
    const mayfly_source *text = first_text(k);
    mayfly_load_options options = k->options;
    if (k->ready.schema && pthread_equal(k->reader, pthread_self())) {
        options.diagnostic = k->diagnostic;
        options.diagnostic_state = k->diagnostic_state;
    }
    /* It is held, but closed for a moment where somebody tries to unload it. In
     * the end it is gone for good, and has nothing to hand over. */
    int code, tries = PATIENCE;
    do {
        options.previous = tries > 1 ? previous : NULL;
        mf_load load = {.sources = {.text = text,
                                    .paths = &k->first,
                                    .n_paths = text ? 0 : 1,
                                    .options = &options},
                        .begins = 1,
                        .heap = k->ready.heap,
                        .schema = k->ready.schema,
                        .built = k->ready.built,
                        .unloaded = on_unloaded};
        /* taken over, whatever comes of it */
        k->ready = (mf_recipe_ready){0};
        code = mf_load_run(host, name, &load, ret_context, err);
    } while (code == MAYFLY_EUNLOADED && options.previous && --tries &&
             usleep(PAUSE_US) == 0);
    return code;
}
