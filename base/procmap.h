/*
 * base/procmap.h: all mappings of the process, summed up by what they are for.
 *
 * What the kernel's list does not say, the owner of a range tells: it adds its
 * ranges first, then the list is read.
 */
#ifndef MF_BASE_PROCMAP_H
#define MF_BASE_PROCMAP_H

#include "base/alloc.h"

enum mf_map_type {
    MF_MAP_CODE,      /* code zone: units */
    MF_MAP_TOMBS,     /* code zone: of unloaded units, not yet used again */
    MF_MAP_ZONE_FREE, /* code zone: addresses that no unit has */
    MF_MAP_ARENAS,    /* compile arenas */
    MF_MAP_UNITS,     /* schemas and plans */
    MF_MAP_HEAP,      /* malloc's */
    MF_MAP_STACKS,
    MF_MAP_IMAGES, /* the program and its libraries, with their variables */
    MF_MAP_FILES,
    MF_MAP_MEMORY_FILES,
    MF_MAP_KERNEL,    /* vdso and the like */
    MF_MAP_ANONYMOUS, /* not known whose */
    MF_MAP_NO_ACCESS, /* likewise: guards, reserved addresses */
    MF_MAP_TYPES
};

typedef struct mf_map_sum {
    uint64_t count; /* mappings, or parts of one */
    uint64_t bytes;
    uint64_t resident;
    uint64_t dirty; /* private */
} mf_map_sum;

typedef struct mf_map {
    mf_map_sum sums[MF_MAP_TYPES];
    uint64_t mappings; /* lines of the list */
} mf_map;

/* The same in KiB, small enough to be kept. */
typedef struct mf_map_kib {
    struct mf_map_kib_sum {
        uint32_t count, size, resident, dirty;
    } sums[MF_MAP_TYPES];
} mf_map_kib;

void mf_map_shrink(const mf_map *map, mf_map_kib *ret);

const char *mf_map_type_name(enum mf_map_type type);

/* Ranges that somebody knows. */
typedef struct mf_map_range {
    uintptr_t from, to;
    enum mf_map_type type;
} mf_map_range;

typedef struct mf_map_ranges {
    mf_alloc *alloc;
    mf_map_range *items;
    size_t n, cap;
    int failed; /* no memory for one */
} mf_map_ranges;

void mf_map_ranges_init(mf_map_ranges *r, mf_alloc *alloc);
void mf_map_ranges_done(mf_map_ranges *r);
/* Of ranges that lie in each other the one that begins first, or the larger
 * one, holds. */
void mf_map_ranges_add(mf_map_ranges *r, const void *at, size_t bytes,
                       enum mf_map_type type);

/* Reads /proc/self/smaps; sorts the ranges. All zero where it cannot be read.
 * Any thread; others may map meanwhile. */
void mf_map_read(mf_map_ranges *ranges, mf_map *ret);

#endif
