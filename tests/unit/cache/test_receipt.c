/* Receipts: the phases side by side, what is retained, both forms. */
#include "fake.h"

#include "tests/support/fault.h"

#include <sys/wait.h>
#include <unistd.h>

static void test_phases(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = fake_live(&h, 1234567);
    mayfly_receipt *r;

    assert_int_equal(mayfly_context_receipt(c, &r, &err), 0);
    assert_int_equal(mayfly_receipt_retained(r), 1234567);
    const char *text = mayfly_receipt_text(r);
    assert_non_null(strstr(text, "context greeter: live"));
    assert_non_null(strstr(text, "1,234,567"));
    assert_non_null(strstr(text, "now"));
    assert_null(strstr(text, "unloaded"));
    assert_null(strstr(text, "private dirty"));
    mayfly_receipt_free(r);

    assert_int_equal(mayfly_unload(c, NULL, &r, &err), 0);
    text = mayfly_receipt_text(r);
    assert_non_null(strstr(text, "context greeter: unloaded, cycle 1"));
    assert_non_null(strstr(text, "  token symbols"));
    assert_non_null(strstr(text, "retained: 0 bytes in arenas"));
    assert_int_equal(mayfly_receipt_retained(r), 0);
    const char *json = mayfly_receipt_json(r);
    static const char *const members[] = {"\"context\": \"greeter\"",
                                          "\"state\": \"unloaded\"",
                                          "\"cycles\": 1",
                                          "\"name\": \"before\"",
                                          "\"name\": \"compiled\"",
                                          "\"name\": \"arena dropped\"",
                                          "\"name\": \"unloaded\"",
                                          "\"compile_arena_bytes\": 4096",
                                          "\"code_arena_bytes\": 1234567",
                                          "\"private_dirty_kib\": null",
                                          "\"mappings\": null",
                                          "\"kinds\": [",
                                          "\"kind\": \"token symbols\"",
                                          "\"load\": 5",
                                          "\"generate\": 2",
                                          "\"compile\": 3",
                                          "\"unload\": ",
                                          "\"arena_bytes\": 0"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (!strstr(json, members[i]))
            fail_msg("no %s in %s", members[i], json);

    /* Every line of the table's columns is as long as the next one. */
    mayfly_context_unref(c); /* the receipt stays good */
    assert_int_equal(mayfly_receipt_retained(r), 0);
    assert_int_equal(h.refs, 1);
    mayfly_receipt_free(r);
    mayfly_receipt_free(NULL);
    fake_host_done(&h);
}

static int has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no %s in %s", part, text);
    return 1;
}

static mayfly_receipt *receipt_of_unload(fake_host *h, size_t bytes,
                                         size_t leaks)
{
    mayfly_context *c = fake_live(h, bytes);
    mayfly_receipt *r = NULL;
    assert_int_equal(mf_lease_take(c, NULL), 0);
    ((fake_unit *)mf_context_unit(c))->leaks = leaks;
    mf_lease_drop(c);
    assert_int_equal(mayfly_unload(c, NULL, &r, NULL), 0);
    mayfly_context_unref(c);
    return r;
}

static void test_verdict(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 1000);
    mayfly_receipt *r;
    assert_int_equal(mayfly_context_receipt(c, &r, NULL), 0);
    has(mayfly_receipt_json(r), "\"clean\": null");
    has(mayfly_receipt_json(r), "\"retained_by_mayfly_bytes\": 1000");
    assert_null(strstr(mayfly_receipt_text(r), "verdict"));
    mayfly_receipt_free(r);
    mayfly_context_unref(c);

    r = receipt_of_unload(&h, 1000, 0);
    has(mayfly_receipt_json(r), "\"clean\": true");
    has(mayfly_receipt_json(r), "\"used_kib\": null"); /* not measured */
    has(mayfly_receipt_text(r), "verdict: clean: mayfly keeps 0 bytes");
    mayfly_receipt_free(r);
    r = receipt_of_unload(&h, 1000, 48);
    has(mayfly_receipt_json(r), "\"clean\": false");
    has(mayfly_receipt_text(r), "verdict: NOT CLEAN: mayfly keeps 48 bytes");
    mayfly_receipt_free(r);
    fake_host_done(&h);
}

static void test_side_by_side(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_receipt *a = receipt_of_unload(&h, 1111, 0);
    mayfly_receipt *b = receipt_of_unload(&h, 2222, 7);
    mayfly_receipt *both = NULL;
    mayfly_error err = MAYFLY_ERROR_INIT;
    assert_int_equal(mayfly_receipt_beside(b, NULL, &both, &err),
                     MAYFLY_EINVAL);
    assert_int_equal(mayfly_receipt_beside(b, a, &both, &err), 0);
    assert_int_equal(mayfly_receipt_retained(both), 7);
    mayfly_receipt_free(a); /* the third stands by itself */
    mayfly_receipt_free(b);
    const char *text = mayfly_receipt_text(both);
    const char *line = strstr(text, "code arena ");
    assert_non_null(line);
    const char *first = strstr(line, "1,111"), *second = strstr(line, "2,222");
    assert_true(first && second && first < second &&
                second < strchr(line, '\n'));
    const char *json = mayfly_receipt_json(both);
    const char *beside = strstr(json, "\"beside\": {");
    assert_non_null(beside);
    assert_true(strstr(json, "\"code_arena_bytes\": 2222") < beside);
    has(beside, "\"code_arena_bytes\": 1111");
    has(beside, "\"clean\": true");
    mayfly_receipt_free(both);
    fake_host_done(&h);
}

