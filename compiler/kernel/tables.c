/*
 * compiler/kernel/tables.c: from a plan to the decode tables.
 *
 * Why tables: libtcc keeps every local in memory, so a decoder that it compiles
 * loses a good part of its speed; a kernel compiled with the library that is
 * driven by data does not, and data costs nothing to compile.
 *
 * What stays true: the block is position-independent and read only after it is
 * made; entries describe exactly the fields of the plan; every offset in it was
 * computed here, none comes from a message on the wire.
 *
 * The processor is looked at here, once per block, and the answer is kept in
 * the block: so the library needs no mutable state to remember it.
 *
 * Threads: any; the caller owns the buffer.
 */
#include "compiler/kernel/tables.h"

#include "base/error.h"
#include "compiler/kernel/codec.h"
#include "compiler/kernel/variant.h"

#include <string.h>

/* A message's place in the block, found before anything is written. */
struct place {
    uint32_t offset;
    uint32_t n_direct;
    uint32_t parents; /* first edge from a message that has it as a field */
    uint32_t next;    /* in the list of messages to go on from */
};

/* A singular message field, seen from its type. */
struct edge {
    uint32_t parent; /* the message that has the field */
    uint32_t number;
    uint32_t next; /* another edge from the same type */
};

#define NO_EDGE UINT32_MAX

/* How many field numbers, from 0, are looked up directly: as many as are filled
 * to a quarter, and always the numbers whose tag is one byte. */
static uint32_t direct_count(const mf_plan_message *m)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->n_fields; i++) {
        if (m->fields[i].number / 4 > i + 4)
            break;
        n = m->fields[i].number + 1;
    }
    return n;
}

static bool is_length_delimited(unsigned type)
{
    return type == MAYFLY_TYPE_STRING || type == MAYFLY_TYPE_BYTES ||
           type == MAYFLY_TYPE_MESSAGE;
}

/* The kind of a singular value of this type; 0: there is none. */
static unsigned kind_of(unsigned type)
{
    switch (type) {
    case MAYFLY_TYPE_DOUBLE:
    case MAYFLY_TYPE_FIXED64:
    case MAYFLY_TYPE_SFIXED64:
        return MF_KIND_FIX64;
    case MAYFLY_TYPE_FLOAT:
    case MAYFLY_TYPE_FIXED32:
    case MAYFLY_TYPE_SFIXED32:
        return MF_KIND_FIX32;
    case MAYFLY_TYPE_INT64:
    case MAYFLY_TYPE_UINT64:
    case MAYFLY_TYPE_SINT64:
        return MF_KIND_VAR64;
    case MAYFLY_TYPE_INT32:
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_SINT32:
    case MAYFLY_TYPE_ENUM:
        return MF_KIND_VAR32;
    case MAYFLY_TYPE_BOOL:
        return MF_KIND_BOOL;
    case MAYFLY_TYPE_STRING:
    case MAYFLY_TYPE_BYTES:
        return MF_KIND_BYTES;
    case MAYFLY_TYPE_MESSAGE:
        return MF_KIND_MESSAGE;
    default:
        return MF_KIND_NONE;
    }
}

static uint32_t wire_type_of(unsigned kind)
{
    switch (kind) {
    case MF_KIND_FIX64:
        return 1;
    case MF_KIND_BYTES:
    case MF_KIND_MESSAGE:
        return 2;
    case MF_KIND_FIX32:
        return 5;
    default:
        return 0;
    }
}

static uint32_t size_of(unsigned kind)
{
    switch (kind) {
    case MF_KIND_BOOL:
        return 1;
    case MF_KIND_VAR32:
    case MF_KIND_FIX32:
        return 4;
    case MF_KIND_BYTES:
        return sizeof(mayfly_bytes);
    default:
        return 8;
    }
}

static void fill_singular(const mf_plan_field *f, mf_entry *e)
{
    e->kind = e->base;
    if (f->presence_kind == MAYFLY_ONEOF) {
        e->kind = MF_KIND_PRESENCE;
        e->flags |= MF_ENTRY_ONEOF;
        e->presence = f->presence;
        e->has = f->number;
    } else if (f->presence_kind == MAYFLY_HASBIT) {
        e->presence = f->presence / 64 * 8;
        e->has = (uint64_t)1 << f->presence % 64;
        if (f->presence >= 64)
            e->kind = MF_KIND_PRESENCE;
    }
}

