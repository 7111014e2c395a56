/*
 * What interceptors see and change, in which order, on both sides and with
 * every form of call; how they answer in place of handler and network.
 */
#include "interceptors.h"

/* --- order --- */

static void test_order(void **state)
{
    rig *r = *state;
    static seer a = {.name = 'a'}, b = {.name = 'b'}, x = {.name = 'x'},
                y = {.name = 'y'}, first = {.name = '0'};
    first.rig = r;
    see_server(r, &x);
    see_server(r, &y);
    see_channel(r, &a);
    see_channel(r, &b);
    must(mayfly_channel_intercept(
        r->pair.channel, SEER,
        MAYFLY_INTERCEPT_OPTIONS(.state = &first, .outermost = 1), NULL, &err));
    static const char *const paths[] = {"/t.T/Echo", "/t.T/EchoWorker"};
    for (int i = 0; i < 4; i++) {
        call_once(r, paths[i / 2], "hi", i % 2);
        assert_int_equal(r->code, 0);
        assert_string_equal(r->reply, "hi");
        is_logged(r, "0 begin\na begin\nb begin\n"
                     "0 request hi\na request hi\nb request hi\n"
                     "x begin\ny begin\nx request hi\ny request hi\n"
                     "handler hi\n"
                     "y reply hi\nx reply hi\ny end OK\nx end OK\n"
                     "b reply hi\na reply hi\n0 reply hi\n"
                     "b end OK\na end OK\n0 end OK\n");
    }
    call_once(r, "/t.T/Echo", "fail", 0);
    assert_int_equal(r->status, MAYFLY_STATUS_NOT_FOUND);
    assert_string_equal(r->text, "no such");
    is_logged(r, "0 begin\na begin\nb begin\n"
                 "0 request fail\na request fail\nb request fail\n"
                 "x begin\ny begin\nx request fail\ny request fail\n"
                 "handler fail\ny end NOT_FOUND\nx end NOT_FOUND\n"
                 "b end NOT_FOUND\na end NOT_FOUND\n0 end NOT_FOUND\n");
    /* no route: the server's have no part in it */
    call_once(r, "/t.T/None", "hi", 0);
    assert_int_equal(r->status, MAYFLY_STATUS_UNIMPLEMENTED);
    is_logged(r, "0 begin\na begin\nb begin\n"
                 "0 request hi\na request hi\nb request hi\n"
                 "b end UNIMPLEMENTED\na end UNIMPLEMENTED\n"
                 "0 end UNIMPLEMENTED\n");
}

/* --- messages --- */

static void test_messages_are_changed(void **state)
{
    rig *r = *state;
    static seer a = {.name = 'a',
                     .request = "from the client",
                     .reply = "last"},
                x = {.name = 'x', .request = "", .reply = "from the server"};
    see_channel(r, &a);
    see_server(r, &x);
    for (int i = 0; i < 2; i++) {
        call_once(r, "/t.T/Echo", "hi", i);
        assert_string_equal(r->reply, "last");
        is_logged(r, "a begin\na request hi\n"
                     "x begin\nx request from the client\n"
                     "handler \nx reply \nx end OK\n"
                     "a reply from the server\na end OK\n");
    }
}

/* --- answering in place of others --- */

