/*
 * proxy/transport/workers.h: a few threads for what may block.
 *
 * Tasks wait in one queue; a thread is made when a task waits and the bound is
 * not reached, and stays. The queue's length is bounded by those who push (a
 * server's handlers_max).
 */
#ifndef MF_PROXY_WORKERS_H
#define MF_PROXY_WORKERS_H

#include "proxy/transport/loop.h"

typedef struct mf_workers mf_workers;

/* `name` is the threads' name, 12 characters at the most. */
int mf_workers_new(mf_alloc *alloc, const char *name, unsigned max,
                   mf_workers **ret_workers, mayfly_error *err);

/* Runs the task on a worker. EIO: there is no thread and none can be made;
 * ECANCELLED: stopped. Any thread. */
int mf_workers_push(mf_workers *workers, mf_task *task);

/* Runs what waits, then ends and joins the threads. */
void mf_workers_stop(mf_workers *workers);

/* Begins with that and returns. `left` runs when no task runs any more: on the
 * last thread, or on this one when there is none. mf_workers_stop then only
 * joins. */
void mf_workers_leave(mf_workers *workers, void (*left)(void *state),
                      void *state);
void mf_workers_free(mf_workers *workers); /* stopped, or NULL */

/* Starts a thread as all of mayfly's are: with every signal blocked but those
 * that a fault raises. 0 or EIO. */
int mf_thread_start(pthread_t *ret_thread, void *(*run)(void *), void *state);

/* Names the calling thread: a thread that names another opens a file for it,
 * which is not close-on-exec. */
void mf_thread_name(const char *name, unsigned number);

#endif
