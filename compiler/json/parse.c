/*
 * compiler/json/parse.c: JSON to structs, by the proto3 JSON mapping.
 *
 * One walk over the text, guided by the plan. The text is never held as a tree:
 * each value is read straight into its place in a struct of the arena. Strings
 * without escapes point into the text.
 *
 * What is accepted where the mapping leaves it open:
 *   - a member is found by its JSON name or by its name in the schema; naming
 * one field twice, in either spelling, or two members of a oneof, is refused;
 *   - null leaves a field unset, except where null is a value (Value,
 * NullValue); in arrays and maps it is refused but for these two;
 *   - whole numbers may be written 1e3 or 2.0, in quotes or not, as long as the
 *     value is whole and fits; nothing is rounded to an integer;
 *   - an enum is its value's name, its number, or its number in quotes;
 *   - unknown members and unknown enum names are errors unless the caller asked
 * to ignore them; a repeated or map element with an unknown name is then left
 * out.
 *
 * Bounds: messages nest to MF_DEPTH_MAX, brackets to MF_SCAN_DEPTH_MAX, memory
 * to the arena's own limit. Duplicate keys of large maps are found by hashing
 * with the process's key, so no text makes the check slow.
 */
#include "compiler/json/internal.h"

#include "base/error.h"
#include "base/map.h"
#include "compiler/json/base64.h"
#include "compiler/json/numbers.h"
#include "compiler/kernel/codec.h"

#include <math.h>

static bool str_is(mayfly_str s, const char *name)
{
    return name && strlen(name) == s.len && memcmp(s.ptr, name, s.len) == 0;
}

static int expect(mf_json_reader *r, int token, const char *what,
                  const char *name, mayfly_error *err)
{
    if (r->scan.token == token)
        return 0;
    return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                        "%s is %s: expected %s, found %s", name, what,
                        token == '{' ? "an object" : "an array",
                        mf_scan_token_name(&r->scan));
}

/* --- scalars -----------------------------------------------------------------
 */

static int number_error(mf_json_reader *r, const mf_plan_field *f,
                        enum mf_number_result result, mayfly_error *err)
{
    mayfly_str t = r->scan.text;
    int len = t.len > 40 ? 40 : (int)t.len;
    const char *why = result == MF_NUMBER_RANGE ? "is out of range for"
                      : result == MF_NUMBER_FRACTION
                          ? "is not whole, as needed for"
                          : "is not a number for";
    if (r->scan.token != MF_TOKEN_NUMBER && r->scan.token != MF_TOKEN_STRING)
        return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                            "%s is %s: expected a number, found %s", f->name,
                            mf_type_text(f), mf_scan_token_name(&r->scan));
    return mf_scan_fail(&r->scan, err, MAYFLY_EJSON, "%.*s %s %s (%s)", len,
                        t.ptr, why, f->name, mf_type_text(f));
}

static bool has_number(const mf_json_reader *r)
{
    return r->scan.token == MF_TOKEN_NUMBER || r->scan.token == MF_TOKEN_STRING;
}

static int read_signed(mf_json_reader *r, const mf_plan_field *f, int bits,
                       void *to, mayfly_error *err)
{
    int64_t value = 0;
    enum mf_number_result rc = MF_NUMBER_MALFORMED;
    if (has_number(r))
        rc = bits == 32
                 ? mf_number_i64(r->scan.text, INT32_MIN, INT32_MAX, &value)
                 : mf_number_i64(r->scan.text, INT64_MIN, INT64_MAX, &value);
    if (rc != MF_NUMBER_OK)
        return number_error(r, f, rc, err);
    if (bits == 32)
        *(int32_t *)to = (int32_t)value;
    else
        *(int64_t *)to = value;
    return 0;
}

static int read_unsigned(mf_json_reader *r, const mf_plan_field *f, int bits,
                         void *to, mayfly_error *err)
{
    uint64_t value = 0;
    enum mf_number_result rc = MF_NUMBER_MALFORMED;
    if (has_number(r))
        rc = mf_number_u64(r->scan.text, bits == 32 ? UINT32_MAX : UINT64_MAX,
                           &value);
    if (rc != MF_NUMBER_OK)
        return number_error(r, f, rc, err);
    if (bits == 32)
        *(uint32_t *)to = (uint32_t)value;
    else
        *(uint64_t *)to = value;
    return 0;
}

