/* The code zone: places, rights, memory given back, and systems that refuse. */
#include "base/error.h"
#include "compiler/arena/zone.h"
#include "tests/unit/arena/proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PAGE = 4096 };

/* mov eax, imm32; ret */
static void write_code(uint8_t *at, uint32_t value)
{
    at[0] = 0xb8;
    memcpy(at + 1, &value, 4);
    at[5] = 0xc3;
}

/* The kernel's mappings of the zone. */
static int zone_mappings(const mf_zone *zone)
{
    int n = 0;
    for (const char *line = proc_read("/proc/self/maps"); line && *line;) {
        uintptr_t at = (uintptr_t)strtoull(line, NULL, 16);
        n += mf_zone_holds(zone, (const void *)at);
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return n;
}

static int call(const mf_span *span)
{
    return ((int (*)(void))(uintptr_t)span->base)();
}

static int put(mf_zone *zone, uint32_t value, size_t code_pages,
               size_t data_pages, mf_span *ret, mayfly_error *err)
{
    static uint8_t code[64 * PAGE], data[64 * PAGE];
    write_code(code, value);
    memset(data, 7, sizeof data);
    int failed =
        mf_zone_take(zone, code_pages * PAGE, data_pages * PAGE, ret, err);
    if (failed)
        return failed;
    failed = mf_zone_fill(zone, ret, code, data, err);
    if (failed)
        mf_zone_give(zone, ret);
    return failed;
}

static void test_life(void **state)
{
    mf_alloc alloc;
    mf_zone *zone;
    mf_span span[3];
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    mf_alloc_init(&alloc, NULL);
    assert_int_equal(mf_zone_new(&alloc, 0, &zone, &err), 0);
    assert_false(mf_zone_holds(zone, &alloc));
    int before = zone_mappings(zone);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(
            put(zone, 100 + i, 1 + i, i == 1 ? 2 : 0, &span[i], &err), 0);
    assert_int_equal(mf_zone_used(zone), 8 * PAGE);
    assert_in_range(mf_zone_backed(zone), 6 * PAGE, 8 * PAGE);
    assert_int_equal(proc_writable_code(), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(call(&span[i]), 100 + i);
        assert_true(mf_zone_holds(zone, span[i].base));
    }
    uint8_t *data = span[1].base + span[1].code_bytes;
    assert_int_equal(data[2 * PAGE - 1], 7);
    data[0] = 9;
    mf_zone_give(zone, &span[0]);
    assert_int_equal(call(&span[1]), 101);
    mf_zone_give(zone, &span[2]);
    mf_zone_give(zone, &span[1]);
    assert_int_equal(mf_zone_used(zone), 0);
    assert_int_equal(mf_zone_backed(zone), 0);
    mf_zone_trim(zone);
    assert_int_equal(zone_mappings(zone), before);
    mf_zone_free(zone);
    assert_int_equal(alloc.blocks, 0);
}

/* Neighbours are one mapping; addresses are not used again at once. */
static void test_neighbours(void **state)
{
    mf_alloc alloc;
    mf_zone *zone;
    mf_span span[200];
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    mf_alloc_init(&alloc, NULL);
    assert_int_equal(mf_zone_new(&alloc, 0, &zone, &err), 0);
    int before = zone_mappings(zone);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(put(zone, i, 1, 0, &span[i], &err), 0);
    assert_true(zone_mappings(zone) <= before + 2);
    mf_span again;
    mf_zone_give(zone, &span[7]);
    assert_int_equal(put(zone, 1, 1, 0, &again, &err), 0);
    assert_ptr_not_equal(again.base, span[7].base);
    mf_zone_give(zone, &again);
    for (uint32_t i = 0; i < 200; i++) {
        if (i == 7)
            continue;
        assert_int_equal(call(&span[i]), i);
        mf_zone_give(zone, &span[i]);
    }
    mf_zone_trim(zone);
    assert_int_equal(zone_mappings(zone), before);
    mf_zone_free(zone);
}

typedef struct parts {
    size_t bytes[3], n[3];
    const uint8_t *low, *high;
} parts;

static void add_part(void *state, enum mf_zone_part part, const void *at,
                     size_t bytes)
{
    parts *p = state;
    p->bytes[part] += bytes;
    p->n[part]++;
    if (!p->low || (const uint8_t *)at < p->low)
        p->low = at;
    if ((const uint8_t *)at + bytes > p->high)
        p->high = (const uint8_t *)at + bytes;
}

/* The numbers add up, and agree with the parts one by one. */
static void check_space(const mf_zone *zone, mf_zone_space *s)
{
    parts p = {0};
    mf_zone_measure(zone, s);
    mf_zone_each(zone, add_part, &p);
    assert_int_equal(s->used, mf_zone_used(zone));
    assert_int_equal(s->used + s->waiting + s->free, s->chunk_bytes);
    assert_int_equal(p.bytes[MF_ZONE_UNITS], s->used);
    assert_int_equal(p.bytes[MF_ZONE_WAITING], s->waiting);
    assert_int_equal(p.n[MF_ZONE_WAITING], s->waiting_parts);
    assert_int_equal(p.bytes[MF_ZONE_FREE],
                     s->free + s->reserved - s->chunk_bytes);
    assert_int_equal(p.high - p.low, s->reserved);
    assert_true(s->free_largest <= s->free);
}

/* Holes after unloads in random order are told, and close again. */
static void test_fragments(void **state)
{
    enum { N = 100 };
    mf_alloc alloc;
    mf_zone *zone;
    mf_span span[N];
    mf_zone_space s;
    unsigned seed = 4;
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    mf_alloc_init(&alloc, NULL);
    assert_int_equal(mf_zone_new(&alloc, 0, &zone, &err), 0);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(put(zone, i, 1 + i % 3, i % 2, &span[i], &err), 0);
    check_space(zone, &s);
    assert_int_equal(s.units, N);
    assert_true(s.free_parts <= s.chunks); /* nothing but the chunks' ends */
    for (size_t i = N - 1; i > 0; i--) {   /* shuffled */
        size_t k = (size_t)rand_r(&seed) % (i + 1);
        mf_span other = span[i];
        span[i] = span[k];
        span[k] = other;
    }
    size_t most = 0;
    for (size_t i = 0; i < N; i++) {
        mf_zone_give(zone, &span[i]);
        check_space(zone, &s);
        assert_int_equal(s.units, N - 1 - i);
        if (s.free_parts + s.waiting_parts > most)
            most = s.free_parts + s.waiting_parts;
    }
    assert_true(most > N / 4);
    assert_int_equal(s.used, 0);
    assert_true(s.waiting_parts > 0);
    mf_zone_trim(zone);
    check_space(zone, &s);
    assert_true(s.waiting_parts > 0);
    assert_int_equal(s.backed, 0);
    assert_int_equal(mf_zone_set_quarantine(zone, 0, 0, NULL), 0);
    mf_zone_trim(zone);
    check_space(zone, &s);
    assert_int_equal(s.chunks, 0);
    assert_int_equal(s.waiting, 0);
    mf_zone_free(zone);
    assert_int_equal(alloc.blocks, 0);
}

/* Random taking and giving: no two overlap, all is found again, nothing stays.
 */
static void test_random(void **state)
{
    enum { N = 64 };
    mf_alloc alloc;
    mf_zone *zone;
    mf_span span[N];
    uint32_t value[N] = {0};
    unsigned seed = 99;
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    mf_alloc_init(&alloc, NULL);
    assert_int_equal(mf_zone_new(&alloc, 2 << 20, &zone, &err), 0);
    int mappings = zone_mappings(zone), descriptors = proc_descriptors();
    int refused = 0;
    for (uint32_t n = 1; n < 20000; n++) {
        size_t i = (size_t)rand_r(&seed) % N;
        if (value[i]) {
            assert_int_equal(call(&span[i]), value[i]);
            mf_zone_give(zone, &span[i]);
            value[i] = 0;
            continue;
        }
        size_t pages = 1 + (size_t)rand_r(&seed) % 40;
        size_t data = (size_t)rand_r(&seed) % 3;
        int code = put(zone, n, pages, data, &span[i], &err);
        if (code == 0) {
            value[i] = n;
        } else {
            assert_int_equal(code, MAYFLY_ELIMIT);
            refused++;
        }
        if (n % 1000 == 0)
            mf_zone_trim(zone);
    }
    assert_true(refused > 0);
    for (size_t i = 0; i < N; i++) {
        if (value[i])
            mf_zone_give(zone, &span[i]);
    }
    mf_zone_trim(zone);
    assert_int_equal(mf_zone_used(zone), 0);
    assert_int_equal(mf_zone_backed(zone), 0);
    assert_int_equal(zone_mappings(zone), mappings);
    assert_int_equal(proc_descriptors(), descriptors);
    mf_zone_free(zone);
    assert_int_equal(alloc.blocks, 0);
}

static void test_cut(void **state)
{
    mf_alloc alloc;
    mf_zone *zone;
    mf_span span, next;
    static uint8_t bytes[4 * PAGE];
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    mf_alloc_init(&alloc, NULL);
    assert_int_equal(mf_zone_new(&alloc, 0, &zone, &err), 0);
    assert_int_equal(mf_zone_take(zone, 4 * PAGE, 0, &span, &err), 0);
    mf_zone_cut(zone, &span, 100, 10);
    assert_int_equal(span.code_bytes, PAGE);
    assert_int_equal(span.data_bytes, PAGE);
    assert_int_equal(mf_zone_used(zone), 2 * PAGE);
    assert_int_equal(mf_zone_fill(zone, &span, bytes, bytes, &err), 0);
    assert_int_equal(mf_zone_take(zone, PAGE, 0, &next, &err), 0);
    assert_ptr_equal(next.base, span.base + 2 * PAGE);
    mf_zone_give(zone, &next);
    mf_zone_give(zone, &span);
    assert_int_equal(mf_zone_take(zone, SIZE_MAX, 0, &span, &err),
                     MAYFLY_ELIMIT);
    assert_int_equal(mf_zone_take(zone, 0, 0, &span, &err), MAYFLY_EINVAL);
    mf_zone_free(zone);
    assert_int_equal(alloc.blocks, 0);
}

/* --- in a child ----------------------------------------------------------- */

static int in_child(int (*run)(void))
{
    pid_t child = fork();
    if (child == 0)
        _exit(run());
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int one_unit(mayfly_error *err)
{
    mf_alloc alloc;
    mf_zone *zone;
    mf_span span;
    mf_alloc_init(&alloc, NULL);
    if (mf_zone_new(&alloc, 0, &zone, err) != 0)
        return 1;
    int code = put(zone, 33, 1, 1, &span, err);
    if (code == 0) {
        if (call(&span) != 33)
            return 2;
        mf_zone_give(zone, &span);
    }
    mf_zone_free(zone);
    if (alloc.blocks)
        return 3;
    return code == 0 ? 0 : code == MAYFLY_EIO ? 4 : 5;
}

static int under_mdwe(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    /* PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN; older kernels have none */
    if (prctl(65, 1ul, 0ul, 0ul, 0ul) != 0)
        return errno == EINVAL ? 77 : 9;
    void *rw = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mprotect(rw, PAGE, PROT_READ | PROT_EXEC) == 0)
        return 8; /* it is not in force */
    return one_unit(&err);
}

/* Refuses system call `nr` when its third argument has all of `bits`, and what
 * is both writable and executable anyway. */
static int refuse_call(long nr, unsigned bits, int with_exec_change)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bits, 5, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                 with_exec_change ? (unsigned)SYS_mprotect : 0xffffffu, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, PROT_EXEC),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return 0;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int under_filter(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (!refuse_call(SYS_mmap, PROT_WRITE | PROT_EXEC, 1))
        return 77;
    if (mmap(NULL, PAGE, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
             -1, 0) != MAP_FAILED)
        return 8;
    return one_unit(&err);
}

