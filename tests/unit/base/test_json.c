/* The JSON writer. */
#include "base/json.h"
#include "tests/support/test.h"

#include <string.h>

static void write_all(mf_json *j)
{
    mf_json_open(j, '{');
    mf_json_name(j, "a");
    mf_json_u64(j, UINT64_MAX);
    mf_json_name(j, "b");
    mf_json_open(j, '[');
    mf_json_i64(j, INT64_MIN);
    mf_json_raw(j, "true");
    mf_json_open(j, '{');
    mf_json_close(j, '}');
    mf_json_close(j, ']');
    mf_json_name(j, "c");
    mf_json_open(j, '[');
    mf_json_close(j, ']');
    mf_json_close(j, '}');
}

static void shapes(void **state)
{
    mf_alloc a;
    mf_buf b;
    mf_json j;
    (void)state;

    mf_alloc_init(&a, NULL);
    mf_buf_init(&b, &a, 0);
    mf_json_init(&j, &b, 0);
    write_all(&j);
    assert_string_equal(mf_buf_text(&b),
                        "{\"a\":18446744073709551615,"
                        "\"b\":[-9223372036854775808,true,{}],\"c\":[]}");
    mf_buf_clear(&b);
    mf_json_init(&j, &b, 1);
    write_all(&j);
    assert_string_equal(mf_buf_text(&b), "{\n"
                                         "  \"a\": 18446744073709551615,\n"
                                         "  \"b\": [\n"
                                         "    -9223372036854775808,\n"
                                         "    true,\n"
                                         "    {}\n"
                                         "  ],\n"
                                         "  \"c\": []\n"
                                         "}");
    mf_buf_done(&b);
}

static void check(mf_buf *b, const char *in, size_t len, const char *out)
{
    mf_json j;
    mf_buf_clear(b);
    mf_json_init(&j, b, 0);
    mf_json_str(&j, in, len);
    assert_string_equal(mf_buf_text(b), out);
}

static void strings(void **state)
{
    mf_alloc a;
    mf_buf b;
    (void)state;

    mf_alloc_init(&a, NULL);
    mf_buf_init(&b, &a, 0);
    check(&b, NULL, 0, "\"\"");
    check(&b, "plain", 5, "\"plain\"");
    check(&b, "a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
    check(&b, "\b\f\n\r\t\v\x01\x1f\x7f\0", 10,
          "\"\\b\\f\\n\\r\\t\\u000b\\u0001\\u001f\x7f\\u0000\"");
    check(&b, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 11,
          "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
#define BAD "\xef\xbf\xbd"
    check(&b, "\xff", 1, "\"" BAD "\"");
    check(&b, "a\xc3", 2, "\"a" BAD "\"");
    check(&b, "\xc0\x80", 2, "\"" BAD BAD "\"");         /* overlong */
    check(&b, "\xed\xa0\x80", 3, "\"" BAD BAD BAD "\""); /* a surrogate */
    check(&b, "\xf4\x90\x80\x80z", 5, "\"" BAD BAD BAD BAD "z\"");
    mf_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
