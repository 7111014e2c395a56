/* Every allocation of a compile failed in turn, once and from then on: an error
 * each time, and the next compile gives the same bytes as the first. */
#include "tests/unit/arena/fixture.h"

#include "compiler/arena/run.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static const char text[] =
    "#include <stdarg.h>\n#include <stdint.h>\n"
    "#define CAT(a, b) a##b\n#define STR(x) #x\n"
    "struct s { int a : 3; union { char *p; double d; } u; uint64_t w[4]; };\n"
    "static struct s g = {.a = 1, .u = {STR(text of it)}, .w = {[2] = 3}};\n"
    "static inline int h(int n, ...) { va_list ap; va_start(ap, n);\n"
    "  int r = va_arg(ap, int); va_end(ap); return r; }\n"
    "int f(int x) { switch (x) { case 1 ... 3: return 1; case 9: return 2; }\n"
    "  int v[x + 1]; v[x] = h(1, x); CAT(la, bel): if (v[x]-- > 100)\n"
    "  goto label; return v[x] + g.a + g.u.p[0] + (int)(double)g.w[2]; }\n";

/* The image's bytes, which do not depend on its address but for pointers: only
 * their place is compared by compiling to the same one again. */
static uint64_t hash_image(const fixture *f)
{
    uint64_t h = 1469598103934665603u;
    const uint8_t *at = f->image.span.base;
    for (size_t i = 0; i < f->image.span.code_bytes; i++)
        h = (h ^ at[i]) * 1099511628211u;
    return h ^ (uintptr_t)at;
}

/* A fixture whose zone begins at the same address each time: a fresh zone after
 * the last one is gone. */
static uint64_t reference(fixture *f)
{
    void *at;
    assert_int_equal(fixture_compile(f, text, "f", &at), 0);
    int (*fn)(int) = (int (*)(int))(uintptr_t)at;
    assert_int_equal(fn(2), 1);
    assert_int_equal(fn(9), 2);
    assert_int_equal(fn(5), 4 + 1 + 't' + 3);
    uint64_t h = hash_image(f);
    mf_cc_release(f->cc, &f->image);
    return h;
}

/* Quarantine moves each image; this gives it the same address again. */
static void same_place(fixture *f)
{
    assert_int_equal(mf_zone_set_quarantine(f->zone, 0, 0, NULL), 0);
    mf_zone_trim(f->zone);
}

static void run_all(int persist)
{
    fixture f;
    void *at;
    fixture_init(&f);
    uint64_t want = reference(&f);
    same_place(&f);
    mf_run_fail_at(0, 0);
    assert_int_equal(reference(&f), want);
    uint64_t n = mf_run_fail_at(0, 0);
    assert_true(n > 50);
    for (uint64_t i = 1; i <= n; i++) {
        same_place(&f);
        mf_run_fail_at(i, persist);
        int code = fixture_compile(&f, text, "f", &at);
        assert_int_equal(code, MAYFLY_ENOMEM);
        assert_non_null(strstr(f.err.message, "compile arena"));
        mf_run_fail_at(0, 0);
        same_place(&f);
        assert_int_equal(reference(&f), want);
    }
    fixture_done(&f);
}

static void test_arena_once(void **state)
{
    (void)state;
    run_all(0);
}

static void test_arena_from_then_on(void **state)
{
    (void)state;
    run_all(1);
}

/* The host's allocator. */
static long host_fail_at = -1;
static int host_persist;

static int host_fails(void)
{
    if (host_fail_at < 0)
        return 0;
    if (host_fail_at > 0) {
        host_fail_at--;
        return 0;
    }
    if (!host_persist)
        host_fail_at = -1;
    return 1;
}

static void *host_malloc(void *state, size_t n)
{
    (void)state;
    return host_fails() ? NULL : malloc(n);
}

static void *host_realloc(void *state, void *block, size_t n)
{
    (void)state;
    return host_fails() ? NULL : realloc(block, n);
}

static void host_free(void *state, void *block)
{
    (void)state;
    free(block);
}

static void test_host_allocator(void **state)
{
    (void)state;
    const mayfly_allocator table = {
        .alloc = host_malloc,
        .resize = host_realloc,
        .release = host_free,
    };
    for (host_persist = 0; host_persist < 2; host_persist++) {
        int passed = 0;
        for (long i = 0; !passed; i++) {
            fixture f;
            memset(&f, 0, sizeof f);
            mf_alloc_init(&f.alloc, &table);
            host_fail_at = i;
            int code = mf_zone_new(&f.alloc, 0, &f.zone, &f.err);
            if (code == 0)
                code = mf_cc_new(&f.alloc, f.zone, &f.cc, &f.err);
            if (code == 0) {
                void *at = NULL;
                code = fixture_compile(&f, text, "f", &at);
                if (code == 0)
                    mf_cc_release(f.cc, &f.image);
            }
            passed = host_fail_at > 0;
            host_fail_at = -1;
            if (code != 0) {
                assert_int_equal(code, MAYFLY_ENOMEM);
                assert_int_equal(f.err.code, MAYFLY_ENOMEM);
            }
            if (f.cc) {
                reference(&f);
                mf_cc_free(f.cc);
            }
            mf_zone_free(f.zone);
            assert_int_equal(f.alloc.blocks, 0);
        }
    }
}

/* A fork while another thread compiles: the child makes compilers of its own.
 */
static void *compile_for_ever(void *state)
{
    fixture f;
    atomic_int *stop = state;
    fixture_init(&f);
    while (!atomic_load(stop))
        fixture_run(&f, "int f(int x) { return x; }", 1);
    fixture_done(&f);
    return NULL;
}

static void test_fork(void **state)
{
    pthread_t thread;
    static atomic_int stop;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, compile_for_ever, &stop), 0);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            fixture f;
            alarm(20);
            fixture_init(&f);
            reference(&f);
            fixture_done(&f);
            _exit(0);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
}

/* Threads take turns; nothing is lost. */
static void *compile_some(void *state)
{
    fixture *f = state;
    for (int i = 0; i < 100; i++) {
        fixture mine = {.zone = f->zone, .cc = f->cc};
        char source[100];
        snprintf(source, sizeof source, "int f(int x) { return x + %d; }", i);
        if (fixture_run(&mine, source, 1) != i + 1)
            return f;
        mf_cc_trim(f->cc, (uint64_t)(i % 3) * 1000000u);
    }
    return NULL;
}

static void test_threads(void **state)
{
    fixture f;
    pthread_t threads[4];
    (void)state;
    fixture_init(&f);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compile_some, &f),
                         0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_once),
        cmocka_unit_test(test_arena_from_then_on),
        cmocka_unit_test(test_host_allocator),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