static void test_ended_by_the_client(void **state)
{
    static const struct {
        char at;
        const char *log;
    } ways[] = {{'b', "a begin\nb begin\n"},
                {'q', "a begin\nb begin\nc begin\n"
                      "a request hi\nb request hi\n"}};
    rig *r = *state;
    static seer a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    see_channel(r, &a);
    see_channel(r, &b);
    see_channel(r, &c);
    for (int i = 0; i < 8; i++) {
        int way = i / 4;
        char wanted[300];
        b.ends_at = ways[way].at;
        b.with = i / 2 % 2 ? MAYFLY_STATUS_PERMISSION_DENIED : 0;
        const char *status = b.with ? "PERMISSION_DENIED" : "OK";
        call_once(r, "/t.T/Echo", "hi", i % 2);
        assert_int_equal(r->status, b.with);
        assert_int_equal(r->code, b.with ? MAYFLY_ESTATUS : 0);
        assert_string_equal(r->reply, b.with ? "" : "from here");
        assert_string_equal(r->text, b.with ? "ended here" : "");
        snprintf(wanted, sizeof wanted, "%s%s%s%s%sb end %s\na end %s\n",
                 ways[way].log, b.with ? "" : "a reply from here\n",
                 way ? "c end " : "", way ? status : "", way ? "\n" : "",
                 status, status);
        is_logged(r, wanted); /* the handler has not heard of it */
    }
    assert_int_equal(a.n_begun, 8);
    assert_int_equal(a.n_ended, 8);
    assert_int_equal(c.n_begun, 4);
    assert_int_equal(c.n_ended, 4);
}

static void test_ended_by_the_server(void **state)
{
    rig *r = *state;
    static seer x = {.name = 'x'}, y = {.name = 'y'}, z = {.name = 'z'};
    see_server(r, &x);
    see_server(r, &y);
    see_server(r, &z);
    y.ends_at = 'b';
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_string_equal(r->reply, "from here");
    is_logged(r, "x begin\ny begin\nx reply from here\ny end OK\nx end OK\n");
    y.ends_at = 'q';
    y.with = MAYFLY_STATUS_UNAUTHENTICATED;
    call_once(r, "/t.T/EchoWorker", "hi", 0);
    assert_int_equal(r->status, MAYFLY_STATUS_UNAUTHENTICATED);
    assert_string_equal(r->text, "ended here");
    is_logged(r, "x begin\ny begin\nz begin\nx request hi\ny request hi\n"
                 "z end UNAUTHENTICATED\ny end UNAUTHENTICATED\n"
                 "x end UNAUTHENTICATED\n");
    y.ends_at = 'r';
    y.with = MAYFLY_STATUS_DATA_LOSS;
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_int_equal(r->status, MAYFLY_STATUS_DATA_LOSS);
    is_logged(r, "x begin\ny begin\nz begin\nx request hi\ny request hi\n"
                 "z request hi\nhandler hi\nz reply hi\ny reply hi\n"
                 "z end DATA_LOSS\ny end DATA_LOSS\nx end DATA_LOSS\n");
    y.with = 0; /* a reply in place of the reply */
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_string_equal(r->reply, "from here");
    is_logged(r, "x begin\ny begin\nz begin\nx request hi\ny request hi\n"
                 "z request hi\nhandler hi\nz reply hi\ny reply hi\n"
                 "x reply from here\nz end OK\ny end OK\nx end OK\n");
}

static void test_status_is_changed_at_the_end(void **state)
{
    rig *r = *state;
    static seer a = {.name = 'a'}, x = {.name = 'x'};
    see_channel(r, &a);
    see_server(r, &x);
    x.spoil = MAYFLY_STATUS_ABORTED;
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_int_equal(r->status, MAYFLY_STATUS_ABORTED);
    assert_string_equal(r->text, "spoilt");
    x.spoil = 0;
    x.rescue = "saved by the server";
    call_once(r, "/t.T/Echo", "fail", 0);
    assert_int_equal(r->code, 0);
    assert_string_equal(r->reply, "saved by the server");
    x.rescue = NULL;
    a.rescue = "saved by the client";
    for (int i = 0; i < 2; i++) {
        call_once(r, "/t.T/Echo", "fail", i);
        assert_int_equal(r->code, 0);
        assert_int_equal(r->status, 0);
        assert_string_equal(r->reply, "saved by the client");
        assert_string_equal(r->text, "");
    }
    a.spoil = MAYFLY_STATUS_OUT_OF_RANGE;
    for (int i = 0; i < 2; i++) {
        call_once(r, "/t.T/Echo", "hi", i);
        assert_int_equal(r->code, MAYFLY_ESTATUS);
        assert_int_equal(r->status, MAYFLY_STATUS_OUT_OF_RANGE);
        assert_string_equal(r->reply, "");
    }
}

