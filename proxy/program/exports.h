/* proxy/program/exports.h: what a host exports to all source that is loaded. */
#ifndef MF_PROXY_EXPORTS_H
#define MF_PROXY_EXPORTS_H

#include "proxy/host/host.h"

#include <mayfly/context.h>

/* One state of the list; never changes. */
typedef struct mf_exports {
    atomic_uint refs;
    mf_alloc *alloc;
    size_t n;
    mayfly_symbol symbols[]; /* their names are behind them */
} mf_exports;

/* A reference to the list as it is now; NULL: it is empty. */
mf_exports *mf_exports_get(mayfly_host *host);
void mf_exports_unref(mf_exports *exports); /* NULL is allowed */

#endif
