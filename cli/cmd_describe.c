/*
 * cli/cmd_describe.c: mayfly describe.
 */
#include "cli/cli.h"

#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: mayfly describe SCHEMA [SYMBOL] [OPTIONS]\n"
    "\n"
    "Lists the services, methods, messages and enums of a .proto file, or one "
    "of\n"
    "them by its full name. Describing a live server (TARGET in place of "
    "SCHEMA)\n"
    "needs reflection, which is not built yet.\n"
    "\n"
    "  -I DIR    where imports are looked up; may be given again\n"
    "\n"
    "Example:\n"
    "  mayfly describe greeter.proto helloworld.Greeter\n";

/* "host:port" or "unix:PATH", and no file of that name. */
static int is_target(const char *text)
{
    if (access(text, F_OK) == 0)
        return 0;
    const char *colon = strrchr(text, ':');
    return strncmp(text, "unix:", 5) == 0 ||
           (colon && colon[1] &&
            colon[1 + strspn(colon + 1, "0123456789")] == '\0');
}

static int describe(const args_list *operands, const args_list *dirs)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_output *output;
    cli_diagnostics seen = {"", 0};
    const char *symbol = operands->n > 1 ? operands->items[1] : NULL;
    if (is_target(operands->items[0]))
        return cli_fail("%s: describing a live server is not built yet; give "
                        "a .proto file",
                        operands->items[0]);
    if (mayfly_host_new(NULL, &host, &err) != 0)
        return cli_fail_error(&err);
    int rc = mayfly_emit(host, MAYFLY_EMIT_LIST, operands->items, 1, symbol,
                         MAYFLY_LOAD_OPTIONS(.include_dirs = dirs->items,
                                             .n_include_dirs = dirs->n,
                                             .diagnostic = cli_diagnostic,
                                             .diagnostic_state = &seen),
                         &output, &err);
    if (rc != 0) {
        rc = cli_fail_load(&err, &seen);
    } else {
        mayfly_bytes bytes = mayfly_output_bytes(output);
        rc = cli_write(NULL, bytes.ptr, bytes.len);
        mayfly_output_free(output);
    }
    mayfly_host_free(host);
    return rc;
}

int cli_describe(int argc, char **argv)
{
    args_list operands = {NULL, 0}, dirs = {NULL, 0};
    const args_option options[] = {{NULL, 'I', ARGS_LIST, &dirs}};
    const args_spec spec = {"mayfly describe", help, options, 1, 1, 2};
    int rc = args_parse(&spec, argc, argv, &operands);
    if (rc == ARGS_GO_ON)
        rc = describe(&operands, &dirs);
    args_list_free(&operands);
    args_list_free(&dirs);
    return rc;
}
