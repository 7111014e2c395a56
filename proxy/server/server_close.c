/*
 * Closing a server that nobody waits for.
 *
 * What mayfly_server_free does in a row is done here in steps on the server's
 * first loop: calls that are under way may finish, after their time what is
 * left is ended, and when nothing runs any more that is told. A step is taken
 * whenever a count of the server's went down, or the time has passed.
 *
 * What stays true: `closed` is told once. The server's own reference, its
 * user's before, goes with it. Where its loop has stopped, because the host
 * ends, no more steps are needed than the last, and whoever finds that all has
 * ended takes it.
 */
#include "proxy/server/server.h"

#include "base/guest.h"
#include "base/owner.h"

static void finish(mayfly_server *s)
{
    if (!mf_server_has_ended(s) || atomic_exchange(&s->has_closed, 1))
        return;
    if (s->closed)
        s->closed(s->closed_state);
    mf_server_take_out(s);
    mf_server_unref(s);
}

static void on_grace_over(mf_timer *timer)
{
    mf_server_kill(MF_OWNER(timer, mayfly_server, grace));
}

static void step(mf_task *task)
{
    mayfly_server *s = MF_OWNER(task, mayfly_server, close_task);
    mf_loop *loop = s->parts[0].loop;
    atomic_store(&s->is_stepping,
                 0); /* what changes from now on is seen next */
    if (s->grace_ms == 0 || mf_server_calls(s) == 0 ||
        atomic_load(&s->killed)) {
        mf_server_kill(s); /* which clears the timer */
    } else if (!s->grace.is_set) {
        mf_loop_set_timer(loop, &s->grace, loop->now_ms + s->grace_ms,
                          on_grace_over);
    }
    finish(s);
    mf_server_unref(s); /* the task's */
}

void mf_server_close_step(mayfly_server *s)
{
    if (atomic_exchange(&s->is_stepping, 1))
        return;
    s->close_task.run = step;
    atomic_fetch_add(&s->refs, 1);
    if (mf_loop_post(s->parts[0].loop, &s->close_task) == 0)
        return;
    atomic_store(&s->is_stepping, 0);
    finish(s);
    mf_server_unref(s);
}

void mayfly_server_close(mayfly_server *s, unsigned grace_ms,
                         void (*done)(void *state), void *state)
{
    if (!s || mf_fork_check(s->host->made_under, NULL) != 0)
        return;
    s->grace_ms = grace_ms;
    s->closed = done;
    s->closed_state = state;
    atomic_store(&s->closes, 1);
    mf_server_drain(s);
    mf_server_close_step(s);
}
