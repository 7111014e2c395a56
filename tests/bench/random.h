/*
 * tests/bench/random.h: the same made-up messages for both sides.
 *
 * `order` number n is built through the macros of whoever includes this, so
 * that both sides make the same bytes.
 */
#ifndef TESTS_BENCH_RANDOM_H
#define TESTS_BENCH_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* xorshift64* */
static inline uint64_t bench_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

static inline double bench_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double bench_cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The wire bytes of many messages: a file of [length, bytes], as made by the
 * first program that runs. */
typedef struct bench_wire {
    uint8_t *bytes;
    size_t *start, *length;
    size_t n, total;
} bench_wire;

static inline int bench_wire_read(bench_wire *w, const char *path)
{
    FILE *f = fopen(path, "rb");
    uint32_t length;
    size_t at = 0, room = 64u << 20;

    memset(w, 0, sizeof *w);
    w->bytes = (uint8_t *)malloc(room);
    w->start = (size_t *)calloc(100000, sizeof *w->start);
    w->length = (size_t *)calloc(100000, sizeof *w->length);
    if (!f || !w->bytes || !w->start || !w->length)
        return -1;
    while (w->n < 100000 && fread(&length, sizeof length, 1, f) == 1 &&
           at + length <= room &&
           fread(w->bytes + at, 1, length, f) == length) {
        w->start[w->n] = at;
        w->length[w->n++] = length;
        at += length;
    }
    w->total = at;
    fclose(f);
    return w->n ? 0 : -1;
}

static inline void bench_wire_write(FILE *f, const void *bytes, size_t n)
{
    uint32_t length = (uint32_t)n;
    fwrite(&length, sizeof length, 1, f);
    fwrite(bytes, 1, n, f);
}

#endif