static void end_ok(void *state, void *memory, mayfly_call *call)
{
    (void)state;
    (void)memory;
    must(mayfly_call_set_status(call, MAYFLY_STATUS_OK, mayfly_str_of(""),
                                &err));
}

static int begin_code(void *state, void *memory, mayfly_call *call)
{
    (void)memory;
    (void)call;
    return *(int *)state;
}

static void test_ends_that_are_none(void **state)
{
    rig *r = *state;
    uint64_t id;
    must(mayfly_channel_intercept(
        r->pair.channel, MAYFLY_INTERCEPTOR(.end = end_ok), NULL, &id, &err));
    call_once(r, "/t.T/Echo", "fail", 0);
    assert_int_equal(r->status, MAYFLY_STATUS_INTERNAL);
    assert_string_equal(r->text, "an interceptor gave OK without a reply");
    must(mayfly_channel_unintercept(r->pair.channel, id, &err));

    int code = MAYFLY_ELIMIT; /* of ours, not a status */
    must(mayfly_server_intercept(
        r->pair.server, MAYFLY_INTERCEPTOR(.begin = begin_code),
        MAYFLY_INTERCEPT_OPTIONS(.state = &code), NULL, &err));
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_int_equal(r->status, MAYFLY_STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(r->text, "limit exceeded");
    code = 99; /* no status at all */
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_int_equal(r->status, MAYFLY_STATUS_UNKNOWN);
    code = 0;
    call_once(r, "/t.T/Echo", "hi", 0);
    assert_int_equal(r->status, 0);
}

/* --- metadata --- */

static int has_entry(mayfly_call *call, enum mayfly_metadata_kind kind,
                     const char *key, const char *value)
{
    size_t n, found = 0;
    const mayfly_metadata *m = mayfly_intercept_metadata(call, kind, &n);
    for (size_t i = 0; i < n; i++)
        found += is_text(m[i].key, key) && is_text(m[i].value, value);
    return found == 1;
}

static int client_begin(void *state, void *memory, mayfly_call *call)
{
    (void)state;
    (void)memory;
    assert_false(mayfly_intercept_is_server(call));
    assert_true(has_entry(call, MAYFLY_REQUEST_METADATA, "own", "1"));
    assert_true(has_entry(call, MAYFLY_REQUEST_METADATA, "own-bin", "\xfe"));
    must(mayfly_intercept_remove(call, MAYFLY_REQUEST_METADATA, "own", &err));
    must(mayfly_intercept_remove(call, MAYFLY_REQUEST_METADATA, "none", &err));
    must(mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "token",
                              mayfly_str_of("secret"), &err));
    must(mayfly_call_add_metadata(call, "token-bin", mayfly_str_of("\xff"),
                                  &err));
    assert_true(has_entry(call, MAYFLY_REQUEST_METADATA, "token-bin", "\xff"));
    must_fail(mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "grpc-x",
                                   mayfly_str_of("1"), &err),
              MAYFLY_EINVAL, "grpc-x");
    must_fail(mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "x",
                                   mayfly_str_of("\n"), &err),
              MAYFLY_EINVAL, "printable");
    return 0;
}

static void client_end(void *state, void *memory, mayfly_call *call)
{
    (void)state;
    (void)memory;
    assert_true(has_entry(call, MAYFLY_REPLY_METADATA, "answer", "2"));
    assert_true(has_entry(call, MAYFLY_TRAILERS, "trail-bin", "\xfd"));
    must(mayfly_intercept_remove(call, MAYFLY_REPLY_METADATA, "answer", &err));
    must(mayfly_intercept_add(call, MAYFLY_REPLY_METADATA, "seen-bin",
                              mayfly_str_of("\x01"), &err));
    must(mayfly_intercept_add(call, MAYFLY_TRAILERS, "seen",
                              mayfly_str_of("too"), &err));
    must_fail(mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "late",
                                   mayfly_str_of("1"), &err),
              MAYFLY_EINVAL, "sent already");
}

