/*
 * A loop with a thread of its own.
 *
 * The thread turns the loop from mf_loop_new to mf_loop_stop. Nobody else runs
 * on it, so every handle of its uv_loop_t is the loop's.
 */
#include "proxy/transport/loop_uv.h"

#include "base/error.h"
#include "proxy/transport/workers.h"

static void *run(void *state)
{
    mf_uv_loop *l = state;
    mf_uv_enter(l); /* for good */
    mf_thread_name("mayfly-loop", l->number);
    /* What the process's allocator keeps per thread is made now: it belongs to
     * the host, not to whoever causes the first release here. */
    mf_alloc_free(l->base.alloc, mf_alloc_new(l->base.alloc, 1));
    sem_post(&l->started);
    uv_run(l->uv, UV_RUN_DEFAULT);
    /* What was posted before the stop still runs; then posting ends for good.
     */
    mf_uv_drain(l);
    mf_uv_close(l);
    uv_run(l->uv, UV_RUN_DEFAULT);
    return NULL;
}

/* Closes the handles of a loop whose thread never ran. */
static void undo(mf_uv_loop *l)
{
    mf_uv_close(l);
    uv_run(l->uv, UV_RUN_DEFAULT);
    uv_loop_close(l->uv);
}

static int open_own(mf_uv_loop *l)
{
    if (uv_loop_init(&l->own) != 0)
        return -1;
    l->uv = &l->own;
    if (mf_uv_open(l) == 0)
        return 0;
    uv_loop_close(&l->own);
    return -1;
}

static int start(mf_uv_loop *l)
{
    sem_init(&l->started, 0, 0);
    int rc = mf_thread_start(&l->thread, run, l);
    while (rc == 0 && sem_wait(&l->started) != 0)
        ; /* interrupted by a signal */
    sem_destroy(&l->started);
    return rc;
}

int mf_loop_new(const mf_loop_setup *setup, mf_loop **ret_loop,
                mayfly_error *err)
{
    mf_uv_loop *l = mf_uv_new(setup);
    if (!l)
        return mf_error_nomem(err, "an event loop");
    if (open_own(l) != 0) {
        mf_loop_free(&l->base);
        return mf_error_set(err, MAYFLY_EIO, "no descriptor for a loop");
    }
    if (start(l) != 0) {
        undo(l);
        mf_loop_free(&l->base);
        return mf_error_set(err, MAYFLY_EIO, "no thread for a loop");
    }
    *ret_loop = &l->base;
    return 0;
}

void mf_loop_stop(mf_loop *base)
{
    mf_uv_loop *l = mf_uv_of(base);
    atomic_store(&l->stopping, 1);
    uv_async_send(&l->wake);
    pthread_join(l->thread, NULL);
    uv_loop_close(l->uv);
}
