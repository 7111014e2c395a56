/* Made by mayfly. Do not edit; make it again instead. */
#ifndef MAYFLY_H_rich
#define MAYFLY_H_rich

#include <mayfly/mayfly.h>
#include "common.mf.h"

MAYFLY_BEGIN

/* rich_v1_Color */
enum {
    rich_v1_Color_COLOR_NONE = 0,
    rich_v1_Color_RED = 1,
    rich_v1_Color_DEEPEST = -INT32_C(2147483647) - 1,
    rich_v1_Color_FARTHEST = 2147483647
};

/* rich_v1_Item_Bar_Deep */
enum {
    rich_v1_Item_Bar_Deep_NOTHING = 0
};

typedef struct rich_v1_Item rich_v1_Item;
MAYFLY_ARRAY_OF(rich_v1_Item, rich_v1_Item_array);
typedef struct rich_v1_Item_ByNameEntry rich_v1_Item_ByNameEntry;
MAYFLY_ARRAY_OF(rich_v1_Item_ByNameEntry, rich_v1_Item_ByNameEntry_array);
typedef struct rich_v1_Item_TotalsEntry rich_v1_Item_TotalsEntry;
MAYFLY_ARRAY_OF(rich_v1_Item_TotalsEntry, rich_v1_Item_TotalsEntry_array);
typedef struct rich_v1_Item_UnitsEntry rich_v1_Item_UnitsEntry;
MAYFLY_ARRAY_OF(rich_v1_Item_UnitsEntry, rich_v1_Item_UnitsEntry_array);
typedef struct rich_v1_Item_Bar_2 rich_v1_Item_Bar_2;
MAYFLY_ARRAY_OF(rich_v1_Item_Bar_2, rich_v1_Item_Bar_2_array);
typedef struct rich_v1_Item_Bar rich_v1_Item_Bar;
MAYFLY_ARRAY_OF(rich_v1_Item_Bar, rich_v1_Item_Bar_array);
typedef struct rich_v1_Item_set_count rich_v1_Item_set_count;
MAYFLY_ARRAY_OF(rich_v1_Item_set_count, rich_v1_Item_set_count_array);
typedef struct rich_v1_Many rich_v1_Many;
MAYFLY_ARRAY_OF(rich_v1_Many, rich_v1_Many_array);

struct rich_v1_Item {
    uint64_t mayfly_has[1];
    mayfly_str_array tags;
    mayfly_int32_array ids;
    mayfly_double_array loose;
    struct rich_v1_Item_array parts;
    struct common_v1_Length_array sizes;
    mayfly_int32_array colors;
    struct rich_v1_Item_ByNameEntry_array by_name;
    struct rich_v1_Item_TotalsEntry_array totals;
    struct rich_v1_Item_UnitsEntry_array units;
    mayfly_str class_;
    mayfly_str note;
    mayfly_bytes blob;
    union {
        mayfly_str text;
        int32_t number;
        struct rich_v1_Item_Bar_2 *sub;
        double delete_;
    };
    mayfly_str kind_case;
    int64_t x_mayfly_has;
    struct rich_v1_Item *parent;
    struct common_v1_Length *length;
    struct rich_v1_Item_Bar_2 *bar;
    int32_t errno_;
    int32_t EOF_;
    int32_t x_hidden;
    int32_t Item;
    int32_t count;
    int32_t tint;
    uint32_t kind_case_2;
    uint32_t small_case;
    bool unix_;
    bool done;
    union {
        bool yes;
        bool no;
    };
    mayfly_unknown mayfly_unknown_fields;
};

struct rich_v1_Item_ByNameEntry {
    mayfly_str key;
    struct rich_v1_Item *value;
    mayfly_unknown mayfly_unknown_fields;
};

struct rich_v1_Item_TotalsEntry {
    int64_t value;
    int32_t key;
    mayfly_unknown mayfly_unknown_fields;
};

struct rich_v1_Item_UnitsEntry {
    mayfly_str key;
    int32_t value;
    mayfly_unknown mayfly_unknown_fields;
};

struct rich_v1_Item_Bar_2 {
    int32_t x;
    mayfly_unknown mayfly_unknown_fields;
};

struct rich_v1_Item_Bar {
    uint64_t mayfly_has[1];
    int32_t y;
    mayfly_unknown mayfly_unknown_fields;
};

struct rich_v1_Item_set_count {
    mayfly_unknown mayfly_unknown_fields;
};

struct rich_v1_Many {
    uint64_t mayfly_has[1];
    int64_t far;
    int32_t a1;
    int32_t a2;
    mayfly_unknown mayfly_unknown_fields;
};

enum {
    rich_v1_Item_case_text = 50,
    rich_v1_Item_case_number = 51,
    rich_v1_Item_case_sub = 52,
    rich_v1_Item_case_delete = 53,
    rich_v1_Item_case_yes = 60,
    rich_v1_Item_case_no = 61
};

static inline void rich_v1_Item_set_count_2(rich_v1_Item *m, int32_t value)
{
    m->count = value;
    m->mayfly_has[0] |= UINT64_C(1) << 0;
}

static inline bool rich_v1_Item_has_count(const rich_v1_Item *m)
{
    return (m->mayfly_has[0] >> 0 & 1) != 0;
}

static inline void rich_v1_Item_clear_count(rich_v1_Item *m)
{
    m->count = 0;
    m->mayfly_has[0] &= ~(UINT64_C(1) << 0);
}

static inline void rich_v1_Item_set_note(rich_v1_Item *m, mayfly_str value)
{
    m->note = value;
    m->mayfly_has[0] |= UINT64_C(1) << 1;
}

static inline bool rich_v1_Item_has_note(const rich_v1_Item *m)
{
    return (m->mayfly_has[0] >> 1 & 1) != 0;
}

static inline void rich_v1_Item_clear_note(rich_v1_Item *m)
{
    m->note.ptr = NULL;
    m->note.len = 0;
    m->mayfly_has[0] &= ~(UINT64_C(1) << 1);
}

