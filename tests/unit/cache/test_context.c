/* The life of a context on one thread: states, references, pins, bindings. */
#include "fake.h"

static void test_life(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = fake_compiling(&h, 0);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_COMPILING);
    assert_int_equal(mf_lease_take(c, &err), MAYFLY_EUNLOADED);

    mf_payload p = fake_payload(fake_unit_new(&h, 100));
    mf_load_report report = {0};
    mf_context_publish(c, &p, &report);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_LIVE);
    assert_int_equal(mf_lease_take(c, &err), 0);
    assert_ptr_equal(mf_context_unit(c), p.unit);
    assert_ptr_equal(mf_context_host(c), &h);
    mf_lease_drop(c);

    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), 0);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADED);
    assert_int_equal(h.destroyed, 1);
    assert_string_equal(mayfly_context_name(c), "greeter");
    assert_int_equal(mf_lease_take(c, &err), MAYFLY_EUNLOADED);
    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EUNLOADED);
    mayfly_context_unref(c);
    assert_int_equal(h.destroyed, 1);
    fake_host_done(&h);
}

static void test_last_reference_unloads(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 10);
    mayfly_context_ref(c);
    mayfly_context_unref(c);
    assert_int_equal(h.destroyed, 0);
    mayfly_context_unref(c);
    assert_int_equal(h.destroyed, 1);
    mayfly_context_unref(NULL);
    fake_host_done(&h);
}

static void test_a_failed_load_leaves_nothing(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context_unref(fake_compiling(&h, 0));
    /* and does not count as loaded: the next unload is the last one */
    mayfly_context *c = fake_live(&h, 64);
    mayfly_receipt *r;
    atomic_fetch_add(&h.arena_bytes, 7); /* somebody forgets 7 bytes */
    assert_int_equal(mayfly_unload(c, NULL, &r, NULL), 0);
    assert_int_equal(mayfly_receipt_retained(r), 7);
    mayfly_receipt_free(r);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_pins_are_named(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = fake_live(&h, 10);
    mayfly_pin *warmer, *other;
    assert_int_equal(
        mayfly_pin_new(c, "cache-warmer", "main.c", 41, &warmer, &err), 0);
    assert_int_equal(mayfly_pin_take(c, "second", &other, &err), 0);

    void *address = NULL;
    assert_int_equal(mayfly_pin_symbol(warmer, "there", &address, &err), 0);
    assert_non_null(address);
    assert_int_equal(mayfly_pin_symbol(warmer, "gone", &address, &err),
                     MAYFLY_ENOTFOUND);
    assert_non_null(strstr(err.message, "\"gone\""));

    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EBUSY);
    assert_non_null(strstr(err.message, "2 pins: second ("));
    assert_non_null(strstr(err.message, "test_context.c:"));
    assert_non_null(strstr(err.message, "cache-warmer (main.c:41, thread "));
    assert_null(strstr(err.message, "call"));
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_LIVE);

    mayfly_pin_free(other);
    assert_int_equal(
        mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 5), NULL, &err),
        MAYFLY_EBUSY);
    assert_non_null(strstr(err.message, "1 pin: cache-warmer"));
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_LIVE);
    mayfly_pin_free(warmer);
    mayfly_pin_free(NULL);
    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), 0);
    assert_int_equal(mayfly_pin_take(c, "late", &other, &err),
                     MAYFLY_EUNLOADED);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_many_pins_are_cut(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = fake_live(&h, 10);
    mayfly_pin *pins[20];
    for (int i = 0; i < 20; i++)
        assert_int_equal(mayfly_pin_new(c, "p", "f.c", i, &pins[i], &err), 0);
    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EBUSY);
    assert_non_null(strstr(err.message, "20 pins: p (f.c:19"));
    assert_non_null(strstr(err.message, "and 12 more"));
    for (int i = 0; i < 20; i++)
        mayfly_pin_free(pins[(i * 7) % 20]);
    mayfly_context_unref(c);
    assert_int_equal(h.destroyed, 1);
    fake_host_done(&h);
}

