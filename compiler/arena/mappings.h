/*
 * compiler/arena/mappings.h: the process keeps mappings to spare.
 *
 * Threads: any.
 */
#ifndef MF_ARENA_MAPPINGS_H
#define MF_ARENA_MAPPINGS_H

#include <mayfly/error.h>

#include <stdatomic.h>
#include <stddef.h>

typedef struct mf_mappings {
    atomic_long budget; /* that may be made before they are counted again */
} mf_mappings;

/* Asks for what one compile may add. `spare`: how many the process must have
 * left; 0: 4096. Errors: ELIMIT. */
int mf_mappings_allow(mf_mappings *m, size_t spare, mayfly_error *err);
/* The bound has changed. */
void mf_mappings_recount(mf_mappings *m);

#endif