static inline void rich_v1_Item_set_done(rich_v1_Item *m, bool value)
{
    m->done = value;
    m->mayfly_has[0] |= UINT64_C(1) << 2;
}

static inline bool rich_v1_Item_has_done(const rich_v1_Item *m)
{
    return (m->mayfly_has[0] >> 2 & 1) != 0;
}

static inline void rich_v1_Item_clear_done(rich_v1_Item *m)
{
    m->done = 0;
    m->mayfly_has[0] &= ~(UINT64_C(1) << 2);
}

static inline void rich_v1_Item_set_blob(rich_v1_Item *m, mayfly_bytes value)
{
    m->blob = value;
    m->mayfly_has[0] |= UINT64_C(1) << 3;
}

static inline bool rich_v1_Item_has_blob(const rich_v1_Item *m)
{
    return (m->mayfly_has[0] >> 3 & 1) != 0;
}

static inline void rich_v1_Item_clear_blob(rich_v1_Item *m)
{
    m->blob.ptr = NULL;
    m->blob.len = 0;
    m->mayfly_has[0] &= ~(UINT64_C(1) << 3);
}

static inline void rich_v1_Item_set_tint(rich_v1_Item *m, int32_t value)
{
    m->tint = value;
    m->mayfly_has[0] |= UINT64_C(1) << 4;
}

static inline bool rich_v1_Item_has_tint(const rich_v1_Item *m)
{
    return (m->mayfly_has[0] >> 4 & 1) != 0;
}

static inline void rich_v1_Item_clear_tint(rich_v1_Item *m)
{
    m->tint = 0;
    m->mayfly_has[0] &= ~(UINT64_C(1) << 4);
}

/* One more element, zeroed; NULL: no memory. */
static inline mayfly_str *rich_v1_Item_add_tags(rich_v1_Item *m, mayfly_arena *arena)
{
    mayfly_array array = { m->tags.items, m->tags.n, m->tags.cap };
    mayfly_str *item = (mayfly_str *)mayfly_arena_add(arena, &array, sizeof *item);

    m->tags.items = (mayfly_str *)array.items;
    m->tags.n = array.n;
    m->tags.cap = array.cap;
    return item;
}

/* One more element, zeroed; NULL: no memory. */
static inline int32_t *rich_v1_Item_add_ids(rich_v1_Item *m, mayfly_arena *arena)
{
    mayfly_array array = { m->ids.items, m->ids.n, m->ids.cap };
    int32_t *item = (int32_t *)mayfly_arena_add(arena, &array, sizeof *item);

    m->ids.items = (int32_t *)array.items;
    m->ids.n = array.n;
    m->ids.cap = array.cap;
    return item;
}

/* One more element, zeroed; NULL: no memory. */
static inline double *rich_v1_Item_add_loose(rich_v1_Item *m, mayfly_arena *arena)
{
    mayfly_array array = { m->loose.items, m->loose.n, m->loose.cap };
    double *item = (double *)mayfly_arena_add(arena, &array, sizeof *item);

    m->loose.items = (double *)array.items;
    m->loose.n = array.n;
    m->loose.cap = array.cap;
    return item;
}

/* One more element, zeroed; NULL: no memory. */
static inline rich_v1_Item *rich_v1_Item_add_parts(rich_v1_Item *m, mayfly_arena *arena)
{
    mayfly_array array = { m->parts.items, m->parts.n, m->parts.cap };
    rich_v1_Item *item = (rich_v1_Item *)mayfly_arena_add(arena, &array, sizeof *item);

    m->parts.items = (rich_v1_Item *)array.items;
    m->parts.n = array.n;
    m->parts.cap = array.cap;
    return item;
}

/* One more element, zeroed; NULL: no memory. */
static inline common_v1_Length *rich_v1_Item_add_sizes(rich_v1_Item *m, mayfly_arena *arena)
{
    mayfly_array array = { m->sizes.items, m->sizes.n, m->sizes.cap };
    common_v1_Length *item = (common_v1_Length *)mayfly_arena_add(arena, &array, sizeof *item);

    m->sizes.items = (common_v1_Length *)array.items;
    m->sizes.n = array.n;
    m->sizes.cap = array.cap;
    return item;
}

/* One more element, zeroed; NULL: no memory. */
static inline int32_t *rich_v1_Item_add_colors(rich_v1_Item *m, mayfly_arena *arena)
{
    mayfly_array array = { m->colors.items, m->colors.n, m->colors.cap };
    int32_t *item = (int32_t *)mayfly_arena_add(arena, &array, sizeof *item);

    m->colors.items = (int32_t *)array.items;
    m->colors.n = array.n;
    m->colors.cap = array.cap;
    return item;
}

/* One more element, zeroed; NULL: no memory. */
static inline rich_v1_Item_ByNameEntry *rich_v1_Item_add_by_name(rich_v1_Item *m, mayfly_arena *arena)
{
    mayfly_array array = { m->by_name.items, m->by_name.n, m->by_name.cap };
    rich_v1_Item_ByNameEntry *item = (rich_v1_Item_ByNameEntry *)mayfly_arena_add(arena, &array, sizeof *item);

    m->by_name.items = (rich_v1_Item_ByNameEntry *)array.items;
    m->by_name.n = array.n;
    m->by_name.cap = array.cap;
    return item;
}

/* One more element, zeroed; NULL: no memory. */
static inline rich_v1_Item_TotalsEntry *rich_v1_Item_add_totals(rich_v1_Item *m, mayfly_arena *arena)
{
    mayfly_array array = { m->totals.items, m->totals.n, m->totals.cap };
    rich_v1_Item_TotalsEntry *item = (rich_v1_Item_TotalsEntry *)mayfly_arena_add(arena, &array, sizeof *item);

    m->totals.items = (rich_v1_Item_TotalsEntry *)array.items;
    m->totals.n = array.n;
    m->totals.cap = array.cap;
    return item;
}

