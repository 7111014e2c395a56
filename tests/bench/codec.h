/*
 * tests/bench/codec.h: the two sides of the codec benchmark.
 *
 * Both decode the same bytes and encode what they decoded. mayfly's side is in
 * codec.c, the peer's, protoc's C++ with an arena, in codec_cpp.cc; codec.c has
 * main.
 */
#ifndef TESTS_BENCH_CODEC_H
#define TESTS_BENCH_CODEC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_MESSAGES = 4000 };

typedef struct bench_set {
    const char *type; /* "bench.Order" */
    size_t n;
    const uint8_t *wire[BENCH_MESSAGES];
    size_t length[BENCH_MESSAGES];
    size_t total;
} bench_set;

/* Makes random messages; the bytes stay until the program ends. */
void peer_make(bench_set *set, const char *type);

/* Each decodes, or encodes, the first n messages of the set, once. What is encoded
 * was decoded by ..._prepare. */
void peer_prepare(const bench_set *set);
void peer_decode(const bench_set *set, size_t n);
void peer_encode(const bench_set *set, size_t n);

#ifdef __cplusplus
}
#endif

#endif
