/* proxy/load/recipe_headers.h: what the C source of a load includes from its
 * caller.
 */
#ifndef MF_PROXY_RECIPE_HEADERS_H
#define MF_PROXY_RECIPE_HEADERS_H

#include "base/alloc.h"

#include <mayfly/context.h>

/* `name` is the one by which the compiler will ask; the text is good during the
 * callback. */
typedef void (*mf_header_fn)(void *state, const char *name, const char *text,
                             size_t len);

/* Calls `found` for each header that the options' handlers may include,
 * directly or by each other, from `include` and `header_dirs`. Errors: EIO (a
 * header cannot be read), ELIMIT, ENOMEM. */
int mf_headers_find(mf_alloc *alloc, const mayfly_load_options *options,
                    mf_header_fn found, void *state, mayfly_error *err);

#endif
