/*
 * The presets: one place for what trades memory for time.
 *
 * Small gives back almost at once what a load or a burst has needed, fast keeps
 * it until the host has been idle for seconds. docs/presets.md has the same
 * table with what was measured, also for what is not in it because it made no
 * difference.
 */
#include "proxy/host/preset.h"

#include <mayfly/host.h>

enum { KIB = 1024, MIB = 1024 * KIB };

static const mf_tuning presets[] = {
    [MAYFLY_BALANCED] = {.workers = 4,
                         .idle_ms = 200,
                         .quarantine_max = 64,
                         .quarantine_ms = 60000,
                         .keeps_arena = 1,
                         .calls_kept = 256,
                         .large_keep = 16 * MIB,
                         .pool_keep = 1 * MIB},
    [MAYFLY_SMALL] = {.workers = 2,
                      .idle_ms = 20,
                      .quarantine_max = 16,
                      .quarantine_ms = 10000,
                      .keeps_arena = 0,
                      .calls_kept = 64,
                      .large_keep = 1 * MIB,
                      .pool_keep = 128 * KIB},
    [MAYFLY_FAST] = {.workers = 16,
                     .idle_ms = 10000,
                     .quarantine_max = 64,
                     .quarantine_ms = 60000,
                     .keeps_arena = 1,
                     .calls_kept = 1024,
                     .large_keep = 64 * MIB,
                     .pool_keep = 8 * MIB},
};

const mf_tuning *mf_tuning_of(int preset)
{
    int n = (int)(sizeof presets / sizeof presets[0]);
    return preset >= 0 && preset < n ? &presets[preset] : NULL;
}
