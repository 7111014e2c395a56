/*
 * cli/files.c: reading all of a file, and writing one so that it is whole.
 *
 * Outputs are made by builds and read by builds: a header that is half written
 * when the machine stops, or when two builds run at once, is worse than none.
 * So text goes to a new file beside the target, which is then renamed over it.
 * What is no plain file (a pipe, /dev/null) is written to in place.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t read_max = (size_t)1 << 30;

static char *read_stream(FILE *f, const char *shown, size_t *ret_len)
{
    size_t len = 0, room = 0;
    char *text = NULL;
    for (;;) {
        if (room - len < 4096) {
            size_t more = room ? room * 2 : 64 * 1024;
            char *grown = more > read_max ? NULL : realloc(text, more);
            if (!grown) {
                cli_fail("%s: %s", shown,
                         more > read_max ? "too large" : "out of memory");
                break;
            }
            text = grown;
            room = more;
        }
        len += fread(text + len, 1, room - len - 1, f);
        if (ferror(f)) {
            cli_fail("cannot read %s: %s", shown, strerror(errno));
            break;
        }
        if (feof(f)) {
            text[len] = '\0';
            *ret_len = len;
            return text;
        }
    }
    free(text);
    return NULL;
}

char *cli_read(const char *path, size_t *ret_len)
{
    if (!path)
        return read_stream(stdin, "standard input", ret_len);
    FILE *f = fopen(path, "rbe");
    if (!f) {
        cli_fail("cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = read_stream(f, path, ret_len);
    fclose(f);
    return text;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* A file with the rights that a plainly created one would have. */
static int open_beside(char *name)
{
    int fd = mkostemp(name, O_CLOEXEC);
    mode_t mask = umask(0);
    umask(mask);
    if (fd >= 0)
        fchmod(fd, 0666 & ~mask);
    return fd;
}

static int write_in_place(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0)
        return cli_fail("cannot write %s: %s", path, strerror(errno));
    int rc = write_all(fd, bytes, len);
    int why = errno;
    if (close(fd) != 0 && rc == 0) {
        rc = -1;
        why = errno;
    }
    return rc == 0 ? CLI_OK
                   : cli_fail("cannot write %s: %s", path, strerror(why));
}

int cli_write(const char *path, const void *bytes, size_t len)
{
    struct stat st;
    if (!path || strcmp(path, "-") == 0) {
        fwrite(bytes, 1, len, stdout);
        return cli_finish(CLI_OK);
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return write_in_place(path, bytes, len);
    size_t size = strlen(path) + 8;
    char *beside = malloc(size);
    if (!beside)
        return cli_fail("out of memory");
    snprintf(beside, size, "%s.XXXXXX", path);
    int fd = open_beside(beside);
    int rc = fd < 0 ? -1 : write_all(fd, bytes, len);
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && rc == 0) {
        rc = -1;
        why = errno;
    }
    if (rc == 0 && rename(beside, path) != 0) {
        rc = -1;
        why = errno;
    }
    if (rc != 0 && fd >= 0)
        unlink(beside);
    free(beside);
    return rc == 0 ? CLI_OK
                   : cli_fail("cannot write %s: %s", path, strerror(why));
}

int cli_print_json(const char *json, size_t len)
{
    size_t n;
    char *text = cli_indent(json, len, &n);
    if (!text)
        return cli_fail("out of memory");
    text[n] = '\n'; /* in place of the zero */
    int rc = cli_write(NULL, text, n + 1);
    free(text);
    return rc;
}
