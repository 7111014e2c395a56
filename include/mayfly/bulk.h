/*
 * mayfly/bulk.h: many units loaded as one job, as when a host starts.
 *
 * A job is given files, folders, or recipes (cache.h). It reads and compiles all of
 * them, several in one run of the compiler where that is quicker, tells how far it
 * is, and goes on past what is wrong: a file with errors is a unit that is not
 * there, and a result that says why.
 *
 *     const char *folder = "schemas";
 *     mayfly_bulk *bulk;
 *     mayfly_bulk_load(host, MAYFLY_BULK_OPTIONS(.paths = &folder, .n_paths = 1,
 *                                                .progress = show),
 *                      &bulk, &err);
 *     size_t n;
 *     const mayfly_bulk_result *results = mayfly_bulk_results(bulk, &n);
 *     ...
 *     mayfly_bulk_free(bulk);
 *
 * Names. A schema file's unit is called as its import name without ".proto":
 * "a/b.proto" is the unit "a/b", to be found by mayfly_unit_find. The import name is
 * the path below the include folder that holds the file; without include folders,
 * the path below the folder that was given, or the name of a file that was given by
 * itself. A unit that the cache has already gets a further version, as by
 * mayfly_unit_load.
 *
 * Threads: any that may wait. Callbacks are called on the thread that began the
 * job, in the order in which the units come to an end.
 */
#ifndef MAYFLY_BULK_H
#define MAYFLY_BULK_H

#include <mayfly/cache.h>
#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/host.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

/* What became of a job. */
typedef struct mayfly_bulk mayfly_bulk;

typedef struct mayfly_bulk_item {
    const char *unit; /* its name; NULL: made of the schema's import name */
    const mayfly_recipe *recipe;
} mayfly_bulk_item;

/* What became of one unit, or of a path that could not be looked into. The texts
 * are the job's (mayfly_bulk_free). */
typedef struct mayfly_bulk_result {
    const char *unit;    /* "": it did not come to a name */
    const char *path;    /* of the schema file; "": it was in memory */
    int code;            /* 0: it is loaded */
    int is_left_out;     /* for it has no service */
    const char *message; /* of the error; "" */
    int line, column;    /* of the error; 0: it has no place */
    const mayfly_diagnostic *findings; /* all errors and warnings, in order */
    size_t n_findings;
    uint64_t version;
    uint64_t took_us; /* of what was done for it alone, and its share of what was
                         done for several */
} mayfly_bulk_result;

typedef struct mayfly_bulk_progress {
    size_t done, total; /* `total` is known from the first call on */
    size_t failed;      /* of those done */
    const mayfly_bulk_result *result; /* of the one that is done now; its texts are
                                         good during the callback */
} mayfly_bulk_progress;

/* Not 0: the job is cancelled. What is under way is brought to an end, what is
 * loaded stays. May call mayfly. */
typedef int (*mayfly_bulk_fn)(void *state,
                              const mayfly_bulk_progress *progress);

typedef struct mayfly_bulk_options {
    size_t size; /* set by MAYFLY_BULK_OPTIONS */
    const mayfly_bulk_item *items;
    size_t n_items;
    /* .proto files, and folders, in which all files called *.proto are looked for, at
     * any depth. Passed over are names that begin with a point; a folder that is
     * met again, as by a symbolic link, is not looked into twice. */
    const char *const *paths;
    size_t n_paths;
    /* For `paths`; NULL: none. Folders are include folders for what is in them, after
     * those that are given here. Each finding goes to `diagnostic`, when its unit is
     * done; so it does for `items` by their own options. */
    const mayfly_load_options *load;
    int lazy; /* `paths` are read and checked now, compiled with their first use */
    int handlers;      /* where there is an "a/b.c" beside "a/b.proto" of `paths`, it
                          is C source of that unit */
    int only_services; /* files in folders that have no service are checked and
                          left out */
    unsigned threads;  /* that work on it, the caller's included; made for the job. One
                          at a time can compile. 0: 1; at the most 64 */
    mayfly_bulk_fn progress; /* after each unit; NULL: none */
    void *progress_state;
} mayfly_bulk_options;

#define MAYFLY_BULK_OPTIONS(...) \
    (&(mayfly_bulk_options){ .size = sizeof(mayfly_bulk_options), __VA_ARGS__ })

typedef struct mayfly_bulk_info {
    size_t size;      /* set by the caller */
    size_t loaded;    /* units; with `lazy` those that were read */
    size_t failed;
    size_t left_out;  /* files without a service */
    int is_cancelled; /* by `progress`, or because the host is being freed; what was
                         not begun has failed with ECANCELLED */
    unsigned threads; /* that worked on it */
    uint64_t took_us; /* in all */
} mayfly_bulk_info;

/*
 * Does the job, and returns when it is done or cancelled. That a unit could not be
 * loaded is no error of the job: the results tell. Two of a job's files with the
 * same unit are an error of the second one.
 *
 * Errors: EINVAL, ELIMIT (more than 1,000,000 files), ENOMEM (for the list; nothing
 * was begun), EONLOOP, EFORKED, ECANCELLED (the host is being freed). Results have
 * those of mayfly_unit_load, EEXIST (the unit is another file's), ENOTFOUND and EIO
 * (a path). Free `ret_bulk` with mayfly_bulk_free.
 */
MAYFLY_API int mayfly_bulk_load(mayfly_host *host,
                                const mayfly_bulk_options *options,
                                mayfly_bulk **ret_bulk, mayfly_error *err);

/* All of them: `items` in their order, then `paths`, folders in the order of their
 * files' names. Owned by the job. */
MAYFLY_API const mayfly_bulk_result *
mayfly_bulk_results(const mayfly_bulk *bulk, size_t *ret_n);

MAYFLY_API void mayfly_bulk_get_info(const mayfly_bulk *bulk,
                                     mayfly_bulk_info *ret_info);

/* The units stay. NULL is allowed. */
MAYFLY_API void mayfly_bulk_free(mayfly_bulk *bulk);

MAYFLY_END

#endif
