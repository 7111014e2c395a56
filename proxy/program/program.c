/*
 * proxy/program/program.c: the life of a program: made before its unit is
 * compiled, published with it, undone and freed when the context drops it.
 *
 * Whatever its code registers is a record in two lists: the program's, by which
 * it is undone, and the context's, by which it is counted and named. Both are
 * changed together here.
 *
 * Undoing goes from what runs the unit's code to what only points to it: the
 * source is told, exit handlers and destructors, signals and timers, threads
 * that have ended, keys, then the unit itself, then the libraries it was linked
 * to. No lease is left by then, so no thread of its own runs.
 *
 * Threads: a load is one thread's; the rest any. The payload is destroyed once.
 */
#include "proxy/program/program.h"

#include "base/error.h"
#include "proxy/typed/bind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

mf_program *mf_program_new(mayfly_context *context, mf_alloc *alloc,
                           const mf_log *log, unsigned made_under)
{
    mf_program *p = mf_alloc_zero(alloc, sizeof *p);
    if (!p)
        return NULL;
    p->alloc = alloc;
    p->log = *log;
    p->context = context;
    p->made_under = made_under;
    if (pthread_mutex_init(&p->lock, NULL) != 0) {
        mf_alloc_free(alloc, p);
        return NULL;
    }
    if (pthread_cond_init(&p->changed, NULL) != 0) {
        pthread_mutex_destroy(&p->lock);
        mf_alloc_free(alloc, p);
        return NULL;
    }
    return p;
}

/* --- what has been registered -----------------------------------------------
 */

int mf_program_register(mf_program *p, const mf_registered *what,
                        const char *name)
{
    mf_registered *r = mf_alloc_zero(p->alloc, sizeof *r);
    if (!r)
        return ENOMEM;
    r->owned.kind = what->owned.kind;
    r->owned.bytes = sizeof *r;
    r->as = what->as;
    r->owned.thread = syscall(SYS_gettid);
    r->owned.at_ns = mf_clock_ns();
    snprintf(r->owned.name, sizeof r->owned.name, "%s", name);
    pthread_mutex_lock(&p->lock);
    r->next = p->registered;
    p->registered = r;
    mf_owned_add(p->context, &r->owned);
    pthread_mutex_unlock(&p->lock);
    return 0;
}

void mf_program_unregister(mf_program *p, mf_registered *r)
{
    mf_registered **at = &p->registered;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    mf_owned_remove(p->context, &r->owned);
    /* Freed memory must not look as if it pointed into the unit. */
    memset(r, 0, sizeof *r);
    mf_alloc_free(p->alloc, r);
}

mf_registered *mf_program_newest(const mf_program *p, enum mf_owned_kind kind)
{
    mf_registered *r = p->registered;
    while (r && r->owned.kind != kind)
        r = r->next;
    return r;
}

void mf_program_name(const mf_program *p, const void *address, char *out,
                     size_t size)
{
    if (!p->unit || !mf_unit_name_at(p->unit, address, out, size))
        snprintf(out, size, "%p", address);
}

/* --- as a payload ------------------------------------------------------------
 */

void mf_program_free(mf_program *p)
{
    if (!p)
        return;
    mf_program_close_libraries(p);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    mf_alloc_free(p->alloc, p);
}

static void destroy(void *unit)
{
    mf_unit *u = unit;
    mf_program *p = u->user;
    mf_program_unload(p);
    mf_program_finish(p);
    mf_program_undo_signals(p);
    mf_program_undo_threads(p);
    mf_unit_free(u);
    mf_program_free(p);
}

static void parts(const void *unit, mf_part_fn add, void *state)
{
    const mf_unit *u = unit;
    mf_unit_payload((mf_unit *)(uintptr_t)unit).parts(unit, add, state);
    add(state, MF_PART_OWN, u->user, sizeof(mf_program));
}

mf_payload mf_program_publish(mf_program *p, mf_unit *unit)
{
    mf_payload payload = mf_unit_payload(unit);
    p->unit = unit;
    unit->user = p;
    payload.destroy = destroy;
    payload.parts = parts;
    return payload;
}
