/*
 * compiler/gen/layout.c: the native layout of a message.
 *
 *   uint64_t mayfly_has[n]      only with scalars or strings of explicit
 * presence; their bits in the order of field numbers the fields by size, the
 * largest first, then by number; the members of a oneof are one union of their
 * largest size, in the place of their lowest number uint32_t <oneof>_case among
 * the members of four bytes, in the place of the oneof's lowest number, after
 * the union mayfly_unknown mayfly_unknown_fields
 *
 * All sizes are multiples of their alignment and come in falling order, so
 * there is no padding but before the last member, whose 16 bytes also let a
 * kernel load 8 bytes from any field. Nothing lies by value in a struct but
 * scalars, strings and array heads, so a recursive schema has finite sizes.
 *
 * These are the sizes of the machine that runs, which is the machine that
 * libtcc compiles for.
 */
#include "compiler/gen/layout.h"

#include "base/arena.h"
#include "base/error.h"
#include "compiler/gen/sort.h"

#include <string.h>

_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8,
               "layouts are written for 64-bit machines");
_Static_assert(sizeof(mayfly_array) == 24 && sizeof(mayfly_str) == 16 &&
                   sizeof(mayfly_unknown) == 16 && sizeof(bool) == 1,
               "the sizes that members come in");

static const uint32_t sizes[] = {24, 16, 8, 4, 1};

enum { SIZE_MAX_OF_STRUCT = 1 << 30 };

bool mf_layout_is_message(unsigned type)
{
    return type == MAYFLY_TYPE_MESSAGE || type == MAYFLY_TYPE_GROUP;
}

const char *mf_layout_type_text(unsigned type)
{
    static const char *const texts[] = {
        [MAYFLY_TYPE_DOUBLE] = "double",
        [MAYFLY_TYPE_FLOAT] = "float",
        [MAYFLY_TYPE_INT64] = "int64",
        [MAYFLY_TYPE_UINT64] = "uint64",
        [MAYFLY_TYPE_INT32] = "int32",
        [MAYFLY_TYPE_FIXED64] = "fixed64",
        [MAYFLY_TYPE_FIXED32] = "fixed32",
        [MAYFLY_TYPE_BOOL] = "bool",
        [MAYFLY_TYPE_STRING] = "string",
        [MAYFLY_TYPE_GROUP] = "group",
        [MAYFLY_TYPE_MESSAGE] = "message",
        [MAYFLY_TYPE_BYTES] = "bytes",
        [MAYFLY_TYPE_UINT32] = "uint32",
        [MAYFLY_TYPE_ENUM] = "enum",
        [MAYFLY_TYPE_SFIXED32] = "sfixed32",
        [MAYFLY_TYPE_SFIXED64] = "sfixed64",
        [MAYFLY_TYPE_SINT32] = "sint32",
        [MAYFLY_TYPE_SINT64] = "sint64",
    };

    return type < sizeof texts / sizeof *texts && texts[type] ? texts[type]
                                                              : "?";
}

uint32_t mf_layout_element_size(unsigned type)
{
    switch (type) {
    case MAYFLY_TYPE_MESSAGE:
    case MAYFLY_TYPE_GROUP:
        return 0;
    case MAYFLY_TYPE_STRING:
    case MAYFLY_TYPE_BYTES:
        return sizeof(mayfly_str);
    case MAYFLY_TYPE_DOUBLE:
    case MAYFLY_TYPE_INT64:
    case MAYFLY_TYPE_UINT64:
    case MAYFLY_TYPE_FIXED64:
    case MAYFLY_TYPE_SFIXED64:
    case MAYFLY_TYPE_SINT64:
        return 8;
    case MAYFLY_TYPE_BOOL:
        return sizeof(bool);
    default:
        return 4;
    }
}

uint32_t mf_layout_size(unsigned type, unsigned cardinality)
{
    if (cardinality != MAYFLY_SINGULAR)
        return sizeof(mayfly_array);
    if (mf_layout_is_message(type))
        return sizeof(void *);
    return mf_layout_element_size(type);
}

uint32_t mf_layout_align(uint32_t size)
{
    return size > 8 ? 8 : size;
}

/* What a oneof needs to be placed. */
typedef struct oneof_note {
    uint32_t lowest; /* number of a member */
    uint32_t size;   /* of the largest member */
} oneof_note;

static oneof_note *note_oneofs(const mf_message *d, mayfly_arena *arena)
{
    oneof_note *notes =
        mf_arena_alloc(arena, (d->n_oneofs + 1) * sizeof *notes);

    for (uint32_t i = 0; notes && i < d->n_oneofs; i++) {
        const mf_oneof *oneof = &d->oneofs[i];
        notes[i].lowest = UINT32_MAX;
        for (uint32_t j = 0; j < oneof->n_fields; j++) {
            const mf_field *f = oneof->fields[j];
            uint32_t size = mf_layout_size(f->type, MAYFLY_SINGULAR);
            if (f->number < notes[i].lowest)
                notes[i].lowest = f->number;
            if (size > notes[i].size)
                notes[i].size = size;
        }
    }
    return notes;
}

static void place_oneof(mf_plan_message *m, const mf_oneof *oneof, bool is_case,
                        uint32_t offset)
{
    for (uint32_t i = 0; i < oneof->n_fields; i++) {
        const mf_plan_field *f = mf_plan_field_of(m, oneof->fields[i]->number);
        mf_plan_field *own = &m->fields[f - m->fields];
        if (is_case)
            own->presence = offset;
        else
            own->offset = offset;
    }
}

