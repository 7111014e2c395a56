/*
 * Many units in one process: starting with them, what each takes, finding one,
 * and what is left when all are gone.
 *
 *     units            (runs itself: units N FD)
 *
 * Prints a line for 10, 100, 1,000 and 10,000 small services, each in a process
 * of its own: number; microseconds of CPU time to load each, and of wall time
 * with a second thread; nanoseconds to find one by name, and to take and drop a
 * lease on its current version; microseconds of CPU time to unload each; bytes
 * left in arenas then.
 *
 * Then another for each, of a process whose memory is read from outside:
 * number; KiB each (private dirty memory, and memory files' pages); mappings
 * more than before; KiB and mappings more than before the first load when all
 * are unloaded.
 */
#include "cache/units/units.h"
#include "tests/bench/random.h"
#include "tests/support/small.h"
#include "tests/support/outside.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 10000, LOOKUPS = 10000, ROUNDS = 10, SPREAD = 10 };
enum { TRIES = 5, WAIT_MS = 1000 };

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- the process that has them --- */

/* Ten of them by turns, spread over all: more would measure the processor's
 * cache. The fastest of some rounds. */
static void look_up(mayfly_host *host, const small_services *s,
                    double *ret_find, double *ret_lease)
{
    mayfly_unit *units[SPREAD];
    mayfly_context *context;
    *ret_find = *ret_lease = 1;
    for (size_t i = 0; i < SPREAD; i++)
        if (mayfly_unit_find(host, s->names[i * (s->n / SPREAD)], &units[i],
                             NULL) != 0)
            exit(1);
    for (int round = 0; round < ROUNDS; round++) {
        double start = bench_seconds();
        for (size_t i = 0; i < LOOKUPS; i++) {
            mayfly_unit *unit;
            if (mayfly_unit_find(host, s->names[i % SPREAD * (s->n / SPREAD)],
                                 &unit, NULL) != 0)
                exit(1);
            mayfly_unit_unref(unit);
        }
        double took = (bench_seconds() - start) / LOOKUPS;
        *ret_find = took < *ret_find ? took : *ret_find;
        start = bench_seconds();
        for (size_t i = 0; i < LOOKUPS; i++) {
            if (mf_unit_try_lease(units[i % SPREAD], &context) != 0)
                exit(1);
            mf_lease_drop(context);
        }
        took = (bench_seconds() - start) / LOOKUPS;
        *ret_lease = took < *ret_lease ? took : *ret_lease;
    }
    for (size_t i = 0; i < SPREAD; i++)
        mayfly_unit_unref(units[i]);
}

static void remove_all(mayfly_host *host, const small_services *s)
{
    for (size_t i = 0; i < s->n; i++) {
        mayfly_unit *unit;
        if (mayfly_unit_find(host, s->names[i], &unit, NULL) != 0 ||
            mayfly_unit_remove(unit, WAIT_MS, NULL) != 0)
            exit(1);
        mayfly_unit_unref(unit);
    }
}

/* Bytes in arenas, beside the heap. */
static size_t in_arenas(mayfly_host *host)
{
    mayfly_memory_report *r;
    if (mayfly_memory_report_host(host, MAYFLY_MEMORY_OPTIONS(.parts = 1), &r,
                                  NULL) != 0)
        exit(1);
    size_t n = mayfly_memory_report_bytes(r, "code") +
               mayfly_memory_report_bytes(r, "schema") +
               mayfly_memory_report_bytes(r, "compile");
    mayfly_memory_report_free(r);
    return n;
}

/* Seconds of wall time with two threads, in a host of its own; the best of
 * some. */
static double load_with_two(const small_services *s)
{
    double best = 1000;
    for (int i = 0; i < TRIES; i++) {
        mayfly_host *host;
        if (mayfly_host_new(NULL, &host, NULL) != 0)
            exit(1);
        double start = bench_seconds();
        small_load(host, s, 2);
        double took = bench_seconds() - start;
        best = took < best ? took : best;
        mayfly_host_free(host);
    }
    return best;
}

static int have_units(size_t n, int out)
{
    mayfly_host *host;
    double find, lease;
    small_services s = small_new(n);
    if (mayfly_host_new(NULL, &host, NULL) != 0)
        return 1;
    outside_meet();
    double start = cpu_seconds();
    small_load(host, &s, 1);
    double load = cpu_seconds() - start;
    mayfly_host_trim(host);
    outside_meet();
    look_up(host, &s, &find, &lease);
    start = cpu_seconds();
    remove_all(host, &s);
    double unload = cpu_seconds() - start;
    mayfly_host_trim(host);
    outside_meet();
    size_t left = in_arenas(host);
    mayfly_host_free(host);
    dprintf(out, "%zu %.0f %.0f %.0f %.0f %.0f %zu\n", n,
            load * 1e6 / (double)n, load_with_two(&s) * 1e6 / (double)n,
            find * 1e9, lease * 1e9, unload * 1e6 / (double)n, left);
    small_free(&s);
    return 0;
}

/* --- the one that reads it --- */

/* Runs a process that has so many, and reads it three times. It prints its
 * figures to `out`. */
static int run(const char *program, size_t n, int out, reading *r)
{
    char number[24], descriptor[24];
    snprintf(number, sizeof number, "%zu", n);
    snprintf(descriptor, sizeof descriptor, "%d", out);
    char *const arguments[] = {(char *)(uintptr_t)program, number, descriptor,
                               NULL};
    outside_child c;
    if (outside_start(arguments, &c) != 0)
        return 1;
    for (int i = 0; i < 3; i++)
        if (outside_wait(&c) != 0 || outside_read(c.pid, &r[i]) != 0 ||
            outside_go_on(&c) != 0)
            return 1;
    return outside_finish(&c) != 0;
}

static void print_memory(size_t n, const reading *r)
{
    long before = r[0].dirty_kib + r[0].file_kib;
    printf("%zu %.1f %ld %ld %ld\n", n,
           (double)(r[1].dirty_kib + r[1].file_kib - before) / (double)n,
           r[1].mappings - r[0].mappings,
           r[2].dirty_kib + r[2].file_kib - before,
           r[2].mappings - r[0].mappings);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return have_units((size_t)atol(argv[1]), atoi(argv[2]));
    outside_settle_program();
    int code = 0, out = dup(STDOUT_FILENO); /* the child has another */
    int nowhere = open("/dev/null", O_WRONLY);
    reading r[3];
    for (size_t n = 10; n <= MOST && code == 0; n *= 10)
        code = run(argv[0], n, out, r);
    outside_plain_malloc();
    for (size_t n = 10; n <= MOST && code == 0; n *= 10) {
        code = run(argv[0], n, nowhere, r);
        print_memory(n, r);
    }
    return code;
}
