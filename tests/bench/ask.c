/*
 * What it costs to ask: who holds a context, and where the memory is; with one
 * context alive, and with a thousand.
 *
 *     ask SCHEMA
 *
 * Prints a line per question: microseconds (the median) with 1 and with 1,000
 * contexts, and what was asked.
 */
#include <mayfly/mayfly.h>

#include "tests/bench/random.h"

enum { MANY = 1000, TIMES = 21 };

typedef struct bench {
    mayfly_host *host;
    mayfly_context *contexts[MANY];
} bench;

static void fail(const char *what, const mayfly_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    exit(1);
}

static void why(bench *b, const mayfly_why_options *options)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_why_report *report;
    if (mayfly_why(b->contexts[0], options, &report, &err) != 0)
        fail("why", &err);
    mayfly_why_free(report);
}

static void ask_all(bench *b)
{
    why(b, NULL);
}

static void ask_running(bench *b)
{
    why(b, MAYFLY_WHY_OPTIONS(.keep_running = 1));
}

static void ask_definite(bench *b)
{
    why(b, MAYFLY_WHY_OPTIONS(.keep_running = 1, .skip_memory = 1));
}

static void memory_of_context(bench *b)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_memory_report *report;
    if (mayfly_memory_report_context(b->contexts[0], NULL, &report, &err) != 0)
        fail("memory", &err);
    mayfly_memory_report_free(report);
}

static void memory_of_host(bench *b, unsigned parts)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_memory_report *report;
    if (mayfly_memory_report_host(
            b->host, MAYFLY_MEMORY_OPTIONS(.parts = parts), &report, &err) != 0)
        fail("memory", &err);
    mayfly_memory_report_free(report);
}

static void census(bench *b)
{
    memory_of_host(b, MAYFLY_MEMORY_CENSUS);
}

static void map(bench *b)
{
    memory_of_host(b, MAYFLY_MEMORY_MAP);
}

static void whole(bench *b)
{
    memory_of_host(b, 0);
}

static void receipt(bench *b)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_receipt *r;
    if (mayfly_context_receipt(b->contexts[0], &r, &err) != 0)
        fail("receipt", &err);
    mayfly_receipt_free(r);
}

static const struct {
    const char *name;
    void (*ask)(bench *b);
} questions[] = {
    {"why: pins, calls, leases", ask_definite},
    {"why: memory too, threads go on", ask_running},
    {"why: all, threads stopped", ask_all},
    {"census of a context", memory_of_context},
    {"census of the host", census},
    {"map of the process", map},
    {"census, map, threads, descriptors", whole},
    {"a receipt", receipt},
};
enum { QUESTIONS = sizeof questions / sizeof questions[0] };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(bench *b, void (*ask)(bench *b))
{
    double times[TIMES];
    for (size_t i = 0; i < TIMES; i++) {
        double start = bench_seconds();
        ask(b);
        times[i] = (bench_seconds() - start) * 1e6;
    }
    qsort(times, TIMES, sizeof times[0], compare);
    return times[TIMES / 2];
}

int main(int argc, char **argv)
{
    static bench b;
    double one[QUESTIONS];
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (argc != 2)
        return 2;
    if (mayfly_host_new(NULL, &b.host, &err) != 0)
        fail("host", &err);
    for (size_t i = 0; i < MANY; i++) {
        if (mayfly_load_file(b.host, "greeter", argv[1], NULL, &b.contexts[i],
                             &err) != 0)
            fail("load", &err);
        for (size_t q = 0; i == 0 && q < QUESTIONS; q++)
            one[q] = median(&b, questions[q].ask);
    }
    for (size_t q = 0; q < QUESTIONS; q++)
        printf("%.0f %.0f %s\n", one[q], median(&b, questions[q].ask),
               questions[q].name);
    for (size_t i = 0; i < MANY; i++)
        mayfly_context_unref(b.contexts[i]);
    mayfly_host_free(b.host);
    return 0;
}
