/*
 * base/census.h: what memory there is, by kind, at one moment.
 *
 * The owners of memory (compile arena, code arena, schema) fill in rows; the
 * receipt shows them. A snapshot is plain data with a fixed bound, so that
 * taking one never allocates.
 */
#ifndef MF_BASE_CENSUS_H
#define MF_BASE_CENSUS_H

#include "base/proclist.h"
#include "base/procmap.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mf_census_row {
    const char *arena; /* "compile", "code", "heap"; static */
    const char *kind;  /* "token symbols", "text", ...; static */
    size_t blocks;
    size_t bytes; /* at the moment that the census is of: what totals add up */
    size_t largest; /* block */
    size_t live;    /* bytes when the census was taken */
    size_t peak;    /* the most bytes of this kind at once */
} mf_census_row;

enum { MF_CENSUS_ROWS = 40 };

typedef struct mf_census {
    size_t n;
    mf_census_row
        rows[MF_CENSUS_ROWS]; /* what does not fit is added to the last */
} mf_census;

/* Adds to the row of that arena and kind, making it when it is new. */
void mf_census_add(mf_census *c, const char *arena, const char *kind,
                   size_t blocks, size_t bytes);
/* The same with a row of any figures: the largest is the larger of two, the
 * others are sums. */
void mf_census_merge(mf_census *c, const mf_census_row *row);
size_t mf_census_bytes(const mf_census *c, const char *arena);

/* The process as the kernel sees it, from /proc/self; sizes in KiB. All zero
 * where /proc cannot be read. */
typedef struct mf_process {
    uint64_t pss_kib;
    uint64_t private_dirty_kib;
    uint64_t mappings;
    uint64_t
        memfd_kib; /* bytes in memory files that are mapped, by file size */
    uint64_t threads;
    uint64_t descriptors;
    uint32_t by_kind[MF_FD_KINDS]; /* of these */
    uint64_t malloc_used_kib;      /* the process allocator's, not only ours */
    uint64_t malloc_retained_kib;  /* free, but kept by the process allocator */
} mf_process;

void mf_process_read(mf_process *ret);

/* One moment in a context's life. */
typedef struct mf_snapshot {
    const char *phase; /* "before", "compiled", "arena dropped", "unloaded" */
    uint64_t at_ns;    /* monotonic */
    mf_census census;
    int has_process;
    mf_process process;
    int has_map;
    mf_map_kib map; /* the process's mappings by type */
} mf_snapshot;

/* Monotonic time. */
uint64_t mf_clock_ns(void);

#endif
