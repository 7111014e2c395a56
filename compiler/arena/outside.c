/*
 * compiler/arena/outside.c: the rest of what libtcc would ask the system for.
 *
 * Most of it is reached only by parts of libtcc that mayfly does not use
 * (writing files, running programs, printing): those calls do nothing or fail.
 * The checked string functions stop the compile where libc's would abort the
 * process. Numbers are read in the C locale, whatever the host has set.
 */
#include "compiler/arena/hooks.h"
#include "compiler/arena/run.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* libtcc's declarations of these are libc's; only the names are ours. */
int mf_hook_sem_init(void *semaphore, int shared, unsigned value);
int mf_hook_sem_wait(void *semaphore);
int mf_hook_sem_post(void *semaphore);
void mf_hook_qsort(void *items, size_t n, size_t size,
                   int (*compare)(const void *, const void *));
char *mf_hook_getenv(const char *name);
int mf_hook_fclose(void *file);
void *mf_hook_fdopen(int fd, const char *mode);
int mf_hook_fflush(void *file);
int mf_hook_fputc(int c, void *file);
int mf_hook_fputs(const char *text, void *file);
size_t mf_hook_fwrite(const void *from, size_t size, size_t n, void *file);
char *mf_hook_getcwd(char *to, size_t n);
struct tm *mf_hook_localtime(const time_t *when);
time_t mf_hook_time(time_t *ret);
int mf_hook_unlink(const char *path);
int mf_hook_putchar(int c);
int mf_hook_puts(const char *text);
int mf_hook_sigaction(int signal, const void *action, void *ret);
int mf_hook_sigemptyset(void *set);
float mf_hook_strtof(const char *text, char **ret_end);
double mf_hook_strtod(const char *text, char **ret_end);
long double mf_hook_strtold(const char *text, char **ret_end);
int mf_hook_fprintf_chk(void *file, int flag, const char *format, ...);
int mf_hook_printf_chk(int flag, const char *format, ...);
int mf_hook_vfprintf_chk(void *file, int flag, const char *format, va_list ap);
int mf_hook_isoc99_sscanf(const char *text, const char *format, ...);
void *mf_hook_memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *mf_hook_memmove_chk(void *to, const void *from, size_t n, size_t room);
int mf_hook_snprintf_chk(char *to, size_t n, int flag, size_t room,
                         const char *format, ...);
int mf_hook_sprintf_chk(char *to, int flag, size_t room, const char *format,
                        ...);
int mf_hook_vsnprintf_chk(char *to, size_t n, int flag, size_t room,
                          const char *format, va_list ap);

void *const mf_hook_stdout = NULL;
void *const mf_hook_stderr = NULL;
char **const mf_hook_environ = NULL;

static _Noreturn void overrun(void)
{
    mf_run_stop(mf_run_now(), MAYFLY_ECOMPILE,
                "the compiler would overrun a buffer of its own");
}

/* One compile at a time is mayfly's own lock's business. */
int mf_hook_sem_init(void *semaphore, int shared, unsigned value)
{
    (void)semaphore, (void)shared, (void)value;
    return 0;
}

int mf_hook_sem_wait(void *semaphore)
{
    (void)semaphore;
    return 0;
}

int mf_hook_sem_post(void *semaphore)
{
    (void)semaphore;
    return 0;
}

static void swap(char *a, char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = a[i];
        a[i] = b[i];
        b[i] = c;
    }
}

/* Heap sort: no memory of its own, no bad case. */
void mf_hook_qsort(void *items, size_t n, size_t size,
                   int (*compare)(const void *, const void *))
{
    char *base = items;
    for (size_t begin = n / 2, end = n; end > 1;) {
        if (begin > 0)
            begin--;
        else if (--end > 0)
            swap(base, base + end * size, size);
        for (size_t at = begin;;) {
            size_t child = at * 2 + 1;
            if (child >= end)
                break;
            if (child + 1 < end &&
                compare(base + child * size, base + (child + 1) * size) < 0)
                child++;
            if (compare(base + at * size, base + child * size) >= 0)
                break;
            swap(base + at * size, base + child * size, size);
            at = child;
        }
    }
}

