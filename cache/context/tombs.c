/*
 * cache/context/tombs.c: what stood where a context was.
 *
 * After an unload its addresses stay reserved for a while (the code zone sees
 * to that), so that a stale pointer faults. For whoever then asks what was
 * there, a record is kept apart from the context, which may be freed: version
 * and time, and a table with the context's name, its parts, and names by
 * offset. Units that are alike, as when one is loaded again and again, share a
 * table.
 *
 * The one who asks may be a signal handler that interrupted anything. So the
 * records are found through a fixed array of slots, one per process, by atomic
 * loads alone, and a record is complete before it gets a slot. Lookers count
 * themselves in and out; before the memory of a record that has lost its slot
 * is written again, nobody may be looking.
 *
 * The records of a host lie in a mapping of their own: a ring of records, and a
 * pool of tables that they count references to. It is bounded, the oldest give
 * way, and it is not of the host's allocator: nothing that an unloaded context
 * has taken there may stay. Where a unit's names do not all fit, those that the
 * user wrote come first, and what is found by the others is marked as doubtful.
 *
 * The slots are the only state of the process. Threads: any; one lock per host,
 * which lookers do not take.
 */
#include "cache/context/tombs.h"

#include "base/map.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    SLOTS = 1024,
    CONTEXT_MAX = 64, /* bytes of a context's name that are kept */
    TOMBS_DEFAULT = 64,
    BYTES_PER_TOMB = 256, /* of the pool */
    SHARE = 2,            /* of the pool, that a table may take: half of it */
    PARTS = MF_PART_DATA + 1,
    PATIENCE = 1000 /* times that lookers are waited for */
};

#define NO_TABLE UINT32_MAX

/* What names that mayfly made begin with; others are kept whole. */
static const char *const prefixes[] = {
    "", "mf_encode_", "mf_send_", "mf_receive_", "mf_serve_", "mf_reply_"};
enum { PREFIXES = sizeof prefixes / sizeof prefixes[0] };

typedef struct part {
    uint32_t at; /* from the unit's lowest address */
    uint32_t bytes;
} part;

typedef struct name_at {
    uint32_t offset; /* likewise */
    uint16_t text;   /* in the texts, zero-terminated */
    uint16_t prefix;
} name_at;

typedef struct table {
    uint32_t next;  /* at a higher place in the pool; NO_TABLE: none */
    uint32_t bytes; /* all of it */
    uint32_t refs;
    /* From here on tables that are alike are the same. */
    uint16_t n_names;
    uint16_t is_cut; /* not all names are here */
    part parts[PARTS];
    name_at names[]; /* by offset; then the context's name and their texts */
} table;

typedef struct record {
    uintptr_t low, high;
    uint64_t version;
    uint64_t at_ns;
    const table *table;
    uint32_t slot; /* SLOTS: nobody finds it */
} record;

struct mf_tombs {
    mf_alloc *alloc;
    pthread_mutex_t lock; /* for all below */
    uint8_t *map;
    size_t map_bytes;
    record *ring;  /* at the mapping's begin */
    size_t room;   /* records in the ring */
    size_t at, n;  /* the oldest, and how many */
    uint8_t *pool; /* behind the ring */
    size_t pool_bytes;
    uint32_t first; /* table in the pool, or NO_TABLE */
    size_t max;
    uint64_t age_ns;
};

/* Of the process: a fault handler has no handle of a host. */
static _Atomic(record *) slots[SLOTS];
static atomic_int lookers;

/* Whether nobody looks at what has no slot any more. */
static int nobody_looks(void)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (atomic_load(&lookers) == 0)
            return 1;
        sched_yield();
    }
    return 0; /* a thread is stopped in its handler */
}

/* --- records and tables -----------------------------------------------------
 */

static table *table_at(const mf_tombs *t, uint32_t at)
{
    return (table *)(void *)(t->pool + at);
}

static void drop_table(mf_tombs *t, uint32_t at)
{
    if (--table_at(t, at)->refs)
        return;
    uint32_t *link = &t->first;
    while (*link != at)
        link = &table_at(t, *link)->next;
    *link = table_at(t, at)->next;
}

static record *nth(mf_tombs *t, size_t i)
{
    return &t->ring[(t->at + i) % t->room];
}

/* Nobody finds it any more. */
static void hide(record *r)
{
    if (r->slot < SLOTS)
        atomic_store(&slots[r->slot], NULL);
    r->slot = SLOTS;
    if (atomic_load(&lookers) == 0) /* nor does a search for pointers */
        r->low = r->high = 0;
}

static void drop_oldest(mf_tombs *t)
{
    record *r = nth(t, 0);
    hide(r);
    drop_table(t, (uint32_t)((const uint8_t *)r->table - t->pool));
    t->at = (t->at + 1) % t->room;
    t->n--;
}

