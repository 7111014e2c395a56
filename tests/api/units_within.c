/*
 * Handlers of a unit that change that very unit: while they run they hold the
 * version that they are called by, so nothing may wait for them for ever.
 */
#include "units.h"

typedef struct within {
    world w;
    int blocking;
    int code, gone;       /* of the swap */
    int evicted, removed; /* what these answer */
    uint64_t version;     /* that is current after the swap */
    unsigned wait_ms;
} within;

static int swap_own(void *state, mayfly_call *call, const hello_Request *q,
                    hello_Reply *r)
{
    within *t = state;
    mayfly_swap swap = {0};
    (void)call;
    (void)q;
    t->evicted = mayfly_unit_evict(t->w.unit, 0, NULL);
    t->code = swap_to(t->w.unit, HELLO_V2, NULL,
                      MAYFLY_SWAP_OPTIONS(.wait_ms = t->wait_ms), &swap, NULL);
    t->gone = swap.gone;
    mayfly_receipt_free(swap.receipt);
    t->version = mayfly_unit_version(t->w.unit);
    r->message = mayfly_str_of("swapped");
    return 0;
}

static int remove_own(void *state, mayfly_call *call, const hello_Request *q,
                      hello_Reply *r)
{
    within *t = state;
    (void)call;
    (void)q;
    t->removed = mayfly_unit_remove(t->w.unit, t->wait_ms, NULL);
    r->message = mayfly_str_of("removed");
    return 0;
}

static void begin_within(within *t, const hello_Greeter_handlers *on)
{
    world *w = &t->w;
    w->host = hello_host();
    w->pair = hello_connect(w->host);
    load_as(w->host, "hello", HELLO_V1, NULL, NULL, &w->unit);
    must(hello_Greeter_serve_unit(
        w->unit, w->pair.server, on, t,
        MAYFLY_SERVICE_OPTIONS(.blocking = t->blocking), &err));
    must(hello_Greeter_follow(w->unit, w->pair.channel, &w->greeter, &err));
}

static void a_handler_swaps_its_unit(void **state)
{
    (void)state;
    const hello_Greeter_handlers on = {.SayHello = swap_own};
    for (unsigned wait_ms = 0; wait_ms <= 50; wait_ms += 50) {
        within t = {.blocking = 1, .wait_ms = wait_ms};
        begin_within(&t, &on);
        assert_string_equal(say(t.w.host, t.w.greeter), "swapped");
        assert_int_equal(t.evicted, MAYFLY_EINSIDE);
        assert_int_equal(t.code, 0);
        assert_int_equal(t.gone, 0); /* it is this very call that holds it */
        assert_int_equal(t.version, 2);
        /* the same content again: nothing to be done */
        assert_string_equal(say(t.w.host, t.w.greeter), "swapped");
        assert_int_equal(t.version, 2);
        for (int i = 0; i < 5000 && stats_of(t.w.host).loaded > 1; i++)
            usleep(1000);
        assert_int_equal(stats_of(t.w.host).loaded, 1);
        end(&t.w);
    }
}

static void a_handler_removes_its_unit(void **state)
{
    (void)state;
    const hello_Greeter_handlers on = {.SayHello = remove_own};
    within t = {.blocking = 1, .wait_ms = 50};
    begin_within(&t, &on);
    assert_string_equal(say(t.w.host, t.w.greeter), "removed");
    assert_int_equal(t.removed, MAYFLY_EBUSY);
    assert_string_equal(say(t.w.host, t.w.greeter), "MAYFLY_EUNLOADED");
    end(&t.w);
}

/* A loop would wait for itself. */
static void a_handler_on_a_loop_is_told(void **state)
{
    (void)state;
    const hello_Greeter_handlers on = {.SayHello = swap_own};
    within t = {.blocking = 0};
    begin_within(&t, &on);
    assert_string_equal(say(t.w.host, t.w.greeter), "swapped");
    assert_int_equal(t.evicted, MAYFLY_EONLOOP);
    assert_int_equal(t.code, MAYFLY_EONLOOP);
    assert_int_equal(t.version, 1);
    end(&t.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_swaps_its_unit),
        cmocka_unit_test(a_handler_removes_its_unit),
        cmocka_unit_test(a_handler_on_a_loop_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
