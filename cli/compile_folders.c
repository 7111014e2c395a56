/*
 * cli/compile_folders.c: mayfly compile, for folders.
 *
 * Everything in them is loaded as a host would load it when it starts, as one
 * job, and unloaded again. What is wrong with some does not keep the others
 * from being loaded: it is told when all is done, in the order of the files.
 */
#include "cli/compile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 8, UNLOAD_MS = 10000 };

typedef struct job {
    const cli_compile_options *options;
    mayfly_host *host;
    cli_progress progress;
    mayfly_bulk *bulk; /* of the last cycle */
    mayfly_bulk_info info;
    size_t code_bytes, schema_bytes; /* while all is loaded */
    size_t retained_bytes;           /* when nothing is any more */
    unsigned long unload_us;
} job;

int cli_compile_has_folder(const cli_compile_options *c)
{
    struct stat st;
    for (size_t i = 0; i < c->schemas.n; i++)
        if (stat(c->schemas.items[i], &st) == 0 && S_ISDIR(st.st_mode))
            return 1;
    return 0;
}

static unsigned long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long)t.tv_sec * 1000000 + (unsigned long)t.tv_nsec / 1000;
}

static int show(void *state, const mayfly_bulk_progress *p)
{
    job *j = state;
    cli_progress_show(&j->progress, p->done, p->total, p->failed,
                      p->result->path);
    return 0;
}

