/*
 * cli/cmd_unload.c: mayfly unload.
 *
 * What is still held when the wait is over is a failure: it is out of the unit,
 * and goes with its last holder, which is printed.
 */
#include "cli/admin.h"

static const char help[] =
    "usage: mayfly unload --admin SOCKET [OPTIONS] UNIT[@VERSION]\n"
    "\n"
    "Takes a unit out of a running host with all its versions, or one version "
    "that\n"
    "is not current, and prints the receipts. New calls are refused at once, "
    "those\n"
    "under way may end. UNIT may be the name of a context that is no unit's; "
    "where\n"
    "that is in use, it stays.\n"
    "\n"
    "  --wait TIME          for calls to end (default 1s, at most 60s)\n"
    "  --force              cancel them\n" ADMIN_HELP "\n"
    "Exits with 1 where something still holds the code; it is unloaded with "
    "its last\n"
    "holder.\n"
    "\n"
    "Example:\n"
    "  mayfly unload --admin /run/hello.sock --wait 5s --force greeter\n";

/* All of them are gone, or stay for another unit. */
static int judge(const cli_json *result)
{
    const cli_json *list = cli_json_get(result, "contexts");
    for (const cli_json *c = list ? list->first : NULL; c; c = c->next)
        if (!cli_json_is(c, "gone") && !cli_json_is(c, "shared"))
            return CLI_FAILED;
    return CLI_OK;
}

static void print_one(const cli_json *c)
{
    if (cli_json_is(c, "gone")) {
        admin_print_text(cli_json_text(c, "text"));
        return;
    }
    if (cli_json_is(c, "shared")) {
        admin_print_text(cli_json_text(c, "context"));
        printf(" stays: another unit has the same content\n");
        return;
    }
    admin_print_text(cli_json_text(c, "held"));
    fputc('\n', stdout);
}

static void print(const cli_json *result)
{
    const cli_json *list = cli_json_get(result, "contexts");
    const cli_json *c = list ? list->first : NULL;
    if (!c)
        printf("nothing of it was loaded\n");
    for (; c; c = c->next)
        print_one(c);
}

int cli_unload(int argc, char **argv)
{
    admin_options o = {NULL, NULL};
    args_list operands = {NULL, 0};
    const char *wait = NULL;
    unsigned wait_ms = 0;
    int force = 0, is_json = 0;
    const args_option options[] = {ADMIN_OPTIONS(o),
                                   {"wait", 0, ARGS_VALUE, &wait},
                                   {"force", 0, ARGS_FLAG, &force}};
    const args_spec spec = {"mayfly unload",
                            help,
                            options,
                            sizeof(options) / sizeof(options[0]),
                            1,
                            1};
    int rc = args_parse(&spec, argc, argv, &operands);
    if (rc == ARGS_GO_ON)
        rc = admin_check(&spec, &o, &is_json);
    if (rc == ARGS_GO_ON)
        rc = admin_check_wait(&spec, wait, &wait_ms);
    if (rc == ARGS_GO_ON) {
        admin_request q;
        admin_begin(&q, "unload");
        admin_put_text(&q, "unit", operands.items[0]);
        if (wait)
            admin_put_number(&q, "wait_ms", wait_ms);
        if (force)
            admin_put_true(&q, "force");
        if (!is_json)
            admin_put_true(&q, "text");
        rc = admin_run(&q, o.socket, is_json, print, judge);
    }
    args_list_free(&operands);
    return rc;
}
