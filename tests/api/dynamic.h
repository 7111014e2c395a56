/* tests/api/dynamic.h: a schema with fields of every kind, which no program has
 * a header of. */
#ifndef TESTS_API_DYNAMIC_H
#define TESTS_API_DYNAMIC_H

#include "hello.h"

#include <stdlib.h>

#define SHOP                                                                   \
    "syntax = \"proto3\";\n"                                                   \
    "package shop;\n"                                                          \
    "service Shop { rpc Buy (Order) returns (Receipt);\n"                      \
    "  rpc Look (Item) returns (Item);\n"                                      \
    "  rpc Watch (Item) returns (stream Item); }\n"                            \
    "enum Color { PLAIN = 0; RED = 1; DARK_RED = 7; }\n"                       \
    "message Item { string name = 1; uint32 count = 2;\n"                      \
    "  repeated string tags = 3; }\n"                                          \
    "message Customer { string name = 1; optional int32 age = 2;\n"            \
    "  Customer friend = 3; string first_name = 4; }\n"                        \
    "message Order { Customer customer = 1; repeated Item items = 2;\n"        \
    "  map<string, double> prices = 3; map<int32, Item> by_number = 4;\n"      \
    "  map<bool, string> words = 5; map<uint64, int64> wide = 6;\n"            \
    "  Color color = 7; repeated Color colors = 8; bytes raw = 9;\n"           \
    "  float real = 10; double precise = 11; bool ok = 12;\n"                  \
    "  oneof how { string mail = 13; Item parcel = 14; int32 code = 15;\n"     \
    "    bool none = 16; }\n"                                                  \
    "  optional string note = 17; repeated int32 numbers = 18;\n"              \
    "  int32 i32 = 19; int64 i64 = 20; uint32 u32 = 21; uint64 u64 = 22;\n"    \
    "  sint32 s32 = 23; sint64 s64 = 24; fixed32 f32 = 25;\n"                  \
    "  fixed64 f64 = 26; sfixed32 sf32 = 27; sfixed64 sf64 = 28;\n"            \
    "  map<string, Item> stock = 29; repeated bytes parts = 30; }\n"           \
    "message Receipt { string text = 1; double total = 2; Order order = 3; "   \
    "}\n"

static inline mayfly_context *shop_load(mayfly_host *host)
{
    const mayfly_source schema = {"shop.proto", SHOP, 0};
    mayfly_context *context = NULL;
    must(mayfly_load_text(host, "shop", &schema, NULL, &context, &err));
    return context;
}

/* --- a message to try things on --- */

typedef struct order_test {
    mayfly_host *host;
    mayfly_context *context;
    mayfly_arena *arena;
    mayfly_dynamic *order;
} order_test;

static inline int order_begin(void **state)
{
    order_test *s = calloc(1, sizeof *s);
    s->host = hello_host();
    s->context = shop_load(s->host);
    must(mayfly_arena_new(s->host, 0, &s->arena, &err));
    must(mayfly_dynamic_new(s->context, "shop.Order", s->arena, &s->order,
                            &err));
    *state = s;
    return 0;
}

static inline int order_end(void **state)
{
    order_test *s = *state;
    mayfly_arena_free(s->arena);
    mayfly_context_unref(s->context);
    mayfly_host_free(s->host);
    free(s);
    return 0;
}

static inline void is_json(const mayfly_dynamic *m, const char *wanted)
{
    mayfly_str json = {NULL, 0};
    must(mayfly_dynamic_to_json(m, 0, &json, &err));
    if (!is_text(json, wanted))
        fail_msg("%.*s, not %s", (int)json.len, json.ptr, wanted);
}

static inline void read_json(mayfly_dynamic *m, const char *json)
{
    must(mayfly_dynamic_from_json(m, mayfly_str_of(json), &err));
}

/* The message as it comes back from the wire. */
static inline mayfly_dynamic *travelled(order_test *s)
{
    mayfly_dynamic *other = NULL;
    mayfly_bytes wire = {NULL, 0};
    must(mayfly_dynamic_encode(s->order, &wire, &err));
    must(mayfly_dynamic_new(s->context, "shop.Order", s->arena, &other, &err));
    must(mayfly_dynamic_decode(other, wire, &err));
    return other;
}

static inline int64_t int_at(const mayfly_dynamic *m, const char *path)
{
    int64_t value = -99;
    must(mayfly_dynamic_get_int(m, path, &value, &err));
    return value;
}

static inline double double_at(const mayfly_dynamic *m, const char *path)
{
    double value = -99;
    must(mayfly_dynamic_get_double(m, path, &value, &err));
    return value;
}

static inline int text_at(const mayfly_dynamic *m, const char *path,
                          const char *text)
{
    mayfly_str value = {NULL, 0};
    must(mayfly_dynamic_get_str(m, path, &value, &err));
    return is_text(value, text);
}

static inline int has(const mayfly_dynamic *m, const char *path)
{
    bool yes = false;
    must(mayfly_dynamic_has(m, path, &yes, &err));
    return yes;
}

static inline size_t count(const mayfly_dynamic *m, const char *path)
{
    size_t n = 99;
    must(mayfly_dynamic_count(m, path, &n, &err));
    return n;
}

static inline void set_text(mayfly_dynamic *m, const char *path,
                            const char *text)
{
    must(mayfly_dynamic_set_str(m, path, mayfly_str_of(text), &err));
}

#define one_order(test)                                                        \
    cmocka_unit_test_setup_teardown(test, order_begin, order_end)

#endif
