/*
 * How a host ends.
 *
 * Servers and channels close (their calls are cancelled), handlers that block
 * are waited for, loaded units go, the loops stop. Tasks posted to a loop run
 * in order, so what a server or channel posted to close itself has run when its
 * loop has stopped.
 *
 * A host with loops of its own does this on the thread that frees it. One whose
 * first loop is somebody else's cannot: that loop's handles are closed by its
 * turns, and handlers that are waited for may be waiting for it. So it goes in
 * steps on that loop:
 *
 *     begin (any thread) ──► workers leave ──► the rest stops (on the loop)
 *                                              ──► its handles are closed ──►
 * gone
 *
 * What stays true: the order above, in both forms.
 */
#include "proxy/host/host.h"

#include "base/error.h"
#include "base/guest.h"
#include "base/owner.h"
#include "proxy/channel/channel.h"
#include "proxy/server/server.h"

#include <semaphore.h>

/* All but a loop that is not ours. */
void mf_host_stop_threads(mayfly_host *h)
{
    if (h->workers)
        mf_workers_stop(h->workers);
    if (h->resolver)
        mf_workers_stop(h->resolver);
    if (h->admin_workers)
        mf_workers_stop(h->admin_workers);
    if (&mf_host_loading && mf_host_loading.stop)
        mf_host_loading.stop(h);
    for (unsigned i = 0; i < h->n_loops; i++)
        if (!mf_loop_is_foreign(h->loops[i]))
            mf_loop_stop(h->loops[i]);
}

/* Whoever is connected. Returns at once. */
static void end_peers(mayfly_host *h)
{
    if (mf_admins_stop)
        mf_admins_stop(h);
    mf_servers_stop(h);
    mf_channels_stop(h);
}

static int is_on_foreign(const mayfly_host *h)
{
    return mf_loop_is_foreign(h->loops[0]);
}

/* 0 for the one that may end it. */
static int claim(mayfly_host *h)
{
    return atomic_exchange(&h->stopping, 1);
}

/* --- on a loop that is not ours --- */

/* The last of its handles is closed. */
static void gone(void *state)
{
    mayfly_host *h = state;
    void (*ended)(void *) = h->ended;
    void *ended_state = h->ended_state;
    mf_host_unref(h);
    if (ended)
        ended(ended_state);
}

static void end_goes_on(mf_task *task)
{
    mayfly_host *h = MF_OWNER(task, mayfly_host, end_goes_on);
    mf_host_stop_threads(h);
    mf_loop_close(h->loops[0], gone, h);
}

static void kind_has_left(void *state)
{
    mayfly_host *h = state;
    if (atomic_fetch_sub(&h->n_leaving, 1) == 1)
        mf_loop_post(h->loops[0], &h->end_goes_on);
}

/* Until it is gone, the loop has something to do. */
static void end_begins(mf_task *task)
{
    mayfly_host *h = MF_OWNER(task, mayfly_host, end_begins);
    mf_loop_hold(h->loops[0]);
}

static void begin(mayfly_host *h, void (*ended)(void *state), void *state)
{
    h->ended = ended;
    h->ended_state = state;
    h->end_begins.run = end_begins;
    h->end_goes_on.run = end_goes_on;
    atomic_store(&h->n_leaving, 3);
    mf_loop_post(h->loops[0], &h->end_begins);
    end_peers(h);
    mf_workers_leave(h->workers, kind_has_left, h);
    mf_workers_leave(h->resolver, kind_has_left, h);
    mf_workers_leave(h->admin_workers, kind_has_left, h);
}

static void post_sem(void *state)
{
    sem_post(state);
}

static void free_on_foreign(mayfly_host *h)
{
    struct uv_loop_s *uv = h->options.uv_loop;
    int turns_it = mf_loop_is_mine(h->loops[0]);
    sem_t ended;
    if (mf_loop_is_current(h->loops[0])) { /* it cannot be waited for */
        begin(h, NULL, NULL);
        return;
    }
    sem_init(&ended, 0, 0);
    begin(h, post_sem, &ended);
    if (turns_it)
        while (sem_trywait(&ended) != 0)
            mf_loop_turn(uv);
    else
        while (sem_wait(&ended) != 0)
            ; /* interrupted by a signal */
    sem_destroy(&ended);
}

/* --- public --- */

void mayfly_host_free(mayfly_host *h)
{
    if (!h || mf_fork_check(h->made_under, NULL) != 0 || claim(h))
        return;
    if (is_on_foreign(h)) {
        free_on_foreign(h);
        return;
    }
    end_peers(h);
    mf_host_stop_threads(h);
    mf_host_unref(h);
}

static int check_foreign(const mayfly_host *h, mayfly_error *err)
{
    if (!h)
        return mf_error_set(err, MAYFLY_EINVAL, "no host");
    int rc = mf_host_check(h, err);
    if (rc == 0 && !is_on_foreign(h))
        rc = mf_error_set(err, MAYFLY_EINVAL,
                          "the host has loop threads of its own");
    return rc;
}

int mayfly_host_close(mayfly_host *h, void (*done)(void *state), void *state,
                      mayfly_error *err)
{
    int rc = check_foreign(h, err);
    if (rc == 0 && claim(h))
        rc = mf_error_set(err, MAYFLY_ECANCELLED, "the host is being freed");
    if (rc == 0)
        begin(h, done, state);
    return rc;
}

int mayfly_host_take_loop(mayfly_host *h, mayfly_error *err)
{
    int rc = check_foreign(h, err);
    if (rc == 0)
        mf_loop_take(h->loops[0]);
    return rc;
}
