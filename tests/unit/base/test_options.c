/* Options of older and newer callers. */
#include "base/options.h"
#include "tests/support/test.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct ours {
    size_t size;
    unsigned first;
    int second;
    const char *third;
} ours;

typedef struct newer {
    ours known;
    size_t fourth;
    void *fifth;
} newer;

static const ours defaults = {sizeof(ours), 1, 2, "three"};

/* What the caller has ends where memory ends: reading more would fault. */
static void *at_the_end(const void *bytes, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(two != MAP_FAILED);
    assert_int_equal(mprotect(two + page, page, PROT_NONE), 0);
    return memcpy(two + page - n, bytes, n);
}

static void unmap(void *at, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(munmap((char *)at + n - page, 2 * page), 0);
}

static int read_some(ours *ret, const void *bytes, size_t size,
                     mayfly_error *err)
{
    void *given = at_the_end(bytes, size);
    memcpy(given, &size, sizeof size);
    *ret = defaults;
    int code = mf_options_read(ret, sizeof *ret, given, "test options", err);
    unmap(given, size);
    return code;
}

static void test_older(void **state)
{
    (void)state;
    const ours all = {sizeof all, 10, 20, "thirty"};
    ours o;
    assert_int_equal(read_some(&o, &all, sizeof all, NULL), 0);
    assert_memory_equal(&o, &all, sizeof o);
    assert_int_equal(read_some(&o, &all, 16, NULL), 0);
    assert_int_equal(o.size, sizeof o);
    assert_int_equal(o.first, 10);
    assert_int_equal(o.second, 20);
    assert_string_equal(o.third, "three");
    assert_int_equal(read_some(&o, &all, 8, NULL), 0);
    assert_memory_equal(&o, &defaults, sizeof o);
    o = defaults;
    assert_int_equal(mf_options_read(&o, sizeof o, NULL, "x", NULL), 0);
    assert_memory_equal(&o, &defaults, sizeof o);
}

static void test_newer(void **state)
{
    (void)state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    newer n = {.known = {sizeof n, 10, 20, "thirty"}};
    ours o;
    assert_int_equal(read_some(&o, &n, sizeof n, NULL), 0);
    assert_int_equal(o.size, sizeof o);
    assert_int_equal(o.first, 10);
    assert_string_equal(o.third, "thirty");
    /* the first and the last byte that is not ours */
    for (size_t at = sizeof o; at < sizeof n; at += sizeof n - sizeof o - 1) {
        newer set = n;
        ((char *)&set)[at] = 1;
        assert_int_equal(read_some(&o, &set, sizeof set, &err), MAYFLY_EINVAL);
        assert_memory_equal(&o, &defaults, sizeof o); /* left as it was */
        assert_non_null(strstr(err.message, "test options of 40 bytes"));
        assert_non_null(strstr(err.message, "24 bytes"));
    }
}

/* A last member kept free is none of ours. */
static void test_reserved(void **state)
{
    (void)state;
    ours given = {sizeof given, 10, 0, NULL}, o = defaults;
    size_t known = offsetof(ours, second);
    assert_int_equal(mf_options_read(&o, known, &given, "x", NULL), 0);
    assert_int_equal(o.first, 10);
    assert_int_equal(o.second, 2);
    given.second = 1;
    assert_int_equal(mf_options_read(&o, known, &given, "x", NULL),
                     MAYFLY_EINVAL);
}

static void test_no_size(void **state)
{
    (void)state;
    const size_t odd[] = {0, 7, 9, 20, 4104, (size_t)-8, (size_t)-1};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        ours given = {odd[i], 10, 20, "thirty"}, o = defaults;
        assert_int_equal(mf_options_read(&o, sizeof o, &given, "x", &err),
                         MAYFLY_EINVAL);
        assert_non_null(strstr(err.message, "bytes"));
        assert_memory_equal(&o, &defaults, sizeof o);
        mf_options_write(&given, &defaults, sizeof defaults);
        assert_int_equal(given.first, 10);
    }
}

static void test_written(void **state)
{
    (void)state;
    newer n = {.known = {.size = sizeof n}, .fourth = 4};
    mf_options_write(&n, &defaults, sizeof defaults);
    assert_int_equal(n.known.size, sizeof n);
    assert_int_equal(n.known.first, 1);
    assert_string_equal(n.known.third, "three");
    assert_int_equal(n.fourth, 0);
    const size_t size = 16;
    const unsigned char zero[16] = {0};
    void *older = at_the_end(zero, size);
    memcpy(older, &size, sizeof size);
    mf_options_write(older, &defaults, sizeof defaults);
    assert_memory_equal((char *)older + 8, (const char *)&defaults + 8, 8);
    unmap(older, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_older),    cmocka_unit_test(test_newer),
        cmocka_unit_test(test_reserved), cmocka_unit_test(test_no_size),
        cmocka_unit_test(test_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
