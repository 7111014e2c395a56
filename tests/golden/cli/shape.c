/* Hands a struct to functions that do not take it, and takes one. */
#include "greeter.mf.h"

typedef struct point {
    float x, y;
    int weight;
} point;

int atoi(point);
point strtol(const char *, char **, int);

int helloworld_Greeter_on_SayHello(void *state, mayfly_call *call,
                                   const helloworld_HelloRequest *request,
                                   helloworld_HelloReply *reply)
{
    point p = {1, 2, 3};
    p.weight = atoi(p);
    p = strtol("1", 0, 10);
    return p.weight;
}
