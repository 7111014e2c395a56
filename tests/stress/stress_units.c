/*
 * Units from many threads at once: called through proxies, by JSON and from
 * callbacks on loops; swapped, rolled back, dropped, evicted, pinned, loaded
 * and removed, while proxies come and go and budgets change; and the host freed
 * under all of it. Calls on a unit that is there never fail, and each answer is
 * made by one version: its text and its number tell the same one.
 */
#include "tests/api/numbered.h"
#include "tests/api/units.h"

enum {
    UNITS = 3,
    WORDS = 6,  /* contents of a unit */
    FLYING = 4, /* calls that are started when others have ended */
    THREADS_MAX = 16,
    DEFAULT_MS = 2000
};

typedef struct stress {
    mayfly_host *host;
    hello_pair pairs[UNITS]; /* a server for each unit, and a channel to it */
    mayfly_unit *units[UNITS];
    hello_Greeter *greeters[UNITS];
    pthread_t threads[THREADS_MAX];
    int n_threads;
    atomic_uint seeds;
    atomic_int stopped;
    atomic_int ending; /* the host is being freed: everything may fail */
    atomic_int flying;
    atomic_ulong calls, changes;
    atomic_int has_failed;
    char what[MAYFLY_ERROR_MESSAGE_MAX + 100]; /* the first failure */
} stress;

static void failed(stress *s, const char *where, int code,
                   const mayfly_error *err)
{
    int none = 0;
    if (!atomic_load(&s->ending) &&
        atomic_compare_exchange_strong(&s->has_failed, &none, 1))
        snprintf(s->what, sizeof s->what, "%s: %s: %s", where,
                 mayfly_error_name(code), err ? err->message : "");
}

static int goes_on(stress *s)
{
    return !atomic_load(&s->stopped) && !atomic_load(&s->has_failed);
}

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static unsigned seed_of(stress *s)
{
    return atomic_fetch_add(&s->seeds, 7919) + 1;
}

/* --- calls --- */

static const hello_Request request = {.name = MAYFLY_STR("ada"), .number = 3};

static mayfly_call *new_call(stress *s)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_call *call = NULL;
    int code = mayfly_call_new(
        s->host, MAYFLY_CALL_OPTIONS(.timeout_ms = 120000), &call, &err);
    if (code != 0)
        failed(s, "a call", code, &err);
    return call;
}

static void call_by(stress *s, hello_Greeter *greeter, int unit)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    hello_Reply *reply = NULL;
    mayfly_call *call = new_call(s);
    if (!call)
        return;
    int code = hello_Greeter_SayHello(greeter, call, &request, &reply, &err);
    if (code != 0)
        failed(s, "a typed call", code, &err);
    else if (!numbered_is_one(unit, reply))
        failed(s, "a typed answer is of two versions", 0, NULL);
    mayfly_call_free(call);
    atomic_fetch_add(&s->calls, 1);
}

static void *call_typed(void *state)
{
    stress *s = state;
    unsigned seed = seed_of(s);
    while (goes_on(s)) {
        int unit = (int)(next(&seed) % UNITS);
        call_by(s, s->greeters[unit], unit);
    }
    return NULL;
}

/* Proxies that live for some calls. */
static void *call_by_own(void *state)
{
    stress *s = state;
    unsigned seed = seed_of(s);
    while (goes_on(s)) {
        int unit = (int)(next(&seed) % UNITS);
        mayfly_error err = MAYFLY_ERROR_INIT;
        hello_Greeter *own = NULL;
        int code = hello_Greeter_follow(s->units[unit], s->pairs[unit].channel,
                                        &own, &err);
        if (code != 0) {
            failed(s, "a proxy", code, &err);
            break;
        }
        for (int i = 0; i < 5 && goes_on(s); i++)
            call_by(s, own, unit);
        hello_Greeter_free(own);
    }
    return NULL;
}

