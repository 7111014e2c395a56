/*
 * A host that logs what it has to say and is given other limits while
 * it lives; and one on the program's own loop:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>
#include <uv.h>

static void my_log(void *state, int level, const char *owner,
                   const char *text)
{
    (void)state;
    fprintf(stderr, "%d %s: %s\n", level, owner, text);
}

static int fails(const mayfly_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    return 1;
}

static int on_a_thread(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_limits limits = {.size = sizeof limits};
    mayfly_host *host;
    int code;

    if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.log = my_log), &host,
                        &err) != 0)
        return fails(&err);
    code = mayfly_host_set_limits(host, MAYFLY_LIMITS(.contexts = 100),
                                  &err);
    mayfly_host_get_limits(host, &limits);
    printf("%u contexts at the most\n", limits.contexts);
    mayfly_host_free(host);
    return code == 0 ? 0 : fails(&err);
}

static void answered(void *state, mayfly_call *call, int code,
                     mayfly_bytes reply)
{
    (void)state, (void)reply;
    printf("%s: %s\n", mayfly_error_name(code),
           mayfly_status_name(mayfly_call_status(call)));
}

static int on_a_loop(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    uv_loop_t *loop = uv_default_loop();
    mayfly_host *host;
    mayfly_channel *channel = NULL;
    mayfly_call *call = NULL;
    mayfly_bytes nothing = {NULL, 0};
    int code;

    if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.uv_loop = loop), &host,
                        &err) != 0)
        return fails(&err);
    code =
        mayfly_dial(host, "unix:nobody.socket", NULL, &channel, &err);
    if (code == 0)
        code = mayfly_call_new(host, NULL, &call, &err);
    if (code == 0)
        code = mayfly_channel_start(channel, "/users.Users/Find", call,
                                    nothing, answered, NULL, &err);
    uv_run(loop, UV_RUN_DEFAULT);
    mayfly_call_free(call);
    mayfly_channel_unref(channel);
    mayfly_host_free(host);
    uv_loop_close(loop);
    return code == 0 ? 0 : fails(&err);
}

int main(void)
{
    int code = on_a_thread();
    return code == 0 ? on_a_loop() : code;
}
