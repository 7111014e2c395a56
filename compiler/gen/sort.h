/*
 * compiler/gen/sort.h: a sort that takes no memory.
 *
 * qsort may allocate behind the host's back. Heap sort; not stable, so
 * `compare` must tell all elements apart where their order matters. Elements
 * are at most MF_SORT_SIZE bytes.
 */
#ifndef MF_GEN_SORT_H
#define MF_GEN_SORT_H

#include <stddef.h>

enum { MF_SORT_SIZE = 128 };

void mf_sort(void *items, size_t n, size_t size,
             int (*compare)(const void *a, const void *b));

#endif
