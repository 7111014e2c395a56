/*
 * Stack traces pass through generated code: from a function of the host that
 * compiled source calls, through that source, down to main; with several hosts,
 * and after some of them are gone.
 */
#include "hello.h"

#include <execinfo.h>

enum { FRAMES = 64, HOSTS = 3 };

static void *frames[FRAMES];
static int n_frames;

static __attribute__((noinline)) int look_back(int n)
{
    n_frames = backtrace(frames, FRAMES);
    return n + 1;
}

static const mayfly_symbol symbols[] = {
    {"look_back", (const void *)(uintptr_t)look_back}};

static const char source[] =
    "int look_back(int);\n"
    "static int inner(int n, double d) { char room[300]; room[n] = 1;\n"
    "    return look_back(n) + room[n] + (int)d; }\n"
    "int outer(int n) { int a[n + 1]; a[n] = 3; return inner(n, 0.5) + a[n]; "
    "}\n"
    "int leaf(void) { return 7; }\n"
    "void nothing(void) {}\n";

typedef int outer_fn(int);

static int frame_in(const void *from, size_t bytes)
{
    for (int i = 0; i < n_frames; i++)
        if ((uintptr_t)frames[i] - (uintptr_t)from < bytes)
            return i;
    return -1;
}

static __attribute__((noinline)) void trace(mayfly_context *c)
{
    mayfly_pin *pin;
    void *at;
    must(mayfly_pin_take(c, "backtrace", &pin, &err));
    must(mayfly_pin_symbol(pin, "outer", &at, &err));
    volatile int value = ((outer_fn *)(uintptr_t)at)(5);
    assert_int_equal(value, 5 + 1 + 1 + 3);
    int own = frame_in((const void *)(uintptr_t)trace, 2048);
    int outer = frame_in(at, 256);
    assert_true(outer > 1); /* look_back, inner, outer */
    assert_int_equal(own, outer + 1);
    assert_true(n_frames > own + 2); /* and on, to the test's main */
    mayfly_pin_free(pin);
}

static mayfly_context *load(mayfly_host *host)
{
    const mayfly_source handlers[] = {{"handlers.c", source, 0}};
    return hello_load(host, HELLO_V1,
                      MAYFLY_LOAD_OPTIONS(.handlers = handlers, .n_handlers = 1,
                                          .symbols = symbols, .n_symbols = 1));
}

static void test_traces_go_through(void **state)
{
    (void)state;
    mayfly_host *host[HOSTS];
    mayfly_context *c[HOSTS];
    for (int i = 0; i < HOSTS; i++) {
        host[i] = hello_host();
        c[i] = load(host[i]);
        trace(c[i]);
    }
    for (int i = 0; i < HOSTS; i++)
        trace(c[i]);
    /* the one in the middle goes; the others are still known */
    must(mayfly_unload(c[1], NULL, NULL, &err));
    mayfly_context_unref(c[1]);
    mayfly_host_free(host[1]);
    trace(c[0]);
    trace(c[2]);
    for (int i = 0; i < HOSTS; i += 2) {
        mayfly_context_unref(c[i]);
        mayfly_host_free(host[i]);
    }
    assert_true(look_back(1) == 2 && n_frames > 2);
}

/* What the one entry promises of all code: a frame kept by the frame pointer,
 * also where a function does not need one. */
static void test_every_function_has_a_frame(void **state)
{
    (void)state;
    static const char *const names[] = {"outer", "leaf", "nothing"};
    static const uint8_t begin[] = {0x55, 0x48, 0x89, 0xe5};
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host);
    mayfly_pin *pin;
    void *at;
    must(mayfly_pin_take(c, "frames", &pin, &err));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        must(mayfly_pin_symbol(pin, names[i], &at, &err));
        assert_memory_equal(at, begin, sizeof begin);
    }
    mayfly_pin_free(pin);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces_go_through),
        cmocka_unit_test(test_every_function_has_a_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
