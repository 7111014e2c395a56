/*
 * Calls that are started on a loop, which must not wait, by a proxy whose
 * version has to be built first: the request is copied, and the rest is done
 * elsewhere.
 */
#include "later.mf.h"
#include "units.h"

#include <semaphore.h>

typedef struct later {
    mayfly_host *host;
    hello_pair pair;
    mayfly_unit *unit;
    later_Later *proxy;
    mayfly_bytes expected; /* what the server should get */
    mayfly_arena *arena;   /* with the request, which points into ... */
    uint8_t *bytes;        /* ... these */
    later_Everything *request;
    mayfly_call *call;
    sem_t ended;
    int started, code, status;      /* of the call */
    int echoed;                     /* what came back is what was sent */
    void (*after)(struct later *l); /* on the loop, after the start */
    size_t arena_bytes_max;         /* of the call */
} later;

static int answer(void *state, mayfly_call *call, mayfly_bytes in)
{
    later *l = state;
    int same = in.len == l->expected.len &&
               memcmp(in.ptr, l->expected.ptr, in.len) == 0;
    return same ? mayfly_call_reply(call, in, NULL)
                : MAYFLY_STATUS_INVALID_ARGUMENT;
}

static int go(void *state, mayfly_call *call, mayfly_bytes in)
{
    (void)state;
    return mayfly_call_reply(call, in, NULL);
}

static void done(void *state, mayfly_call *call, int code, void *reply)
{
    later *l = state;
    const later_Everything *r = reply;
    l->code = code;
    l->status = mayfly_call_status(call);
    l->echoed = r && r->many.n == 2 && is_text(r->many.items[1].text, "two");
    sem_post(&l->ended);
}

/* On the loop. What the request was made of is gone when this returns. */
static void start(void *state, mayfly_call *call, int code, mayfly_bytes reply)
{
    later *l = state;
    (void)reply;
    mayfly_call_free(call);
    l->started = code != 0 ? code
                           : later_Later_Echo_start(l->proxy, l->call,
                                                    l->request, done, l, NULL);
    memset(l->bytes, 'x', l->expected.len);
    mayfly_arena_free(l->arena);
    if (l->after)
        l->after(l);
    if (l->started != 0)
        sem_post(&l->ended);
}

/* A message in which everything is set. */
static void fill(later *l)
{
    hello_Place oslo = {.city = MAYFLY_STR("Oslo")};
    hello_Place_set_code(&oslo, 47);
    later_Everything deep = {.text = MAYFLY_STR("deep"),
                             .word = MAYFLY_STR("chosen"),
                             .choice_case = later_Everything_case_word};
    later_Everything two[] = {{.text = MAYFLY_STR("one"), .inner = &deep},
                              {.text = MAYFLY_STR("two")}};
    hello_Place places[] = {oslo, {.city = MAYFLY_STR("Rome")}};
    later_Everything_CountsEntry counts[] = {
        {.key = MAYFLY_STR("a"), .value = 1}, {.key = MAYFLY_STR("b")}};
    later_Everything_ByNumberEntry by_number[] = {{.key = 7, .value = &oslo}};
    later_Everything m = {
        .text = MAYFLY_STR("text"),
        .raw = {(const uint8_t *)"raw", 3},
        .color = later_Color_RED,
        .inner = &deep,
        .place = &oslo,
        .texts = MAYFLY_ITEMS(mayfly_str, MAYFLY_STR("x"), MAYFLY_STR("")),
        .raws = MAYFLY_ITEMS(mayfly_bytes, {(const uint8_t *)"y", 1}),
        .numbers = MAYFLY_ITEMS(double, 1.5, -2),
        .places = {places, 2, 0},
        .many = {two, 2, 0},
        .counts = {counts, 2, 0},
        .by_number = {by_number, 1, 0},
        .spot = &oslo,
        .choice_case = later_Everything_case_spot,
        .mayfly_unknown_fields = {(const uint8_t *)"\xf8\x07\x05", 3}};
    mayfly_context *context;
    mayfly_arena *arena;
    later_Everything_set_maybe(&m, mayfly_str_of("maybe"));
    later_Everything_set_number(&m, 0);
    must(mayfly_unit_context(l->unit, 0, 0, &context, &err));
    must(mayfly_arena_new(l->host, 0, &arena, &err));
    must(later_Everything_encode(context, &m, arena, &l->expected, &err));
    uint8_t *copy = malloc(l->expected.len);
    assert_non_null(copy);
    memcpy(copy, l->expected.ptr, l->expected.len);
    l->expected.ptr = copy;
    l->bytes = malloc(l->expected.len);
    assert_non_null(l->bytes);
    memcpy(l->bytes, copy, l->expected.len);
    must(mayfly_arena_new(l->host, 0, &l->arena, &err));
    must(later_Everything_decode(context,
                                 (mayfly_bytes){l->bytes, l->expected.len},
                                 l->arena, &l->request, &err));
    mayfly_arena_free(arena);
    mayfly_context_unref(context);
}

