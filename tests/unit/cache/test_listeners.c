/*
 * Listeners of an unload, and weak handles: what is told, in which order, on
 * which thread, how often; and that neither holds anything.
 */
#include "fake.h"
#include "tests/support/fault.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

typedef struct teller {
    fake_host host;
    mayfly_context *context;
    char told[256];
    pthread_t on;
    int state; /* of the context when it was told */
    int code;  /* of what the callback tried */
    mayfly_pin *pin;
    uint64_t id[4];
} teller;

static void note(teller *t, const char *who, enum mayfly_context_event event)
{
    static const char *const names[] = {"closing", "live", "gone"};
    size_t n = strlen(t->told);
    snprintf(t->told + n, sizeof t->told - n, "%s%s-%s", n ? " " : "", who,
             names[event]);
    t->on = pthread_self();
    t->state = (int)mayfly_context_get_state(t->context);
}

static void first(void *state, mayfly_context *c, enum mayfly_context_event e)
{
    teller *t = state;
    assert_ptr_equal(c, t->context);
    note(t, "a", e);
}

static void second(void *state, mayfly_context *c, enum mayfly_context_event e)
{
    assert_non_null(c);
    note(state, "b", e);
}

static void begin(teller *t)
{
    memset(t, 0, sizeof *t);
    fake_host_init(&t->host);
    t->context = fake_live(&t->host, 10);
    assert_int_equal(
        mayfly_context_listen(t->context, "a", first, t, &t->id[0], NULL), 0);
    assert_int_equal(
        mayfly_context_listen(t->context, "b", second, t, &t->id[1], NULL), 0);
}

static void end(teller *t)
{
    mayfly_context_unref(t->context);
    assert_int_equal(t->host.destroyed, 1);
    fake_host_done(&t->host);
}

static void test_order(void **state)
{
    (void)state;
    teller t;
    begin(&t);
    assert_int_equal(mayfly_unload(t.context, NULL, NULL, NULL), 0);
    assert_string_equal(t.told, "b-closing a-closing b-gone a-gone");
    assert_int_equal(t.state, MAYFLY_UNLOADED);
    assert_true(pthread_equal(t.on, pthread_self()));
    assert_int_equal(mayfly_unload(t.context, NULL, NULL, NULL),
                     MAYFLY_EUNLOADED);
    assert_int_equal(
        mayfly_context_listen(t.context, "c", first, &t, &t.id[2], NULL),
        MAYFLY_EUNLOADED);
    end(&t);
    assert_string_equal(t.told, "b-closing a-closing b-gone a-gone");
}

/* A soft unload that gives up says so; each attempt is told. */
static void test_live_again(void **state)
{
    (void)state;
    teller t;
    begin(&t);
    assert_int_equal(mf_lease_take(t.context, NULL), 0);
    for (int i = 0; i < 2; i++) {
        t.told[0] = 0;
        assert_int_equal(mayfly_unload(t.context, NULL, NULL, NULL),
                         MAYFLY_EBUSY);
        assert_string_equal(t.told, "b-closing a-closing b-live a-live");
        assert_int_equal(t.state, MAYFLY_LIVE);
    }
    assert_int_equal(mayfly_context_unlisten(t.context, t.id[1], NULL), 0);
    assert_int_equal(mayfly_context_unlisten(t.context, t.id[1], NULL),
                     MAYFLY_ENOTFOUND);
    t.told[0] = 0;
    mf_lease_drop(t.context);
    end(&t); /* by the last reference */
    assert_string_equal(t.told, "a-closing a-gone");
}

static void gives_back(void *state, mayfly_context *c,
                       enum mayfly_context_event event)
{
    teller *t = state;
    note(t, "c", event);
    if (event != MAYFLY_ON_UNLOADING)
        return;
    mayfly_pin_free(t->pin);
    t->code =
        mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 60000), NULL, NULL);
    mayfly_context_unref(mayfly_context_ref(c));
    assert_int_equal(mayfly_context_unlisten(c, t->id[0], NULL), 0);
    assert_int_equal(mayfly_context_unlisten(c, t->id[2], NULL), 0);
}

