/*
 * cli/admin.c: one question to a host's admin socket.
 *
 * docs/admin.md has the protocol: a line of JSON there, a line back. The
 * command uses it as any program may, over a connection for each question.
 *
 * Whatever the host says is printed without control characters: names in it may
 * come from whoever it serves.
 */
#include "cli/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PATIENCE_S = 120, /* longer than any request takes */
    WAIT_MS_MAX = 60000,
    ANSWER_BYTES_MAX = 1 << 30
};

/* --- options --- */

int admin_check(const args_spec *spec, const admin_options *o, int *ret_is_json)
{
    if (!o->socket)
        return args_error(spec, "--admin SOCKET is needed");
    *ret_is_json = o->format && strcmp(o->format, "json") == 0;
    if (o->format && !*ret_is_json && strcmp(o->format, "text") != 0)
        return args_error(spec, "--format is text or json, not '%s'",
                          o->format);
    return ARGS_GO_ON;
}

int admin_check_wait(const args_spec *spec, const char *wait, unsigned *ret_ms)
{
    if (!wait || (cli_duration(wait, ret_ms) == 0 && *ret_ms <= WAIT_MS_MAX))
        return ARGS_GO_ON;
    return args_error(spec,
                      "--wait needs a time such as 500ms or 5s, 60s at the "
                      "most, not '%s'",
                      wait);
}

/* --- a request --- */

void admin_begin(admin_request *q, const char *command)
{
    *q = (admin_request){NULL, NULL, 0};
    q->to = open_memstream(&q->line, &q->len);
    if (q->to)
        fprintf(q->to, "{\"mayfly\":1,\"command\":\"%s\"", command);
}

void admin_put_text(admin_request *q, const char *name, const char *text)
{
    if (!q->to)
        return;
    fprintf(q->to, ",\"%s\":", name);
    cli_put_json(q->to, text);
}

void admin_put_number(admin_request *q, const char *name, uint64_t n)
{
    if (q->to)
        fprintf(q->to, ",\"%s\":%llu", name, (unsigned long long)n);
}

void admin_put_true(admin_request *q, const char *name)
{
    if (q->to)
        fprintf(q->to, ",\"%s\":true", name);
}

void admin_request_drop(admin_request *q)
{
    if (q->to)
        fclose(q->to);
    free(q->line);
    *q = (admin_request){NULL, NULL, 0};
}

/* --- there and back --- */

