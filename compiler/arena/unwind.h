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

/* The same as a table, of at most MF_UNWIND_BYTES: .eh_frame, or .debug_frame
 * for a debugger. Returns its length; only where such tables are known
 * (x86-64). */
size_t mf_unwind_write(uint8_t *to, const void *base, size_t bytes,
                       int for_debugger);

#endif
