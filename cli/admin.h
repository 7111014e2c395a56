/*
 * cli/admin.h: what the commands share that ask a running host.
 */
#ifndef CLI_ADMIN_H
#define CLI_ADMIN_H

#include "cli/cli.h"
#include "cli/json.h"

/* --- options that all of them have --- */

typedef struct admin_options {
    const char *socket; /* --admin */
    const char *format; /* --format */
} admin_options;

#define ADMIN_OPTIONS(o)                                                       \
    {"admin", 0, ARGS_VALUE, &(o).socket},                                     \
    {                                                                          \
        "format", 0, ARGS_VALUE, &(o).format                                   \
    }

#define ADMIN_HELP                                                             \
    "  --admin SOCKET       the host's admin socket (mayfly serve --admin)\n"  \
    "  --format text|json   what to print (default text)\n"

/* Looks at them: ARGS_GO_ON, or the exit code of an error that was printed. */
int admin_check(const args_spec *spec, const admin_options *o,
                int *ret_is_json);

/* --wait: milliseconds, a minute at the most; NULL: not given. As above. */
int admin_check_wait(const args_spec *spec, const char *wait, unsigned *ret_ms);

/* --- a request --- */

typedef struct admin_request {
    FILE *to;
    char *line;
    size_t len;
} admin_request;

/* Each writes a member; `begin` the first ones. What goes wrong is told by
 * admin_ask. */
void admin_begin(admin_request *q, const char *command);
void admin_put_text(admin_request *q, const char *name, const char *text);
void admin_put_number(admin_request *q, const char *name, uint64_t n);
void admin_put_true(admin_request *q, const char *name);

/* SCHEMA HANDLERS.c..., -I (admin_sources.c). Returns the exit code. */
int admin_put_sources(admin_request *q, const char *const *files, size_t n,
                      const args_list *dirs);

/* --- an answer --- */

typedef struct admin_answer {
    char *text, *copy; /* the line, twice: read, and as it came */
    cli_json *doc;
    const cli_json *result;
} admin_answer;

/* Sends the request, which is freed, and reads what comes. What the host
 * answers that is no result is printed. Returns the exit code; the answer is to
 * be freed in any case. */
int admin_ask(admin_request *q, const char *socket, admin_answer *ret);
void admin_answer_free(admin_answer *answer);
void admin_request_drop(admin_request *q); /* one that is not asked */

/* Asks, and prints the result: as JSON, or by `print`. Returns the exit code,
 * of a result what `judge` says (NULL: it is good). */
int admin_run(admin_request *q, const char *socket, int is_json,
              void (*print)(const cli_json *result),
              int (*judge)(const cli_json *result));

/* A text of the host's, which must not steer the terminal, on standard output.
 */
void admin_print_text(const char *text);

#endif
