/*
 * Interceptors in the source of a unit: each call takes the version that is
 * current when it begins, ends with that, and waits for one that has to be
 * built.
 */
#include "interceptors.h"

/* Writes its letter behind the reply; `memory` proves that the same version
 * ends the call. */
#define MARKS(letter)                                                          \
    "#include <mayfly/mayfly.h>\n"                                             \
    "int ended;\n"                                                             \
    "static int begin(void *state, void *memory, mayfly_call *call)\n"         \
    "{ *(int *)memory = '" letter "'; return 0; }\n"                           \
    "static int message(void *state, void *memory, mayfly_call *call,\n"       \
    "    enum mayfly_direction direction, mayfly_bytes *m)\n"                  \
    "{\n"                                                                      \
    "    mayfly_str s;\n"                                                      \
    "    if (*(int *)memory != '" letter "') return 15;\n"                     \
    "    if (direction == MAYFLY_REQUEST) return 0;\n"                         \
    "    s = mayfly_arena_printf(mayfly_call_arena(call), \"%.*s" letter       \
    "\",\n"                                                                    \
    "        (int)m->len, (const char *)m->ptr);\n"                            \
    "    m->ptr = (const uint8_t *)s.ptr; m->len = s.len;\n"                   \
    "    return 0;\n"                                                          \
    "}\n"                                                                      \
    "static void end(void *state, void *memory, mayfly_call *call)\n"          \
    "{\n"                                                                      \
    "    ended += *(int *)memory == '" letter "';\n"                           \
    "}\n"                                                                      \
    "const mayfly_interceptor mark = { .size = sizeof mark,\n"                 \
    "    .memory_bytes = sizeof(int), .begin = begin, .message = message,\n"   \
    "    .end = end };\n"

static const char *const sources[] = {MARKS("1"), MARKS("2"),
                                      "int mark_is_gone;\n"};

static int swap_to(mayfly_unit *unit, int version, mayfly_error *err)
{
    const mayfly_source file = {"mark.c", sources[version], 0};
    return mayfly_unit_swap(
        unit,
        MAYFLY_RECIPE(.load = MAYFLY_LOAD_OPTIONS(.handlers = &file,
                                                  .n_handlers = 1)),
        NULL, NULL, err);
}

static mayfly_unit *load(rig *r)
{
    const mayfly_source file = {"mark.c", sources[0], 0};
    mayfly_unit *unit = NULL;
    must(mayfly_unit_load(
        r->host, "mark",
        MAYFLY_RECIPE(.load = MAYFLY_LOAD_OPTIONS(.handlers = &file,
                                                  .n_handlers = 1)),
        &unit, NULL, &err));
    return unit;
}

static void test_the_current_version(void **state)
{
    rig *r = *state;
    mayfly_unit *unit = load(r);
    static seer a = {.name = 'a'}, x = {.name = 'x'};
    uint64_t of_server, of_channel;
    must(mayfly_unit_intercept_server(
        unit, r->pair.server, "mark",
        MAYFLY_INTERCEPT_OPTIONS(.state = &x, .release = seer_release),
        &of_server, &err));
    must(mayfly_unit_intercept_channel(
        unit, r->pair.channel, "mark",
        MAYFLY_INTERCEPT_OPTIONS(.state = &a, .release = seer_release),
        &of_channel, &err));
    for (int version = 0; version < 4; version++) {
        static const char *const wanted[] = {"hi11", "hi22"};
        if (version)
            must(swap_to(unit, version % 2, &err));
        for (int i = 0; i < 2; i++) {
            call_once(r, i ? "/t.T/EchoWorker" : "/t.T/Echo", "hi", i);
            assert_string_equal(r->reply, wanted[version % 2]);
        }
    }
    must_fail(swap_to(unit, 2, &err), MAYFLY_ENOTFOUND, "defines no \"mark\"");
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_string_equal(r->reply, "hi22"); /* as before */

    must(mayfly_server_unintercept(r->pair.server, of_server, &err));
    must(mayfly_channel_unintercept(r->pair.channel, of_channel, &err));
    for (int i = 0; i < 20000 && a.n_released + x.n_released < 2; i++)
        usleep(1000);
    assert_int_equal(a.n_released + x.n_released, 2);
    must(swap_to(unit, 2, &err)); /* nobody minds any more */
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_string_equal(r->reply, "hi");
    mayfly_unit_unref(unit);
}