static int without_executable(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (!refuse_call(SYS_mmap, PROT_EXEC, 1))
        return 77;
    int code = one_unit(&err);
    return code == 4 && strstr(err.message, "executable memory") ? 0 : 6;
}

static int without_memfd(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (!refuse_call(SYS_memfd_create, 0, 0))
        return 77;
    int code = one_unit(&err);
    return code == 4 && strstr(err.message, "executable memory") ? 0 : 6;
}

static void test_refusals(void **state)
{
    int (*const runs[])(void) = {under_mdwe, under_filter, without_executable,
                                 without_memfd};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        int code = in_child(runs[i]);
        if (code != 0 && code != 77)
            fail_msg("refusal %zu: %d", i, code);
    }
}

static int after_stale_jump(void)
{
    mf_alloc alloc;
    mf_zone *zone;
    mf_span span;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_alloc_init(&alloc, NULL);
    if (mf_zone_new(&alloc, 0, &zone, &err) != 0 ||
        put(zone, 1, 1, 0, &span, &err) != 0)
        return 1;
    mf_zone_give(zone, &span);
    signal(SIGSEGV, SIG_DFL);
    return call(&span);
}

/* What a child gives back does not take the parent's code away. */
static void test_forked(void **state)
{
    mf_alloc alloc;
    mf_zone *zone;
    mf_span span[2];
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    mf_alloc_init(&alloc, NULL);
    assert_int_equal(mf_zone_new(&alloc, 0, &zone, &err), 0);
    assert_int_equal(put(zone, 3, 1, 1, &span[0], &err), 0);
    assert_int_equal(put(zone, 4, 1, 0, &span[1], &err), 0);
    pid_t child = fork();
    if (child == 0) {
        mf_zone_give(zone, &span[0]);
        mf_zone_give(zone, &span[1]);
        mf_zone_trim(zone);
        mf_zone_free(zone);
        _exit(alloc.blocks != 0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(call(&span[0]), 3);
    assert_int_equal(call(&span[1]), 4);
    mf_zone_give(zone, &span[0]);
    mf_zone_give(zone, &span[1]);
    mf_zone_free(zone);
    assert_int_equal(alloc.blocks, 0);
}

static void test_stale(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(after_stale_jump());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

/* What the zone needs to keep so many apart goes with them. */
static void test_many(void **state)
{
    enum { MANY = 2000 };
    static mf_span spans[MANY];
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_alloc alloc;
    mf_zone *zone;
    (void)state;
    mf_alloc_init(&alloc, NULL);
    assert_int_equal(mf_zone_new(&alloc, 0, &zone, &err), 0);
    assert_int_equal(mf_zone_set_quarantine(zone, 0, 0, &err), 0);
    size_t empty = atomic_load(&alloc.bytes);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++)
            assert_int_equal(
                put(zone, (uint32_t)i, 1 + (size_t)(i % 3), 0, &spans[i], &err),
                0);
        for (int i = 0; i < MANY; i += 2) /* every other one: holes */
            mf_zone_give(zone, &spans[i]);
        for (int i = 1; i < MANY; i += 2) {
            assert_int_equal(call(&spans[i]), i);
            mf_zone_give(zone, &spans[i]);
        }
        assert_int_equal(mf_zone_used(zone), 0);
        assert_true(atomic_load(&alloc.bytes) < empty + 8192);
    }
    mf_zone_free(zone);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

/* One that is cut goes part by part. */
static void test_split(void **state)
{
    static const size_t sizes[] = {2 * PAGE, PAGE, 3 * PAGE};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_alloc alloc;
    mf_zone *zone;
    mf_span span, cut[3];
    (void)state;
    mf_alloc_init(&alloc, NULL);
    assert_int_equal(mf_zone_new(&alloc, 0, &zone, &err), 0);
    assert_int_equal(put(zone, 5, 6, 0, &span, &err), 0);
    assert_int_equal(mf_zone_split(zone, &span, sizes, 3, cut, &err), 0);
    assert_ptr_equal(cut[0].base, span.base);
    assert_ptr_equal(cut[2].base, span.base + 3 * PAGE);
    mf_zone_give(zone, &cut[1]);
    assert_int_equal(mf_zone_used(zone), 5 * PAGE);
    assert_int_equal(call(&cut[0]), 5);
    mf_zone_give(zone, &cut[2]);
    mf_zone_give(zone, &cut[0]);
    assert_int_equal(mf_zone_used(zone), 0);
    mf_zone_space space;
    mf_zone_measure(zone, &space);
    assert_int_equal(space.units, 0);
    assert_int_equal(space.waiting_parts, 3);
    mf_zone_free(zone);
    assert_int_equal(atomic_load(&alloc.blocks), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),      cmocka_unit_test(test_split),
        cmocka_unit_test(test_life),      cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_random),    cmocka_unit_test(test_cut),
        cmocka_unit_test(test_fragments), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_forked),    cmocka_unit_test(test_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
