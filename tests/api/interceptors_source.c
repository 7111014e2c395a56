/*
 * Interceptors in C source of a context: found by name, called under a lease,
 * refused or passed by when the context is gone; and what they may do to the
 * process is kept to their call.
 */
#include "interceptors.h"

static const char source[] =
    "#include <mayfly/mayfly.h>\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "int begun, ended, exits, not_one = 5;\n"
    "static int begin(void *state, void *memory, mayfly_call *call)\n"
    "{\n"
    "    begun++;\n"
    "    if (exits == 1) exit(3);\n"
    "    *(int *)memory = 7;\n"
    "    return mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, \"by\",\n"
    "        mayfly_str_of(state), 0);\n"
    "}\n"
    "static int message(void *state, void *memory, mayfly_call *call,\n"
    "    enum mayfly_direction direction, mayfly_bytes *message)\n"
    "{\n"
    "    if (exits == 2) abort();\n"
    "    if (*(int *)memory != 7)\n"
    "        return mayfly_call_fail(call, MAYFLY_STATUS_DATA_LOSS, 0);\n"
    "    if (direction == MAYFLY_REPLY) {\n"
    "        mayfly_str s = mayfly_arena_printf(mayfly_call_arena(call),\n"
    "            \"%.*s!\", (int)message->len, (const char *)message->ptr);\n"
    "        message->ptr = (const uint8_t *)s.ptr;\n"
    "        message->len = s.len;\n"
    "    }\n"
    "    return 0;\n"
    "}\n"
    "static void end(void *state, void *memory, mayfly_call *call)\n"
    "{\n"
    "    ended++;\n"
    "    if (exits == 3) exit(3);\n"
    "}\n"
    "const mayfly_interceptor audit = { .size = sizeof(mayfly_interceptor),\n"
    "    .memory_bytes = sizeof(int), .begin = begin, .message = message,\n"
    "    .end = end };\n"
    "const mayfly_interceptor empty = { .size = sizeof(mayfly_interceptor) };\n"
    "static char own[] = \"its own state\";\n"
    "int mayfly_on_load(const mayfly_handover *from, void **ret_state,\n"
    "    mayfly_error *err)\n"
    "{\n"
    "    *ret_state = own;\n"
    "    return 0;\n"
    "}\n";

static mayfly_context *load(rig *r)
{
    const mayfly_source file = {"audit.c", source, 0};
    mayfly_context *c = NULL;
    must(mayfly_load_source(r->host, "audit", &file, 1, NULL, &c, &err));
    return c;
}

static int peek(mayfly_context *c, const char *name)
{
    mayfly_pin *pin = NULL;
    void *at = NULL;
    must(mayfly_pin_take(c, "test", &pin, &err));
    must(mayfly_pin_symbol(pin, name, &at, &err));
    int value = *(int *)at;
    mayfly_pin_free(pin);
    return value;
}

static void poke(mayfly_context *c, const char *name, int value)
{
    mayfly_pin *pin = NULL;
    void *at = NULL;
    must(mayfly_pin_take(c, "test", &pin, &err));
    must(mayfly_pin_symbol(pin, name, &at, &err));
    *(int *)at = value;
    mayfly_pin_free(pin);
}

/* Replies with who was in the metadata. */
static int on_by(void *state, mayfly_call *call, mayfly_bytes in)
{
    mayfly_str by = mayfly_call_find(call, "by");
    (void)state;
    (void)in;
    return mayfly_call_reply(
        call, (mayfly_bytes){(const uint8_t *)by.ptr, by.len}, NULL);
}

