/*
 * Messages without a header: every kind of field by its path, read and set,
 * what a path may look like, and what is refused and leaves the message as it
 * was.
 */
#include "dynamic.h"

#include <math.h>

/* --- integers --- */

static const struct {
    const char *path;
    int64_t min;
    uint64_t max;
} integers[] = {{"i32", INT32_MIN, INT32_MAX},  {"i64", INT64_MIN, INT64_MAX},
                {"u32", 0, UINT32_MAX},         {"u64", 0, UINT64_MAX},
                {"s32", INT32_MIN, INT32_MAX},  {"s64", INT64_MIN, INT64_MAX},
                {"f32", 0, UINT32_MAX},         {"f64", 0, UINT64_MAX},
                {"sf32", INT32_MIN, INT32_MAX}, {"sf64", INT64_MIN, INT64_MAX},
                {"color", INT32_MIN, INT32_MAX}};

static void test_integers_of_every_type(void **state)
{
    order_test *s = *state;
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        const char *path = integers[i].path;
        uint64_t u = 0, max = integers[i].max;
        int64_t min = integers[i].min;
        assert_int_equal(int_at(s->order, path), 0);
        must(mayfly_dynamic_set_uint(s->order, path, max, &err));
        must(mayfly_dynamic_get_uint(travelled(s), path, &u, &err));
        assert_true(u == max);
        if (max < UINT64_MAX)
            must_fail(mayfly_dynamic_set_uint(s->order, path, max + 1, &err),
                      MAYFLY_EINVAL, "does not fit");
        must(mayfly_dynamic_set_int(s->order, path, min, &err));
        assert_true(int_at(travelled(s), path) == min);
        if (min > INT64_MIN)
            must_fail(mayfly_dynamic_set_int(s->order, path, min - 1, &err),
                      MAYFLY_EINVAL, path);
        assert_true(int_at(s->order, path) == min);
    }
    int64_t i;
    uint64_t u;
    must(mayfly_dynamic_set_uint(s->order, "u64", UINT64_MAX, &err));
    must_fail(mayfly_dynamic_get_int(s->order, "u64", &i, &err), MAYFLY_EINVAL,
              "18446744073709551615 does not fit int64");
    must_fail(mayfly_dynamic_get_uint(s->order, "s64", &u, &err), MAYFLY_EINVAL,
              "-9223372036854775808 does not fit uint64");
}

/* --- the other scalars --- */

static void test_scalars(void **state)
{
    order_test *s = *state;
    mayfly_bytes raw = {(const uint8_t *)"\0\377", 2};
    bool yes = false;
    must(mayfly_dynamic_set_bytes(s->order, "raw", raw, &err));
    must(mayfly_dynamic_set_double(s->order, "real", 1.5, &err));
    must(mayfly_dynamic_set_double(s->order, "precise", 0.1, &err));
    must(mayfly_dynamic_set_bool(s->order, "ok", true, &err));
    must(mayfly_dynamic_set_enum(s->order, "color", "DARK_RED", &err));
    must(mayfly_dynamic_set_enum(s->order, "colors[0]", "RED", &err));
    must(mayfly_dynamic_set_int(s->order, "colors[1]", 5, &err));
    const mayfly_dynamic *m = travelled(s);
    must(mayfly_dynamic_get_bytes(m, "raw", &raw, &err));
    assert_int_equal(raw.len, 2);
    assert_memory_equal(raw.ptr, "\0\377", 2);
    assert_true(double_at(m, "real") == 1.5);
    assert_true(double_at(m, "precise") == 0.1);
    must(mayfly_dynamic_get_bool(m, "ok", &yes, &err));
    assert_true(yes);
    mayfly_str name = {NULL, 0};
    must(mayfly_dynamic_get_enum(m, "color", &name, &err));
    assert_true(is_text(name, "DARK_RED"));
    must(mayfly_dynamic_get_enum(m, "colors[1]", &name, &err));
    assert_true(is_text(name, "5"));
    must_fail(mayfly_dynamic_set_enum(s->order, "color", "BLUE", &err),
              MAYFLY_ENOTFOUND, "color: shop.Color has no value \"BLUE\"");

    must_fail(mayfly_dynamic_set_double(s->order, "real", 1e300, &err),
              MAYFLY_EINVAL, "does not fit float");
    must(mayfly_dynamic_set_double(s->order, "real", (double)INFINITY, &err));
    assert_true(isinf(double_at(s->order, "real")));
    must_fail(mayfly_dynamic_set_str(s->order, "note",
                                     (mayfly_str)MAYFLY_STR("\xff"), &err),
              MAYFLY_EINVAL, "note: the string is not UTF-8");
    assert_false(has(s->order, "note"));
}

