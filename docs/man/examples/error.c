/*
 * An error with its place:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>

int main(void)
{
    const mayfly_source schema = {
        .name = "bad.proto",
        .text = "syntax = \"proto3\";\nmessage A { Foo foo = 1; }\n"};
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_error err = MAYFLY_ERROR_INIT;

    if (mayfly_host_new(NULL, &host, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    if (mayfly_load_text(host, "bad", &schema, NULL, &ctx, &err) != 0)
        printf("%s: %s\nline %d, column %d\n",
               mayfly_error_name(err.code), err.message, err.line,
               err.column);
    mayfly_host_free(host);
    return 0;
}
