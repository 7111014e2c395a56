/* The handlers of fly.proto: each does what its name says. */
#include <mayfly/mayfly.h>

#include "fly.mf.h"

#include <unistd.h>

/* Gives the message back, and what came as x-one and x-two-bin. */
int fly_Fly_on_Echo(void *state, mayfly_call *call, const fly_Message *request,
                    fly_Message *reply)
{
    static const char *const keys[] = {"x-one", "x-two-bin"};
    (void)state;
    reply->text = request->text;
    reply->number = request->number;
    for (int i = 0; i < 2; i++) {
        mayfly_str value = mayfly_call_find(call, keys[i]);
        if (value.ptr)
            *fly_Message_add_metadata(reply, mayfly_call_arena(call)) = value;
    }
    return 0;
}

/* Ends with status `number` and `text`, and with trailers. */
int fly_Fly_on_Fail(void *state, mayfly_call *call, const fly_Message *request,
                    fly_Message *reply)
{
    (void)state, (void)reply;
    mayfly_call_add_trailer(call, "x-why", mayfly_str_of("because"), NULL);
    mayfly_call_add_trailer(call, "x-raw-bin", mayfly_str_of("\001\002"), NULL);
    mayfly_call_set_status(call, request->number, request->text, NULL);
    return request->number;
}

/* Sleeps `number` milliseconds, unless nobody waits any more. */
int fly_Fly_on_Wait(void *state, mayfly_call *call, const fly_Message *request,
                    fly_Message *reply)
{
    (void)state;
    for (int i = 0; i < request->number && !mayfly_call_cancelled(call); i++)
        usleep(1000);
    if (mayfly_call_time_left_ms(call) < 0)
        return mayfly_call_fail(call, MAYFLY_STATUS_DEADLINE_EXCEEDED, "late");
    reply->text = mayfly_str_of("waited");
    return 0;
}
