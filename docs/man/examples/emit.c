/*
 * What a schema has, as text:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>

int main(void)
{
    const char *path = "greeter.proto";
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_output *list;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_emit(host, MAYFLY_EMIT_LIST, &path, 1,
                    "helloworld.HelloReply", NULL, &list, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%s", (const char *)mayfly_output_bytes(list).ptr);
    mayfly_output_free(list);
    mayfly_host_free(host);
    return 0;
}
