/*
 * proxy/h2mem.h: memory for an HTTP/2 session that does not fail in its midst.
 *
 * One thread at a time, as the session.
 */
#ifndef MF_PROXY_H2MEM_H
#define MF_PROXY_H2MEM_H

#include "base/alloc.h"

#include <stdint.h>

enum { MF_H2_RESERVE = 1024 };

typedef struct mf_h2_memory {
    mf_alloc *alloc;
    size_t used;     /* of the reserve */
    uint8_t starved; /* the reserve was touched: the session must be ended */
    _Alignas(16) uint8_t reserve[MF_H2_RESERVE];
} mf_h2_memory;

/* Of nghttp2's shapes; `memory` is an mf_h2_memory. */
void *mf_h2_mem_malloc(size_t size, void *memory);
void *mf_h2_mem_calloc(size_t n, size_t size, void *memory);
void *mf_h2_mem_realloc(void *block, size_t size, void *memory);
void mf_h2_mem_free(void *block, void *memory);

#endif
