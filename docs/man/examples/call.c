/*
 * A handler that reads metadata, answers with trailers, and fails some
 * calls; and a client that reads all that:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>

static int find_user(void *state, mayfly_call *call,
                     mayfly_bytes request)
{
    mayfly_str user = mayfly_call_find(call, "user");
    (void)state, (void)request;
    if (mayfly_call_add_trailer(call, "asked-for", user, NULL) != 0)
        return MAYFLY_STATUS_INTERNAL;
    return mayfly_call_fail(call, MAYFLY_STATUS_NOT_FOUND,
                            "no such user");
}

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_server *server;
    mayfly_channel *ch;
    mayfly_call *call;
    mayfly_bytes reply;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_server_new(host, NULL, &server, &err) != 0 ||
        mayfly_server_add_raw(server, "/users.Users/Find", find_user,
                              NULL, NULL, &err) != 0 ||
        mayfly_server_listen(server, "unix:users.socket", NULL, &err) !=
            0 ||
        mayfly_dial(host, "unix:users.socket", NULL, &ch, &err) != 0 ||
        mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 5000),
                        &call, &err) != 0 ||
        mayfly_call_add_metadata(call, "user", mayfly_str_of("ada"),
                                 &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    if (mayfly_channel_call(ch, "/users.Users/Find", call,
                            (mayfly_bytes){0}, &reply,
                            &err) == MAYFLY_ESTATUS) {
        mayfly_str message = mayfly_call_message(call);
        mayfly_str asked = mayfly_call_find(call, "asked-for");
        printf("%s: %.*s: %.*s\n",
               mayfly_status_name(mayfly_call_status(call)),
               (int)message.len, message.ptr, (int)asked.len,
               asked.ptr);
    }
    mayfly_call_free(call);
    mayfly_channel_unref(ch);
    mayfly_server_free(server, 1000);
    mayfly_host_free(host);
    return 0;
}
