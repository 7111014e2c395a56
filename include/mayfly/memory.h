/*
 * mayfly/memory.h: what memory there is, of a host and of the process.
 *
 * A report answers at one moment: which kinds of blocks the arenas are made of,
 * sorted like a debugger's heap statistics; what the process's mappings are for;
 * how fragmented the code zone and the compile arenas are; which threads run;
 * which descriptors are open.
 *
 *     mayfly_memory_report *r;
 *     mayfly_memory_report_host(host, NULL, &r, &err);
 *     puts(mayfly_memory_report_text(r));
 *     mayfly_memory_report_free(r);
 *
 * A receipt (context.h) shows the same kinds side by side over a context's life.
 *
 * Threads: every function may be called from any thread; a report belongs to
 * whoever made it. Other threads work on meanwhile: each figure is then from a
 * slightly different moment.
 */
#ifndef MAYFLY_MEMORY_H
#define MAYFLY_MEMORY_H

#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/host.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_memory_report mayfly_memory_report;

/* Bits of `parts`: what a report is made of. */
enum mayfly_memory_part {
    MAYFLY_MEMORY_CENSUS = 1,      /* blocks by arena and kind */
    MAYFLY_MEMORY_MAP = 2,         /* mappings of the process by type, and free
                                      space in the host's zone and arenas */
    MAYFLY_MEMORY_THREADS = 4,     /* of the process: name, age, CPU time */
    MAYFLY_MEMORY_DESCRIPTORS = 8  /* of the process, by kind */
};

/* Descending, but for the last. */
enum mayfly_memory_sort {
    MAYFLY_MEMORY_BY_BYTES = 0,
    MAYFLY_MEMORY_BY_BLOCKS = 1,
    MAYFLY_MEMORY_BY_LARGEST = 2,
    MAYFLY_MEMORY_BY_LIVE = 3,
    MAYFLY_MEMORY_BY_PEAK = 4,
    MAYFLY_MEMORY_BY_KIND = 5 /* arena, then kind, by name */
};

typedef struct mayfly_memory_options {
    size_t size;      /* set by MAYFLY_MEMORY_OPTIONS */
    unsigned parts;   /* 0: all of a host's, the census of a context's */
    int sort;         /* enum mayfly_memory_sort, of the census */
    const char *arena; /* only rows of this arena; NULL: of all */
    const char *kind;  /* only rows whose kind has this in its name; NULL: all */
    size_t bytes_min;  /* only rows of at least so many bytes */
    size_t bytes_max;  /* and at the most so many; 0: any number */
    size_t block_min;  /* only rows with a block of at least so many bytes */
} mayfly_memory_options;

#define MAYFLY_MEMORY_OPTIONS(...)      \
    (&(mayfly_memory_options){          \
        .size = sizeof(mayfly_memory_options), __VA_ARGS__ })

/*
 * One kind of memory. Arenas are "compile" (where generator and compiler work),
 * "code" (compiled units), "schema" (descriptors and plan), and of a host "heap"
 * (what it has taken from its allocator), "cache" (cache.h) and "pools" (pool.h),
 * which are taken from there, too, and not counted twice.
 *
 * Of a host, all figures are of now. Of a context, `blocks` and `bytes` of the
 * compile arena are those when it was at its fullest, for then it is gone.
 * What cannot be told apart is of the kind "other".
 */
typedef struct mayfly_memory_row {
    const char *arena;
    const char *kind;
    size_t blocks;
    size_t bytes;
    size_t largest; /* block, in bytes */
    size_t live;    /* bytes now */
    size_t peak;    /* the most bytes of this kind at once */
} mayfly_memory_row;

/* Reports of a host, and of one context, which may be unloaded. `options` may be
 * NULL. Errors: EINVAL (an option, part or sort that is not known), ENOMEM,
 * EFORKED. */
MAYFLY_API int mayfly_memory_report_host(mayfly_host *host,
                                         const mayfly_memory_options *options,
                                         mayfly_memory_report **ret_report,
                                         mayfly_error *err);
MAYFLY_API int
mayfly_memory_report_context(mayfly_context *context,
                             const mayfly_memory_options *options,
                             mayfly_memory_report **ret_report,
                             mayfly_error *err);

/* The census's rows that the filters let through, sorted. Owned by the report. */
MAYFLY_API const mayfly_memory_row *
mayfly_memory_report_rows(const mayfly_memory_report *report, size_t *ret_n);

/* All bytes of an arena, or of all arenas (NULL), whatever the filters let
 * through. A host's equal exactly what the arena itself counts. */
MAYFLY_API size_t mayfly_memory_report_bytes(const mayfly_memory_report *report,
                                             const char *arena);

/* Tables for people; a JSON object for programs (docs/memory.md names its
 * members). Both zero-terminated, owned by the report. */
MAYFLY_API const char *
mayfly_memory_report_text(const mayfly_memory_report *report);
MAYFLY_API const char *
mayfly_memory_report_json(const mayfly_memory_report *report);

/* NULL is allowed. May outlive the host. */
MAYFLY_API void mayfly_memory_report_free(mayfly_memory_report *report);

MAYFLY_END

#endif
