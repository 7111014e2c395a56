/*
 * base/procmap.c: all mappings of the process, summed up by what they are for.
 *
 * /proc/self/smaps tells of each mapping its size, how much of it is in memory
 * and how much of that is dirty. Of anonymous mappings it does not tell whose
 * they are. mayfly's own are known by address; stacks are those that a thread's
 * stack pointer lies in; malloc's are [heap] and blocks of 64 MiB alignment, as
 * glibc makes them for threads; what follows a library's last mapping without a
 * gap is its zeroed variables. The rest stays anonymous.
 *
 * The kernel merges neighbours with the same rights, so one line may be of
 * several owners. Such a line is cut at the owners' bounds, and what is in
 * memory of each part is counted in /proc/self/pagemap.
 *
 * What stays true: sizes add up to all that is mapped, whatever is known of it.
 *
 * Threads: any.
 */
#include "base/procmap.h"

#include "base/procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IMAGES_MAX = 512, STACKS_MAX = 1024, PAGES_AT_ONCE = 512, KIB = 1024 };

#define PRESENT ((uint64_t)1 << 63)
#define MALLOC_ALIGN ((uintptr_t)64 << 20)

typedef struct vma {
    uintptr_t from, to;
    char rights[5];
    unsigned long inode;
    char path[128];
    uint64_t resident, dirty;
} vma;

/* What is known while the list is read. */
typedef struct reading {
    const mf_map_ranges *ranges;
    mf_map *map;
    int pagemap; /* descriptor, or -1 */
    size_t page;
    size_t n_images, n_stacks;
    unsigned long images[IMAGES_MAX]; /* inodes of files mapped executable */
    uintptr_t stacks[STACKS_MAX];     /* the threads' stack pointers */
    uintptr_t image_end;              /* of the last image's mapping */
    uintptr_t malloc_end;             /* of the last thread arena's range */
} reading;

const char *mf_map_type_name(enum mf_map_type type)
{
    static const char *const names[MF_MAP_TYPES] = {
        [MF_MAP_CODE] = "code zone",
        [MF_MAP_TOMBS] = "tombstones",
        [MF_MAP_ZONE_FREE] = "code zone, free",
        [MF_MAP_ARENAS] = "compile arenas",
        [MF_MAP_UNITS] = "schemas and plans",
        [MF_MAP_HEAP] = "heap",
        [MF_MAP_STACKS] = "stacks",
        [MF_MAP_IMAGES] = "images",
        [MF_MAP_FILES] = "files",
        [MF_MAP_MEMORY_FILES] = "memory files",
        [MF_MAP_KERNEL] = "kernel",
        [MF_MAP_ANONYMOUS] = "anonymous",
        [MF_MAP_NO_ACCESS] = "no access",
    };
    return names[type];
}

void mf_map_shrink(const mf_map *map, mf_map_kib *ret)
{
    for (int i = 0; i < MF_MAP_TYPES; i++) {
        const mf_map_sum *s = &map->sums[i];
        ret->sums[i] = (struct mf_map_kib_sum){
            (uint32_t)s->count, (uint32_t)(s->bytes / KIB),
            (uint32_t)(s->resident / KIB), (uint32_t)(s->dirty / KIB)};
    }
}

/* --- ranges ----------------------------------------------------------------
 */

void mf_map_ranges_init(mf_map_ranges *r, mf_alloc *alloc)
{
    memset(r, 0, sizeof *r);
    r->alloc = alloc;
}

void mf_map_ranges_done(mf_map_ranges *r)
{
    mf_alloc_free(r->alloc, r->items);
    mf_map_ranges_init(r, r->alloc);
}

void mf_map_ranges_add(mf_map_ranges *r, const void *at, size_t bytes,
                       enum mf_map_type type)
{
    if (!bytes)
        return;
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 64;
        mf_map_range *items =
            mf_alloc_resize(r->alloc, r->items, cap * sizeof *items);
        if (!items) {
            r->failed = 1;
            return;
        }
        r->items = items;
        r->cap = cap;
    }
    r->items[r->n++] =
        (mf_map_range){(uintptr_t)at, (uintptr_t)at + bytes, type};
}

