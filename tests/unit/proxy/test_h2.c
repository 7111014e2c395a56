/*
 * The HTTP/2 engine without sockets: two engines that feed each other, and
 * peers that break the rules. Every stream must be closed exactly once and
 * every byte given back.
 */
#include "proxy/transport/h2.h"

#include "tests/support/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 64, BODY_MAX = 200000 };

/* One side: its engine, and a stream of what happened. */
typedef struct exchange {
    mf_h2_stream stream; /* first */
    int is_open, n_closed, n_blocks, has_ended, reset_at_end;
    uint32_t code;
    size_t n_data, header_bytes;
    uint8_t data[BODY_MAX];
} exchange;

typedef struct side {
    mf_h2 *h2;
    exchange *slots;
    int n;
    int n_going_away;
    int answer; /* server: answers at the end of a request */
} side;

static side client, server;
static mf_alloc heap;
static mf_pool pool;

static uint8_t body[BODY_MAX];

static exchange *of(mf_h2_stream *s)
{
    return (exchange *)(void *)s;
}

static mf_h2_stream *on_begin(void *owner)
{
    side *s = owner;
    if (s->n == SLOTS)
        return NULL;
    exchange *x = &s->slots[s->n++];
    memset(x, 0, sizeof *x);
    x->is_open = 1;
    return &x->stream;
}

static int on_field(mf_h2_stream *s, mayfly_str name, mayfly_str value)
{
    of(s)->header_bytes += name.len + value.len;
    return 0;
}

static void on_fields_end(mf_h2_stream *s)
{
    of(s)->n_blocks++;
}

static void on_data(mf_h2_stream *s, const uint8_t *bytes, size_t n)
{
    exchange *x = of(s);
    if (x->n_data + n <= BODY_MAX)
        memcpy(x->data + x->n_data, bytes, n);
    x->n_data += n;
}

static const mf_h2_field head[] = {MF_H2_FIELD(":status", "200"),
                                   MF_H2_FIELD("content-type", "text/x")};
static const mf_h2_field tail[] = {MF_H2_FIELD("grpc-status", "0")};

static void on_end(mf_h2_stream *s)
{
    exchange *x = of(s);
    x->has_ended = 1;
    if (server.answer && x >= server.slots && x < server.slots + SLOTS)
        mf_h2_respond(s, head, 2, x->data, x->n_data, tail, 1);
}

static void on_closed(mf_h2_stream *s, uint32_t code)
{
    of(s)->n_closed++;
    of(s)->is_open = 0;
    of(s)->code = code;
}

static void on_going_away(void *owner)
{
    ((side *)owner)->n_going_away++;
}

static const mf_h2_events events = {.begin = on_begin,
                                    .field = on_field,
                                    .fields_end = on_fields_end,
                                    .data = on_data,
                                    .end = on_end,
                                    .closed = on_closed,
                                    .going_away = on_going_away};

static int open_side(side *s, int is_server, mf_pool *from)
{
    exchange *slots = s->slots;
    if (!slots)
        slots = calloc(SLOTS, sizeof *slots);
    memset(s, 0, sizeof *s);
    s->slots = slots;
    s->answer = 1;
    mf_h2_options options = {.is_server = is_server,
                             .streams_max = 10,
                             .field_bytes_max = 4000,
                             .window = 1 << 20};
    return mf_h2_new(from, &options, &events, s, &s->h2, NULL);
}

static int setup(void **state)
{
    (void)state;
    mf_alloc_init(&heap, NULL);
    mf_pool_init(&pool, &heap, 4096);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i % 251);
    assert_int_equal(open_side(&client, 0, &pool), 0);
    assert_int_equal(open_side(&server, 1, &pool), 0);
    return 0;
}

static void check_closed(const side *s)
{
    for (int i = 0; i < s->n; i++)
        assert_int_equal(s->slots[i].n_closed, 1);
}