static int read_floating(mf_json_reader *r, const mf_plan_field *f, void *to,
                         mayfly_error *err)
{
    double value = 0;
    float single = 0;
    bool is_float = f->type == MAYFLY_TYPE_FLOAT;
    enum mf_number_result rc = MF_NUMBER_MALFORMED;
    mayfly_str t = r->scan.text;
    if (r->scan.token == MF_TOKEN_STRING &&
        (str_is(t, "NaN") || str_is(t, "Infinity") || str_is(t, "-Infinity"))) {
        value = t.ptr[0] == 'N'   ? (double)NAN
                : t.ptr[0] == '-' ? -(double)INFINITY
                                  : (double)INFINITY;
        single = (float)value;
        rc = MF_NUMBER_OK;
    } else if (has_number(r)) {
        rc = is_float ? mf_number_float(t, &single)
                      : mf_number_double(t, &value);
    }
    if (rc != MF_NUMBER_OK)
        return number_error(r, f, rc, err);
    if (is_float)
        *(float *)to = single;
    else
        *(double *)to = value;
    return 0;
}

static int read_bool(mf_json_reader *r, const mf_plan_field *f, bool key,
                     bool *to, mayfly_error *err)
{
    if (key &&
        (str_is(r->scan.text, "true") || str_is(r->scan.text, "false"))) {
        *to = r->scan.text.ptr[0] == 't';
        return 0;
    }
    if (key)
        return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                            "a bool key is \"true\" or \"false\"");
    if (r->scan.token != MF_TOKEN_TRUE && r->scan.token != MF_TOKEN_FALSE)
        return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                            "%s is bool: expected true or false, found %s",
                            f->name, mf_scan_token_name(&r->scan));
    *to = r->scan.token == MF_TOKEN_TRUE;
    return 0;
}

static int read_bytes(mf_json_reader *r, const mf_plan_field *f,
                      mayfly_bytes *to, mayfly_error *err)
{
    mayfly_str text = r->scan.text;
    uint8_t *bytes = mf_arena_raw(r->arena, text.len / 4 * 3 + 3);
    if (!bytes)
        return mf_arena_nomem(r->arena, "a bytes field from JSON", err);
    size_t len;
    if (!mf_base64_decode(text, bytes, &len))
        return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                            "%s is bytes: this is not base64", f->name);
    *to = (mayfly_bytes){bytes, len};
    return 0;
}

static int read_enum(mf_json_reader *r, const mf_plan_field *f, int32_t *to,
                     mayfly_error *err)
{
    const mf_enum *e = f->descriptor ? f->descriptor->enumeration : NULL;
    if (r->scan.token == MF_TOKEN_STRING) {
        for (uint32_t i = 0; e && i < e->n_values; i++) {
            if (str_is(r->scan.text, e->values[i].name)) {
                *to = e->values[i].number;
                return 0;
            }
        }
        if (!mf_number_valid(r->scan.text)) {
            if (r->flags & MF_JSON_IGNORE_UNKNOWN)
                return 1;
            mayfly_str t = r->scan.text;
            return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                                "%s: \"%.*s\" is no value of %s", f->name,
                                t.len > 80 ? 80 : (int)t.len, t.ptr,
                                e ? e->full_name : "the enum");
        }
    } else if (r->scan.token == MF_TOKEN_NULL && mf_is_null_value(f)) {
        *to = 0;
        return 0;
    }
    return read_signed(r, f, 32, to, err);
}

