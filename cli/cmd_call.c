/*
 * cli/cmd_call.c: mayfly call.
 *
 * One unary call. The reply goes to standard output as JSON; what went wrong
 * goes to standard error: the status's name and message, then the trailers that
 * came with it. The exit code tells the status to scripts.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: mayfly call --schema SCHEMA [OPTIONS] TARGET SERVICE/METHOD\n"
    "\n"
    "Calls a unary method and prints the reply as JSON. TARGET is host:port "
    "or\n"
    "unix:PATH.\n"
    "\n"
    "  --schema SCHEMA    the .proto file of the service (asking the server "
    "by\n"
    "                     reflection is not built yet)\n"
    "  -I DIR             where imports are looked up; may be given again\n"
    "  -d JSON            the request (default {}); -d @FILE reads it from "
    "FILE\n"
    "  -H 'NAME: VALUE'   metadata to send; may be given again. The value of "
    "a\n"
    "                     name that ends in -bin is base64\n"
    "  --timeout TIME     the deadline: 5s, 200ms, 2m, 1h (default: none)\n"
    "\n"
    "A call that fails prints its status and trailers to standard error and "
    "exits\n"
    "with 64 + the status: 69 is NOT_FOUND, 78 is UNAVAILABLE.\n"
    "\n"
    "Example:\n"
    "  mayfly call --schema greeter.proto -d '{\"name\": \"ada\"}' --timeout "
    "5s \\\n"
    "    127.0.0.1:50051 helloworld.Greeter/SayHello\n";

typedef struct request {
    args_list operands; /* TARGET SERVICE/METHOD */
    args_list dirs;
    args_list headers;
    const char *schema;
    const char *data;
    const char *timeout;
    unsigned timeout_ms;
    char *json; /* the request's text, owned */
    size_t json_len;
    const char *json_source; /* for errors */
} request;

static int ends_in_bin(const char *name, size_t len)
{
    return len >= 4 && memcmp(name + len - 4, "-bin", 4) == 0;
}

/* "name: value" to metadata. The name is sent in lower case. */
static int add_header(const args_spec *spec, mayfly_call *call,
                      const char *text)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    const char *colon = strchr(text, ':');
    size_t len = (size_t)(colon - text); /* prepare has seen to it */
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t value_len = strlen(value);
    while (value_len > 0 && strchr(" \t", value[value_len - 1]))
        value_len--;
    char *copy = malloc(len + 1 + value_len + 1);
    if (!copy)
        return cli_fail("out of memory");
    for (size_t i = 0; i < len; i++)
        copy[i] = (char)tolower((unsigned char)text[i]);
    copy[len] = '\0';
    mayfly_str sent = {value, value_len};
    int rc = ARGS_GO_ON;
    if (ends_in_bin(copy, len)) {
        sent.ptr = copy + len + 1;
        if (cli_from_base64(value, value_len, (unsigned char *)copy + len + 1,
                            &sent.len) != 0)
            rc = args_error(spec, "-H %s: the value is not base64", copy);
    }
    if (rc == ARGS_GO_ON &&
        mayfly_call_add_metadata(call, copy, sent, &err) != 0)
        rc = args_error(spec, "-H %s", err.message);
    free(copy);
    return rc;
}

static void print_trailers(const mayfly_call *call)
{
    size_t n;
    const mayfly_metadata *m = mayfly_call_trailers(call, &n);
    for (size_t i = 0; i < n; i++) {
        const mayfly_str *key = &m[i].key, *value = &m[i].value;
        char *text = NULL;
        if (ends_in_bin(key->ptr, key->len))
            text = malloc(value->len * 2 + 5);
        if (text)
            cli_to_base64((const unsigned char *)value->ptr, value->len, text);
        cli_put_text(key->ptr, key->len);
        fputs(": ", stderr);
        if (text)
            fputs(text, stderr);
        else
            cli_put_text(value->ptr, value->len);
        fputc('\n', stderr);
        free(text);
    }
}

/* The status's name and message, then the trailers. */
static int fail_status(const mayfly_call *call)
{
    int status = mayfly_call_status(call);
    mayfly_str message = mayfly_call_message(call);
    fprintf(stderr, "mayfly: %s%s", mayfly_status_name(status),
            message.len ? ": " : "");
    cli_put_text(message.ptr, message.len);
    fputc('\n', stderr);
    print_trailers(call);
    return CLI_STATUS + status;
}

