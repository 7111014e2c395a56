/*
 * What a loan costs beside making the same anew, in nanoseconds each, when
 * every byte is written once: taken and given back by hand, by one thread and
 * by four at once.
 *
 * Prints: threads, pool, anew, and what it is.
 */
#include <mayfly/mayfly.h>

#include "tests/bench/random.h"

#include <pthread.h>

enum { THREADS = 4 };

static mayfly_error err;
static mayfly_host *host;
static mayfly_pool *pools[3]; /* buffers, arenas, objects */

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, err.message);
    exit(1);
}

/* Stands for tables that an object has: 4 KiB that take work to fill. */
static int fill(void *state, void *object)
{
    uint64_t seed = 88172645463325252u, *table = object;
    (void)state;
    for (int i = 0; i < 512; i++)
        table[i] = bench_random(&seed);
    return 0;
}

typedef struct work {
    int kind; /* of the pools */
    int anew; /* instead: malloc, or an arena of its own */
    size_t bytes;
    long times;
} work;

static void use(void *bytes, size_t n)
{
    memset(bytes, 1, n);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

static void once(const work *w)
{
    mayfly_arena *a;
    void *p;
    if (w->kind == 1) {
        if (w->anew ? mayfly_arena_new(host, 0, &a, NULL)
                    : mayfly_pool_take_arena(pools[1], 0, NULL, &a, NULL))
            die("arena");
        for (size_t n = 0; n < w->bytes; n += 100)
            use(mayfly_arena_alloc(a, 100), 100);
        w->anew ? mayfly_arena_free(a) : mayfly_pool_give(a);
    } else if (w->anew) {
        p = malloc(w->bytes);
        if (w->kind == 2)
            fill(NULL, p);
        use(p, w->kind == 2 ? 64 : w->bytes);
        free(p);
    } else {
        if (w->kind == 2 ? mayfly_pool_take_object(pools[2], NULL, &p, NULL)
                         : mayfly_pool_take_buffer(pools[0], w->bytes, NULL, &p,
                                                   NULL, NULL))
            die("loan");
        use(p, w->kind == 2 ? 64 : w->bytes);
        mayfly_pool_give(p);
    }
}

static void *run(void *state)
{
    const work *w = state;
    for (long i = 0; i < w->times; i++)
        once(w);
    return NULL;
}

/* CPU nanoseconds each. */
static double measure(work w, int threads)
{
    pthread_t t[THREADS];
    double start = bench_cpu_seconds();
    for (int i = 0; i < threads; i++)
        pthread_create(&t[i], NULL, run, &w);
    for (int i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    return (bench_cpu_seconds() - start) * 1e9 / (double)(w.times * threads);
}

int main(void)
{
    static const struct {
        work w;
        const char *name;
    } kinds[] = {{{0, 0, 200, 1000000}, "a buffer of 200 bytes"},
                 {{0, 0, 5000, 500000}, "a buffer of 5,000 bytes"},
                 {{0, 0, 60000, 100000}, "a buffer of 60,000 bytes"},
                 {{1, 0, 20000, 50000}, "an arena, 200 pieces of 100 bytes"},
                 {{2, 0, 4096, 200000}, "an object with tables of 4 KiB"}};
    mayfly_object_hooks hooks = {fill, NULL, NULL, NULL};
    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_pool_new_buffers(host, NULL, &pools[0], &err) != 0 ||
        mayfly_pool_new_arenas(host, NULL, &pools[1], &err) != 0 ||
        mayfly_pool_new_objects(host, 4096, &hooks, NULL, &pools[2], &err) != 0)
        die("pools");
    for (int threads = 1; threads <= THREADS; threads += THREADS - 1)
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            work w = kinds[i].w;
            measure(w, threads); /* warm */
            double lent = measure(w, threads);
            w.anew = 1;
            printf("%d %.0f %.0f %s\n", threads, lent, measure(w, threads),
                   kinds[i].name);
        }
    for (int i = 0; i < 3; i++)
        mayfly_pool_free(pools[i]);
    mayfly_host_free(host);
    return 0;
}