static void begin_later(later *l, const mayfly_load_options *options)
{
    l->host = hello_host();
    l->pair = hello_connect(l->host);
    sem_init(&l->ended, 0, 0);
    must(mayfly_server_add_raw(l->pair.server, "/later.Later/Echo", answer, l,
                               NULL, &err));
    must(mayfly_server_add_raw(l->pair.server, "/later.Later/Go", go, NULL,
                               NULL, &err));
    must(mayfly_unit_load(
        l->host, "later",
        MAYFLY_RECIPE(.path = "tests/api/later.proto", .load = options),
        &l->unit, NULL, &err));
    must(later_Later_follow(l->unit, l->pair.channel, &l->proxy, &err));
    fill(l);
    must(mayfly_unit_evict(l->unit, 0, &err));
}

/* Starts the call on a loop, with the time it has, and waits for its end. */
static void run(later *l, unsigned timeout_ms)
{
    mayfly_call *first = hello_call(l->host);
    must(mayfly_call_new(
        l->host,
        MAYFLY_CALL_OPTIONS(.timeout_ms = timeout_ms,
                            .arena_bytes_max = l->arena_bytes_max),
        &l->call, &err));
    must(mayfly_channel_start(l->pair.channel, "/later.Later/Go", first,
                              (mayfly_bytes){(const uint8_t *)"", 0}, start, l,
                              &err));
    while (sem_wait(&l->ended) != 0)
        ;
}

static void end_later(later *l)
{
    mayfly_call_free(l->call);
    later_Later_free(l->proxy);
    mayfly_unit_unref(l->unit);
    hello_close(&l->pair);
    mayfly_host_free(l->host);
    free((void *)(uintptr_t)l->expected.ptr);
    free(l->bytes);
    sem_destroy(&l->ended);
}

static void a_loop_starts_a_cold_call(void **state)
{
    (void)state;
    later l = {0};
    begin_later(&l, NULL);
    uint64_t builds = stats_of(l.host).builds;
    run(&l, 30000);
    assert_int_equal(l.started, 0);
    assert_int_equal(l.code, 0);
    assert_int_equal(l.status, MAYFLY_STATUS_OK);
    assert_true(l.echoed);
    assert_int_equal(stats_of(l.host).builds, builds + 1);
    end_later(&l);
}

/* --- builds that take long, and longer than anybody waits --- */

static atomic_int is_held;

static int hold_up(void)
{
    while (atomic_load(&is_held))
        usleep(1000);
    return 0;
}

static const mayfly_symbol symbols[] = {MAYFLY_SYMBOL(hold_up)};
static const mayfly_source slow = {
    "slow.c",
    "int hold_up(void);\n"
    "static int x;\n"
    "__attribute__((constructor)) static void begin(void) { x = hold_up(); }\n",
    0};

static void begin_slow(later *l)
{
    begin_later(l, MAYFLY_LOAD_OPTIONS(.handlers = &slow, .n_handlers = 1,
                                       .symbols = symbols, .n_symbols = 1));
    atomic_store(&is_held, 1);
}

static void *build(void *unit)
{
    mayfly_context *context = NULL;
    mayfly_unit_context(unit, 0, 0, &context, NULL);
    mayfly_context_unref(context);
    return NULL;
}

