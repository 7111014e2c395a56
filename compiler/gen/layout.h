/*
 * compiler/gen/layout.h: where the members of a message's struct lie.
 */
#ifndef MF_GEN_LAYOUT_H
#define MF_GEN_LAYOUT_H

#include "compiler/gen/plan.h"

/* Size of a field's member: of the value, the pointer, or the array. Its
 * alignment is the same up to 8, and then 8. */
uint32_t mf_layout_size(unsigned type, unsigned cardinality);
uint32_t mf_layout_align(uint32_t size);

/* Size of one element of a repeated field; 0 for messages, whose plan knows. */
uint32_t mf_layout_element_size(unsigned type);

/* Whether the type is MESSAGE or GROUP. */
bool mf_layout_is_message(unsigned type);

/* The type's name in a schema, "int32"; "?" for a number that is no type. */
const char *mf_layout_type_text(unsigned type);

/* Gives the fields (sorted by number, presence kinds set, descriptors set)
 * their offsets and presence, and the message its size. Errors: ELIMIT, ENOMEM.
 */
int mf_layout_native(mf_plan_message *m, mayfly_arena *arena,
                     mayfly_error *err);

/*
 * The members of a struct in the order of their offsets, for whoever writes the
 * struct down. A union is one member with the fields `first` to `first + n - 1`
 * of `order`.
 */
typedef struct mf_member {
    enum { MF_MEMBER_FIELD, MF_MEMBER_UNION, MF_MEMBER_CASE } kind;
    uint32_t offset;
    uint32_t size;
    uint32_t first, n;     /* fields, by index into `order` */
    const char *case_name; /* of a case */
} mf_member;

typedef struct mf_members {
    uint32_t n;
    mf_member *members;
    const mf_plan_field **order;
} mf_members;

/* In the arena, which may be a short-lived one. Errors: ENOMEM; EINVAL when the
 * members overlap or leave room that a compiler would not leave. */
int mf_layout_members(const mf_plan_message *m, mayfly_arena *arena,
                      mf_members *ret, mayfly_error *err);

#endif