/* Lock held. */
static void expire(mf_tombs *t)
{
    uint64_t now = mf_clock_ns();
    int any = t->n != 0;
    while (t->n && (t->n > t->max || nth(t, 0)->slot == SLOTS ||
                    now - nth(t, 0)->at_ns >= t->age_ns))
        drop_oldest(t);
    if (any && !t->n && t->first == NO_TABLE && nobody_looks())
        madvise(t->map, t->map_bytes, MADV_DONTNEED);
}

/* The first place in the pool with so much room, and the table before it. */
static int find_room(const mf_tombs *t, size_t bytes, uint32_t *ret_before,
                     uint32_t *ret_at)
{
    size_t end = 0;
    uint32_t before = NO_TABLE, next = t->first;
    for (;;) {
        size_t limit = next == NO_TABLE ? t->pool_bytes : next;
        if (limit - end >= bytes) {
            *ret_before = before;
            *ret_at = (uint32_t)end;
            return 1;
        }
        if (next == NO_TABLE)
            return 0;
        before = next;
        end = next + table_at(t, next)->bytes;
        next = table_at(t, next)->next;
    }
}

/* The oldest records are dropped for it. NO_TABLE: there is no room. */
static uint32_t new_table(mf_tombs *t, size_t bytes)
{
    uint32_t before, at;
    while (!find_room(t, bytes, &before, &at)) {
        if (!t->n)
            return NO_TABLE;
        drop_oldest(t);
    }
    if (!nobody_looks())
        return NO_TABLE;
    table *to = table_at(t, at);
    memset(to, 0, bytes);
    to->bytes = (uint32_t)bytes;
    to->refs = 1;
    uint32_t *link =
        before == NO_TABLE ? &t->first : &table_at(t, before)->next;
    to->next = *link;
    *link = at;
    return at;
}

/* One that is alike and older instead of this one. */
static uint32_t shared(mf_tombs *t, uint32_t mine)
{
    const size_t head = offsetof(table, n_names);
    const table *m = table_at(t, mine);
    for (uint32_t at = t->first; at != NO_TABLE; at = table_at(t, at)->next) {
        table *other = table_at(t, at);
        if (at != mine && other->bytes == m->bytes &&
            memcmp((const char *)other + head, (const char *)m + head,
                   m->bytes - head) == 0) {
            other->refs++;
            drop_table(t, mine);
            return at;
        }
    }
    return mine;
}

/* --- a host's ---------------------------------------------------------------
 */

/* A mapping for so many records. 0: there is no memory. */
static int map_for(mf_tombs *t, size_t room)
{
    size_t ring = (room * sizeof(record) + 63) & ~(size_t)63;
    size_t bytes = ring + room * BYTES_PER_TOMB;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return 0;
    t->map = map;
    t->map_bytes = bytes;
    t->ring = map;
    t->room = room;
    t->pool = t->map + ring;
    t->pool_bytes = bytes - ring;
    return 1;
}

mf_tombs *mf_tombs_new(mf_alloc *alloc)
{
    mf_tombs *t = mf_alloc_zero(alloc, sizeof *t);
    if (!t)
        return NULL;
    t->alloc = alloc;
    t->max = TOMBS_DEFAULT;
    t->age_ns = UINT64_MAX;
    t->first = NO_TABLE;
    if (!map_for(t, TOMBS_DEFAULT))
        goto no_map;
    if (pthread_mutex_init(&t->lock, NULL) != 0)
        goto no_lock;
    return t;
no_lock:
    munmap(t->map, t->map_bytes);
no_map:
    mf_alloc_free(alloc, t);
    return NULL;
}

void mf_tombs_free(mf_tombs *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        hide(nth(t, i));
    if (nobody_looks()) /* else what it looks at is left to it */
        munmap(t->map, t->map_bytes);
    pthread_mutex_destroy(&t->lock);
    mf_alloc_free(t->alloc, t);
}

/* Moves to a larger mapping. Lock held. */
static int grow(mf_tombs *t, size_t room)
{
    mf_tombs old = {.map = t->map,
                    .map_bytes = t->map_bytes,
                    .ring = t->ring,
                    .room = t->room,
                    .pool = t->pool,
                    .pool_bytes = t->pool_bytes,
                    .at = t->at};
    if (!map_for(t, room))
        return MAYFLY_ENOMEM;
    memcpy(t->pool, old.pool, old.pool_bytes);
    t->at = 0;
    for (size_t i = 0; i < t->n; i++) {
        const record *from = nth(&old, i);
        record *to = &t->ring[i];
        *to = *from;
        to->table =
            table_at(t, (uint32_t)((const uint8_t *)from->table - old.pool));
        if (to->slot < SLOTS)
            atomic_store(&slots[to->slot], to);
    }
    if (nobody_looks())
        munmap(old.map, old.map_bytes);
    return 0;
}

