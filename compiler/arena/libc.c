/*
 * compiler/arena/libc.c: the functions of libc that compiled code may use.
 *
 * This list is a contract, not a sandbox: handler source is trusted as a
 * plug-in is. A name that is not here, nor among the symbols that the caller
 * gives, is unresolved, and the error says so. The list leaves out what would
 * outlast the code or end the process behind the host's back: exit and atexit,
 * new threads, thread keys, signal handlers, fork and exec.
 *
 * The names are sorted as strcmp does; a test looks up each.
 */
#include "compiler/arena/run.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* What the headers' macros call and do not declare for us. */
extern int __xpg_strerror_r(int code, char *to, size_t n);
extern int __isoc99_fscanf(FILE *file, const char *format, ...);
extern int __isoc99_sscanf(const char *text, const char *format, ...);
extern int __isoc99_vsscanf(const char *text, const char *format, va_list ap);

#undef stdin
#undef stdout
#undef stderr

#define CODE(name) {#name, (const void *)(uintptr_t)(name)},
#define OBJECT(name) {#name, &name},

/* clang-format off */
static const mayfly_symbol functions[] = {
    CODE(__assert_fail) CODE(__ctype_b_loc) CODE(__ctype_tolower_loc)
    CODE(__ctype_toupper_loc) CODE(__errno_location) CODE(__finite)
    CODE(__finitef) CODE(__fpclassify) CODE(__fpclassifyf) CODE(__isinf)
    CODE(__isinff) CODE(__isnan) CODE(__isnanf) CODE(__isoc99_fscanf)
    CODE(__isoc99_sscanf) CODE(__isoc99_vsscanf) CODE(__signbit)
    CODE(__signbitf) CODE(__xpg_strerror_r) CODE(_setjmp) CODE(abort) CODE(abs)
    CODE(access) CODE(acos) CODE(acosf) CODE(acosh) CODE(aligned_alloc)
    CODE(asctime_r) CODE(asin) CODE(asinf) CODE(asinh) CODE(atan) CODE(atan2)
    CODE(atan2f) CODE(atanf) CODE(atanh) CODE(atof) CODE(atoi) CODE(atol)
    CODE(atoll) CODE(bcmp) CODE(bsearch) CODE(bzero) CODE(calloc) CODE(cbrt)
    CODE(cbrtf) CODE(ceil) CODE(ceilf) CODE(ceill) CODE(clearerr) CODE(clock)
    CODE(clock_getres) CODE(clock_gettime) CODE(close) CODE(copysign)
    CODE(copysignf) CODE(cos) CODE(cosf) CODE(cosh) CODE(ctime_r)
    CODE(difftime) CODE(div) CODE(dprintf) CODE(erf) CODE(erfc) CODE(exp)
    CODE(exp2) CODE(expf) CODE(explicit_bzero) CODE(expm1) CODE(fabs)
    CODE(fabsf) CODE(fabsl) CODE(fclose) CODE(fdim) CODE(fdopen) CODE(feof)
    CODE(ferror) CODE(fflush) CODE(ffs) CODE(fgetc) CODE(fgets) CODE(fileno)
    CODE(floor) CODE(floorf) CODE(floorl) CODE(fma) CODE(fmax) CODE(fmaxf)
    CODE(fmin) CODE(fminf) CODE(fmod) CODE(fmodf) CODE(fmodl) CODE(fopen)
    CODE(fprintf) CODE(fputc) CODE(fputs) CODE(fread) CODE(free) CODE(frexp)
    CODE(fseek) CODE(fstat) CODE(ftell) CODE(fwrite) CODE(getc) CODE(getchar)
    CODE(getenv) CODE(geteuid) CODE(gethostname) CODE(getline) CODE(getpid)
    CODE(getppid) CODE(gettimeofday) CODE(getuid) CODE(gmtime) CODE(gmtime_r)
    CODE(hypot) CODE(hypotf) CODE(ilogb) CODE(imaxabs) CODE(index)
    CODE(isalnum) CODE(isalpha) CODE(isatty) CODE(isblank) CODE(iscntrl)
    CODE(isdigit) CODE(isgraph) CODE(islower) CODE(isprint) CODE(ispunct)
    CODE(isspace) CODE(isupper) CODE(isxdigit) CODE(labs) CODE(ldexp)
    CODE(ldiv) CODE(lgamma) CODE(llabs) CODE(lldiv) CODE(llrint) CODE(llround)
    CODE(localtime) CODE(localtime_r) CODE(log) CODE(log10) CODE(log10f)
    CODE(log1p) CODE(log2) CODE(log2f) CODE(logb) CODE(logf) CODE(longjmp)
    CODE(lrint) CODE(lround) CODE(lseek) CODE(malloc) CODE(memccpy)
    CODE(memchr) CODE(memcmp) CODE(memcpy) CODE(memmem) CODE(memmove)
    CODE(mempcpy) CODE(memrchr) CODE(memset) CODE(mktime) CODE(modf)
    CODE(modff) CODE(nan) CODE(nanosleep) CODE(nearbyint) CODE(nextafter)
    CODE(open) CODE(perror) CODE(posix_memalign) CODE(pow) CODE(powf)
    CODE(powl) CODE(pread) CODE(printf) CODE(pthread_cond_broadcast)
    CODE(pthread_cond_destroy) CODE(pthread_cond_init)
    CODE(pthread_cond_signal) CODE(pthread_cond_timedwait)
    CODE(pthread_cond_wait) CODE(pthread_mutex_destroy)
    CODE(pthread_mutex_init) CODE(pthread_mutex_lock)
    CODE(pthread_mutex_trylock) CODE(pthread_mutex_unlock) CODE(pthread_once)
    CODE(pthread_rwlock_destroy) CODE(pthread_rwlock_init)
    CODE(pthread_rwlock_rdlock) CODE(pthread_rwlock_unlock)
    CODE(pthread_rwlock_wrlock) CODE(pthread_self) CODE(putc) CODE(putchar)
    CODE(puts) CODE(pwrite) CODE(qsort) CODE(rand) CODE(rand_r) CODE(random)
    CODE(read) CODE(realloc) CODE(reallocarray) CODE(remainder) CODE(remove)
    CODE(rename) CODE(rewind) CODE(rindex) CODE(rint) CODE(rintf) CODE(round)
    CODE(roundf) CODE(roundl) CODE(scalbn) CODE(setvbuf) CODE(sin) CODE(sinf)
    CODE(sinh) CODE(sleep) CODE(snprintf) CODE(sprintf) CODE(sqrt) CODE(sqrtf)
    CODE(sqrtl) CODE(srand) CODE(srandom) CODE(sscanf) CODE(stat)
    OBJECT(stderr) OBJECT(stdin) OBJECT(stdout) CODE(stpcpy) CODE(stpncpy)
    CODE(strcasecmp) CODE(strcasestr) CODE(strcat) CODE(strchr) CODE(strchrnul)
    CODE(strcmp) CODE(strcoll) CODE(strcpy) CODE(strcspn) CODE(strdup)
    CODE(strerror) CODE(strerror_l) CODE(strftime) CODE(strlen)
    CODE(strncasecmp) CODE(strncat) CODE(strncmp) CODE(strncpy) CODE(strndup)
    CODE(strnlen) CODE(strpbrk) CODE(strrchr) CODE(strsep) CODE(strsignal)
    CODE(strspn) CODE(strstr) CODE(strtod) CODE(strtof) CODE(strtoimax)
    CODE(strtok) CODE(strtok_r) CODE(strtol) CODE(strtold) CODE(strtoll)
    CODE(strtoul) CODE(strtoull) CODE(strtoumax) CODE(strxfrm) CODE(tan)
    CODE(tanf) CODE(tanh) CODE(tgamma) CODE(time) CODE(timegm) CODE(tolower)
    CODE(toupper) CODE(trunc) CODE(truncf) CODE(truncl) CODE(ungetc)
    CODE(unlink) CODE(usleep) CODE(vdprintf) CODE(vfprintf) CODE(vprintf)
    CODE(vsnprintf) CODE(vsprintf) CODE(vsscanf) CODE(write)
};
/* clang-format on */

const void *mf_libc_find(const char *name)
{
    size_t low = 0, high = sizeof functions / sizeof functions[0];
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(functions[mid].name, name);
        if (order == 0)
            return functions[mid].address;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const char *mf_libc_name(size_t i)
{
    size_t n = sizeof functions / sizeof functions[0];
    return i < n ? functions[i].name : NULL;
}
