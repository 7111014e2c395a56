/*
 * cli/serve.h: what mayfly serve consists of: cmd_serve.c (options, listening,
 * the end), serve_load.c (from files to a version), serve_watch.c (files that
 * change).
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "cli/cli.h"

#include <pthread.h>

typedef struct serve_header { /* a file that handlers include */
    struct serve_header *next;
    char *text;
    pthread_t thread; /* that asked for it */
} serve_header;

typedef struct serve {
    args_list operands; /* SCHEMA HANDLERS.c... */
    args_list dirs;
    const char *address;
    int blocking;
    int receipt;
    int watches; /* --watch */
    const char *admin_path; /* --admin; NULL: none */

    mayfly_host *host;
    mayfly_unit *unit;
    cli_watch *watch;  /* NULL: nothing is watched */
    pthread_t watcher; /* serve_watch.c's thread, which ... */
    int is_watching;   /* ... runs */

    pthread_mutex_t lock; /* guards what follows */
    pthread_t reader;     /* reads the files, while ... */
    int is_reading;
    serve_header *headers;
} serve;

/* --- serve_load.c: prints what is wrong and returns the exit code --- */

/* The first version, of a host that is there. */
int serve_load(serve *s);

enum { SERVE_AGAIN = -1 };

/* The next one, of the files as they are now. `ret_swap` is filled in where that
 * is another than before; its receipt is to be freed. SERVE_AGAIN: a file has
 * changed meanwhile, so nothing was done and nothing printed. */
int serve_swap(serve *s, mayfly_swap *ret_swap);

void serve_free_headers(serve *s);

/* --- serve_watch.c --- */

/* Swaps in what is saved, on a thread of its own, until serve_watch_end. */
int serve_watch_begin(serve *s);
void serve_watch_end(serve *s);

#endif
