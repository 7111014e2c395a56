/*
 * cache/why/blame_trace.c: stopping the threads of the process, and reading
 * them.
 *
 * The tracer is a task of its own that shares the process's memory: the kernel
 * lets no thread trace others of its own group. It attaches to each thread in
 * turn, waits a bounded time for it to stop, reads its registers and its stack,
 * then reads memory while nothing moves, and lets all go again. A tracer that
 * dies is detached by the kernel, so no thread can stay behind stopped.
 *
 * The tracer is a child that no one else can wait for by accident: it sends no
 * signal when it ends and is only seen by a wait for clones.
 *
 * What stays true: nothing here allocates or takes a lock. The tracer borrows
 * the calling thread's thread-local storage (errno is in it), so that thread
 * only makes system calls from the tracer's start to its end; for the same
 * reason this file and blame_scan.c are built without sanitizers, whose state
 * of a thread would be used by two at once. The list of threads is read
 * again until a pass finds no new one, for a thread that still ran may have
 * started others.
 */
#include "cache/why/blame.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/futex.h>

enum {
    PASSES = 32,
    RED_ZONE = 128,
    STRANGE_STACK = 1 << 20,
    PATIENCE_S = 5,        /* beyond what it may take */
    OWN_FRAMES = 128 << 10 /* most that the calling thread uses below */
};

#define STOP_WAIT_NS ((uint64_t)250 * 1000000)
#define NAP_NS 20000

typedef struct entry { /* of a folder, as the kernel writes it */
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
} entry;

static long ptrace_call(long request, long tid, long address, const void *data)
{
    return syscall(SYS_ptrace, request, tid, address, data);
}

/* --- stopping --------------------------------------------------------------
 */

static int is_known(const mf_blame *b, long tid)
{
    for (size_t i = b->n_thread; i-- > 0;)
        if (b->thread[i].tid == tid)
            return 1;
    return 0;
}

static void attach(mf_blame *b, long tid)
{
    if (b->n_thread == MF_BLAME_THREADS) {
        b->n_thread_more++;
        return;
    }
    mf_blame_thread *t = &b->thread[b->n_thread++];
    *t = (mf_blame_thread){.tid = tid, .state = MF_BLAME_PENDING};
    if (ptrace_call(PTRACE_SEIZE, tid, 0, NULL) != 0 ||
        ptrace_call(PTRACE_INTERRUPT, tid, 0, NULL) != 0) {
        t->error = errno;
        t->state = t->error == ESRCH ? MF_BLAME_GONE : MF_BLAME_REFUSED;
    }
}

static long number(const char *text)
{
    long n = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        n = n * 10 + (*text - '0');
    return *text ? 0 : n;
}

/* Attaches to every thread that is not known yet. */
static void list_threads(mf_blame *b, int tracing)
{
    b->n_thread_more = 0;
    syscall(SYS_lseek, b->task_fd, 0L, SEEK_SET);
    for (;;) {
        long n =
            syscall(SYS_getdents64, b->task_fd, b->window, sizeof b->window);
        if (n <= 0)
            return;
        for (size_t at = 0; at < (size_t)n;) {
            const entry *e = (const entry *)(const void *)(b->window + at);
            long tid = number(e->name);
            at += e->size;
            if (!tid || is_known(b, tid))
                continue;
            if (tracing)
                attach(b, tid);
            else if (b->n_thread < MF_BLAME_THREADS)
                b->thread[b->n_thread++] = (mf_blame_thread){.tid = tid};
            else
                b->n_thread_more++;
        }
    }
}

/* Whether it has stopped, or will not. */
static int await(mf_blame_thread *t)
{
    int status = 0;
    long got = syscall(SYS_wait4, t->tid, &status, __WALL | WNOHANG, NULL);
    if (got == 0)
        return 0;
    if (got < 0 || !WIFSTOPPED(status)) {
        t->state = MF_BLAME_GONE;
        return 1;
    }
    t->state = MF_BLAME_STOPPED;
    if (status >> 16 == 0) /* on its way to a signal's handler */
        t->signal = WSTOPSIG(status);
    return 1;
}

static void await_all(mf_blame *b, uint64_t deadline)
{
    for (size_t i = 0; i < b->n_thread; i++) {
        mf_blame_thread *t = &b->thread[i];
        while (t->state == MF_BLAME_PENDING && !await(t)) {
            if (mf_blame_clock() >= deadline) {
                t->state = MF_BLAME_REFUSED;
                t->error = ETIMEDOUT;
                break;
            }
            struct timespec nap = {0, NAP_NS};
            syscall(SYS_nanosleep, &nap, NULL);
        }
    }
}

