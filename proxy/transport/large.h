/*
 * proxy/transport/large.h: large blocks, kept for the next who needs one.
 *
 * A message of a megabyte is held in blocks that the process's allocator maps
 * and unmaps, page by page, for each call. This is an allocator in front of the
 * host's that keeps large blocks apart and hands them out again. Calls have
 * one, and each pool of users. Any thread.
 */
#ifndef MF_PROXY_LARGE_H
#define MF_PROXY_LARGE_H

#include "base/alloc.h"

#include <pthread.h>

enum { MF_LARGE_CLASSES = 32 };

typedef struct mf_large {
    mf_alloc alloc;               /* what memory is taken from */
    mf_alloc *heap;               /* where it comes from */
    size_t smallest;              /* smaller blocks are the heap's */
    size_t keep_max;              /* for `bytes` */
    pthread_mutex_t lock;         /* for what follows */
    void *kept[MF_LARGE_CLASSES]; /* by size; linked by their first bytes */
    size_t bytes;                 /* of all that are kept */
    void (*on_kept)(void *state); /* told when a block was kept; NULL: nobody */
    void *state;
} mf_large;

/* Blocks of `smallest` bytes up to 224 times that size are kept, `keep_max`
 * bytes in all. */
void mf_large_init(mf_large *large, mf_alloc *heap, size_t smallest,
                   size_t keep_max);
void mf_large_trim(mf_large *large);   /* gives back what is kept */
size_t mf_large_kept(mf_large *large); /* bytes */
void mf_large_done(mf_large *large);

#endif
