/*
 * proxy/program/program_signals.c: signal dispositions and timers of a program.
 *
 * Both belong to the process. What the program changes is changed, but the
 * state before its first change is kept, and put back at unload: a disposition
 * where it is still what the program set or points into the unit, an interval
 * timer by disarming it. A disposition that is put back may be that of another
 * unit, which has been unloaded meanwhile: code in the zone is never put back,
 * the default is.
 *
 * sigaction is called from signal handlers, so after the first time for a
 * signal nothing here takes a lock or allocates.
 *
 * SIGEV_THREAD would start threads that no lease is taken for: refused.
 *
 * Threads: any.
 */
#include "proxy/program/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const void *handler_of(const struct sigaction *a)
{
    return a->sa_flags & SA_SIGINFO ? (const void *)(uintptr_t)a->sa_sigaction
                                    : (const void *)(uintptr_t)a->sa_handler;
}

/* Keeps what was there before the program's first change. Of two threads that
 * are first the other one does not wait, since it may be in a signal handler.
 * Returns 0 or what errno is to be. */
static int note_signal(mf_program *p, int number)
{
    mf_signal_state *s = &p->signals[number];
    mf_registered what = {.owned.kind = MF_OWNED_SIGNAL};
    char name[MF_OWNED_NAME];
    if (atomic_exchange(&s->known, 1))
        return 0;
    const char *short_name = sigabbrev_np(number);
    if (short_name)
        snprintf(name, sizeof name, "SIG%s", short_name);
    else
        snprintf(name, sizeof name, "signal %d", number);
    int code = sigaction(number, NULL, &s->before) == 0 ? 0 : errno;
    if (code == 0)
        code = mf_program_register(p, &what, name);
    if (code != 0)
        atomic_store(&s->known, 0);
    return code;
}

int mf_wrap_sigaction(mf_program *p, int number, const struct sigaction *set,
                      struct sigaction *ret_before)
{
    if (!set || number < 1 || number >= MF_SIGNALS)
        return sigaction(number, set, ret_before);
    int code = note_signal(p, number);
    if (code != 0) {
        errno = code;
        return -1;
    }
    atomic_store(&p->signals[number].set, handler_of(set));
    return sigaction(number, set, ret_before);
}

static mf_signal_fn set_signal(mf_program *p, int number, mf_signal_fn handler,
                               int flags)
{
    struct sigaction set = {.sa_flags = flags}, before;
    set.sa_handler = handler;
    sigemptyset(&set.sa_mask);
    if (mf_wrap_sigaction(p, number, &set, &before) != 0)
        return SIG_ERR;
    return before.sa_handler;
}

mf_signal_fn mf_wrap_signal(mf_program *p, int number, mf_signal_fn handler)
{
    return set_signal(p, number, handler, SA_RESTART);
}

mf_signal_fn mf_wrap_sysv_signal(mf_program *p, int number,
                                 mf_signal_fn handler)
{
    return set_signal(p, number, handler, (int)SA_RESETHAND | SA_NODEFER);
}

static int in_unit(const mf_program *p, const void *at)
{
    const mf_span *span = &p->unit->image.span;
    const uint8_t *byte = at;
    return byte >= span->base &&
           (size_t)(byte - span->base) < span->code_bytes + span->data_bytes;
}

static void undo_signal(mf_program *p, int number)
{
    mf_signal_state *s = &p->signals[number];
    struct sigaction now;
    if (!atomic_load(&s->known) || sigaction(number, NULL, &now) != 0)
        return;
    const void *handler = handler_of(&now);
    if (!in_unit(p, handler) && handler != atomic_load(&s->set))
        return;
    handler = handler_of(&s->before);
    if (mf_zone_holds(p->unit->compiler->zone, handler)) {
        memset(&s->before, 0, sizeof s->before);
        s->before.sa_handler = SIG_DFL;
    }
    sigaction(number, &s->before, NULL);
}

/* --- timers
 * -------------------------------------------------------------------- */

int mf_wrap_timer_create(mf_program *p, clockid_t clock, struct sigevent *event,
                         timer_t *ret)
{
    timer_t id;
    if (event && event->sigev_notify == SIGEV_THREAD) {
        errno = ENOTSUP;
        return -1;
    }
    if (timer_create(clock, event, &id) != 0)
        return -1;
    mf_registered what = {.owned.kind = MF_OWNED_TIMER,
                          .as.timer = {.id = id, .interval = -1}};
    if (mf_program_register(p, &what, "timer_create") != 0) {
        timer_delete(id);
        errno = EAGAIN;
        return -1;
    }
    *ret = id;
    return 0;
}

int mf_wrap_timer_delete(mf_program *p, timer_t id)
{
    pthread_mutex_lock(&p->lock);
    mf_registered *r = p->registered;
    while (r && (r->owned.kind != MF_OWNED_TIMER || r->as.timer.interval >= 0 ||
                 r->as.timer.id != id))
        r = r->next;
    if (r)
        mf_program_unregister(p, r);
    pthread_mutex_unlock(&p->lock);
    return timer_delete(id);
}

/* alarm is called from signal handlers: after the first time, no lock. */
static int note_interval(mf_program *p, int which)
{
    static const char *const names[MF_ITIMERS] = {
        [ITIMER_REAL] = "ITIMER_REAL",
        [ITIMER_VIRTUAL] = "ITIMER_VIRTUAL",
        [ITIMER_PROF] = "ITIMER_PROF"};
    if (which < 0 || which >= MF_ITIMERS ||
        atomic_exchange(&p->intervals[which], 1))
        return 0;
    mf_registered what = {.owned.kind = MF_OWNED_TIMER,
                          .as.timer.interval = which};
    if (mf_program_register(p, &what, names[which]) != 0) {
        atomic_store(&p->intervals[which], 0);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

int mf_wrap_setitimer(mf_program *p, int which, const struct itimerval *set,
                      struct itimerval *ret_before)
{
    if (note_interval(p, which) != 0)
        return -1;
    return setitimer((__itimer_which_t)which, set, ret_before);
}

unsigned mf_wrap_alarm(mf_program *p, unsigned seconds)
{
    struct itimerval set = {.it_value = {.tv_sec = (time_t)seconds}}, before;
    if (mf_wrap_setitimer(p, ITIMER_REAL, &set, &before) != 0)
        return 0;
    return (unsigned)before.it_value.tv_sec + (before.it_value.tv_usec != 0);
}

void mf_program_undo_signals(mf_program *p)
{
    static const struct itimerval none;
    mf_registered *r;
    pthread_mutex_lock(&p->lock);
    while ((r = mf_program_newest(p, MF_OWNED_TIMER)) != NULL) {
        if (r->as.timer.interval < 0)
            timer_delete(r->as.timer.id);
        else
            setitimer((__itimer_which_t)r->as.timer.interval, &none, NULL);
        mf_program_unregister(p, r);
    }
    for (int number = 1; number < MF_SIGNALS; number++)
        undo_signal(p, number);
    while ((r = mf_program_newest(p, MF_OWNED_SIGNAL)) != NULL)
        mf_program_unregister(p, r);
    pthread_mutex_unlock(&p->lock);
}
