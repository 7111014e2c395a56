/*
 * proxy/program/program_run.c: running main, and every way out of it.
 *
 * exit ends a process by never returning. Here it ends a run in the same way:
 * the innermost frame of the program on this thread is left by a jump, over
 * whatever the program had on the stack. Frames are linked through a
 * thread-local pointer, because exit is called from signal handlers too, where
 * no lock may be taken.
 *
 * What stays true: a frame is entered under a lease, which is dropped only
 * after the frame was left. Exit handlers are taken out of the list before they
 * are called, so each runs once, whatever it does.
 *
 * Threads: any; a frame is one thread's.
 */
#include "proxy/program/program.h"

#include "base/error.h"
#include "base/guest.h"
#include "proxy/transport/loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ABORTED = 128 + SIGABRT };

typedef int (*main_fn)(int argc, char **argv, char **environment);
typedef void (*begin_fn)(int argc, char **argv, char **environment);

static _Thread_local mf_frame *current;

void mf_frame_enter(mf_frame *f, mf_program *p)
{
    f->program = p;
    f->outer = current;
    current = f;
    mf_inside_enter(&f->inside, p->context);
}

void mf_frame_leave(mf_frame *f)
{
    current = f->outer;
    mf_inside_leave(&f->inside);
}

const char *mf_frame_way_out(const mf_frame *f)
{
    return f->status == ABORTED ? "abort" : "exit";
}

/* The program's innermost frame on this thread, or NULL. */
static mf_frame *find_frame(const mf_program *p)
{
    mf_frame *f = current;
    while (f && f->program != p)
        f = f->outer;
    return f;
}

/* --- the ways out ------------------------------------------------------------
 */

/* Code that was called through a pin cannot be left: there is no frame. Who
 * aborts means the process then; else the thread ends. */
static _Noreturn void leave_thread(mf_program *p, int status, const char *by)
{
    if (status == ABORTED)
        syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGABRT);
    mf_log_write(&p->log, MAYFLY_LOG_ERROR, "program",
                 "context \"%s\" called %s outside of a run: the thread is "
                 "ended",
                 mayfly_context_name(p->context), by);
    pthread_exit(NULL);
}

/* Leaves the innermost frame, and by the way that its run ends the next one, as
 * far as `goal`: a program that runs another gives back what the other holds.
 */
static _Noreturn void leave_to(mf_frame *goal)
{
    mf_frame *f = current;
    if (f != goal) {
        f->goal = goal;
        f->status = goal->status;
        f->quick = 1;
    }
    /* What was noted since is on the part of the stack that is left. */
    mf_frame_leave(f);
    mf_frame_enter(f, f->program);
    siglongjmp(f->out, 1);
}

static _Noreturn void leave(mf_program *p, int status, int quick,
                            const char *by)
{
    mf_frame *f = find_frame(p);
    if (!f)
        leave_thread(p, status, by);
    if (f->is_thread) {
        int first = 0;
        atomic_store(&p->exit_status, status);
        atomic_compare_exchange_strong(&p->exit_called, &first, 1);
    }
    f->status = status;
    f->quick = quick;
    leave_to(f);
}

_Noreturn void mf_wrap_exit(mf_program *p, int status)
{
    leave(p, status, 0, "exit");
}

_Noreturn void mf_wrap_quick_exit(mf_program *p, int status)
{
    /* A child that the program has forked is its own. */
    if (mf_fork_check(p->made_under, NULL) != 0)
        syscall(SYS_exit_group, status);
    leave(p, status, 1, "_exit");
}

_Noreturn void mf_wrap_abort(mf_program *p)
{
    leave(p, ABORTED, 1, "abort");
}

_Noreturn void mf_wrap_pthread_exit(mf_program *p, void *value)
{
    mf_frame *f = find_frame(p);
    if (f && f->is_thread && !f->ending)
        pthread_exit(value);
    if (!f)
        leave_thread(p, 0, "pthread_exit");
    if (!f->is_thread && !f->is_job)
        mf_program_wait_threads(p);
    leave(p, 0, 0, "pthread_exit");
}

/* --- exit handlers -----------------------------------------------------------
 */

static int add_handler(mf_program *p, const void *function,
                       const mf_registered *what)
{
    char name[MF_OWNED_NAME];
    mf_program_name(p, function, name, sizeof name);
    return mf_program_register(p, what, name) == 0 ? 0 : -1;
}

