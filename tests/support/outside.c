#include "tests/support/outside.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *open_proc(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return fopen(path, "r");
}

/* The number behind `format` in the first line that has it. */
static int read_figure(pid_t pid, const char *name, const char *format,
                       long *ret)
{
    char line[512];
    FILE *f = open_proc(pid, name);
    int found = 0;
    while (f && !found && fgets(line, sizeof line, f))
        found = sscanf(line, format, ret) == 1;
    if (f)
        fclose(f);
    return found ? 0 : -1;
}

static int read_maps(pid_t pid, reading *r)
{
    char line[1024];
    FILE *f = open_proc(pid, "maps");
    if (!f)
        return -1;
    while (fgets(line, sizeof line, f)) {
        uintptr_t from, to;
        r->mappings++;
        if (strstr(line, "/memfd:") &&
            sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) == 2)
            r->mapped_kib += (long)((to - from) / 1024);
    }
    fclose(f);
    return 0;
}

static int read_descriptors(pid_t pid, reading *r)
{
    char path[64], name[400], target[256];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return -1;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct stat st;
        if (e->d_name[0] == '.')
            continue;
        r->descriptors++;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        ssize_t n = readlink(name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = 0;
        if (strstr(target, "memfd:") && stat(name, &st) == 0)
            r->file_kib += (long)st.st_blocks / 2;
    }
    closedir(dir);
    return 0;
}

int outside_read(pid_t pid, reading *ret)
{
    reading r = {0};
    if (read_figure(pid, "smaps_rollup", "Private_Dirty: %ld", &r.dirty_kib) ||
        read_figure(pid, "status", "Threads: %ld", &r.threads) ||
        read_maps(pid, &r) || read_descriptors(pid, &r))
        return -1;
    *ret = r;
    return 0;
}

void outside_settle_program(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

void outside_plain_malloc(void)
{
    setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
}

void outside_use_stack(void)
{
    volatile char bytes[64 << 10];
    for (size_t i = 0; i < sizeof bytes; i += 1024)
        bytes[i] = 1;
}

void outside_meet(void)
{
    char byte = '.';
    if (write(STDOUT_FILENO, &byte, 1) != 1 ||
        read(STDIN_FILENO, &byte, 1) != 1)
        _exit(1);
}

int outside_start(char *const *arguments, outside_child *ret)
{
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0)
        return -1;
    if (pipe2(from, O_CLOEXEC) != 0) {
        close(to[0]);
        close(to[1]);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        execv("/proc/self/exe", arguments);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    if (pid < 0) {
        close(to[1]);
        close(from[0]);
        return -1;
    }
    *ret = (outside_child){.pid = pid, .to = to[1], .from = from[0]};
    return 0;
}

int outside_wait(const outside_child *c)
{
    char byte;
    return read(c->from, &byte, 1) == 1 ? 0 : -1;
}

int outside_go_on(const outside_child *c)
{
    return write(c->to, ".", 1) == 1 ? 0 : -1;
}

int outside_finish(const outside_child *c)
{
    int status = -1;
    close(c->to);
    close(c->from);
    waitpid(c->pid, &status, 0);
    return status;
}
