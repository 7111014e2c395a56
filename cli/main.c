/*
 * cli/main.c: finds the command and runs it.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"compile", cli_compile, "compile schemas and show what it takes"},
    {"header", cli_header, "write the C header of a schema"},
    {"describe", cli_describe, "list services, methods and messages"},
    {"encode", cli_encode, "JSON to protobuf bytes"},
    {"decode", cli_decode, "protobuf bytes to JSON"},
    {"call", cli_call, "call a method of a server"},
    {"serve", cli_serve, "serve a schema with handlers written in C"},
    {"run", cli_run, "run a C program in memory, and unload it"},
    {"stat", cli_stat, "what a running host holds and does"},
    {"why", cli_why, "what holds a unit of a running host"},
    {"top", cli_top, "its units by what they do, every second"},
    {"load", cli_load, "add a version to a unit of a running host"},
    {"swap", cli_swap, "make another version of it current"},
    {"unload", cli_unload, "take a unit out of a running host"},
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *to)
{
    fputs(
        "usage: mayfly COMMAND [OPTIONS] [ARGUMENTS]\n\n"
        "gRPC for C: stubs are compiled in memory while the program runs.\n\n",
        to);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-10s%s\n", commands[i].name, commands[i].summary);
    fputs("\n'mayfly COMMAND --help' tells more, with an example.\n"
          "Exit codes: 0; 1 failure; 2 usage; 64 + gRPC status of a failed "
          "call.\n",
          to);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        printf("mayfly %s\n", mayfly_version());
        return cli_finish(CLI_OK);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
        (strcmp(name, "help") == 0 && argc == 2)) {
        usage(stdout);
        return cli_finish(CLI_OK);
    }
    static char help[] = "--help";
    char *asked[] = {NULL, help, NULL};
    if (strcmp(name, "help") == 0) { /* mayfly help call */
        name = argv[2];
        argv = asked;
        argc = 2;
    } else {
        argv++;
        argc--;
    }
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc, argv);
    }
    fprintf(stderr, "mayfly: no command '%s'\nTry 'mayfly --help'.\n", name);
    return CLI_USAGE;
}
