/*
 * mayfly/fault.h: naming a stale pointer.
 *
 * The addresses of an unloaded context stay reserved without memory for a while,
 * so a jump or an access through a pointer that was kept too long faults instead
 * of finding something else. What stood there is remembered as long
 * (mayfly_host_set_quarantine).
 *
 * A program that handles faults itself calls mayfly_explain_fault. One that does
 * not may have a handler installed, which passes every fault on to whatever was
 * installed before. mayfly never does so unasked.
 *
 *     mayfly_fault_handler_install(MAYFLY_FAULT_OPTIONS(.fd = 2), &err);
 *
 * A stale call then writes, before the process ends as it would have:
 *
 *     mayfly: SIGSEGV: jump to 0x7f31a8001240: context "twice" version 1,
 *     unloaded 1.204 s ago: twice+0x0 (text)
 *
 * (one line). Nothing here needs a host: one process, all hosts.
 */
#ifndef MAYFLY_FAULT_H
#define MAYFLY_FAULT_H

#include <mayfly/error.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

/*
 * Writes to `buf` (`size` bytes, zero-terminated, cut if longer) what stood at an
 * address: the context, its version (mayfly_context_version), how long ago it was
 * unloaded, function or object with offset, and which part it is in. "?" behind a
 * name: names were too many to keep all, it may be one that follows. Returns the
 * length of the text; 0, and an empty text, when the address is not of an unloaded
 * context that is remembered.
 *
 * Async-signal-safe: takes no lock, allocates nothing. Any thread, also in a
 * forked child.
 */
MAYFLY_API size_t mayfly_explain_fault(const void *address, char *buf,
                                       size_t size);

typedef struct mayfly_fault_options {
    size_t size; /* set by MAYFLY_FAULT_OPTIONS */
    int fd;      /* where the text is written; 0: nowhere */
    /* Called with the text, a line with its end, in the signal handler of the
     * thread that faulted: must be async-signal-safe. NULL: not called. */
    void (*write)(void *state, const char *text, size_t len);
    void *state;
} mayfly_fault_options;

#define MAYFLY_FAULT_OPTIONS(...)      \
    (&(mayfly_fault_options){          \
        .size = sizeof(mayfly_fault_options), __VA_ARGS__ })

/*
 * Installs a handler for SIGSEGV and SIGBUS, on the alternate stack where the
 * thread has one. It explains faults that are at remembered addresses; then these,
 * like all others, go to the handler that was installed before, with its mask and
 * flags, or to the default action. Errors: EINVAL, EEXIST (is installed), EIO (the
 * system refuses). Any thread.
 */
MAYFLY_API int mayfly_fault_handler_install(const mayfly_fault_options *options,
                                            mayfly_error *err);

/* Puts back the handlers that were there. Errors: ENOTFOUND (is not installed),
 * EBUSY (another one was installed over it since, and may call it: it stays).
 * Any thread. */
MAYFLY_API int mayfly_fault_handler_remove(mayfly_error *err);

MAYFLY_END

#endif
