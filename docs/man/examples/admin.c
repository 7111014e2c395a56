/*
 * A host that can be looked into, and asks itself for its state:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One line there, one line back. */
static int ask(const char *path, const char *line)
{
    char answer[65536];
    size_t n = 0;
    ssize_t came = 1;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(at.sun_path, path, sizeof at.sun_path - 1);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        write(fd, line, strlen(line)) < 0)
        return -1;
    while (came > 0 && n < sizeof answer && !memchr(answer, '\n', n)) {
        came = read(fd, answer + n, sizeof answer - n);
        n += came > 0 ? (size_t)came : 0;
    }
    close(fd);
    fwrite(answer, 1, n, stdout);
    return 0;
}

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_unit *unit;
    mayfly_admin *admin;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_unit_load(host, "greeter",
                         MAYFLY_RECIPE(.path = "greeter.proto"), &unit, NULL,
                         &err) != 0 ||
        mayfly_admin_listen(host, "admin.sock", NULL, &admin, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    ask("admin.sock", "{\"mayfly\": 1, \"command\": \"stat\"}\n");
    mayfly_admin_close(admin);
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
    return 0;
}