static unsigned threads(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

/* Bytes in the host's arenas: compiled code, schemas, and, when `all`, what the
 * compiler holds. */
static int measure(job *j, size_t *ret_code, size_t *ret_schema,
                   size_t *ret_compile, mayfly_error *err)
{
    mayfly_memory_report *r;
    int code = mayfly_memory_report_host(
        j->host, MAYFLY_MEMORY_OPTIONS(.parts = MAYFLY_MEMORY_CENSUS), &r, err);
    if (code != 0)
        return code;
    *ret_code = mayfly_memory_report_bytes(r, "code");
    *ret_schema = mayfly_memory_report_bytes(r, "schema");
    *ret_compile = mayfly_memory_report_bytes(r, "compile");
    mayfly_memory_report_free(r);
    return 0;
}

static int unload(job *j, mayfly_error *err)
{
    size_t n, code_bytes, schema_bytes, compile_bytes;
    const mayfly_bulk_result *r = mayfly_bulk_results(j->bulk, &n);
    unsigned long start = now_us();
    int code = 0;
    for (size_t i = 0; code == 0 && i < n; i++) {
        mayfly_unit *unit;
        if (r[i].code != 0 || r[i].is_left_out)
            continue;
        code = mayfly_unit_find(j->host, r[i].unit, &unit, err);
        if (code != 0)
            break;
        code = mayfly_unit_remove(unit, UNLOAD_MS, err);
        mayfly_unit_unref(unit);
    }
    j->unload_us = now_us() - start;
    mayfly_host_trim(j->host);
    if (code == 0)
        code = measure(j, &code_bytes, &schema_bytes, &compile_bytes, err);
    if (code == 0)
        j->retained_bytes = code_bytes + schema_bytes + compile_bytes;
    return code;
}

/* Loads all, and unloads all. */
static int cycle(job *j, mayfly_error *err)
{
    const cli_compile_options *c = j->options;
    size_t unused;
    mayfly_bulk_free(j->bulk);
    j->bulk = NULL;
    cli_progress_begin(&j->progress);
    int code = mayfly_bulk_load(
        j->host,
        MAYFLY_BULK_OPTIONS(
                .paths = c->schemas.items, .n_paths = c->schemas.n,
                .threads = threads(), .progress = show, .progress_state = j,
                .load = MAYFLY_LOAD_OPTIONS(.include_dirs = c->dirs.items,
                                            .n_include_dirs = c->dirs.n)),
        &j->bulk, err);
    cli_progress_end(&j->progress);
    if (code != 0)
        return code;
    j->info.size = sizeof j->info;
    mayfly_bulk_get_info(j->bulk, &j->info);
    code = measure(j, &j->code_bytes, &j->schema_bytes, &unused, err);
    return code == 0 ? unload(j, err) : code;
}

/* --- telling --- */

static void put_error(const mayfly_bulk_result *r, FILE *to)
{
    fputs(", \"error\": {\"code\": ", to);
    cli_put_json(to, mayfly_error_name(r->code));
    fprintf(to, ", \"line\": %d, \"column\": %d, \"text\": ", r->line,
            r->column);
    cli_put_json(to, r->message);
    fputs("}, \"findings\": [", to);
    for (size_t i = 0; i < r->n_findings; i++) {
        const mayfly_diagnostic *d = &r->findings[i];
        fprintf(to, "%s{\"file\": ", i ? ", " : "");
        cli_put_json(to, d->file);
        fprintf(to,
                ", \"line\": %d, \"column\": %d, \"warning\": %s, \"text\": ",
                d->line, d->column, d->is_warning ? "true" : "false");
        cli_put_json(to, d->text);
        fputc('}', to);
    }
    fputc(']', to);
}

static void put_json(const job *j, FILE *to)
{
    size_t n;
    const mayfly_bulk_result *r = mayfly_bulk_results(j->bulk, &n);
    fputs("{\n  \"units\": [", to);
    for (size_t i = 0; i < n; i++) {
        fprintf(to, "%s\n    {\"unit\": ", i ? "," : "");
        cli_put_json(to, r[i].unit);
        fputs(", \"path\": ", to);
        cli_put_json(to, r[i].path);
        fprintf(to, ", \"took_us\": %llu", (unsigned long long)r[i].took_us);
        if (r[i].code != 0)
            put_error(&r[i], to);
        fputc('}', to);
    }
    fprintf(to,
            "%s],\n"
            "  \"loaded\": %zu,\n"
            "  \"failed\": %zu,\n"
            "  \"threads\": %u,\n"
            "  \"cycles\": %lu,\n"
            "  \"times_us\": {\"load\": %llu, \"unload\": %lu},\n"
            "  \"bytes\": {\"code\": %zu, \"schema\": %zu},\n"
            "  \"retained\": {\"arena_bytes\": %zu}\n"
            "}\n",
            n ? "\n  " : "", j->info.loaded, j->info.failed, j->info.threads,
            j->options->cycles, (unsigned long long)j->info.took_us,
            j->unload_us, j->code_bytes, j->schema_bytes, j->retained_bytes);
}

static void put_text(const job *j, FILE *to)
{
    size_t n = j->info.loaded, all = n + j->info.failed;
    double ms = (double)j->info.took_us / 1000;
    fprintf(to, "loaded %zu of %zu schemas in %.1f ms", n, all, ms);
    if (n)
        fprintf(to, ": %.0f a second; %zu bytes of code and %zu of schema each",
                (double)n * 1000 / (ms > 0 ? ms : 1), j->code_bytes / n,
                j->schema_bytes / n);
    fprintf(to, "\nunloaded in %.1f ms: %zu bytes retained\n",
            (double)j->unload_us / 1000, j->retained_bytes);
}

/* What is wrong, on standard error. */
static void tell_errors(const job *j)
{
    size_t n;
    const mayfly_bulk_result *r = mayfly_bulk_results(j->bulk, &n);
    for (size_t i = 0; i < n; i++) {
        mayfly_error err = {.code = r[i].code, .line = r[i].line};
        cli_diagnostics seen = {"", 0};
        for (size_t k = 0; k < r[i].n_findings; k++)
            cli_diagnostic(&seen, &r[i].findings[k]);
        snprintf(err.message, sizeof err.message, "%s", r[i].message);
        if (r[i].code != 0)
            cli_fail_load(&err, &seen);
    }
    if (j->info.failed)
        cli_fail("%zu of %zu schemas failed", j->info.failed,
                 j->info.failed + j->info.loaded);
}

static int write_report(const job *j)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    if (!to)
        return cli_fail("out of memory");
    if (j->options->json)
        put_json(j, to);
    else
        put_text(j, to);
    int rc = fclose(to) == 0 ? cli_write(j->options->output, text, len)
                             : cli_fail("out of memory");
    free(text);
    return rc;
}

int cli_compile_folders(const cli_compile_options *c)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    job j = {.options = c};
    if (mayfly_host_new(NULL, &j.host, &err) != 0)
        return cli_fail_error(&err);
    int code = 0, rc;
    for (unsigned long i = 0; code == 0 && i < c->cycles; i++)
        code = cycle(&j, &err);
    if (code != 0) {
        rc = cli_fail_error(&err);
    } else {
        rc = write_report(&j);
        tell_errors(&j);
        if (j.info.failed)
            rc = CLI_FAILED;
    }
    mayfly_bulk_free(j.bulk);
    mayfly_host_free(j.host);
    return rc;
}
