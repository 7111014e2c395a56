/*
 * compiler/arena/zone.c: the address range that compiled units live in.
 *
 * A range without access is reserved once. It is handed out in chunks, each
 * with a memory file of its own; a unit is a run of pages of a chunk. Its code
 * is written to the file with pwrite and mapped read-execute at the same
 * offset, so there is never a writable mapping of code, and neighbours in a
 * chunk are one mapping for the kernel. Chunks, rather than one file, so that
 * the size of the files follows what is used; they grow with the zone, so that
 * there are few.
 *
 * What is given back loses its memory at once (the file gets a hole, the pages
 * no access). Its addresses wait before they are used again (zone_wait.c), so
 * that a stale jump faults rather than runs something else. A chunk in
 * which nothing lives keeps its empty file until mf_zone_trim, but only one
 * does.
 *
 * Owns its range, chunks and files. Threads: any; one lock.
 */
#include "compiler/arena/zone_own.h"

#include "base/error.h"
#include "base/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define MIB ((size_t)1 << 20)
#define RESERVE_MIN (1024 * MIB)
#define RESERVE_LEAST (16 * MIB)
#define CHUNK_MIN MIB
#define CHUNK_MAX (64 * MIB)
#define MAX_DEFAULT (1024 * MIB)

typedef mf_zone_chunk chunk;

static size_t pages(const mf_zone *zone, size_t bytes)
{
    return (bytes + zone->page - 1) & ~(zone->page - 1);
}

/* A memory file that may be executed. Old kernels do not know the flag; where a
 * policy forbids it, a file without the execute bit can still be mapped. */
