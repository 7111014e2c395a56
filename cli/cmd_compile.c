/*
 * cli/cmd_compile.c: mayfly compile, and mayfly header.
 *
 * With --emit report the schemas are really compiled: loaded into a context,
 * unloaded again, and what that took is told by the receipt of the library. The
 * other kinds are texts and files made from a schema without compiling it.
 *
 * --repeat loads and unloads again in the same host. The receipt is that of the
 * last cycle, whose "retained" is counted against the state before the first,
 * so what a cycle leaves behind adds up and shows.
 */
#include "cli/compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char compile_help[] =
    "usage: mayfly compile SCHEMA... [OPTIONS]\n"
    "\n"
    "Compiles .proto files as a host program would, in memory, unloads them\n"
    "again and shows the receipt: memory by kind before, compiled, and after.\n"
    "Or writes what would be compiled.\n"
    "\n"
    "Of several, those that are wrong are told of at the end. A folder stands "
    "for\n"
    "all files in it called *.proto, at any depth: they are loaded as one "
    "job,\n"
    "which is reported as a whole.\n"
    "\n"
    "  -I DIR             where imports are looked up; may be given again\n"
    "                     (default: the folder of the schema)\n"
    "  --emit KIND        report      the receipt (default)\n"
    "                     c           the C that is compiled\n"
    "                     header      the header for C programs\n"
    "                     descriptor  a FileDescriptorSet with imports\n"
    "                     list        services, methods and messages\n"
    "  -o FILE            write to FILE, whole or not at all (default: "
    "standard\n"
    "                     output)\n"
    "  --format FORMAT    of the report: text (default) or json\n"
    "  --resident         a second run keeps the compiler's memory; the report "
    "shows\n"
    "                     both runs side by side\n"
    "  --repeat N         load and unload N times\n"
    "\n"
    "Where standard error is a terminal, a bar shows how far several have "
    "come.\n"
    "\n"
    "Example:\n"
    "  mayfly compile greeter.proto --repeat 100 --format json\n";

static const char header_help[] =
    "usage: mayfly header SCHEMA [OPTIONS]\n"
    "\n"
    "Writes the C header of a .proto file: structs, a layout table and typed\n"
    "calls. Programs include it; no generated .c enters their build.\n"
    "It includes the headers of the files that it imports: make those too,\n"
    "google/protobuf/timestamp.proto and the like by that name.\n"
    "\n"
    "  -I DIR    where imports are looked up; may be given again\n"
    "  -o FILE   write to FILE, whole or not at all (default: standard "
    "output)\n"
    "\n"
    "Example:\n"
    "  mayfly header greeter.proto -o greeter.mf.h\n";

/* More cycles are measured without the process's mappings by type, of which a
 * reading takes longer than a cycle. */
enum { MAPPED_CYCLES_MAX = 100 };

typedef cli_compile_options compile;

static mayfly_load_options load_options(const compile *c, cli_diagnostics *seen)
{
    return *MAYFLY_LOAD_OPTIONS(.include_dirs = c->dirs.items,
                                .n_include_dirs = c->dirs.n,
                                .resident = c->resident,
                                .diagnostic = cli_diagnostic,
                                .diagnostic_state = seen);
}

static int emit(const compile *c, enum mayfly_emit_kind kind)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_output *output;
    cli_diagnostics seen = {"", 0};
    mayfly_load_options load = load_options(c, &seen);
    if (mayfly_host_new(NULL, &host, &err) != 0)
        return cli_fail_error(&err);
    int rc = mayfly_emit(host, kind, c->schemas.items, c->schemas.n, NULL,
                         &load, &output, &err);
    if (rc != 0) {
        rc = cli_fail_load(&err, &seen);
    } else {
        mayfly_bytes bytes = mayfly_output_bytes(output);
        rc = cli_write(c->output, bytes.ptr, bytes.len);
        mayfly_output_free(output);
    }
    mayfly_host_free(host);
    return rc;
}