static size_t line_length(const char *text, int line)
{
    while (line--)
        text = strchr(text, '\n') + 1;
    return (size_t)(strchr(text, '\n') - text);
}

static void test_columns_align(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 1234567);
    mayfly_receipt *r;
    assert_int_equal(mayfly_unload(c, NULL, &r, NULL), 0);
    const char *text = mayfly_receipt_text(r);
    size_t width = line_length(text, 1);
    for (int i = 2; i <= 6; i++)
        assert_int_equal(line_length(text, i), width);
    mayfly_receipt_free(r);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_what_is_forgotten_shows(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 1000);
    assert_int_equal(mf_lease_take(c, NULL), 0);
    ((fake_unit *)mf_context_unit(c))->leaks = 48;
    mf_lease_drop(c);
    mayfly_receipt *r;
    assert_int_equal(mayfly_unload(c, NULL, &r, NULL), 0);
    assert_int_equal(mayfly_receipt_retained(r), 48);
    mayfly_receipt_free(r);
    mayfly_context_unref(c);

    /* and is still counted against the first load in the next cycle */
    c = fake_live(&h, 1000);
    assert_int_equal(mayfly_unload(c, NULL, &r, NULL), 0);
    assert_int_equal(mayfly_receipt_retained(r), 48);
    assert_non_null(strstr(mayfly_receipt_json(r), "\"cycles\": 2"));
    mayfly_receipt_free(r);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

/* With measure_process the process is read: dirty memory made between the first
 * snapshot and the unload, and kept, is told. */
static void test_process_is_measured(void **state)
{
    (void)state;
    enum { KEPT = 8 << 20 };
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = fake_compiling(&h, 1);
    char *kept = malloc(KEPT);
    assert_non_null(kept);
    memset(kept, 1, KEPT);
    mf_payload p = fake_payload(fake_unit_new(&h, 100));
    mf_load_report report = {0};
    mf_context_publish(c, &p, &report);
    mayfly_receipt *r;
    assert_int_equal(mayfly_unload(c, NULL, &r, NULL), 0);
    const char *retained = strstr(mayfly_receipt_json(r), "\"retained\"");
    assert_non_null(retained);
    const char *dirty = strstr(retained, "\"private_dirty_kib\": ");
    assert_non_null(dirty);
    long kib = strtol(dirty + strlen("\"private_dirty_kib\": "), NULL, 10);
    assert_true(kib >= KEPT / 1024);
    assert_non_null(strstr(mayfly_receipt_text(r), "private dirty (KiB)"));
    mayfly_receipt_free(r);
    mayfly_context_unref(c);
    free(kept);
    fake_host_done(&h);
}

static void test_a_forked_child_is_refused(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 10);
    mayfly_pin *pin;
    assert_int_equal(mayfly_pin_take(c, "parent", &pin, NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        mayfly_receipt *r;
        mayfly_pin *p;
        int bad = mf_lease_take(c, NULL) != MAYFLY_EFORKED ||
                  mayfly_unload(c, NULL, NULL, NULL) != MAYFLY_EFORKED ||
                  mayfly_context_receipt(c, &r, NULL) != MAYFLY_EFORKED ||
                  mayfly_pin_take(c, "child", &p, NULL) != MAYFLY_EFORKED;
        mayfly_pin_free(pin);
        mayfly_context_unref(c);
        bad |= atomic_load(&h.destroyed) != 0;
        _exit(bad);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    mayfly_pin_free(pin);
    mayfly_context_unref(c);
    assert_int_equal(h.destroyed, 1);
    fake_host_done(&h);
}

/* Each allocation fails in turn: an error, nothing leaked, the context as
 * before.
 */
static void test_lack_of_memory(void **state)
{
    (void)state;
    int done = 0;
    for (int n = 1; n < 100 && !done; n++) {
        fake_host h;
        fake_host_init(&h);
        mayfly_context *c = fake_live(&h, 10);
        size_t blocks = atomic_load(&h.alloc.blocks);
        mayfly_allocator kept = h.alloc.table;
        fault f;
        fault_init(&f, n, 1);
        h.alloc.table = fault_table(&f);
        mayfly_pin *pin = NULL;
        mayfly_receipt *r = NULL;
        int pinned = mayfly_pin_take(c, "p", &pin, NULL);
        int told = mayfly_context_receipt(c, &r, NULL);
        assert_true(pinned == 0 || pinned == MAYFLY_ENOMEM);
        assert_true(told == 0 || told == MAYFLY_ENOMEM);
        done = pinned == 0 && told == 0;
        h.alloc.table = kept;
        mayfly_receipt_free(r);
        mayfly_pin_free(pin);
        assert_int_equal(atomic_load(&h.alloc.blocks), blocks);
        mayfly_context_unref(c);
        assert_int_equal(h.destroyed, 1);
        fake_host_done(&h);
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_verdict),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_columns_align),
        cmocka_unit_test(test_what_is_forgotten_shows),
        cmocka_unit_test(test_process_is_measured),
        cmocka_unit_test(test_a_forked_child_is_refused),
        cmocka_unit_test(test_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
