/*
 * compiler/schema/symbols.h: names and what they mean.
 *
 * One table for the whole schema, as in protoc: two files may not define the
 * same name, even where neither sees the other. Which names a file may use is
 * another matter: its own, those of its imports, and of what those import
 * publicly.
 */
#ifndef MF_SCHEMA_SYMBOLS_H
#define MF_SCHEMA_SYMBOLS_H

#include "compiler/schema/build.h"

/* Adds the file's packages, types, fields, services; tells names that are
 * defined twice. */
void mf_symbols_add_file(mf_build *b, mf_draft_file *file);

/* Marks what mf_symbols_resolve may find from this file. */
void mf_symbols_set_view(mf_build *b, mf_draft_file *file);

/*
 * What a name written in `scope` (the full name of what it stands in, not "")
 * means: the innermost scope that has the name's first part decides; a leading
 * dot means the full name. With `types_only`, a name of one part passes over
 * what is no type. NULL: nothing visible; `*ret_hidden` is then the file that
 * defines the name without being imported, or NULL.
 */
const mf_draft_symbol *mf_symbols_resolve(mf_build *b, mf_draft_file *file,
                                          const char *scope, const char *name,
                                          bool types_only,
                                          mf_draft_file **ret_hidden);

#endif