static int teardown(void **state)
{
    (void)state;
    mf_h2_free(client.h2);
    mf_h2_free(server.h2);
    client.h2 = server.h2 = NULL;
    check_closed(&client);
    check_closed(&server);
    mf_pool_done(&pool);
    assert_int_equal(atomic_load(&heap.blocks), 0);
    return 0;
}

/* Moves what one has to say to the other in pieces; 1 when it said something.
 */
static int move(mf_h2 *from, mf_h2 *to, size_t piece, int *ret_rc)
{
    static uint8_t buffer[32768];
    size_t n = 0;
    *ret_rc = mf_h2_drain(from, buffer, sizeof buffer, &n, NULL);
    for (size_t at = 0; at < n && *ret_rc == 0; at += piece) {
        size_t k = n - at < piece ? n - at : piece;
        *ret_rc = mf_h2_feed(to, buffer + at, k, 0, NULL);
    }
    return n != 0;
}

/* Until both are silent. */
static int talk(size_t piece)
{
    int a, b, rc = 0, rc2 = 0;
    do {
        a = move(client.h2, server.h2, piece, &rc);
        b = rc ? 0 : move(server.h2, client.h2, piece, &rc2);
    } while ((a || b) && !rc && !rc2);
    return rc ? rc : rc2;
}

static const mf_h2_field request_head[] = {
    MF_H2_FIELD(":method", "POST"), MF_H2_FIELD(":scheme", "http"),
    MF_H2_FIELD(":path", "/a/b"), MF_H2_FIELD(":authority", "x")};

static exchange *request(size_t n_body)
{
    mf_h2_stream *s = on_begin(&client);
    assert_non_null(s);
    int rc = mf_h2_request(client.h2, s, request_head, 4, body, n_body, NULL);
    if (rc != 0) {
        client.n--;
        return NULL;
    }
    return of(s);
}

static void carries_bodies_and_trailers(void **state)
{
    static const size_t sizes[] = {1, 5, 16384, 16385, 65535, 65536, BODY_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        exchange *x = request(sizes[i]);
        assert_int_equal(talk(1 + i * 100), 0);
        assert_int_equal(x->n_closed, 1);
        assert_int_equal(x->code, 0);
        assert_int_equal(x->has_ended, 1);
        assert_int_equal(x->n_blocks, 2);
        assert_int_equal(x->n_data, sizes[i]);
        assert_memory_equal(x->data, body, sizes[i]);
    }
    assert_null(mf_h2_first(client.h2));
    assert_null(mf_h2_first(server.h2));
}

static void has_many_streams_at_once(void **state)
{
    (void)state;
    assert_int_equal(talk(1000), 0);
    for (int i = 0; i < 40; i++) /* the server takes ten at a time */
        request((size_t)(i * 1000 + 1));
    assert_int_equal(talk(100000), 0);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(client.slots[i].n_closed, 1);
        assert_int_equal(client.slots[i].code, 0);
        assert_int_equal(client.slots[i].n_data, i * 1000 + 1);
    }
}

static void resets_from_either_side(void **state)
{
    (void)state;
    server.answer = 0;
    exchange *a = request(10), *b = request(10);
    assert_int_equal(talk(1000), 0);
    assert_int_equal(server.n, 2);
    mf_h2_reset(&a->stream, MF_H2_CANCEL);
    mf_h2_reset(&server.slots[1].stream, MF_H2_REFUSED_STREAM);
    assert_int_equal(talk(1000), 0);
    assert_int_equal(a->code, MF_H2_CANCEL);
    assert_int_equal(server.slots[0].code, MF_H2_CANCEL);
    assert_int_equal(b->code, MF_H2_REFUSED_STREAM);
    assert_int_equal(b->n_closed, 1);
}

static void an_early_answer_stops_the_request(void **state)
{
    (void)state;
    exchange *x = request(BODY_MAX);
    int rc;
    move(client.h2, server.h2, 100000, &rc);
    assert_int_equal(server.n, 1);
    assert_int_equal(server.slots[0].has_ended, 0);
    assert_int_equal(
        mf_h2_respond(&server.slots[0].stream, head, 2, NULL, 0, NULL, 0), 0);
    assert_int_equal(talk(100000), 0);
    assert_int_equal(x->has_ended, 1);
    assert_int_equal(x->n_blocks, 1);
    assert_int_equal(x->n_closed, 1);
    assert_int_equal(server.slots[0].n_closed, 1);
}

