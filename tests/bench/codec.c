/*
 * Encoding and decoding through the public functions, beside protoc's C++
 * (codec_cpp.cc): one message again and again, which branch predictors learn by
 * heart, and thousands of different ones.
 *
 *     codec make FILE      writes the messages that both sides use
 *     codec measure FILE   prints MB/s: decode and encode of one, of many
 */
#include <mayfly/mayfly.h>

#include "bench.mf.h"
#include "tests/bench/random.h"

enum { MESSAGES = 4000, ROUNDS = 7 };

typedef struct bench {
    mayfly_host *host;
    mayfly_context *context;
    mayfly_error err;
} bench;

static void die(const bench *b, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, b->err.message);
    exit(1);
}

static mayfly_str words(uint64_t *seed, mayfly_arena *arena, size_t most)
{
    size_t n = bench_random(seed) % (most + 1);
    char *text = mayfly_arena_alloc(arena, n + 1);
    mayfly_str s = {text, n};
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + bench_random(seed) % 26);
    return s;
}

static uint64_t number(uint64_t *seed)
{
    return bench_random(seed) >> bench_random(seed) % 64;
}

static void fill_item(bench_Item *item, uint64_t *seed, mayfly_arena *arena)
{
    item->id = number(seed);
    item->name = words(seed, arena, 20);
    item->delta = (int32_t)number(seed) - 1000;
    item->flag = bench_random(seed) % 2;
    item->weight = (double)(bench_random(seed) % 1000) / 8;
    for (size_t n = bench_random(seed) % 6; n > 0; n--)
        *bench_Item_add_codes(item, arena) = (uint32_t)number(seed);
}

static bench_Order *make_order(uint64_t *seed, mayfly_arena *arena)
{
    bench_Order *order = mayfly_arena_alloc(arena, sizeof *order);

    order->id = number(seed);
    order->customer = words(seed, arena, 30);
    order->created = (int64_t)number(seed);
    for (size_t n = bench_random(seed) % 4; n > 0; n--)
        fill_item(bench_Order_add_items(order, arena), seed, arena);
    mayfly_str token = words(seed, arena, 16);
    order->token = (mayfly_bytes){(const uint8_t *)token.ptr, token.len};
    if (bench_random(seed) % 2)
        bench_Order_set_priority(order, (int32_t)(bench_random(seed) % 10));
    for (size_t n = bench_random(seed) % 3; n > 0; n--)
        *bench_Order_add_tags(order, arena) = words(seed, arena, 8);
    if (bench_random(seed) % 2) {
        order->best = mayfly_arena_alloc(arena, sizeof *order->best);
        fill_item(order->best, seed, arena);
    }
    order->checksum = bench_random(seed);
    return order;
}

static void make(bench *b, const char *path)
{
    FILE *f = fopen(path, "wb");
    uint64_t seed = 42;

    if (!f)
        exit(1);
    for (int i = 0; i < MESSAGES; i++) {
        mayfly_arena *arena;
        mayfly_bytes wire;
        if (mayfly_arena_new(b->host, 0, &arena, &b->err) != 0 ||
            bench_Order_encode(b->context, make_order(&seed, arena), arena,
                               &wire, &b->err) != 0)
            die(b, "encode");
        bench_wire_write(f, wire.ptr, wire.len);
        mayfly_arena_free(arena);
    }
    fclose(f);
}

/* Decodes each message into an arena of its own, which is then freed: what a
 * call does. */
static double decode_all(bench *b, const bench_wire *w, size_t n,
                         size_t repeats)
{
    double start = bench_seconds();
    for (size_t k = 0; k < repeats; k++)
        for (size_t i = 0; i < n; i++) {
            mayfly_bytes wire = {w->bytes + w->start[i], w->length[i]};
            mayfly_arena *arena;
            bench_Order *order;
            if (mayfly_arena_new(b->host, 0, &arena, &b->err) != 0 ||
                bench_Order_decode(b->context, wire, arena, &order, &b->err) !=
                    0)
                die(b, "decode");
            mayfly_arena_free(arena);
        }
    return bench_seconds() - start;
}

static double encode_all(bench *b, bench_Order **orders, size_t n,
                         size_t repeats)
{
    double start = bench_seconds();
    for (size_t k = 0; k < repeats; k++)
        for (size_t i = 0; i < n; i++) {
            mayfly_arena *arena;
            mayfly_bytes wire;
            if (mayfly_arena_new(b->host, 0, &arena, &b->err) != 0 ||
                bench_Order_encode(b->context, orders[i], arena, &wire,
                                   &b->err) != 0)
                die(b, "encode");
            mayfly_arena_free(arena);
        }
    return bench_seconds() - start;
}

static void measure(bench *b, const bench_wire *w, size_t n, size_t repeats)
{
    double best_decode = 1e9, best_encode = 1e9, bytes = 0;
    bench_Order **orders = calloc(n, sizeof *orders);
    mayfly_arena *arena;

    if (!orders || mayfly_arena_new(b->host, 0, &arena, &b->err) != 0)
        die(b, "arena");
    for (size_t i = 0; i < n; i++) {
        mayfly_bytes wire = {w->bytes + w->start[i], w->length[i]};
        bytes += (double)w->length[i];
        if (bench_Order_decode(b->context, wire, arena, &orders[i], &b->err) !=
            0)
            die(b, "decode");
    }
    for (int round = 0; round < ROUNDS; round++) {
        double t = decode_all(b, w, n, repeats);
        best_decode = t < best_decode ? t : best_decode;
        t = encode_all(b, orders, n, repeats);
        best_encode = t < best_encode ? t : best_encode;
    }
    mayfly_arena_free(arena);
    free(orders);
    bytes *= (double)repeats / 1e6;
    printf("%.0f %.0f ", bytes / best_decode, bytes / best_encode);
}

int main(int argc, char **argv)
{
    bench b = {.err = MAYFLY_ERROR_INIT};
    bench_wire w;

    if (argc != 3)
        return 2;
    if (mayfly_host_new(NULL, &b.host, &b.err) != 0 ||
        mayfly_load_file(b.host, "bench", "tests/bench/bench.proto", NULL,
                         &b.context, &b.err) != 0)
        die(&b, "load");
    if (strcmp(argv[1], "make") == 0) {
        make(&b, argv[2]);
    } else if (bench_wire_read(&w, argv[2]) == 0) {
        measure(&b, &w, 1, 100000);
        measure(&b, &w, w.n, 20);
        printf("\n");
    }
    mayfly_context_unref(b.context);
    mayfly_host_free(b.host);
    return 0;
}