static int server_begin(void *state, void *memory, mayfly_call *call)
{
    (void)state;
    (void)memory;
    assert_true(mayfly_intercept_is_server(call));
    assert_true(has_entry(call, MAYFLY_REQUEST_METADATA, "token", "secret"));
    assert_true(has_entry(call, MAYFLY_REQUEST_METADATA, "token-bin", "\xff"));
    assert_true(has_entry(call, MAYFLY_REQUEST_METADATA, "own-bin", "\xfe"));
    assert_false(has_entry(call, MAYFLY_REQUEST_METADATA, "own", "1"));
    must(mayfly_intercept_remove(call, MAYFLY_REQUEST_METADATA, "token", &err));
    must(mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "user-bin",
                              mayfly_str_of("ada"), &err));
    return 0;
}

static void server_end(void *state, void *memory, mayfly_call *call)
{
    (void)state;
    (void)memory;
    assert_true(has_entry(call, MAYFLY_REPLY_METADATA, "answer", "1"));
    assert_true(has_entry(call, MAYFLY_TRAILERS, "trail-bin", "\xfc"));
    must(mayfly_intercept_remove(call, MAYFLY_REPLY_METADATA, "answer", &err));
    must(mayfly_intercept_add(call, MAYFLY_REPLY_METADATA, "answer",
                              mayfly_str_of("2"), &err));
    must(mayfly_intercept_remove(call, MAYFLY_TRAILERS, "trail-bin", &err));
    must(mayfly_call_add_trailer(call, "trail-bin", mayfly_str_of("\xfd"),
                                 &err));
}

static int on_metadata(void *state, mayfly_call *call, mayfly_bytes in)
{
    int defers = *(int *)state;
    assert_true(is_text(mayfly_call_find(call, "user-bin"), "ada"));
    assert_null(mayfly_call_find(call, "token").ptr);
    if (defers)
        must(mayfly_call_defer(call, &err));
    must(mayfly_call_add_metadata(call, "answer", mayfly_str_of("1"), &err));
    must(mayfly_call_add_trailer(call, "trail-bin", mayfly_str_of("\xfc"),
                                 &err));
    must(mayfly_call_reply(call, in, &err));
    return 0;
}

static void test_metadata(void **state)
{
    rig *r = *state;
    int defers = 0;
    must(mayfly_server_add_raw(r->pair.server, "/t.T/Meta", on_metadata,
                               &defers, NULL, &err));
    must(mayfly_server_intercept(
        r->pair.server,
        MAYFLY_INTERCEPTOR(.begin = server_begin, .end = server_end), NULL,
        NULL, &err));
    must(mayfly_channel_intercept(
        r->pair.channel,
        MAYFLY_INTERCEPTOR(.begin = client_begin, .end = client_end), NULL,
        NULL, &err));
    for (int i = 0; i < 4; i++) {
        mayfly_call *call = hello_call(r->host);
        mayfly_bytes reply;
        size_t n;
        defers = i / 2;
        must(mayfly_call_add_metadata(call, "own", mayfly_str_of("1"), &err));
        must(mayfly_call_add_metadata(call, "own-bin", mayfly_str_of("\xfe"),
                                      &err));
        if (i % 2) {
            must(mayfly_channel_start(r->pair.channel, "/t.T/Meta", call,
                                      bytes_of("m"), on_told, r, &err));
            sem_wait(&r->told);
        } else {
            must(mayfly_channel_call(r->pair.channel, "/t.T/Meta", call,
                                     bytes_of("m"), &reply, &err));
        }
        const mayfly_metadata *m = mayfly_call_metadata(call, &n);
        assert_int_equal(n, 1);
        assert_true(is_text(m[0].key, "seen-bin"));
        m = mayfly_call_trailers(call, &n);
        assert_int_equal(n, 2);
        assert_true(is_text(m[1].value, "too"));
        mayfly_call_free(call);
    }
}

