/* proxy/load/units.h: the host's cache of versions. */
#ifndef MF_PROXY_UNITS_H
#define MF_PROXY_UNITS_H

#include "cache/units/units.h"
#include "proxy/host/host.h"

/* Parts of the host's life: see mf_host_part. */
int mf_units_begin(mayfly_host *host, mayfly_error *err);
void mf_units_stop(mayfly_host *host);
void mf_units_done(mayfly_host *host);

#endif
