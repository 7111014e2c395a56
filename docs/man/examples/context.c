/*
 * A pin keeps a context from being unloaded:
 */
#include <mayfly/mayfly.h>

#include <stdio.h>

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_pin *pin;

    if (mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_file(host, "greeter", "greeter.proto", NULL, &ctx,
                         &err) != 0 ||
        mayfly_pin_take(ctx, "cache", &pin, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    if (mayfly_unload(ctx, NULL, NULL, &err) == MAYFLY_EBUSY)
        printf("%s\n", err.message);
    mayfly_pin_free(pin);

    mayfly_receipt *receipt;
    if (mayfly_unload(ctx, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000),
                      &receipt, &err) == 0) {
        puts(mayfly_receipt_text(receipt));
        mayfly_receipt_free(receipt);
    }
    mayfly_context_unref(ctx);
    mayfly_host_free(host);
    return 0;
}
