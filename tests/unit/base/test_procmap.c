/* The process by mappings, threads and descriptors. */
#include "base/procfs.h"
#include "base/proclist.h"
#include "base/procmap.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAGE = 4096, BIG = 64 * PAGE, STACK = 1 << 20, VAST = 1 << 30 };

static mf_alloc alloc;

static void *map_private(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    return p;
}

static uint64_t bytes_of(const mf_map *m)
{
    uint64_t n = 0;
    for (int i = 0; i < MF_MAP_TYPES; i++)
        n += m->sums[i].bytes;
    return n;
}

/* All that is mapped, from the other list of the kernel's. */
static uint64_t mapped(void)
{
    mf_proc p;
    char line[300];
    uint64_t n = 0;
    assert_true(mf_proc_open(&p, "/proc/self/maps"));
    while (mf_proc_line(&p, line, sizeof line)) {
        char *end;
        uint64_t from = strtoull(line, &end, 16);
        n += strtoull(end + 1, NULL, 16) - from;
    }
    mf_proc_close(&p);
    return n;
}

static void read_map(mf_map_ranges *r, mf_map *m)
{
    mf_map_read(r, m);
    assert_false(r->failed);
    assert_int_equal(bytes_of(m), mapped());
    assert_int_equal(m->mappings, mf_proc_count_lines("/proc/self/maps"));
}

static void what_is_told_is_found(void **state)
{
    (void)state;
    mf_map m;
    mf_map_ranges r;
    mf_map_ranges_init(&r, &alloc);
    /* one mapping of three owners, of whom two are known */
    char *p = map_private(BIG);
    madvise(p, BIG, MADV_NOHUGEPAGE);
    memset(p, 1, 4 * PAGE);
    memset(p + 16 * PAGE, 1, 3 * PAGE);
    memset(p + 32 * PAGE, 1, 5 * PAGE);
    mf_map_ranges_add(&r, p + 16 * PAGE, 8 * PAGE, MF_MAP_ARENAS);
    mf_map_ranges_add(&r, p + 32 * PAGE, 32 * PAGE, MF_MAP_CODE);
    mf_map_ranges_add(&r, p + 40 * PAGE, PAGE,
                      MF_MAP_UNITS); /* inside: no more */
    mf_map_ranges_add(&r, p, 0, MF_MAP_TOMBS);
    read_map(&r, &m);
    assert_int_equal(m.sums[MF_MAP_ARENAS].count, 1);
    assert_int_equal(m.sums[MF_MAP_ARENAS].bytes, 8 * PAGE);
    assert_int_equal(m.sums[MF_MAP_ARENAS].resident, 3 * PAGE);
    assert_int_equal(m.sums[MF_MAP_ARENAS].dirty, 3 * PAGE);
    assert_int_equal(m.sums[MF_MAP_CODE].bytes, 32 * PAGE);
    assert_int_equal(m.sums[MF_MAP_CODE].resident, 5 * PAGE);
    assert_int_equal(m.sums[MF_MAP_UNITS].count, 0);
    assert_int_equal(m.sums[MF_MAP_TOMBS].count, 0);
    munmap(p, BIG);
    mf_map_ranges_done(&r);
    assert_int_equal(alloc.blocks, 0);
}

static void *sleeper(void *arg)
{
    char byte;
    prctl(PR_SET_NAME, "a (b) c");
    (void)!read(*(int *)arg, &byte, 1);
    return NULL;
}

static void grown(const mf_map *a, const mf_map *b, enum mf_map_type type,
                  uint64_t least)
{
    if (b->sums[type].bytes < a->sums[type].bytes + least)
        fail_msg("%s: %llu, %llu before", mf_map_type_name(type),
                 (unsigned long long)b->sums[type].bytes,
                 (unsigned long long)a->sums[type].bytes);
}

