/* gRPC's rules as pure functions: deadlines, texts, metadata, status, framing.
 */
#include "proxy/transport/grpc.h"

#include <mayfly/call.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void deadlines(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } written[] = {
        {0, "0n"},
        {1, "1n"},
        {99999999, "99999999n"},
        {100000000, "100000u"},
        {100000001, "100001u"}, /* rounded up: never too early */
        {99999999000, "99999999u"},
        {3600000000000, "3600000m"},
        {99999999000000, "99999999m"},
        {360000000000000, "360000S"},
        {UINT64_MAX, "5124096H"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        char text[MF_TIMEOUT_TEXT];
        size_t n = mf_timeout_format(written[i].ns, text);
        assert_int_equal(n, strlen(written[i].text));
        assert_memory_equal(text, written[i].text, n);
    }
    static const struct {
        const char *text;
        uint64_t ns;
    } read[] = {
        {"0n", 0},
        {"1n", 1},
        {"2u", 2000},
        {"3m", 3000000},
        {"4S", 4000000000},
        {"5M", 300000000000},
        {"1H", 3600000000000},
        {"99999999H", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++) {
        uint64_t ns = 7;
        assert_int_equal(mf_timeout_parse(mayfly_str_of(read[i].text), &ns), 0);
        assert_true(ns == read[i].ns);
    }
    static const char *const broken[] = {
        "", "1", "n", "1x", "-1n", "1 n", " 1n", "1.5S", "1ms", "123456789n"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        uint64_t ns = 7;
        assert_int_equal(mf_timeout_parse(mayfly_str_of(broken[i]), &ns), -1);
        assert_true(ns == 7);
    }
}

static void deadlines_go_there_and_back(void **state)
{
    (void)state;
    for (uint64_t ns = 1; ns < UINT64_MAX / 3; ns = ns * 3 + 1) {
        char text[MF_TIMEOUT_TEXT];
        uint64_t back;
        mayfly_str s = {text, mf_timeout_format(ns, text)};
        assert_true(s.len <= 9);
        assert_int_equal(mf_timeout_parse(s, &back), 0);
        assert_true(back >= ns);
        assert_true(back - ns <= ns / 1000);
    }
}

static void percent(const char *text, const char *encoded)
{
    char out[200];
    mayfly_str s = mayfly_str_of(text);
    assert_int_equal(mf_percent_size(s), strlen(encoded));
    assert_int_equal(mf_percent_encode(s, out), strlen(encoded));
    assert_memory_equal(out, encoded, strlen(encoded));
    assert_int_equal(mf_percent_decode(mayfly_str_of(encoded), out), s.len);
    assert_memory_equal(out, text, s.len);
}

static void texts(void **state)
{
    (void)state;
    percent("", "");
    percent("plain text, even ~", "plain text, even ~");
    percent("100%", "100%25");
    percent(" a b ", "%20a b%20");
    percent(" ", "%20");
    percent("a\nb\tc\x7f", "a%0Ab%09c%7F");
    percent("\xc3\xa4\xe2\x82\xac", "%C3%A4%E2%82%AC");
    /* what is no escape stays */
    static const struct {
        const char *in, *out;
    } odd[] = {{"%", "%"},     {"%4", "%4"},
               {"%zz", "%zz"}, {"%c3%A4", "\xc3\xa4"},
               {"%%41", "%A"}, {"a%2", "a%2"}};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char out[20];
        size_t n = mf_percent_decode(mayfly_str_of(odd[i].in), out);
        assert_int_equal(n, strlen(odd[i].out));
        assert_memory_equal(out, odd[i].out, n);
    }
}

static int key_ok(const char *key)
{
    return mf_key_ok(mayfly_str_of(key));
}

