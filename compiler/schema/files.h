/*
 * compiler/schema/files.h: schema text from folders and from memory.
 *
 * An mf_schema_source over a list of include folders and a list of in-memory
 * files. Import names with "..", a leading slash, or a NUL byte are refused, so
 * a schema cannot read outside of the folders.
 */
#ifndef MF_SCHEMA_FILES_H
#define MF_SCHEMA_FILES_H

#include "compiler/schema/schema.h"

#include <mayfly/context.h>

typedef struct mf_files {
    mf_alloc *alloc;
    const char *const *dirs;
    size_t n_dirs;
    const mayfly_source *memory; /* looked at first */
    size_t n_memory;
    size_t file_bytes_max;
    /* Told each path that is looked for on disk, before that; or NULL. */
    mayfly_file_fn look;
    void *look_state;
} mf_files;

mf_schema_source mf_files_source(mf_files *files);

/* The import name of a path: the path below the first include folder that holds
 * it; with no folders, its last part. Errors: EINVAL (below none of
 * them, or an earlier folder has a file of that name). */
int mf_files_import_name(const mf_files *files, const char *path,
                         const char **ret_name, mayfly_error *err);

#endif
