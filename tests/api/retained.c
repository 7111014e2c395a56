/*
 * "Nothing retained", read from outside the process.
 *
 * This program runs itself as a child that loads and unloads at its parent's
 * word, and reads the child's private dirty memory, memory files, mappings and
 * descriptors from /proc. After the unload, and once what is kept for speed has
 * been given back, they are as before the first load, to 64 kB. The same
 * reading of a resident context exceeds that of a disposable one by 2 MB:
 * otherwise it would prove nothing.
 */
#include <mayfly/mayfly.h>

#include "tests/support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    SLACK_KIB = 64,
    RESIDENT_KIB = 2048,
    SETTLE_MS = 20000, /* at the most; an idle host trims itself far sooner */
    LARGE_BYTES = 1 << 20,
    CYCLES = 1000
};

/* --- the child ---------------------------------------------------------------
 */

static const char greeter[] =
    "syntax = \"proto3\";\npackage hello;\n"
    "service Greeter { rpc SayHello (Request) returns (Reply); }\n"
    "message Request { string name = 1; repeated int32 numbers = 2; }\n"
    "message Reply { string message = 1; map<string, Request> all = 2; }\n";

static void give_up(const char *what, const mayfly_error *err)
{
    fprintf(stderr, "child: %s: %s\n", what, err ? err->message : "");
    _exit(1);
}

/* Messages that refer to each other, until their C has a megabyte; and
 * functions likewise. The texts are mapped, so that the heap has no part in it.
 */
static char *make_text(const char *head, const char *format, size_t bytes)
{
    char *text = malloc(bytes + 4096);
    if (!text)
        _exit(1);
    size_t n = (size_t)sprintf(text, "%s", head);
    for (int i = 1; n < bytes; i++)
        n += (size_t)sprintf(text + n, format, i, i, i, i, i - 1);
    return text;
}

typedef struct work {
    mayfly_host *host;
    mayfly_source schema;
    mayfly_source handlers;
    int resident;
} work;

static mayfly_context *load(const work *w)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = NULL;
    if (mayfly_load_text(
            w->host, "w", &w->schema,
            MAYFLY_LOAD_OPTIONS(.handlers = &w->handlers,
                                .n_handlers = w->handlers.text != NULL,
                                .resident = w->resident),
            &c, &err) != 0)
        give_up("load", &err);
    return c;
}

static void unload(mayfly_context *c)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (mayfly_unload(c, NULL, NULL, &err) != 0)
        give_up("unload", &err);
    mayfly_context_unref(c);
}

/* Tells the parent and waits for its word. */
static void meet(void)
{
    char byte = '.';
    if (write(STDOUT_FILENO, &byte, 1) != 1 ||
        read(STDIN_FILENO, &byte, 1) != 1)
        _exit(1);
}

static int child(const char *kind, int trim)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    work w = {.schema = {"hello.proto", greeter, 0}};
    if (strcmp(kind, "schema") == 0 || strcmp(kind, "resident") == 0)
        w.schema.text = make_text("syntax = \"proto3\"; message M0 {}\n",
                                  "message M%d { string a%d = 1; int64 b%d = 2;"
                                  " repeated sint32 c%d = 3; M%d d = 4; }\n",
                                  LARGE_BYTES / 8);
    if (strcmp(kind, "source") == 0) {
        w.handlers.name = "large.c";
        w.handlers.text =
            make_text("int f0(int n) { return n; }\n",
                      "struct s%d { int a, b; }; int f%d(int n)"
                      " { struct s%d x = { n, %d }; return x.a + f%d(x.b); }\n",
                      LARGE_BYTES);
    }
    w.resident = strcmp(kind, "resident") == 0;
    if (mayfly_host_new(MAYFLY_HOST_OPTIONS(.idle_ms = 50), &w.host, &err) != 0)
        give_up("host", &err);

    meet(); /* before */
    mayfly_context *c = load(&w);
    if (trim)
        mayfly_host_trim(w.host);
    meet(); /* loaded */
    unload(c);
    if (trim)
        mayfly_host_trim(w.host);
    meet(); /* unloaded */
    for (int i = 0; strcmp(kind, "cycles") == 0 && i < CYCLES; i++)
        unload(load(&w));
    if (trim)
        mayfly_host_trim(w.host);
    meet(); /* after the cycles */
    mayfly_host_free(w.host);
    return 0;
}

/* --- the parent --------------------------------------------------------------
 */

typedef struct reading {
    long dirty_kib;  /* private dirty */
    long memory_kib; /* memory files: mapped, and open */
    long mappings;
    long descriptors;
} reading;

static FILE *open_proc(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    return f;
}

static void read_rollup(pid_t pid, reading *r)
{
    char line[512];
    FILE *f = open_proc(pid, "smaps_rollup");
    r->dirty_kib = -1;
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "Private_Dirty: %ld", &r->dirty_kib) == 1)
            break;
    fclose(f);
    assert_true(r->dirty_kib >= 0);
}

static void read_maps(pid_t pid, reading *r)
{
    char line[1024];
    FILE *f = open_proc(pid, "maps");
    while (fgets(line, sizeof line, f)) {
        uintptr_t from, to;
        r->mappings++;
        if (strstr(line, "/memfd:") &&
            sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) == 2)
            r->memory_kib += (long)((to - from) / 1024);
    }
    fclose(f);
}