static void fill_repeated(const mf_plan_field *f, mf_entry *e)
{
    int repeated = e->base - MF_KIND_VAR32 + MF_KIND_REP_VAR32;

    if (!is_length_delimited(f->type)) {
        /* The entry is the packed form's; the loop falls back to the other. */
        e->other = (uint8_t)repeated;
        e->kind = (uint8_t)(e->base - MF_KIND_VAR32 + MF_KIND_PACK_VAR32);
    } else {
        e->kind = (uint8_t)repeated;
    }
    e->base = e->kind;
}

/* The bytes of a tag of one or two bytes, for staying on the same tag. */
static void fill_tag_bytes(mf_entry *e, uint32_t tag)
{
    if (tag < 0x80) {
        e->presence = tag;
        e->has = 0xff;
    } else if (tag < 0x4000) {
        e->presence = (tag & 0x7f) | 0x80 | tag >> 7 << 8;
        e->has = 0xffff;
    }
}

static int fill_entry(const mf_plan *plan, const struct place *places,
                      const mf_plan_field *f, mf_entry *e, mayfly_error *err)
{
    unsigned kind = kind_of(f->type);
    uint32_t wire_type = wire_type_of(kind);

    if (kind == MF_KIND_NONE || f->number == 0 || f->number >> 29)
        return mf_error_set(err, MAYFLY_EINVAL, "field %s has no wire form",
                            f->name);
    memset(e, 0, sizeof(*e));
    e->base = (uint8_t)kind;
    e->offset = f->offset;
    e->size = size_of(kind);
    if (f->type == MAYFLY_TYPE_SINT32 || f->type == MAYFLY_TYPE_SINT64)
        e->flags |= MF_ENTRY_ZIGZAG;
    if (f->flags & MAYFLY_FIELD_UTF8)
        e->flags |= MF_ENTRY_UTF8;
    if (kind == MF_KIND_MESSAGE) {
        if (f->message >= plan->n_messages)
            return mf_error_set(err, MAYFLY_EINVAL, "field %s has no message",
                                f->name);
        e->sub = places[f->message].offset;
        if (f->cardinality != MAYFLY_SINGULAR)
            e->size = plan->messages[f->message].size;
    }
    if (f->cardinality == MAYFLY_SINGULAR) {
        fill_singular(f, e);
    } else {
        fill_repeated(f, e);
        if (f->cardinality == MAYFLY_MAP)
            e->flags |= MF_ENTRY_MAP;
        if (e->other)
            wire_type = 2;
        fill_tag_bytes(e, f->number << 3 | (e->other ? wire_type_of(kind) : 2));
    }
    e->tag = f->number << 3 | wire_type;
    return 0;
}

static int fill_table(const mf_plan *plan, const struct place *places,
                      uint32_t index, mf_table *t, mayfly_error *err)
{
    const mf_plan_message *m = &plan->messages[index];

    t->size = m->size;
    t->unknown = m->unknown;
    t->n_direct = places[index].n_direct;
    t->flags = (m->is_map_entry ? MF_TABLE_ENTRY : 0) |
               (m->has_words ? MF_TABLE_HAS : 0);
    for (uint32_t i = 0; i < t->n_direct; i++)
        t->entries[i].tag = UINT32_MAX;
    for (uint32_t i = 0; i < m->n_fields; i++) {
        uint32_t number = m->fields[i].number;
        uint32_t at =
            number < t->n_direct ? number : t->n_direct + t->n_sparse++;
        int code =
            fill_entry(plan, places, &m->fields[i], &t->entries[at], err);

        if (code != 0)
            return code;
        if (m->fields[i].cardinality == MAYFLY_MAP)
            t->flags |= MF_TABLE_FINISH;
    }
    return 0;
}

static mf_table *table_at(uint8_t *base, uint32_t offset)
{
    return (mf_table *)(void *)(base + offset);
}

/* Marks all ways that lead to a map through singular messages: from each
 * message that is marked to those that have it as a field, which are `edges`.
 */
static void spread_finish(uint8_t *base, const mf_plan *plan,
                          struct place *places, struct edge *edges)
{
    uint32_t n_edges = 0, todo = NO_EDGE;

