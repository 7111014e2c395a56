/*
 * compiler/json/wkt_parse.c: the well-known types from JSON.
 *
 * Each has a form of its own: a string (Timestamp, Duration, FieldMask), any
 * JSON value (Value, Struct, ListValue), the bare value (wrappers), or an
 * object that says what it holds (Any).
 *
 * An Any names its type in the member "@type", which may come last. So its
 * object is walked twice: once skipping to find the type, once reading. The
 * inner message is then encoded, because an Any holds wire bytes. Nested Anys
 * with their types last make this depth times length, no worse.
 *
 * mf_wkt_of has checked that the fields used here are there with these types.
 */
#include "compiler/json/internal.h"

#include "base/error.h"
#include "compiler/kernel/codec.h"

/* Where field `number` of the struct lies, marked as set. */
static void *set(const mf_plan_message *m, void *to, uint32_t number)
{
    const mf_plan_field *f = mf_plan_field_of(m, number);
    mf_field_mark(to, f);
    return mf_field_at(to, f);
}

static int expect_string(mf_json_reader *r, const mf_plan_message *m,
                         mayfly_error *err)
{
    if (r->scan.token == MF_TOKEN_STRING)
        return 0;
    return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                        "%s is written as a string, found %s", m->full_name,
                        mf_scan_token_name(&r->scan));
}

static int read_time(mf_json_reader *r, mf_wkt kind, const mf_plan_message *m,
                     void *to, mayfly_error *err)
{
    int64_t seconds;
    int32_t nanos;
    int rc = expect_string(r, m, err);
    if (rc != 0)
        return rc;
    if (kind == MF_WKT_TIMESTAMP) {
        if (!mf_timestamp_read(r->scan.text, &seconds, &nanos))
            return mf_scan_fail(
                &r->scan, err, MAYFLY_EJSON,
                "not a timestamp such as \"2024-02-29T12:00:00.5Z\", or out "
                "of the years 1 to 9999");
    } else if (!mf_duration_read(r->scan.text, &seconds, &nanos)) {
        return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                            "not a duration such as \"-1.5s\", or beyond "
                            "315576000000 seconds");
    }
    *(int64_t *)set(m, to, 1) = seconds;
    *(int32_t *)set(m, to, 2) = nanos;
    return 0;
}

static int read_mask(mf_json_reader *r, const mf_plan_message *m, void *to,
                     mayfly_error *err)
{
    int rc = expect_string(r, m, err);
    if (rc != 0)
        return rc;
    mayfly_array *paths = set(m, to, 1);
    const char *at = r->scan.text.ptr, *end = at + r->scan.text.len;
    while (r->scan.text.len > 0) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        mayfly_str path = {at, (size_t)((comma ? comma : end) - at)};
        mayfly_str *item = mayfly_arena_add(r->arena, paths, sizeof(*item));
        char *text = mf_arena_raw(r->arena, path.len * 2);
        if (!item || !text)
            return mf_arena_nomem(r->arena, "a field mask from JSON", err);
        if (!mf_mask_path_read(path, text, &item->len))
            return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                                "paths of a field mask are in camel case, "
                                "without \"_\"");
        item->ptr = text;
        if (!comma)
            break;
        at = comma + 1;
    }
    return 0;
}

static int read_value(mf_json_reader *r, const mf_plan_message *m, void *to,
                      mayfly_error *err)
{
    uint32_t number = r->scan.token == MF_TOKEN_NULL     ? 1
                      : r->scan.token == MF_TOKEN_NUMBER ? 2
                      : r->scan.token == MF_TOKEN_STRING ? 3
                      : r->scan.token == '{'             ? 5
                      : r->scan.token == '['             ? 6
                                                         : 4;
    const mf_plan_field *f = mf_plan_field_of(m, number);
    if (number == 1) {
        *(int32_t *)set(m, to, 1) = 0;
        return 0;
    }
    if (number < 5) {
        int rc = mf_read_scalar(r, f, false, mf_field_at(to, f), err);
        if (rc == 0)
            mf_field_mark(to, f);
        return rc;
    }
    void *inner = mf_field_message(r->plan, to, f, r->arena);
    if (!inner)
        return mf_arena_nomem(r->arena, "a Value from JSON", err);
    return mf_read_message(r, &r->plan->messages[f->message], inner, err);
}

/* --- Any
 * ------------------------------------------------------------------------- */

/* The value of "@type", with the scanner back at '{'. Sets `*ret_empty` for {}.
 */
