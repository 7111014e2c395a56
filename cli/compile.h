/* cli/compile.h: what `mayfly compile` was asked for. */
#ifndef CLI_COMPILE_H
#define CLI_COMPILE_H

#include "cli/cli.h"

typedef struct cli_compile_options {
    args_list schemas; /* files and folders */
    args_list dirs;
    const char *emit;
    const char *output;
    const char *format;
    const char *repeat;
    int resident;
    unsigned long cycles;
    int json;
} cli_compile_options;

/* Whether one of the schemas is a folder. */
int cli_compile_has_folder(const cli_compile_options *c);

/* Loads all as one job, unloads them, and reports what became of each. Returns
 * the exit code. */
int cli_compile_folders(const cli_compile_options *c);

#endif
