/*
 * base/counts.h: how many registrations of each kind an owner has.
 *
 * Threads: any; one lock, taken where something is registered, never by a call.
 */
#ifndef MF_BASE_COUNTS_H
#define MF_BASE_COUNTS_H

#include "base/alloc.h"
#include "base/log.h"

typedef struct mf_counts mf_counts;
typedef struct mf_count mf_count; /* one kind of one owner's */

/* `log` (NULL: none) is told when a limit is crossed, and lives as long. NULL:
 * no memory. */
mf_counts *mf_counts_new(mf_alloc *alloc, const mf_log *log);
void mf_counts_free(mf_counts *t); /* everything was dropped; NULL is allowed */

/* 0: none. */
void mf_counts_set_limit(mf_counts *t, size_t limit);

/* Counts one more. `kind` is static; `owner` is copied (cut where it is long).
 * Without a table nothing is counted, and `*ret` is NULL. 0 or ENOMEM. */
int mf_counts_add(mf_counts *t, const char *kind, const char *owner,
                  mf_count **ret);
void mf_counts_drop(mf_count *count); /* NULL is allowed */

/* Calls back for each, in the order of their first registration. `each` takes
 * no lock and registers nothing. */
void mf_counts_each(mf_counts *t,
                    void (*each)(void *state, const mayfly_registration *r),
                    void *state);

#endif