static int compare(const void *a, const void *b)
{
    const mf_map_range *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    if (x->to != y->to)
        return x->to > y->to ? -1 : 1;
    return 0;
}

/* In order, and no two overlap. */
static void sort_ranges(mf_map_ranges *r)
{
    size_t kept = 0;
    if (r->n)
        qsort(r->items, r->n, sizeof r->items[0], compare);
    for (size_t i = 0; i < r->n; i++) {
        mf_map_range next = r->items[i];
        uintptr_t end = kept ? r->items[kept - 1].to : 0;
        if (next.from < end)
            next.from = end;
        if (next.from < next.to)
            r->items[kept++] = next;
    }
    r->n = kept;
}

/* The first range that ends behind `at`. */
static size_t range_behind(const mf_map_ranges *r, uintptr_t at)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->items[middle].to <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- what the kernel tells ---------------------------------------------------
 */

/* "55d0-55e0 r-xp 00001000 08:01 1234   /usr/bin/x" */
static int read_head(const char *line, vma *v)
{
    unsigned long from, to;
    int path_at = 0;
    memset(v, 0, sizeof *v);
    if (sscanf(line, "%lx-%lx %4s %*s %*s %lu %n", &from, &to, v->rights,
               &v->inode, &path_at) != 4)
        return 0;
    v->from = from;
    v->to = to;
    snprintf(v->path, sizeof v->path, "%s", line + path_at);
    return 1;
}

/* Files that are mapped executable somewhere are images everywhere. */
static void find_images(reading *r)
{
    mf_proc p;
    char line[256];
    vma v;
    if (!mf_proc_open(&p, "/proc/self/maps"))
        return;
    while (mf_proc_line(&p, line, sizeof line))
        if (read_head(line, &v) && v.rights[2] == 'x' && v.path[0] == '/' &&
            strncmp(v.path, "/memfd:", 7) != 0 && r->n_images < IMAGES_MAX)
            r->images[r->n_images++] = v.inode;
    mf_proc_close(&p);
}

/* The last two words of a thread's `syscall` file are its stack pointer and
 * where it is; of a thread that runs, this one among them, it says so only. */
static void find_stacks(reading *r)
{
    mf_proc_dir d;
    int id;
    char path[64], line[256];
    r->stacks[r->n_stacks++] = (uintptr_t)__builtin_frame_address(0);
    if (!mf_proc_dir_open(&d, "/proc/self/task"))
        return;
    while (r->n_stacks < STACKS_MAX && mf_proc_dir_next(&d, &id)) {
        mf_proc p;
        snprintf(path, sizeof path, "/proc/self/task/%d/syscall", id);
        if (!mf_proc_open(&p, path))
            continue;
        if (mf_proc_line(&p, line, sizeof line)) {
            char *last = strrchr(line, ' ');
            if (last)
                *last = '\0';
            char *sp = strrchr(line, ' ');
            if (last && sp)
                r->stacks[r->n_stacks++] = strtoull(sp + 1, NULL, 16);
        }
        mf_proc_close(&p);
    }
    mf_proc_dir_close(&d);
}

static int is_image(const reading *r, const vma *v)
{
    for (size_t i = 0; i < r->n_images; i++)
        if (r->images[i] == v->inode)
            return 1;
    return 0;
}

static int is_stack(const reading *r, const vma *v)
{
    for (size_t i = 0; i < r->n_stacks; i++)
        if (r->stacks[i] >= v->from && r->stacks[i] < v->to)
            return 1;
    return 0;
}

