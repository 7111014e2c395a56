/*
 * cli/common.c: errors on standard error, and a loaded schema.
 *
 * A finding in a source is printed as `file:line:column: text`, which editors
 * understand; everything else as `mayfly: text`. A load reports every finding
 * as it goes, and its error repeats the first one, so that is printed only when
 * nothing was reported.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static FILE *errors_to; /* NULL: standard error */

static FILE *errors(void)
{
    return errors_to ? errors_to : stderr;
}

void cli_errors_to(FILE *to)
{
    errors_to = to;
}

int cli_fail(const char *format, ...)
{
    va_list args;
    fputs("mayfly: ", errors());
    va_start(args, format);
    vfprintf(errors(), format, args);
    va_end(args);
    fputc('\n', errors());
    return CLI_FAILED;
}

int cli_fail_error(const mayfly_error *err)
{
    if (err->line > 0)
        fprintf(errors(), "%s\n", err->message);
    else
        fprintf(errors(), "mayfly: %s\n", err->message);
    return CLI_FAILED;
}

int cli_fail_json(const mayfly_error *err, const char *source)
{
    if (err->line == 0 || strncmp(err->message, "json:", 5) != 0)
        return cli_fail_error(err);
    fprintf(errors(), "%s:%s\n", source, err->message + 5);
    return CLI_FAILED;
}

static void print_waiting(cli_diagnostics *seen)
{
    if (seen->waits)
        fprintf(errors(), "mayfly: %s\n", seen->first);
    seen->waits = 0;
}

void cli_diagnostic(void *state, const mayfly_diagnostic *d)
{
    cli_diagnostics *seen = state;
    int has_place = d->file && d->file[0];
    print_waiting(seen);
    if (!d->is_warning && !seen->first[0]) {
        size_t n = strlen(d->text);
        snprintf(seen->first, sizeof(seen->first), "%s", d->text);
        seen->waits = !has_place && n < sizeof(seen->first);
    }
    if (seen->waits)
        return;
    fprintf(errors(), "%s:", has_place ? d->file : "mayfly");
    if (d->line > 0)
        fprintf(errors(), "%d:", d->line);
    if (d->line > 0 && d->column > 0)
        fprintf(errors(), "%d:", d->column);
    fprintf(errors(), " %s%s\n", d->is_warning ? "warning: " : "", d->text);
}

int cli_fail_load(const mayfly_error *err, cli_diagnostics *seen)
{
    int all_told = seen->first[0] && (err->code == MAYFLY_ELINK ||
                                      strstr(err->message, seen->first));
    if (all_told && seen->waits && err->code != MAYFLY_ELINK)
        return cli_fail_error(err);
    print_waiting(seen);
    return all_told ? CLI_FAILED : cli_fail_error(err);
}

int cli_finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    return cli_fail("cannot write to standard output: %s", strerror(errno));
}

int cli_session_begin(cli_session *session, const mayfly_host_options *host,
                      const char *schema, mayfly_load_options *load)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    cli_diagnostics seen = {"", 0};
    char name[128];
    if (mayfly_host_new(host, &session->host, &err) != 0)
        return cli_fail_error(&err);
    cli_context_name(schema, name, sizeof(name));
    load->diagnostic = cli_diagnostic;
    load->diagnostic_state = &seen;
    if (mayfly_load_file(session->host, name, schema, load, &session->context,
                         &err) != 0)
        return cli_fail_load(&err, &seen);
    return CLI_OK;
}

void cli_session_end(cli_session *session)
{
    if (session->context)
        mayfly_unload(session->context, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL,
                      NULL);
    mayfly_context_unref(session->context);
    mayfly_host_free(session->host);
    *session = (cli_session){NULL, NULL};
}
