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

#include "tests/support/outside.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int child(const char *kind, int trim)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    work w = {.schema = {"hello.proto", greeter, 0}};
    outside_use_stack();
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

    outside_meet(); /* before */
    mayfly_context *c = load(&w);
    if (trim)
        mayfly_host_trim(w.host);
    outside_meet(); /* loaded */
    unload(c);
    if (trim)
        mayfly_host_trim(w.host);
    outside_meet(); /* unloaded */
    for (int i = 0; strcmp(kind, "cycles") == 0 && i < CYCLES; i++)
        unload(load(&w));
    if (trim)
        mayfly_host_trim(w.host);
    outside_meet(); /* after the cycles */
    mayfly_host_free(w.host);
    return 0;
}

/* --- the parent --------------------------------------------------------------
 */

static reading read_process(pid_t pid)
{
    reading r;
    assert_int_equal(outside_read(pid, &r), 0);
    return r;
}

/* Memory files count twice when they are open and mapped: it only matters that
 * nothing is left. */
static long memory_kib(const reading *r)
{
    return r->mapped_kib + r->file_kib;
}

static void show(const char *what, const reading *r)
{
    printf("  %-10s dirty %ld KiB, memory files %ld KiB, %ld mappings,"
           " %ld descriptors\n",
           what, r->dirty_kib, memory_kib(r), r->mappings, r->descriptors);
}

static int is_as_before(const reading *now, const reading *before)
{
    return now->dirty_kib <= before->dirty_kib + SLACK_KIB &&
           memory_kib(now) <= memory_kib(before) + SLACK_KIB &&
           now->mappings <= before->mappings + 4 &&
           now->descriptors <= before->descriptors;
}

static outside_child start(const char *kind, const char *how)
{
    char *const arguments[] = {(char[]){"retained"}, (char *)(uintptr_t)kind,
                               (char *)(uintptr_t)how, NULL};
    outside_child c = {0};
    assert_int_equal(outside_start(arguments, &c), 0);
    return c;
}

static void wait_for(const outside_child *c)
{
    assert_int_equal(outside_wait(c), 0);
}

static void go_on(const outside_child *c)
{
    assert_int_equal(outside_go_on(c), 0);
}

static void finish(const outside_child *c)
{
    go_on(c);
    assert_int_equal(outside_finish(c), 0);
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
    outside_child r = start(kind, how);
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
    assert_true(memory_kib(&loaded) > memory_kib(&before));
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
    outside_child r = start(kind, "trim");
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

int main(int argc, char **argv)
{
    if (TEST_ASAN || TEST_TSAN) {
        puts("the sanitizer's own memory hides what is looked for");
        return TEST_SKIPPED;
    }
    if (argc == 3)
        return child(argv[1], strcmp(argv[2], "trim") == 0);
    outside_settle_program();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeter),
        cmocka_unit_test(test_large_schema),
        cmocka_unit_test(test_large_source),
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_resident_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
