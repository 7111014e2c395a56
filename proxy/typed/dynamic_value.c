/*
 * proxy/typed/dynamic_value.c: what reading and setting by path have in common.
 *
 * Types are strict: a string is no number and bytes are no string, for a
 * gateway that converts silently hides that it speaks of another schema than
 * its peer. Integers of all widths are one kind, whose range is looked at.
 *
 * Every error begins with the path. A walk that succeeds leaves its context
 * held until mf_dynamic_leave.
 *
 * Threads: any; a message is one thread's at a time.
 */
#include "proxy/typed/dynamic.h"

#include "base/error.h"
#include "compiler/json/value.h"

#include <inttypes.h>

int mf_dynamic_told(int code, const char *path, mayfly_error *err)
{
    return code ? mf_error_wrap(err, code, "%.200s", path) : 0;
}

int mf_dynamic_walk(const mayfly_dynamic *m, const char *path,
                    enum mf_walk mode, const mf_plan **ret_plan, mf_place *ret,
                    mayfly_error *err)
{
    if (!path)
        return mf_error_set(err, MAYFLY_EINVAL, "no path");
    int code = mf_dynamic_enter(m, ret_plan, err);
    if (code != 0)
        return mf_dynamic_told(code, path, err);
    code = mf_path_walk(*ret_plan, &(*ret_plan)->messages[m->message], m->data,
                        path, mode, m->arena, ret, err);
    if (code != 0)
        mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}

int mf_dynamic_look(const mayfly_dynamic *m, const char *path,
                    const void *ret_value, const mf_plan **ret_plan,
                    mf_place *ret, mayfly_error *err)
{
    if (!ret_value)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the value");
    int code = mf_dynamic_walk(m, path, MF_WALK_LOOK, ret_plan, ret, err);
    if (code != 0 || !ret->is_missing)
        return code;
    mf_dynamic_leave(m);
    return mf_dynamic_told(mf_error_set(err, MAYFLY_ENOTFOUND,
                                        "there is no such %s",
                                        ret->is_value ? "key" : "element"),
                           path, err);
}

int mf_place_check(const mf_place *p, bool is_right, const char *wanted,
                   mayfly_error *err)
{
    const mf_plan_field *f = p->field;
    if (!mf_place_is_single(p))
        return mf_error_set(err, MAYFLY_EINVAL, "the field is %s",
                            f->cardinality == MAYFLY_MAP ? "a map"
                                                         : "repeated");
    if (!is_right)
        return mf_error_set(err, MAYFLY_EINVAL, "the type is %s, not %s",
                            mf_type_text(f), wanted);
    return 0;
}

int mf_dynamic_view(const mayfly_dynamic *m, uint32_t message, void *data,
                    mayfly_dynamic **ret, mayfly_error *err)
{
    mayfly_dynamic *v =
        mf_dynamic_wrap(m->context, message, m->arena, data, m->is_held);
    if (!v)
        return mf_arena_nomem(m->arena, "a message", err);
    *ret = v;
    return 0;
}

bool mf_integer_is_unsigned(const mf_plan_field *f)
{
    return f->type == MAYFLY_TYPE_UINT32 || f->type == MAYFLY_TYPE_FIXED32 ||
           f->type == MAYFLY_TYPE_UINT64 || f->type == MAYFLY_TYPE_FIXED64;
}

bool mf_integer_is_type(const mf_plan_field *f)
{
    switch (f->type) {
    case MAYFLY_TYPE_DOUBLE:
    case MAYFLY_TYPE_FLOAT:
    case MAYFLY_TYPE_BOOL:
    case MAYFLY_TYPE_STRING:
    case MAYFLY_TYPE_BYTES:
    case MAYFLY_TYPE_MESSAGE:
    case MAYFLY_TYPE_GROUP:
        return false;
    default:
        return true;
    }
}

mf_integer mf_integer_signed(int64_t value)
{
    return (mf_integer){(uint64_t)value, value < 0};
}

mf_integer mf_integer_read(const mf_plan_field *f, const void *at)
{
    bool is_wide = mf_value_size(NULL, f) == 8;
    if (!at)
        return (mf_integer){0, false};
    if (mf_integer_is_unsigned(f))
        return (mf_integer){
            is_wide ? *(const uint64_t *)at : *(const uint32_t *)at, false};
    return mf_integer_signed(is_wide ? *(const int64_t *)at
                                     : *(const int32_t *)at);
}

bool mf_integer_fits(mf_integer n, bool is_unsigned_field, bool is_wide)
{
    if (is_unsigned_field)
        return !n.is_negative && (is_wide || n.bits <= UINT32_MAX);
    if (n.is_negative)
        return is_wide || (int64_t)n.bits >= INT32_MIN;
    return n.bits <= (is_wide ? (uint64_t)INT64_MAX : (uint64_t)INT32_MAX);
}

int mf_integer_unfit(mf_integer n, const char *what, mayfly_error *err)
{
    if (n.is_negative)
        return mf_error_set(err, MAYFLY_EINVAL, "%" PRId64 " does not fit %s",
                            (int64_t)n.bits, what);
    return mf_error_set(err, MAYFLY_EINVAL, "%" PRIu64 " does not fit %s",
                        n.bits, what);
}
