/*
 * proxy/program/program.h: C source at work in a context, and what it leaves
 * behind.
 *
 * Code that is going to be unloaded must not leave anything in the process that
 * points into it. So source compiled into a context never sees libc's own
 * functions that register things for later or end the process: it is linked
 * against wrappers, which know the context (program_wrappers.c) and keep a
 * record of each thing, and an unload undoes them.
 *
 *   what it is linked with             program_link.c, program_libraries.c
 *   mayfly_on_load, mayfly_on_unload   program_load.c: called by it, with the
 *                                      state that versions hand over
 *   exit, _exit, abort, pthread_exit   program_run.c: come back to the frame
 *   atexit, on_exit                    program_run.c: when the run ends, or the
 *                                      context is unloaded
 *   pthread_create, pthread_join, ...  program_threads.c: hold a lease
 *   pthread_key_create                 program_threads.c
 *   signal, sigaction                  program_signals.c
 *   timer_create, setitimer, alarm     program_signals.c
 *
 * A program belongs to its unit and is freed with it. Lock order: a program's
 * lock, then its context's.
 */
#ifndef MF_PROXY_PROGRAM_H
#define MF_PROXY_PROGRAM_H

#include "base/log.h"
#include "cache/context/context.h"
#include "cache/context/owned.h"
#include "compiler/unit.h"
#include "proxy/program/exports.h"

#include <mayfly/source.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

typedef struct mf_program mf_program;
typedef struct mf_state mf_state; /* of the source's, with its versions */

enum { MF_SIGNALS = 65, MF_WRAPPED_MAX = 48, MF_ITIMERS = 3 };

/* Where code of a context came from and goes back to, on one thread. */
typedef struct mf_frame {
    mf_program *program;
    struct mf_frame *outer; /* of the same thread; of any context */
    struct mf_frame *goal;  /* a further one out that is to be left too */
    mf_inside inside;
    sigjmp_buf out;
    int is_thread; /* of the unit's own making */
    int is_job;    /* a timer or a thread of background.h */
    int ending;    /* such a one has only its values to destroy */
    int status;    /* what exit was called with */
    int quick;     /* _exit or abort: without handlers */
} mf_frame;

/* A thread that the unit has started; allocated. */
typedef struct mf_thread {
    mf_owned owned; /* first; listed while it runs */
    mf_frame frame;
    struct mf_thread *next;
    mayfly_context *context; /* a lease */
    pthread_t id;            /* set before the program's lock is given up */
    void *(*function)(void *);
    void *argument;
    int n_destroyed; /* values, by destructors, at its end */
    int detached;
    int finished; /* waits to be joined */
} mf_thread;

/* Something that was registered; allocated. */
typedef struct mf_registered {
    mf_owned owned; /* first; tells what it is */
    struct mf_registered *next;
    union {
        struct {
            void (*plain)(void);       /* atexit; else NULL */
            void (*told)(int, void *); /* on_exit */
            void (*passed)(void *);    /* __cxa_atexit */
            void *argument;
        } handler;
        struct {
            pthread_key_t key;
            void (*destructor)(void *);
        } key;
        struct {
            timer_t id;
            int interval; /* setitimer's number of it, or -1 */
        } timer;
        void *library;
    } as;
} mf_registered;

typedef struct mf_signal_state {
    atomic_int known;          /* the unit has changed it */
    struct sigaction before;   /* written by the thread that set `known` */
    _Atomic(const void *) set; /* the handler that the unit set last */
} mf_signal_state;

struct mf_program {
    mf_alloc *alloc;
    mf_log log;
    mayfly_context *context; /* whose payload the unit is; no reference */
    unsigned made_under;     /* fork generation */
    mf_unit *unit;
    mf_state *state; /* what mayfly_on_load gave; set before it is live */
    int loaded;      /* accepted, so that its end is told */
    int uses_mayfly; /* calls mayfly: its threads cannot be cancelled */
    atomic_int exit_called; /* on a thread of its own, while a run goes on */
    atomic_int exit_status;

    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t changed; /* a thread has ended, or constructors have */
    size_t n_runs;
    enum { MF_NEW = 0, MF_BEGINNING, MF_BEGUN } begun; /* constructors */
    mf_thread *threads; /* running, or to be joined */
    size_t n_running;
    mf_registered *registered; /* newest first */
    mf_signal_state signals[MF_SIGNALS];
    atomic_int intervals[MF_ITIMERS]; /* the unit has armed it */
};

