/*
 * compiler/schema/files.c: schema text from memory and from folders.
 *
 * An import name is looked up among the files in memory, then below each
 * include folder in order. What a schema may name is bounded here: no "..", no
 * leading slash, no empty part, so that the path stays below the folder.
 * Symbolic links inside of a folder are the folder owner's business and are
 * followed.
 */
#include "compiler/schema/files.h"

#include "compiler/schema/builtin.h"

#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

/* What `open` hands out and `close` takes back: the path, then the text. */
typedef struct opened {
    char *text;
    char path[];
} opened;

static bool part_is(const char *part, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(part, text, len) == 0;
}

/* Names that could leave the folder, or that have two spellings. */
static bool is_contained(const char *name)
{
    for (const char *at = name;;) {
        size_t n = strcspn(at, "/");
        if (n == 0 || part_is(at, n, ".") || part_is(at, n, ".."))
            return false;
        if (at[n] == '\0')
            return strchr(name, '\\') == NULL;
        at += n + 1;
    }
}

static bool join(const char *dir, const char *name, char *out, size_t size)
{
    int n = snprintf(out, size, "%s%s%s", dir,
                     dir[0] && dir[strlen(dir) - 1] != '/' ? "/" : "", name);
    return n >= 0 && (size_t)n < size;
}

static bool exists(const char *dir, const char *name)
{
    char path[PATH_BYTES_MAX];
    return join(dir, name, path, sizeof path) && access(path, F_OK) == 0;
}

static int open_in_folder(mf_files *files, const char *dir, const char *name,
                          mf_schema_text *ret, mayfly_error *err)
{
    char path[PATH_BYTES_MAX];
    if (!join(dir, name, path, sizeof path))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "%.200s...: the path is too long", name);
    const char *shown = strcmp(dir, ".") == 0 ? name : path;
    if (files->look)
        files->look(files->look_state, shown);
    size_t bytes = strlen(shown) + 1;
    opened *o = mf_alloc_new(files->alloc, sizeof *o + bytes);
    if (!o)
        return mf_error_nomem(err, "the text of a schema");
    size_t len;
    int code = mf_file_read(
        files->alloc, shown,
        files->file_bytes_max ? files->file_bytes_max : (size_t)16 << 20,
        &o->text, &len, err);
    if (code != 0) {
        mf_alloc_free(files->alloc, o);
        return code;
    }
    memcpy(o->path, shown, bytes);
    *ret = (mf_schema_text){o->text, len, o->path, o};
    return 0;
}

static int files_open(void *state, const char *name, mf_schema_text *ret,
                      mayfly_error *err)
{
    mf_files *files = state;
    for (size_t i = 0; i < files->n_memory; i++) {
        const mayfly_source *m = &files->memory[i];
        if (strcmp(m->name, name) != 0)
            continue;
        *ret = (mf_schema_text){m->text ? m->text : "", m->len, m->name, NULL};
        if (ret->len == 0)
            ret->len = strlen(ret->text);
        return 0;
    }
    if (!is_contained(name))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "\"%.300s\": a file's name is a path below an "
                            "include folder, without \".\" and \"..\"",
                            name);
    for (size_t i = 0; i < files->n_dirs; i++) {
        int code = open_in_folder(files, files->dirs[i], name, ret, err);
        if (code != MAYFLY_ENOTFOUND)
            return code;
    }
    return mf_error_set(err, MAYFLY_ENOTFOUND, "\"%.300s\": not found%s", name,
                        files->n_dirs ? " in the include folders" : "");
}

static void files_close(void *state, mf_schema_text *text)
{
    mf_files *files = state;
    opened *o = text->handle;
    if (!o)
        return;
    mf_alloc_free(files->alloc, o->text);
    mf_alloc_free(files->alloc, o);
}

/* Steps over "./" and repeated slashes. */
static const char *skip_here(const char *path)
{
    for (;;) {
        if (path[0] == '.' && path[1] == '/')
            path++;
        else if (path[0] != '/')
            return path;
        while (path[0] == '/')
            path++;
    }
}

/* The rest of `path` below `dir`, or NULL. */
static const char *below(const char *dir, const char *path)
{
    bool absolute = dir[0] == '/';
    if (absolute != (path[0] == '/'))
        return NULL;
    dir = skip_here(dir);
    path = skip_here(path);
    size_t n = strlen(dir);
    while (n > 0 && dir[n - 1] == '/')
        n--;
    if (n == 0 || (n == 1 && dir[0] == '.'))
        return path;
    if (strncmp(dir, path, n) != 0 || path[n] != '/')
        return NULL;
    return skip_here(path + n);
}

mf_schema_source mf_files_source(mf_files *files)
{
    return (mf_schema_source){files_open, files_close, files};
}

int mf_files_import_name(const mf_files *files, const char *path,
                         const char **ret_name, mayfly_error *err)
{
    const char *name = NULL;
    if (mf_builtin_is(path) && access(path, F_OK) != 0) {
        *ret_name = path;
        return 0;
    }
    if (files->n_dirs == 0) {
        const char *slash = strrchr(path, '/');
        name = slash ? slash + 1 : path;
    }
    size_t i = 0;
    for (; i < files->n_dirs && !name; i++)
        name = below(files->dirs[i], path);
    if (!name || !is_contained(name))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "%.500s: not a path below an include folder", path);
    for (size_t earlier = 0; earlier + 1 < i; earlier++) {
        if (exists(files->dirs[earlier], name))
            return mf_error_set(err, MAYFLY_EINVAL,
                                "%.300s: hidden by \"%.200s\" in the folder "
                                "%.300s, which comes first",
                                path, name, files->dirs[earlier]);
    }
    *ret_name = name;
    return 0;
}