/* One more element, zeroed; NULL: no memory. */
static inline rich_v1_Item_UnitsEntry *rich_v1_Item_add_units(rich_v1_Item *m, mayfly_arena *arena)
{
    mayfly_array array = { m->units.items, m->units.n, m->units.cap };
    rich_v1_Item_UnitsEntry *item = (rich_v1_Item_UnitsEntry *)mayfly_arena_add(arena, &array, sizeof *item);

    m->units.items = (rich_v1_Item_UnitsEntry *)array.items;
    m->units.n = array.n;
    m->units.cap = array.cap;
    return item;
}

/* A new, zeroed one in the arena; NULL: no memory. */
static inline rich_v1_Item *rich_v1_Item_new_parent(rich_v1_Item *m, mayfly_arena *arena)
{
    rich_v1_Item *child = (rich_v1_Item *)mayfly_arena_alloc(arena, sizeof *child);

    if (child)
        m->parent = child;
    return child;
}

/* A new, zeroed one in the arena; NULL: no memory. */
static inline common_v1_Length *rich_v1_Item_new_length(rich_v1_Item *m, mayfly_arena *arena)
{
    common_v1_Length *child = (common_v1_Length *)mayfly_arena_alloc(arena, sizeof *child);

    if (child)
        m->length = child;
    return child;
}

/* A new, zeroed one in the arena; NULL: no memory. */
static inline rich_v1_Item_Bar_2 *rich_v1_Item_new_bar(rich_v1_Item *m, mayfly_arena *arena)
{
    rich_v1_Item_Bar_2 *child = (rich_v1_Item_Bar_2 *)mayfly_arena_alloc(arena, sizeof *child);

    if (child)
        m->bar = child;
    return child;
}

static inline void rich_v1_Item_set_text(rich_v1_Item *m, mayfly_str value)
{
    m->text = value;
    m->kind_case_2 = 50;
}

static inline bool rich_v1_Item_has_text(const rich_v1_Item *m)
{
    return m->kind_case_2 == 50;
}

static inline void rich_v1_Item_clear_text(rich_v1_Item *m)
{
    if (m->kind_case_2 == 50)
        m->kind_case_2 = 0;
}

static inline void rich_v1_Item_set_number(rich_v1_Item *m, int32_t value)
{
    m->number = value;
    m->kind_case_2 = 51;
}

static inline bool rich_v1_Item_has_number(const rich_v1_Item *m)
{
    return m->kind_case_2 == 51;
}

static inline void rich_v1_Item_clear_number(rich_v1_Item *m)
{
    if (m->kind_case_2 == 51)
        m->kind_case_2 = 0;
}

static inline void rich_v1_Item_set_sub(rich_v1_Item *m, rich_v1_Item_Bar_2 *value)
{
    m->sub = value;
    m->kind_case_2 = 52;
}

static inline bool rich_v1_Item_has_sub(const rich_v1_Item *m)
{
    return m->kind_case_2 == 52;
}

static inline void rich_v1_Item_clear_sub(rich_v1_Item *m)
{
    if (m->kind_case_2 == 52)
        m->kind_case_2 = 0;
}

/* A new, zeroed one in the arena; NULL: no memory. */
static inline rich_v1_Item_Bar_2 *rich_v1_Item_new_sub(rich_v1_Item *m, mayfly_arena *arena)
{
    rich_v1_Item_Bar_2 *child = (rich_v1_Item_Bar_2 *)mayfly_arena_alloc(arena, sizeof *child);

    if (child) {
        m->sub = child;
        m->kind_case_2 = 52;
    }
    return child;
}

static inline void rich_v1_Item_set_delete(rich_v1_Item *m, double value)
{
    m->delete_ = value;
    m->kind_case_2 = 53;
}

static inline bool rich_v1_Item_has_delete(const rich_v1_Item *m)
{
    return m->kind_case_2 == 53;
}

static inline void rich_v1_Item_clear_delete(rich_v1_Item *m)
{
    if (m->kind_case_2 == 53)
        m->kind_case_2 = 0;
}

static inline void rich_v1_Item_set_yes(rich_v1_Item *m, bool value)
{
    m->yes = value;
    m->small_case = 60;
}

static inline bool rich_v1_Item_has_yes(const rich_v1_Item *m)
{
    return m->small_case == 60;
}

static inline void rich_v1_Item_clear_yes(rich_v1_Item *m)
{
    if (m->small_case == 60)
        m->small_case = 0;
}

static inline void rich_v1_Item_set_no(rich_v1_Item *m, bool value)
{
    m->no = value;
    m->small_case = 61;
}

static inline bool rich_v1_Item_has_no(const rich_v1_Item *m)
{
    return m->small_case == 61;
}

static inline void rich_v1_Item_clear_no(rich_v1_Item *m)
{
    if (m->small_case == 61)
        m->small_case = 0;
}

/* A new, zeroed one in the arena; NULL: no memory. */
static inline rich_v1_Item *rich_v1_Item_ByNameEntry_new_value(rich_v1_Item_ByNameEntry *m, mayfly_arena *arena)
{
    rich_v1_Item *child = (rich_v1_Item *)mayfly_arena_alloc(arena, sizeof *child);

    if (child)
        m->value = child;
    return child;
}

static inline void rich_v1_Item_Bar_set_y(rich_v1_Item_Bar *m, int32_t value)
{
    m->y = value;
    m->mayfly_has[0] |= UINT64_C(1) << 0;
}

static inline bool rich_v1_Item_Bar_has_y(const rich_v1_Item_Bar *m)
{
    return (m->mayfly_has[0] >> 0 & 1) != 0;
}

static inline void rich_v1_Item_Bar_clear_y(rich_v1_Item_Bar *m)
{
    m->y = 0;
    m->mayfly_has[0] &= ~(UINT64_C(1) << 0);
}

static inline void rich_v1_Many_set_a1(rich_v1_Many *m, int32_t value)
{
    m->a1 = value;
    m->mayfly_has[0] |= UINT64_C(1) << 0;
}