/* The shared objects in some folders, while source is linked. */
typedef struct mf_folders {
    mf_alloc *alloc;
    char **paths; /* folder by folder, sorted in each */
    size_t n, room;
    int failed;        /* ENOMEM while one was looked at */
    char trouble[256]; /* why one that was wanted could not be opened */
} mf_folders;

/* What a program is linked with, while it is loaded. */
typedef struct mf_link {
    mf_program *program; /* NULL: there is no source */
    const mayfly_load_options *options;
    mf_exports *exports; /* a reference, or NULL */
    mf_buf prelude;      /* the defines */
    mf_folders folders;
    mayfly_symbol wrapped[MF_WRAPPED_MAX];
} mf_link;

/* --- program.c: its life ----------------------------------------------------
 */

/* A program for a context that is being loaded. NULL: no memory. */
mf_program *mf_program_new(mayfly_context *context, mf_alloc *alloc,
                           const mf_log *log, unsigned made_under);

/* The unit with its program as a payload; the context's from then on. */
mf_payload mf_program_publish(mf_program *p, mf_unit *unit);

/* Of a load that failed. NULL is allowed. */
void mf_program_free(mf_program *p);

/* Registers a copy of `what` (its kind and the union) under a name. 0 or
 * ENOMEM.
 */
int mf_program_register(mf_program *p, const mf_registered *what,
                        const char *name);
/* Takes out of the lists and frees. Lock held. */
void mf_program_unregister(mf_program *p, mf_registered *r);
/* The newest of a kind; NULL: none is left. Lock held. */
mf_registered *mf_program_newest(const mf_program *p, enum mf_owned_kind kind);
/* A name for an address of the unit. */
void mf_program_name(const mf_program *p, const void *address, char *out,
                     size_t size);

/* --- program_link.c ----------------------------------------------------------
 */

/* The part of the options that is about source. Errors: EINVAL. */
int mf_link_check(const mayfly_load_options *options, mayfly_error *err);

/* Opens the libraries, which are the program's. Errors: EINVAL (a define),
 * ENOTFOUND (a library, a folder), ENOMEM; to be ended after them, too. */
int mf_link_init(mf_link *l, mf_program *p, mayfly_host *host,
                 const mayfly_load_options *options, mayfly_error *err);
void mf_link_done(mf_link *l); /* also when zeroed */

/* Sources and all they are compiled with. Good until mf_link_done. */
void mf_link_give(mf_link *l, mf_unit_input *input);

/* The build's code and error, with what linking knows besides. */
int mf_link_blame(const mf_link *l, int code, mayfly_error *err);

/* --- program_libraries.c -----------------------------------------------------
 */

/* Loads a library by its soname, path, or "m" for libm. Errors: ENOTFOUND. */
int mf_program_add_library(mf_program *p, const char *name, mayfly_error *err);
void mf_program_close_libraries(mf_program *p);
const void *mf_program_find_in_libraries(const mf_program *p, const char *name);

/* Lists the shared objects in folders. Errors: ENOTFOUND, ENOMEM; to be ended
 * after them, too. */
int mf_folders_init(mf_folders *f, mf_alloc *alloc, const char *const *folders,
                    size_t n, mayfly_error *err);
void mf_folders_done(mf_folders *f); /* also when zeroed */
/* The first of them that defines the name is opened, and is the program's. */
const void *mf_folders_find(mf_folders *f, mf_program *p, const char *name);

/* --- program_wrappers.c ------------------------------------------------------
 */

/* The source that stands between a unit and libc, and what it links to. */
extern const mayfly_source mf_wrappers_source;
size_t mf_wrappers_symbols(mf_program *p, mayfly_symbol *to);

/* --- program_load.c ----------------------------------------------------------
 */

/* When its context has the payload and is not live. Calls mayfly_on_load where
 * the source has it, after the constructors; with `begins` those in any case.
 * `previous` is pinned, or NULL. Errors: EREFUSED, ENOMEM. */
