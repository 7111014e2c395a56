/* proxy/load.h: what every load has in common, with a schema or without. */
#ifndef MF_PROXY_LOAD_H
#define MF_PROXY_LOAD_H

#include "compiler/unit.h"
#include "proxy/host.h"
#include "proxy/sources.h"

#include <mayfly/source.h>

typedef struct mf_load {
    mf_sources sources; /* with the options */
    int begins;         /* constructors run at load */
} mf_load;

/* Errors: those of mayfly_load_file and mayfly_load_source. */
int mf_load_run(mayfly_host *host, const char *name, const mf_load *load,
                mayfly_context **ret_context, mayfly_error *err);

#endif
