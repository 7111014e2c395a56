/*
 * cli/cli.h: what the commands share.
 *
 * The command is a user of the library like any other: it includes the public
 * headers and nothing else. One file per command; each has a run function that
 * gets its own argv ("mayfly compile" is argv[0]'s place) and returns the exit
 * code.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/args.h"

#include <mayfly/mayfly.h>

#include <stdio.h>

enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_STATUS = 64 /* + the status of a call that failed */
};

int cli_compile(int argc, char **argv);
int cli_header(int argc, char **argv);
int cli_describe(int argc, char **argv);
int cli_encode(int argc, char **argv);
int cli_decode(int argc, char **argv);
int cli_call(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_stat(int argc, char **argv);
int cli_why(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_load(int argc, char **argv);
int cli_swap(int argc, char **argv);
int cli_unload(int argc, char **argv);

/* --- errors (common.c) -------------------------------------------------------
 */

/* "mayfly: text" on standard error; returns CLI_FAILED. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An error of the library: "file:line:column: text" where it has a place,
 * otherwise "mayfly: text". Returns CLI_FAILED. */
int cli_fail_error(const mayfly_error *err);

/* The same for JSON that came from `source` ("stdin", a file). */
int cli_fail_json(const mayfly_error *err, const char *source);

/* Prints what a load reports as it comes, and keeps the first error. One without a
 * place waits for what follows: the load's own error may say more. */
typedef struct cli_diagnostics {
    char first[256]; /* its text, cut if longer; "" until there is one */
    int waits;       /* it is not printed yet */
} cli_diagnostics;

void cli_diagnostic(void *state, const mayfly_diagnostic *diagnostic);

/* After a load that failed: prints the error unless it was reported already. */
int cli_fail_load(const mayfly_error *err, cli_diagnostics *seen);

/* From now on errors are written there; NULL: to standard error. */
void cli_errors_to(FILE *to);

/* Flushes standard output: `code`, or CLI_FAILED with a message. */
int cli_finish(int code);

/* --- how far a job is (progress.c)
 * ----------------------------------------------------------- */

typedef struct cli_progress {
    int is_on, is_shown;
    unsigned long shown_ms;
} cli_progress;

void cli_progress_begin(cli_progress *p);
/* `name` is what is done just now. */
void cli_progress_show(cli_progress *p, size_t done, size_t total,
                       size_t failed, const char *name);
void cli_progress_end(cli_progress *p); /* before anything else is written */

/* --- files (files.c)
 * ----------------------------------------------------------- */

/* All of a file, or of standard input for NULL, with a zero behind it; free it.
 * NULL: a message has been printed. */
char *cli_read(const char *path, size_t *ret_len);

/* Writes to `path`, or to standard output for NULL and "-". A file appears
 * whole under its name or not at all. Returns the exit code. */
int cli_write(const char *path, const void *bytes, size_t len);

/* --- files that are watched (watch.c)
 * ----------------------------------------------------------- */

typedef struct cli_watch cli_watch;

enum { CLI_WATCH_CHANGED, CLI_WATCH_WOKEN, CLI_WATCH_STOPPED };

cli_watch *cli_watch_new(void); /* NULL: a message has been printed */
void cli_watch_free(cli_watch *watch);

/* Watches a file, whether or not it is there. To be called before it is read.
 * Between the other two: files that were not added since `begin` are forgotten
 * at `end`, which says that all is well with those there are. */
void cli_watch_begin(cli_watch *watch);
void cli_watch_add(cli_watch *watch, const char *path);
void cli_watch_end(cli_watch *watch);

/* Whether a file is another than it was when it was added. */
int cli_watch_is_changed(cli_watch *watch);

/* Sleeps until one is, and has settled; or somebody calls one of the other two,
 * from any thread. */
int cli_watch_wait(cli_watch *watch);
void cli_watch_wake(cli_watch *watch);
void cli_watch_stop(cli_watch *watch);

/* One line of JSON to standard output, indented. Returns the exit code. */
int cli_print_json(const char *json, size_t len);

/* --- text (text.c)
 * -------------------------------------------------------------- */

/* Milliseconds of "5s", "200ms", "2m", "1h"; 0 is none. 0 or -1. */
int cli_duration(const char *text, unsigned *ret_ms);

/* One line of JSON, indented by two spaces. NULL: no memory. */
char *cli_indent(const char *json, size_t len, size_t *ret_len);

/* A JSON string with its quotes. */
void cli_put_json(FILE *to, const char *text);

/* Whether bytes are UTF-8 without a zero. */
int cli_is_text(const char *text, size_t len);

/* Base64 to bytes in `out` (n bytes of room) and back (2 * n + 5
 * bytes, zero-terminated). The first returns 0 or -1. */
int cli_from_base64(const char *text, size_t n, unsigned char *out,
                    size_t *ret_len);
void cli_to_base64(const unsigned char *bytes, size_t n, char *out);

/* A peer's text on standard error: control characters but newline and tab are
 * written as \x1b, so that it cannot steer the terminal. */
void cli_put_text(const char *text, size_t len);

/* 12,345 into `out`, which is returned. */
enum { CLI_NUMBER = 32 };
const char *cli_grouped(uint64_t n, char out[CLI_NUMBER]);

/* "greeter" for "dir/greeter.proto": the name of a context. `out` is cut. */
void cli_context_name(const char *path, char *out, size_t size);

/* --- a schema loaded for encode, decode, call, serve (common.c)
 * ------------------- */

typedef struct cli_session {
    mayfly_host *host;
    mayfly_context *context;
} cli_session;

/* Makes a host and loads a schema; prints what is wrong. `session` is zeroed
 * before and ended with cli_session_end also after a failure. */
int cli_session_begin(cli_session *session, const mayfly_host_options *host,
                      const char *schema, mayfly_load_options *load);
void cli_session_end(cli_session *session);

#endif
