/*
 * cli/cmd_serve.c: mayfly serve.
 *
 * Compiles handlers' C source together with a schema and serves them until
 * SIGINT or SIGTERM. They are a unit, whose version --watch replaces. The two
 * signals are blocked before the host makes its threads, which inherit that,
 * and are then waited for here: no handler runs anywhere. After the first one
 * calls under way may finish; a second one ends the process at once, by the
 * signal's own default.
 */
#include "cli/serve.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: mayfly serve [OPTIONS] SCHEMA HANDLERS.c...\n"
    "\n"
    "Compiles the handlers in memory and serves the schema's services until\n"
    "interrupted. A handler of package p, service S, method M is the function\n"
    "\n"
    "  int p_S_on_M(void *state, mayfly_call *call, const p_Request *request,\n"
    "               p_Reply *reply);\n"
    "\n"
    "in a source that includes the schema's header, \"greeter.mf.h\" for\n"
    "greeter.proto. Methods without a handler answer UNIMPLEMENTED. Headers "
    "of\n"
    "the source's own may lie beside it.\n"
    "\n"
    "  -l ADDR       where to listen: host:port or unix:PATH (default\n"
    "                127.0.0.1:50051; port 0: a free one). The line\n"
    "                \"listening on ADDR\" tells when and where\n"
    "  -I DIR        where imports and headers are looked up; may be given "
    "again\n"
    "  --watch       swap in what is saved: when the schema, a file that it "
    "imports,\n"
    "                a source or a header of its own has changed, a version of "
    "it\n"
    "                is built and takes the calls from then on; those under "
    "way "
    "end\n"
    "                on the old one. Each swap prints a line. An error is "
    "shown "
    "with\n"
    "                its place, and the old version goes on\n"
    "  --admin PATH  open an admin socket there, for 'mayfly stat' and the "
    "like; "
    "only\n"
    "                your own user and root may use it\n"
    "  --blocking    handlers may block: run them on worker threads\n"
    "  --receipt     print the receipt when everything is unloaded\n"
    "\n"
    "Handlers are trusted like a plug-in. SIGINT and SIGTERM end the server "
    "when\n"
    "the calls under way are done, after 5 seconds at the latest.\n"
    "\n"
    "Example:\n"
    "  mayfly serve -l 127.0.0.1:50051 greeter.proto handlers.c\n";

enum { GRACE_MS = 5000 };

static int announce(const char *address, int port)
{
    const char *colon = strrchr(address, ':');
    if (strncmp(address, "unix:", 5) == 0 || !colon)
        printf("listening on %s\n", address);
    else
        printf("listening on %.*s:%d\n", (int)(colon - address), address, port);
    return cli_finish(CLI_OK);
}

static int serve_until_signal(serve *s, const sigset_t *signals)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_server *server;
    mayfly_admin *admin = NULL;
    int port = 0, number;
    if (mayfly_server_new(s->host, NULL, &server, &err) != 0)
        return cli_fail_error(&err);
    int rc = CLI_OK;
    if (mayfly_unit_serve_source(
            s->unit, server, NULL,
            MAYFLY_SERVICE_OPTIONS(.blocking = s->blocking), &err) ||
        mayfly_server_listen(server, s->address, &port, &err))
        rc = cli_fail_error(&err);
    if (rc == CLI_OK && s->admin_path &&
        mayfly_admin_listen(s->host, s->admin_path, NULL, &admin, &err) != 0)
        rc = cli_fail_error(&err);
    if (rc == CLI_OK && s->watch)
        rc = serve_watch_begin(s);
    if (rc == CLI_OK)
        rc = announce(s->address, port);
    if (rc == CLI_OK)
        sigwait(signals, &number);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
    serve_watch_end(s);
    mayfly_admin_close(admin);
    mayfly_server_free(server, GRACE_MS);
    return rc;
}

static int unload(serve *s)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *context;
    mayfly_receipt *receipt;
    if (mayfly_unit_context(s->unit, 0, GRACE_MS, &context, &err) != 0)
        return cli_fail_error(&err);
    int code = mayfly_unload(
        context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = GRACE_MS, .force = 1),
        &receipt, &err);
    mayfly_context_unref(context);
    if (code != 0)
        return cli_fail_error(&err);
    fputs(mayfly_receipt_text(receipt), stdout);
    mayfly_receipt_free(receipt);
    return cli_finish(CLI_OK);
}

static int run(serve *s)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    sigset_t signals;
    if (s->watches && !(s->watch = cli_watch_new()))
        return CLI_FAILED;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.measure_process = s->receipt),
                        &s->host, &err) != 0)
        return cli_fail_error(&err);
    int rc = serve_load(s);
    if (rc == CLI_OK)
        rc = serve_until_signal(s, &signals);
    if (rc == CLI_OK && s->receipt)
        rc = unload(s);
    return rc;
}

/* What is watched may wake its watcher until the host is gone. */
static void end(serve *s)
{
    mayfly_unit_unref(s->unit);
    mayfly_host_free(s->host);
    cli_watch_free(s->watch);
    serve_free_headers(s);
    pthread_mutex_destroy(&s->lock);
    args_list_free(&s->operands);
    args_list_free(&s->dirs);
}

int cli_serve(int argc, char **argv)
{
    serve s = {.address = "127.0.0.1:50051", .lock = PTHREAD_MUTEX_INITIALIZER};
    const args_option options[] = {{NULL, 'l', ARGS_VALUE, &s.address},
                                   {NULL, 'I', ARGS_LIST, &s.dirs},
                                   {"blocking", 0, ARGS_FLAG, &s.blocking},
                                   {"receipt", 0, ARGS_FLAG, &s.receipt},
                                   {"watch", 0, ARGS_FLAG, &s.watches},
                                   {"admin", 0, ARGS_VALUE, &s.admin_path}};
    const args_spec spec = {
        "mayfly serve", help, options, sizeof(options) / sizeof(options[0]), 2,
        (size_t)-1};
    int rc = args_parse(&spec, argc, argv, &s.operands);
    if (rc == ARGS_GO_ON)
        rc = run(&s);
    end(&s);
    return rc;
}
