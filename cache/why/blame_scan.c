/*
 * cache/why/blame_scan.c: reading the process's mappings and its memory.
 *
 * Memory is read as a debugger would, by a copy through the kernel, so that a
 * mapping that vanishes, or a file that has become shorter, is a short read and
 * not a fault. Only pages that are present and that the process has written are
 * read: what was never touched, or is still as it is in a file, holds no
 * pointer that was made at run time, and reading it would give it memory.
 *
 * What stays true: nothing here allocates or takes a lock, for the other
 * threads may be stopped at any point. Words are looked at where they are
 * aligned; an unaligned pointer in a packed struct is missed.
 */
#include "cache/why/blame.h"

#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PAGE ((uintptr_t)4096)
#define GIB ((uint64_t)1 << 30)
#define LARGEST (1024 * GIB) /* such a mapping is a reservation, not memory */
#define UNSEEN_MAX (1 * GIB) /* most to read where pages are not known */
#define PAGE_PRESENT (3ull << 62) /* or swapped out */
#define PAGE_OF_FILE (1ull << 61)

uint64_t mf_blame_clock(void)
{
    struct timespec now = {0, 0};
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- the list of mappings ---------------------------------------------------
 */

typedef struct maps_reader {
    mf_blame *b;
    size_t at, len; /* in the window */
} maps_reader;

static int next_byte(maps_reader *r)
{
    if (r->at == r->len) {
        long n =
            syscall(SYS_read, r->b->maps_fd, r->b->window, sizeof r->b->window);
        if (n <= 0)
            return -1;
        r->at = 0;
        r->len = (size_t)n;
    }
    return r->b->window[r->at++];
}

static int read_hex(maps_reader *r, uintptr_t *ret)
{
    *ret = 0;
    for (;;) {
        int c = next_byte(r);
        if (c >= '0' && c <= '9')
            *ret = *ret << 4 | (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *ret = *ret << 4 | (uintptr_t)(c - 'a' + 10);
        else
            return c;
    }
}

/* The name, which begins after the fifth run of spaces, or is not there. */
static void read_name(maps_reader *r, mf_blame_map *m)
{
    mf_blame *b = r->b;
    int field = 2, c; /* before the offset */
    do
        c = next_byte(r);
    while (c >= 0 && c != '\n' && (c != ' ' || ++field < 5));
    while (c == ' ')
        c = next_byte(r);
    m->name = 0; /* an empty text */
    if (c < 0 || c == '\n')
        return;
    size_t start = b->n_text;
    while (c >= 0 && c != '\n') {
        if (b->n_text + 1 < sizeof b->text)
            b->text[b->n_text++] = (char)c;
        c = next_byte(r);
    }
    if (b->n_text + 1 < sizeof b->text) {
        b->text[b->n_text++] = '\0';
        m->name = (uint32_t)start;
    }
}

void mf_blame_read_maps(mf_blame *b)
{
    maps_reader r = {.b = b};
    b->n_map = 0;
    b->n_text = 1;
    syscall(SYS_lseek, b->maps_fd, 0L, SEEK_SET);
    while (b->n_map < MF_BLAME_MAPS) {
        mf_blame_map *m = &b->map[b->n_map];
        if (read_hex(&r, &m->at) != '-' || read_hex(&r, &m->end) != ' ')
            return;
        m->flags = 0;
        m->flags |= next_byte(&r) == 'r' ? MF_MAP_READ : 0u;
        m->flags |= next_byte(&r) == 'w' ? MF_MAP_WRITE : 0u;
        m->flags |= next_byte(&r) == 'x' ? MF_MAP_EXEC : 0u;
        m->flags |= next_byte(&r) == 's' ? MF_MAP_SHARED : 0u;
        next_byte(&r);
        read_name(&r, m);
        b->n_map++;
    }
}

const mf_blame_map *mf_blame_map_of(const mf_blame *b, uintptr_t at)
{
    size_t low = 0, high = b->n_map;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (b->map[mid].end <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low < b->n_map && b->map[low].at <= at ? &b->map[low] : NULL;
}

/* --- words ------------------------------------------------------------------
 */

const mf_blame_range *mf_blame_find(const mf_blame *b, uintptr_t value)
{
    if (value - b->low >= b->span)
        return NULL;
    for (size_t i = 0; i < b->n_target; i++)
        if (value >= b->target[i].at && value < b->target[i].end)
            return &b->target[i];
    return NULL;
}

void mf_blame_note(mf_blame *b, uintptr_t at, uintptr_t value, int32_t thread,
                   enum mf_blame_via via)
{
    if (!mf_blame_find(b, value))
        return;
    if (b->n_hit == MF_BLAME_HITS) {
        b->n_more++;
        return;
    }
    b->hit[b->n_hit++] = (mf_blame_hit){at, value, thread, via};
}

size_t mf_blame_peek(mf_blame *b, uintptr_t at, void *to, size_t n)
{
    struct iovec here = {to, n};
    struct iovec there = {(void *)at, n};
    long got =
        syscall(SYS_process_vm_readv, (long)b->pid, &here, 1L, &there, 1L, 0L);
    if (got <= 0 && b->mem_fd >= 0)
        got = syscall(SYS_pread64, b->mem_fd, to, n, at);
    return got > 0 ? (size_t)got : 0;
}

void mf_blame_scan(mf_blame *b, uintptr_t at, uintptr_t end, int32_t thread)
{
    enum mf_blame_via via = thread < 0 ? MF_BLAME_MEMORY : MF_BLAME_ON_STACK;
    at = (at + 7) & ~(uintptr_t)7;
    while (at + 8 <= end) {
        size_t n = end - at < sizeof b->window ? end - at : sizeof b->window;
        size_t got = mf_blame_peek(b, at, b->window, n);
        b->read_bytes += got;
        for (size_t i = 0; i + 8 <= got; i += 8) {
            uintptr_t value;
            memcpy(&value, b->window + i, sizeof value);
            if (value - b->low < b->span)
                mf_blame_note(b, at + i, value, thread, via);
        }
        if (got < n) { /* a page that cannot be read */
            uintptr_t next = ((at + got) & ~(PAGE - 1)) + PAGE;
            b->unread_bytes += next - (at + got);
            got = next - at;
        }
        at += got & ~(size_t)7;
    }
}

/* --- all memory -------------------------------------------------------------
 */

static int is_late(mf_blame *b)
{
    if (!b->timed_out && mf_blame_clock() >= b->deadline_ns)
        b->timed_out = 1;
    return b->timed_out;
}

static int wants_page(uint64_t entry, int shared)
{
    return (entry & PAGE_PRESENT) && (shared || !(entry & PAGE_OF_FILE));
}

/* A part of a mapping, by runs of pages that are to be read. */
static void scan_pages(mf_blame *b, uintptr_t at, uintptr_t end, int shared)
{
    while (at < end && !is_late(b)) {
        uintptr_t first = at / PAGE;
        size_t n = (end - 1) / PAGE - first + 1;
        if (n > sizeof b->pages / 8)
            n = sizeof b->pages / 8;
        long got = b->pagemap_fd < 0 ? -1
                                     : syscall(SYS_pread64, b->pagemap_fd,
                                               b->pages, n * 8, first * 8);
        if (got < 8) {
            if (end - at <= UNSEEN_MAX)
                mf_blame_scan(b, at, end, -1);
            else
                b->unread_bytes += end - at;
            return;
        }
        n = (size_t)got / 8;
        for (size_t i = 0; i < n && !is_late(b);) {
            size_t from = i;
            while (i < n && i - from < 64 && wants_page(b->pages[i], shared))
                i++;
            uintptr_t low = (first + from) * PAGE, high = (first + i) * PAGE;
            if (i > from)
                mf_blame_scan(b, low < at ? at : low, high > end ? end : high,
                              -1);
            while (i < n && !wants_page(b->pages[i], shared))
                i++;
        }
        at = (first + n) * PAGE;
    }
}

void mf_blame_sort_skips(mf_blame *b)
{
    mf_blame_span *s = b->skip;
    for (size_t gap = b->n_skip / 2; gap; gap /= 2) {
        for (size_t i = gap; i < b->n_skip; i++) {
            mf_blame_span moved = s[i];
            size_t k = i;
            for (; k >= gap && s[k - gap].at > moved.at; k -= gap)
                s[k] = s[k - gap];
            s[k] = moved;
        }
    }
}

/* Memory of the process's own; files and devices that are mapped shared hold no
 * pointers of it. */
static int wants_map(const mf_blame *b, const mf_blame_map *m)
{
    const char *name = b->text + m->name;
    if ((m->flags & (MF_MAP_READ | MF_MAP_WRITE)) !=
        (MF_MAP_READ | MF_MAP_WRITE))
        return 0;
    if (!(m->flags & MF_MAP_SHARED))
        return strncmp(name, "/dev/", 5) != 0 || strcmp(name, "/dev/zero") == 0;
    return !name[0] || strncmp(name, "/dev/zero", 9) == 0 ||
           strncmp(name, "/dev/shm/", 9) == 0 ||
           strncmp(name, "/memfd:", 7) == 0 || strncmp(name, "/SYSV", 5) == 0;
}

void mf_blame_scan_memory(mf_blame *b)
{
    mf_blame_sort_skips(b);
    size_t k = 0;
    for (size_t i = 0; i < b->n_map && !is_late(b); i++) {
        const mf_blame_map *m = &b->map[i];
        int shared = (m->flags & MF_MAP_SHARED) != 0;
        if (!wants_map(b, m))
            continue;
        if (m->end - m->at > LARGEST) {
            b->unread_bytes += m->end - m->at;
            continue;
        }
        uintptr_t at = m->at;
        while (k > 0 && b->skip[k - 1].end > at)
            k--;
        for (; k < b->n_skip && b->skip[k].at < m->end; k++) {
            if (b->skip[k].end <= at)
                continue;
            if (b->skip[k].at > at)
                scan_pages(b, at, b->skip[k].at, shared);
            at = b->skip[k].end;
        }
        if (at < m->end)
            scan_pages(b, at, m->end, shared);
    }
}
