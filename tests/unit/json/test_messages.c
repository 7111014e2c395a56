/*
 * Messages from and to JSON: every rule of the mapping, what is refused and
 * where, bounds, and lack of memory. The messages are those of
 * tests/golden/json.
 *
 * An Any holds wire bytes. So that no code has to be compiled here, the codec
 * of these tests "encodes" a message as its address.
 */
#include "base/arena.h"
#include "compiler/json/json.h"
#include "tests/support/fault.h"
#include "tests/support/plan.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mf_alloc alloc; /* of the plan */
static mf_plan *plan;

static int fake_encode(void *state, uint32_t message, const void *m,
                       mayfly_arena *arena, mayfly_bytes *ret,
                       mayfly_error *err)
{
    (void)state, (void)message, (void)err;
    void *bytes = mf_arena_alloc(arena, sizeof(m));
    if (!bytes)
        return MAYFLY_ENOMEM;
    memcpy(bytes, &m, sizeof(m));
    *ret = (mayfly_bytes){bytes, sizeof(m)};
    return 0;
}

static int fake_decode(void *state, uint32_t message, mayfly_bytes wire,
                       mayfly_arena *arena, void **ret, mayfly_error *err)
{
    (void)state, (void)message, (void)arena, (void)err;
    memcpy(ret, wire.ptr, sizeof(*ret));
    return 0;
}

static const mf_json_codec codec = {fake_decode, fake_encode, NULL};

typedef struct result {
    int code;
    mayfly_error err;
    char *text; /* the message printed, when it was read */
} result;

/* Reads and prints, with every block from `a`. The text is copied to a block of
 * its own length, so that a sanitizer sees a read past it. */
static result convert(mf_alloc *a, const char *type, const char *json,
                      size_t len, unsigned flags, size_t arena_max)
{
    result r = {0, MAYFLY_ERROR_INIT, NULL};
    const mf_plan_message *m = mf_plan_find(plan, type);
    mayfly_arena arena;
    mf_buf out;
    void *message;
    assert_non_null(m);
    char *copy = malloc(len ? len : 1);
    if (len)
        memcpy(copy, json, len);
    mf_arena_init(&arena, a, 0, arena_max);
    mf_buf_init(&out, a, 0);
    r.code = mf_json_parse(plan, m->index, (mayfly_str){copy, len}, flags,
                           &codec, &arena, &message, &r.err);
    if (r.code == 0)
        r.code =
            mf_json_print(plan, m->index, message, flags, &codec, &out, &r.err);
    if (r.code == 0) {
        r.text = malloc(out.len + 1);
        memcpy(r.text, out.ptr, out.len);
        r.text[out.len] = '\0';
    }
    mf_buf_done(&out);
    mf_arena_done(&arena);
    free(copy);
    return r;
}

static result convert_text(const char *type, const char *json, unsigned flags)
{
    mf_alloc a;
    mf_alloc_init(&a, NULL);
    result r = convert(&a, type, json, strlen(json), flags, 0);
    assert_int_equal(atomic_load(&a.blocks), 0);
    return r;
}

/* `wanted` NULL: the same text again. */
static void gives(const char *type, const char *json, unsigned flags,
                  const char *wanted)
{
    result r = convert_text(type, json, flags);
    if (r.code != 0)
        fail_msg("%s: %s", json, r.err.message);
    if (strcmp(r.text, wanted ? wanted : json) != 0)
        fail_msg("%s: printed as %s", json, r.text);
    free(r.text);
}

static void refuses(const char *type, const char *json, int line, int column,
                    const char *part)
{
    result r = convert_text(type, json, 0);
    if (r.code == 0)
        fail_msg("%s: accepted as %s", json, r.text);
    if (r.code != MAYFLY_EJSON || r.err.code != r.code || r.err.line != line ||
        r.err.column != column || !strstr(r.err.message, part))
        fail_msg("%s: %d at %d:%d: %s", json, r.code, r.err.line, r.err.column,
                 r.err.message);
}

