/*
 * base/census.c: adding up memory by kind, and the clock.
 *
 * Always true: the sum over all rows is the sum of what was added, also past
 * the bound on rows, where kinds fall together in the last row.
 *
 * Threads: a census belongs to one; the clock to any.
 */
#include "base/census.h"

#include <string.h>
#include <time.h>

void mf_census_merge(mf_census *c, const mf_census_row *add)
{
    mf_census_row *row = NULL;
    for (size_t i = 0; i < c->n && !row; i++)
        if (strcmp(c->rows[i].arena, add->arena) == 0 &&
            strcmp(c->rows[i].kind, add->kind) == 0)
            row = &c->rows[i];
    if (!row && c->n == MF_CENSUS_ROWS) {
        row = &c->rows[MF_CENSUS_ROWS - 1];
    } else if (!row) {
        row = &c->rows[c->n++];
        *row = (mf_census_row){.arena = add->arena, .kind = add->kind};
    }
    row->blocks += add->blocks;
    row->bytes += add->bytes;
    row->live += add->live;
    row->peak += add->peak;
    if (add->largest > row->largest)
        row->largest = add->largest;
}

void mf_census_add(mf_census *c, const char *arena, const char *kind,
                   size_t blocks, size_t bytes)
{
    mf_census_row row = {.arena = arena,
                         .kind = kind,
                         .blocks = blocks,
                         .bytes = bytes,
                         .largest = blocks <= 1 ? bytes : 0,
                         .live = bytes,
                         .peak = bytes};
    mf_census_merge(c, &row);
}

size_t mf_census_bytes(const mf_census *c, const char *arena)
{
    size_t bytes = 0;
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->rows[i].arena, arena) == 0)
            bytes += c->rows[i].bytes;
    return bytes;
}

uint64_t mf_clock_ns(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
