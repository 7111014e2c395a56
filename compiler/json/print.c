/*
 * compiler/json/print.c: structs to JSON, by the proto3 JSON mapping.
 *
 * One walk over the plan's fields, in the order of their numbers; what is set
 * is written. Arrays and maps keep the order they have in memory. 64-bit
 * integers go in quotes, floating-point numbers in the shortest form that reads
 * back the same, bytes as base64, enum values by name (by number where the
 * schema has no name).
 *
 * What is written can be read back: a value that has no JSON form (a timestamp
 * out of range, a number that is not finite inside a Value, text that is not
 * UTF-8) is an error rather than something that reads back differently. Fields
 * that the schema does not know have no JSON form and are left out, as the
 * mapping says.
 *
 * Structs may come from a program and point in circles: messages nest to
 * MF_DEPTH_MAX, and the buffer has its maximum.
 */
#include "compiler/json/internal.h"

#include "base/error.h"
#include "compiler/json/base64.h"
#include "compiler/json/numbers.h"
#include "compiler/kernel/codec.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* --- scalars -----------------------------------------------------------------
 */

static void write_signed(mf_json_writer *w, int64_t value, bool quoted)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRId64, value);
    if (quoted)
        mf_json_str(&w->json, text, (size_t)n);
    else
        mf_json_raw(&w->json, text);
}

static void write_unsigned(mf_json_writer *w, uint64_t value, bool quoted)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRIu64, value);
    if (quoted)
        mf_json_str(&w->json, text, (size_t)n);
    else
        mf_json_raw(&w->json, text);
}

static void write_floating(mf_json_writer *w, double value, bool is_float)
{
    char text[MF_NUMBER_MAX];
    if (isnan(value)) {
        mf_json_str(&w->json, "NaN", 3);
    } else if (isinf(value)) {
        const char *name = value < 0 ? "-Infinity" : "Infinity";
        mf_json_str(&w->json, name, strlen(name));
    } else {
        if (is_float)
            mf_number_print_float((float)value, text);
        else
            mf_number_print_double(value, text);
        mf_json_raw(&w->json, text);
    }
}

static int write_bytes(mf_json_writer *w, mayfly_bytes value, mayfly_error *err)
{
    if (value.len > SIZE_MAX / 2)
        return mf_error_set(err, MAYFLY_ELIMIT, "a bytes field is too long");
    size_t len = mf_base64_length(value.len);
    char *text = mf_arena_raw(&w->arena, len);
    if (!text)
        return mf_arena_nomem(&w->arena, "a bytes field as JSON", err);
    mf_base64_encode(value.ptr, value.len, text);
    mf_json_str(&w->json, text, len);
    return 0;
}

static void write_enum(mf_json_writer *w, const mf_plan_field *f, int32_t value)
{
    const mf_enum *e = f->descriptor ? f->descriptor->enumeration : NULL;
    if (value == 0 && mf_is_null_value(f)) {
        mf_json_raw(&w->json, "null");
        return;
    }
    for (uint32_t i = 0; e && i < e->n_values; i++) {
        if (e->values[i].number == value) {
            mf_json_str(&w->json, e->values[i].name, strlen(e->values[i].name));
            return;
        }
    }
    write_signed(w, value, false);
}

