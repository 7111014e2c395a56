/* tests/unit/arena/proc.h: what the kernel says of this process. */
#ifndef TESTS_ARENA_PROC_H
#define TESTS_ARENA_PROC_H

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether numbers of the whole process mean anything: a sanitizer has memory of
 * its own in it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { PROC_EXACT = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { PROC_EXACT = 0 };
#else
enum { PROC_EXACT = 1 };
#endif
#else
enum { PROC_EXACT = 1 };
#endif

/* The text of a /proc file, in memory that was there before: reading it does
 * not change what it says. */
static inline const char *proc_read(const char *path)
{
    static char text[4 << 20];
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return "";
    for (ssize_t r; (r = read(fd, text + n, sizeof text - 1 - n)) > 0;)
        n += (size_t)r;
    close(fd);
    text[n] = '\0';
    return text;
}

static inline long proc_dirty_kib(void)
{
    const char *at =
        strstr(proc_read("/proc/self/smaps_rollup"), "Private_Dirty:");
    return at ? atol(at + strlen("Private_Dirty:")) : -1;
}

static inline int proc_mappings(void)
{
    int n = 0;
    for (const char *at = proc_read("/proc/self/maps"); (at = strchr(at, '\n'));
         at++)
        n++;
    return n;
}

/* Mappings that are writable and executable at once. */
static inline int proc_writable_code(void)
{
    int n = 0;
    for (const char *line = proc_read("/proc/self/maps"); *line;) {
        const char *rights = strchr(line, ' ');
        const char *end = strchr(line, '\n');
        if (rights && rights[2] == 'w' && rights[3] == 'x')
            n++;
        line = end ? end + 1 : line + strlen(line);
    }
    return n;
}

static inline int proc_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    closedir(dir);
    return n;
}

#endif
