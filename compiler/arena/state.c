/*
 * compiler/arena/state.c: the mutable globals that libtcc forces on mayfly.
 *
 * libtcc keeps its state in globals, so there is one compile at a time in a
 * process, and its hooks need to find that compile. This file holds the lock,
 * the compile at hand, and the reset of libtcc's own 150 kB, which the relinked
 * object keeps in sections of their own (libtcc.mk).
 *
 * The lock is a word with a generation: a forked child may have been born while
 * another thread of its parent compiled, and that thread does not exist in the
 * child. A lock word of another generation counts as free, and libtcc's state
 * is reset before it is used.
 *
 * Threads: any.
 */
#include "compiler/arena/run.h"

#include "base/guest.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIDDEN __attribute__((visibility("hidden")))
extern char bss_begin[] __asm__("__start_mf_tccbss") HIDDEN;
extern char bss_end[] __asm__("__stop_mf_tccbss") HIDDEN;
extern char data_begin[] __asm__("__start_mf_tccdata") HIDDEN;
extern char data_end[] __asm__("__stop_mf_tccdata") HIDDEN;

enum { FREE = 0, HELD = 1, WAITED = 2, STATES = 3, DATA_MAX = 64 };

static atomic_uint lock_word;     /* generation << 2 | state */
static mf_run *run_now;           /* whoever holds the lock */
static char data_first[DATA_MAX]; /* libtcc's initialised data as it was */
static int data_known;
static int untouched; /* libtcc's state is as at the start ... */
static int has_pages; /* ... but may have pages of memory */

static uint64_t fail_at; /* of the test hook; under the lock */
static uint64_t fail_count;
static int fail_persist;

static void reset(void)
{
    if (untouched)
        return;
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    memcpy(data_begin, data_first, (size_t)(data_end - data_begin));
    untouched = 1;
}

static unsigned word_of_process(void)
{
    return mf_fork_generation() << 2;
}

static void futex(int op, unsigned value)
{
    syscall(SYS_futex, &lock_word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL,
            0);
}

static int try_lock(unsigned base)
{
    unsigned word = atomic_load_explicit(&lock_word, memory_order_relaxed);
    while ((word & ~(unsigned)STATES) != base || (word & STATES) == FREE) {
        int stale = (word & ~(unsigned)STATES) != base;
        if (atomic_compare_exchange_weak_explicit(
                &lock_word, &word, base | HELD, memory_order_acquire,
                memory_order_relaxed)) {
            if (stale)
                untouched = 0;
            return 1;
        }
    }
    return 0;
}

static void unlock(unsigned base)
{
    unsigned word =
        atomic_exchange_explicit(&lock_word, base | FREE, memory_order_release);
    if ((word & STATES) == WAITED)
        futex(FUTEX_WAKE, 1);
}

mf_run *mf_run_now(void)
{
    return run_now;
}

void mf_run_enter(mf_run *run)
{
    unsigned base = word_of_process();
    int waited = 0;
    while (!try_lock(base)) {
        unsigned held = base | HELD;
        atomic_compare_exchange_strong(&lock_word, &held, base | WAITED);
        futex(FUTEX_WAIT, base | WAITED);
        waited = 1;
    }
    if (waited) /* others may still wait */
        atomic_store_explicit(&lock_word, base | WAITED, memory_order_relaxed);
    if (!data_known) {
        memcpy(data_first, data_begin, (size_t)(data_end - data_begin));
        data_known = 1;
        untouched = 1;
    }
    reset();
    untouched = 0;
    has_pages = 1;
    run_now = run;
}

void mf_run_leave(void)
{
    run_now = NULL;
    reset();
    unlock(word_of_process());
}

void mf_run_idle(void)
{
    unsigned base = word_of_process();
    if (!try_lock(base))
        return;
    if (has_pages) {
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
        uintptr_t from = ((uintptr_t)bss_begin + page - 1) & ~(page - 1);
        uintptr_t to = (uintptr_t)bss_end & ~(page - 1);
        reset();
        if (from < to)
            madvise((void *)from, to - from, MADV_DONTNEED);
        has_pages = 0;
    }
    unlock(base);
}

uint64_t mf_run_fail_at(uint64_t at, int persist)
{
    uint64_t count = fail_count;
    fail_at = at;
    fail_persist = persist;
    fail_count = 0;
    return count;
}

int mf_run_fails(void)
{
    fail_count++;
    return fail_at &&
           (fail_count == fail_at || (fail_persist && fail_count > fail_at));
}
