/*
 * tests/api/admin.h: a host with an admin socket in a folder of its own, and a
 * client that speaks its protocol.
 */
#ifndef TESTS_API_ADMIN_H
#define TESTS_API_ADMIN_H

#include "units.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

typedef struct admin_world {
    mayfly_host *host;
    mayfly_admin *admin;
    char folder[64];
    char path[100];
} admin_world;

static inline void admin_begin(admin_world *w,
                               const mayfly_admin_options *options)
{
    *w = (admin_world){.host = hello_host()};
    strcpy(w->folder, "/tmp/mayfly-admin-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/socket", w->folder);
    must(mayfly_admin_listen(w->host, w->path, options, &w->admin, &err));
}

/* The folder is empty then. */
static inline void admin_end(admin_world *w)
{
    mayfly_admin_close(w->admin);
    mayfly_host_free(w->host);
    assert_int_equal(rmdir(w->folder), 0);
}

/* -1 with errno where it cannot be reached. */
static inline int admin_connect(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    strcpy(at.sun_path, path);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* 0, or -1 when the other side takes no more. */
static inline int admin_send(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0)
            return -1;
        bytes += sent;
        n -= (size_t)sent;
    }
    return 0;
}

/* One line without its end, to be freed; NULL when the connection has ended
 * before. */
static inline char *admin_line(int fd)
{
    size_t n = 0, cap = 4096;
    char *line = malloc(cap);
    assert_non_null(line);
    for (;;) {
        if (n + 1 == cap) {
            line = realloc(line, cap *= 2);
            assert_non_null(line);
        }
        if (recv(fd, line + n, 1, 0) != 1) {
            free(line);
            return NULL;
        }
        if (line[n] == '\n')
            break;
        n++;
    }
    line[n] = '\0';
    return line;
}

/* Sends a request and returns its answer, to be freed. */
static inline char *admin_ask(int fd, const char *request)
{
    assert_int_equal(admin_send(fd, request, strlen(request)), 0);
    assert_int_equal(admin_send(fd, "\n", 1), 0);
    return admin_line(fd);
}

/* An answer has all of these parts. */
static inline void admin_has(const char *answer, const char *part)
{
    if (!answer || !strstr(answer, part))
        fail_msg("no %s in %.2000s", part, answer ? answer : "(nothing)");
}

/* Asks over a connection of its own; the answer has the part. */
static inline void admin_answers(const admin_world *w, const char *request,
                                 const char *part)
{
    int fd = admin_connect(w->path);
    assert_true(fd >= 0);
    char *answer = admin_ask(fd, request);
    admin_has(answer, part);
    free(answer);
    close(fd);
}

#define ADMIN_STAT "{\"mayfly\":1,\"command\":\"stat\"}"

#endif
