/*
 * compiler/json/value.h: structs in memory, by their plan.
 *
 * For whoever reads and writes messages without compiled code: JSON, and field
 * paths (proxy/typed/dynamic_path.c).
 */
#ifndef MF_JSON_VALUE_H
#define MF_JSON_VALUE_H

#include "compiler/gen/plan.h"

bool mf_field_is_message(const mf_plan_field *f);

/* Bytes of one value of the field: a scalar, a mayfly_str, a whole message. */
size_t mf_value_size(const mf_plan *plan, const mf_plan_field *f);

/* The field's own bytes in a struct: value, array, or pointer to a message. */
void *mf_field_at(void *m, const mf_plan_field *f);
const void *mf_field_in(const void *m, const mf_plan_field *f);

/* Says that a singular field is set (messages: by the pointer, not here). */
void mf_field_mark(void *m, const mf_plan_field *f);

/* Whether a field is to be written: set, or not empty. */
bool mf_field_is_set(const mf_plan *plan, const void *m,
                     const mf_plan_field *f);

/* The message a singular message field points to, made when there is none.
 * NULL: no memory. */
void *mf_field_message(const mf_plan *plan, void *m, const mf_plan_field *f,
                       mayfly_arena *arena);

/* The key of a map's entry as bytes that can be compared; never NULL. */
const void *mf_entry_key(const mf_plan_field *key, const void *entry,
                         size_t *ret_len);

/* The type's name for messages: "int32". */
const char *mf_type_text(const mf_plan_field *f);

#endif
