/*
 * What an admin socket is asked for: stat, why, load, swap, unload.
 */
#include "admin.h"

/* JSON text as a string in JSON: quotes and line ends, which is all there is.
 */
static void put_quoted(char *out, size_t size, const char *text)
{
    size_t n = strlen(out);
    out[n++] = '"';
    for (; *text && n + 4 < size; text++) {
        if (*text == '"' || *text == '\\' || *text == '\n')
            out[n++] = '\\';
        out[n++] = *text == '\n' ? 'n' : *text;
    }
    out[n++] = '"';
    out[n] = '\0';
}

/* A request that brings a schema and, if not NULL, handlers. Static. */
static const char *request(const char *command, const char *unit,
                           const char *schema, const char *handlers,
                           const char *more)
{
    static char line[8192];
    snprintf(line, sizeof line,
             "{\"mayfly\":1,\"command\":\"%s\",\"unit\":\"%s\"%s,"
             "\"schema\":{\"name\":\"hello.proto\",\"text\":",
             command, unit, more);
    put_quoted(line, sizeof line, schema);
    strcat(line, "}");
    if (handlers) {
        strcat(line, ",\"handlers\":[{\"name\":\"handlers.c\",\"text\":");
        put_quoted(line, sizeof line, handlers);
        strcat(line, "}]");
    }
    strcat(line, "}");
    return line;
}

static const char *plain(const char *command, const char *unit,
                         const char *more)
{
    static char line[512];
    snprintf(line, sizeof line,
             "{\"mayfly\":1,\"command\":\"%s\",\"unit\":\"%s\"%s}", command,
             unit, more);
    return line;
}

/* Its answer, to be freed. */
static char *ask(const admin_world *w, const char *line)
{
    int fd = admin_connect(w->path);
    assert_true(fd >= 0);
    char *answer = admin_ask(fd, line);
    assert_non_null(answer);
    close(fd);
    return answer;
}

/* The number behind `name` of the first row that has `part`; the answer is
 * freed. */
static unsigned long long figure(char *answer, const char *part,
                                 const char *name)
{
    char text[64];
    const char *at = strstr(answer, part);
    snprintf(text, sizeof text, "\"%s\":", name);
    at = at ? strstr(at, text) : NULL;
    if (!at)
        fail_msg("no %s behind %s in %.1500s", name, part, answer);
    unsigned long long n = strtoull(at + strlen(text), NULL, 10);
    free(answer);
    return n;
}

/* The unit is served, and called by a proxy that follows. */
typedef struct served {
    admin_world admin;
    world w;
} served;

static void begin_served(served *s)
{
    admin_begin(&s->admin, NULL);
    admin_answers(&s->admin,
                  request("load", "hello", HELLO_V1, SAYS("one"), ""),
                  "\"version\":1,\"current\":true");
    s->w = (world){.host = s->admin.host};
    s->w.pair = hello_connect(s->w.host);
    must(mayfly_unit_find(s->w.host, "hello", &s->w.unit, &err));
    must(mayfly_unit_serve_source(s->w.unit, s->w.pair.server, NULL, NULL,
                                  &err));
    must(hello_Greeter_follow(s->w.unit, s->w.pair.channel, &s->w.greeter,
                              &err));
}

static void end_served(served *s)
{
    hello_Greeter_free(s->w.greeter);
    mayfly_unit_unref(s->w.unit);
    hello_close(&s->w.pair);
    admin_end(&s->admin);
}

static const char *said(const served *s)
{
    return say(s->w.host, s->w.greeter);
}

/* Until both sides' calls are counted. */
static void wait_calls(const served *s, unsigned long long calls)
{
    unsigned long long n = 0;
    for (int i = 0; i < 5000 && n != calls; i++) {
        n = figure(ask(&s->admin, ADMIN_STAT), "\"unit\":\"hello\"",
                   "calls\":{"
                   "\"calls");
        usleep(1000);
    }
    assert_int_equal(n, calls);
}

