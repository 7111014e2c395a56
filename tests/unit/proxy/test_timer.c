/* Timers: fire in order, at their time, and only when they are still set. */
#include "proxy/transport/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N = 500 };

static struct entry {
    mf_timer timer;
    int fired;
} entries[N];
static uint64_t last;
static int n_fired;
static mf_timers timers;

static void fire(mf_timer *timer)
{
    ((struct entry *)(void *)timer)->fired++;
    assert_true(timer->at_ms >= last);
    last = timer->at_ms;
    n_fired++;
}

static void in_order(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 50; round++) {
        int n_set = 0;
        last = 0;
        n_fired = 0;
        for (int i = 0; i < N; i++) {
            entries[i].fired = 0;
            mf_timer_set(&timers, &entries[i].timer, (uint64_t)(rand() % 1000),
                         fire);
        }
        for (int i = 0; i < N; i++) /* some go, some move */
            if (rand() % 3 == 0)
                mf_timer_clear(&timers, &entries[i].timer);
            else if (rand() % 3 == 0)
                mf_timer_set(&timers, &entries[i].timer,
                             (uint64_t)(rand() % 1000), fire);
        for (int i = 0; i < N; i++)
            n_set += entries[i].timer.is_set;
        for (uint64_t now = 0; now <= 1000; now += 10) {
            mf_timers_run(&timers, now);
            assert_true(!timers.first || timers.first->at_ms > now);
        }
        assert_null(timers.first);
        assert_int_equal(n_fired, n_set);
        for (int i = 0; i < N; i++) {
            assert_true(entries[i].fired <= 1);
            assert_false(entries[i].timer.is_set);
        }
    }
}

static void clear_other(mf_timer *timer)
{
    (void)timer;
    mf_timer_clear(&timers, &entries[1].timer);
    mf_timer_set(&timers, &entries[2].timer, 50, fire);
}

static void may_change_others_while_running(void **state)
{
    (void)state;
    last = 0;
    entries[1].fired = entries[2].fired = 0;
    mf_timer_set(&timers, &entries[0].timer, 10, clear_other);
    mf_timer_set(&timers, &entries[1].timer, 20, fire);
    mf_timers_run(&timers, 30);
    assert_int_equal(entries[1].fired, 0);
    assert_int_equal(entries[2].fired, 0);
    mf_timers_run(&timers, 50);
    assert_int_equal(entries[2].fired, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(may_change_others_while_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
