/*
 * Loads C sources that come on standard input, each ended by a zero byte, and
 * unloads those that are good. Says how many there were and how many were good.
 * What is neither good nor an error of the source's ends it.
 *
 *     load_c FILE     FILE has the source at hand, for when it crashes
 */
#include <mayfly/mayfly.h>

#include <stdio.h>
#include <stdlib.h>

static int keep(const char *path, const char *text, size_t n)
{
    FILE *f = fopen(path, "w");
    int good = f && fwrite(text, 1, n, f) == n;
    return f && fclose(f) == 0 && good;
}

/* 1: good, 0: refused, -1: neither. */
static int load(mayfly_host *host, const char *text, size_t n)
{
    const mayfly_source source = {"s.c", text, n};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *context;
    int code = mayfly_load_source(host, "s", &source, 1, NULL, &context, &err);
    if (code == MAYFLY_ECOMPILE || code == MAYFLY_ELINK ||
        code == MAYFLY_ELIMIT)
        return 0;
    if (code == 0) {
        code = mayfly_unload(context, NULL, NULL, &err);
        mayfly_context_unref(context);
    }
    if (code != 0)
        fprintf(stderr, "%s\n", err.message);
    return code == 0 ? 1 : -1;
}

int main(int argc, char **argv)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    char *text = NULL;
    size_t room = 0;
    ssize_t n;
    int all = 0, good = 0, outcome = 0;

    if (argc != 2 ||
        mayfly_host_new(
            MAYFLY_HOST_OPTIONS(.limits = MAYFLY_LIMITS(.compile_ms = 2000)),
            &host, &err) != 0)
        return 2;
    while (outcome >= 0 && (n = getdelim(&text, &room, '\0', stdin)) > 1) {
        outcome = keep(argv[1], text, (size_t)n - 1)
                      ? load(host, text, (size_t)n - 1)
                      : -1;
        all++;
        good += outcome == 1;
    }
    printf("%d %d\n", all, good);
    free(text);
    mayfly_host_free(host);
    return outcome < 0;
}
