/*
 * compiler/arena/headers.c: the text that every source begins with, and the
 * standard headers that need no system.
 *
 * libtcc's own predefined text is long, because it must suit any program; it is
 * read again for every source. This one has what the standard asks for and what
 * the headers below need. What glibc's headers need beside is added when they
 * can be included. Everything that concerns variable arguments is in
 * <stdarg.h>: the layout is that of the System V ABI; libtcc leaves a filled-in
 * one 24 bytes below the frame pointer of a variadic function.
 */
#include "compiler/arena/run.h"

#include <string.h>

#define PREDEFS                                                                \
    "#define __STDC__ 1\n"                                                     \
    "#define __STDC_VERSION__ 201112L\n"                                       \
    "#define __STDC_HOSTED__ 1\n"                                              \
    "#define __STDC_NO_ATOMICS__ 1\n"                                          \
    "#define __STDC_NO_COMPLEX__ 1\n"                                          \
    "#define __STDC_NO_THREADS__ 1\n"                                          \
    "#define __TINYC__ 927\n"                                                  \
    "#define __x86_64__ 1\n"                                                   \
    "#define __linux__ 1\n"                                                    \
    "#define __unix__ 1\n"                                                     \
    "#define __LP64__ 1\n"                                                     \
    "#define __CHAR_BIT__ 8\n"                                                 \
    "#define __SIZE_TYPE__ unsigned long\n"                                    \
    "#define __PTRDIFF_TYPE__ long\n"

#define PREDEFS_SYSTEM                                                         \
    "#define __WCHAR_TYPE__ int\n"                                             \
    "#define __WINT_TYPE__ unsigned int\n"                                     \
    "#define __INT_MAX__ 0x7fffffff\n"                                         \
    "#define __LONG_MAX__ 0x7fffffffffffffffL\n"                               \
    "#define __LONG_LONG_MAX__ 0x7fffffffffffffffLL\n"                         \
    "#define __SIZEOF_INT__ 4\n"                                               \
    "#define __SIZEOF_LONG__ 8\n"                                              \
    "#define __SIZEOF_LONG_LONG__ 8\n"                                         \
    "#define __SIZEOF_POINTER__ 8\n"                                           \
    "#define __ORDER_LITTLE_ENDIAN__ 1234\n"                                   \
    "#define __ORDER_BIG_ENDIAN__ 4321\n"                                      \
    "#define __BYTE_ORDER__ __ORDER_LITTLE_ENDIAN__\n"                         \
    "#define __REDIRECT(name,proto,alias) name proto __asm__(#alias)\n"        \
    "#define __REDIRECT_NTH(name,proto,alias) "                                \
    "name proto __asm__(#alias) __THROW\n"                                     \
    "#define __builtin_offsetof(type,field) "                                  \
    "((__SIZE_TYPE__)&((type*)0)->field)\n"                                    \
    "#define __builtin_extract_return_addr(x) x\n"                             \
    "#define _REGEX_NELTS(n)\n" /* a length that another parameter tells */    \
    "#define __builtin_alloca alloca\n"                                        \
    "void*alloca(__SIZE_TYPE__);\n"                                            \
    "void*__builtin_memcpy(void*,const void*,__SIZE_TYPE__)"                   \
    "__asm__(\"memcpy\");\n"                                                   \
    "void*__builtin_memmove(void*,const void*,__SIZE_TYPE__)"                  \
    "__asm__(\"memmove\");\n"                                                  \
    "void*__builtin_memset(void*,int,__SIZE_TYPE__)__asm__(\"memset\");\n"     \
    "int __builtin_memcmp(const void*,const void*,__SIZE_TYPE__)"              \
    "__asm__(\"memcmp\");\n"                                                   \
    "int __builtin_strcmp(const char*,const char*)__asm__(\"strcmp\");\n"      \
    "__SIZE_TYPE__ __builtin_strlen(const char*)__asm__(\"strlen\");\n"        \
    "void __builtin_abort(void)__asm__(\"abort\");\n"

/* Begins the part of the image that is not code on a page of its own. */
#define MARK "static __attribute__((aligned(4096))) char mf_data_begin=1;\n"

