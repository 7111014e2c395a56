#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct counter {
    pthread_mutex_t lock;
    int count;
} counter;

int mayfly_on_load(const mayfly_handover *from, void **ret_state,
                   mayfly_error *err)
{
    counter *c = from->state ? from->state : calloc(1, sizeof *c);
    if (!c)
        return MAYFLY_ENOMEM;
    if (!from->state)
        pthread_mutex_init(&c->lock, NULL);
    *ret_state = c;
    return 0;
}

void mayfly_on_unload(void *state, int in_use)
{
    if (!in_use)
        free(state);
}

int helloworld_Greeter_on_SayHello(
    void *state, mayfly_call *call,
    const helloworld_HelloRequest *request,
    helloworld_HelloReply *reply)
{
    counter *c = state;
    int number;
    pthread_mutex_lock(&c->lock);
    number = ++c->count;
    pthread_mutex_unlock(&c->lock);
    reply->message = mayfly_arena_printf(
        mayfly_call_arena(call), "hello %.*s, number %d",
        (int)request->name.len, request->name.ptr, number);
    return reply->message.ptr ? 0 : MAYFLY_STATUS_RESOURCE_EXHAUSTED;
}
