/*
 * proxy/load/bulk.h: a job of loading many units, for the files that make it:
 * bulk_find.c (what there is to load), bulk_item.c (one of it), bulk.c (the
 * job: threads, what it tells).
 */
#ifndef MF_PROXY_BULK_H
#define MF_PROXY_BULK_H

#include "base/map.h"
#include "proxy/load/recipe.h"

#include <mayfly/bulk.h>

#include <pthread.h>

/* The include folders of what one of the paths names. */
typedef struct mf_bulk_root {
    struct mf_bulk_root *next;
    const char **dirs;
    size_t n_dirs;
    char *own; /* the one of them that is not the caller's */
} mf_bulk_root;

/* One unit to load. */
typedef struct mf_bulk_item {
    const mayfly_recipe *recipe; /* the caller's; NULL: a file of `paths` */
    const mf_bulk_root *root;    /* of such a file */
    int in_folder;               /* it was found there */
    int is_over;                 /* its result is known */
    struct mf_bulk_item *next;   /* of those that are over and not told yet */
    mayfly_bulk_result result;   /* its texts, unless empty, are its own */
    mayfly_diagnostic *findings; /* likewise */
    size_t findings_cap;
} mf_bulk_item;

struct mayfly_bulk {
    mayfly_host *host; /* a reference */
    mf_alloc *alloc;   /* the host's */
    mayfly_bulk_options
        options;              /* their lists are the caller's: during the job */
    mayfly_load_options load; /* likewise */
    mf_bulk_root *roots;
    mf_bulk_item *items; /* they stay where they are once all are found */
    size_t n, cap;
    mayfly_bulk_result *results; /* copies, when all are over */

    pthread_mutex_t lock; /* guards what follows while threads work */
    pthread_cond_t changed;
    size_t next_item; /* to be begun */
    int stop;
    unsigned working; /* threads beside the caller's */
    mf_bulk_item *over, **last_over;
    mayfly_bulk_info info;
};

/* --- bulk_find.c --- */

/* Lists all there is to load, and gives units their names; what is wrong with
 * one is its result. Errors: ENOMEM, ELIMIT. */
int mf_bulk_find(mayfly_bulk *b, mayfly_error *err);

/* --- bulk_item.c --- */

/* One that is being loaded. */
typedef struct mf_bulk_loading {
    mayfly_bulk *bulk;
    mf_bulk_item *item;
    mayfly_recipe asked;
    mayfly_load_options load;
    mayfly_source *handlers; /* the caller's and the unit's own; or NULL */
    char *handler_path, *handler_text;
    const mf_recipe *recipe; /* NULL: it is over */
} mf_bulk_loading;

enum { MF_BULK_BATCH = 32, MF_BULK_FUNCTIONS = 200 };

/* Those that one thread has read, and will compile together. Zeroed at first.
 */
typedef struct mf_bulk_batch {
    mf_bulk_loading loading[MF_BULK_BATCH];
    mf_recipe recipes[MF_BULK_BATCH];
    size_t n, n_recipes;
    size_t functions; /* that are going to be compiled */
} mf_bulk_batch;

/* Adds one to a batch that is not full, and reads it unless it is over. Any
 * thread.
 */
void mf_bulk_read(mayfly_bulk *b, mf_bulk_item *item, mf_bulk_batch *batch);
int mf_bulk_is_full(const mf_bulk_batch *batch);

/* Compiles all of a batch and loads each; all are over then. The batch is as it
 * was until `n` is set to 0. Any thread. */
void mf_bulk_finish(mayfly_bulk *b, mf_bulk_batch *batch);

/* Its result: 0, or an error, of which the text is kept. */
void mf_bulk_end(mayfly_bulk *b, mf_bulk_item *item, int code,
                 const mayfly_error *err);

/* Tells the caller's own callback what was found in it. */
void mf_bulk_tell_findings(const mayfly_bulk *b, const mf_bulk_item *item);

void mf_bulk_item_done(mayfly_bulk *b, mf_bulk_item *item);

#endif
