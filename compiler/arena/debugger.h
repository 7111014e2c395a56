/*
 * compiler/arena/debugger.h: gdb finds its way through generated code.
 *
 * Threads: any.
 */
#ifndef MF_ARENA_DEBUGGER_H
#define MF_ARENA_DEBUGGER_H

#include <stddef.h>
#include <stdint.h>

enum { MF_DEBUGGER_BYTES = 1024 };

/* The entry of gdb's interface; its layout is gdb's. */
typedef struct mf_jit_entry {
    struct mf_jit_entry *next, *prev;
    const void *file;
    uint64_t bytes;
} mf_jit_entry;

/* One zone, as gdb is told of it. Must not move until it is taken away. */
typedef struct mf_debugger {
    mf_jit_entry entry;
    _Alignas(8) uint8_t file[MF_DEBUGGER_BYTES]; /* an ELF object */
    int known;
} mf_debugger;

void mf_debugger_add(mf_debugger *d, const void *base, size_t bytes);
void mf_debugger_remove(mf_debugger *d);

#endif
