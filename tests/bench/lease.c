/*
 * What a lease costs: taken and dropped by one thread, and by two at once. With
 * one atomic counter beside it, for comparison.
 *
 *     lease
 *
 * Prints nanoseconds per take and drop: one thread, two threads (each), a
 * shared counter by two threads.
 */
#include "base/guest.h"
#include "cache/context.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { TURNS = 5000000, THREADS = 2 };

static mayfly_context *context;
static atomic_long counter;

static void *take_and_drop(void *unused)
{
    for (int i = 0; i < TURNS; i++)
        if (mf_lease_take(context, NULL) == 0)
            mf_lease_drop(context);
    return unused;
}

static void *count(void *unused)
{
    for (int i = 0; i < TURNS; i++) {
        atomic_fetch_add(&counter, 1);
        atomic_fetch_sub(&counter, 1);
    }
    return unused;
}

/* Nanoseconds per turn of `n` threads that do the same. */
static double measure(int n, void *(*work)(void *))
{
    pthread_t threads[THREADS];
    uint64_t start = mf_clock_ns();
    for (int i = 0; i < n; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    return (double)(mf_clock_ns() - start) / TURNS;
}

static void nothing(void *unit)
{
    (void)unit;
}

int main(void)
{
    mf_alloc alloc;
    mf_alloc_init(&alloc, NULL);
    mf_context_options options = {.alloc = &alloc,
                                  .name = "bench",
                                  .registry = mf_registry_new(&alloc),
                                  .fork_generation = mf_fork_generation()};
    mf_payload payload = {.unit = &alloc, .destroy = nothing};
    mf_load_report report = {0};
    if (mf_context_new(&options, &context, NULL) != 0)
        return 1;
    mf_context_publish(context, &payload, &report);
    double one = measure(1, take_and_drop);
    double two = measure(THREADS, take_and_drop);
    double shared = measure(THREADS, count);
    printf("%.1f %.1f %.1f\n", one, two, shared);
    mayfly_context_unref(context);
    mf_registry_free(options.registry);
    return 0;
}