static void scalars(void **state)
{
    static const char type[] = "rich.Scalars";
    (void)state;
    gives(type, "{}", 0, NULL);
    gives(type,
          "{\"i32\":-2147483648,\"i64\":\"-9223372036854775808\","
          "\"u32\":4294967295,\"u64\":\"18446744073709551615\",\"s32\":-1,"
          "\"s64\":\"5\",\"f32\":7,\"f64\":\"8\",\"sf32\":-9,\"sf64\":\"-10\","
          "\"real\":0.1,\"precise\":1e+100,\"flag\":true,\"text\":\"a\\n\xe2"
          "\x82\xac\",\"raw\":\"AP8=\",\"color\":\"BLUE\"}",
          0, NULL);
    gives(type, "{\"i64\":12,\"u64\":\"1e3\",\"i32\":\"7\",\"u32\":2.0}", 0,
          "{\"i32\":7,\"i64\":\"12\",\"u32\":2,\"u64\":\"1000\"}");
    gives(type, "{\"precise\":\"NaN\",\"real\":\"-Infinity\"}", 0,
          "{\"real\":\"-Infinity\",\"precise\":\"NaN\"}");
    gives(type, "{\"precise\":\"1.5e0\",\"real\":\"2\"}", 0,
          "{\"real\":2,\"precise\":1.5}");
    gives(type, "{\"real\":3.4028235e+38,\"precise\":-0}", 0, NULL);
    gives(type, "{\"color\":\"CRIMSON\"}", 0, "{\"color\":\"RED\"}");
    gives(type, "{\"color\":-1}", 0, "{\"color\":\"BLUE\"}");
    gives(type, "{\"color\":\"2147483647\"}", 0, "{\"color\":\"FAR\"}");
    gives(type, "{\"color\":77}", 0, NULL);
    gives(type, "{\"raw\":\"-_-_\"}", 0, "{\"raw\":\"+/+/\"}");
    gives(type, "{\"i32\":0,\"text\":\"\",\"flag\":false,\"color\":0}", 0,
          "{}");
    gives(type, "{\"optI32\":0,\"optText\":\"\",\"optColor\":\"COLOR_NONE\"}",
          0, NULL);
    gives(type, "{\"i32\":null,\"optI32\":null,\"text\":null}", 0, "{}");
    refuses(type, "{\"i32\":2147483648}", 1, 8, "out of range for i32");
    refuses(type, "{\"i32\":1.5}", 1, 8, "not whole");
    refuses(type, "{\"i32\":\"x\"}", 1, 8, "not a number");
    refuses(type, "{\"i32\":\"\"}", 1, 8, "not a number");
    refuses(type, "{\"i32\":\" 1\"}", 1, 8, "not a number");
    refuses(type, "{\"i32\":true}", 1, 8, "found true");
    refuses(type, "{\"u32\":-1}", 1, 8, "out of range");
    refuses(type, "{\"real\":1e39}", 1, 9, "out of range");
    refuses(type, "{\"precise\":\"nan\"}", 1, 12, "not a number");
    refuses(type, "{\"precise\":\"inf\"}", 1, 12, "not a number");
    refuses(type, "{\"flag\":\"true\"}", 1, 9, "found a string");
    refuses(type, "{\"flag\":1}", 1, 9, "found a number");
    refuses(type, "{\"text\":1}", 1, 9, "expected a string");
    refuses(type, "{\"raw\":\"a\"}", 1, 8, "not base64");
    refuses(type, "{\"color\":\"GREEN\"}", 1, 10, "no value of rich.Color");
    refuses(type, "{\"color\":1.5}", 1, 10, "not whole");
    refuses(type, "{\"color\":true}", 1, 10, "found true");
    refuses(type, "[]", 1, 1, "found an array");
    refuses(type, "null", 1, 1, "found null");
    refuses(type, "{\"i32\":[1]}", 1, 8, "found an array");
}