int mf_write_scalar(mf_json_writer *w, const mf_plan_field *f, const void *from,
                    mayfly_error *err)
{
    const mayfly_str *s = from;
    switch (f->type) {
    case MAYFLY_TYPE_INT32:
    case MAYFLY_TYPE_SINT32:
    case MAYFLY_TYPE_SFIXED32:
        write_signed(w, *(const int32_t *)from, false);
        return 0;
    case MAYFLY_TYPE_INT64:
    case MAYFLY_TYPE_SINT64:
    case MAYFLY_TYPE_SFIXED64:
        write_signed(w, *(const int64_t *)from, true);
        return 0;
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_FIXED32:
        write_unsigned(w, *(const uint32_t *)from, false);
        return 0;
    case MAYFLY_TYPE_UINT64:
    case MAYFLY_TYPE_FIXED64:
        write_unsigned(w, *(const uint64_t *)from, true);
        return 0;
    case MAYFLY_TYPE_FLOAT:
        write_floating(w, (double)*(const float *)from, true);
        return 0;
    case MAYFLY_TYPE_DOUBLE:
        write_floating(w, *(const double *)from, false);
        return 0;
    case MAYFLY_TYPE_BOOL:
        mf_json_raw(&w->json, *(const bool *)from ? "true" : "false");
        return 0;
    case MAYFLY_TYPE_ENUM:
        write_enum(w, f, *(const int32_t *)from);
        return 0;
    case MAYFLY_TYPE_BYTES:
        return write_bytes(w, *(const mayfly_bytes *)from, err);
    default:
        if (!mf_utf8_valid(s->ptr, s->len))
            return mf_error_set(err, MAYFLY_EJSON,
                                "%s: the string is not UTF-8", f->name);
        mf_json_str(&w->json, s->len ? s->ptr : "", s->len);
        return 0;
    }
}

/* --- arrays and maps
 * ----------------------------------------------------------- */

int mf_write_list(mf_json_writer *w, const mf_plan_field *f,
                  const mayfly_array *a, mayfly_error *err)
{
    const char *items = a->items;
    size_t size = mf_value_size(w->plan, f);
    int rc = 0;
    mf_json_open(&w->json, '[');
    for (size_t i = 0; rc == 0 && i < a->n; i++) {
        const void *item = items + i * size;
        rc =
            mf_field_is_message(f)
                ? mf_write_message(w, &w->plan->messages[f->message], item, err)
                : mf_write_scalar(w, f, item, err);
    }
    mf_json_close(&w->json, ']');
    return rc;
}

/* Keys are always in quotes. */
static int write_key(mf_json_writer *w, const mf_plan_field *f,
                     const void *from, mayfly_error *err)
{
    char text[24];
    const mayfly_str *s = from;
    switch (f->type) {
    case MAYFLY_TYPE_STRING:
        if (!mf_utf8_valid(s->ptr, s->len))
            return mf_error_set(err, MAYFLY_EJSON, "a map's key is not UTF-8");
        mf_json_key(&w->json, s->len ? s->ptr : "", s->len);
        return 0;
    case MAYFLY_TYPE_BOOL:
        mf_json_name(&w->json, *(const bool *)from ? "true" : "false");
        return 0;
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_FIXED32:
        snprintf(text, sizeof(text), "%" PRIu32, *(const uint32_t *)from);
        break;
    case MAYFLY_TYPE_UINT64:
    case MAYFLY_TYPE_FIXED64:
        snprintf(text, sizeof(text), "%" PRIu64, *(const uint64_t *)from);
        break;
    case MAYFLY_TYPE_INT64:
    case MAYFLY_TYPE_SINT64:
    case MAYFLY_TYPE_SFIXED64:
        snprintf(text, sizeof(text), "%" PRId64, *(const int64_t *)from);
        break;
    default:
        snprintf(text, sizeof(text), "%" PRId32, *(const int32_t *)from);
        break;
    }
    mf_json_name(&w->json, text);
    return 0;
}

/* An entry's value may be unset: a map's value is then its type's zero. */
static int write_entry_value(mf_json_writer *w, const mf_plan_field *f,
                             const void *entry, mayfly_error *err)
{
    const void *at = mf_field_in(entry, f);
    if (!mf_field_is_message(f))
        return mf_write_scalar(w, f, at, err);
    const mf_plan_message *m = &w->plan->messages[f->message];
    const void *value = *(void *const *)at;
    if (!value)
        value = mf_arena_alloc(&w->arena, m->size);
    if (!value)
        return mf_arena_nomem(&w->arena, "a map as JSON", err);
    return mf_write_message(w, m, value, err);
}

