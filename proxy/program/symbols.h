/* proxy/program/symbols.h: mayfly's public functions by name, for handler
 * source. */
#ifndef MF_PROXY_SYMBOLS_H
#define MF_PROXY_SYMBOLS_H

#include <mayfly/context.h>

/* All of them, sorted by name; static. */
const mayfly_symbol *mf_api_symbols(size_t *ret_n);

#endif
