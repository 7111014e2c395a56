/*
 * compiler/json/wkt_print.c: the well-known types to JSON.
 *
 * The forms are those that wkt_parse.c reads. An Any's bytes are decoded into
 * the writer's own arena, which lasts as long as the printing.
 *
 * mf_wkt_of has checked that the fields used here are there with these types.
 */
#include "compiler/json/internal.h"

#include "base/error.h"
#include "compiler/kernel/codec.h"

#include <math.h>

static const void *get(const mf_plan_message *m, const void *from,
                       uint32_t number)
{
    return mf_field_in(from, mf_plan_field_of(m, number));
}

static int write_time(mf_json_writer *w, mf_wkt kind, const mf_plan_message *m,
                      const void *from, mayfly_error *err)
{
    char text[MF_TIME_MAX];
    int64_t seconds = *(const int64_t *)get(m, from, 1);
    int32_t nanos = *(const int32_t *)get(m, from, 2);
    bool good = kind == MF_WKT_TIMESTAMP
                    ? mf_timestamp_write(seconds, nanos, text)
                    : mf_duration_write(seconds, nanos, text);
    if (!good)
        return mf_error_set(err, MAYFLY_EJSON,
                            "a %s of %lld s and %d ns has no JSON form",
                            m->full_name, (long long)seconds, (int)nanos);
    mf_json_str(&w->json, text, strlen(text));
    return 0;
}

static int write_mask(mf_json_writer *w, const mf_plan_message *m,
                      const void *from, mayfly_error *err)
{
    const mayfly_array *paths = get(m, from, 1);
    const mayfly_str *path = paths->items;
    size_t room = 1, len = 0, n = 0;
    for (size_t i = 0; i < paths->n; i++)
        room += path[i].len + 1;
    char *text = mf_arena_raw(&w->arena, room);
    if (!text)
        return mf_arena_nomem(&w->arena, "a field mask as JSON", err);
    for (size_t i = 0; i < paths->n; i++) {
        if (i > 0)
            text[len++] = ',';
        if (!mf_mask_path_write(path[i], text + len, &n) ||
            !mf_utf8_valid(text + len, n))
            return mf_error_set(err, MAYFLY_EJSON,
                                "the path \"%.*s\" of a field mask cannot be "
                                "written in camel case",
                                path[i].len > 80 ? 80 : (int)path[i].len,
                                path[i].ptr);
        len += n;
    }
    mf_json_str(&w->json, text, len);
    return 0;
}

static int write_value(mf_json_writer *w, const mf_plan_message *m,
                       const void *from, mayfly_error *err)
{
    for (uint32_t number = 2; number <= 6; number++) {
        const mf_plan_field *f = mf_plan_field_of(m, number);
        if (!mf_field_is_set(w->plan, from, f))
            continue;
        const void *at = mf_field_in(from, f);
        if (number >= 5)
            return mf_write_message(w, &w->plan->messages[f->message],
                                    *(void *const *)at, err);
        if (number == 2 && !isfinite(*(const double *)at))
            return mf_error_set(err, MAYFLY_EJSON,
                                "a Value's number must be finite");
        return mf_write_scalar(w, f, at, err);
    }
    mf_json_raw(&w->json, "null"); /* null_value, or nothing at all */
    return 0;
}

static int write_any(mf_json_writer *w, const mf_plan_message *m,
                     const void *from, mayfly_error *err)
{
    mayfly_str url = *(const mayfly_str *)get(m, from, 1);
    mayfly_bytes wire = *(const mayfly_bytes *)get(m, from, 2);
    if (url.len == 0 && wire.len == 0) {
        mf_json_open(&w->json, '{');
        mf_json_close(&w->json, '}');
        return 0;
    }
    mayfly_str type = mf_type_name(url);
    const char *name = mf_arena_strndup(&w->arena, type.ptr, type.len);
    if (!name)
        return mf_arena_nomem(&w->arena, "an Any as JSON", err);
    const mf_plan_message *inner =
        strlen(name) == type.len ? mf_plan_find(w->plan, name) : NULL;
    if (!inner || !w->codec || !mf_utf8_valid(url.ptr, url.len))
        return mf_error_set(err, MAYFLY_EJSON,
                            "an Any holds \"%.80s\", which the schema does "
                            "not have",
                            name);
    void *held;
    int rc = w->codec->decode(w->codec->state, inner->index, wire, &w->arena,
                              &held, err);
    if (rc != 0)
        return mf_error_wrap(err, rc, "in an Any of %s", inner->full_name);
    mf_json_open(&w->json, '{');
    mf_json_name(&w->json, "@type");
    mf_json_str(&w->json, url.ptr, url.len);
    if (mf_wkt_of(w->plan, inner) != MF_WKT_NONE) {
        mf_json_name(&w->json, "value");
        rc = mf_write_message(w, inner, held, err);
    } else {
        rc = mf_write_members(w, inner, held, err);
    }
    mf_json_close(&w->json, '}');
    return rc;
}

int mf_write_wkt(mf_json_writer *w, mf_wkt kind, const mf_plan_message *m,
                 const void *from, mayfly_error *err)
{
    const mf_plan_field *f = mf_plan_field_of(m, 1);
    switch (kind) {
    case MF_WKT_ANY:
        return write_any(w, m, from, err);
    case MF_WKT_DURATION:
    case MF_WKT_TIMESTAMP:
        return write_time(w, kind, m, from, err);
    case MF_WKT_FIELD_MASK:
        return write_mask(w, m, from, err);
    case MF_WKT_LIST_VALUE:
        return mf_write_list(w, f, mf_field_in(from, f), err);
    case MF_WKT_STRUCT:
        return mf_write_map(w, f, mf_field_in(from, f), err);
    case MF_WKT_VALUE:
        return write_value(w, m, from, err);
    default:
        return mf_write_scalar(w, f, mf_field_in(from, f), err);
    }
}
