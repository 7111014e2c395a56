/*
 * compiler/json/value.c: reaching the fields of a struct that a plan describes.
 *
 * What a struct looks like is said in mayfly/layout.h; these few functions are
 * the only place of the JSON code that knows it. They trust the plan (it was
 * made or checked by compiler/gen) and the struct (it belongs to the caller).
 * Pure functions but for the arena; any thread.
 */
#include "compiler/json/value.h"

size_t mf_value_size(const mf_plan *plan, const mf_plan_field *f)
{
    switch (f->type) {
    case MAYFLY_TYPE_BOOL:
        return sizeof(bool);
    case MAYFLY_TYPE_FLOAT:
    case MAYFLY_TYPE_INT32:
    case MAYFLY_TYPE_FIXED32:
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_ENUM:
    case MAYFLY_TYPE_SFIXED32:
    case MAYFLY_TYPE_SINT32:
        return 4;
    case MAYFLY_TYPE_STRING:
        return sizeof(mayfly_str);
    case MAYFLY_TYPE_BYTES:
        return sizeof(mayfly_bytes);
    case MAYFLY_TYPE_GROUP:
    case MAYFLY_TYPE_MESSAGE:
        return plan->messages[f->message].size;
    default:
        return 8;
    }
}

bool mf_field_is_message(const mf_plan_field *f)
{
    return f->type == MAYFLY_TYPE_MESSAGE || f->type == MAYFLY_TYPE_GROUP;
}

void *mf_field_at(void *m, const mf_plan_field *f)
{
    return (char *)m + f->offset;
}

const void *mf_field_in(const void *m, const mf_plan_field *f)
{
    return (const char *)m + f->offset;
}

void mf_field_mark(void *m, const mf_plan_field *f)
{
    if (f->presence_kind == MAYFLY_HASBIT) {
        uint64_t *words = m;
        words[f->presence / 64] |= (uint64_t)1 << f->presence % 64;
    } else if (f->presence_kind == MAYFLY_ONEOF) {
        memcpy((char *)m + f->presence, &f->number, sizeof(f->number));
    }
}

static bool is_zero(const void *bytes, size_t n)
{
    const char *p = bytes;
    for (size_t i = 0; i < n; i++) {
        if (p[i])
            return false;
    }
    return true;
}

bool mf_field_is_set(const mf_plan *plan, const void *m, const mf_plan_field *f)
{
    if (f->cardinality != MAYFLY_SINGULAR) {
        const mayfly_array *a = mf_field_in(m, f);
        return a->n > 0;
    }
    bool marked = true;
    if (f->presence_kind == MAYFLY_ONEOF) {
        uint32_t number;
        memcpy(&number, (const char *)m + f->presence, sizeof(number));
        marked = number == f->number;
    } else if (f->presence_kind == MAYFLY_HASBIT) {
        const uint64_t *words = m;
        return words[f->presence / 64] >> f->presence % 64 & 1;
    }
    if (mf_field_is_message(f))
        return marked && *(void *const *)mf_field_in(m, f) != NULL;
    if (f->presence_kind != MAYFLY_IMPLICIT)
        return marked;
    if (f->type == MAYFLY_TYPE_STRING || f->type == MAYFLY_TYPE_BYTES)
        return ((const mayfly_str *)mf_field_in(m, f))->len > 0;
    return !is_zero(mf_field_in(m, f), mf_value_size(plan, f));
}

void *mf_field_message(const mf_plan *plan, void *m, const mf_plan_field *f,
                       mayfly_arena *arena)
{
    void **pointer = mf_field_at(m, f);
    if (!mf_field_is_set(plan, m, f)) {
        void *fresh = mf_arena_alloc(arena, mf_value_size(plan, f));
        if (!fresh)
            return NULL;
        *pointer = fresh;
        mf_field_mark(m, f);
    }
    return *pointer;
}

const void *mf_entry_key(const mf_plan_field *key, const void *entry,
                         size_t *ret_len)
{
    const void *at = mf_field_in(entry, key);
    if (key->type == MAYFLY_TYPE_STRING) {
        const mayfly_str *s = at;
        *ret_len = s->len;
        return s->len ? s->ptr : "";
    }
    *ret_len = mf_value_size(NULL, key); /* a key is never a message */
    return at;
}

const char *mf_type_text(const mf_plan_field *f)
{
    static const char *const names[] = {
        "",         "double",   "float",   "int64",  "uint64",
        "int32",    "fixed64",  "fixed32", "bool",   "string",
        "group",    "message",  "bytes",   "uint32", "enum",
        "sfixed32", "sfixed64", "sint32",  "sint64"};
    return f->type < sizeof(names) / sizeof(names[0]) ? names[f->type] : "";
}