static int call_once(const args_spec *spec, const request *r, cli_session *s,
                     mayfly_channel *channel, mayfly_call *call)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_str reply;
    for (size_t i = 0; i < r->headers.n; i++) {
        int rc = add_header(spec, call, r->headers.items[i]);
        if (rc != ARGS_GO_ON)
            return rc;
    }
    const char *method = r->operands.items[1];
    int rc = mayfly_call_json(s->context, channel,
                              method[0] == '/' ? method + 1 : method, call,
                              (mayfly_str){r->json, r->json_len}, &reply, &err);
    if (rc == MAYFLY_ESTATUS)
        return fail_status(call);
    if (rc != 0)
        return cli_fail_json(&err, r->json_source);
    return cli_print_json(reply.ptr, reply.len);
}

static int run(const args_spec *spec, request *r)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    cli_session s = {NULL, NULL};
    mayfly_channel *channel = NULL;
    mayfly_call *call = NULL;
    int rc =
        cli_session_begin(&s, NULL, r->schema,
                          MAYFLY_LOAD_OPTIONS(.include_dirs = r->dirs.items,
                                              .n_include_dirs = r->dirs.n));
    if (rc == CLI_OK) {
        if (mayfly_dial(s.host, r->operands.items[0], NULL, &channel, &err) ||
            mayfly_call_new(s.host,
                            MAYFLY_CALL_OPTIONS(.timeout_ms = r->timeout_ms),
                            &call, &err))
            rc = cli_fail_error(&err);
        else
            rc = call_once(spec, r, &s, channel, call);
    }
    mayfly_call_free(call);
    mayfly_channel_unref(channel);
    cli_session_end(&s);
    return rc;
}

/* Checks what can be checked before anything is loaded, and reads -d. */
static int prepare(const args_spec *spec, request *r)
{
    if (!r->schema)
        return args_error(spec, "--schema is needed: asking the server by "
                                "reflection is not built yet");
    if (!strchr(r->operands.items[1], '/'))
        return args_error(spec, "'%s' is not SERVICE/METHOD",
                          r->operands.items[1]);
    if (r->timeout &&
        (cli_duration(r->timeout, &r->timeout_ms) != 0 || !r->timeout_ms))
        return args_error(spec,
                          "--timeout needs a time such as 5s or 200ms, not "
                          "'%s'",
                          r->timeout);
    for (size_t i = 0; i < r->headers.n; i++) {
        const char *colon = strchr(r->headers.items[i], ':');
        if (!colon || colon == r->headers.items[i])
            return args_error(spec, "-H needs 'name: value', not '%s'",
                              r->headers.items[i]);
    }
    const char *data = r->data ? r->data : "{}";
    if (strcmp(data, "@") == 0)
        return args_error(spec, "-d @ (one message per line, for streams) is "
                                "not built yet; use -d @FILE");
    r->json_source = data[0] == '@' ? data + 1 : "-d";
    if (data[0] == '@') {
        r->json = cli_read(data + 1, &r->json_len);
        return r->json ? ARGS_GO_ON : CLI_FAILED;
    }
    r->json_len = strlen(data);
    r->json = strdup(data);
    return r->json ? ARGS_GO_ON : cli_fail("out of memory");
}

int cli_call(int argc, char **argv)
{
    request r = {.schema = NULL};
    const args_option options[] = {{"schema", 0, ARGS_VALUE, &r.schema},
                                   {NULL, 'I', ARGS_LIST, &r.dirs},
                                   {NULL, 'd', ARGS_VALUE, &r.data},
                                   {NULL, 'H', ARGS_LIST, &r.headers},
                                   {"timeout", 0, ARGS_VALUE, &r.timeout}};
    const args_spec spec = {"mayfly call",
                            help,
                            options,
                            sizeof(options) / sizeof(options[0]),
                            2,
                            2};
    int rc = args_parse(&spec, argc, argv, &r.operands);
    if (rc == ARGS_GO_ON)
        rc = prepare(&spec, &r);
    if (rc == ARGS_GO_ON)
        rc = run(&spec, &r);
    free(r.json);
    args_list_free(&r.operands);
    args_list_free(&r.dirs);
    args_list_free(&r.headers);
    return rc;
}