static inline bool rich_v1_Many_has_a1(const rich_v1_Many *m)
{
    return (m->mayfly_has[0] >> 0 & 1) != 0;
}

static inline void rich_v1_Many_clear_a1(rich_v1_Many *m)
{
    m->a1 = 0;
    m->mayfly_has[0] &= ~(UINT64_C(1) << 0);
}

static inline void rich_v1_Many_set_a2(rich_v1_Many *m, int32_t value)
{
    m->a2 = value;
    m->mayfly_has[0] |= UINT64_C(1) << 1;
}

static inline bool rich_v1_Many_has_a2(const rich_v1_Many *m)
{
    return (m->mayfly_has[0] >> 1 & 1) != 0;
}

static inline void rich_v1_Many_clear_a2(rich_v1_Many *m)
{
    m->a2 = 0;
    m->mayfly_has[0] &= ~(UINT64_C(1) << 1);
}

static inline void rich_v1_Many_set_far(rich_v1_Many *m, int64_t value)
{
    m->far = value;
    m->mayfly_has[0] |= UINT64_C(1) << 2;
}

static inline bool rich_v1_Many_has_far(const rich_v1_Many *m)
{
    return (m->mayfly_has[0] >> 2 & 1) != 0;
}

static inline void rich_v1_Many_clear_far(rich_v1_Many *m)
{
    m->far = 0;
    m->mayfly_has[0] &= ~(UINT64_C(1) << 2);
}

static const mayfly_field_layout mayfly_fields_rich_v1_Item[31] MAYFLY_UNUSED = {
    { 1, (uint32_t)offsetof(rich_v1_Item, class_), 0, 0, 0,
      MAYFLY_TYPE_STRING, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, MAYFLY_FIELD_UTF8, { 0, 0 }, "class", "class_" },
    { 2, (uint32_t)offsetof(rich_v1_Item, errno_), 0, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "errno", "errno_" },
    { 3, (uint32_t)offsetof(rich_v1_Item, EOF_), 0, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "EOF", "EOF_" },
    { 4, (uint32_t)offsetof(rich_v1_Item, unix_), 0, 0, 0,
      MAYFLY_TYPE_BOOL, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "unix", "unix_" },
    { 5, (uint32_t)offsetof(rich_v1_Item, x_hidden), 0, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "_hidden", "x_hidden" },
    { 6, (uint32_t)offsetof(rich_v1_Item, x_mayfly_has), 0, 0, 0,
      MAYFLY_TYPE_INT64, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "mayfly_has", "x_mayfly_has" },
    { 7, (uint32_t)offsetof(rich_v1_Item, Item), 0, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "Item", "Item" },
    { 10, (uint32_t)offsetof(rich_v1_Item, count), 0, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_HASBIT, 0, { 0, 0 }, "count", "count" },
    { 11, (uint32_t)offsetof(rich_v1_Item, note), 1, 0, 0,
      MAYFLY_TYPE_STRING, MAYFLY_SINGULAR, MAYFLY_HASBIT, MAYFLY_FIELD_UTF8, { 0, 0 }, "note", "note" },
    { 12, (uint32_t)offsetof(rich_v1_Item, done), 2, 0, 0,
      MAYFLY_TYPE_BOOL, MAYFLY_SINGULAR, MAYFLY_HASBIT, 0, { 0, 0 }, "done", "done" },
    { 13, (uint32_t)offsetof(rich_v1_Item, blob), 3, 0, 0,
      MAYFLY_TYPE_BYTES, MAYFLY_SINGULAR, MAYFLY_HASBIT, 0, { 0, 0 }, "blob", "blob" },
    { 14, (uint32_t)offsetof(rich_v1_Item, tint), 4, 0, 0,
      MAYFLY_TYPE_ENUM, MAYFLY_SINGULAR, MAYFLY_HASBIT, 0, { 0, 0 }, "tint", "tint" },
    { 20, (uint32_t)offsetof(rich_v1_Item, tags), 0, 0, 0,
      MAYFLY_TYPE_STRING, MAYFLY_REPEATED, MAYFLY_IMPLICIT, MAYFLY_FIELD_UTF8, { 0, 0 }, "tags", "tags" },
    { 21, (uint32_t)offsetof(rich_v1_Item, ids), 0, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_REPEATED, MAYFLY_IMPLICIT, MAYFLY_FIELD_PACKED, { 0, 0 }, "ids", "ids" },
    { 22, (uint32_t)offsetof(rich_v1_Item, loose), 0, 0, 0,
      MAYFLY_TYPE_DOUBLE, MAYFLY_REPEATED, MAYFLY_IMPLICIT, 0, { 0, 0 }, "loose", "loose" },
    { 23, (uint32_t)offsetof(rich_v1_Item, parts), 0, 0, 0,
      MAYFLY_TYPE_MESSAGE, MAYFLY_REPEATED, MAYFLY_IMPLICIT, 0, { 0, 0 }, "parts", "parts" },
    { 24, (uint32_t)offsetof(rich_v1_Item, sizes), 0, 0, 1,
      MAYFLY_TYPE_MESSAGE, MAYFLY_REPEATED, MAYFLY_IMPLICIT, 0, { 0, 0 }, "sizes", "sizes" },
    { 25, (uint32_t)offsetof(rich_v1_Item, colors), 0, 0, 0,
      MAYFLY_TYPE_ENUM, MAYFLY_REPEATED, MAYFLY_IMPLICIT, MAYFLY_FIELD_PACKED, { 0, 0 }, "colors", "colors" },
    { 30, (uint32_t)offsetof(rich_v1_Item, by_name), 0, 1, 0,
      MAYFLY_TYPE_MESSAGE, MAYFLY_MAP, MAYFLY_IMPLICIT, 0, { 0, 0 }, "by_name", "by_name" },
    { 31, (uint32_t)offsetof(rich_v1_Item, totals), 0, 2, 0,
      MAYFLY_TYPE_MESSAGE, MAYFLY_MAP, MAYFLY_IMPLICIT, 0, { 0, 0 }, "totals", "totals" },
    { 32, (uint32_t)offsetof(rich_v1_Item, units), 0, 3, 0,
      MAYFLY_TYPE_MESSAGE, MAYFLY_MAP, MAYFLY_IMPLICIT, 0, { 0, 0 }, "units", "units" },
    { 40, (uint32_t)offsetof(rich_v1_Item, parent), 0, 0, 0,
      MAYFLY_TYPE_MESSAGE, MAYFLY_SINGULAR, MAYFLY_POINTER, 0, { 0, 0 }, "parent", "parent" },
    { 41, (uint32_t)offsetof(rich_v1_Item, length), 0, 0, 1,
      MAYFLY_TYPE_MESSAGE, MAYFLY_SINGULAR, MAYFLY_POINTER, 0, { 0, 0 }, "length", "length" },
    { 42, (uint32_t)offsetof(rich_v1_Item, bar), 0, 4, 0,
      MAYFLY_TYPE_MESSAGE, MAYFLY_SINGULAR, MAYFLY_POINTER, 0, { 0, 0 }, "bar", "bar" },
    { 50, (uint32_t)offsetof(rich_v1_Item, text), (uint32_t)offsetof(rich_v1_Item, kind_case_2), 0, 0,
      MAYFLY_TYPE_STRING, MAYFLY_SINGULAR, MAYFLY_ONEOF, MAYFLY_FIELD_UTF8, { 0, 0 }, "text", "text" },
    { 51, (uint32_t)offsetof(rich_v1_Item, number), (uint32_t)offsetof(rich_v1_Item, kind_case_2), 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_ONEOF, 0, { 0, 0 }, "number", "number" },
    { 52, (uint32_t)offsetof(rich_v1_Item, sub), (uint32_t)offsetof(rich_v1_Item, kind_case_2), 4, 0,
      MAYFLY_TYPE_MESSAGE, MAYFLY_SINGULAR, MAYFLY_ONEOF, 0, { 0, 0 }, "sub", "sub" },
    { 53, (uint32_t)offsetof(rich_v1_Item, delete_), (uint32_t)offsetof(rich_v1_Item, kind_case_2), 0, 0,
      MAYFLY_TYPE_DOUBLE, MAYFLY_SINGULAR, MAYFLY_ONEOF, 0, { 0, 0 }, "delete", "delete_" },
    { 60, (uint32_t)offsetof(rich_v1_Item, yes), (uint32_t)offsetof(rich_v1_Item, small_case), 0, 0,
      MAYFLY_TYPE_BOOL, MAYFLY_SINGULAR, MAYFLY_ONEOF, 0, { 0, 0 }, "yes", "yes" },
    { 61, (uint32_t)offsetof(rich_v1_Item, no), (uint32_t)offsetof(rich_v1_Item, small_case), 0, 0,
      MAYFLY_TYPE_BOOL, MAYFLY_SINGULAR, MAYFLY_ONEOF, 0, { 0, 0 }, "no", "no" },
    { 62, (uint32_t)offsetof(rich_v1_Item, kind_case), 0, 0, 0,
      MAYFLY_TYPE_STRING, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, MAYFLY_FIELD_UTF8, { 0, 0 }, "kind_case", "kind_case" },
};

