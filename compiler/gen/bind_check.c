/*
 * compiler/gen/bind_check.c: what must hold before a header's tables are used.
 *
 * The tables are compiled into the program, so they are not hostile; but they
 * may come from another version of mayfly, from a compiler with other ideas of
 * layout, or from a program that has overwritten them, and everything after
 * this trusts them with memory. Overlaps and gaps are found by layout.c, once
 * the plan is made.
 *
 * Then the other half: which pairs of field types agree on the wire
 * (https://protobuf.dev/programming-guides/proto3/#updating).
 */
#include "compiler/gen/bind.h"

#include "base/error.h"
#include "compiler/gen/layout.h"
#include "compiler/gen/names.h"

#include <inttypes.h>
#include <string.h>

enum { NUMBER_MAX = (1 << 29) - 1, STRUCT_MAX = 1 << 30 };

int mf_bind_check_layout(const mayfly_layout *layout, mayfly_error *err)
{
    if (!layout)
        return mf_error_set(err, MAYFLY_EINVAL, "the layout is NULL");
    if (layout->abi != MAYFLY_LAYOUT_ABI)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the header was made for layout %" PRIu32
                            ", this is %u: make it again",
                            layout->abi, MAYFLY_LAYOUT_ABI);
    if (!layout->file || (layout->n_messages && !layout->messages) ||
        (layout->n_services && !layout->services) ||
        (layout->n_imports && !layout->imports))
        return mf_error_set(err, MAYFLY_EINVAL, "a layout lacks a table");
    return 0;
}

static int bad_field(const mayfly_message_layout *m,
                     const mayfly_field_layout *f, const char *what,
                     mayfly_error *err)
{
    return mf_error_set(err, MAYFLY_EINVAL,
                        "the layout of %s, field %" PRIu32 ": %s", m->full_name,
                        f->number, what);
}

/* Presence and cardinality must suit the type. */
static const char *presence_fault(const mayfly_message_layout *m,
                                  const mayfly_field_layout *f)
{
    bool message = mf_layout_is_message(f->type);

    if (f->cardinality > MAYFLY_MAP || f->presence_kind > MAYFLY_POINTER)
        return "no such cardinality or presence";
    if (f->cardinality == MAYFLY_MAP && f->type != MAYFLY_TYPE_MESSAGE)
        return "a map is of messages";
    if (f->cardinality != MAYFLY_SINGULAR)
        return f->presence_kind == MAYFLY_IMPLICIT
                   ? NULL
                   : "a repeated field has no presence";
    switch (f->presence_kind) {
    case MAYFLY_IMPLICIT:
        return message ? "a message needs a presence" : NULL;
    case MAYFLY_POINTER:
        return message ? NULL : "only messages are pointers";
    case MAYFLY_HASBIT:
        if (message)
            return "a message has no has-bit";
        return f->presence / 64 < m->has_words ? NULL : "no such has-bit";
    default:
        return f->presence <= m->size - 4 && f->presence % 4 == 0
                   ? NULL
                   : "the case lies outside";
    }
}

static int check_field(const mayfly_message_layout *m,
                       const mayfly_field_layout *f, mayfly_error *err)
{
    uint32_t size;
    const char *fault;

    if (f->number < 1 || f->number > NUMBER_MAX)
        return bad_field(m, f, "no such number", err);
    if (f->type < MAYFLY_TYPE_DOUBLE || f->type > MAYFLY_TYPE_SINT64)
        return bad_field(m, f, "no such type", err);
    if (!f->name || !mf_name_valid(f->name) || !f->c_name ||
        !mf_name_valid(f->c_name))
        return bad_field(m, f, "the name is not an identifier", err);
    fault = presence_fault(m, f);
    if (fault)
        return bad_field(m, f, fault, err);
    size = mf_layout_size(f->type, f->cardinality);
    if (f->offset > m->size || size > m->size - f->offset ||
        f->offset % mf_layout_align(size))
        return bad_field(m, f, "it lies outside, or not aligned", err);
    return 0;
}

static int check_entry(const mayfly_message_layout *m, mayfly_error *err)
{
    if (m->n_fields == 2 && m->fields[0].number == 1 &&
        m->fields[1].number == 2 &&
        m->fields[0].cardinality == MAYFLY_SINGULAR &&
        m->fields[1].cardinality == MAYFLY_SINGULAR &&
        !mf_layout_is_message(m->fields[0].type))
        return 0;
    return mf_error_set(err, MAYFLY_EINVAL,
                        "the layout of %s is not one of a map's entry",
                        m->full_name);
}

int mf_bind_check_message(const mayfly_message_layout *m, mayfly_error *err)
{
    uint32_t bits = 0;
    int code = 0;

    if (!m->full_name || !mf_name_full_valid(m->full_name) || !m->c_name ||
        !mf_name_valid(m->c_name))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a layout's name is not an identifier");
    if (m->size > STRUCT_MAX || m->size < sizeof(mayfly_unknown) ||
        m->unknown != m->size - sizeof(mayfly_unknown) || m->unknown % 8 ||
        m->has_words > m->unknown / 8 || (m->n_fields && !m->fields))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the layout of %s contradicts itself",
                            m->full_name);
    for (uint32_t i = 0; !code && i < m->n_fields; i++) {
        const mayfly_field_layout *f = &m->fields[i];
        if (i && f->number <= m->fields[i - 1].number)
            return bad_field(m, f, "numbers are not in order", err);
        code = check_field(m, f, err);
        if (!code && f->presence_kind == MAYFLY_HASBIT && f->presence != bits++)
            return bad_field(m, f, "has-bits are not in order", err);
    }
    if (!code && m->is_map_entry)
        code = check_entry(m, err);
    return code;
}

/* Types of one class read each other's bytes. */
static int wire_class(unsigned type)
{
    switch (type) {
    case MAYFLY_TYPE_INT32:
    case MAYFLY_TYPE_INT64:
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_UINT64:
    case MAYFLY_TYPE_BOOL:
    case MAYFLY_TYPE_ENUM:
        return 1;
    case MAYFLY_TYPE_SINT32:
    case MAYFLY_TYPE_SINT64:
        return 2;
    case MAYFLY_TYPE_FIXED32:
    case MAYFLY_TYPE_SFIXED32:
        return 3;
    case MAYFLY_TYPE_FIXED64:
    case MAYFLY_TYPE_SFIXED64:
        return 4;
    case MAYFLY_TYPE_STRING:
    case MAYFLY_TYPE_BYTES:
        return 5;
    default: /* float, double, message, group: each for itself */
        return 16 + (int)type;
    }
}

int mf_bind_check_field(const mf_plan_message *m, const mf_plan_field *f,
                        const mf_field *schema_field, mayfly_error *err)
{
    int family = wire_class(f->type);
    bool header_many = f->cardinality != MAYFLY_SINGULAR;
    bool schema_many = schema_field->label == MF_REPEATED;
    bool delimited = family == wire_class(MAYFLY_TYPE_STRING) ||
                     mf_layout_is_message(f->type);

    if (family == wire_class(schema_field->type) &&
        (header_many == schema_many || delimited))
        return 0;
    return mf_error_set(
        err, MAYFLY_EINCOMPATIBLE,
        "%s.%s (%" PRIu32 "): header has %s%s, schema has %s%s", m->full_name,
        f->name, f->number, header_many ? "repeated " : "",
        mf_layout_type_text(f->type), schema_many ? "repeated " : "",
        mf_layout_type_text(schema_field->type));
}