static void test_types_are_strict(void **state)
{
    order_test *s = *state;
    mayfly_str text;
    mayfly_bytes bytes;
    int64_t i;
    double d;
    bool b;
    set_text(s->order, "note", "7");
    must_fail(mayfly_dynamic_get_int(s->order, "note", &i, &err), MAYFLY_EINVAL,
              "note: the type is string, not an integer");
    must_fail(mayfly_dynamic_get_bytes(s->order, "note", &bytes, &err),
              MAYFLY_EINVAL, "not bytes");
    must_fail(mayfly_dynamic_get_str(s->order, "raw", &text, &err),
              MAYFLY_EINVAL, "the type is bytes, not string");
    must_fail(mayfly_dynamic_get_double(s->order, "i32", &d, &err),
              MAYFLY_EINVAL, "the type is int32");
    must_fail(mayfly_dynamic_get_bool(s->order, "i32", &b, &err), MAYFLY_EINVAL,
              "not bool");
    must_fail(mayfly_dynamic_get_enum(s->order, "i32", &text, &err),
              MAYFLY_EINVAL, "not an enum");
    must_fail(mayfly_dynamic_set_int(s->order, "customer", 1, &err),
              MAYFLY_EINVAL, "the type is message");
    must_fail(mayfly_dynamic_set_int(s->order, "numbers", 1, &err),
              MAYFLY_EINVAL, "the field is repeated");
    must_fail(mayfly_dynamic_set_int(s->order, "wide", 1, &err), MAYFLY_EINVAL,
              "the field is a map");
    must_fail(mayfly_dynamic_set_bool(s->order, "i32", true, &err),
              MAYFLY_EINVAL, "not bool");
    must_fail(mayfly_dynamic_set_str(s->order, "i32", mayfly_str_of("1"), &err),
              MAYFLY_EINVAL, "not string");
    must_fail(mayfly_dynamic_set_double(s->order, "i32", 1, &err),
              MAYFLY_EINVAL, "not double");
    must_fail(mayfly_dynamic_set_message(s->order, "i32", NULL, &err),
              MAYFLY_EINVAL, "not a message");
    is_json(s->order, "{\"note\":\"7\"}");
}

/* --- paths --- */

static void test_sub_messages_are_made(void **state)
{
    order_test *s = *state;
    const mayfly_dynamic *none;
    assert_true(text_at(s->order, "customer.friend.friend.name", ""));
    assert_false(has(s->order, "customer"));
    must_fail(mayfly_dynamic_get_message(s->order, "customer", &none, &err),
              MAYFLY_ENOTFOUND, "customer: is not set");
    set_text(s->order, "customer.friend.name", "bob");
    set_text(s->order, "customer.firstName", "ada"); /* its JSON name */
    must(mayfly_dynamic_set_int(s->order, "customer.age", 0, &err));
    is_json(s->order, "{\"customer\":{\"age\":0,\"friend\":{\"name\":\"bob\"},"
                      "\"firstName\":\"ada\"}}");
    assert_true(has(s->order, "customer.age"));
    assert_false(has(s->order, "customer.friend.age"));
    must(mayfly_dynamic_clear(s->order, "customer.age", &err));
    assert_false(has(s->order, "customer.age"));

    mayfly_dynamic *customer = NULL, *same = NULL;
    must(mayfly_dynamic_set_message(s->order, "customer", &customer, &err));
    set_text(customer, "name", "c");
    must(mayfly_dynamic_set_message(s->order, "customer", &same, &err));
    assert_true(text_at(same, "name", "c"));
    mayfly_str type = {NULL, 0};
    must(mayfly_dynamic_type(customer, &type, &err));
    assert_string_equal(type.ptr, "shop.Customer");
    must(mayfly_dynamic_clear(s->order, "customer", &err));
    is_json(s->order, "{}");
}

