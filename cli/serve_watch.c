/*
 * cli/serve_watch.c: mayfly serve --watch.
 *
 * A thread sleeps until a file has changed, and swaps in what there is then.
 * What is no good is told, with its place, and the old version goes on: that is
 * the library's promise. A version whose calls take longer than the swap waits
 * is told of when its last call has ended: whoever ends it wakes the thread.
 *
 * Each line is printed by one call and standard output is line buffered, so
 * that a pipe sees it when it happens.
 */
#include "cli/serve.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_BYTES = 200 };

/* A version that is closed and not gone yet. */
typedef struct leaving {
    struct leaving *next;
    mayfly_context *context; /* a reference */
    uint64_t version;
    size_t bytes;
} leaving;

typedef struct watching {
    serve *s;
    leaving *leaving;
    int has_failed; /* the files as they are have no version */
} watching;

/* --- lines --- */

static void say_gone(char *out, size_t size, uint64_t version, size_t bytes,
                     const mayfly_receipt *receipt)
{
    char gave[CLI_NUMBER], kept[CLI_NUMBER];
    size_t retained = receipt ? mayfly_receipt_retained(receipt) : 0;
    snprintf(out, size, "version %llu gave back %s bytes, %s retained",
             (unsigned long long)version,
             cli_grouped(bytes > retained ? bytes - retained : 0, gave),
             cli_grouped(retained, kept));
}

static void note_bytes(void *state, const mayfly_version_info *info)
{
    if (info->is_current)
        *(size_t *)state = info->bytes;
}

/* --- versions that leave --- */

static void on_event(void *state, mayfly_context *context,
                     enum mayfly_context_event event)
{
    (void)context;
    if (event == MAYFLY_ON_UNLOADED)
        cli_watch_wake(state);
}

static void add_leaving(watching *w, mayfly_context *context, uint64_t version,
                        size_t bytes)
{
    leaving *l = calloc(1, sizeof *l);
    if (!l)
        return; /* it leaves, and nobody tells */
    *l = (leaving){.next = w->leaving,
                   .context = mayfly_context_ref(context),
                   .version = version,
                   .bytes = bytes};
    w->leaving = l;
}

static void drop(leaving **at)
{
    leaving *l = *at;
    *at = l->next;
    mayfly_context_unref(l->context);
    free(l);
}

static void tell_gone(watching *w)
{
    for (leaving **at = &w->leaving; *at;) {
        leaving *l = *at;
        mayfly_receipt *receipt = NULL;
        char line[LINE_BYTES];
        if (mayfly_context_get_state(l->context) != MAYFLY_UNLOADED) {
            at = &l->next;
            continue;
        }
        mayfly_context_receipt(l->context, &receipt, NULL);
        say_gone(line, sizeof line, l->version, l->bytes, receipt);
        printf("%s\n", line);
        mayfly_receipt_free(receipt);
        drop(at);
    }
}

/* --- swapping --- */

static void tell_swap(watching *w, const mayfly_swap *swap, mayfly_context *old,
                      size_t bytes)
{
    char line[LINE_BYTES];
    if (swap->gone) {
        say_gone(line, sizeof line, swap->from, bytes, swap->receipt);
    } else {
        snprintf(line, sizeof line, "version %llu ends with its last call",
                 (unsigned long long)swap->from);
        add_leaving(w, old, swap->from, bytes);
    }
    printf("swapped to version %llu (build %.1f ms, swap %llu us): %s\n",
           (unsigned long long)swap->to, (double)swap->build_us / 1000,
           (unsigned long long)swap->swap_us, line);
}

/* What the files are now becomes a version. */
static void reload(watching *w)
{
    serve *s = w->s;
    mayfly_context *old = NULL;
    mayfly_swap swap = {0};
    size_t bytes = 0;
    uint64_t listener = 0;
    uint64_t version = mayfly_unit_version(s->unit);
    mayfly_cache_each(s->host, s->unit, note_bytes, &bytes, NULL);
    if (mayfly_unit_context(s->unit, 0, 0, &old, NULL) == 0)
        mayfly_context_listen(old, "mayfly serve", on_event, s->watch,
                              &listener, NULL);
    int rc = serve_swap(s, &swap);
    if (rc == SERVE_AGAIN)
        ; /* the watch tells of it once more */
    else if (rc != CLI_OK)
        fprintf(stderr, "mayfly: version %llu goes on\n",
                (unsigned long long)version);
    else if (swap.to != swap.from)
        tell_swap(w, &swap, old, bytes);
    else if (w->has_failed)
        printf("as before: version %llu\n", (unsigned long long)version);
    if (old && swap.to == swap.from && listener)
        mayfly_context_unlisten(old, listener, NULL);
    w->has_failed = rc == CLI_OK ? 0 : w->has_failed || rc != SERVE_AGAIN;
    mayfly_receipt_free(swap.receipt);
    mayfly_context_unref(old);
}

static void *watch(void *state)
{
    watching w = {.s = state};
    int what;
    while ((what = cli_watch_wait(w.s->watch)) != CLI_WATCH_STOPPED) {
        if (what == CLI_WATCH_CHANGED)
            reload(&w);
        tell_gone(&w);
    }
    while (w.leaving)
        drop(&w.leaving);
    return NULL;
}

int serve_watch_begin(serve *s)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    s->is_watching = 1;
    if (pthread_create(&s->watcher, NULL, watch, s) == 0)
        return CLI_OK;
    s->is_watching = 0;
    return cli_fail("no thread to watch the files");
}

void serve_watch_end(serve *s)
{
    if (!s->is_watching)
        return;
    cli_watch_stop(s->watch);
    pthread_join(s->watcher, NULL);
    s->is_watching = 0;
}
