/*
 * The library's side of test_rpc.py and test_intercept.py: messages are bytes,
 * so no schema is needed.
 *
 *     rpc_peer serve ADDRESS     prints the port; ends with standard input
 *     rpc_peer call TARGET PATH TIMEOUT_MS [KEY VALUE]...
 *     rpc_peer serve-changed, call-changed: the same with an interceptor
 *
 * `call` sends standard input and writes what came back: a line with the
 * status, then the message of the status, metadata, trailers and reply, each
 * with its name and length in a line of its own.
 */
#include <mayfly/mayfly.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST_MAX = 16 << 20 };

static int die(const char *what, const mayfly_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    return 1;
}

static int on_echo(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    return mayfly_call_reply(call, in, NULL);
}

/* Ends with the status in "x-status" and the request as its message. */
static int on_fail(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    mayfly_str status = mayfly_call_find(call, "x-status");
    mayfly_str text = {(const char *)in.ptr, in.len};
    int code = status.ptr ? atoi(status.ptr) : MAYFLY_STATUS_UNKNOWN;
    mayfly_call_set_status(call, code, text, NULL);
    return code;
}

/* Gives metadata that begins with "x-" back, first and last. */
static int on_mirror(void *state, mayfly_call *call, mayfly_bytes in)
{
    size_t n;
    (void)state;
    const mayfly_metadata *m = mayfly_call_metadata(call, &n);
    for (size_t i = 0; i < n; i++)
        if (strncmp(m[i].key.ptr, "x-", 2) == 0 &&
            (mayfly_call_add_metadata(call, m[i].key.ptr, m[i].value, NULL) ||
             mayfly_call_add_trailer(call, m[i].key.ptr, m[i].value, NULL)))
            return MAYFLY_STATUS_INTERNAL;
    return mayfly_call_reply(call, in, NULL);
}

/* On a worker: until nobody waits any more. */
static int on_hang(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    (void)in;
    fprintf(stderr, "time left: %d\n",
            mayfly_call_time_left_ms(call) == INT64_MAX
                ? -1
                : (int)mayfly_call_time_left_ms(call));
    while (!mayfly_call_cancelled(call))
        usleep(1000);
    fprintf(stderr, "cancelled\n");
    return MAYFLY_STATUS_CANCELLED;
}

/* --- interceptors --- */

/* The message with a letter in front or behind. */
static int edge(mayfly_call *call, mayfly_bytes *message, const char *front,
                const char *behind)
{
    mayfly_str s = mayfly_arena_printf(mayfly_call_arena(call), "%s%.*s%s",
                                       front, (int)message->len,
                                       (const char *)message->ptr, behind);
    *message = (mayfly_bytes){(const uint8_t *)s.ptr, s.len};
    return s.ptr ? 0 : MAYFLY_ENOMEM;
}

/* Who has no token does not come in; the handler hears of a user instead. */
static int server_begin(void *state, void *memory, mayfly_call *call)
{
    (void)state;
    (void)memory;
    if (!mayfly_call_find(call, "x-token").ptr)
        return mayfly_call_fail(call, MAYFLY_STATUS_UNAUTHENTICATED,
                                "no token");
    if (mayfly_intercept_remove(call, MAYFLY_REQUEST_METADATA, "x-token",
                                NULL) ||
        mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "x-user-bin",
                             mayfly_str_of("\xff\xfe"), NULL))
        return MAYFLY_STATUS_INTERNAL;
    return 0;
}

static int server_message(void *state, void *memory, mayfly_call *call,
                          enum mayfly_direction direction,
                          mayfly_bytes *message)
{
    (void)state;
    (void)memory;
    return edge(call, message, direction == MAYFLY_REQUEST ? "<" : "",
                direction == MAYFLY_REQUEST ? "" : ">");
}

static void server_end(void *state, void *memory, mayfly_call *call)
{
    (void)state;
    (void)memory;
    mayfly_intercept_remove(call, MAYFLY_TRAILERS, "x-a", NULL);
    mayfly_intercept_add(call, MAYFLY_TRAILERS, "x-end", mayfly_str_of("yes"),
                         NULL);
    if (mayfly_call_status(call) == MAYFLY_STATUS_NOT_FOUND)
        mayfly_call_set_status(call, MAYFLY_STATUS_ABORTED,
                               mayfly_str_of("\xe2\x82\xac changed"), NULL);
}

static int client_begin(void *state, void *memory, mayfly_call *call)
{
    (void)state;
    (void)memory;
    mayfly_intercept_remove(call, MAYFLY_REQUEST_METADATA, "x-drop", NULL);
    return mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "x-token",
                                mayfly_str_of("secret"), NULL);
}