static void test_calls_are_named(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = fake_live(&h, 10);
    assert_int_equal(mf_lease_take(c, &err), 0);
    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EBUSY);
    assert_non_null(
        strstr(err.message, "1 call: call /a.B/C from 127.0.0.1:1"));
    mf_lease_drop(c);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void drop_the_call(fake_host *h, mayfly_context *c)
{
    (void)h;
    mf_lease_drop(c);
}

static void test_force_cancels(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    h.on_cancel = drop_the_call;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = fake_live(&h, 10);
    assert_int_equal(mf_lease_take(c, &err), 0);
    assert_int_equal(
        mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, &err), 0);
    assert_int_equal(h.cancels, 1);
    assert_int_equal(h.destroyed, 1);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_forced_goes_with_the_last_lease(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = fake_live(&h, 10);
    mayfly_pin *pin;
    assert_int_equal(mayfly_pin_take(c, "x", &pin, &err), 0);
    assert_int_equal(mf_lease_take(c, &err), 0);
    assert_int_equal(
        mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, &err),
        MAYFLY_EBUSY);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADING);
    assert_int_equal(mf_lease_take(c, &err), MAYFLY_EUNLOADED);
    /* a soft one does not revive it */
    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EBUSY);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADING);
    mf_lease_drop(c);
    assert_int_equal(h.destroyed, 0);
    mayfly_pin_free(pin);
    assert_int_equal(h.destroyed, 1);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADED);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_waiting_on_a_loop_is_refused(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    h.on_loop = 1;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = fake_live(&h, 10);
    assert_int_equal(
        mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 5), NULL, &err),
        MAYFLY_EONLOOP);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_LIVE);
    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), 0);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_options_of_another_size(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = fake_live(&h, 10);
    mayfly_unload_options o = {.size = 3};
    assert_int_equal(mayfly_unload(c, &o, NULL, &err), MAYFLY_EINVAL);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static int has_bytes(void *bytes, const void *unit)
{
    return ((const fake_unit *)unit)->bytes == *(size_t *)bytes;
}

static void test_bindings(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c = fake_live(&h, 10);
    static const int layout1, layout2;
    assert_int_equal(mf_lease_take(c, &err), 0);
    assert_null(mf_context_binding(c, &layout1, 0));
    mf_payload a = fake_payload(fake_unit_new(&h, 20));
    mf_payload b = fake_payload(fake_unit_new(&h, 30));
    mf_payload late = fake_payload(fake_unit_new(&h, 40));
    assert_ptr_equal(mf_context_add_binding(c, &layout1, 0, &a, &err), a.unit);
    assert_ptr_equal(mf_context_add_binding(c, &layout2, 0, &b, &err), b.unit);
    assert_ptr_equal(mf_context_add_binding(c, &layout1, 0, &late, &err),
                     a.unit);
    assert_int_equal(h.destroyed, 1); /* the late one */
    assert_ptr_equal(mf_context_binding(c, &layout1, 0), a.unit);
    assert_ptr_equal(mf_context_binding(c, &layout2, 0), b.unit);
    assert_null(mf_context_binding(c, &layout1, 1));
    size_t bytes = 20;
    assert_ptr_equal(mf_context_find_binding(c, has_bytes, &bytes), a.unit);
    bytes = 40;
    assert_null(mf_context_find_binding(c, has_bytes, &bytes));
    mf_lease_drop(c);
    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), 0);
    assert_int_equal(h.destroyed, 4);
    assert_int_equal(fake_arena_bytes(&h), 0);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_unload_all(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *c[5];
    for (int i = 0; i < 5; i++)
        c[i] = fake_live(&h, 10);
    mayfly_pin *pin;
    assert_int_equal(mayfly_pin_take(c[2], "holder", &pin, &err), 0);
    assert_int_equal(mayfly_unload(c[4], NULL, NULL, &err), 0);
    assert_int_equal(mf_registry_unload_all(h.registry, 1), 1);
    assert_int_equal(h.destroyed, 4);
    assert_int_equal(mayfly_context_get_state(c[2]), MAYFLY_UNLOADING);
    mayfly_pin_free(pin);
    assert_int_equal(h.destroyed, 5);
    for (int i = 0; i < 5; i++)
        mayfly_context_unref(c[i]);
    fake_host_done(&h);
}

/* The user's last reference goes while a lease is held: the lease keeps the
 * handle, and takes both with it. */