static void read_descriptors(pid_t pid, reading *r)
{
    char path[64], name[400], target[256];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct stat st;
        if (e->d_name[0] == '.')
            continue;
        r->descriptors++;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        ssize_t n = readlink(name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = 0;
        if (strstr(target, "memfd:") && stat(name, &st) == 0)
            r->memory_kib += (long)st.st_blocks / 2;
    }
    closedir(dir);
}

static reading read_process(pid_t pid)
{
    reading r = {0};
    read_rollup(pid, &r);
    read_maps(pid, &r);
    read_descriptors(pid, &r);
    return r;
}

static void show(const char *what, const reading *r)
{
    printf("  %-10s dirty %ld KiB, memory files %ld KiB, %ld mappings,"
           " %ld descriptors\n",
           what, r->dirty_kib, r->memory_kib, r->mappings, r->descriptors);
}

static int is_as_before(const reading *now, const reading *before)
{
    return now->dirty_kib <= before->dirty_kib + SLACK_KIB &&
           now->memory_kib <= before->memory_kib + SLACK_KIB &&
           now->mappings <= before->mappings + 4 &&
           now->descriptors <= before->descriptors;
}

typedef struct run {
    pid_t pid;
    int to, from; /* pipes */
} run;

static run start(const char *kind, const char *how)
{
    int to[2], from[2];
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    run r = {.pid = fork(), .to = to[1], .from = from[0]};
    if (r.pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[0]);
        close(to[1]);
        close(from[0]);
        close(from[1]);
        execl("/proc/self/exe", "retained", kind, how, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    return r;
}

static void wait_for(const run *r)
{
    char byte;
    assert_int_equal(read(r->from, &byte, 1), 1);
}

static void go_on(const run *r)
{
    assert_int_equal(write(r->to, ".", 1), 1);
}

static void finish(const run *r)
{
    int status = -1;
    go_on(r);
    close(r->to);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    close(r->from);
    assert_int_equal(status, 0);
}

/* Reads until it is as before, or the time is up. */
static reading settle(pid_t pid, const reading *before)
{
    const struct timespec nap = {.tv_nsec = 20 * 1000 * 1000};
    reading r = read_process(pid);
    for (int ms = 0; ms < SETTLE_MS && !is_as_before(&r, before); ms += 20) {
        nanosleep(&nap, NULL);
        r = read_process(pid);
    }
    return r;
}

static void check_kind(const char *kind, const char *how)
{
    run r = start(kind, how);
    printf("%s, %s\n", kind, how);
    wait_for(&r);
    reading before = read_process(r.pid);
    show("before", &before);
    go_on(&r);
    wait_for(&r);
    reading loaded = read_process(r.pid);
    show("loaded", &loaded);
    go_on(&r);
    wait_for(&r);
    reading after = settle(r.pid, &before);
    show("unloaded", &after);
    go_on(&r);
    wait_for(&r);
    reading cycled = settle(r.pid, &before);
    if (strcmp(kind, "cycles") == 0)
        show("1001st", &cycled);
    finish(&r);
    assert_true(loaded.memory_kib > before.memory_kib);
    assert_true(is_as_before(&after, &before));
    assert_true(is_as_before(&cycled, &before));
    assert_true(cycled.mappings <= after.mappings + 1);
    assert_true(cycled.descriptors <= after.descriptors);
}

static void test_greeter(void **state)
{
    (void)state;
    check_kind("greeter", "trim");
    check_kind("greeter", "idle");
}

static void test_large_schema(void **state)
{
    (void)state;
    check_kind("schema", "idle");
}

static void test_large_source(void **state)
{
    (void)state;
    check_kind("source", "idle");
}

static void test_cycles(void **state)
{
    (void)state;
    check_kind("cycles", "idle");
}

/* What a live unit of the large schema takes, once the host is trimmed. */
static long measure_loaded(const char *kind)
{
    run r = start(kind, "trim");
    wait_for(&r);
    reading before = read_process(r.pid);
    go_on(&r);
    wait_for(&r);
    reading loaded = read_process(r.pid);
    show(kind, &loaded);
    go_on(&r);
    wait_for(&r);
    go_on(&r);
    wait_for(&r);
    finish(&r);
    return loaded.dirty_kib - before.dirty_kib;
}

/* The reading sees what it must: the compile arena that a resident unit keeps,
 * and another of the same schema does not. */
static void test_resident_shows(void **state)
{
    (void)state;
    long disposable = measure_loaded("schema");
    long resident = measure_loaded("resident");
    assert_true(resident > disposable + RESIDENT_KIB);
}

/* Pages of a program that was linked a moment ago count as dirty until they are
 * written to the disk. */
static void write_back_program(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

int main(int argc, char **argv)
{
    if (TEST_ASAN || TEST_TSAN) {
        puts("the sanitizer's own memory hides what is looked for");
        return TEST_SKIPPED;
    }
    if (argc == 3)
        return child(argv[1], strcmp(argv[2], "trim") == 0);
    write_back_program();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeter),
        cmocka_unit_test(test_large_schema),
        cmocka_unit_test(test_large_source),
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_resident_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
