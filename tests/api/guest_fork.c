/*
 * Fork: in the child every call on a handle of the parent's answers EFORKED and
 * every free returns; a host made there works. The parent notices nothing.
 */
#include "guest.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child says when something is wrong. */
static int complain(const char *what, int code)
{
    fprintf(stderr, "in the child: %s: %s\n", what, mayfly_error_name(code));
    return 1;
}

#define refused(expression)                                                    \
    do {                                                                       \
        int code_ = (expression);                                              \
        if (code_ != MAYFLY_EFORKED)                                           \
            wrong += complain(#expression, code_);                             \
    } while (0)

static int handles_are_refused(guest *g, mayfly_call *call)
{
    const mayfly_source schema = {"guest.proto", GUEST_SCHEMA, 0};
    mayfly_bytes bytes = {(const uint8_t *)"", 0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_bytes reply;
    mayfly_channel *channel;
    mayfly_context *context;
    mayfly_server *server;
    mayfly_call *fresh;
    mayfly_arena *arena;
    mayfly_str text;
    mayfly_pin *pin;
    int wrong = 0;

    refused(mayfly_load_text(g->host, "x", &schema, NULL, &context, &err));
    refused(mayfly_server_new(g->host, NULL, &server, &err));
    refused(mayfly_server_listen(g->server, "127.0.0.1:0", NULL, &err));
    refused(mayfly_dial(g->host, "127.0.0.1:1", NULL, &channel, &err));
    refused(mayfly_call_new(g->host, NULL, &fresh, &err));
    refused(mayfly_channel_call(g->channel, "/guest.Desk/Leave", call, bytes,
                                &reply, &err));
    refused(mayfly_call_json(g->context, g->channel, "guest.Desk/Leave", call,
                             (mayfly_str)MAYFLY_STR("{}"), &text, &err));
    refused(mayfly_pin_take(g->context, "child", &pin, &err));
    refused(mayfly_unload(g->context, NULL, NULL, &err));
    if (err.message[0] == '\0')
        wrong += complain("the message is empty", err.code);
    if (mayfly_arena_new(g->host, 0, &arena, &err) == 0)
        mayfly_arena_free(arena);
    return wrong;
}

static int child(guest *g, mayfly_call *call)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    guest mine;
    int wrong = handles_are_refused(g, call);

    int code = guest_start(&mine, NULL, &err);
    if (code == 0)
        code = guest_call(mine.host, mine.channel, 100, NULL, &err);
    if (code != 0) {
        wrong += complain(err.message, code);
    } else {
        guest_stop(&mine);
    }
    /* the parent's threads are not here; freeing must not wait for them */
    mayfly_call_free(call);
    mayfly_channel_unref(g->channel);
    mayfly_server_free(g->server, 1000);
    mayfly_context_unref(g->context);
    mayfly_host_free(g->host);
    return wrong;
}

static void a_child_is_on_its_own(void **state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_call *call;
    int status = -1;
    guest g;
    (void)state;

    must(guest_start(&g, NULL, &err), err);
    must(guest_call(g.host, g.channel, 100, NULL, &err), err);
    must(mayfly_call_new(g.host, NULL, &call, &err), err);

    pid_t pid = fork();
    if (pid == 0) {
        alarm(60); /* a child that hangs is a failure, not a hang */
        _exit(child(&g, call) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    /* the parent's connection is as it was */
    must(guest_call(g.host, g.channel, 100000, NULL, &err), err);
    mayfly_call_free(call);
    guest_stop(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_is_on_its_own),
    };
    if (TEST_TSAN) {
        puts("ThreadSanitizer cannot start threads in a forked child");
        return TEST_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
