/* Numbers, base64, times, field masks: text forms without any message. */
#include "compiler/json/base64.h"
#include "compiler/json/internal.h"
#include "compiler/json/numbers.h"
#include "tests/support/test.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void whole_numbers(void **state)
{
    static const struct {
        const char *text;
        enum mf_number_result result;
        int64_t value;
    } cases[] = {
        {"0", MF_NUMBER_OK, 0},
        {"-0", MF_NUMBER_OK, 0},
        {"-0.0e9", MF_NUMBER_OK, 0},
        {"9223372036854775807", MF_NUMBER_OK, INT64_MAX},
        {"-9223372036854775808", MF_NUMBER_OK, INT64_MIN},
        {"9223372036854775808", MF_NUMBER_RANGE, 0},
        {"-9223372036854775809", MF_NUMBER_RANGE, 0},
        {"99999999999999999999999", MF_NUMBER_RANGE, 0},
        {"1e3", MF_NUMBER_OK, 1000},
        {"1E+3", MF_NUMBER_OK, 1000},
        {"1.50e1", MF_NUMBER_OK, 15},
        {"0.001e3", MF_NUMBER_OK, 1},
        {"1000e-3", MF_NUMBER_OK, 1},
        {"2.000", MF_NUMBER_OK, 2},
        {"922337203685477580.7e1", MF_NUMBER_OK, INT64_MAX},
        {"9.223372036854775807e18", MF_NUMBER_OK, INT64_MAX},
        {"0e99999999999999999999", MF_NUMBER_OK, 0},
        {"1e99999999999999999999", MF_NUMBER_RANGE, 0},
        {"1e-99999999999999999999", MF_NUMBER_FRACTION, 0},
        {"1.5", MF_NUMBER_FRACTION, 0},
        {"15e-1", MF_NUMBER_FRACTION, 0},
        {"0.00000000000000000000001", MF_NUMBER_FRACTION, 0},
        {"1.00000000000000000000001", MF_NUMBER_FRACTION, 0},
        {"", MF_NUMBER_MALFORMED, 0},
        {"-", MF_NUMBER_MALFORMED, 0},
        {"+1", MF_NUMBER_MALFORMED, 0},
        {" 1", MF_NUMBER_MALFORMED, 0},
        {"1 ", MF_NUMBER_MALFORMED, 0},
        {"01", MF_NUMBER_MALFORMED, 0},
        {"1.", MF_NUMBER_MALFORMED, 0},
        {".1", MF_NUMBER_MALFORMED, 0},
        {"1e", MF_NUMBER_MALFORMED, 0},
        {"1e-", MF_NUMBER_MALFORMED, 0},
        {"1e5x", MF_NUMBER_MALFORMED, 0},
        {"0x1", MF_NUMBER_MALFORMED, 0},
        {"1_0", MF_NUMBER_MALFORMED, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = -77;
        enum mf_number_result rc = mf_number_i64(mayfly_str_of(cases[i].text),
                                                 INT64_MIN, INT64_MAX, &value);
        if (rc != cases[i].result ||
            value != (rc == MF_NUMBER_OK ? cases[i].value : -77))
            fail_msg("%s: %d %lld", cases[i].text, (int)rc, (long long)value);
    }
    uint64_t u = 0;
    assert_int_equal(
        mf_number_u64(mayfly_str_of("18446744073709551615"), UINT64_MAX, &u),
        MF_NUMBER_OK);
    assert_true(u == UINT64_MAX);
    assert_int_equal(
        mf_number_u64(mayfly_str_of("18446744073709551616"), UINT64_MAX, &u),
        MF_NUMBER_RANGE);
    assert_int_equal(mf_number_u64(mayfly_str_of("4294967296"), UINT32_MAX, &u),
                     MF_NUMBER_RANGE);
    assert_int_equal(mf_number_u64(mayfly_str_of("-1"), UINT64_MAX, &u),
                     MF_NUMBER_RANGE);
    assert_int_equal(mf_number_u64(mayfly_str_of("-0"), UINT64_MAX, &u),
                     MF_NUMBER_OK);
    int64_t i = 0;
    assert_int_equal(
        mf_number_i64(mayfly_str_of("2147483648"), INT32_MIN, INT32_MAX, &i),
        MF_NUMBER_RANGE);
    assert_int_equal(
        mf_number_i64(mayfly_str_of("-2147483648"), INT32_MIN, INT32_MAX, &i),
        MF_NUMBER_OK);
}

static void check_double(const char *text, double wanted)
{
    double value = 77;
    assert_int_equal(mf_number_double(mayfly_str_of(text), &value),
                     MF_NUMBER_OK);
    if (memcmp(&value, &wanted, sizeof(value)) != 0)
        fail_msg("%s: %a, not %a", text, value, wanted);
}

static void doubles(void **state)
{
    double value = 77;
    float single = 77;
    char text[3000];
    (void)state;
    check_double("0", 0.0);
    check_double("-0", -0.0);
    check_double("0.1", 0.1);
    check_double("1.7976931348623157e308", DBL_MAX);
    check_double("5e-324", 4.9406564584124654e-324);
    check_double("1e-400", 0.0);
    check_double("123456789012345678901234567890",
                 123456789012345678901234567890.0);
    assert_int_equal(mf_number_double(mayfly_str_of("1.8e308"), &value),
                     MF_NUMBER_RANGE);
    assert_int_equal(
        mf_number_double(mayfly_str_of("-1e99999999999999999"), &value),
        MF_NUMBER_RANGE);
    /* Halfway between 1 and its neighbour, then a one far behind. */
    strcpy(text, "1.00000000000000011102230246251565404236316680908203125");
    check_double(text, 1.0);
    size_t n = strlen(text);
    memset(text + n, '0', 2000);
    text[n + 2000] = '\0';
    check_double(text, 1.0);
    text[n + 1999] = '1';
    check_double(text, 1.0000000000000002);
    /* A thousand digits before the point, shrunk again. */
    memset(text, '9', 1000);
    strcpy(text + 1000, "e-1000");
    check_double(text, 1.0);
    assert_int_equal(mf_number_float(mayfly_str_of("3.4028235e38"), &single),
                     MF_NUMBER_OK);
    assert_true(single == FLT_MAX);
    assert_int_equal(mf_number_float(mayfly_str_of("3.5e38"), &single),
                     MF_NUMBER_RANGE);
}

static void print_double(double value, const char *wanted)
{
    char text[MF_NUMBER_MAX];
    mf_number_print_double(value, text);
    assert_string_equal(text, wanted);
}

static void shortest(void **state)
{
    char text[MF_NUMBER_MAX];
    (void)state;
    print_double(0, "0");
    print_double(-0.0, "-0");
    print_double(1, "1");
    print_double(-1.5, "-1.5");
    print_double(0.1, "0.1");
    print_double(0.1 + 0.2, "0.30000000000000004");
    print_double(100, "100");
    print_double(123456789012345680.0, "1.2345678901234568e+17");
    print_double(1e15, "1000000000000000");
    print_double(1e16, "1e+16");
    print_double(0.0001, "0.0001");
    print_double(0.00001, "1e-05");
    print_double(5e-324, "5e-324");
    print_double(DBL_MAX, "1.7976931348623157e+308");
    print_double(DBL_MIN, "2.2250738585072014e-308");
    print_double(5.684341886080802e-14, "5.684341886080802e-14");
    print_double(9007199254740993.0, "9007199254740992");
    mf_number_print_float(0.1f, text);
    assert_string_equal(text, "0.1");
    mf_number_print_float(FLT_MAX, text);
    assert_string_equal(text, "3.4028235e+38");
    mf_number_print_float(16777216.0f, text);
    assert_string_equal(text, "16777216");
    mf_number_print_float(1e-45f, text);
    assert_string_equal(text, "1.4013e-45");
}

/* Any bits, printed and read, are the same bits again. */
static void round_trip(void **state)
{
    uint64_t seed = 88172645463325252u;
    char text[MF_NUMBER_MAX];
    (void)state;
    for (int i = 0; i < 50000; i++) {
        double d, d2 = 0;
        float f, f2 = 0;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        uint64_t bits = seed;
        if (i % 4 == 0) /* powers of two have uneven neighbours */
            bits &= (uint64_t)0xfff << 52;
        memcpy(&d, &bits, sizeof(d));
        uint32_t low = (uint32_t)(bits >> 32);
        memcpy(&f, &low, sizeof(f));
        if (isfinite(d)) {
            mf_number_print_double(d, text);
            assert_int_equal(mf_number_double(mayfly_str_of(text), &d2), 0);
            assert_memory_equal(&d, &d2, sizeof(d));
            char other[64];
            snprintf(other, sizeof(other), "%.17g", d);
            assert_true(strlen(text) <= strlen(other) + 5); /* ".", "e+16" */
        }
        if (isfinite(f)) {
            mf_number_print_float(f, text);
            assert_int_equal(mf_number_float(mayfly_str_of(text), &f2), 0);
            assert_memory_equal(&f, &f2, sizeof(f));
        }
    }
}

/* The process's locale has no say, where there is one with a decimal comma. */
static void other_locale(void **state)
{
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        setlocale(LC_NUMERIC, "fr_FR.UTF-8");
    check_double("1.5", 1.5);
    print_double(1.5, "1.5");
    setlocale(LC_NUMERIC, "C");
}

static void base64(void **state)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xfb\xff\xfe", "+//+"}};
    static const struct {
        const char *text;
        int len; /* -1: refused */
    } reads[] = {{"Zg", 1},       {"Zm8", 2},       {"-__-", 3},
                 {"+_/-", 3},     {"-_", 1},        {"Zg=", -1},
                 {"Z", -1},       {"Zg===", -1},    {"=", -1},
                 {"==", -1},      {"====", -1},     {"Zm9v=", -1},
                 {"Z g=", -1},    {"Zg==\n", -1},   {"Z=g=", -1},
                 {"Zm9vZg==", 4}, {"Zm9v====", -1}, {"\xff\xff\xff\xff", -1},
                 {"Zg==Zg==", -1}};
    uint8_t out[64];
    char text[64];
    size_t len;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = strlen(cases[i].bytes);
        mf_base64_encode((const uint8_t *)cases[i].bytes, n, text);
        assert_int_equal(mf_base64_length(n), strlen(cases[i].text));
        assert_memory_equal(text, cases[i].text, strlen(cases[i].text));
        assert_true(mf_base64_decode(mayfly_str_of(cases[i].text), out, &len));
        assert_int_equal(len, n);
        assert_memory_equal(out, cases[i].bytes, n);
    }
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        bool good = mf_base64_decode(mayfly_str_of(reads[i].text), out, &len);
        if (good != (reads[i].len >= 0) || (good && (int)len != reads[i].len))
            fail_msg("%s", reads[i].text);
    }
    /* Every byte there and back, at every length modulo 3. */
    for (size_t n = 0; n < 40; n++) {
        uint8_t bytes[40], back[45];
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(i * 7 + n * 13);
        mf_base64_encode(bytes, n, text);
        assert_true(mf_base64_decode((mayfly_str){text, mf_base64_length(n)},
                                     back, &len));
        assert_int_equal(len, n);
        assert_memory_equal(bytes, back, n);
    }
}