static const mayfly_field_layout mayfly_fields_rich_v1_Item_ByNameEntry[2] MAYFLY_UNUSED = {
    { 1, (uint32_t)offsetof(rich_v1_Item_ByNameEntry, key), 0, 0, 0,
      MAYFLY_TYPE_STRING, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, MAYFLY_FIELD_UTF8, { 0, 0 }, "key", "key" },
    { 2, (uint32_t)offsetof(rich_v1_Item_ByNameEntry, value), 0, 0, 0,
      MAYFLY_TYPE_MESSAGE, MAYFLY_SINGULAR, MAYFLY_POINTER, 0, { 0, 0 }, "value", "value" },
};

static const mayfly_field_layout mayfly_fields_rich_v1_Item_TotalsEntry[2] MAYFLY_UNUSED = {
    { 1, (uint32_t)offsetof(rich_v1_Item_TotalsEntry, key), 0, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "key", "key" },
    { 2, (uint32_t)offsetof(rich_v1_Item_TotalsEntry, value), 0, 0, 0,
      MAYFLY_TYPE_INT64, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "value", "value" },
};

static const mayfly_field_layout mayfly_fields_rich_v1_Item_UnitsEntry[2] MAYFLY_UNUSED = {
    { 1, (uint32_t)offsetof(rich_v1_Item_UnitsEntry, key), 0, 0, 0,
      MAYFLY_TYPE_STRING, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, MAYFLY_FIELD_UTF8, { 0, 0 }, "key", "key" },
    { 2, (uint32_t)offsetof(rich_v1_Item_UnitsEntry, value), 0, 0, 0,
      MAYFLY_TYPE_ENUM, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "value", "value" },
};

static const mayfly_field_layout mayfly_fields_rich_v1_Item_Bar_2[1] MAYFLY_UNUSED = {
    { 1, (uint32_t)offsetof(rich_v1_Item_Bar_2, x), 0, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "x", "x" },
};

static const mayfly_field_layout mayfly_fields_rich_v1_Item_Bar[1] MAYFLY_UNUSED = {
    { 1, (uint32_t)offsetof(rich_v1_Item_Bar, y), 0, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_HASBIT, 0, { 0, 0 }, "y", "y" },
};

static const mayfly_field_layout mayfly_fields_rich_v1_Many[3] MAYFLY_UNUSED = {
    { 1, (uint32_t)offsetof(rich_v1_Many, a1), 0, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_HASBIT, 0, { 0, 0 }, "a1", "a1" },
    { 2, (uint32_t)offsetof(rich_v1_Many, a2), 1, 0, 0,
      MAYFLY_TYPE_INT32, MAYFLY_SINGULAR, MAYFLY_HASBIT, 0, { 0, 0 }, "a2", "a2" },
    { 536870911, (uint32_t)offsetof(rich_v1_Many, far), 2, 0, 0,
      MAYFLY_TYPE_INT64, MAYFLY_SINGULAR, MAYFLY_HASBIT, 0, { 0, 0 }, "far", "far" },
};