static void it_tells_of_the_host(void **state)
{
    (void)state;
    served s;
    begin_served(&s);
    assert_string_equal(said(&s), "one");
    wait_calls(&s, 2);
    char *answer = ask(&s.admin, ADMIN_STAT);
    static const char *const parts[] = {"\"version\":\"0.",
                                        "\"at_us\":",
                                        "\"loads\":1,",
                                        "\"units\":1,",
                                        "\"builds\":1",
                                        "\"pss_kib\":",
                                        "\"cpu_us\":",
                                        "\"code\":",
                                        ("\"unit\":\"hello\",\"label\":"
                                         "\"1\",\"version\":1"),
                                        "\"current\":true",
                                        "\"gone\":{",
                                        "\"kind\":\"route\"",
                                        "\"contexts\":[]"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        admin_has(answer, parts[i]);
    free(answer);
    assert_true(figure(ask(&s.admin, ADMIN_STAT), "\"unit\":", "bytes") > 4000);

    /* a context by itself */
    mayfly_context *alone = hello_load(s.w.host, HELLO_V2, NULL);
    mayfly_pin *pin = NULL;
    must(mayfly_pin_take(alone, "test", &pin, &err));
    admin_answers(&s.admin, ADMIN_STAT,
                  "\"contexts\":[{\"context\":\"hello\",\"load\":2,\"state\":"
                  "\"live\",\"leases\":1");
    mayfly_pin_free(pin);
    mayfly_context_unref(alone);
    end_served(&s);
}

static void swaps_and_back(void **state)
{
    (void)state;
    served s;
    begin_served(&s);
    assert_string_equal(said(&s), "one");
    wait_calls(&s, 2);
    char *answer =
        ask(&s.admin, request("swap", "hello", HELLO_V2, SAYS("two"),
                              ",\"version\":\"second\",\"keep\":true"));
    admin_has(answer, "\"from\":1,\"to\":2");
    admin_has(answer, "\"kept\":true,\"gone\":false");
    free(answer);
    assert_string_equal(said(&s), "two");

    /* back, by its number; then forth, by its label */
    answer = ask(&s.admin,
                 plain("swap", "hello", ",\"version\":\"1\",\"keep\":true"));
    admin_has(answer, "\"from\":2,\"to\":1");
    free(answer);
    assert_string_equal(said(&s), "one");
    answer = ask(&s.admin, plain("swap", "hello",
                                 ",\"version\":\"second\",\"wait_ms\":60000,"
                                 "\"text\":true"));
    admin_has(answer, "\"from\":1,\"to\":2");
    admin_has(answer, "\"gone\":true,\"receipt\":{\"context\": \"hello@1\"");
    admin_has(answer, "\"text\":\"context hello@1: unloaded");
    free(answer);
    assert_string_equal(said(&s), "two");
    admin_answers(&s.admin, plain("swap", "hello", ",\"version\":\"1\""),
                  "MAYFLY_ENOTFOUND");

    /* what does not compile, or does not fit, changes nothing */
    answer = ask(&s.admin, request("swap", "hello", HELLO_V1,
                                   "int f(void)\n{ return nobody(; }\n", ""));
    admin_has(answer, "\"ok\":false,\"error\":{\"code\":\"MAYFLY_ECOMPILE\"");
    admin_has(answer, "\"findings\":[{\"file\":\"handlers.c\",\"line\":2");
    free(answer);
    answer =
        ask(&s.admin, request("swap", "hello", HELLO_BROKEN, "int x;\n", ""));
    admin_has(answer, "\"ok\":false");
    free(answer);
    assert_string_equal(said(&s), "two");
    admin_answers(&s.admin, request("swap", "none", HELLO_V1, NULL, ""),
                  "MAYFLY_ENOTFOUND");
    end_served(&s);
}

static void loads_from_files(void **state)
{
    (void)state;
    admin_world w;
    char line[512], path[200];
    admin_begin(&w, NULL);
    snprintf(path, sizeof path, "%s/a.proto", w.folder);
    FILE *f = fopen(path, "w");
    fputs("syntax = \"proto3\"; import \"b.proto\"; message A { b.B b = 1; }",
          f);
    fclose(f);
    snprintf(line, sizeof line,
             "{\"mayfly\":1,\"command\":\"load\",\"unit\":\"a\",\"schema\":{"
             "\"path\":\"%s\"},\"include_dirs\":[\"%s\"],\"files\":[{\"name\":"
             "\"b.proto\",\"text\":\"syntax = \\\"proto3\\\"; package b; "
             "message B {}\"}],\"text\":true}",
             path, w.folder);
    char *answer = ask(&w, line);
    admin_has(answer, "\"unit\":\"a\",\"version\":1");
    admin_has(answer, "\"receipt\":{\"context\": \"a@1\"");
    admin_has(answer, "\"text\":\"context a@1: live");
    free(answer);
    assert_int_equal(unlink(path), 0);
    admin_answers(
        &w, plain("load", "b", ",\"schema\":{\"path\":\"/none/x.proto\"}"),
        "/none/x.proto");
    admin_answers(&w, request("load", "a@b", HELLO_V1, NULL, ""),
                  "MAYFLY_EINVAL");
    admin_end(&w);
}

static void tells_what_holds(void **state)
{
    (void)state;
    served s;
    begin_served(&s);
    mayfly_context *context = NULL;
    mayfly_pin *pin = NULL;
    must(mayfly_unit_context(s.w.unit, 0, 0, &context, &err));
    must(mayfly_pin_take(context, "my test", &pin, &err));
    static const char *const names[] = {"hello", "hello@1"};
    for (int i = 0; i < 2; i++) {
        char *answer = ask(&s.admin, plain("why", names[i], ",\"text\":true"));
        admin_has(answer, "\"result\":{\"context\":\"hello@1\",\"why\":{");
        admin_has(answer, "my test");
        admin_has(answer, "\"text\":\"");
        free(answer);
    }
    admin_answers(&s.admin, plain("why", "hello@2", ""), "MAYFLY_ENOTFOUND");

    /* a version that has left its unit and does not go */
    admin_answers(&s.admin, request("swap", "hello", HELLO_V1, SAYS("two"), ""),
                  "\"gone\":false");
    admin_answers(&s.admin, plain("why", "hello@1", ""), "my test");
    admin_answers(&s.admin, ADMIN_STAT,
                  "\"contexts\":[{\"context\":\"hello@1\",\"load\":1,"
                  "\"state\":\"unloading\",\"leases\":1");
    mayfly_pin_free(pin);
    mayfly_context_unref(context);

    must(mayfly_unit_evict(s.w.unit, 0, &err));
    admin_answers(&s.admin, plain("why", "hello", ""), "MAYFLY_EUNLOADED");
    end_served(&s);
}

static void unloads_units(void **state)
{
    (void)state;
    served s;
    begin_served(&s);
    admin_answers(&s.admin, request("load", "hello", HELLO_V2, NULL, ""),
                  "\"version\":2,\"current\":false");
    admin_answers(&s.admin, plain("unload", "hello@1", ""), "MAYFLY_EBUSY");
    char *answer = ask(&s.admin, plain("unload", "hello@2", ",\"text\":true"));
    admin_has(answer, "\"contexts\":[{\"context\":\"hello@2\",\"gone\":true,"
                      "\"shared\":false,\"receipt\":{");
    admin_has(answer, "retained: 0 bytes in arenas");
    free(answer);
    admin_answers(&s.admin, plain("unload", "hello@2", ""), "MAYFLY_ENOTFOUND");
    assert_string_equal(said(&s), "one");

    /* held: it is out of the unit, and goes later */
    mayfly_context *context = NULL;
    mayfly_pin *pin = NULL;
    must(mayfly_unit_context(s.w.unit, 0, 0, &context, &err));
    must(mayfly_pin_take(context, "my test", &pin, &err));
    answer = ask(&s.admin, plain("unload", "hello", ",\"wait_ms\":0"));
    admin_has(answer, "\"gone\":false,\"shared\":false,\"held\":");
    admin_has(answer, "my test");
    free(answer);
    assert_string_equal(said(&s), "MAYFLY_EUNLOADED");
    answer = ask(&s.admin,
                 plain("unload", "hello@1", ",\"wait_ms\":10,\"force\":true"));
    admin_has(answer, "\"gone\":false");
    free(answer);
    mayfly_pin_free(pin);
    assert_int_equal(mayfly_context_get_state(context), MAYFLY_UNLOADED);
    mayfly_context_unref(context);
    admin_answers(&s.admin, plain("unload", "hello", ""), "MAYFLY_ENOTFOUND");
    end_served(&s);
}

static void unloads_what_is_shared_once(void **state)
{
    (void)state;
    admin_world w;
    admin_begin(&w, NULL);
    free(ask(&w, request("load", "a", HELLO_V1, NULL, "")));
    free(ask(&w, request("load", "b", HELLO_V1, NULL, "")));
    admin_answers(&w, plain("unload", "b", ""),
                  "{\"context\":\"a@1\",\"gone\":false,\"shared\":true}");
    admin_answers(&w, plain("unload", "a", ""),
                  "{\"context\":\"a@1\",\"gone\":true,\"shared\":false");

    /* contexts by themselves: softly, then by force */
    mayfly_context *alone = hello_load(w.host, HELLO_V2, NULL);
    mayfly_pin *pin = NULL;
    must(mayfly_pin_take(alone, "my test", &pin, &err));
    admin_answers(&w, plain("unload", "hello", ",\"wait_ms\":0"),
                  "MAYFLY_EBUSY");
    assert_int_equal(mayfly_context_get_state(alone), MAYFLY_LIVE);
    admin_answers(&w, plain("unload", "hello", ",\"wait_ms\":0,\"force\":true"),
                  "\"gone\":false");
    assert_int_equal(mayfly_context_get_state(alone), MAYFLY_UNLOADING);
    mayfly_pin_free(pin);
    assert_int_equal(mayfly_context_get_state(alone), MAYFLY_UNLOADED);
    mayfly_context_unref(alone);
    alone = hello_load(w.host, HELLO_V2, NULL);
    admin_answers(&w, plain("unload", "hello", ""), "\"gone\":true");
    mayfly_context_unref(alone);
    admin_end(&w);
}

/* --- at once ----------------------------------------------------------------
 */

typedef struct changer {
    const admin_world *w;
    char line[2][8192]; /* loads of two contents */
    unsigned number;
    int refused; /* answers that are neither good nor of somebody else's doing
                  */
} changer;

static void *change_often(void *of)
{
    static const char *const rest[] = {
        ADMIN_STAT,
        "{\"mayfly\":1,\"command\":\"why\",\"unit\":\"a\"}",
        "{\"mayfly\":1,\"command\":\"unload\",\"unit\":\"a\",\"wait_ms\":100}",
        "{\"mayfly\":1,\"command\":\"swap\",\"unit\":\"a\",\"version\":\"1\"}",
    };
    static const char *const others[] = {"\"ok\":true", "MAYFLY_ENOTFOUND",
                                         "MAYFLY_EUNLOADED", "MAYFLY_EBUSY"};
    changer *c = of;
    int fd = admin_connect(c->w->path);
    for (unsigned i = 0; i < 60; i++) {
        unsigned which = (i * 7 + c->number * 3) % 10;
        const char *line = which < 6 ? c->line[which % 2] : rest[which - 6];
        char *answer = admin_ask(fd, line);
        int known = 0;
        for (size_t k = 0; answer && k < sizeof others / sizeof others[0]; k++)
            known |= strstr(answer, others[k]) != NULL;
        if (!known)
            fprintf(stderr, "%.300s\n", answer ? answer : "(nothing)");
        c->refused += !known;
        free(answer);
    }
    close(fd);
    return NULL;
}

static void many_change_at_once(void **state)
{
    (void)state;
    enum { CHANGERS = 4 };
    static changer changers[CHANGERS];
    pthread_t threads[CHANGERS];
    admin_world w;
    admin_begin(&w, NULL);
    for (unsigned i = 0; i < CHANGERS; i++) {
        changer *c = &changers[i];
        *c = (changer){.w = &w, .number = i};
        strcpy(c->line[0], request("load", "a", HELLO_V1, NULL, ""));
        strcpy(c->line[1],
               request(i % 2 ? "swap" : "load", "a", HELLO_V2, SAYS("x"), ""));
    }
    for (unsigned i = 0; i < CHANGERS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, change_often, &changers[i]), 0);
    for (unsigned i = 0; i < CHANGERS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < CHANGERS; i++)
        assert_int_equal(changers[i].refused, 0);
    admin_end(&w);
}

