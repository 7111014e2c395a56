/*
 * Counting what is no use. A peer in good faith sends a few such frames per
 * message and never comes near; one that sends nothing else is ended after some
 * thousand, whether it sends them at once or for an hour.
 */
#include "proxy/transport/flood.h"

enum {
    NOISE_MAX = 10000, /* less 1 per ms and 4 per useful frame */
    NOISE_PER_USE = 4,
    RESETS_MAX = 200, /* less 10 a second */
    RESETS_MS = 100
};

void mf_flood_pass(mf_flood *f, uint64_t now_ms)
{
    uint64_t passed = now_ms > f->now_ms ? now_ms - f->now_ms : 0;
    f->noise = f->noise > passed ? f->noise - (uint32_t)passed : 0;
    f->now_ms = now_ms;
    uint64_t steps =
        now_ms > f->resets_ms ? (now_ms - f->resets_ms) / RESETS_MS : 0;
    if (steps) {
        f->resets = f->resets > steps ? f->resets - (uint32_t)steps : 0;
        f->resets_ms = now_ms;
    }
}

void mf_flood_useful(mf_flood *f)
{
    f->noise = f->noise > NOISE_PER_USE ? f->noise - NOISE_PER_USE : 0;
}

int mf_flood_useless(mf_flood *f)
{
    return ++f->noise > NOISE_MAX;
}

int mf_flood_reset(mf_flood *f)
{
    return ++f->resets > RESETS_MAX;
}