/* --- other forms of calls --- */

/* The request as JSON and back, with another name. */
static int rename_message(void *state, void *memory, mayfly_call *call,
                          enum mayfly_direction direction,
                          mayfly_bytes *message)
{
    mayfly_context *c = state;
    mayfly_dynamic *m = NULL;
    (void)memory;
    must(mayfly_dynamic_new_for(c, mayfly_call_path(call), direction,
                                mayfly_call_arena(call), &m, &err));
    must(mayfly_dynamic_decode(m, *message, &err));
    must(mayfly_dynamic_set_str(
        m, direction == MAYFLY_REQUEST ? "name" : "places[0].city",
        mayfly_str_of("changed"), &err));
    must(mayfly_dynamic_encode(m, message, &err));
    return 0;
}

static int say_hello(void *state, mayfly_call *call, const hello_Request *q,
                     hello_Reply *reply)
{
    (void)state;
    reply->message = mayfly_arena_printf(mayfly_call_arena(call), "hello %.*s",
                                         (int)q->name.len, q->name.ptr);
    return 0;
}

typedef struct told {
    sem_t done;
    int code;
} told;

static void on_typed(void *state, mayfly_call *call, int code, void *message)
{
    told *t = state;
    const hello_Reply *reply = message;
    (void)call;
    t->code = code;
    assert_true(is_text(reply->message, "hello changed"));
    assert_true(is_text(reply->places.items[0].city, "changed"));
    sem_post(&t->done);
}

static void test_typed_and_json(void **state)
{
    rig *r = *state;
    mayfly_context *c = hello_load(r->host, HELLO_V1, NULL);
    hello_Greeter_handlers on = {.SayHello = say_hello};
    hello_Greeter *greeter = NULL;
    hello_Request q = {.name = MAYFLY_STR("ada")};
    hello_Reply *reply = NULL;
    const mayfly_interceptor rename = {.size = sizeof rename,
                                       .message = rename_message};
    uint64_t id;
    must(hello_Greeter_serve(r->pair.server, c, &on, NULL, NULL, &err));
    must(hello_Greeter_new(c, r->pair.channel, &greeter, &err));
    for (int side = 0; side < 2; side++) {
        const mayfly_intercept_options *o =
            MAYFLY_INTERCEPT_OPTIONS(.state = c);
        if (side)
            must(
                mayfly_server_intercept(r->pair.server, &rename, o, &id, &err));
        else
            must(mayfly_channel_intercept(r->pair.channel, &rename, o, &id,
                                          &err));
        mayfly_call *call = hello_call(r->host);
        must(hello_Greeter_SayHello(greeter, call, &q, &reply, &err));
        assert_true(is_text(reply->message, "hello changed"));
        assert_true(is_text(reply->places.items[0].city, "changed"));
        mayfly_call_free(call);

        told t;
        sem_init(&t.done, 0, 0);
        call = hello_call(r->host);
        must(hello_Greeter_SayHello_start(greeter, call, &q, on_typed, &t,
                                          &err));
        sem_wait(&t.done);
        assert_int_equal(t.code, 0);
        mayfly_call_free(call);
        sem_destroy(&t.done);

        call = hello_call(r->host);
        mayfly_str json = {NULL, 0};
        must(mayfly_call_json(c, r->pair.channel, "hello.Greeter/SayHello",
                              call, mayfly_str_of("{\"name\": \"x\"}"), &json,
                              &err));
        assert_true(is_text(json, "{\"message\":\"hello changed\","
                                  "\"places\":[{\"city\":\"changed\"}]}"));
        mayfly_call_free(call);
        if (side == 0)
            must(mayfly_channel_unintercept(r->pair.channel, id, &err));
    }
    hello_Greeter_free(greeter);
    mayfly_context_unref(c);
}

