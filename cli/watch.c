/*
 * cli/watch.c: files that are watched until one of them has changed.
 *
 * Editors do not write into a file: they write another one and rename it over
 * the first, or move that out of the way and make it anew; checkouts remove and
 * make whole folders. So it is folders that are watched (inotify), and whether
 * a file has changed is told by what it is now: another inode, size or time. A
 * file that is not there has a folder as well, or the nearest one above that is
 * there, so one that comes is seen. Where a path leads through a link, the
 * folder of what it leads to is watched too.
 *
 * A change is told when it has settled: nothing has happened for a moment, so
 * that several files saved together are one change; and a file that was there
 * has come back, or has been gone for a while.
 *
 * Nothing is polled: without an event the thread sleeps.
 *
 * Threads: one; cli_watch_wake and cli_watch_stop from any.
 */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    QUIET_MS = 30,      /* without a change: it has settled */
    WRITTEN_MS = 1000,  /* the same for a file that is written to, and was not
                           closed yet */
    GONE_MS = 1000,     /* a file that was there is waited for */
    SETTLE_MS = 2000,   /* a change is told by then at the latest */
    EVENT_BYTES = 4096, /* read at once */
};

static const uint32_t events_wanted =
    IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
    IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

/* What a file is; zeroed where there is none. */
typedef struct look {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written, changed;
} look;

typedef struct file {
    char *path;
    const char *name; /* in its folder */
    int folder;       /* its watch, or that of a folder above; -1: none */
    look now;
    int is_wanted;       /* since cli_watch_begin */
    int is_named;        /* an event has named it */
    uint64_t written_ms; /* it was made or written to then, and was not closed
                            yet; 0: it was */
    int was_there;       /* when all was well */
} file;

struct cli_watch {
    int events; /* inotify */
    int wakes;  /* eventfd */
    atomic_int stopped;
    file *files;
    size_t n, cap;
    int has_failed; /* a folder cannot be watched: told once */
};

/* --- files --- */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static look look_at(const char *path)
{
    struct stat st;
    look l;
    memset(&l, 0, sizeof l);
    if (stat(path, &st) != 0)
        return l;
    l.device = st.st_dev;
    l.inode = st.st_ino;
    l.size = st.st_size;
    l.written = st.st_mtim;
    l.changed = st.st_ctim;
    return l;
}

static int is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static int is_same(const look *a, const look *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->written.tv_sec == b->written.tv_sec &&
           a->written.tv_nsec == b->written.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static int is_there(const file *f)
{
    return f->now.inode != 0;
}

/* Watches the folder of a path, or the nearest one above it that is there. */
static int watch_folder(cli_watch *w, const char *path)
{
    char folder[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof folder)
        return -1;
    memcpy(folder, path, n + 1);
    for (;;) {
        char *slash = strrchr(folder, '/');
        if (!slash)
            strcpy(folder, ".");
        else
            slash[slash == folder] = '\0';
        int number = inotify_add_watch(w->events, folder, events_wanted);
        if (number >= 0)
            return number;
        if ((errno != ENOENT && errno != ENOTDIR) || !slash || slash == folder)
            break;
    }
    if (!w->has_failed)
        cli_fail("cannot watch %s: %s", folder, strerror(errno));
    w->has_failed = 1;
    return -1;
}

/* Its folders may be others than before. */
static void place(cli_watch *w, file *f)
{
    char real[PATH_MAX];
    f->folder = watch_folder(w, f->path);
    if (realpath(f->path, real))
        watch_folder(w, real);
}

static file *find(cli_watch *w, const char *path)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->files[i].path, path) == 0)
            return &w->files[i];
    return NULL;
}

static file *add(cli_watch *w, const char *path)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 16;
        file *files = realloc(w->files, cap * sizeof *files);
        if (!files)
            return NULL;
        w->files = files;
        w->cap = cap;
    }
    char *copy = strdup(path);
    if (!copy)
        return NULL;
    const char *slash = strrchr(copy, '/');
    file *f = &w->files[w->n++];
    *f = (file){.path = copy, .name = slash ? slash + 1 : copy};
    return f;
}

void cli_watch_add(cli_watch *w, const char *path)
{
    file *f = find(w, path);
    if (!f)
        f = add(w, path);
    if (!f) {
        cli_fail("out of memory");
        return;
    }
    place(w, f); /* before the look: what happens in between is an event */
    f->now = look_at(path);
    f->is_wanted = 1;
    f->is_named = 0;
}

void cli_watch_begin(cli_watch *w)
{
    for (size_t i = 0; i < w->n; i++)
        w->files[i].is_wanted = 0;
}

void cli_watch_end(cli_watch *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        file *f = &w->files[i];
        if (!f->is_wanted) {
            free(f->path);
            continue;
        }
        f->was_there = is_there(f);
        w->files[n++] = *f;
    }
    w->n = n;
}

/* --- events --- */