/* Loads and unloads one schema; the receipt is of the last time. */
static int cycle(const compile *c, mayfly_host *host, const char *schema,
                 mayfly_receipt **ret_receipt)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    cli_diagnostics seen = {"", 0};
    mayfly_load_options load = load_options(c, &seen);
    char name[128];
    cli_context_name(schema, name, sizeof(name));
    for (unsigned long i = 1; i <= c->cycles; i++) {
        mayfly_context *context;
        mayfly_receipt *receipt = NULL;
        if (mayfly_load_file(host, name, schema, &load, &context, &err) != 0)
            return cli_fail_load(&err, &seen);
        int rc = mayfly_unload(context, NULL, i == c->cycles ? &receipt : NULL,
                               &err);
        mayfly_context_unref(context);
        if (rc != 0)
            return cli_fail_error(&err);
        if (i == c->cycles)
            *ret_receipt = receipt;
    }
    return CLI_OK;
}

/* All cycles, on a host of their own. */
static int run_cycles(compile run, int resident, const char *schema,
                      mayfly_receipt **ret_receipt)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    int detail = run.cycles <= MAPPED_CYCLES_MAX ? 2 : 1;
    if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.measure_process = detail), &host,
                        &err) != 0)
        return cli_fail_error(&err);
    run.resident = resident;
    int rc = cycle(&run, host, schema, ret_receipt);
    mayfly_host_free(host);
    return rc;
}

static int print_receipt(const compile *c, const mayfly_receipt *receipt,
                         FILE *to)
{
    const char *text =
        c->json ? mayfly_receipt_json(receipt) : mayfly_receipt_text(receipt);
    size_t len = strlen(text);
    fputs(text, to);
    if (len == 0 || text[len - 1] != '\n')
        fputc('\n', to);
    return CLI_OK;
}

static int report_one(const compile *c, const char *schema, FILE *to)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_receipt *disposable = NULL, *resident = NULL, *both = NULL;
    int rc = run_cycles(*c, 0, schema, &disposable);
    if (rc == CLI_OK && !c->resident)
        rc = print_receipt(c, disposable, to);
    if (rc == CLI_OK && c->resident) {
        rc = run_cycles(*c, 1, schema, &resident);
        if (rc == CLI_OK &&
            mayfly_receipt_beside(resident, disposable, &both, &err) != 0)
            rc = cli_fail_error(&err);
        if (rc == CLI_OK)
            rc = print_receipt(c, both, to);
    }
    mayfly_receipt_free(both);
    mayfly_receipt_free(resident);
    mayfly_receipt_free(disposable);
    return rc;
}

/* Where one of several is wrong, its place in a list of receipts. */
static void print_failure(const char *schema, FILE *to)
{
    char name[128];
    cli_context_name(schema, name, sizeof(name));
    fputs("{\"context\": ", to);
    cli_put_json(to, name);
    fputs(", \"path\": ", to);
    cli_put_json(to, schema);
    fputs(", \"failed\": true}\n", to);
}

/* One receipt after the other. What is wrong with some is told when all are
 * done. */
static int report_several(const compile *c, FILE *to, FILE *errors)
{
    cli_progress progress;
    size_t n = c->schemas.n, failed = 0;
    cli_progress_begin(&progress);
    cli_errors_to(errors);
    if (c->json)
        fputs("[\n", to);
    for (size_t i = 0; i < n; i++) {
        const char *schema = c->schemas.items[i];
        cli_progress_show(&progress, i, n, failed, schema);
        if (i > 0 && c->json)
            fputs(",\n", to);
        if (report_one(c, schema, to) != CLI_OK) {
            failed++;
            if (c->json)
                print_failure(schema, to);
        } else if (!c->json) {
            fputc('\n', to);
        }
    }
    if (c->json)
        fputs("]\n", to);
    else
        fprintf(to, "%zu of %zu schemas compiled\n", n - failed, n);
    cli_errors_to(NULL);
    cli_progress_end(&progress);
    return failed ? CLI_FAILED : CLI_OK;
}

