/*
 * cli/args.c: the option parser of all commands.
 *
 * The C library's getopt prints messages of its own, keeps its state in globals
 * and does not know options that come later. This one is a table and a loop. It
 * owns nothing but the arrays of lists; texts stay argv's.
 */
#include "cli/args.h"

#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void args_list_free(args_list *list)
{
    free(list->items);
    *list = (args_list){NULL, 0};
}

static int add(args_list *list, const char *text)
{
    const char **items =
        realloc(list->items, (list->n + 1) * sizeof(*list->items));
    if (!items) {
        fputs("mayfly: out of memory\n", stderr);
        return CLI_FAILED;
    }
    list->items = items;
    list->items[list->n++] = text;
    return ARGS_GO_ON;
}

int args_error(const args_spec *spec, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s: ", spec->command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nTry '%s --help'.\n", spec->command);
    return CLI_USAGE;
}

static const args_option *find(const args_spec *spec, const char *name,
                               size_t len, char letter)
{
    for (size_t i = 0; i < spec->n_options; i++) {
        const args_option *o = &spec->options[i];
        if (letter ? o->letter == letter
                   : o->name && strlen(o->name) == len &&
                         memcmp(o->name, name, len) == 0)
            return o;
    }
    return NULL;
}

static int store(const args_option *o, const char *value)
{
    switch (o->kind) {
    case ARGS_FLAG:
        *(int *)o->to = 1;
        return ARGS_GO_ON;
    case ARGS_VALUE:
        *(const char **)o->to = value;
        return ARGS_GO_ON;
    default:
        return add(o->to, value);
    }
}

/* One option at argv[*i]; moves *i to its value where that is a word of its
 * own. */
static int read_option(const args_spec *spec, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *value = NULL;
    int is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    size_t len = is_long ? strcspn(name, "=") : 1;
    int shown = is_long ? (int)(name - word) + (int)len : 2;
    const args_option *o = find(spec, name, len, is_long ? '\0' : name[0]);
    if (!o)
        return args_error(spec, "unknown option %.*s", shown, word);
    if (is_long && name[len] == '=')
        value = name + len + 1;
    else if (!is_long && name[1])
        value = name + 1;
    if (o->kind == ARGS_FLAG) {
        if (value)
            return args_error(spec, "%.*s takes no value", shown, word);
        return store(o, NULL);
    }
    if (!value) {
        if (*i + 1 == argc)
            return args_error(spec, "%.*s needs a value", shown, word);
        value = argv[++*i];
    }
    return store(o, value);
}

static int add_operand(const args_spec *spec, const char *text,
                       args_list *operands, int *options)
{
    if (spec->most == ARGS_REST)
        *options = 0;
    return add(operands, text);
}

int args_parse(const args_spec *spec, int argc, char **argv,
               args_list *ret_operands)
{
    int options = 1;
    for (int i = 1; i < argc; i++) {
        int rc;
        if (options && strcmp(argv[i], "--") == 0) {
            options = 0;
            continue;
        }
        if (options &&
            (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            fputs(spec->help, stdout);
            return cli_finish(CLI_OK);
        }
        if (options && argv[i][0] == '-' && argv[i][1])
            rc = read_option(spec, argc, argv, &i);
        else
            rc = add_operand(spec, argv[i], ret_operands, &options);
        if (rc != ARGS_GO_ON)
            return rc;
    }
    if (ret_operands->n < spec->least)
        return args_error(spec, "too few arguments");
    if (ret_operands->n > spec->most)
        return args_error(spec, "too many arguments: %s",
                          ret_operands->items[spec->most]);
    return ARGS_GO_ON;
}
