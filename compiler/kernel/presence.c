/*
 * compiler/kernel/presence.c: values that were set without saying so.
 *
 * A field with explicit presence is sent when its has-bit is set, a member of a
 * oneof when the case names it. A program that assigns the member and forgets
 * the setter sends nothing, and nobody notices. Strict mode looks for that
 * before a message is encoded: a value that is not zero while its field is not
 * set. It walks the plan, which has the names that the error needs; speed is
 * not its aim.
 *
 * Threads: any; the message is only read.
 */
#include "compiler/kernel/codec.h"

#include "base/error.h"
#include "compiler/gen/layout.h"

#include <string.h>

/* Whether the field's bytes, of its own size, are all zero. Of strings it is
 * the length that counts. */
static bool is_zero(const mf_plan_field *f, const uint8_t *m)
{
    uint32_t size = mf_layout_size(f->type, f->cardinality);
    const uint8_t *at = m + f->offset;
    mayfly_bytes text;

    if (f->type == MAYFLY_TYPE_STRING || f->type == MAYFLY_TYPE_BYTES) {
        memcpy(&text, at, sizeof(text));
        return text.len == 0;
    }
    for (uint32_t i = 0; i < size; i++)
        if (at[i] != 0)
            return false;
    return true;
}

static uint32_t case_of(const mf_plan_field *f, const uint8_t *m)
{
    uint32_t set;

    memcpy(&set, m + f->presence, sizeof(set));
    return set;
}

static bool is_set(const mf_plan_field *f, const uint8_t *m)
{
    uint64_t word;

    if (f->presence_kind == MAYFLY_ONEOF)
        return case_of(f, m) == f->number;
    memcpy(&word, m + f->presence / 64 * 8, sizeof(word));
    return word >> f->presence % 64 & 1;
}

/* Set in its bytes only. Members of a oneof share theirs, so they are looked at
 * only while the case says that there is none. */
static bool is_forgotten(const mf_plan_field *f, const uint8_t *m)
{
    if (f->cardinality != MAYFLY_SINGULAR)
        return false;
    if (f->presence_kind == MAYFLY_HASBIT)
        return !is_set(f, m) && !is_zero(f, m);
    return f->presence_kind == MAYFLY_ONEOF && case_of(f, m) == 0 &&
           !is_zero(f, m);
}

static int check(const mf_plan *plan, uint32_t index, const uint8_t *m,
                 unsigned depth, mayfly_error *err);

/* The messages that a field holds. */
static int check_below(const mf_plan *plan, const mf_plan_field *f,
                       const uint8_t *m, unsigned depth, mayfly_error *err)
{
    mayfly_array array;
    const void *one;
    int code = 0;

    if (f->cardinality == MAYFLY_SINGULAR) {
        if (f->presence_kind == MAYFLY_ONEOF && !is_set(f, m))
            return 0;
        memcpy(&one, m + f->offset, sizeof(one));
        return one ? check(plan, f->message, one, depth + 1, err) : 0;
    }
    memcpy(&array, m + f->offset, sizeof(array));
    for (size_t i = 0; i < array.n && code == 0; i++)
        code = check(plan, f->message,
                     (const uint8_t *)array.items +
                         i * plan->messages[f->message].size,
                     depth + 1, err);
    return code;
}

static int check(const mf_plan *plan, uint32_t index, const uint8_t *m,
                 unsigned depth, mayfly_error *err)
{
    const mf_plan_message *message = &plan->messages[index];
    int code = 0;

    if (depth > MF_DEPTH_MAX)
        return mf_error_set(err, MAYFLY_ELIMIT,
                            "limit exceeded: message nested more than %d deep",
                            MF_DEPTH_MAX);
    for (uint32_t i = 0; i < message->n_fields && code == 0; i++) {
        const mf_plan_field *f = &message->fields[i];

        if (is_forgotten(f, m))
            return mf_error_set(err, MAYFLY_EENCODE,
                                "field %s.%s has a value but is not set",
                                message->full_name, f->name);
        if (mf_layout_is_message(f->type))
            code = check_below(plan, f, m, depth, err);
    }
    return code;
}

int mf_check_presence(const mf_plan *plan, uint32_t message, const void *m,
                      mayfly_error *err)
{
    return check(plan, message, m, 0, err);
}
