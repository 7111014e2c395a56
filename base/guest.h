/*
 * base/guest.h: what mayfly must know about the process it is a guest in.
 */
#ifndef MF_BASE_GUEST_H
#define MF_BASE_GUEST_H

#include <mayfly/error.h>

/* A number that differs in a forked child: root objects keep the one they were
 * made under and compare. Costs a load or two: a page that the kernel wipes in the
 * child (MADV_WIPEONFORK) tells that a fork happened; no atfork hook is set. */
unsigned mf_fork_generation(void);

/* MAYFLY_EFORKED with a text when `made_under` is not today's generation. */
int mf_fork_check(unsigned made_under, mayfly_error *err);

#endif
