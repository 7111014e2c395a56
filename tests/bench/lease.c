/*
 * What a lease costs: taken and dropped by 1, 2, 4, 8 threads at once. Beside
 * it one atomic counter for all, which is what a lease would be without shards.
 *
 *     lease
 *
 * A line per number of threads: threads; of leases: CPU nanoseconds per take
 * and drop, and how many times as many are made per second as by one thread;
 * the same two of the counter.
 */
#include "base/guest.h"
#include "cache/context/context.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum { TURNS = 3000000, THREADS = 8 };

static mayfly_context *context;
static atomic_long counter;
static pthread_barrier_t begin;

/* Nanoseconds of CPU that this thread has used. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *take_and_drop(void *ret_cpu)
{
    pthread_barrier_wait(&begin);
    uint64_t start = cpu_ns();
    for (int i = 0; i < TURNS; i++)
        if (mf_lease_take(context, NULL) == 0)
            mf_lease_drop(context);
    *(uint64_t *)ret_cpu = cpu_ns() - start;
    return NULL;
}

static void *count(void *ret_cpu)
{
    pthread_barrier_wait(&begin);
    uint64_t start = cpu_ns();
    for (int i = 0; i < TURNS; i++) {
        atomic_fetch_add(&counter, 1);
        atomic_fetch_sub(&counter, 1);
    }
    *(uint64_t *)ret_cpu = cpu_ns() - start;
    return NULL;
}

typedef struct cost {
    double cpu_ns; /* per turn */
    double rate;   /* turns per nanosecond, all threads together */
} cost;

static cost measure(unsigned n, void *(*work)(void *))
{
    pthread_t threads[THREADS];
    uint64_t cpu[THREADS] = {0}, all = 0;
    pthread_barrier_init(&begin, NULL, n + 1);
    for (unsigned i = 0; i < n; i++)
        pthread_create(&threads[i], NULL, work, &cpu[i]);
    pthread_barrier_wait(&begin);
    uint64_t start = mf_clock_ns();
    for (unsigned i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        all += cpu[i];
    }
    uint64_t took = mf_clock_ns() - start;
    pthread_barrier_destroy(&begin);
    return (cost){(double)all / n / TURNS, (double)n * TURNS / (double)took};
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
    cost lease1 = {0}, count1 = {0};
    if (mf_context_new(&options, &context, NULL) != 0)
        return 1;
    mf_context_publish(context, &payload, &report);
    measure(1, take_and_drop); /* warm */
    for (unsigned n = 1; n <= THREADS; n *= 2) {
        cost l = measure(n, take_and_drop), c = measure(n, count);
        if (n == 1) {
            lease1 = l;
            count1 = c;
        }
        printf("%u %.1f %.2f %.1f %.2f\n", n, l.cpu_ns, l.rate / lease1.rate,
               c.cpu_ns, c.rate / count1.rate);
    }
    mayfly_context_unref(context);
    mf_registry_free(options.registry);
    return 0;
}