static void the_rest_is_guessed(void **state)
{
    (void)state;
    mf_map before, after;
    mf_map_ranges r;
    pthread_t thread;
    pthread_attr_t attr;
    int ends[2];
    char name[] = "/tmp/mayfly-test-XXXXXX";
    mf_map_ranges_init(&r, &alloc);
    assert_int_equal(pipe(ends), 0);
    int file = mkstemp(name);
    unlink(name);
    assert_int_equal(ftruncate(file, BIG), 0);
    int memory = memfd_create("test", MFD_CLOEXEC);
    assert_int_equal(ftruncate(memory, BIG), 0);
    read_map(&r, &before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    pthread_create(&thread, &attr, sleeper, &ends[0]);
    usleep(10000); /* until it sleeps; a running one's stack is not told */
    void *of_file = mmap(NULL, BIG, PROT_READ, MAP_PRIVATE, file, 0);
    void *of_memory = mmap(NULL, BIG, PROT_READ, MAP_SHARED, memory, 0);
    void *nobodys = map_private(VAST);
    void *closed = mmap(NULL, VAST, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (int i = 0; i < 200; i++) {
        read_map(&r, &after);
        if (after.sums[MF_MAP_STACKS].bytes >=
            before.sums[MF_MAP_STACKS].bytes + STACK)
            break;
        usleep(10000);
    }
    grown(&before, &after, MF_MAP_STACKS, STACK);
    grown(&before, &after, MF_MAP_FILES, BIG);
    grown(&before, &after, MF_MAP_MEMORY_FILES, BIG);
    /* a sanitizer has its own of these, which come and go */
    grown(&before, &after, MF_MAP_ANONYMOUS, VAST / 2);
    grown(&before, &after, MF_MAP_NO_ACCESS, VAST / 2);
    assert_true(after.sums[MF_MAP_IMAGES].count >= 4);
    assert_true(after.sums[MF_MAP_IMAGES].resident > 0);
    assert_true(after.sums[MF_MAP_KERNEL].count >= 1);
    close(ends[1]);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    close(ends[0]);
    close(file);
    close(memory);
    munmap(of_file, BIG);
    munmap(of_memory, BIG);
    munmap(nobodys, VAST);
    munmap(closed, VAST);
    mf_map_ranges_done(&r);
}

typedef struct seen {
    int n, named;
    uint64_t cpu_ms;
} seen;

static void see(void *state, const mf_thread_info *t)
{
    seen *s = state;
    s->n++;
    s->named += strcmp(t->name, "a (b) c") == 0;
    if (t->id == getpid())
        s->cpu_ms = t->cpu_ms;
    assert_true(t->age_ms < 600000 && t->cpu_ms <= t->age_ms + 1000);
}

static void threads(void **state)
{
    (void)state;
    int ends[2];
    pthread_t thread;
    seen s = {0};
    assert_int_equal(pipe(ends), 0);
    pthread_create(&thread, NULL, sleeper, &ends[0]);
    for (int i = 0; i < 500 && !s.named; i++) {
        usleep(1000);
        s = (seen){0};
        mf_threads_each(see, &s);
    }
    assert_int_equal(s.named, 1);
    assert_true(s.n >= 2);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    /* time used is told: work until the clock of the kernel has moved on */
    uint64_t first = s.cpu_ms;
    for (long i = 0; i < 2000 && s.cpu_ms < first + 30; i++) {
        for (volatile int k = 0; k < 300000; k++)
            ;
        s = (seen){0};
        mf_threads_each(see, &s);
    }
    assert_true(s.cpu_ms >= first + 30);
}

static void descriptors(void **state)
{
    (void)state;
    uint64_t a[MF_FD_KINDS], b[MF_FD_KINDS];
    int pair[2], ends[2];
    mf_descriptors_count(a);
    int opened[] = {eventfd(0, EFD_CLOEXEC), epoll_create1(EPOLL_CLOEXEC),
                    memfd_create("x", MFD_CLOEXEC),
                    open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
                    open("/dev/null", O_RDONLY | O_CLOEXEC)};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(pipe(ends), 0);
    mf_descriptors_count(b);
    static const int added[MF_FD_KINDS] = {2, 1, 1, 1, 2, 1, 1};
    for (int i = 0; i < MF_FD_KINDS; i++)
        if (b[i] != a[i] + (uint64_t)added[i])
            fail_msg("%s: %llu, %llu before",
                     mf_fd_kind_name((enum mf_fd_kind)i),
                     (unsigned long long)b[i], (unsigned long long)a[i]);
    for (size_t i = 0; i < sizeof opened / sizeof *opened; i++)
        close(opened[i]);
    for (int i = 0; i < 2; i++) {
        close(pair[i]);
        close(ends[i]);
    }
    mf_descriptors_count(b);
    assert_memory_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_is_found),
        cmocka_unit_test(the_rest_is_guessed),
        cmocka_unit_test(threads),
        cmocka_unit_test(descriptors),
    };
    mf_alloc_init(&alloc, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
