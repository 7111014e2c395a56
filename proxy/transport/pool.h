/*
 * proxy/transport/pool.h: small blocks for the HTTP/2 sessions of one loop.
 *
 * A session takes and gives back a dozen small blocks per call. Size classes
 * cut from slabs make that cheap, and slabs that are empty go back to the heap,
 * so that many connections that are gone leave nothing behind. One thread at a
 * time.
 */
#ifndef MF_PROXY_POOL_H
#define MF_PROXY_POOL_H

#include "base/alloc.h"

enum { MF_POOL_CLASSES = 20 };

typedef struct mf_pool_slab mf_pool_slab;

typedef struct mf_pool {
    mf_alloc *alloc;
    uint32_t slab_bytes;
    mf_pool_slab *partial[MF_POOL_CLASSES]; /* with room, by size class */
} mf_pool;

/* In front of every block, 16 bytes. `next` and `is_dead` are for whoever wants
 * to put off giving blocks back. */
typedef struct mf_pool_head {
    struct mf_pool_head *next;
    uint32_t slab; /* bytes from the slab's start; 0: a block of its own */
    uint16_t size; /* class, in units of 16 bytes; 0: a block of its own */
    uint16_t is_dead;
} mf_pool_head;

/* `slab_bytes` from 4 to 64 KiB: what is taken from the heap at a time; 0:
 * every block by itself. */
void mf_pool_init(mf_pool *pool, mf_alloc *alloc, uint32_t slab_bytes);
void mf_pool_done(mf_pool *pool); /* every block has been given back */
void mf_pool_trim(mf_pool *pool); /* frees the slabs kept for the next block */

void *mf_pool_take(mf_pool *pool,
                   size_t size); /* not zeroed; NULL: no memory */
void *mf_pool_resize(mf_pool *pool, void *block, size_t size);
void mf_pool_give(mf_pool *pool, void *block); /* NULL is allowed */
mf_pool_head *mf_pool_head_of(void *block);

#endif
