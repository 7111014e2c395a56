/* proxy/load/load.h: what every load has in common, with a schema or without.
 */
#ifndef MF_PROXY_LOAD_H
#define MF_PROXY_LOAD_H

#include "compiler/unit.h"
#include "proxy/host/host.h"
#include "proxy/load/sources.h"

#include <mayfly/source.h>

/* A unit that was made before its load began, with others. */
typedef struct mf_built {
    mf_unit *unit;
    mf_unit_report report;
} mf_built;

typedef struct mf_load {
    mf_sources sources; /* with the options */
    int begins;         /* constructors run at load */
    mf_heap *heap; /* with `schema`, where the sources were read before; ... */
    mf_schema *schema; /* ... both are taken over, whatever is returned */
    mf_built *built;   /* likewise, instead of these two; or NULL */
    void (*unloaded)(void *host,
                     mayfly_context *context); /* told so; or NULL */
} mf_load;

/* A schema that says nothing, for C source alone. */
extern const mayfly_source mf_load_no_schema;

void mf_built_free(mayfly_host *host, mf_built *built); /* NULL is allowed */

/* Whether a load with these options may begin. Errors: EINVAL, EUNSUPPORTED,
 * EFORKED, ECANCELLED. */
int mf_load_options_check(mayfly_host *host, const mayfly_load_options *options,
                          mayfly_error *err);

/* Errors: those of mayfly_load_file and mayfly_load_source. */
int mf_load_run(mayfly_host *host, const char *name, const mf_load *load,
                mayfly_context **ret_context, mayfly_error *err);

#endif
