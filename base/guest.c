/*
 * base/guest.c: noticing that the process is a forked child.
 *
 * A forked child has the parent's memory but none of its threads, so every
 * handle of the parent's must be refused there. Setting an atfork hook would be
 * a process-wide change, and asking for the process id is a system call per
 * check. Instead one page of memory is marked MADV_WIPEONFORK: it holds the
 * generation's number, and reads as zero in a child until the child takes the
 * next number.
 *
 * Always true: a number is never zero, and a child's number is not one that its
 * parent or another ancestor has used. Where the kernel does not know the mark,
 * the process id serves as the number.
 *
 * Threads: any. The page stays for the life of the process.
 */
#include "base/guest.h"

#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic(atomic_uint *) page; /* NULL: not made, or cannot be */
static pthread_once_t page_made = PTHREAD_ONCE_INIT;
static atomic_uint taken; /* the last number that was taken; copied by fork */

static void make_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return;
    if (madvise(p, size, MADV_WIPEONFORK) != 0) {
        munmap(p, size);
        return;
    }
    atomic_store_explicit(&page, (atomic_uint *)p, memory_order_release);
}

unsigned mf_fork_generation(void)
{
    atomic_uint *mark = atomic_load_explicit(&page, memory_order_acquire);
    if (!mark) {
        pthread_once(&page_made, make_page);
        mark = atomic_load_explicit(&page, memory_order_acquire);
        if (!mark)
            return (unsigned)getpid();
    }
    unsigned number = atomic_load_explicit(mark, memory_order_relaxed);
    if (number)
        return number;
    /* The number is taken before it is shown, so that a fork in between leaves
     * the child a larger one. */
    unsigned fresh = atomic_fetch_add(&taken, 1) + 1;
    if (fresh == 0)
        fresh = atomic_fetch_add(&taken, 1) + 1;
    if (atomic_compare_exchange_strong(mark, &number, fresh))
        return fresh;
    return number; /* another thread of this process was first */
}

int mf_fork_check(unsigned made_under, mayfly_error *err)
{
    if (mf_fork_generation() == made_under)
        return 0;
    return mf_error_set(err, MAYFLY_EFORKED,
                        "this handle belongs to the parent process: make a "
                        "host after fork");
}
