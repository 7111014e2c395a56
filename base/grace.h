/*
 * base/grace.h: reading without locks, and waiting until nobody reads.
 *
 * What is looked up by every call is read between mf_grace_enter and
 * mf_grace_leave, which never block and write no line that other processors
 * write. Whoever takes something out of reach waits with mf_grace_wait: when it
 * returns, everybody who could have seen it has left, and it can be freed.
 *
 *     unsigned side = mf_grace_enter(g);
 *     thing *t = atomic_load(&pointer);    ... a few steps, nothing that blocks
 *     mf_grace_leave(g, side);
 *
 *     atomic_store(&pointer, other);
 *     mf_grace_wait(g);
 *     free(the one before);
 *
 * Threads: any; no thread registers. Sections nest. A section must not wait,
 * neither by mf_grace_wait nor for anyone who does.
 */
#ifndef MF_BASE_GRACE_H
#define MF_BASE_GRACE_H

#include "base/alloc.h"

typedef struct mf_grace mf_grace;

mf_grace *mf_grace_new(mf_alloc *alloc); /* NULL: no memory */
void mf_grace_free(mf_grace *g);         /* nobody reads; NULL is allowed */

/* The number returned goes to mf_grace_leave, on any thread. */
unsigned mf_grace_enter(mf_grace *g);
void mf_grace_leave(mf_grace *g, unsigned side);

/* Returns when every section that had begun has been left. */
void mf_grace_wait(mf_grace *g);

#endif
