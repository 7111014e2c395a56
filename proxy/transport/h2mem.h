/*
 * proxy/transport/h2mem.h: the memory of one HTTP/2 session, as nghttp2 asks
 * for it.
 */
#ifndef MF_PROXY_H2MEM_H
#define MF_PROXY_H2MEM_H

#include "proxy/transport/pool.h"

typedef struct mf_h2_mem {
    mf_pool *pool;
    mf_pool_head *dead; /* blocks to give back after the session */
    int is_short;       /* memory was out once */
} mf_h2_mem;

/* Of the shapes that nghttp2_mem wants; `mem` is an mf_h2_mem. */
void *mf_h2_malloc(size_t size, void *mem);
void *mf_h2_calloc(size_t n, size_t size, void *mem);
void *mf_h2_realloc(void *block, size_t size, void *mem);
void mf_h2_release(void *block, void *mem);

/* After the session has been deleted. */
void mf_h2_mem_done(mf_h2_mem *mem);

#endif