static void *call_json(void *state)
{
    stress *s = state;
    unsigned seed = seed_of(s);
    while (goes_on(s)) {
        int unit = (int)(next(&seed) % UNITS);
        mayfly_error err = MAYFLY_ERROR_INIT;
        mayfly_str reply = {NULL, 0};
        mayfly_call *call = new_call(s);
        if (!call)
            break;
        int code = mayfly_unit_call_json(
            s->units[unit], s->pairs[unit].channel, "hello.Greeter/SayHello",
            call, mayfly_str_of("{\"name\":\"ada\"}"), &reply, &err);
        char text[200], expected[64];
        long number = -1;
        snprintf(text, sizeof text, "%.*s", (int)reply.len, reply.ptr);
        const char *at = code == 0 ? strstr(text, "\"number\":\"") : NULL;
        if (at) /* 0 is not written */
            number = strtol(at + 10, NULL, 10);
        snprintf(expected, sizeof expected, "\"message\":\"u%d/%ld\"", unit,
                 at ? number : 0);
        if (code != 0)
            failed(s, "a call by JSON", code, &err);
        else if (!strstr(text, expected))
            failed(s, text, 0, NULL);
        mayfly_call_free(call);
        atomic_fetch_add(&s->calls, 1);
    }
    return NULL;
}

/* Servers that follow a unit for one call. */
static void *serve_for_a_call(void *state)
{
    stress *s = state;
    unsigned seed = seed_of(s);
    while (goes_on(s)) {
        int unit = (int)(next(&seed) % UNITS);
        mayfly_error err = MAYFLY_ERROR_INIT;
        hello_pair p = {NULL, NULL};
        hello_Greeter *own = NULL;
        char target[64];
        int port = 0;
        int code = mayfly_server_new(s->host, NULL, &p.server, &err);
        if (code == 0)
            code = mayfly_unit_serve_source(s->units[unit], p.server, NULL,
                                            NULL, &err);
        if (code == 0)
            code = mayfly_server_listen(p.server, "127.0.0.1:0", &port, &err);
        snprintf(target, sizeof target, "127.0.0.1:%d", port);
        if (code == 0)
            code = mayfly_dial(s->host, target, NULL, &p.channel, &err);
        if (code == 0)
            code = hello_Greeter_follow(s->units[unit], p.channel, &own, &err);
        if (code == 0)
            call_by(s, own, unit);
        else
            failed(s, "a server", code, &err);
        hello_Greeter_free(own);
        mayfly_channel_unref(p.channel);
        mayfly_server_free(p.server, 0);
    }
    return NULL;
}

/* --- calls that loops start --- */

typedef struct flight {
    stress *s;
    int unit;
} flight;

static void fly(flight *f);

static void landed(void *state, mayfly_call *call, int code, void *reply)
{
    flight *f = state;
    if (code != 0)
        failed(f->s, "a call that a loop has started", code, NULL);
    else if (!numbered_is_one(f->unit, reply))
        failed(f->s, "a started answer is of two versions", 0, NULL);
    mayfly_call_free(call);
    atomic_fetch_add(&f->s->calls, 1);
    f->unit = (f->unit + 1) % UNITS;
    fly(f);
}

static void fly(flight *f)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_call *call = goes_on(f->s) ? new_call(f->s) : NULL;
    int code = MAYFLY_ECANCELLED;
    if (call) {
        code = hello_Greeter_SayHello_start(f->s->greeters[f->unit], call,
                                            &request, landed, f, &err);
        if (code != 0) {
            failed(f->s, "starting a call", code, &err);
            mayfly_call_free(call);
        }
    }
    if (code != 0)
        atomic_fetch_sub(&f->s->flying, 1);
}

/* --- changes --- */

static int is_one_of(int code, const int *codes)
{
    while (*codes && *codes != code)
        codes++;
    return *codes == code;
}

/* 0 and the given codes are good. */
static void changed(stress *s, const char *what, int code,
                    const mayfly_error *err, const int *good)
{
    if (!is_one_of(code, good))
        failed(s, what, code, err);
    atomic_fetch_add(&s->changes, 1);
}