int mf_write_map(mf_json_writer *w, const mf_plan_field *f,
                 const mayfly_array *a, mayfly_error *err)
{
    const mf_plan_message *entry = &w->plan->messages[f->message];
    const mf_plan_field *key = mf_plan_field_of(entry, 1);
    const mf_plan_field *value = mf_plan_field_of(entry, 2);
    const char *items = a->items;
    int rc = 0;
    mf_json_open(&w->json, '{');
    for (size_t i = 0; rc == 0 && i < a->n; i++) {
        const char *item = items + i * entry->size;
        rc = write_key(w, key, mf_field_in(item, key), err);
        if (rc == 0)
            rc = write_entry_value(w, value, item, err);
    }
    mf_json_close(&w->json, '}');
    return rc;
}

/* --- objects
 * ------------------------------------------------------------------- */

/* Whether an unset field is written under MF_JSON_DEFAULTS: all but those whose
 * absence means something. */
static bool shows_default(const mf_json_writer *w, const mf_plan_field *f)
{
    if (!(w->flags & MF_JSON_DEFAULTS))
        return false;
    return f->cardinality != MAYFLY_SINGULAR ||
           f->presence_kind == MAYFLY_IMPLICIT;
}

static int write_field(mf_json_writer *w, const mf_plan_field *f,
                       const void *from, mayfly_error *err)
{
    const void *at = mf_field_in(from, f);
    const char *name = f->name;
    if (f->descriptor && !(w->flags & MF_JSON_PROTO_NAMES))
        name = f->descriptor->json_name;
    mf_json_name(&w->json, name);
    if (f->cardinality == MAYFLY_REPEATED)
        return mf_write_list(w, f, at, err);
    if (f->cardinality == MAYFLY_MAP)
        return mf_write_map(w, f, at, err);
    if (mf_field_is_message(f))
        return mf_write_message(w, &w->plan->messages[f->message],
                                *(void *const *)at, err);
    return mf_write_scalar(w, f, at, err);
}

int mf_write_members(mf_json_writer *w, const mf_plan_message *m,
                     const void *from, mayfly_error *err)
{
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const mf_plan_field *f = &m->fields[i];
        if (!mf_field_is_set(w->plan, from, f) && !shows_default(w, f))
            continue;
        int rc = write_field(w, f, from, err);
        if (rc != 0)
            return rc;
        if (w->json.out->failed)
            return w->json.out->failed; /* no use in going on */
    }
    return 0;
}

int mf_write_message(mf_json_writer *w, const mf_plan_message *m,
                     const void *from, mayfly_error *err)
{
    if (w->depth > MF_DEPTH_MAX)
        return mf_error_set(err, MAYFLY_ELIMIT, "messages nest deeper than %d",
                            MF_DEPTH_MAX);
    w->depth++;
    mf_wkt kind = mf_wkt_of(w->plan, m);
    int rc;
    if (kind != MF_WKT_NONE) {
        rc = mf_write_wkt(w, kind, m, from, err);
    } else {
        mf_json_open(&w->json, '{');
        rc = mf_write_members(w, m, from, err);
        mf_json_close(&w->json, '}');
    }
    w->depth--;
    return rc;
}

int mf_json_print(const mf_plan *plan, uint32_t message, const void *m,
                  unsigned flags, const mf_json_codec *codec, mf_buf *out,
                  mayfly_error *err)
{
    if (message >= plan->n_messages)
        return mf_error_set(err, MAYFLY_EINVAL, "no such message");
    size_t before = out->len;
    mf_json_writer w = {.plan = plan, .flags = flags, .codec = codec};
    mf_json_init(&w.json, out, (flags & MF_JSON_PRETTY) != 0);
    mf_arena_init(&w.arena, out->alloc, 0, MF_JSON_PRINT_ARENA_MAX);
    int rc = mf_write_message(&w, &plan->messages[message], m, err);
    mf_arena_done(&w.arena);
    if (out->failed)
        rc = mf_buf_check(out, "a message as JSON", err);
    if (rc != 0)
        out->len = before;
    return rc;
}
