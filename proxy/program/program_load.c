/*
 * proxy/program/program_load.c: what a unit is told of its life, and its state.
 *
 * Source may define mayfly_on_load and mayfly_on_unload. The first is called
 * when its context has its payload and is not live yet, the second when no
 * lease is left. In between lies the state that the first one gave.
 *
 * A state outlives the version that made it when the next one gives the very
 * same pointer. So it has a record of its own, which counts the versions that
 * have it. What stays true: a version counts itself in while the one it follows
 * is pinned, and out in its unload; of those that end at the same time one
 * waits for the other's mayfly_on_unload, so whoever is told that it is the
 * last really is, and nobody uses the state any more. The record's lock is
 * recursive: that function may unload the other version.
 *
 * Who owns what: a record belongs to the programs that it counts. The state
 * itself is the source's.
 *
 * Threads: a load is one thread's; an unload is any one's, once.
 */
#include "proxy/program/program.h"

#include "base/error.h"

#include <mayfly/handlers.h>

struct mf_state {
    pthread_mutex_t lock; /* held while a version is told of its end */
    size_t users;         /* programs; under `lock` */
    void *pointer;        /* never changes once it is set */
};

typedef int (*load_fn)(const mayfly_handover *from, void **ret_state,
                       mayfly_error *err);
typedef void (*unload_fn)(void *state, int in_use);

/* --- the record --- */

static mf_state *state_new(mf_alloc *alloc)
{
    pthread_mutexattr_t attr;
    mf_state *s = mf_alloc_zero(alloc, sizeof *s);
    if (!s || pthread_mutexattr_init(&attr) != 0)
        goto no_attr;
    int bad = pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE) != 0 ||
              pthread_mutex_init(&s->lock, &attr) != 0;
    pthread_mutexattr_destroy(&attr);
    if (!bad)
        return s;
no_attr:
    mf_alloc_free(alloc, s);
    return NULL;
}

static void state_free(mf_alloc *alloc, mf_state *s)
{
    pthread_mutex_destroy(&s->lock);
    mf_alloc_free(alloc, s);
}

static void state_share(mf_state *s)
{
    pthread_mutex_lock(&s->lock);
    s->users++;
    pthread_mutex_unlock(&s->lock);
}

void *mf_program_state(const mf_program *p)
{
    return p->state ? p->state->pointer : NULL;
}

/* --- on load --- */

/* exit in it shows in `ret_left`. */
static int call_on_load(mf_frame *f, load_fn on_load,
                        const mayfly_handover *from, void **ret_state,
                        int *ret_left, mayfly_error *err)
{
    if (sigsetjmp(f->out, 1) != 0) {
        *ret_left = 1;
        return -1;
    }
    return on_load(from, ret_state, err);
}

static int refused(const mf_program *p, const mf_frame *f, const char *who,
                   int left, int answer, const mayfly_error *why,
                   mayfly_error *err)
{
    const char *name = mayfly_context_name(p->context);
    if (left)
        return mf_error_set(err, MAYFLY_EREFUSED,
                            "%s of context \"%s\" called %s", who, name,
                            mf_frame_way_out(f));
    return mf_error_set(err, MAYFLY_EREFUSED,
                        "%s of context \"%s\" answered %d%s%s", who, name,
                        answer, why->message[0] ? ": " : "", why->message);
}

/* The context that is followed is pinned: its program stays. */
static mf_state *state_before(mayfly_context *previous)
{
    const mf_unit *unit = previous ? mf_context_unit(previous) : NULL;
    const mf_program *p = unit ? unit->user : NULL;
    return p ? p->state : NULL;
}

static int begin_state(mf_program *p, mf_frame *f, load_fn on_load,
                       mayfly_context *previous, mayfly_error *err)
{
    mf_state *before = state_before(previous);
    mf_state *own = state_new(p->alloc);
    if (!own)
        return mf_error_nomem(err, "the state of a unit");
    mayfly_handover from = {.context = p->context, .previous = previous};
    if (previous) {
        from.previous_name = mayfly_context_name(previous);
        from.previous_version = mayfly_context_version(previous);
    }
    if (before)
        from.state = before->pointer;
    mayfly_error why = MAYFLY_ERROR_INIT;
    void *given = NULL;
    int left = 0;
    int answer = call_on_load(f, on_load, &from, &given, &left, &why);
    if (answer != 0) {
        state_free(p->alloc, own);
        why.message[sizeof why.message - 1] = '\0';
        return refused(p, f, "mayfly_on_load", left, answer, &why, err);
    }
    if (before && given == before->pointer) {
        state_share(before);
        p->state = before;
    } else if (given) {
        own->pointer = given;
        own->users = 1;
        p->state = own;
    }
    if (p->state != own)
        state_free(p->alloc, own);
    return 0;
}

int mf_program_load(mf_program *p, mayfly_context *previous, int begins,
                    mayfly_error *err)
{
    load_fn on_load =
        (load_fn)(uintptr_t)mf_unit_symbol(p->unit, "mayfly_on_load");
    int code = 0;
    if (on_load || begins) {
        char *argv[] = {NULL};
        mf_frame f = {0};
        mf_frame_enter(&f, p);
        if (mf_program_begin(p, &f, 0, argv) != 0)
            code = refused(p, &f, "a constructor", 1, 0, NULL, err);
        else if (on_load)
            code = begin_state(p, &f, on_load, previous, err);
        mf_frame_leave(&f);
    }
    p->loaded = code == 0;
    return code;
}

/* --- on unload --- */

static void call_on_unload(mf_frame *f, unload_fn on_unload, void *state,
                           int in_use)
{
    if (sigsetjmp(f->out, 1) == 0)
        on_unload(state, in_use);
}

void mf_program_unload(mf_program *p)
{
    unload_fn on_unload =
        (unload_fn)(uintptr_t)mf_unit_symbol(p->unit, "mayfly_on_unload");
    mf_state *s = p->state;
    int in_use = 0;
    if (s) {
        pthread_mutex_lock(&s->lock);
        in_use = --s->users != 0;
    }
    if (on_unload && p->loaded) {
        mf_frame f = {0};
        mf_frame_enter(&f, p);
        call_on_unload(&f, on_unload, mf_program_state(p), in_use);
        mf_frame_leave(&f);
    }
    p->state = NULL;
    if (!s)
        return;
    pthread_mutex_unlock(&s->lock);
    if (!in_use)
        state_free(p->alloc, s);
}
