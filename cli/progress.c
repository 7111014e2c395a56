/*
 * cli/progress.c: a bar on standard error that shows how far a job is.
 *
 * There is one only where standard error is a terminal: what is read by a
 * program or kept in a file has no use for it. It is one line, as wide as the
 * terminal, drawn at most every twentieth of a second, and wiped away before
 * anything else is written.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 80, WIDTH_MAX = 400, BAR = 24, EVERY_MS = 50 };

static unsigned long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000;
}

void cli_progress_begin(cli_progress *p)
{
    *p = (cli_progress){.is_on = isatty(STDERR_FILENO)};
}

static size_t width_of_terminal(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
        return WIDTH;
    return size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
}

/* The end of a name, which is what differs, without what a terminal would obey.
 */
static void copy_end(char *to, const char *from, size_t room)
{
    size_t n = strlen(from);
    if (n > room)
        from += n - room;
    snprintf(to, room + 1, "%s", from);
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

void cli_progress_show(cli_progress *p, size_t done, size_t total,
                       size_t failed, const char *name)
{
    char line[WIDTH_MAX + 1], bar[BAR + 1];
    unsigned long now = p->is_on ? now_ms() : 0;
    if (!p->is_on ||
        (p->is_shown && done < total && now < p->shown_ms + EVERY_MS))
        return;
    size_t width = width_of_terminal() - 1;
    size_t full = total ? done * BAR / total : BAR;
    memset(bar, '.', BAR);
    memset(bar, '#', full);
    bar[BAR] = '\0';
    int n = failed ? snprintf(line, sizeof line, "[%s] %zu of %zu, %zu failed ",
                              bar, done, total, failed)
                   : snprintf(line, sizeof line, "[%s] %zu of %zu ", bar, done,
                              total);
    if ((size_t)n < width)
        copy_end(line + n, name, width - (size_t)n);
    line[width] = '\0';
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
    p->is_shown = 1;
    p->shown_ms = now;
}

void cli_progress_end(cli_progress *p)
{
    if (p->is_shown)
        fputs("\r\033[K", stderr);
    p->is_shown = 0;
}