static void timestamps(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        int32_t nanos;
        const char *back; /* NULL: the same text */
    } good[] = {
        {"1970-01-01T00:00:00Z", 0, 0, NULL},
        {"0001-01-01T00:00:00Z", -62135596800, 0, NULL},
        {"9999-12-31T23:59:59.999999999Z", 253402300799, 999999999, NULL},
        {"1969-12-31T23:59:59.5Z", -1, 500000000, "1969-12-31T23:59:59.500Z"},
        {"2000-02-29T12:34:56.000001Z", 951827696, 1000, NULL},
        {"2024-03-01T00:00:00.000000001Z", 1709251200, 1, NULL},
        {"1972-01-01T10:00:20.021-05:00", 63126020, 21000000,
         "1972-01-01T15:00:20.021Z"},
        {"1970-01-01T00:00:00+00:00", 0, 0, "1970-01-01T00:00:00Z"},
        {"1970-01-01T05:30:00+05:30", 0, 0, "1970-01-01T00:00:00Z"},
    };
    static const char *const bad[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01t00:00:00Z",
        "1970-01-01T00:00:00z",
        "1970-01-01 00:00:00Z",
        "1970-1-01T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:60Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.1234567890Z",
        "1970-01-01T00:00:00Z ",
        "1970-01-01T00:00:00ZZ",
        "1970-01-01T00:00:00+0000",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+00:60",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
    };
    char text[MF_TIME_MAX];
    int64_t seconds;
    int32_t nanos;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!mf_timestamp_read(mayfly_str_of(good[i].text), &seconds, &nanos))
            fail_msg("%s", good[i].text);
        assert_int_equal(seconds, good[i].seconds);
        assert_int_equal(nanos, good[i].nanos);
        assert_true(mf_timestamp_write(seconds, nanos, text));
        assert_string_equal(text, good[i].back ? good[i].back : good[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (mf_timestamp_read(mayfly_str_of(bad[i]), &seconds, &nanos))
            fail_msg("%s", bad[i]);
    }
    /* Every day of the calendar there and back. */
    int64_t day = 86400;
    for (int64_t s = -62135596800; s < 253402300799; s += 7 * day + 3601) {
        assert_true(mf_timestamp_write(s, 0, text));
        assert_true(mf_timestamp_read(mayfly_str_of(text), &seconds, &nanos));
        assert_int_equal(s, seconds);
    }
    assert_false(mf_timestamp_write(-62135596801, 0, text));
    assert_false(mf_timestamp_write(253402300800, 0, text));
    assert_false(mf_timestamp_write(INT64_MIN, 0, text));
    assert_false(mf_timestamp_write(0, -1, text));
    assert_false(mf_timestamp_write(0, 1000000000, text));
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        int32_t nanos;
        const char *back;
    } good[] = {
        {"0s", 0, 0, NULL},
        {"1s", 1, 0, NULL},
        {"-1.5s", -1, -500000000, "-1.500s"},
        {"-0.5s", 0, -500000000, "-0.500s"},
        {"-0s", 0, 0, "0s"},
        {"007s", 7, 0, "7s"},
        {"1.000000100s", 1, 100, "1.000000100s"},
        {"3.000001s", 3, 1000, NULL},
        {"315576000000s", 315576000000, 0, NULL},
        {"-315576000000.999999999s", -315576000000, -999999999, NULL},
    };
    static const char *const bad[] = {"",
                                      "s",
                                      "1",
                                      "-s",
                                      "1.s",
                                      ".5s",
                                      "+1s",
                                      "1 s",
                                      " 1s",
                                      "1e3s",
                                      "1s ",
                                      "1.1234567890s",
                                      "315576000001s",
                                      "-315576000001s",
                                      "1.5.5s",
                                      "--1s",
                                      "99999999999999999999999999s",
                                      "1S",
                                      "0x1s",
                                      "1,5s"};
    char text[MF_TIME_MAX];
    int64_t seconds;
    int32_t nanos;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!mf_duration_read(mayfly_str_of(good[i].text), &seconds, &nanos))
            fail_msg("%s", good[i].text);
        assert_int_equal(seconds, good[i].seconds);
        assert_int_equal(nanos, good[i].nanos);
        assert_true(mf_duration_write(seconds, nanos, text));
        assert_string_equal(text, good[i].back ? good[i].back : good[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (mf_duration_read(mayfly_str_of(bad[i]), &seconds, &nanos))
            fail_msg("%s", bad[i]);
    }
    assert_false(mf_duration_write(1, -1, text));
    assert_false(mf_duration_write(-1, 1, text));
    assert_false(mf_duration_write(0, 1000000000, text));
    assert_false(mf_duration_write(0, INT32_MIN, text));
    assert_false(mf_duration_write(INT64_MIN, 0, text));
    assert_false(mf_duration_write(315576000001, 0, text));
}