static void a_leaving_peer_gets_no_new_streams(void **state)
{
    (void)state;
    server.answer = 0;
    exchange *x = request(10);
    assert_int_equal(talk(1000), 0);
    mf_h2_go_away(server.h2);
    assert_int_equal(talk(1000), 0);
    assert_int_equal(client.n_going_away, 1);
    assert_int_equal(mf_h2_takes_requests(client.h2), 0);
    assert_null(request(10));
    /* what there was goes on */
    assert_int_equal(
        mf_h2_respond(&server.slots[0].stream, head, 2, body, 3, tail, 1), 0);
    talk(1000); /* ends with the end of the session */
    assert_int_equal(mf_h2_alive(client.h2), 0);
    assert_int_equal(x->n_data, 3);
    assert_int_equal(x->code, 0);
}

static void many_header_bytes_are_dropped_then_refused(void **state)
{
    (void)state;
    static char large[20000];
    memset(large, 'x', sizeof large);
    mf_h2_field fields[5];
    memcpy(fields, request_head, sizeof request_head);
    fields[4].name = (mayfly_str)MAYFLY_STR("x-large");
    for (size_t n = 100; n < sizeof large; n = n < 5000 ? 5000 : 19000) {
        fields[4].value = (mayfly_str){large, n};
        mf_h2_stream *s = on_begin(&client);
        assert_int_equal(mf_h2_request(client.h2, s, fields, 5, body, 1, NULL),
                         0);
        assert_int_equal(talk(1000), 0);
        exchange *x = &server.slots[server.n - 1];
        assert_true(x->header_bytes < 4000);
        if (n == 100)
            assert_int_equal(x->stream.too_large, 0);
        if (n == 5000)
            assert_int_equal(x->stream.too_large, 1);
        if (n == 19000) { /* past four times the bound */
            assert_int_equal(x->n_blocks, 0);
            break;
        }
    }
}

/* --- peers that break the rules --------------------------------------------
 */

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static size_t put_frame(uint8_t *to, size_t len, int type, int flags,
                        uint32_t id, const void *payload)
{
    const uint8_t frame[9] = {
        (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
        (uint8_t)type,        (uint8_t)flags,      (uint8_t)(id >> 24),
        (uint8_t)(id >> 16),  (uint8_t)(id >> 8),  (uint8_t)id};
    memcpy(to, frame, 9);
    if (len)
        memcpy(to + 9, payload, len);
    return 9 + len;
}

static int feed(const void *bytes, size_t n, uint64_t now_ms)
{
    uint8_t out[32768];
    size_t len;
    int rc = mf_h2_feed(server.h2, bytes, n, now_ms, NULL);
    do /* the peer reads what it is told */
        if (mf_h2_drain(server.h2, out, sizeof out, &len, NULL) != 0)
            break;
    while (len);
    return rc;
}

static void greet(void)
{
    uint8_t settings[9];
    put_frame(settings, 0, 4, 0, 0, NULL);
    assert_int_equal(feed(preface, sizeof preface - 1, 0), 0);
    assert_int_equal(feed(settings, 9, 0), 0);
}

static void refuses_what_is_not_http2(void **state)
{
    (void)state;
    const char *text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(feed(text, strlen(text), 0), MAYFLY_EIO);
    assert_int_equal(mf_h2_has_heard(server.h2), 0);
}

/* Frames that ask for an answer or for nothing, without end. */
static void ends_floods(void **state)
{
    static const struct {
        int type, flags;
        size_t len;
        uint32_t id;
    } kinds[] = {
        {6, 0, 8, 0}, /* PING */
        {4, 0, 0, 0}, /* SETTINGS */
        {2, 0, 5, 1}, /* PRIORITY */
        {8, 0, 4, 0}, /* WINDOW_UPDATE by 1 */
    };
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        uint8_t frame[20];
        uint8_t payload[8] = {0, 0, 0, 1};
        if (kinds[k].type == 2)
            payload[3] = 0;
        size_t n = put_frame(frame, kinds[k].len, kinds[k].type, kinds[k].flags,
                             kinds[k].id, payload);
        int rc = 0, fed = 0;
        mf_h2_free(server.h2);
        assert_int_equal(open_side(&server, 1, &pool), 0);
        greet();
        for (; rc == 0 && fed < 50000; fed++)
            rc = feed(frame, n, 0);
        if (rc == 0)
            fprintf(stderr, "frames of type %d are not bounded\n",
                    kinds[k].type);
        assert_int_equal(rc, MAYFLY_EIO);
        assert_true(fed < 20000);
        /* the same at a pace of one per millisecond is nobody's harm */
        mf_h2_free(server.h2);
        assert_int_equal(open_side(&server, 1, &pool), 0);
        greet();
        for (fed = 0; fed < 15000; fed++)
            assert_int_equal(feed(frame, n, (uint64_t)fed), 0);
    }
}

