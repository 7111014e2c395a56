/*
 * base/buf.h: a growable byte buffer with a maximum.
 *
 * An append that fails (no memory, past the maximum) sets `failed` and leaves
 * the bytes as they were; later appends do nothing. So a writer appends without
 * looking and asks once at the end.
 */
#ifndef MF_BASE_BUF_H
#define MF_BASE_BUF_H

#include "base/alloc.h"

#include <mayfly/error.h>
#include <mayfly/types.h>

#include <stdarg.h>

typedef struct mf_buf {
    mf_alloc *alloc;
    uint8_t *ptr;
    size_t len;
    size_t cap;
    size_t max;
    int failed; /* 0, MAYFLY_ENOMEM or MAYFLY_ELIMIT */
} mf_buf;

void mf_buf_init(mf_buf *b, mf_alloc *alloc, size_t max); /* max 0: 2^31 - 1 */
void mf_buf_done(mf_buf *b);
void mf_buf_clear(mf_buf *b); /* len 0, failed 0; keeps the room */

/* Gives back the room that is not used, if it can. */
void mf_buf_fit(mf_buf *b);

/* Makes room for `n` more bytes and returns where they go; NULL on failure. The
 * caller adds what it wrote to `len`. */
uint8_t *mf_buf_room(mf_buf *b, size_t n);
void mf_buf_put(mf_buf *b, const void *bytes, size_t n);
void mf_buf_put_byte(mf_buf *b, unsigned byte);
void mf_buf_puts(mf_buf *b, const char *text);
void mf_buf_printf(mf_buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void mf_buf_vprintf(mf_buf *b, const char *format, va_list args);

/* A number with its thousands apart, "1,234", to the right of `width`. */
void mf_buf_put_grouped(mf_buf *b, uint64_t n, int width);

/* Zero-terminates (the zero is not counted in len) and returns the text; NULL
 * when the buffer has failed. */
char *mf_buf_text(mf_buf *b);

/* 0, or the failure as an error that says what the buffer was for. */
int mf_buf_check(const mf_buf *b, const char *what, mayfly_error *err);

#endif
