/*
 * proxy/program/program_threads.c: threads that a program starts, and their
 * keys.
 *
 * A thread of the program's executes its code, so it holds a lease from before
 * it exists until nothing of that code can run on it any more. It begins and
 * ends here: its last steps, whichever way it ends (return, exit, pthread_exit,
 * cancelled), are a cleanup handler of this file's, which calls the destructors
 * of the program's keys itself: left to libc, they would run after the lease is
 * gone. So libc knows the keys without destructors.
 *
 * Records of ended threads stay until the program joins them; those that it
 * never joins are joined when it is unloaded, so that their stacks go too.
 *
 * Who owns what: a record belongs to the program's list; a detached thread
 * frees its own at its end.
 *
 * Threads: any.
 */
#include "proxy/program/program.h"

#include "base/owner.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- thread keys
 * -------------------------------------------------------------- */

int mf_wrap_pthread_key_create(mf_program *p, pthread_key_t *ret,
                               void (*destructor)(void *))
{
    char name[MF_OWNED_NAME] = "without a destructor";
    pthread_key_t key;
    int code = pthread_key_create(&key, NULL);
    if (code != 0)
        return code;
    if (destructor)
        mf_program_name(p, (const void *)(uintptr_t)destructor, name,
                        sizeof name);
    mf_registered what = {.owned.kind = MF_OWNED_KEY,
                          .as.key = {.key = key, .destructor = destructor}};
    if (mf_program_register(p, &what, name) != 0) {
        pthread_key_delete(key);
        return ENOMEM;
    }
    *ret = key;
    return 0;
}

int mf_wrap_pthread_key_delete(mf_program *p, pthread_key_t key)
{
    pthread_mutex_lock(&p->lock);
    mf_registered *r = p->registered;
    while (r && (r->owned.kind != MF_OWNED_KEY || r->as.key.key != key))
        r = r->next;
    if (r)
        mf_program_unregister(p, r);
    pthread_mutex_unlock(&p->lock);
    return pthread_key_delete(key);
}

/* A destructor that has something to destroy on this thread; its value is
 * taken. NULL: there is none. */
