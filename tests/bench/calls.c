/*
 * Unary calls against a greeter at TARGET, typed, through one channel.
 *
 *     calls TARGET SECONDS IN_FLIGHT
 *
 * IN_FLIGHT 1 calls and waits, from one thread; more starts that many calls and
 * starts another when one ends. Prints calls per second, median and 99th
 * percentile in microseconds (of waiting calls), and CPU microseconds per call
 * on this side.
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"
#include "tests/bench/random.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SAMPLES = 1 << 20 };

typedef struct bench {
    mayfly_host *host;
    mayfly_channel *channel;
    mayfly_context *context;
    helloworld_Greeter *greeter;
    mayfly_bytes request; /* encoded, for calls that are not waited for */
    double until;
    atomic_long done, failed, flying;
    float *times;
    mayfly_error err;
} bench;

static void die(bench *b, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, b->err.message);
    exit(1);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static const helloworld_HelloRequest request = {.name = MAYFLY_STR("ada")};

static void waiting(bench *b)
{
    while (bench_seconds() < b->until) {
        helloworld_HelloReply *reply;
        mayfly_call *call;
        double start = bench_seconds();
        if (mayfly_call_new(b->host, NULL, &call, &b->err) != 0 ||
            helloworld_Greeter_SayHello(b->greeter, call, &request, &reply,
                                        &b->err) != 0)
            die(b, "call");
        mayfly_call_free(call);
        long n = atomic_fetch_add(&b->done, 1);
        if (n < SAMPLES)
            b->times[n] = (float)(bench_seconds() - start);
    }
}

static void start_one(bench *b);

static void ended(void *state, mayfly_call *call, int code, mayfly_bytes reply)
{
    bench *b = state;
    (void)reply;
    mayfly_call_free(call);
    atomic_fetch_add(code == 0 ? &b->done : &b->failed, 1);
    if (bench_seconds() < b->until)
        start_one(b);
    else
        atomic_fetch_sub(&b->flying, 1);
}

static void start_one(bench *b)
{
    mayfly_call *call;
    if (mayfly_call_new(b->host, NULL, &call, &b->err) != 0 ||
        mayfly_channel_start(b->channel, "/helloworld.Greeter/SayHello", call,
                             b->request, ended, b, &b->err) != 0)
        die(b, "start");
}

static void flying(bench *b, int n)
{
    const struct timespec tick = {0, 10000000};

    atomic_store(&b->flying, n);
    for (int i = 0; i < n; i++)
        start_one(b);
    while (atomic_load(&b->flying) > 0)
        nanosleep(&tick, NULL);
}

int main(int argc, char **argv)
{
    static bench b = {.err = MAYFLY_ERROR_INIT};
    mayfly_arena *arena;

    if (argc != 4)
        return 2;
    int in_flight = atoi(argv[3]);
    b.times = calloc(SAMPLES, sizeof *b.times);
    if (!b.times || mayfly_host_new(NULL, &b.host, &b.err) != 0 ||
        mayfly_load_file(b.host, "greeter", "samples/greeter/greeter.proto",
                         NULL, &b.context, &b.err) != 0 ||
        mayfly_dial(b.host, argv[1], NULL, &b.channel, &b.err) != 0 ||
        helloworld_Greeter_new(b.context, b.channel, &b.greeter, &b.err) != 0 ||
        mayfly_arena_new(b.host, 0, &arena, &b.err) != 0 ||
        helloworld_HelloRequest_encode(b.context, &request, arena, &b.request,
                                       &b.err) != 0)
        die(&b, "set-up");
    b.until = bench_seconds() + 0.3; /* connect and warm up */
    waiting(&b);
    atomic_store(&b.done, 0);
    double start = bench_seconds();
    double cpu = bench_cpu_seconds();
    b.until = start + atof(argv[2]);
    if (in_flight == 1)
        waiting(&b);
    else
        flying(&b, in_flight);
    double seconds = bench_seconds() - start;
    cpu = bench_cpu_seconds() - cpu;
    long n = atomic_load(&b.done);
    size_t samples = in_flight > 1 ? 1 : n > SAMPLES ? SAMPLES : (size_t)n;
    qsort(b.times, samples, sizeof *b.times, compare);
    printf("%.0f %.1f %.1f %.2f %ld\n", (double)n / seconds,
           (double)b.times[samples / 2] * 1e6,
           (double)b.times[samples * 99 / 100] * 1e6, cpu * 1e6 / (double)n,
           atomic_load(&b.failed));
    mayfly_arena_free(arena);
    helloworld_Greeter_free(b.greeter);
    mayfly_channel_unref(b.channel);
    mayfly_context_unref(b.context);
    mayfly_host_free(b.host);
    free(b.times);
    return 0;
}