int mf_program_load(mf_program *p, mayfly_context *previous, int begins,
                    mayfly_error *err);
/* Calls mayfly_on_unload: before all else at unload. */
void mf_program_unload(mf_program *p);
/* What handlers get where their server has none for them. */
void *mf_program_state(const mf_program *p);

/* --- program_run.c -----------------------------------------------------------
 */

/* Enters and leaves a frame on this thread. */
void mf_frame_enter(mf_frame *f, mf_program *p);
void mf_frame_leave(mf_frame *f);
/* By which function a frame was left: "exit", "abort". */
const char *mf_frame_way_out(const mf_frame *f);

/* Runs the constructors; on a frame that is entered. Not 0: exit in one. */
int mf_program_begin(mf_program *p, mf_frame *f, int argc, char **argv);

/* Calls a function of the unit's, or one that calls such; exit in it ends it
 * with EINTERNAL, which says who that was. */
int mf_program_guard(mf_program *p, int (*function)(void *argument),
                     void *argument, const char *who, mayfly_error *err);

/* The same for a handler. */
int mf_program_serve(mf_program *p, const mf_method_stub *stub, mf_stub_io *io,
                     mayfly_error *err);

/* Calls a job. 1 when exit has ended it. */
int mf_program_call(mf_program *p, void (*call)(void *state), void *state);

/* Runs what atexit has registered, the newest first, each once. */
void mf_program_run_handlers(mf_program *p, mf_frame *f);
/* Handlers that are left, then destructors: at unload. */
void mf_program_finish(mf_program *p);

_Noreturn void mf_wrap_exit(mf_program *p, int status);
_Noreturn void mf_wrap_quick_exit(mf_program *p, int status);
_Noreturn void mf_wrap_abort(mf_program *p);
_Noreturn void mf_wrap_pthread_exit(mf_program *p, void *value);
int mf_wrap_atexit(mf_program *p, void (*function)(void));
int mf_wrap_on_exit(mf_program *p, void (*function)(int, void *),
                    void *argument);
int mf_wrap_cxa_atexit(mf_program *p, void (*function)(void *), void *argument);

/* --- program_threads.c -------------------------------------------------------
 */

int mf_wrap_pthread_create(mf_program *p, pthread_t *ret,
                           const pthread_attr_t *attr,
                           void *(*function)(void *), void *argument);
int mf_wrap_pthread_detach(mf_program *p, pthread_t id);
int mf_wrap_pthread_join(mf_program *p, pthread_t id, void **ret);
int mf_wrap_pthread_tryjoin(mf_program *p, pthread_t id, void **ret);
int mf_wrap_pthread_timedjoin(mf_program *p, pthread_t id, void **ret,
                              const struct timespec *until);
int mf_wrap_pthread_key_create(mf_program *p, pthread_key_t *ret,
                               void (*destructor)(void *));
int mf_wrap_pthread_key_delete(mf_program *p, pthread_key_t key);

/* Waits until no thread of the unit's runs. */
void mf_program_wait_threads(mf_program *p);
/* At unload: joins what has ended, deletes keys. */
void mf_program_undo_threads(mf_program *p);

/* --- program_signals.c -------------------------------------------------------
 */

typedef void (*mf_signal_fn)(int);

int mf_wrap_sigaction(mf_program *p, int number, const struct sigaction *set,
                      struct sigaction *ret_before);
mf_signal_fn mf_wrap_signal(mf_program *p, int number, mf_signal_fn handler);
mf_signal_fn mf_wrap_sysv_signal(mf_program *p, int number,
                                 mf_signal_fn handler);
int mf_wrap_timer_create(mf_program *p, clockid_t clock, struct sigevent *event,
                         timer_t *ret);
int mf_wrap_timer_delete(mf_program *p, timer_t id);
int mf_wrap_setitimer(mf_program *p, int which, const struct itimerval *set,
                      struct itimerval *ret_before);
unsigned mf_wrap_alarm(mf_program *p, unsigned seconds);

/* At unload: dispositions and timers as they were. */
void mf_program_undo_signals(mf_program *p);

#endif