static void (*take_value(mf_program *p, void **ret_value))(void *)
{
    void (*destructor)(void *) = NULL;
    pthread_mutex_lock(&p->lock);
    for (mf_registered *r = p->registered; r && !destructor; r = r->next) {
        if (r->owned.kind != MF_OWNED_KEY || !r->as.key.destructor)
            continue;
        *ret_value = pthread_getspecific(r->as.key.key);
        if (*ret_value) {
            pthread_setspecific(r->as.key.key, NULL);
            destructor = r->as.key.destructor;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return destructor;
}

/* A destructor may set values again; POSIX lets that end after some rounds. Has
 * a frame of its own, which end_values can leave. */
__attribute__((noinline)) static void destroy_values(mf_thread *t)
{
    void *value;
    void (*destructor)(void *);
    int most = PTHREAD_KEYS_MAX * PTHREAD_DESTRUCTOR_ITERATIONS;
    while (t->n_destroyed++ < most &&
           (destructor = take_value(t->frame.program, &value)) != NULL)
        destructor(value);
}

/* exit in a destructor ends that one: the others follow. */
static void end_values(mf_thread *t)
{
    t->frame.ending = 1;
    (void)sigsetjmp(t->frame.out, 1);
    destroy_values(t);
}

/* --- a thread's life
 * ---------------------------------------------------------- */

static void unlink_thread(mf_program *p, mf_thread *t)
{
    mf_thread **at = &p->threads;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
}

/* Runs on the thread, last. After its lease is dropped the program may be gone.
 */
static void finish(void *state)
{
    mf_thread *t = state;
    mf_program *p = t->frame.program;
    mayfly_context *context = t->context;
    int unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &unused);
    end_values(t);
    mf_frame_leave(&t->frame);
    pthread_mutex_lock(&p->lock);
    mf_owned_remove(context, &t->owned);
    t->finished = 1;
    /* What it no longer uses must not look as if it pointed into the unit. */
    t->function = NULL;
    t->argument = NULL;
    memset(&t->frame.out, 0, sizeof t->frame.out);
    if (t->detached) {
        unlink_thread(p, t);
        mf_alloc_free(p->alloc, t);
    }
    p->n_running--;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    mf_lease_drop(context);
}

static void *call_function(mf_thread *t)
{
    if (sigsetjmp(t->frame.out, 1) != 0)
        return NULL; /* exit */
    return t->function(t->argument);
}

static void *begin(void *state)
{
    mf_thread *t = state;
    mf_program *p = t->frame.program;
    void *result;
    pthread_mutex_lock(&p->lock); /* until its record is complete */
    mf_owned_set_thread(t->context, &t->owned, syscall(SYS_gettid));
    pthread_mutex_unlock(&p->lock);
    mf_frame_enter(&t->frame, p);
    pthread_cleanup_push(finish, t);
    result = call_function(t);
    pthread_cleanup_pop(1);
    return result;
}

static void cancel(mf_owned *o)
{
    pthread_cancel(MF_OWNER(o, mf_thread, owned)->id);
}

static mf_thread *new_thread(mf_program *p, const pthread_attr_t *attr,
                             void *(*function)(void *), void *argument)
{
    int state = PTHREAD_CREATE_JOINABLE;
    mf_thread *t = mf_alloc_zero(p->alloc, sizeof *t);
    if (!t)
        return NULL;
    if (attr)
        pthread_attr_getdetachstate(attr, &state);
    t->owned.kind = MF_OWNED_THREAD;
    t->owned.holds = 1;
    t->owned.bytes = sizeof *t;
    t->owned.at_ns = mf_clock_ns();
    /* mayfly's own functions are not made to be left in their midst. */
    t->owned.cancel = p->uses_mayfly ? NULL : cancel;
    mf_program_name(p, (const void *)(uintptr_t)function, t->owned.name,
                    sizeof t->owned.name);
    t->frame.program = p;
    t->frame.is_thread = 1;
    t->context = p->context;
    t->function = function;
    t->argument = argument;
    t->detached = state == PTHREAD_CREATE_DETACHED;
    return t;
}

int mf_wrap_pthread_create(mf_program *p, pthread_t *ret,
                           const pthread_attr_t *attr,
                           void *(*function)(void *), void *argument)
{
    if (mf_lease_take(p->context, NULL) != 0)
        return EAGAIN;
    mayfly_context *context = p->context;
    mf_thread *t = new_thread(p, attr, function, argument);
    int code = t ? 0 : EAGAIN;
    pthread_t id;
    if (t) {
        pthread_mutex_lock(&p->lock);
        code = pthread_create(&t->id, attr, begin, t);
        if (code == 0) {
            id = t->id;
            t->next = p->threads;
            p->threads = t;
            p->n_running++;
            mf_owned_add(context, &t->owned);
        }
        pthread_mutex_unlock(&p->lock);
    }
    if (code == 0) {
        *ret = id;
        return 0;
    }
    mf_alloc_free(p->alloc, t);
    mf_lease_drop(context);
    return code;
}

/* --- joining
 * ------------------------------------------------------------------ */

/* A thread that was joined, or is detached after its end, is forgotten. */
static void forget(mf_program *p, pthread_t id)
{
    pthread_mutex_lock(&p->lock);
    mf_thread *t = p->threads;
    while (t && !pthread_equal(t->id, id))
        t = t->next;
    if (t && t->finished) {
        unlink_thread(p, t);
        mf_alloc_free(p->alloc, t);
    } else if (t) {
        t->detached = 1;
    }
    pthread_mutex_unlock(&p->lock);
}

int mf_wrap_pthread_detach(mf_program *p, pthread_t id)
{
    int code = pthread_detach(id);
    if (code == 0)
        forget(p, id);
    return code;
}

int mf_wrap_pthread_join(mf_program *p, pthread_t id, void **ret)
{
    int code = pthread_join(id, ret);
    if (code == 0)
        forget(p, id);
    return code;
}

int mf_wrap_pthread_tryjoin(mf_program *p, pthread_t id, void **ret)
{
    int code = pthread_tryjoin_np(id, ret);
    if (code == 0)
        forget(p, id);
    return code;
}

int mf_wrap_pthread_timedjoin(mf_program *p, pthread_t id, void **ret,
                              const struct timespec *until)
{
    int code = pthread_timedjoin_np(id, ret, until);
    if (code == 0)
        forget(p, id);
    return code;
}

void mf_program_wait_threads(mf_program *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->n_running)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void mf_program_undo_threads(mf_program *p)
{
    pthread_mutex_lock(&p->lock);
    mf_thread *t = p->threads;
    p->threads = NULL;
    mf_registered *r;
    while ((r = mf_program_newest(p, MF_OWNED_KEY)) != NULL) {
        pthread_key_delete(r->as.key.key);
        mf_program_unregister(p, r);
    }
    pthread_mutex_unlock(&p->lock);
    while (t) {
        mf_thread *next = t->next;
        /* The last one to give its lease back may be the one that unloads. */
        if (pthread_equal(t->id, pthread_self()))
            pthread_detach(t->id);
        else
            pthread_join(t->id, NULL);
        mf_alloc_free(p->alloc, t);
        t = next;
    }
}
