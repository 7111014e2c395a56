/*
 * Handlers that block run here, so that a loop never waits. The threads are few
 * and are made when they are first needed: a host that has no blocking service
 * has none.
 *
 * What stays true: a task is run exactly once, also when the workers stop; a
 * pushed task with no thread to run it is refused, not kept.
 */
#include "proxy/transport/workers.h"

#include "base/error.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { STACK_BYTES = 1024 * 1024 };

struct mf_workers {
    mf_alloc *alloc;
    const char *name;
    unsigned max;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t wake;
    mf_task *first;
    mf_task **last;
    unsigned waiting;   /* tasks in the queue */
    unsigned n_threads; /* made so far */
    unsigned n_named;
    unsigned n_idle; /* of them, waiting for a task */
    unsigned n_left; /* threads that will run no task any more */
    int stopping;
    void (*left)(void *state); /* told when all have */
    void *left_state;
    pthread_t threads[];
};

void mf_thread_name(const char *name, unsigned number)
{
    char text[16];
    snprintf(text, sizeof text, "%.12s%u", name, number % 1000);
    pthread_setname_np(pthread_self(), text);
}

int mf_thread_start(pthread_t *ret_thread, void *(*run)(void *), void *state)
{
    /* A fault is delivered to the thread that raised it: blocking its signal
     * would only hide it from the host's own handler. */
    static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE,
                                 SIGILL,  SIGTRAP, SIGSYS};
    sigset_t blocked, before;
    pthread_attr_t attr;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&blocked, faults[i]);
    if (pthread_attr_init(&attr) != 0)
        return MAYFLY_EIO;
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int rc = pthread_create(ret_thread, &attr, run, state);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return rc ? MAYFLY_EIO : 0;
}

static void *work(void *state)
{
    mf_workers *w = state;
    pthread_mutex_lock(&w->lock);
    mf_thread_name(w->name, w->n_named++);
    for (;;) {
        while (!w->first && !w->stopping) {
            w->n_idle++;
            pthread_cond_wait(&w->wake, &w->lock);
            w->n_idle--;
        }
        mf_task *task = w->first;
        if (!task)
            break;
        w->first = task->next;
        if (!w->first)
            w->last = &w->first;
        w->waiting--;
        pthread_mutex_unlock(&w->lock);
        task->run(task);
        pthread_mutex_lock(&w->lock);
    }
    void (*left)(void *) = ++w->n_left == w->n_threads ? w->left : NULL;
    void *left_state = w->left_state;
    pthread_mutex_unlock(&w->lock);
    if (left)
        left(left_state);
    return NULL;
}

int mf_workers_new(mf_alloc *alloc, const char *name, unsigned max,
                   mf_workers **ret_workers, mayfly_error *err)
{
    mf_workers *w =
        mf_alloc_zero(alloc, sizeof *w + max * sizeof w->threads[0]);
    if (!w)
        return mf_error_nomem(err, "worker threads");
    w->alloc = alloc;
    w->name = name;
    w->max = max;
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    *ret_workers = w;
    return 0;
}

/* Makes one more thread when tasks wait that no idle thread will take. Locked.
 */
static int add_thread(mf_workers *w)
{
    int rc = mf_thread_start(&w->threads[w->n_threads], work, w);
    if (rc == 0)
        w->n_threads++;
    return rc;
}

int mf_workers_push(mf_workers *w, mf_task *task)
{
    int rc = 0;
    pthread_mutex_lock(&w->lock);
    if (w->stopping)
        rc = MAYFLY_ECANCELLED;
    else if (w->waiting >= w->n_idle && w->n_threads < w->max &&
             add_thread(w) != 0 && w->n_threads == 0)
        rc = MAYFLY_EIO;
    if (rc == 0) {
        task->next = NULL;
        *w->last = task;
        w->last = &task->next;
        w->waiting++;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    return rc;
}

void mf_workers_leave(mf_workers *w, void (*left)(void *state), void *state)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = 1;
    int have_left = w->n_left == w->n_threads; /* there are none */
    w->left = left;
    w->left_state = state;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    if (have_left)
        left(state);
}

void mf_workers_stop(mf_workers *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = 1;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->n_threads; i++)
        pthread_join(w->threads[i], NULL);
    w->n_threads = 0;
}

void mf_workers_free(mf_workers *w)
{
    if (!w)
        return;
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    mf_alloc_free(w->alloc, w);
}
