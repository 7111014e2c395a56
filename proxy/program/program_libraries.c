/*
 * proxy/program/program_libraries.c: shared objects that source is linked with.
 *
 * Those that are named are opened before it is compiled. Folders are only
 * listed then; a file of them is opened when it turns out to define a name that
 * is missing, which its table of symbols tells: opening a library runs its
 * code, and a folder may hold any number that nobody needs.
 *
 * Who owns what: an open library is a record of the program's, which is closed
 * after the unit has gone. A list of files lives as long as the load.
 *
 * Threads: a load is one thread's. Files are looked at and opened while the
 * compiler is at work.
 */
#include "proxy/program/program.h"

#include "base/elf.h"
#include "base/error.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 512, VERSIONS = 30, FIRST_FILES = 16 };

/* More of one library than this is none that somebody wrote for a folder. */
enum { TABLE_BYTES_MAX = 64 << 20 };

/* --- libraries by name --- */

/* "m" is libm.so, or, where only a linker knows that name, libm.so.6. */
static void *open_library(const char *name)
{
    char path[PATH_BYTES];
    if (strchr(name, '/') || strstr(name, ".so"))
        return dlopen(name, RTLD_NOW | RTLD_LOCAL);
    for (int version = -1; version < VERSIONS; version++) {
        int n = version < 0
                    ? snprintf(path, sizeof path, "lib%s.so", name)
                    : snprintf(path, sizeof path, "lib%s.so.%d", name, version);
        if (n < 0 || (size_t)n >= sizeof path)
            return NULL;
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle)
            return handle;
    }
    return NULL;
}

/* Takes the handle. 0 or ENOMEM. */
static int keep(mf_program *p, void *handle, const char *name)
{
    mf_registered what = {.owned.kind = MF_OWNED_LIBRARY, .as.library = handle};
    if (mf_program_register(p, &what, name) == 0)
        return 0;
    dlclose(handle);
    return MAYFLY_ENOMEM;
}

int mf_program_add_library(mf_program *p, const char *name, mayfly_error *err)
{
    void *handle = open_library(name);
    if (!handle)
        return mf_error_set(err, MAYFLY_ENOTFOUND, "no library \"%s\"", name);
    if (keep(p, handle, name) == 0)
        return 0;
    return mf_error_nomem(err, "a library");
}

/* The first in the order of the command line, which is the oldest. */
const void *mf_program_find_in_libraries(const mf_program *p, const char *name)
{
    const void *found = NULL;
    for (const mf_registered *r = p->registered; r; r = r->next) {
        if (r->owned.kind != MF_OWNED_LIBRARY)
            continue;
        const void *address = dlsym(r->as.library, name);
        if (address)
            found = address;
    }
    return found;
}

void mf_program_close_libraries(mf_program *p)
{
    for (;;) {
        pthread_mutex_lock(&p->lock);
        mf_registered *r = mf_program_newest(p, MF_OWNED_LIBRARY);
        void *handle = r ? r->as.library : NULL;
        if (r)
            mf_program_unregister(p, r);
        pthread_mutex_unlock(&p->lock);
        if (!handle)
            return;
        dlclose(handle);
    }
}

/* --- listing folders --- */

/* "libx.so", "x.so.1". */
static int is_library(const char *name)
{
    size_t n = strlen(name);
    return (n > 3 && strcmp(name + n - 3, ".so") == 0) ||
           strstr(name, ".so.") != NULL;
}

