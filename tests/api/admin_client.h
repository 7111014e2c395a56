/*
 * tests/api/admin_client.h: a client of an admin socket.
 */
#ifndef TESTS_API_ADMIN_CLIENT_H
#define TESTS_API_ADMIN_CLIENT_H

#include "tests/support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ADMIN_STAT "{\"mayfly\":1,\"command\":\"stat\"}"

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

/* Sends a request and returns its answer, to be freed, or NULL. Who is turned
 * away gets an answer, too, and may not come to send. */
static inline char *admin_ask(int fd, const char *request)
{
    if (admin_send(fd, request, strlen(request)) == 0)
        admin_send(fd, "\n", 1);
    return admin_line(fd);
}

#endif
