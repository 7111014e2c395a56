/* Calls that held a context: how many, for how long, and none lost where a
 * line's narrow counters run over. */
#include "fake.h"

#include "cache/context/internal.h"

#include <pthread.h>

static void call(mayfly_context *c, uint64_t ns, int failed)
{
    assert_int_equal(mf_lease_take(c, NULL), 0);
    mf_lease_drop_call(c, ns, failed);
}

static uint64_t sum(const mayfly_call_counts *n)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < MAYFLY_LATENCIES; i++)
        all += n->latency[i];
    return all;
}

static void test_where_a_call_is_counted(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 10);
    mayfly_call_counts n;
    mayfly_context_get_calls(c, &n);
    assert_int_equal(n.calls + n.errors + n.ns + sum(&n), 0);

    uint64_t bound = 4096, all = 0;
    for (unsigned i = 0; i < MAYFLY_LATENCIES; i++, bound *= 4) {
        uint64_t from = i ? bound / 4 : 0;
        call(c, from, 0);
        call(c, bound - 1, i % 2);
        all += from + bound - 1;
        mayfly_context_get_calls(c, &n);
        assert_int_equal(n.latency[i], 2);
        assert_int_equal(n.calls, 2 * (i + 1));
        assert_int_equal(n.errors, (i + 1) / 2);
        assert_int_equal(n.ns, all);
    }
    call(c, bound * 1000, 1); /* slower than any bound */
    mayfly_context_get_calls(c, &n);
    assert_int_equal(n.latency[MAYFLY_LATENCIES - 1], 3);
    assert_int_equal(sum(&n), n.calls);

    /* what is unloaded still tells */
    assert_int_equal(mayfly_unload(c, NULL, NULL, NULL), 0);
    mayfly_context_get_calls(c, &n);
    assert_int_equal(n.calls, 2 * MAYFLY_LATENCIES + 1);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

static void test_counters_are_carried(void **state)
{
    (void)state;
    const uint32_t half = 1u << 31;
    fake_host h;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 10);
    mayfly_call_counts n = {0};
    for (unsigned s = 0; s < c->n_shards; s++) {
        atomic_store(&c->shards[s].calls[1], half - 1);
        atomic_store(&c->shards[s].calls[MF_CALLS_FAILED], half - 1);
    }
    uint64_t before = (uint64_t)c->n_shards * (half - 1);
    for (int i = 0; i < 3; i++) {
        call(c, 5000, 1);
        mayfly_context_get_calls(c, &n);
        assert_int_equal(n.calls, before + (uint64_t)i + 1);
        assert_int_equal(n.errors, before + (uint64_t)i + 1);
        assert_int_equal(n.latency[1], n.calls);
    }
    assert_true(c->carried[1] >= 1 && c->carried[MF_CALLS_FAILED] >= 1);

    /* taken, they are elsewhere, and counting begins anew */
    mayfly_call_counts taken = {.calls = 1};
    mf_tally_take(c, &taken);
    assert_int_equal(taken.calls, before + 4);
    assert_int_equal(taken.ns, 15000);
    mayfly_context_get_calls(c, &n);
    assert_int_equal(n.calls + n.errors + n.ns + sum(&n), 0);
    mayfly_call_counts merged = {.latency = {[1] = 2}};
    mf_tally_merge(&merged, &taken);
    assert_int_equal(merged.latency[1], before + 5);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

enum { CALLERS = 4, CALLS = 20000 };

typedef struct shared {
    mayfly_context *context;
    atomic_int done;
} shared;

static void *make_calls(void *arg)
{
    shared *s = arg;
    for (uint64_t i = 0; i < CALLS; i++)
        call(s->context, i, i % 4 == 0);
    atomic_fetch_add(&s->done, 1);
    return NULL;
}

/* Who counts and who takes at the same time; every counter runs over often. */
static void test_no_call_is_lost(void **state)
{
    (void)state;
    fake_host h;
    fake_host_init(&h);
    shared s = {.context = fake_live(&h, 10)};
    mayfly_context *c = s.context;
    pthread_t callers[CALLERS];
    mayfly_call_counts all = {0};
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, make_calls, &s), 0);
    const uint32_t lift = (1u << 31) - 100;
    uint64_t lifted = 0;
    while (atomic_load(&s.done) < CALLERS) {
        mf_tally_take(c, &all);
        atomic_fetch_add(&c->shards[0].calls[0], lift);
        lifted += lift;
        sched_yield();
    }
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    mf_tally_take(c, &all);
    assert_int_equal(all.calls, lifted + CALLERS * CALLS);
    assert_int_equal(all.errors, CALLERS * CALLS / 4);
    assert_int_equal(all.ns, (uint64_t)CALLERS * CALLS * (CALLS - 1) / 2);
    assert_int_equal(mf_lease_sum(c), 0);
    mayfly_context_unref(c);
    fake_host_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_a_call_is_counted),
        cmocka_unit_test(test_counters_are_carried),
        cmocka_unit_test(test_no_call_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
