/*
 * cli/serve_load.c: from the files of mayfly serve to a version of its unit.
 *
 * Handlers are read here, and so are the headers that they include: from the
 * folder of the file that asks, then from the folders given by -I. The library
 * copies all text, so a file that changes later changes nothing that was
 * loaded. What is read is watched, if anything is.
 *
 * A handler file without a folder is called "./name", so that what it includes
 * by "" can be told from what is included by <>, for which the system's headers
 * come first where -I has none. That is taken off again where it is shown.
 *
 * Threads: serve_load and serve_swap on one at a time. Headers may be asked for
 * on others, where a version that was unloaded is built again.
 */
#include "cli/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 200, PATH_BYTES = 4096 };

typedef struct finding {    /* what a load reports, until it is clear that */
    struct finding *next;   /* it is of files that were whole */
    mayfly_diagnostic what; /* the texts lie behind this struct */
} finding;

typedef struct reading {
    serve *s;
    mayfly_source *sources; /* one per HANDLERS.c; names and texts are owned */
    size_t n_sources;
    finding *findings, **last;
} reading;

/* --- headers --- */

static const char *keep_header(serve *s, const char *path, size_t *ret_len)
{
    if (access(path, R_OK) != 0)
        return NULL;
    serve_header *h = calloc(1, sizeof *h);
    char *text = h ? cli_read(path, ret_len) : NULL;
    if (!text) {
        free(h);
        return NULL;
    }
    h->text = text;
    h->thread = pthread_self();
    pthread_mutex_lock(&s->lock);
    h->next = s->headers;
    s->headers = h;
    pthread_mutex_unlock(&s->lock);
    return text;
}

/* Those that this thread has asked for, or all. */
static void free_headers(serve *s, int all)
{
    pthread_mutex_lock(&s->lock);
    for (serve_header **at = &s->headers; *at;) {
        serve_header *h = *at;
        if (!all && !pthread_equal(h->thread, pthread_self())) {
            at = &h->next;
            continue;
        }
        *at = h->next;
        free(h->text);
        free(h);
    }
    pthread_mutex_unlock(&s->lock);
}

void serve_free_headers(serve *s)
{
    free_headers(s, 1);
}

static void set_reading(serve *s, int is_reading)
{
    pthread_mutex_lock(&s->lock);
    s->is_reading = is_reading;
    s->reader = pthread_self();
    pthread_mutex_unlock(&s->lock);
}

/* Has a header watched; not for who builds something again. */
static void watch_header(serve *s, const char *path)
{
    pthread_mutex_lock(&s->lock);
    int is_ours = s->is_reading && pthread_equal(s->reader, pthread_self());
    pthread_mutex_unlock(&s->lock);
    if (s->watch && is_ours)
        cli_watch_add(s->watch, path);
}

/* Whether a name is the path of a file beside a handler, or below that. */
static int is_beside(const serve *s, const char *name)
{
    if (strncmp(name, "./", 2) == 0)
        return 1;
    for (size_t i = 1; i < s->operands.n; i++) {
        const char *path = s->operands.items[i];
        const char *slash = strrchr(path, '/');
        if (slash && strncmp(name, path, (size_t)(slash + 1 - path)) == 0)
            return 1;
    }
    return 0;
}

/* A header that was made of a schema that is served comes from memory, and is
 * not asked for here. */
static const char *find_header(void *state, const char *name, size_t *ret_len)
{
    serve *s = state;
    char path[PATH_BYTES];
    const char *text = NULL;
    if (is_beside(s, name)) {
        watch_header(s, name);
        return keep_header(s, name, ret_len);
    }
    for (size_t i = 0; !text && i < s->dirs.n; i++) {
        int n = snprintf(path, sizeof path, "%s/%s", s->dirs.items[i], name);
        if (n < 0 || (size_t)n >= sizeof path)
            continue;
        watch_header(s, path);
        text = keep_header(s, path, ret_len);
    }
    return text;
}

/* --- sources --- */

static int read_source(reading *r, const char *path)
{
    mayfly_source *source = &r->sources[r->n_sources++];
    size_t n = strlen(path) + sizeof "./";
    char *name = malloc(n);
    if (!name)
        return cli_fail("out of memory");
    snprintf(name, n, "%s%s", strchr(path, '/') ? "" : "./", path);
    source->name = name;
    if (r->s->watch)
        cli_watch_add(r->s->watch, path);
    source->text = cli_read(path, &source->len);
    return source->text ? CLI_OK : CLI_FAILED;
}

static int read_sources(reading *r)
{
    const args_list *operands = &r->s->operands;
    int rc = CLI_OK;
    r->sources = calloc(operands->n, sizeof(*r->sources));
    if (!r->sources)
        return cli_fail("out of memory");
    for (size_t i = 1; rc == CLI_OK && i < operands->n; i++)
        rc = read_source(r, operands->items[i]);
    return rc;
}