static void test_repeated_fields(void **state)
{
    order_test *s = *state;
    for (int i = 0; i < 20; i++) {
        char path[40];
        snprintf(path, sizeof path, "numbers[%d]", i);
        must(mayfly_dynamic_set_int(s->order, path, i * i, &err));
        snprintf(path, sizeof path, "items[%d].tags[0]", i);
        set_text(s->order, path, "t");
    }
    const mayfly_dynamic *m = travelled(s);
    assert_int_equal(count(m, "numbers"), 20);
    assert_int_equal(count(m, "items"), 20);
    assert_int_equal(count(m, "items[3].tags"), 1);
    assert_int_equal(int_at(m, "numbers[19]"), 361);
    assert_true(has(m, "numbers[19]"));
    assert_false(has(m, "numbers[20]"));
    assert_false(has(m, "items[20].tags[0]"));
    int64_t i;
    must_fail(mayfly_dynamic_get_int(m, "numbers[20]", &i, &err),
              MAYFLY_ENOTFOUND, "numbers[20]: there is no such element");
    must_fail(mayfly_dynamic_get_int(m, "items[20].count", &i, &err),
              MAYFLY_ENOTFOUND, "items[20].count");
    must_fail(mayfly_dynamic_set_int(s->order, "numbers[21]", 1, &err),
              MAYFLY_ENOTFOUND,
              "numbers has 20 elements; the next one is [20]");
    /* nothing is made on the way to what cannot be set */
    must_fail(mayfly_dynamic_set_int(s->order, "parcel.tags[1]", 1, &err),
              MAYFLY_ENOTFOUND, "tags has 0 elements");
    assert_false(has(s->order, "parcel"));

    must(mayfly_dynamic_clear(s->order, "numbers[0]", &err));
    must(mayfly_dynamic_clear(s->order, "numbers[18]", &err));
    must(mayfly_dynamic_clear(s->order, "numbers[18]", &err)); /* not there */
    assert_int_equal(count(s->order, "numbers"), 18);
    assert_int_equal(int_at(s->order, "numbers[0]"), 1);
    assert_int_equal(int_at(s->order, "numbers[17]"), 324);
    must(mayfly_dynamic_clear(s->order, "items", &err));
    assert_int_equal(count(s->order, "items"), 0);
    const mayfly_dynamic *item;
    must_fail(mayfly_dynamic_get_message(s->order, "items[0]", &item, &err),
              MAYFLY_ENOTFOUND, "items[0]");
    mayfly_bytes part = {(const uint8_t *)"part", 4};
    must(mayfly_dynamic_set_bytes(s->order, "parts[0]", part, &err));
    must(mayfly_dynamic_get_bytes(travelled(s), "parts[0]", &part, &err));
    assert_int_equal(part.len, 4);
}

static void test_maps(void **state)
{
    order_test *s = *state;
    must(mayfly_dynamic_set_double(s->order, "prices[\"a.b]c\"]", 1, &err));
    must(mayfly_dynamic_set_double(s->order, "prices[eu]", 2, &err));
    must(mayfly_dynamic_set_double(s->order, "prices[\"\\\"\\\\\"]", 3, &err));
    must(mayfly_dynamic_set_double(s->order, "prices[\"\"]", 4, &err));
    must(mayfly_dynamic_set_double(s->order, "prices[\"eu\"]", 5, &err));
    set_text(s->order, "by_number[-5].name", "five");
    must(mayfly_dynamic_set_message(s->order, "by_number[6]", NULL, &err));
    set_text(s->order, "words[true]", "yes");
    must(mayfly_dynamic_set_int(s->order, "wide[18446744073709551615]", -1,
                                &err));
    const mayfly_dynamic *m = travelled(s);
    is_json(m, "{\"prices\":{\"a.b]c\":1,\"eu\":5,\"\\\"\\\\\":3,\"\":4},"
               "\"byNumber\":{\"-5\":{\"name\":\"five\"},\"6\":{}},"
               "\"words\":{\"true\":\"yes\"},"
               "\"wide\":{\"18446744073709551615\":\"-1\"}}");
    assert_true(double_at(m, "prices[\"a.b]c\"]") == 1);
    assert_true(double_at(m, "prices[\"eu\"]") == 5);
    assert_true(double_at(m, "prices[\"\\\"\\\\\"]") == 3);
    assert_true(text_at(m, "byNumber[-5].name", "five"));
    assert_true(text_at(m, "byNumber[6].name", ""));
    assert_true(text_at(m, "words[true]", "yes"));
    assert_false(has(m, "words[false]"));
    assert_false(has(m, "byNumber[7].name"));
    assert_int_equal(count(m, "prices"), 4);

    const mayfly_dynamic *entry = NULL, *item = NULL;
    must(mayfly_dynamic_entry(m, "by_number", 0, &entry, &err));
    assert_int_equal(int_at(entry, "key"), -5);
    assert_true(text_at(entry, "value.name", "five"));
    must_fail(mayfly_dynamic_entry(m, "by_number", 2, &entry, &err),
              MAYFLY_ENOTFOUND, "has 2 entries");
    must_fail(mayfly_dynamic_entry(m, "items", 0, &entry, &err), MAYFLY_EINVAL,
              "no map");
    must(mayfly_dynamic_get_message(m, "by_number[6]", &item, &err));
    assert_true(text_at(item, "name", ""));
    double d;
    must_fail(mayfly_dynamic_get_double(m, "prices[us]", &d, &err),
              MAYFLY_ENOTFOUND, "there is no such key");
    must_fail(mayfly_dynamic_get_message(m, "by_number[7]", &item, &err),
              MAYFLY_ENOTFOUND, "there is no such key");

    must(mayfly_dynamic_clear(s->order, "prices[\"a.b]c\"]", &err));
    must(mayfly_dynamic_clear(s->order, "prices[none]", &err));
    assert_int_equal(count(s->order, "prices"), 3);
    assert_true(double_at(s->order, "prices[\"\"]") == 4);
}