static void swap_one(stress *s, int unit, unsigned word, unsigned how)
{
    static const int good[] = {0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_swap swap = {0};
    numbered t;
    int code =
        mayfly_unit_swap(s->units[unit], numbered_recipe(&t, unit, word),
                         MAYFLY_SWAP_OPTIONS(.keep = (how & 1) != 0,
                                             .wait_ms = how & 2 ? 20 : 0),
                         &swap, &err);
    changed(s, "a swap", code, &err, good);
    mayfly_receipt_free(swap.receipt);
}

static void *swap_versions(void *state)
{
    static const int no_such[] = {MAYFLY_ENOTFOUND, MAYFLY_EBUSY, 0};
    stress *s = state;
    unsigned seed = seed_of(s);
    while (goes_on(s)) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        int unit = (int)(next(&seed) % UNITS);
        uint64_t current = mayfly_unit_version(s->units[unit]);
        uint64_t other = current > 6 ? current - next(&seed) % 6 : 1;
        switch (next(&seed) % 4) {
        case 0:
            changed(s, "a roll back",
                    mayfly_unit_use(s->units[unit], other,
                                    MAYFLY_SWAP_OPTIONS(.keep = 1), NULL, &err),
                    &err, no_such);
            break;
        case 1:
            changed(s, "a drop", mayfly_unit_drop(s->units[unit], other, &err),
                    &err, no_such);
            break;
        default:
            swap_one(s, unit, next(&seed) % WORDS, next(&seed));
        }
    }
    return NULL;
}

static void count_version(void *state, const mayfly_version_info *info)
{
    *(size_t *)state += info->leases + info->bytes;
}

/* A version's context, held or unloaded from outside. */
static void use_context(stress *s, int unit, unsigned how)
{
    static const int held[] = {MAYFLY_EBUSY, MAYFLY_EUNLOADED, 0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_context *context = NULL;
    mayfly_pin *pin = NULL;
    int code = mayfly_unit_context(s->units[unit], 0, 0, &context, &err);
    if (code != 0) {
        failed(s, "a unit's context", code, &err);
        return;
    }
    if (how & 1) {
        changed(s, "a pin", mayfly_pin_take(context, "stress", &pin, &err),
                &err, held);
        usleep(500);
        mayfly_pin_free(pin);
    } else {
        changed(s, "an unload",
                mayfly_unload(context,
                              MAYFLY_UNLOAD_OPTIONS(.wait_ms = how & 2 ? 5 : 0),
                              NULL, &err),
                &err, held);
    }
    mayfly_context_unref(context);
}

static void *change_room(void *state)
{
    static const int held[] = {MAYFLY_EBUSY, MAYFLY_ENOTFOUND, 0};
    static const int good[] = {0};
    stress *s = state;
    unsigned seed = seed_of(s);
    while (goes_on(s)) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        int unit = (int)(next(&seed) % UNITS);
        size_t sum = 0;
        switch (next(&seed) % 6) {
        case 0:
            changed(s, "an eviction",
                    mayfly_unit_evict(s->units[unit], 0, &err), &err, held);
            break;
        case 1:
            changed(s, "a budget",
                    mayfly_cache_set_budget(
                        s->host,
                        MAYFLY_CACHE_BUDGET(.loaded = next(&seed) % 4,
                                            .idle_ms = next(&seed) % 2 * 10,
                                            .receipts = 1 + next(&seed) % 9),
                        &err),
                    &err, good);
            break;
        case 2:
            mayfly_unit_set_pinned(s->units[unit], next(&seed) % 2 != 0);
            break;
        case 3:
            mayfly_cache_each(s->host, NULL, count_version, &sum, NULL);
            break;
        default:
            use_context(s, unit, next(&seed));
        }
    }
    return NULL;
}

