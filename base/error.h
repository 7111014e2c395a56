/*
 * base/error.h: filling in a mayfly_error.
 *
 * Every function accepts err == NULL, returns `code` so that a failing function
 * can end with `return mf_error_set(err, ...)`, and never allocates.
 */
#ifndef MF_BASE_ERROR_H
#define MF_BASE_ERROR_H

#include <mayfly/error.h>

#if defined(__GNUC__)
#define MF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define MF_PRINTF(fmt, args)
#endif

int mf_error_set(mayfly_error *err, int code, const char *format, ...)
    MF_PRINTF(3, 4);

/* With a place: the message becomes "file:line:column: text". */
int mf_error_at(mayfly_error *err, int code, const char *file, int line,
                int column, const char *format, ...) MF_PRINTF(6, 7);

/* Puts "context: " in front of the message there is; the code stays and is
 * returned. With err == NULL returns `code`. */
int mf_error_wrap(mayfly_error *err, int code, const char *format, ...)
    MF_PRINTF(3, 4);

/* Out of memory, with what it was for: "out of memory: the schema". */
int mf_error_nomem(mayfly_error *err, const char *what);

/* `from` as it is. Returns its code. */
int mf_error_copy(mayfly_error *err, const mayfly_error *from);

#endif
