/*
 * cli/cmd_serve.c: mayfly serve.
 *
 * Compiles handlers' C source together with a schema and serves them until
 * SIGINT or SIGTERM. The two signals are blocked before the host makes its
 * threads, which inherit that, and are then waited for here: no handler runs
 * anywhere. After the first one calls under way may finish; a second one ends
 * the process at once, by the signal's own default.
 */
#include "cli/cli.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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
    "greeter.proto. Methods without a handler answer UNIMPLEMENTED.\n"
    "\n"
    "  -l ADDR       where to listen: host:port or unix:PATH (default\n"
    "                127.0.0.1:50051; port 0: a free one). The line\n"
    "                \"listening on ADDR\" tells when and where\n"
    "  -I DIR        where imports are looked up; may be given again\n"
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

typedef struct serve {
    args_list operands; /* SCHEMA HANDLERS.c... */
    args_list dirs;
    const char *address;
    int blocking;
    int receipt;
    mayfly_source *sources; /* one per HANDLERS.c; the texts are owned */
    size_t n_sources;
} serve;

static int read_sources(serve *s)
{
    s->n_sources = s->operands.n - 1;
    s->sources = calloc(s->n_sources, sizeof(*s->sources));
    if (!s->sources)
        return cli_fail("out of memory");
    for (size_t i = 0; i < s->n_sources; i++) {
        mayfly_source *source = &s->sources[i];
        source->name = s->operands.items[i + 1];
        source->text = cli_read(source->name, &source->len);
        if (!source->text)
            return CLI_FAILED;
    }
    return CLI_OK;
}

static void free_sources(serve *s)
{
    for (size_t i = 0; s->sources && i < s->n_sources; i++)
        free((char *)(uintptr_t)s->sources[i].text);
    free(s->sources);
}

static int announce(const char *address, int port)
{
    const char *colon = strrchr(address, ':');
    if (strncmp(address, "unix:", 5) == 0 || !colon)
        printf("listening on %s\n", address);
    else
        printf("listening on %.*s:%d\n", (int)(colon - address), address, port);
    return cli_finish(CLI_OK);
}

static int serve_until_signal(serve *s, cli_session *session,
                              const sigset_t *signals)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_server *server;
    int port = 0, number;
    if (mayfly_server_new(session->host, NULL, &server, &err) != 0)
        return cli_fail_error(&err);
    int rc = CLI_OK;
    if (mayfly_server_add_context(
            server, session->context, NULL,
            MAYFLY_SERVICE_OPTIONS(.blocking = s->blocking), &err) ||
        mayfly_server_listen(server, s->address, &port, &err))
        rc = cli_fail_error(&err);
    if (rc == CLI_OK)
        rc = announce(s->address, port);
    if (rc == CLI_OK)
        sigwait(signals, &number);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
    mayfly_server_free(server, GRACE_MS);
    return rc;
}

static int unload(cli_session *session)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_receipt *receipt;
    if (mayfly_unload(session->context,
                      MAYFLY_UNLOAD_OPTIONS(.wait_ms = GRACE_MS, .force = 1),
                      &receipt, &err) != 0)
        return cli_fail_error(&err);
    fputs(mayfly_receipt_text(receipt), stdout);
    mayfly_receipt_free(receipt);
    return cli_finish(CLI_OK);
}

static int run(serve *s)
{
    cli_session session = {NULL, NULL};
    sigset_t signals;
    int rc = read_sources(s);
    if (rc != CLI_OK)
        return rc;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    rc = cli_session_begin(
        &session, MAYFLY_HOST_OPTIONS(.measure_process = s->receipt),
        s->operands.items[0],
        MAYFLY_LOAD_OPTIONS(.include_dirs = s->dirs.items,
                            .n_include_dirs = s->dirs.n, .handlers = s->sources,
                            .n_handlers = s->n_sources));
    if (rc == CLI_OK)
        rc = serve_until_signal(s, &session, &signals);
    if (rc == CLI_OK && s->receipt)
        rc = unload(&session);
    cli_session_end(&session);
    return rc;
}

int cli_serve(int argc, char **argv)
{
    serve s = {.address = "127.0.0.1:50051"};
    const args_option options[] = {{NULL, 'l', ARGS_VALUE, &s.address},
                                   {NULL, 'I', ARGS_LIST, &s.dirs},
                                   {"blocking", 0, ARGS_FLAG, &s.blocking},
                                   {"receipt", 0, ARGS_FLAG, &s.receipt},
                                   {"watch", 0, ARGS_LATER, NULL},
                                   {"admin", 0, ARGS_LATER, NULL}};
    const args_spec spec = {
        "mayfly serve", help, options, sizeof(options) / sizeof(options[0]), 2,
        (size_t)-1};
    int rc = args_parse(&spec, argc, argv, &s.operands);
    if (rc == ARGS_GO_ON)
        rc = run(&s);
    free_sources(&s);
    args_list_free(&s.operands);
    args_list_free(&s.dirs);
    return rc;
}