/* Units that are loaded, called through and removed. */
static void *load_others(void *state)
{
    static const int held[] = {MAYFLY_EBUSY, MAYFLY_EUNLOADED, 0};
    static const int good[] = {0};
    stress *s = state;
    unsigned seed = seed_of(s);
    while (goes_on(s)) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        char name[16];
        numbered t;
        mayfly_unit *unit = NULL;
        hello_Greeter *own = NULL;
        snprintf(name, sizeof name, "other%u", next(&seed) % 2);
        numbered_recipe(&t, 0, next(&seed) % WORDS);
        t.load.n_handlers = next(&seed) % 2; /* or shared by both */
        int code =
            mayfly_unit_load(s->host, name, &t.recipe, &unit, NULL, &err);
        changed(s, "a load", code, &err, good);
        if (code != 0)
            break;
        code = hello_Greeter_follow(unit, s->pairs[0].channel, &own, &err);
        changed(s, "a proxy of another unit", code, &err, held);
        if (own) { /* the other thread may remove the unit */
            mayfly_call *call = new_call(s);
            hello_Reply *reply = NULL;
            if (call)
                changed(
                    s, "a call by another unit",
                    hello_Greeter_SayHello(own, call, &request, &reply, &err),
                    &err, held);
            mayfly_call_free(call);
        }
        changed(s, "a removal",
                mayfly_unit_remove(unit, next(&seed) % 2 * 10, &err), &err,
                held);
        hello_Greeter_free(own);
        mayfly_unit_unref(unit);
    }
    return NULL;
}

/* --- all at once --- */

static void start(stress *s, void *(*run)(void *state))
{
    assert_int_equal(pthread_create(&s->threads[s->n_threads++], NULL, run, s),
                     0);
}

static void begin_all(stress *s, flight flights[FLYING])
{
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.loops = 2), &s->host, &err));
    for (int i = 0; i < UNITS; i++) {
        numbered t;
        char name[16];
        snprintf(name, sizeof name, "u%d", i);
        s->pairs[i] = hello_connect(s->host);
        must(mayfly_unit_load(s->host, name, numbered_recipe(&t, i, 0),
                              &s->units[i], NULL, &err));
        must(mayfly_unit_serve_source(s->units[i], s->pairs[i].server, NULL,
                                      NULL, &err));
        must(hello_Greeter_follow(s->units[i], s->pairs[i].channel,
                                  &s->greeters[i], &err));
    }
    atomic_store(&s->flying, FLYING);
    for (int i = 0; i < FLYING; i++) {
        flights[i] = (flight){s, i % UNITS};
        fly(&flights[i]);
    }
    static void *(*const runs[])(void *) = {
        call_typed,    call_typed,  call_by_own, call_json,   swap_versions,
        swap_versions, change_room, load_others, load_others, serve_for_a_call};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
        start(s, runs[i]);
    const char *text = getenv("STRESS_MS");
    int ms = text ? atoi(text) : DEFAULT_MS;
    for (int i = 0; i < ms && goes_on(s); i++)
        usleep(1000);
}

static void join_all(stress *s)
{
    atomic_store(&s->stopped, 1);
    for (int i = 0; i < s->n_threads; i++)
        pthread_join(s->threads[i], NULL);
    while (atomic_load(&s->flying) > 0)
        usleep(1000);
    if (atomic_load(&s->has_failed))
        fail_msg("%s", s->what);
    print_message("%lu calls, %lu changes\n", atomic_load(&s->calls),
                  atomic_load(&s->changes));
    assert_true(atomic_load(&s->calls) > 0 && atomic_load(&s->changes) > 0);
}

static void no_call_fails(void **state)
{
    (void)state;
    static stress s;
    flight flights[FLYING];
    begin_all(&s, flights);
    join_all(&s);
    must(
        mayfly_cache_set_budget(s.host, MAYFLY_CACHE_BUDGET(.bytes = 0), &err));
    for (int i = 0; i < UNITS; i++) {
        call_by(&s, s.greeters[i], i);
        must(mayfly_unit_remove(s.units[i], 30000, &err));
        hello_Greeter_free(s.greeters[i]);
    }
    if (atomic_load(&s.has_failed))
        fail_msg("%s", s.what);
    assert_int_equal(stats_of(s.host).units, 0);
    assert_int_equal(stats_of(s.host).versions, 0);
    assert_int_equal(stats_of(s.host).loaded, 0);
    assert_int_equal(stats_of(s.host).bytes, 0);
    assert_int_equal(stats_of(s.host).recipe_bytes, 0);
    for (int i = 0; i < UNITS; i++) {
        mayfly_unit_unref(s.units[i]);
        hello_close(&s.pairs[i]);
    }
    mayfly_host_free(s.host);
}