static void masks(void **state)
{
    char out[64];
    size_t n;
    (void)state;
    assert_true(mf_mask_path_read(mayfly_str_of("fooBar.bazQux"), out, &n));
    assert_int_equal(n, 15);
    assert_memory_equal(out, "foo_bar.baz_qux", n);
    assert_true(mf_mask_path_write(mayfly_str_of("foo_bar.baz_qux"), out, &n));
    assert_int_equal(n, 13);
    assert_memory_equal(out, "fooBar.bazQux", n);
    assert_false(mf_mask_path_read(mayfly_str_of("foo_bar"), out, &n));
    assert_false(mf_mask_path_write(mayfly_str_of("fooBar"), out, &n));
    assert_false(mf_mask_path_write(mayfly_str_of("foo_"), out, &n));
    assert_false(mf_mask_path_write(mayfly_str_of("foo__bar"), out, &n));
    assert_false(mf_mask_path_write(mayfly_str_of("foo_1"), out, &n));
    assert_false(mf_mask_path_write(mayfly_str_of("a,b"), out, &n));
    mayfly_str name = mf_type_name(mayfly_str_of("type.googleapis.com/a.B"));
    assert_int_equal(name.len, 3);
    assert_memory_equal(name.ptr, "a.B", 3);
    assert_int_equal(mf_type_name(mayfly_str_of("a.B")).len, 3);
    assert_int_equal(mf_type_name(mayfly_str_of("a/")).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers), cmocka_unit_test(doubles),
        cmocka_unit_test(shortest),      cmocka_unit_test(round_trip),
        cmocka_unit_test(other_locale),  cmocka_unit_test(base64),
        cmocka_unit_test(timestamps),    cmocka_unit_test(durations),
        cmocka_unit_test(masks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
