/*
 * base/file.c: see file.h.
 *
 * Opening does not wait, neither for the other end of a pipe nor for a
 * terminal: what is no regular file is seen to be none and closed again.
 */
#include "base/file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int io_error(mayfly_error *err, const char *path, int number)
{
    return mf_error_set(err, MAYFLY_EIO, "%s: %s", path, strerror(number));
}

static int read_all(int fd, char *text, size_t size, size_t *ret_len)
{
    size_t n = 0;
    while (n < size) {
        ssize_t k = read(fd, text + n, size - n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return errno;
        if (k == 0)
            break;
        n += (size_t)k;
    }
    *ret_len = n;
    return 0;
}

static int read_open(mf_alloc *alloc, int fd, const char *path, size_t max,
                     char **ret_text, size_t *ret_len, mayfly_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return io_error(err, path, errno);
    if (!S_ISREG(st.st_mode))
        return mf_error_set(err, MAYFLY_EIO, "%s: not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return mf_error_set(err, MAYFLY_ELIMIT, "%s: longer than %zu bytes",
                            path, max);
    size_t size = (size_t)st.st_size;
    char *text = mf_alloc_new(alloc, size + 1);
    if (!text)
        return mf_error_nomem(err, "the text of a file");
    int number = read_all(fd, text, size, &size);
    if (number) {
        mf_alloc_free(alloc, text);
        return io_error(err, path, number);
    }
    text[size] = '\0';
    *ret_text = text;
    *ret_len = size;
    return 0;
}

int mf_file_read(mf_alloc *alloc, const char *shown, size_t max,
                 char **ret_text, size_t *ret_len, mayfly_error *err)
{
    int fd = open(shown, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return MAYFLY_ENOTFOUND;
    if (fd < 0)
        return io_error(err, shown, errno);
    int code = read_open(alloc, fd, shown, max, ret_text, ret_len, err);
    close(fd);
    return code;
}
