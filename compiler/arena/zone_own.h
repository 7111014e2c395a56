/*
 * compiler/arena/zone_own.h: what a zone is made of, for its own files only.
 */
#ifndef MF_ARENA_ZONE_OWN_H
#define MF_ARENA_ZONE_OWN_H

#include "compiler/arena/debugger.h"
#include "compiler/arena/extents.h"
#include "compiler/arena/unwind.h"
#include "compiler/arena/zone.h"

#include <pthread.h>

typedef struct mf_zone_chunk {
    struct mf_zone_chunk *next;
    size_t at; /* in the zone */
    size_t bytes;
    mf_extents free; /* offsets into the chunk */
    int fd;          /* -1: no file at the moment */
    size_t file_bytes;
    size_t live;    /* spans that are taken */
    size_t waiting; /* spans in the queue */
} mf_zone_chunk;

typedef struct mf_zone_waiting {
    mf_zone_chunk *chunk;
    size_t at; /* in the chunk */
    size_t bytes;
    uint64_t since_ns;
} mf_zone_waiting;

struct mf_zone {
    mf_alloc *alloc;
    uint8_t *base;
    size_t reserved;
    size_t max;
    size_t page;
    unsigned made_under;  /* fork generation: a child shares the files */
    mf_unwind unwind;     /* covers the range */
    mf_debugger debugger; /* likewise */
    pthread_mutex_t lock; /* for all below */
    size_t used;
    mf_extents space; /* parts of the range that no chunk has */
    mf_zone_chunk *chunks;
    mf_zone_waiting *queue; /* a ring, oldest at `queue_at` */
    size_t queue_room;
    size_t queue_at;
    size_t queue_n;
    size_t queue_bytes;
    size_t wait_parts; /* the most that wait ... */
    size_t wait_bytes; /* ... of so many bytes together ... */
    uint64_t wait_ns;  /* ... for so long */
};

/* zone_wait.c; the lock is held. */
int mf_zone_wait_init(mf_zone *z); /* 0 or ENOMEM; free `queue` */
void mf_zone_wait_start(mf_zone *z, mf_zone_chunk *c, size_t at, size_t bytes);
void mf_zone_wait_expire(mf_zone *z); /* ends those that are over */
void mf_zone_wait_end(mf_zone *z);    /* ends all */

#endif
