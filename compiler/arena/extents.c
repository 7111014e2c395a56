/*
 * compiler/arena/extents.c: free parts of a range, sorted and merged.
 *
 * Giving back must not fail, so the room that the array may need for it is made
 * when something is taken (a promise). With p parts taken there can be at most
 * p + 1 free ones. Room for many goes when few are left.
 */
#include "compiler/arena/extents.h"

#include <mayfly/error.h>

#include <string.h>

/* An array above KEPT_CAP shrinks when less than one place in SPARSE is needed. */
enum { KEPT_CAP = 256, SPARSE = 8 };

void mf_extents_init(mf_extents *e, mf_alloc *alloc)
{
    memset(e, 0, sizeof *e);
    e->alloc = alloc;
}

void mf_extents_done(mf_extents *e)
{
    mf_alloc_free(e->alloc, e->items);
    e->items = NULL;
    e->n = e->cap = 0;
}

int mf_extents_promise(mf_extents *e)
{
    size_t need = e->reserved + 2;
    if (need > e->cap) {
        size_t cap = e->cap ? e->cap * 2 : 8;
        while (cap < need)
            cap *= 2;
        mf_extent *items =
            mf_alloc_resize(e->alloc, e->items, cap * sizeof *items);
        if (!items)
            return MAYFLY_ENOMEM;
        e->items = items;
        e->cap = cap;
    }
    e->reserved++;
    return 0;
}

void mf_extents_unpromise(mf_extents *e)
{
    e->reserved--;
    size_t need = e->n + e->reserved, cap = e->cap / 2;
    if (e->cap <= KEPT_CAP || need > e->cap / SPARSE)
        return;
    mf_extent *items = mf_alloc_resize(e->alloc, e->items, cap * sizeof *items);
    if (items) { /* else it stays as large as it is */
        e->items = items;
        e->cap = cap;
    }
}

static void remove_at(mf_extents *e, size_t i)
{
    e->n--;
    memmove(&e->items[i], &e->items[i + 1], (e->n - i) * sizeof *e->items);
}

int mf_extents_take(mf_extents *e, size_t bytes, size_t *ret_at)
{
    for (size_t i = 0; i < e->n; i++) {
        mf_extent *x = &e->items[i];
        if (x->bytes < bytes)
            continue;
        *ret_at = x->at;
        x->at += bytes;
        x->bytes -= bytes;
        if (x->bytes == 0)
            remove_at(e, i);
        return 1;
    }
    return 0;
}

void mf_extents_give(mf_extents *e, size_t at, size_t bytes)
{
    size_t low = 0, high = e->n;
    if (!bytes)
        return;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (e->items[mid].at < at)
            low = mid + 1;
        else
            high = mid;
    }
    mf_extent *before = low > 0 ? &e->items[low - 1] : NULL;
    mf_extent *after = low < e->n ? &e->items[low] : NULL;
    int joins_before = before && before->at + before->bytes == at;
    int joins_after = after && at + bytes == after->at;
    if (joins_before) {
        before->bytes += bytes;
        if (joins_after) {
            before->bytes += after->bytes;
            remove_at(e, low);
        }
        return;
    }
    if (joins_after) {
        after->at = at;
        after->bytes += bytes;
        return;
    }
    memmove(&e->items[low + 1], &e->items[low],
            (e->n - low) * sizeof *e->items);
    e->n++;
    e->items[low].at = at;
    e->items[low].bytes = bytes;
}
