/*
 * cache/context/snapshot.c: moments in a context's life, taken and kept.
 *
 * A snapshot with all its rows is two kilobytes, and a context has four. Three
 * quarters of that say nothing: before the load and after the unload there are
 * no rows, and what is there once the compile arena is dropped are some of the
 * rows that were there before. So a context keeps one census and which of its
 * rows stay, and room for what the kernel says only where it is asked.
 *
 * What stays true: what is recalled is what was kept.
 *
 * Threads: keeping and recalling under the context's lock, or before others
 * know the context; taking from any.
 */
#include "cache/context/internal.h"

#include <string.h>

_Static_assert(MF_KEPT_ROWS <= 32, "one bit for each row");

void mf_snapshot_measure(mayfly_context *c, mf_snapshot *s, const char *phase)
{
    const mf_context_options *o = &c->options;
    mf_map map;
    s->phase = phase;
    s->has_process = o->measure_process;
    if (s->has_process)
        mf_process_read(&s->process);
    if (s->has_process && o->map) {
        int own = atomic_load(&c->state) == MAYFLY_COMPILING && c->payload.unit;
        s->has_map = o->map(o->host, own ? c : NULL, &map) == 0;
        if (s->has_map)
            mf_map_shrink(&map, &s->map);
    }
    s->at_ns = mf_clock_ns();
}

void mf_snapshot_take(mayfly_context *c, mf_snapshot *s, const char *phase)
{
    if (c->options.measure_process && c->options.trim)
        c->options.trim(c->options.host);
    mf_snapshot_measure(c, s, phase);
}

/* Whether a census has a row, as it is. */
static int has_row(const mf_census *c, const mf_census_row *row)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->rows[i].arena, row->arena) == 0 &&
            strcmp(c->rows[i].kind, row->kind) == 0)
            return 1;
    return 0;
}

/* What does not fit is added to the last. */
static void keep_rows(mf_kept_snapshots *k, const mf_census *c)
{
    k->n_rows = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (k->n_rows < MF_KEPT_ROWS) {
            k->rows[k->n_rows++] = c->rows[i];
            continue;
        }
        mf_census_row *last = &k->rows[MF_KEPT_ROWS - 1];
        last->blocks += c->rows[i].blocks;
        last->bytes += c->rows[i].bytes;
        last->live += c->rows[i].live;
        last->peak += c->rows[i].peak;
    }
}

void mf_snapshot_keep(mayfly_context *c, int phase, const mf_snapshot *s)
{
    mf_kept_snapshots *k = &c->snapshots;
    k->moments[phase] =
        (struct mf_kept_moment){s->phase, s->at_ns, s->has_process, s->has_map};
    if (k->measured)
        k->measured[phase] = (mf_measured){s->process, s->map};
    if (phase == MF_COMPILED)
        keep_rows(k, &s->census);
    if (phase != MF_DROPPED)
        return;
    k->stay = 0;
    for (size_t i = 0; i < k->n_rows; i++)
        if (has_row(&s->census, &k->rows[i]))
            k->stay |= (uint32_t)1 << i;
}

void mf_snapshot_recall(const mayfly_context *c, int phase, mf_snapshot *ret)
{
    const mf_kept_snapshots *k = &c->snapshots;
    const struct mf_kept_moment *m = &k->moments[phase];
    memset(ret, 0, sizeof *ret);
    ret->phase = m->phase;
    ret->at_ns = m->at_ns;
    ret->has_process = m->has_process;
    ret->has_map = m->has_map;
    if (k->measured) {
        ret->process = k->measured[phase].process;
        ret->map = k->measured[phase].map;
    }
    for (size_t i = 0; i < k->n_rows; i++)
        if (phase == MF_COMPILED ||
            (phase == MF_DROPPED && k->stay & (uint32_t)1 << i))
            mf_census_merge(&ret->census, &k->rows[i]);
}