static void stop_all(mf_blame *b)
{
    uint64_t deadline = mf_blame_clock() + STOP_WAIT_NS;
    if (deadline > b->deadline_ns)
        deadline = b->deadline_ns;
    for (int i = 0; i < PASSES; i++) {
        size_t before = b->n_thread;
        list_threads(b, 1);
        await_all(b, deadline);
        if (b->n_thread == before)
            return;
    }
}

static void let_go(mf_blame *b)
{
    for (size_t i = 0; i < b->n_thread; i++) {
        const mf_blame_thread *t = &b->thread[i];
        if (t->state == MF_BLAME_STOPPED)
            ptrace_call(PTRACE_DETACH, t->tid, 0,
                        (const void *)(intptr_t)t->signal);
    }
}

/* --- registers and stacks --------------------------------------------------
 */

#if defined(__x86_64__)
typedef struct user_regs_struct registers;

static void read_special(const registers *r, mf_blame_thread *t, long tid,
                         uintptr_t *ret_pc)
{
    (void)tid;
    t->sp = r->rsp;
    t->tp = r->fs_base;
    *ret_pc = r->rip;
}
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;

static void read_special(const registers *r, mf_blame_thread *t, long tid,
                         uintptr_t *ret_pc)
{
    uint64_t tls[2] = {0, 0};
    struct iovec io = {tls, sizeof tls};
    if (ptrace_call(PTRACE_GETREGSET, tid, 0x401 /* NT_ARM_TLS */, &io) == 0)
        t->tp = tls[0];
    t->sp = r->sp;
    *ret_pc = r->pc;
}
#else
#error "which registers hold the stack, the thread and the program counter?"
#endif

static void read_registers(mf_blame *b, int32_t index)
{
    mf_blame_thread *t = &b->thread[index];
    registers r;
    struct iovec io = {&r, sizeof r};
    memset(&r, 0, sizeof r);
    if (ptrace_call(PTRACE_GETREGSET, t->tid, NT_PRSTATUS, &io) != 0) {
        t->error = errno;
        ptrace_call(PTRACE_DETACH, t->tid, 0, (void *)(intptr_t)t->signal);
        t->state = MF_BLAME_REFUSED;
        return;
    }
    uintptr_t pc = 0;
    read_special(&r, t, t->tid, &pc);
    mf_blame_note(b, 0, pc, index, MF_BLAME_PC);
    for (size_t i = 0; i + 8 <= sizeof r; i += 8) {
        uintptr_t word;
        memcpy(&word, (const char *)&r + i, sizeof word);
        if (word != pc)
            mf_blame_note(b, 0, word, index, MF_BLAME_REGISTER);
    }
}

/* Where a thread's stack begins and how far up it is in use. A thread library
 * puts the thread's own block, to which `tp` points, on top of the stack it
 * maps, and a guard below. A stack that is not of these shapes (a coroutine's,
 * in the midst of a heap) is read for a bounded length, and what is below it is
 * read as memory. */
static void bound_stack(mf_blame *b, mf_blame_thread *t)
{
    const mf_blame_map *m = mf_blame_map_of(b, t->sp);
    t->low = t->top = 0;
    if (!m || !(m->flags & MF_MAP_READ))
        return;
    const mf_blame_map *below = m > b->map ? m - 1 : NULL;
    int guarded = below && below->end == m->at && !(below->flags & MF_MAP_READ);
    int is_first = strcmp(b->text + m->name, "[stack]") == 0;
    int has_tp = t->tp > t->sp && t->tp < m->end;
    uintptr_t sp = t->sp - m->at > RED_ZONE ? t->sp - RED_ZONE : m->at;
    if (t->state == MF_BLAME_CALLER)
        sp = t->sp; /* below are mayfly's own frames */
    t->top = has_tp ? t->tp : m->end;
    if (is_first || (has_tp && guarded))
        t->low = m->at;
    else if (t->top - t->sp > STRANGE_STACK)
        t->top = t->sp + STRANGE_STACK;
    if (!t->low && t->state == MF_BLAME_CALLER)
        t->low = sp - m->at > OWN_FRAMES ? sp - OWN_FRAMES : m->at;
    t->sp = sp;
}

