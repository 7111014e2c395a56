/*
 * proxy/load/bulk_find.c: what there is to load.
 *
 * Files and folders become a list before anything is loaded, so that its length
 * can be told from the first moment on, and its order does not depend on the
 * order of a folder's entries. A folder is read and closed before those in it
 * are, so no more than one is open; it is known by its number on its device,
 * and looked into once, whichever links lead there.
 *
 * What cannot be found, or gets no name, is in the list too, with its error as
 * its result.
 *
 * Threads: the caller's alone.
 */
#include "proxy/load/bulk.h"

#include "base/error.h"
#include "compiler/gen/sort.h"
#include "compiler/schema/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FIRST_ITEMS = 64, ITEMS_MAX = 1000000, DEPTH_MAX = 64 };

static const char suffix[] = ".proto";

typedef struct finding {
    mayfly_bulk *bulk;
    mf_map *seen;  /* folders, by device and number */
    mf_map *units; /* names, to the number of the item and one */
    const mf_bulk_root *root;
    mayfly_error *err;
} finding;

static int nomem(const finding *f)
{
    return mf_error_nomem(f->err, "the list of units");
}

/* --- the list --- */

/* A copy that a result keeps; NULL: no memory. */
static const char *text(const finding *f, const char *from, size_t n)
{
    return n ? mf_alloc_strndup(f->bulk->alloc, from, n) : "";
}

static mf_bulk_item *new_item(finding *f, const char *path)
{
    mayfly_bulk *b = f->bulk;
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : FIRST_ITEMS;
        mf_bulk_item *more =
            mf_alloc_resize(b->alloc, b->items, cap * sizeof *more);
        if (!more)
            return NULL;
        b->items = more;
        b->cap = cap;
    }
    const char *kept = text(f, path ? path : "", path ? strlen(path) : 0);
    if (!kept)
        return NULL;
    mf_bulk_item *item = &b->items[b->n++];
    *item = (mf_bulk_item){.root = f->root,
                           .result = {.unit = "", .path = kept, .message = ""}};
    return item;
}

/* An error that ends an item before it is begun. */
static int fail(const finding *f, mf_bulk_item *item, const mayfly_error *err)
{
    mf_bulk_end(f->bulk, item, err->code, err);
    return 0;
}

/* "a/b" of "a/b.proto". */
static size_t unit_len(const char *import_name)
{
    size_t n = strlen(import_name), tail = sizeof suffix - 1;
    return n > tail && strcmp(import_name + n - tail, suffix) == 0 ? n - tail
                                                                   : n;
}

/* The import name of an item's schema; NULL: an error, or it has none. */
static const char *import_name(const mf_bulk_item *item, mayfly_error *err)
{
    const char *name = NULL;
    const mayfly_load_options *load = item->recipe ? item->recipe->load : NULL;
    mf_files files = {0};
    if (item->recipe && item->recipe->schema)
        return item->recipe->schema->name;
    if (item->root) {
        files.dirs = item->root->dirs;
        files.n_dirs = item->root->n_dirs;
    } else if (load) {
        files.dirs = load->include_dirs;
        files.n_dirs = load->n_include_dirs;
    }
    const char *path = item->result.path;
    if (path[0] && mf_files_import_name(&files, path, &name, err) != 0)
        return NULL;
    return name;
}

static const char *shown(const mf_bulk_item *item)
{
    return item->result.path[0] ? item->result.path : "a schema in memory";
}

/* Names the item's unit and notes that the name is taken. */
static int name_item(finding *f, size_t number, const char *given)
{
    mayfly_bulk *b = f->bulk;
    mf_bulk_item *item = &b->items[number];
    mayfly_error err = MAYFLY_ERROR_INIT;
    const char *name = given ? given : import_name(item, &err);
    if (!name) {
        if (err.code == 0)
            mf_error_set(&err, MAYFLY_EINVAL,
                         "a unit without a schema needs a name");
        return fail(f, item, &err);
    }
    const char *unit = text(f, name, given ? strlen(given) : unit_len(name));
    if (!unit)
        return nomem(f);
    item->result.unit = unit;
    size_t other = (size_t)(uintptr_t)mf_map_get_str(f->units, unit);
    if (other) {
        mf_error_set(&err, MAYFLY_EEXIST,
                     "%.300s: \"%.200s\" is the unit of %.300s", shown(item),
                     unit, shown(&b->items[other - 1]));
        return fail(f, item, &err);
    }
    if (mf_map_put_str(f->units, unit, (void *)(uintptr_t)(number + 1)) != 0)
        return nomem(f);
    return 0;
}

static int add_file(finding *f, const char *path, int in_folder)
{
    if (f->bulk->n >= ITEMS_MAX)
        return mf_error_set(f->err, MAYFLY_ELIMIT, "more than %d files",
                            ITEMS_MAX);
    mf_bulk_item *item = new_item(f, path);
    if (!item)
        return nomem(f);
    item->in_folder = in_folder;
    return name_item(f, f->bulk->n - 1, NULL);
}

/* A path that nothing comes of. */
static int add_failure(finding *f, const char *path, int code,
                       const char *reason)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_bulk_item *item = new_item(f, path);
    mf_error_set(&err, code, "%.500s: %s", path, reason);
    return item ? fail(f, item, &err) : nomem(f);
}

/* --- folders --- */

typedef struct names {
    char **items;
    size_t n, cap;
} names;

static int add_name(mf_alloc *alloc, names *list, const char *name)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : FIRST_ITEMS;
        char **more = mf_alloc_resize(alloc, list->items, cap * sizeof *more);
        if (!more)
            return MAYFLY_ENOMEM;
        list->items = more;
        list->cap = cap;
    }
    char *copy = mf_alloc_strdup(alloc, name);
    if (!copy)
        return MAYFLY_ENOMEM;
    list->items[list->n++] = copy;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is in a folder, sorted. 0, an errno, or -1: no memory. */
