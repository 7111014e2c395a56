/*
 * cli/cmd_encode.c: mayfly encode and mayfly decode.
 *
 * Filters from standard input to standard output, one message each.
 */
#include "cli/cli.h"

#include <stdlib.h>

static const char encode_help[] =
    "usage: mayfly encode SCHEMA TYPE [OPTIONS] < JSON > BYTES\n"
    "\n"
    "Reads one message as JSON and writes it as protobuf bytes.\n"
    "\n"
    "  -I DIR    where imports are looked up; may be given again\n"
    "\n"
    "Example:\n"
    "  echo '{\"name\": \"ada\"}' |\n"
    "    mayfly encode greeter.proto helloworld.HelloRequest > request.bin\n";

static const char decode_help[] =
    "usage: mayfly decode SCHEMA TYPE [OPTIONS] < BYTES > JSON\n"
    "\n"
    "Reads one message as protobuf bytes and writes it as JSON.\n"
    "\n"
    "  -I DIR    where imports are looked up; may be given again\n"
    "\n"
    "Example:\n"
    "  mayfly decode greeter.proto helloworld.HelloRequest < request.bin\n";

static int to_bytes(cli_session *s, const char *type, mayfly_arena *arena,
                    const char *text, size_t len)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_bytes wire;
    if (mayfly_json_encode(s->context, type, (mayfly_str){text, len}, arena,
                           &wire, &err) != 0)
        return cli_fail_json(&err, "stdin");
    return cli_write(NULL, wire.ptr, wire.len);
}

static int to_json(cli_session *s, const char *type, mayfly_arena *arena,
                   const char *bytes, size_t len)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_str json;
    mayfly_bytes wire = {(const uint8_t *)bytes, len};
    if (mayfly_json_decode(s->context, type, wire, 1, arena, &json, &err) != 0)
        return cli_fail_error(&err);
    int rc = cli_write(NULL, json.ptr, json.len);
    return rc == CLI_OK ? cli_write(NULL, "\n", 1) : rc;
}

static int convert(const args_list *operands, const args_list *dirs, int encode)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    cli_session s = {NULL, NULL};
    mayfly_arena *arena = NULL;
    size_t len;
    int rc = cli_session_begin(&s, NULL, operands->items[0],
                               MAYFLY_LOAD_OPTIONS(.include_dirs = dirs->items,
                                                   .n_include_dirs = dirs->n));
    char *input = rc == CLI_OK ? cli_read(NULL, &len) : NULL;
    if (!input)
        rc = CLI_FAILED;
    else if (mayfly_arena_new(s.host, 0, &arena, &err) != 0)
        rc = cli_fail_error(&err);
    else if (encode)
        rc = to_bytes(&s, operands->items[1], arena, input, len);
    else
        rc = to_json(&s, operands->items[1], arena, input, len);
    mayfly_arena_free(arena);
    free(input);
    cli_session_end(&s);
    return rc;
}

static int run(const char *command, const char *help, int encode, int argc,
               char **argv)
{
    args_list operands = {NULL, 0}, dirs = {NULL, 0};
    const args_option options[] = {{NULL, 'I', ARGS_LIST, &dirs}};
    const args_spec spec = {command, help, options, 1, 2, 2};
    int rc = args_parse(&spec, argc, argv, &operands);
    if (rc == ARGS_GO_ON)
        rc = convert(&operands, &dirs, encode);
    args_list_free(&operands);
    args_list_free(&dirs);
    return rc;
}

int cli_encode(int argc, char **argv)
{
    return run("mayfly encode", encode_help, 1, argc, argv);
}

int cli_decode(int argc, char **argv)
{
    return run("mayfly decode", decode_help, 0, argc, argv);
}