/* The three standard headers that system headers rely on are ours always. */
#define STDARG                                                                 \
    "#ifndef MF_STDARG\n"                                                      \
    "#define MF_STDARG\n"                                                      \
    "typedef struct{unsigned gp_offset,fp_offset;char*overflow_arg_area,"      \
    "*reg_save_area;}__builtin_va_list[1];\n"                                  \
    "typedef __builtin_va_list va_list;\n"                                     \
    "typedef __builtin_va_list __gnuc_va_list;\n"                              \
    "#define _VA_LIST_DEFINED\n"                                               \
    "void*__va_arg(__builtin_va_list,int,int,int);\n"                          \
    "#define va_start(ap,last) (*(ap)=*(__builtin_va_list)"                    \
    "((char*)__builtin_frame_address(0)-24))\n"                                \
    "#define va_arg(ap,type) (*(type*)(__va_arg(ap,"                           \
    "__builtin_va_arg_types(type),sizeof(type),__alignof__(type))))\n"         \
    "#define va_copy(to,from) (*(to)=*(from))\n"                               \
    "#define va_end(ap) ((void)(ap))\n"                                        \
    "#define __builtin_va_start va_start\n"                                    \
    "#define __builtin_va_arg va_arg\n"                                        \
    "#define __builtin_va_copy va_copy\n"                                      \
    "#define __builtin_va_end va_end\n"                                        \
    "#endif\n"

/* glibc asks for single types of this header by __need_ macros; giving all of
 * them is allowed in practice and what other small compilers do. */
#define STDDEF                                                                 \
    "#ifndef MF_STDDEF\n"                                                      \
    "#define MF_STDDEF\n"                                                      \
    "typedef __SIZE_TYPE__ size_t;\n"                                          \
    "typedef __PTRDIFF_TYPE__ ptrdiff_t;\n"                                    \
    "typedef int wchar_t;\n"                                                   \
    "typedef unsigned int wint_t;\n"                                           \
    "typedef union{long long i;long double f;}max_align_t;\n"                  \
    "#define NULL ((void*)0)\n"                                                \
    "#define offsetof(type,field) ((__SIZE_TYPE__)&((type*)0)->field)\n"       \
    "#endif\n"                                                                 \
    "#undef __need_size_t\n"                                                   \
    "#undef __need_wchar_t\n"                                                  \
    "#undef __need_wint_t\n"                                                   \
    "#undef __need_ptrdiff_t\n"                                                \
    "#undef __need_NULL\n"

#define STDBOOL                                                                \
    "#ifndef MF_STDBOOL\n"                                                     \
    "#define MF_STDBOOL\n"                                                     \
    "#define bool _Bool\n"                                                     \
    "#define true 1\n"                                                         \
    "#define false 0\n"                                                        \
    "#define __bool_true_false_are_defined 1\n"                                \
    "#endif\n"

#define STDALIGN                                                               \
    "#ifndef MF_STDALIGN\n"                                                    \
    "#define MF_STDALIGN\n"                                                    \
    "#define alignas _Alignas\n"                                               \
    "#define alignof _Alignof\n"                                               \
    "#define __alignas_is_defined 1\n"                                         \
    "#define __alignof_is_defined 1\n"                                         \
    "#endif\n"

#define STDNORETURN                                                            \
    "#ifndef MF_STDNORETURN\n"                                                 \
    "#define MF_STDNORETURN\n"                                                 \
    "#define noreturn _Noreturn\n"                                             \
    "#endif\n"

#define ISO646                                                                 \
    "#ifndef MF_ISO646\n"                                                      \
    "#define MF_ISO646\n"                                                      \
    "#define and &&\n"                                                         \
    "#define and_eq &=\n"                                                      \
    "#define bitand &\n"                                                       \
    "#define bitor |\n"                                                        \
    "#define compl ~\n"                                                        \
    "#define not !\n"                                                          \
    "#define not_eq !=\n"                                                      \
    "#define or ||\n"                                                          \
    "#define or_eq |=\n"                                                       \
    "#define xor ^\n"                                                          \
    "#define xor_eq ^=\n"                                                      \
    "#endif\n"

