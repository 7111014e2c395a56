/*
 * A function that is called after its context is gone. A child does it,
 * since that is its end:
 */
#include <mayfly/mayfly.h>

#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int stale_call(void)
{
    const mayfly_source file = {
        .name = "twice.c",
        .text = "int twice(int x) { return x + x; }"};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *ctx;
    mayfly_pin *pin;
    void *twice;

    if (mayfly_fault_handler_install(MAYFLY_FAULT_OPTIONS(.fd = 2),
                                     &err) != 0 ||
        mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_source(host, "twice", &file, 1, NULL, &ctx, &err) !=
            0 ||
        mayfly_pin_take(ctx, "main", &pin, &err) != 0 ||
        mayfly_pin_symbol(pin, "twice", &twice, &err) != 0)
        return 1;
    mayfly_pin_free(pin);
    if (mayfly_unload(ctx, NULL, NULL, &err) != 0)
        return 1;
    return ((int (*)(int))(uintptr_t)twice)(21); /* faults */
}

int main(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(stale_call());
    waitpid(child, &status, 0);
    printf("ended by signal %d\n",
           WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return 0;
}