static int open_file(void)
{
    int fd = memfd_create("mayfly-code", MFD_CLOEXEC | MFD_EXEC);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("mayfly-code", MFD_CLOEXEC);
    if (fd < 0 && (errno == EACCES || errno == EPERM))
        fd = memfd_create("mayfly-code", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    return fd;
}

static void close_file(chunk *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->file_bytes = 0;
}

/* Errors: ENOMEM; ELIMIT where the range has no room for it. */
static int new_chunk(mf_zone *zone, size_t bytes, chunk **ret)
{
    size_t size = CHUNK_MIN;
    while (size < zone->used / 8 && size < CHUNK_MAX)
        size *= 2;
    if (size < bytes)
        size = (bytes + CHUNK_MIN - 1) / CHUNK_MIN * CHUNK_MIN;
    chunk *c = mf_alloc_zero(zone->alloc, sizeof *c);
    if (!c)
        return MAYFLY_ENOMEM;
    mf_extents_init(&c->free, zone->alloc);
    int code = mf_extents_promise(&c->free);
    if (code == 0)
        code = mf_extents_promise(&zone->space);
    if (code == 0 && !mf_extents_take(&zone->space, size, &c->at)) {
        mf_extents_unpromise(&zone->space);
        code = MAYFLY_ELIMIT;
    }
    if (code != 0) {
        mf_extents_done(&c->free);
        mf_alloc_free(zone->alloc, c);
        return code;
    }
    mf_extents_give(&c->free, 0, size);
    mf_extents_unpromise(&c->free);
    c->bytes = size;
    c->fd = -1;
    c->next = zone->chunks;
    zone->chunks = c;
    *ret = c;
    return 0;
}

static void drop_chunk(mf_zone *zone, chunk *c)
{
    chunk **at = &zone->chunks;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    close_file(c);
    mf_extents_give(&zone->space, c->at, c->bytes);
    mf_extents_unpromise(&zone->space);
    mf_extents_done(&c->free);
    mf_alloc_free(zone->alloc, c);
}

static chunk *chunk_of(mf_zone *zone, const uint8_t *base)
{
    size_t at = (size_t)(base - zone->base);
    chunk *c = zone->chunks;
    while (c && (at < c->at || at >= c->at + c->bytes))
        c = c->next;
    return c;
}

/* Chunks without life: one may keep its file, with nothing in it, if `spare`.
 */
static void sweep(mf_zone *zone, int spare)
{
    for (chunk *c = zone->chunks, *next; c; c = next) {
        next = c->next;
        if (c->live)
            continue;
        if (spare) {
            spare = 0;
            continue;
        }
        close_file(c);
        if (!c->waiting)
            drop_chunk(zone, c);
    }
}

int mf_zone_new(mf_alloc *alloc, size_t max_bytes, mf_zone **ret_zone,
                mayfly_error *err)
{
    if (max_bytes > SIZE_MAX / 8)
        return mf_error_set(err, MAYFLY_EINVAL, "the code zone is too large");
    mf_zone *zone = mf_alloc_zero(alloc, sizeof *zone);
    if (!zone)
        return mf_error_nomem(err, "the code zone");
    zone->alloc = alloc;
    zone->page = (size_t)sysconf(_SC_PAGESIZE);
    zone->made_under = mf_fork_generation();
    zone->max = max_bytes ? max_bytes : MAX_DEFAULT;
    zone->reserved = zone->max * 2 > RESERVE_MIN ? zone->max * 2 : RESERVE_MIN;
    zone->reserved = (zone->reserved + MIB - 1) / MIB * MIB;
    void *base;
    for (;;) {
        base = mmap(NULL, zone->reserved, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base != MAP_FAILED || zone->reserved <= RESERVE_LEAST)
            break;
        zone->reserved = (zone->reserved / 2 + MIB - 1) / MIB * MIB;
    }
    if (base == MAP_FAILED) {
        int code = errno;
        mf_alloc_free(alloc, zone);
        return mf_error_set(err, MAYFLY_ENOMEM,
                            "out of memory: addresses for the code zone: %s",
                            strerror(code));
    }
    zone->base = base;
    mf_extents_init(&zone->space, alloc);
    if (mf_zone_wait_init(zone) != 0 || mf_extents_promise(&zone->space) != 0) {
        mf_alloc_free(alloc, zone->queue);
        munmap(zone->base, zone->reserved);
        mf_alloc_free(alloc, zone);
        return mf_error_nomem(err, "the code zone");
    }
    /* No unit begins where the zone does: who looks for pointers into a unit
     * would find those to the zone. */
    mf_extents_give(&zone->space, zone->page, zone->reserved - zone->page);
    mf_extents_unpromise(&zone->space);
    pthread_mutex_init(&zone->lock, NULL);
    mf_unwind_add(&zone->unwind, zone->base, zone->reserved);
    mf_debugger_add(&zone->debugger, zone->base, zone->reserved);
    *ret_zone = zone;
    return 0;
}

void mf_zone_free(mf_zone *zone)
{
    if (!zone)
        return;
    mf_zone_wait_end(zone);
    mf_alloc_free(zone->alloc, zone->queue);
    while (zone->chunks)
        drop_chunk(zone, zone->chunks);
    mf_extents_done(&zone->space);
    mf_debugger_remove(&zone->debugger);
    mf_unwind_remove(&zone->unwind);
    munmap(zone->base, zone->reserved);
    pthread_mutex_destroy(&zone->lock);
    mf_alloc_free(zone->alloc, zone);
}

int mf_zone_set_max(mf_zone *zone, size_t max_bytes, mayfly_error *err)
{
    if (!max_bytes)
        max_bytes = MAX_DEFAULT < zone->reserved ? MAX_DEFAULT : zone->reserved;
    if (max_bytes > zone->reserved)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "code: the host has addresses for %zu bytes",
                            zone->reserved);
    pthread_mutex_lock(&zone->lock);
    zone->max = max_bytes;
    pthread_mutex_unlock(&zone->lock);
    return 0;
}

