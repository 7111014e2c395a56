/*
 * cli/args.h: options and operands of one command.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stddef.h>

/* Operands, or the values of an option that may be given again. The texts are
 * argv's; the array is freed with args_list_free. */
typedef struct args_list {
    const char **items;
    size_t n;
} args_list;

void args_list_free(args_list *list);

enum args_kind {
    ARGS_FLAG,  /* to: int, set to 1 */
    ARGS_VALUE, /* to: const char *, the last one counts */
    ARGS_LIST   /* to: args_list, in order */
};

typedef struct args_option {
    const char *name; /* "emit" for --emit; NULL: the letter only */
    char letter;      /* 'I' for -I; 0: the name only */
    enum args_kind kind;
    void *to;
} args_option;

/* For `most`: any number, and behind the first one everything is an operand. */
#define ARGS_REST ((size_t)-2)

typedef struct args_spec {
    const char *command; /* "mayfly compile" */
    const char *help;    /* what --help prints */
    const args_option *options;
    size_t n_options;
    size_t least, most; /* operands */
} args_spec;

enum { ARGS_GO_ON = -1 };

/*
 * Reads argv from argv[1]. Values come as `--name value`, `--name=value`,
 * `-l value` or `-lvalue`; `--` ends the options; options and operands may be
 * mixed. Returns ARGS_GO_ON, or the exit code when the command is over: 0 after
 * --help, 2 after an error, which has been printed.
 */
int args_parse(const args_spec *spec, int argc, char **argv,
               args_list *ret_operands);

/* Prints "COMMAND: text" and where to find help; returns the exit code 2. */
int args_error(const args_spec *spec, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
