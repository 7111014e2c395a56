/* tests/support/tree.h: a temporary folder with files and links in it. */
#ifndef TESTS_SUPPORT_TREE_H
#define TESTS_SUPPORT_TREE_H

enum { TREE_PATH = 512 };

typedef struct tree {
    char top[TREE_PATH / 2];
} tree;

/* Each of these ends the program where the system does not do it. */
void tree_make(tree *t);
void tree_remove(const tree *t); /* with all that is in it */

/* The path of what is called `name` below the top; static, for the next four.
 */
const char *tree_path(const tree *t, const char *name);

/* A file with this text; folders are made as needed. */
void tree_put(const tree *t, const char *name, const char *text);

/* A folder, and a symbolic link. */
void tree_folder(const tree *t, const char *name);
void tree_link(const tree *t, const char *name, const char *target);

#endif
