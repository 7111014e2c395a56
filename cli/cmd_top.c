/*
 * cli/cmd_top.c: mayfly top.
 *
 * Asks the host every second and shows what has happened since: on a terminal
 * as a screen that changes, else frame after frame. A screen begins with what
 * there is, whose figures per second are 0; frames begin a turn later, with the
 * first that has any.
 */
#include "cli/top.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "usage: mayfly top --admin SOCKET [OPTIONS]\n"
    "\n"
    "Shows a running host every second: its process and memory, what it "
    "compiles and\n"
    "unloads, and its units by bytes, calls per second, errors, time of a "
    "call.\n"
    "On a terminal a letter sorts by another column (b, c, l, e, h, n), space "
    "asks\n"
    "at once, q quits. Elsewhere frames are printed one after the other.\n"
    "\n"
    "  --sort COLUMN        bytes (the default), calls, latency, errors, held, "
    "name\n"
    "  --once               print one frame: what happens within a second\n"
    "  --count N            print N frames\n"
    "  --interval TIME      instead of a second: 200ms, 5s\n" ADMIN_HELP
    "                       (a line of JSON for each frame)\n"
    "\n"
    "'held' are leases: calls under way, and pins. Times are those of calls "
    "that\n"
    "have ended; 99% of them were below the last column's.\n"
    "\n"
    "Example:\n"
    "  mayfly top --admin /run/hello.sock --sort calls\n";

enum { INTERVAL_MS = 1000, FRAMES_MAX = 1000000000 };

typedef struct top {
    admin_options admin;
    args_list operands;
    const char *sort, *count, *interval;
    int once, is_json;
    enum top_sort by;
    unsigned frames; /* 0: without end */
    unsigned interval_ms;
    top_sample sample; /* the newest */
} top;

/* Takes the next sample in the place of the last. */
static int advance(top *t)
{
    top_sample next;
    int rc = top_sample_take(t->admin.socket,
                             t->sample.at_us ? &t->sample : NULL, &next);
    if (rc == CLI_OK) {
        top_sample_free(&t->sample);
        t->sample = next;
    } else {
        top_sample_free(&next);
    }
    return rc;
}

/* --- frames --- */

static void sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000,
                         .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static int print_frames(top *t)
{
    int rc = advance(t);
    for (unsigned i = 0; rc == CLI_OK && (!t->frames || i < t->frames); i++) {
        sleep_ms(t->interval_ms);
        rc = advance(t);
        if (rc != CLI_OK)
            break;
        top_sort_rows(&t->sample, t->by);
        if (t->is_json) {
            top_frame_json(stdout, &t->sample);
        } else {
            if (i)
                fputc('\n', stdout);
            top_frame_text(stdout, &t->sample, t->by, 0, "\n");
        }
        rc = cli_finish(CLI_OK);
    }
    return rc;
}

/* --- the screen --- */

static void show(top *t, top_screen *screen)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    if (!to)
        return;
    top_sort_rows(&t->sample, t->by);
    /* the rest of each line is cleared; the last line is left alone */
    top_frame_text(to, &t->sample, t->by, top_screen_lines(screen) - 1,
                   "\033[K\r\n");
    if (fclose(to) == 0)
        top_screen_show(screen, text, len);
    free(text);
}

static int sort_of_key(int key)
{
    for (int i = 0; i < TOP_SORTS; i++)
        if (top_sort_names[i][0] == tolower(key))
            return i;
    return -1;
}

/* Shows what there is until the time has come, or a key asks for the next.
 * Returns 1 to quit. */
static int show_for_a_while(top *t, top_screen *screen)
{
    int64_t until_ms = top_screen_now_ms() + t->interval_ms;
    for (;;) {
        show(t, screen);
        int key = top_screen_wait(screen, until_ms);
        if (key == 'q' || key == 'Q')
            return 1;
        if (key == TOP_TIME || key == ' ')
            return 0;
        int sort = key >= 0 ? sort_of_key(key) : -1;
        if (sort >= 0)
            t->by = (enum top_sort)sort;
    }
}

/* What is wrong has to be said where it can be read, so the screen goes and the
 * host is asked again: if it answers now, the screen is there again. */
static int show_screen(top *t)
{
    int rc;
    while ((rc = advance(t)) == CLI_OK) {
        top_screen *screen = top_screen_begin();
        int quits = 0;
        if (!screen)
            return CLI_FAILED;
        while (rc == CLI_OK && !(quits = show_for_a_while(t, screen)))
            rc = advance(t);
        top_screen_end(screen);
        if (quits)
            return CLI_OK;
    }
    return rc;
}

/* --- options --- */

static int read_sort(const args_spec *spec, top *t)
{
    if (!t->sort)
        return ARGS_GO_ON;
    for (int i = 0; i < TOP_SORTS; i++) {
        if (strcmp(top_sort_names[i], t->sort) != 0)
            continue;
        t->by = (enum top_sort)i;
        return ARGS_GO_ON;
    }
    return args_error(spec,
                      "--sort is bytes, calls, latency, errors, held or name, "
                      "not '%s'",
                      t->sort);
}

static int read_numbers(const args_spec *spec, top *t)
{
    char *end = NULL;
    unsigned long n = t->count ? strtoul(t->count, &end, 10) : 0;
    if (t->count && (*end || n == 0 || n > FRAMES_MAX))
        return args_error(spec, "--count needs a number, not '%s'", t->count);
    t->frames = t->once ? 1 : (unsigned)n;
    t->interval_ms = INTERVAL_MS;
    if (t->interval && (cli_duration(t->interval, &t->interval_ms) != 0 ||
                        t->interval_ms == 0))
        return args_error(spec,
                          "--interval needs a time such as 200ms or 5s, not "
                          "'%s'",
                          t->interval);
    return ARGS_GO_ON;
}

int cli_top(int argc, char **argv)
{
    top t = {.by = TOP_BYTES};
    const args_option options[] = {ADMIN_OPTIONS(t.admin),
                                   {"sort", 0, ARGS_VALUE, &t.sort},
                                   {"once", 0, ARGS_FLAG, &t.once},
                                   {"count", 0, ARGS_VALUE, &t.count},
                                   {"interval", 0, ARGS_VALUE, &t.interval}};
    const args_spec spec = {"mayfly top",
                            help,
                            options,
                            sizeof(options) / sizeof(options[0]),
                            0,
                            0};
    int rc = args_parse(&spec, argc, argv, &t.operands);
    if (rc == ARGS_GO_ON)
        rc = admin_check(&spec, &t.admin, &t.is_json);
    if (rc == ARGS_GO_ON)
        rc = read_sort(&spec, &t);
    if (rc == ARGS_GO_ON)
        rc = read_numbers(&spec, &t);
    if (rc == ARGS_GO_ON)
        rc = t.frames || t.is_json || !isatty(STDOUT_FILENO) ? print_frames(&t)
                                                             : show_screen(&t);
    top_sample_free(&t.sample);
    args_list_free(&t.operands);
    return rc;
}