static int add_file(mf_folders *f, const char *folder, const char *name)
{
    if (f->n == f->room) {
        size_t room = f->room ? f->room * 2 : FIRST_FILES;
        char **paths =
            mf_alloc_resize(f->alloc, f->paths, room * sizeof *paths);
        if (!paths)
            return MAYFLY_ENOMEM;
        f->paths = paths;
        f->room = room;
    }
    size_t n = strlen(folder) + strlen(name) + 2;
    char *path = mf_alloc_new(f->alloc, n);
    if (!path)
        return MAYFLY_ENOMEM;
    snprintf(path, n, "%s/%s", folder, name);
    f->paths[f->n++] = path;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(mf_folders *f, const char *folder, mayfly_error *err)
{
    size_t first = f->n;
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOMEM)
        return mf_error_nomem(err, "a folder of libraries");
    if (!dir)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "no folder of libraries \"%s\": %s", folder,
                            strerror(errno));
    int code = 0;
    const struct dirent *e;
    while (code == 0 && (e = readdir(dir)) != NULL)
        if (is_library(e->d_name))
            code = add_file(f, folder, e->d_name);
    closedir(dir);
    if (code != 0)
        return mf_error_nomem(err, "a folder of libraries");
    if (f->n > first)
        qsort(f->paths + first, f->n - first, sizeof *f->paths, compare);
    return 0;
}

int mf_folders_init(mf_folders *f, mf_alloc *alloc, const char *const *folders,
                    size_t n, mayfly_error *err)
{
    int code = 0;
    *f = (mf_folders){.alloc = alloc};
    for (size_t i = 0; i < n && code == 0; i++)
        code = list(f, folders[i], err);
    return code;
}

void mf_folders_done(mf_folders *f)
{
    for (size_t i = 0; i < f->n; i++)
        mf_alloc_free(f->alloc, f->paths[i]);
    mf_alloc_free(f->alloc, f->paths);
}

/* --- looking into files --- */

static int defines(const ElfW(Sym) * s)
{
    int bind = ELF64_ST_BIND(s->st_info), type = ELF64_ST_TYPE(s->st_info);
    return s->st_shndx != SHN_UNDEF && bind != STB_LOCAL && type != STT_TLS;
}

/* 1 when the table defines the name, 0, or ENOMEM. */
static int table_has(mf_alloc *alloc, int fd, const mf_elf_table *t,
                     const char *name)
{
    uint64_t text = t->strings_end - t->strings;
    if (t->strings_end <= t->strings || text > TABLE_BYTES_MAX ||
        t->n > TABLE_BYTES_MAX / sizeof(ElfW(Sym)))
        return 0;
    size_t bytes = (size_t)t->n * sizeof(ElfW(Sym));
    ElfW(Sym) *symbols = mf_alloc_new(alloc, bytes + (size_t)text + 1);
    if (!symbols)
        return MAYFLY_ENOMEM;
    char *strings = (char *)(symbols + t->n);
    int found = 0;
    strings[text] = '\0';
    if (mf_elf_read(fd, t->at, symbols, bytes) &&
        mf_elf_read(fd, t->strings, strings, (size_t)text))
        for (uint64_t i = 0; i < t->n && !found; i++)
            found = symbols[i].st_name < text && defines(&symbols[i]) &&
                    strcmp(strings + symbols[i].st_name, name) == 0;
    mf_alloc_free(alloc, symbols);
    return found;
}

static int file_has(mf_alloc *alloc, const char *path, const char *name)
{
    mf_elf_table t;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0;
    int found =
        mf_elf_find_table(fd, 1, &t) ? table_has(alloc, fd, &t, name) : 0;
    close(fd);
    return found;
}

const void *mf_folders_find(mf_folders *f, mf_program *p, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        int has = file_has(f->alloc, f->paths[i], name);
        if (has < 0)
            f->failed = has;
        if (has <= 0)
            continue;
        void *handle = dlopen(f->paths[i], RTLD_NOW | RTLD_LOCAL);
        const void *address = handle ? dlsym(handle, name) : NULL;
        if (!handle) {
            const char *why = dlerror();
            snprintf(f->trouble, sizeof f->trouble, "%s",
                     why ? why : f->paths[i]);
        } else if (!address) {
            dlclose(handle);
        } else if (keep(p, handle, f->paths[i]) == 0) {
            return address;
        } else {
            f->failed = MAYFLY_ENOMEM;
        }
    }
    return NULL;
}