static int find_type(mf_json_reader *r, mayfly_str *ret_url, bool *ret_empty,
                     mayfly_error *err)
{
    mf_scan back = r->scan;
    mayfly_str name;
    bool first = true, found = false;
    int rc;
    *ret_empty = true;
    while ((rc = mf_scan_member(&r->scan, &first, &name, err)) > 0) {
        *ret_empty = false;
        if (name.len == 5 && memcmp(name.ptr, "@type", 5) == 0) {
            if (r->scan.token != MF_TOKEN_STRING)
                return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                                    "\"@type\" must be a string, found %s",
                                    mf_scan_token_name(&r->scan));
            *ret_url = r->scan.text;
            found = true;
            break;
        }
        rc = mf_scan_skip(&r->scan, err);
        if (rc != 0)
            return rc;
    }
    if (rc < 0)
        return rc;
    r->scan = back;
    if (!found && !*ret_empty)
        return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                            "an Any needs \"@type\"");
    return 0;
}

/* {"@type": ..., "value": <the special form>} */
static int read_any_value(mf_json_reader *r, const mf_plan_message *inner,
                          void *to, mayfly_error *err)
{
    bool first = true, had_type = false, had_value = false;
    mayfly_str name;
    int rc;
    while ((rc = mf_scan_member(&r->scan, &first, &name, err)) > 0) {
        bool is_type = name.len == 5 && memcmp(name.ptr, "@type", 5) == 0;
        bool is_value = name.len == 5 && memcmp(name.ptr, "value", 5) == 0;
        if ((is_type && had_type) || (is_value && had_value))
            return mf_scan_fail_key(&r->scan, err, "\"%.5s\" is there twice",
                                    name.ptr);
        had_type = had_type || is_type;
        had_value = had_value || is_value;
        if (is_value)
            rc = mf_read_message(r, inner, to, err);
        else if (is_type || (r->flags & MF_JSON_IGNORE_UNKNOWN))
            rc = mf_scan_skip(&r->scan, err);
        else
            rc = mf_scan_fail_key(
                &r->scan, err, "an Any of %s has \"@type\" and \"value\" only",
                inner->full_name);
        if (rc != 0)
            return rc;
    }
    if (rc == 0 && !had_value)
        return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                            "an Any of %s needs \"value\"", inner->full_name);
    return rc;
}

static int read_any(mf_json_reader *r, const mf_plan_message *m, void *to,
                    mayfly_error *err)
{
    mayfly_str url = {NULL, 0};
    bool empty;
    if (r->scan.token != '{')
        return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                            "an Any is written as an object, found %s",
                            mf_scan_token_name(&r->scan));
    int rc = find_type(r, &url, &empty, err);
    if (rc != 0)
        return rc;
    if (empty)
        return mf_scan_skip(&r->scan, err);
    mayfly_str type = mf_type_name(url);
    const char *name = mf_arena_strndup(r->arena, type.ptr, type.len);
    if (!name)
        return mf_arena_nomem(r->arena, "an Any from JSON", err);
    const mf_plan_message *inner =
        strlen(name) == type.len ? mf_plan_find(r->plan, name) : NULL;
    if (!inner || !r->codec)
        return mf_scan_fail(&r->scan, err, MAYFLY_EJSON,
                            "the schema has no message %.80s to put into an "
                            "Any",
                            name);
    void *held = mf_arena_alloc(r->arena, inner->size);
    if (!held)
        return mf_arena_nomem(r->arena, "an Any from JSON", err);
    if (mf_wkt_of(r->plan, inner) != MF_WKT_NONE)
        rc = read_any_value(r, inner, held, err);
    else
        rc = mf_read_members(r, inner, held, "@type", err);
    if (rc == 0)
        rc = r->codec->encode(r->codec->state, inner->index, held, r->arena,
                              set(m, to, 2), err);
    if (rc == 0)
        *(mayfly_str *)set(m, to, 1) = url;
    return rc;
}

/* --- all of them
 * ------------------------------------------------------------------ */

int mf_read_wkt(mf_json_reader *r, mf_wkt kind, const mf_plan_message *m,
                void *to, mayfly_error *err)
{
    const mf_plan_field *f = mf_plan_field_of(m, 1);
    int rc;
    switch (kind) {
    case MF_WKT_ANY:
        return read_any(r, m, to, err);
    case MF_WKT_DURATION:
    case MF_WKT_TIMESTAMP:
        return read_time(r, kind, m, to, err);
    case MF_WKT_FIELD_MASK:
        return read_mask(r, m, to, err);
    case MF_WKT_LIST_VALUE:
        return mf_read_list(r, f, mf_field_at(to, f), err);
    case MF_WKT_STRUCT:
        return mf_read_map(r, f, mf_field_at(to, f), err);
    case MF_WKT_VALUE:
        return read_value(r, m, to, err);
    default:
        rc = mf_read_scalar(r, f, false, mf_field_at(to, f), err);
        if (rc == 0)
            mf_field_mark(to, f);
        return rc;
    }
}
