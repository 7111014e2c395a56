/*
 * compiler/arena/stack.c: how much stack a compile may use.
 *
 * libtcc recurses as deeply as a source nests, on the stack of whoever
 * compiles. What is left of that is known by the thread's attributes, which are
 * asked for once per thread. A deep recursion leaves pages behind that the
 * thread may never need again: they go back to the system.
 *
 * Threads: each asks for its own.
 */
#include "compiler/arena/run.h"

#include "base/error.h"

#include <pthread.h>
#include <sys/mman.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

enum { PAGE = 4096 };

static _Thread_local char *stack_low;
static _Thread_local char *stack_high;

/* The lowest address that the calling thread's stack may use, or NULL when it
 * is not running on its own stack. */
static char *stack_end(void)
{
    char *here = __builtin_frame_address(0);
    if (!stack_high) {
        pthread_attr_t attr;
        void *low;
        size_t size;
        if (pthread_getattr_np(pthread_self(), &attr) != 0)
            return NULL;
        if (pthread_attr_getstack(&attr, &low, &size) == 0) {
            stack_low = low;
            stack_high = (char *)low + size;
        }
        pthread_attr_destroy(&attr);
    }
    return here > stack_low && here < stack_high ? stack_low : NULL;
}

int mf_run_bound_stack(mf_run *run, mayfly_error *err)
{
    char *here = __builtin_frame_address(0);
    char *end = stack_end();
    /* On a stack that is not the thread's own nothing is known. */
    size_t allowed = 128 * KIB;
    if (end) {
        size_t left = (size_t)(here - end);
        allowed = left > 64 * KIB ? left - 64 * KIB : 0;
        if (allowed > 8 * MIB)
            allowed = 8 * MIB;
    }
    if (run->limits.stack_bytes && run->limits.stack_bytes < allowed)
        allowed = run->limits.stack_bytes;
    run->stack_low = here - allowed;
    run->stack_lowest = here;
    if (allowed < 16 * KIB)
        return mf_error_set(err, MAYFLY_ELIMIT,
                            "stack: the thread has too little left");
    return 0;
}

void mf_run_give_back_stack(const mf_run *run)
{
    char *here = __builtin_frame_address(0);
    char *end = stack_end();
    if (!end || run->stack_lowest > here - 512 * KIB)
        return;
    uintptr_t low = (uintptr_t)run->stack_lowest;
    low = low - (uintptr_t)end > 64 * KIB ? low - 64 * KIB : (uintptr_t)end;
    uintptr_t from = (low + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    uintptr_t to = (uintptr_t)(here - 128 * KIB) & ~(uintptr_t)(PAGE - 1);
    if (from < to)
        madvise((void *)from, to - from, MADV_DONTNEED);
}
