/*
 * cli/cmd_run.c: mayfly run.
 *
 * Loads one C file, calls its main, unloads it and ends with main's value. The
 * program may call any function of the libraries that this process has, found
 * by dlsym; what would outlive it is taken care of by the library.
 *
 * The host's threads must not run the program's signal handlers, whose exit has
 * a place to go to on this thread only: all signals are blocked while the host
 * makes them.
 */
#include "cli/cli.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: mayfly run [OPTIONS] FILE.c [ARGUMENTS]\n"
    "\n"
    "Compiles a C program in memory, calls its main with the arguments, "
    "unloads\n"
    "it, and ends with main's value. FILE.c may be - for standard input.\n"
    "\n"
    "  -I DIR        where headers are looked up, after the file's own "
    "folder;\n"
    "                may be given again\n"
    "  -D NAME[=X]   defines a macro; may be given again\n"
    "  -l LIB        a library the program calls: m, libm.so.6 or a path; may "
    "be\n"
    "                given again\n"
    "  --resident    keep the compiler's memory as long as the program\n"
    "  --receipt     print the receipt on standard error at the end\n"
    "  --            ends the options\n"
    "\n"
    "Everything behind FILE.c is the program's. exit, abort and a failed "
    "assert\n"
    "end the run. Threads that are left when main is over are cancelled; one "
    "that\n"
    "does not end within a second is named on standard error. Exit code: "
    "main's\n"
    "value; 1 with a message when the program could not be loaded.\n"
    "\n"
    "Example:\n"
    "  mayfly run samples/run/words.c README.md\n";

enum { WAIT_MS = 1000 };

typedef struct command {
    args_list operands; /* FILE.c ARGUMENTS... */
    args_list dirs;
    args_list defines;
    args_list libraries;
    int resident;
    int receipt;
    char *text; /* of the file */
    size_t len;
    char *folder;     /* of the file */
    const char **all; /* the folder, then -I */
    char **argv;      /* the program's */
} command;

static const void *find_name(void *state, const char *name)
{
    (void)state;
    return dlsym(RTLD_DEFAULT, name);
}

static int prepare(command *c)
{
    const char *path = c->operands.items[0];
    int is_input = strcmp(path, "-") == 0;
    c->text = cli_read(is_input ? NULL : path, &c->len);
    if (!c->text)
        return CLI_FAILED;
    const char *slash = is_input ? NULL : strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    c->folder = slash ? strndup(path, n ? n : 1) : strdup(".");
    c->all = calloc(c->dirs.n + 1, sizeof(*c->all));
    c->argv = calloc(c->operands.n + 1, sizeof(*c->argv));
    if (!c->folder || !c->all || !c->argv)
        return cli_fail("out of memory");
    c->all[0] = c->folder;
    for (size_t i = 0; i < c->dirs.n; i++)
        c->all[i + 1] = c->dirs.items[i];
    for (size_t i = 0; i < c->operands.n; i++)
        c->argv[i] = (char *)(uintptr_t)c->operands.items[i];
    return CLI_OK;
}

static int load(const command *c, mayfly_host *host,
                mayfly_context **ret_context)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    cli_diagnostics seen = {"", 0};
    char name[128];
    const char *path = c->operands.items[0];
    mayfly_source source = {.name = strcmp(path, "-") == 0 ? "stdin" : path,
                            .text = c->text,
                            .len = c->len};
    cli_context_name(source.name, name, sizeof(name));
    int code = mayfly_load_source(
        host, name, &source, 1,
        MAYFLY_SOURCE_OPTIONS(
                .include_dirs = c->all, .n_include_dirs = c->dirs.n + 1,
                .defines = c->defines.items, .n_defines = c->defines.n,
                .resolve = find_name, .libraries = c->libraries.items,
                .n_libraries = c->libraries.n, .resident = c->resident,
                .diagnostic = cli_diagnostic, .diagnostic_state = &seen),
        ret_context, &err);
    return code == 0 ? CLI_OK : cli_fail_load(&err, &seen);
}

/* Whether nothing is left. In a child that the program has forked there is
 * nothing to unload. */
static int unload(const command *c, mayfly_context *context)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_receipt *receipt = NULL;
    int code = mayfly_unload(
        context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = WAIT_MS, .force = 1),
        c->receipt ? &receipt : NULL, &err);
    if (code == MAYFLY_EFORKED)
        return 0;
    if (code != 0)
        cli_fail_error(&err);
    else if (receipt)
        fputs(mayfly_receipt_text(receipt), stderr);
    mayfly_receipt_free(receipt);
    return code == 0;
}

static int run_loaded(const command *c, mayfly_context *context, int *ret_gone)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    int status = CLI_FAILED;
    int code =
        mayfly_context_run(context, (int)c->operands.n, c->argv, &status, &err);
    if (code != 0)
        status = cli_fail_error(&err);
    *ret_gone = unload(c, context);
    return status;
}

static int run(command *c)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *context;
    sigset_t all, before;
    int gone = 1;
    int rc = prepare(c);
    if (rc != CLI_OK)
        return rc;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = mayfly_host_new(
        MAYFLY_HOST_OPTIONS(.measure_process = c->receipt), &host, &err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        return cli_fail_error(&err);
    rc = load(c, host, &context);
    if (rc == CLI_OK) {
        rc = run_loaded(c, context, &gone);
        mayfly_context_unref(context);
    }
    if (gone)
        mayfly_host_free(host);
    return rc;
}

int cli_run(int argc, char **argv)
{
    command c = {0};
    const args_option options[] = {{NULL, 'I', ARGS_LIST, &c.dirs},
                                   {NULL, 'D', ARGS_LIST, &c.defines},
                                   {NULL, 'l', ARGS_LIST, &c.libraries},
                                   {"resident", 0, ARGS_FLAG, &c.resident},
                                   {"receipt", 0, ARGS_FLAG, &c.receipt}};
    const args_spec spec = {.command = "mayfly run",
                            .help = help,
                            .options = options,
                            .n_options = sizeof(options) / sizeof(options[0]),
                            .least = 1,
                            .most = ARGS_REST};
    int rc = args_parse(&spec, argc, argv, &c.operands);
    if (rc == ARGS_GO_ON)
        rc = run(&c);
    free(c.argv);
    free(c.all);
    free(c.folder);
    free(c.text);
    args_list_free(&c.operands);
    args_list_free(&c.dirs);
    args_list_free(&c.defines);
    args_list_free(&c.libraries);
    return rc;
}