static void names(void **state)
{
    static const char type[] = "rich.Rich";
    (void)state;
    gives(type, "{\"snake_case_name\":\"a\"}", 0, "{\"snakeCaseName\":\"a\"}");
    gives(type, "{\"snakeCaseName\":\"a\"}", MF_JSON_PROTO_NAMES,
          "{\"snake_case_name\":\"a\"}");
    gives(type, "{\"quite another name\":\"a\"}", 0, NULL);
    gives(type, "{\"given\":\"a\"}", 0, "{\"quite another name\":\"a\"}");
    gives(type, "{\"OddName1X\":\"a\"}", 0, NULL);
    gives(type, "{\"\\u0067iven\":\"a\"}", 0, "{\"quite another name\":\"a\"}");
    refuses(type, "{\"nope\":1}", 1, 2, "rich.Rich has no field \"nope\"");
    refuses(type, "{\"SnakeCaseName\":1}", 1, 2, "has no field");
    refuses(type, "{\"given\":\"a\",\n \"given\":\"b\"}", 2, 2, "twice");
    refuses(type, "{\"given\":\"a\",\"quite another name\":\"b\"}", 1, 14,
            "twice");
    refuses(type, "{\"given\":null,\"given\":null}", 1, 15, "twice");
    gives(type, "{\"nope\":{\"a\":[1,{}]},\"given\":\"a\",\"x\":[[]]}",
          MF_JSON_IGNORE_UNKNOWN, "{\"quite another name\":\"a\"}");
    gives("rich.Scalars", "{\"color\":\"GREEN\",\"i32\":1}",
          MF_JSON_IGNORE_UNKNOWN, "{\"i32\":1}");
    gives("rich.Lists", "{\"color\":[\"RED\",\"GREEN\",\"BLUE\"]}",
          MF_JSON_IGNORE_UNKNOWN, "{\"color\":[\"RED\",\"BLUE\"]}");
    gives("rich.Maps", "{\"colors\":{\"a\":\"RED\",\"b\":\"GREEN\"}}",
          MF_JSON_IGNORE_UNKNOWN, "{\"colors\":{\"a\":\"RED\"}}");
}

static void oneofs(void **state)
{
    static const char type[] = "rich.Rich";
    (void)state;
    gives(type, "{\"oneText\":\"\"}", 0, NULL);
    gives(type, "{\"oneNumber\":0}", 0, NULL);
    gives(type, "{\"oneMessage\":{}}", 0, NULL);
    gives(type, "{\"oneNull\":null}", 0, NULL);
    gives(type, "{\"oneValue\":null}", 0, NULL);
    gives(type, "{\"oneText\":null,\"oneFlag\":false}", 0,
          "{\"oneFlag\":false}");
    gives(type, "{\"oneFlag\":true,\"oneMessage\":null}", 0,
          "{\"oneFlag\":true}");
    refuses(type, "{\"oneText\":\"\",\"oneNumber\":0}", 1, 27, "oneof choice");
    refuses(type, "{\"oneMessage\":{},\"oneNull\":null}", 1, 28,
            "oneof choice");
    refuses(type, "{\"oneValue\":null,\"oneFlag\":true}", 1, 28,
            "oneof choice");
}

static void lists_and_maps(void **state)
{
    (void)state;
    gives("rich.Lists",
          "{\"i32\":[1,-2],\"i64\":[\"3\"],\"real\":[0.5,\"NaN\"],\"flag\":["
          "true,false],\"text\":[\"\",\"a\"],\"raw\":[\"\",\"YQ==\"],"
          "\"color\":[\"COLOR_NONE\",9],\"scalars\":[{},{\"i32\":1}]}",
          0, NULL);
    gives("rich.Lists", "{\"i32\":[],\"text\":null}", 0, "{}");
    refuses("rich.Lists", "{\"i32\":[1,null]}", 1, 11, "found null");
    refuses("rich.Lists", "{\"scalars\":[null]}", 1, 13, "found null");
    refuses("rich.Lists", "{\"color\":[null]}", 1, 11, "found null");
    refuses("rich.Lists", "{\"i32\":1}", 1, 8, "expected an array");
    refuses("rich.Lists", "{\"i32\":{}}", 1, 8, "expected an array");
    gives("rich.Maps",
          "{\"i32\":{\"-1\":\"a\",\"0\":\"\"},\"i64\":{\"9223372036854775807\":"
          "\"1\"},\"u32\":{\"4294967295\":true},\"u64\":{"
          "\"18446744073709551615\":\"YQ==\"},\"flag\":{\"true\":1,\"false\":"
          "0},\"text\":{\"b\":{},\"a\":{\"i32\":1}},\"colors\":{\"\":"
          "\"COLOR_NONE\"},\"s32\":{\"-5\":0.5},\"f64\":{\"1\":\"1.500s\"},"
          "\"values\":{\"n\":null,\"o\":{\"a\":[]}}}",
          0, NULL);
    gives("rich.Maps", "{\"i32\":{},\"text\":null}", 0, "{}");
    refuses("rich.Maps", "{\"i32\":{\"x\":\"\"}}", 1, 9, "not a number");
    refuses("rich.Maps", "{\"u32\":{\"-1\":true}}", 1, 9, "out of range");
    refuses("rich.Maps", "{\"flag\":{\"True\":1}}", 1, 10, "a bool key");
    refuses("rich.Maps", "{\"i32\":{\"1\":\"\",\"1\":\"\"}}", 1, 16, "twice");
    refuses("rich.Maps", "{\"i32\":{\"1\":\"\",\"1e0\":\"\"}}", 1, 16, "twice");
    refuses("rich.Maps", "{\"text\":{\"a\":{},\"\\u0061\":{}}}", 1, 17,
            "twice");
    refuses("rich.Maps", "{\"i32\":{\"1\":null}}", 1, 13, "found null");
    refuses("rich.Maps", "{\"text\":{\"a\":null}}", 1, 14, "found null");
    refuses("rich.Maps", "{\"i32\":[]}", 1, 8, "expected an object");
}