/* --- what is not for hooks, and what is only for hooks --- */

static int misuse(void *state, void *memory, mayfly_call *call)
{
    uint64_t begun = 0, ended = 1;
    (void)memory;
    must_fail(mayfly_call_defer(call, &err), MAYFLY_EINVAL, "");
    must_fail(mayfly_call_reply(call, bytes_of("x"), &err), MAYFLY_EINVAL, "");
    must_fail(mayfly_call_finish(call, 3, mayfly_str_of("x"), &err),
              MAYFLY_EINVAL, "");
    must_fail(mayfly_intercept_add(call, (enum mayfly_metadata_kind)7, "x",
                                   mayfly_str_of("x"), &err),
              MAYFLY_EINVAL, "no such kind");
    must(mayfly_call_set_status(call, 5, mayfly_str_of("forgotten"), &err));
    mayfly_intercept_times(call, &begun, &ended);
    assert_true(begun > 0);
    assert_int_equal(ended, 0);
    *(int *)state += 1;
    return 0;
}

static void look_at_times(void *state, void *memory, mayfly_call *call)
{
    uint64_t begun = 0, ended = 0;
    struct timespec now;
    (void)state;
    (void)memory;
    mayfly_intercept_times(call, &begun, &ended);
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_true(begun <= ended);
    assert_true(ended <=
                (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

static int outside(void *state, mayfly_call *call, mayfly_bytes in)
{
    size_t n = 1;
    (void)state;
    must_fail(mayfly_intercept_reply(call, in, &err), MAYFLY_EINVAL,
              "not within an interceptor's hook");
    must_fail(mayfly_intercept_add(call, MAYFLY_TRAILERS, "x",
                                   mayfly_str_of("x"), &err),
              MAYFLY_EINVAL, "not within");
    must_fail(mayfly_intercept_remove(call, MAYFLY_TRAILERS, "x", &err),
              MAYFLY_EINVAL, "not within");
    assert_null(mayfly_intercept_metadata(call, MAYFLY_REQUEST_METADATA, &n));
    assert_int_equal(n, 0);
    return mayfly_call_reply(call, in, NULL);
}

static void test_within_hooks_and_without(void **state)
{
    rig *r = *state;
    int n = 0;
    const mayfly_interceptor i = {
        .size = sizeof i, .begin = misuse, .end = look_at_times};
    must(mayfly_server_add_raw(r->pair.server, "/t.T/Outside", outside, NULL,
                               NULL, &err));
    must(mayfly_server_intercept(
        r->pair.server, &i, MAYFLY_INTERCEPT_OPTIONS(.state = &n), NULL, &err));
    must(mayfly_channel_intercept(r->pair.channel, &i,
                                  MAYFLY_INTERCEPT_OPTIONS(.state = &n), NULL,
                                  &err));
    call_once(r, "/t.T/Outside", "hi", 0);
    assert_int_equal(r->code, 0);
    assert_string_equal(r->reply, "hi");
    assert_int_equal(n, 2);
    mayfly_call *call = hello_call(r->host);
    must_fail(mayfly_call_set_status(call, 5, mayfly_str_of("x"), &err),
              MAYFLY_EINVAL, "");
    must_fail(mayfly_intercept_reply(call, bytes_of("x"), &err), MAYFLY_EINVAL,
              "not within");
    mayfly_call_free(call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_rig(test_order),
        on_rig(test_messages_are_changed),
        on_rig(test_ended_by_the_client),
        on_rig(test_ended_by_the_server),
        on_rig(test_status_is_changed_at_the_end),
        on_rig(test_ends_that_are_none),
        on_rig(test_metadata),
        on_rig(test_typed_and_json),
        on_rig(test_within_hooks_and_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
