/*
 * cache/why/blame.c: one search through the process.
 *
 * Prepares what the tracer (blame_trace.c) must not do itself, opening files
 * and listing images, and puts everything back: the signal mask of this thread,
 * the descriptors.
 *
 * All signals are blocked in the calling thread meanwhile, and so in the
 * tracer, which has the host's handlers and memory: a handler must not run in
 * it.
 *
 * One search at a time: a second tracer could not attach. The turn is a number
 * that a forked child does not inherit as taken.
 *
 * Threads: any.
 */
#include "cache/why/blame.h"

#include "base/guest.h"

#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TLS_NEAR ((intptr_t)1 << 20) /* a block further away is not static */

static atomic_uint turn; /* fork generation of who searches; 0: nobody */

mf_blame *mf_blame_new(void)
{
    void *p = mmap(NULL, sizeof(mf_blame), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    madvise(p, sizeof(mf_blame), MADV_NOHUGEPAGE);
    return p;
}

void mf_blame_free(mf_blame *b)
{
    if (b)
        munmap(b, sizeof *b);
}

/* --- what to look for ------------------------------------------------------
 */

static void add_range(mf_blame_range *list, size_t *n, size_t max,
                      mf_blame_range range)
{
    if (*n < max && range.at < range.end)
        list[(*n)++] = range;
}

void mf_blame_target(mf_blame *b, enum mf_part part, const void *at,
                     size_t bytes, uint32_t context)
{
    uintptr_t a = (uintptr_t)at;
    add_range(b->target, &b->n_target, MF_BLAME_TARGETS,
              (mf_blame_range){a, a + bytes, part, context});
    mf_blame_skip(b, a, a + bytes);
}

void mf_blame_other(mf_blame *b, enum mf_part part, const void *at,
                    size_t bytes, uint32_t context)
{
    uintptr_t a = (uintptr_t)at;
    add_range(b->other, &b->n_other, MF_BLAME_OTHERS,
              (mf_blame_range){a, a + bytes, part, context});
}

void mf_blame_skip(mf_blame *b, uintptr_t at, uintptr_t end)
{
    if (b->n_skip < MF_BLAME_SKIPS && at < end)
        b->skip[b->n_skip++] = (mf_blame_span){at, end};
}

static int by_address(const void *a, const void *b)
{
    const mf_blame_range *l = a, *r = b;
    return l->at < r->at ? -1 : l->at > r->at;
}

const mf_blame_range *mf_blame_other_of(const mf_blame *b, uintptr_t at)
{
    size_t low = 0, high = b->n_other;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (b->other[mid].end <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low < b->n_other && b->other[low].at <= at ? &b->other[low] : NULL;
}

static void bound_targets(mf_blame *b)
{
    uintptr_t low = UINTPTR_MAX, high = 0;
    for (size_t i = 0; i < b->n_target; i++) {
        if (b->target[i].at < low)
            low = b->target[i].at;
        if (b->target[i].end > high)
            high = b->target[i].end;
    }
    b->low = low;
    b->span = b->n_target ? high - low : 0;
}

/* --- images ----------------------------------------------------------------
 */

static uintptr_t thread_pointer(void)
{
    uintptr_t tp;
#if defined(__x86_64__)
    __asm__("mov %%fs:0, %0" : "=r"(tp));
#elif defined(__aarch64__)
    __asm__("mrs %0, tpidr_el0" : "=r"(tp));
#endif
    return tp;
}

static int add_module(struct dl_phdr_info *info, size_t size, void *state)
{
    mf_blame *b = state;
    (void)size;
    if (b->n_module == MF_BLAME_MODULES)
        return 1;
    mf_blame_module *m = &b->module[b->n_module++];
    m->bias = info->dlpi_addr;
    m->at = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + p->p_vaddr;
        if (p->p_type == PT_LOAD && (p->p_flags & PF_W)) {
            if (at < m->at)
                m->at = at;
            if (at + p->p_memsz > m->end)
                m->end = at + p->p_memsz;
        }
        if (p->p_type == PT_TLS && info->dlpi_tls_data) {
            intptr_t off =
                (intptr_t)((uintptr_t)info->dlpi_tls_data - thread_pointer());
            if (off < TLS_NEAR && off > -TLS_NEAR) {
                m->tls = off;
                m->n_tls = p->p_memsz;
            }
        }
    }
    const char *path = info->dlpi_name ? info->dlpi_name : "";
    strncpy(m->path, path, sizeof m->path - 1);
    return 0;
}

/* --- the process's turn ----------------------------------------------------
 */

static void nap(void)
{
    struct timespec t = {0, 1000000};
    nanosleep(&t, NULL);
}

static int take_turn(uint64_t deadline_ns)
{
    unsigned me = mf_fork_generation();
    for (;;) {
        unsigned who = atomic_load(&turn);
        if (who != me && atomic_compare_exchange_strong(&turn, &who, me))
            return 1;
        if (mf_clock_ns() >= deadline_ns)
            return 0;
        nap();
    }
}

static void end_turn(void)
{
    atomic_store(&turn, 0);
}

/* --- the tracer ------------------------------------------------------------
 */

static int yama_restricts(void)
{
    char c = 0;
    int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    int restricts = read(fd, &c, 1) == 1 && c == '1';
    close(fd);
    return restricts;
}

static void start(mf_blame *b)
{
    uint64_t all = ~UINT64_C(0), before = 0;
    if (b->keep_running) {
        mf_blame_look(b);
        return;
    }
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    int code = mf_blame_trace(b, yama_restricts());
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    if (code == 0)
        return;
    b->no_tracer = code;
    b->n_hit = b->n_more = 0;
    b->n_thread = 1;
    b->read_bytes = b->unread_bytes = 0;
    mf_blame_look(b);
}

/* Handlers of signals are kept by the kernel, where no scan finds them. */
static void look_at_signals(mf_blame *b)
{
    enum { SIGNALS = 64 };
    struct { /* as the kernel has it */
        uintptr_t handler, flags, restorer, mask;
    } action;
    for (long i = 1; i <= SIGNALS; i++)
        if (syscall(SYS_rt_sigaction, i, NULL, &action, 8L) == 0)
            mf_blame_note(b, (uintptr_t)i, action.handler, -1, MF_BLAME_SIGNAL);
}

static void open_files(mf_blame *b)
{
    const int flags = O_RDONLY | O_CLOEXEC;
    b->task_fd = open("/proc/self/task", flags | O_DIRECTORY);
    b->maps_fd = open("/proc/self/maps", flags);
    b->pagemap_fd = open("/proc/self/pagemap", flags);
    b->mem_fd = open("/proc/self/mem", flags);
}

static void close_files(mf_blame *b)
{
    const int fds[] = {b->task_fd, b->maps_fd, b->pagemap_fd, b->mem_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

void mf_blame_run(mf_blame *b)
{
    b->deadline_ns = mf_clock_ns() + b->timeout_ns;
    b->pid = getpid();
    bound_targets(b);
    qsort(b->other, b->n_other, sizeof b->other[0], by_address);
    mf_blame_skip(b, (uintptr_t)b, (uintptr_t)b + sizeof *b);
    dl_iterate_phdr(add_module, b);
    b->thread[0] = (mf_blame_thread){.tid = syscall(SYS_gettid),
                                     .state = MF_BLAME_CALLER,
                                     .sp = b->frame,
                                     .tp = thread_pointer()};
    b->n_thread = 1;
    int mine = take_turn(b->deadline_ns);
    if (!mine) {
        b->occupied = 1;
        b->keep_running = 1;
        b->skip_memory = 1; /* there is no time left for it */
    }
    open_files(b);
    start(b);
    look_at_signals(b);
    close_files(b);
    if (mine)
        end_turn();
}