/* Keys of larger maps go through a hash table. */
static void many_keys(void **state)
{
    char *text = malloc(64 * 1000);
    (void)state;
    for (int twice = 0; twice < 1000; twice += 37) {
        size_t n = (size_t)sprintf(text, "{\"i32\":{");
        for (int i = 0; i < 1000; i++)
            n += (size_t)sprintf(text + n, "%s\"%d\":\"\"", i ? "," : "", i);
        strcpy(text + n, "}}");
        gives("rich.Maps", text, 0, NULL);
        sprintf(text + n, ",\"%d\":\"\"}}", twice);
        result r = convert_text("rich.Maps", text, 0);
        assert_int_equal(r.code, MAYFLY_EJSON);
    }
    free(text);
}

static void well_known(void **state)
{
    static const char type[] = "rich.Rich";
    (void)state;
    gives(type,
          "{\"duration\":\"-1.500s\",\"timestamp\":\"2024-02-29T00:00:00Z\","
          "\"mask\":\"a,bC.d\",\"object\":{\"n\":1.5,\"s\":\"x\",\"b\":true,"
          "\"z\":null,\"l\":[1,[],{}],\"o\":{}},\"value\":[null],\"list\":[{},"
          "false],\"empty\":{},\"wBool\":false,\"wBytes\":\"\",\"wDouble\":0,"
          "\"wFloat\":\"NaN\",\"wInt32\":0,\"wInt64\":\"0\",\"wString\":\"\","
          "\"wUint32\":1,\"wUint64\":\"1\",\"timestamps\":["
          "\"1970-01-01T00:00:00.001Z\"],\"values\":[null,1],\"wInt64s\":["
          "\"5\"]}",
          0, NULL);
    gives(type, "{\"mask\":\"\",\"object\":{},\"list\":[]}", 0, NULL);
    gives(type,
          "{\"duration\":null,\"timestamp\":null,\"object\":null,\"list\":"
          "null,\"any\":null,\"wBool\":null,\"empty\":null,\"nothing\":null}",
          0, "{}");
    gives(type, "{\"value\":null}", 0, NULL);
    gives(type, "{\"oneNull\":\"NULL_VALUE\"}", 0, "{\"oneNull\":null}");
    gives(type, "{\"oneNull\":7,\"nothing\":-1}", 0, NULL);
    gives(type, "{\"wInt64\":5,\"wInt32\":\"5\"}", 0,
          "{\"wInt32\":5,\"wInt64\":\"5\"}");
    gives("google.protobuf.Value", "{\"a\":[1,\"b\"]}", 0, NULL);
    gives("google.protobuf.Timestamp", "\"1970-01-01T00:00:00Z\"", 0, NULL);
    gives("google.protobuf.Int32Value", "7", 0, NULL);
    refuses(type, "{\"duration\":1}", 1, 13, "written as a string");
    refuses(type, "{\"duration\":\"1\"}", 1, 13, "not a duration");
    refuses(type, "{\"timestamp\":\"now\"}", 1, 14, "not a timestamp");
    refuses(type, "{\"mask\":\"a_b\"}", 1, 9, "camel case");
    refuses(type, "{\"object\":[]}", 1, 11, "expected an object");
    refuses(type, "{\"list\":{}}", 1, 9, "expected an array");
    refuses(type, "{\"value\":1e400}", 1, 10, "out of range");
    refuses(type, "{\"object\":{\"a\":1,\"a\":2}}", 1, 18, "twice");
    refuses(type, "{\"wBool\":{\"value\":true}}", 1, 10, "found an object");
    refuses(type, "{\"wInt64s\":[null]}", 1, 13, "found null");
    refuses(type, "{\"timestamps\":[null]}", 1, 16, "found null");
    refuses(type, "{\"empty\":{\"a\":1}}", 1, 11, "has no field");
}