static const mayfly_message_layout mayfly_messages_rich[8] MAYFLY_UNUSED = {
    { "rich.v1.Item", "rich_v1_Item", (uint32_t)sizeof(rich_v1_Item),
      (uint32_t)offsetof(rich_v1_Item, mayfly_unknown_fields), 1, 31, mayfly_fields_rich_v1_Item, 0, 0 },
    { "rich.v1.Item.ByNameEntry", "rich_v1_Item_ByNameEntry", (uint32_t)sizeof(rich_v1_Item_ByNameEntry),
      (uint32_t)offsetof(rich_v1_Item_ByNameEntry, mayfly_unknown_fields), 0, 2, mayfly_fields_rich_v1_Item_ByNameEntry, 1, 0 },
    { "rich.v1.Item.TotalsEntry", "rich_v1_Item_TotalsEntry", (uint32_t)sizeof(rich_v1_Item_TotalsEntry),
      (uint32_t)offsetof(rich_v1_Item_TotalsEntry, mayfly_unknown_fields), 0, 2, mayfly_fields_rich_v1_Item_TotalsEntry, 1, 0 },
    { "rich.v1.Item.UnitsEntry", "rich_v1_Item_UnitsEntry", (uint32_t)sizeof(rich_v1_Item_UnitsEntry),
      (uint32_t)offsetof(rich_v1_Item_UnitsEntry, mayfly_unknown_fields), 0, 2, mayfly_fields_rich_v1_Item_UnitsEntry, 1, 0 },
    { "rich.v1.Item.Bar", "rich_v1_Item_Bar_2", (uint32_t)sizeof(rich_v1_Item_Bar_2),
      (uint32_t)offsetof(rich_v1_Item_Bar_2, mayfly_unknown_fields), 0, 1, mayfly_fields_rich_v1_Item_Bar_2, 0, 0 },
    { "rich.v1.Item_Bar", "rich_v1_Item_Bar", (uint32_t)sizeof(rich_v1_Item_Bar),
      (uint32_t)offsetof(rich_v1_Item_Bar, mayfly_unknown_fields), 1, 1, mayfly_fields_rich_v1_Item_Bar, 0, 0 },
    { "rich.v1.Item_set_count", "rich_v1_Item_set_count", (uint32_t)sizeof(rich_v1_Item_set_count),
      (uint32_t)offsetof(rich_v1_Item_set_count, mayfly_unknown_fields), 0, 0, NULL, 0, 0 },
    { "rich.v1.Many", "rich_v1_Many", (uint32_t)sizeof(rich_v1_Many),
      (uint32_t)offsetof(rich_v1_Many, mayfly_unknown_fields), 1, 3, mayfly_fields_rich_v1_Many, 0, 0 },
};

static const mayfly_method_layout mayfly_methods_rich_v1_Store[6] MAYFLY_UNUSED = {
    { "Get", 7, 0, 0, 0, 0, 0, { 0, 0 } },
    { "new", 0, 0, 0, 1, 0, 0, { 0, 0 } },
    { "delete", 5, 6, 0, 0, 0, 0, { 0, 0 } },
    { "Watch", 7, 0, 0, 0, 0, 1, { 0, 0 } },
    { "Upload", 0, 7, 0, 0, 1, 0, { 0, 0 } },
    { "Chat", 0, 0, 0, 0, 1, 1, { 0, 0 } },
};

static const mayfly_method_layout mayfly_methods_rich_v1_Streams[1] MAYFLY_UNUSED = {
    { "Watch", 7, 0, 0, 0, 0, 1, { 0, 0 } },
};

static const mayfly_service_layout mayfly_services_rich[3] MAYFLY_UNUSED = {
    { "rich.v1.Store", 6, 0, mayfly_methods_rich_v1_Store },
    { "rich.v1.Quiet", 0, 0, NULL },
    { "rich.v1.Streams", 1, 0, mayfly_methods_rich_v1_Streams },
};

static const mayfly_layout *const mayfly_imports_rich[1] MAYFLY_UNUSED = {
    &mayfly_layout_common,
};

static const mayfly_layout mayfly_layout_rich MAYFLY_UNUSED = {
    1, 8, 3, 1,
    "rich.proto",
    mayfly_messages_rich,
    mayfly_services_rich,
    mayfly_imports_rich,
};

static inline int rich_v1_Item_encode(
    mayfly_context *context, const rich_v1_Item *m, mayfly_arena *arena,
    mayfly_bytes *ret_wire, mayfly_error *err)
{
    return mayfly_encode(context, &mayfly_layout_rich, 0, m, arena,
                         ret_wire, err);
}

static inline int rich_v1_Item_decode(
    mayfly_context *context, mayfly_bytes wire, mayfly_arena *arena,
    rich_v1_Item **ret_message, mayfly_error *err)
{
    void *message = NULL;
    int code = mayfly_decode(context, &mayfly_layout_rich, 0, wire,
                             arena, &message, err);

    if (code == 0)
        *ret_message = (rich_v1_Item *)message;
    return code;
}

static inline int rich_v1_Item_Bar_2_encode(
    mayfly_context *context, const rich_v1_Item_Bar_2 *m, mayfly_arena *arena,
    mayfly_bytes *ret_wire, mayfly_error *err)
{
    return mayfly_encode(context, &mayfly_layout_rich, 4, m, arena,
                         ret_wire, err);
}

static inline int rich_v1_Item_Bar_2_decode(
    mayfly_context *context, mayfly_bytes wire, mayfly_arena *arena,
    rich_v1_Item_Bar_2 **ret_message, mayfly_error *err)
{
    void *message = NULL;
    int code = mayfly_decode(context, &mayfly_layout_rich, 4, wire,
                             arena, &message, err);

    if (code == 0)
        *ret_message = (rich_v1_Item_Bar_2 *)message;
    return code;
}

