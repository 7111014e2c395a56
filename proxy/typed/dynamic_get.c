/*
 * proxy/typed/dynamic_get.c: reading what a path leads to.
 *
 * Scalars are copied out, names too, for they lie in the unit. Strings and
 * bytes stay where they are, in the arena or in the bytes that were decoded;
 * messages are handed out as views of what is there.
 *
 * Threads: any; a message is one thread's at a time.
 */
#include "proxy/typed/dynamic.h"

#include "base/error.h"
#include "compiler/json/value.h"

#include <inttypes.h>

static int get_number(const mayfly_dynamic *m, const char *path,
                      bool to_unsigned, const void *ret_value, mf_integer *ret,
                      mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    int code = mf_dynamic_look(m, path, ret_value, &plan, &p, err);
    if (code != 0)
        return code;
    code = mf_place_check(&p, mf_integer_is_type(p.field), "an integer", err);
    if (code == 0) {
        *ret = mf_integer_read(p.field, mf_place_value(plan, &p));
        if (!mf_integer_fits(*ret, to_unsigned, true))
            code =
                mf_integer_unfit(*ret, to_unsigned ? "uint64" : "int64", err);
    }
    mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}

int mayfly_dynamic_get_int(const mayfly_dynamic *m, const char *path,
                           int64_t *ret_value, mayfly_error *err)
{
    mf_integer n;
    int code = get_number(m, path, false, ret_value, &n, err);
    if (code == 0)
        *ret_value = (int64_t)n.bits;
    return code;
}

int mayfly_dynamic_get_uint(const mayfly_dynamic *m, const char *path,
                            uint64_t *ret_value, mayfly_error *err)
{
    mf_integer n;
    int code = get_number(m, path, true, ret_value, &n, err);
    if (code == 0)
        *ret_value = n.bits;
    return code;
}

int mayfly_dynamic_get_double(const mayfly_dynamic *m, const char *path,
                              double *ret_value, mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    int code = mf_dynamic_look(m, path, ret_value, &plan, &p, err);
    if (code != 0)
        return code;
    bool is_float = p.field->type == MAYFLY_TYPE_FLOAT;
    code = mf_place_check(&p, is_float || p.field->type == MAYFLY_TYPE_DOUBLE,
                          "double or float", err);
    if (code == 0) {
        const void *at = mf_place_value(plan, &p);
        *ret_value = !at        ? 0
                     : is_float ? (double)*(const float *)at
                                : *(const double *)at;
    }
    mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}

/* A value that is copied out as it lies there: `size` bytes, or zeroes. */
static int get_plain(const mayfly_dynamic *m, const char *path, int type,
                     const char *wanted, void *ret_value, size_t size,
                     mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    int code = mf_dynamic_look(m, path, ret_value, &plan, &p, err);
    if (code != 0)
        return code;
    code = mf_place_check(&p, p.field->type == type, wanted, err);
    if (code == 0) {
        const void *at = mf_place_value(plan, &p);
        if (at)
            memcpy(ret_value, at, size);
        else
            memset(ret_value, 0, size);
    }
    mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}

int mayfly_dynamic_get_bool(const mayfly_dynamic *m, const char *path,
                            bool *ret_value, mayfly_error *err)
{
    return get_plain(m, path, MAYFLY_TYPE_BOOL, "bool", ret_value,
                     sizeof *ret_value, err);
}

int mayfly_dynamic_get_str(const mayfly_dynamic *m, const char *path,
                           mayfly_str *ret_value, mayfly_error *err)
{
    return get_plain(m, path, MAYFLY_TYPE_STRING, "string", ret_value,
                     sizeof *ret_value, err);
}

int mayfly_dynamic_get_bytes(const mayfly_dynamic *m, const char *path,
                             mayfly_bytes *ret_value, mayfly_error *err)
{
    return get_plain(m, path, MAYFLY_TYPE_BYTES, "bytes", ret_value,
                     sizeof *ret_value, err);
}

static const char *enum_name(const mf_plan_field *f, int32_t value)
{
    const mf_enum *e = f->descriptor->enumeration;
    for (uint32_t i = 0; i < e->n_values; i++)
        if (e->values[i].number == value)
            return e->values[i].name;
    return NULL;
}

int mayfly_dynamic_get_enum(const mayfly_dynamic *m, const char *path,
                            mayfly_str *ret_name, mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    int code = mf_dynamic_look(m, path, ret_name, &plan, &p, err);
    if (code != 0)
        return code;
    code =
        mf_place_check(&p, p.field->type == MAYFLY_TYPE_ENUM, "an enum", err);
    if (code == 0) {
        const int32_t *at = mf_place_value(plan, &p);
        int32_t value = at ? *at : 0;
        const char *name = enum_name(p.field, value);
        mayfly_str s = name ? mayfly_arena_str(m->arena, name, strlen(name))
                            : mayfly_arena_printf(m->arena, "%" PRId32, value);
        if (s.ptr)
            *ret_name = s;
        else
            code = mf_arena_nomem(m->arena, "an enum value's name", err);
    }
    mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}

int mayfly_dynamic_get_message(const mayfly_dynamic *m, const char *path,
                               const mayfly_dynamic **ret_message,
                               mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    int code = mf_dynamic_look(m, path, ret_message, &plan, &p, err);
    if (code != 0)
        return code;
    code = mf_place_check(&p, mf_field_is_message(p.field), "a message", err);
    if (code == 0) {
        void *data = mf_place_message(plan, &p);
        mayfly_dynamic *sub;
        /* a map's value is there although nothing of it may be */
        if (!data && !p.is_value)
            code = mf_error_set(err, MAYFLY_ENOTFOUND, "is not set");
        if (code == 0)
            code = mf_dynamic_view(m, p.field->message, data, &sub, err);
        if (code == 0)
            *ret_message = sub;
    }
    mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}

int mayfly_dynamic_entry(const mayfly_dynamic *m, const char *path,
                         size_t index, const mayfly_dynamic **ret_entry,
                         mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    int code = mf_dynamic_look(m, path, ret_entry, &plan, &p, err);
    if (code != 0)
        return code;
    if (p.is_value || p.field->cardinality != MAYFLY_MAP)
        code = mf_error_set(err, MAYFLY_EINVAL, "the field is no map");
    if (code == 0) {
        const mayfly_array *a = p.in ? mf_field_in(p.in, p.field) : NULL;
        mayfly_dynamic *entry;
        if (!a || index >= a->n)
            code = mf_error_set(err, MAYFLY_ENOTFOUND, "has %zu entries",
                                a ? a->n : 0);
        else
            code = mf_dynamic_view(
                m, p.field->message,
                (char *)a->items +
                    index * plan->messages[p.field->message].size,
                &entry, err);
        if (code == 0)
            *ret_entry = entry;
    }
    mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}
