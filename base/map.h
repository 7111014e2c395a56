/*
 * base/map.h: hash tables from byte strings to pointers.
 *
 * The only file of mayfly that includes uthash.h is base/map.c. Its hash is
 * keyed per process (SipHash with a random key), so names chosen by a peer
 * cannot make chains; lack of memory is an error, never an exit. Keys are
 * copied. Iteration is in the order of insertion. One thread at a time.
 */
#ifndef MF_BASE_MAP_H
#define MF_BASE_MAP_H

#include "base/alloc.h"

#include <stdint.h>

typedef struct mf_map mf_map;
typedef struct mf_map_entry mf_map_entry;

mf_map *mf_map_new(mf_alloc *alloc); /* NULL: no memory */
void mf_map_free(mf_map *m);         /* frees the entries, not the values */

/* Sets the value of a key, new or known. 0 or MAYFLY_ENOMEM. */
int mf_map_put(mf_map *m, const void *key, size_t len, void *value);
void *mf_map_get(const mf_map *m, const void *key, size_t len); /* or NULL */
void *mf_map_remove(mf_map *m, const void *key, size_t len);    /* its value */
size_t mf_map_count(const mf_map *m);

/* The same for zero-terminated keys. */
int mf_map_put_str(mf_map *m, const char *key, void *value);
void *mf_map_get_str(const mf_map *m, const char *key);
void *mf_map_remove_str(mf_map *m, const char *key);

/* What the map itself takes of its allocator. */
size_t mf_map_bytes(const mf_map *m, size_t *ret_blocks);

/* for (e = mf_map_first(m); e; e = mf_map_next(e)) ...; the entry at hand may
 * be removed when `next` was taken before. */
mf_map_entry *mf_map_first(const mf_map *m);
mf_map_entry *mf_map_next(const mf_map_entry *e);
void *mf_map_entry_value(const mf_map_entry *e);
const void *mf_map_entry_key(const mf_map_entry *e, size_t *ret_len);

/* The keyed hash itself, for tables that are not an mf_map. */
uint64_t mf_hash(const void *bytes, size_t n);

/* SipHash-2-4 under a given key. */
uint64_t mf_siphash(const uint64_t key[2], const void *bytes, size_t n);

#endif