static void test_on_both_sides(void **state)
{
    rig *r = *state;
    mayfly_context *c = load(r);
    uint64_t id;
    static char given[] = "given";
    must(
        mayfly_server_add_raw(r->pair.server, "/t.T/By", on_by, r, NULL, &err));
    must(mayfly_channel_intercept_by(r->pair.channel, c, "audit", NULL, &id,
                                     &err));
    for (int i = 0; i < 2; i++) {
        call_once(r, "/t.T/By", "hi", i);
        assert_string_equal(r->reply, "its own state!");
    }
    must(mayfly_channel_unintercept(r->pair.channel, id, &err));
    must(mayfly_server_intercept_by(r->pair.server, c, "audit",
                                    MAYFLY_INTERCEPT_OPTIONS(.state = given),
                                    &id, &err));
    call_once(r, "/t.T/By", "hi", 0);
    assert_string_equal(r->reply, "given!");
    assert_int_equal(peek(c, "begun"), 3);
    assert_int_equal(peek(c, "ended"), 3);
    must(mayfly_unload(c, NULL, NULL, &err));
    mayfly_context_unref(c);
}

static void test_exit_in_a_hook(void **state)
{
    rig *r = *state;
    mayfly_context *c = load(r);
    static char given[] = "x";
    static const char *const wanted[] = {"an interceptor called exit",
                                         "an interceptor called abort"};
    must(mayfly_server_intercept_by(r->pair.server, c, "audit",
                                    MAYFLY_INTERCEPT_OPTIONS(.state = given),
                                    NULL, &err));
    for (int i = 1; i < 3; i++) {
        poke(c, "exits", i);
        call_once(r, i == 1 ? "/t.T/Echo" : "/t.T/EchoWorker", "hi", 0);
        assert_int_equal(r->status, MAYFLY_STATUS_INTERNAL);
        assert_string_equal(r->text, wanted[i - 1]);
        assert_int_equal(peek(c, "ended"), i);
    }
    poke(c, "exits", 3); /* at the end it changes nothing */
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_int_equal(r->code, 0);
    assert_string_equal(r->reply, "hi!");
    assert_int_equal(peek(c, "ended"), 3);
    mayfly_context_unref(c);
}

/* A call that is parked holds the context by its interceptor. */
static void test_unload_waits_and_names(void **state)
{
    rig *r = *state;
    mayfly_context *c = load(r);
    mayfly_why_report *report = NULL;
    must(mayfly_server_intercept_by(r->pair.server, c, "audit", NULL, NULL,
                                    &err));
    mayfly_call *call = hello_call(r->host);
    must(mayfly_channel_start(r->pair.channel, "/t.T/Park", call,
                              bytes_of("hi"), on_told, r, &err));
    mayfly_call *parked = take_parked(r);
    must_fail(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EBUSY,
              "call /t.T/Park from 127.0.0.1");
    must(mayfly_why(c, MAYFLY_WHY_OPTIONS(.skip_memory = 1), &report, &err));
    assert_non_null(strstr(mayfly_why_text(report), "/t.T/Park"));
    mayfly_why_free(report);
    must(mayfly_call_reply(parked, bytes_of("late"), &err));
    sem_wait(&r->told);
    assert_string_equal(r->reply, "late!");
    mayfly_call_free(call);

    /* forced: the call is cancelled, and goes when it is completed */
    call = hello_call(r->host);
    must(mayfly_channel_start(r->pair.channel, "/t.T/Park", call,
                              bytes_of("hi"), on_told, r, &err));
    parked = take_parked(r);
    must_fail(mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.force = 1), NULL, &err),
              MAYFLY_EBUSY, "");
    sem_wait(&r->told);
    assert_int_equal(r->status, MAYFLY_STATUS_CANCELLED);
    mayfly_call_free(call);
    mayfly_call_finish(parked, 2, mayfly_str_of(""), NULL);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADED);
    mayfly_context_unref(c);
}

