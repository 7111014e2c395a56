/* The tokenizer: what it accepts, what it refuses and where. */
#include "compiler/json/scan.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    mf_alloc alloc;
    mayfly_arena arena;
} fixture;

static void init(fixture *f)
{
    mf_alloc_init(&f->alloc, NULL);
    mf_arena_init(&f->arena, &f->alloc, 0, 0);
}

static void done(fixture *f)
{
    mf_arena_done(&f->arena);
    assert_int_equal(atomic_load(&f->alloc.blocks), 0);
}

/* Reads all of a text, skipping its value. The text is copied to the end of a
 * block of its own, so that a sanitizer sees a read past it. */
static int read_all(const char *text, size_t len, mayfly_error *err)
{
    fixture f;
    mf_scan s;
    char *copy = malloc(len ? len : 1);
    init(&f);
    if (len)
        memcpy(copy, text, len);
    int rc = mf_scan_start(&s, (mayfly_str){copy, len}, &f.arena, err);
    if (rc == 0)
        rc = mf_scan_skip(&s, err);
    if (rc == 0)
        rc = mf_scan_end(&s, err);
    done(&f);
    free(copy);
    return rc;
}

static void accepts(void **state)
{
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.5",
        "1e3",
        "-1.25E-07",
        "1E+2",
        "\"\"",
        "\"a\"",
        "{}",
        "[]",
        " \t\r\n[ 1 , 2 ] \n",
        "{\"a\":{\"b\":[{},[],[[]],{\"c\":null}]},\"d\":1}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00\\u0000\"",
        "\"\x7f\"",
        "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf\"",
        "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
        "[\"a\",{\"\":\"\"}]"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        if (read_all(texts[i], strlen(texts[i]), &err) != 0)
            fail_msg("%s: %s", texts[i], err.message);
    }
}