/* Of a mapping that nobody told of. */
static enum mf_map_type guess(reading *r, const vma *v)
{
    int no_access = strncmp(v->rights, "---", 3) == 0;
    if (strncmp(v->path, "/memfd:", 7) == 0)
        return MF_MAP_MEMORY_FILES;
    if (v->path[0] == '/') {
        if (!is_image(r, v))
            return MF_MAP_FILES;
        r->image_end = v->to;
        return MF_MAP_IMAGES;
    }
    if (strcmp(v->path, "[heap]") == 0)
        return MF_MAP_HEAP;
    if (strncmp(v->path, "[stack", 6) == 0 || is_stack(r, v))
        return MF_MAP_STACKS;
    if (v->path[0] == '[' && strncmp(v->path, "[anon", 5) != 0)
        return MF_MAP_KERNEL;
    if (v->from == r->image_end && v->rights[1] == 'w')
        return MF_MAP_IMAGES;
    if (v->from % MALLOC_ALIGN == 0 && v->rights[1] == 'w' &&
        v->to - v->from <= MALLOC_ALIGN) {
        r->malloc_end = v->from + MALLOC_ALIGN;
        return MF_MAP_HEAP;
    }
    if (no_access && v->to <= r->malloc_end)
        return MF_MAP_HEAP; /* the rest of the same arena */
    return no_access ? MF_MAP_NO_ACCESS : MF_MAP_ANONYMOUS;
}

static uint64_t present_bytes(const reading *r, uintptr_t from, uintptr_t to)
{
    uint64_t entries[PAGES_AT_ONCE], n = 0;
    for (uintptr_t at = from; at < to;) {
        size_t pages = (to - at) / r->page;
        if (pages > PAGES_AT_ONCE)
            pages = PAGES_AT_ONCE;
        ssize_t got = pread(r->pagemap, entries, pages * sizeof entries[0],
                            (off_t)(at / r->page * sizeof entries[0]));
        if (got <= 0)
            break;
        pages = (size_t)got / sizeof entries[0];
        for (size_t i = 0; i < pages; i++)
            n += (entries[i] & PRESENT) != 0;
        at += pages * r->page;
    }
    return n * r->page;
}

/* --- summing up
 * --------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void add_part(reading *r, vma *v, uintptr_t from, uintptr_t to,
                     enum mf_map_type type)
{
    mf_map_sum *s = &r->map->sums[type];
    int whole = from == v->from && to == v->to;
    uint64_t resident = v->resident, dirty = v->dirty;
    if (!whole && resident) {
        resident = least(resident, present_bytes(r, from, to));
        dirty = least(dirty, resident);
    }
    s->count++;
    s->bytes += to - from;
    s->resident += resident;
    s->dirty += dirty;
    v->resident -= resident; /* what is left is of the other parts */
    v->dirty -= dirty;
}

static void add_vma(reading *r, vma *v)
{
    const mf_map_ranges *known = r->ranges;
    enum mf_map_type rest = MF_MAP_TYPES;
    vma left = *v;
    uintptr_t at = v->from;
    r->map->mappings++;
    for (size_t i = range_behind(known, at); at < v->to; i++) {
        uintptr_t from = i < known->n ? known->items[i].from : v->to;
        if (from > v->to)
            from = v->to;
        if (from > at) { /* a part that nobody knows */
            if (rest == MF_MAP_TYPES)
                rest = guess(r, v);
            add_part(r, &left, at, from, rest);
            at = from;
        }
        if (at < v->to) {
            uintptr_t to = known->items[i].to;
            if (to > v->to)
                to = v->to;
            add_part(r, &left, at, to, known->items[i].type);
            at = to;
        }
    }
}

void mf_map_read(mf_map_ranges *ranges, mf_map *ret)
{
    mf_proc p;
    char line[256];
    vma v = {0}, next;
    reading r = {.ranges = ranges, .map = ret};
    memset(ret, 0, sizeof *ret);
    sort_ranges(ranges);
    r.page = (size_t)sysconf(_SC_PAGESIZE);
    find_images(&r);
    find_stacks(&r);
    r.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (mf_proc_open(&p, "/proc/self/smaps")) {
        while (mf_proc_line(&p, line, sizeof line)) {
            uint64_t kib;
            if (mf_proc_figure(line, "Rss:", &kib)) {
                v.resident = kib * KIB;
            } else if (mf_proc_figure(line, "Private_Dirty:", &kib)) {
                v.dirty = kib * KIB;
            } else if (line[0] > 'Z' || line[0] < 'A') {
                if (!read_head(line, &next))
                    continue;
                if (v.to)
                    add_vma(&r, &v);
                v = next;
            }
        }
        if (v.to)
            add_vma(&r, &v);
        mf_proc_close(&p);
    }
    if (r.pagemap >= 0)
        close(r.pagemap);
}