static void metadata(void **state)
{
    (void)state;
    assert_true(key_ok("a") && key_ok("x-y_z.9") && key_ok("data-bin"));
    assert_false(key_ok("") || key_ok("A") || key_ok("a b") || key_ok(":path"));
    assert_false(key_ok("grpc-timeout") || key_ok("grpc-") || key_ok("te"));
    assert_false(key_ok("content-type") || key_ok("connection"));
    assert_false(key_ok("\xc3\xa4") || key_ok("a\n") || key_ok("a:b"));
    assert_true(mf_key_is_bin(mayfly_str_of("x-bin")));
    assert_false(mf_key_is_bin(mayfly_str_of("-bin")));
    assert_false(mf_key_is_bin(mayfly_str_of("x-bin2")));
    assert_true(mf_value_ok(mayfly_str_of("")));
    assert_true(mf_value_ok(mayfly_str_of("a ~")));
    assert_false(mf_value_ok(mayfly_str_of(" a")));
    assert_false(mf_value_ok(mayfly_str_of("a ")));
    assert_false(mf_value_ok(mayfly_str_of("a\nb")));
    assert_false(mf_value_ok((mayfly_str){"a\0b", 3}));
    assert_false(mf_value_ok(mayfly_str_of("\xc3\xa4")));
}

static int path_ok(const char *path)
{
    return mf_path_ok(path, strlen(path));
}

static void paths_and_types(void **state)
{
    (void)state;
    assert_true(path_ok("/a/b") && path_ok("/helloworld.Greeter/SayHello"));
    assert_false(path_ok("") || path_ok("/") || path_ok("a/b") ||
                 path_ok("/a") || path_ok("/a/") || path_ok("//b"));
    assert_false(path_ok("/a /b") || path_ok("/a/b\n") || path_ok("/a/\xff"));
    assert_true(mf_content_type_ok(mayfly_str_of("application/grpc")));
    assert_true(mf_content_type_ok(mayfly_str_of("application/grpc+proto")));
    assert_true(mf_content_type_ok(mayfly_str_of("application/grpc;a=b")));
    assert_false(mf_content_type_ok(mayfly_str_of("application/grpcweb")));
    assert_false(mf_content_type_ok(mayfly_str_of("application/json")));
    assert_false(mf_content_type_ok(mayfly_str_of("")));
}

static void statuses(void **state)
{
    (void)state;
    assert_int_equal(mf_status_parse(mayfly_str_of("0")), 0);
    assert_int_equal(mf_status_parse(mayfly_str_of("16")), 16);
    assert_int_equal(mf_status_parse(mayfly_str_of("999999999")), 999999999);
    assert_int_equal(mf_status_parse(mayfly_str_of("")), -1);
    assert_int_equal(mf_status_parse(mayfly_str_of("-1")), -1);
    assert_int_equal(mf_status_parse(mayfly_str_of("1x")), -1);
    assert_int_equal(mf_status_parse(mayfly_str_of("9999999999")), -1);
    assert_int_equal(mf_status_of_http(404), MAYFLY_STATUS_UNIMPLEMENTED);
    assert_int_equal(mf_status_of_http(503), MAYFLY_STATUS_UNAVAILABLE);
    assert_int_equal(mf_status_of_http(418), MAYFLY_STATUS_UNKNOWN);
    assert_int_equal(mf_status_of_reset(8), MAYFLY_STATUS_CANCELLED);
    assert_int_equal(mf_status_of_reset(7), MAYFLY_STATUS_UNAVAILABLE);
    assert_int_equal(mf_status_of_reset(1), MAYFLY_STATUS_INTERNAL);
    assert_string_equal(mayfly_status_name(5), "NOT_FOUND");
    assert_string_equal(mayfly_status_name(17), "UNKNOWN");
    assert_string_equal(mayfly_status_name(-1), "UNKNOWN");
}

/* --- framing --- */

typedef struct gathering {
    mf_alloc alloc;
    mayfly_arena arena;
    mf_gather g;
} gathering;

static void gathering_init(gathering *t, size_t max, size_t arena_max)
{
    memset(t, 0, sizeof *t);
    mf_alloc_init(&t->alloc, NULL);
    mf_arena_init(&t->arena, &t->alloc, 0, arena_max);
    t->g.max = max;
}