/* Who changes something is logged, and who only looks is not. */
static void keep_log(void *state, int level, const char *owner,
                     const char *text)
{
    if (strcmp(owner, "admin") == 0)
        snprintf(state, 300, "%d %s", level, text);
}

static void changes_are_logged(void **state)
{
    (void)state;
    static char log[300];
    char expected[100];
    admin_world w;
    admin_begin(&w, NULL);
    mayfly_admin_close(w.admin);
    mayfly_host_free(w.host);
    const mayfly_host_options options = {.size = sizeof options,
                                         .log = keep_log,
                                         .log_state = log,
                                         .log_level = MAYFLY_LOG_INFO};
    must(mayfly_host_new(&options, &w.host, &err));
    must(mayfly_admin_listen(w.host, w.path, NULL, &w.admin, &err));
    free(ask(&w, ADMIN_STAT));
    assert_string_equal(log, "");
    free(ask(&w, request("load", "a", HELLO_V1, NULL, "")));
    snprintf(expected, sizeof expected, "%d user %u (process %d): load a: done",
             MAYFLY_LOG_INFO, (unsigned)geteuid(), (int)getpid());
    assert_string_equal(log, expected);
    free(ask(&w, plain("unload", "b", "")));
    assert_non_null(strstr(log, "unload b: no unit \"b\""));
    admin_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_of_the_host),
        cmocka_unit_test(swaps_and_back),
        cmocka_unit_test(loads_from_files),
        cmocka_unit_test(tells_what_holds),
        cmocka_unit_test(unloads_units),
        cmocka_unit_test(unloads_what_is_shared_once),
        cmocka_unit_test(many_change_at_once),
        cmocka_unit_test(changes_are_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
