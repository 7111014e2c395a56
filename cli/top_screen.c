/*
 * cli/top_screen.c: a terminal for frames, with keys.
 *
 * The other screen of the terminal is used, so that what was on it before is
 * there again at the end. Signals that would end or stop the program are
 * blocked and read like keys: the terminal is put back first, then the signal
 * does what it always does. So nothing is done in a signal handler.
 *
 * Where standard input is no terminal there are no keys. Escape sequences are
 * those that every terminal since the VT100 knows, but for the other screen,
 * which others pass over.
 */
#include "cli/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct top_screen {
    int signals; /* a descriptor that they are read from */
    sigset_t set, before;
    int has_keys;
    struct termios terminal; /* as it was */
};

static void put(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

static void set_up(top_screen *s)
{
    if (s->has_keys) {
        struct termios raw = s->terminal;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* ^C stays a signal */
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    put("\033[?1049h\033[?25l\033[2J");
}

static void put_back(top_screen *s)
{
    put("\033[?25h\033[?1049l");
    if (s->has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &s->terminal);
}

/* As nohup has it: it stays ignored. */
static int is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

top_screen *top_screen_begin(void)
{
    static const int numbers[] = {SIGINT,  SIGTERM, SIGHUP,
                                  SIGQUIT, SIGTSTP, SIGWINCH};
    top_screen *s = calloc(1, sizeof(*s));
    if (!s) {
        cli_fail("out of memory");
        return NULL;
    }
    sigemptyset(&s->set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (!is_ignored(numbers[i]))
            sigaddset(&s->set, numbers[i]);
    s->has_keys =
        isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &s->terminal) == 0;
    sigprocmask(SIG_BLOCK, &s->set, &s->before);
    s->signals = signalfd(-1, &s->set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signals < 0) {
        cli_fail("signals: %s", strerror(errno));
        sigprocmask(SIG_SETMASK, &s->before, NULL);
        free(s);
        return NULL;
    }
    set_up(s);
    return s;
}

void top_screen_end(top_screen *s)
{
    if (!s)
        return;
    put_back(s);
    close(s->signals);
    sigprocmask(SIG_SETMASK, &s->before, NULL);
    free(s);
}

unsigned top_screen_lines(const top_screen *s)
{
    struct winsize size;
    (void)s;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1)
        return size.ws_row;
    return 24;
}

void top_screen_show(top_screen *s, const char *frame, size_t len)
{
    (void)s;
    fputs("\033[H", stdout);
    fwrite(frame, 1, len, stdout);
    put("\033[J");
}

/* --- signals --- */

/* Does what the signal does to who has not blocked it. Comes back where that
 * was a stop and the program goes on. */
static void obey(top_screen *s, int number)
{
    sigset_t one;
    put_back(s);
    if (number == SIGTSTP) { /* which does nothing where no shell waits */
        raise(SIGSTOP);
    } else {
        sigemptyset(&one);
        sigaddset(&one, number);
        signal(number, SIG_DFL);
        raise(number);
        sigprocmask(SIG_UNBLOCK, &one, NULL);
    }
    set_up(s);
}

/* 1: the screen has to be shown anew. */
static int read_signals(top_screen *s)
{
    struct signalfd_siginfo info;
    int changed = 0;
    while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGWINCH)
            obey(s, (int)info.ssi_signo);
        changed = 1;
    }
    return changed;
}

/* --- waiting --- */

int64_t top_screen_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int top_screen_wait(top_screen *s, int64_t until_ms)
{
    for (;;) {
        struct pollfd fds[2] = {
            {.fd = s->signals, .events = POLLIN},
            {.fd = s->has_keys ? STDIN_FILENO : -1, .events = POLLIN}};
        int64_t left = until_ms - top_screen_now_ms();
        unsigned char key;
        if (left <= 0)
            return TOP_TIME;
        if (poll(fds, 2, (int)left) <= 0)
            continue;
        if (fds[0].revents && read_signals(s))
            return TOP_RESIZED;
        if (!fds[1].revents)
            continue;
        if (read(STDIN_FILENO, &key, 1) == 1)
            return key;
        s->has_keys = 0; /* it has ended */
    }
}
