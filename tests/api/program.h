/*
 * tests/api/program.h: a C program in a string, loaded into a context and run.
 */
#ifndef TESTS_API_PROGRAM_H
#define TESTS_API_PROGRAM_H

#include <mayfly/mayfly.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PROGRAM_LOG = 4096 };

typedef struct program {
    mayfly_host *host;
    mayfly_context *context;
    mayfly_error err;
    char log[PROGRAM_LOG]; /* what the program noted, by `note` */
} program;

static program *program_noting;

/* What programs tell their test by: note("...") appends. */
static void program_note(const char *text)
{
    char *log = program_noting->log;
    size_t used = strlen(log);
    snprintf(log + used, PROGRAM_LOG - used, "%s", text);
}

static inline void program_begin(program *p)
{
    memset(p, 0, sizeof *p);
    program_noting = p;
    assert_int_equal(mayfly_host_new(NULL, &p->host, &p->err), 0);
}

/* Every byte is back. */
static inline void program_unload(program *p, unsigned wait_ms)
{
    mayfly_receipt *receipt;
    int code =
        mayfly_unload(p->context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = wait_ms),
                      &receipt, &p->err);
    if (code != 0)
        fail_msg("%s: %s", mayfly_error_name(code), p->err.message);
    assert_int_equal(mayfly_receipt_retained(receipt), 0);
    mayfly_receipt_free(receipt);
    mayfly_context_unref(p->context);
    p->context = NULL;
}

static inline void program_end(program *p)
{
    if (p->context)
        program_unload(p, 5000);
    mayfly_host_free(p->host);
}

static inline int program_try(program *p, const char *text,
                              mayfly_source_options *options)
{
    static const mayfly_symbol symbols[] = {
        {"note", (const void *)(uintptr_t)program_note}};
    mayfly_source source = {.name = "dir/program.c", .text = text};
    mayfly_source_options own = *MAYFLY_SOURCE_OPTIONS(0);
    if (!options)
        options = &own;
    if (!options->symbols) {
        options->symbols = symbols;
        options->n_symbols = 1;
    }
    memset(&p->err, 0, sizeof p->err);
    return mayfly_load_source(p->host, "program", &source, 1, options,
                              &p->context, &p->err);
}

static inline void program_load(program *p, const char *text)
{
    int code = program_try(p, text, NULL);
    if (code != 0)
        fail_msg("%s: %s", mayfly_error_name(code), p->err.message);
}

static inline int program_run(program *p, int argc, char **argv)
{
    int status = -1000;
    int code = mayfly_context_run(p->context, argc, argv, &status, &p->err);
    if (code != 0)
        fail_msg("%s: %s", mayfly_error_name(code), p->err.message);
    return status;
}

/* Loads, runs without arguments, unloads. Returns the status. */
static inline int program_whole(program *p, const char *text)
{
    char name[] = "program";
    char *argv[] = {name, NULL};
    p->log[0] = '\0';
    program_load(p, text);
    int status = program_run(p, 1, argv);
    program_unload(p, 5000);
    return status;
}

#endif
