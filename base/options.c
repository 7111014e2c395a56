/*
 * base/options.c: see options.h.
 *
 * The size is the first thing read, by itself: of a caller's struct nothing may
 * be touched behind it. A size that is no multiple of the size's own alignment
 * is nobody's struct: it would cut a member in two.
 */
#include "base/options.h"

#include "base/error.h"

#include <string.h>

/* Whether bytes `from` to `to` are zero. */
static int is_zero(const unsigned char *bytes, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (bytes[i] != 0)
            return 0;
    return 1;
}

static int is_size(size_t size)
{
    return size >= sizeof size && size % sizeof size == 0 &&
           size <= MF_OPTIONS_BYTES_MAX;
}

int mf_options_read(void *ret, size_t bytes, const void *given,
                    const char *what, mayfly_error *err)
{
    if (!given)
        return 0;
    size_t size;
    memcpy(&size, given, sizeof size);
    if (!is_size(size))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "%s of %zu bytes: not set by their macro", what,
                            size);
    if (size > bytes && !is_zero(given, bytes, size))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "%s of %zu bytes set a member that this mayfly "
                            "does not have (it knows %zu bytes)",
                            what, size, bytes);
    size_t both = size < bytes ? size : bytes;
    memcpy((char *)ret + sizeof size, (const char *)given + sizeof size,
           both - sizeof size);
    return 0;
}

void mf_options_write(void *ret, const void *from, size_t bytes)
{
    size_t size;
    memcpy(&size, ret, sizeof size);
    if (!is_size(size))
        return;
    size_t both = size < bytes ? size : bytes;
    memset((char *)ret + sizeof size, 0, size - sizeof size);
    memcpy((char *)ret + sizeof size, (const char *)from + sizeof size,
           both - sizeof size);
}
