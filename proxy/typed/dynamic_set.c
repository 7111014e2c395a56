/*
 * proxy/typed/dynamic_set.c: setting what a path leads to.
 *
 * A value that is set is brought into the field's own form first; then the path
 * is walked to make what is missing, and the form is copied into its place. So
 * what is refused leaves the message as it was.
 *
 * Threads: any; a message is one thread's at a time.
 */
#include "proxy/typed/dynamic.h"

#include "base/error.h"
#include "compiler/json/value.h"

#include <float.h>
#include <math.h>

/* A value in the form that its field has. */
typedef union form {
    bool yes;
    int32_t i32;
    int64_t i64;
    uint32_t u32;
    uint64_t u64;
    float real;
    double precise;
    mayfly_str text;
    mayfly_bytes bytes;
} form;

/* Brings what the user gave into the form of the field. */
typedef int (*form_fn)(const mf_place *p, const void *given, form *ret,
                       mayfly_arena *arena, mayfly_error *err);

static int set(mayfly_dynamic *m, const char *path, form_fn form_of,
               const void *given, mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    form value;
    int code = mf_dynamic_walk(m, path, MF_WALK_CHECK, &plan, &p, err);
    if (code != 0)
        return code;
    code = form_of(&p, given, &value, m->arena, err);
    if (code == 0)
        code = mf_path_walk(plan, &plan->messages[m->message], m->data, path,
                            MF_WALK_MAKE, m->arena, &p, err);
    if (code == 0)
        memcpy(mf_place_take(&p), &value, mf_value_size(plan, p.field));
    mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}

static int form_of_number(const mf_place *p, const void *given, form *ret,
                          mayfly_arena *arena, mayfly_error *err)
{
    const mf_integer *n = given;
    (void)arena;
    int code =
        mf_place_check(p, mf_integer_is_type(p->field), "an integer", err);
    if (code != 0)
        return code;
    bool is_wide = mf_value_size(NULL, p->field) == 8;
    if (!mf_integer_fits(*n, mf_integer_is_unsigned(p->field), is_wide))
        return mf_integer_unfit(*n, mf_type_text(p->field), err);
    if (is_wide)
        ret->u64 = n->bits;
    else
        ret->u32 = (uint32_t)n->bits;
    return 0;
}

int mayfly_dynamic_set_int(mayfly_dynamic *m, const char *path, int64_t value,
                           mayfly_error *err)
{
    mf_integer n = mf_integer_signed(value);
    return set(m, path, form_of_number, &n, err);
}

int mayfly_dynamic_set_uint(mayfly_dynamic *m, const char *path, uint64_t value,
                            mayfly_error *err)
{
    mf_integer n = {value, false};
    return set(m, path, form_of_number, &n, err);
}

static int form_of_double(const mf_place *p, const void *given, form *ret,
                          mayfly_arena *arena, mayfly_error *err)
{
    double value = *(const double *)given;
    (void)arena;
    bool is_float = p->field->type == MAYFLY_TYPE_FLOAT;
    int code =
        mf_place_check(p, is_float || p->field->type == MAYFLY_TYPE_DOUBLE,
                       "double or float", err);
    if (code != 0)
        return code;
    if (is_float && isfinite(value) && fabs(value) > (double)FLT_MAX)
        return mf_error_set(err, MAYFLY_EINVAL, "%g does not fit float", value);
    if (is_float)
        ret->real = (float)value;
    else
        ret->precise = value;
    return 0;
}

int mayfly_dynamic_set_double(mayfly_dynamic *m, const char *path, double value,
                              mayfly_error *err)
{
    return set(m, path, form_of_double, &value, err);
}

static int form_of_bool(const mf_place *p, const void *given, form *ret,
                        mayfly_arena *arena, mayfly_error *err)
{
    (void)arena;
    ret->yes = *(const bool *)given;
    return mf_place_check(p, p->field->type == MAYFLY_TYPE_BOOL, "bool", err);
}

