/*
 * base/buf.c: a growable byte buffer with a maximum.
 *
 * Writers of C source, JSON and reports append hundreds of times; testing each
 * append would bury what they write. So a failure is remembered, later appends
 * do nothing, and the writer asks once. The maximum is what keeps hostile input
 * from growing a buffer without end.
 *
 * Always true: `len` never passes `max`; one byte of room past `len` can be had
 * for a terminating zero even when `len` is `max`.
 *
 * Threads: one at a time.
 */
#include "base/buf.h"

#include "base/error.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_ROOM = 128 };

void mf_buf_init(mf_buf *b, mf_alloc *alloc, size_t max)
{
    memset(b, 0, sizeof *b);
    b->alloc = alloc;
    b->max = max ? max : (size_t)INT32_MAX;
    if (b->max > SIZE_MAX / 4)
        b->max = SIZE_MAX / 4;
}

void mf_buf_done(mf_buf *b)
{
    if (b->alloc)
        mf_alloc_free(b->alloc, b->ptr);
    b->ptr = NULL;
    b->len = 0;
    b->cap = 0;
}

void mf_buf_clear(mf_buf *b)
{
    b->len = 0;
    b->failed = 0;
}

/* Makes `cap` at least `least`, which is at most max + 1. */
static int grow(mf_buf *b, size_t least)
{
    size_t cap = b->cap ? b->cap * 2 : FIRST_ROOM;
    if (cap < least)
        cap = least;
    if (cap > b->max + 1)
        cap = b->max + 1;
    uint8_t *ptr = mf_alloc_resize(b->alloc, b->ptr, cap);
    if (!ptr) {
        b->failed = MAYFLY_ENOMEM;
        return b->failed;
    }
    b->ptr = ptr;
    b->cap = cap;
    return 0;
}

void mf_buf_fit(mf_buf *b)
{
    uint8_t *ptr = b->len && b->len < b->cap
                       ? mf_alloc_resize(b->alloc, b->ptr, b->len)
                       : NULL;
    if (!ptr)
        return;
    b->ptr = ptr;
    b->cap = b->len;
}

uint8_t *mf_buf_room(mf_buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->max - b->len) {
        b->failed = MAYFLY_ELIMIT;
        return NULL;
    }
    if ((n > b->cap - b->len || !b->ptr) && grow(b, b->len + n) != 0)
        return NULL;
    return b->ptr + b->len;
}

void mf_buf_put(mf_buf *b, const void *bytes, size_t n)
{
    uint8_t *to = mf_buf_room(b, n);
    if (!to || !n)
        return;
    memcpy(to, bytes, n);
    b->len += n;
}

void mf_buf_put_byte(mf_buf *b, unsigned byte)
{
    uint8_t *to = mf_buf_room(b, 1);
    if (!to)
        return;
    *to = (uint8_t)byte;
    b->len++;
}

void mf_buf_puts(mf_buf *b, const char *text)
{
    mf_buf_put(b, text, strlen(text));
}

void mf_buf_vprintf(mf_buf *b, const char *format, va_list args)
{
    char brief[256];
    va_list again;

    if (b->failed)
        return;
    va_copy(again, args);
    int n = vsnprintf(brief, sizeof brief, format, args);
    if (n < 0) {
        b->failed = MAYFLY_ENOMEM;
    } else if ((size_t)n < sizeof brief) {
        mf_buf_put(b, brief, (size_t)n);
    } else if (mf_buf_room(b, (size_t)n)) {
        /* the terminating zero goes where mf_buf_text would put one */
        if (b->cap - b->len > (size_t)n ||
            grow(b, b->len + (size_t)n + 1) == 0) {
            vsnprintf((char *)b->ptr + b->len, (size_t)n + 1, format, again);
            b->len += (size_t)n;
        }
    }
    va_end(again);
}

void mf_buf_printf(mf_buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mf_buf_vprintf(b, format, args);
    va_end(args);
}

void mf_buf_put_grouped(mf_buf *b, uint64_t n, int width)
{
    char text[32];
    size_t at = sizeof text;
    int digits = 0;
    text[--at] = '\0';
    do {
        if (digits && digits % 3 == 0)
            text[--at] = ',';
        text[--at] = (char)('0' + n % 10);
        n /= 10;
        digits++;
    } while (n);
    mf_buf_printf(b, "%*s", width, text + at);
}

char *mf_buf_text(mf_buf *b)
{
    if (b->failed)
        return NULL;
    if (b->cap == b->len && grow(b, b->len + 1) != 0)
        return NULL;
    b->ptr[b->len] = '\0';
    return (char *)b->ptr;
}

int mf_buf_check(const mf_buf *b, const char *what, mayfly_error *err)
{
    switch (b->failed) {
    case 0:
        return 0;
    case MAYFLY_ELIMIT:
        return mf_error_set(err, MAYFLY_ELIMIT, "%s is larger than %zu bytes",
                            what, b->max);
    default:
        return mf_error_nomem(err, what);
    }
}