static inline int rich_v1_Item_Bar_encode(
    mayfly_context *context, const rich_v1_Item_Bar *m, mayfly_arena *arena,
    mayfly_bytes *ret_wire, mayfly_error *err)
{
    return mayfly_encode(context, &mayfly_layout_rich, 5, m, arena,
                         ret_wire, err);
}

static inline int rich_v1_Item_Bar_decode(
    mayfly_context *context, mayfly_bytes wire, mayfly_arena *arena,
    rich_v1_Item_Bar **ret_message, mayfly_error *err)
{
    void *message = NULL;
    int code = mayfly_decode(context, &mayfly_layout_rich, 5, wire,
                             arena, &message, err);

    if (code == 0)
        *ret_message = (rich_v1_Item_Bar *)message;
    return code;
}

static inline int rich_v1_Item_set_count_encode(
    mayfly_context *context, const rich_v1_Item_set_count *m, mayfly_arena *arena,
    mayfly_bytes *ret_wire, mayfly_error *err)
{
    return mayfly_encode(context, &mayfly_layout_rich, 6, m, arena,
                         ret_wire, err);
}

static inline int rich_v1_Item_set_count_decode(
    mayfly_context *context, mayfly_bytes wire, mayfly_arena *arena,
    rich_v1_Item_set_count **ret_message, mayfly_error *err)
{
    void *message = NULL;
    int code = mayfly_decode(context, &mayfly_layout_rich, 6, wire,
                             arena, &message, err);

    if (code == 0)
        *ret_message = (rich_v1_Item_set_count *)message;
    return code;
}

static inline int rich_v1_Many_encode(
    mayfly_context *context, const rich_v1_Many *m, mayfly_arena *arena,
    mayfly_bytes *ret_wire, mayfly_error *err)
{
    return mayfly_encode(context, &mayfly_layout_rich, 7, m, arena,
                         ret_wire, err);
}

static inline int rich_v1_Many_decode(
    mayfly_context *context, mayfly_bytes wire, mayfly_arena *arena,
    rich_v1_Many **ret_message, mayfly_error *err)
{
    void *message = NULL;
    int code = mayfly_decode(context, &mayfly_layout_rich, 7, wire,
                             arena, &message, err);

    if (code == 0)
        *ret_message = (rich_v1_Many *)message;
    return code;
}

/* A proxy: see mayfly_proxy_new. */
typedef struct rich_v1_Store rich_v1_Store;

static inline int rich_v1_Store_new(
    mayfly_context *context, mayfly_channel *channel, rich_v1_Store **ret_proxy,
    mayfly_error *err)
{
    mayfly_proxy *proxy = NULL;
    int code = mayfly_proxy_new(context, &mayfly_layout_rich, 0, channel,
                           &proxy, err);

    if (code == 0)
        *ret_proxy = (rich_v1_Store *)proxy;
    return code;
}

/* The same of a unit's current version: see mayfly_unit_proxy_new. */
static inline int rich_v1_Store_follow(
    mayfly_unit *unit, mayfly_channel *channel, rich_v1_Store **ret_proxy,
    mayfly_error *err)
{
    mayfly_proxy *proxy = NULL;
    int code = mayfly_unit_proxy_new(unit, &mayfly_layout_rich, 0, channel,
                           &proxy, err);

    if (code == 0)
        *ret_proxy = (rich_v1_Store *)proxy;
    return code;
}

static inline void rich_v1_Store_free(rich_v1_Store *proxy)
{
    mayfly_proxy_free((mayfly_proxy *)proxy);
}

static inline int rich_v1_Store_Get(
    rich_v1_Store *proxy, mayfly_call *call, const rich_v1_Many *request,
    rich_v1_Item **ret_reply, mayfly_error *err)
{
    void *reply = NULL;
    int code = mayfly_proxy_call((mayfly_proxy *)proxy, 0, call, request,
                                 &reply, err);

    if (code == 0)
        *ret_reply = (rich_v1_Item *)reply;
    return code;
}

/* The reply that `done` gets is a rich_v1_Item. */
static inline int rich_v1_Store_Get_start(
    rich_v1_Store *proxy, mayfly_call *call, const rich_v1_Many *request,
    mayfly_proxy_done_fn done, void *state, mayfly_error *err)
{
    return mayfly_proxy_start((mayfly_proxy *)proxy, 0, call, request,
                              done, state, err);
}

/* Defined by handler source, if at all. */
int rich_v1_Store_on_Get(void *state, mayfly_call *call,
    const rich_v1_Many *request, rich_v1_Item *reply);

/* Completes a call that its handler has deferred. */
static inline int rich_v1_Store_Get_reply(
    mayfly_call *call, const rich_v1_Item *reply, mayfly_error *err)
{
    return mayfly_call_reply_typed(call, &mayfly_layout_rich, 0, 0, reply,
                                   err);
}

static inline int rich_v1_Store_new_2(
    rich_v1_Store *proxy, mayfly_call *call, const rich_v1_Item *request,
    common_v1_Length **ret_reply, mayfly_error *err)
{
    void *reply = NULL;
    int code = mayfly_proxy_call((mayfly_proxy *)proxy, 1, call, request,
                                 &reply, err);

    if (code == 0)
        *ret_reply = (common_v1_Length *)reply;
    return code;
}

/* The reply that `done` gets is a common_v1_Length. */
static inline int rich_v1_Store_new_2_start(
    rich_v1_Store *proxy, mayfly_call *call, const rich_v1_Item *request,
    mayfly_proxy_done_fn done, void *state, mayfly_error *err)
{
    return mayfly_proxy_start((mayfly_proxy *)proxy, 1, call, request,
                              done, state, err);
}

/* Defined by handler source, if at all. */
int rich_v1_Store_on_new_2(void *state, mayfly_call *call,
    const rich_v1_Item *request, common_v1_Length *reply);

/* Completes a call that its handler has deferred. */
static inline int rich_v1_Store_new_2_reply(
    mayfly_call *call, const common_v1_Length *reply, mayfly_error *err)
{
    return mayfly_call_reply_typed(call, &mayfly_layout_rich, 0, 1, reply,
                                   err);
}

