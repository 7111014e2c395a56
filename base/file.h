/* base/file.h: all of a file. */
#ifndef MF_BASE_FILE_H
#define MF_BASE_FILE_H

#include "base/alloc.h"

#include <mayfly/error.h>

/*
 * Reads a regular file, whole and once, of at most `max` bytes, and puts a zero
 * behind it; free the text. The descriptor is closed when this returns. Errors:
 * ENOTFOUND (without a message: others may be looked for), EIO, ELIMIT, ENOMEM,
 * with the path as `shown`.
 */
int mf_file_read(mf_alloc *alloc, const char *shown, size_t max,
                 char **ret_text, size_t *ret_len, mayfly_error *err);

#endif
