/*
 * cli/cmd_swap.c: mayfly swap.
 *
 * With files it brings a version; without, --version names one that is there.
 */
#include "cli/admin.h"

#include <string.h>

static const char help[] =
    "usage: mayfly swap --admin SOCKET [OPTIONS] UNIT SCHEMA [HANDLERS.c...]\n"
    "       mayfly swap --admin SOCKET [OPTIONS] UNIT --version N\n"
    "\n"
    "Makes another version of a unit current, without a lost call: one that is "
    "read\n"
    "from files, or one that is there, by its label or number. Calls under way "
    "end\n"
    "on the old version, whose receipt is printed when it is gone. What cannot "
    "be\n"
    "read, compiled or bound to the headers in use changes nothing.\n"
    "\n"
    "  --version LABEL      with files: what the version is called; without: "
    "which\n"
    "                       one\n"
    "  --keep               the old version stays, to go back to\n"
    "  --wait TIME          for it to be gone (default 1s, at most 60s)\n"
    "  -I DIR               where imports and headers are looked up; may be "
    "given\n"
    "                       again\n" ADMIN_HELP "\n"
    "Example:\n"
    "  mayfly swap --admin /run/hello.sock greeter greeter.proto handlers.c\n";

typedef struct swap {
    admin_options admin;
    args_list operands, dirs;
    const char *version, *wait;
    int keep;
    unsigned wait_ms;
} swap;

static void print(const cli_json *result)
{
    unsigned long long from = cli_json_number(result, "from");
    unsigned long long to = cli_json_number(result, "to");
    char build[CLI_NUMBER];
    admin_print_text(cli_json_text(result, "unit"));
    if (from == to) {
        printf(": version %llu is current already\n", to);
        return;
    }
    printf(": version %llu -> %llu (built in %s us)\n", from, to,
           cli_grouped(cli_json_number(result, "build_us"), build));
    if (cli_json_is(result, "kept"))
        printf("version %llu is kept\n", from);
    else if (!cli_json_is(result, "gone"))
        printf("version %llu goes with its last call\n", from);
    admin_print_text(cli_json_text(result, "text"));
}

static int run(const swap *s, int is_json)
{
    admin_request q;
    int rc = CLI_OK;
    admin_begin(&q, "swap");
    admin_put_text(&q, "unit", s->operands.items[0]);
    if (s->version)
        admin_put_text(&q, "version", s->version);
    if (s->keep)
        admin_put_true(&q, "keep");
    if (s->wait)
        admin_put_number(&q, "wait_ms", s->wait_ms);
    if (!is_json)
        admin_put_true(&q, "text");
    if (s->operands.n > 1)
        rc = admin_put_sources(&q, s->operands.items + 1, s->operands.n - 1,
                               &s->dirs);
    if (rc == CLI_OK)
        return admin_run(&q, s->admin.socket, is_json, print, NULL);
    admin_request_drop(&q);
    return rc;
}

int cli_swap(int argc, char **argv)
{
    swap s = {.version = NULL};
    const args_option options[] = {ADMIN_OPTIONS(s.admin),
                                   {"version", 0, ARGS_VALUE, &s.version},
                                   {"keep", 0, ARGS_FLAG, &s.keep},
                                   {"wait", 0, ARGS_VALUE, &s.wait},
                                   {NULL, 'I', ARGS_LIST, &s.dirs}};
    const args_spec spec = {
        "mayfly swap", help, options, sizeof(options) / sizeof(options[0]), 1,
        (size_t)-1};
    int is_json = 0;
    int rc = args_parse(&spec, argc, argv, &s.operands);
    if (rc == ARGS_GO_ON)
        rc = admin_check(&spec, &s.admin, &is_json);
    if (rc == ARGS_GO_ON && s.operands.n == 1 && !s.version)
        rc = args_error(&spec, "SCHEMA or --version is needed");
    if (rc == ARGS_GO_ON)
        rc = admin_check_wait(&spec, s.wait, &s.wait_ms);
    if (rc == ARGS_GO_ON)
        rc = run(&s, is_json);
    args_list_free(&s.operands);
    args_list_free(&s.dirs);
    return rc;
}
