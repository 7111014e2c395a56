/*
 * tests/api/admin.h: a host with an admin socket in a folder of its own.
 */
#ifndef TESTS_API_ADMIN_H
#define TESTS_API_ADMIN_H

#include "admin_client.h"
#include "units.h"

#include <fcntl.h>
#include <sys/stat.h>

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

#endif
