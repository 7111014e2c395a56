/*
 * A client that sends a token with every call, and a server that looks
 * for it and counts:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>

static int begin(void *state, void *memory, mayfly_call *call)
{
    (void)memory;
    return mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "token",
                                *(mayfly_str *)state, NULL);
}

static int check(void *state, void *memory, mayfly_call *call)
{
    (void)memory;
    if (!mayfly_call_find(call, "token").ptr)
        return mayfly_call_fail(call, MAYFLY_STATUS_UNAUTHENTICATED,
                                "no token");
    ++*(int *)state;
    return 0;
}

static void end(void *state, void *memory, mayfly_call *call)
{
    (void)state;
    (void)memory;
    printf("%s: %s\n", mayfly_call_path(call),
           mayfly_status_name(mayfly_call_status(call)));
}

const mayfly_interceptor audit = {
    .size = sizeof audit, .begin = check, .end = end};

static int echo(void *state, mayfly_call *call, mayfly_bytes request)
{
    (void)state;
    return mayfly_call_reply(call, request, NULL);
}

static void call_once(mayfly_host *host, mayfly_channel *channel)
{
    mayfly_call *call;
    mayfly_bytes reply, request = {(const uint8_t *)"hello", 5};
    if (mayfly_call_new(host, NULL, &call, NULL) != 0)
        return;
    mayfly_channel_call(channel, "/test.Echo/Say", call, request,
                        &reply, NULL);
    mayfly_call_free(call);
}

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_server *server;
    mayfly_channel *channel;
    mayfly_str token = MAYFLY_STR("secret");
    int count = 0;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_server_new(host, NULL, &server, &err) != 0 ||
        mayfly_server_add_raw(server, "/test.Echo/Say", echo, NULL,
                              NULL, &err) != 0 ||
        mayfly_server_intercept(
            server, &audit, MAYFLY_INTERCEPT_OPTIONS(.state = &count),
            NULL, &err) != 0 ||
        mayfly_server_listen(server, "unix:echo.socket", NULL, &err) !=
            0 ||
        mayfly_dial(host, "unix:echo.socket", NULL, &channel, &err) !=
            0)
        goto failed;
    call_once(host, channel);
    if (mayfly_channel_intercept(
            channel, MAYFLY_INTERCEPTOR(.begin = begin),
            MAYFLY_INTERCEPT_OPTIONS(.state = &token), NULL, &err) != 0)
        goto failed;
    call_once(host, channel);
    printf("with a token: %d\n", count);
    mayfly_channel_unref(channel);
    mayfly_server_free(server, 1000);
    mayfly_host_free(host);
    return 0;
failed:
    fprintf(stderr, "%s\n", err.message);
    return 1;
}