#define FLOAT                                                                  \
    "#ifndef MF_FLOAT\n"                                                       \
    "#define MF_FLOAT\n"                                                       \
    "#define FLT_RADIX 2\n"                                                    \
    "#define FLT_ROUNDS 1\n"                                                   \
    "#define FLT_EVAL_METHOD 0\n"                                              \
    "#define DECIMAL_DIG 21\n"                                                 \
    "#define FLT_MANT_DIG 24\n"                                                \
    "#define FLT_DIG 6\n"                                                      \
    "#define FLT_MIN_EXP (-125)\n"                                             \
    "#define FLT_MIN_10_EXP (-37)\n"                                           \
    "#define FLT_MAX_EXP 128\n"                                                \
    "#define FLT_MAX_10_EXP 38\n"                                              \
    "#define FLT_MAX 0x1.fffffep127F\n"                                        \
    "#define FLT_MIN 0x1p-126F\n"                                              \
    "#define FLT_EPSILON 0x1p-23F\n"                                           \
    "#define DBL_MANT_DIG 53\n"                                                \
    "#define DBL_DIG 15\n"                                                     \
    "#define DBL_MIN_EXP (-1021)\n"                                            \
    "#define DBL_MIN_10_EXP (-307)\n"                                          \
    "#define DBL_MAX_EXP 1024\n"                                               \
    "#define DBL_MAX_10_EXP 308\n"                                             \
    "#define DBL_MAX 0x1.fffffffffffffp1023\n"                                 \
    "#define DBL_MIN 0x1p-1022\n"                                              \
    "#define DBL_EPSILON 0x1p-52\n"                                            \
    "#define LDBL_MANT_DIG 64\n"                                               \
    "#define LDBL_DIG 18\n"                                                    \
    "#define LDBL_MIN_EXP (-16381)\n"                                          \
    "#define LDBL_MIN_10_EXP (-4931)\n"                                        \
    "#define LDBL_MAX_EXP 16384\n"                                             \
    "#define LDBL_MAX_10_EXP 4932\n"                                           \
    "#define LDBL_MAX 1.18973149535723176502e+4932L\n"                         \
    "#define LDBL_MIN 3.36210314311209350626e-4932L\n"                         \
    "#define LDBL_EPSILON 1.08420217248550443401e-19L\n"                       \
    "#endif\n"

#define STDINT                                                                 \
    "#ifndef MF_STDINT\n"                                                      \
    "#define MF_STDINT\n"                                                      \
    "typedef signed char int8_t;\n"                                            \
    "typedef short int16_t;\n"                                                 \
    "typedef int int32_t;\n"                                                   \
    "typedef long int64_t;\n"                                                  \
    "typedef unsigned char uint8_t;\n"                                         \
    "typedef unsigned short uint16_t;\n"                                       \
    "typedef unsigned int uint32_t;\n"                                         \
    "typedef unsigned long uint64_t;\n"                                        \
    "typedef long intptr_t;\n"                                                 \
    "typedef unsigned long uintptr_t;\n"                                       \
    "typedef long intmax_t;\n"                                                 \
    "typedef unsigned long uintmax_t;\n"                                       \
    "#define INT8_MIN (-128)\n"                                                \
    "#define INT16_MIN (-32768)\n"                                             \
    "#define INT32_MIN (-2147483647-1)\n"                                      \
    "#define INT64_MIN (-9223372036854775807L-1)\n"                            \
    "#define INT8_MAX 127\n"                                                   \
    "#define INT16_MAX 32767\n"                                                \
    "#define INT32_MAX 2147483647\n"                                           \
    "#define INT64_MAX 9223372036854775807L\n"                                 \
    "#define UINT8_MAX 255\n"                                                  \
    "#define UINT16_MAX 65535\n"                                               \
    "#define UINT32_MAX 4294967295U\n"                                         \
    "#define UINT64_MAX 18446744073709551615UL\n"                              \
    "#define INTPTR_MIN INT64_MIN\n"                                           \
    "#define INTPTR_MAX INT64_MAX\n"                                           \
    "#define UINTPTR_MAX UINT64_MAX\n"                                         \
    "#define INTMAX_MIN INT64_MIN\n"                                           \
    "#define INTMAX_MAX INT64_MAX\n"                                           \
    "#define UINTMAX_MAX UINT64_MAX\n"                                         \
    "#define PTRDIFF_MIN INT64_MIN\n"                                          \
    "#define PTRDIFF_MAX INT64_MAX\n"                                          \
    "#define SIZE_MAX UINT64_MAX\n"                                            \
    "#define INT8_C(x) x\n"                                                    \
    "#define INT16_C(x) x\n"                                                   \
    "#define INT32_C(x) x\n"                                                   \
    "#define INT64_C(x) x##L\n"                                                \
    "#define UINT8_C(x) x\n"                                                   \
    "#define UINT16_C(x) x\n"                                                  \
    "#define UINT32_C(x) x##U\n"                                               \
    "#define UINT64_C(x) x##UL\n"                                              \
    "#define INTMAX_C(x) x##L\n"                                               \
    "#define UINTMAX_C(x) x##UL\n"                                             \
    "#endif\n"