int mf_read_scalar(mf_json_reader *r, const mf_plan_field *f, bool key,
                   void *to, mayfly_error *err)
{
    switch (f->type) {
    case MAYFLY_TYPE_INT32:
    case MAYFLY_TYPE_SINT32:
    case MAYFLY_TYPE_SFIXED32:
        return read_signed(r, f, 32, to, err);
    case MAYFLY_TYPE_INT64:
    case MAYFLY_TYPE_SINT64:
    case MAYFLY_TYPE_SFIXED64:
        return read_signed(r, f, 64, to, err);
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_FIXED32:
        return read_unsigned(r, f, 32, to, err);
    case MAYFLY_TYPE_UINT64:
    case MAYFLY_TYPE_FIXED64:
        return read_unsigned(r, f, 64, to, err);
    case MAYFLY_TYPE_FLOAT:
    case MAYFLY_TYPE_DOUBLE:
        return read_floating(r, f, to, err);
    case MAYFLY_TYPE_BOOL:
        return read_bool(r, f, key, to, err);
    case MAYFLY_TYPE_ENUM:
        return read_enum(r, f, to, err);
    default:
        break;
    }
    if (r->scan.token != MF_TOKEN_STRING)
        return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                            "%s is %s: expected a string, found %s", f->name,
                            mf_type_text(f), mf_scan_token_name(&r->scan));
    if (f->type == MAYFLY_TYPE_BYTES)
        return read_bytes(r, f, to, err);
    *(mayfly_str *)to = r->scan.text;
    return 0;
}

/* --- arrays and maps
 * ----------------------------------------------------------- */

/* One value into zeroed memory: a scalar in place, a message by value. */
static int read_value(mf_json_reader *r, const mf_plan_field *f, void *to,
                      mayfly_error *err)
{
    if (!mf_field_is_message(f))
        return mf_read_scalar(r, f, false, to, err);
    return mf_read_message(r, &r->plan->messages[f->message], to, err);
}

int mf_read_list(mf_json_reader *r, const mf_plan_field *f, mayfly_array *to,
                 mayfly_error *err)
{
    int rc = expect(r, '[', "repeated", f->name, err);
    bool first = true;
    size_t size = mf_value_size(r->plan, f);
    while (rc == 0 && (rc = mf_scan_element(&r->scan, &first, err)) > 0) {
        void *item = mayfly_arena_add(r->arena, to, size);
        if (!item)
            return mf_arena_nomem(r->arena, "a repeated field from JSON", err);
        rc = read_value(r, f, item, err);
        if (rc > 0) {
            to->n--; /* an enum name that is not known */
            rc = 0;
        }
        if (rc == 0)
            continue;
        return rc;
    }
    return rc;
}

/* Keys of maps, as they are in memory. */
typedef struct keys {
    mf_map *known; /* NULL: few enough to compare one by one */
    const mf_plan_field *field;
    size_t entry_size;
} keys;

enum { FEW_KEYS = 8 };

/* Adds the newest entry's key. 1: it was there before. */
static int add_key(keys *k, const mayfly_array *a, mf_alloc *alloc,
                   mayfly_error *err)
{
    const char *entries = a->items;
    size_t len, other_len, last = a->n - 1;
    const void *key =
        mf_entry_key(k->field, entries + last * k->entry_size, &len);
    if (a->n <= FEW_KEYS) {
        for (size_t i = 0; i < last; i++) {
            const void *other =
                mf_entry_key(k->field, entries + i * k->entry_size, &other_len);
            if (len == other_len && memcmp(key, other, len) == 0)
                return 1;
        }
        return 0;
    }
    size_t i = last;
    if (!k->known) {
        k->known = mf_map_new(alloc);
        if (!k->known)
            return mf_error_nomem(err, "a map's keys");
        i = 0;
    }
    for (; i <= last; i++) {
        key = mf_entry_key(k->field, entries + i * k->entry_size, &len);
        if (mf_map_get(k->known, key, len))
            return 1;
        if (mf_map_put(k->known, key, len, k) != 0)
            return mf_error_nomem(err, "a map's keys");
    }
    return 0;
}

static int read_entry(mf_json_reader *r, const mf_plan_message *entry,
                      mayfly_str name, mayfly_array *to, keys *known,
                      mayfly_error *err)
{
    const mf_plan_field *value = mf_plan_field_of(entry, 2);
    char *item = mayfly_arena_add(r->arena, to, entry->size);
    if (!item)
        return mf_arena_nomem(r->arena, "a map from JSON", err);
    /* The key is read as if the scanner stood on it. */
    int token = r->scan.token;
    mayfly_str text = r->scan.text;
    const char *place = r->scan.token_at;
    r->scan.token_at = r->scan.key_at;
    r->scan.token = MF_TOKEN_STRING;
    r->scan.text = name;
    int rc = mf_read_scalar(r, known->field, true,
                            mf_field_at(item, known->field), err);
    r->scan.token = token;
    r->scan.text = text;
    r->scan.token_at = place;
    if (rc != 0)
        return rc;
    mf_field_mark(item, known->field);
    rc = add_key(known, to, r->arena->alloc, err);
    if (rc > 0)
        rc = mf_scan_fail_key(&r->scan, err, "the key \"%.*s\" is there twice",
                              name.len > 80 ? 80 : (int)name.len, name.ptr);
    if (rc < 0)
        return rc;
    if (mf_field_is_message(value)) {
        void *message = mf_field_message(r->plan, item, value, r->arena);
        if (!message)
            return mf_arena_nomem(r->arena, "a map's value from JSON", err);
        return read_value(r, value, message, err);
    }
    rc = read_value(r, value, mf_field_at(item, value), err);
    if (rc == 0)
        mf_field_mark(item, value);
    return rc;
}