int mf_wrap_atexit(mf_program *p, void (*function)(void))
{
    mf_registered what = {.owned.kind = MF_OWNED_HANDLER,
                          .as.handler.plain = function};
    return add_handler(p, (const void *)(uintptr_t)function, &what);
}

int mf_wrap_on_exit(mf_program *p, void (*function)(int, void *),
                    void *argument)
{
    mf_registered what = {
        .owned.kind = MF_OWNED_HANDLER,
        .as.handler = {.told = function, .argument = argument}};
    return add_handler(p, (const void *)(uintptr_t)function, &what);
}

int mf_wrap_cxa_atexit(mf_program *p, void (*function)(void *), void *argument)
{
    mf_registered what = {
        .owned.kind = MF_OWNED_HANDLER,
        .as.handler = {.passed = function, .argument = argument}};
    return add_handler(p, (const void *)(uintptr_t)function, &what);
}

/* Takes the newest handler; 0 when there is none. */
static int take_handler(mf_program *p, mf_registered *ret)
{
    pthread_mutex_lock(&p->lock);
    mf_registered *r = mf_program_newest(p, MF_OWNED_HANDLER);
    if (r) {
        ret->as = r->as; /* the rest is guarded by the context's lock */
        mf_program_unregister(p, r);
    }
    pthread_mutex_unlock(&p->lock);
    return r != NULL;
}

/* exit within a handler ends that handler. */
static void call_handler(mf_frame *f, const mf_registered *r)
{
    if (sigsetjmp(f->out, 1) != 0)
        return;
    if (r->as.handler.plain)
        r->as.handler.plain();
    else if (r->as.handler.told)
        r->as.handler.told(f->status, r->as.handler.argument);
    else if (r->as.handler.passed)
        r->as.handler.passed(r->as.handler.argument);
}

void mf_program_run_handlers(mf_program *p, mf_frame *f)
{
    mf_registered r;
    int status = f->status;
    while (take_handler(p, &r)) {
        f->status = status;
        call_handler(f, &r);
    }
    f->status = status;
}

static void drop_handlers(mf_program *p)
{
    mf_registered unused;
    while (take_handler(p, &unused))
        ;
}

static void call_end(mf_frame *f, void (*function)(void))
{
    if (sigsetjmp(f->out, 1) == 0)
        function();
}

void mf_program_finish(mf_program *p)
{
    mf_frame f = {0};
    mf_frame_enter(&f, p);
    mf_program_run_handlers(p, &f);
    const mf_unit *u = p->unit;
    if (p->begun != MF_NEW && u->end)
        for (void (*const *at)(void) = u->end_end; at != u->end; at--)
            call_end(&f, at[-1]);
    drop_handlers(p);
    mf_frame_leave(&f);
}

/* --- handlers of calls -------------------------------------------------------
 */

static int guarded(mf_frame *f, int (*function)(void *argument), void *argument,
                   const char *who, mayfly_error *err)
{
    if (sigsetjmp(f->out, 0) == 0)
        return function(argument);
    return mf_error_set(err, MAYFLY_EINTERNAL, "%s called %s", who,
                        mf_frame_way_out(f));
}

int mf_program_guard(mf_program *p, int (*function)(void *argument),
                     void *argument, const char *who, mayfly_error *err)
{
    mf_frame f = {0};
    mf_frame_enter(&f, p);
    int code = guarded(&f, function, argument, who, err);
    mf_frame_leave(&f);
    return code;
}

typedef struct serving {
    const mf_method_stub *stub;
    mf_stub_io *io;
} serving;

static int serve(void *argument)
{
    const serving *s = argument;
    return s->stub->serve(s->io);
}

int mf_program_serve(mf_program *p, const mf_method_stub *stub, mf_stub_io *io,
                     mayfly_error *err)
{
    serving s = {stub, io};
    return mf_program_guard(p, serve, &s, "the handler", err);
}

static int call_in(mf_frame *f, void (*call)(void *state), void *state)
{
    if (sigsetjmp(f->out, 1) != 0)
        return 1;
    call(state);
    return 0;
}