    for (uint32_t i = 0; i < plan->n_messages; i++)
        places[i].parents = NO_EDGE;
    for (uint32_t i = 0; i < plan->n_messages; i++) {
        const mf_plan_message *m = &plan->messages[i];

        for (uint32_t k = 0; k < m->n_fields; k++) {
            const mf_plan_field *f = &m->fields[k];

            if (f->type != MAYFLY_TYPE_MESSAGE ||
                f->cardinality != MAYFLY_SINGULAR)
                continue;
            edges[n_edges] =
                (struct edge){i, f->number, places[f->message].parents};
            places[f->message].parents = n_edges++;
        }
        if (table_at(base, places[i].offset)->flags & MF_TABLE_FINISH) {
            places[i].next = todo;
            todo = i;
        }
    }
    while (todo != NO_EDGE) {
        uint32_t child = todo;

        todo = places[child].next;
        for (uint32_t k = places[child].parents; k != NO_EDGE;
             k = edges[k].next) {
            struct place *parent = &places[edges[k].parent];
            mf_table *t = table_at(base, parent->offset);
            mf_entry *e =
                (mf_entry *)(uintptr_t)mf_table_find(t, edges[k].number);

            e->flags |= MF_ENTRY_FINISH;
            if (t->flags & MF_TABLE_FINISH)
                continue;
            t->flags |= MF_TABLE_FINISH;
            parent->next = todo;
            todo = edges[k].parent;
        }
    }
}

/* Where each table goes. Returns the block's size; 0: too large. */
static uint32_t lay_out(const mf_plan *plan, struct place *places)
{
    uint64_t at = sizeof(mf_tables) + (uint64_t)plan->n_messages * 4;

    for (uint32_t i = 0; i < plan->n_messages; i++) {
        const mf_plan_message *m = &plan->messages[i];
        uint32_t direct = direct_count(m), n = direct;

        for (uint32_t k = 0; k < m->n_fields; k++)
            n += m->fields[k].number >= direct;
        at = (at + 15) & ~(uint64_t)15;
        places[i].offset = (uint32_t)at;
        places[i].n_direct = direct;
        at += sizeof(mf_table) + (uint64_t)n * sizeof(mf_entry);
        if (at > INT32_MAX)
            return 0;
    }
    return (uint32_t)((at + 15) & ~(uint64_t)15);
}

static int build(const mf_plan *plan, struct place *places, struct edge *edges,
                 mf_buf *out, mayfly_error *err)
{
    static const uint8_t zeros[16];
    uint32_t bytes = lay_out(plan, places);
    mf_tables *head;
    uint8_t *base;

    if (bytes == 0)
        return mf_error_set(err, MAYFLY_ELIMIT, "decode tables: too large");
    mf_buf_put(out, zeros, (16 - out->len % 16) % 16);
    base = mf_buf_room(out, bytes);
    if (!base)
        return mf_buf_check(out, "decode tables", err);
    memset(base, 0, bytes);
    head = (mf_tables *)(void *)base;
    head->magic = MF_TABLES_MAGIC;
    head->variant = mf_has_fast_pext() ? MF_VARIANT_PEXT : MF_VARIANT_PLAIN;
    head->n_messages = plan->n_messages;
    head->bytes = bytes;
    for (uint32_t i = 0; i < plan->n_messages; i++) {
        mf_table *t = table_at(base, places[i].offset);
        int code = fill_table(plan, places, i, t, err);

        if (code != 0)
            return code;
        head->offsets[i] = places[i].offset;
    }
    spread_finish(base, plan, places, edges);
    out->len += bytes;
    return 0;
}

int mf_tables_build(const mf_plan *plan, mf_buf *out, mayfly_error *err)
{
    struct place *places;
    struct edge *edges;
    size_t n_edges = 1;
    int code;

    for (uint32_t i = 0; i < plan->n_messages; i++)
        n_edges += plan->messages[i].n_fields;
    places = mf_alloc_new(out->alloc,
                          ((size_t)plan->n_messages + 1) * sizeof(*places));
    edges = mf_alloc_new(out->alloc, n_edges * sizeof(*edges));
    if (places && edges)
        code = build(plan, places, edges, out, err);
    else
        code = mf_error_nomem(err, "decode tables");
    mf_alloc_free(out->alloc, places);
    mf_alloc_free(out->alloc, edges);
    return code;
}