static const uint8_t small_headers[] = {
    /* :method POST, :scheme http, :path /, :authority x */
    0x83, 0x86, 0x84, 0x41, 0x01, 'x'};

static void ends_rapid_resets(void **state)
{
    uint32_t id = 1;
    int rc = 0;
    (void)state;
    greet();
    server.answer = 0;
    for (; rc == 0 && id < 20001; id += 2) {
        uint8_t frames[64];
        const uint8_t cancel[4] = {0, 0, 0, 8};
        size_t n =
            put_frame(frames, sizeof small_headers, 1, 5, id, small_headers);
        n += put_frame(frames + n, 4, 3, 0, id, cancel);
        check_closed(&server);
        server.n = 0;
        rc = feed(frames, n, 0);
    }
    assert_int_equal(rc, MAYFLY_EIO);
}

/* The peer makes us reset its streams, again and again. */
static void ends_provoked_resets(void **state)
{
    uint32_t id = 1;
    int rc = 0;
    (void)state;
    greet();
    server.answer = 0;
    for (; rc == 0 && id < 20001; id += 2) {
        uint8_t frames[64];
        const uint8_t overflow[4] = {0x7f, 0xff, 0xff, 0xff};
        size_t n =
            put_frame(frames, sizeof small_headers, 1, 4, id, small_headers);
        n += put_frame(frames + n, 4, 8, 0, id, overflow);
        check_closed(&server);
        server.n = 0;
        rc = feed(frames, n, 0);
    }
    assert_int_equal(rc, MAYFLY_EIO);
    assert_true(id < 1000);
}

static void ends_header_bombs(void **state)
{
    enum { TIMES = 4000 };
    static uint8_t frame[9 + 16384];
    static uint8_t block[16384];
    (void)state;
    greet();
    /* a field of 4,000 bytes enters the table; then one byte repeats it */
    size_t n = sizeof small_headers;
    memcpy(block, small_headers, n);
    block[n++] = 0x40; /* literal, indexed, new name */
    block[n++] = 1;
    block[n++] = 'a';
    block[n++] = 0x7f; /* 127 + ... */
    block[n++] = 0x80 | ((4000 - 127) & 0x7f);
    block[n++] = (4000 - 127) >> 7;
    memset(block + n, 'b', 4000);
    n += 4000;
    memset(block + n, 0x80 | 62, TIMES);
    n += TIMES;
    int rc = feed(frame, put_frame(frame, n, 1, 5, 1, block), 0);
    assert_int_equal(rc, 0); /* this call only */
    assert_int_equal(server.slots[0].n_closed, 1);
    assert_true(server.slots[0].header_bytes < 4000);
    assert_int_equal(server.slots[0].n_blocks, 0);
    block[6] = 0x80 | 62; /* from now on the table has it */
    memmove(block + 7, block + n - TIMES, TIMES);
    uint32_t id = 3;
    for (; rc == 0 && id < 20001; id += 2)
        rc = feed(frame, put_frame(frame, TIMES + 7, 1, 5, id, block), 0);
    assert_int_equal(rc, MAYFLY_EIO);
    assert_true(id < 1000);
}

