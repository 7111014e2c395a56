/*
 * compiler/arena/libc.c: the functions of libc that compiled code may use.
 *
 * This list is a contract, not a sandbox: handler source is trusted as a
 * plug-in is. A name that is not here, nor among the symbols that the caller
 * gives, is unresolved, and the error says so. What would outlast the code or
 * end the process behind the host's back is wrapped (proxy/program/program.h) and so is
 * not here: exit and atexit, new threads, thread keys, signal handlers, timers.
 * Nor is what changes the process as a whole: fork and exec, the environment,
 * the locale, the working directory.
 *
 * The names are sorted as strcmp does; a test looks up each.
 */
#include "compiler/arena/run.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <sched.h>
#include <search.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

/* What the headers' macros call and do not declare for us. */
extern int __xpg_strerror_r(int code, char *to, size_t n);
extern int __isoc99_fscanf(FILE *file, const char *format, ...);
extern int __isoc99_scanf(const char *format, ...);
extern int __isoc99_vfscanf(FILE *file, const char *format, va_list ap);
extern int __isoc99_vscanf(const char *format, va_list ap);
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
    CODE(__finitef) CODE(__finitel) CODE(__fpclassify) CODE(__fpclassifyf)
    CODE(__fpclassifyl) CODE(__isinf) CODE(__isinff) CODE(__isinfl)
    CODE(__isnan) CODE(__isnanf) CODE(__isnanl) CODE(__isoc99_fscanf)
    CODE(__isoc99_scanf) CODE(__isoc99_sscanf) CODE(__isoc99_vfscanf)
    CODE(__isoc99_vscanf) CODE(__isoc99_vsscanf) CODE(__pthread_register_cancel)
    CODE(__pthread_unregister_cancel) CODE(__pthread_unwind_next)
    CODE(__signbit) CODE(__signbitf) CODE(__signbitl) CODE(__sigsetjmp)
    CODE(__xpg_strerror_r) CODE(_setjmp) CODE(abort) CODE(abs) CODE(accept)
    CODE(access) CODE(acos) CODE(acosf) CODE(acosh) CODE(acoshf) CODE(acosl)
    CODE(aligned_alloc) CODE(asctime) CODE(asctime_r) CODE(asin) CODE(asinf)
    CODE(asinh) CODE(asinhf) CODE(asinl) CODE(asprintf) CODE(atan) CODE(atan2)
    CODE(atan2f) CODE(atan2l) CODE(atanf) CODE(atanh) CODE(atanhf) CODE(atanl)
    CODE(atof) CODE(atoi) CODE(atol) CODE(atoll) CODE(bcmp) CODE(bind)
    CODE(bsearch) CODE(btowc) CODE(bzero) CODE(calloc) CODE(cbrt) CODE(cbrtf)
    CODE(cbrtl) CODE(ceil) CODE(ceilf) CODE(ceill) CODE(chmod) CODE(clearerr)
    CODE(clock) CODE(clock_getres) CODE(clock_gettime) CODE(clock_nanosleep)
    CODE(close) CODE(closedir) CODE(connect) CODE(copysign) CODE(copysignf)
    CODE(copysignl) CODE(cos) CODE(cosf) CODE(cosh) CODE(coshf) CODE(cosl)
    CODE(creat) CODE(ctime) CODE(ctime_r) CODE(difftime) CODE(dirfd) CODE(div)
    CODE(dprintf) CODE(drand48) CODE(dup) CODE(dup2) CODE(dup3) OBJECT(environ)
    CODE(erf) CODE(erfc) CODE(erfcf) CODE(erff) CODE(exp) CODE(exp2) CODE(exp2f)
    CODE(exp2l) CODE(expf) CODE(expl) CODE(explicit_bzero) CODE(expm1)
    CODE(expm1f) CODE(expm1l) CODE(fabs) CODE(fabsf) CODE(fabsl) CODE(fchmod)
    CODE(fclose) CODE(fcntl) CODE(fdatasync) CODE(fdim) CODE(fdimf) CODE(fdopen)
    CODE(feof) CODE(feof_unlocked) CODE(ferror) CODE(ferror_unlocked)
    CODE(fflush) CODE(ffs) CODE(fgetc) CODE(fgetc_unlocked) CODE(fgetpos)
    CODE(fgets) CODE(fgets_unlocked) CODE(fgetwc) CODE(fileno) CODE(flockfile)
    CODE(floor) CODE(floorf) CODE(floorl) CODE(fma) CODE(fmal) CODE(fmax)
    CODE(fmaxf) CODE(fmaxl) CODE(fmemopen) CODE(fmin) CODE(fminf) CODE(fminl)
    CODE(fmod) CODE(fmodf) CODE(fmodl) CODE(fnmatch) CODE(fopen) CODE(fprintf)
    CODE(fputc) CODE(fputc_unlocked) CODE(fputs) CODE(fputs_unlocked)
    CODE(fputwc) CODE(fread) CODE(fread_unlocked) CODE(free) CODE(freopen)
    CODE(frexp) CODE(frexpf) CODE(frexpl) CODE(fscanf) CODE(fseek) CODE(fseeko)
    CODE(fsetpos) CODE(fstat) CODE(fstatat) CODE(fsync) CODE(ftell) CODE(ftello)
    CODE(ftruncate) CODE(funlockfile) CODE(fwrite) CODE(fwrite_unlocked)
    CODE(getc) CODE(getc_unlocked) CODE(getchar) CODE(getchar_unlocked)
    CODE(getcwd) CODE(getdelim) CODE(getegid) CODE(getentropy) CODE(getenv)
    CODE(geteuid) CODE(getgid) CODE(gethostname) CODE(getitimer) CODE(getline)
    CODE(getopt) CODE(getopt_long) CODE(getpagesize) CODE(getpeername)
    CODE(getpid) CODE(getppid) CODE(getrandom) CODE(getrlimit) CODE(getrusage)
    CODE(getsockname) CODE(getsockopt) CODE(gettimeofday) CODE(getuid)
    CODE(getwchar) CODE(gmtime) CODE(gmtime_r) CODE(htonl) CODE(htons)
    CODE(hypot) CODE(hypotf) CODE(hypotl) CODE(ilogb) CODE(ilogbf) CODE(imaxabs)
    CODE(index) CODE(inet_ntop) CODE(inet_pton) CODE(insque) CODE(isalnum)
    CODE(isalpha) CODE(isatty) CODE(isblank) CODE(iscntrl) CODE(isdigit)
    CODE(isgraph) CODE(islower) CODE(isprint) CODE(ispunct) CODE(isspace)
    CODE(isupper) CODE(iswalnum) CODE(iswalpha) CODE(iswdigit) CODE(iswlower)
    CODE(iswprint) CODE(iswspace) CODE(iswupper) CODE(isxdigit) CODE(j0)
    CODE(j1) CODE(labs) CODE(ldexp) CODE(ldexpf) CODE(ldexpl) CODE(ldiv)
    CODE(lfind) CODE(lgamma) CODE(lgammaf) CODE(link) CODE(listen) CODE(llabs)
    CODE(lldiv) CODE(llrint) CODE(llrintf) CODE(llrintl) CODE(llround)
    CODE(llroundf) CODE(llroundl) CODE(localeconv) CODE(localtime)
    CODE(localtime_r) CODE(log) CODE(log10) CODE(log10f) CODE(log10l)
    CODE(log1p) CODE(log1pf) CODE(log1pl) CODE(log2) CODE(log2f) CODE(log2l)
    CODE(logb) CODE(logbf) CODE(logf) CODE(logl) CODE(longjmp) CODE(lrand48)
    CODE(lrint) CODE(lrintf) CODE(lrintl) CODE(lround) CODE(lroundf)
    CODE(lroundl) CODE(lsearch) CODE(lseek) CODE(lstat) CODE(madvise)
    CODE(malloc) CODE(mbrtowc) CODE(mbstowcs) CODE(mbtowc) CODE(memccpy)
    CODE(memchr) CODE(memcmp) CODE(memcpy) CODE(memmem) CODE(memmove)
    CODE(mempcpy) CODE(memrchr) CODE(memset) CODE(mkdir) CODE(mkdirat)
    CODE(mkdtemp) CODE(mkstemp) CODE(mktime) CODE(mmap) CODE(modf) CODE(modff)
    CODE(modfl) CODE(mprotect) CODE(munmap) CODE(nan) CODE(nanf) CODE(nanl)
    CODE(nanosleep) CODE(nearbyint) CODE(nearbyintf) CODE(nearbyintl)
    CODE(nextafter) CODE(nextafterf) CODE(nextafterl) CODE(nexttoward)
    CODE(nl_langinfo) CODE(ntohl) CODE(ntohs) CODE(open) CODE(open_memstream)
    CODE(openat) CODE(opendir) OBJECT(optarg) OBJECT(opterr) OBJECT(optind)
    OBJECT(optopt) CODE(pathconf) CODE(pause) CODE(perror) CODE(pipe)
    CODE(pipe2) CODE(poll) CODE(posix_memalign) CODE(pow) CODE(powf) CODE(powl)
    CODE(pread) CODE(printf) CODE(pthread_attr_destroy)
    CODE(pthread_attr_getdetachstate) CODE(pthread_attr_getstacksize)
    CODE(pthread_attr_init) CODE(pthread_attr_setdetachstate)
    CODE(pthread_attr_setstacksize) CODE(pthread_barrier_destroy)
    CODE(pthread_barrier_init) CODE(pthread_barrier_wait) CODE(pthread_cancel)
    CODE(pthread_cond_broadcast) CODE(pthread_cond_destroy)
    CODE(pthread_cond_init) CODE(pthread_cond_signal)
    CODE(pthread_cond_timedwait) CODE(pthread_cond_wait)
    CODE(pthread_condattr_destroy) CODE(pthread_condattr_init)
    CODE(pthread_condattr_setclock) CODE(pthread_equal) CODE(pthread_getattr_np)
    CODE(pthread_getcpuclockid) CODE(pthread_getname_np)
    CODE(pthread_getspecific) CODE(pthread_kill) CODE(pthread_mutex_destroy)
    CODE(pthread_mutex_init) CODE(pthread_mutex_lock)
    CODE(pthread_mutex_timedlock) CODE(pthread_mutex_trylock)
    CODE(pthread_mutex_unlock) CODE(pthread_mutexattr_destroy)
    CODE(pthread_mutexattr_init) CODE(pthread_mutexattr_setpshared)
    CODE(pthread_mutexattr_settype) CODE(pthread_once)
    CODE(pthread_rwlock_destroy) CODE(pthread_rwlock_init)
    CODE(pthread_rwlock_rdlock) CODE(pthread_rwlock_tryrdlock)
    CODE(pthread_rwlock_trywrlock) CODE(pthread_rwlock_unlock)
    CODE(pthread_rwlock_wrlock) CODE(pthread_rwlockattr_destroy)
    CODE(pthread_rwlockattr_init) CODE(pthread_self)
    CODE(pthread_setcancelstate) CODE(pthread_setcanceltype)
    CODE(pthread_setname_np) CODE(pthread_setspecific) CODE(pthread_sigmask)
    CODE(pthread_spin_destroy) CODE(pthread_spin_init) CODE(pthread_spin_lock)
    CODE(pthread_spin_trylock) CODE(pthread_spin_unlock)
    CODE(pthread_testcancel) CODE(putc) CODE(putc_unlocked) CODE(putchar)
    CODE(putchar_unlocked) CODE(puts) CODE(putwchar) CODE(pwrite) CODE(qsort)
    CODE(qsort_r) CODE(rand) CODE(rand_r) CODE(random) CODE(read) CODE(readdir)
    CODE(readlink) CODE(readv) CODE(realloc) CODE(reallocarray) CODE(realpath)
    CODE(recv) CODE(recvfrom) CODE(regcomp) CODE(regerror) CODE(regexec)
    CODE(regfree) CODE(remainder) CODE(remainderf) CODE(remove) CODE(remque)
    CODE(remquo) CODE(rename) CODE(rewind) CODE(rewinddir) CODE(rindex)
    CODE(rint) CODE(rintf) CODE(rintl) CODE(rmdir) CODE(round) CODE(roundeven)
    CODE(roundf) CODE(roundl) CODE(scalbln) CODE(scalbn) CODE(scalbnf)
    CODE(scanf) CODE(sched_yield) CODE(select) CODE(sem_destroy)
    CODE(sem_getvalue) CODE(sem_init) CODE(sem_post) CODE(sem_timedwait)
    CODE(sem_trywait) CODE(sem_wait) CODE(send) CODE(sendto) CODE(setbuf)
    CODE(setlinebuf) CODE(setsockopt) CODE(setvbuf) CODE(shutdown)
    CODE(sigaddset) CODE(sigdelset) CODE(sigemptyset) CODE(sigfillset)
    CODE(sigismember) CODE(siglongjmp) CODE(sigpending) CODE(sigprocmask)
    CODE(sigsuspend) CODE(sigtimedwait) CODE(sigwait) CODE(sigwaitinfo)
    CODE(sin) CODE(sincos) CODE(sincosf) CODE(sinf) CODE(sinh) CODE(sinhf)
    CODE(sinl) CODE(sleep) CODE(snprintf) CODE(socket) CODE(sprintf) CODE(sqrt)
    CODE(sqrtf) CODE(sqrtl) CODE(srand) CODE(srandom) CODE(sscanf) CODE(stat)
    OBJECT(stderr) OBJECT(stdin) OBJECT(stdout) CODE(stpcpy) CODE(stpncpy)
    CODE(strcasecmp) CODE(strcasestr) CODE(strcat) CODE(strchr) CODE(strchrnul)
    CODE(strcmp) CODE(strcoll) CODE(strcpy) CODE(strcspn) CODE(strdup)
    CODE(strerror) CODE(strerror_l) CODE(strerrordesc_np) CODE(strerrorname_np)
    CODE(strftime) CODE(strlen) CODE(strncasecmp) CODE(strncat) CODE(strncmp)
    CODE(strncpy) CODE(strndup) CODE(strnlen) CODE(strpbrk) CODE(strptime)
    CODE(strrchr) CODE(strsep) CODE(strsignal) CODE(strspn) CODE(strstr)
    CODE(strtod) CODE(strtof) CODE(strtoimax) CODE(strtok) CODE(strtok_r)
    CODE(strtol) CODE(strtold) CODE(strtoll) CODE(strtoul) CODE(strtoull)
    CODE(strtoumax) CODE(strverscmp) CODE(strxfrm) CODE(swprintf) CODE(symlink)
    CODE(sysconf) CODE(tan) CODE(tanf) CODE(tanh) CODE(tanhf) CODE(tanl)
    CODE(tdelete) CODE(tfind) CODE(tgamma) CODE(tgammaf) CODE(time) CODE(timegm)
    CODE(timer_getoverrun) CODE(timer_gettime) CODE(timer_settime)
    CODE(timespec_get) CODE(tmpfile) CODE(tolower) CODE(toupper) CODE(towlower)
    CODE(towupper) CODE(trunc) CODE(truncate) CODE(truncf) CODE(truncl)
    CODE(tsearch) CODE(ttyname) CODE(twalk) CODE(tzset) CODE(uname) CODE(ungetc)
    CODE(unlink) CODE(unlinkat) CODE(usleep) CODE(vasprintf) CODE(vdprintf)
    CODE(vfprintf) CODE(vfscanf) CODE(vprintf) CODE(vscanf) CODE(vsnprintf)
    CODE(vsprintf) CODE(vsscanf) CODE(wcrtomb) CODE(wcscat) CODE(wcschr)
    CODE(wcscmp) CODE(wcscpy) CODE(wcslen) CODE(wcsncpy) CODE(wcstombs)
    CODE(wctob) CODE(wctomb) CODE(wprintf) CODE(write) CODE(writev) CODE(y0)
    CODE(y1)
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
