/*
 * A host for the scripts of this folder: units whose source is served, each on
 * a port of its own, swapped again and again, and typed clients in the same
 * process that follow them.
 *
 *     host UNITS LOADED CLIENTS PERIOD_MS
 *
 * LOADED bounds how many contexts may be there (0: any number). Prints one
 * line, the ports. Then it takes commands from standard input, a line each:
 *
 *     begin        counts anew
 *     swap, stay   a unit in turn is swapped every PERIOD_MS, or none is
 *     rest, work   the clients stop calling, and begin again
 *     end          prints what was counted since `begin`, as one line of JSON
 *
 * Versions are numbered (tests/api/numbered.h). A client counts an answer that
 * is of two versions as `mixed`, and one of an older version than the one
 * before as `backwards`.
 */
#include "tests/api/numbered.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    UNITS_MAX = 16,
    CLIENTS_MAX = 16,
    US_MAX = 50000, /* longer ones are counted as such */
    PAUSE_US = 1000 /* of a client between calls */
};

typedef struct host_state {
    mayfly_host *host;
    mayfly_server *servers[UNITS_MAX];
    mayfly_channel *channels[UNITS_MAX];
    mayfly_unit *units[UNITS_MAX];
    hello_Greeter *greeters[UNITS_MAX];
    int n_units;
    unsigned period_ms;
    atomic_int stopped, swaps_on, rests;
    atomic_int n_calling;   /* clients that are in a call */
    atomic_ulong all_calls; /* since the beginning */
    atomic_ulong calls, failed, mixed, backwards;
    atomic_ulong swaps, refused, build_us, swap_us, swap_us_max;
    atomic_uint times[US_MAX + 1]; /* calls by microseconds */
    atomic_int has_trouble;        /* the first is printed */
} host_state;

static host_state h;

static int note(const char *what, const mayfly_error *err)
{
    if (!atomic_exchange(&h.has_trouble, 1))
        fprintf(stderr, "%s: %s\n", what, err->message);
    return -1;
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* --- clients --- */

static void call_one(int unit, int64_t *last)
{
    static const hello_Request request = {.name = MAYFLY_STR("ada"),
                                          .number = 3};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_call *call = NULL;
    hello_Reply *reply = NULL;
    uint64_t start = now_us();
    int code = mayfly_call_new(h.host, MAYFLY_CALL_OPTIONS(.timeout_ms = 60000),
                               &call, &err);
    if (code == 0)
        code = hello_Greeter_SayHello(h.greeters[unit], call, &request, &reply,
                                      &err);
    uint64_t took = now_us() - start;
    atomic_fetch_add(&h.calls, 1);
    atomic_fetch_add(&h.all_calls, 1);
    if (code != 0) {
        atomic_fetch_add(&h.failed, 1);
        note("a typed call", &err);
    } else {
        if (!numbered_is_one(unit, reply))
            atomic_fetch_add(&h.mixed, 1);
        if (reply->number < *last)
            atomic_fetch_add(&h.backwards, 1);
        *last = reply->number;
        atomic_fetch_add(&h.times[took < US_MAX ? took : US_MAX], 1);
    }
    mayfly_call_free(call);
}

static void *run_client(void *unused)
{
    int64_t last[UNITS_MAX] = {0};
    (void)unused;
    for (int unit = 0; !atomic_load(&h.stopped);
         unit = (unit + 1) % h.n_units) {
        atomic_fetch_add(&h.n_calling, 1);
        if (!atomic_load(&h.rests))
            call_one(unit, &last[unit]);
        atomic_fetch_sub(&h.n_calling, 1);
        usleep(PAUSE_US);
    }
    return NULL;
}

/* --- swaps --- */

static void swap_one(int unit, unsigned long number)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_swap swap;
    numbered n;
    if (mayfly_unit_swap(h.units[unit], numbered_recipe(&n, unit, number), NULL,
                         &swap, &err) != 0) {
        atomic_fetch_add(&h.refused, 1);
        note("a swap", &err);
        return;
    }
    mayfly_receipt_free(swap.receipt);
    atomic_fetch_add(&h.swaps, 1);
    atomic_fetch_add(&h.build_us, swap.build_us);
    atomic_fetch_add(&h.swap_us, swap.swap_us);
    if (swap.swap_us > atomic_load(&h.swap_us_max))
        atomic_store(&h.swap_us_max, swap.swap_us);
}

static void *run_swaps(void *unused)
{
    unsigned long number = 1;
    uint64_t next = now_us();
    (void)unused;
    while (!atomic_load(&h.stopped)) {
        if (atomic_load(&h.swaps_on)) {
            swap_one((int)(number % (unsigned)h.n_units), number);
            number++;
        }
        uint64_t now = now_us();
        next += h.period_ms * 1000;
        if (next < now) /* it was late; what was missed is not made up for */
            next = now;
        usleep((useconds_t)(next - now));
    }
    return NULL;
}

/* --- what was counted --- */

/* Microseconds that so many of 1,000 calls took at the most. */
static unsigned quantile(unsigned of_1000)
{
    unsigned long all = 0, seen = 0;
    for (int i = 0; i <= US_MAX; i++)
        all += atomic_load(&h.times[i]);
    unsigned at = 0;
    while (at < US_MAX &&
           (seen += atomic_load(&h.times[at])) * 1000 < all * of_1000)
        at++;
    return at;
}

typedef struct totals {
    mayfly_call_counts all;
    uint64_t versions, loaded;
} totals;

static void add(mayfly_call_counts *to, const mayfly_call_counts *from)
{
    to->calls += from->calls;
    to->errors += from->errors;
}

