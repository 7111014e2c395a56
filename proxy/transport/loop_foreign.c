/*
 * A loop on a uv_loop_t that somebody else runs.
 *
 * It has its own handles there and touches no other. Two rules make it a guest:
 *
 * It keeps uv_run from returning only as long as it has something to do. Its
 * handles do not count for libuv, but for one, `wake`, which does while
 * something is held (a listener, a connection of a server, a call under way),
 * put off or posted. libuv allows this to be changed on the loop's thread only:
 * what another thread posts wakes a loop that waits, and keeps nothing.
 *
 * It has to know its thread, for what blocks there would wait for itself. Every
 * callback notes the thread that it runs on, so the loop's thread is the one
 * that ran it last; before the first turn it is the one that made it, or that
 * took it.
 *
 * Tasks that were put off to the end of the turn run right after polling, too:
 * whoever runs single turns expects answers to be sent in the same one.
 *
 * Threads: as told in loop.h.
 */
#include "proxy/transport/loop_uv.h"

#include "base/error.h"

uint64_t mf_uv_this_thread(void)
{
    static atomic_uint_fast64_t last;
    static _Thread_local uint64_t mine;
    if (mine == 0)
        mine = atomic_fetch_add(&last, 1) + 1;
    return mine;
}

void mf_loop_take(mf_loop *base)
{
    mf_uv_loop *l = mf_uv_of(base);
    uint64_t me = mf_uv_this_thread();
    if (atomic_load_explicit(&l->mine, memory_order_relaxed) != me)
        atomic_store(&l->mine, me);
}

int mf_loop_is_mine(const mf_loop *base)
{
    mf_uv_loop *l = mf_uv_of(base);
    return l->is_foreign && atomic_load(&l->mine) == mf_uv_this_thread();
}

int mf_loop_is_foreign(const mf_loop *base)
{
    return mf_uv_of(base)->is_foreign;
}

/* On its thread. */
void mf_uv_settle(mf_uv_loop *l)
{
    if (!l->is_attached || l->is_closing)
        return;
    int keeps = l->holds || l->later.first;
    if (!keeps) {
        pthread_mutex_lock(&l->lock);
        keeps = l->posted.first != NULL;
        pthread_mutex_unlock(&l->lock);
    }
    if (keeps == l->keeps)
        return;
    l->keeps = (uint8_t)keeps;
    if (keeps)
        uv_ref((uv_handle_t *)&l->wake);
    else
        uv_unref((uv_handle_t *)&l->wake);
}

void mf_loop_hold(mf_loop *base)
{
    mf_uv_of(base)->holds++;
}

void mf_loop_let_go(mf_loop *base)
{
    mf_uv_of(base)->holds--;
}

void mf_loop_notice(mf_loop *base)
{
    if (mf_loop_is_mine(base))
        mf_uv_settle(mf_uv_of(base));
}

static void on_polled(uv_check_t *check)
{
    mf_uv_loop *l = check->data;
    const mf_loop *before = mf_uv_enter(l);
    mf_uv_run_later(l);
    mf_uv_leave(l, before);
}

int mf_loop_new_foreign(const mf_loop_setup *setup, uv_loop_t *uv,
                        mf_loop **ret_loop, mayfly_error *err)
{
    mf_uv_loop *l = mf_uv_new(setup);
    if (!l)
        return mf_error_nomem(err, "an event loop");
    l->uv = uv;
    l->is_foreign = 1;
    mf_loop_take(&l->base);
    *ret_loop = &l->base;
    return 0;
}

int mf_loop_attach(mf_loop *base, mayfly_error *err)
{
    mf_uv_loop *l = mf_uv_of(base);
    if (mf_uv_open(l) != 0)
        return mf_error_set(err, MAYFLY_EIO, "no descriptor for a loop");
    uv_unref((uv_handle_t *)&l->before_sleep);
    uv_unref((uv_handle_t *)&l->timer);
    l->after_poll.data = l;
    uv_check_init(l->uv, &l->after_poll);
    uv_check_start(&l->after_poll, on_polled);
    uv_unref((uv_handle_t *)&l->after_poll);
    l->n_open++;
    l->keeps = 1;
    pthread_mutex_lock(&l->lock);
    l->is_attached = 1;
    if (l->posted.first)
        uv_async_send(&l->wake);
    pthread_mutex_unlock(&l->lock);
    mf_uv_settle(l);
    return 0;
}

void mf_loop_close(mf_loop *base, void (*gone)(void *state), void *state)
{
    mf_uv_loop *l = mf_uv_of(base);
    mf_uv_drain(l);
    l->gone = gone;
    l->gone_state = state;
    l->is_closing = 1;
    mf_uv_close(l);
    uv_close((uv_handle_t *)&l->after_poll, mf_uv_on_closed);
}

void mf_loop_turn(uv_loop_t *uv)
{
    uv_run(uv, UV_RUN_ONCE);
}
