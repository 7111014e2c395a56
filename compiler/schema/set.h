/*
 * compiler/schema/set.h: what has been seen while a list is walked.
 *
 * An open-addressed table in the scratch arena, of a fixed number of keys,
 * hashed with the process's key (base/map.h). Keys are borrowed. Nothing is
 * freed.
 */
#ifndef MF_SCHEMA_SET_H
#define MF_SCHEMA_SET_H

#include "compiler/schema/build.h"

typedef struct mf_set_slot {
    const void *key; /* NULL: free */
    size_t len;
    void *value;
} mf_set_slot;

typedef struct mf_set {
    mf_set_slot *slots;
    size_t mask;
} mf_set;

/* Room for `n` keys; false when memory is out. */
bool mf_set_init(mf_build *b, mf_set *set, size_t n);

/* The value of an equal key that was added before; else NULL, and the key is
 * added. */
void *mf_set_add(mf_set *set, const void *key, size_t len, void *value);

#endif
