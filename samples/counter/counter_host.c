/*
 * A host whose handlers are source: it compiles them, serves with them, and
 * swaps others in while it serves.
 *
 *     counter_host counter.proto 127.0.0.1:50051 handlers/first.c
 *     handlers/second.c                              a line on standard input
 *
 * Each line that it reads names a file to swap in. Calls that are under way end
 * in the version that they began in; what was counted goes on to the next one,
 * which is the handlers' own doing (mayfly/handlers.h). A file that does not
 * compile, or whose mayfly_on_load refuses, changes nothing. At the end of the
 * input it stops.
 */
#include <mayfly/mayfly.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct app {
    const char *schema;
    mayfly_host *host;
    mayfly_server *server;
    mayfly_unit *unit;
} app;

static int fail(const char *what, const mayfly_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    return 1;
}

/* What the handlers may call, beside mayfly and libc's usual functions. */
static void host_note(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

/* The file's text, to be freed; NULL: it cannot be read. */
static char *read_file(const char *path)
{
    char *text = NULL;
    size_t room = 0;
    FILE *f = fopen(path, "r");
    if (!f)
        return NULL;
    if (getdelim(&text, &room, '\0', f) < 0) {
        free(text);
        text = NULL;
    }
    fclose(f);
    return text;
}

/* Makes the file the unit's current version; the first one makes the unit. */
static int use(app *a, const char *path)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_swap swap = {0};
    char *folder = strdup(path), *text = read_file(path);
    if (!folder || !text) {
        fprintf(stderr, "%s: cannot be read\n", path);
        free(folder);
        free(text);
        return 1;
    }
    char *slash = strrchr(folder, '/'); /* headers are beside it */
    if (slash)
        *slash = '\0';
    const char *dirs[] = {slash ? folder : "."};
    const mayfly_source file = {path, text, 0};
    const mayfly_recipe *recipe =
        MAYFLY_RECIPE(.path = a->schema,
                      .load = MAYFLY_LOAD_OPTIONS(.handlers = &file,
                                                  .n_handlers = 1,
                                                  .header_dirs = dirs,
                                                  .n_header_dirs = 1));
    int code = a->unit ? mayfly_unit_swap(a->unit, recipe,
                                          MAYFLY_SWAP_OPTIONS(.wait_ms = 2000),
                                          &swap, &err)
                       : mayfly_unit_load(a->host, "counter", recipe, &a->unit,
                                          NULL, &err);
    free(folder);
    free(text);
    if (code != 0)
        return fail("refused", &err);
    printf("version %d serves", (int)mayfly_unit_version(a->unit));
    if (swap.receipt)
        printf("; %zu bytes of version %d remain",
               mayfly_receipt_retained(swap.receipt), (int)swap.from);
    printf("\n");
    fflush(stdout);
    mayfly_receipt_free(swap.receipt);
    return 0;
}

static int serve(app *a, const char *address)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    int port = 0;
    if (mayfly_server_new(a->host, NULL, &a->server, &err) != 0 ||
        mayfly_unit_serve_source(a->unit, a->server, NULL, NULL, &err) != 0 ||
        mayfly_server_listen(a->server, address, &port, &err) != 0)
        return fail("cannot serve", &err);
    printf("listening on port %d\n", port);
    fflush(stdout);
    return 0;
}

static int swap_lines(app *a)
{
    char line[1024];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0])
            use(a, line);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const mayfly_symbol symbols[] = {MAYFLY_SYMBOL(host_note)};
    mayfly_error err = MAYFLY_ERROR_INIT;
    app a = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: counter_host SCHEMA ADDRESS HANDLERS.c\n");
        return 2;
    }
    a.schema = argv[1];
    if (mayfly_host_new(NULL, &a.host, &err) != 0)
        return fail("no host", &err);
    int code = mayfly_host_export(a.host, symbols, 1, &err);
    if (code != 0)
        fail("cannot export", &err);
    if (code == 0)
        code = use(&a, argv[3]);
    if (code == 0)
        code = serve(&a, argv[2]);
    if (code == 0)
        code = swap_lines(&a);
    mayfly_server_free(a.server, 1000);
    if (a.unit && mayfly_unit_remove(a.unit, 2000, &err) != 0)
        code = fail("cannot unload", &err);
    mayfly_unit_unref(a.unit);
    mayfly_host_free(a.host);
    return code != 0;
}