/* A listener makes room for an unload that does not wait; it may take itself
 * and others off, and cannot unload. */
static void test_listener_makes_room(void **state)
{
    (void)state;
    teller t;
    begin(&t);
    assert_int_equal(
        mayfly_context_listen(t.context, "c", gives_back, &t, &t.id[2], NULL),
        0);
    assert_int_equal(mayfly_pin_take(t.context, "c", &t.pin, NULL), 0);
    assert_int_equal(mayfly_unload(t.context, NULL, NULL, NULL), 0);
    assert_int_equal(t.code, MAYFLY_EINSIDE);
    assert_string_equal(t.told, "c-closing b-closing b-gone");
    end(&t);
}

static void *drop_one(void *arg)
{
    mf_lease_drop(arg);
    return NULL;
}

/* A forced unload that did not wait: told by whoever drops the last lease. */
static void test_told_by_the_last_lease(void **state)
{
    (void)state;
    teller t;
    pthread_t other;
    begin(&t);
    assert_int_equal(mf_lease_take(t.context, NULL), 0);
    assert_int_equal(
        mayfly_unload(t.context, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, NULL),
        MAYFLY_EBUSY);
    assert_string_equal(t.told, "b-closing a-closing");
    assert_int_equal(
        mayfly_unload(t.context, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, NULL),
        MAYFLY_EBUSY);
    assert_int_equal(pthread_create(&other, NULL, drop_one, t.context), 0);
    pthread_join(other, NULL);
    assert_string_equal(t.told, "b-closing a-closing b-gone a-gone");
    assert_true(pthread_equal(t.on, other));
    end(&t);
}

/* The last reference goes while listeners are told that it is over. */
static void drops_handle(void *state, mayfly_context *c,
                         enum mayfly_context_event event)
{
    teller *t = state;
    note(t, "d", event);
    if (event == MAYFLY_ON_UNLOADED)
        mayfly_context_unref(c);
}

static void test_handle_goes_in_a_callback(void **state)
{
    (void)state;
    teller t;
    begin(&t);
    assert_int_equal(
        mayfly_context_listen(t.context, "d", drops_handle, &t, &t.id[2], NULL),
        0);
    assert_int_equal(mf_lease_take(t.context, NULL), 0);
    assert_int_equal(
        mayfly_unload(t.context, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, NULL),
        MAYFLY_EBUSY);
    mf_lease_drop(t.context);
    assert_string_equal(t.told, "d-closing b-closing a-closing "
                                "d-gone b-gone a-gone");
    assert_int_equal(t.host.destroyed, 1);
    fake_host_done(&t.host);
}

static void test_weak(void **state)
{
    (void)state;
    fake_host h;
    mayfly_weak *weak, *more;
    mayfly_context *got;
    mayfly_pin *pin;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 10);
    assert_int_equal(mayfly_weak_new(c, &weak, NULL), 0);
    assert_int_equal(mayfly_weak_new(c, &more, NULL), 0);
    mayfly_weak_free(more);
    assert_int_equal(mayfly_weak_lock(weak, &got, NULL), 0);
    assert_ptr_equal(got, c);
    mayfly_context_unref(got);
    assert_int_equal(mayfly_weak_pin(weak, "w", "f.c", 1, &pin, NULL), 0);
    assert_int_equal(mayfly_weak_get_state(weak), MAYFLY_LIVE);

    mayfly_context_unref(c); /* the pin has one more */
    assert_int_equal(h.destroyed, 0);
    mayfly_pin_free(pin);
    assert_int_equal(h.destroyed, 1);
    assert_int_equal(mayfly_weak_lock(weak, &got, NULL), MAYFLY_EUNLOADED);
    assert_int_equal(mayfly_weak_pin(weak, "w", "f.c", 1, &pin, NULL),
                     MAYFLY_EUNLOADED);
    assert_int_equal(mayfly_weak_get_state(weak), MAYFLY_UNLOADED);
    mayfly_weak_free(weak);
    mayfly_weak_free(NULL);
    fake_host_done(&h);
}