static void any(void **state)
{
    static const char type[] = "rich.Rich";
    (void)state;
    gives(type, "{\"any\":{}}", 0, NULL);
    gives(type, "{\"any\":{\"@type\":\"t/rich.Scalars\",\"i32\":1}}", 0, NULL);
    gives(type, "{\"any\":{\"i32\":1,\"@type\":\"t/rich.Scalars\"}}", 0,
          "{\"any\":{\"@type\":\"t/rich.Scalars\",\"i32\":1}}");
    gives(type, "{\"any\":{\"i32\":1,\"\\u0040type\":\"t/rich.Scalars\"}}", 0,
          "{\"any\":{\"@type\":\"t/rich.Scalars\",\"i32\":1}}");
    gives(type,
          "{\"any\":{\"@type\":\"a.b/c/google.protobuf.Duration\",\"value\":"
          "\"1s\"}}",
          0, NULL);
    gives(type,
          "{\"any\":{\"@type\":\"t/google.protobuf.Any\",\"value\":{\"@type\":"
          "\"t/google.protobuf.Value\",\"value\":{\"a\":null}}}}",
          0, NULL);
    gives(type, "{\"any\":{\"@type\":\"t/google.protobuf.Empty\"}}", 0, NULL);
    gives(type,
          "{\"anys\":[{\"@type\":\"t/google.protobuf.StringValue\",\"value\":"
          "\"\"},{}]}",
          0, NULL);
    refuses(type, "{\"any\":{\"i32\":1}}", 1, 8, "needs \"@type\"");
    refuses(type, "{\"any\":{\"@type\":1}}", 1, 17, "must be a string");
    refuses(type, "{\"any\":{\"@type\":\"t/rich.Nope\"}}", 1, 8,
            "no message rich.Nope");
    refuses(type, "{\"any\":{\"@type\":\"\"}}", 1, 8, "no message");
    refuses(type, "{\"any\":{\"@type\":\"t/rich.Scalars\",\"x\":1}}", 1, 34,
            "has no field");
    refuses(type, "{\"any\":{\"@type\":\"t/rich.Scalars\",\"@type\":\"\"}}", 1,
            34, "twice");
    refuses(type, "{\"any\":{\"@type\":\"t/google.protobuf.Duration\"}}", 1, 45,
            "needs \"value\"");
    refuses(type,
            "{\"any\":{\"@type\":\"t/google.protobuf.Duration\",\"value\":"
            "\"1s\",\"x\":1}}",
            1, 59, "\"@type\" and \"value\" only");
    refuses(type, "{\"any\":[]}", 1, 8, "found an array");
}

static void styles(void **state)
{
    (void)state;
    gives("rich.Rich", "{\"lists\":{\"i32\":[1,2]},\"empty\":{},\"list\":[]}",
          MF_JSON_PRETTY,
          "{\n  \"lists\": {\n    \"i32\": [\n      1,\n      2\n    ]\n  },\n"
          "  \"list\": [],\n  \"empty\": {}\n}");
    gives("rich.Scalars", "{\"flag\":true}", MF_JSON_DEFAULTS,
          "{\"i32\":0,\"i64\":\"0\",\"u32\":0,\"u64\":\"0\",\"s32\":0,\"s64\":"
          "\"0\",\"f32\":0,\"f64\":\"0\",\"sf32\":0,\"sf64\":\"0\",\"real\":0,"
          "\"precise\":0,\"flag\":true,\"text\":\"\",\"raw\":\"\",\"color\":"
          "\"COLOR_NONE\"}");
    gives("rich.Maps", "{}", MF_JSON_DEFAULTS,
          "{\"i32\":{},\"i64\":{},\"u32\":{},\"u64\":{},\"flag\":{},\"text\":"
          "{},\"colors\":{},\"s32\":{},\"f64\":{},\"values\":{}}");
}