static void test_lease_keeps_the_handle(void **state)
{
    (void)state;
    fake_host h;
    mayfly_error err = MAYFLY_ERROR_INIT;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 10);
    assert_int_equal(mf_lease_take(c, &err), 0);
    assert_int_equal(mf_lease_take(c, &err), 0);
    mayfly_context_unref(c);
    assert_int_equal(h.destroyed, 0);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADING);
    assert_string_equal(mayfly_context_name(c), "greeter");
    assert_int_equal(mf_lease_take(c, &err), MAYFLY_EUNLOADED);
    mf_lease_drop(c);
    assert_int_equal(h.destroyed, 0);
    mf_lease_drop(c);
    assert_int_equal(h.destroyed, 1);
    fake_host_done(&h);
}

/* Noted by whoever runs code for the context; other contexts and other threads
 * do not care. */
static void test_not_from_inside(void **state)
{
    (void)state;
    fake_host h;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_inside outer, inner;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 10);
    mayfly_context *other = fake_live(&h, 20);
    mf_inside_enter(&outer, c);
    mf_inside_enter(&inner, other);
    assert_int_equal(
        mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, &err),
        MAYFLY_EINSIDE);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_LIVE);
    mf_inside_leave(&inner);
    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EINSIDE);
    assert_int_equal(mayfly_unload(other, NULL, NULL, &err), 0);
    mf_inside_leave(&outer);
    assert_int_equal(mayfly_unload(c, NULL, NULL, &err), 0);
    mayfly_context_unref(c);
    mayfly_context_unref(other);
    fake_host_done(&h);
}

/* Its own code runs before it is live, may hold it, and may refuse. */
static void test_refused_before_it_is_live(void **state)
{
    (void)state;
    for (int held = 0; held < 2; held++) {
        fake_host h;
        fake_host_init(&h);
        mayfly_error err = MAYFLY_ERROR_INIT;
        mayfly_context *c = fake_compiling(&h, 0);
        mf_payload p = fake_payload(fake_unit_new(&h, 100));
        mf_load_report report = {0};
        mf_context_attach(c, &p, &report);
        assert_int_equal(mayfly_context_get_state(c), MAYFLY_COMPILING);
        assert_int_equal(mayfly_unload(c, NULL, NULL, &err),
                         MAYFLY_EUNLOADED);
        assert_int_equal(mf_lease_take(c, &err), 0);
        if (!held)
            mf_lease_drop(c);
        mf_context_abandon(c);
        assert_int_equal(h.destroyed, !held);
        if (held) {
            assert_int_equal(mf_lease_take(c, &err), MAYFLY_EUNLOADED);
            mf_lease_drop(c);
        }
        assert_int_equal(h.destroyed, 1);
        fake_host_done(&h);
    }
}

static void test_opened(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = fake_compiling(&h, 0);
    mf_payload p = fake_payload(fake_unit_new(&h, 100));
    mf_load_report report = {0};
    mf_context_attach(c, &p, &report);
    assert_int_equal(mf_lease_take(c, NULL), 0); /* of its own code */
    mf_context_open(c);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_LIVE);
    assert_int_equal(mayfly_unload(c, NULL, NULL, NULL), MAYFLY_EBUSY);
    mf_lease_drop(c);
    assert_int_equal(mayfly_unload(c, NULL, NULL, NULL), 0);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_last_reference_unloads),
        cmocka_unit_test(test_a_failed_load_leaves_nothing),
        cmocka_unit_test(test_pins_are_named),
        cmocka_unit_test(test_many_pins_are_cut),
        cmocka_unit_test(test_calls_are_named),
        cmocka_unit_test(test_force_cancels),
        cmocka_unit_test(test_forced_goes_with_the_last_lease),
        cmocka_unit_test(test_waiting_on_a_loop_is_refused),
        cmocka_unit_test(test_options_of_another_size),
        cmocka_unit_test(test_bindings),
        cmocka_unit_test(test_unload_all),
        cmocka_unit_test(test_lease_keeps_the_handle),
        cmocka_unit_test(test_not_from_inside),
        cmocka_unit_test(test_refused_before_it_is_live),
        cmocka_unit_test(test_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