char *mf_hook_getenv(const char *name)
{
    (void)name;
    return NULL;
}

int mf_hook_fclose(void *file)
{
    (void)file;
    return 0;
}

void *mf_hook_fdopen(int fd, const char *mode)
{
    (void)fd, (void)mode;
    return NULL;
}

int mf_hook_fflush(void *file)
{
    (void)file;
    return 0;
}

int mf_hook_fputc(int c, void *file)
{
    (void)file;
    return c;
}

int mf_hook_fputs(const char *text, void *file)
{
    (void)text, (void)file;
    return 0;
}

size_t mf_hook_fwrite(const void *from, size_t size, size_t n, void *file)
{
    (void)from, (void)size, (void)file;
    return n;
}

char *mf_hook_getcwd(char *to, size_t n)
{
    if (n < 2)
        return NULL;
    memcpy(to, "/", 2);
    return to;
}

/* __DATE__ and __TIME__ are the same in every build. */
struct tm *mf_hook_localtime(const time_t *when)
{
    static const struct tm epoch = {.tm_year = 70, .tm_mday = 1};
    (void)when;
    return (struct tm *)(uintptr_t)&epoch;
}

time_t mf_hook_time(time_t *ret)
{
    if (ret)
        *ret = 0;
    return 0;
}

int mf_hook_unlink(const char *path)
{
    (void)path;
    return -1;
}

int mf_hook_putchar(int c)
{
    return c;
}

int mf_hook_puts(const char *text)
{
    (void)text;
    return 0;
}

int mf_hook_sigaction(int signal, const void *action, void *ret)
{
    (void)signal, (void)action, (void)ret;
    return -1;
}

int mf_hook_sigemptyset(void *set)
{
    (void)set;
    return 0;
}

/* libc has this locale ready: nothing is allocated. */
static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

float mf_hook_strtof(const char *text, char **ret_end)
{
    return strtof_l(text, ret_end, c_locale());
}

double mf_hook_strtod(const char *text, char **ret_end)
{
    return strtod_l(text, ret_end, c_locale());
}

long double mf_hook_strtold(const char *text, char **ret_end)
{
    return strtold_l(text, ret_end, c_locale());
}

int mf_hook_fprintf_chk(void *file, int flag, const char *format, ...)
{
    (void)file, (void)flag, (void)format;
    return 0;
}

int mf_hook_printf_chk(int flag, const char *format, ...)
{
    (void)flag, (void)format;
    return 0;
}

int mf_hook_vfprintf_chk(void *file, int flag, const char *format, va_list ap)
{
    (void)file, (void)flag, (void)format, (void)ap;
    return 0;
}

/* Reads libtcc's own version for a macro that is not used. */
int mf_hook_isoc99_sscanf(const char *text, const char *format, ...)
{
    (void)text, (void)format;
    return 0;
}

void *mf_hook_memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
    if (n > room)
        overrun();
    return memcpy(to, from, n);
}

void *mf_hook_memmove_chk(void *to, const void *from, size_t n, size_t room)
{
    if (n > room)
        overrun();
    return memmove(to, from, n);
}

int mf_hook_vsnprintf_chk(char *to, size_t n, int flag, size_t room,
                          const char *format, va_list ap)
{
    (void)flag;
    if (n > room)
        overrun();
    return vsnprintf(to, n, format, ap);
}

int mf_hook_snprintf_chk(char *to, size_t n, int flag, size_t room,
                         const char *format, ...)
{
    va_list ap;
    (void)flag;
    if (n > room)
        overrun();
    va_start(ap, format);
    int written = vsnprintf(to, n, format, ap);
    va_end(ap);
    return written;
}

int mf_hook_sprintf_chk(char *to, int flag, size_t room, const char *format,
                        ...)
{
    va_list ap;
    (void)flag;
    if (room > INT32_MAX)
        room = INT32_MAX;
    va_start(ap, format);
    int written = vsnprintf(to, room, format, ap);
    va_end(ap);
    if (written < 0 || (size_t)written >= room)
        overrun();
    return written;
}