int mayfly_dynamic_set_bool(mayfly_dynamic *m, const char *path, bool value,
                            mayfly_error *err)
{
    return set(m, path, form_of_bool, &value, err);
}

static int form_of_str(const mf_place *p, const void *given, form *ret,
                       mayfly_arena *arena, mayfly_error *err)
{
    const mayfly_str *s = given;
    int code =
        mf_place_check(p, p->field->type == MAYFLY_TYPE_STRING, "string", err);
    if (code != 0)
        return code;
    if (!mf_utf8_valid(s->ptr, s->len))
        return mf_error_set(err, MAYFLY_EINVAL, "the string is not UTF-8");
    ret->text = mayfly_arena_str(arena, s->ptr, s->len);
    return ret->text.ptr ? 0 : mf_arena_nomem(arena, "a string", err);
}

int mayfly_dynamic_set_str(mayfly_dynamic *m, const char *path,
                           mayfly_str value, mayfly_error *err)
{
    return set(m, path, form_of_str, &value, err);
}

static int form_of_bytes(const mf_place *p, const void *given, form *ret,
                         mayfly_arena *arena, mayfly_error *err)
{
    const mayfly_bytes *b = given;
    int code =
        mf_place_check(p, p->field->type == MAYFLY_TYPE_BYTES, "bytes", err);
    if (code != 0)
        return code;
    uint8_t *copy = mf_arena_raw(arena, b->len + 1);
    if (!copy)
        return mf_arena_nomem(arena, "bytes", err);
    if (b->len)
        memcpy(copy, b->ptr, b->len);
    ret->bytes = (mayfly_bytes){copy, b->len};
    return 0;
}

int mayfly_dynamic_set_bytes(mayfly_dynamic *m, const char *path,
                             mayfly_bytes value, mayfly_error *err)
{
    return set(m, path, form_of_bytes, &value, err);
}

static int form_of_enum(const mf_place *p, const void *given, form *ret,
                        mayfly_arena *arena, mayfly_error *err)
{
    (void)arena;
    int code =
        mf_place_check(p, p->field->type == MAYFLY_TYPE_ENUM, "an enum", err);
    if (code != 0)
        return code;
    const mf_enum *e = p->field->descriptor->enumeration;
    for (uint32_t i = 0; i < e->n_values; i++)
        if (strcmp(e->values[i].name, given) == 0) {
            ret->i32 = e->values[i].number;
            return 0;
        }
    return mf_error_set(err, MAYFLY_ENOTFOUND, "%s has no value \"%.100s\"",
                        e->full_name, (const char *)given);
}

int mayfly_dynamic_set_enum(mayfly_dynamic *m, const char *path,
                            const char *name, mayfly_error *err)
{
    if (!name)
        return mf_error_set(err, MAYFLY_EINVAL, "no name of a value");
    return set(m, path, form_of_enum, name, err);
}

int mayfly_dynamic_set_message(mayfly_dynamic *m, const char *path,
                               mayfly_dynamic **ret_message, mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    int code = mf_dynamic_walk(m, path, MF_WALK_CHECK, &plan, &p, err);
    if (code != 0)
        return code;
    code = mf_place_check(&p, mf_field_is_message(p.field), "a message", err);
    if (code == 0)
        code = mf_path_walk(plan, &plan->messages[m->message], m->data, path,
                            MF_WALK_MAKE, m->arena, &p, err);
    if (code == 0) {
        mayfly_dynamic *sub;
        void *data = mf_place_make(plan, &p, m->arena);
        code = data ? mf_dynamic_view(m, p.field->message, data, &sub, err)
                    : mf_arena_nomem(m->arena, "a message", err);
        if (code == 0 && ret_message)
            *ret_message = sub;
    }
    mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}

int mayfly_dynamic_clear(mayfly_dynamic *m, const char *path, mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    int code = mf_dynamic_walk(m, path, MF_WALK_LOOK, &plan, &p, err);
    if (code != 0)
        return code;
    mf_place_clear(plan, &p);
    mf_dynamic_leave(m);
    return 0;
}