static void gathering_done(gathering *t)
{
    mf_arena_done(&t->arena);
    assert_int_equal(atomic_load(&t->alloc.bytes), 0);
}

static void gathers_in_pieces_of_any_size(void **state)
{
    enum { N = 1000 };
    uint8_t wire[5 + N];
    (void)state;
    mf_prefix_write(wire, N);
    for (size_t i = 0; i < N; i++)
        wire[5 + i] = (uint8_t)i;
    for (size_t piece = 1; piece <= sizeof wire; piece++) {
        gathering t;
        int rc = MF_GATHER_MORE, prefixes = 0;
        gathering_init(&t, N, 0);
        for (size_t at = 0; at < sizeof wire; at += piece) {
            size_t n = sizeof wire - at < piece ? sizeof wire - at : piece;
            assert_int_not_equal(rc, MF_GATHER_WHOLE);
            rc = mf_gather_feed(&t.g, &t.arena, wire + at, n);
            prefixes += rc == MF_GATHER_PREFIX;
        }
        assert_int_equal(rc, MF_GATHER_WHOLE);
        assert_true(prefixes <= 1);
        assert_true(mf_gather_is_whole(&t.g));
        assert_int_equal(t.g.len, N);
        assert_memory_equal(t.g.bytes, wire + 5, N);
        assert_int_equal(mf_gather_feed(&t.g, &t.arena, wire, 1),
                         MF_GATHER_SECOND);
        gathering_done(&t);
    }
}

static int feed_one(const uint8_t *wire, size_t n, size_t max, size_t arena)
{
    gathering t;
    gathering_init(&t, max, arena);
    int rc = mf_gather_feed(&t.g, &t.arena, wire, n);
    assert_int_equal(mf_gather_is_whole(&t.g), rc == MF_GATHER_WHOLE);
    gathering_done(&t);
    return rc;
}

static void refuses_what_it_should(void **state)
{
    (void)state;
    const uint8_t empty[] = {0, 0, 0, 0, 0}, huge[] = {0, 255, 255, 255, 255};
    const uint8_t packed[] = {1, 0, 0, 0, 1, 'x'}, odd[] = {2, 0, 0, 0, 0};
    const uint8_t two[] = {0, 0, 0, 0, 1, 'x', 0};
    assert_int_equal(feed_one(empty, 5, 0, 0), MF_GATHER_WHOLE);
    assert_int_equal(feed_one(empty, 4, 0, 0), MF_GATHER_MORE);
    assert_int_equal(feed_one(huge, 5, 1 << 20, 0), MF_GATHER_LIMIT);
    assert_int_equal(feed_one(packed, 6, 100, 0), MF_GATHER_PACKED);
    assert_int_equal(feed_one(odd, 5, 100, 0), MF_GATHER_BROKEN);
    assert_int_equal(feed_one(two, 7, 100, 0), MF_GATHER_SECOND);
    const uint8_t mebibyte[] = {0, 0, 16, 0, 0};
    assert_int_equal(feed_one(mebibyte, 5, 1 << 20, 1000), MF_GATHER_NOMEM);
}

static void takes_memory_for_what_came(void **state)
{
    gathering t;
    const uint8_t large[] = {0, 64, 0, 0, 0}; /* 1 GiB is promised */
    (void)state;
    gathering_init(&t, (size_t)1 << 31, 0);
    assert_int_equal(mf_gather_feed(&t.g, &t.arena, large, 5),
                     MF_GATHER_PREFIX);
    assert_true(t.arena.bytes < 1 << 20);
    gathering_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines),
        cmocka_unit_test(deadlines_go_there_and_back),
        cmocka_unit_test(texts),
        cmocka_unit_test(metadata),
        cmocka_unit_test(paths_and_types),
        cmocka_unit_test(statuses),
        cmocka_unit_test(gathers_in_pieces_of_any_size),
        cmocka_unit_test(refuses_what_it_should),
        cmocka_unit_test(takes_memory_for_what_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
