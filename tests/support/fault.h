/*
 * tests/support/fault.h: an allocator that fails when it is told to.
 *
 * fault_each runs a piece of work with no failure to count its allocations,
 * then once for every allocation with that one failing, then again with that
 * one and all later ones failing. Each run must end with 0 or an error of lack
 * of memory, and must have given back every block.
 */
#ifndef TESTS_SUPPORT_FAULT_H
#define TESTS_SUPPORT_FAULT_H

#include <mayfly/host.h>

#include <stdatomic.h>

typedef struct fault {
    atomic_long seen;    /* allocations and resizes asked for */
    atomic_long live;    /* blocks in use */
    atomic_long refused; /* how many were failed */
    atomic_long fail_at; /* which one to fail, from 1; 0: none */
    atomic_int for_ever; /* and all after it */
} fault;

void fault_init(fault *f, long fail_at, int for_ever);

/* The table to give to a host or to mf_alloc_init; `f` must outlive it. */
mayfly_allocator fault_table(fault *f);

/* `run` does the work with the given table and returns 0 or a negative code.
 * Fails the cmocka test that calls this when a rule above is broken. Returns
 * how many allocations the work makes. */
typedef int (*fault_run_fn)(const mayfly_allocator *table, void *state);
long fault_each(fault_run_fn run, void *state);

#endif
