/*
 * compiler/arena/zone_wait.c: addresses of unloaded units, before they are used
 * again.
 *
 * They have no memory and no access, so that who still jumps there faults; and
 * the longer they wait, the more likely that is. They wait in a queue that is
 * bounded by number, by age, and by bytes of addresses, of which there are
 * plenty. When the range has no other room, all waits end.
 *
 * Age is looked at when something is taken, given or trimmed: addresses that
 * wait longer than they must cost nothing.
 *
 * Always true: each part of the queue has room promised in its chunk's list of
 * free parts, so that ending its wait cannot fail.
 *
 * Threads: the zone's lock is held, but by mf_zone_set_quarantine.
 */
#include "compiler/arena/zone_own.h"

#include "base/error.h"

enum { PARTS_DEFAULT = 64, PARTS_MOST = 65536 };

#define AGE_DEFAULT UINT64_C(60000000000)

int mf_zone_wait_init(mf_zone *z)
{
    z->queue_room = PARTS_DEFAULT;
    z->queue = mf_alloc_new(z->alloc, z->queue_room * sizeof *z->queue);
    z->wait_ns = AGE_DEFAULT;
    z->wait_parts = PARTS_DEFAULT;
    z->wait_bytes = z->reserved / 8;
    return z->queue ? 0 : MAYFLY_ENOMEM;
}

/* The oldest can be used again. */
static void end_wait(mf_zone *z)
{
    mf_zone_waiting *w = &z->queue[z->queue_at];
    mf_extents_give(&w->chunk->free, w->at, w->bytes);
    mf_extents_unpromise(&w->chunk->free);
    w->chunk->waiting--;
    z->queue_bytes -= w->bytes;
    z->queue_at = (z->queue_at + 1) % z->queue_room;
    z->queue_n--;
}

void mf_zone_wait_end(mf_zone *z)
{
    while (z->queue_n)
        end_wait(z);
}

void mf_zone_wait_expire(mf_zone *z)
{
    uint64_t now = mf_clock_ns();
    while (z->queue_n > z->wait_parts || z->queue_bytes > z->wait_bytes)
        end_wait(z);
    while (z->queue_n && now - z->queue[z->queue_at].since_ns >= z->wait_ns)
        end_wait(z);
}

void mf_zone_wait_start(mf_zone *z, mf_zone_chunk *c, size_t at, size_t bytes)
{
    if (z->queue_n == z->queue_room)
        end_wait(z);
    z->queue[(z->queue_at + z->queue_n) % z->queue_room] =
        (mf_zone_waiting){c, at, bytes, mf_clock_ns()};
    c->waiting++;
    z->queue_n++;
    z->queue_bytes += bytes;
    mf_zone_wait_expire(z);
}

int mf_zone_set_quarantine(mf_zone *z, size_t parts, uint64_t age_ns,
                           mayfly_error *err)
{
    int code = 0;
    if (parts > PARTS_MOST)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "quarantine: at most %d contexts", PARTS_MOST);
    size_t room = parts ? parts : 1;
    pthread_mutex_lock(&z->lock);
    z->wait_parts = parts;
    z->wait_ns = age_ns;
    mf_zone_wait_expire(z);
    if (room != z->queue_room) {
        mf_zone_waiting *q = mf_alloc_new(z->alloc, room * sizeof *q);
        for (size_t i = 0; q && i < z->queue_n; i++)
            q[i] = z->queue[(z->queue_at + i) % z->queue_room];
        if (q) {
            mf_alloc_free(z->alloc, z->queue);
            z->queue = q;
            z->queue_room = room;
            z->queue_at = 0;
        } else if (room > z->queue_room) {
            code = mf_error_nomem(err, "the quarantine");
        }
    }
    pthread_mutex_unlock(&z->lock);
    return code;
}
