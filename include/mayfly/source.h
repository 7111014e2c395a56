/*
 * mayfly/source.h: any C source loaded into a context, run, and unloaded.
 *
 *     mayfly_source file = { .name = "hello.c", .text = text };
 *     mayfly_context *ctx;
 *     mayfly_load_source(host, "hello", &file, 1, NULL, &ctx, &err);
 *     int status;
 *     mayfly_context_run(ctx, argc, argv, &status, &err);
 *     mayfly_unload(ctx, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000), NULL, &err);
 *     mayfly_context_unref(ctx);
 *
 * Such a context is one like any other: it can be pinned, its functions found
 * by name (mayfly_pin_symbol), it has a receipt. It has no schema, so what
 * needs one answers MAYFLY_ENOTFOUND.
 *
 * What the source does to the process is kept for this context and undone when
 * it is unloaded. The same holds for handler source (mayfly_load_options):
 *
 *   exit, _exit, abort   end the run, not the process (mayfly_context_run)
 *   atexit, on_exit      run when the last run ends; those registered later, at
 *                        unload, on the thread that unloads
 *   pthread_create       the thread holds a lease: an unload waits for it, and
 *                        a refused one names it; a forced one cancels it,
 *                        unless the source calls mayfly. What was not joined
 *                        is joined at unload. EAGAIN while the context is
 *                        unloading
 *   pthread_key_create   deleted at unload; destructors run for the threads
 *                        that the source has started, not for the host's
 *   signal, sigaction    put back as they were at unload, where nobody else
 *                        has changed them since
 *   timer_create         deleted at unload; not with SIGEV_THREAD (ENOTSUP)
 *   setitimer, alarm     disarmed at unload
 *   pthread_atfork       ENOTSUP
 *
 * What it opens or allocates is its own to close and free. The source is
 * trusted as a plug-in is.
 *
 * Threads: every function may be called from any thread.
 */
#ifndef MAYFLY_SOURCE_H
#define MAYFLY_SOURCE_H

#include <mayfly/context.h>

MAYFLY_BEGIN

typedef struct mayfly_source_options {
    size_t size;               /* set by MAYFLY_SOURCE_OPTIONS */
    mayfly_include_fn include; /* asked first */
    void *include_state;
    const char *const *include_dirs; /* -I: then looked up here, in order; with
                                        folders, "../x.h" and "/dir/x.h" are
                                        read as they are */
    size_t n_include_dirs;
    const char *const *defines; /* -D: "NAME" or "NAME=TEXT" */
    size_t n_defines;
    const mayfly_symbol *symbols; /* what the source may call, beside mayfly's
                                     own functions and a list of libc's */
    size_t n_symbols;
    mayfly_resolve_fn resolve; /* asked for what is not there, ... */
    void *resolve_state;
    const char *const *libraries; /* -l: ... then looked up here: a soname, a
                                     path, or "m" for libm; kept until unload */
    size_t n_libraries;
    int resident; /* keep the compile arena with the context: for comparison */
    const mayfly_limits
        *limits; /* of this load, beside the host's; NULL: none */
    mayfly_diagnostic_fn diagnostic; /* each error and warning; NULL: none */
    void *diagnostic_state;
    mayfly_context *previous;        /* as in mayfly_load_options */
    const char *const *library_dirs; /* likewise */
    size_t n_library_dirs;
} mayfly_source_options;

#define MAYFLY_SOURCE_OPTIONS(...)                                             \
    (&(mayfly_source_options){.size = sizeof(mayfly_source_options),           \
                              __VA_ARGS__})

/*
 * Compiles C source, each of `sources` a translation unit, and makes a live
 * context called `name`. Nothing of it runs yet, unless it defines
 * mayfly_on_load (handlers.h): then constructors and that. Headers of the
 * system's can be included. Names are found in the order that
 * mayfly_load_options tells of.
 *
 * Errors: EINVAL; ECOMPILE (with file and line); ELINK (every name that is not
 * found); ENOTFOUND (a library, a folder of them); EREFUSED (by mayfly_on_load); EUNLOADED
 * (`previous` is not live); ELIMIT (which limit is named), ENOMEM, EIO, EFORKED.
 */
MAYFLY_API int mayfly_load_source(mayfly_host *host, const char *name,
                                  const mayfly_source *sources,
                                  size_t n_sources,
                                  const mayfly_source_options *options,
                                  mayfly_context **ret_context,
                                  mayfly_error *err);

/*
 * Calls the context's `main` under a lease and returns when it does. `argv` has
 * `argc` words and NULL behind them; main may change them. Before the first run
 * of a context its constructors run, unless they did when it was loaded
 * (handler source, and what defines mayfly_on_load); destructors do at unload.
 * Variables keep their values from one run to the next.
 *
 * `ret_status` is what main returned or gave to exit, on this thread or below
 * any depth of calls: the stack is left by a jump, as longjmp does. exit on a
 * thread that the source has started ends that thread, and the run's status is
 * then the one it gave. _exit does not run the exit handlers; abort (and a
 * failed assert) neither, and gives 128 + SIGABRT. pthread_exit in main waits
 * for the source's threads and gives 0. Threads that still run when main
 * returns go on and hold the context. A handler of calls that does one of
 * these ends the call with INTERNAL. A function that was found through a pin
 * must do none of them: there is nowhere to return to, so the calling thread is
 * ended, and by abort the process. In a child that the source has forked, exit
 * returns from this function, _exit ends the child.
 *
 * Errors: EINVAL, ENOTFOUND (the source defines no main), EUNLOADED, EONLOOP,
 * EFORKED.
 */
MAYFLY_API int mayfly_context_run(mayfly_context *context, int argc,
                                  char **argv, int *ret_status,
                                  mayfly_error *err);

MAYFLY_END

#endif
