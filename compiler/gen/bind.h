/*
 * compiler/gen/bind.h: the parts of binding, for each other.
 */
#ifndef MF_GEN_BIND_H
#define MF_GEN_BIND_H

#include "compiler/gen/plan.h"

/* Whether the tables of a layout, and of one of its messages, hold together as
 * far as one can see without following them. Errors: EINVAL. */
int mf_bind_check_layout(const mayfly_layout *layout, mayfly_error *err);
int mf_bind_check_message(const mayfly_message_layout *m, mayfly_error *err);

/* Whether the header's field and the schema's agree on the wire; messages are
 * compared by whoever asks. Errors: EINCOMPATIBLE, which names the field. */
int mf_bind_check_field(const mf_plan_message *m, const mf_plan_field *f,
                        const mf_field *schema_field, mayfly_error *err);

#endif