static void take_event(cli_watch *w, const struct inotify_event *e)
{
    if (e->mask & IN_MOVE_SELF) /* the path is another folder's now */
        inotify_rm_watch(w->events, e->wd);
    if (!e->len || (e->mask & IN_ATTRIB))
        return;
    for (size_t i = 0; i < w->n; i++) {
        file *f = &w->files[i];
        if (f->folder != e->wd || strcmp(f->name, e->name) != 0)
            continue;
        int is_open = (e->mask & IN_MODIFY) ||
                      ((e->mask & IN_CREATE) && !is_link(f->path));
        f->is_named = 1;
        f->written_ms = is_open ? now_ms() : 0;
    }
}

static void take_events(cli_watch *w)
{
    _Alignas(struct inotify_event) char bytes[EVENT_BYTES];
    ssize_t n;
    while ((n = read(w->events, bytes, sizeof bytes)) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(bytes + at);
            take_event(w, e);
            at += (ssize_t)(sizeof *e + e->len);
        }
    }
}

/* Looks at every file. Whether one is another than before. */
static int look_again(cli_watch *w)
{
    int changed = 0;
    for (size_t i = 0; i < w->n; i++) {
        file *f = &w->files[i];
        place(w, f);
        look now = look_at(f->path);
        changed |= f->is_named || !is_same(&now, &f->now);
        f->now = now;
        f->is_named = 0;
    }
    return changed;
}

enum { NOTHING = -1 };

/* Sleeps until there is an event (CLI_WATCH_CHANGED), somebody wakes, or `ms`
 * are over (-1: never). */
static int sleep_for(cli_watch *w, int ms)
{
    struct pollfd fds[] = {{.fd = w->events, .events = POLLIN},
                           {.fd = w->wakes, .events = POLLIN}};
    uint64_t n;
    if (poll(fds, 2, ms) <= 0)
        return NOTHING; /* or a signal */
    if (fds[0].revents)
        take_events(w);
    if (fds[1].revents && read(w->wakes, &n, sizeof n) == sizeof n)
        return atomic_load(&w->stopped) ? CLI_WATCH_STOPPED : CLI_WATCH_WOKEN;
    return CLI_WATCH_CHANGED;
}

/* When what has changed is as it will be, if nothing happens until then. */
static uint64_t settled_at(const cli_watch *w, uint64_t begin, uint64_t last)
{
    uint64_t at = last + QUIET_MS;
    for (size_t i = 0; i < w->n; i++) {
        const file *f = &w->files[i];
        if (f->was_there && !is_there(f))
            return begin + GONE_MS;
        if (f->written_ms && f->written_ms + WRITTEN_MS > at)
            at = f->written_ms + WRITTEN_MS;
    }
    return at < begin + SETTLE_MS ? at : begin + SETTLE_MS;
}

/* Something has changed: waits until it has settled. A wake-up is kept. */
static int settle(cli_watch *w)
{
    uint64_t begin = now_ms(), last = begin, now = begin, at;
    int woken = 0;
    for (; now < (at = settled_at(w, begin, last)); now = now_ms()) {
        int what = sleep_for(w, (int)(at - now));
        if (what == CLI_WATCH_STOPPED)
            return what;
        woken |= what == CLI_WATCH_WOKEN;
        if (look_again(w))
            last = now_ms();
    }
    if (woken)
        cli_watch_wake(w);
    return CLI_WATCH_CHANGED;
}

int cli_watch_wait(cli_watch *w)
{
    while (!look_again(w)) {
        int what = sleep_for(w, -1);
        if (what == CLI_WATCH_STOPPED || what == CLI_WATCH_WOKEN)
            return what;
    }
    return settle(w);
}

int cli_watch_is_changed(cli_watch *w)
{
    take_events(w);
    for (size_t i = 0; i < w->n; i++) {
        const file *f = &w->files[i];
        look now = look_at(f->path);
        if (f->is_named || !is_same(&now, &f->now))
            return 1;
    }
    return 0;
}

/* --- life --- */

cli_watch *cli_watch_new(void)
{
    cli_watch *w = calloc(1, sizeof *w);
    if (!w) {
        cli_fail("out of memory");
        return NULL;
    }
    w->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    w->wakes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->events >= 0 && w->wakes >= 0)
        return w;
    cli_fail("cannot watch files: %s", strerror(errno));
    cli_watch_free(w);
    return NULL;
}

void cli_watch_free(cli_watch *w)
{
    if (!w)
        return;
    if (w->events >= 0)
        close(w->events);
    if (w->wakes >= 0)
        close(w->wakes);
    for (size_t i = 0; i < w->n; i++)
        free(w->files[i].path);
    free(w->files);
    free(w);
}

void cli_watch_wake(cli_watch *w)
{
    const uint64_t one = 1;
    ssize_t n = write(w->wakes, &one, sizeof one);
    (void)n; /* full: it is awake */
}

void cli_watch_stop(cli_watch *w)
{
    atomic_store(&w->stopped, 1);
    cli_watch_wake(w);
}
