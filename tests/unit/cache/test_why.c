/* What holds a context, over payloads that are pages of plain memory: parts and
 * names, leases, contexts that go away, and every allocation failed in turn. */
#include "cache/why/why.h"
#include "fake.h"
#include "tests/support/fault.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Units lie in the midst of a range: the loader remembers where it had mapped
 * files, and what is mapped next may begin there. */
enum { PAGE = 4096, ROOM = 64 * PAGE, INSIDE = 32 * PAGE };

/* A unit of a page of data and a page of text, and a record of its own that
 * points to both. */
typedef struct block {
    char *text, *data;
    char *record[2];
} block;

static void *volatile kept;

static void destroy_block(void *unit)
{
    block *b = unit;
    munmap(b->data - INSIDE, ROOM);
    explicit_bzero(b, sizeof *b);
    free(b);
}

static void parts_of_block(const void *unit, mf_part_fn add, void *state)
{
    const block *b = unit;
    add(state, MF_PART_TEXT, b->text, PAGE);
    add(state, MF_PART_DATA, b->data, PAGE);
    add(state, MF_PART_OWN, b, sizeof *b);
}

static const void *name_in_block(const void *unit, const void *address,
                                 char *out, size_t size)
{
    const block *b = unit;
    if ((const char *)address < b->text + 256 ||
        (const char *)address >= b->text + PAGE)
        return NULL;
    snprintf(out, size, "function");
    return b->text + 256;
}

static mf_payload new_block(void)
{
    block *b = calloc(1, sizeof *b);
    assert_non_null(b);
    char *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(room, MAP_FAILED);
    b->data = room + INSIDE;
    b->text = b->data + PAGE;
    b->record[0] = b->text;
    b->record[1] = b->data;
    return (mf_payload){.unit = b,
                        .destroy = destroy_block,
                        .parts = parts_of_block,
                        .name = name_in_block};
}

static mayfly_context *live_block(fake_host *h)
{
    mayfly_context *c = fake_compiling(h, 0);
    mf_payload p = new_block();
    mf_load_report report = {0};
    mf_context_publish(c, &p, &report);
    return c;
}

static block *block_of(mayfly_context *c)
{
    return mf_context_unit(c);
}

static mayfly_why_report *ask(mayfly_context *c)
{
    mayfly_why_report *r = NULL;
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (mayfly_why(c, MAYFLY_WHY_OPTIONS(.timeout_ms = 60000), &r, &err) != 0)
        fail_msg("%s", err.message);
    return r;
}

static int has(const mayfly_why_report *r, const char *text)
{
    return strstr(mayfly_why_text(r), text) != NULL;
}

static void test_own_records_do_not_hold(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = live_block(&h);
    mayfly_why_report *r = ask(c);
    if (mayfly_why_count(r, MAYFLY_WHY_HEAP) ||
        mayfly_why_count(r, MAYFLY_WHY_GLOBAL) ||
        mayfly_why_total(r, MAYFLY_WHY_DEFINITE))
        fail_msg("found:\n%s", mayfly_why_text(r));
    mayfly_why_free(r);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_names_and_parts(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = live_block(&h);
    kept = block_of(c)->text + 256 + 16;
    mayfly_why_report *r = ask(c);
    assert_true(has(r, "  function\n"));
    assert_true(has(r, "\n    +0x10    test_why: kept+0x0, at 0x"));
    mayfly_why_free(r);
    kept = block_of(c)->text + 8;
    r = ask(c);
    assert_true(has(r, "  text\n"));
    assert_true(has(r, "\n    +0x8     test_why: kept+0x0"));
    mayfly_why_free(r);
    kept = block_of(c)->data + PAGE - 1;
    r = ask(c);
    assert_true(has(r, "  data\n"));
    assert_true(has(r, "\n    +0xfff   test_why: kept+0x0"));
    mayfly_why_free(r);
    kept = block_of(c)->data - 1; /* in front of both */
    r = ask(c);
    assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_GLOBAL), 0);
    mayfly_why_free(r);
    kept = NULL;
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_bindings_count_too(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = live_block(&h);
    mf_payload p = new_block();
    mayfly_error err = MAYFLY_ERROR_INIT;
    block *bound = mf_context_add_binding(c, &p, 1, &p, &err);
    assert_non_null(bound);
    kept = bound->text + 300;
    mayfly_why_report *r = ask(c);
    assert_true(has(r, "  function\n"));
    assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_GLOBAL), 1);
    if (mayfly_why_count(r, MAYFLY_WHY_HEAP))
        fail_msg("found:\n%s", mayfly_why_text(r));
    mayfly_why_free(r);
    kept = NULL;
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_other_contexts(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *a = live_block(&h), *b = live_block(&h);
    mayfly_context *gone = live_block(&h);
    mayfly_unload(gone, NULL, NULL, NULL);
    *(char **)(void *)(block_of(b)->data + 64) = block_of(a)->data;
    mayfly_why_report *r = ask(a);
    assert_true(has(r, "context \"greeter\": data+0x40"));
    assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_CONTEXT), 1);
    mayfly_why_free(r);
    r = ask(b);
    assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_CONTEXT), 0);
    mayfly_why_free(r);
    mayfly_context_unref(gone);
    mayfly_context_unref(a);
    mayfly_context_unref(b);
    fake_host_done(&h);
}

