/*
 * compiler/arena/unwind.c: one unwind entry for all code of a zone.
 *
 * backtrace(), exceptions that pass through, and profilers that use the
 * process's unwinder need to know how to find a frame's caller. libtcc writes
 * no unwind tables, but each function that it makes begins with `push %rbp; mov
 * %rsp, %rbp` and keeps that frame to its end, so one rule holds for every
 * instruction behind these two: the caller's frame begins 16 bytes above %rbp,
 * its return address lies 8 below that, its %rbp 16 below. A trace is taken
 * inside a call, thus behind them.
 *
 * The rule is written as a table of one CIE and one FDE that covers the zone,
 * and is registered once per zone: the unwinder walks registered tables one
 * after the other, so an entry per context would make every trace, and every
 * removal, slower with each context. Of the registration the unwinder keeps a
 * few blocks of malloc's, until it is removed.
 *
 * The functions are those of gcc's runtime, which glibc's backtrace() uses too.
 */
#include "compiler/arena/unwind.h"

#include <string.h>

#if defined(__x86_64__)

/* Of gcc's runtime, which has no header for them. */
void __register_frame(void *table);
void __deregister_frame(void *table);

/* Numbers of DWARF: registers, and what a rule's first byte says. */
enum {
    RBP = 6,
    RETURN_ADDRESS = 16,
    DEF_CFA = 0x0c,
    OFFSET = 0x80, /* with the register's number */
    CODE_FACTOR = 1,
    DATA_FACTOR = 0x78 /* -8 as a signed LEB128 */
};

static uint8_t *put_u32(uint8_t *at, size_t value)
{
    uint32_t v = (uint32_t)value;
    memcpy(at, &v, sizeof v);
    return at + sizeof v;
}

static uint8_t *put_u64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

/* Each entry is preceded by its length, a multiple of 8 with that. */
static uint8_t *end_entry(uint8_t *begin, uint8_t *at)
{
    while ((at - begin) % 8)
        *at++ = 0; /* "nothing" */
    put_u32(begin, (size_t)(at - begin) - 4);
    return at;
}

size_t mf_unwind_write(uint8_t *to, const void *base, size_t bytes,
                       int for_debugger)
{
    static const uint8_t rule[] = {
        1,
        0, /* version; no augmentation: addresses are absolute */
        CODE_FACTOR,
        DATA_FACTOR,
        RETURN_ADDRESS,
        DEF_CFA,
        RBP,
        16,
        OFFSET | RBP,
        16 / 8, /* the caller's %rbp */
        OFFSET | RETURN_ADDRESS,
        8 / 8,
    };
    /* What says that an entry is a CIE, and how an FDE refers to it, are not
     * the same in the two forms. */
    uint8_t *at = put_u32(to + 4, for_debugger ? UINT32_MAX : 0);
    memcpy(at, rule, sizeof rule);
    uint8_t *fde = end_entry(to, at + sizeof rule);
    at = put_u32(fde + 4, for_debugger ? 0 : (size_t)(fde + 4 - to));
    at = put_u64(at, (uintptr_t)base);
    at = end_entry(fde, put_u64(at, bytes));
    if (!for_debugger)
        at = put_u32(at, 0); /* the end */
    return (size_t)(at - to);
}

void mf_unwind_add(mf_unwind *u, const void *base, size_t bytes)
{
    memset(u->entry, 0, sizeof u->entry);
    mf_unwind_write(u->entry, base, bytes, 0);
    __register_frame(u->entry);
    u->known = 1;
}

void mf_unwind_remove(mf_unwind *u)
{
    if (u->known)
        __deregister_frame(u->entry);
    u->known = 0;
}

#else

void mf_unwind_add(mf_unwind *u, const void *base, size_t bytes)
{
    (void)base, (void)bytes;
    u->known = 0;
}

void mf_unwind_remove(mf_unwind *u)
{
    (void)u;
}

#endif
