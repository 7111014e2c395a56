/*
 * base/table.h: names to values, read without a lock.
 *
 * For what every call looks up and few change. A value brings its own key: the
 * bytes stay as long as it is in the table. The hash is keyed (mf_hash), so
 * names that a peer chooses cannot be made to collide.
 *
 * Threads: any. Reading is done between mf_grace_enter and mf_grace_leave of
 * the grace that the table was made with; changes take a lock of the table's,
 * and wait for readers where something is freed, so they must not be made
 * within.
 */
#ifndef MF_BASE_TABLE_H
#define MF_BASE_TABLE_H

#include "base/grace.h"

typedef struct mf_table mf_table;

mf_table *mf_table_new(mf_alloc *alloc, mf_grace *grace); /* NULL: no memory */
void mf_table_free(mf_table *t); /* not the values; NULL is allowed */

/* 0, MAYFLY_EEXIST (the key is there already) or MAYFLY_ENOMEM. */
int mf_table_add(mf_table *t, const void *key, size_t len, void *value);

/* Takes a key out and waits until nobody reads its value any more, which the
 * caller may then free. NULL: not there. */
void *mf_table_remove(mf_table *t, const void *key, size_t len);

/* In a section. NULL: not there. */
void *mf_table_find(const mf_table *t, const void *key, size_t len);

/* In a section: each value in turn, until `each` returns 1. What is added or
 * removed meanwhile may be told or not. Returns what `each` returned last. */
int mf_table_each(const mf_table *t, int (*each)(void *state, void *value),
                  void *state);

size_t mf_table_count(const mf_table *t);

/* What the table itself takes of its allocator. */
size_t mf_table_bytes(mf_table *t, size_t *ret_blocks);

#endif
