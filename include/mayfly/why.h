/*
 * mayfly/why.h: what holds a context.
 *
 * An unload that answers MAYFLY_EBUSY names pins and calls. What else may need the
 * code (a handle kept in a global, a local of a live frame, a callback that was
 * never removed, a thread that is still inside) nobody has counted: it has to be
 * looked for.
 *
 *     mayfly_why_report *report;
 *     if (mayfly_why(ctx, NULL, &report, &err) == 0) {
 *         puts(mayfly_why_text(report));
 *         mayfly_why_free(report);
 *     }
 *
 * Three degrees of certainty:
 *   definite   pins, calls and open streams, what its own code has started, other
 *              leases: counted
 *   likely     threads that run in the code, or will return to it; signal handlers
 *   possible   words in registers, stacks, globals, thread-local storage, heap and
 *              other contexts' data that have the value of an address in the
 *              context's code, tables or data. A number may look like an address,
 *              and memory that is no longer used keeps old words.
 *
 * The other threads of the process are stopped for as long as their registers,
 * their stacks and the memory are read: by a task that attaches to them as a
 * debugger does, without signals. Some system calls of theirs, as after any stop,
 * may answer EINTR (epoll_wait does). Where the kernel refuses that, memory is
 * read while the threads run, and the report says that they were not examined,
 * and why. Where Yama restricts ptrace to declared tracers, the declaration
 * (PR_SET_PTRACER) is made for that time and withdrawn afterwards, with any that
 * the host had made.
 *
 * docs/why.md shows how to read a report.
 *
 * Threads: every function may be called from any thread. A report is one thread's
 * at a time.
 */
#ifndef MAYFLY_WHY_H
#define MAYFLY_WHY_H

#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_why_report mayfly_why_report;

enum mayfly_why_certainty {
    MAYFLY_WHY_DEFINITE = 0,
    MAYFLY_WHY_LIKELY = 1,
    MAYFLY_WHY_POSSIBLE = 2
};

enum mayfly_why_kind {
    MAYFLY_WHY_PIN = 0,          /* with owner, place, thread and age */
    MAYFLY_WHY_CALL = 1,         /* a call or an open stream */
    MAYFLY_WHY_STARTED = 2,      /* a run of its main, a thread that its own code
                                    started */
    MAYFLY_WHY_LEASE = 3,        /* leases that are none of these */
    MAYFLY_WHY_THREAD = 4,       /* runs in the code, or returns to it */
    MAYFLY_WHY_SIGNAL = 5,       /* the process's handler of a signal */
    MAYFLY_WHY_LOCAL = 6,        /* a word in a register or on a stack in use */
    MAYFLY_WHY_GLOBAL = 7,       /* in an image's writable data */
    MAYFLY_WHY_THREAD_LOCAL = 8, /* thread-local storage, thread-specific values */
    MAYFLY_WHY_CONTEXT = 9,      /* in the data of another context of the host */
    MAYFLY_WHY_HEAP = 10,        /* the heap, or other memory that was mapped */
    MAYFLY_WHY_STACK = 11,       /* on a stack that no examined thread is on: of a
                                    coroutine, of a thread that has ended or could
                                    not be examined */
    MAYFLY_WHY_KINDS = 12
};

typedef struct mayfly_why_options {
    size_t size;         /* set by MAYFLY_WHY_OPTIONS */
    unsigned timeout_ms; /* most time for threads to be stopped and memory to be
                            read; 0: 2,000 */
    unsigned list_max;   /* most possible holders to list; 0: 64. All are counted */
    int keep_running;    /* stop no thread: registers and stacks are not examined */
    int skip_memory;     /* do not read globals, heap and the rest */
} mayfly_why_options;

#define MAYFLY_WHY_OPTIONS(...) \
    (&(mayfly_why_options){ .size = sizeof(mayfly_why_options), __VA_ARGS__ })

/* One holder. The strings belong to the report. */
typedef struct mayfly_why_holder {
    enum mayfly_why_kind kind;
    enum mayfly_why_certainty certainty;
    const char *where;     /* `pin "cache" (app.c:12, thread 7, 80 ms)`,
                              `app: table+0x8` */
    const char *target;    /* what is held: a function or object of the context,
                              or "tables", "text"; "" for definite holders */
    size_t target_offset;  /* from its beginning */
    const void *address;   /* of the word; NULL: it has none */
    const void *points_to; /* the word; NULL for definite holders */
    long thread;           /* whose it is, as the kernel numbers it; 0: nobody's */
} mayfly_why_holder;

/*
 * Looks for everything that holds the context. Takes from a millisecond to
 * `timeout_ms`, by the memory of the process; one at a time in a process. Holds
 * nothing itself meanwhile: an unload of another thread may go on, and the report
 * then has addresses in place of some names.
 *
 * Errors: EINVAL, EUNLOADED (not live or unloading: nothing is there to hold),
 * ENOMEM, EFORKED.
 */
MAYFLY_API int mayfly_why(mayfly_context *context,
                          const mayfly_why_options *options,
                          mayfly_why_report **ret_report, mayfly_error *err);

/* How many holders of a kind were found, or of a degree of certainty, listed or
 * not. */
MAYFLY_API size_t mayfly_why_count(const mayfly_why_report *report,
                                   enum mayfly_why_kind kind);
MAYFLY_API size_t mayfly_why_total(const mayfly_why_report *report,
                                   enum mayfly_why_certainty certainty);

/* Holder number `i` of those listed, the most certain first: 0, or ENOTFOUND when
 * there are no more. */
MAYFLY_API int mayfly_why_get(const mayfly_why_report *report, size_t i,
                              mayfly_why_holder *ret_holder);

/* How many threads the process had, the caller's among them, and how many of them
 * were examined. `ret_reason` (may be NULL): why not all were; "" when all were. */
MAYFLY_API size_t mayfly_why_threads(const mayfly_why_report *report,
                                     size_t *ret_examined,
                                     const char **ret_reason);

/* For people, grouped by what is held; a JSON object for programs (docs/why.md
 * names its members). Both zero-terminated, owned by the report. */
MAYFLY_API const char *mayfly_why_text(const mayfly_why_report *report);
MAYFLY_API const char *mayfly_why_json(const mayfly_why_report *report);
MAYFLY_API void mayfly_why_free(mayfly_why_report *report); /* NULL is allowed */

MAYFLY_END

#endif
