/*
 * compiler/kernel/tables.h: the data that the decode kernel runs.
 *
 * One block: a head, then a table per message. Everything inside is found by
 * byte offsets from the block's start, so the block may lie anywhere aligned
 * to 16.
 *
 *   mf_tables   magic, variant, n, offset of each message's table
 *   mf_table    size of the struct, flags, ...
 *     direct[]  entries by field number, for the low and dense numbers; a
 * number without a field has an entry whose tag no tag equals sparse[]  entries
 * sorted by field number, for the rest
 *
 * An entry says which tag it expects, what to do with the value (its kind) and
 * where that goes. It is 32 bytes, so that a lookup is one shift and an add.
 */
#ifndef MF_KERNEL_TABLES_H
#define MF_KERNEL_TABLES_H

#include <stddef.h>
#include <stdint.h>

enum { MF_TABLES_MAGIC = 0x3174666d };

/* Which build of the decode loop to run; found out once, when tables are made.
 */
enum mf_variant {
    MF_VARIANT_PLAIN = 0,
    MF_VARIANT_PEXT = 1 /* x86-64 with a fast pext instruction */
};

enum mf_kind {
    MF_KIND_NONE = 0,
    MF_KIND_PRESENCE, /* presence is outside has-bit word 0: set it, then `base`
                       */
    MF_KIND_VAR32,
    MF_KIND_VAR64,
    MF_KIND_BOOL,
    MF_KIND_FIX32,
    MF_KIND_FIX64,
    MF_KIND_BYTES, /* and strings: MF_ENTRY_UTF8 */
    MF_KIND_MESSAGE,
    MF_KIND_REP_VAR32,
    MF_KIND_REP_VAR64,
    MF_KIND_REP_BOOL,
    MF_KIND_REP_FIX32,
    MF_KIND_REP_FIX64,
    MF_KIND_REP_BYTES,
    MF_KIND_REP_MESSAGE, /* and maps: MF_ENTRY_MAP */
    MF_KIND_PACK_VAR32,
    MF_KIND_PACK_VAR64,
    MF_KIND_PACK_BOOL,
    MF_KIND_PACK_FIX32,
    MF_KIND_PACK_FIX64
};

enum mf_entry_flags {
    MF_ENTRY_ZIGZAG = 1u << 0, /* must be bit 0: it is used as a shift */
    MF_ENTRY_UTF8 = 1u << 1,
    MF_ENTRY_MAP = 1u << 2,
    MF_ENTRY_ONEOF =
        1u << 3, /* MF_KIND_PRESENCE: a oneof's case, not a has-bit */
    MF_ENTRY_FINISH = 1u << 4 /* a message whose table has MF_TABLE_FINISH */
};

typedef struct mf_entry {
    uint32_t tag;  /* number << 3 | wire type; UINT32_MAX: no field */
    uint8_t kind;  /* enum mf_kind */
    uint8_t base;  /* after MF_KIND_PRESENCE; else the same as kind */
    uint8_t other; /* kind in the other of packed and unpacked form; 0: none */
    uint8_t flags; /* enum mf_entry_flags */
    uint32_t offset; /* of the value in the struct */
    uint32_t
        presence;  /* offset of the has-bit word or of the oneof's case;
                      repeated: the tag's bytes on the wire, 0 if over two */
    uint64_t has;  /* the has-bit in its word, or 0; repeated: the mask of the
                      tag's bytes; oneof: the field's number */
    uint32_t sub;  /* messages: offset of their table in the block */
    uint32_t size; /* of one element; for messages the struct's */
} mf_entry;

enum mf_table_flags {
    MF_TABLE_ENTRY = 1u << 0,  /* a map entry: drops unknown fields */
    MF_TABLE_FINISH = 1u << 1, /* has maps, or singular messages that do */
    MF_TABLE_HAS = 1u << 2     /* has-bit word 0 is there */
};

typedef struct mf_table {
    uint32_t size;     /* of the struct */
    uint32_t unknown;  /* offset of its mayfly_unknown */
    uint32_t n_direct; /* field numbers below this are found directly */
    uint32_t n_sparse;
    uint32_t flags; /* enum mf_table_flags */
    uint32_t reserved[3];
    mf_entry entries[]; /* direct ones, then sparse ones */
} mf_table;

typedef struct mf_tables {
    uint32_t magic;
    uint32_t variant; /* enum mf_variant */
    uint32_t n_messages;
    uint32_t bytes;     /* of the block */
    uint32_t offsets[]; /* of the tables, by the plan's message index */
} mf_tables;

/* The entry of a field number, or NULL. */
static inline const mf_entry *mf_table_find(const mf_table *t, uint32_t number)
{
    const mf_entry *low, *high;

    if (number < t->n_direct)
        return t->entries[number].tag >> 3 == number ? &t->entries[number]
                                                     : NULL;
    low = t->entries + t->n_direct;
    high = low + t->n_sparse;
    while (low < high) {
        const mf_entry *middle = low + (high - low) / 2;

        if (middle->tag >> 3 == number)
            return middle;
        if (middle->tag >> 3 < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

#endif