static void examine(mf_blame *b)
{
    for (size_t i = 0; i < b->n_thread; i++) {
        mf_blame_thread *t = &b->thread[i];
        if (t->state == MF_BLAME_STOPPED)
            read_registers(b, (int32_t)i);
        if (t->state != MF_BLAME_STOPPED && t->state != MF_BLAME_CALLER)
            continue;
        bound_stack(b, t);
        if (t->top <= t->sp)
            continue;
        mf_blame_scan(b, t->sp, t->top, (int32_t)i);
        mf_blame_skip(b, t->low ? t->low : t->sp, t->top);
    }
}

static void look(mf_blame *b)
{
    mf_blame_read_maps(b);
    examine(b);
    if (!b->skip_memory)
        mf_blame_scan_memory(b);
}

void mf_blame_look(mf_blame *b)
{
    list_threads(b, 0);
    look(b);
}

static int tracer(void *blame)
{
    mf_blame *b = blame;
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    while (!atomic_load(&b->go))
        syscall(SYS_futex, &b->go, FUTEX_WAIT, 0u, NULL, NULL, 0u);
    uint64_t start = mf_blame_clock();
    stop_all(b);
    look(b);
    let_go(b);
    b->stopped_ns = mf_blame_clock() - start;
    atomic_store(&b->done, 1);
    syscall(SYS_futex, &b->done, FUTEX_WAKE, 1, NULL, NULL, 0);
    return 0;
}

/* --- the calling thread's side ---------------------------------------------
 */

/* clone, but not libc's: a sanitizer takes that for a fork. The new task calls
 * `fn` on its stack and ends. */
static long start_task(unsigned long flags, uint8_t *top, int (*fn)(void *),
                       void *arg)
{
    void **sp = (void **)(void *)top;
    *--sp = arg;
    *(int (**)(void *))(void *)--sp = fn;
#if defined(__x86_64__)
    long ret;
    register long child __asm__("r10") = 0;
    register long tls __asm__("r8") = 0;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rax\n\t"
                     "pop %%rdi\n\t"
                     "call *%%rax\n\t"
                     "mov %%eax, %%edi\n\t"
                     "mov %[exit], %%eax\n\t"
                     "syscall\n\t"
                     "1:"
                     : "=a"(ret)
                     : "0"((long)SYS_clone), "D"(flags), "S"(sp), "d"(0L),
                       "r"(child), "r"(tls), [exit] "i"(SYS_exit)
                     : "rcx", "r11", "memory");
    return ret;
#else
    register long x0 __asm__("x0") = (long)flags;
    register void *x1 __asm__("x1") = sp;
    register long x2 __asm__("x2") = 0, x3 __asm__("x3") = 0;
    register long x4 __asm__("x4") = 0, x8 __asm__("x8") = SYS_clone;
    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "ldp x1, x0, [sp], #16\n\t"
                     "blr x1\n\t"
                     "mov x8, %[exit]\n\t"
                     "svc #0\n\t"
                     "1:"
                     : "+r"(x0)
                     : "r"(x1), "r"(x2), "r"(x3), "r"(x4),
                       "r"(x8), [exit] "i"(SYS_exit)
                     : "x30", "memory");
    return x0;
#endif
}

/* A tracer that does not end is ended, which lets all threads go. */
static void await_tracer(mf_blame *b, long pid)
{
    struct timespec most = {.tv_sec = (time_t)(b->timeout_ns / 1000000000) +
                                      PATIENCE_S};
    while (!atomic_load(&b->done)) {
        if (syscall(SYS_futex, &b->done, FUTEX_WAIT, 0u, &most, NULL, 0u) !=
                0 &&
            errno == ETIMEDOUT) {
            syscall(SYS_kill, pid, SIGKILL);
            return;
        }
    }
}

int mf_blame_trace(mf_blame *b, int declare)
{
    int status = 0;
    long pid = start_task(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED,
                          b->stack + sizeof b->stack, tracer, b);
    if (pid < 0)
        return (int)-pid;
    if (declare)
        syscall(SYS_prctl, PR_SET_PTRACER, pid, 0, 0, 0);
    atomic_store(&b->go, 1);
    syscall(SYS_futex, &b->go, FUTEX_WAKE, 1, NULL, NULL, 0);
    await_tracer(b, pid);
    while (syscall(SYS_wait4, pid, &status, __WALL, NULL) < 0 && errno == EINTR)
        ;
    if (declare)
        syscall(SYS_prctl, PR_SET_PTRACER, 0, 0, 0, 0);
    return status ? EINTR : 0; /* it was killed */
}
