/*
 * proxy/host/preset.h: what a host keeps and for how long.
 *
 * A preset is a row of a table. What can also be said by an option is filled
 * into the host's options where they are 0; the rest is read from the host's
 * tuning by whoever keeps something.
 */
#ifndef MF_PROXY_PRESET_H
#define MF_PROXY_PRESET_H

#include <stddef.h>

typedef struct mf_tuning {
    unsigned workers;
    unsigned idle_ms;
    unsigned quarantine_max, quarantine_ms;
    int keeps_arena;     /* a compile arena stays hot until the host is idle */
    unsigned calls_kept; /* of each loop, with their first chunk */
    size_t large_keep;   /* large blocks of calls */
    size_t pool_keep;    /* of a user's pool that does not say */
} mf_tuning;

/* `preset` is of enum mayfly_preset; NULL: there is no such. */
const mf_tuning *mf_tuning_of(int preset);

#endif