static void test_weak_while_unloading(void **state)
{
    (void)state;
    fake_host h;
    mayfly_weak *weak;
    mayfly_context *got;
    fake_host_init(&h);
    mayfly_context *c = fake_live(&h, 10);
    assert_int_equal(mayfly_weak_new(c, &weak, NULL), 0);
    assert_int_equal(mf_lease_take(c, NULL), 0);
    mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, NULL);
    assert_int_equal(mayfly_weak_get_state(weak), MAYFLY_UNLOADING);
    assert_int_equal(mayfly_weak_lock(weak, &got, NULL), MAYFLY_EUNLOADED);
    mf_lease_drop(c);
    assert_int_equal(mayfly_weak_get_state(weak), MAYFLY_UNLOADED);
    mayfly_context_unref(c);
    mayfly_weak_free(weak);
    fake_host_done(&h);
}

/* --- many threads at once --- */

enum { ROUNDS = 100, UNLOADERS = 4 };

typedef struct crowd {
    fake_host host;
    mayfly_context *context;
    mayfly_weak *weak;
    atomic_int closing, live, gone, bad, start, stop;
    int force; /* the 11th unload of each thread is forced */
} crowd;

static void count(void *state, mayfly_context *c,
                  enum mayfly_context_event event)
{
    crowd *w = state;
    (void)c;
    if (event == MAYFLY_ON_UNLOADING)
        atomic_fetch_add(&w->closing, 1);
    else if (event == MAYFLY_ON_LIVE_AGAIN)
        atomic_fetch_add(&w->live, 1);
    else
        atomic_fetch_add(&w->gone, 1);
    /* one is told to the end before the next begins */
    int open = atomic_load(&w->closing) - atomic_load(&w->live) -
               atomic_load(&w->gone);
    if (open != (event == MAYFLY_ON_UNLOADING))
        atomic_fetch_add(&w->bad, 1);
}

static void ignore(void *state, mayfly_context *c,
                   enum mayfly_context_event event)
{
    (void)state;
    (void)c;
    (void)event;
}

static void *unload_some(void *arg)
{
    crowd *w = arg;
    while (!atomic_load(&w->start))
        sched_yield();
    for (int i = 0; i < 20; i++)
        mayfly_unload(w->context,
                      MAYFLY_UNLOAD_OPTIONS(.wait_ms = (unsigned)i % 2,
                                            .force = w->force && i == 10),
                      NULL, NULL);
    return NULL;
}

static void *take_some(void *arg)
{
    crowd *w = arg;
    while (!atomic_load(&w->start))
        sched_yield();
    while (!atomic_load(&w->stop)) {
        mayfly_context *c;
        uint64_t id;
        if (mayfly_weak_lock(w->weak, &c, NULL) != 0) {
            if (mayfly_weak_get_state(w->weak) == MAYFLY_UNLOADED)
                break;
            sched_yield();
            continue;
        }
        if (mf_lease_take(c, NULL) == 0) {
            if (((fake_unit *)mf_context_unit(c))->alive != FAKE_ALIVE)
                atomic_fetch_add(&w->bad, 1);
            sched_yield();
            mayfly_context_unref(c); /* the lease keeps it */
            mf_lease_drop(c);
            continue;
        }
        if (mayfly_context_listen(c, "short", ignore, w, &id, NULL) == 0)
            atomic_fetch_add(&w->bad,
                             mayfly_context_unlisten(c, id, NULL) != 0);
        mayfly_context_unref(c);
    }
    return NULL;
}

/* Whatever happens at once: as many ends as beginnings, one *unloaded*. */
static void test_each_once(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        crowd w = {.force = i % 3 == 0};
        uint64_t id;
        pthread_t threads[UNLOADERS], taker;
        fake_host_init(&w.host);
        w.context = fake_live(&w.host, 10);
        assert_int_equal(mayfly_weak_new(w.context, &w.weak, NULL), 0);
        assert_int_equal(
            mayfly_context_listen(w.context, "count", count, &w, &id, NULL), 0);
        for (int k = 0; k < UNLOADERS; k++)
            assert_int_equal(pthread_create(&threads[k], NULL, unload_some, &w),
                             0);
        assert_int_equal(pthread_create(&taker, NULL, take_some, &w), 0);
        atomic_store(&w.start, 1);
        for (int k = 0; k < UNLOADERS; k++)
            pthread_join(threads[k], NULL);
        mayfly_context_unref(w.context); /* while the taker goes on */
        atomic_store(&w.stop, i % 2);
        pthread_join(taker, NULL);
        assert_int_equal(w.bad, 0);
        assert_int_equal(w.gone, 1);
        assert_int_equal(w.closing, w.live + w.gone);
        mayfly_weak_free(w.weak);
        assert_int_equal(w.host.destroyed, 1);
        fake_host_done(&w.host);
    }
}

