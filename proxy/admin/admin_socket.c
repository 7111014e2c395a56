/*
 * proxy/admin/admin_socket.c: the name of an admin socket.
 *
 * A socket is made under a name of its own beside the one that was asked for,
 * and only listens, has its mode and its group when it gets that one. So nobody
 * ever finds it with other permissions than asked for (bind() alone would make
 * it as the umask says, which is the process's and not ours to change), nor
 * finds a name that nobody listens behind yet and takes it for a dead one.
 *
 * What stays true: a name is replaced only where it was a socket that refused a
 * connection. Between that look and the replacing somebody else may have come
 * first: the two names are exchanged, and exchanged again if what came out is
 * not what was looked at.
 *
 * Threads: any.
 */
#include "proxy/admin/admin.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64, TRIES = 16, OWN_NAME = 16 /* "/.mayfly-" and 6 digits */ };

/* --- beside the name --- */

static int fill_address(const char *path, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof ret->sun_path)
        return -1;
    strcpy(ret->sun_path, path);
    return 0;
}

/* "dir/.mayfly-1a2b3c" for "dir/name". */
static int name_beside(const char *path, struct sockaddr_un *ret)
{
    const char *slash = strrchr(path, '/');
    char text[sizeof ret->sun_path + OWN_NAME];
    unsigned number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return -1;
    snprintf(text, sizeof text, "%.*s.mayfly-%06x",
             slash ? (int)(slash - path) + 1 : 0, path, number & 0xffffff);
    return fill_address(text, ret);
}

/* Binds to a name that nobody else has. The mode that the socket has before is
 * the most that the name will have. */
static int bind_beside(int fd, const char *path, struct sockaddr_un *ret)
{
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        if (name_beside(path, ret) != 0)
            return -1;
        if (bind(fd, (const struct sockaddr *)ret, sizeof *ret) == 0)
            return 0;
        if (errno != EADDRINUSE)
            return -1;
    }
    return -1;
}

/* --- into its place --- */

/* Whether a name is a socket that nobody listens on; `ret` is what it is. 1: it
 * is; 0: it is something else; -1: there is none (any more). */
static int is_stale(const char *path, struct stat *ret)
{
    struct sockaddr_un at;
    if (lstat(path, ret) != 0)
        return -1;
    if (!S_ISSOCK(ret->st_mode) || fill_address(path, &at) != 0)
        return 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return 0;
    int code = connect(fd, (const struct sockaddr *)&at, sizeof at);
    int refused = code != 0 && errno == ECONNREFUSED;
    int none = code != 0 && errno == ENOENT;
    close(fd);
    return none ? -1 : refused;
}

static int is_same(const char *path, dev_t dev, ino_t ino)
{
    struct stat st;
    return lstat(path, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* Puts `beside` in the place of what is there and was stale. 0: done; 1: look
 * again; -1: it cannot be. */
static int replace(const char *beside, const char *path, const struct stat *was)
{
    if (renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_EXCHANGE) != 0) {
        if (errno == ENOENT)
            return 1;
        /* a file system that cannot exchange */
        return (errno == EINVAL || errno == ENOSYS) && unlink(path) == 0 ? 1
                                                                         : -1;
    }
    if (!is_same(beside, was->st_dev, was->st_ino)) {
        renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_EXCHANGE);
        return 1;
    }
    unlink(beside);
    return 0;
}

/* 0; EEXIST: the name is in use; EIO with errno. */
static int put_in_place(const char *beside, const char *path)
{
    for (int i = 0; i < TRIES; i++) {
        struct stat was;
        if (link(beside, path) == 0) {
            unlink(beside);
            return 0;
        }
        if (errno != EEXIST)
            return MAYFLY_EIO;
        int stale = is_stale(path, &was);
        if (stale == 0)
            return MAYFLY_EEXIST;
        int done = stale > 0 ? replace(beside, path, &was) : 1;
        if (done <= 0)
            return done == 0 ? 0 : MAYFLY_EIO;
    }
    return MAYFLY_EEXIST; /* others come and go all the time */
}

/* --- all of it --- */

/* Listens behind a name of its own, with its permissions. 0 or -1. */
static int prepare(int fd, const char *path, mode_t mode, unsigned gid,
                   struct sockaddr_un *beside, mf_admin_socket *ret)
{
    struct stat st;
    if (bind_beside(fd, path, beside) != 0)
        return -1;
    if ((gid && chown(beside->sun_path, (uid_t)-1, (gid_t)gid) != 0) ||
        chmod(beside->sun_path, mode) != 0 || listen(fd, BACKLOG) != 0 ||
        lstat(beside->sun_path, &st) != 0) {
        int saved = errno;
        unlink(beside->sun_path);
        errno = saved;
        return -1;
    }
    ret->dev = st.st_dev;
    ret->ino = st.st_ino;
    return 0;
}

/* A program may change its folder before the name is taken away. */
static int make_absolute(mf_alloc *alloc, const char *path, char **ret,
                         mayfly_error *err)
{
    char folder[4096] = "";
    if (path[0] != '/' && !getcwd(folder, sizeof folder))
        return mf_error_set(err, MAYFLY_EIO, "the working folder: %s",
                            strerror(errno));
    size_t n = strlen(folder) + strlen(path) + 2;
    char *whole = mf_alloc_new(alloc, n);
    if (!whole)
        return mf_error_nomem(err, "an admin socket");
    snprintf(whole, n, "%s%s%s", folder, path[0] == '/' ? "" : "/", path);
    *ret = whole;
    return 0;
}

/* Both the name and the one beside it have to fit. */
static int check_length(const char *path, mayfly_error *err)
{
    struct sockaddr_un un;
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) : 0;
    size_t n = strlen(path);
    if (n > 0 && path[n - 1] != '/' && n < sizeof un.sun_path &&
        folder + OWN_NAME < sizeof un.sun_path)
        return 0;
    return mf_error_set(err, MAYFLY_EINVAL,
                        "an admin socket is a path of 1 to %zu bytes, its "
                        "folder of %zu",
                        sizeof un.sun_path - 1,
                        sizeof un.sun_path - 1 - OWN_NAME);
}

int mf_admin_socket_open(mf_alloc *alloc, const char *path, mode_t mode,
                         unsigned gid, mf_admin_socket *ret, int *ret_fd,
                         mayfly_error *err)
{
    struct sockaddr_un beside;
    mf_admin_socket made = {0};
    int code = check_length(path, err);
    if (code == 0)
        code = make_absolute(alloc, path, &made.path, err);
    if (code != 0)
        return code;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || prepare(fd, path, mode, gid, &beside, &made) != 0) {
        code = MAYFLY_EIO;
    } else {
        code = put_in_place(beside.sun_path, path);
        int saved = errno;
        if (code != 0)
            unlink(beside.sun_path);
        errno = saved;
    }
    if (code == 0) {
        *ret = made;
        *ret_fd = fd;
        return 0;
    }
    mf_error_set(err, code, "%s: %s", path,
                 code == MAYFLY_EEXIST ? "the name is in use"
                                       : strerror(errno));
    if (fd >= 0)
        close(fd);
    mf_alloc_free(alloc, made.path);
    return code;
}

void mf_admin_socket_remove(mf_alloc *alloc, mf_admin_socket *s)
{
    if (s->path && is_same(s->path, s->dev, s->ino))
        unlink(s->path);
    mf_alloc_free(alloc, s->path);
    *s = (mf_admin_socket){0};
}
