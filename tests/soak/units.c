/*
 * Fifteen hundred units in one process, again and again, and nothing is left.
 *
 * The program runs itself as a child that loads them as a job, a broken schema
 * now and then among them, has a budget evict most, uses some again, and
 * removes all. It counts what the cache tells; the parent reads its memory from
 * outside before the first load, with all loaded, and when all are gone.
 *
 * What must hold:
 *   - with all loaded: so many units, contexts and failures as there should be;
 *     mappings and descriptors of the process hardly more than before;
 *   - when all are gone: no unit, no context, no byte in an arena; the process
 *     as before but for what malloc keeps in pieces, and no more of that with
 *     each further cycle.
 */
#include "tests/support/small.h"
#include "tests/support/outside.h"
#include "tests/support/test.h"

#include <string.h>
#include <unistd.h>

enum {
    UNITS = 1500,
    BROKEN_EVERY = 50,
    BROKEN = UNITS / BROKEN_EVERY,
    CYCLES = 4,
    ROOM = 100,      /* contexts under the budget */
    KEPT_KIB = 256, /* by malloc, in pieces */
    SLACK_KIB = 64, /* what is no growth */
    MORE_MAPPINGS = 64,
    MORE_FILES = 12 /* memory files of the zone */
};

/* --- the child --- */

static mayfly_error err = MAYFLY_ERROR_INIT;

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "child: %s: %s\n", what, err.message);
    _exit(1);
}

static mayfly_cache_stats stats_of(mayfly_host *host)
{
    mayfly_cache_stats stats = {.size = sizeof stats};
    mayfly_cache_get_stats(host, &stats);
    return stats;
}

static size_t in_arenas(mayfly_host *host)
{
    mayfly_memory_report *r;
    must(mayfly_memory_report_host(host, MAYFLY_MEMORY_OPTIONS(.parts = 1), &r,
                                   &err) == 0,
         "a memory report");
    size_t n = mayfly_memory_report_bytes(r, "code") +
               mayfly_memory_report_bytes(r, "schema") +
               mayfly_memory_report_bytes(r, "compile");
    mayfly_memory_report_free(r);
    return n;
}

static int tell(void *state, const mayfly_bulk_progress *p)
{
    size_t *calls = state;
    must(p->done == ++*calls && p->total == UNITS, "the progress");
    return 0;
}

static void load_all(mayfly_host *host, const small_services *s)
{
    mayfly_bulk *bulk;
    mayfly_bulk_info info = {.size = sizeof info};
    size_t calls = 0, n;
    must(mayfly_bulk_load(host,
                          MAYFLY_BULK_OPTIONS(.items = s->items,
                                              .n_items = s->n, .progress = tell,
                                              .progress_state = &calls),
                          &bulk, &err) == 0,
         "loading");
    mayfly_bulk_get_info(bulk, &info);
    const mayfly_bulk_result *r = mayfly_bulk_results(bulk, &n);
    must(calls == UNITS && n == UNITS && info.failed == BROKEN &&
             info.loaded == UNITS - BROKEN,
         "the counts of the job");
    for (size_t i = 0; i < n; i++)
        must((r[i].code == MAYFLY_ESCHEMA) == (i % BROKEN_EVERY == 7),
             "which one failed");
    mayfly_bulk_free(bulk);
    mayfly_cache_stats stats = stats_of(host);
    must(stats.units == UNITS - BROKEN && stats.loaded == stats.units &&
             stats.versions == stats.units,
         "the counts of the cache");
}

/* A budget evicts all but some; those that are used come back. */
static void make_room(mayfly_host *host, const small_services *s)
{
    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.loaded = ROOM),
                                 &err) == 0,
         "a budget");
    must(stats_of(host).loaded == ROOM, "the room is kept");
    for (size_t i = 0; i < s->n; i += 30) {
        mayfly_unit *unit;
        mayfly_context *context;
        if (i % BROKEN_EVERY == 7)
            continue;
        must(mayfly_unit_find(host, s->names[i], &unit, &err) == 0, "finding");
        must(mayfly_unit_context(unit, 0, 0, &context, &err) == 0,
             "coming back");
        mayfly_context_unref(context);
        mayfly_unit_unref(unit);
        must(stats_of(host).loaded <= ROOM, "the room is still kept");
    }
    must(mayfly_cache_set_budget(host, MAYFLY_CACHE_BUDGET(.loaded = 0),
                                 &err) == 0,
         "no budget");
}

