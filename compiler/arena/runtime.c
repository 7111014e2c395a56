/*
 * compiler/arena/runtime.c: what libtcc's code calls without being asked to.
 *
 * libtcc turns some operations into calls: struct copies, conversions between
 * floating point and unsigned 64-bit numbers, variable arguments, alloca. The
 * functions are written here and compiled by the build's compiler, so its own
 * libtcc1.a is not needed. They are found by name (mf_runtime_find), for
 * compiled code only.
 *
 * Threads: any; no state.
 */
#include "compiler/arena/run.h"

#include <string.h>

typedef struct va_state { /* the System V ABI's va_list */
    uint32_t gp_offset;
    uint32_t fp_offset;
    char *overflow;
    char *saved;
} va_state;

enum { IN_REGISTER = 0, IN_SSE = 1, GP_END = 48, FP_END = 48 + 128 };

/* Where the next argument of a variadic function is. `where` is libtcc's class
 * of the type; any but the two above is on the stack. */
static void *va_next(va_state *ap, int where, int size, int align)
{
    unsigned bytes = ((unsigned)size + 7) & ~7u;
    if (where == IN_REGISTER && ap->gp_offset + bytes <= GP_END) {
        char *at = ap->saved + ap->gp_offset;
        ap->gp_offset += bytes;
        return at;
    }
    if (where == IN_SSE) {
        /* libtcc passes up to 16 bytes this way, 8 to a register; the saved
         * registers lie 16 apart, so a pair is brought together. */
        unsigned slots = bytes <= 8 ? 1 : 2;
        if (ap->fp_offset + slots * 16 <= FP_END) {
            char *at = ap->saved + ap->fp_offset;
            if (slots == 2)
                memcpy(at + 8, at + 16, 8);
            ap->fp_offset += slots * 16;
            return at;
        }
    }
    uintptr_t at = (uintptr_t)ap->overflow;
    if (align > 8)
        at = (at + 15) & ~(uintptr_t)15;
    char *place = ap->overflow + (at - (uintptr_t)ap->overflow);
    ap->overflow = place + bytes;
    return place;
}

static double u64_to_double(uint64_t v)
{
    return (double)v;
}

static float u64_to_float(uint64_t v)
{
    return (float)v;
}

static long double u64_to_long_double(uint64_t v)
{
    return (long double)v;
}

/* C leaves a negative or too large value undefined; these give what x86 does
 * for the nearest signed conversion, and never trap. */
static uint64_t long_double_to_u64(long double v)
{
    if (v >= 0x1p63L)
        return v < 0x1p64L ? (uint64_t)v : UINT64_C(1) << 63;
    if (v > -0x1p63L)
        return (uint64_t)(int64_t)v;
    return UINT64_C(1) << 63;
}

static uint64_t double_to_u64(double v)
{
    return long_double_to_u64((long double)v);
}

static uint64_t float_to_u64(float v)
{
    return long_double_to_u64((long double)v);
}

static int64_t long_double_to_i64(long double v)
{
    if (v > -0x1p63L && v < 0x1p63L)
        return (int64_t)v;
    return INT64_MIN;
}

/* Memory of the caller's frame: cannot be written in C. Takes the return
 * address off, lowers the stack pointer, and jumps back. */
#if defined(__x86_64__)
void mf_runtime_alloca(void);
__asm__(".text\n"
        ".p2align 4\n"
        ".globl mf_runtime_alloca\n"
        ".hidden mf_runtime_alloca\n"
        ".type mf_runtime_alloca, @function\n"
        "mf_runtime_alloca:\n"
        "  popq %rdx\n"
        "  leaq 15(%rdi), %rax\n"
        "  andq $-16, %rax\n"
        "  subq %rax, %rsp\n"
        "  movq %rsp, %rax\n"
        "  jmpq *%rdx\n"
        ".size mf_runtime_alloca, . - mf_runtime_alloca\n");
#endif

#define CODE(function) ((const void *)(uintptr_t)(function))

const void *mf_runtime_find(const char *name)
{
    static const mayfly_symbol functions[] = {
        {"__va_arg", CODE(va_next)},
        {"__floatundidf", CODE(u64_to_double)},
        {"__floatundisf", CODE(u64_to_float)},
        {"__floatundixf", CODE(u64_to_long_double)},
        {"__fixunsdfdi", CODE(double_to_u64)},
        {"__fixunssfdi", CODE(float_to_u64)},
        {"__fixunsxfdi", CODE(long_double_to_u64)},
        {"__fixxfdi", CODE(long_double_to_i64)},
#if defined(__x86_64__)
        {"alloca", CODE(mf_runtime_alloca)},
#endif
        {"memcpy", CODE(memcpy)},
        {"memmove", CODE(memmove)},
        {"memset", CODE(memset)},
        {"memcmp", CODE(memcmp)},
        {"strlen", CODE(strlen)},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].address;
    }
    return NULL;
}
