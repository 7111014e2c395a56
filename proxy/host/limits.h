/* proxy/host/limits.h: a host's limits and a load's own. */
#ifndef MF_PROXY_LIMITS_H
#define MF_PROXY_LIMITS_H

#include "proxy/host/host.h"

/* A copy of what the options say, once they are checked. Errors: EINVAL. */
int mf_limits_read(const mayfly_host_options *options, mayfly_limits *ret,
                   mayfly_error *err);

/* As the compiler takes them. `limits` may be NULL. */
mf_cc_limits mf_limits_of_compile(const mayfly_limits *limits);

/* Hands the host's limits on; its parts are there. Errors: EINVAL. */
int mf_limits_apply(mayfly_host *host, const mayfly_limits *limits,
                    mayfly_error *err);

/* A load's own. Errors: EINVAL. */
int mf_limits_check(const mayfly_limits *limits, mayfly_error *err);

#endif