void mf_tombs_memory(mf_tombs *t, const void **ret_at, size_t *ret_bytes)
{
    pthread_mutex_lock(&t->lock);
    *ret_at = t->map;
    *ret_bytes = t->map_bytes;
    pthread_mutex_unlock(&t->lock);
}

int mf_tombs_set(mf_tombs *t, size_t max, uint64_t age_ns)
{
    size_t room = max < SLOTS ? max : SLOTS;
    pthread_mutex_lock(&t->lock);
    t->max = max;
    t->age_ns = age_ns;
    expire(t);
    int code = room > t->room ? grow(t, room) : 0;
    pthread_mutex_unlock(&t->lock);
    return code;
}

void mf_tombs_trim(mf_tombs *t)
{
    pthread_mutex_lock(&t->lock);
    expire(t);
    pthread_mutex_unlock(&t->lock);
}

/* --- writing one down -------------------------------------------------------
 */

typedef struct range {
    uintptr_t at;
    size_t bytes;
} range;

static void add_range(void *state, enum mf_part kind, const void *at,
                      size_t bytes)
{
    range *ranges = state;
    if ((int)kind < PARTS && bytes && !ranges[kind].bytes)
        ranges[kind] = (range){(uintptr_t)at, bytes};
}

/* The lowest and highest address of all parts. 0: there is none, or they are
 * too far apart. */
static int span_of(const mf_payload *payload, range ranges[PARTS],
                   uintptr_t *ret_low, uintptr_t *ret_high)
{
    uintptr_t low = UINTPTR_MAX, high = 0;
    memset(ranges, 0, PARTS * sizeof ranges[0]);
    if (payload->parts)
        payload->parts(payload->unit, add_range, ranges);
    for (int i = 0; i < PARTS; i++) {
        if (!ranges[i].bytes)
            continue;
        if (ranges[i].at < low)
            low = ranges[i].at;
        if (ranges[i].at + ranges[i].bytes > high)
            high = ranges[i].at + ranges[i].bytes;
    }
    *ret_low = low;
    *ret_high = high;
    return low < high && high - low <= UINT32_MAX;
}

/* Counts first, then writes: what fits is the same both times. */
typedef struct writing {
    uintptr_t low, high;
    size_t room; /* for names and texts */
    size_t n, text_bytes;
    uint64_t last; /* the text before, hashed: stubs of a method share theirs */
    size_t last_at;
    uint16_t is_cut;
    table *to; /* NULL: counting */
    char *texts;
} writing;

static void add_name(void *state, const char *prefix, const char *text,
                     const void *address)
{
    writing *w = state;
    uintptr_t at = (uintptr_t)address;
    size_t i = 0;
    if (!text || at < w->low || at >= w->high)
        return;
    while (i < PREFIXES && strcmp(prefix, prefixes[i]) != 0)
        i++;
    size_t len = strlen(text) + 1;
    uint64_t hash = mf_hash(text, len);
    size_t bytes = w->n && hash == w->last ? 0 : len;
    if (i == PREFIXES || w->n == UINT16_MAX ||
        (w->n + 1) * sizeof(name_at) + w->text_bytes + bytes > w->room) {
        w->is_cut = 1;
        return;
    }
    if (bytes) {
        w->last = hash;
        w->last_at = w->text_bytes;
    }
    if (w->to) {
        memcpy(w->texts + w->last_at, text, bytes);
        w->to->names[w->n] = (name_at){(uint32_t)(at - w->low),
                                       (uint16_t)w->last_at, (uint16_t)i};
    }
    w->n++;
    w->text_bytes += bytes;
}

static int by_offset(const void *a, const void *b)
{
    uint32_t x = ((const name_at *)a)->offset, y = ((const name_at *)b)->offset;
    return x < y ? -1 : x > y;
}

/* Lock held. */
static uint32_t write_table(mf_tombs *t, const mf_payload *payload,
                            const char *name, uintptr_t low, uintptr_t high,
                            const range *ranges)
{
    size_t room = t->pool_bytes / SHARE - sizeof(table);
    size_t name_len = strnlen(name, CONTEXT_MAX - 1);
    writing w = {.low = low,
                 .high = high,
                 .room = room < UINT16_MAX ? room : UINT16_MAX,
                 .text_bytes = name_len + 1};
    writing again = w;
    if (payload->names)
        payload->names(payload->unit, add_name, &w);
    size_t bytes = sizeof(table) + w.n * sizeof(name_at) + w.text_bytes;
    uint32_t at = new_table(t, (bytes + 7) & ~(size_t)7);
    if (at == NO_TABLE)
        return at;
    table *to = table_at(t, at);
    to->n_names = (uint16_t)w.n;
    to->is_cut = w.is_cut;
    for (int i = 0; i < PARTS; i++)
        if (ranges[i].bytes)
            to->parts[i] = (part){(uint32_t)(ranges[i].at - low),
                                  (uint32_t)ranges[i].bytes};
    again.to = to;
    again.texts = (char *)(to->names + w.n);
    memcpy(again.texts, name, name_len);
    if (payload->names)
        payload->names(payload->unit, add_name, &again);
    qsort(to->names, to->n_names, sizeof(name_at), by_offset);
    return shared(t, at);
}

