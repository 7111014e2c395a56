/*
 * A message built outside of a call:
 */
#include <mayfly/mayfly.h>

#include "greeter.mf.h"

#include <stdio.h>

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_arena *arena;
    helloworld_HelloRequest request = {.name = MAYFLY_STR("ada")};
    int i;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_arena_new(host, 1 << 20, &arena, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (i = 1; i <= 3; i++) {
        mayfly_str *title =
            helloworld_HelloRequest_add_titles(&request, arena);
        if (title)
            *title = mayfly_arena_printf(arena, "title %d", i);
    }
    printf("%zu titles, the last \"%.*s\"\n", request.titles.n,
           (int)request.titles.items[2].len,
           request.titles.items[2].ptr);
    mayfly_arena_free(arena); /* and all that is in it */
    mayfly_host_free(host);
    return 0;
}
