/*
 * A message with a repeated field, written in place:
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <stdio.h>

static void show(const helloworld_HelloRequest *request)
{
    size_t i;
    for (i = 0; i < request->titles.n; i++)
        printf("%.*s ", (int)request->titles.items[i].len,
               request->titles.items[i].ptr);
    printf("%.*s\n", (int)request->name.len, request->name.ptr);
}

int main(int argc, char **argv)
{
    helloworld_HelloRequest request = {.name = MAYFLY_STR("ada")};
    show(&request);

    helloworld_HelloRequest titled = {
        .name = MAYFLY_STR("ada"),
        .titles = MAYFLY_ITEMS(mayfly_str, MAYFLY_STR("Countess"),
                               MAYFLY_STR("Lady")),
    };
    show(&titled);
    titled.name = mayfly_str_of(argc > 1 ? argv[1] : "grace");
    show(&titled);
    return 0;
}
