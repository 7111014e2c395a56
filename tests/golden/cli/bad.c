#include <mayfly/mayfly.h>

#include "greeter.mf.h"

int helloworld_Greeter_on_SayHello(void *state, mayfly_call *call,
                                   const helloworld_HelloRequest *request,
                                   helloworld_HelloReply *reply)
{
    return reply->no_such_member;
}