static inline int rich_v1_Store_delete(
    rich_v1_Store *proxy, mayfly_call *call, const rich_v1_Item_Bar *request,
    rich_v1_Item_set_count **ret_reply, mayfly_error *err)
{
    void *reply = NULL;
    int code = mayfly_proxy_call((mayfly_proxy *)proxy, 2, call, request,
                                 &reply, err);

    if (code == 0)
        *ret_reply = (rich_v1_Item_set_count *)reply;
    return code;
}

/* The reply that `done` gets is a rich_v1_Item_set_count. */
static inline int rich_v1_Store_delete_start(
    rich_v1_Store *proxy, mayfly_call *call, const rich_v1_Item_Bar *request,
    mayfly_proxy_done_fn done, void *state, mayfly_error *err)
{
    return mayfly_proxy_start((mayfly_proxy *)proxy, 2, call, request,
                              done, state, err);
}

/* Defined by handler source, if at all. */
int rich_v1_Store_on_delete(void *state, mayfly_call *call,
    const rich_v1_Item_Bar *request, rich_v1_Item_set_count *reply);

/* Completes a call that its handler has deferred. */
static inline int rich_v1_Store_delete_reply(
    mayfly_call *call, const rich_v1_Item_set_count *reply, mayfly_error *err)
{
    return mayfly_call_reply_typed(call, &mayfly_layout_rich, 0, 2, reply,
                                   err);
}

/* rich_v1_Store_Watch: streaming methods come later. */

/* rich_v1_Store_Upload: streaming methods come later. */

/* rich_v1_Store_Chat: streaming methods come later. */

typedef struct rich_v1_Store_handlers {
    int (*Get)(void *state, mayfly_call *call,
        const rich_v1_Many *request, rich_v1_Item *reply);
    int (*new_2)(void *state, mayfly_call *call,
        const rich_v1_Item *request, common_v1_Length *reply);
    int (*delete_)(void *state, mayfly_call *call,
        const rich_v1_Item_Bar *request, rich_v1_Item_set_count *reply);
} rich_v1_Store_handlers;

static inline int rich_v1_Store_serve(
    mayfly_server *server, mayfly_context *context,
    const rich_v1_Store_handlers *handlers, void *state,
    const mayfly_service_options *options, mayfly_error *err)
{
    const mayfly_handler_fn table[] = {
        (mayfly_handler_fn)handlers->Get,
        (mayfly_handler_fn)handlers->new_2,
        (mayfly_handler_fn)handlers->delete_,
        NULL,
        NULL,
        NULL,
    };

    return mayfly_server_add(server, context, &mayfly_layout_rich, 0,
                             table, state, options, err);
}

static inline int rich_v1_Store_serve_unit(
    mayfly_unit *unit, mayfly_server *server,
    const rich_v1_Store_handlers *handlers, void *state,
    const mayfly_service_options *options, mayfly_error *err)
{
    const mayfly_handler_fn table[] = {
        (mayfly_handler_fn)handlers->Get,
        (mayfly_handler_fn)handlers->new_2,
        (mayfly_handler_fn)handlers->delete_,
        NULL,
        NULL,
        NULL,
    };

    return mayfly_unit_serve(unit, server, &mayfly_layout_rich, 0,
                             table, state, options, err);
}

/* A proxy: see mayfly_proxy_new. */
typedef struct rich_v1_Quiet rich_v1_Quiet;

static inline int rich_v1_Quiet_new(
    mayfly_context *context, mayfly_channel *channel, rich_v1_Quiet **ret_proxy,
    mayfly_error *err)
{
    mayfly_proxy *proxy = NULL;
    int code = mayfly_proxy_new(context, &mayfly_layout_rich, 1, channel,
                           &proxy, err);

    if (code == 0)
        *ret_proxy = (rich_v1_Quiet *)proxy;
    return code;
}

/* The same of a unit's current version: see mayfly_unit_proxy_new. */
static inline int rich_v1_Quiet_follow(
    mayfly_unit *unit, mayfly_channel *channel, rich_v1_Quiet **ret_proxy,
    mayfly_error *err)
{
    mayfly_proxy *proxy = NULL;
    int code = mayfly_unit_proxy_new(unit, &mayfly_layout_rich, 1, channel,
                           &proxy, err);

    if (code == 0)
        *ret_proxy = (rich_v1_Quiet *)proxy;
    return code;
}

static inline void rich_v1_Quiet_free(rich_v1_Quiet *proxy)
{
    mayfly_proxy_free((mayfly_proxy *)proxy);
}

/* A proxy: see mayfly_proxy_new. */
typedef struct rich_v1_Streams rich_v1_Streams;

static inline int rich_v1_Streams_new(
    mayfly_context *context, mayfly_channel *channel, rich_v1_Streams **ret_proxy,
    mayfly_error *err)
{
    mayfly_proxy *proxy = NULL;
    int code = mayfly_proxy_new(context, &mayfly_layout_rich, 2, channel,
                           &proxy, err);

    if (code == 0)
        *ret_proxy = (rich_v1_Streams *)proxy;
    return code;
}

/* The same of a unit's current version: see mayfly_unit_proxy_new. */
static inline int rich_v1_Streams_follow(
    mayfly_unit *unit, mayfly_channel *channel, rich_v1_Streams **ret_proxy,
    mayfly_error *err)
{
    mayfly_proxy *proxy = NULL;
    int code = mayfly_unit_proxy_new(unit, &mayfly_layout_rich, 2, channel,
                           &proxy, err);

    if (code == 0)
        *ret_proxy = (rich_v1_Streams *)proxy;
    return code;
}

static inline void rich_v1_Streams_free(rich_v1_Streams *proxy)
{
    mayfly_proxy_free((mayfly_proxy *)proxy);
}

/* rich_v1_Streams_Watch: streaming methods come later. */

MAYFLY_END

#endif
