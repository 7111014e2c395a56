/* compiler/schema/custom.h: the values of custom options, as wire bytes. */
#ifndef MF_SCHEMA_CUSTOM_H
#define MF_SCHEMA_CUSTOM_H

#include "compiler/schema/build.h"
#include "compiler/schema/wire.h"

/* Sets `o->wire` of an option of `all`, if the extension it names is defined.
 * Its name is looked up in `scope`; `message` is the name of the options
 * message. */
void mf_resolve_custom(mf_build *b, mf_draft_file *file, const char *message,
                       const char *scope, const mf_options *all, mf_option *o);

/* A scalar in the form it has on the wire. */
typedef struct mf_scalar {
    uint64_t bits;     /* of a varint or a fixed value */
    mayfly_bytes text; /* of a string or bytes */
} mf_scalar;

/* The value of an option, or of a part of an aggregate, for this field; NULL,
 * or what such a field takes ("a number", ...). */
const char *mf_scalar_of(const mf_field *f, const mf_option *value,
                         bool aggregate, mf_scalar *ret);
bool mf_scalar_is_infinite_or_nan(const char *word, double *ret);
unsigned mf_scalar_wire_type(const mf_field *f);
void mf_scalar_put(mf_buf *out, const mf_field *f, const mf_scalar *value);
bool mf_scalar_is_zero(const mf_scalar *value);

/* Appends the message that an aggregate's text describes, without a tag. False
 * after an error was told (at the option's value). */
bool mf_aggregate(mf_build *b, mf_draft_file *file, const mf_message *m,
                  const mf_option *o, mf_buf *out);

#endif