static void free_sources(reading *r)
{
    for (size_t i = 0; i < r->n_sources; i++) {
        free((char *)(uintptr_t)r->sources[i].name);
        free((char *)(uintptr_t)r->sources[i].text);
    }
    free(r->sources);
}

/* --- loading --- */

static const char *without_here(const char *name)
{
    return name && strncmp(name, "./", 2) == 0 ? name + 2 : name;
}

/* Keeps it: file, text, and a zero behind each. */
static void on_diagnostic(void *state, const mayfly_diagnostic *d)
{
    reading *r = state;
    const char *file = without_here(d->file ? d->file : "");
    size_t file_bytes = strlen(file) + 1, text_bytes = strlen(d->text) + 1;
    finding *f = malloc(sizeof *f + file_bytes + text_bytes);
    if (!f)
        return; /* the load's error tells the first one */
    char *at = (char *)(f + 1);
    f->next = NULL;
    f->what = *d;
    f->what.file = memcpy(at, file, file_bytes);
    f->what.text = memcpy(at + file_bytes, d->text, text_bytes);
    *r->last = f;
    r->last = &f->next;
}

static void tell_findings(const reading *r, cli_diagnostics *seen)
{
    for (const finding *f = r->findings; f; f = f->next)
        cli_diagnostic(seen, &f->what);
}

static void free_findings(reading *r)
{
    while (r->findings) {
        finding *f = r->findings;
        r->findings = f->next;
        free(f);
    }
}

static void on_file(void *state, const char *path)
{
    cli_watch_add(state, path);
}

static int fail(mayfly_error *err, cli_diagnostics *seen)
{
    const char *message = without_here(err->message);
    memmove(err->message, message, strlen(message) + 1);
    return cli_fail_load(err, seen);
}

/* Before a version takes calls: it may be of a file that was half written. */
static int check(void *state, mayfly_context *context, mayfly_error *err)
{
    (void)context;
    (void)err;
    return cli_watch_is_changed(state) ? MAYFLY_ECANCELLED : 0;
}

/* The unit is called as the context of a schema is, but for an "@". */
static int load(serve *s, const mayfly_recipe *recipe, mayfly_error *err)
{
    char name[128];
    cli_context_name(s->operands.items[0], name, sizeof(name));
    for (char *at = name; (at = strchr(at, '@')) != NULL;)
        *at = '_';
    return mayfly_unit_load(s->host, name, recipe, &s->unit, NULL, err);
}

static int load_or_swap(reading *r, mayfly_swap *ret_swap, mayfly_error *err)
{
    serve *s = r->s;
    const mayfly_recipe *recipe =
        MAYFLY_RECIPE(.path = s->operands.items[0],
                      .load =
                          MAYFLY_LOAD_OPTIONS(.include_dirs = s->dirs.items,
                                              .n_include_dirs = s->dirs.n,
                                              .handlers = r->sources,
                                              .n_handlers = r->n_sources,
                                              .include = find_header,
                                              .include_state = s,
                                              .diagnostic = on_diagnostic,
                                              .diagnostic_state = r,
                                              .file = s->watch ? on_file : NULL,
                                              .file_state = s->watch));
    return ret_swap
               ? mayfly_unit_swap(s->unit, recipe,
                                  MAYFLY_SWAP_OPTIONS(.wait_ms = WAIT_MS,
                                                      .check = check,
                                                      .check_state = s->watch),
                                  ret_swap, err)
               : load(s, recipe, err);
}

/* Reads everything; a swap, or the first load where `ret_swap` is NULL. */
static int go(serve *s, mayfly_swap *ret_swap)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    cli_diagnostics seen = {"", 0};
    reading r = {.s = s};
    int code = 0;
    r.last = &r.findings;
    if (s->watch)
        cli_watch_begin(s->watch);
    set_reading(s, 1);
    int rc = read_sources(&r);
    if (rc == CLI_OK)
        code = load_or_swap(&r, ret_swap, &err);
    set_reading(s, 0);
    if (code != 0 && ret_swap && cli_watch_is_changed(s->watch)) {
        rc = SERVE_AGAIN;
    } else {
        tell_findings(&r, &seen);
        if (code != 0)
            rc = fail(&err, &seen);
    }
    if (s->watch && rc == CLI_OK)
        cli_watch_end(s->watch);
    free_headers(s, 0);
    free_findings(&r);
    free_sources(&r);
    return rc;
}

int serve_load(serve *s)
{
    return go(s, NULL);
}

int serve_swap(serve *s, mayfly_swap *ret_swap)
{
    return go(s, ret_swap);
}
