/*
 * proxy/large.h: large blocks of calls, kept for the next call.
 *
 * A message of a megabyte is held in blocks that the process's allocator maps
 * and unmaps, page by page, for each call. This is an allocator in front of the
 * host's that keeps large blocks apart and hands them out again. Any thread.
 */
#ifndef MF_PROXY_LARGE_H
#define MF_PROXY_LARGE_H

#include "base/alloc.h"

#include <pthread.h>

enum { MF_LARGE_CLASSES = 32 };

typedef struct mf_large {
    mf_alloc alloc;               /* what calls take their memory from */
    mf_alloc *heap;               /* where it comes from */
    pthread_mutex_t lock;         /* for what follows */
    void *kept[MF_LARGE_CLASSES]; /* by size; linked by their first bytes */
    size_t bytes;                 /* of all that are kept */
} mf_large;

void mf_large_init(mf_large *large, mf_alloc *heap);
void mf_large_trim(mf_large *large); /* gives back what is kept */
void mf_large_done(mf_large *large);

#endif
