/*
 * proxy/transport/flood.h: how much a peer may ask for without use.
 *
 * Frames that only make work (pings, settings, empty data, window updates) are
 * counted, and so are streams that we had to reset for a fault. Useful frames
 * and time count them down. Pure; clocks are passed in.
 */
#ifndef MF_PROXY_FLOOD_H
#define MF_PROXY_FLOOD_H

#include <stdint.h>

typedef struct mf_flood { /* starts zeroed */
    uint64_t now_ms;
    uint64_t resets_ms; /* when `resets` was last counted down */
    uint32_t noise;
    uint32_t resets;
} mf_flood;

void mf_flood_pass(mf_flood *flood, uint64_t now_ms);
void mf_flood_useful(mf_flood *flood);
int mf_flood_useless(mf_flood *flood); /* 1: that was too much */
int mf_flood_reset(mf_flood *flood);   /* 1: that was too much */

#endif
