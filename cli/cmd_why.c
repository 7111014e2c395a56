/*
 * cli/cmd_why.c: mayfly why.
 */
#include "cli/admin.h"

static const char help[] =
    "usage: mayfly why --admin SOCKET [OPTIONS] UNIT[@VERSION]\n"
    "\n"
    "Tells what holds a unit of a running host: pins and calls, threads inside "
    "its\n"
    "code, words anywhere in the process that point into it. UNIT may be the "
    "name\n"
    "of any context, such as a version that was swapped out and does not go. "
    "The\n"
    "host's threads are stopped for some milliseconds meanwhile.\n"
    "\n" ADMIN_HELP "\n"
    "Example:\n"
    "  mayfly why --admin /run/hello.sock greeter@1\n";

static void print(const cli_json *result)
{
    admin_print_text(cli_json_text(result, "text"));
}

int cli_why(int argc, char **argv)
{
    admin_options o = {NULL, NULL};
    args_list operands = {NULL, 0};
    const args_option options[] = {ADMIN_OPTIONS(o)};
    const args_spec spec = {"mayfly why",
                            help,
                            options,
                            sizeof(options) / sizeof(options[0]),
                            1,
                            1};
    int is_json = 0;
    int rc = args_parse(&spec, argc, argv, &operands);
    if (rc == ARGS_GO_ON)
        rc = admin_check(&spec, &o, &is_json);
    if (rc == ARGS_GO_ON) {
        admin_request q;
        admin_begin(&q, "why");
        admin_put_text(&q, "unit", operands.items[0]);
        if (!is_json)
            admin_put_true(&q, "text");
        rc = admin_run(&q, o.socket, is_json, print, NULL);
    }
    args_list_free(&operands);
    return rc;
}
