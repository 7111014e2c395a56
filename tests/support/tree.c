#include "tests/support/tree.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int good, const char *what, const char *path)
{
    if (good)
        return;
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

void tree_make(tree *t)
{
    const char *top = getenv("TMPDIR");
    snprintf(t->top, sizeof t->top, "%s/tree.XXXXXX", top ? top : "/tmp");
    must(mkdtemp(t->top) != NULL, "making", t->top);
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

void tree_remove(const tree *t)
{
    must(nftw(t->top, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "removing",
         t->top);
}

const char *tree_path(const tree *t, const char *name)
{
    static char paths[4][TREE_PATH];
    static int at;
    char *path = paths[at++ % 4];
    snprintf(path, TREE_PATH, "%s%s%s", t->top, name[0] ? "/" : "", name);
    return path;
}

/* The folders that `path` is in. */
static void make_parents(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        must(mkdir(path, 0755) == 0 || errno == EEXIST, "making", path);
        *slash = '/';
    }
}

void tree_put(const tree *t, const char *name, const char *text)
{
    char path[TREE_PATH];
    snprintf(path, sizeof path, "%s", tree_path(t, name));
    make_parents(path);
    FILE *f = fopen(path, "wb");
    must(f != NULL && fputs(text, f) >= 0, "writing", path);
    must(f && fclose(f) == 0, "writing", path);
}

void tree_folder(const tree *t, const char *name)
{
    char path[TREE_PATH];
    snprintf(path, sizeof path, "%s/", tree_path(t, name));
    make_parents(path);
}

void tree_link(const tree *t, const char *name, const char *target)
{
    const char *path = tree_path(t, name);
    must(symlink(target, path) == 0, "linking", path);
}
