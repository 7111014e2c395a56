/*
 * compiler/arena/types.h: libtcc's symbols and types, as its binary has them.
 *
 * Not an interface of libtcc's: these are the layouts and numbers of the one
 * version that libtcc.mk relinks. Each use has a test that fails where they are
 * others.
 */
#ifndef MF_ARENA_TYPES_H
#define MF_ARENA_TYPES_H

#include <stdint.h>

typedef struct mf_tcc_sym mf_tcc_sym;

typedef struct mf_tcc_type {
    int flags;
    const mf_tcc_sym *of; /* struct: its own symbol; pointer, array: one with
                             the type it is of; function: one with the type it
                             returns, followed by its parameters */
} mf_tcc_type;

enum {
    MF_TCC_BASIC = 0x000f, /* of a type's flags: which one it is */
    MF_TCC_VOID = 0,
    MF_TCC_BYTE = 1,
    MF_TCC_SHORT = 2,
    MF_TCC_INT = 3,
    MF_TCC_LLONG = 4,
    MF_TCC_PTR = 5,
    MF_TCC_FUNC = 6,
    MF_TCC_STRUCT = 7,
    MF_TCC_FLOAT = 8,
    MF_TCC_DOUBLE = 9,
    MF_TCC_LDOUBLE = 10,
    MF_TCC_BOOL = 11,
    MF_TCC_UNSIGNED = 0x0010,
    MF_TCC_ARRAY = 0x0040, /* with MF_TCC_PTR */
    MF_TCC_BITFIELD = 0x0080,
    MF_TCC_VLA = 0x0400,
    MF_TCC_LONG = 0x0800,
    MF_TCC_STATIC = 0x2000,
    MF_TCC_UNION = 1 << 20, /* of MF_TCC_STRUCT */
    MF_TCC_BIT_AT = 20, /* shifts: of a bit-field's first bit and its length, */
    MF_TCC_BIT_SIZE = 26,
    MF_TCC_BITS = 0x3f /* which are so long */
};

/* A name is the number of its token, with flags. */
enum {
    MF_TCC_ANONYMOUS = 0x10000000, /* from here on: no names */
    MF_TCC_FIELD = 0x20000000,     /* part of a type */
    MF_TCC_TAG = 0x40000000
};

struct mf_tcc_sym {
    int name;
    uint16_t align; /* of a struct */
    uint16_t attributes;
    int at; /* a member's offset, a struct's size, an array's length */
    int unused;
    mf_tcc_type type;
    const mf_tcc_sym *next; /* member, parameter */
    const mf_tcc_sym *prev;
    const mf_tcc_sym *prev_same;
};

/* On its stack of values; 64 bytes. */
typedef struct mf_tcc_value {
    _Alignas(16) mf_tcc_type type;
    uint16_t where, where2; /* flags */
    _Alignas(16) unsigned char constant[16];
    const mf_tcc_sym *sym;
} mf_tcc_value;

enum {
    MF_TCC_PLACE = 0x003f, /* of `where`: a register, below all of these, ... */
    MF_TCC_CONST = 0x0030,
    MF_TCC_LOCAL = 0x0032, /* a variable of the function's */
    MF_TCC_FLAGS = 0x0033, /* of a comparison */
    MF_TCC_JUMPS = 0x0035, /* that, and one before */
    MF_TCC_LVALUE = 0x0100,
    MF_TCC_SYMBOL = 0x0200, /* ... and beside it, `sym` */
    MF_TCC_ANY_INTEGER = 1  /* any register for integers */
};

enum { MF_TCC_TOK_SWITCH = 271 };

#endif