static int open_socket(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    if (strncmp(path, "unix:", 5) == 0)
        path += 5;
    if (strlen(path) >= sizeof(at.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* A host that turns us away may have closed already and said why. */
static void send_line(int fd, const char *line, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, line, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return;
        if (sent > 0) {
            line += sent;
            n -= (size_t)sent;
        }
    }
}

/* One line, with a zero for its end; NULL with errno (0: the connection ended
 * before). */
static char *receive_line(int fd, size_t *ret_len)
{
    size_t n = 0, cap = 65536;
    char *text = malloc(cap);
    while (text) {
        ssize_t came = recv(fd, text + n, cap - n, 0);
        if (came < 0 && errno == EINTR)
            continue;
        char *end = came > 0 ? memchr(text + n, '\n', (size_t)came) : NULL;
        if (end) {
            *end = '\0';
            *ret_len = (size_t)(end - text);
            return text;
        }
        n += came > 0 ? (size_t)came : 0;
        if (came <= 0 || n >= ANSWER_BYTES_MAX) {
            errno = came == 0 ? 0 : came < 0 ? errno : EFBIG;
            break;
        }
        char *more = n == cap ? realloc(text, cap *= 2) : text;
        if (!more)
            break;
        text = more;
    }
    int saved = text ? errno : ENOMEM;
    free(text);
    errno = saved;
    return NULL;
}

static int exchange(const char *socket, admin_request *q, char **ret_text,
                    size_t *ret_len)
{
    int fd = open_socket(socket);
    if (fd < 0)
        return cli_fail("%s: %s", socket, strerror(errno));
    send_line(fd, q->line, q->len);
    *ret_text = receive_line(fd, ret_len);
    int saved = errno;
    close(fd);
    if (*ret_text)
        return CLI_OK;
    return saved == 0 ? cli_fail("%s: closed without an answer", socket)
           : saved == EAGAIN
               ? cli_fail("%s: no answer within %d seconds", socket, PATIENCE_S)
               : cli_fail("%s: %s", socket, strerror(saved));
}

/* --- what went wrong --- */

/* Control characters become question marks, those of UTF-8 (C1) too. */
static void clean(char *text)
{
    for (char *p = text; *p; p++) {
        unsigned char c = (unsigned char)p[0], next = (unsigned char)p[1];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            *p = '?';
        else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
            p[0] = p[1] = '?';
    }
}

/* A string of the answer, to be shown; it is ours to change. */
static const char *shown(const cli_json *of, const char *key)
{
    const char *text = cli_json_text(of, key);
    if (*text)
        clean((char *)(uintptr_t)text);
    return text;
}

static int code_of(const char *name)
{
    int code = -1;
    while (code > -100 && strcmp(mayfly_error_name(code), name) != 0)
        code--;
    return code;
}

static int fail(const cli_json *doc)
{
    const cli_json *error = cli_json_get(doc, "error");
    const cli_json *findings = cli_json_get(doc, "findings");
    cli_diagnostics seen = {"", 0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    for (const cli_json *f = findings ? findings->first : NULL; f;
         f = f->next) {
        mayfly_diagnostic d = {
            .file = shown(f, "file"),
            .line = (int)cli_json_number(f, "line"),
            .column = (int)cli_json_number(f, "column"),
            .is_warning = cli_json_is(f, "warning"),
            .text = shown(f, "text"),
        };
        cli_diagnostic(&seen, &d);
    }
    err.code = code_of(cli_json_text(error, "code"));
    err.line = (int)cli_json_number(error, "line");
    snprintf(err.message, sizeof(err.message), "%s", shown(error, "message"));
    return cli_fail_load(&err, &seen);
}

/* --- an answer --- */

void admin_answer_free(admin_answer *a)
{
    free(a->doc);
    free(a->copy);
    free(a->text);
    *a = (admin_answer){NULL, NULL, NULL, NULL};
}

static int understand(admin_answer *a, size_t len, const char *socket)
{
    a->copy = strdup(a->text);
    a->doc = a->copy ? cli_json_read(a->text, len, a->copy) : NULL;
    if (!a->doc || cli_json_number(a->doc, "mayfly") != 1)
        return cli_fail("%s: no admin socket of mayfly answers there", socket);
    if (!cli_json_is(a->doc, "ok"))
        return fail(a->doc);
    a->result = cli_json_get(a->doc, "result");
    return a->result ? CLI_OK
                     : cli_fail("%s: an answer without a result", socket);
}

int admin_ask(admin_request *q, const char *socket, admin_answer *ret)
{
    size_t len = 0;
    *ret = (admin_answer){NULL, NULL, NULL, NULL};
    if (q->to)
        fputs("}\n", q->to);
    int is_whole = q->to && fflush(q->to) == 0 && !ferror(q->to) && q->line;
    int rc = is_whole ? exchange(socket, q, &ret->text, &len)
                      : cli_fail("out of memory");
    if (rc == CLI_OK)
        rc = understand(ret, len, socket);
    admin_request_drop(q);
    return rc;
}

int admin_run(admin_request *q, const char *socket, int is_json,
              void (*print)(const cli_json *result),
              int (*judge)(const cli_json *result))
{
    admin_answer answer;
    int rc = admin_ask(q, socket, &answer);
    if (rc == CLI_OK && is_json)
        rc = cli_print_json(answer.result->raw, answer.result->raw_len);
    else if (rc == CLI_OK)
        print(answer.result);
    if (rc == CLI_OK)
        rc = cli_finish(judge ? judge(answer.result) : CLI_OK);
    admin_answer_free(&answer);
    return rc;
}

void admin_print_text(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return;
    clean(copy);
    fputs(copy, stdout);
    free(copy);
}