static int client_message(void *state, void *memory, mayfly_call *call,
                          enum mayfly_direction direction,
                          mayfly_bytes *message)
{
    (void)state;
    (void)memory;
    return edge(call, message, "", direction == MAYFLY_REQUEST ? "!" : "?");
}

static void client_end(void *state, void *memory, mayfly_call *call)
{
    (void)state;
    (void)memory;
    mayfly_intercept_add(call, MAYFLY_REPLY_METADATA, "x-seen",
                         mayfly_str_of("1"), NULL);
    if (mayfly_call_status(call) == MAYFLY_STATUS_PERMISSION_DENIED)
        mayfly_intercept_reply(
            call, (mayfly_bytes){(const uint8_t *)"allowed", 7}, NULL);
}

static int serve(mayfly_host *host, const char *address, int changed)
{
    static const struct {
        const char *path;
        mayfly_raw_handler_fn handler;
        int blocking;
    } routes[] = {{"/test.T/Echo", on_echo, 0},
                  {"/test.T/EchoWorker", on_echo, 1},
                  {"/test.T/Fail", on_fail, 0},
                  {"/test.T/Mirror", on_mirror, 0},
                  {"/test.T/Hang", on_hang, 1}};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_server *server;
    int port;
    if (mayfly_server_new(host, NULL, &server, &err) != 0)
        return die("server", &err);
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (mayfly_server_add_raw(
                server, routes[i].path, routes[i].handler, NULL,
                MAYFLY_SERVICE_OPTIONS(.blocking = routes[i].blocking),
                &err) != 0)
            return die(routes[i].path, &err);
    if (changed &&
        mayfly_server_intercept(server,
                                MAYFLY_INTERCEPTOR(.begin = server_begin,
                                                   .message = server_message,
                                                   .end = server_end),
                                NULL, NULL, &err) != 0)
        return die("interceptor", &err);
    if (mayfly_server_listen(server, address, &port, &err) != 0)
        return die(address, &err);
    printf("%d\n", port);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    mayfly_server_free(server, 100);
    return 0;
}

static void show(const char *name, const void *bytes, size_t n)
{
    printf("%s %zu\n", name, n);
    if (n)
        fwrite(bytes, 1, n, stdout);
    printf("\n");
}

static void show_list(const char *name, const mayfly_metadata *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[200];
        snprintf(text, sizeof text, "%s:%.*s", name, (int)m[i].key.len,
                 m[i].key.ptr);
        show(text, m[i].value.ptr, m[i].value.len);
    }
}

static int call(mayfly_host *host, int argc, char **argv, int changed)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_channel *channel;
    mayfly_call *c;
    mayfly_bytes reply = {NULL, 0};
    uint8_t *request = malloc(REQUEST_MAX);
    size_t n = request ? fread(request, 1, REQUEST_MAX, stdin) : 0;
    if (mayfly_dial(host, argv[2], NULL, &channel, &err) != 0)
        return die(argv[2], &err);
    if (changed &&
        mayfly_channel_intercept(channel,
                                 MAYFLY_INTERCEPTOR(.begin = client_begin,
                                                    .message = client_message,
                                                    .end = client_end),
                                 NULL, NULL, &err) != 0)
        return die("interceptor", &err);
    if (mayfly_call_new(
            host, MAYFLY_CALL_OPTIONS(.timeout_ms = (unsigned)atoi(argv[4])),
            &c, &err) != 0)
        return die("call", &err);
    for (int i = 5; i + 1 < argc; i += 2)
        if (mayfly_call_add_metadata(c, argv[i], mayfly_str_of(argv[i + 1]),
                                     &err) != 0)
            return die(argv[i], &err);
    int rc = mayfly_channel_call(channel, argv[3], c,
                                 (mayfly_bytes){request, n}, &reply, &err);
    if (rc != 0 && rc != MAYFLY_ESTATUS)
        return die("call", &err);
    printf("%d\n", mayfly_call_status(c));
    show("message", mayfly_call_message(c).ptr, mayfly_call_message(c).len);
    size_t count;
    const mayfly_metadata *m = mayfly_call_metadata(c, &count);
    show_list("metadata", m, count);
    m = mayfly_call_trailers(c, &count);
    show_list("trailer", m, count);
    show("reply", reply.ptr, reply.len);
    mayfly_call_free(c);
    mayfly_channel_unref(channel);
    free(request);
    return 0;
}

int main(int argc, char **argv)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    int rc = 2;
    if (mayfly_host_new(NULL, &host, &err) != 0)
        return die("host", &err);
    int changed = argc > 1 && strstr(argv[1], "-changed") != NULL;
    if (argc == 3 && strncmp(argv[1], "serve", 5) == 0)
        rc = serve(host, argv[2], changed);
    else if (argc >= 5 && strncmp(argv[1], "call", 4) == 0)
        rc = call(host, argc, argv, changed);
    mayfly_host_free(host);
    return rc;
}
