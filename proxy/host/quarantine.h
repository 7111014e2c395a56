/* proxy/host/quarantine.h: how long addresses of unloaded contexts wait. */
#ifndef MF_PROXY_QUARANTINE_H
#define MF_PROXY_QUARANTINE_H

#include "proxy/host/host.h"

/* As the options say; zone and contexts are there. Errors: EINVAL, ENOMEM. */
int mf_quarantine_begin(mayfly_host *host, mayfly_error *err);

#endif