static void refuses(void **state)
{
    static const struct {
        const char *text;
        int line, column;
    } texts[] = {{"", 1, 1},
                 {"   ", 1, 4},
                 {"nul", 1, 1},
                 {"nulll", 1, 1},
                 {"True", 1, 1},
                 {"NaN", 1, 1},
                 {"Infinity", 1, 1},
                 {"-Infinity", 1, 1},
                 {"01", 1, 1},
                 {"-", 1, 1},
                 {"+1", 1, 1},
                 {".5", 1, 1},
                 {"1.", 1, 1},
                 {"1.e3", 1, 1},
                 {"1e", 1, 1},
                 {"1e+", 1, 1},
                 {"0x10", 1, 2},
                 {"1 2", 1, 3},
                 {"[", 1, 2},
                 {"[1", 1, 3},
                 {"[1,", 1, 4},
                 {"[1,]", 1, 4},
                 {"[,1]", 1, 2},
                 {"[1 2]", 1, 4},
                 {"]", 1, 1},
                 {"[}", 1, 2},
                 {"{", 1, 2},
                 {"{]", 1, 2},
                 {"{\"a\"}", 1, 5},
                 {"{\"a\":}", 1, 6},
                 {"{\"a\":1,}", 1, 8},
                 {"{a:1}", 1, 2},
                 {"{1:1}", 1, 2},
                 {"{\"a\" 1}", 1, 6},
                 {"{\"a\":1 \"b\":2}", 1, 8},
                 {"{\"a\":1;}", 1, 7},
                 {"{'a':1}", 1, 2},
                 {"\"a", 1, 1},
                 {"\"\n\"", 1, 2},
                 {"\"\t\"", 1, 2},
                 {"\"\\x\"", 1, 2},
                 {"\"\\", 1, 2},
                 {"\"\\u12\"", 1, 2},
                 {"\"\\u12g4\"", 1, 2},
                 {"\"\\ud800\"", 1, 2},
                 {"\"\\udc00\"", 1, 2},
                 {"\"\\ud800\\u0041\"", 1, 2},
                 {"\"\\ud800x\"", 1, 2},
                 {"\"\\ud800\\ud800\"", 1, 2},
                 {"\"\x80\"", 1, 2},
                 {"\"\xc0\x80\"", 1, 2},
                 {"\"\xc1\xbf\"", 1, 2},
                 {"\"\xe0\x9f\xbf\"", 1, 2},
                 {"\"\xed\xa0\x80\"", 1, 2},
                 {"\"\xf0\x8f\xbf\xbf\"", 1, 2},
                 {"\"\xf4\x90\x80\x80\"", 1, 2},
                 {"\"\xf5\x80\x80\x80\"", 1, 2},
                 {"\"ab\xc3\"", 1, 4},
                 {"\"\xe2\x82\"", 1, 2},
                 {"// c\n1", 1, 1},
                 {"/**/1", 1, 1},
                 {"[1]\n\n  x", 3, 3},
                 {"{\n\"a\": 1,\n  \"b\": tru}", 3, 8},
                 {"\xef\xbb\xbf{}", 1, 1},
                 {"\f1", 1, 1},
                 {"\xa0", 1, 1},
                 {"{}}", 1, 3},
                 {"[]]", 1, 3},
                 {"null,", 1, 5},
                 {":", 1, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        mayfly_error err = MAYFLY_ERROR_INIT;
        int rc = read_all(texts[i].text, strlen(texts[i].text), &err);
        if (rc != MAYFLY_EJSON || err.code != rc || err.line != texts[i].line ||
            err.column != texts[i].column)
            fail_msg("%s: %d, %d:%d %s", texts[i].text, rc, err.line,
                     err.column, err.message);
    }
}

/* No prefix of a text may read past its end, and only whole ones pass. */
static void every_prefix(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2.5e+3,true,null,\"x\\n\\ud83d\\ude00\xe2\x82\xac\"],\"b\""
        ":{}}";
    (void)state;
    for (size_t n = 0; n < sizeof(text) - 1; n++)
        assert_int_equal(read_all(text, n, NULL), MAYFLY_EJSON);
    assert_int_equal(read_all(text, sizeof(text) - 1, NULL), 0);
    /* A NUL byte is no end. */
    assert_int_equal(read_all("1\0", 2, NULL), MAYFLY_EJSON);
    assert_int_equal(read_all("\"a\0b\"", 5, NULL), MAYFLY_EJSON);
}

static void depth(void **state)
{
    char text[2 * MF_SCAN_DEPTH_MAX + 4];
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    memset(text, '[', MF_SCAN_DEPTH_MAX);
    memset(text + MF_SCAN_DEPTH_MAX, ']', MF_SCAN_DEPTH_MAX);
    assert_int_equal(read_all(text, 2 * MF_SCAN_DEPTH_MAX, &err), 0);
    memset(text, '[', MF_SCAN_DEPTH_MAX + 1);
    assert_int_equal(read_all(text, MF_SCAN_DEPTH_MAX + 1, &err),
                     MAYFLY_ELIMIT);
    assert_int_equal(err.column, MF_SCAN_DEPTH_MAX + 1);
}

static void strings(void **state)
{
    static const char text[] = "[\"plain\",\"\\ud83d\\ude00\\u20ac\\u00e9\\u000"
                               "0\\/\\\"\",\"\\u0041bc\"]";
    fixture f;
    mf_scan s;
    bool first = true;
    (void)state;
    init(&f);
    assert_int_equal(mf_scan_start(&s, mayfly_str_of(text), &f.arena, NULL), 0);
    assert_int_equal(mf_scan_element(&s, &first, NULL), 1);
    assert_int_equal(s.text.len, 5);
    assert_ptr_equal(s.text.ptr, text + 2); /* not copied */
    assert_int_equal(mf_scan_element(&s, &first, NULL), 1);
    assert_int_equal(s.text.len, 12);
    assert_memory_equal(s.text.ptr, "\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa9\0/\"",
                        12);
    assert_int_equal(mf_scan_element(&s, &first, NULL), 1);
    assert_int_equal(s.text.len, 3);
    assert_memory_equal(s.text.ptr, "Abc", 3);
    assert_int_equal(mf_scan_element(&s, &first, NULL), 0);
    assert_int_equal(mf_scan_end(&s, NULL), 0);
    done(&f);
}

/* An arena without room is an error, and says that it was its bound. */
static void bounded(void **state)
{
    fixture f;
    mf_scan s;
    char text[3000];
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    memset(text, 'a', sizeof(text));
    text[0] = text[sizeof(text) - 1] = '"';
    memcpy(text + 1, "\\n", 2);
    mf_alloc_init(&f.alloc, NULL);
    mf_arena_init(&f.arena, &f.alloc, 0, 1024);
    assert_int_equal(
        mf_scan_start(&s, (mayfly_str){text, sizeof(text)}, &f.arena, &err),
        MAYFLY_ELIMIT);
    assert_int_equal(err.code, MAYFLY_ELIMIT);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),      cmocka_unit_test(refuses),
        cmocka_unit_test(every_prefix), cmocka_unit_test(depth),
        cmocka_unit_test(strings),      cmocka_unit_test(bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