/* The members of one size, from offset `at`; where they end. */
static uint32_t place_size(mf_plan_message *m, const oneof_note *notes,
                           uint32_t size, uint32_t at)
{
    for (uint32_t i = 0; i < m->n_fields; i++) {
        mf_plan_field *f = &m->fields[i];
        const mf_oneof *oneof = f->descriptor->oneof;
        const oneof_note *note;
        if (f->presence_kind != MAYFLY_ONEOF) {
            if (mf_layout_size(f->type, f->cardinality) == size) {
                f->offset = at;
                at += size;
            }
            continue;
        }
        note = &notes[oneof - m->descriptor->oneofs];
        if (note->lowest != f->number)
            continue;
        if (note->size == size) {
            place_oneof(m, oneof, false, at);
            at += size;
        }
        if (size == 4) {
            place_oneof(m, oneof, true, at);
            at += 4;
        }
    }
    return at;
}

int mf_layout_native(mf_plan_message *m, mayfly_arena *arena, mayfly_error *err)
{
    oneof_note *notes;
    uint32_t bits = 0, at;

    if (m->n_fields > SIZE_MAX_OF_STRUCT / sizeof(mayfly_array) / 2)
        return mf_error_set(err, MAYFLY_ELIMIT, "%s has too many fields",
                            m->full_name);
    notes = note_oneofs(m->descriptor, arena);
    if (!notes)
        return mf_error_nomem(err, "the layout");
    for (uint32_t i = 0; i < m->n_fields; i++) {
        if (m->fields[i].presence_kind == MAYFLY_HASBIT)
            m->fields[i].presence = bits++;
    }
    m->has_words = (bits + 63) / 64;
    at = m->has_words * 8;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        at = place_size(m, notes, sizes[i], at);
    m->unknown = (at + 7) / 8 * 8;
    m->size = m->unknown + (uint32_t)sizeof(mayfly_unknown);
    return 0;
}

static int compare_fields(const void *a, const void *b)
{
    const mf_plan_field *x = *(const mf_plan_field *const *)a;
    const mf_plan_field *y = *(const mf_plan_field *const *)b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int compare_members(const void *a, const void *b)
{
    const mf_member *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

/* A field by itself, or the union that order[i] begins; the count of its
 * fields. */
static uint32_t add_member(mf_members *list, uint32_t i, uint32_t n_fields)
{
    const mf_plan_field *f = list->order[i];
    mf_member *member = &list->members[list->n++];
    uint32_t n = 1;

    *member = (mf_member){.offset = f->offset,
                          .size = mf_layout_size(f->type, f->cardinality),
                          .first = i};
    if (f->presence_kind == MAYFLY_ONEOF) {
        member->kind = MF_MEMBER_UNION;
        for (; i + n < n_fields; n++) {
            const mf_plan_field *o = list->order[i + n];
            uint32_t size = mf_layout_size(o->type, o->cardinality);
            if (o->presence_kind != MAYFLY_ONEOF ||
                o->presence != f->presence || o->offset != f->offset)
                break;
            if (size > member->size)
                member->size = size;
        }
        list->members[list->n++] = (mf_member){.kind = MF_MEMBER_CASE,
                                               .offset = f->presence,
                                               .size = 4,
                                               .case_name = f->case_name};
    }
    member->n = n;
    return n;
}

/* What a compiler makes of the members in this order must be what the plan
 * says. */
static int check_members(const mf_plan_message *m, const mf_members *list,
                         mayfly_error *err)
{
    uint64_t at = (uint64_t)m->has_words * 8;

    for (uint32_t i = 0; i <= list->n; i++) {
        bool last = i == list->n;
        uint32_t offset = last ? m->unknown : list->members[i].offset;
        uint32_t size =
            last ? (uint32_t)sizeof(mayfly_unknown) : list->members[i].size;
        uint64_t align = mf_layout_align(size);
        at = (at + align - 1) / align * align;
        if (offset != at)
            return mf_error_set(err, MAYFLY_EINVAL,
                                "%s: the member at offset %u should be at %u",
                                m->full_name, offset, (unsigned)at);
        at += size;
    }
    if (at != m->size)
        return mf_error_set(err, MAYFLY_EINVAL, "%s: the size is %u, not %u",
                            m->full_name, (unsigned)at, m->size);
    return 0;
}

int mf_layout_members(const mf_plan_message *m, mayfly_arena *arena,
                      mf_members *ret, mayfly_error *err)
{
    mf_members list = {0};
    int code;

    list.order = mf_arena_alloc(arena, (m->n_fields + 1) * sizeof *list.order);
    list.members = mf_arena_alloc(arena, (2 * (size_t)m->n_fields + 1) *
                                             sizeof *list.members);
    if (!list.order || !list.members)
        return mf_error_nomem(err, "a struct's members");
    for (uint32_t i = 0; i < m->n_fields; i++)
        list.order[i] = &m->fields[i];
    mf_sort(list.order, m->n_fields, sizeof *list.order, compare_fields);
    for (uint32_t i = 0; i < m->n_fields;)
        i += add_member(&list, i, m->n_fields);
    mf_sort(list.members, list.n, sizeof *list.members, compare_members);
    code = check_members(m, &list, err);
    if (!code)
        *ret = list;
    return code;
}