static void count_version(void *state, const mayfly_version_info *info)
{
    totals *t = state;
    add(&t->all, &info->calls);
    if (info->is_current)
        add(&t->all, &info->gone);
    t->versions++;
    t->loaded += info->is_loaded != 0;
}

static void begin(void)
{
    atomic_store(&h.calls, 0);
    atomic_store(&h.swaps, 0);
    atomic_store(&h.build_us, 0);
    atomic_store(&h.swap_us, 0);
    atomic_store(&h.swap_us_max, 0);
    for (int i = 0; i <= US_MAX; i++)
        atomic_store(&h.times[i], 0);
}

static void rest(void)
{
    atomic_store(&h.rests, 1);
    while (atomic_load(&h.n_calling))
        usleep(PAUSE_US);
}

static void end(void)
{
    totals t = {0};
    mayfly_cache_stats s = {.size = sizeof s};
    uint64_t swaps = atomic_load(&h.swaps);
    mayfly_cache_each(h.host, NULL, count_version, &t, NULL);
    mayfly_cache_get_stats(h.host, &s);
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {{"all_calls", atomic_load(&h.all_calls)},
                   {"calls", atomic_load(&h.calls)},
                   {"failed", atomic_load(&h.failed)},
                   {"mixed", atomic_load(&h.mixed)},
                   {"backwards", atomic_load(&h.backwards)},
                   {"p50_us", quantile(500)},
                   {"p99_us", quantile(990)},
                   {"p999_us", quantile(999)},
                   {"swaps", swaps},
                   {"refused", atomic_load(&h.refused)},
                   {"build_us", atomic_load(&h.build_us) / (swaps + !swaps)},
                   {"swap_us", atomic_load(&h.swap_us) / (swaps + !swaps)},
                   {"swap_us_max", atomic_load(&h.swap_us_max)},
                   {"unit_calls", t.all.calls},
                   {"unit_errors", t.all.errors},
                   {"versions", t.versions},
                   {"loaded", t.loaded},
                   {"builds", s.builds},
                   {"misses", s.misses},
                   {"evictions", s.evictions},
                   {"failures", s.failures}};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        printf("%s\"%s\":%llu", i ? "," : "{", figures[i].name,
               (unsigned long long)figures[i].value);
    printf("}\n");
    fflush(stdout);
}

/* --- the host --- */

static int set_up_unit(int unit, mayfly_error *err)
{
    numbered n;
    char name[16], target[64];
    int port = 0;
    snprintf(name, sizeof name, "u%d", unit);
    if (mayfly_unit_load(h.host, name, numbered_recipe(&n, unit, 0),
                         &h.units[unit], NULL, err) != 0 ||
        mayfly_server_new(h.host, NULL, &h.servers[unit], err) != 0 ||
        mayfly_unit_serve_source(h.units[unit], h.servers[unit], NULL, NULL,
                                 err) != 0 ||
        mayfly_server_listen(h.servers[unit], "127.0.0.1:0", &port, err) != 0)
        return -1;
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    printf("%s%d", unit ? " " : "", port);
    if (mayfly_dial(h.host, target, NULL, &h.channels[unit], err) != 0)
        return -1;
    return hello_Greeter_follow(h.units[unit], h.channels[unit],
                                &h.greeters[unit], err);
}

static int set_up(size_t loaded)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (mayfly_host_new(NULL, &h.host, &err) != 0 ||
        mayfly_cache_set_budget(h.host, MAYFLY_CACHE_BUDGET(.loaded = loaded),
                                &err) != 0)
        return note("a host", &err);
    for (int i = 0; i < h.n_units; i++)
        if (set_up_unit(i, &err) != 0)
            return note("a unit", &err);
    printf("\n");
    fflush(stdout);
    return 0;
}

static void take_commands(void)
{
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "begin") == 0)
            begin();
        else if (strcmp(line, "end") == 0)
            end();
        else if (strcmp(line, "rest") == 0)
            rest();
        else if (strcmp(line, "work") == 0)
            atomic_store(&h.rests, 0);
        else
            atomic_store(&h.swaps_on, strcmp(line, "swap") == 0);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < h.n_units; i++) {
        hello_Greeter_free(h.greeters[i]);
        mayfly_channel_unref(h.channels[i]);
        mayfly_server_free(h.servers[i], 1000);
        mayfly_unit_unref(h.units[i]);
    }
    mayfly_host_free(h.host);
}

int main(int argc, char **argv)
{
    pthread_t clients[CLIENTS_MAX], swapper;
    int n_clients = argc == 5 ? atoi(argv[3]) : -1;
    h.n_units = argc == 5 ? atoi(argv[1]) : 0;
    h.period_ms = argc == 5 ? (unsigned)atoi(argv[4]) : 0;
    if (h.n_units < 1 || h.n_units > UNITS_MAX || n_clients < 0 ||
        n_clients > CLIENTS_MAX || !h.period_ms) {
        fprintf(stderr, "usage: host UNITS LOADED CLIENTS PERIOD_MS\n");
        return 2;
    }
    if (set_up((size_t)atoi(argv[2])) != 0)
        return 1;
    pthread_create(&swapper, NULL, run_swaps, NULL);
    for (int i = 0; i < n_clients; i++)
        pthread_create(&clients[i], NULL, run_client, NULL);
    take_commands();
    atomic_store(&h.stopped, 1);
    pthread_join(swapper, NULL);
    for (int i = 0; i < n_clients; i++)
        pthread_join(clients[i], NULL);
    tear_down();
    return atomic_load(&h.has_trouble);
}
