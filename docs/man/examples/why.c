/*
 * What holds a context, a word in a global of the program among it:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>

static void *kept;

int main(void)
{
    const mayfly_source file = {
        .name = "twice.c",
        .text = "int twice(int x) { return x + x; }"};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_pin *pin;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_source(host, "twice", &file, 1, NULL, &ctx, &err) !=
            0 ||
        mayfly_pin_take(ctx, "main", &pin, &err) != 0 ||
        mayfly_pin_symbol(pin, "twice", &kept, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    mayfly_why_report *report;
    if (mayfly_why(ctx, NULL, &report, &err) == 0) {
        puts(mayfly_why_text(report));
        mayfly_why_free(report);
    }
    mayfly_pin_free(pin);
    mayfly_context_unref(ctx);
    mayfly_host_free(host);
    return 0;
}