int mf_program_call(mf_program *p, void (*call)(void *state), void *state)
{
    mf_frame f = {.is_job = 1};
    mf_frame_enter(&f, p);
    int left = call_in(&f, call, state);
    mf_frame_leave(&f);
    return left;
}

/* --- running -----------------------------------------------------------------
 */

/* One run, on its thread's stack. */
typedef struct run {
    mf_owned owned;
    mf_frame frame;
    main_fn main;
    int begins; /* is the first */
    int over;   /* before main */
    int argc;
    char **argv;
} run;

static int call_begin(mf_program *p, mf_frame *f, int argc, char **argv)
{
    if (sigsetjmp(f->out, 1) != 0)
        return -1;
    const mf_unit *u = p->unit;
    if (u->begin)
        for (void (*const *at)(void) = u->begin; at != u->begin_end; at++)
            ((begin_fn)(uintptr_t)*at)(argc, argv, environ);
    return 0;
}

int mf_program_begin(mf_program *p, mf_frame *f, int argc, char **argv)
{
    int left = call_begin(p, f, argc, argv);
    pthread_mutex_lock(&p->lock);
    p->begun = MF_BEGUN;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return left;
}

static void call_main(run *r)
{
    if (sigsetjmp(r->frame.out, 1) == 0)
        r->frame.status = r->main(r->argc, r->argv, environ);
}

static void begin_run(run *r, mf_program *p)
{
    r->owned.kind = MF_OWNED_RUN;
    r->owned.holds = 1;
    r->owned.thread = syscall(SYS_gettid);
    r->owned.at_ns = mf_clock_ns();
    strcpy(r->owned.name, "main");
    pthread_mutex_lock(&p->lock);
    r->begins = p->begun == MF_NEW;
    if (r->begins)
        p->begun = MF_BEGINNING;
    /* Of two first runs one waits; a constructor that runs main does not. */
    while (p->begun == MF_BEGINNING && !r->begins && !find_frame(p))
        pthread_cond_wait(&p->changed, &p->lock);
    if (p->n_runs++ == 0)
        atomic_store(&p->exit_called, 0);
    mf_owned_add(p->context, &r->owned);
    pthread_mutex_unlock(&p->lock);
    mf_frame_enter(&r->frame, p);
    if (r->begins)
        r->over = mf_program_begin(p, &r->frame, r->argc, r->argv) != 0;
}

static void end_run(run *r, mf_program *p)
{
    pthread_mutex_lock(&p->lock);
    int last = --p->n_runs == 0;
    pthread_mutex_unlock(&p->lock);
    if (last && atomic_load(&p->exit_called))
        r->frame.status = atomic_load(&p->exit_status);
    if (last && !r->frame.quick)
        mf_program_run_handlers(p, &r->frame);
    else if (last)
        drop_handlers(p);
    mf_frame_leave(&r->frame);
    mf_owned_remove(p->context, &r->owned);
}

static int check(const mayfly_context *context, int argc, char **argv,
                 const int *ret_status, mayfly_error *err)
{
    if (!context || !ret_status)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no context or nowhere to put the status");
    if (argc < 0 || !argv || argv[argc])
        return mf_error_set(err, MAYFLY_EINVAL,
                            "argv does not end with NULL after argc words");
    if (mf_loop_on_any())
        return mf_error_set(err, MAYFLY_EONLOOP,
                            "running a program on a loop thread");
    return 0;
}

int mayfly_context_run(mayfly_context *context, int argc, char **argv,
                       int *ret_status, mayfly_error *err)
{
    int code = check(context, argc, argv, ret_status, err);
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    mf_frame *goal = NULL;
    const mf_unit *unit = mf_context_unit(context);
    void *entry = unit->user ? mf_unit_symbol(unit, "main") : NULL;
    if (entry) {
        mf_program *p = unit->user;
        run r = {.main = (main_fn)(uintptr_t)entry, .argc = argc, .argv = argv};
        begin_run(&r, p);
        if (!r.over)
            call_main(&r);
        end_run(&r, p);
        goal = r.frame.goal;
        *ret_status = r.frame.status;
    } else {
        code = mf_error_set(err, MAYFLY_ENOTFOUND,
                            "context \"%s\" defines no main",
                            mayfly_context_name(context));
    }
    mf_lease_drop(context);
    if (goal)
        leave_to(goal);
    return code;
}
