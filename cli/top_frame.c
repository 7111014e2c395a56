/*
 * cli/top_frame.c: one frame of mayfly top.
 *
 * Text is made for 80 columns: numbers are shortened until they fit, names are
 * cut, and what is no plain ASCII in a name is a question mark, so that a
 * column is a character. JSON has the same figures unrounded.
 */
#include "cli/top.h"

#include <string.h>

enum { SHORT = 16, LINE = TOP_COLUMNS + 1 };

/* --- numbers of a few characters --- */

/* 999, 1.2K, 34M: five characters at the most, by powers of `step`. */
static const char *shorten(uint64_t n, unsigned step, char out[SHORT])
{
    static const char units[] = " KMGTPE";
    double value = (double)n;
    int at = 0;
    while (value >= 999.5 && units[at + 1]) {
        value /= step;
        at++;
    }
    if (at == 0)
        snprintf(out, SHORT, "%llu", (unsigned long long)n);
    else
        snprintf(out, SHORT, value < 9.95 ? "%.1f%c" : "%.0f%c", value,
                 units[at]);
    return out;
}

/* 850ns, 12us, 3.4ms, 2.0s */
static const char *duration(uint64_t ns, char out[SHORT])
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    double value = (double)ns;
    int at = 0;
    while (value >= 999.5 && at < 3) {
        value /= 1000;
        at++;
    }
    snprintf(out, SHORT, value < 9.95 && at > 0 ? "%.1f%s" : "%.0f%s", value,
             units[at]);
    return out;
}

static const char *mean(const top_calls *calls, char out[SHORT])
{
    if (calls->calls == 0)
        return "-";
    return duration((uint64_t)((double)calls->us * 1000 / (double)calls->calls),
                    out);
}

static const char *percentile(const top_calls *calls, unsigned percent,
                              char out[SHORT])
{
    uint64_t bound = top_percentile(calls, percent);
    char text[SHORT];
    if (bound == 0)
        return "-";
    if (bound == UINT64_MAX)
        return ">1.1s";
    snprintf(out, SHORT, "<%.14s", duration(bound, text));
    return out;
}

static unsigned long long rate(const top_sample *s, uint64_t n)
{
    return top_rate(n, s->took_us);
}

/* --- lines --- */

typedef struct frame {
    FILE *to;
    const char *end;
    unsigned left; /* lines */
} frame;

/* One line, cut to the columns. */
static void put(frame *f, const char *line)
{
    if (f->left == 0)
        return;
    f->left--;
    fprintf(f->to, "%.*s%s", TOP_COLUMNS, line, f->end);
}