static void test_refused_when_it_is_gone(void **state)
{
    rig *r = *state;
    mayfly_context *c = load(r), *other = load(r);
    static seer a = {.name = 'a'}, x = {.name = 'x'};
    uint64_t id;
    see_channel(r, &a);
    see_server(r, &x);
    must(mayfly_channel_intercept_by(r->pair.channel, c, "audit", NULL, &id,
                                     &err));
    must(mayfly_server_intercept_by(r->pair.server, other, "audit",
                                    MAYFLY_INTERCEPT_OPTIONS(.optional = 1),
                                    NULL, &err));
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_string_equal(r->reply, "hi!!");
    must(mayfly_unload(c, NULL, NULL, &err));
    must(mayfly_unload(other, NULL, NULL, &err));
    is_logged(r, "a begin\na request hi\nx begin\nx request hi\nhandler hi\n"
                 "x reply hi!\nx end OK\na reply hi!!\na end OK\n");
    for (int i = 0; i < 2; i++) {
        call_once(r, "/t.T/Echo", "hi", i);
        assert_int_equal(r->status, MAYFLY_STATUS_UNAVAILABLE);
        assert_string_equal(r->text, "context \"audit\" is not live");
        is_logged(r, "a begin\na end UNAVAILABLE\n");
    }
    must(mayfly_channel_unintercept(r->pair.channel, id, &err));
    call_once(r, "/t.T/Echo", "hi", 0); /* the other is passed by */
    assert_string_equal(r->reply, "hi");
    mayfly_context_unref(c);
    mayfly_context_unref(other);
}

static void test_what_cannot_be_installed(void **state)
{
    rig *r = *state;
    mayfly_context *c = load(r);
    mayfly_host *host = hello_host();
    mayfly_server *server = NULL;
    must(mayfly_server_new(host, NULL, &server, &err));
    must_fail(
        mayfly_server_intercept_by(r->pair.server, c, "none", NULL, NULL, &err),
        MAYFLY_ENOTFOUND, "defines no \"none\"");
    must_fail(mayfly_server_intercept_by(r->pair.server, c, "not_one", NULL,
                                         NULL, &err),
              MAYFLY_EINVAL, "\"not_one\" is no interceptor");
    must_fail(mayfly_server_intercept_by(r->pair.server, c, "empty", NULL, NULL,
                                         &err),
              MAYFLY_EINVAL, "\"empty\" is no interceptor that has a hook");
    must_fail(mayfly_server_intercept_by(server, c, "audit", NULL, NULL, &err),
              MAYFLY_EINVAL, "different host");
    must(mayfly_unload(c, NULL, NULL, &err));
    must_fail(mayfly_server_intercept_by(r->pair.server, c, "audit", NULL, NULL,
                                         &err),
              MAYFLY_EUNLOADED, "");
    mayfly_context_unref(c);
    mayfly_server_free(server, 0);
    mayfly_host_free(host);
}

/* Words in the heap that point to the interceptor or to its hooks. */
static size_t heap_words(mayfly_context *c)
{
    mayfly_why_report *report = NULL;
    mayfly_why_holder h;
    size_t n = 0;
    must(mayfly_why(c, PATIENT, &report, &err));
    assert_int_equal(mayfly_why_total(report, MAYFLY_WHY_DEFINITE), 0);
    for (size_t i = 0; mayfly_why_get(report, i, &h) == 0; i++)
        n += h.kind == MAYFLY_WHY_HEAP &&
             (strcmp(h.target, "audit") == 0 || strcmp(h.target, "text") == 0);
    mayfly_why_free(report);
    return n;
}

/* That it is installed, and was called, leaves no word that points into it. */
static void test_nothing_points_into_it(void **state)
{
    if (TEST_ASAN || TEST_TSAN)
        skip(); /* they keep addresses of their own */
    rig *r = *state;
    mayfly_context *c = load(r);
    size_t before = heap_words(c); /* freed blocks keep words of the load */
    must(mayfly_server_intercept_by(r->pair.server, c, "audit", NULL, NULL,
                                    &err));
    must(mayfly_channel_intercept_by(r->pair.channel, c, "audit", NULL, NULL,
                                     &err));
    call_once(r, "/t.T/Echo", "hi", 0);
    call_once(r, "/t.T/Echo", "hi", 1);
    assert_true(heap_words(c) <= before);
    mayfly_context_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_rig(test_on_both_sides),
        on_rig(test_exit_in_a_hook),
        on_rig(test_unload_waits_and_names),
        on_rig(test_refused_when_it_is_gone),
        on_rig(test_what_cannot_be_installed),
        on_rig(test_nothing_points_into_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
