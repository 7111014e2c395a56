/*
 * cli/top_sample.c: from answers of a host to figures per second.
 *
 * The host tells what it has counted since it began. A sample is what it tells
 * now, with the difference to the sample before; the time between is the
 * host's own. Rows are found again by their names. A count that is smaller than
 * before is one that begins anew: then all of it is new.
 */
#include "cli/top.h"

#include <stdlib.h>
#include <string.h>

const char *const top_sort_names[TOP_SORTS] = {"bytes",  "calls", "latency",
                                               "errors", "held",  "name"};

/* --- counts --- */

static void add_calls(top_calls *to, const cli_json *calls)
{
    const cli_json *latency = cli_json_get(calls, "latency");
    const cli_json *n = latency ? latency->first : NULL;
    to->calls += cli_json_number(calls, "calls");
    to->errors += cli_json_number(calls, "errors");
    to->us += cli_json_number(calls, "us");
    for (int i = 0; n && i < MAYFLY_LATENCIES; i++, n = n->next)
        to->latency[i] += strtoull(n->text ? n->text : "0", NULL, 10);
}

static uint64_t since(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

static void subtract(top_calls *to, const top_calls *now,
                     const top_calls *before)
{
    to->calls = since(now->calls, before->calls);
    to->errors = since(now->errors, before->errors);
    to->us = since(now->us, before->us);
    for (int i = 0; i < MAYFLY_LATENCIES; i++)
        to->latency[i] = since(now->latency[i], before->latency[i]);
}

static void sum(top_calls *to, const top_calls *more)
{
    to->calls += more->calls;
    to->errors += more->errors;
    to->us += more->us;
    for (int i = 0; i < MAYFLY_LATENCIES; i++)
        to->latency[i] += more->latency[i];
}

uint64_t top_percentile(const top_calls *calls, unsigned percent)
{
    uint64_t all = 0, seen = 0;
    for (int i = 0; i < MAYFLY_LATENCIES; i++)
        all += calls->latency[i];
    if (all == 0)
        return 0;
    for (int i = 0; i < MAYFLY_LATENCIES - 1; i++) {
        seen += calls->latency[i];
        if (seen * 100 >= all * percent)
            return (uint64_t)4096 << 2 * i;
    }
    return UINT64_MAX;
}

uint64_t top_rate(uint64_t n, uint64_t us)
{
    return us ? (uint64_t)((double)n * 1e6 / (double)us + 0.5) : 0;
}

/* --- rows --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const top_row *)a)->name, ((const top_row *)b)->name);
}

/* Cut where it is too long, but not within a character. */
static void copy_name(char *out, size_t size, const char *name)
{
    size_t n = strlen(name);
    if (n >= size) {
        n = size - 1;
        while (n && ((unsigned char)name[n] & 0xc0) == 0x80)
            n--;
    }
    memcpy(out, name, n);
    out[n] = '\0';
}

/* Versions of one unit come one after the other. */
static void add_version(top_sample *s, const cli_json *v)
{
    top_row *row = s->n_rows ? &s->rows[s->n_rows - 1] : NULL;
    char name[TOP_NAME];
    copy_name(name, sizeof(name), cli_json_text(v, "unit"));
    if (!row || strcmp(row->name, name) != 0) {
        row = &s->rows[s->n_rows++];
        memcpy(row->name, name, sizeof(name));
        add_calls(&row->total, cli_json_get(v, "gone"));
    }
    row->bytes += cli_json_number(v, "bytes");
    row->leases += cli_json_number(v, "leases");
    add_calls(&row->total, cli_json_get(v, "calls"));
    if (cli_json_is(v, "current"))
        copy_name(row->version, sizeof(row->version),
                  cli_json_text(v, "label"));
}

static void add_context(top_sample *s, const cli_json *c)
{
    top_row *row = &s->rows[s->n_rows++];
    copy_name(row->name, sizeof(row->name), cli_json_text(c, "context"));
    snprintf(row->version, sizeof(row->version), "(%s)",
             cli_json_text(c, "state"));
    row->leases = cli_json_number(c, "leases");
    add_calls(&row->total, cli_json_get(c, "calls"));
}

static size_t length(const cli_json *list)
{
    size_t n = 0;
    for (const cli_json *v = list ? list->first : NULL; v; v = v->next)
        n++;
    return n;
}

static int read_rows(top_sample *s, const cli_json *result)
{
    const cli_json *units = cli_json_get(result, "units");
    const cli_json *contexts = cli_json_get(result, "contexts");
    size_t most = length(units) + length(contexts);
    s->rows = calloc(most + 1, sizeof(*s->rows));
    if (!s->rows)
        return cli_fail("out of memory");
    for (const cli_json *v = units ? units->first : NULL; v; v = v->next)
        add_version(s, v);
    for (const cli_json *c = contexts ? contexts->first : NULL; c; c = c->next)
        add_context(s, c);
    qsort(s->rows, s->n_rows, sizeof(*s->rows), by_name);
    return CLI_OK;
}

/* --- a sample --- */

static void read_figures(top_sample *s, const cli_json *result)
{
    const cli_json *process = cli_json_get(result, "process");
    const cli_json *memory = cli_json_get(result, "memory");
    const cli_json *cache = cli_json_get(result, "cache");
    snprintf(s->mayfly, sizeof(s->mayfly), "%s",
             cli_json_text(result, "version"));
    s->at_us = cli_json_number(result, "at_us");
    s->loads = cli_json_number(result, "loads");
    s->unloads = cli_json_number(result, "unloads");
    s->pid = cli_json_number(process, "pid");
    s->cpu_us = cli_json_number(process, "cpu_us");
    s->pss_kib = cli_json_number(process, "pss_kib");
    s->dirty_kib = cli_json_number(process, "private_dirty_kib");
    s->threads = cli_json_number(process, "threads");
    s->mappings = cli_json_number(process, "mappings");
    s->descriptors = cli_json_number(process, "descriptors");
    s->code = cli_json_number(memory, "code");
    s->compile = cli_json_number(memory, "compile");
    s->schema = cli_json_number(memory, "schema");
    s->units = cli_json_number(cache, "units");
    s->versions = cli_json_number(cache, "versions");
    s->loaded = cli_json_number(cache, "loaded");
    s->bytes = cli_json_number(cache, "bytes");
    s->budget_bytes = cli_json_number(cache, "budget_bytes");
    s->evictions = cli_json_number(cache, "evictions");
    s->swaps = cli_json_number(cache, "swaps");
}

/* `before` may have been sorted by something else since. Contexts of one name
 * are told apart by nothing: the first is meant. */
static void compare(top_sample *s, top_sample *before)
{
    static const top_calls none;
    qsort(before->rows, before->n_rows, sizeof(*before->rows), by_name);
    s->took_us = since(s->at_us, before->at_us);
    s->cpu_now = since(s->cpu_us, before->cpu_us);
    s->loads_now = since(s->loads, before->loads);
    s->unloads_now = since(s->unloads, before->unloads);
    s->evictions_now = since(s->evictions, before->evictions);
    s->swaps_now = since(s->swaps, before->swaps);
    for (size_t i = 0; i < s->n_rows; i++) {
        top_row *row = &s->rows[i];
        const top_row *was =
            bsearch(row, before->rows, before->n_rows, sizeof(*row), by_name);
        subtract(&row->now, &row->total, was ? &was->total : &none);
        sum(&s->now, &row->now);
    }
}

int top_sample_take(const char *socket, top_sample *before, top_sample *ret)
{
    admin_request q;
    admin_answer answer;
    *ret = (top_sample){.rows = NULL};
    admin_begin(&q, "stat");
    int rc = admin_ask(&q, socket, &answer);
    if (rc == CLI_OK)
        rc = read_rows(ret, answer.result);
    if (rc == CLI_OK) {
        read_figures(ret, answer.result);
        if (before)
            compare(ret, before);
    }
    admin_answer_free(&answer);
    return rc;
}

/* --- sorting --- */

static enum top_sort sort_by; /* qsort's comparison takes no state */

static uint64_t mean(const top_calls *calls)
{
    return calls->calls ? calls->us / calls->calls : 0;
}

static int falling(uint64_t a, uint64_t b)
{
    return a == b ? 0 : a > b ? -1 : 1;
}

static int compare_rows(const void *left, const void *right)
{
    const top_row *a = left, *b = right;
    int order = 0;
    switch (sort_by) {
    case TOP_BYTES:
        order = falling(a->bytes, b->bytes);
        break;
    case TOP_CALLS:
        order = falling(a->now.calls, b->now.calls);
        break;
    case TOP_LATENCY:
        order = falling(mean(&a->now), mean(&b->now));
        break;
    case TOP_ERRORS:
        order = falling(a->now.errors, b->now.errors);
        break;
    case TOP_HELD:
        order = falling(a->leases, b->leases);
        break;
    default:
        break;
    }
    return order ? order : by_name(left, right);
}

void top_sort_rows(top_sample *s, enum top_sort by)
{
    sort_by = by;
    qsort(s->rows, s->n_rows, sizeof(*s->rows), compare_rows);
}

void top_sample_free(top_sample *s)
{
    free(s->rows);
    *s = (top_sample){.rows = NULL};
}
