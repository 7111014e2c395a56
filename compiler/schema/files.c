/*
 * compiler/schema/files.c: schema text from memory and from folders.
 *
 * An import name is looked up among the files in memory, then below each
 * include folder in order. What a schema may name is bounded here: no "..", no
 * leading slash, no empty part, so that the path stays below the folder.
 * Symbolic links inside of a folder are the folder owner's business and are
 * followed.
 *
 * Only regular files are read, whole and once, with the descriptor closed
 * before the call returns.
 */
#include "compiler/schema/files.h"

#include "compiler/schema/builtin.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

static int io_error(mayfly_error *err, const char *path, int number)
{
    return mf_error_set(err, MAYFLY_EIO, "%s: %s", path, strerror(number));
}

static int read_all(int fd, char *text, size_t size, size_t *ret_len)
{
    size_t n = 0;
    while (n < size) {
        ssize_t k = read(fd, text + n, size - n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return errno;
        if (k == 0)
            break;
        n += (size_t)k;
    }
    *ret_len = n;
    return 0;
}

/* The whole file, zero-terminated, at most `max` bytes of text. */
static int read_file(mf_files *files, int fd, const char *path,
                     mf_schema_text *ret, mayfly_error *err)
{
    struct stat st;
    size_t max =
        files->file_bytes_max ? files->file_bytes_max : (size_t)16 << 20;
    if (fstat(fd, &st) != 0)
        return io_error(err, path, errno);
    if (!S_ISREG(st.st_mode))
        return mf_error_set(err, MAYFLY_EIO, "%s: not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return mf_error_set(err, MAYFLY_ELIMIT, "%s: longer than %zu bytes",
                            path, max);
    size_t size = (size_t)st.st_size;
    opened *o = mf_alloc_new(files->alloc, sizeof *o + strlen(path) + 1);
    char *text = mf_alloc_new(files->alloc, size + 1);
    int number = o && text ? read_all(fd, text, size, &size) : 0;
    if (!o || !text || number) {
        mf_alloc_free(files->alloc, o);
        mf_alloc_free(files->alloc, text);
        return number ? io_error(err, path, number)
                      : mf_error_nomem(err, "the text of a schema");
    }
    text[size] = '\0';
    o->text = text;
    memcpy(o->path, path, strlen(path) + 1);
    *ret = (mf_schema_text){text, size, o->path, o};
    return 0;
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
    int fd = open(shown, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return MAYFLY_ENOTFOUND;
    if (fd < 0)
        return io_error(err, shown, errno);
    int code = read_file(files, fd, shown, ret, err);
    close(fd);
    return code;
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