static void cancel_and_let_go(later *l)
{
    mayfly_call_cancel(l->call);
    atomic_store(&is_held, 0);
}

static void its_time_runs_while_it_waits(void **state)
{
    (void)state;
    later l = {0};
    pthread_t builder;
    mayfly_context *context = NULL;
    begin_slow(&l);
    assert_int_equal(pthread_create(&builder, NULL, build, l.unit), 0);
    while (stats_of(l.host).misses < 2)
        usleep(1000);
    run(&l, 50); /* another thread builds, for longer */
    assert_int_equal(l.started, 0);
    assert_int_equal(l.code, MAYFLY_ETIMEDOUT);
    assert_int_equal(l.status, MAYFLY_STATUS_DEADLINE_EXCEEDED);
    assert_non_null(strstr(mayfly_call_message(l.call).ptr, "later@1"));
    atomic_store(&is_held, 0);
    pthread_join(builder, NULL);
    must(mayfly_unit_context(l.unit, 0, 0, &context, &err));
    mayfly_context_unref(context);
    end_later(&l);
}

static void it_can_be_cancelled(void **state)
{
    (void)state;
    later l = {.after = cancel_and_let_go};
    begin_slow(&l);
    run(&l, 30000);
    assert_int_equal(l.started, 0);
    assert_int_equal(l.code, MAYFLY_ESTATUS);
    assert_int_equal(l.status, MAYFLY_STATUS_CANCELLED);
    end_later(&l);
}

/* Nobody is told then. */
static void free_it(later *l)
{
    mayfly_call_free(l->call);
    l->call = NULL;
    atomic_store(&is_held, 0);
    sem_post(&l->ended);
}

static void it_can_be_freed(void **state)
{
    (void)state;
    later l = {.after = free_it, .code = 1};
    begin_slow(&l);
    run(&l, 30000);
    mayfly_context *context;
    must(mayfly_unit_context(l.unit, 0, 0, &context, &err)); /* it is over */
    mayfly_context_unref(context);
    must(mayfly_unit_remove(l.unit, 30000, &err)); /* and holds nothing */
    assert_int_equal(l.code, 1);
    end_later(&l);
}

/* --- what cannot be built --- */

static const char *give_once(void *state, const char *name, size_t *ret_len)
{
    (void)ret_len;
    return strcmp(name, "once.h") == 0 ? *(const char **)state : NULL;
}

static void a_failure_is_told(void **state)
{
    (void)state;
    static const mayfly_source source = {
        "macro.c", "#define ONCE \"once.h\"\n#include ONCE\n", 0};
    const char *text = "static int a;\n";
    later l = {0};
    begin_later(&l, MAYFLY_LOAD_OPTIONS(.handlers = &source, .n_handlers = 1,
                                        .include = give_once,
                                        .include_state = &text));
    text = "#error not twice\n";
    run(&l, 30000);
    assert_int_equal(l.started, 0);
    assert_int_equal(l.code, MAYFLY_ECOMPILE);
    assert_non_null(strstr(mayfly_call_message(l.call).ptr, "not twice"));
    end_later(&l);
}

/* The request is copied into the call's arena. */
static void what_cannot_be_copied(void **state)
{
    (void)state;
    later l = {.arena_bytes_max = 2048};
    begin_later(&l, NULL);
    run(&l, 30000);
    assert_int_equal(l.started, MAYFLY_ELIMIT); /* at once */
    end_later(&l);
}

static void a_unit_that_was_removed(void **state)
{
    (void)state;
    later l = {0};
    begin_later(&l, NULL);
    must(mayfly_unit_remove(l.unit, 30000, &err));
    run(&l, 0);
    assert_int_equal(l.started, MAYFLY_EUNLOADED); /* at once */
    end_later(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_starts_a_cold_call),
        cmocka_unit_test(its_time_runs_while_it_waits),
        cmocka_unit_test(it_can_be_cancelled),
        cmocka_unit_test(it_can_be_freed),
        cmocka_unit_test(a_failure_is_told),
        cmocka_unit_test(what_cannot_be_copied),
        cmocka_unit_test(a_unit_that_was_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