static int report(const compile *c)
{
    char *text = NULL, *said = NULL;
    size_t len = 0, said_len = 0;
    FILE *to = open_memstream(&text, &len);
    FILE *errors = open_memstream(&said, &said_len);
    int rc = !to || !errors     ? cli_fail("out of memory")
             : c->schemas.n > 1 ? report_several(c, to, errors)
                                : report_one(c, c->schemas.items[0], to);
    int is_whole = to && fclose(to) == 0;
    is_whole &= errors && fclose(errors) == 0;
    if (!is_whole)
        rc = cli_fail("out of memory");
    else if (rc == CLI_OK || c->schemas.n > 1)
        rc = cli_write(c->output, text, len) == CLI_OK ? rc : CLI_FAILED;
    if (is_whole)
        fwrite(said, 1, said_len, stderr);
    free(text);
    free(said);
    return rc;
}

static int read_cycles(const args_spec *spec, compile *c)
{
    char *end = NULL;
    c->cycles = 1;
    if (!c->repeat)
        return ARGS_GO_ON;
    c->cycles = strtoul(c->repeat, &end, 10);
    if (c->repeat[0] < '0' || c->repeat[0] > '9' || *end || c->cycles < 1 ||
        c->cycles > 100000000)
        return args_error(spec, "--repeat needs a number from 1, not '%s'",
                          c->repeat);
    return ARGS_GO_ON;
}

static int run_kind(const args_spec *spec, const compile *c)
{
    static const struct {
        const char *name;
        enum mayfly_emit_kind kind;
    } kinds[] = {{"c", MAYFLY_EMIT_C},
                 {"header", MAYFLY_EMIT_HEADER},
                 {"descriptor", MAYFLY_EMIT_DESCRIPTOR},
                 {"list", MAYFLY_EMIT_LIST}};
    int folders = cli_compile_has_folder(c);
    if (folders && (c->resident || (c->emit && strcmp(c->emit, "report") != 0)))
        return args_error(spec, "%s needs files, not folders",
                          c->resident ? "--resident" : "--emit");
    if (!c->emit || strcmp(c->emit, "report") == 0)
        return folders ? cli_compile_folders(c) : report(c);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(c->emit, kinds[i].name) != 0)
            continue;
        if (kinds[i].kind == MAYFLY_EMIT_HEADER && c->schemas.n > 1)
            return args_error(spec, "a header is made from one SCHEMA");
        return emit(c, kinds[i].kind);
    }
    return args_error(spec,
                      "--emit needs report, c, header, descriptor or list, "
                      "not '%s'",
                      c->emit);
}

static int run(const args_spec *spec, compile *c, int argc, char **argv)
{
    int rc = args_parse(spec, argc, argv, &c->schemas);
    if (rc == ARGS_GO_ON)
        rc = read_cycles(spec, c);
    if (rc == ARGS_GO_ON && c->format && strcmp(c->format, "text") != 0 &&
        strcmp(c->format, "json") != 0)
        rc = args_error(spec, "--format needs text or json, not '%s'",
                        c->format);
    c->json = c->format && strcmp(c->format, "json") == 0;
    if (rc == ARGS_GO_ON)
        rc = run_kind(spec, c);
    args_list_free(&c->schemas);
    args_list_free(&c->dirs);
    return rc;
}

int cli_compile(int argc, char **argv)
{
    compile c = {0};
    const args_option options[] = {{NULL, 'I', ARGS_LIST, &c.dirs},
                                   {"emit", 0, ARGS_VALUE, &c.emit},
                                   {NULL, 'o', ARGS_VALUE, &c.output},
                                   {"format", 0, ARGS_VALUE, &c.format},
                                   {"resident", 0, ARGS_FLAG, &c.resident},
                                   {"repeat", 0, ARGS_VALUE, &c.repeat}};
    const args_spec spec = {"mayfly compile",
                            compile_help,
                            options,
                            sizeof(options) / sizeof(options[0]),
                            1,
                            (size_t)-1};
    return run(&spec, &c, argc, argv);
}

int cli_header(int argc, char **argv)
{
    compile c = {.emit = "header"};
    const args_option options[] = {{NULL, 'I', ARGS_LIST, &c.dirs},
                                   {NULL, 'o', ARGS_VALUE, &c.output}};
    const args_spec spec = {"mayfly header",
                            header_help,
                            options,
                            sizeof(options) / sizeof(options[0]),
                            1,
                            1};
    return run(&spec, &c, argc, argv);
}