mf_tomb mf_tomb_prepare(mf_tombs *t, const mf_payload *payload,
                        const char *name, uint64_t version)
{
    range ranges[PARTS];
    mf_tomb tomb = {.version = version, .table = NO_TABLE};
    if (!span_of(payload, ranges, &tomb.low, &tomb.high))
        return tomb;
    pthread_mutex_lock(&t->lock);
    if (t->max)
        tomb.table = write_table(t, payload, name, tomb.low, tomb.high, ranges);
    pthread_mutex_unlock(&t->lock);
    return tomb;
}

/* Lock held. */
static void find_slot(record *r)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        record *none = NULL;
        if (atomic_load_explicit(&slots[i], memory_order_relaxed))
            continue;
        r->slot = i; /* before anybody sees it */
        if (atomic_compare_exchange_strong(&slots[i], &none, r))
            return;
    }
    r->slot = SLOTS;
}

void mf_tomb_set(mf_tombs *t, const mf_tomb *tomb)
{
    if (tomb->table == NO_TABLE)
        return;
    pthread_mutex_lock(&t->lock);
    if (t->n == t->room)
        drop_oldest(t);
    record *r = nth(t, t->n);
    if (t->max && nobody_looks()) {
        *r = (record){.low = tomb->low,
                      .high = tomb->high,
                      .version = tomb->version,
                      .at_ns = mf_clock_ns(),
                      .table = table_at(t, tomb->table)};
        t->n++;
        find_slot(r);
    } else {
        drop_table(t, tomb->table);
    }
    expire(t);
    pthread_mutex_unlock(&t->lock);
}

void mf_tombs_clear(mf_tombs *t, const mf_payload *payload)
{
    range ranges[PARTS];
    uintptr_t low, high;
    if (!span_of(payload, ranges, &low, &high))
        return;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->n; i++) {
        record *r = nth(t, i);
        if (r->low < high && low < r->high)
            hide(r);
    }
    expire(t);
    pthread_mutex_unlock(&t->lock);
}

/* --- looking ----------------------------------------------------------------
 */

static const char *const part_names[PARTS] = {
    [MF_PART_TEXT] = "text",
    [MF_PART_TABLES] = "codec tables",
    [MF_PART_CONSTANTS] = "constants",
    [MF_PART_DATA] = "data",
};

/* The last name at or before an offset. NULL: none. */
static const name_at *find_name(const table *in, size_t offset)
{
    uint32_t low = 0, high = in->n_names;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (in->names[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &in->names[low - 1] : NULL;
}

static void view(const record *r, size_t offset, mf_tomb_view *ret)
{
    const table *in = r->table;
    const char *texts = (const char *)(in->names + in->n_names);
    *ret = (mf_tomb_view){.context = texts,
                          .version = r->version,
                          .age_ns = mf_clock_ns() -
                                    r->at_ns, /* reads the clock, no more */
                          .what = "memory",
                          .offset = offset,
                          .may_be_other = in->is_cut};
    for (int i = 0; i < PARTS; i++) {
        const part *p = &in->parts[i];
        if (offset < p->at || offset - p->at >= p->bytes)
            continue;
        ret->what = part_names[i];
        ret->offset = offset - p->at;
        const name_at *n = find_name(in, offset);
        if (!n || n->offset < p->at) /* that one is of the part before */
            return;
        ret->name[0] = prefixes[n->prefix];
        ret->name[1] = texts + n->text;
        ret->offset = offset - n->offset;
        return;
    }
}

int mf_tomb_enter(const void *address, mf_tomb_view *ret)
{
    uintptr_t at = (uintptr_t)address;
    atomic_fetch_add(&lookers, 1);
    for (size_t i = 0; i < SLOTS; i++) {
        const record *r = atomic_load(&slots[i]);
        if (r && at >= r->low && at < r->high) {
            view(r, at - r->low, ret);
            return 1;
        }
    }
    return 0;
}

void mf_tomb_leave(void)
{
    atomic_fetch_sub(&lookers, 1);
}