static void ends_endless_continuations(void **state)
{
    static uint8_t frame[9 + 1000];
    static uint8_t filler[1000];
    int rc;
    (void)state;
    greet();
    rc =
        feed(frame,
             put_frame(frame, sizeof small_headers, 1, 1, 1, small_headers), 0);
    memset(filler, 0x84, sizeof filler);
    for (int i = 0; rc == 0 && i < 1000; i++)
        rc = feed(frame, put_frame(frame, sizeof filler, 9, 0, 1, filler), 0);
    assert_int_equal(rc, MAYFLY_EIO);
}

/* A recorded conversation, cut and damaged at random: an error or not, but no
 * crash, and everything is given back (teardown looks). */
static void survives_damage(void **state)
{
    static uint8_t good[65536];
    static uint8_t bad[sizeof good];
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 5; i++)
        request((size_t)i * 300 + 1);
    for (size_t len = 1; len;) {
        assert_int_equal(mf_h2_drain(client.h2, good + n, 32768, &len, NULL),
                         0);
        n += len;
    }
    srand(11);
    for (int round = 0; round < 3000; round++) {
        size_t len = round % 3 ? n : (size_t)rand() % n;
        memcpy(bad, good, len);
        for (int k = round % 8; k > 0 && len > 24; k--)
            bad[24 + (size_t)rand() % (len - 24)] = (uint8_t)rand();
        mf_h2_free(server.h2);
        check_closed(&server);
        assert_int_equal(open_side(&server, 1, &pool), 0);
        int rc = 0;
        for (size_t at = 0; at < len && rc == 0;) {
            size_t piece = 1 + (size_t)rand() % 500;
            piece = piece < len - at ? piece : len - at;
            rc = feed(bad + at, piece, 0);
            at += piece;
        }
    }
}

/* --- lack of memory ---------------------------------------------------------
 */

static int converse(const mayfly_allocator *table, void *state)
{
    mf_alloc alloc;
    mf_pool blocks;
    int rc;
    (void)state;
    mf_alloc_init(&alloc, table);
    mf_pool_init(&blocks, &alloc, 0);
    client.h2 = server.h2 = NULL;
    rc = open_side(&client, 0, &blocks);
    if (rc == 0)
        rc = open_side(&server, 1, &blocks);
    if (rc == 0) {
        mf_h2_stream *s = on_begin(&client);
        rc = mf_h2_request(client.h2, s, request_head, 4, body, 20000, NULL);
        if (rc != 0)
            client.n = 0;
    }
    if (rc == 0)
        rc = talk(1000);
    if (rc == 0 &&
        (client.slots[0].n_data != 20000 || client.slots[0].n_closed != 1))
        rc = MAYFLY_ENOMEM; /* a stream that was given up */
    mf_h2_free(client.h2);
    mf_h2_free(server.h2);
    client.h2 = server.h2 = NULL;
    mf_pool_done(&blocks);
    check_closed(&client);
    check_closed(&server);
    return rc == MAYFLY_EIO ? MAYFLY_ENOMEM : rc;
}

static void lack_of_memory_is_an_error(void **state)
{
    (void)state;
    assert_true(fault_each(converse, NULL) > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(carries_bodies_and_trailers),
        TEST(has_many_streams_at_once),
        TEST(resets_from_either_side),
        TEST(an_early_answer_stops_the_request),
        TEST(a_leaving_peer_gets_no_new_streams),
        TEST(many_header_bytes_are_dropped_then_refused),
        TEST(refuses_what_is_not_http2),
        TEST(ends_floods),
        TEST(ends_rapid_resets),
        TEST(ends_provoked_resets),
        TEST(ends_header_bombs),
        TEST(ends_endless_continuations),
        TEST(survives_damage),
        cmocka_unit_test(lack_of_memory_is_an_error),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(client.slots);
    free(server.slots);
    return failed;
}
