/* What is registered is counted under its owner's name; too much of it is told,
 * once. */
#include "hello.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct heard {
    atomic_int n;
    char text[512];
} heard;

static void hear(void *state, int level, const char *owner, const char *text)
{
    heard *h = state;
    (void)level;
    if (strcmp(owner, "registrations") != 0)
        return;
    atomic_fetch_add(&h->n, 1);
    snprintf(h->text, sizeof h->text, "%s", text);
}

typedef struct wanted {
    const char *owner, *kind;
    size_t count;
} wanted;

static void find(void *state, const mayfly_registration *r)
{
    wanted *w = state;
    if (strcmp(r->owner, w->owner) == 0 && strcmp(r->kind, w->kind) == 0)
        w->count = r->count;
}

static size_t count_of(mayfly_host *host, const char *owner, const char *kind)
{
    wanted w = {owner, kind, 0};
    must(mayfly_host_each_registration(host, find, &w, &err));
    return w.count;
}

static void ignore(void *state, mayfly_context *context,
                   enum mayfly_context_event event)
{
    (void)state;
    (void)context;
    (void)event;
}

static int raw(void *state, mayfly_call *call, mayfly_bytes request)
{
    (void)state;
    return mayfly_call_reply(call, request, NULL);
}

enum { PINS = 20 };

static void test_counted(void **state)
{
    (void)state;
    static const hello_Greeter_handlers none = {.SayHello = NULL};
    heard h = {0};
    mayfly_host *host = NULL;
    mayfly_pin *pins[PINS];
    mayfly_weak *weak = NULL;
    mayfly_server *server = NULL;
    uint64_t id;
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.log = hear, .log_state = &h),
                         &host, &err));
    must(mayfly_host_set_registration_limit(host, 10, &err));
    mayfly_context *c = hello_load(host, HELLO_V1, NULL);
    for (int i = 0; i < PINS; i++)
        must(mayfly_pin_take(c, "tracer", &pins[i], &err));
    assert_int_equal(h.n, 1);
    assert_non_null(strstr(h.text, "\"tracer\" has 11 "));
    must(mayfly_context_listen(c, "tracer", ignore, NULL, &id, &err));
    must(mayfly_weak_new(c, &weak, &err));
    must(mayfly_server_new(host, NULL, &server, &err));
    must(hello_Greeter_serve(server, c, &none, NULL, NULL, &err));
    must(mayfly_server_add_raw(server, "/a.B/C", raw, NULL, NULL, &err));
    assert_int_equal(count_of(host, "tracer", "pin"), PINS);
    assert_int_equal(count_of(host, "tracer", "listener"), 1);
    assert_int_equal(count_of(host, "hello", "weak handle"), 1);
    assert_int_equal(count_of(host, "hello", "route"), 2);
    assert_int_equal(count_of(host, "hello", "binding"), 1);
    assert_int_equal(count_of(host, "raw routes", "route"), 1);

    mayfly_arena *arena = NULL;
    mayfly_str json;
    must(mayfly_arena_new(host, 0, &arena, &err));
    must(mayfly_host_registrations_json(host, arena, &json, &err));
    char *text = calloc(1, json.len + 1);
    memcpy(text, json.ptr, json.len);
    assert_non_null(strstr(text, "\"owner\":\"tracer\",\"kind\":\"pin\","
                                 "\"count\":20,\"peak\":20"));
    free(text);
    mayfly_arena_free(arena);

    for (int i = 0; i < PINS; i++)
        mayfly_pin_free(pins[i]);
    must(mayfly_context_unlisten(c, id, &err));
    mayfly_weak_free(weak);
    mayfly_server_free(server, 0);
    must(mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 10000), NULL, &err));
    mayfly_context_unref(c);
    assert_int_equal(count_of(host, "tracer", "pin"), 0);
    while (count_of(host, "hello", "route")) /* the server goes on its loop */
        usleep(500);
    assert_int_equal(count_of(host, "hello", "binding"), 0);
    assert_int_equal(h.n, 1);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