/* What is held of a host outlives it. */
static void the_host_goes_under_all_of_it(void **state)
{
    (void)state;
    static stress s;
    flight flights[FLYING];
    begin_all(&s, flights);
    atomic_store(&s.ending, 1);
    mayfly_host_free(s.host);
    join_all(&s);
    for (int i = 0; i < UNITS; i++) {
        hello_Greeter_free(s.greeters[i]);
        mayfly_unit_unref(s.units[i]);
        hello_close(&s.pairs[i]);
    }
}

/* --- what versions hand over --- */

static atomic_uint first_loads; /* versions that found no state */

static void note_load(int has_state)
{
    if (!has_state)
        atomic_fetch_add(&first_loads, 1);
}

static int swap_with_state(mayfly_host *host, mayfly_unit **unit, int number,
                           mayfly_error *err)
{
    static const mayfly_symbol symbols[] = {MAYFLY_SYMBOL(note_load)};
    const mayfly_source text = {"hello.proto", HELLO_V1, 0};
    char handlers[1000];
    snprintf(handlers, sizeof handlers,
             "#include <mayfly/handlers.h>\n"
             "void note_load(int has_state);\n"
             "static const int number = %d;\n"
             "int mayfly_on_load(const mayfly_handover *from, void **ret,\n"
             "    mayfly_error *err)\n"
             "{ note_load(from->state != 0);\n"
             "  *ret = (void *)16; return 0; }\n",
             number);
    const mayfly_source source = {"handlers.c", handlers, 0};
    const mayfly_recipe *recipe =
        MAYFLY_RECIPE(.schema = &text,
                      .load = MAYFLY_LOAD_OPTIONS(.handlers = &source,
                                                  .n_handlers = 1,
                                                  .symbols = symbols,
                                                  .n_symbols = 1));
    return *unit ? mayfly_unit_swap(*unit, recipe, NULL, NULL, err)
                 : mayfly_unit_load(host, "state", recipe, unit, NULL, err);
}

/* Asks for what is refused in the end, for it is pinned. Until then nobody can
 * lease the version. */
static void *ask_to_unload(void *state)
{
    static const int held[] = {MAYFLY_EBUSY, 0};
    stress *s = state;
    while (goes_on(s)) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        mayfly_context *context = NULL;
        mayfly_pin *pin = NULL;
        uint64_t version = mayfly_unit_version(s->units[0]);
        int code = mayfly_unit_context(s->units[0], version, 0, &context, &err);
        if (code == 0 && mayfly_pin_take(context, "stress", &pin, NULL) == 0)
            changed(s, "an unload",
                    mayfly_unload(context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 3),
                                  NULL, &err),
                    &err, held);
        else if (code != 0 && code != MAYFLY_ENOTFOUND)
            failed(s, "a unit's context", code, &err);
        mayfly_pin_free(pin);
        mayfly_context_unref(context);
        usleep(1000);
    }
    return NULL;
}

static void a_state_is_not_lost(void **state)
{
    (void)state;
    static stress s;
    s.host = hello_host();
    must(swap_with_state(s.host, &s.units[0], 0, &err));
    for (int i = 0; i < 2; i++)
        start(&s, ask_to_unload);
    for (int i = 1; i <= 100 && goes_on(&s); i++) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        int code = swap_with_state(s.host, &s.units[0], i, &err);
        if (code != 0)
            failed(&s, "a swap", code, &err);
    }
    atomic_store(&s.stopped, 1);
    for (int i = 0; i < s.n_threads; i++)
        pthread_join(s.threads[i], NULL);
    if (atomic_load(&s.has_failed))
        fail_msg("%s", s.what);
    assert_int_equal(atomic_load(&first_loads), 1);
    mayfly_unit_unref(s.units[0]);
    mayfly_host_free(s.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_call_fails),
        cmocka_unit_test(a_state_is_not_lost),
        cmocka_unit_test(the_host_goes_under_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
