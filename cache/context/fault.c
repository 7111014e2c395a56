/*
 * cache/context/fault.c: a handler for faults, for programs that ask for one.
 *
 * A guest does not touch signal dispositions; this is the one exception, made
 * at the user's request, and it is to be invisible but for one line of text:
 * every fault, also one that was explained, goes on to what was installed
 * before, as if it had been called by the kernel: with its mask, its flags, the
 * kernel's arguments. Where that is the default action, it is put back and the
 * faulting instruction runs again, so that the process ends where it failed.
 *
 * State of the process, since that is what signals have: what was installed
 * before, written while nothing of ours is installed, or by the handler itself
 * for a disposition that is good for one signal only.
 *
 * Threads: install and remove take a lock; the handler takes none.
 */
#include <mayfly/fault.h>

#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { SIGNALS = 2, TEXT_MAX = 512 };

static const int numbers[SIGNALS] = {SIGSEGV, SIGBUS};
static const char *const names[SIGNALS] = {"mayfly: SIGSEGV: ",
                                           "mayfly: SIGBUS: "};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int installed; /* under the lock */
static struct sigaction before[SIGNALS];
static atomic_int used_up[SIGNALS]; /* `before` was for one signal only */
static mayfly_fault_options options;

static const void *program_counter(const void *machine)
{
    const ucontext_t *u = machine;
#if defined(__x86_64__)
    return (const void *)(uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (const void *)(uintptr_t)u->uc_mcontext.pc;
#else
    (void)u;
    return NULL;
#endif
}

static size_t append(char *line, size_t at, const char *s)
{
    size_t n = strlen(s);
    memcpy(line + at, s, n);
    return at + n;
}

static void tell(int i, const siginfo_t *info, const void *machine)
{
    char line[TEXT_MAX];
    const void *at = info->si_addr;
    int jump = at == program_counter(machine);
    size_t n = append(line, 0, names[i]);
    n = append(line, n, jump ? "jump to " : "access to ");
    size_t got = mayfly_explain_fault(at, line + n, sizeof line - n - 1);
    if (!got)
        return;
    n += got;
    line[n++] = '\n';
    if (options.fd > 0) {
        for (size_t done = 0; done < n;) {
            ssize_t wrote = write(options.fd, line + done, n - done);
            if (wrote < 0 && errno == EINTR)
                continue;
            if (wrote <= 0)
                break;
            done += (size_t)wrote;
        }
    }
    if (options.write)
        options.write(options.state, line, n);
}

/* The default action: for a fault by running the instruction again, for a
 * signal that somebody sent by sending it again; it waits until we return. */
static void act_by_default(int number, int by_kernel)
{
    struct sigaction dfl;
    memset(&dfl, 0, sizeof dfl);
    dfl.sa_handler = SIG_DFL;
    sigaction(number, &dfl, NULL);
    if (!by_kernel)
        raise(number);
}

static void pass_on(int i, siginfo_t *info, void *machine)
{
    const struct sigaction *old = &before[i];
    unsigned flags = (unsigned)old->sa_flags;
    int number = numbers[i];
    int by_kernel = info->si_code > 0;
    int plain = !(flags & (unsigned)SA_SIGINFO);
    if (plain && old->sa_handler == SIG_IGN && !by_kernel)
        return; /* a fault cannot be ignored */
    if ((plain && (old->sa_handler == SIG_DFL || old->sa_handler == SIG_IGN)) ||
        ((flags & (unsigned)SA_RESETHAND) && atomic_exchange(&used_up[i], 1))) {
        act_by_default(number, by_kernel);
        return;
    }
    sigset_t mask = old->sa_mask, was;
    if (!(flags & (unsigned)SA_NODEFER))
        sigaddset(&mask, number);
    pthread_sigmask(SIG_BLOCK, &mask, &was);
    if (flags & (unsigned)SA_NODEFER) {
        sigset_t own;
        sigemptyset(&own);
        sigaddset(&own, number);
        pthread_sigmask(SIG_UNBLOCK, &own, NULL);
    }
    if (plain)
        old->sa_handler(number);
    else
        old->sa_sigaction(number, info, machine);
    pthread_sigmask(SIG_SETMASK, &was, NULL);
}

static void on_fault(int number, siginfo_t *info, void *machine)
{
    int saved = errno;
    int i = number == numbers[0] ? 0 : 1;
    if (info->si_code > 0)
        tell(i, info, machine);
    errno = saved;
    pass_on(i, info, machine);
    errno = saved;
}

/* Puts back the first `n`. */
static void restore(int n)
{
    for (int i = 0; i < n; i++)
        sigaction(numbers[i], &before[i], NULL);
}

static int install(mayfly_error *err)
{
    struct sigaction ours;
    memset(&ours, 0, sizeof ours);
    ours.sa_sigaction = on_fault;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    for (int i = 0; i < SIGNALS; i++) { /* known before the first fault */
        atomic_store(&used_up[i], 0);
        if (sigaction(numbers[i], NULL, &before[i]) != 0)
            return mf_error_set(err, MAYFLY_EIO, "no fault handler: %s",
                                strerror(errno));
    }
    for (int i = 0; i < SIGNALS; i++) {
        if (sigaction(numbers[i], &ours, NULL) != 0) {
            int failed = errno;
            restore(i);
            return mf_error_set(err, MAYFLY_EIO, "no fault handler: %s",
                                strerror(failed));
        }
    }
    return 0;
}

int mayfly_fault_handler_install(const mayfly_fault_options *given,
                                 mayfly_error *err)
{
    mayfly_fault_options o = {.size = sizeof o};
    if (!given)
        return mf_error_set(err, MAYFLY_EINVAL, "no fault options");
    int code = mf_options_read(&o, sizeof o, given, "fault options", err);
    if (code != 0)
        return code;
    pthread_mutex_lock(&lock);
    if (installed) {
        code = mf_error_set(err, MAYFLY_EEXIST,
                            "the fault handler is installed already");
    } else {
        options = o;
        code = install(err);
        installed = code == 0;
    }
    pthread_mutex_unlock(&lock);
    return code;
}

int mayfly_fault_handler_remove(mayfly_error *err)
{
    int code = 0, ours = 1;
    pthread_mutex_lock(&lock);
    for (int i = 0; installed && i < SIGNALS; i++) {
        struct sigaction now;
        if (sigaction(numbers[i], NULL, &now) != 0 ||
            !(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_fault)
            ours = 0;
    }
    if (!installed) {
        code = mf_error_set(err, MAYFLY_ENOTFOUND, "no fault handler");
    } else if (!ours) {
        code = mf_error_set(err, MAYFLY_EBUSY,
                            "another fault handler was installed over it");
    } else {
        restore(SIGNALS);
        installed = 0;
    }
    pthread_mutex_unlock(&lock);
    return code;
}
