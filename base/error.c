/*
 * base/error.c: names, texts and messages of errors.
 *
 * An error is a value in the caller's storage, so reporting one can never fail:
 * nothing here allocates, and a message that does not fit is cut, at a
 * character. Formatting goes through a buffer on the stack because the
 * arguments of a wrap are often the old message itself.
 *
 * Threads: any; an error belongs to one thread at a time.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Takes an incomplete UTF-8 sequence off the end of a text that was cut. */
static void trim_cut(char *text, size_t len)
{
    size_t back = 0;
    while (back < 3 && back < len &&
           ((unsigned char)text[len - 1 - back] & 0xc0u) == 0x80u)
        back++;
    if (back >= len)
        return;
    unsigned char lead = (unsigned char)text[len - 1 - back];
    size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (want > back)
        text[len - 1 - back] = '\0';
}

/* Appends to `text` of MAYFLY_ERROR_MESSAGE_MAX bytes at `used`; returns the
 * new length. */
static size_t append(char *text, size_t used, const char *format, va_list args)
{
    size_t room = MAYFLY_ERROR_MESSAGE_MAX - used;
    int n = vsnprintf(text + used, room, format, args);
    if (n < 0) {
        text[used] = '\0';
        return used;
    }
    if ((size_t)n < room)
        return used + (size_t)n;
    trim_cut(text, MAYFLY_ERROR_MESSAGE_MAX - 1);
    return MAYFLY_ERROR_MESSAGE_MAX - 1;
}

static size_t appendf(char *text, size_t used, const char *format, ...)
    MF_PRINTF(3, 4);
static size_t appendf(char *text, size_t used, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    used = append(text, used, format, args);
    va_end(args);
    return used;
}

static void store(mayfly_error *err, int code, int line, int column,
                  const char *text)
{
    err->code = code;
    err->line = line;
    err->column = column;
    memcpy(err->message, text, strlen(text) + 1);
}

int mf_error_set(mayfly_error *err, int code, const char *format, ...)
{
    char text[MAYFLY_ERROR_MESSAGE_MAX];
    va_list args;

    if (!err)
        return code;
    va_start(args, format);
    append(text, 0, format, args);
    va_end(args);
    store(err, code, 0, 0, text);
    return code;
}

int mf_error_at(mayfly_error *err, int code, const char *file, int line,
                int column, const char *format, ...)
{
    char text[MAYFLY_ERROR_MESSAGE_MAX];
    size_t used = 0;
    va_list args;

    if (!err)
        return code;
    text[0] = '\0';
    if (file)
        used = appendf(text, used, "%s:", file);
    if (line > 0)
        used = appendf(text, used, "%d:", line);
    if (line > 0 && column > 0)
        used = appendf(text, used, "%d:", column);
    if (used)
        used = appendf(text, used, " ");
    va_start(args, format);
    append(text, used, format, args);
    va_end(args);
    store(err, code, line, column, text);
    return code;
}

int mf_error_wrap(mayfly_error *err, int code, const char *format, ...)
{
    char text[MAYFLY_ERROR_MESSAGE_MAX];
    size_t used;
    va_list args;

    if (!err)
        return code;
    va_start(args, format);
    used = append(text, 0, format, args);
    va_end(args);
    appendf(text, used, ": %s", err->message);
    store(err, code, err->line, err->column, text);
    return code;
}

int mf_error_nomem(mayfly_error *err, const char *what)
{
    return mf_error_set(err, MAYFLY_ENOMEM, "out of memory: %s", what);
}

const char *mayfly_error_name(int code)
{
    switch (code) {
    case MAYFLY_OK:
        return "MAYFLY_OK";
#define CASE(name, value, text)                                                \
    case value:                                                                \
        return "MAYFLY_" #name;
        MAYFLY_ERRORS(CASE)
#undef CASE
    default:
        return "MAYFLY_E?";
    }
}

const char *mayfly_error_text(int code)
{
    switch (code) {
    case MAYFLY_OK:
        return "no error";
#define CASE(name, value, text)                                                \
    case value:                                                                \
        return text;
        MAYFLY_ERRORS(CASE)
#undef CASE
    default:
        return "unknown error";
    }
}

int mf_error_copy(mayfly_error *err, const mayfly_error *from)
{
    if (err)
        *err = *from;
    return from->code;
}