static void test_leases_and_unloading(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = live_block(&h);
    assert_int_equal(mf_lease_take(c, NULL), 0);
    assert_int_equal(mf_lease_take(c, NULL), 0);
    assert_int_equal(
        mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, NULL),
        MAYFLY_EBUSY);
    mayfly_why_report *r = ask(c);
    assert_true(has(r, "context greeter: unloading; held by 2 definitely"));
    assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_LEASE), 2);
    mayfly_why_free(r);
    mf_lease_drop(c);
    mf_lease_drop(c);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADED);
    assert_int_equal(mayfly_why(c, NULL, &r, NULL), MAYFLY_EUNLOADED);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_what_it_started(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = live_block(&h);
    mf_owned thread = {.kind = MF_OWNED_THREAD, .holds = 1, .name = "worker"};
    mf_owned signal = {.kind = MF_OWNED_SIGNAL, .name = "SIGUSR1"};
    assert_int_equal(mf_lease_take(c, NULL), 0);
    mf_owned_add(c, &thread);
    mf_owned_add(c, &signal);
    mayfly_why_report *r = ask(c);
    assert_true(has(r, "  thread \"worker\" of its own code (thread 0, "));
    assert_false(has(r, "SIGUSR1"));
    assert_int_equal(mayfly_why_total(r, MAYFLY_WHY_DEFINITE), 1);
    assert_int_equal(mayfly_why_count(r, MAYFLY_WHY_STARTED), 1);
    mayfly_why_free(r);
    mf_owned_remove(c, &signal);
    mf_owned_remove(c, &thread);
    mf_lease_drop(c);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

/* A payload that tells nothing: what is counted is told all the same. */
static void test_unknown_parts(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 100);
    mayfly_pin *pin = NULL;
    mayfly_error err = MAYFLY_ERROR_INIT;
    assert_int_equal(mayfly_pin_take(c, "me", &pin, &err), 0);
    mayfly_why_report *r = ask(c);
    assert_true(has(r, "pin \"me\""));
    mayfly_why_holder holder;
    assert_int_equal(mayfly_why_get(r, 0, &holder), 0);
    assert_null(holder.address);
    assert_null(holder.points_to);
    assert_string_equal(holder.target, "");
    mayfly_why_free(r);
    mayfly_pin_free(pin);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static int ask_without_memory(const mayfly_allocator *table, void *state)
{
    (void)state;
    fake_host h;
    mayfly_context *c = NULL, *other = NULL;
    mayfly_pin *pin = NULL;
    mayfly_why_report *r = NULL;
    mayfly_error err = MAYFLY_ERROR_INIT;
    memset(&h, 0, sizeof h);
    mf_alloc_init(&h.alloc, table);
    h.registry = mf_registry_new(&h.alloc);
    if (!h.registry)
        return MAYFLY_ENOMEM;
    mf_context_options o = {.alloc = &h.alloc,
                            .name = "greeter",
                            .registry = h.registry,
                            .host = &h,
                            .ref_host = fake_ref,
                            .unref_host = fake_unref,
                            .fork_generation = mf_fork_generation()};
    mf_load_report report = {0};
    int code = mf_context_new(&o, &c, &err);
    if (code == 0)
        code = mf_context_new(&o, &other, &err);
    if (code == 0) {
        mf_payload p = new_block(), q = new_block();
        mf_context_publish(c, &p, &report);
        mf_context_publish(other, &q, &report);
        kept = block_of(c)->text + 256;
        code = mayfly_pin_take(c, "me", &pin, &err);
    }
    if (code == 0)
        code = mayfly_why(c, MAYFLY_WHY_OPTIONS(.keep_running = 1), &r, &err);
    if (code != 0)
        assert_null(r);
    mayfly_why_free(r);
    mayfly_pin_free(pin);
    mayfly_context_unref(c);
    mayfly_context_unref(other);
    mf_registry_free(h.registry);
    assert_int_equal(atomic_load(&h.refs), 0);
    kept = NULL;
    return code;
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_true(fault_each(ask_without_memory, NULL) > 8);
}

static void test_symbols_of_this_program(void **state)
{
    (void)state;
    char name[64];
    uintptr_t begin = 0;
    assert_int_equal(
        mf_blame_symbol("/nonexistent", 1, 0, name, sizeof name, &begin), -1);
    assert_int_equal(
        mf_blame_symbol("/proc/self/maps", 1, 0, name, sizeof name, &begin),
        -1);
    /* no object lies at the beginning of the image */
    assert_int_equal(mf_blame_symbol("", 0, 0, name, sizeof name, &begin), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_records_do_not_hold),
        cmocka_unit_test(test_names_and_parts),
        cmocka_unit_test(test_bindings_count_too),
        cmocka_unit_test(test_other_contexts),
        cmocka_unit_test(test_leases_and_unloading),
        cmocka_unit_test(test_what_it_started),
        cmocka_unit_test(test_unknown_parts),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_symbols_of_this_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
