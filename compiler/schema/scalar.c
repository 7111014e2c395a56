/*
 * compiler/schema/scalar.c: the value of an option as its field's type has it.
 *
 * An option's value is a token; the extension's type says which tokens it takes
 * and what they mean. Inside of aggregates a little more is taken, as
 * protobuf's text format has it: numbers for bools and enums, inf and nan.
 */
#include "compiler/schema/custom.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static bool signed_of(const mf_option *v, int64_t min, int64_t max,
                      int64_t *ret)
{
    if (v->kind == MF_OPTION_UINT && v->value.u64 <= (uint64_t)max)
        *ret = (int64_t)v->value.u64;
    else if (v->kind == MF_OPTION_NEGATIVE && v->value.i64 >= min)
        *ret = v->value.i64;
    else
        return false;
    return true;
}

static bool unsigned_of(const mf_option *v, uint64_t max, uint64_t *ret)
{
    *ret = v->value.u64;
    return v->kind == MF_OPTION_UINT && v->value.u64 <= max;
}

bool mf_scalar_is_infinite_or_nan(const char *word, double *ret)
{
    if (strcasecmp(word, "inf") == 0 || strcasecmp(word, "infinity") == 0)
        *ret = INFINITY;
    else if (strcasecmp(word, "nan") == 0)
        *ret = NAN;
    else
        return false;
    return true;
}

static bool double_of(const mf_option *v, double *ret)
{
    if (v->kind == MF_OPTION_IDENT)
        return mf_scalar_is_infinite_or_nan((const char *)v->text.ptr, ret);
    if (v->kind == MF_OPTION_DOUBLE)
        *ret = v->value.f64;
    else if (v->kind == MF_OPTION_UINT)
        *ret = (double)v->value.u64;
    else if (v->kind == MF_OPTION_NEGATIVE)
        *ret = v->value.i64 ? (double)v->value.i64 : -0.0;
    else
        return false;
    return true;
}

static bool bool_of(const mf_option *v, bool aggregate, uint64_t *ret)
{
    static const char *const words[] = {"false", "true", "False",
                                        "True",  "f",    "t"};
    if (aggregate && v->kind == MF_OPTION_UINT && v->value.u64 <= 1) {
        *ret = v->value.u64;
        return true;
    }
    for (unsigned i = 0; i < (aggregate ? 6u : 2u); i++) {
        if (v->kind == MF_OPTION_IDENT &&
            strcmp((const char *)v->text.ptr, words[i]) == 0) {
            *ret = i % 2;
            return true;
        }
    }
    return false;
}

static bool enum_of(const mf_enum *e, const mf_option *v, bool aggregate,
                    uint64_t *ret)
{
    int64_t number;
    if (aggregate && signed_of(v, INT32_MIN, INT32_MAX, &number)) {
        *ret = (uint64_t)number;
        return true;
    }
    for (uint32_t i = 0; i < e->n_values && v->kind == MF_OPTION_IDENT; i++) {
        if (strcmp(e->values[i].name, (const char *)v->text.ptr) == 0) {
            *ret = (uint64_t)(int64_t)e->values[i].number;
            return true;
        }
    }
    return false;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static const char *integer_of(const mf_field *f, const mf_option *v,
                              mf_scalar *ret)
{
    int64_t number;
    switch (f->type) {
    case MAYFLY_TYPE_INT32:
    case MAYFLY_TYPE_SFIXED32:
    case MAYFLY_TYPE_SINT32:
        if (!signed_of(v, INT32_MIN, INT32_MAX, &number))
            return "a 32-bit integer";
        break;
    case MAYFLY_TYPE_INT64:
    case MAYFLY_TYPE_SFIXED64:
    case MAYFLY_TYPE_SINT64:
        if (!signed_of(v, INT64_MIN, INT64_MAX, &number))
            return "a 64-bit integer";
        break;
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_FIXED32:
        return unsigned_of(v, UINT32_MAX, &ret->bits)
                   ? NULL
                   : "a 32-bit integer without a sign";
    default:
        return unsigned_of(v, UINT64_MAX, &ret->bits)
                   ? NULL
                   : "a 64-bit integer without a sign";
    }
    ret->bits = f->type == MAYFLY_TYPE_SINT32 || f->type == MAYFLY_TYPE_SINT64
                    ? zigzag(number)
                    : (uint64_t)number;
    return NULL;
}

const char *mf_scalar_of(const mf_field *f, const mf_option *value,
                         bool aggregate, mf_scalar *ret)
{
    double number;
    float narrow;
    uint32_t bits;
    memset(ret, 0, sizeof *ret);
    switch (f->type) {
    case MAYFLY_TYPE_DOUBLE:
    case MAYFLY_TYPE_FLOAT:
        if (!double_of(value, &number))
            return "a number";
        narrow = (float)number;
        memcpy(&bits, &narrow, sizeof bits);
        memcpy(&ret->bits, &number, sizeof number);
        if (f->type == MAYFLY_TYPE_FLOAT)
            ret->bits = bits;
        return NULL;
    case MAYFLY_TYPE_BOOL:
        return bool_of(value, aggregate, &ret->bits) ? NULL : "true or false";
    case MAYFLY_TYPE_ENUM:
        return enum_of(f->enumeration, value, aggregate, &ret->bits)
                   ? NULL
                   : "the name of one of its enum's values";
    case MAYFLY_TYPE_STRING:
    case MAYFLY_TYPE_BYTES:
        ret->text = value->text;
        return value->kind == MF_OPTION_STRING ? NULL : "a string";
    default:
        return integer_of(f, value, ret);
    }
}

unsigned mf_scalar_wire_type(const mf_field *f)
{
    switch (f->type) {
    case MAYFLY_TYPE_DOUBLE:
    case MAYFLY_TYPE_FIXED64:
    case MAYFLY_TYPE_SFIXED64:
        return MF_WIRE_64;
    case MAYFLY_TYPE_FLOAT:
    case MAYFLY_TYPE_FIXED32:
    case MAYFLY_TYPE_SFIXED32:
        return MF_WIRE_32;
    case MAYFLY_TYPE_STRING:
    case MAYFLY_TYPE_BYTES:
    case MAYFLY_TYPE_MESSAGE:
        return MF_WIRE_BYTES;
    default:
        return MF_WIRE_VARINT;
    }
}

void mf_scalar_put(mf_buf *out, const mf_field *f, const mf_scalar *value)
{
    switch (mf_scalar_wire_type(f)) {
    case MF_WIRE_64:
        mf_wire_fixed(out, value->bits, 8);
        break;
    case MF_WIRE_32:
        mf_wire_fixed(out, value->bits, 4);
        break;
    case MF_WIRE_BYTES:
        mf_wire_varint(out, value->text.len);
        mf_buf_put(out, value->text.ptr, value->text.len);
        break;
    default:
        mf_wire_varint(out, value->bits);
    }
}

bool mf_scalar_is_zero(const mf_scalar *value)
{
    return value->bits == 0 && value->text.len == 0;
}