static void test_oneofs(void **state)
{
    order_test *s = *state;
    set_text(s->order, "mail", "a long address");
    assert_true(has(s->order, "mail"));
    must(mayfly_dynamic_set_int(s->order, "code", 3, &err));
    assert_false(has(s->order, "mail"));
    assert_true(text_at(s->order, "mail", ""));
    is_json(travelled(s), "{\"code\":3}");
    set_text(s->order, "parcel.name", "box");
    assert_int_equal(int_at(s->order, "code"), 0);
    is_json(travelled(s), "{\"parcel\":{\"name\":\"box\"}}");
    must(mayfly_dynamic_clear(s->order, "code", &err)); /* not the one set */
    assert_true(has(s->order, "parcel"));
    must(mayfly_dynamic_set_bool(s->order, "none", false, &err));
    assert_true(has(s->order, "none"));
    assert_true(text_at(s->order, "parcel.name", ""));
    is_json(travelled(s), "{\"none\":false}");
    must(mayfly_dynamic_clear(s->order, "none", &err));
    is_json(s->order, "{}");
    set_text(s->order, "parcel.tags[0]", "new"); /* a new one, not the old */
    is_json(s->order, "{\"parcel\":{\"tags\":[\"new\"]}}");
}

/* --- all of a message --- */

static void test_what_a_message_has(void **state)
{
    order_test *s = *state;
    mayfly_dynamic_field f;
    read_json(s->order, "{\"items\": [{\"name\": \"x\"}], \"note\": \"\"}");
    must(mayfly_dynamic_describe(s->order, "items", &f, &err));
    assert_string_equal(f.name.ptr, "items");
    assert_string_equal(f.type_name.ptr, "shop.Item");
    assert_int_equal(f.number, 2);
    assert_int_equal(f.type, MAYFLY_TYPE_MESSAGE);
    assert_int_equal(f.cardinality, MAYFLY_REPEATED);
    assert_int_equal(f.n, 1);
    assert_true(f.is_set);
    must(mayfly_dynamic_describe(s->order, "items[0]", &f, &err));
    assert_int_equal(f.cardinality, MAYFLY_SINGULAR);
    must(mayfly_dynamic_describe(s->order, "items[0].name", &f, &err));
    assert_int_equal(f.type, MAYFLY_TYPE_STRING);
    must(mayfly_dynamic_describe(s->order, "color", &f, &err));
    assert_string_equal(f.type_name.ptr, "shop.Color");
    assert_false(f.is_set);
    size_t n = 0, n_set = 0;
    uint32_t before = 0;
    while (mayfly_dynamic_field_at(s->order, n, &f, NULL) == 0) {
        assert_true(f.number > before);
        before = f.number;
        n_set += f.is_set != 0;
        n++;
    }
    assert_int_equal(n, 30);
    assert_int_equal(n_set, 2);
    must_fail(mayfly_dynamic_field_at(s->order, n, &f, &err), MAYFLY_ENOTFOUND,
              "shop.Order has 30 fields");
}

