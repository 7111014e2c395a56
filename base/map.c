/*
 * base/map.c: hash tables from byte strings to pointers, and the keyed hash.
 *
 * The one file that includes uthash.h. Taken as it comes, uthash ends the
 * process when memory is out and uses a hash whose collisions anybody can
 * compute. Here its memory is the caller's mf_alloc, its lack is an error, and
 * its hash is SipHash-2-4 (Aumasson and Bernstein, 2012) under a random key
 * made once per process: the key is the only state, and no table depends on its
 * value.
 *
 * Always true: an entry's key is a copy inside the entry, followed by a zero
 * byte; values are the caller's. uthash keeps entries in order of insertion.
 *
 * Threads: a map is used by one at a time; mf_hash by any.
 */
#include "base/map.h"

#include <mayfly/error.h>

#include <endian.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(bytes, n, ret) ((ret) = (unsigned)mf_hash((bytes), (n)))
/* every function below that can reach these has the map at hand as `m` */
#define uthash_malloc(size) mf_alloc_new(m->alloc, (size))
#define uthash_free(block, size) mf_alloc_free(m->alloc, (block))
#define uthash_nonfatal_oom(entry) ((void)(out_of_memory = 1))
#define uthash_fatal(text) ((void)(text))
#include <uthash.h>

struct mf_map_entry {
    UT_hash_handle hh;
    void *value;
    size_t len;    /* of the key */
    uint8_t key[]; /* len bytes and a zero */
};

struct mf_map {
    mf_alloc *alloc;
    mf_map_entry *head; /* uthash's handle: the oldest entry */
};

static uint64_t hash_key[2];
static pthread_once_t hash_key_made = PTHREAD_ONCE_INIT;

static void make_hash_key(void)
{
    if (getrandom(hash_key, sizeof hash_key, GRND_NONBLOCK) ==
        (ssize_t)sizeof hash_key)
        return;
    /* Without the system call: the 16 random bytes every process starts with.
     */
    const void *random = (const void *)getauxval(AT_RANDOM);
    if (random)
        memcpy(hash_key, random, sizeof hash_key);
    hash_key[0] ^= (uint64_t)(uintptr_t)&hash_key;
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

/* The last bytes, fewer than eight, and the length. */
static uint64_t last_word(const uint8_t *p, size_t left, size_t n)
{
    uint64_t word = (uint64_t)n << 56;
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

uint64_t mf_siphash(const uint64_t key[2], const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    size_t left = n;
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                     key[0] ^ 0x6c7967656e657261u,
                     key[1] ^ 0x7465646279746573u};

    for (; left >= 8; left -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        sip_word(v, le64toh(word));
    }
    sip_word(v, last_word(p, left, n));
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t mf_hash(const void *bytes, size_t n)
{
    pthread_once(&hash_key_made, make_hash_key);
    return mf_siphash(hash_key, bytes, n);
}

/* uthash's macros count in unsigned and compare pointers of their own making.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"

static mf_map_entry *find(const mf_map *m, const void *key, size_t len)
{
    mf_map_entry *e;
    if (!len) /* an empty key may be a null pointer */
        key = "";
    HASH_FIND(hh, m->head, key, (unsigned)len, e);
    return e;
}

/* 0, or 1 when memory is out: the entry is then not in the map. */
static int insert(mf_map *m, mf_map_entry *e)
{
    int out_of_memory = 0;
    HASH_ADD_KEYPTR(hh, m->head, e->key, (unsigned)e->len, e);
    return out_of_memory;
}

static void detach(mf_map *m, mf_map_entry *e)
{
    HASH_DELETE(hh, m->head, e);
}

static void clear(mf_map *m)
{
    mf_map_entry *e = m->head;
    HASH_CLEAR(hh, m->head);
    while (e) {
        mf_map_entry *next = e->hh.next;
        mf_alloc_free(m->alloc, e);
        e = next;
    }
}

#pragma GCC diagnostic pop

mf_map *mf_map_new(mf_alloc *alloc)
{
    mf_map *m = mf_alloc_zero(alloc, sizeof *m);
    if (m)
        m->alloc = alloc;
    return m;
}

void mf_map_free(mf_map *m)
{
    if (!m)
        return;
    clear(m);
    mf_alloc_free(m->alloc, m);
}

int mf_map_put(mf_map *m, const void *key, size_t len, void *value)
{
    if (len > UINT32_MAX / 2)
        return MAYFLY_ENOMEM;
    mf_map_entry *e = find(m, key, len);
    if (e) {
        e->value = value;
        return 0;
    }
    e = mf_alloc_new(m->alloc, sizeof *e + len + 1);
    if (!e)
        return MAYFLY_ENOMEM;
    memset(e, 0, sizeof *e);
    e->value = value;
    e->len = len;
    if (len)
        memcpy(e->key, key, len);
    e->key[len] = 0;
    if (insert(m, e) != 0) {
        mf_alloc_free(m->alloc, e);
        return MAYFLY_ENOMEM;
    }
    return 0;
}

void *mf_map_get(const mf_map *m, const void *key, size_t len)
{
    if (len > UINT32_MAX / 2)
        return NULL;
    const mf_map_entry *e = find(m, key, len);
    return e ? e->value : NULL;
}

void *mf_map_remove(mf_map *m, const void *key, size_t len)
{
    if (len > UINT32_MAX / 2)
        return NULL;
    mf_map_entry *e = find(m, key, len);
    if (!e)
        return NULL;
    void *value = e->value;
    detach(m, e);
    mf_alloc_free(m->alloc, e);
    return value;
}

size_t mf_map_count(const mf_map *m)
{
    return HASH_COUNT(m->head);
}

size_t mf_map_bytes(const mf_map *m, size_t *ret_blocks)
{
    size_t bytes = sizeof *m;
    *ret_blocks = 1;
    if (!m->head)
        return bytes;
    const UT_hash_table *t = m->head->hh.tbl;
    bytes += sizeof *t + t->num_buckets * sizeof(UT_hash_bucket);
    *ret_blocks += 2 + t->num_items;
    for (const mf_map_entry *e = m->head; e; e = e->hh.next)
        bytes += sizeof *e + e->len + 1;
    return bytes;
}

int mf_map_put_str(mf_map *m, const char *key, void *value)
{
    return mf_map_put(m, key, strlen(key), value);
}

void *mf_map_get_str(const mf_map *m, const char *key)
{
    return mf_map_get(m, key, strlen(key));
}

void *mf_map_remove_str(mf_map *m, const char *key)
{
    return mf_map_remove(m, key, strlen(key));
}

mf_map_entry *mf_map_first(const mf_map *m)
{
    return m->head;
}

mf_map_entry *mf_map_next(const mf_map_entry *e)
{
    return e->hh.next;
}

void *mf_map_entry_value(const mf_map_entry *e)
{
    return e->value;
}

const void *mf_map_entry_key(const mf_map_entry *e, size_t *ret_len)
{
    if (ret_len)
        *ret_len = e->len;
    return e->key;
}