typedef struct slow {
    mayfly_context *context;
    uint64_t id;
    atomic_int inside, leave, off;
} slow;

static void slow_fn(void *state, mayfly_context *c,
                    enum mayfly_context_event event)
{
    slow *s = state;
    (void)c;
    if (event != MAYFLY_ON_UNLOADING)
        return;
    atomic_store(&s->inside, 1);
    while (!atomic_load(&s->leave))
        sched_yield();
    assert_int_equal(atomic_load(&s->off), 0);
}

static void *take_off(void *arg)
{
    slow *s = arg;
    while (!atomic_load(&s->inside))
        sched_yield();
    atomic_store(&s->leave, 1);
    assert_int_equal(mayfly_context_unlisten(s->context, s->id, NULL), 0);
    atomic_store(&s->off, 1);
    return NULL;
}

/* Taking a listener off waits for it where it runs. */
static void test_off_waits(void **state)
{
    (void)state;
    fake_host h;
    slow s = {0};
    pthread_t other;
    fake_host_init(&h);
    s.context = fake_live(&h, 10);
    assert_int_equal(
        mayfly_context_listen(s.context, "slow", slow_fn, &s, &s.id, NULL), 0);
    assert_int_equal(pthread_create(&other, NULL, take_off, &s), 0);
    assert_int_equal(mayfly_unload(s.context, NULL, NULL, NULL), 0);
    pthread_join(other, NULL);
    mayfly_context_unref(s.context);
    fake_host_done(&h);
}

/* --- lack of memory --- */

static int register_all(const mayfly_allocator *table, void *state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    fake_host h = {0};
    mayfly_context *c = NULL;
    mayfly_weak *weak = NULL;
    mayfly_pin *pin = NULL;
    uint64_t id = 0;
    (void)state;
    mf_alloc_init(&h.alloc, table);
    h.registry = mf_registry_new(&h.alloc);
    mf_counts *counts = mf_counts_new(&h.alloc, NULL);
    mf_context_options o = {.alloc = &h.alloc,
                            .name = "greeter",
                            .registry = h.registry,
                            .counts = counts,
                            .host = &h,
                            .ref_host = fake_ref,
                            .unref_host = fake_unref,
                            .fork_generation = mf_fork_generation()};
    mf_load_report report = {0};
    int code =
        h.registry && counts ? mf_context_new(&o, &c, &err) : MAYFLY_ENOMEM;
    if (code == 0) {
        mf_payload p = fake_payload(fake_unit_new(&h, 8));
        mf_context_publish(c, &p, &report);
        code = mayfly_context_listen(c, "me", ignore, NULL, &id, &err);
    }
    if (code == 0)
        code = mayfly_weak_new(c, &weak, &err);
    if (code == 0)
        code = mayfly_weak_pin(weak, "me", "f.c", 1, &pin, &err);
    mayfly_pin_free(pin);
    mayfly_weak_free(weak);
    mayfly_context_unref(c);
    assert_int_equal(atomic_load(&h.refs), 0);
    mf_counts_free(counts);
    mf_registry_free(h.registry);
    return code;
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_true(fault_each(register_all, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_live_again),
        cmocka_unit_test(test_listener_makes_room),
        cmocka_unit_test(test_told_by_the_last_lease),
        cmocka_unit_test(test_handle_goes_in_a_callback),
        cmocka_unit_test(test_weak),
        cmocka_unit_test(test_weak_while_unloading),
        cmocka_unit_test(test_each_once),
        cmocka_unit_test(test_off_waits),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
