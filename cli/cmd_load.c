/*
 * cli/cmd_load.c: mayfly load.
 */
#include "cli/admin.h"

static const char help[] =
    "usage: mayfly load --admin SOCKET [OPTIONS] UNIT SCHEMA [HANDLERS.c...]\n"
    "\n"
    "Adds a version to a unit of a running host, which is made where there is "
    "none,\n"
    "and prints its receipt so far. The first version is current; others wait "
    "to be\n"
    "used: 'mayfly swap UNIT --version N'. The host reads SCHEMA and what it "
    "imports;\n"
    "handlers are sent to it.\n"
    "\n"
    "  --version LABEL      what the version is called (default: its number)\n"
    "  -I DIR               where imports and headers are looked up; may be "
    "given\n"
    "                       again\n" ADMIN_HELP "\n"
    "Example:\n"
    "  mayfly load --admin /run/hello.sock greeter greeter.proto handlers.c\n";

static void print(const cli_json *result)
{
    printf("loaded ");
    admin_print_text(cli_json_text(result, "unit"));
    printf(" version %llu%s\n",
           (unsigned long long)cli_json_number(result, "version"),
           cli_json_is(result, "current") ? ", which is current" : "");
    admin_print_text(cli_json_text(result, "text"));
}

int cli_load(int argc, char **argv)
{
    admin_options o = {NULL, NULL};
    args_list operands = {NULL, 0}, dirs = {NULL, 0};
    const char *version = NULL;
    const args_option options[] = {ADMIN_OPTIONS(o),
                                   {"version", 0, ARGS_VALUE, &version},
                                   {NULL, 'I', ARGS_LIST, &dirs}};
    const args_spec spec = {
        "mayfly load", help, options, sizeof(options) / sizeof(options[0]), 2,
        (size_t)-1};
    int is_json = 0;
    int rc = args_parse(&spec, argc, argv, &operands);
    if (rc == ARGS_GO_ON)
        rc = admin_check(&spec, &o, &is_json);
    if (rc == ARGS_GO_ON) {
        admin_request q;
        admin_begin(&q, "load");
        admin_put_text(&q, "unit", operands.items[0]);
        if (version)
            admin_put_text(&q, "version", version);
        if (!is_json)
            admin_put_true(&q, "text");
        rc = admin_put_sources(&q, operands.items + 1, operands.n - 1, &dirs);
        if (rc == CLI_OK)
            rc = admin_run(&q, o.socket, is_json, print, NULL);
        else
            admin_request_drop(&q);
    }
    args_list_free(&operands);
    args_list_free(&dirs);
    return rc;
}