/* A call under way ends with its own version. */
static void test_a_swap_under_way(void **state)
{
    rig *r = *state;
    mayfly_unit *unit = load(r);
    mayfly_context *first = NULL;
    must(mayfly_unit_context(unit, 0, 0, &first, &err));
    must(mayfly_unit_intercept_server(unit, r->pair.server, "mark", NULL, NULL,
                                      &err));
    mayfly_call *call = hello_call(r->host);
    must(mayfly_channel_start(r->pair.channel, "/t.T/Park", call,
                              bytes_of("hi"), on_told, r, &err));
    mayfly_call *parked = take_parked(r);
    must(swap_to(unit, 1, &err));
    call_once(r, "/t.T/Echo", "new", 0);
    assert_string_equal(r->reply, "new2");
    assert_int_not_equal(mayfly_context_get_state(first), MAYFLY_UNLOADED);
    must(mayfly_call_reply(parked, bytes_of("old"), &err));
    sem_wait(&r->told);
    assert_string_equal(r->reply, "old1");
    mayfly_call_free(call);
    for (int i = 0;
         i < 20000 && mayfly_context_get_state(first) != MAYFLY_UNLOADED; i++)
        usleep(1000);
    assert_int_equal(mayfly_context_get_state(first), MAYFLY_UNLOADED);
    mayfly_context_unref(first);
    mayfly_unit_unref(unit);
}

static void test_optional(void **state)
{
    rig *r = *state;
    mayfly_unit *unit = load(r);
    const mayfly_intercept_options *o = MAYFLY_INTERCEPT_OPTIONS(.optional = 1);
    must(mayfly_unit_intercept_server(unit, r->pair.server, "mark", o, NULL,
                                      &err));
    must(swap_to(unit, 2, &err));
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_string_equal(r->reply, "hi");
    must(swap_to(unit, 1, &err));
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_string_equal(r->reply, "hi2");
    /* what is not there at all is not installed */
    must_fail(mayfly_unit_intercept_server(unit, r->pair.server, "none", o,
                                           NULL, &err),
              MAYFLY_ENOTFOUND, "none");
    must(mayfly_unit_remove(unit, 1000, &err));
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_string_equal(r->reply, "hi");
    mayfly_unit_unref(unit);
}

static void test_removed(void **state)
{
    rig *r = *state;
    mayfly_unit *unit = load(r);
    must(mayfly_unit_intercept_channel(unit, r->pair.channel, "mark", NULL,
                                       NULL, &err));
    must(mayfly_unit_remove(unit, 1000, &err));
    call_once(r, "/t.T/Echo", "hi", 1);
    assert_int_equal(r->status, MAYFLY_STATUS_UNAVAILABLE);
    must_fail(mayfly_unit_intercept_server(unit, r->pair.server, "mark", NULL,
                                           NULL, &err),
              MAYFLY_EUNLOADED, "");
    mayfly_unit_unref(unit);
}

/* Evicted: the call is handled by a worker, which builds it. */
static void test_built_for_the_call(void **state)
{
    rig *r = *state;
    mayfly_unit *unit = load(r);
    must(mayfly_unit_intercept_server(unit, r->pair.server, "mark", NULL, NULL,
                                      &err));
    must(mayfly_unit_intercept_channel(unit, r->pair.channel, "mark", NULL,
                                       NULL, &err));
    for (int i = 0; i < 4; i++) {
        must(mayfly_unit_evict(unit, 0, &err));
        call_once(r, "/t.T/Echo", "hi", i % 2);
        assert_int_equal(r->code, 0);
        assert_string_equal(r->reply, "hi11");
    }
    mayfly_unit_unref(unit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_rig(test_the_current_version),
        on_rig(test_a_swap_under_way),
        on_rig(test_optional),
        on_rig(test_removed),
        on_rig(test_built_for_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
