/*
 * Jobs that run at once, over the same names and others, while what they load
 * is evicted, removed and used; and a host that is freed under a job.
 */
#include "tests/support/small.h"
#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { UNITS = 120, JOBS = 3, ROUNDS = 3, THREADS = 2 };

typedef struct world {
    mayfly_host *host;
    small_services services;
    atomic_int stop, bad;
} world;

static int is_allowed(int code)
{
    return code == 0 || code == MAYFLY_EEXIST || code == MAYFLY_EUNLOADED ||
           code == MAYFLY_ECANCELLED;
}

/* Loads all, again and again; each has a share of the units in a second job. */
static void *run_jobs(void *state)
{
    world *w = state;
    for (int round = 0; round < ROUNDS; round++) {
        mayfly_bulk *bulk = NULL;
        size_t n = 0;
        int code = mayfly_bulk_load(
            w->host,
            MAYFLY_BULK_OPTIONS(.items = w->services.items,
                                .n_items = w->services.n, .threads = THREADS),
            &bulk, NULL);
        if (code != 0) {
            if (!is_allowed(code))
                atomic_fetch_add(&w->bad, 1);
            continue;
        }
        const mayfly_bulk_result *r = mayfly_bulk_results(bulk, &n);
        for (size_t i = 0; i < n; i++)
            if (!is_allowed(r[i].code))
                atomic_fetch_add(&w->bad, 1);
        mayfly_bulk_free(bulk);
    }
    return NULL;
}

/* Uses and evicts and removes what is there. */
static void *disturb(void *state)
{
    world *w = state;
    for (size_t i = 0; !atomic_load(&w->stop); i = (i + 7) % UNITS) {
        mayfly_unit *unit;
        mayfly_context *context;
        if (mayfly_unit_find(w->host, w->services.names[i], &unit, NULL) != 0)
            continue;
        if (mayfly_unit_context(unit, 0, 0, &context, NULL) == 0)
            mayfly_context_unref(context);
        mayfly_unit_evict(unit, 0, NULL);
        if (i % 3 == 0)
            mayfly_unit_remove(unit, 0, NULL);
        mayfly_unit_unref(unit);
    }
    return NULL;
}

static void jobs_at_once(void **state)
{
    (void)state;
    world w = {.services = small_new(UNITS)};
    pthread_t jobs[JOBS], other;
    assert_int_equal(mayfly_host_new(NULL, &w.host, NULL), 0);
    assert_int_equal(pthread_create(&other, NULL, disturb, &w), 0);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(pthread_create(&jobs[i], NULL, run_jobs, &w), 0);
    for (int i = 0; i < JOBS; i++)
        pthread_join(jobs[i], NULL);
    atomic_store(&w.stop, 1);
    pthread_join(other, NULL);
    assert_int_equal(atomic_load(&w.bad), 0);

    small_load(w.host, &w.services, 1); /* and all are well */
    mayfly_cache_stats stats = {.size = sizeof stats};
    mayfly_cache_get_stats(w.host, &stats);
    assert_int_equal(stats.units, UNITS);
    assert_int_equal(stats.failures, 0);
    mayfly_host_free(w.host);
    small_free(&w.services);
}

/* --- a host that goes --- */

static int let_go(void *state, const mayfly_bulk_progress *progress)
{
    world *w = state;
    if (progress->done == 1)
        atomic_store(&w->stop, 1);
    return 0;
}

static void *run_one(void *state)
{
    world *w = state;
    mayfly_bulk *bulk = NULL;
    size_t n, loaded = 0, cancelled = 0;
    int code = mayfly_bulk_load(
        w->host,
        MAYFLY_BULK_OPTIONS(.items = w->services.items,
                            .n_items = w->services.n, .threads = THREADS,
                            .progress = let_go, .progress_state = w),
        &bulk, NULL);
    if (code != 0) {
        atomic_fetch_add(&w->bad, 1);
        atomic_store(&w->stop, 1);
        return NULL;
    }
    const mayfly_bulk_result *r = mayfly_bulk_results(bulk, &n);
    for (size_t i = 0; i < n; i++) {
        loaded += r[i].code == 0;
        cancelled += r[i].code == MAYFLY_ECANCELLED;
    }
    if (loaded + cancelled != UNITS)
        atomic_fetch_add(&w->bad, 1);
    mayfly_bulk_free(bulk); /* after the host */
    return NULL;
}

static void a_host_goes_under_a_job(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        world w = {.services = small_new(UNITS)};
        pthread_t job;
        assert_int_equal(mayfly_host_new(NULL, &w.host, NULL), 0);
        assert_int_equal(pthread_create(&job, NULL, run_one, &w), 0);
        while (!atomic_load(&w.stop))
            usleep(100);
        mayfly_host_free(w.host);
        pthread_join(job, NULL);
        assert_int_equal(atomic_load(&w.bad), 0);
        small_free(&w.services);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_at_once),
        cmocka_unit_test(a_host_goes_under_a_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
