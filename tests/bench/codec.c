/*
 * Decoding and encoding beside protoc's C++ with an arena (codec_cpp.cc), in one
 * process, in turns: one message again and again, which branch predictors learn by
 * heart, and thousands of different ones.
 *
 *     codec      prints MB/s, medians of rounds, and how the two compare
 *
 * Both sides do the same work: they check UTF-8, keep unknown fields, and put what
 * they decode into an arena that is reset for each message. mayfly's strings point
 * into the input, C++'s are copies, as each is used. Code is compiled by libtcc.
 */
#include "tests/bench/codec.h"
#include "tests/bench/random.h"
#include "tests/support/unit.h"

enum { ROUNDS = 15, ROUND_BYTES = 4000000 };

typedef struct bench {
    mf_alloc alloc;
    mf_compiler compiler;
    mf_unit *unit;
    mayfly_arena arena; /* reset for each message */
    mayfly_arena kept;  /* the messages to encode */
    mayfly_error err;
    uint32_t index;
    void *messages[BENCH_MESSAGES];
} bench;

static void die(const mayfly_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void own_prepare(bench *b, const bench_set *set)
{
    b->index = mf_plan_find(b->unit->plan, set->type)->index;
    for (size_t i = 0; i < set->n; i++)
        if (mf_decode(b->unit->tables, b->index, set->wire[i], set->length[i],
                      &b->kept, &b->messages[i], &b->err) != 0)
            die(&b->err);
}

static void own_decode(bench *b, const bench_set *set, size_t n)
{
    void *message;

    for (size_t i = 0; i < n; i++) {
        mf_arena_reset(&b->arena);
        if (mf_decode(b->unit->tables, b->index, set->wire[i], set->length[i],
                      &b->arena, &message, &b->err) != 0)
            die(&b->err);
    }
}

static void own_encode(bench *b, size_t n)
{
    mf_encode_fn encode = b->unit->entry->encode[b->index];
    mayfly_bytes out;

    for (size_t i = 0; i < n; i++) {
        mf_arena_reset(&b->arena);
        if (mf_encode(encode, b->messages[i], 0, &b->arena, &out, &b->err) != 0)
            die(&b->err);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof(*times), by_size);
    return times[ROUNDS / 2];
}

static void row(const char *what, const bench_set *set, size_t n, double bytes,
                double *own, double *peer)
{
    double a = bytes / median(own), b = bytes / median(peer);
    char name[80];

    snprintf(name, sizeof(name), "%s %s, %s", what, set->type + 6,
             n == 1 ? "one again and again" : "4,000 different ones");
    printf("  %-44s %14.0f %14.0f %7.2fx\n", name, a / 1e6, b / 1e6, a / b);
}

static void measure(bench *b, const bench_set *set, size_t n)
{
    double own[2][ROUNDS], peer[2][ROUNDS];
    size_t once = n == 1 ? set->length[0] : set->total;
    size_t repeats = ROUND_BYTES / once + 1;

    for (int round = 0; round < ROUNDS; round++) {
        double t[5];

        t[0] = bench_cpu_seconds();
        for (size_t i = 0; i < repeats; i++)
            own_decode(b, set, n);
        t[1] = bench_cpu_seconds();
        for (size_t i = 0; i < repeats; i++)
            peer_decode(set, n);
        t[2] = bench_cpu_seconds();
        for (size_t i = 0; i < repeats; i++)
            own_encode(b, n);
        t[3] = bench_cpu_seconds();
        for (size_t i = 0; i < repeats; i++)
            peer_encode(set, n);
        t[4] = bench_cpu_seconds();
        for (int k = 0; k < 2; k++) {
            own[k][round] = t[k * 2 + 1] - t[k * 2];
            peer[k][round] = t[k * 2 + 2] - t[k * 2 + 1];
        }
    }
    row("decode", set, n, (double)(once * repeats), own[0], peer[0]);
    row("encode", set, n, (double)(once * repeats), own[1], peer[1]);
}

int main(void)
{
    static const char *const types[] = { "bench.Order", "bench.Sample",
                                         "bench.Series" };
    static const mf_cc_limits limits;
    static const mf_log log;
    static bench b;
    static bench_set set;
    mayfly_error err = MAYFLY_ERROR_INIT;

    mf_alloc_init(&b.alloc, NULL);
    mf_arena_init(&b.arena, &b.alloc, 65536, 0);
    mf_arena_init(&b.kept, &b.alloc, 65536, 0);
    if (mf_compiler_init(&b.compiler, &b.alloc, &log, &limits, 0, &err) != 0 ||
        test_unit(&b.compiler, "tests/bench", "bench.proto", &b.unit, NULL,
                  &err) != 0)
        die(&err);
    printf("  %-44s %14s %14s\n", "", "mayfly", "C++, arena");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        peer_make(&set, types[i]);
        peer_prepare(&set);
        own_prepare(&b, &set);
        measure(&b, &set, 1);
        measure(&b, &set, set.n);
    }
    mf_unit_free(b.unit);
    mf_arena_done(&b.arena);
    mf_arena_done(&b.kept);
    mf_compiler_done(&b.compiler);
    return 0;
}