static void test_made_from_bytes_and_json(void **state)
{
    order_test *s = *state;
    mayfly_dynamic *m = NULL;
    mayfly_str type = {NULL, 0};
    must_fail(mayfly_dynamic_new(s->context, "shop.None", s->arena, &m, &err),
              MAYFLY_ENOTFOUND, "shop.None");
    must(mayfly_dynamic_new_for(s->context, "/shop.Shop/Buy", MAYFLY_REPLY,
                                s->arena, &m, &err));
    must(mayfly_dynamic_type(m, &type, &err));
    assert_true(is_text(type, "shop.Receipt"));
    must(mayfly_dynamic_new_for(s->context, "shop.Shop/Buy", MAYFLY_REQUEST,
                                s->arena, &m, &err));
    must(mayfly_dynamic_type(m, &type, &err));
    assert_true(is_text(type, "shop.Order"));
    must_fail(mayfly_dynamic_new_for(s->context, "shop.Shop/Sell",
                                     MAYFLY_REQUEST, s->arena, &m, &err),
              MAYFLY_ENOTFOUND, "shop.Shop/Sell");

    set_text(m, "note", "before");
    must_fail(mayfly_dynamic_from_json(m, mayfly_str_of("{\"note\": 1}"), &err),
              MAYFLY_EJSON, "1:10");
    must_fail(mayfly_dynamic_decode(
                  m, (mayfly_bytes){(const uint8_t *)"\x0a\xff", 2}, &err),
              MAYFLY_EDECODE, "byte");
    is_json(m, "{\"note\":\"before\"}");
    read_json(m, "{\"i32\": 4}"); /* replaces it all */
    is_json(m, "{\"i32\":4}");
    /* a field that the schema lacks travels on */
    mayfly_bytes wire = {(const uint8_t *)"\xa2\x06\x01x", 4};
    must(mayfly_dynamic_decode(m, wire, &err));
    must(mayfly_dynamic_set_int(m, "i32", 1, &err));
    must(mayfly_dynamic_encode(m, &wire, &err));
    assert_int_equal(wire.len, 7);
}

/* --- bounds and ends --- */

static void test_an_arena_with_a_bound(void **state)
{
    order_test *s = *state;
    mayfly_arena *small = NULL;
    mayfly_dynamic *m = NULL;
    must(mayfly_arena_new(s->host, 4096, &small, &err));
    must(mayfly_dynamic_new(s->context, "shop.Order", small, &m, &err));
    mayfly_error err = MAYFLY_ERROR_INIT;
    int code = 0;
    for (int i = 0; i < 1000 && code == 0; i++) {
        char path[40];
        snprintf(path, sizeof path, "items[%d].name", i);
        code =
            mayfly_dynamic_set_str(m, path, mayfly_str_of("some text"), &err);
    }
    assert_int_equal(code, MAYFLY_ELIMIT);
    assert_non_null(strstr(err.message, "4096 bytes"));
    mayfly_arena_free(small);
}

static void test_after_the_unload(void **state)
{
    order_test *s = *state;
    mayfly_str text;
    bool yes;
    size_t n;
    mayfly_dynamic *m = NULL;
    const mayfly_dynamic *sub;
    set_text(s->order, "note", "still here");
    must(mayfly_unload(s->context, NULL, NULL, &err));
    must_fail(mayfly_dynamic_get_str(s->order, "note", &text, &err),
              MAYFLY_EUNLOADED, "note");
    must_fail(mayfly_dynamic_set_int(s->order, "i32", 1, &err),
              MAYFLY_EUNLOADED, "i32");
    must_fail(mayfly_dynamic_has(s->order, "i32", &yes, &err), MAYFLY_EUNLOADED,
              "");
    must_fail(mayfly_dynamic_count(s->order, "items", &n, &err),
              MAYFLY_EUNLOADED, "");
    must_fail(mayfly_dynamic_get_message(s->order, "customer", &sub, &err),
              MAYFLY_EUNLOADED, "");
    must_fail(mayfly_dynamic_to_json(s->order, 0, &text, &err),
              MAYFLY_EUNLOADED, "");
    must_fail(mayfly_dynamic_type(s->order, &text, &err), MAYFLY_EUNLOADED, "");
    must_fail(mayfly_dynamic_new(s->context, "shop.Order", s->arena, &m, &err),
              MAYFLY_EUNLOADED, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        one_order(test_integers_of_every_type),
        one_order(test_scalars),
        one_order(test_types_are_strict),
        one_order(test_sub_messages_are_made),
        one_order(test_repeated_fields),
        one_order(test_maps),
        one_order(test_oneofs),
        one_order(test_what_a_message_has),
        one_order(test_made_from_bytes_and_json),
        one_order(test_an_arena_with_a_bound),
        one_order(test_after_the_unload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
