/* compiler/schema/builtin.h: the files that need no file. */
#ifndef MF_SCHEMA_BUILTIN_H
#define MF_SCHEMA_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>

#define MF_BUILTIN_DESCRIPTOR "google/protobuf/descriptor.proto"

/* The text of a built-in file; NULL: no such. Static. */
const char *mf_builtin_text(const char *name, size_t *ret_len);
bool mf_builtin_is(const char *name);

#endif