/* The first chunk that has room, made when there is none. */
static int take_pages(mf_zone *zone, size_t bytes, chunk **ret, size_t *ret_at)
{
    for (chunk *c = zone->chunks; c; c = c->next) {
        if (mf_extents_promise(&c->free) != 0)
            return MAYFLY_ENOMEM;
        if (mf_extents_take(&c->free, bytes, ret_at)) {
            *ret = c;
            return 0;
        }
        mf_extents_unpromise(&c->free);
    }
    chunk *c = NULL;
    int code = new_chunk(zone, bytes, &c);
    if (code == 0)
        code = mf_extents_promise(&c->free);
    if (code != 0)
        return code;
    mf_extents_take(&c->free, bytes, ret_at);
    *ret = c;
    return 0;
}

int mf_zone_take(mf_zone *zone, size_t code_bytes, size_t data_bytes,
                 mf_span *ret, mayfly_error *err)
{
    chunk *c = NULL;
    size_t at = 0;
    if (code_bytes > zone->reserved || data_bytes > zone->reserved)
        return mf_error_set(err, MAYFLY_ELIMIT, "code: the unit is too large");
    code_bytes = pages(zone, code_bytes);
    data_bytes = pages(zone, data_bytes);
    size_t bytes = code_bytes + data_bytes;
    if (!bytes)
        return mf_error_set(err, MAYFLY_EINVAL, "an empty unit");
    pthread_mutex_lock(&zone->lock);
    if (zone->used > zone->max || bytes > zone->max - zone->used) {
        size_t used = zone->used, max = zone->max;
        pthread_mutex_unlock(&zone->lock);
        return mf_error_set(err, MAYFLY_ELIMIT,
                            "code: %zu bytes more than the zone's %zu allow, "
                            "of which %zu are in use",
                            bytes, max, used);
    }
    mf_zone_wait_expire(zone);
    int code = take_pages(zone, bytes, &c, &at);
    if (code == MAYFLY_ELIMIT) {
        mf_zone_wait_end(zone);
        sweep(zone, 0);
        code = take_pages(zone, bytes, &c, &at);
    }
    if (code == 0) {
        c->live++;
        zone->used += bytes;
        ret->base = zone->base + c->at + at;
        ret->code_bytes = code_bytes;
        ret->data_bytes = data_bytes;
    }
    pthread_mutex_unlock(&zone->lock);
    if (code == MAYFLY_ENOMEM)
        return mf_error_nomem(err, "the code zone");
    if (code != 0)
        return mf_error_set(err, code,
                            "code: no room for %zu bytes in the zone", bytes);
    return 0;
}

void mf_zone_cut(mf_zone *zone, mf_span *span, size_t code_bytes,
                 size_t data_bytes)
{
    size_t had = span->code_bytes + span->data_bytes;
    code_bytes = pages(zone, code_bytes);
    data_bytes = pages(zone, data_bytes);
    size_t keeps = code_bytes + data_bytes;
    pthread_mutex_lock(&zone->lock);
    chunk *c = chunk_of(zone, span->base);
    if (c && keeps < had) {
        size_t at = (size_t)(span->base - zone->base) - c->at;
        mf_extents_give(&c->free, at + keeps, had - keeps);
        zone->used -= had - keeps;
    }
    span->code_bytes = code_bytes;
    span->data_bytes = data_bytes;
    pthread_mutex_unlock(&zone->lock);
}

