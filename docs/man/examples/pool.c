/*
 * A handler that needs room for the length of a call, and what its
 * pool tells afterwards:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>
#include <string.h>

static int on_scale(void *state, mayfly_call *call, mayfly_bytes in)
{
    mayfly_pool *buffers = state;
    void *work;

    if (mayfly_pool_take_buffer(buffers, 3 * in.len, call, &work, NULL,
                                NULL) != 0)
        return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < 3; i++)
        memcpy((char *)work + i * in.len, in.ptr, in.len);
    return mayfly_call_reply(call, (mayfly_bytes){work, 3 * in.len},
                             NULL) == 0
               ? MAYFLY_STATUS_OK
               : MAYFLY_STATUS_INTERNAL;
}

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_pool_info info = { .size = sizeof(info) };
    mayfly_host *host;
    mayfly_pool *buffers;
    mayfly_server *server;
    mayfly_channel *ch;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_pool_new_buffers(host,
                                MAYFLY_POOL_OPTIONS(.name = "images"),
                                &buffers, &err) != 0 ||
        mayfly_server_new(host, NULL, &server, &err) != 0 ||
        mayfly_server_add_raw(server, "/images.Images/Scale", on_scale,
                              buffers, NULL, &err) != 0 ||
        mayfly_server_listen(server, "unix:images.socket", NULL, &err) !=
            0 ||
        mayfly_dial(host, "unix:images.socket", NULL, &ch, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (int i = 0; i < 5; i++) {
        mayfly_bytes reply, image = { (const uint8_t *)"o-", 2 };
        mayfly_call *call;
        if (mayfly_call_new(host, NULL, &call, &err) == 0 &&
            mayfly_channel_call(ch, "/images.Images/Scale", call, image,
                                &reply, &err) == 0)
            printf("%.*s\n", (int)reply.len, (const char *)reply.ptr);
        mayfly_call_free(call);
    }
    mayfly_channel_unref(ch);
    mayfly_server_free(server, 1000);
    mayfly_pool_get_info(buffers, &info);
    printf("%s: %llu taken, %llu made, %zu out\n", info.name,
           (unsigned long long)info.taken, (unsigned long long)info.made,
           info.loans);
    mayfly_pool_free(buffers);
    mayfly_host_free(host);
    return 0;
}