static int list_folder(mf_alloc *alloc, const char *path, names *ret)
{
    int code = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOMEM ? -1 : errno;
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) {
            code = errno;
            break;
        }
        if (e->d_name[0] != '.' && add_name(alloc, ret, e->d_name) != 0) {
            code = -1;
            break;
        }
    }
    closedir(dir);
    mf_sort(ret->items, ret->n, sizeof *ret->items, compare);
    return code;
}

static char *join(mf_alloc *alloc, const char *folder, const char *name)
{
    if (strcmp(folder, ".") == 0)
        return mf_alloc_strdup(alloc, name);
    size_t n = strlen(folder);
    int slash = n > 0 && folder[n - 1] != '/';
    size_t size = n + strlen(name) + 2;
    char *path = mf_alloc_new(alloc, size);
    if (path)
        snprintf(path, size, "%s%s%s", folder, slash ? "/" : "", name);
    return path;
}

static int is_proto(const char *name)
{
    return unit_len(name) != strlen(name);
}

/* 1: it is the first time that this folder is met; 0; or -1: no memory. */
static int is_new(finding *f, const struct stat *st)
{
    const uint64_t key[2] = {(uint64_t)st->st_dev, (uint64_t)st->st_ino};
    if (mf_map_get(f->seen, key, sizeof key))
        return 0;
    return mf_map_put(f->seen, key, sizeof key, f) == 0 ? 1 : -1;
}

static int look_into(finding *f, const char *path, unsigned depth);

/* One entry of a folder: a folder, a schema, or nothing of ours. */
static int look_at(finding *f, const char *path, const char *name,
                   unsigned depth)
{
    struct stat st;
    int is_there = stat(path, &st) == 0; /* by a link, too */
    if (is_there && S_ISDIR(st.st_mode)) {
        int first = is_new(f, &st);
        if (first < 0)
            return nomem(f);
        return first ? look_into(f, path, depth + 1) : 0;
    }
    return is_proto(name) ? add_file(f, path, 1) : 0;
}

static int look_into(finding *f, const char *path, unsigned depth)
{
    mf_alloc *alloc = f->bulk->alloc;
    names list = {0};
    if (depth > DEPTH_MAX)
        return add_failure(f, path, MAYFLY_ELIMIT,
                           "folders are nested too deeply");
    int code = list_folder(alloc, path, &list);
    if (code > 0)
        code = add_failure(f, path, MAYFLY_EIO, strerror(code));
    else if (code < 0)
        code = nomem(f);
    for (size_t i = 0; code == 0 && i < list.n; i++) {
        char *at = join(alloc, path, list.items[i]);
        code = at ? look_at(f, at, list.items[i], depth) : nomem(f);
        mf_alloc_free(alloc, at);
    }
    for (size_t i = 0; i < list.n; i++)
        mf_alloc_free(alloc, list.items[i]);
    mf_alloc_free(alloc, list.items);
    return code;
}

/* --- what was asked for --- */

/* The caller's include folders and, for a folder, that one. */
static int new_root(finding *f, const char *folder)
{
    mayfly_bulk *b = f->bulk;
    size_t given = b->load.n_include_dirs;
    mf_bulk_root *root = mf_alloc_zero(b->alloc, sizeof *root);
    if (!root)
        return nomem(f);
    root->next = b->roots;
    b->roots = root;
    root->dirs = mf_alloc_zero(b->alloc, (given + 1) * sizeof *root->dirs);
    root->own = folder ? mf_alloc_strdup(b->alloc, folder) : NULL;
    if (!root->dirs || (folder && !root->own))
        return nomem(f);
    for (size_t i = 0; i < given; i++)
        root->dirs[root->n_dirs++] = b->load.include_dirs[i];
    if (folder)
        root->dirs[root->n_dirs++] = root->own;
    f->root = root;
    return 0;
}

static int find_path(finding *f, const char *path)
{
    struct stat st;
    if (!path)
        return mf_error_set(f->err, MAYFLY_EINVAL, "a path is missing");
    int is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    int code = new_root(f, is_folder ? path : NULL);
    if (code != 0 || !is_folder)
        return code ? code : add_file(f, path, 0);
    int first = is_new(f, &st);
    if (first < 0)
        return nomem(f);
    return first ? look_into(f, path, 1) : 0;
}

static int find_item(finding *f, const mayfly_bulk_item *given)
{
    if (!given->recipe)
        return mf_error_set(f->err, MAYFLY_EINVAL, "a recipe is missing");
    mf_bulk_item *item = new_item(f, given->recipe->path);
    if (!item)
        return nomem(f);
    item->recipe = given->recipe;
    return name_item(f, f->bulk->n - 1, given->unit);
}

static int find_all(finding *f)
{
    const mayfly_bulk_options *o = &f->bulk->options;
    int code = 0;
    for (size_t i = 0; code == 0 && i < o->n_items; i++)
        code = find_item(f, &o->items[i]);
    for (size_t i = 0; code == 0 && i < o->n_paths; i++)
        code = find_path(f, o->paths[i]);
    return code;
}

int mf_bulk_find(mayfly_bulk *b, mayfly_error *err)
{
    finding f = {.bulk = b, .err = err};
    f.seen = mf_map_new(b->alloc);
    f.units = mf_map_new(b->alloc);
    int code = f.seen && f.units ? find_all(&f) : nomem(&f);
    mf_map_free(f.seen);
    mf_map_free(f.units);
    if (code != 0)
        return code;
    b->results = mf_alloc_zero(b->alloc, (b->n + 1) * sizeof *b->results);
    return b->results ? 0 : nomem(&f);
}
