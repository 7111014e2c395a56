/* proxy/host/memory.h: a memory report before it is text or JSON. */
#ifndef MF_PROXY_MEMORY_H
#define MF_PROXY_MEMORY_H

#include "base/buf.h"
#include "base/census.h"
#include "base/proclist.h"
#include "base/procmap.h"
#include "compiler/arena/cc.h"

#include <mayfly/memory.h>

enum { MF_REPORT_ARENAS = 8, MF_REPORT_THREADS = 256 };

/* Of one compile arena. */
typedef struct mf_report_arena {
    int is_hot;
    int busy; /* a compile is under way: `space` is not known */
    mf_carena_space space;
} mf_report_arena;

struct mayfly_memory_report {
    mf_alloc *alloc;
    void *keeps; /* the host, whose allocator this is */
    unsigned parts;
    const char *of; /* "host", "context" */
    char name[64];  /* the context's, cut */
    size_t contexts;
    mf_census census; /* all of it, before the filters */
    size_t n_rows;
    mayfly_memory_row rows[MF_CENSUS_ROWS]; /* filtered, sorted */
    mf_map map;
    mf_zone_space zone;
    size_t n_arenas; /* may be more than are listed */
    mf_report_arena arenas[MF_REPORT_ARENAS];
    size_t n_threads; /* likewise */
    mf_thread_info threads[MF_REPORT_THREADS];
    uint64_t descriptors[MF_FD_KINDS];
    mf_buf text, json;
};

/* How much of the free space is not in its largest part, in percent. */
unsigned mf_report_fragmentation(size_t free, size_t largest);

/* The process's mappings by type, for receipts (mf_context_options.map). */
int mf_report_map(void *host, mayfly_context *own, mf_map *ret);

void mf_report_write_text(const mayfly_memory_report *r, mf_buf *out);
void mf_report_write_json(const mayfly_memory_report *r, mf_buf *out);

#endif