int mf_read_map(mf_json_reader *r, const mf_plan_field *f, mayfly_array *to,
                mayfly_error *err)
{
    const mf_plan_message *entry = &r->plan->messages[f->message];
    keys known = {NULL, mf_plan_field_of(entry, 1), entry->size};
    int rc = expect(r, '{', "a map", f->name, err);
    if (rc == 0 && ++r->depth > MF_DEPTH_MAX + 1)
        rc = mf_scan_fail(&r->scan, err, MAYFLY_ELIMIT,
                          "messages nest deeper than %d", MF_DEPTH_MAX);
    bool first = true;
    mayfly_str name;
    while (rc == 0 && (rc = mf_scan_member(&r->scan, &first, &name, err)) > 0) {
        rc = read_entry(r, entry, name, to, &known, err);
        if (rc > 0) {
            to->n--;
            rc = 0;
        }
    }
    r->depth--;
    mf_map_free(known.known);
    return rc;
}

/* --- objects
 * ------------------------------------------------------------------- */

/* Which fields of an object have been seen: a bit for each. */
typedef struct seen {
    uint64_t few[4];
    uint64_t *bits;
} seen;

static int seen_init(seen *s, const mf_plan_message *m, mayfly_arena *arena,
                     mayfly_error *err)
{
    *s = (seen){.bits = NULL};
    if (m->n_fields <= 256)
        return 0;
    s->bits = mf_arena_alloc(arena, (m->n_fields + 63) / 64 * 8);
    return s->bits ? 0 : mf_arena_nomem(arena, "an object from JSON", err);
}

static bool seen_before(seen *s, uint32_t i)
{
    uint64_t *bits = s->bits ? s->bits : s->few;
    uint64_t bit = (uint64_t)1 << i % 64;
    bool before = bits[i / 64] & bit;
    bits[i / 64] |= bit;
    return before;
}

static bool has_name(const mf_plan_field *f, mayfly_str name)
{
    if (f->descriptor && str_is(name, f->descriptor->json_name))
        return true;
    return str_is(name, f->name);
}

/* The field of that name. JSON names come before schema names, as a field's
 * JSON name may be another's schema name. `hint` is where to begin: texts
 * mostly name fields in order. */
static const mf_plan_field *find_field(const mf_plan_message *m,
                                       mayfly_str name, uint32_t hint)
{
    if (hint < m->n_fields && m->fields[hint].descriptor &&
        str_is(name, m->fields[hint].descriptor->json_name))
        return &m->fields[hint];
    const mf_plan_field *found = NULL;
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const mf_plan_field *f = &m->fields[i];
        if (f->descriptor && str_is(name, f->descriptor->json_name))
            return f;
        if (!found && has_name(f, name))
            found = f;
    }
    return found;
}

static bool oneof_is_set(const void *m, const mf_plan_field *f)
{
    uint32_t number;
    if (f->presence_kind != MAYFLY_ONEOF)
        return false;
    memcpy(&number, (const char *)m + f->presence, sizeof(number));
    return number != 0;
}

/* Whether null is a value of this field, and not its absence. */
static bool takes_null(const mf_json_reader *r, const mf_plan_field *f)
{
    if (mf_field_is_message(f))
        return mf_wkt_of(r->plan, &r->plan->messages[f->message]) ==
               MF_WKT_VALUE;
    return mf_is_null_value(f);
}