/* What `open` n times, then `inside`, then `close` n times gives. */
static int nested(const char *type, const char *open, const char *inside,
                  const char *close, int n)
{
    char *text = calloc(1, (strlen(open) + strlen(close)) * (size_t)n + 64);
    char *p = text;
    for (int i = 0; i < n; i++)
        p = stpcpy(p, open);
    p = stpcpy(p, inside);
    for (int i = 0; i < n; i++)
        p = stpcpy(p, close);
    result r = convert_text(type, text, 0);
    free(text);
    free(r.text);
    return r.code;
}

static void depth(void **state)
{
    (void)state;
    static const char *const open[] = {"{\"child\":", "{\"children\":[",
                                       "{\"oneMessage\":{},\"child\":"};
    static const char *const close[] = {"}", "]}", "}"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            nested("rich.Rich", open[i], "{\"lists\":{}}", close[i], 99), 0);
        assert_int_equal(nested("rich.Rich", open[i], "{}", close[i], 100), 0);
        assert_int_equal(nested("rich.Rich", open[i], "{}", close[i], 101),
                         MAYFLY_ELIMIT);
    }
    assert_int_equal(nested("google.protobuf.ListValue", "[", "", "]", 50), 0);
    assert_int_equal(nested("google.protobuf.Value", "[", "1", "]", 100000),
                     MAYFLY_ELIMIT);
    assert_int_equal(
        nested("google.protobuf.Value", "{\"a\":", "1", "}", 100000),
        MAYFLY_ELIMIT);
    assert_int_equal(nested("rich.Rich",
                            "{\"any\":{\"@type\":\"t/rich.Rich\",\"any\":",
                            "{}", "}}", 1000),
                     MAYFLY_ELIMIT);
}

/* Structs of programs may hold what JSON cannot say. */
static void unprintable(void **state)
{
    static const struct {
        const char *type;
        const char
            *json; /* a message of that type, whose first bytes are ... */
    } cases[] = {{"rich.Scalars", "{\"text\":\"abcd\"}"},
                 {"rich.Maps", "{\"text\":{\"abcd\":{}}}"}};
    mf_alloc a;
    mayfly_arena arena;
    mf_buf out;
    (void)state;
    mf_alloc_init(&a, NULL);
    mf_arena_init(&arena, &a, 0, 0);
    mf_buf_init(&out, &a, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char json[64];
        void *m;
        mayfly_error err = MAYFLY_ERROR_INIT;
        uint32_t index = mf_plan_find(plan, cases[i].type)->index;
        strcpy(json, cases[i].json);
        assert_int_equal(mf_json_parse(plan, index, mayfly_str_of(json), 0,
                                       NULL, &arena, &m, NULL),
                         0);
        *strchr(json, 'b') = '\xff'; /* strings point into the text */
        assert_int_equal(mf_json_print(plan, index, m, 0, NULL, &out, &err),
                         MAYFLY_EJSON);
        assert_non_null(strstr(err.message, "UTF-8"));
        assert_int_equal(out.len, 0);
    }
    static const struct {
        const char *type;
        int64_t seconds;
        int32_t nanos;
    } times[] = {{"google.protobuf.Timestamp", 253402300800, 0},
                 {"google.protobuf.Timestamp", 0, -1},
                 {"google.protobuf.Duration", 1, -1},
                 {"google.protobuf.Duration", 315576000001, 0}};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        const mf_plan_message *m = mf_plan_find(plan, times[i].type);
        char *bytes = mf_arena_alloc(&arena, m->size);
        memcpy(bytes + mf_plan_field_of(m, 1)->offset, &times[i].seconds, 8);
        memcpy(bytes + mf_plan_field_of(m, 2)->offset, &times[i].nanos, 4);
        assert_int_equal(
            mf_json_print(plan, m->index, bytes, 0, NULL, &out, NULL),
            MAYFLY_EJSON);
    }
    mf_buf_done(&out);
    mf_arena_done(&arena);
}