static void remove_all(mayfly_host *host, const small_services *s)
{
    for (size_t i = 0; i < s->n; i++) {
        mayfly_unit *unit;
        if (mayfly_unit_find(host, s->names[i], &unit, NULL) != 0)
            continue;
        must(mayfly_unit_remove(unit, 1000, &err) == 0, "removing");
        mayfly_unit_unref(unit);
    }
    must(mayfly_host_set_quarantine(host, 0, 0, &err) == 0 &&
             mayfly_host_set_quarantine(host, 64, 60000, &err) == 0,
         "the quarantine");
    mayfly_host_trim(host);
    mayfly_cache_stats stats = stats_of(host);
    must(stats.units == 0 && stats.versions == 0 && stats.loaded == 0 &&
             stats.bytes == 0 && stats.recipe_bytes == 0,
         "the cache is empty");
    must(in_arenas(host) == 0, "nothing is in arenas");
}

static int child(void)
{
    mayfly_host *host;
    small_services s = small_new(UNITS);
    for (size_t i = 7; i < UNITS; i += BROKEN_EVERY)
        strcpy(s.texts[i], "syntax = \"proto3\"; message M { Missing m = 1; }");
    must(mayfly_host_new(NULL, &host, &err) == 0, "a host");
    outside_use_stack();
    outside_meet();
    for (int cycle = 0; cycle < CYCLES; cycle++) {
        load_all(host, &s);
        mayfly_host_trim(host);
        outside_meet();
        make_room(host, &s);
        remove_all(host, &s);
        outside_meet();
    }
    mayfly_host_free(host);
    small_free(&s);
    return 0;
}

/* --- the parent --- */

static int n_checks, n_bad;

static void check(const char *what, int good, long is, long bound)
{
    n_checks++;
    n_bad += !good;
    printf("%sok %d - %s\n", good ? "" : "not ", n_checks, what);
    if (!good)
        printf("# %ld, and at the most %ld\n", is, bound);
}

static void at_most(const char *what, long is, long bound)
{
    check(what, is <= bound, is, bound);
}

static reading next_reading(const outside_child *c)
{
    reading r = {0};
    if (outside_wait(c) != 0 || outside_read(c->pid, &r) != 0 ||
        outside_go_on(c) != 0) {
        puts("not ok 1 - the child goes on");
        exit(1);
    }
    return r;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "child") == 0)
        return child();
    char *const arguments[] = {argv[0], (char *)(uintptr_t) "child", NULL};
    outside_child c;
    reading loaded[CYCLES], gone[CYCLES];
    outside_settle_program();
    outside_plain_malloc();
    if (outside_start(arguments, &c) != 0)
        return 1;
    reading start = next_reading(&c);
    for (int i = 0; i < CYCLES; i++) {
        loaded[i] = next_reading(&c);
        gone[i] = next_reading(&c);
    }
    int status = outside_finish(&c);
    check("the counts are right", status == 0, status, 0);
    int counts_only =
        TEST_ASAN || TEST_TSAN; /* they keep memory of their own */
    for (int i = 0; i < CYCLES && !counts_only; i++) {
        printf(
            "# start %ld KiB %ld mappings; loaded %ld KiB %ld files %ld "
            "mappings %ld descriptors; gone %ld KiB %ld files %ld mappings\n",
            start.dirty_kib, start.mappings, loaded[i].dirty_kib,
            loaded[i].file_kib, loaded[i].mappings, loaded[i].descriptors,
            gone[i].dirty_kib, gone[i].file_kib, gone[i].mappings);
        at_most("few mappings while all are loaded", loaded[i].mappings,
                start.mappings + MORE_MAPPINGS);
        at_most("few descriptors", loaded[i].descriptors,
                start.descriptors + MORE_FILES);
        at_most("no mapping is left", gone[i].mappings, start.mappings + 4);
        at_most("no descriptor is left", gone[i].descriptors,
                start.descriptors + 1);
        at_most("no page of a memory file is left", gone[i].file_kib,
                start.file_kib);
        at_most("no thread is left", gone[i].threads, start.threads);
        at_most("private memory is as before", gone[i].dirty_kib,
                start.dirty_kib + KEPT_KIB);
        at_most("and does not grow", gone[i].dirty_kib,
                gone[0].dirty_kib + SLACK_KIB);
        at_most("nor does it grow while loaded", loaded[i].dirty_kib,
                loaded[0].dirty_kib + KEPT_KIB);
    }
    return n_bad ? 1 : 0;
}
