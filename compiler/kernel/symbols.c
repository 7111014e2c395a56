/*
 * compiler/kernel/symbols.c: what generated code is linked to.
 *
 * The whole list of functions that a generated unit may call: the kernels of
 * stub.h, and the few of libc that libtcc makes calls to by itself. There are
 * two constant lists, one per variant; the processor is looked at when one is
 * asked for.
 */
#include "compiler/kernel/codec.h"
#include "compiler/kernel/variant.h"

#include <string.h>

bool mf_has_fast_pext(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    /* The first Zen generations have the instruction in slow microcode. */
    return __builtin_cpu_supports("bmi2") && !__builtin_cpu_is("znver1") &&
           !__builtin_cpu_is("znver2");
#else
    return false;
#endif
}

/* ISO C has no conversion from a function to an object pointer; POSIX, which
 * dlsym rests on, does. */
#define SYMBOL(name, function)                                                 \
    {                                                                          \
        name, __extension__(const void *)(uintptr_t) function                  \
    }

#define COMMON                                                                 \
    SYMBOL("mf_put_room", mf_put_room),                                        \
        SYMBOL("mf_put_fixed32", mf_put_fixed32),                              \
        SYMBOL("mf_put_fixed64", mf_put_fixed64),                              \
        SYMBOL("mf_put_real", mf_put_real),                                    \
        SYMBOL("mf_put_precise", mf_put_precise),                              \
        SYMBOL("mf_put_string", mf_put_string),                                \
        SYMBOL("mf_put_bytes", mf_put_bytes),                                  \
        SYMBOL("mf_put_message", mf_put_message),                              \
        SYMBOL("mf_put_messages", mf_put_messages),                            \
        SYMBOL("mf_put_strings", mf_put_strings),                              \
        SYMBOL("mf_put_byteses", mf_put_byteses),                              \
        SYMBOL("mf_put_packed", mf_put_packed),                                \
        SYMBOL("mf_put_repeated", mf_put_repeated),                            \
        SYMBOL("mf_put_unknown", mf_put_unknown),                              \
        SYMBOL("mf_stub_encode", mf_stub_encode),                              \
        SYMBOL("mf_stub_decode", mf_stub_decode),                              \
        SYMBOL("mf_stub_new", mf_stub_new), SYMBOL("memcpy", memcpy),          \
        SYMBOL("memset", memset), SYMBOL("memmove", memmove)

#define SCALARS(suffix)                                                        \
    SYMBOL("mf_put_varint", mf_put_varint##suffix),                            \
        SYMBOL("mf_put_zigzag", mf_put_zigzag##suffix)

const mayfly_symbol *mf_kernel_symbols(size_t *ret_n)
{
    static const mayfly_symbol plain[] = {COMMON, SCALARS()};
#if defined(__x86_64__)
    static const mayfly_symbol pdep[] = {COMMON, SCALARS(_pdep)};

    if (mf_has_fast_pext()) {
        *ret_n = sizeof(pdep) / sizeof(pdep[0]);
        return pdep;
    }
#endif
    *ret_n = sizeof(plain) / sizeof(plain[0]);
    return plain;
}