#define LIMITS                                                                 \
    "#ifndef MF_LIMITS\n"                                                      \
    "#define MF_LIMITS\n"                                                      \
    "#define CHAR_BIT 8\n"                                                     \
    "#define SCHAR_MIN (-128)\n"                                               \
    "#define SCHAR_MAX 127\n"                                                  \
    "#define UCHAR_MAX 255\n"                                                  \
    "#define CHAR_MIN SCHAR_MIN\n"                                             \
    "#define CHAR_MAX SCHAR_MAX\n"                                             \
    "#define MB_LEN_MAX 16\n"                                                  \
    "#define SHRT_MIN (-32768)\n"                                              \
    "#define SHRT_MAX 32767\n"                                                 \
    "#define USHRT_MAX 65535\n"                                                \
    "#define INT_MIN (-2147483647-1)\n"                                        \
    "#define INT_MAX 2147483647\n"                                             \
    "#define UINT_MAX 4294967295U\n"                                           \
    "#define LONG_MIN (-9223372036854775807L-1)\n"                             \
    "#define LONG_MAX 9223372036854775807L\n"                                  \
    "#define ULONG_MAX 18446744073709551615UL\n"                               \
    "#define LLONG_MIN (-9223372036854775807LL-1)\n"                           \
    "#define LLONG_MAX 9223372036854775807LL\n"                                \
    "#define ULLONG_MAX 18446744073709551615ULL\n"                             \
    "#endif\n"

#define STRING                                                                 \
    "#ifndef MF_STRING\n"                                                      \
    "#define MF_STRING\n"                                                      \
    "#include <stddef.h>\n"                                                    \
    "void*memcpy(void*,const void*,size_t);\n"                                 \
    "void*memmove(void*,const void*,size_t);\n"                                \
    "void*memset(void*,int,size_t);\n"                                         \
    "int memcmp(const void*,const void*,size_t);\n"                            \
    "void*memchr(const void*,int,size_t);\n"                                   \
    "size_t strlen(const char*);\n"                                            \
    "int strcmp(const char*,const char*);\n"                                   \
    "int strncmp(const char*,const char*,size_t);\n"                           \
    "char*strchr(const char*,int);\n"                                          \
    "char*strrchr(const char*,int);\n"                                         \
    "char*strstr(const char*,const char*);\n"                                  \
    "char*strcpy(char*,const char*);\n"                                        \
    "char*strncpy(char*,const char*,size_t);\n"                                \
    "char*strcat(char*,const char*);\n"                                        \
    "#endif\n"

const char *mf_builtin_header(const char *name, int system_includes)
{
    static const struct {
        const char *name;
        int always; /* even where the system's could be included */
        const char *text;
    } headers[] = {
        {"stdarg.h", 1, STDARG},     {"stddef.h", 1, STDDEF},
        {"stdbool.h", 1, STDBOOL},   {"float.h", 1, FLOAT},
        {"stdalign.h", 1, STDALIGN}, {"stdnoreturn.h", 1, STDNORETURN},
        {"iso646.h", 1, ISO646},     {"stdint.h", 0, STDINT},
        {"limits.h", 0, LIMITS},     {"string.h", 0, STRING},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        if (strcmp(name, headers[i].name) == 0 &&
            (headers[i].always || !system_includes))
            return headers[i].text;
    }
    return NULL;
}

const char *mf_predefs(int system_includes, int marked)
{
    if (system_includes)
        return marked ? PREDEFS PREDEFS_SYSTEM MARK : PREDEFS PREDEFS_SYSTEM;
    return marked ? PREDEFS MARK : PREDEFS;
}
