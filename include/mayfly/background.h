/*
 * mayfly/background.h: timers and threads that belong to a context.
 *
 * What runs beside the calls of a context is begun here, by its source or by a
 * host on its behalf, so that an unload can end it: a timer stops by itself, a
 * thread is told to stop and waited for. Both end before mayfly_on_unload.
 *
 *     static void sweep(void *state) { ... }
 *     static void deliver(mayfly_thread *self, void *state)
 *     {
 *         while (!mayfly_thread_wait(self, 1000))
 *             ...
 *     }
 *     ...
 *     mayfly_context_timer(mayfly_self(), MAYFLY_TIMER_OPTIONS(.every_ms = 500),
 *                          sweep, state, NULL, err);
 *     mayfly_context_thread(mayfly_self(), "deliver", deliver, state, NULL, err);
 *
 * They are counted under the context's name (mayfly_host_each_registration), and
 * while one runs, a refused unload and mayfly_why name it.
 *
 * In a function that is called here, exit and pthread_exit of a context's own
 * source end that call: a timer goes on with its next time, a thread is over.
 *
 * Threads: every function may be called from any thread.
 */
#ifndef MAYFLY_BACKGROUND_H
#define MAYFLY_BACKGROUND_H

#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_timer mayfly_timer;
typedef struct mayfly_thread mayfly_thread;

typedef struct mayfly_timer_options {
    size_t size;       /* set by MAYFLY_TIMER_OPTIONS */
    const char *name;  /* copied; NULL: that of the function, where it is known */
    unsigned after_ms; /* until the first time */
    unsigned every_ms; /* from one time to the next; 0: there is only one */
    int on_loop;       /* on a loop thread, where it must not block; else on a
                          worker, as handlers that block */
    int reserved;      /* 0 */
} mayfly_timer_options;

#define MAYFLY_TIMER_OPTIONS(...) \
    (&(mayfly_timer_options){ .size = sizeof(mayfly_timer_options), __VA_ARGS__ })

typedef void (*mayfly_timer_fn)(void *argument);

/*
 * Starts a timer of a context that is live, or that is being loaded (in its
 * mayfly_on_load). Its function is called under a lease, never twice at a time;
 * a time that is due while it still runs is made up for at once, further ones are
 * left out. While the context is being unloaded it is not called; where that
 * unload gives up, it goes on, and a time that was due meanwhile is made up for.
 *
 * `ret_timer` may be NULL: then it ends with the context, or after its only time.
 * Else free it with mayfly_timer_free, which may be after the context has gone; it
 * is set before the function is first called.
 * Errors: EINVAL, EUNLOADED, ENOMEM, ECANCELLED (the host is being freed), EFORKED.
 */
MAYFLY_API int mayfly_context_timer(mayfly_context *context,
                                    const mayfly_timer_options *options,
                                    mayfly_timer_fn function, void *argument,
                                    mayfly_timer **ret_timer,
                                    mayfly_error *err);

/* Stops a timer and gives up its handle. When this returns, its function is not
 * running and will not be called: where it runs on another thread, this waits for
 * it; from within the function itself it does not. NULL is allowed. */
MAYFLY_API void mayfly_timer_free(mayfly_timer *timer);

typedef void (*mayfly_thread_fn)(mayfly_thread *self, void *argument);

/*
 * Starts a thread of a context that is live or being loaded, and calls the
 * function on it. It holds a lease, so an unload waits for it; it has all signals
 * blocked but those of faults, and 1 MiB of stack.
 *
 * An unload that waits, or is forced, tells it to stop when nothing but such
 * threads holds the context any more: a call that waits for its work is answered
 * first. It is then to return. Should the unload give up after that, the function
 * is called again, from its beginning: to return when it was told to stop is not
 * to end. A function that returns by itself has ended.
 *
 * `name` is copied; its first 15 bytes are the thread's. NULL: the function's,
 * where it is known. `ret_thread`: as of a timer. Errors: EINVAL,
 * EUNLOADED, ENOMEM, EIO (there is no thread to be had), ECANCELLED (the host is
 * being freed), EFORKED.
 */
MAYFLY_API int mayfly_context_thread(mayfly_context *context, const char *name,
                                     mayfly_thread_fn function, void *argument,
                                     mayfly_thread **ret_thread,
                                     mayfly_error *err);

/* 1 when it is to return, by an unload or by mayfly_thread_free. */
MAYFLY_API int mayfly_thread_stopping(mayfly_thread *thread);

/* For the function: sleeps until it is to return, is woken, or the time is up;
 * answers as mayfly_thread_stopping does. UINT_MAX: any time. */
MAYFLY_API int mayfly_thread_wait(mayfly_thread *thread, unsigned timeout_ms);

/* Ends a mayfly_thread_wait early, or the next one if there is none just now. */
MAYFLY_API void mayfly_thread_wake(mayfly_thread *thread);

/* Tells it to stop, for good, and gives up the handle. When this returns, the
 * function has returned and will not be called again; it is waited for, except
 * from within itself. NULL is allowed. */
MAYFLY_API void mayfly_thread_free(mayfly_thread *thread);

MAYFLY_END

#endif
