/*
 * What the versions of the handlers have in common: the state, which outlives
 * each of them, and what the host gives them.
 *
 * Versions run side by side for a while, so the state has a lock; and nothing
 * in it points to a version's code, variables or literals.
 */
#ifndef STATE_H
#define STATE_H

#include <mayfly/mayfly.h>

#include "counter.mf.h"

#include <pthread.h>

enum { LAYOUT = 1, NAMES_MAX = 100, NAME_MAX_BYTES = 40 };

typedef struct entry {
    char name[NAME_MAX_BYTES];
    long long count;
} entry;

typedef struct state {
    int layout; /* LAYOUT of the version that made it */
    pthread_mutex_t lock;
    int n;
    entry entries[NAMES_MAX];
} state;

void host_note(const char *text); /* prints a line */

#endif
