/*
 * A program that is loaded, run, and unloaded:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>

int main(int argc, char **argv)
{
    static const char text[] =
        "#include <stdio.h>\n"
        "#include <stdlib.h>\n"
        "int main(int argc, char **argv)\n"
        "{\n"
        "    printf(\"%d arguments\\n\", argc - 1);\n"
        "    fflush(stdout);\n"
        "    exit(7);\n"
        "}\n";
    mayfly_source file = {.name = "hello.c", .text = text};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    int status;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_source(host, "hello", &file, 1, NULL, &ctx, &err) !=
            0 ||
        mayfly_context_run(ctx, argc, argv, &status, &err) != 0 ||
        mayfly_unload(ctx, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000), NULL,
                      &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("it ended with %d\n", status);
    mayfly_context_unref(ctx);
    mayfly_host_free(host);
    return 0;
}
