/*
 * compiler/arena/unwind.h: stack traces through generated code.
 *
 * Threads: any.
 */
#ifndef MF_ARENA_UNWIND_H
#define MF_ARENA_UNWIND_H

#include <stddef.h>
#include <stdint.h>

enum { MF_UNWIND_BYTES = 96 };

/* One entry; the process's unwinder refers to it until it is removed, so it
 * must not move. */
typedef struct mf_unwind {
    _Alignas(8) uint8_t entry[MF_UNWIND_BYTES];
    int known; /* to the unwinder */
} mf_unwind;

/* Tells the unwinder that all frames with code in [base, base + bytes) are kept
 * by the frame pointer. */
void mf_unwind_add(mf_unwind *u, const void *base, size_t bytes);
void mf_unwind_remove(mf_unwind *u);

#endif