static const char everything[] =
    "{\"scalars\":{\"i32\":1,\"text\":\"\\u00e9\",\"raw\":\"AAAA\"},"
    "\"lists\":{\"i32\":[1,2,3,4,5,6,7,8,9,10],\"text\":[\"a\",\"\\n\"]},"
    "\"maps\":{\"i32\":{\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\",\"5\":\"\","
    "\"6\":\"\",\"7\":\"\",\"8\":\"\",\"9\":\"\",\"10\":\"\"},\"values\":{"
    "\"a\":"
    "[null,{\"b\":1}]}},\"children\":[{},{\"child\":{}}],\"oneMessage\":{},"
    "\"any\":{\"value\":\"a.bC\",\"@type\":\"t/google.protobuf.FieldMask\"},"
    "\"mask\":\"aB,c\",\"duration\":\"1s\",\"timestamp\":"
    "\"1970-01-01T00:00:00Z\"}";

/* No prefix of a text is a message, and none reads past its end. */
static void every_prefix(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(everything) - 1; n++) {
        mf_alloc a;
        mf_alloc_init(&a, NULL);
        result r = convert(&a, "rich.Rich", everything, n, 0, 0);
        assert_int_equal(r.code, MAYFLY_EJSON);
        assert_int_equal(atomic_load(&a.blocks), 0);
    }
    gives("rich.Rich", everything, 0,
          "{\"scalars\":{\"i32\":1,\"text\":\"\xc3\xa9\",\"raw\":\"AAAA\"},"
          "\"lists\":{\"i32\":[1,2,3,4,5,6,7,8,9,10],\"text\":[\"a\",\"\\n\"]},"
          "\"maps\":{\"i32\":{\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\","
          "\"5\":\"\",\"6\":\"\",\"7\":\"\",\"8\":\"\",\"9\":\"\",\"10\":\"\"},"
          "\"values\":{\"a\":[null,{\"b\":1}]}},\"children\":[{},{\"child\":{}}"
          "],\"oneMessage\":{},\"any\":{\"@type\":\"t/"
          "google.protobuf.FieldMask\",\"value\":\"a.bC\"},\"duration\":\"1s\","
          "\"timestamp\":\"1970-01-01T00:00:00Z\",\"mask\":\"aB,c\"}");
}

static int run_with(const mayfly_allocator *table, void *state)
{
    mf_alloc a;
    (void)state;
    mf_alloc_init(&a, table);
    result r = convert(&a, "rich.Rich", everything, strlen(everything), 0, 0);
    free(r.text);
    if (r.code != 0)
        assert_int_equal(r.err.code, r.code);
    return r.code;
}

static void no_memory(void **state)
{
    (void)state;
    assert_true(fault_each(run_with, NULL) > 5);
}

/* Every bound of the arena up to what is needed is an error of its own. */
static void arena_bound(void **state)
{
    mf_alloc a;
    result r = {MAYFLY_ELIMIT, MAYFLY_ERROR_INIT, NULL};
    (void)state;
    mf_alloc_init(&a, NULL);
    for (size_t max = 64; r.code != 0; max += 64) {
        r = convert(&a, "rich.Rich", everything, strlen(everything), 0, max);
        if (r.code != 0)
            assert_int_equal(r.code, MAYFLY_ELIMIT);
        assert_true(max < 1 << 20);
        free(r.text);
    }
}

static int make_plan(void **state)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    (void)state;
    mf_alloc_init(&alloc, NULL);
    if (test_plan(&alloc, "tests/golden/json", "rich.proto", &plan, &err) == 0)
        return 0;
    fprintf(stderr, "%s\n", err.message);
    return -1;
}

static int drop_plan(void **state)
{
    (void)state;
    mf_plan_free(plan);
    return atomic_load(&alloc.blocks) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),      cmocka_unit_test(names),
        cmocka_unit_test(oneofs),       cmocka_unit_test(lists_and_maps),
        cmocka_unit_test(many_keys),    cmocka_unit_test(well_known),
        cmocka_unit_test(any),          cmocka_unit_test(styles),
        cmocka_unit_test(depth),        cmocka_unit_test(unprintable),
        cmocka_unit_test(every_prefix), cmocka_unit_test(no_memory),
        cmocka_unit_test(arena_bound)};
    return cmocka_run_group_tests(tests, make_plan, drop_plan);
}