static int read_field(mf_json_reader *r, const mf_plan_field *f, void *to,
                      mayfly_error *err)
{
    if (r->scan.token == MF_TOKEN_NULL &&
        (f->cardinality != MAYFLY_SINGULAR || !takes_null(r, f)))
        return 0;
    if (f->cardinality == MAYFLY_REPEATED)
        return mf_read_list(r, f, mf_field_at(to, f), err);
    if (f->cardinality == MAYFLY_MAP)
        return mf_read_map(r, f, mf_field_at(to, f), err);
    if (oneof_is_set(to, f))
        return mf_scan_fail(
            &r->scan, err, MAYFLY_EJSON,
            "%s: another member of its oneof%s%s is set already", f->name,
            f->descriptor && f->descriptor->oneof ? " " : "",
            f->descriptor && f->descriptor->oneof ? f->descriptor->oneof->name
                                                  : "");
    if (mf_field_is_message(f)) {
        void *message = mf_field_message(r->plan, to, f, r->arena);
        if (!message)
            return mf_arena_nomem(r->arena, "a message from JSON", err);
        return read_value(r, f, message, err);
    }
    int rc = read_value(r, f, mf_field_at(to, f), err);
    if (rc == 0)
        mf_field_mark(to, f);
    return rc < 0 ? rc : 0;
}

int mf_read_members(mf_json_reader *r, const mf_plan_message *m, void *to,
                    const char *skip, mayfly_error *err)
{
    int rc = expect(r, '{', "a message", m->full_name, err);
    seen known;
    if (rc == 0)
        rc = seen_init(&known, m, r->arena, err);
    bool first = true, skipped = false;
    uint32_t hint = 0;
    mayfly_str name;
    while (rc == 0 && (rc = mf_scan_member(&r->scan, &first, &name, err)) > 0) {
        bool foreign = skip && str_is(name, skip);
        const mf_plan_field *f = foreign ? NULL : find_field(m, name, hint);
        int len = name.len > 80 ? 80 : (int)name.len;
        if (!f && !foreign && !(r->flags & MF_JSON_IGNORE_UNKNOWN))
            return mf_scan_fail_key(&r->scan, err, "%s has no field \"%.*s\"",
                                    m->full_name, len, name.ptr);
        uint32_t i = f ? (uint32_t)(f - m->fields) : 0;
        if ((f && seen_before(&known, i)) || (foreign && skipped))
            return mf_scan_fail_key(&r->scan, err, "\"%.*s\" is there twice",
                                    len, name.ptr);
        hint = i + 1;
        skipped = skipped || foreign;
        rc = f ? read_field(r, f, to, err) : mf_scan_skip(&r->scan, err);
    }
    return rc;
}

int mf_read_message(mf_json_reader *r, const mf_plan_message *m, void *to,
                    mayfly_error *err)
{
    if (r->depth > MF_DEPTH_MAX)
        return mf_scan_fail(&r->scan, err, MAYFLY_ELIMIT,
                            "messages nest deeper than %d", MF_DEPTH_MAX);
    r->depth++;
    mf_wkt kind = mf_wkt_of(r->plan, m);
    int rc = kind != MF_WKT_NONE ? mf_read_wkt(r, kind, m, to, err)
                                 : mf_read_members(r, m, to, NULL, err);
    r->depth--;
    return rc;
}

int mf_json_parse(const mf_plan *plan, uint32_t message, mayfly_str json,
                  unsigned flags, const mf_json_codec *codec,
                  mayfly_arena *arena, void **ret_message, mayfly_error *err)
{
    if (message >= plan->n_messages)
        return mf_error_set(err, MAYFLY_EINVAL, "no such message");
    const mf_plan_message *m = &plan->messages[message];
    mf_json_reader r = {
        .plan = plan, .flags = flags, .codec = codec, .arena = arena};
    void *to = mf_arena_alloc(arena, m->size);
    if (!to)
        return mf_arena_nomem(arena, "a message from JSON", err);
    int rc = mf_scan_start(&r.scan, json, arena, err);
    if (rc == 0)
        rc = mf_read_message(&r, m, to, err);
    if (rc == 0)
        rc = mf_scan_end(&r.scan, err);
    if (rc != 0)
        return rc < 0 ? rc : MAYFLY_EINTERNAL;
    *ret_message = to;
    return 0;
}