static int write_all(int fd, const void *from, size_t n, size_t at)
{
    const char *p = from;
    while (n) {
        ssize_t wrote = pwrite(fd, p, n, (off_t)at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? errno : EIO;
        p += wrote;
        n -= (size_t)wrote;
        at += (size_t)wrote;
    }
    return 0;
}

static int no_access(void *at, size_t bytes)
{
    return mmap(at, bytes, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                0) != MAP_FAILED;
}

/* The lock is held. Returns an errno. */
static int fill(mf_zone *zone, chunk *c, const mf_span *span, const void *code,
                const void *data)
{
    size_t at = (size_t)(span->base - zone->base) - c->at;
    if (span->code_bytes) {
        if (c->fd < 0)
            c->fd = open_file();
        if (c->fd < 0)
            return errno;
        int failed = write_all(c->fd, code, span->code_bytes, at);
        if (at + span->code_bytes > c->file_bytes)
            c->file_bytes = at + span->code_bytes;
        if (failed)
            return failed;
        if (mmap(span->base, span->code_bytes, PROT_READ | PROT_EXEC,
                 MAP_PRIVATE | MAP_FIXED, c->fd, (off_t)at) == MAP_FAILED)
            return errno;
    }
    if (span->data_bytes) {
        uint8_t *to = span->base + span->code_bytes;
        if (mmap(to, span->data_bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) == MAP_FAILED) {
            int failed = errno;
            no_access(span->base, span->code_bytes);
            return failed;
        }
        memcpy(to, data, span->data_bytes);
    }
    return 0;
}

int mf_zone_fill(mf_zone *zone, const mf_span *span, const void *code,
                 const void *data, mayfly_error *err)
{
    pthread_mutex_lock(&zone->lock);
    chunk *c = chunk_of(zone, span->base);
    int failed = c ? fill(zone, c, span, code, data) : EINVAL;
    pthread_mutex_unlock(&zone->lock);
    if (failed == 0)
        return 0;
    if (failed == ENOMEM || failed == ENOSPC || failed == EMFILE ||
        failed == ENFILE)
        return mf_error_set(err, failed == ENOMEM ? MAYFLY_ENOMEM : MAYFLY_EIO,
                            "no memory for compiled code: %s",
                            strerror(failed));
    return mf_error_set(
        err, MAYFLY_EIO,
        "the system does not let this process have executable memory: %s",
        strerror(failed));
}

int mf_zone_split(mf_zone *zone, const mf_span *span, const size_t *bytes,
                  size_t n, mf_span *ret_spans, mayfly_error *err)
{
    size_t promised = 0, at = 0;
    pthread_mutex_lock(&zone->lock);
    chunk *c = chunk_of(zone, span->base);
    while (promised + 1 < n && mf_extents_promise(&c->free) == 0)
        promised++;
    int failed = promised + 1 < n;
    for (; failed && promised; promised--)
        mf_extents_unpromise(&c->free);
    c->live += promised;
    pthread_mutex_unlock(&zone->lock);
    if (failed)
        return mf_error_nomem(err, "the code zone");
    for (size_t i = 0; i < n; at += bytes[i++])
        ret_spans[i] = (mf_span){span->base + at, bytes[i], 0};
    return 0;
}

void mf_zone_give(mf_zone *zone, const mf_span *span)
{
    size_t bytes = span->code_bytes + span->data_bytes;
    if (!bytes)
        return;
    pthread_mutex_lock(&zone->lock);
    chunk *c = chunk_of(zone, span->base);
    if (c) {
        size_t at = (size_t)(span->base - zone->base) - c->at;
        int gone = no_access(span->base, bytes);
        c->live--;
        zone->used -= bytes;
        if (zone->made_under != mf_fork_generation()) {
            /* The parent's code is in the same file: only ours goes. */
            close_file(c);
        } else if (c->fd >= 0 && c->live == 0 && gone) {
            if (ftruncate(c->fd, 0) == 0)
                c->file_bytes = 0;
            else
                close_file(c);
        } else if (c->fd >= 0 && span->code_bytes) {
            fallocate(c->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      (off_t)at, (off_t)span->code_bytes);
        }
        /* Where the kernel would not split a mapping, the addresses are lost.
         */
        if (gone)
            mf_zone_wait_start(zone, c, at, bytes);
        sweep(zone, 1);
    }
    pthread_mutex_unlock(&zone->lock);
}

void mf_zone_trim(mf_zone *zone)
{
    pthread_mutex_lock(&zone->lock);
    mf_zone_wait_expire(zone);
    sweep(zone, 0);
    pthread_mutex_unlock(&zone->lock);
}
