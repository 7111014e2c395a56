/*
 * mayfly/error.h: how mayfly says that something went wrong.
 *
 * A function that can fail returns 0 or one of the negative codes below, and
 * takes a `mayfly_error *` as its last parameter. The struct is the caller's, of
 * fixed size, never allocates, and may be NULL. On success it is left as it was.
 *
 *     mayfly_error err = MAYFLY_ERROR_INIT;
 *     if (mayfly_host_new(NULL, &host, &err) != 0)
 *         fprintf(stderr, "%s\n", err.message);
 *
 * Results are stored through `ret_` parameters only on success.
 */
#ifndef MAYFLY_ERROR_H
#define MAYFLY_ERROR_H

#include <mayfly/types.h>

MAYFLY_BEGIN

/* name, value, text */
#define MAYFLY_ERRORS(X)                                               \
    X(EINVAL, -1, "invalid argument")                                  \
    X(ENOMEM, -2, "out of memory")                                     \
    X(ELIMIT, -3, "limit exceeded")                                    \
    X(EIO, -4, "input or output failed")                               \
    X(ENOTFOUND, -5, "not found")                                      \
    X(EEXIST, -6, "exists already")                                    \
    X(ESCHEMA, -7, "schema is not valid")                              \
    X(ECOMPILE, -8, "compilation failed")                              \
    X(ELINK, -9, "unresolved symbol")                                  \
    X(EINCOMPATIBLE, -10, "schema and header do not fit together")     \
    X(EDECODE, -11, "message cannot be decoded")                       \
    X(EENCODE, -12, "message cannot be encoded")                       \
    X(EJSON, -13, "JSON is not valid for this message")                \
    X(EUNLOADED, -14, "context is not live")                           \
    X(EBUSY, -15, "still in use")                                      \
    X(ETIMEDOUT, -16, "time is up")                                    \
    X(ECANCELLED, -17, "cancelled")                                    \
    X(ESTATUS, -18, "call ended with a status other than OK")          \
    X(EONLOOP, -19, "a blocking call on a loop thread")                \
    X(EFORKED, -20, "this handle belongs to the parent process")       \
    X(EUNSUPPORTED, -21, "not supported")                              \
    X(EINTERNAL, -22, "a defect in mayfly")                            \
    X(EINSIDE, -23, "called from inside the context's own code")       \
    X(EREFUSED, -24, "the source refused to be loaded")

enum mayfly_error_code {
    MAYFLY_OK = 0,
#define MAYFLY_ERROR_ENUM(name, value, text) MAYFLY_##name = value,
    MAYFLY_ERRORS(MAYFLY_ERROR_ENUM)
#undef MAYFLY_ERROR_ENUM
    MAYFLY_ERROR_END_ = 1
};

enum { MAYFLY_ERROR_MESSAGE_MAX = 1000 };

typedef struct mayfly_error {
    int code;   /* MAYFLY_OK or a negative code */
    int line;   /* place in `message`'s file, from 1; 0 where there is none */
    int column; /* in bytes, from 1; 0 where there is none */
    int reserved;
    char message[MAYFLY_ERROR_MESSAGE_MAX]; /* zero-terminated; cut if longer */
} mayfly_error;

/* clang-format off */
#ifdef __cplusplus
#define MAYFLY_ERROR_INIT {}
#else
#define MAYFLY_ERROR_INIT { 0 }
#endif
/* clang-format on */

/* "MAYFLY_EINVAL" for MAYFLY_EINVAL; "MAYFLY_E?" for a number that is no code.
 * The result is static. Any thread. */
MAYFLY_API const char *mayfly_error_name(int code);

/* The table's text for a code, in the same way. */
MAYFLY_API const char *mayfly_error_text(int code);

/*
 * One finding in a source that was read: a schema or C source. All of a file's
 * errors (20 at the most) are reported through a callback of this type; the
 * mayfly_error carries the first. `line` and `column` count from 1, columns in
 * bytes; 0 where the place is not known. The strings are valid during the
 * callback only. Called on the thread that called mayfly.
 */
typedef struct mayfly_diagnostic {
    const char *file;
    int line;
    int column;
    int is_warning;
    const char *text;
} mayfly_diagnostic;

typedef void (*mayfly_diagnostic_fn)(void *state,
                                     const mayfly_diagnostic *diagnostic);

MAYFLY_END

#endif
