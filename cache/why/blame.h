/*
 * cache/why/blame.h: looking through the process for words that point into
 * given ranges.
 *
 * One search is one struct in a mapping of its own, which is given back as a
 * whole: everything found is written there, because nothing may be allocated
 * while other threads are stopped, perhaps in the midst of malloc.
 *
 *     mf_blame_new, mf_blame_target ..., mf_blame_run, read the fields,
 *     mf_blame_free
 *
 * Threads: one search is one thread's; mf_blame_run takes turns in a process.
 */
#ifndef MF_CACHE_BLAME_H
#define MF_CACHE_BLAME_H

#include "cache/context/context.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_BLAME_TARGETS = 4096,
    MF_BLAME_OTHERS = 1 << 16,
    MF_BLAME_SKIPS = 1 << 14,
    MF_BLAME_HITS = 1 << 16,
    MF_BLAME_THREADS = 1 << 13,
    MF_BLAME_MAPS = 1 << 16, /* the kernel allows 65,530 */
    MF_BLAME_MODULES = 1024,
    MF_BLAME_TEXT = 1 << 20, /* names of mappings */
    MF_BLAME_WINDOW = 1 << 17,
    MF_BLAME_STACK = 1 << 17
};

typedef struct mf_blame_range {
    uintptr_t at, end;
    enum mf_part part;
    uint32_t context; /* the caller's number for it */
} mf_blame_range;

typedef struct mf_blame_span {
    uintptr_t at, end;
} mf_blame_span;

enum mf_blame_via {
    MF_BLAME_MEMORY,
    MF_BLAME_ON_STACK,
    MF_BLAME_REGISTER,
    MF_BLAME_PC,
    MF_BLAME_SIGNAL /* the process's handler; `at` is the signal's number */
};

typedef struct mf_blame_hit {
    uintptr_t at; /* of the word; of a register: 0 */
    uintptr_t value;
    int32_t thread; /* index; -1: nobody's */
    enum mf_blame_via via;
} mf_blame_hit;

enum mf_blame_state {
    MF_BLAME_REFUSED, /* `error` says why */
    MF_BLAME_PENDING, /* attached, not yet stopped */
    MF_BLAME_STOPPED, /* examined */
    MF_BLAME_CALLER,  /* the calling thread: examined, without attaching */
    MF_BLAME_GONE     /* ended meanwhile */
};

typedef struct mf_blame_thread {
    long tid;
    enum mf_blame_state state;
    int error;          /* errno of the refusal; ETIMEDOUT: did not stop */
    int signal;         /* to be passed on when it is let go */
    uintptr_t sp, tp;   /* stack pointer; thread pointer, 0: not known */
    uintptr_t low, top; /* its stack: unused below sp, in use up to top */
} mf_blame_thread;

enum { MF_MAP_READ = 1, MF_MAP_WRITE = 2, MF_MAP_EXEC = 4, MF_MAP_SHARED = 8 };

typedef struct mf_blame_map {
    uintptr_t at, end;
    unsigned flags;
    uint32_t name; /* offset in `text`; an empty one: anonymous */
} mf_blame_map;

typedef struct mf_blame_module { /* a loaded image */
    uintptr_t bias;              /* of its addresses */
    uintptr_t at, end;           /* of its writable segments */
    intptr_t tls;   /* its thread-local block, from the thread pointer */
    size_t n_tls;   /* bytes; 0: none that is static */
    char path[200]; /* cut if longer; empty: the program */
} mf_blame_module;

typedef struct mf_blame {
    /* set before the run */
    mf_blame_range target[MF_BLAME_TARGETS];
    size_t n_target;
    mf_blame_range other[MF_BLAME_OTHERS]; /* sorted by the run */
    size_t n_other;
    mf_blame_span skip[MF_BLAME_SKIPS]; /* what is not to be read; sorted */
    size_t n_skip;
    uintptr_t frame; /* of the caller: what is above it is examined */
    uint64_t timeout_ns;
    int keep_running, skip_memory;

    /* of the run */
    uintptr_t low, span; /* all targets lie in `span` bytes from `low` */
    int pid;
    int task_fd, maps_fd, pagemap_fd, mem_fd;
    atomic_uint go;   /* the tracer may attach; a futex */
    atomic_uint done; /* it has let all go; a futex */
    uint64_t deadline_ns;
    uint8_t window[MF_BLAME_WINDOW];
    uint64_t pages[MF_BLAME_WINDOW / 8];
    _Alignas(64) uint8_t stack[MF_BLAME_STACK]; /* the tracer's */

    /* found */
    mf_blame_hit hit[MF_BLAME_HITS];
    size_t n_hit;
    size_t n_more; /* hits that there was no room for */
    mf_blame_thread thread[MF_BLAME_THREADS]; /* the caller's first */
    size_t n_thread;
    size_t n_thread_more;
    mf_blame_map map[MF_BLAME_MAPS];
    size_t n_map;
    char text[MF_BLAME_TEXT];
    size_t n_text;
    mf_blame_module module[MF_BLAME_MODULES];
    size_t n_module;
    uint64_t read_bytes;
    uint64_t unread_bytes; /* too large, or the kernel refused */
    int timed_out;         /* memory was not read to the end */
    int no_tracer;         /* errno: no tracer could be made */
    int occupied;          /* another search had the process's turn */
    uint64_t stopped_ns;
} mf_blame;

mf_blame *mf_blame_new(void); /* NULL: no memory */
void mf_blame_free(mf_blame *b);

void mf_blame_target(mf_blame *b, enum mf_part part, const void *at,
                     size_t bytes, uint32_t context);
void mf_blame_other(mf_blame *b, enum mf_part part, const void *at,
                    size_t bytes, uint32_t context);
void mf_blame_skip(mf_blame *b, uintptr_t at, uintptr_t end);

void mf_blame_run(mf_blame *b);

/* Reads `n` bytes of the process's memory, which need not be there; how many
 * could be read. */
size_t mf_blame_peek(mf_blame *b, uintptr_t at, void *to, size_t n);

/* The target that holds an address, or NULL. */
const mf_blame_range *mf_blame_find(const mf_blame *b, uintptr_t value);
const mf_blame_map *mf_blame_map_of(const mf_blame *b, uintptr_t at);
const mf_blame_range *mf_blame_other_of(const mf_blame *b, uintptr_t at);

/* blame_trace.c: runs the tracer and waits for it; with all signals blocked.
 * `declare`: by PR_SET_PTRACER. Returns 0, or the errno for which there was
 * none. */
int mf_blame_trace(mf_blame *b, int declare);
/* The same without stopping anybody. */
void mf_blame_look(mf_blame *b);
uint64_t mf_blame_clock(void); /* monotonic, by a system call */

/* blame_scan.c: no allocation, no lock. */
void mf_blame_read_maps(mf_blame *b);
void mf_blame_note(mf_blame *b, uintptr_t at, uintptr_t value, int32_t thread,
                   enum mf_blame_via via); /* a hit, if it is one */
void mf_blame_scan(mf_blame *b, uintptr_t at, uintptr_t end, int32_t thread);
void mf_blame_scan_memory(mf_blame *b);
void mf_blame_sort_skips(mf_blame *b);

/* blame_elf.c: the object of an image that an address, less the image's bias
 * (thread-local: an offset into its block), lies in. Returns 0 and the name and
 * where it begins, or -1. Any thread. */
int mf_blame_symbol(const char *path, uintptr_t value, int tls, char *out,
                    size_t size, uintptr_t *ret_begin);

#endif