/* Plain ASCII, a character each, cut. */
static void put_name(char *out, const char *name, size_t columns)
{
    size_t n = 0;
    for (; *name && n < columns; name++) {
        unsigned char c = (unsigned char)*name;
        if ((c & 0xc0) == 0x80)
            continue; /* within a character */
        out[n++] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    out[n] = '\0';
}

static void put_host(frame *f, const top_sample *s)
{
    char line[2 * LINE], a[SHORT], b[SHORT], c[SHORT];
    double cpu = s->took_us ? (double)s->cpu_now * 100 / (double)s->took_us : 0;
    snprintf(line, sizeof(line),
             "mayfly %s, process %llu: CPU %.1f%%, PSS %s, private dirty %s",
             s->mayfly, (unsigned long long)s->pid, cpu,
             shorten(s->pss_kib * 1024, 1024, a),
             shorten(s->dirty_kib * 1024, 1024, b));
    put(f, line);
    snprintf(line, sizeof(line),
             "threads %llu, mappings %llu, descriptors %llu; code %s, compile "
             "%s, schemas %s",
             (unsigned long long)s->threads, (unsigned long long)s->mappings,
             (unsigned long long)s->descriptors, shorten(s->code, 1024, a),
             shorten(s->compile, 1024, b), shorten(s->schema, 1024, c));
    put(f, line);
}

static void put_cache(frame *f, const top_sample *s)
{
    char line[2 * LINE], a[SHORT], b[SHORT] = "", c[SHORT];
    snprintf(line, sizeof(line),
             "units %llu, versions %llu, loaded %llu: %s%s%s",
             (unsigned long long)s->units, (unsigned long long)s->versions,
             (unsigned long long)s->loaded, shorten(s->bytes, 1024, a),
             s->budget_bytes ? " of " : "",
             s->budget_bytes ? shorten(s->budget_bytes, 1024, b) : b);
    put(f, line);
    snprintf(line, sizeof(line),
             "compiles %llu (+%llu), unloads %llu (+%llu), evictions %llu "
             "(+%llu), swaps %llu (+%llu)",
             (unsigned long long)s->loads, (unsigned long long)s->loads_now,
             (unsigned long long)s->unloads, (unsigned long long)s->unloads_now,
             (unsigned long long)s->evictions,
             (unsigned long long)s->evictions_now, (unsigned long long)s->swaps,
             (unsigned long long)s->swaps_now);
    put(f, line);
    snprintf(line, sizeof(line),
             "calls %llu/s, errors %llu/s; mean %s, median %s, 99%% %s",
             rate(s, s->now.calls), rate(s, s->now.errors), mean(&s->now, a),
             percentile(&s->now, 50, b), percentile(&s->now, 99, c));
    put(f, line);
}

static void put_titles(frame *f, enum top_sort by)
{
    static const struct {
        enum top_sort sort;
        const char *title, *chosen;
    } titles[] = {
        {TOP_BY_NAME, "unit                    ", "UNIT                    "},
        {TOP_SORTS, " version  ", ""},
        {TOP_BYTES, " bytes", " BYTES"},
        {TOP_HELD, "  held", "  HELD"},
        {TOP_CALLS, "  calls/s", "  CALLS/S"},
        {TOP_ERRORS, " errors/s", " ERRORS/S"},
        {TOP_LATENCY, "    mean", "    MEAN"},
        {TOP_SORTS, "     99%", ""},
    };
    char line[2 * LINE] = "";
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        strcat(line, titles[i].sort == by ? titles[i].chosen : titles[i].title);
    put(f, "");
    put(f, line);
}

static void put_row(frame *f, const top_sample *s, const top_row *row)
{
    char line[2 * LINE], name[32], version[16];
    char bytes[SHORT], held[SHORT], calls[SHORT], errors[SHORT];
    char average[SHORT], high[SHORT];
    put_name(name, row->name, 24);
    put_name(version, row->version, 9);
    snprintf(line, sizeof(line), "%-24s %-9s %5s %5s %8s %8s %7s %7s", name,
             version, shorten(row->bytes, 1024, bytes),
             shorten(row->leases, 1000, held),
             shorten(rate(s, row->now.calls), 1000, calls),
             shorten(rate(s, row->now.errors), 1000, errors),
             mean(&row->now, average), percentile(&row->now, 99, high));
    put(f, line);
}

void top_frame_text(FILE *to, const top_sample *s, enum top_sort by,
                    unsigned lines, const char *end)
{
    frame f = {to, end, lines ? lines : UINT32_MAX};
    put_host(&f, s);
    put_cache(&f, s);
    put_titles(&f, by);
    for (size_t i = 0; i < s->n_rows; i++)
        put_row(&f, s, &s->rows[i]);
}

/* --- JSON --- */

static void put_number(FILE *to, const char *name, uint64_t n)
{
    fprintf(to, ",\"%s\":%llu", name, (unsigned long long)n);
}

/* A bound that is not known is null. */
static void put_percentile(FILE *to, const char *name, const top_calls *calls,
                           unsigned percent)
{
    uint64_t bound = top_percentile(calls, percent);
    if (bound == 0 || bound == UINT64_MAX)
        fprintf(to, ",\"%s\":null", name);
    else
        put_number(to, name, bound);
}

static void put_calls(FILE *to, const top_calls *calls, uint64_t took_us)
{
    put_number(to, "calls", calls->calls);
    put_number(to, "calls_per_s", top_rate(calls->calls, took_us));
    put_number(to, "errors", calls->errors);
    put_number(to, "errors_per_s", top_rate(calls->errors, took_us));
    put_number(to, "us", calls->us);
    put_percentile(to, "median_ns_below", calls, 50);
    put_percentile(to, "p99_ns_below", calls, 99);
}

static void put_json_row(FILE *to, const top_row *row, uint64_t took_us)
{
    fputs("{\"unit\":", to);
    cli_put_json(to, row->name);
    fputs(",\"version\":", to);
    cli_put_json(to, row->version);
    put_number(to, "bytes", row->bytes);
    put_number(to, "leases", row->leases);
    put_calls(to, &row->now, took_us);
    fputc('}', to);
}

void top_frame_json(FILE *to, const top_sample *s)
{
    fputs("{\"version\":", to);
    cli_put_json(to, s->mayfly);
    put_number(to, "pid", s->pid);
    put_number(to, "at_us", s->at_us);
    put_number(to, "took_us", s->took_us);
    put_number(to, "cpu_us", s->cpu_now);
    put_number(to, "pss_kib", s->pss_kib);
    put_number(to, "private_dirty_kib", s->dirty_kib);
    put_number(to, "threads", s->threads);
    put_number(to, "mappings", s->mappings);
    put_number(to, "descriptors", s->descriptors);
    put_number(to, "code", s->code);
    put_number(to, "compile", s->compile);
    put_number(to, "schema", s->schema);
    put_number(to, "compiles", s->loads_now);
    put_number(to, "unloads", s->unloads_now);
    put_number(to, "evictions", s->evictions_now);
    put_number(to, "swaps", s->swaps_now);
    put_calls(to, &s->now, s->took_us);
    fputs(",\"units\":[", to);
    for (size_t i = 0; i < s->n_rows; i++) {
        if (i)
            fputc(',', to);
        put_json_row(to, &s->rows[i], s->took_us);
    }
    fputs("]}\n", to);
}
