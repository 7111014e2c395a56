/*
 * What a host is made of:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_memory_report *r;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_file(host, "greeter", "greeter.proto", NULL, &ctx,
                         &err) != 0 ||
        mayfly_memory_report_host(host, NULL, &r, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    puts(mayfly_memory_report_text(r));
    mayfly_memory_report_free(r);
    mayfly_context_unref(ctx);
    mayfly_host_free(host);
    return 0;
}
