/* proxy/load/sources.h: from what a caller names to a linked schema. */
#ifndef MF_PROXY_SOURCES_H
#define MF_PROXY_SOURCES_H

#include "base/alloc.h"
#include "compiler/schema/schema.h"

#include <mayfly/context.h>

typedef struct mf_sources {
    const char *const *paths; /* files on disk, ... */
    size_t n_paths;
    const mayfly_source *text; /* ... or one in memory */
    const mayfly_load_options *options;
    /* Told the text of each file that is read, by import name; or NULL. */
    void (*record)(void *state, const char *name, const char *text, size_t len);
    void *record_state;
} mf_sources;

/* Reads and links them with all they import; the schema and what reading takes
 * are in `alloc`. `ret_first` is the file that was named first. Errors: those
 * of mayfly_load_file. */
int mf_sources_read(const mf_sources *sources, mf_alloc *alloc,
                    mf_schema **ret_schema, const mf_file **ret_first,
                    mayfly_error *err);

/* `given` over the defaults; NULL: the defaults. Errors: EINVAL. */
int mf_load_options_read(const mayfly_load_options *given,
                         mayfly_load_options *ret, mayfly_error *err);

#endif
