/* What is known of the process: census, /proc/self, fork, log. */
#include "base/census.h"
#include "base/guest.h"
#include "base/log.h"
#include "tests/support/test.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void census(void **state)
{
    static char names[MF_CENSUS_ROWS + 5][8];
    mf_census c = {0};
    (void)state;

    mf_census_add(&c, "code", "text", 1, 100);
    mf_census_add(&c, "code", "text", 2, 50);
    mf_census_add(&c, "compile", "text", 1, 7);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.rows[0].blocks, 3);
    assert_int_equal(mf_census_bytes(&c, "code"), 150);
    assert_int_equal(mf_census_bytes(&c, "heap"), 0);
    for (size_t i = 0; i < MF_CENSUS_ROWS + 5; i++) {
        names[i][0] = (char)('A' + i);
        mf_census_add(&c, "heap", names[i], 1, 10);
    }
    assert_int_equal(c.n, MF_CENSUS_ROWS);
    assert_int_equal(mf_census_bytes(&c, "heap"), (MF_CENSUS_ROWS + 5) * 10);
}

static void *wait_for_close(void *arg)
{
    char byte;
    (void)!read(*(int *)arg, &byte, 1);
    return NULL;
}

static void process_figures(void **state)
{
    mf_process before, after;
    enum { SIZE = 4 * 1024 * 1024 };
    pthread_t thread;
    int ends[2];
    (void)state;

    mf_process_read(&before);
    assert_true(before.pss_kib > 0);
    assert_true(before.mappings > 5);
    assert_true(before.threads >= 1);
    assert_true(before.descriptors >= 1);

    /* two mappings of one memory file, never touched: counted once, by size */
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    void *p = mmap(NULL, SIZE / 2, PROT_READ, MAP_PRIVATE, fd, 0);
    void *q = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, SIZE / 2);
    char *dirty = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(dirty, 1, SIZE);
    assert_int_equal(pipe(ends), 0);
    pthread_create(&thread, NULL, wait_for_close, &ends[0]);
    mf_process_read(&after);
    assert_int_equal(after.memfd_kib - before.memfd_kib, SIZE / 1024);
    assert_true(after.private_dirty_kib >= before.private_dirty_kib + 4000);
    assert_int_equal(after.threads, before.threads + 1);
    assert_int_equal(after.descriptors, before.descriptors + 3);
    assert_true(after.mappings > before.mappings);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    close(fd); /* without the descriptor what is mapped still counts */
    mf_process_read(&after);
    assert_true(after.memfd_kib - before.memfd_kib >= SIZE / 2 / 1024);
    assert_int_equal(after.descriptors, before.descriptors);
    munmap(p, SIZE / 2);
    munmap(q, 4096);
    munmap(dirty, SIZE);
    mf_process_read(&after);
    assert_int_equal(after.memfd_kib, before.memfd_kib);
}

static void a_fork_is_noticed(void **state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    unsigned mine = mf_fork_generation();
    (void)state;

    assert_true(mine != 0);
    assert_int_equal(mf_fork_generation(), mine);
    assert_int_equal(mf_fork_check(mine, &err), 0);
    pid_t child = fork();
    if (child == 0) {
        unsigned here = mf_fork_generation();
        int good = here != mine && here == mf_fork_generation() &&
                   mf_fork_check(mine, &err) == MAYFLY_EFORKED &&
                   err.message[0] && mf_fork_check(here, NULL) == 0;
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(mf_fork_generation() != here && mf_fork_generation() != mine
                      ? 0
                      : 1);
        int status = 1;
        waitpid(grandchild, &status, 0);
        _exit(good && status == 0 ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(mf_fork_check(mine, NULL), 0);
}

static char logged[600];
static int logged_level = -1;

static void keep(void *state, int level, const char *owner, const char *text)
{
    assert_string_equal(owner, "test");
    assert_ptr_equal(state, &logged_level);
    logged_level = level;
    strncpy(logged, text, sizeof logged - 1);
}

static void logging(void **state)
{
    mf_log log = {keep, &logged_level, MAYFLY_LOG_WARNING};
    (void)state;

    mf_log_write(&log, MAYFLY_LOG_INFO, "test", "not asked for");
    assert_int_equal(logged_level, -1);
    mf_log_write(&log, MAYFLY_LOG_ERROR, "test", "%d lost", 3);
    assert_int_equal(logged_level, MAYFLY_LOG_ERROR);
    assert_string_equal(logged, "3 lost");
    mf_log_write(&log, MAYFLY_LOG_WARNING, "test", "%0900d", 1);
    assert_int_equal(strlen(logged), 511);
    log.fn = NULL;
    mf_log_write(&log, MAYFLY_LOG_ERROR, "test", "silent");
    mf_log_write(NULL, MAYFLY_LOG_ERROR, "test", "silent");
}

static void clock_moves_forward(void **state)
{
    uint64_t last = mf_clock_ns();
    (void)state;
    assert_true(last > 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = mf_clock_ns();
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(census),
        cmocka_unit_test(process_figures),
        cmocka_unit_test(a_fork_is_noticed),
        cmocka_unit_test(logging),
        cmocka_unit_test(clock_moves_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
